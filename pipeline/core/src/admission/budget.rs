//! Gate 10, budget: the worst-case price fits beside what is spent and reserved.

use super::{Candidate, Usable, Verdict};
use crate::lots::Resource;
use tollgate_wire::Reason;

pub(super) fn check(c: &Candidate<'_>, chosen: &Usable) -> Verdict {
    let Some(campaign) = c.campaign else { return Verdict::Pass };
    let Some(budget) = campaign.spec.budget else { return Verdict::Pass };
    let resource = Resource::Budget(campaign.ix);
    if let Some(wait) = c.behind(resource) {
        return wait;
    }
    if campaign.spent + campaign.reserved + chosen.price <= budget {
        Verdict::Pass
    } else {
        Verdict::Park { reason: Reason::Budget, resource, until_ms: u64::MAX }
    }
}
