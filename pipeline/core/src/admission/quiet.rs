//! Gate 9, quiet hours: no marketing at night, by the clock of the person, whom number or country place.

use super::{Candidate, Usable, Verdict};
use crate::ids::User;
use crate::lots::Resource;
use tollgate_rate_card::{Category, QuietHours};
use tollgate_wire::Reason;
use tollgate_wire::request::Purpose;

pub(super) fn check(c: &Candidate<'_>, chosen: &Usable) -> Verdict {
    // An offer in free text inside the window is one too.
    let marketing = chosen.category == Category::Marketing || c.request.purpose == Purpose::Marketing;
    let Some(hours) = c.account.spec.policy.quiet_hours.filter(|_| marketing) else {
        return Verdict::Pass;
    };
    let hours = QuietHours { from: hours.from, to: hours.to };
    let digits = c.user.and_then(User::digits);
    let awake_s = |from_s: u32| c.rates.people_zones().awake_s(hours, digits, c.place, i64::from(from_s));
    // An order may be held until it must leave: then it must not be night either.
    let last_s = c.now_s().saturating_add(c.account.spec.policy.leave_by_seconds);
    let open = |s: u32| awake_s(s) == i64::from(s);
    if open(c.now_s()) && open(last_s) {
        return Verdict::Pass;
    }
    let until_s = awake_s(if open(c.now_s()) { last_s } else { c.now_s() });
    let until_ms = u64::try_from(until_s).unwrap_or_default().saturating_mul(1000);
    if until_ms >= c.expires_ms {
        return Verdict::Refuse(Reason::QuietHours);
    }
    Verdict::Park { reason: Reason::QuietHours, resource: Resource::Own, until_ms }
}
