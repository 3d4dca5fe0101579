//! Settling and closing over HTTP: what is asked of the books, and when the engine ends a month.

use std::sync::atomic::Ordering;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::World;
use crate::log::Topic;

const CLOSE: &str = "/v1/billing/2026-10:close?account=acme&allow=unpriced,unverified";

#[tokio::test]
async fn a_month_ends_among_the_events_once_and_is_closed_then() {
    let world = World::new().await;
    let answer = world.api("finance", Method::POST, CLOSE, "").await;
    assert_eq!((answer.status, answer.json()["state"].as_str()), (StatusCode::OK, Some("closed")), "{}", answer.text);
    let written = events(&world);
    let told =
        json!({ "account": "acme", "events": [{ "event": "close_month", "month": "2026-10", "settle_days": 8 }] });
    assert_eq!(written, [told]);
    // What is closed is not ended again.
    assert_eq!(world.api("finance", Method::POST, CLOSE, "").await.status, StatusCode::OK);
    assert_eq!(events(&world).len(), 1);
    let corrected = world.api("finance", Method::POST, "/v1/billing/2026-10:correct?account=acme", "").await;
    assert_eq!(corrected.json()["corrected"], "2026-10");
    let state = world.api("finance", Method::GET, "/v1/billing/2026-10/state?account=acme", "").await;
    assert_eq!(state.json()["state"], "Closed");
}

#[tokio::test]
async fn what_may_not_end_is_refused_and_nothing_is_written() {
    let world = World::new().await;
    let refused = [
        ("/v1/billing/2026-11:close?account=acme&allow=unverified", 409, "too_early"),
        ("/v1/billing/2026-10:close?account=acme", 409, "not_complete"),
        ("/v1/billing/2026-10:close?account=acme&allow=everything", 400, "bad_query"),
        ("/v1/billing/2026-10:close?account=acme&forced=", 422, "malformed"),
        ("/v1/billing/2026-10:close?account=acme&forced=two%0Alines", 422, "malformed"),
        ("/v1/billing/2026-10:close", 400, "bad_query"),
        ("/v1/billing/2026-10:shut?account=acme", 404, "unknown_action"),
        ("/v1/billing/2026-10?account=acme", 404, "unknown_action"),
        ("/v1/billing/october:close?account=acme", 404, "not_found"),
        ("/v1/billing/2026-10:close?account=other", 403, "forbidden"),
        ("/v1/billing/2026-10:invoice?account=acme", 400, "bad_query"),
        ("/v1/billing/2026-10:invoice?account=acme&invoice=R-7&replace=yes", 400, "bad_query"),
        ("/v1/billing/2026-10:invoice?account=acme&invoice=R-8", 409, "invoice_attached"),
        ("/v1/billing/2026-10:credit?account=acme&waba=w1&id=C-1&price=1", 400, "bad_query"),
        ("/v1/billing/2026-10:credit?account=acme&waba=w1&price=1&reason=x", 400, "bad_query"),
        ("/v1/billing/2026-10:credit?account=acme&waba=w1&id=C-1&price=one&reason=x", 400, "bad_query"),
        ("/v1/billing/2026-10:credit?account=acme&waba=w1&id=C-1&price=0&reason=x", 422, "malformed"),
        ("/v1/billing/2026-10:credit?account=acme&waba=w1&id=C-1&price=0.00000000001&reason=x", 422, "malformed"),
        ("/v1/billing/2026-10:credit?account=acme&waba=w1&id=C-1&price=1000000001&reason=x", 422, "malformed"),
        ("/v1/billing/2026-10:credit?account=acme&waba=w1&id=taken&price=1&reason=x", 409, "credit_id_taken"),
    ];
    for (path, status, code) in refused {
        let answer = world.api("finance", Method::POST, path, "").await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (status, Some(code)), "{path}");
    }
    assert!(events(&world).is_empty());
    let forced = "/v1/billing/2026-11:close?account=acme&allow=unverified&forced=contract%20ends";
    assert_eq!(world.api("finance", Method::POST, forced, "").await.status, StatusCode::OK);
    assert_eq!(events(&world)[0]["events"][0]["forced"], "contract ends");
}

