//! Volume bands that the platform says are reached.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::conversations::{self};
use common::{World, accepted, account_spec};
use serde_json::{Value, json};
use tollgate_wire::DeadLetterReason;

fn person(n: usize) -> String {
    format!("+55119876543{n:02}")
}

/// A message that the platform calls utility, delivered now; its entry.
fn delivered(w: &mut World, n: usize) -> Value {
    let to = person(n);
    w.opt_in(&to, "marketing");
    w.request(&common::promo(&format!("r{n}"), &to)).unwrap();
    let uid = w.out.orders.last().unwrap()["message_uid"].as_u64().unwrap();
    w.event(&accepted(uid, 1, &format!("wamid.{uid}")));
    let price = json!({"model": "PMP", "category": "utility", "pricing_type": "regular"});
    let at_s = (w.now_ms / 1000) as u32;
    w.event(&conversations::status("delivered", uid, &to, at_s, price));
    w.out.ledger.last().unwrap().clone()
}

fn reached(region: &str, category: &str, first: u64) -> Value {
    json!({"event": "band_reached", "region": region, "category": category, "month": "2026-11", "first": first,
        "at_s": 1_795_262_000})
}

fn world() -> World {
    let mut w = World::new();
    w.apply(&account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN"));
    w
}

#[test]
fn positions_are_no_lower_than_a_band_that_is_reached() {
    let mut w = world();
    assert_eq!(delivered(&mut w, 1)["ordinal"], 1);
    w.event(&reached("BRAZIL", "utility", 25_000_001));
    assert_eq!(
        w.out.topic.last().unwrap(),
        &json!({"band_reached": 25_000_001, "account": "acme", "market": "Brazil", "category": "utility",
            "month": "2026-11", "at": "2026-11-21T11:53:20.000Z"})
    );
    assert_eq!(delivered(&mut w, 2)["ordinal"], 25_000_001);
    // What is counted here is two and goes on; a lower band that is told later changes nothing.
    w.event(&reached("Brazil", "utility", 750_001));
    assert_eq!(delivered(&mut w, 3)["ordinal"], 25_000_001);
    // The first band begins with the first message.
    w.event(&reached("Brazil", "authentication_international", 1));
    w.event(&reached("India", "utility", 99));
    let entry = delivered(&mut w, 4);
    assert_eq!((&entry["ordinal"], &entry["band_basis"]), (&json!(25_000_001), &json!("list_unknown")));
    let told: Vec<_> = w.out.topic.iter().filter_map(|v| v["band_reached"].as_u64()).collect();
    assert_eq!(told, [25_000_001, 750_001, 1, 99], "the ledger settles by all of them");
}

#[test]
fn what_is_counted_here_goes_on_beyond_a_bound() {
    let mut w = world();
    w.event(&reached("Brazil", "utility", 3));
    let ordinals: Vec<_> = (1..=4).map(|n| delivered(&mut w, n)["ordinal"].as_u64().unwrap()).collect();
    assert_eq!(ordinals, [3, 3, 3, 4]);
}

#[test]
fn a_region_that_is_no_market_is_seen() {
    let mut w = world();
    let why = w.events(&json!([reached("Atlantis", "utility", 9)])).unwrap_err();
    assert_eq!(why.reason, DeadLetterReason::Malformed);
    assert!(why.detail.contains("\"Atlantis\" is no market of the market map"), "{}", why.detail);
    assert_eq!(delivered(&mut w, 1)["ordinal"], 1);
}
