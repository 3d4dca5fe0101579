//! Late statuses of messages that are gone, of whichever attempt: each is the entry that it was, or none.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, accepted, status};
use serde_json::{Value, json};
use tollgate_core::engine::Table;

const TO: &str = "+5511987654321";
const DAY_MS: u64 = 86_400_000;

fn delivered(kind: &str, attempt: u8, at_s: u32) -> Value {
    let mut s = status(kind, 1, &format!("wamid.{attempt}"), at_s, true);
    s["callback"]["attempt"] = json!(attempt);
    s["pricing"]["category"] = json!("authentication");
    s
}

/// A one-time code whose two attempts were both delivered, 31 days ago, as it is stored; and the second it was delivered at.
fn two_delivered() -> (World, u32) {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "authentication");
    w.request(&json!({"id": "a", "account": "acme", "to": TO, "purpose": "authentication",
        "content": [{"template": {"name": "code", "language": "pt_BR", "components": {"body": ["123456"]}}}]}))
        .unwrap();
    let until = w.now_ms + 60_000;
    w.run_until(until);
    assert_eq!(w.out.orders.len(), 2, "a one-time code gets another attempt");
    let at_s = (w.now_ms / 1000) as u32;
    for attempt in [1, 2] {
        w.event(&accepted(1, attempt, &format!("wamid.{attempt}")));
        w.event(&delivered("delivered", attempt, at_s));
    }
    assert_eq!(w.out.ledger.len(), 2, "each is a charge");
    w.commit();
    w.advance(31 * DAY_MS);
    (w, at_s)
}

/// The store without what these tables have, and a restart.
fn forget(w: &mut World, tables: &[Table]) {
    let before = w.store.0.len();
    w.store.0.retain(|(table, _), _| !tables.contains(table));
    assert!(w.store.0.len() < before, "there was something");
    w.reload();
    assert!(w.engine.state().message(1).is_none());
}

#[test]
fn a_late_entry_is_that_of_its_attempt() {
    let (mut w, at_s) = two_delivered();
    forget(&mut w, &[Table::Open, Table::Closed, Table::Wamids]);
    let booked = std::mem::take(&mut w.out.ledger);
    for attempt in [2, 1] {
        w.event(&delivered("read", attempt, at_s));
        // Told again it is known.
        w.event(&delivered("read", attempt, at_s));
    }
    assert_eq!(w.out.ledger.len(), 2, "{:#?}", w.out.ledger);
    for (late, first) in w.out.ledger.iter().zip(booked.iter().rev()) {
        for field in ["entry", "kind", "cost", "message_uid", "attempt", "wamid_hash"] {
            assert_eq!(late[field], first[field], "{field}, by which the ledger knows it");
        }
    }
    assert_eq!([0, 1].map(|n| w.out.ledger[n]["attempt"].as_u64()), [Some(2), Some(1)]);
}

/// Where the platform's id is still known, the message was booked when it was there.
#[test]
fn what_was_told_of_an_attempt_stays_told() {
    for callback in [true, false] {
        let (mut w, at_s) = two_delivered();
        forget(&mut w, &[Table::Open, Table::Closed]);
        w.out.ledger.clear();
        for attempt in [1, 2] {
            let mut late = delivered("read", attempt, at_s + 1);
            if !callback {
                late.as_object_mut().unwrap().remove("callback");
            }
            w.event(&late);
            assert_eq!(w.out.ledger.len(), 0, "attempt {attempt}, callback {callback}: {:#?}", w.out.ledger);
        }
    }
}
