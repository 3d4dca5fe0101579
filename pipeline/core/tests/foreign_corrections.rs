//! What other software sent from a number of ours is corrected as what we sent: whatever comes first, the same stands.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::any_order::{self, said};
use common::closing::{close, lines, read, total};
use common::{World, account_spec};
use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_core::engine::Table;

const DAY_S: u32 = 86_400;
/// 2026-11-01T00:00:00Z: a month and a mark-up begin.
const NOVEMBER_S: u32 = 1_793_491_200;
/// 2026-10-01T00:00:00Z: a card begins.
const OCTOBER_S: u32 = NOVEMBER_S - 31 * DAY_S;

/// Of a WABA in UTC that we pay for, some days after both edges.
fn world() -> World {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["wabas"][0]["time_zone"] = json!("UTC");
    spec["wabas"][0]["markup"] = json!([
        {"valid_from": "2026-01-01", "rules": [{"name": "old", "percent": "10"}]},
        {"valid_from": "2026-10-20", "rules": [{"name": "new", "percent": "12"}]},
    ]);
    let mut w = World::at(u64::from(NOVEMBER_S + 3 * DAY_S) * 1000);
    w.apply(&spec);
    w
}

/// What stands: the entries that nothing takes back, as `kind cost usage markup time ordinal` and by wamid.
fn standing(w: &World) -> Vec<String> {
    let taken_back: Vec<&Value> = w.out.ledger.iter().map(|e| &e["adjusts"]).collect();
    let stands = |e: &&Value| e["kind"] != "adjustment" && !taken_back.contains(&&e["entry"]);
    let text = |e: &Value, k: &str| e[k].as_str().unwrap_or("-").to_owned();
    let line = |e: &Value| {
        ["wamid", "kind", "cost", "usage_period", "card", "markup_rule", "occurred_at"].map(|k| text(e, k)).join(" ")
    };
    let mut all: Vec<String> = w.out.ledger.iter().filter(stands).map(line).collect();
    all.sort();
    all
}

/// Plays statuses in the order given and backwards, with and without a restart after each; what stands must be the same.
fn both_orders(statuses: &[Value]) -> (World, World) {
    let played = |all: &[Value], restarts: bool| {
        let mut w = world();
        for s in all {
            w.event(s);
            if restarts {
                w.commit();
                w.reload();
            }
        }
        read(&w);
        w
    };
    let backwards: Vec<Value> = statuses.iter().rev().cloned().collect();
    let all = [(statuses, false), (statuses, true), (&backwards, false), (&backwards, true)];
    let [first, first_kept, second, second_kept] = all.map(|(all, restarts)| played(all, restarts));
    assert_eq!(lines(&first.out.topic), lines(&first_kept.out.topic));
    assert_eq!(lines(&second.out.topic), lines(&second_kept.out.topic));
    assert_eq!(standing(&first), standing(&second), "{:?} and {:?}", first.out.ledger, second.out.ledger);
    assert_eq!(standing(&first).len(), 1);
    assert_eq!(total(&first), total(&second));
    (first, second)
}

#[test]
fn over_the_edge_of_a_month() {
    let delivered = said("wamid.f", "delivered", NOVEMBER_S - 2 * DAY_S, "marketing");
    let (first, second) = both_orders(&[delivered, said("wamid.f", "read", NOVEMBER_S + 60, "")]);
    assert_eq!(lines(&first.out.topic), ["charge 1 0.0625 2026-10>2026-10 -"]);
    assert_eq!(
        lines(&second.out.topic),
        [
            "unpriced 1 - 2026-11>2026-11 -",
            "adjustment -1 - 2026-11>2026-11 reclassified",
            "charge 1 0.0625 2026-10>2026-10 reclassified"
        ]
    );
    // The price comes with both.
    let both = ["delivered", "read"]
        .map(|k| said("wamid.f", k, if k == "read" { NOVEMBER_S } else { NOVEMBER_S - 1 }, "utility"));
    let (_, second) = both_orders(&both);
    let back = &second.out.ledger[1];
    assert_eq!(
        (&back["kind"], &back["cause"], &back["adjusts"]),
        (&json!("adjustment"), &json!("card"), &second.out.ledger[0]["entry"])
    );
    let revisions: Vec<_> = second.out.ledger.iter().map(|e| (e["revision"].clone(), e["ordinal"].clone())).collect();
    assert_eq!(revisions, [(json!(0), json!(1)), (json!(1), json!(1)), (json!(1), json!(1))]);
    assert!(second.out.ledger.iter().all(|e| e["origin"] == "foreign"));
}

