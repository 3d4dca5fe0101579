//! Posting one batch: bounded, repeated where the collector asks for it, over connections that are kept.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use std::time::Duration;
use tokio::sync::watch;

use crate::graph::TimedConnector;

/// Bound on connecting, and on one try with it.
const CONNECT: Duration = Duration::from_secs(2);
const TRY: Duration = Duration::from_secs(5);
/// Waits before the second try and the third.
const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(3)];
/// Largest answer read, in bytes: it says how many spans were refused.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The client of the exporter.
pub(super) struct Poster {
    http: Client<TimedConnector, Full<Bytes>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Once it is true nothing is tried again.
    stopping: watch::Receiver<bool>,
}

impl Poster {
    pub(super) fn new(
        headers: Vec<(HeaderName, HeaderValue)>,
        stopping: watch::Receiver<bool>,
    ) -> Result<Self, rustls::Error> {
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(1)
            .build(TimedConnector::new(CONNECT)?);
        Ok(Self { http, headers, stopping })
    }

    async fn once(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.http.request(request.map(Full::new)).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }

    async fn bounded(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        match tokio::time::timeout(TRY, self.once(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", TRY.as_secs()).into()),
        }
    }
}

#[async_trait::async_trait]
impl HttpClient for Poster {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        for (name, value) in &self.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        let mut stopping = self.stopping.clone();
        for wait in WAITS {
            match self.bounded(request.clone()).await {
                Ok(answer) if !may_come_again(answer.status()) => return Ok(answer),
                _ => {}
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stopping.wait_for(|stopping| *stopping) => break,
            }
        }
        self.bounded(request).await
    }
}

/// What the protocol lets a client try again.
fn may_come_again(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

impl std::fmt::Debug for Poster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poster").finish_non_exhaustive()
    }
}
