//! What finance credits by hand.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::closing::close;
use common::{World, account_spec};
use serde_json::{Value, json};
use tollgate_wire::DeadLetterReason;

const DAY_MS: u64 = 86_400_000;

fn world() -> World {
    let mut w = World::new();
    w.apply(&account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN"));
    w
}

fn credit(id: &str, month: &str) -> Value {
    json!({"event": "credit", "id": id, "waba": "waba-1", "month": month, "cost": "3.20", "price": "25",
        "reason": "an outage", "reference": "CN-7", "by": "finance"})
}

fn refused(w: &mut World, event: &Value) -> String {
    let why = w.events(&json!([event])).unwrap_err();
    assert_eq!(why.reason, DeadLetterReason::Malformed);
    why.detail
}

#[test]
fn it_is_one_entry_at_the_end_of_its_month() {
    let mut w = world();
    w.event(&credit("C-1", "2026-10"));
    let entry = w.out.ledger.last().unwrap().clone();
    let told = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    assert_eq!((told("kind"), told("cause"), told("message")), ("credit".into(), "manual".into(), "C-1".into()));
    assert_eq!((told("cost"), told("price_ex_tax"), told("markup")), ("-3.20".into(), "-25".into(), "-21.80".into()));
    assert_eq!((told("reason"), told("waba")), ("an outage; reference CN-7; by finance".into(), "waba-1".into()));
    assert_eq!((told("usage_period"), told("billing_period")), ("2026-10".into(), "2026-10".into()));
    // The last second of October in São Paulo.
    assert_eq!(told("occurred_at"), "2026-11-01T02:59:59.000Z");
    assert_eq!((&entry["quantity"], &entry["sender"]), (&json!(1), &json!("")));
    assert!(entry.get("markup_rule").is_none() && entry.get("cost_rate").is_none(), "{entry}");
    w.event(&credit("C-1", "2026-10"));
    w.event(&credit("C-2", "2026-10"));
    w.event(&credit("C-1", "2026-11"));
    let ids: Vec<_> = w.out.ledger.iter().map(|entry| entry["entry"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids[0], ids[1], "the same credit is the same entry");
    assert!(ids[0] != ids[2] && ids[0] != ids[3]);
}

#[test]
fn of_a_closed_month_it_is_billed_in_the_first_open_one() {
    let mut w = world();
    w.event(&close("2026-10", 0, Some("it is over")));
    w.event(&credit("C-1", "2026-09"));
    let entry = w.out.ledger.last().unwrap();
    assert_eq!((&entry["usage_period"], &entry["billing_period"]), (&json!("2026-09"), &json!("2026-11")));
}

#[test]
fn one_amount_off_both_is_of_one_currency() {
    let both = |id: &str, month: &str| {
        json!({"event": "credit", "id": id, "waba": "waba-1", "month": month, "cost": "5", "price": "5",
            "reason": "sent twice", "both": true})
    };
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["wabas"][0]["markup"] = json!([{"valid_from": "2026-11-01", "currency": "BRL",
        "fx": {"rate": "5.36", "source": "BCB PTAX", "date": "2026-10-30"},
        "rules": [{"name": "standard", "percent": "12.5"}]}]);
    let mut w = World::new();
    w.apply(&spec);
    // Prices of October are in dollars, as nothing else was in force.
    w.event(&both("C-1", "2026-10"));
    let entry = w.out.ledger.last().unwrap();
    assert_eq!((&entry["cost"], &entry["price_ex_tax"]), (&json!("-5"), &json!("-5")));
    assert_eq!((&entry["price_currency"], &entry["markup"]), (&json!("USD"), &json!("0")));
    let told = refused(&mut w, &both("C-1", "2026-11"));
    let expected =
        "credit \"C-1\": cost of waba waba-1 is in USD, its price in BRL; credit each by an amount of its own";
    assert!(told.ends_with(expected), "{told}");
    assert_eq!(w.out.ledger.len(), 1, "nothing is booked");
    // The same two amounts, said as two.
    let mut apart = both("C-1", "2026-11");
    apart.as_object_mut().unwrap().remove("both");
    w.event(&apart);
    let entry = w.out.ledger.last().unwrap();
    assert_eq!((&entry["price_currency"], &entry["markup"]), (&json!("BRL"), &json!("21.80")));
}

#[test]
fn what_cannot_be_credited_is_told() {
    let mut w = world();
    let with = |name: &str, value: Value| {
        let mut event = credit("C-1", "2026-10");
        event[name] = value;
        event
    };
    let told = refused(&mut w, &with("waba", json!("waba-9")));
    assert!(told.contains("\"waba-9\" is not one of account acme"), "{told}");
    let told = refused(&mut w, &with("month", json!("2026-12")));
    assert!(told.contains("2026-12 has not begun for waba waba-1"), "{told}");
    for (name, value, says) in [
        ("reason", json!(""), "events[0].reason"),
        ("reason", json!("two\nlines"), "events[0].reason"),
        ("id", json!("x".repeat(65)), "events[0].id"),
        ("price", json!("0.00000000001"), "events[0].price"),
        ("cost", json!("1000000000.01"), "events[0].cost"),
        ("by", json!(""), "events[0].by"),
        ("month", json!("0026-10"), "events[0].month"),
        ("both", json!(true), "events[0].both"),
    ] {
        let why = w.events(&json!([with(name, value)])).unwrap_err();
        assert!(why.detail.contains(says), "{name}: {}", why.detail);
    }
    let nothing = json!({"event": "credit", "id": "C", "waba": "waba-1", "month": "2026-10", "reason": "x"});
    assert!(w.events(&json!([nothing])).unwrap_err().detail.contains("it credits nothing"));
    assert!(w.out.ledger.is_empty());
    w.advance(DAY_MS * 10);
    w.event(&credit("C-1", "2026-12"));
    assert_eq!(w.out.ledger.len(), 1, "December has begun");
}
