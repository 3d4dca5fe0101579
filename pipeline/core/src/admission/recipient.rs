//! Gate 4, recipient: a person the platform can reach, in a country that has a price.

use super::{Candidate, Verdict};
use tollgate_rate_card::Country;
use tollgate_wire::Reason;

pub(super) fn check(c: &Candidate<'_>) -> Verdict {
    // `ZZ` is a number outside every country: nobody has it.
    if c.user.is_none() || c.place.is_none_or(|p| p == Country::UNLISTED) {
        return Verdict::Refuse(Reason::InvalidRecipient);
    }
    if c.contact.off_platform_until_s > c.now_s() {
        return Verdict::Refuse(Reason::NotOnPlatform);
    }
    Verdict::Pass
}
