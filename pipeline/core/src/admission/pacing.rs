//! Gate 7, quality: our pacing of this sender for this category.
//!
//! The base is the messaging limit, so a message inside the window, which the limit does not count, is not paced. While
//! the platform restricts the number for spam, its marketing is held altogether, and nothing else.

use super::{Candidate, Usable, Verdict};
use crate::ids::TemplateIx;
use crate::lots::Resource;
use std::num::NonZeroU32;
use tollgate_quality::{Bucket, CategoryClass, Pace, Weight};
use tollgate_rate_card::Category;
use tollgate_wire::Reason;
use tollgate_wire::command::{LimitScope, SenderSpec};
use tollgate_wire::request::Purpose;

/// Category as the limits see it.
pub(crate) fn class(c: Category) -> CategoryClass {
    match c {
        Category::Marketing => CategoryClass::Marketing,
        Category::Utility => CategoryClass::Utility,
        Category::Authentication | Category::AuthenticationInternational => CategoryClass::Authentication,
        Category::Service => CategoryClass::Service,
    }
}

/// How fast this sender may go in a class.
pub(crate) fn pace(
    state: &crate::state::State,
    account: &crate::record::Account,
    sender: &crate::record::Sender,
    class: CategoryClass,
) -> Pace {
    let senders = account.senders.iter().map(|ix| state.sender_at(*ix)).filter(|s| !s.removed);
    pace_of(account, &sender.spec, weights(senders.map(|s| &s.spec)), class)
}

/// The weights of those that are active together.
pub(crate) fn weights<'a>(senders: impl Iterator<Item = &'a SenderSpec>) -> u32 {
    senders.filter(|s| !s.blocked).map(|s| s.weight).fold(0, u32::saturating_add)
}

/// The same of a sender beside others, by the [`weights`] of all.
pub(crate) fn pace_of(account: &crate::record::Account, sender: &SenderSpec, all: u32, class: CategoryClass) -> Pace {
    let weight = match account.spec.limit_scope {
        LimitScope::Number => Weight::WHOLE,
        LimitScope::Portfolio => Weight { parts: sender.weight, of: NonZeroU32::new(all).unwrap_or(NonZeroU32::MIN) },
    };
    account.spec.policy.pacing.pace(account.spec.limit, weight, sender.quality, class)
}

pub(super) fn check(c: &Candidate<'_>, chosen: &Usable, waiting: &[TemplateIx]) -> (Verdict, Bucket) {
    let class = class(chosen.category);
    let bucket = c.live.pacing[class as usize];
    let Some(sender) = c.sender else { return (Verdict::Refuse(Reason::SenderUnknown), bucket) };
    // Marketing of another purpose waits in its template's lot: in that of the pacing it would hold up those of its purpose
    // that may go. A template that comes free may be chosen instead.
    let resource = match chosen.template {
        Some(ix) if class == CategoryClass::Marketing && c.request.purpose != Purpose::Marketing => {
            Resource::any_of(ix, waiting)
        }
        _ => Resource::Pacing(sender.ix),
    };
    if class == CategoryClass::Marketing && sender.marketing_held_by.is_some() {
        return (Verdict::Park { reason: Reason::SenderBlocked, resource, until_ms: u64::MAX }, bucket);
    }
    if c.window_until_s().is_some() {
        return (Verdict::Pass, bucket);
    }
    let pace = pace(c.state, c.account, sender, class);
    if pace != Pace::Unlimited
        && let Some(wait) = c.behind(resource)
    {
        return (wait, bucket);
    }
    match pace.check(bucket, c.now_ms) {
        Ok(taken) => (Verdict::Pass, taken),
        Err(wait) => (Verdict::Park { reason: Reason::Pacing, resource, until_ms: wait.until_ms }, bucket),
    }
}
