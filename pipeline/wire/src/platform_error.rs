//! What each of the platform's error codes means for the message, the pair, the sender and the account.
//!
//! One table over the platform's documented codes. Whether and when to try again is our reading of its
//! advice; an operator's correction belongs here and nowhere else.

use Effect as E;
use Retry as R;

/// What an error code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Whether the same message may be tried again, and what has to wait for it.
    pub retry: Retry,
    /// What else it changes.
    pub effect: Effect,
    /// For people, one clause without a full stop.
    pub text: &'static str,
}

/// Whether the same message may be tried again, and what has to wait. Unless it says otherwise a message is tried
/// until it expires: what the platform cannot do now uses nothing up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Never: the message has failed.
    Final,
    /// Yes; only this sender and user wait, 4^X seconds with X = 0, 1, 2 …
    Pair,
    /// Yes; the sender's rate is halved and recovers.
    Sender,
    /// Yes; the platform does not serve the sender: it slows down to single questions and pauses.
    Service {
        /// Shortest pause of the sender, in seconds.
        after_s: u32,
    },
    /// Yes; the rate of every sender of the WABA is halved, and they pause.
    Waba {
        /// Shortest pause, in seconds.
        after_s: u32,
    },
    /// Yes; the rate of every sender of the account is halved, and they pause.
    Account {
        /// Shortest pause, in seconds.
        after_s: u32,
    },
    /// Yes, a few times: nobody says whose fault it is.
    Few {
        /// Seconds before the next attempt, doubled with each.
        after_s: u32,
        /// Most attempts in all, the first included.
        attempts_max: u8,
    },
    /// Yes, after a while; nothing else waits.
    Later {
        /// Seconds before the next attempt, doubled with each.
        after_s: u32,
    },
}

/// What an error changes besides the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing.
    None,
    /// The person is not reachable on the platform: remembered for a while.
    NotOnPlatform,
    /// The person ended marketing on the platform: recorded as an opt-out of marketing.
    MarketingOptOut,
    /// The person's marketing cap across all businesses is reached: no marketing to that person for 24 hours, and the attempt
    /// keeps its place under our own cap, though it reached nobody.
    MarketingCapped,
    /// The window is closed, whatever we thought.
    WindowClosed,
    /// The WABA is barred from the recipient's country: its messages to that country wait until the account is applied
    /// again. Alert.
    CountryBarred,
    /// The template does not exist in that language or is not approved: others of it wait until somebody says that it
    /// is, or take another language. Alert.
    TemplateMissing,
    /// The template is paused, which is also how pacing drops messages: it waits for 3 hours, the second time for 6, then
    /// until somebody says that it is back.
    TemplatePaused,
    /// The template is disabled for good.
    TemplateDisabled,
    /// The number cannot send until an operator has put it right: its messages wait.
    SenderBlocked,
    /// The account is locked or restricted: it stops until an operator restores it.
    AccountDisabled,
    /// The account waits: payment, or terms to accept. Alert.
    AccountPaused,
    /// The number is reported as spam or of low quality: its marketing waits, and so does the campaign. One-time codes and
    /// utility of the number go on. Alert.
    CampaignPaused,
    /// Marketing templates do not leave by this call: the number's marketing waits until the account is applied again, with
    /// the other call. Alert.
    MarketingHeld,
    /// The app's token or permission is refused: nothing passes until it is replaced. Alert.
    TokenRejected,
    /// A setting on the platform is wrong, so that the next one fails too: the campaign waits. Alert.
    Misconfigured,
    /// The request that we built is wrong. Alert.
    BadRequest,
}

impl Effect {
    /// Must somebody be told?
    #[must_use]
    pub const fn alerts(self) -> bool {
        match self {
            E::SenderBlocked
            | E::AccountDisabled
            | E::AccountPaused
            | E::CampaignPaused
            | E::MarketingHeld
            | E::TokenRejected
            | E::Misconfigured
            | E::BadRequest
            | E::CountryBarred
            | E::TemplateMissing
            | E::TemplateDisabled => true,
            E::None
            | E::NotOnPlatform
            | E::MarketingOptOut
            | E::MarketingCapped
            | E::WindowClosed
            | E::TemplatePaused => false,
        }
    }
}