#[test]
fn over_the_edge_of_a_card_or_a_markup() {
    for (edge_s, category) in [(OCTOBER_S, "utility"), (NOVEMBER_S - 12 * DAY_S, "marketing")] {
        let at = |kind: &str, at_s: u32| said("wamid.f", kind, at_s, category);
        let (first, second) = both_orders(&[at("delivered", edge_s - 1), at("read", edge_s)]);
        assert_eq!((first.out.ledger.len(), second.out.ledger.len()), (1, 3));
        assert_eq!(second.out.ledger[2]["cause"], "card");
    }
}

#[test]
fn by_the_newest_word() {
    let at = NOVEMBER_S + DAY_S;
    let (first, second) =
        both_orders(&[said("wamid.f", "delivered", at, "marketing"), said("wamid.f", "read", at + 9, "utility")]);
    assert_eq!(
        lines(&first.out.topic),
        [
            "charge 1 0.0625 2026-11>2026-11 -",
            "adjustment -1 -0.0625 2026-11>2026-11 reclassified",
            "charge 1 0.0068 2026-11>2026-11 reclassified"
        ]
    );
    // The earlier time orders it among those that are counted.
    assert_eq!(second.out.ledger[2]["cause"], "settle");
}

/// The words of a status as sent, of which nothing is kept before the delivery, count neither before nor after it.
#[test]
fn whatever_was_said_as_it_was_sent() {
    let at = NOVEMBER_S + DAY_S;
    let (first, second) = both_orders(&[said("wamid.f", "sent", at, "utility"), said("wamid.f", "delivered", at, "")]);
    assert_eq!((first.out.ledger.len(), second.out.ledger.len()), (1, 1));
}

/// What has a position frees it where it changes its group, and takes one in the other.
#[test]
fn positions_are_freed_and_taken() {
    let at = NOVEMBER_S + DAY_S;
    let mut w = world();
    for n in 0..3_u32 {
        w.event(&said(&format!("wamid.{n}"), "delivered", at + n, "utility"));
    }
    w.event(&said("wamid.1", "read", at + 60, "marketing"));
    w.event(&said("wamid.3", "delivered", at + 3, "utility"));
    w.event(&said("wamid.1", "read", at + 61, "utility"));
    // Of another month: its position is there.
    w.event(&said("wamid.0", "delivered", NOVEMBER_S - 1, ""));
    w.event(&said("wamid.4", "delivered", at + 4, "utility"));
    let ordinals: Vec<_> = w
        .out
        .ledger
        .iter()
        .filter(|e| e["kind"] == "charge")
        .map(|e| (e["ordinal"].as_u64(), e["usage_period"].as_str().unwrap()))
        .collect();
    let november = |n| (Some(n), "2026-11");
    assert_eq!(
        ordinals,
        [
            november(1),
            november(2),
            november(3),
            (None, "2026-11"),
            november(3),
            november(4),
            (Some(1), "2026-10"),
            november(4)
        ]
    );
    read(&w);
}

/// A batch that is undone leaves what the store has.
#[test]
fn after_a_batch_that_was_undone() {
    let at = NOVEMBER_S + 60;
    let later = [said("wamid.f", "read", at + 9, "utility"), said("wamid.f", "delivered", NOVEMBER_S - 1, "utility")];
    let run = |undone: bool| {
        let mut w = world();
        w.event(&said("wamid.f", "delivered", at, "marketing"));
        w.commit();
        if undone {
            let (ledger, topic) = (w.out.ledger.clone(), w.out.topic.clone());
            later.iter().for_each(|s| w.event(s));
            assert!(w.engine.abort());
            (w.out.ledger, w.out.topic) = (ledger, topic);
        }
        later.iter().for_each(|s| w.event(s));
        read(&w);
        w.out.topic
    };
    assert_eq!(run(true), run(false));
    assert_eq!(run(true).len(), 5);
}

#[test]
fn of_a_month_that_was_closed_meanwhile() {
    let at = NOVEMBER_S - 2 * DAY_S;
    let mut w = world();
    w.event(&said("wamid.f", "read", at, "utility"));
    w.event(&said("wamid.g", "read", NOVEMBER_S, "marketing"));
    w.advance(20 * u64::from(DAY_S) * 1000);
    w.event(&close("2026-10", 8, None));
    // Another position in it is nobody's business any more; another category is, and another month.
    w.event(&said("wamid.f", "delivered", at - 60, ""));
    w.event(&said("wamid.f", "read", at + 60, "marketing"));
    w.event(&said("wamid.g", "delivered", NOVEMBER_S - 1, ""));
    assert_eq!(
        lines(&w.out.topic),
        [
            "charge 1 0.0068 2026-10>2026-10 -",
            "charge 1 0.0625 2026-11>2026-11 -",
            "2026-10 closed",
            "adjustment -1 -0.0068 2026-10>2026-11 reclassified",
            "charge 1 0.0625 2026-10>2026-11 reclassified",
            "adjustment -1 -0.0625 2026-11>2026-11 card",
            "charge 1 0.0625 2026-10>2026-11 card",
        ]
    );
    read(&w);
}

