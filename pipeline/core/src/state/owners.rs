//! Owners: accounts, WABAs, senders, templates and campaigns, put in place, and which lots a change of one wakes.

use super::days::Day;
use super::{LimitReached, State};
use crate::change::Change;
use crate::ids::{AccountIx, CampaignIx, MAX_OWNERS};
use crate::lots::Resource;
use crate::record::{Account, Campaign, CampaignState, Sender, SenderLive, Template, Waba};
use std::sync::Arc;
use tollgate_quality::RollingCount;
use tollgate_wire::snapshot::CampaignCounts;

impl State {
    pub(super) fn put_campaign(&mut self, mut new: Campaign) -> Option<Change> {
        let known = new.ix.at() < self.campaigns.len();
        while self.campaigns.len() <= new.ix.at() {
            let ix = CampaignIx(self.campaigns.len() as u32);
            self.campaigns.push(Arc::new(Campaign { ix, account: new.account, ..blank_campaign() }));
        }
        self.campaign_by_name.insert((new.account, new.spec.name.as_str().into()), new.ix);
        self.touched.insert(new.account);
        let slot = &mut self.campaigns[new.ix.at()];
        // Counts and reservations belong to `apply` of messages, whatever the change carries.
        new.counts = slot.counts;
        new.reserved = slot.reserved;
        let ix = new.ix;
        let old = std::mem::replace(slot, Arc::new(new));
        self.lots.wake(Resource::Campaign(ix));
        self.lots.wake(Resource::Budget(ix));
        self.lots.wake(Resource::CampaignRate(ix));
        self.lots.wake(Resource::CampaignTest(ix, old.test_round));
        known.then(|| Change::Campaign(Box::new((*old).clone())))
    }

    /// Takes a new campaign back, and those after it.
    pub(crate) fn drop_campaign(&mut self, ix: CampaignIx) {
        for gone in self.campaigns.drain(ix.at().min(self.campaigns.len())..) {
            self.campaign_by_name.remove(&(gone.account, gone.spec.name.as_str().into()));
        }
    }

    /// Counts and reservation of a campaign as stored; used when loading, before messages are.
    pub(crate) fn set_counts(&mut self, ix: CampaignIx, counts: CampaignCounts) {
        Arc::make_mut(&mut self.campaigns[ix.at()]).counts = counts;
    }

    pub(super) fn put_account(&mut self, new: Account) -> Option<Change> {
        let ix = new.ix;
        self.touched.insert(ix);
        self.account_by_id.insert(new.spec.account.as_str().into(), ix);
        if ix.at() == self.accounts.len() {
            self.accounts.push(Arc::new(new));
            self.account_quota.push(RollingCount::default());
            return None;
        }
        let old = std::mem::replace(&mut self.accounts[ix.at()], Arc::new(new));
        self.lots.wake_account(Some(ix));
        Some(Change::Account(Box::new((*old).clone())))
    }

    pub(super) fn put_waba(&mut self, new: Waba) -> Option<Change> {
        let ix = new.ix;
        self.waba_by_id.insert(new.id.as_str().into(), ix);
        if ix.at() == self.wabas.len() {
            self.days.push(Day::default());
            self.wabas.push(Arc::new(new));
            return None;
        }
        let old = std::mem::replace(&mut self.wabas[ix.at()], Arc::new(new));
        for country in old.barred.iter().filter(|c| !self.wabas[ix.at()].barred.contains(c)) {
            self.lots.wake(Resource::Barred(ix, *country));
        }
        Some(Change::Waba(Box::new((*old).clone())))
    }

    pub(super) fn put_sender(&mut self, new: Sender) -> Option<Change> {
        let ix = new.ix;
        self.touched.insert(new.account);
        self.sender_by_id.insert(new.spec.id.as_str().into(), ix);
        if ix.at() == self.senders.len() {
            self.senders.push(Arc::new(new));
            self.sender_live.push(SenderLive::default());
            self.sender_quota.push(RollingCount::default());
            self.in_flight.push(0);
            return None;
        }
        let account = new.account;
        let old = std::mem::replace(&mut self.senders[ix.at()], Arc::new(new));
        self.lots.wake_account(Some(account));
        Some(Change::Sender(Box::new((*old).clone())))
    }

    pub(super) fn put_template(&mut self, new: Template) -> Option<Change> {
        let ix = new.ix;
        let languages = self.template_by_name.entry((new.waba, new.spec.name.as_str().into())).or_default();
        if !languages.iter().any(|(_, t)| *t == ix) {
            languages.push((new.spec.language.as_str().into(), ix));
        }
        self.lots.wake_templates(self.wabas[new.waba.at()].account);
        if ix.at() == self.templates.len() {
            self.templates.push(Arc::new(new));
            return None;
        }
        let account = self.wabas[new.waba.at()].account;
        let old = std::mem::replace(&mut self.templates[ix.at()], Arc::new(new));
        // Pacing, ceiling and price follow the category: whatever lots wait for may hold no longer.
        if old.spec.category != self.templates[ix.at()].spec.category {
            self.lots.wake_account(Some(account));
        }
        Some(Change::Template(Box::new((*old).clone())))
    }

    /// A free number for a new owner.
    pub(crate) fn owner_slot(len: usize, what: &'static str) -> Result<u16, LimitReached> {
        u16::try_from(len).ok().filter(|n| *n < MAX_OWNERS).ok_or(LimitReached(what))
    }
}

fn blank_campaign() -> Campaign {
    Campaign {
        ix: CampaignIx::NONE,
        account: AccountIx(0),
        spec: tollgate_wire::command::CampaignSpec::named(""),
        zone: None,
        state: CampaignState::Running,
        spent: rust_decimal::Decimal::ZERO,
        reserved: rust_decimal::Decimal::ZERO,
        counts: CampaignCounts::default(),
        bucket: tollgate_quality::Bucket::FULL,
        in_test: false,
        test_round: 0,
    }
}
