//! A webhook receiver, a client, and a small account with quick users.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tollgate_sandbox::{RateConfig, Sandbox, SandboxConfig, SandboxHandle};

pub const NUMBER: &str = "106540352242922";
pub const SECRET: &str = "test-secret";

/// One POST as it came.
#[derive(Clone)]
pub struct Received {
    pub body: Bytes,
    pub signature: String,
}

/// Takes webhooks and keeps them.
pub struct Receiver {
    pub url: String,
    posts: Arc<Mutex<Vec<Received>>>,
    /// POSTs still to be answered 500.
    pub failures: Arc<AtomicU32>,
    pub tries: Arc<AtomicU32>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("http://{}/hook", listener.local_addr().expect("address"));
        let receiver = Self { url, posts: Arc::default(), failures: Arc::default(), tries: Arc::default() };
        let (posts, failures) = (receiver.posts.clone(), receiver.failures.clone());
        let tries = receiver.tries.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (posts, failures, tries) = (posts.clone(), failures.clone(), tries.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let (posts, failures, tries) = (posts.clone(), failures.clone(), tries.clone());
                    async move { Ok::<_, Infallible>(take(request, &posts, &failures, &tries).await) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        receiver
    }

    pub fn posts(&self) -> Vec<Received> {
        self.posts.lock().expect("posts").clone()
    }

    /// Every change of every entry, in order of arrival, with its WABA.
    pub fn changes(&self) -> Vec<(String, Value)> {
        let mut changes = Vec::new();
        for post in self.posts() {
            let body: Value = serde_json::from_slice(&post.body).expect("JSON");
            assert_eq!(body["object"], "whatsapp_business_account");
            for entry in body["entry"].as_array().expect("entries") {
                let waba = entry["id"].as_str().expect("WABA").to_owned();
                for change in entry["changes"].as_array().expect("changes") {
                    changes.push((waba.clone(), change.clone()));
                }
            }
        }
        changes
    }

    /// Every element of `value.statuses`, `value.messages` or `value.user_preferences`.
    pub fn all(&self, key: &str) -> Vec<Value> {
        let lists = self.changes().into_iter();
        let lists = lists.filter_map(|(_, change)| change["value"][key].as_array().cloned());
        lists.flatten().collect()
    }

    pub fn statuses(&self) -> Vec<Value> {
        self.all("statuses")
    }

    /// Names of the statuses so far, in order of arrival.
    pub fn names(&self) -> Vec<String> {
        let statuses = self.statuses().into_iter();
        statuses.map(|status| status["status"].as_str().expect("name").to_owned()).collect()
    }

    /// Waits until `done`; panics with what was received after five seconds.
    pub async fn wait(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            let late = start.elapsed() > Duration::from_secs(5);
            assert!(!late, "waited for {what}, got {:#?}", self.changes());
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }

    pub async fn wait_statuses(&self, count: usize) {
        self.wait(&format!("{count} statuses"), |receiver| receiver.statuses().len() >= count).await;
    }
}

async fn take(
    request: Request<Incoming>,
    posts: &Mutex<Vec<Received>>,
    failures: &AtomicU32,
    tries: &AtomicU32,
) -> Response<Full<Bytes>> {
    let signature = request.headers()["x-hub-signature-256"].to_str().expect("text").to_owned();
    let body = request.into_body().collect().await.expect("body").to_bytes();
    tries.fetch_add(1, Ordering::SeqCst);
    let mut answer = Response::new(Full::new(Bytes::from("{}")));
    let fail = |left: u32| left.checked_sub(1);
    if failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fail).is_ok() {
        *answer.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
    } else {
        posts.lock().expect("posts").push(Received { body, signature });
    }
    answer
}

/// Sends and controls.
pub struct Client {
    http: HyperClient<HttpConnector, Full<Bytes>>,
    base: String,
    pub token: String,
}

impl Client {
    pub fn new(handle: &SandboxHandle) -> Self {
        Self {
            http: HyperClient::builder(TokioExecutor::new()).build_http(),
            base: handle.url(),
            token: "sandbox-token".to_owned(),
        }
    }

    /// Status and body; none when the connection closed without an answer.
    pub async fn request(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .body(Full::new(Bytes::from(body.to_owned())))
            .expect("request");
        let answer = self.http.request(request).await.ok()?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        Some((status, String::from_utf8(body.to_vec()).expect("utf-8")))
    }

