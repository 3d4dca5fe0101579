//! Number pools: who writes to whom, and that a person stays with one number while it can write.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, accepted, account_spec, shipped};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NUMBERS: [&str; 3] = ["1001", "1002", "1003"];

fn spec() -> Value {
    let mut spec = account_spec("acme", "waba-1", "1001", "UNLIMITED", "GREEN");
    spec["wabas"][0]["senders"] =
        json!(NUMBERS.map(|id| json!({"id": id, "throughput": 80, "quality": "GREEN", "weight": 1})));
    spec["pools"] = json!([{"name": "shop", "senders": NUMBERS}]);
    spec
}

fn world(spec: &Value) -> World {
    let mut w = World::new();
    w.apply(spec);
    w
}

fn person(n: usize) -> String {
    format!("+55119876{n:05}")
}

/// The number that wrote; nobody's allowance of one person is in question.
fn writes(w: &mut World, id: &str, to: &str) -> String {
    w.opt_in(to, "utility");
    w.advance(20_000);
    let mut request = shipped(id, to);
    request["sender"] = json!("shop");
    w.request(&request).unwrap();
    let order = w.out.orders.last().cloned().unwrap_or_else(|| panic!("{}", w.last_outcome()));
    assert_eq!(w.last_outcome()["outcome"], "admitted", "{}", w.last_outcome());
    let uid = order["message_uid"].as_u64().unwrap();
    w.event(&accepted(uid, 1, &format!("wamid.{uid}")));
    order["sender"].as_str().unwrap().to_owned()
}

fn inbound(w: &mut World, sender: &str, from: &str) {
    let at_s = (w.now_ms / 1000) as u32;
    w.event(&json!({"event": "inbound", "sender": sender, "from": from, "at_s": at_s}));
}

#[test]
fn people_are_spread_by_weight_and_stay() {
    let mut spec = spec();
    spec["wabas"][0]["senders"][2]["weight"] = json!(2);
    let mut w = world(&spec);
    let first: Vec<String> = (0..400).map(|n| writes(&mut w, &format!("a{n}"), &person(n))).collect();
    let mut by: BTreeMap<&str, usize> = BTreeMap::new();
    first.iter().for_each(|sender| *by.entry(sender).or_default() += 1);
    // 100, 100 and 200 are expected; five standard deviations are allowed.
    assert!((57..=143).contains(&by["1001"]) && (57..=143).contains(&by["1002"]), "{by:?}");
    assert!((150..=250).contains(&by["1003"]), "{by:?}");
    // Also after a restart, and when the pool changes: who has a number keeps it.
    w.commit();
    w.reload();
    spec["wabas"][0]["senders"][0]["weight"] = json!(5);
    spec["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": "1004", "throughput": 80}));
    spec["pools"][0]["senders"].as_array_mut().unwrap().push(json!("1004"));
    w.apply(&spec);
    for (n, sender) in first.iter().enumerate() {
        assert_eq!(writes(&mut w, &format!("b{n}"), &person(n)), *sender);
    }
    let new: Vec<String> = (400..500).map(|n| writes(&mut w, &format!("c{n}"), &person(n))).collect();
    assert!(new.iter().any(|sender| sender == "1004"));
    // The same people in another process are written to by the same numbers.
    let mut again = world(&spec);
    for (n, sender) in new.iter().enumerate() {
        assert_eq!(writes(&mut again, &format!("d{n}"), &person(400 + n)), *sender);
    }
}

#[test]
fn whoever_writes_is_answered_by_the_number_written_to() {
    let mut w = world(&spec());
    let to = person(1);
    let own = writes(&mut w, "a", &to);
    let other = NUMBERS.iter().find(|id| **id != own).unwrap();
    inbound(&mut w, other, &to);
    assert_eq!(writes(&mut w, "b", &to), *other);
    // The latest of two open windows.
    inbound(&mut w, &own, &to);
    assert_eq!(writes(&mut w, "c", &to), own);
    // All closed: the one that wrote last.
    w.advance(25 * 3_600_000);
    assert_eq!(writes(&mut w, "d", &to), own);
}

