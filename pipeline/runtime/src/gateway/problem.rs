//! Errors as RFC 9457 problem details: a stable `code`, the field, its value, and what would help.

use std::borrow::Cow;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tollgate_wire::command::AccountSpec;
use tollgate_wire::{DeadLetterReason, InputError};

use super::reads::ReadError;
use crate::inbox::AppendError;
use crate::registry::Conflict;

/// One problem. Boxed: it is the rare arm of every result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Problem(Box<Details>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Details {
    r#type: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<Cow<'static, str>>,
    #[serde(skip)]
    retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem with its stable code.
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Details {
            r#type: format!("urn:tollgate:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            field: None,
            value: None,
            remedy: None,
            retry_after_s: None,
        }))
    }

    /// Names the field and its value (at most 80 characters of it).
    pub(super) fn field(mut self, field: impl Into<String>, value: &str) -> Self {
        self.0.field = Some(field.into());
        self.0.value = Some(value.chars().take(80).collect());
        self
    }

    /// Names the field and not its value: phone numbers are not repeated.
    pub(super) fn private_field(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    /// Says what would help.
    pub(super) fn remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    /// Says when to come back.
    pub(super) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(super) fn code(&self) -> &'static str {
        self.0.code
    }

    /// Field, value, what is wrong and what would help, on one line.
    pub(crate) fn line(&self) -> String {
        let place = match (&self.0.field, &self.0.value) {
            (Some(field), Some(value)) => format!("{field} = {value:?}: "),
            (Some(field), None) => format!("{field}: "),
            (None, _) => String::new(),
        };
        let remedy = self.0.remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
        format!("{place}{}{remedy}", self.0.detail)
    }

    pub(super) fn unauthorized(detail: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
            .remedy("send `Authorization: Bearer <token>` with a configured token")
    }

    pub(super) fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail).remedy("use a token of the right role and account")
    }

    pub(super) fn unknown_account(account: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown_account", "the account is not in the registry")
            .field("account", account)
            .remedy("create it with PUT /v1/accounts/{account}")
    }

    /// As the shard would set it aside.
    pub(super) fn unknown_brand(account: &AccountSpec, brand: &str) -> Self {
        let names: Vec<&str> = account.policy.brands.iter().map(|b| b.name.as_str()).collect();
        let remedy = match names.as_slice() {
            [] => "leave it out, or name it under policy.brands of the account".to_owned(),
            names => format!("use one of {}, or add it to policy.brands of the account", names.join(", ")),
        };
        Self::malformed("the account has no such brand").field("brand", brand).remedy(remedy)
    }

    pub(super) fn not_found(what: &'static str, field: &'static str, value: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
            .field(field, value)
            .remedy("views follow within about a second; check the spelling")
    }

    /// The path is not repeated: a phone number may be in it.
    pub(super) fn unknown_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown_path", "there is no such address here")
            .remedy("check the path and the listener: API, webhooks and metrics may have a port each")
    }

    pub(super) fn unknown_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "unknown_method", "the address does not take this method")
            .remedy("use one of those in the header `allow`")
    }

    /// A path of a socket whose routes are not all there yet.
    pub(super) fn starting() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "starting", "the service is starting")
            .remedy("try again when /readyz answers 200")
            .retry_after(1)
    }

    pub(super) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "malformed", detail)
    }

    pub(super) fn bad_query(field: &'static str, value: &str, remedy: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_query", format!("the query parameter {field} cannot be read"))
            .field(field, value)
            .remedy(remedy)
    }

    pub(super) fn too_large(bytes_max: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("the body exceeds {bytes_max} bytes"))
            .remedy("send less at a time")
    }

    pub(super) fn timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the request was not complete or not answered in time")
            .remedy("send it again; a request with the same id is taken once")
    }
}

impl From<InputError> for Problem {
    fn from(error: InputError) -> Self {
        let (status, code) = match error.reason {
            DeadLetterReason::UnknownField => (StatusCode::UNPROCESSABLE_ENTITY, "unknown_field"),
            DeadLetterReason::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            _ => (StatusCode::UNPROCESSABLE_ENTITY, "malformed"),
        };
        let mut problem = Self::new(status, code, error.problem).remedy(error.remedy);
        problem.0.field = (!error.field.is_empty()).then_some(error.field);
        problem
    }
}

impl From<Conflict> for Problem {
    fn from(conflict: Conflict) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", conflict.to_string())
            .field(conflict.kind, &conflict.id)
            .remedy("take it out of the other account first, or leave it out here")
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full => Self::new(StatusCode::SERVICE_UNAVAILABLE, "log_full", error.to_string())
                .remedy("send it again after a second")
                .retry_after(1),
            AppendError::TooLarge(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", error.to_string()).remedy("send less at a time")
            }
            AppendError::Failed(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "log_failed", error.to_string())
                .remedy("send it again with the same id: it is taken once")
                .retry_after(5),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::BadQuery { field, value, remedy } => Self::bad_query(field, &value, remedy),
            ReadError::NotPossible(detail) => Self::new(StatusCode::CONFLICT, "not_possible", detail),
            ReadError::Failed(detail) => {
                tracing::error!(detail, "a view cannot be read");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the views cannot be read")
                    .remedy("see the log of the service")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = serde_json::to_vec(&self).expect("a problem has text fields only");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
