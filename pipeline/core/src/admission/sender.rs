//! Gate 3, sender: registered, not blocked or locked, not backing off.

use super::{Candidate, Verdict};
use crate::lots::Resource;
use tollgate_wire::Reason;

pub(super) fn check(c: &Candidate<'_>) -> Verdict {
    if c.account.spec.disabled {
        return Verdict::Refuse(Reason::AccountDisabled);
    }
    let Some(sender) = c.sender else { return Verdict::Refuse(Reason::SenderUnknown) };
    let resource = Resource::Sender(sender.ix);
    if sender.spec.blocked {
        return Verdict::Park { reason: Reason::SenderBlocked, resource, until_ms: u64::MAX };
    }
    if c.live.back_off_until_ms > c.now_ms {
        return Verdict::Park { reason: Reason::Backoff, resource, until_ms: c.live.back_off_until_ms };
    }
    c.behind(resource).unwrap_or(Verdict::Pass)
}
