//! One try at one POST.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::batch::Post;

/// Bytes of an answer that are read so that the connection can be used again.
const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// A pooled HTTP client for one receiver.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    client: Client<HttpConnector, Full<Bytes>>,
    uri: Uri,
    timeout: Duration,
}

impl Receiver {
    pub(crate) fn new(uri: Uri, concurrency: usize, timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(timeout));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(concurrency)
            .build(connector);
        Self { client, uri, timeout }
    }

    /// Sends the body.
    ///
    /// # Errors
    /// Why the try failed: no connection, no answer in time, or an answer other than 2xx.
    pub(crate) async fn deliver(&self, post: &Post) -> Result<(), String> {
        match tokio::time::timeout(self.timeout, self.exchange(post)).await {
            Err(_) => Err(format!("no answer within {} ms", self.timeout.as_millis())),
            Ok(Err(problem)) => Err(problem),
            Ok(Ok(status)) if status.is_success() => Ok(()),
            Ok(Ok(status)) => Err(format!("answered {status}")),
        }
    }

    async fn exchange(&self, post: &Post) -> Result<StatusCode, String> {
        let request = Request::post(self.uri.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(USER_AGENT, HeaderValue::from_static("facebookexternalua"))
            .header("x-hub-signature-256", &post.signature)
            .body(Full::new(post.body.clone()))
            .map_err(|error| error.to_string())?;
        let answer = self.client.request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        // The status decides; a body that breaks off does not change it.
        let _ = Limited::new(answer.into_body(), ANSWER_MAX_BYTES).collect().await;
        Ok(status)
    }
}
