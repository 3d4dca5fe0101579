//! What people are told of messages that wait: the queue a message is in, and what that queue waits for now.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{NOON_MS, World, account_spec, promo, shipped};
use serde_json::{Value, json};
use tollgate_core::ids::AccountIx;
use tollgate_wire::Time;

const TO: &str = "+5511987654321";
const HOUR_MS: u64 = 3_600_000;

fn of_campaign(mut request: Value, campaign: &str) -> Value {
    request["campaign"] = json!(campaign);
    request
}

/// The account as the views get it.
fn snapshot(w: &World) -> Value {
    serde_json::to_value(tollgate_core::snapshot::account(w.engine.state(), AccountIx(0), w.now_ms)).unwrap()
}

/// The lot that the last outcome of a message names, as the snapshot has it now.
fn lot_of(w: &World, id: &str) -> Value {
    let told = w.out.outcomes.iter().rev().find(|o| o["id"] == id).unwrap();
    assert_eq!(told["outcome"], "parked", "{told}");
    let snapshot = snapshot(w);
    let lots: Vec<&Value> = snapshot["lots"].as_array().unwrap().iter().filter(|l| l["lot"] == told["lot"]).collect();
    assert_eq!(lots.len(), 1, "{told}: {snapshot}");
    lots[0].clone()
}

#[test]
fn a_message_finds_its_queue_and_what_that_waits_for_now() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.campaign(&json!({"name": "c", "paused": true, "budget": "0.01"}));
    w.opt_in(TO, "marketing");
    for id in ["m0", "m1"] {
        w.request(&of_campaign(promo(id, TO), "c")).unwrap();
    }
    let lot = lot_of(&w, "m1");
    assert_eq!(
        (&lot["reason"], &lot["resource"], &lot["messages"]),
        (&json!("campaign_paused"), &json!("c"), &json!(2))
    );
    w.control("c", "resume");
    w.tick();
    let lot = lot_of(&w, "m1");
    assert_eq!(
        (&lot["reason"], &lot["resource"]),
        (&json!("budget"), &json!("c")),
        "the head was refused by the budget"
    );
    // Opened again, but not looked at yet: reason and resource still belong together.
    w.apply(&account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN"));
    let lot = lot_of(&w, "m1");
    assert_eq!((&lot["reason"], &lot["resource"], &lot["opens_at"]), (&json!("budget"), &json!("c"), &Value::Null));
}

#[test]
fn a_template_is_named_with_its_language() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    let content = json!([{"template": {"name": "paused", "language": "pt_BR"}}]);
    w.opt_in(TO, "utility");
    w.request(&json!({"id": "m", "account": "acme", "to": TO, "purpose": "utility", "content": content})).unwrap();
    assert_eq!(w.last_outcome()["detail"], "template paused in pt_BR is paused");
    let lot = lot_of(&w, "m");
    assert_eq!((&lot["resource"], &lot["language"]), (&json!("paused"), &json!("pt_BR")));
}

#[test]
fn a_barred_country_is_named() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    let to = "+12125550100";
    w.opt_in(to, "marketing");
    w.request(&promo("m", to)).unwrap();
    let told = w.last_outcome();
    assert_eq!((&told["reason"], &told["detail"]), (&json!("country_barred"), &json!("country US")), "{told}");
}

#[test]
fn messages_with_times_of_their_own_say_when_the_first_and_the_last_may_go() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "utility");
    for hours in [3, 1, 2] {
        let mut request = shipped(&format!("m{hours}"), TO);
        request["send_after"] = json!(Time(NOON_MS + hours * HOUR_MS).to_string());
        w.request(&request).unwrap();
    }
    let at = |hours: u64| json!(Time(NOON_MS + hours * HOUR_MS).to_string());
    let lot = lot_of(&w, "m2");
    assert_eq!((&lot["reason"], &lot["opens_at"], &lot["done_by"]), (&json!("scheduled"), &at(1), &at(3)));
    w.run_until(NOON_MS + HOUR_MS);
    assert_eq!(lot_of(&w, "m2")["opens_at"], at(2), "the first has gone");
}

/// What joins a queue whose time has just come is not told a time before now.
#[test]
fn the_next_try_is_never_in_the_past() {
    let mut w = World::with_account("1", "GREEN");
    for (id, to) in [("first", TO), ("second", "+5511900000001"), ("third", "+5511900000002")] {
        if id == "third" {
            let due = w.engine.next_due_ms().unwrap();
            w.advance(due + 5_000 - w.now_ms);
        }
        w.opt_in(to, "marketing");
        w.request(&promo(id, to)).unwrap();
        if id == "first" {
            w.event(&common::accepted(1, 1, "wamid.1"));
            w.event(&common::status("delivered", 1, "wamid.1", (w.now_ms / 1000) as u32, true));
        }
    }
    let told = w.last_outcome();
    assert_eq!((&told["id"], &told["reason"]), (&json!("third"), &json!("quota")), "{told}");
    assert!(told["retry_at"].as_str().unwrap() >= told["at"].as_str().unwrap(), "{told}");
}

#[test]
fn another_queue_is_told_though_the_reason_is_the_same() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    let other = json!({"name": "paused", "language": "en_US", "category": "utility", "status": "paused"});
    spec["wabas"][0]["templates"].as_array_mut().unwrap().push(other);
    w.apply(&spec);
    w.opt_in(TO, "utility");
    let content = json!([{"template": {"name": "paused", "language": ["pt_BR", "en_US"]}}]);
    w.request(&json!({"id": "m", "account": "acme", "to": TO, "purpose": "utility", "content": content})).unwrap();
    assert_eq!(lot_of(&w, "m")["language"], "pt_BR");
    w.event(
        &json!({"event": "template", "waba": "waba-1", "name": "paused", "language": "pt_BR", "status": "rejected"}),
    );
    w.tick();
    assert_eq!(lot_of(&w, "m")["language"], "en_US");
}

#[test]
fn a_repeated_request_is_an_outcome_of_its_own() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "marketing");
    for _ in 0..2 {
        w.request(&promo("a", TO)).unwrap();
    }
    let told = w.last_outcome();
    assert_eq!((&told["outcome"], &told["reason"]), (&json!("duplicate"), &json!("duplicate")));
    assert_eq!(w.message(1).state, tollgate_core::record::MessageState::Open);
}

#[test]
fn a_number_counts_users_only_where_the_limit_is_its_own() {
    for (scope, counted) in [("portfolio", Value::Null), ("number", json!(1))] {
        let mut w = World::new();
        let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
        spec["limit_scope"] = json!(scope);
        w.apply(&spec);
        w.opt_in(TO, "marketing");
        w.request(&promo("a", TO)).unwrap();
        let snapshot = snapshot(&w);
        assert_eq!(snapshot["senders"][0]["quota_used"], counted, "{scope}");
        assert_eq!(snapshot["quota_used"], 1, "{scope}");
    }
}

#[test]
fn a_ceiling_below_the_limit_is_told_with_the_limit() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "marketing");
    w.request(&promo("a", TO)).unwrap();
    let gates = &w.last_outcome()["gates"];
    assert_eq!((&gates["quota_ceiling"], &gates["quota_limit"]), (&json!(900), &json!(1_000)), "{gates}");
}
