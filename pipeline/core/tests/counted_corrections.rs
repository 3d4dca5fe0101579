//! What other software sent where the client pays is counted, and corrected as charges are: whatever comes first, the same
//! stands. What lies in a closed month stays.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::any_order::{self, said};
use common::closing::{close, lines, read};
use common::{World, account_spec};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollgate_core::engine::Table;

const DAY_S: u32 = 86_400;
/// 2026-11-01T00:00:00Z: a month begins.
const NOVEMBER_S: u32 = 1_793_491_200;

/// Of a WABA in UTC that the client pays for, some days into the month.
fn world() -> World {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["wabas"][0]["funding"] = json!("client_pays");
    spec["wabas"][0]["time_zone"] = json!("UTC");
    let mut w = World::at(u64::from(NOVEMBER_S + 3 * DAY_S) * 1000);
    w.apply(&spec);
    w
}

/// Plays statuses, with a restart after each where asked; nothing of them is more than a count.
fn played(statuses: &[Value], restarts: bool) -> World {
    let mut w = world();
    for s in statuses {
        w.event(s);
        if restarts {
            w.commit();
            w.reload();
        }
    }
    sound(&w);
    w
}

/// Whatever was written: no amount, nobody's name, and no id twice.
fn sound(w: &World) {
    read(w);
    let absent = ["cost", "markup", "fee", "price_ex_tax", "card", "list_rate", "cost_rate", "recipient", "wamid"];
    for e in &w.out.ledger {
        assert_eq!(
            (&e["kind"], &e["quantity"], &e["origin"]),
            (&json!("counted"), &json!(0), &json!("foreign")),
            "{e}"
        );
        assert!(absent.iter().all(|name| e.get(name).is_none()), "{e}");
    }
    let ids: BTreeSet<&str> = w.out.ledger.iter().map(|e| e["entry"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), w.out.ledger.len(), "{:?}", w.out.ledger);
}

/// What stands, as `message category usage billing time`; without the time where there is no position: it orders nothing.
fn standing(w: &World) -> Vec<String> {
    let back = |e: &&Value| e["cause"] == "reversal";
    let taken_back: Vec<&Value> = w.out.ledger.iter().filter(back).map(|e| &e["adjusts"]).collect();
    let stands = |e: &&Value| !back(e) && !taken_back.contains(&&e["entry"]);
    let line = |e: &Value| {
        let time = if e["ordinal"].is_null() { "ordinal" } else { "occurred_at" };
        ["wamid_hash", "category", "usage_period", "billing_period", time]
            .map(|k| e[k].as_str().unwrap_or("-").to_owned())
            .join(" ")
    };
    let mut all: Vec<String> = w.out.ledger.iter().filter(stands).map(line).collect();
    all.sort();
    all
}

/// Statuses in the order given and backwards, with and without restarts; what stands must be the same.
fn both_orders(statuses: &[Value]) -> (World, World) {
    let backwards: Vec<Value> = statuses.iter().rev().cloned().collect();
    let all = [(statuses, false), (statuses, true), (&backwards, false), (&backwards, true)];
    let [first, first_kept, second, second_kept] = all.map(|(all, restarts)| played(all, restarts));
    assert_eq!(first.out.topic, first_kept.out.topic);
    assert_eq!(second.out.topic, second_kept.out.topic);
    assert_eq!(standing(&first), standing(&second), "{:?} and {:?}", first.out.ledger, second.out.ledger);
    assert_eq!(standing(&first).len(), 1);
    (first, second)
}

#[test]
fn over_the_edge_of_a_month() {
    let (first, second) = both_orders(&[
        said("wamid.f", "delivered", NOVEMBER_S - 60, "utility"),
        said("wamid.f", "read", NOVEMBER_S + 60, "utility"),
    ]);
    assert_eq!(lines(&first.out.topic), ["counted 0 - 2026-10>2026-10 -"]);
    assert_eq!(
        lines(&second.out.topic),
        ["counted 0 - 2026-11>2026-11 -", "counted 0 - 2026-11>2026-11 reversal", "counted 0 - 2026-10>2026-10 card"]
    );
    let [stood, back, stands] = &second.out.ledger[..] else { panic!("three") };
    assert_eq!((&back["adjusts"], &stands["adjusts"]), (&stood["entry"], &stood["entry"]));
    assert_eq!([stood, back, stands].map(|e| e["revision"].as_u64()), [Some(0), Some(1), Some(2)]);
    // The withdrawal lies where the entry does that it takes back, and says the same of it.
    for field in ["occurred_at", "usage_period", "category", "market", "pricing_type", "ordinal", "wamid_hash"] {
        assert_eq!(back[field], stood[field], "{field}");
    }
    assert_eq!(stands["occurred_at"], "2026-10-31T23:59:00.000Z");
}

