//! Gate 9, frequency cap: marketing messages to one person within a period.

use super::{Candidate, Usable, Verdict};
use crate::lots::Resource;
use crate::record::MARKETING_KEPT;
use tollgate_rate_card::Category;
use tollgate_wire::Reason;

pub(super) fn check(c: &Candidate<'_>, chosen: &Usable) -> Verdict {
    let policy = &c.account.spec.policy;
    let cap = usize::from(policy.marketing_cap).min(MARKETING_KEPT);
    if cap == 0 || chosen.category != Category::Marketing {
        return Verdict::Pass;
    }
    let period_s = u32::from(policy.marketing_cap_hours) * 3600;
    // The cap-th newest admission decides: when it leaves the period, one more is allowed.
    let nth = c.contact.marketing_s[cap - 1];
    let allowed_s = nth.saturating_add(period_s);
    if nth == 0 || c.now_s() >= allowed_s {
        return Verdict::Pass;
    }
    let until_ms = u64::from(allowed_s) * 1000;
    if until_ms >= c.expires_ms {
        return Verdict::Refuse(Reason::FrequencyCapped);
    }
    Verdict::Park { reason: Reason::FrequencyCapped, resource: Resource::Own, until_ms }
}
