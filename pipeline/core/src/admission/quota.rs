//! Gate 8, unique-user quota: free inside the window or for a person already counted; else one token.
//!
//! Predicate `quota_token_below_ceiling`: no admission takes a token while the count is at or above the ceiling.

use super::{Candidate, Trace, Usable, Verdict};
use crate::record::{Contact, Pair};
use tollgate_quality::{Counted, Limit};
use tollgate_wire::Reason;
use tollgate_wire::command::LimitScope;

/// How an admission uses the quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaUse {
    /// Inside the window: the platform does not count it.
    Free,
    /// The person is counted already.
    Counted,
    /// Takes a token.
    Token,
}

impl QuotaUse {
    /// Name on outcomes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Counted => "counted",
            Self::Token => "token",
        }
    }
}

/// The quota slot that the account's limit counts.
pub(crate) fn slot(scope: LimitScope, contact: &Contact, pair: &Pair) -> Counted {
    match scope {
        LimitScope::Portfolio => contact.counted,
        LimitScope::Number => pair.counted,
    }
}

pub(super) fn check(c: &Candidate<'_>, chosen: &Usable, trace: &mut Trace) -> (Verdict, QuotaUse) {
    let now_s = c.now_s();
    let Some(sender) = c.sender else { return (Verdict::Refuse(Reason::SenderUnknown), QuotaUse::Free) };
    let (resource, count) = c.state.quota_scope(c.account, sender.ix);
    let ceiling =
        c.account.spec.policy.pacing.quota_ceiling(c.account.spec.limit, super::pacing::class(chosen.category));
    let used = count.count(now_s);
    trace.quota_used = Some(used);
    trace.quota_ceiling = match ceiling {
        Limit::Users(n) => Some(n),
        Limit::Unlimited => None,
    };
    if c.window_until_s().is_some() {
        trace.quota_use = Some(QuotaUse::Free);
        return (Verdict::Pass, QuotaUse::Free);
    }
    if slot(c.account.spec.limit_scope, &c.contact, &c.pair).is_counted(now_s) {
        trace.quota_use = Some(QuotaUse::Counted);
        return (Verdict::Pass, QuotaUse::Counted);
    }
    if let Some(wait) = c.behind(resource) {
        return (wait, QuotaUse::Token);
    }
    let below = match ceiling {
        Limit::Unlimited => true,
        Limit::Users(n) => used < n,
    };
    if below {
        trace.quota_use = Some(QuotaUse::Token);
        return (Verdict::Pass, QuotaUse::Token);
    }
    let until_ms = match ceiling {
        Limit::Users(n) => count.second_when_below(n, now_s).map_or(u64::MAX, |s| u64::from(s) * 1000),
        Limit::Unlimited => u64::MAX,
    };
    (Verdict::Park { reason: Reason::Quota, resource, until_ms }, QuotaUse::Token)
}
