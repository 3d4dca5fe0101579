//! Through which of the platform's calls marketing templates leave.

use serde::{Deserialize, Serialize};

/// An account's choice. The call for marketing takes marketing templates alone, optimises whom it reaches and knows a time to
/// live of them; its messages are reported as `marketing_lite` and rated as marketing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MarketingApi {
    /// The call.
    pub endpoint: MarketingEndpoint,
    /// What becomes of a message that the call cannot send by its own means; the platform's default when absent. Only with
    /// `marketing_messages`, as what follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_policy: Option<ProductPolicy>,
    /// Whether the platform may use what people do with the messages to optimise; the platform's default when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_activity_sharing: Option<bool>,
}

impl MarketingApi {
    /// As by default.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What an order of a marketing template says of it; `None` for the call that all else leaves by.
    #[must_use]
    pub fn call(&self) -> Option<MarketingCall> {
        (self.endpoint == MarketingEndpoint::MarketingMessages).then_some(MarketingCall {
            product_policy: self.product_policy,
            message_activity_sharing: self.message_activity_sharing,
        })
    }
}

/// A call of the platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarketingEndpoint {
    /// `POST /{phone_number_id}/messages`, as for everything else.
    #[default]
    Cloud,
    /// `POST /{phone_number_id}/marketing_messages`. Its terms must be accepted on the platform first.
    MarketingMessages,
}

/// What becomes of a message that the marketing call cannot send by its own means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProductPolicy {
    /// It goes as by the other call.
    #[serde(rename = "CLOUD_API_FALLBACK")]
    CloudApiFallback,
    /// It is refused.
    #[serde(rename = "STRICT")]
    Strict,
}

impl ProductPolicy {
    /// The platform's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CloudApiFallback => "CLOUD_API_FALLBACK",
            Self::Strict => "STRICT",
        }
    }
}

/// An order leaves by the call for marketing, with these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketingCall {
    /// As the account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_policy: Option<ProductPolicy>,
    /// As the account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_activity_sharing: Option<bool>,
}
