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
        if self.campaigns.is_empty() {
            self.campaigns.push(Arc::new(blank_campaign()));
        }
        if !known {
            // Places between are of campaigns that were forgotten.
            let blank = Arc::clone(&self.campaigns[0]);
            self.campaigns.resize(new.ix.at() + 1, blank);
        }
        self.campaign_by_name.insert((new.account, new.spec.name.as_str().into()), new.ix);
        self.campaigns_of.entry(new.account).or_default().insert(new.ix);
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
        for at in ix.at()..self.campaigns.len() {
            self.forget_campaign(CampaignIx(at as u32));
        }
        self.campaigns.truncate(ix.at());
    }

    /// Empties the place of a campaign. Returns it as it was.
    pub(crate) fn forget_campaign(&mut self, ix: CampaignIx) -> Arc<Campaign> {
        let blank = Arc::clone(&self.campaigns[0]);
        let gone = std::mem::replace(&mut self.campaigns[ix.at()], blank);
        self.campaign_by_name.remove(&(gone.account, gone.spec.name.as_str().into()));
        if let Some(of_account) = self.campaigns_of.get_mut(&gone.account) {
            of_account.remove(&ix);
        }
        self.touched.insert(gone.account);
        gone
    }

    /// Takes the forgetting of a campaign back.
    pub(crate) fn remember_campaign(&mut self, campaign: Arc<Campaign>) {
        self.campaign_by_name.insert((campaign.account, campaign.spec.name.as_str().into()), campaign.ix);
        self.campaigns_of.entry(campaign.account).or_default().insert(campaign.ix);
        let at = campaign.ix.at();
        self.campaigns[at] = campaign;
    }

    /// Notes the day of a message or command about a campaign. Returns the day before, where it was another.
    pub(crate) fn said_of_campaign(&mut self, ix: CampaignIx, day: u32) -> Option<u32> {
        let campaign = self.campaigns.get_mut(ix.at()).filter(|c| !c.is_gone() && c.said_day != day)?;
        Some(std::mem::replace(&mut Arc::make_mut(campaign).said_day, day))
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
        self.lots.wake_account(ix);
        Some(Change::Account(Box::new((*old).clone())))
    }

    pub(super) fn put_waba(&mut self, new: Waba) -> Option<Change> {
        let ix = new.ix;
        let records = self.wabas_by_id.entry(new.id.as_str().into()).or_default();
        if !records.contains(&ix) {
            records.push(ix);
        }
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
        let records = self.senders_by_id.entry(new.spec.id.as_str().into()).or_default();
        if !records.contains(&ix) {
            records.push(ix);
        }
        if ix.at() == self.senders.len() {
            self.senders.push(Arc::new(new));
            self.sender_live.push(SenderLive::default());
            self.sender_quota.push(RollingCount::default());
            self.in_flight.push(0);
            return None;
        }
        let account = new.account;
        let old = std::mem::replace(&mut self.senders[ix.at()], Arc::new(new));
        // An account that is declared again names all of its numbers.
        if *old != *self.senders[ix.at()] {
            self.lots.wake_account(account);
        }
        Some(Change::Sender(Box::new((*old).clone())))
    }

    pub(super) fn put_template(&mut self, new: Template) -> Option<Change> {
        let ix = new.ix;
        let languages = self.template_by_name.entry((new.waba, new.spec.name.as_str().into())).or_default();
        if !languages.iter().any(|(_, t)| *t == ix) {
            languages.push((new.spec.language.as_str().into(), ix));
        }
        // An account that is declared again names all of its templates.
        if self.templates.get(ix.at()).is_none_or(|old| **old != new) {
            self.lots.wake_templates(self.wabas[new.waba.at()].account);
        }
        if ix.at() == self.templates.len() {
            self.templates.push(Arc::new(new));
            return None;
        }
        let account = self.wabas[new.waba.at()].account;
        let old = std::mem::replace(&mut self.templates[ix.at()], Arc::new(new));
        // Pacing, ceiling and price follow the category: whatever lots wait for may hold no longer.
        if old.spec.category != self.templates[ix.at()].spec.category {
            self.lots.wake_account(account);
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
        said_day: 0,
    }
}
