//! Proofs of consent: one for each thing that a person said, however often it is imported.

mod common;

use common::World;
use serde_json::{Value, json};
use tollgate_core::engine::Table;

fn consent(change: &[(&str, &str)]) -> Value {
    let mut consent = json!({"to": "+5511987654321", "category": "marketing", "state": "opt_in", "source": "web",
        "at": "2026-11-01T10:00:00Z", "text_version": "3"});
    for (field, value) in change {
        consent[*field] = json!(value);
    }
    json!({"command": "set_consent", "account": "acme", "consent": consent})
}

fn proofs(w: &World) -> usize {
    w.store.0.keys().filter(|(table, _)| *table == Table::Proofs).count()
}

#[test]
fn the_same_consent_again_adds_no_proof_and_another_one_does() {
    let mut w = World::with_account("unlimited", "GREEN");
    for _ in 0..3 {
        w.command(&consent(&[]));
        w.command(&consent(&[]));
        w.commit();
        w.advance(3_600_000);
    }
    assert_eq!(proofs(&w), 1, "within a batch and an hour later");
    let others: [&[(&str, &str)]; 5] = [
        &[("state", "opt_out")],
        &[("source", "paper")],
        &[("at", "2026-11-01T10:00:01Z")],
        &[("text_version", "4")],
        &[("to", "+5511987654322")],
    ];
    for other in others {
        w.command(&consent(other));
    }
    w.commit();
    assert_eq!(proofs(&w), 6);
}
