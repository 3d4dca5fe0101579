//! The send call over pooled connections, and which failures prove that nothing left.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tollgate_wire::event::AttemptResult;
use tollgate_wire::{Reason, Time};

use super::answer;
use super::connector::TimedConnector;
use super::on_time::{Late, OnTime};
use super::retry_after::RetryAfter;
use crate::clock::{self, Clock};

/// Largest answer read, in bytes; the platform's are below one kilobyte.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// How the platform is reached.
#[derive(Clone, Debug)]
pub struct GraphConfig {
    /// Scheme and authority, without a path; `http` is meant for a local sandbox.
    pub base_url: String,
    /// Version segment of every path, for instance `v26.0`.
    pub version: String,
    /// Bound on name look-up, TCP and TLS together.
    pub connect_timeout: Duration,
    /// Bound on the whole call, connecting included. The engine's in-doubt deadline counts on it.
    pub total_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// Unused connections kept at most.
    pub idle_connections_max: usize,
}

impl Default for GraphConfig {
    fn default() -> Self {
        Self {
            base_url: "https://graph.facebook.com".to_owned(),
            version: "v26.0".to_owned(),
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            idle_connections_max: 512,
        }
    }
}

/// Why the client cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// Base URL, version and sender do not make a URI.
    #[error("{uri} is not a usable address: {detail}; correct graph.base_url and graph.version")]
    Address {
        /// What was built.
        uri: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The access token cannot stand in a header.
    #[error("the access token of app {app} has characters that HTTP does not allow; check the token's file")]
    Token {
        /// App name.
        app: String,
    },
    /// TLS could not be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// Where one sender's messages go and who sends: built once per sender, cheap to clone.
#[derive(Clone, Debug)]
pub struct Target {
    uri: Uri,
    marketing: Uri,
    /// Marked sensitive, so that it is never printed.
    authorization: HeaderValue,
}

impl Target {
    /// Where its messages are posted, by the call for everything or by the one for marketing templates.
    #[must_use]
    pub fn uri(&self, marketing: bool) -> &Uri {
        if marketing { &self.marketing } else { &self.uri }
    }
}

/// What came of one send call.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What it means for the attempt.
    pub result: AttemptResult<'static>,
    /// Status of the answer, if there was one.
    pub status: Option<u16>,
}

impl Sent {
    fn without_answer(result: AttemptResult<'static>) -> Self {
        Self { result, status: None }
    }
}

/// The client; clones share one connection pool.
#[derive(Clone)]
pub struct GraphClient {
    pub(super) http: Client<TimedConnector, OnTime>,
    pub(super) config: GraphConfig,
}

impl GraphClient {
    /// Sets the client up; no connection is made.
    ///
    /// # Errors
    /// TLS is not available, or the base address is unusable.
    pub fn new(config: GraphConfig) -> Result<Self, GraphError> {
        let connector = TimedConnector::new(config.connect_timeout)?;
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.idle_timeout)
            .pool_max_idle_per_host(config.idle_connections_max)
            .build(connector);
        let client = Self { http, config };
        client.uri("0", "messages")?;
        Ok(client)
    }

    /// Version segment of every path.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.config.version
    }

    /// The target for a sender with its app's access token.
    ///
    /// # Errors
    /// The sender's id or the token cannot stand in a request.
    pub fn target(&self, sender: &str, app: &str, access_token: &str) -> Result<Target, GraphError> {
        Ok(Target {
            uri: self.uri(sender, "messages")?,
            marketing: self.uri(sender, "marketing_messages")?,
            authorization: authorization(app, access_token)?,
        })
    }

    fn uri(&self, sender: &str, edge: &str) -> Result<Uri, GraphError> {
        let base = self.config.base_url.trim_end_matches('/');
        address(format!("{base}/{}/{sender}/{edge}", self.config.version))
    }

    /// Makes one send call; never repeated by itself once a byte may have left.
    ///
    /// `NotSent` only when no connection could be made, or when it was `leave_by` before the body left. Every other failure,
    /// the time limit included, is `InDoubt`.
    pub async fn send(&self, target: &Target, body: Bytes, clock: &Clock, leave_by: Time) -> Sent {
        self.within_time(&target.uri, target, body, (clock, leave_by)).await
    }

    /// The same by the call for marketing templates.
    pub async fn send_marketing(&self, target: &Target, body: Bytes, clock: &Clock, leave_by: Time) -> Sent {
        self.within_time(&target.marketing, target, body, (clock, leave_by)).await
    }

    async fn within_time(&self, uri: &Uri, target: &Target, body: Bytes, until: (&Clock, Time)) -> Sent {
        let late = Late::default();
        let body = OnTime::until(body, until.0.clone(), until.1, late.clone());
        match tokio::time::timeout(self.config.total_timeout, self.call(uri, target, body)).await {
            Ok(Sent { status: None, .. }) | Err(_) if late.is_late() => {
                Sent::without_answer(AttemptResult::NotSent { reason: Reason::LeaveBy })
            }
            Ok(sent) => sent,
            Err(_) => Sent::without_answer(AttemptResult::InDoubt),
        }
    }

    async fn call(&self, uri: &Uri, target: &Target, body: OnTime) -> Sent {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, target.authorization.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // The pool repeats a request only when an old connection closed before the request was started on it.
        let response = match self.http.request(request).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => {
                tracing::debug!(%error, "the platform cannot be reached");
                return Sent::without_answer(AttemptResult::NotSent { reason: Reason::Unreachable });
            }
            Err(_) => return Sent::without_answer(AttemptResult::InDoubt),
        };
        let status = response.status().as_u16();
        let header = |name: HeaderName| response.headers().get(name).cloned();
        let (retry_after, date) = (header(RETRY_AFTER), header(DATE));
        let Ok(body) = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await else {
            return Sent { result: AttemptResult::InDoubt, status: Some(status) };
        };
        let text = |value: &'_ Option<HeaderValue>| value.as_ref().and_then(|v| v.to_str().ok()).map(str::to_owned);
        let (value, date) = (text(&retry_after), text(&date));
        let retry_after = RetryAfter { value: value.as_deref(), date: date.as_deref(), now: clock::now() };
        Sent { result: answer::read(status, retry_after, &body.to_bytes()), status: Some(status) }
    }
}

/// A usable address.
pub(super) fn address(uri: String) -> Result<Uri, GraphError> {
    let parsed: Result<Uri, _> = uri.parse();
    let detail = match parsed {
        Ok(parsed) if matches!(parsed.scheme_str(), Some("http" | "https")) && parsed.host().is_some() => {
            return Ok(parsed);
        }
        Ok(_) => "it needs http or https and a host".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(GraphError::Address { uri, detail })
}

/// The header with an app's token, marked sensitive.
pub(super) fn authorization(app: &str, access_token: &str) -> Result<HeaderValue, GraphError> {
    let mut authorization = HeaderValue::from_str(&format!("Bearer {access_token}"))
        .map_err(|_| GraphError::Token { app: app.to_owned() })?;
    authorization.set_sensitive(true);
    Ok(authorization)
}

impl std::fmt::Debug for GraphClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GraphClient").field("config", &self.config).finish_non_exhaustive()
    }
}
