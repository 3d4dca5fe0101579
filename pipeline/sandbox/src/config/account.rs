//! Portfolios, their numbers and their messaging limit.

use serde::{Deserialize, Serialize};

use super::template::{Rating, TemplateConfig};

/// A business portfolio with one WhatsApp Business account (WABA).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortfolioConfig {
    /// Portfolio id.
    pub id: String,
    /// WABA id, the `entry[].id` of every webhook.
    pub waba: String,
    /// IANA time zone in which the pricing dates start. Default `UTC`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Unique users that may be reached outside a window in a moving 24 hours.
    #[serde(default)]
    pub messaging_limit: MessagingLimit,
    /// What the limit is counted over.
    #[serde(default)]
    pub limit_scope: LimitScope,
    /// Prefixes of international numbers (digits) whose authentication templates are reported in
    /// category `authentication-international`. Default none.
    #[serde(default)]
    pub authentication_international_prefixes: Vec<String>,
    /// Business phone numbers; at least one.
    pub senders: Vec<SenderConfig>,
    /// Message templates.
    #[serde(default)]
    pub templates: Vec<TemplateConfig>,
    /// Marketing templates leave by `marketing_messages` alone: by `messages` they are refused with 131063.
    #[serde(default)]
    pub marketing_call_only: bool,
}

/// A business phone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderConfig {
    /// Phone number id, the path segment of a send.
    pub phone_number_id: String,
    /// The number itself, digits only.
    pub display_phone_number: String,
    /// Messages a second, inbound included. Default 80; the platform's upper step is 1000.
    #[serde(default = "default_mps")]
    pub throughput_mps: u32,
    /// Quality rating as the platform lists it. Default `GREEN`.
    #[serde(default = "green")]
    pub quality_rating: Rating,
}

/// The messaging limit: a number of users, or the word `unlimited`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "LimitText", into = "LimitText")]
pub enum MessagingLimit {
    /// At most this many unique users.
    Users(u64),
    /// No limit.
    Unlimited,
}

/// Scope of the messaging limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum LimitScope {
    /// All numbers of the portfolio share it (the rule since 2025-10-07, and the default).
    #[default]
    Portfolio,
    /// Each number has its own.
    Number,
}

impl Default for MessagingLimit {
    /// 250 users, where a new portfolio starts.
    fn default() -> Self {
        Self::Users(250)
    }
}

impl MessagingLimit {
    /// The limit as a number; `None` when there is none.
    pub fn users(self) -> Option<u64> {
        match self {
            Self::Users(users) => Some(users),
            Self::Unlimited => None,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum LimitText {
    Users(u64),
    Word(String),
}

impl TryFrom<LimitText> for MessagingLimit {
    type Error = String;

    fn try_from(text: LimitText) -> Result<Self, Self::Error> {
        match text {
            LimitText::Users(users) => Ok(Self::Users(users)),
            LimitText::Word(word) if word == "unlimited" => Ok(Self::Unlimited),
            LimitText::Word(word) => Err(format!("messaging limit {word:?}: give a number of users or \"unlimited\"")),
        }
    }
}

impl From<MessagingLimit> for LimitText {
    fn from(limit: MessagingLimit) -> Self {
        match limit {
            MessagingLimit::Users(users) => Self::Users(users),
            MessagingLimit::Unlimited => Self::Word("unlimited".to_owned()),
        }
    }
}

fn utc() -> String {
    "UTC".to_owned()
}

fn default_mps() -> u32 {
    80
}

fn green() -> Rating {
    Rating::Green
}
