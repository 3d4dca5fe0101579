//! Spans of requests that bring messages.

use super::world::{World, config, request};
use crate::gateway::{GatewayConfig, GatewayParts};
use crate::log::Topic;
use crate::traces::Traces;
use axum::http::Method;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A world, the API's address of a second gateway that records a part, and where its spans go.
async fn traced(sample_per_million: u64) -> (World, String, Receiver<SpanData>) {
    traced_with(sample_per_million, config()).await
}

async fn traced_with(sample_per_million: u64, config: GatewayConfig) -> (World, String, Receiver<SpanData>) {
    let world = World::new().await;
    let (traces, ended) = Traces::to_queue(sample_per_million);
    let parts = GatewayParts { traces, ..world.parts() };
    let mut gateway = world.second(&config).await;
    gateway.bind(config, parts).await.unwrap();
    let api = format!("http://{}/v1/", gateway.addresses().api);
    tokio::spawn(gateway.serve());
    (world, api, ended)
}

fn says(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|has| has.key.as_str() == key).map(|has| has.value.to_string())
}

#[tokio::test]
async fn a_request_is_a_span_and_its_records_are_below_it() {
    let (world, api, mut ended) = traced(0).await;
    let post = async |path: &str, kind: &str, token: &str, trace: &str, body: String| {
        let authorization = format!("Bearer {token}");
        let headers = [("authorization", &*authorization), ("content-type", kind), ("traceparent", trace)];
        world.call(&format!("{api}{path}"), Method::POST, &headers, body).await.status.as_u16()
    };
    let (json, lines) = ("application/json", "application/x-ndjson");
    let good = |id| request(id, "utility").to_string();
    assert_eq!(post("messages", json, "enqueue", CALLER, good("a")).await, 202);
    assert_eq!(post("messages:batch", lines, "enqueue", CALLER, good("b")).await, 202);
    assert_eq!(post("messages", json, "enqueue", CALLER, "{}".to_owned()).await, 422);
    // Not let in, and not recorded by the caller.
    assert_eq!(post("messages", json, "stranger", CALLER, good("c")).await, 401);
    assert_eq!(post("messages", json, "enqueue", &CALLER.replace("-01", "-00"), good("d")).await, 202);
    let spans: Vec<SpanData> = std::iter::from_fn(|| ended.try_recv().ok()).collect();
    let told: Vec<_> = spans
        .iter()
        .map(|span| (&*span.name, says(span, "http.response.status_code").unwrap(), says(span, "tollgate.problem")))
        .collect();
    assert_eq!(
        told,
        [
            ("POST /v1/messages", "202".to_owned(), None),
            ("POST /v1/messages:batch", "202".to_owned(), None),
            ("POST /v1/messages", "422".to_owned(), Some("malformed".to_owned())),
        ]
    );
    assert!(spans.iter().all(|span| span.span_kind == SpanKind::Server && span.status == Status::Unset));
    let below = |span: &SpanData| format!("00-{}-{}-01", span.span_context.trace_id(), span.span_context.span_id());
    let headers: Vec<String> = world.inbox.headers_of(Topic::Requests).into_iter().map(|mut h| h.remove(0).1).collect();
    assert_eq!(headers, [below(&spans[0]), below(&spans[1]), CALLER.replace("-01", "-00")]);
}

/// Or the shard would choose a second time.
#[tokio::test]
async fn where_a_part_is_recorded_every_record_says_whether_it_is_in_it() {
    for (sample_per_million, flags, spans) in [(1_000_000, "-01", 1), (1, "-00", 0)] {
        let (world, api, mut ended) = traced(sample_per_million).await;
        let headers = [("authorization", "Bearer enqueue")];
        let body = request("a", "utility").to_string();
        assert_eq!(world.call(&format!("{api}messages"), Method::POST, &headers, body).await.status, 202);
        let header = world.inbox.headers_of(Topic::Requests)[0][0].1.clone();
        assert!(header.ends_with(flags), "{header} at {sample_per_million} in a million");
        assert_eq!(std::iter::from_fn(|| ended.try_recv().ok()).count(), spans);
    }
}

/// Its body never ends: the time for a request does, or the client's patience.
#[tokio::test]
async fn without_an_answer_of_its_own_a_request_ends_cancelled() {
    let mut config = config();
    config.limits.request_timeout = Duration::from_millis(300);
    let (_world, api, mut ended) = traced_with(0, config).await;
    let address = api.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/v1/")).unwrap();
    for token in ["stranger", "enqueue"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /v1/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             traceparent: {CALLER}\r\ncontent-length: 100\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        assert!(stream.read(&mut [0; 100]).await.unwrap() > 0, "{token} is answered");
    }
    let span = ended.try_recv().unwrap();
    assert_eq!((says(&span, "error.type").as_deref(), span.status), (Some("cancelled"), Status::error("")));
    assert!(ended.try_recv().is_err(), "nothing of the stranger");
}
