//! Events: what happened outside, normalised, as the `events` topic carries it. One record holds a list for
//! one account so that a webhook of a thousand changes stays one record per account.

mod billing;
mod parse;
mod tagged;

pub use billing::{BandReached, Credit, MAX_CREDIT_ID, MAX_REASON};
pub use parse::{MAX_BYTES, MAX_FORCED, parse};

use crate::command::{NextCategory, TemplateStatus};
use crate::order::Callback;
use crate::request::Recipient;
use crate::{Reason, Text, Time};
use serde::{Deserialize, Serialize};
use tollgate_quality::{Limit, Score};
use tollgate_rate_card::{Category, PricingModel, PricingType, YearMonth};

/// One record of the `events` topic.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Events<'a> {
    /// Account id, the key.
    #[serde(borrow)]
    pub account: Text<'a>,
    /// In the order they were received.
    #[serde(borrow)]
    pub events: Vec<PlatformEvent<'a>>,
}

/// Something that happened outside the engine, told apart by the field `event`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum PlatformEvent<'a> {
    /// The dispatcher's result of one attempt.
    Result(DispatchResult<'a>),
    /// A status of a message.
    Status(Status<'a>),
    /// A person wrote or called.
    Inbound(Inbound<'a>),
    /// A person stopped or resumed marketing on the platform.
    Preference(Preference<'a>),
    /// A person has another number, or another business-scoped id.
    NumberChanged(NumberChanged<'a>),
    /// A template changed.
    Template(TemplateChange<'a>),
    /// A sender changed.
    Sender(SenderChange<'a>),
    /// The account's messaging limit changed.
    Limit {
        /// New limit.
        limit: Limit,
    },
    /// The account was restricted or restored.
    AccountState {
        /// `true`: sending stops.
        disabled: bool,
    },
    /// A month of the account is to end ([`MonthClosed`](crate::ledger::MonthClosed)). The gateway writes it when an
    /// operator asks; no webhook is ever read as one. It stands among the statuses, so that the order of the log is
    /// the order of the bill: what was appended before it is decided before it.
    CloseMonth {
        /// The month.
        month: YearMonth,
        /// Days after the month's end that each WABA waits for late statuses.
        settle_days: u8,
        /// Why it is closed before that, where it is: 1 to [`MAX_FORCED`] bytes.
        #[serde(skip_serializing_if = "Option::is_none")]
        forced: Option<Text<'a>>,
    },
    /// The platform says that a volume band is reached.
    BandReached(BandReached<'a>),
    /// Finance takes something off a bill.
    Credit(Credit<'a>),
}

/// The dispatcher's result of one attempt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DispatchResult<'a> {
    /// Which attempt.
    pub callback: Callback,
    /// When the result was known.
    pub at: Time,
    /// The result.
    #[serde(borrow)]
    pub result: AttemptResult<'a>,
}

/// How an attempt ended for the dispatcher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptResult<'a> {
    /// The platform took it.
    Accepted {
        /// The platform's message id.
        #[serde(borrow)]
        wamid: Text<'a>,
        /// Held for quality assessment.
        #[serde(default)]
        held: bool,
    },
    /// Certainly not sent: the call was never made.
    NotSent {
        /// `leave_by` or `unreachable`.
        reason: Reason,
    },
    /// The platform refused the call with an error body: certainly not sent.
    Rejected {
        /// The platform's error code.
        code: u32,
        /// Its details, without numbers.
        #[serde(borrow, default)]
        detail: Text<'a>,
        /// Seconds from `Retry-After`, if given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_s: Option<u32>,
    },
    /// The call was made and its result is not known.
    InDoubt,
}

/// A status of a message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status<'a> {
    /// Phone number id of the sender.
    #[serde(borrow)]
    pub sender: Text<'a>,
    /// The platform's message id.
    #[serde(borrow)]
    pub wamid: Text<'a>,
    /// Recipient, `+` and digits or business-scoped.
    #[serde(borrow)]
    pub to: Recipient<'a>,
    /// What happened.
    pub status: StatusKind,
    /// The platform's time, whole seconds.
    pub at_s: u32,
    /// Our callback data, when it is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<Callback>,
    /// Price information, when given.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub pricing: Option<Pricing<'a>>,
    /// Error code of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
}

/// Kinds of status, in order of rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusKind {
    /// Held for quality assessment.
    Held,
    /// Left the platform.
    Sent,
    /// Reached the device.
    Delivered,
    /// Read.
    Read,
    /// A voice message was played.
    Played,
    /// Failed.
    Failed,
}

/// What the platform says about the price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pricing<'a> {
    /// Per conversation or per message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<PricingModel>,
    /// Category; absent when what is charged is not known: `category_text` has the platform's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// The platform's words where `category` does not say it all: `marketing_lite` (rated as marketing),
    /// `referral_conversion`, a category or a pricing type that is not known.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub category_text: Option<Text<'a>>,
    /// Regular or free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing_type: Option<PricingType>,
    /// The platform's conversation id, where it still has one.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Text<'a>>,
}

/// A person wrote or called. The content is not kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Inbound<'a> {
    /// Phone number id that received it.
    #[serde(borrow)]
    pub sender: Text<'a>,
    /// Who wrote.
    #[serde(borrow)]
    pub from: Recipient<'a>,
    /// The platform's time, whole seconds.
    pub at_s: u32,
    /// A short text or quick-reply payload (at most 64 bytes) that may be a stop word.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub keyword: Option<Text<'a>>,
    /// What a pressed button or list entry showed, if it is not the `keyword` itself: a payload is the business's
    /// own code, the person read the label.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text<'a>>,
    /// Came from an advertisement: a free entry point may follow.
    #[serde(default)]
    pub referral: bool,
    /// The platform's id of the message or call: what is told again counts once.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<'a>>,
    /// It is an emoji at a message of ours, which nobody answers. Left out where that is not so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reaction: bool,
    /// The business-scoped id of the same person, where the platform names it beside the number.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub bsuid: Option<Text<'a>>,
}

/// A person stopped or resumed marketing on the platform.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Preference<'a> {
    /// Who.
    #[serde(borrow)]
    pub from: Recipient<'a>,
    /// `true` = stop.
    pub stop: bool,
    /// The platform's time, whole seconds.
    pub at_s: u32,
    /// The business-scoped id of the same person, where the platform names it beside the number.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub bsuid: Option<Text<'a>>,
}

/// A person has another number, or another business-scoped id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NumberChanged<'a> {
    /// Who the person was.
    #[serde(borrow)]
    pub from: Recipient<'a>,
    /// Who the person is now.
    #[serde(borrow)]
    pub to: Recipient<'a>,
    /// The platform's time, whole seconds.
    pub at_s: u32,
}

/// A template changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TemplateChange<'a> {
    /// WABA id.
    #[serde(borrow)]
    pub waba: Text<'a>,
    /// Template name.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// Language with underscore.
    #[serde(borrow)]
    pub language: Text<'a>,
    /// New state, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<TemplateStatus>,
    /// New category, if it changed (not the impending form).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Of a pause that ends by itself, which one it is: 1 ends after 3 hours, 2 after 6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<u8>,
    /// Another category that is announced, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_category: Option<NextCategory>,
    /// New quality score, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Score>,
}

/// A sender changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SenderChange<'a> {
    /// Phone number id, or display number where the platform names only that.
    #[serde(borrow)]
    pub sender: Text<'a>,
    /// New quality score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Score>,
    /// New throughput in messages a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<u32>,
    /// Number's own messaging limit (older rule).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}
