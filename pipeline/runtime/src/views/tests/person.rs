//! A person: given out, erased.

use super::{counts, ingest};
use crate::ledger::LedgerReader;
use crate::ledger::fixture::{Database, READ_AT, json as bytes, on_both, records};
use crate::views::fixture::{at, consent, life, outcome, snapshot};
use serde_json::{Value, json};
use tollgate_wire::ledger::LedgerEntry;
use tollgate_wire::outcome::OutcomeKind;

on_both!(a_person_is_given_out_and_erased_and_the_bill_stays,);

fn a_person_is_given_out_and_erased_and_the_bill_stays(dir: &Database) {
    const ANA: &str = "+5511987654321";
    let bill_before = {
        drop(dir.with_month());
        detail(dir)
    };
    let mut moves = life("m1", 7);
    moves.push(outcome("m2", 8, 5, "sent", json!({"to": "+5511987650000", "wamid": "wamid.2"})));
    ingest(dir, &moves, 0);
    let mut with_list: Value = serde_json::from_slice(&snapshot(5, 0)).unwrap();
    with_list["campaigns"][0]["spec"]["test_recipients"] = json!(["+5511987650000", ANA]);
    let wrote = |to: &str, sender: &str| {
        bytes(&json!({"reply_of": to, "account": "acme", "sender": sender, "at": at(7), "stranger": true}))
    };
    let mut values = vec![
        bytes(&with_list),
        consent(1, "marketing", "opt_in", json!({})),
        consent(2, "utility", "opt_out", json!({})),
        wrote(ANA, "B"),
        wrote(ANA, "A"),
        wrote("+5511987650000", "C"),
    ];
    dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    let given = |to: &str| serde_json::to_value(dir.reader().person("acme", to).unwrap().unwrap()).unwrap();
    let counted = counts(&dir.reader(), None);
    let person = given(ANA);
    assert_eq!(
        (&person["messages"][0]["id"], &person["messages"][0]["metadata"]["crm"]),
        (&json!("m1"), &json!("881-2"))
    );
    assert_eq!(person["messages"].as_array().unwrap().len(), 1);
    assert_eq!(person["consents"]["proofs"].as_array().unwrap().len(), 2);
    let waits = json!([{"sender": "A", "wrote_at": at(7)}, {"sender": "B", "wrote_at": at(7)}]);
    assert_eq!((&person["waits"], &person["test_recipient_of"]), (&waits, &json!(["black-friday-2026"])));
    let entries = person["entries"].as_array().unwrap();
    assert!(!entries.is_empty() && entries.iter().all(|e| e["wamid"].is_string()), "{entries:?}");
    assert!(dir.reader().person("nobody", ANA).unwrap().is_none());
    // One record says what was said and that it is erased; then it is told again.
    values.push(consent(3, "marketing", "opt_out", json!({})));
    let refused = json!({"marketing": "opt_out", "utility": "opt_out", "authentication": null, "service": null,
        "stop_all": false});
    let erased = json!({"erased": ANA, "account": "acme", "as_of": at(4), "holds": refused});
    values.push(serde_json::to_vec(&erased).unwrap());
    dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    let person = given(ANA);
    assert_eq!((&person["messages"], &person["entries"], &person["waits"]), (&json!([]), &json!([]), &json!([])));
    assert_eq!(
        (&person["consents"]["proofs"], &person["consents"]["consents"][0]["state"]),
        (&json!([]), &json!("opt_out"))
    );
    let message = dir.reader().message("acme", "m1").unwrap().unwrap();
    assert_eq!((message.to.as_str(), message.wamid, message.metadata.is_none()), ("", None, true));
    assert_eq!((message.outcome, message.moves.len()), (OutcomeKind::Read, 6), "what became of it stays");
    let feed = dir.reader().feed("acme", 0, 100).unwrap();
    let told: Vec<&str> = feed.items.iter().map(|i| i.outcome.get()).filter(|o| o.contains("\"m1\"")).collect();
    assert_eq!(told.len(), 6);
    assert!(!told.iter().any(|o| o.contains(ANA) || o.contains("wamid.1") || o.contains("crm")), "{told:?}");
    assert_eq!(given("+5511987650000")["messages"][0]["id"], "m2", "others stay");
    assert_eq!(dir.reader().message("acme", "m2").unwrap().unwrap().wamid.as_deref(), Some("wamid.2"));
    assert_eq!((counts(&dir.reader(), None), detail(dir)), (counted, bill_before), "counts and amounts stay");
    // Nothing refused: nothing is left.
    let nothing = json!({"erased": ANA, "account": "acme", "as_of": at(5)});
    let nothing = serde_json::to_vec(&nothing).unwrap();
    dir.writer().ingest_snapshots(&records(&[nothing], values.len() as u64), READ_AT).unwrap();
    assert_eq!(given(ANA)["consents"]["consents"][0]["state"], "none");
    // What is told of the message afterwards names nobody.
    ingest(dir, &[outcome("m1", 7, 100, "read", json!({"wamid": "wamid.1"}))], 100);
    let message = dir.reader().message("acme", "m1").unwrap().unwrap();
    assert_eq!(
        (message.to.as_str(), message.wamid, message.metadata.is_none(), message.moves.len()),
        ("", None, true, 7)
    );
    let feed = dir.reader().feed("acme", 0, 100).unwrap();
    let told = |o: &str| o.contains("\"m1\"") && (o.contains(ANA) || o.contains("wamid.1") || o.contains("crm"));
    assert!(!feed.items.iter().any(|i| told(i.outcome.get())));
}

/// Every entry of the fixture's month, without people's data.
fn detail(dir: &Database) -> Vec<String> {
    let mut all = Vec::new();
    let month = "2026-10".parse().unwrap();
    let mut each = |e: &LedgerEntry<'_>| {
        all.push(serde_json::to_string(e).unwrap());
        std::ops::ControlFlow::Continue(())
    };
    dir.reader().detail(month, None, false, &mut each).unwrap();
    assert!(!all.is_empty());
    all
}
