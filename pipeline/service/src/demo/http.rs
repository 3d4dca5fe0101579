//! A small HTTP client for loopback: what the demo says to the service and to the sandbox.

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Talks to one server; clones share its connections.
#[derive(Clone)]
pub(super) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
}

impl Http {
    /// `base` is `http://address`.
    pub(super) fn new(base: String) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), base }
    }

    /// Sends a JSON or NDJSON body; the answer as JSON.
    ///
    /// # Errors
    /// No connection, or any answer but 2xx, with its text.
    pub(super) async fn call(&self, method: Method, path: &str, body: impl Into<Bytes>) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.base);
        let request = Request::builder()
            .method(method)
            .uri(&url)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body.into()))
            .with_context(|| url.clone())?;
        let response = self.client.request(request).await.with_context(|| url.clone())?;
        let status = response.status();
        let body = response.into_body().collect().await.with_context(|| url.clone())?.to_bytes();
        if !status.is_success() {
            bail!("{url} answered {status}: {}", String::from_utf8_lossy(&body));
        }
        serde_json::from_slice(&body).with_context(|| url)
    }
}
