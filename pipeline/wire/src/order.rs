//! An order: one attempt for the dispatcher, and the callback data that ties the platform's statuses to it.

use crate::command::MarketingCall;
use crate::request::{Content, Offer, Params};
use crate::{Text, Time};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One attempt to send one message. Holds one-time codes: the dispatch topic has a short retention.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order<'a> {
    /// Message number inside the shard.
    pub message_uid: u64,
    /// Attempt number from 1.
    pub attempt: u8,
    /// Account.
    #[serde(borrow)]
    pub account: Text<'a>,
    /// Phone number id that sends.
    #[serde(borrow)]
    pub sender: Text<'a>,
    /// Digits without `+`, or the business-scoped id.
    #[serde(borrow)]
    pub to: Text<'a>,
    /// `true` on the priority lane.
    #[serde(default)]
    pub priority: bool,
    /// The call must start before this instant, or not at all.
    pub leave_by: Time,
    /// W3C `traceparent` of the decision on the message, where its trace is recorded.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Text<'a>>,
    /// What to send.
    #[serde(borrow)]
    pub content: OrderContent<'a>,
    /// It leaves by the call for marketing; absent = by the call for everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marketing: Option<MarketingCall>,
}

/// What to send.
pub type OrderContent<'a> = Content<'a, OrderTemplate<'a>>;

/// A template in one language with its parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderTemplate<'a> {
    /// Name.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// Exact language code.
    #[serde(borrow)]
    pub language: Text<'a>,
    /// Header parameter objects.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub header: Vec<&'a RawValue>,
    /// Body parameters.
    #[serde(borrow, default, skip_serializing_if = "Params::is_empty")]
    pub body: Params<'a>,
    /// Button component objects.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<&'a RawValue>,
    /// Card objects.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<&'a RawValue>,
    /// The end of a limited-time offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited_time_offer: Option<Offer>,
}

/// `biz_opaque_callback_data`: `tg1.<uid>.<attempt>` in decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Callback {
    /// Message number inside the shard.
    pub message_uid: u64,
    /// Attempt number from 1.
    pub attempt: u8,
}

impl Callback {
    /// Parses our own callback data; `None` for anything else (other software sends from the same number).
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        let (uid, attempt) = s.strip_prefix("tg1.")?.split_once('.')?;
        Some(Self { message_uid: uid.parse().ok()?, attempt: attempt.parse().ok()? })
    }
}

impl std::fmt::Display for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "tg1.{}.{}", self.message_uid, self.attempt)
    }
}
