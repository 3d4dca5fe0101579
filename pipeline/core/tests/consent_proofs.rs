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

/// Whatever a person says, wherever, the views hear what was said and what holds since.
#[test]
fn every_word_of_a_person_is_shown() {
    let mut w = World::with_account("unlimited", "GREEN");
    w.command(&consent(&[]));
    let shown = w.out.consents.pop().expect("shown");
    assert_eq!((&shown["consents_of"], &shown["account"]), (&json!("+5511987654321"), &json!("acme")));
    let said = json!({"category": "marketing", "state": "opt_in", "source": "web", "at": "2026-11-01T10:00:00.000Z",
        "text_version": "3"});
    assert_eq!(shown["said"], said);
    let holds = |marketing: &str, utility: Value, stop_all: bool| {
        let other = if stop_all { json!("opt_out") } else { Value::Null };
        json!({"marketing": marketing, "utility": utility, "authentication": other, "service": other,
            "stop_all": stop_all})
    };
    assert_eq!(shown["holds"], holds("opt_in", Value::Null, false));
    let at_s = w.now_ms / 1000;
    w.event(&json!({"event": "preference", "from": "+5511987654321", "stop": true, "at_s": at_s}));
    let shown = w.out.consents.pop().expect("shown");
    assert_eq!(
        (&shown["said"]["source"], &shown["holds"]),
        (&json!("whatsapp user preference"), &holds("opt_out", Value::Null, false))
    );
    // A stop word is two words: of marketing and of utility. What holds is the same in both.
    w.event(&json!({"event": "inbound", "sender": "1001", "from": "+5511987654321", "at_s": at_s,
        "keyword": "stop"}));
    let stops = std::mem::take(&mut w.out.consents);
    assert_eq!(stops.iter().map(|c| c["said"]["category"].clone()).collect::<Vec<_>>(), ["marketing", "utility"]);
    assert!(stops.iter().all(|c| c["holds"] == holds("opt_out", json!("opt_out"), false)), "{stops:?}");
    let all =
        json!({"command": "set_consent", "account": "acme", "consent": {"to": "+5511987654321", "state": "opt_out"}});
    w.command(&all);
    let shown = w.out.consents.pop().expect("shown");
    assert_eq!(
        (&shown["said"]["category"], &shown["holds"]),
        (&json!("all"), &holds("opt_out", json!("opt_out"), true))
    );
    assert!(w.out.consents.is_empty());
}
