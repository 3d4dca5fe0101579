//! Consents and the suppression list: what a command records, and an account's rules about them.

use crate::Time;
use serde::{Deserialize, Serialize};
use tollgate_rate_card::Category;

/// A consent with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentSpec {
    /// E.164 or business-scoped id.
    pub to: String,
    /// Category; none = all of them (an opt-out of everything is a stop-all).
    #[serde(default)]
    pub category: Option<Category>,
    /// Opted in or out.
    pub state: ConsentState,
    /// Where the person said so: `web`, `sms`, `paper`, …
    #[serde(default)]
    pub source: String,
    /// When the person said so; the time of the append without it. A yes said before a no on record counts for nothing.
    #[serde(default)]
    pub at: Option<Time>,
    /// Version of the text the person agreed to.
    #[serde(default)]
    pub text_version: String,
    /// When an opt-in ends, if it says so itself; otherwise `policy.consent.valid_days` after `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    /// The person confirmed this opt-in already: it waits for no confirmation where `policy.consent.double_opt_in` asks
    /// for one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub confirmed: bool,
    /// The brand that it was said to, one of `policy.brands`; none = to the account as a whole. An opt-out may name a brand
    /// that is gone; one that names none there ever was holds for the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
}

/// A brand: numbers of the account that write under one name. A word that a person writes to one of them is said to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrandSpec {
    /// Name, 1 to 64 of `a-z 0-9 . _ -`. Consents are kept under it for good: what was said to a brand that is left out and
    /// named again holds again.
    pub name: String,
    /// Its phone number ids, at least one; a number is of one brand at most.
    pub senders: Vec<String>,
    /// Opt-ins to the account as a whole hold for this brand too: those before there were brands were given to it. Without
    /// it a person must have agreed to the brand itself. A no to the account is a no to every brand in any case.
    #[serde(default, skip_serializing_if = "is_false")]
    pub inherits: bool,
}

/// Opted in or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    /// The person agreed.
    OptIn,
    /// The person ended it.
    OptOut,
}

/// A place on an account's suppression list: nothing is sent to the person, whatever was or will be consented to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuppressionSpec {
    /// E.164 or business-scoped id.
    pub to: String,
    /// `true` puts the person on the list, `false` takes the person off it; nothing else does.
    pub listed: bool,
    /// Why, or where it comes from: `complaint`, `court order`, `bounced at the old provider`, …
    #[serde(default)]
    pub source: String,
    /// When it was asked for; the time of the append without it. For the proof only.
    #[serde(default)]
    pub at: Option<Time>,
}

/// What consents do besides being said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsentPolicy {
    /// What a stop word ends: marketing, and which of utility and service. One-time codes end with a word of
    /// `stop_all_words` only.
    pub stop_ends: Vec<Category>,
    /// Words that end everything, one-time codes and answers too. Compared as stop words are.
    pub stop_all_words: Vec<String>,
    /// Days that an opt-in holds which does not say when it ends; 0 = until it is taken back. For what is recorded from
    /// now on.
    pub valid_days: u16,
    /// Days for which a person who wrote or called is taken to have agreed to utility messages from that number; 0 =
    /// not at all. A no beats it.
    pub implied_utility_days: u16,
    /// The same for marketing.
    pub implied_marketing_days: u16,
    /// Categories in which an opt-in waits until the person confirms it with a word of `confirm_words`.
    pub double_opt_in: Vec<Category>,
    /// Words that confirm: typed alone, or the payload or label of a button. Compared as stop words are.
    pub confirm_words: Vec<String>,
    /// Hours that a person has to confirm, from the time of the opt-in.
    pub confirm_hours: u16,
}

impl Default for ConsentPolicy {
    fn default() -> Self {
        Self {
            stop_ends: vec![Category::Marketing, Category::Utility],
            stop_all_words: vec!["STOP ALL".to_owned()],
            valid_days: 0,
            implied_utility_days: 0,
            implied_marketing_days: 0,
            double_opt_in: Vec::new(),
            confirm_words: vec!["YES".to_owned()],
            confirm_hours: 72,
        }
    }
}

impl ConsentPolicy {
    /// `true` while nothing was set.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
pub(crate) fn is_false(v: &bool) -> bool {
    !*v
}