/// One row: first and last code, retry, effect, text.
type Row = (u32, u32, Retry, Effect, &'static str);

const fn later(after_s: u32) -> Retry {
    R::Later { after_s }
}

/// The platform asks us to wait without saying how long: the number pauses for so many seconds at least.
const fn service(after_s: u32) -> Retry {
    R::Service { after_s }
}

/// The platform's documented codes, ascending.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    (0, 0, R::Final, E::TokenRejected, "the access token is not valid"),
    // Once more, and nobody slows down: a template that is at fault itself must not hold up its number.
    (1, 1, R::Few { after_s: 60, attempts_max: 2 }, E::None, "bad request, or a fault of the platform"),
    (2, 2, service(0), E::None, "the platform is overloaded or down for a moment"),
    (3, 3, R::Final, E::TokenRejected, "the app may not use this call"),
    (4, 4, R::Account { after_s: 60 }, E::None, "the app's call rate is reached"),
    (10, 10, R::Final, E::TokenRejected, "the app lacks the permission to send"),
    (33, 33, R::Final, E::SenderBlocked, "the business phone number was deleted"),
    (100, 100, R::Final, E::BadRequest, "a parameter is misspelt or not accepted"),
    (190, 190, R::Final, E::TokenRejected, "the access token has expired"),
    (200, 299, R::Final, E::TokenRejected, "a permission was not granted or was withdrawn"),
    (368, 368, R::Final, E::AccountDisabled, "the WhatsApp Business account is restricted for breaking a policy"),
    (80007, 80007, R::Waba { after_s: 60 }, E::None, "the WhatsApp Business account's rate limit is reached"),
    (130403, 130403, R::Final, E::None, "the business has blocked this user"),
    (130429, 130429, R::Sender, E::None, "the number's throughput is reached"),
    (130472, 130472, R::Final, E::None, "the user is part of a marketing experiment"),
    (130497, 130497, R::Final, E::CountryBarred, "the account may not message users of this country"),
    (131000, 131000, R::Few { after_s: 30, attempts_max: 3 }, E::None, "the platform could not send it and does not say why"),
    (131005, 131005, R::Final, E::TokenRejected, "access is denied: a permission is missing"),
    (131008, 131008, R::Final, E::None, "a required parameter is missing"),
    (131009, 131009, R::Final, E::None, "a parameter's value is not valid"),
    (131016, 131016, service(0), E::None, "a service of the platform is not available"),
    (131021, 131021, R::Final, E::None, "sender and recipient are the same number"),
    (131026, 131026, R::Final, E::NotOnPlatform, "undeliverable: not on WhatsApp, an old app, or terms not accepted"),
    (131031, 131031, R::Final, E::AccountDisabled, "the account is locked, or its data does not match"),
    (131037, 131037, R::Final, E::SenderBlocked, "the 555 number has no approved display name"),
    (131042, 131042, R::Final, E::AccountPaused, "the account's payment method has a problem"),
    (131045, 131045, R::Final, E::SenderBlocked, "the number is not registered: its certificate is missing"),
    (131047, 131047, R::Final, E::WindowClosed, "more than 24 hours since the user last wrote: send a template"),
    (131048, 131048, R::Final, E::CampaignPaused, "the number is restricted because of reports or low quality"),
    (131049, 131049, R::Final, E::MarketingCapped, "the platform keeps marketing from this user for now"),
    (131050, 131050, R::Final, E::MarketingOptOut, "the user has stopped marketing from this business"),
    (131051, 131051, R::Final, E::None, "the message type is not supported"),
    (131052, 131052, R::Final, E::None, "the user's media could not be downloaded"),
    (131053, 131053, R::Final, E::None, "the media could not be uploaded: check its link and format"),
    (131055, 131055, R::Final, E::Misconfigured, "only marketing templates may use the marketing call"),
    (131056, 131056, R::Pair, E::None, "too many messages to this user in a short time"),
    (131057, 131057, service(60), E::None, "the account is in maintenance, such as a throughput upgrade"),
    (131062, 131062, R::Final, E::None, "this content needs a phone number: one-time codes cannot go to a business-scoped id"),
    (131063, 131063, R::Final, E::MarketingHeld, "marketing is switched off on this call: set policy.marketing_api of the account to marketing_messages"),
    (131064, 131064, R::Final, E::None, "the limit set for misclassified templates is reached; it lifts itself"),
    (132000, 132000, R::Final, E::None, "the number of parameters does not fit the template"),
    (132001, 132001, R::Final, E::TemplateMissing, "the template does not exist in this language or is not approved"),
    (132005, 132005, R::Final, E::None, "the text with its parameters is too long"),
    (132007, 132007, R::Final, E::None, "the content breaks a policy of the platform"),
    (132012, 132012, R::Final, E::None, "a parameter's format does not fit the template"),
    // Tried again so that the message then waits for the template at its gate.
    (132015, 132015, later(0), E::TemplatePaused, "the template is paused, or pacing dropped the message"),
    (132016, 132016, R::Final, E::TemplateDisabled, "the template is disabled for good: make a new one"),
    (132018, 132018, R::Final, E::None, "the parameters do not pass the template's validation"),
    (132068, 132068, R::Final, E::None, "the template's flow is blocked"),
    (132069, 132069, later(3600), E::None, "the template's flow is throttled to 10 messages an hour"),
    (133004, 133004, service(300), E::None, "the registration server is not available"),
    (133010, 133010, R::Final, E::SenderBlocked, "the number is not registered"),
    (133015, 133015, service(300), E::None, "the number was deleted a moment ago: wait 5 minutes"),
    (133016, 133016, later(3600), E::SenderBlocked, "too many attempts to register the number"),
    (134011, 134011, R::Final, E::Misconfigured, "the terms for payments have not been accepted"),
    (134100, 134100, R::Final, E::Misconfigured, "only marketing templates may use the marketing call"),
    (134101, 134101, later(600), E::None, "the template is being synchronised: wait 10 minutes"),
    (134102, 134102, R::Final, E::None, "the template is not available for the marketing call"),
    (135000, 135000, R::Final, E::BadRequest, "the platform failed on the parameters and does not say which"),
];

