//! An outcome: one record per move of a message, for campaign systems and the views.

use crate::reason::names;
use crate::request::ContentKind;
use crate::{Reason, Text, Time};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tollgate_rate_card::{Category, PricingType};

names! {
    /// Where a message went.
    OutcomeKind {
        /// Waits for the condition named in `reason`.
        Parked = "parked",
        /// Passed every gate; an order was made.
        Admitted = "admitted",
        /// The order certainly did not reach the platform; admitted anew.
        NotSent = "not_sent",
        /// The platform took it and gave a wamid.
        Accepted = "accepted",
        /// The platform holds it for quality assessment.
        Held = "held",
        /// Left the platform.
        Sent = "sent",
        /// Reached the device.
        Delivered = "delivered",
        /// Was read or played.
        Read = "read",
        /// Failed for good.
        Failed = "failed",
        /// Refused at a gate.
        Refused = "refused",
        /// Expired while waiting.
        Expired = "expired",
        /// Its campaign was cancelled.
        Cancelled = "cancelled",
        /// No delivery within the time to live.
        Undelivered = "undelivered",
        /// No result in time; may or may not have been sent.
        InDoubt = "in_doubt",
        /// Closed without ever learning the result; a late status still moves it.
        Unknown = "unknown",
        /// A request repeated the id of this message: nothing was done, and the message is where it was.
        Duplicate = "duplicate",
    }
}

/// One move of one message. Never carries template parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome<'a> {
    /// Request id.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// Message number inside the shard, never reused; travels in callbacks and ledger.
    pub message_uid: u64,
    /// Attempt number, 0 before the first order.
    pub attempt: u8,
    /// Account.
    #[serde(borrow)]
    pub account: Text<'a>,
    /// Campaign name.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Text<'a>>,
    /// Sender's phone number id once chosen.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Text<'a>>,
    /// `+` and digits, or the business-scoped id.
    #[serde(borrow)]
    pub to: Text<'a>,
    /// When it happened: the engine's clock, or the platform's time for its statuses.
    pub at: Time,
    /// Where the message went.
    pub outcome: OutcomeKind,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonText<'a>>,
    /// For people: what would help, other alternatives' reasons.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Text<'a>>,
    /// What the gates saw.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<Gates<'a>>,
    /// When the next try is due, if known; never before `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Time>,
    /// While it waits: the queue it is in, by the name that the account's snapshot gives it. What the queue waits for
    /// may change without another outcome.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<Text<'a>>,
    /// The platform's message id.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub wamid: Option<Text<'a>>,
    /// The alternative that was chosen.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Chosen<'a>>,
    /// Worst-case price at admission.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Amount<'a>>,
    /// What was booked by this move.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<Charge<'a>>,
    /// As given in the request.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<&'a RawValue>,
    /// Ordered for a test recipient while its campaign was in test; left out otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub test: bool,
    /// Keyed hash of the recipient, as in ledger entries: who was erased is known by it. Absent in records of earlier versions,
    /// and in what views answer.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub recipient_hash: Option<Text<'a>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(v: &bool) -> bool {
    !*v
}

/// A closed reason, or `platform_<code>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReasonText<'a> {
    /// One of the closed list.
    Known(Reason),
    /// The platform's error code.
    Platform(u32),
    /// Written by a newer version.
    Other(Text<'a>),
}

impl std::fmt::Display for ReasonText<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Known(r) => f.write_str(r.as_str()),
            Self::Platform(c) => write!(f, "platform_{c}"),
            Self::Other(t) => f.write_str(t),
        }
    }
}

impl Serialize for ReasonText<'_> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(r) => s.serialize_str(r.as_str()),
            _ => s.collect_str(self),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ReasonText<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let t = Text::deserialize(d)?;
        if let Ok(r) = t.parse() {
            return Ok(Self::Known(r));
        }
        if let Some(c) = t.strip_prefix("platform_").and_then(|c| c.parse().ok()) {
            return Ok(Self::Platform(c));
        }
        Ok(Self::Other(t))
    }
}

/// What the gates saw: enough for `explain` to tell every step again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gates<'a> {
    /// How many gates passed in order before the first that did not (11 = all).
    pub passed: u8,
    /// Name of the gate that stopped it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Text<'a>>,
    /// End of the customer service window as relied on; absent = closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_until: Option<Time>,
    /// Unique users counted in the moving 24 h when the gate looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_used: Option<u32>,
    /// The ceiling for this category; absent = unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_ceiling: Option<u32>,
    /// The account's limit where the ceiling lies below it: headroom and what is reserved for other categories is
    /// kept free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_limit: Option<u32>,
    /// `free` (inside the window), `counted` (already counted), `token` (took one).
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub quota_use: Option<Text<'a>>,
    /// The brand whose consents count, where the account has brands and the message is of one.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<Text<'a>>,
}

/// The alternative chosen at gate 6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen<'a> {
    /// Position in the request's `content`, from 0.
    pub alternative: u8,
    /// Template name; absent for what only goes inside the window.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Text<'a>>,
    /// Language code taken.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Text<'a>>,
    /// Pricing category.
    pub category: Category,
    /// Of a split: the person's own alternative, which was not usable. On the outcome that orders it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<u8>,
    /// What was sent, where it is no template; absent for text on what earlier versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ContentKind>,
}

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount<'a> {
    /// Exact decimal.
    pub amount: Decimal,
    /// ISO 4217.
    #[serde(borrow)]
    pub currency: Text<'a>,
}

/// What was booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge<'a> {
    /// Ledger entry id.
    #[serde(borrow)]
    pub entry: Text<'a>,
    /// Exact decimal; absent when unpriced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Decimal>,
    /// ISO 4217.
    #[serde(borrow)]
    pub currency: Text<'a>,
    /// Category charged.
    pub category: Category,
    /// Regular or one of the free types; absent when unpriced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing_type: Option<PricingType>,
}
