//! Gate 9, frequency cap: marketing messages to one person within a period, and the platform's own cap for that person
//! across all businesses, which it tells of by refusing.

use super::{Candidate, Usable, Verdict};
use crate::lots::Resource;
use crate::record::MARKETING_KEPT;
use tollgate_rate_card::Category;
use tollgate_wire::Reason;

pub(super) fn check(c: &Candidate<'_>, chosen: &Usable) -> Verdict {
    if chosen.category != Category::Marketing {
        return Verdict::Pass;
    }
    let allowed_s = own_s(c).max(c.contact.capped_until_s);
    if c.now_s() >= allowed_s {
        return Verdict::Pass;
    }
    let until_ms = u64::from(allowed_s) * 1000;
    if until_ms >= c.expires_ms {
        return Verdict::Refuse(Reason::FrequencyCapped);
    }
    Verdict::Park { reason: Reason::FrequencyCapped, resource: Resource::Own, until_ms }
}

/// The second at which our own cap allows one more; 0 = now.
fn own_s(c: &Candidate<'_>) -> u32 {
    let policy = &c.account.spec.policy;
    // The cap-th newest admission decides: when it leaves the period, one more is allowed.
    match usize::from(policy.marketing_cap).min(MARKETING_KEPT) {
        0 => 0,
        cap => match c.contact.marketing_s[cap - 1] {
            0 => 0,
            nth => nth.saturating_add(u32::from(policy.marketing_cap_hours) * 3600),
        },
    }
}
