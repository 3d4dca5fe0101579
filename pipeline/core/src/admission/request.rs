//! Gate 1, request: not expired, room to wait, not before its time. (Form and duplicates are checked when the
//! record is read, because a message that waits cannot become malformed.)

use super::{Candidate, Verdict};
use crate::lots::Resource;
use tollgate_wire::Reason;
use tollgate_wire::request::Purpose;

/// How long a request without `expires_at` stays useful, in milliseconds: 10 minutes for one-time codes (the
/// platform's own default for them), a day for answers, 3 days for utility, 7 days for marketing.
#[must_use]
pub fn default_life_ms(purpose: Purpose) -> u64 {
    const HOUR: u64 = 3_600_000;
    match purpose {
        Purpose::Authentication => HOUR / 6,
        Purpose::Service => 24 * HOUR,
        Purpose::Utility => 72 * HOUR,
        Purpose::Marketing => 168 * HOUR,
    }
}

pub(super) fn check(c: &Candidate<'_>) -> Verdict {
    if c.now_ms >= c.expires_ms {
        return Verdict::Refuse(Reason::Expired);
    }
    if let Some(after) = c.request.send_after
        && after.0 > c.now_ms
    {
        return Verdict::Park { reason: Reason::Scheduled, resource: Resource::Own, until_ms: after.0 };
    }
    Verdict::Pass
}
