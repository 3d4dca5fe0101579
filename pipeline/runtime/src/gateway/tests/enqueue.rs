//! One message: durable before 202, the right lane, errors that name field and remedy.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use super::world::{World, request};
use crate::inbox::AppendError;
use crate::log::Topic;

#[tokio::test]
async fn accepted_only_after_it_is_durable() {
    let world = World::new().await;
    world.inbox.set_open(false);
    let body = request("m1", "marketing").to_string();
    let answer = world.api("enqueue", Method::POST, "/v1/messages", body.clone());
    tokio::pin!(answer);
    let early = tokio::time::timeout(Duration::from_millis(150), answer.as_mut()).await;
    assert!(early.is_err(), "answered before the record was durable");
    world.inbox.set_open(true);
    let answer = answer.await;
    assert_eq!((answer.status.as_u16(), answer.json()), (202, json!({ "id": "m1" })));
    assert_eq!(world.inbox.of(Topic::Requests), [("acme".to_owned(), body)], "the bytes as they came");
}

#[tokio::test]
async fn one_time_codes_and_asked_for_go_to_the_priority_lane() {
    let world = World::new().await;
    for (id, purpose, query) in
        [("1", "authentication", ""), ("2", "utility", "?lane=priority"), ("3", "utility", "?lane=bulk")]
    {
        let body = request(id, purpose).to_string();
        let answer = world.api("enqueue", Method::POST, &format!("/v1/messages{query}"), body).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
    }
    assert_eq!(world.inbox.of(Topic::RequestsPriority).len(), 2);
    assert_eq!(world.inbox.of(Topic::Requests).len(), 1);
}

#[tokio::test]
async fn every_refusal_is_a_problem_with_a_code() {
    let world = World::new().await;
    let change = |change: fn(&mut Value)| {
        let mut body = request("m1", "marketing");
        change(&mut body);
        body.to_string()
    };
    let cases: [(&str, String, u16, &str, Option<&str>); 8] = [
        ("/v1/messages", "{".to_owned(), 422, "malformed", None),
        ("/v1/messages", change(|b| b["campain"] = json!("x")), 422, "unknown_field", Some("campain")),
        ("/v1/messages", change(|b| b["id"] = json!("")), 422, "malformed", Some("id")),
        ("/v1/messages", change(|b| b["content"] = json!([])), 422, "malformed", Some("content")),
        ("/v1/messages", change(|b| b["metadata"] = json!("x".repeat(70_000))), 413, "too_large", None),
        ("/v1/messages?lane=fast", change(|_| {}), 400, "bad_query", Some("lane")),
        ("/v1/messages?line=1", change(|_| {}), 400, "bad_query", Some("line")),
        ("/v1/messages", change(|b| b["account"] = json!("nobody")), 404, "unknown_account", Some("account")),
    ];
    for (path, body, status, code, field) in cases {
        let answer = world.api("everything", Method::POST, path, body).await;
        let problem = answer.json();
        assert_eq!((answer.status.as_u16(), problem["code"].as_str()), (status, Some(code)), "{problem}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:tollgate:problem:{code}"));
        assert!(problem["title"].is_string() && problem["detail"].is_string() && problem["remedy"].is_string());
        assert_eq!(problem["field"].as_str(), field, "{problem}");
    }
    assert_eq!(world.inbox.appends(), 0);
}

#[tokio::test]
async fn a_full_log_and_a_failing_one_ask_to_come_back() {
    let world = World::new().await;
    world.inbox.fail_with(vec![AppendError::Failed("disk".to_owned()), AppendError::Full]);
    for (code, wait) in [("log_full", "1"), ("log_failed", "5")] {
        let answer = world.api("enqueue", Method::POST, "/v1/messages", request("m", "utility").to_string()).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, wait));
        assert_eq!(answer.json()["code"], code);
    }
}

#[tokio::test]
async fn a_full_waiting_room_answers_429_to_bulk_only() {
    let world = World::new().await;
    *world.reads.waiting.lock().unwrap() = Some((5_000_000, 0));
    let bulk = world.api("enqueue", Method::POST, "/v1/messages", request("m", "utility").to_string()).await;
    assert_eq!((bulk.status.as_u16(), bulk.header("retry-after")), (429, "30"));
    assert_eq!(bulk.json()["code"], "waiting_room_full");
    let code = world.api("enqueue", Method::POST, "/v1/messages", request("c", "authentication").to_string()).await;
    assert_eq!(code.status, 202);
    *world.reads.waiting.lock().unwrap() = Some((4_999_999, 0));
    world.clock.set(tollgate_wire::Time(super::world::NOW.0 + 1_001));
    let bulk = world.api("enqueue", Method::POST, "/v1/messages", request("m", "utility").to_string()).await;
    assert_eq!(bulk.status, 202);
}

#[tokio::test]
async fn the_id_of_a_cloud_event_serves_when_the_body_has_none() {
    let world = World::new().await;
    let url = format!("http://{}/v1/messages", world.at.api);
    let post = async |body: String, ce_id: &str| {
        let headers = [("authorization", "Bearer enqueue"), ("ce-id", ce_id), ("ce-source", "/crm"), ("ce-type", "x")];
        world.call(&url, Method::POST, &headers, body).await
    };
    let mut without = request("", "utility");
    without.as_object_mut().unwrap().remove("id");
    assert_eq!(post(without.to_string(), "a%25b").await.json(), json!({ "id": "a%b" }), "escaped as in HTTP");
    assert_eq!(post(request("own", "utility").to_string(), "e2").await.json(), json!({ "id": "own" }));
    let refused = post(without.to_string(), &"x".repeat(129)).await;
    assert_eq!((refused.status.as_u16(), refused.json()["field"].as_str()), (422, Some("ce_id")), "{}", refused.text);
    assert_eq!(world.inbox.headers_of(Topic::Requests)[0], [("ce_id".to_owned(), "a%b".to_owned())]);
    assert_eq!(world.inbox.of(Topic::Requests)[0].1, without.to_string(), "the bytes as they came");
}

#[tokio::test]
async fn a_valid_trace_goes_with_the_record() {
    let world = World::new().await;
    let url = |path: &str| format!("http://{}/v1/{path}", world.at.api);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let post = async |path: &str, kind: &str, trace: &str, id: &str| {
        let headers = [("authorization", "Bearer enqueue"), ("content-type", kind), ("traceparent", trace)];
        let answer = world.call(&url(path), Method::POST, &headers, request(id, "utility").to_string()).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
    };
    let json = "application/json";
    post("messages", json, trace, "a").await;
    post("messages", json, "00-not-a-trace-01", "b").await;
    post("messages:batch", "application/x-ndjson", trace, "c").await;
    let headers = world.inbox.headers_of(Topic::Requests);
    let with = vec![("traceparent".to_owned(), trace.to_owned())];
    assert_eq!(headers, [with.clone(), vec![], with]);
}
