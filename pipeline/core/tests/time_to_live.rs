//! A template's time to live decides how long a delivery is waited for.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{World, accepted, account_spec, promo, shipped, status};
use serde_json::{Value, json};
use tollgate_wire::Time;

const TO: &str = "+5511987654321";
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 86_400_000;

fn spec(ttl_s: &Value, api: &str) -> Value {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["policy"] = json!({"marketing_api": {"endpoint": api}});
    for template in spec["wabas"][0]["templates"].as_array_mut().unwrap() {
        template["ttl_s"] = ttl_s.clone();
    }
    spec
}

fn world(ttl_s: &Value, api: &str) -> World {
    let mut w = World::new();
    w.apply(&spec(ttl_s, api));
    for category in ["marketing", "utility", "authentication"] {
        w.opt_in(TO, category);
    }
    w
}

fn code() -> Value {
    json!({"id": "code", "account": "acme", "to": TO, "purpose": "authentication",
        "content": [{"template": {"name": "code", "language": "pt_BR", "components": {"body": ["1"]}}}]})
}

/// Milliseconds after admission at which the message ends as `undelivered`, known to the minute.
fn ends_after(w: &mut World, request: &Value) -> u64 {
    let from = w.now_ms;
    w.request(request).unwrap();
    assert_eq!(w.last_outcome()["outcome"], "admitted", "{}", w.last_outcome());
    w.event(&accepted(1, 1, "wamid.1"));
    // The attempt keeps what held when it left, also when it is read again.
    w.commit();
    w.reload();
    w.run_until(from + 40 * DAY_MS);
    let told = w.last_outcome();
    assert_eq!((&told["outcome"], &told["reason"]), (&json!("undelivered"), &json!("no_delivery")), "{told}");
    let at: Time = serde_json::from_value(told["at"].clone()).unwrap();
    at.0 - from
}

#[test]
fn the_template_says_how_long() {
    for (ttl_s, api, request, expected_ms) in [
        (Value::Null, "cloud", code(), 15 * MINUTE_MS),
        (json!(30), "cloud", code(), 330_000),
        (json!(2_592_000), "cloud", code(), 31 * DAY_MS),
        (Value::Null, "cloud", shipped("a", TO), 31 * DAY_MS),
        (json!(43_200), "cloud", shipped("a", TO), 43_200_000 + 1_440_000),
        // Of marketing it holds by its own call alone.
        (json!(43_200), "cloud", promo("a", TO), 31 * DAY_MS),
        (json!(43_200), "marketing_messages", promo("a", TO), 43_200_000 + 1_440_000),
    ] {
        let after_ms = ends_after(&mut world(&ttl_s, api), &request);
        // It may leave five seconds after it was admitted.
        assert_eq!(after_ms, expected_ms + 5_000, "{ttl_s} {api} {}", request["id"]);
    }
}

#[test]
fn what_has_left_keeps_the_time_to_live_of_then() {
    let mut w = world(&json!(600), "cloud");
    let from = w.now_ms;
    w.request(&shipped("a", TO)).unwrap();
    w.event(&accepted(1, 1, "wamid.1"));
    w.command(&json!({"command": "put_template", "account": "acme", "waba": "waba-1", "template": {"name": "shipped",
        "language": "pt_BR", "category": "utility", "body": ["1", "2"], "ttl_s": 60}}));
    w.run_until(from + 14 * MINUTE_MS);
    assert_ne!(w.last_outcome()["outcome"], "undelivered");
    w.run_until(from + 16 * MINUTE_MS);
    assert_eq!(w.last_outcome()["outcome"], "undelivered");
    // A delivery that is told later still counts.
    w.event(&status("delivered", 1, "wamid.1", (w.now_ms / 1000) as u32, true));
    assert_eq!(w.last_outcome()["outcome"], "delivered");
}

#[test]
fn a_message_that_outlives_its_use_says_so() {
    let detail = |ttl_s: &Value, expires: Option<u64>| {
        let mut w = world(ttl_s, "cloud");
        let mut request = shipped("a", TO);
        if let Some(after_ms) = expires {
            request["expires_at"] = json!(Time(w.now_ms + after_ms).to_string());
        }
        w.request(&request).unwrap();
        w.last_outcome()["detail"].as_str().unwrap_or_default().to_owned()
    };
    let hour = Some(60 * MINUTE_MS);
    assert_eq!(
        detail(&json!(43_200), hour),
        "may arrive until 2026-11-22T00:00:00.000Z, after expires_at: the template's time to live"
    );
    assert_eq!(detail(&json!(3_600), hour), "");
    assert_eq!(detail(&Value::Null, None), "", "a default is no promise");
    assert!(detail(&Value::Null, hour).contains("2026-12-21"), "30 days");
}

#[test]
fn a_declared_time_to_live_stands_over_the_platforms() {
    let mut w = world(&Value::Null, "cloud");
    let listed = |ttl_s: u32| {
        json!({"command": "put_template", "account": "acme", "waba": "waba-1", "template": {"name": "shipped",
            "language": "pt_BR", "category": "utility", "body": ["1", "2"], "ttl_s": ttl_s, "quality": "GREEN",
            "components": {"digest": "aa"}}})
    };
    let told = |w: &World| {
        let shipped = w.out.templates.iter().rfind(|t| t["template"]["name"] == "shipped");
        shipped.unwrap()["template"].clone()
    };
    w.command(&listed(600));
    w.apply(&spec(&Value::Null, "cloud"));
    assert_eq!(told(&w)["ttl_s"], 600, "kept when the account is applied again");
    let mut new = spec(&Value::Null, "cloud");
    new["wabas"][0]["templates"][1]["ttl_s"] = json!(900);
    w.apply(&new);
    let told = told(&w);
    assert_eq!((&told["ttl_s"], &told["quality"]), (&json!(900), &json!("GREEN")), "{told}");
}
