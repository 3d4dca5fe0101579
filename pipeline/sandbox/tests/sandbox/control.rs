//! The control paths: what users, the platform and an outage do on order.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{NUMBER, Receiver, start, template};

const TO: &str = "16505551234";

async fn only_change(receiver: &Receiver) -> Value {
    receiver.wait("a change", |receiver| receiver.changes().len() == 1).await;
    receiver.changes().remove(0).1
}

#[tokio::test]
async fn a_template_is_paused_and_approved_again() {
    let (receiver, _handle, client) = start(|_| {}).await;
    let mut order = json!({ "account": "acme", "name": "promo", "language": "en_US", "event": "PAUSED" });
    client.control("templates/status", &order).await;
    let change = only_change(&receiver).await;
    assert_eq!(change["field"], "message_template_status_update");
    assert_eq!(change["value"]["event"], "PAUSED");
    assert_eq!(change["value"]["message_template_category"], "MARKETING");
    assert_eq!(change["value"]["other_info"]["title"], "FIRST_PAUSE");
    assert!(change["value"]["message_template_id"].is_u64());
    client.refused(&template(TO, "promo"), 400, 132_015).await;
    order["event"] = json!("APPROVED");
    client.control("templates/status", &order).await;
    client.accepted(TO, "promo").await;
}

#[tokio::test]
async fn a_portfolio_gets_another_limit() {
    let (receiver, handle, client) = start(|_| {}).await;
    client.control("quality", &json!({ "account": "acme", "limit": 2000 })).await;
    let change = only_change(&receiver).await;
    assert_eq!(change["field"], "business_capability_update");
    assert_eq!(change["value"]["max_daily_conversations_per_business"], "TIER_2K");
    assert_eq!(handle.stats().unique_users[0].limit, Some(2_000));
}

#[tokio::test]
async fn a_number_gets_another_throughput() {
    let (receiver, _handle, client) = start(|_| {}).await;
    let order = json!({ "sender": NUMBER, "event": "THROUGHPUT_UPGRADE", "throughput_mps": 1 });
    client.control("quality", &order).await;
    let change = only_change(&receiver).await;
    assert_eq!(change["field"], "phone_number_quality_update");
    assert_eq!(change["value"]["display_phone_number"], "15550783881");
    assert_eq!(change["value"]["max_daily_conversations_per_business"], "TIER_UNLIMITED");
    client.accepted(TO, "promo").await;
    client.refused(&template("16505551235", "promo"), 429, 130_429).await;
}

#[tokio::test]
async fn a_user_stops_and_resumes_marketing() {
    let (receiver, _handle, client) = start(|_| {}).await;
    let mut order = json!({ "sender": NUMBER, "from": TO, "preference": "stop" });
    client.control("inbound", &order).await;
    client.control("inbound", &order).await;
    client.accepted(TO, "promo").await;
    receiver.wait_statuses(1).await;
    assert_eq!(receiver.statuses()[0]["errors"][0]["code"], 131_050);
    order["preference"] = json!("resume");
    client.control("inbound", &order).await;
    client.accepted(TO, "promo").await;
    receiver.wait_statuses(4).await;
    let values: Vec<Value> = receiver.all("user_preferences").iter().map(|one| one["value"].clone()).collect();
    assert_eq!(values, ["stop", "resume"]);
}

#[tokio::test]
async fn an_outage_answers_503_or_closes_or_hangs() {
    let (_receiver, handle, client) = start(|_| {}).await;
    client.control("outage", &json!({ "manner": "unavailable", "seconds": 60 })).await;
    client.refused(&template(TO, "promo"), 503, 2).await;
    let path = format!("/v24.0/{NUMBER}/messages");
    let body = template(TO, "promo").to_string();
    client.control("outage", &json!({ "manner": "close", "seconds": 60 })).await;
    assert_eq!(client.request("POST", &path, &body).await, None);
    client.control("outage", &json!({ "manner": "hang", "seconds": 0.2 })).await;
    let start = Instant::now();
    assert_eq!(client.request("POST", &path, &body).await, None);
    assert!(start.elapsed() >= Duration::from_millis(150));
    client.accepted(TO, "promo").await;
    assert_eq!((handle.stats().accepted, handle.stats().unanswered), (1, 3));
}

