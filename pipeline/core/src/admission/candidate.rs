//! The candidate: one message before the gates, with everything they read loaded once.

use super::{Admission, QuotaUse, Usable, Verdict};
use crate::ids::{BrandIx, CampaignIx, ContactKey, PairKey, SenderIx, User};
use crate::lots::{LotKey, Resource};
use crate::record::{Account, Campaign, Contact, Pair, Sender, SenderLive, Waba};
use crate::state::State;
use crate::window;
use tollgate_quality::{Bucket, Burst, PairPolicy};
use tollgate_rate_card::{Category, Country, RateCards};
use tollgate_wire::command::LimitScope;
use tollgate_wire::request::Request;

/// One message before the gates.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// Resident state.
    pub state: &'a State,
    /// Rate cards.
    pub rates: &'a RateCards,
    /// Engine time in milliseconds.
    pub now_ms: u64,
    /// The request.
    pub request: &'a Request<'a>,
    /// Its account.
    pub account: &'a Account,
    /// The sender chosen, if the account has one that fits.
    pub sender: Option<&'a Sender>,
    /// The sender's WABA.
    pub waba: Option<&'a Waba>,
    /// Live values of the sender.
    pub live: SenderLive,
    /// The campaign, if one is named.
    pub campaign: Option<&'a Campaign>,
    /// The person; `None` when the request names nobody the platform knows.
    pub user: Option<User>,
    /// The brand that writes: the request's, else the sender's.
    pub brand: BrandIx,
    /// Country of the person.
    pub place: Option<Country>,
    /// The contact.
    pub contact: Contact,
    /// The pair.
    pub pair: Pair,
    /// Useless after this instant.
    pub expires_ms: u64,
    /// Bytes of the request.
    pub bytes: u32,
    /// Priority lane.
    pub priority: bool,
    /// Not yet parked anywhere: it may not pass others that wait for the same thing.
    pub fresh: bool,
}

impl<'a> Candidate<'a> {
    /// Engine time in whole seconds.
    #[must_use]
    pub fn now_s(&self) -> u32 {
        (self.now_ms / 1000) as u32
    }

    /// The second until which the window is relied on; `None` = closed.
    #[must_use]
    pub fn window_until_s(&self) -> Option<u32> {
        window::open_until_s(&self.pair, self.now_s())
    }

    /// The lot this message would join for a resource.
    #[must_use]
    pub fn lot(&self, resource: Resource) -> LotKey {
        LotKey {
            resource,
            account: self.account.ix,
            priority: self.priority,
            class: LotKey::class(self.request.purpose),
            campaign: self.campaign.map_or(CampaignIx::NONE, |c| c.ix),
            sender: self.sender.map_or_else(SenderIx::default, |s| s.ix),
        }
    }

    /// `Some(park)` when others of the same lot wait already: a newcomer waits behind them, for what they wait for.
    pub(super) fn behind(&self, resource: Resource) -> Option<Verdict> {
        if !self.fresh {
            return None;
        }
        let lot = self.state.lots.get(&self.lot(resource))?;
        let until_ms = lot.opens_ms().unwrap_or(u64::MAX);
        Some(Verdict::Park { reason: lot.reason?, resource, until_ms })
    }

    /// Key of the contact.
    #[must_use]
    pub fn contact_key(&self) -> Option<ContactKey> {
        self.user.map(|u| ContactKey::new(self.account.ix, u))
    }

    /// Key of the pair.
    #[must_use]
    pub fn pair_key(&self) -> Option<PairKey> {
        Some(PairKey::new(self.sender?.ix, self.user?))
    }

    /// Takes everything at once; the only way to an [`Admission`].
    pub(super) fn take(
        &self,
        chosen: Usable,
        quota: QuotaUse,
        pacing: Bucket,
        (throughput, burst, campaign_bucket): (Bucket, Burst, Option<Bucket>),
    ) -> Admission {
        let now_s = self.now_s();
        let mut contact = self.contact;
        let mut pair = self.pair.clone();
        let mut live = self.live;
        live.throughput = throughput;
        live.pacing[super::pacing::class(chosen.category) as usize] = pacing;
        if quota != QuotaUse::Free {
            match self.account.spec.limit_scope {
                LimitScope::Portfolio => contact.counted = contact.counted.reserve(now_s),
                LimitScope::Number => pair.counted = pair.counted.reserve(now_s),
            }
        }
        if chosen.category == Category::Marketing && self.account.spec.policy.marketing_cap > 0 {
            contact.remember_marketing(now_s);
        }
        let mut leave_by_ms = self.now_ms + u64::from(self.account.spec.policy.leave_by_seconds) * 1000;
        leave_by_ms = leave_by_ms.min(self.expires_ms);
        // A template relies on the window too: it may need no token, and no opt-in.
        if let Some(until) = self.window_until_s() {
            leave_by_ms = leave_by_ms.min(u64::from(until) * 1000);
        }
        if chosen.consent_until_s != 0 {
            leave_by_ms = leave_by_ms.min(u64::from(chosen.consent_until_s) * 1000);
        }
        let (leave_by_ms, burst) = PairPolicy::default().leaves_by_ms(burst, leave_by_ms);
        pair.burst = burst;
        let campaign_bucket = self.campaign.map(|c| c.ix).zip(campaign_bucket);
        Admission { chosen, quota, contact, pair, live, leave_by_ms, campaign_bucket }
    }
}
