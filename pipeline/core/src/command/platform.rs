//! The platform's word of a sender, of the messaging limit, of the account.

use super::scope;
use crate::admission;
use crate::change::Change;
use crate::decide::{Decision, Facts};
use crate::levels;
use crate::record::{Account, Sender, SenderLive};
use tollgate_quality::{CategoryClass as Class, Limit, Pace, Score};
use tollgate_wire::event::SenderChange;
use tollgate_wire::platform_error;

/// The platform changed a sender. A higher rate grants no burst: the bucket keeps its time, capped.
pub(crate) fn sender_changed(
    facts: &Facts<'_>,
    account: &Account,
    s: &SenderChange<'_>,
    now_ms: u64,
    out: &mut Decision,
) {
    let state = facts.state;
    let digits = |t: &str| t.bytes().filter(u8::is_ascii_digit).collect::<Vec<u8>>();
    let named = |x: &&Sender| {
        x.spec.id == *s.sender || (!x.spec.display.is_empty() && digits(&x.spec.display) == digits(&s.sender))
    };
    let Some(known) = account.senders.iter().map(|ix| state.sender_at(*ix)).find(named) else {
        out.rejected = Some(format!("sender {} is not registered for account {}", &*s.sender, account.spec.account));
        return;
    };
    let mut new = known.clone();
    new.spec.quality = s.quality.unwrap_or(new.spec.quality);
    // A better quality ends what spam has brought, not what the account must settle.
    let for_spam = |code: &u32| platform_error::meaning(*code).effect == platform_error::Effect::CampaignPaused;
    if s.quality.is_some_and(|quality| quality != Score::Red) && new.marketing_held_by.as_ref().is_some_and(for_spam) {
        new.marketing_held_by = None;
    }
    new.spec.throughput = s.throughput.filter(|t| *t > 0).unwrap_or(new.spec.throughput);
    if let Some(limit) = s.limit {
        limit_changed(facts, account, limit, now_ms, out);
    }
    if new != *known {
        let others = account.senders.iter().filter(|ix| **ix != known.ix).map(|ix| state.sender_at(*ix));
        let specs = others.filter(|s| !s.removed).map(|s| &s.spec).chain([&new.spec]);
        let live = live_under(state.live(known.ix), account, &new, admission::pacing_weights(specs), now_ms);
        levels::sender(known, &new.spec, &mut out.effects);
        out.changes.push(Change::SenderLive(known.ix, live));
        out.changes.push(Change::Sender(Box::new(new)));
    }
}

/// The live values of a sender under settings that have just changed: buckets keep their times, but none owes more than it
/// holds now, or a slower rate would pay off the faster one's debt first. `weights` are those of all senders.
pub(super) fn live_under(
    mut live: SenderLive,
    account: &Account,
    new: &Sender,
    weights: u32,
    now_ms: u64,
) -> SenderLive {
    live.throughput = live.throughput.capped(admission::throughput_rate(account, new, &live, now_ms), now_ms);
    for class in [Class::Marketing, Class::Utility, Class::Authentication, Class::Service] {
        if let Pace::Rate(rate) = admission::pace_of(account, &new.spec, weights, class) {
            let bucket = &mut live.pacing[class as usize];
            *bucket = bucket.capped(rate, now_ms);
        }
    }
    live
}

/// The platform changed the messaging limit.
pub(crate) fn limit_changed(facts: &Facts<'_>, account: &Account, limit: Limit, now_ms: u64, out: &mut Decision) {
    if account.spec.limit != limit {
        levels::limit(account, limit, &mut out.effects);
        let mut new = account.clone();
        new.spec.limit = limit;
        if scope::is_to_change(account, &new.spec) {
            scope::change(facts, account.ix, new.spec.limit_scope, now_ms, &mut out.changes);
        }
        out.changes.push(Change::Account(Box::new(new)));
    }
}

/// The platform restricted or restored the account.
pub(crate) fn account_state(account: &Account, disabled: bool, out: &mut Decision) {
    if account.spec.disabled != disabled {
        let mut new = account.clone();
        new.spec.disabled = disabled;
        out.changes.push(Change::Account(Box::new(new)));
    }
}