#[tokio::test]
async fn any_error_is_answered_on_order_with_the_time_to_wait() {
    let (_receiver, handle, client) = start(|_| {}).await;
    for (code, http) in [(80_007, 429), (4, 429), (131_016, 500), (1, 500), (133_010, 400), (999_999, 400)] {
        let mut order = json!({ "code": code, "seconds": 60, "retry_after_seconds": 30 });
        client.control("errors", &order).await;
        client.refused(&template(TO, "promo"), http, code).await;
        order["seconds"] = json!(0);
        client.control("errors", &order).await;
    }
    client.accepted(TO, "promo").await;
    let order = json!({ "code": 131_057, "seconds": 60, "sender": NUMBER, "retry_after_seconds": 7 });
    client.control("errors", &order).await;
    assert_eq!(client.retry_after(&template(TO, "promo")).await.as_deref(), Some("7"));
    assert_eq!((handle.stats().accepted, handle.stats().refused[&80_007]), (1, 1));
}

#[tokio::test]
async fn a_part_of_the_sends_meets_an_error() {
    let (_receiver, handle, client) = start(|_| {}).await;
    client.control("errors", &json!({ "code": 131_000, "seconds": 60, "share": 0.3 })).await;
    for n in 100..300 {
        client.send(&template(&format!("165055{n:05}"), "promo")).await;
    }
    let refused = handle.stats().refused[&131_000];
    assert!((35..85).contains(&refused), "{refused}");
}

#[tokio::test]
async fn any_error_comes_as_a_status_on_order() {
    let (receiver, handle, client) = start(|_| {}).await;
    client.control("errors", &json!({ "code": 130_429, "way": "status", "seconds": 60 })).await;
    client.accepted(TO, "promo").await;
    receiver.wait_statuses(1).await;
    let status = &receiver.statuses()[0];
    assert_eq!((&status["status"], &status["errors"][0]["code"]), (&json!("failed"), &json!(130_429)));
    assert_eq!(status["biz_opaque_callback_data"], "job-42");
    assert_eq!(handle.stats().failed[&130_429], 1);
}

#[tokio::test]
async fn wrong_orders_name_their_field() {
    let (_receiver, _handle, client) = start(|config| config.journal.memory_max_lines = 0).await;
    let cases = [
        ("inbound", json!({ "sender": "9", "from": TO, "text": "x" }), 404, "sender"),
        ("inbound", json!({ "sender": NUMBER, "from": "x", "text": "x" }), 400, "from"),
        ("inbound", json!({ "sender": NUMBER, "from": TO }), 400, "text"),
        ("inbound", json!({ "sender": NUMBER, "from": TO, "txt": "x" }), 400, "txt"),
        (
            "templates/status",
            json!({ "account": "acme", "name": "x", "language": "en_US", "event": "PAUSED" }),
            404,
            "name",
        ),
        (
            "templates/status",
            json!({ "account": "acme", "name": "promo", "language": "en_US", "event": "ASLEEP" }),
            400,
            "event",
        ),
        ("quality", json!({ "account": "acme" }), 400, "limit"),
        ("quality", json!({ "sender": NUMBER }), 400, "event"),
        ("quality", json!({ "account": "acme", "limit": "much" }), 400, "unlimited"),
        ("outage", json!({ "manner": "hang", "seconds": -1 }), 400, "seconds"),
        ("errors", json!({ "code": 2 }), 400, "seconds"),
        ("errors", json!({ "code": 1_000_000, "seconds": 1 }), 400, "code"),
        ("errors", json!({ "code": 2, "seconds": 1, "share": 0 }), 400, "share"),
        ("errors", json!({ "code": 2, "seconds": 1, "sender": "9" }), 404, "sender"),
        ("errors", json!({ "code": 2, "seconds": 1, "way": "status", "retry_after_seconds": 1 }), 400, "retry_after"),
        ("dance", json!({}), 404, "README"),
    ];
    for (path, body, status, word) in cases {
        let path = format!("/sandbox/{path}");
        let answer = client.request("POST", &path, &body.to_string()).await.expect("answer");
        assert_eq!(answer.0, status, "{path} {answer:?}");
        assert!(answer.1.contains(word), "{path} {answer:?}");
    }
    assert_eq!(client.request("GET", "/sandbox/journal", "").await.expect("answer").0, 404);
}