#[test]
fn a_number_that_cannot_write_is_passed_over() {
    let mut spec = spec();
    let mut w = world(&spec);
    let to = person(2);
    let own = writes(&mut w, "a", &to);
    let at = NUMBERS.iter().position(|id| *id == own).unwrap();
    spec["wabas"][0]["senders"][at]["blocked"] = json!(true);
    w.apply(&spec);
    let second = writes(&mut w, "b", &to);
    assert_ne!(second, own);
    // Back again, the person stays with the second.
    spec["wabas"][0]["senders"][at]["blocked"] = json!(false);
    w.apply(&spec);
    assert_eq!(writes(&mut w, "c", &to), second);
    // When none can, the person's number waits.
    for n in 0..3 {
        spec["wabas"][0]["senders"][n]["blocked"] = json!(true);
    }
    w.apply(&spec);
    let mut request = shipped("d", &to);
    request["sender"] = json!("shop");
    w.request(&request).unwrap();
    assert_eq!(
        (&w.last_outcome()["outcome"], &w.last_outcome()["reason"]),
        (&json!("parked"), &json!("sender_blocked"))
    );
    assert_eq!(w.last_outcome()["sender"], json!(second));
}

#[test]
fn where_each_number_has_a_limit_another_takes_new_people() {
    let mut spec = spec();
    spec["limit"] = json!(4);
    spec["limit_scope"] = json!("number");
    spec["policy"] = json!({"pacing": {"reserved_percent": 0, "headroom_percent": 0}});
    let mut w = World::new();
    w.apply(&spec);
    let all: Vec<String> = (0..12).map(|n| writes(&mut w, &format!("a{n}"), &person(n))).collect();
    for id in NUMBERS {
        assert_eq!(all.iter().filter(|sender| *sender == id).count(), 4, "{all:?}");
    }
    // Full: who is counted goes on by the same number, a new person waits.
    assert_eq!(writes(&mut w, "b", &person(3)), all[3]);
    w.opt_in(&person(50), "utility");
    let mut request = shipped("c", &person(50));
    request["sender"] = json!("shop");
    w.request(&request).unwrap();
    assert_eq!((&w.last_outcome()["outcome"], &w.last_outcome()["reason"]), (&json!("parked"), &json!("quota")));
}

/// Whose number is blocked while the others are full waits for a place at one of them, not for the number to be unblocked.
#[test]
fn nobody_waits_for_a_number_that_is_blocked_while_another_is_not() {
    let mut spec = spec();
    spec["wabas"][0]["senders"].as_array_mut().unwrap().pop();
    spec["pools"][0]["senders"].as_array_mut().unwrap().pop();
    spec["limit"] = json!(1);
    spec["limit_scope"] = json!("number");
    spec["policy"] = json!({"pacing": {"reserved_percent": 0, "headroom_percent": 0}});
    let mut w = world(&spec);
    let senders: Vec<String> = (0..2).map(|n| writes(&mut w, &format!("a{n}"), &person(n))).collect();
    let at = NUMBERS.iter().position(|id| *id == senders[0]).unwrap();
    spec["wabas"][0]["senders"][at]["blocked"] = json!(true);
    w.apply(&spec);
    w.advance(20_000);
    let mut request = shipped("b", &person(0));
    request["sender"] = json!("shop");
    w.request(&request).unwrap();
    assert_eq!((&w.last_outcome()["outcome"], &w.last_outcome()["reason"]), (&json!("parked"), &json!("quota")));
    let ordered = w.out.orders.len();
    let tomorrow = w.now_ms + 25 * 3_600_000;
    w.run_until(tomorrow);
    let order = w.out.orders.get(ordered).unwrap_or_else(|| panic!("{}", w.last_outcome()));
    assert_eq!(order["sender"], json!(senders[1]));
}

#[test]
fn the_accounts_own_choice_may_be_a_pool() {
    let mut spec = spec();
    spec["default_sender"] = json!("shop");
    let mut w = world(&spec);
    let to = person(7);
    let own = writes(&mut w, "a", &to);
    w.advance(20_000);
    w.request(&shipped("b", &to)).unwrap();
    assert_eq!(w.out.orders.last().unwrap()["sender"], json!(own));
    let mut request = shipped("c", &to);
    request["sender"] = json!("no-such-pool");
    w.request(&request).unwrap();
    assert_eq!(w.last_outcome()["reason"], "sender_unknown");
}