/// A time without a price is kept, before the first price and after it.
#[test]
fn by_the_time_of_a_status_without_a_price() {
    let at = |kind: &str, at_s: u32, category: &str| said("wamid.f", kind, at_s, category);
    let (first, second) = both_orders(&[at("delivered", NOVEMBER_S - 1, ""), at("read", NOVEMBER_S + 60, "utility")]);
    assert_eq!(lines(&first.out.topic), ["counted 0 - 2026-10>2026-10 -"]);
    assert_eq!(second.out.ledger.len(), 3);
    // Nor is the first of two without a price the one that counts.
    let (first, _) = both_orders(&[
        at("read", NOVEMBER_S + 60, ""),
        at("delivered", NOVEMBER_S - 1, ""),
        at("played", NOVEMBER_S + 90, "utility"),
    ]);
    assert_eq!(lines(&first.out.topic), ["counted 0 - 2026-10>2026-10 -"]);
    // Until a price is said nothing is written.
    assert!(played(&[at("read", NOVEMBER_S, ""), at("delivered", NOVEMBER_S - 1, "")], true).out.topic.is_empty());
}

#[test]
fn by_the_newest_word() {
    let at = NOVEMBER_S + DAY_S;
    let (first, second) =
        both_orders(&[said("wamid.f", "delivered", at, "marketing"), said("wamid.f", "read", at + 9, "utility")]);
    assert_eq!(
        lines(&first.out.topic),
        [
            "counted 0 - 2026-11>2026-11 -",
            "counted 0 - 2026-11>2026-11 reversal",
            "counted 0 - 2026-11>2026-11 reclassified"
        ]
    );
    // The earlier time orders it among those that have positions.
    assert_eq!(second.out.ledger[2]["cause"], "settle");
    // What has no position has no order either.
    let (_, second) = both_orders(
        &["delivered", "read"].map(|k| said("wamid.f", k, if k == "read" { at + 9 } else { at }, "marketing")),
    );
    assert_eq!(second.out.ledger.len(), 1);
}

/// Positions are freed and taken as those of charges are.
#[test]
fn positions_are_freed_and_taken() {
    let at = NOVEMBER_S + DAY_S;
    let mut w = world();
    for n in 0..3_u32 {
        w.event(&said(&format!("wamid.{n}"), "delivered", at + n, "utility"));
    }
    w.event(&said("wamid.1", "read", at + 60, "marketing"));
    w.event(&said("wamid.0", "delivered", NOVEMBER_S - 1, ""));
    w.event(&said("wamid.3", "delivered", at + 3, "utility"));
    sound(&w);
    let stand = |e: &&Value| e["cause"] != "reversal";
    let ordinals: Vec<_> = w
        .out
        .ledger
        .iter()
        .filter(stand)
        .map(|e| (e["ordinal"].as_u64(), e["usage_period"].as_str().unwrap()))
        .collect();
    let november = |n| (Some(n), "2026-11");
    assert_eq!(ordinals, [november(1), november(2), november(3), (None, "2026-11"), (Some(1), "2026-10"), november(2)]);
}

