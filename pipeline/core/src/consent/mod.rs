//! Consent: who may be written to, per category.
//!
//! `said` what people say, on the platform and elsewhere, into their records · `words` stop words and words that confirm
//! · `moved` a person has another number · `proof` what is kept of it · `heard` what counts of it for a message · this file: what holds.

mod heard;
pub(crate) mod moved;
pub(crate) mod proof;
pub(crate) mod said;
mod words;

pub use heard::{Heard, OfBrand};
pub use words::{Means, Words};

use crate::record::{Consent, Pair};
use tollgate_rate_card::Category;
use tollgate_wire::Reason;
use tollgate_wire::command::ConsentPolicy;

const DAY_S: u32 = 86_400;

/// What a consent is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Category of the message.
    pub category: Category,
    /// Inside the window.
    pub window_open: bool,
    /// The account takes it that the person agreed, until this second ([`implied_until_s`]); 0 = it does not.
    pub implied_until_s: u32,
    /// Now.
    pub now_s: u32,
}

/// Whether a message may go to this person; if because of what ends by itself, then `Some` second at which it does.
///
/// The suppression list and an opt-out of the category or of everything always win. An answer (free text or a utility
/// template) inside an open window needs no opt-in, because opt-in is for messages that the business starts. Everything
/// else needs the person's opt-in for that category, which has not ended; or, where the account is set so, that the
/// person wrote lately. Where a brand writes, the opt-in must be to the brand, or the brand one that takes those to the
/// account for its own.
///
/// # Errors
/// `opted_out` or `not_opted_in`.
pub fn check(heard: &Heard<'_>, asked: &Asked) -> Result<Option<u32>, Reason> {
    let &Asked { category, window_open, implied_until_s, now_s } = asked;
    if heard.refuses(category, now_s) {
        return Err(Reason::OptedOut);
    }
    let contact = match &heard.brand {
        Some(brand) if !brand.here => return Err(Reason::NotOptedIn),
        Some(brand) if heard.brand_has(category, now_s) || !brand.inherits => &brand.said,
        _ => heard.account,
    };
    match contact.consent_at(category, now_s) {
        Consent::Out => Err(Reason::OptedOut),
        Consent::In => Ok(contact.opt_in_ends_s(category)),
        Consent::None if window_open && matches!(category, Category::Service | Category::Utility) => Ok(None),
        Consent::None if now_s < implied_until_s => Ok(Some(implied_until_s)),
        Consent::None => Err(Reason::NotOptedIn),
    }
}