const UNKNOWN: Meaning =
    Meaning { retry: R::Final, effect: E::None, text: "a code that is not documented; it is taken as final" };

/// What `code` means. A code that is not in the table is final and changes nothing else.
#[must_use]
pub fn meaning(code: u32) -> Meaning {
    match TABLE.binary_search_by(|row| {
        if row.1 < code {
            std::cmp::Ordering::Less
        } else if row.0 > code {
            std::cmp::Ordering::Greater
        } else {
            std::cmp::Ordering::Equal
        }
    }) {
        Ok(at) => {
            let (_, _, retry, effect, text) = TABLE[at];
            Meaning { retry, effect, text }
        }
        Err(_) => UNKNOWN,
    }
}

/// Is `code` one of the platform's documented codes?
#[must_use]
pub fn is_known(code: u32) -> bool {
    meaning(code) != UNKNOWN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_codes_and_rows_ascend() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].1 < pair[1].0, "{} comes before {}", pair[0].1, pair[1].0);
        }
        for &(first, last, retry, effect, text) in TABLE {
            assert!(first <= last && !text.is_empty() && !text.ends_with('.'), "{first}");
            for code in [first, last] {
                assert_eq!(meaning(code), Meaning { retry, effect, text }, "{code}");
                assert!(is_known(code));
            }
        }
    }

    #[test]
    fn an_unknown_code_is_final_and_says_so() {
        for code in [5, 199, 300, 131_001, u32::MAX] {
            assert_eq!(meaning(code), UNKNOWN, "{code}");
            assert!(!is_known(code));
        }
    }

    #[test]
    fn whoever_is_tried_a_few_times_has_a_bound() {
        for &(code, _, retry, ..) in TABLE {
            if let R::Few { after_s, attempts_max } = retry {
                assert!(after_s >= 1 && (2..=10).contains(&attempts_max), "{code}");
            }
        }
    }

    /// The documented advice, code by code: `yes` may be tried again, `no` never with the same message.
    const ADVICE: &str = "
        0 3 10 190 200 250 299 131005 → no
        1 2 4 80007 → yes
        33 100 368 130403 130472 130497 → no
        130429 131000 131016 131056 131057 → yes
        131008 131009 131021 131026 131031 131037 131042 131045 131047 131048 131049 131050 → no
        131051 131052 131053 131055 131062 131063 131064 → no
        132000 132001 132005 132007 132012 132016 132018 132068 → no
        132015 132069 133004 133015 133016 134101 → yes
        133010 134011 134100 134102 135000 → no
    ";

    #[test]
    fn every_documented_code_follows_the_advice() {
        let mut seen = 0;
        for line in ADVICE.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let (codes, advice) = line.split_once(" → ").expect("codes → advice");
            for code in codes.split_whitespace().map(|c| c.parse::<u32>().expect("a code")) {
                assert!(is_known(code), "{code}");
                assert_eq!(meaning(code).retry != R::Final, advice == "yes", "{code}");
                seen += 1;
            }
        }
        assert_eq!(seen, TABLE.len() + 2, "every row once, the range three times");
    }

    #[test]
    fn effects_of_the_codes_that_change_more_than_the_message() {
        for (code, effect) in [
            (131026, E::NotOnPlatform),
            (131047, E::WindowClosed),
            (131049, E::MarketingCapped),
            (131050, E::MarketingOptOut),
            (132015, E::TemplatePaused),
            (132016, E::TemplateDisabled),
            (131042, E::AccountPaused),
            (131031, E::AccountDisabled),
            (131048, E::CampaignPaused),
            (190, E::TokenRejected),
        ] {
            assert_eq!(meaning(code).effect, effect, "{code}");
        }
        assert!(E::TokenRejected.alerts() && !E::MarketingOptOut.alerts());
    }
}
