//! Consents: one proof for each thing that a person said, and a no that neither an older yes nor another matter takes
//! back.

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

#[test]
fn an_older_yes_does_not_take_a_no_back() {
    let mut w = World::with_account("unlimited", "GREEN");
    let outcome = |w: &mut World, id: &str| {
        w.request(&common::promo(id, "+5511987654321")).expect("a request");
        w.last_outcome()["outcome"].as_str().expect("an outcome").to_owned()
    };
    w.command(&consent(&[("at", "2026-10-01T10:00:00Z")]));
    assert_eq!(outcome(&mut w, "a"), "admitted");
    w.command(&consent(&[("state", "opt_out"), ("at", "2026-10-09T10:00:00Z")]));
    // An old file is imported again.
    w.command(&consent(&[("at", "2026-10-01T10:00:00Z")]));
    assert_eq!(outcome(&mut w, "b"), "refused");
    // Neither a restart nor an undone batch forgets when the no was said.
    w.commit();
    w.reload();
    w.command(&consent(&[("at", "2026-10-09T09:59:59Z")]));
    assert_eq!(outcome(&mut w, "c"), "refused");
    w.command(&consent(&[("at", "2026-10-09T10:00:01Z")]));
    assert_eq!(outcome(&mut w, "d"), "admitted");
}

/// Simulator seed 73: the platform's switch is about marketing and says nothing of what was said elsewhere.
#[test]
fn marketing_resumed_on_the_platform_takes_no_opt_out_of_everything_back() {
    let mut w = World::with_account("unlimited", "GREEN");
    let outcome = |w: &mut World, id: &str| {
        w.request(&common::promo(id, "+5511987654321")).expect("a request");
        w.last_outcome()["outcome"].as_str().expect("an outcome").to_owned()
    };
    let switch = |w: &mut World, stop: bool| {
        w.advance(1_000);
        let at_s = w.now_ms / 1000;
        w.event(&json!({"event": "preference", "from": "+5511987654321", "stop": stop, "at_s": at_s}));
    };
    w.command(&consent(&[]));
    switch(&mut w, true);
    assert_eq!(outcome(&mut w, "a"), "refused");
    switch(&mut w, false);
    assert_eq!(outcome(&mut w, "b"), "admitted");
    let mut everything = consent(&[("state", "opt_out")]);
    everything["consent"].as_object_mut().expect("an object").remove("category");
    w.command(&everything);
    switch(&mut w, false);
    assert_eq!(outcome(&mut w, "c"), "refused");
    // A yes that the business itself was given does.
    let at = tollgate_wire::Time(w.now_ms).to_string();
    w.command(&consent(&[("at", at.as_str())]));
    assert_eq!(outcome(&mut w, "d"), "admitted");
}
