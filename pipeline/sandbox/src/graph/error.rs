//! The platform's error codes and the body they arrive in.

use serde::Serialize;

/// A refusal as the platform words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlatformError {
    pub(crate) code: u32,
    pub(crate) details: String,
    /// Seconds of the header `Retry-After`.
    pub(crate) retry_after_s: Option<u32>,
    subcode: Option<u32>,
}

impl PlatformError {
    pub(crate) fn new(code: u32, details: impl Into<String>) -> Self {
        Self { code, details: details.into(), retry_after_s: None, subcode: None }
    }

    /// 100 with subcode 33: the object in the path does not exist for this token.
    pub(crate) fn unknown_object(method: &str, id: &str) -> Self {
        let details = format!("Unsupported {method} request. Object with ID '{id}' does not exist");
        Self { subcode: Some(33), ..Self::new(100, details) }
    }

    /// HTTP status of the synchronous answer.
    pub(crate) fn http_status(&self) -> u16 {
        match self.code {
            190 => 401,
            132_001 => 404,
            4 | 80_007 | 80_008 | 130_429 => 429,
            1 | 131_000 | 131_016 => 500,
            2 => 503,
            _ => 400,
        }
    }

    /// The whole error body.
    pub(crate) fn body(&self, trace: &str) -> Vec<u8> {
        let message = format!("(#{}) {}", self.code, title(self.code));
        let body = ErrorBody {
            error: ErrorObject {
                message: &message,
                kind: "OAuthException",
                code: self.code,
                error_data: ErrorData { messaging_product: Some("whatsapp"), details: &self.details },
                error_subcode: self.subcode,
                fbtrace_id: trace,
            },
        };
        serde_json::to_vec(&body).expect("strings and numbers always serialise")
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    code: u32,
    error_data: ErrorData<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_subcode: Option<u32>,
    fbtrace_id: &'a str,
}

/// `error_data`, shared by answers and failed statuses.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ErrorData<'a> {
    /// Present in answers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) messaging_product: Option<&'a str>,
    pub(crate) details: &'a str,
}

/// The platform's title of a code.
pub(crate) fn title(code: u32) -> &'static str {
    match code {
        1 => "API Unknown",
        2 => "Service temporarily unavailable",
        4 => "API Too Many Calls",
        80_007 => "Rate limit issues",
        80_008 => "There have been too many calls to this WhatsApp Business account",
        131_016 => "Service unavailable",
        131_057 => "Business Account is in maintenance mode",
        100 => "Invalid parameter",
        190 => "Invalid OAuth access token",
        130_429 => "Rate limit hit",
        130_472 => "User's number is part of an experiment",
        131_000 => "Something went wrong",
        131_008 => "Required parameter is missing",
        131_009 => "Parameter value is not valid",
        131_021 => "Recipient cannot be sender",
        131_026 => "Message undeliverable",
        131_047 => "Re-engagement message",
        131_048 => "Spam rate limit hit",
        131_049 => "This message was not delivered to maintain healthy ecosystem engagement.",
        131_050 => "User has stopped receiving marketing messages",
        131_051 => "Unsupported message type",
        131_056 => "(Business Account, Consumer Account) pair rate limit hit",
        131_055 => "Method not allowed",
        131_063 => "Marketing templates are disabled on Cloud API",
        134_100 => "Only marketing messages supported",
        131_062 => "Business-scoped User ID recipients are not supported for this message",
        132_000 => "Number of parameters does not match the expected number of params",
        132_001 => "Template name does not exist in the translation",
        132_005 => "Translated text too long",
        132_012 => "Parameter format does not match format in the created template",
        132_015 => "Template is paused",
        132_016 => "Template is disabled",
        132_018 => "Template parameters are invalid",
        _ => "Something went wrong",
    }
}

/// The sentence that comes with a failed status.
pub(crate) fn failure_details(code: u32) -> &'static str {
    match code {
        130_472 => "Failed to send message because this user's phone number is part of an experiment",
        131_026 => "Message undeliverable.",
        131_048 => {
            "Message failed to send because there are restrictions on how many messages can be sent from this phone number."
        }
        131_049 => "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.",
        131_050 => "The user has chosen to stop receiving marketing messages from your business.",
        132_015 => "Template is paused and cannot be sent: it was dropped by pacing.",
        _ => "Message failed to send due to an unknown error.",
    }
}
