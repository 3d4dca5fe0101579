//! A question to the platform: one `GET`, bounded in time and length, and why it has no answer.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::Request;
use hyper::header::{AUTHORIZATION, DATE, RETRY_AFTER};

use super::client::{GraphClient, GraphError, address, authorization};
use super::on_time::OnTime;
use super::refusal;
use super::retry_after::RetryAfter;
use crate::clock;

/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Longest words of the platform that are told, in characters.
const WORDS_MAX: usize = 400;
/// Codes of the platform that another try may get past: unknown, service, and the limits of app, user, WABA and calls.
const TRANSIENT: [u32; 12] = [1, 2, 4, 17, 32, 341, 613, 80_007, 80_008, 130_429, 131_000, 131_016];

/// Why a question has no answer. No message has the access token in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// The address or the token cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// No connection, or it was cut.
    #[error("the platform gave no answer: {detail}; check graph.base_url and the network")]
    NoAnswer {
        /// What happened.
        detail: String,
    },
    /// Too slow.
    #[error("the platform gave no answer within {seconds} s; ask for fewer days, or try again later")]
    Slow {
        /// Bound of the call.
        seconds: u64,
    },
    /// Too long, or it broke off.
    #[error("the answer cannot be read ({detail}; at most {} MiB are); ask for fewer days", ANSWER_BYTES_MAX >> 20)]
    Unreadable {
        /// What happened.
        detail: String,
    },
    /// The platform refused.
    #[error("the platform refused with code {code} (HTTP {status}): {message}; {}", remedy(*code))]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its code.
        code: u32,
        /// Its words.
        message: String,
        /// Whether it says so itself, or its code or status does.
        transient: bool,
        /// Seconds to wait, if it says so.
        retry_after_s: Option<u32>,
    },
    /// An answer that is none of the platform's.
    #[error("HTTP {status} without a code of the platform: something else answers there; check graph.base_url")]
    Foreign {
        /// HTTP status.
        status: u16,
    },
}

impl QuestionError {
    /// Whether asking again may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unusable(_) => false,
            Self::NoAnswer { .. } | Self::Slow { .. } | Self::Unreadable { .. } => true,
            Self::Refused { transient, .. } => *transient,
            Self::Foreign { status } => *status == 429 || *status >= 500,
        }
    }

    /// Seconds that the platform asks to wait.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u32> {
        if let Self::Refused { retry_after_s, .. } = self { *retry_after_s } else { None }
    }

    /// The platform's code, if it refused.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        if let Self::Refused { code, .. } = self { Some(*code) } else { None }
    }
}

fn remedy(code: u32) -> &'static str {
    match code {
        190 => "renew the app's access token",
        10 | 100 | 200..=299 => "check that the WABA is the app's, and that its token may whatsapp_business_management",
        _ => "try again later",
    }
}

impl GraphClient {
    /// Asks once. `question` is what stands behind the version, with its query.
    ///
    /// # Errors
    /// See [`QuestionError`]; nothing is tried again here.
    pub async fn ask(
        &self,
        question: &str,
        app: &str,
        access_token: &str,
        within: Duration,
    ) -> Result<Bytes, QuestionError> {
        let unusable = |error: GraphError| QuestionError::Unusable(error.to_string());
        let base = self.config.base_url.trim_end_matches('/');
        let uri = address(format!("{base}/{}/{question}", self.config.version)).map_err(unusable)?;
        let mut request = Request::new(OnTime::whenever(Bytes::new()));
        *request.uri_mut() = uri;
        request.headers_mut().insert(AUTHORIZATION, authorization(app, access_token).map_err(unusable)?);
        let answer = tokio::time::timeout(within, self.answer(request, access_token)).await;
        answer.unwrap_or(Err(QuestionError::Slow { seconds: within.as_secs() }))
    }

    async fn answer(&self, request: Request<OnTime>, access_token: &str) -> Result<Bytes, QuestionError> {
        let response = self.http.request(request).await;
        let response = response.map_err(|error| QuestionError::NoAnswer { detail: causes(&error) })?;
        let status = response.status().as_u16();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let after = RetryAfter { value: header(RETRY_AFTER), date: header(DATE), now: clock::now() }.seconds();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| QuestionError::Unreadable { detail: error.to_string() })?.to_bytes();
        match refusal(status, after, &body, access_token) {
            Some(refusal) => Err(refusal),
            None => Ok(body),
        }
    }
}

/// The refusal in an answer; none in one that is good.
fn refusal(status: u16, retry_after_s: Option<u32>, body: &[u8], access_token: &str) -> Option<QuestionError> {
    let Some(error) = refusal::read(body) else {
        return (!(200..300).contains(&status)).then_some(QuestionError::Foreign { status });
    };
    let words = [error.message, error.details]
        .into_iter()
        .flatten()
        .map(|words| words.to_string())
        .collect::<Vec<_>>()
        .join(": ");
    // The platform repeats a token that it cannot read.
    let words = if access_token.is_empty() { words } else { words.replace(access_token, "…") };
    let message = words.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).take(WORDS_MAX).collect();
    let transient = error.is_transient || status == 429 || status >= 500 || TRANSIENT.contains(&error.code);
    Some(QuestionError::Refused { status, code: error.code, message, transient, retry_after_s })
}

/// An error with its causes.
fn causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_answer_means() {
        let told = |status, body: &str| {
            let refusal = refusal(status, Some(7), body.as_bytes(), "SECRET")?;
            Some((refusal.is_transient(), refusal.code(), refusal.to_string()))
        };
        assert_eq!(told(200, r#"{"id":"w1"}"#), None);
        for (status, body, transient, code, says) in [
            (
                401,
                r#"{"error":{"message":"Malformed access token SECRET","code":190}}"#,
                false,
                Some(190),
                "code 190 (HTTP 401): Malformed access token …; renew",
            ),
            (
                400,
                r#"{"error":{"message":"No","code":100,"error_data":{"details":"Object with ID 'w1'"}}}"#,
                false,
                Some(100),
                "No: Object with ID 'w1'; check that the WABA is the app's",
            ),
            (400, r#"{"error":{"message":"Slow","code":80008}}"#, true, Some(80_008), "try again later"),
            (400, r#"{"error":{"message":"Now","code":9,"is_transient":true}}"#, true, Some(9), "code 9"),
            (503, r#"{"error":{"message":"Down","code":2}}"#, true, Some(2), "code 2 (HTTP 503): Down"),
            (502, "<html>", true, None, "HTTP 502 without a code of the platform"),
            (404, "not found", false, None, "HTTP 404 without a code of the platform"),
            (200, r#"{"error":{"message":"Odd","code":1}}"#, true, Some(1), "code 1 (HTTP 200)"),
        ] {
            let (is_transient, found, words) = told(status, body).expect("a refusal");
            assert_eq!((is_transient, found), (transient, code), "{body}");
            assert!(words.contains(says) && !words.contains("SECRET"), "{words}");
        }
        let refused = refusal(429, Some(7), br#"{"error":{"code":4}}"#, "").expect("a refusal");
        assert_eq!(refused.retry_after_s(), Some(7));
    }
}