    pub async fn send(&self, body: &Value) -> (u16, Value) {
        let path = format!("/v24.0/{NUMBER}/messages");
        let (status, text) = self.request("POST", &path, &body.to_string()).await.expect("answer");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Sends the template `name` and returns its wamid.
    pub async fn accepted(&self, to: &str, name: &str) -> String {
        let (status, answer) = self.send(&template(to, name)).await;
        assert_eq!(status, 200, "{answer}");
        answer["messages"][0]["id"].as_str().expect("wamid").to_owned()
    }

    /// Sends and expects this refusal; returns the details.
    pub async fn refused(&self, body: &Value, http: u16, code: u32) -> String {
        let (status, answer) = self.send(body).await;
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert_eq!(status, http, "{answer}");
        assert_eq!(answer["error"]["error_data"]["messaging_product"], "whatsapp");
        assert_eq!(answer["error"]["type"], "OAuthException");
        assert!(answer["error"]["fbtrace_id"].is_string());
        answer["error"]["error_data"]["details"].as_str().expect("details").to_owned()
    }

    /// Sends and returns the header `Retry-After` of the answer.
    pub async fn retry_after(&self, body: &Value) -> Option<String> {
        let request = Request::builder()
            .method("POST")
            .uri(format!("{}/v24.0/{NUMBER}/messages", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .body(Full::new(Bytes::from(body.to_string())))
            .expect("request");
        let answer = self.http.request(request).await.expect("answer");
        answer.headers().get("retry-after").map(|value| value.to_str().expect("ASCII").to_owned())
    }

    pub async fn control(&self, path: &str, body: &Value) -> Value {
        let path = format!("/sandbox/{path}");
        let (status, text) = self.request("POST", &path, &body.to_string()).await.expect("answer");
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).expect("JSON")
    }
}

/// A send of a template of this account, without parameters.
pub fn template(to: &str, name: &str) -> Value {
    json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": to,
        "type": "template", "biz_opaque_callback_data": "job-42",
        "template": { "name": name, "language": { "code": "en_US" } }
    })
}

pub fn text(to: &str) -> Value {
    json!({ "messaging_product": "whatsapp", "to": to, "type": "text", "text": { "body": "hi" } })
}

/// An account whose users are quick and do only what a test orders.
pub fn config(receiver: &Receiver) -> SandboxConfig {
    let mut config = SandboxConfig::from_json(
        r#"{
        "listen": "127.0.0.1:0", "seed": 7,
        "webhooks": { "app_secret": "test-secret", "retry_first_ms": 5, "flush_ms": 5 },
        "delays": { "delay_scale": 0.002, "sigma": 0.0, "slow_answer_ms": 150 },
        "journal": { "memory_max_lines": 10000 },
        "accounts": [{
            "id": "acme", "waba": "102290129340398", "messaging_limit": "unlimited",
            "senders": [{ "phone_number_id": "106540352242922",
                          "display_phone_number": "15550783881", "throughput_mps": 1000 }],
            "templates": [
                { "name": "promo", "language": "en_US", "category": "MARKETING" },
                { "name": "notice", "language": "en_US", "category": "UTILITY" },
                { "name": "paused", "language": "en_US", "category": "UTILITY", "status": "PAUSED" },
                { "name": "disabled", "language": "en_US", "category": "UTILITY", "status": "DISABLED" },
                { "name": "pending", "language": "en_US", "category": "UTILITY", "status": "PENDING" },
                { "name": "two", "language": "en_US", "category": "UTILITY", "body": 2,
                  "message_send_ttl_seconds": -1 },
                { "name": "named", "language": "en_US", "category": "UTILITY", "body": ["first_name"] },
                { "name": "picture", "language": "en_US", "category": "MARKETING", "header": "IMAGE",
                  "buttons": [{ "type": "URL", "dynamic": true }, { "type": "QUICK_REPLY" },
                              { "type": "COPY_CODE" }] },
                { "name": "code", "language": "en_US", "category": "AUTHENTICATION", "body": 1,
                  "buttons": [{ "type": "OTP" }] }
            ]
        }]}"#,
    )
    .expect("configuration");
    config.rates = RateConfig::quiet();
    config.webhooks.url = Some(receiver.url.clone());
    config
}

/// Receiver, sandbox and client, with one change to the configuration.
pub async fn start(change: impl FnOnce(&mut SandboxConfig)) -> (Receiver, SandboxHandle, Client) {
    let receiver = Receiver::start().await;
    let mut config = config(&receiver);
    change(&mut config);
    let handle = Sandbox::start(config).await.expect("started");
    let client = Client::new(&handle);
    (receiver, handle, client)
}