#[tokio::test]
async fn an_invoice_is_attached() {
    let world = World::new().await;
    let path = "/v1/billing/2026-10:invoice?account=acme&invoice=R-8&tax_code=AE%2019&replace=true";
    let answer = world.api("finance", Method::POST, path, "").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json(), json!({ "month": "2026-10", "invoice": "R-8", "tax_code": "AE 19" }));
}

#[tokio::test]
async fn a_credit_is_written_once_and_answered_when_it_is_booked() {
    let world = World::new().await;
    let path = "/v1/billing/2026-10:credit?account=acme&waba=w1&id=C-1&price=12.50&reason=an%20outage&reference=CN-7";
    let answer = world.api("finance", Method::POST, path, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.json());
    assert_eq!(answer.json()["price"], "12.50");
    let by = answer.json()["by"].clone();
    let told = json!({ "account": "acme", "events": [{ "event": "credit", "id": "C-1", "waba": "w1", "month": "2026-10",
        "price": "12.50", "reason": "an outage", "reference": "CN-7", "by": by }] });
    assert_eq!(events(&world), [told]);
    assert!(by.is_string(), "the name of the token");
    // What is booked is not written again.
    assert_eq!(world.api("finance", Method::POST, path, "").await.status, StatusCode::OK);
    assert_eq!(events(&world).len(), 1);
}

#[tokio::test]
async fn one_amount_off_both_is_told_to_the_engine_as_such() {
    let world = World::new().await;
    let path = "/v1/billing/2026-10:credit?account=acme&waba=w1&id=C-1&amount=-12.50&reason=x";
    let answer = world.api("finance", Method::POST, path, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.json());
    let mut written = events(&world)[0]["events"][0].clone();
    written.as_object_mut().unwrap().remove("by");
    let told = json!({ "event": "credit", "id": "C-1", "waba": "w1", "month": "2026-10", "cost": "-12.50",
        "price": "-12.50", "reason": "x", "both": true });
    assert_eq!(written, told);
    // Two amounts stay two, though they are the same.
    let apart = "/v1/billing/2026-11:credit?account=acme&waba=w1&id=C-2&cost=1&price=1&reason=x";
    world.books.looked.store(0, Ordering::Relaxed);
    assert_eq!(world.api("finance", Method::POST, apart, "").await.status, StatusCode::OK);
    assert_eq!(events(&world)[1]["events"][0].get("both"), None);
}

#[tokio::test]
async fn months_have_their_turn_one_at_a_time() {
    let world = World::new().await;
    world.books.slow_ms.store(150, Ordering::Relaxed);
    let begun = std::time::Instant::now();
    let call = |month: &str| {
        let path = format!("/v1/billing/{month}:settle?account=acme");
        let world = &world;
        async move { world.api("finance", Method::POST, &path, "").await }
    };
    // Who asks for the same joins it.
    let (one, again, two, three) = tokio::join!(call("2026-10"), call("2026-10"), call("2026-11"), call("2026-12"));
    for (answer, month) in [(one, "2026-10"), (again, "2026-10"), (two, "2026-11"), (three, "2026-12")] {
        assert_eq!((answer.status, answer.json()["settled"].as_str()), (StatusCode::OK, Some(month)));
    }
    assert!(begun.elapsed().as_millis() >= 450);
    assert_eq!(world.books.settled.load(Ordering::Relaxed), 3);
}

/// Records of the events topic.
fn events(world: &World) -> Vec<Value> {
    world.inbox.of(Topic::Events).iter().map(|(_, value)| serde_json::from_str(value).unwrap()).collect()
}