/// What lies in a closed month stays, whatever is said of it; what moves into one is counted late, as if it had come so first.
#[test]
fn of_a_month_that_was_closed_meanwhile() {
    let mut w = world();
    w.event(&said("wamid.f", "read", NOVEMBER_S - 60, "utility"));
    w.event(&said("wamid.g", "read", NOVEMBER_S, "utility"));
    w.event(&said("wamid.h", "read", NOVEMBER_S, ""));
    w.advance(20 * u64::from(DAY_S) * 1000);
    w.event(&close("2026-10", 8, None));
    w.event(&said("wamid.f", "delivered", NOVEMBER_S - 90, "utility"));
    w.event(&said("wamid.f", "read", NOVEMBER_S + 60, "marketing"));
    w.event(&said("wamid.f", "delivered", NOVEMBER_S - 40 * DAY_S, "utility"));
    assert_eq!(w.out.ledger.len(), 2);
    w.event(&said("wamid.g", "delivered", NOVEMBER_S - 1, ""));
    w.event(&said("wamid.h", "delivered", NOVEMBER_S - 1, ""));
    w.event(&said("wamid.h", "read", NOVEMBER_S, "utility"));
    w.event(&said("wamid.i", "delivered", NOVEMBER_S - 1, "utility"));
    // There they stay too.
    for wamid in ["wamid.g", "wamid.h", "wamid.i"] {
        w.event(&said(wamid, "read", NOVEMBER_S + 60, "marketing"));
        w.event(&said(wamid, "delivered", NOVEMBER_S - 9, ""));
    }
    assert_eq!(
        lines(&w.out.topic),
        [
            "counted 0 - 2026-10>2026-10 -",
            "counted 0 - 2026-11>2026-11 -",
            "2026-10 closed",
            "counted 0 - 2026-11>2026-11 reversal",
            "counted 0 - 2026-10>2026-11 card",
            "counted 0 - 2026-10>2026-11 late",
            "counted 0 - 2026-10>2026-11 late",
        ]
    );
    sound(&w);
}

/// What an earlier version kept is nine bytes: with a price nothing corrects it, and what had none has its time still.
#[test]
fn as_an_earlier_version_kept_it() {
    for (first, expected) in [("utility", "2026-11>2026-11 -"), ("", "2026-10>2026-10 -")] {
        let mut w = world();
        w.event(&said("wamid.f", "read", NOVEMBER_S + 60, first));
        w.commit();
        for ((table, _), value) in &mut w.store.0 {
            if *table == Table::Wamids {
                value.truncate(9);
            }
        }
        w.reload();
        w.event(&said("wamid.f", "delivered", NOVEMBER_S - 1, ""));
        w.event(&said("wamid.f", "read", NOVEMBER_S + 60, "utility"));
        assert_eq!(lines(&w.out.topic), [format!("counted 0 - {expected}")]);
    }
}

/// 30 days after the delivery what was counted is forgotten, and that it was counted stays.
#[test]
fn until_it_is_forgotten() {
    let mut w = world();
    w.event(&said("wamid.f", "delivered", NOVEMBER_S, "utility"));
    w.commit();
    let stored = |w: &World| {
        let mut ids = w.store.0.iter().filter(|((table, _), _)| *table == Table::Wamids);
        ids.next().map(|((_, key), value)| (key.clone(), value.clone())).unwrap()
    };
    let sweep = |w: &mut World| {
        let (key, value) = stored(w);
        let mut batch = common::Store::default();
        w.engine.sweep_id(&key, &value, &mut batch).unwrap();
        w.store.0.extend(batch.0);
        w.commit();
        stored(w).1.len()
    };
    assert!(sweep(&mut w) > 9, "too early");
    w.advance(31 * u64::from(DAY_S) * 1000);
    assert_eq!(sweep(&mut w), 9);
    for restarts in [false, true] {
        if restarts {
            w.reload();
        }
        w.event(&said("wamid.f", "read", NOVEMBER_S + 3, "marketing"));
        w.event(&said("wamid.f", "delivered", NOVEMBER_S - 1, ""));
        assert_eq!(w.out.ledger.len(), 1);
    }
}

fn step() -> impl Strategy<Value = (usize, &'static str, u32, &'static str)> {
    let kind = prop::sample::select(vec!["delivered", "read"]);
    let category = prop::sample::select(vec!["", "marketing", "utility", "service"]);
    let at_s =
        prop_oneof![NOVEMBER_S - 3..NOVEMBER_S + 3, (0..60_u32).prop_map(|day| NOVEMBER_S + 2 * DAY_S - day * DAY_S)];
    (0..2_usize, kind, at_s, category)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Statuses in any order and twice, restarts and batches that are undone in between: what stands is the same.
    #[test]
    fn any_order(
        steps in prop::collection::vec(step(), 1..8),
        shuffle in prop::collection::vec((any::<prop::sample::Index>(), 0..5_u8), 16),
    ) {
        let steps = any_order::statuses(steps);
        let plain = played(&steps, false);
        let mut w = world();
        any_order::play(&mut w, steps, &shuffle);
        sound(&w);
        prop_assert_eq!(standing(&plain), standing(&w));
    }
}