/// Until when a person is taken to agree to a category because of having written or called; 0 = not at all.
#[must_use]
pub fn implied_until_s(policy: &ConsentPolicy, pair: &Pair, category: Category) -> u32 {
    let days = match category {
        Category::Marketing => policy.implied_marketing_days,
        Category::Utility => policy.implied_utility_days,
        _ => 0,
    };
    match (days, pair.last_inbound_s) {
        (0, _) | (_, 0) => 0,
        (days, at_s) => at_s.saturating_add(u32::from(days).saturating_mul(DAY_S)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Contact, slot_of};
    use Category::{Authentication, Marketing, Service, Utility};

    const NOW_S: u32 = 1_000_000;
    const CATEGORIES: [Category; 4] = [Marketing, Utility, Authentication, Service];

    fn person(conditions: &str) -> Contact {
        let mut c = Contact::default();
        for word in conditions.split_whitespace() {
            match word {
                "in" => c.opt_in(None, 1, 0),
                "ends_now" => c.opt_in(None, 1, NOW_S),
                "ends_later" => c.opt_in(None, 1, NOW_S + 1),
                "out" => CATEGORIES.into_iter().for_each(|category| c.opt_out(Some(category), 2)),
                "stop_all" => c.opt_out(None, 2),
                "suppressed" => c.suppressed = true,
                "pending" => CATEGORIES.into_iter().for_each(|category| c.await_confirmation(category, 1, 0)),
                _ => {}
            }
        }
        c
    }

    /// A person and the window; then marketing, utility, authentication, service: may go (`+`), opted out (`-`), not
    /// opted in (`0`).
    #[test]
    fn decision_table() {
        let table = [
            ("nothing", "0 0 0 0"),
            ("window", "0 + 0 +"),
            ("in", "+ + + +"),
            ("in window", "+ + + +"),
            ("out", "- - - -"),
            ("out window", "- - - -"),
            ("in out window", "- - - -"),
            ("stop_all", "- - - -"),
            ("stop_all window", "- - - -"),
            ("suppressed", "- - - -"),
            ("suppressed in window implied", "- - - -"),
            ("ends_now", "0 0 0 0"),
            ("ends_now window", "0 + 0 +"),
            ("ends_later", "+ + + +"),
            ("pending", "0 0 0 0"),
            ("pending window", "0 + 0 +"),
            ("implied", "+ + + +"),
            ("implied out", "- - - -"),
            ("implied_now", "0 0 0 0"),
            ("ends_now implied", "+ + + +"),
        ];
        for (conditions, expected) in table {
            let has = |word: &str| conditions.split_whitespace().any(|w| w == word);
            let implied_until_s = NOW_S + u32::from(has("implied"));
            let implied_until_s = if has("implied") || has("implied_now") { implied_until_s } else { 0 };
            let sign = |category| {
                let asked = Asked { category, window_open: has("window"), implied_until_s, now_s: NOW_S };
                match check(&Heard::plain(&person(conditions)), &asked) {
                    Ok(_) => "+",
                    Err(Reason::OptedOut) => "-",
                    Err(Reason::NotOptedIn) => "0",
                    Err(other) => panic!("{conditions}: {other}"),
                }
            };
            assert_eq!(CATEGORIES.map(sign).join(" "), expected, "{conditions}");
        }
    }

    /// The same to a brand, and an opt-in that was said after all that people refuse here.
    fn to_brand(conditions: &str) -> Contact {
        let mut c = person(conditions);
        match conditions {
            "in" => c.opt_in_to_brand(None, 1, 0),
            "in_since" => c.opt_in_to_brand(None, 3, 0),
            _ => {}
        }
        c
    }

    #[test]
    fn says_when_what_it_relies_on_ends() {
        let ends = |conditions: &str, category, window_open| {
            let asked = Asked { category, window_open, implied_until_s: NOW_S + 9, now_s: NOW_S };
            check(&Heard::plain(&person(conditions)), &asked)
        };
        assert_eq!(ends("in", Marketing, false), Ok(None));
        assert_eq!(ends("ends_later", Marketing, false), Ok(Some(NOW_S + 1)));
        assert_eq!(ends("ends_now", Marketing, false), Ok(Some(NOW_S + 9)), "implied");
        assert_eq!(ends("", Utility, true), Ok(None), "an answer");
    }

    #[test]
    fn nothing_is_implied_but_what_the_account_says() {
        let policy = |marketing, utility| ConsentPolicy {
            implied_marketing_days: marketing,
            implied_utility_days: utility,
            ..ConsentPolicy::default()
        };
        let wrote = Pair { last_inbound_s: NOW_S, ..Pair::default() };
        let until = |policy: &ConsentPolicy, pair: &Pair| CATEGORIES.map(|c| implied_until_s(policy, pair, c));
        assert_eq!(until(&ConsentPolicy::default(), &wrote), [0; 4]);
        assert_eq!(until(&policy(7, 0), &wrote), [NOW_S + 7 * DAY_S, 0, 0, 0]);
        assert_eq!(until(&policy(0, 1), &wrote), [0, NOW_S + DAY_S, 0, 0]);
        assert_eq!(until(&policy(7, 7), &Pair::default()), [0; 4], "never wrote");
        assert_eq!(slot_of(Marketing), 0);
    }

    /// What was said to the account, to the brand, whether the brand takes yeses to the account for its own, what was said to
    /// a brand of the past; then as above.
    #[test]
    fn decision_table_of_a_brand() {
        let table = [
            ("", "", false, "", "0 0 0 0"),
            ("in", "", false, "", "0 0 0 0"),
            ("in", "", true, "", "+ + + +"),
            ("ends_now", "", true, "", "0 0 0 0"),
            ("ends_later", "ends_now", true, "", "+ + + +"),
            ("", "in", false, "", "+ + + +"),
            ("", "ends_now", false, "", "0 0 0 0"),
            ("", "pending", true, "", "0 0 0 0"),
            // A no to the account or to the brand is a no.
            ("out", "in", true, "", "- - - -"),
            ("stop_all", "in", true, "", "- - - -"),
            ("suppressed", "in", true, "", "- - - -"),
            ("in", "out", true, "", "- - - -"),
            ("in", "stop_all", true, "", "- - - -"),
            ("in window implied", "out", true, "", "- - - -"),
            // Answers and what is implied.
            ("window", "", false, "", "0 + 0 +"),
            ("implied", "", false, "", "+ + + +"),
            // Who refused a brand of the past must have agreed with this one itself, since.
            ("in", "", true, "out", "- - - -"),
            ("in window implied", "", true, "stop_all", "- - - -"),
            ("in", "in_since", true, "out", "+ + + +"),
            ("in", "in_since", true, "stop_all", "+ + + +"),
            ("in", "in", true, "out", "- - - -"),
            ("in window implied", "in", true, "stop_all", "- - - -"),
            ("", "in", false, "in", "+ + + +"),
            ("in", "ends_now", true, "out", "- - - -"),
            ("in", "", true, "in", "+ + + +"),
            ("", "", false, "in", "0 0 0 0"),
        ];
        for (account, brand, inherits, past, expected) in table {
            let has = |word: &str| account.split_whitespace().any(|w| w == word);
            let implied_until_s = if has("implied") { NOW_S + 1 } else { 0 };
            let (said, of_account, of_past) = (to_brand(brand), person(account), person(past));
            let refused = CATEGORIES.map(|c| of_past.refused_s(c));
            let sign = |here: bool| {
                let heard =
                    Heard { account: &of_account, brand: Some(OfBrand { said, inherits, here }), past: refused };
                let of = |category| {
                    let asked = Asked { category, window_open: has("window"), implied_until_s, now_s: NOW_S };
                    match check(&heard, &asked) {
                        Ok(_) => "+",
                        Err(Reason::OptedOut) => "-",
                        Err(_) => "0",
                    }
                };
                CATEGORIES.map(of).join(" ")
            };
            assert_eq!(sign(true), expected, "{account} / {brand} / {inherits} / {past}");
            // Nothing goes in the name of a brand that was taken out.
            assert_eq!(sign(false), expected.replace('+', "0"), "{account} / {brand}, gone itself");
        }
    }
}