/// What an earlier version kept is nine bytes: a price corrects what it booked without one, and nothing corrects the rest.
#[test]
fn as_an_earlier_version_kept_it() {
    let at = NOVEMBER_S + 60;
    for (first, entries) in [("", 3), ("marketing", 1)] {
        let mut w = world();
        w.event(&said("wamid.f", "read", at, first));
        w.commit();
        for ((table, _), value) in &mut w.store.0 {
            if *table == Table::Wamids {
                assert!(value.len() > 9);
                value.truncate(9);
            }
        }
        w.reload();
        w.event(&said("wamid.f", "read", at, first));
        w.event(&said("wamid.f", "delivered", NOVEMBER_S - 1, "utility"));
        assert_eq!(w.out.ledger.len(), entries, "{:?}", w.out.ledger);
        read(&w);
    }
}

/// The stored id of the only message, and what is kept under it.
fn stored(w: &World) -> (Vec<u8>, Vec<u8>) {
    let mut ids = w.store.0.iter().filter(|((table, _), _)| *table == Table::Wamids);
    ids.next().map(|((_, key), value)| (key.clone(), value.clone())).unwrap()
}

/// 30 days after the delivery what was booked is forgotten, and that it was booked stays: unless the batch changed it, and
/// not where the batch is undone.
#[test]
fn until_it_is_forgotten() {
    let mut w = world();
    w.event(&said("wamid.f", "delivered", NOVEMBER_S, "utility"));
    w.commit();
    let sweep = |w: &mut World, undone: bool| {
        let (key, value) = stored(w);
        let mut batch = common::Store::default();
        w.engine.sweep_id(&key, &value, &mut batch).unwrap();
        if undone {
            assert!(w.engine.abort());
        } else {
            w.store.0.extend(batch.0);
            w.commit();
        }
        stored(w).1.len()
    };
    assert!(sweep(&mut w, false) > 9, "too early");
    w.advance(29 * u64::from(DAY_S) * 1000);
    assert!(sweep(&mut w, true) > 9);
    w.event(&said("wamid.f", "read", NOVEMBER_S + 1, "marketing"));
    assert_eq!(w.out.ledger.len(), 3);
    assert!(sweep(&mut w, false) > 9, "what a batch changed is not swept by it");
    w.event(&said("wamid.f", "read", NOVEMBER_S + 2, "utility"));
    assert_eq!(w.out.ledger.len(), 5);
    w.commit();
    assert_eq!(sweep(&mut w, false), 9);
    for restarts in [false, true] {
        if restarts {
            w.reload();
        }
        w.event(&said("wamid.f", "read", NOVEMBER_S + 3, "marketing"));
        w.event(&said("wamid.f", "delivered", NOVEMBER_S - 1, ""));
        assert_eq!(w.out.ledger.len(), 5);
    }
    read(&w);
}

fn step() -> impl Strategy<Value = (usize, &'static str, u32, &'static str)> {
    let kind = prop::sample::select(vec!["delivered", "read"]);
    let category = prop::sample::select(vec!["", "marketing", "utility", "service"]);
    let at_s = prop_oneof![
        NOVEMBER_S - 3..NOVEMBER_S + 3,
        OCTOBER_S - 3..OCTOBER_S + 3,
        (0..60_u32).prop_map(|day| NOVEMBER_S + 2 * DAY_S - day * DAY_S)
    ];
    (0..2_usize, kind, at_s, category)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Statuses in any order, restarts and batches that are undone in between: what stands is the same, by the newest word
    /// and the smallest time, and what is taken back was booked.
    #[test]
    fn any_order(
        steps in prop::collection::vec(step(), 1..8),
        shuffle in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8), 8),
    ) {
        let steps = any_order::statuses(steps);
        let mut plain = world();
        steps.iter().for_each(|s| plain.event(s));
        let mut w = world();
        any_order::play(&mut w, steps, &shuffle);
        read(&plain);
        read(&w);
        // Within a card, a mark-up and a month the time of what has no position decides nothing.
        let without_time = |w: &World| standing(w).iter().map(|l| l.rsplit_once(' ').unwrap().0.to_owned()).collect::<Vec<_>>();
        prop_assert_eq!(without_time(&plain), without_time(&w));
        prop_assert_eq!(total(&plain), total(&w));
    }
}
