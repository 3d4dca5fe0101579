//! Gate 3, sender: registered, billed in a currency that is taken, not blocked or locked, not backing off.

use super::{Candidate, Verdict};
use crate::lots::Resource;
use crate::record::Waba;
use tollgate_wire::Reason;

pub(super) fn check(c: &Candidate<'_>) -> Verdict {
    if c.account.spec.disabled {
        return Verdict::Refuse(Reason::AccountDisabled);
    }
    let Some(sender) = c.sender else { return Verdict::Refuse(Reason::SenderUnknown) };
    let is_over =
        |waba: &Waba| waba.currency_deadline(c.rates).is_some_and(|d| d.is_over(c.state.day(waba.ix, c.now_s()).0));
    if c.waba.is_some_and(is_over) {
        return Verdict::Refuse(Reason::CurrencyNotAllowed);
    }
    let resource = Resource::Sender(sender.ix);
    if sender.spec.blocked {
        return Verdict::Park { reason: Reason::SenderBlocked, resource, until_ms: u64::MAX };
    }
    if c.live.back_off_until_ms > c.now_ms {
        return Verdict::Park { reason: Reason::Backoff, resource, until_ms: c.live.back_off_until_ms };
    }
    c.behind(resource).unwrap_or(Verdict::Pass)
}
