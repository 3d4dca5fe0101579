//! Paths, tokens and the answers' envelope.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use subtle::ConstantTimeEq as _;

use super::{control, send, waba};
use crate::graph::accept::Call;
use crate::graph::error::PlatformError;
use crate::graph::version_major;
use crate::server::Shared;

/// Largest request body, in bytes.
const BODY_MAX_BYTES: usize = 128 * 1024;

pub(crate) type Answer = Response<Full<Bytes>>;

/// The connection closes without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
pub(crate) struct Closed;

/// Answers one request.
pub(crate) async fn respond(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Answer, Closed> {
    let path = request.uri().path().to_owned();
    let mut segments = path.trim_matches('/').split('/');
    match (segments.next(), segments.next(), segments.next(), segments.next()) {
        (Some("sandbox"), Some(name), more, None) => {
            if shared.control_needs_token && !authorized(&shared, &request) {
                return Ok(refusal(&PlatformError::new(190, "The control paths need a bearer token here")));
            }
            let name = match more {
                Some(more) => format!("{name}/{more}"),
                None => name.to_owned(),
            };
            Ok(control::answer(&shared, &name, request).await)
        }
        (Some(version), Some(number), Some(edge @ ("messages" | "marketing_messages")), None)
            if version_major(version).is_some() =>
        {
            if request.method() != Method::POST {
                let details = "Unsupported request: use POST";
                return Ok(refusal(&PlatformError::new(100, details)));
            }
            let call = if edge == "messages" { Call::Messages } else { Call::Marketing };
            send::answer(&shared, number, call, request).await
        }
        (Some(version), Some(id), edge @ (None | Some("message_templates" | "phone_numbers")), None)
            if version_major(version).is_some() =>
        {
            if request.method() != Method::GET {
                return Ok(refusal(&PlatformError::new(100, "Unsupported request: use GET")));
            }
            let edge = match edge {
                None => waba::Edge::Itself,
                Some("phone_numbers") => waba::Edge::Numbers,
                Some(_) => waba::Edge::Templates,
            };
            waba::answer(&shared, version_major(version).unwrap_or_default(), id, edge, request).await
        }
        _ => {
            let details = format!(
                "Unknown path {path}: expected /vN.M/PHONE_NUMBER_ID/messages, \
                     /vN.M/PHONE_NUMBER_ID/marketing_messages, /vN.M/WABA, /vN.M/WABA/message_templates, /vN.M/WABA/phone_numbers or /sandbox/…"
            );
            Ok(refusal(&PlatformError::new(100, details)))
        }
    }
}

/// Whether the request carries one of the accepted tokens.
pub(crate) fn authorized(shared: &Shared, request: &Request<Incoming>) -> bool {
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    given.is_some_and(|given| shared.tokens.iter().any(|token| bool::from(token.as_bytes().ct_eq(given))))
}

/// The whole body; an error text when it is too large or breaks off.
pub(crate) async fn read_body(request: Request<Incoming>) -> Result<Bytes, String> {
    Limited::new(request.into_body(), BODY_MAX_BYTES)
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .map_err(|error| format!("body (at most {BODY_MAX_BYTES} bytes): {error}"))
}

/// A platform error as an answer.
pub(crate) fn refusal(error: &PlatformError) -> Answer {
    let body = error.body(&trace());
    let mut answer = json(error.http_status(), body);
    if let Some(seconds) = error.retry_after_s {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    answer
}

/// A JSON answer.
pub(crate) fn json(status: u16, body: impl Into<Bytes>) -> Answer {
    with_type(status, "application/json", body)
}

pub(crate) fn with_type(status: u16, media_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

/// An `fbtrace_id`: only ever quoted, so a process-wide counter is enough.
fn trace() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("Asandbox{:014}", NEXT.fetch_add(1, Ordering::Relaxed))
}
