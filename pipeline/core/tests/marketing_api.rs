//! By which call of the platform marketing leaves.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{World, account_spec, promo, shipped};
use serde_json::{Value, json};

const TO: &str = "+5511987654321";

fn spec(api: &Value) -> Value {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["policy"] = json!({"marketing_api": api});
    spec
}

fn world(api: &Value) -> World {
    let mut w = World::new();
    w.apply(&spec(api));
    w.opt_in(TO, "marketing");
    w.opt_in(TO, "utility");
    w
}

#[test]
fn marketing_templates_alone_leave_by_the_call_for_marketing() {
    let mut w = world(&json!({"endpoint": "marketing_messages", "product_policy": "STRICT",
        "message_activity_sharing": false}));
    w.commit();
    w.reload();
    w.request(&promo("a", TO)).unwrap();
    w.advance(60_000);
    w.request(&shipped("b", TO)).unwrap();
    let calls: Vec<&Value> = w.out.orders.iter().map(|order| &order["marketing"]).collect();
    assert_eq!(calls, [&json!({"product_policy": "STRICT", "message_activity_sharing": false}), &Value::Null]);
}

#[test]
fn what_is_not_set_is_left_to_the_platform() {
    let mut w = world(&json!({"endpoint": "marketing_messages"}));
    w.request(&promo("a", TO)).unwrap();
    assert_eq!(w.out.orders[0]["marketing"], json!({}));
    let mut w = world(&json!({"endpoint": "cloud"}));
    w.request(&promo("a", TO)).unwrap();
    assert_eq!(w.out.orders[0].get("marketing"), None, "orders are as before");
}

#[test]
fn where_marketing_is_switched_off_on_a_call_it_waits_for_the_other() {
    let mut w = world(&json!({}));
    w.request(&promo("a", TO)).unwrap();
    w.event(&json!({"event": "result", "callback": {"message_uid": 1, "attempt": 1}, "at": "2026-11-21T12:00:01Z",
        "result": {"rejected": {"code": 131_063}}}));
    w.advance(1_000);
    w.tick();
    let told = w.last_outcome();
    assert_eq!((&told["outcome"], &told["reason"]), (&json!("parked"), &json!("sender_blocked")));
    assert!(told["detail"].as_str().unwrap().contains("set policy.marketing_api"), "{told}");
    w.request(&shipped("b", TO)).unwrap();
    assert_eq!(w.last_outcome()["outcome"], "admitted", "the rest goes on");
    w.apply(&spec(&json!({"endpoint": "marketing_messages"})));
    w.advance(60_000);
    for _ in 0..3 {
        w.tick();
    }
    let last = w.out.orders.last().unwrap();
    assert_eq!((&last["content"]["template"]["name"], &last["marketing"]), (&json!("promo"), &json!({})));
}
