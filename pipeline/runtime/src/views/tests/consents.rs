//! Consents: what was said last, to the account and to brands, the suppression list, the no behind a refusal.

use super::ingest;
use crate::ledger::fixture::{Database, READ_AT, T0, on_both, records};
use crate::views::fixture::{at, consent, outcome, snapshot, trace};
use crate::views::{ConsentsView, OptOutView, SuppressionsView, explain};
use serde_json::{Value, json};
use tollgate_wire::Time;

on_both!(
    consents_are_what_was_said_last_with_every_proof,
    a_consent_ends_and_the_suppression_list_is_read_in_pages,
    a_refusal_names_the_newest_no,
    what_was_said_to_brands,
);

fn consents_are_what_was_said_last_with_every_proof(dir: &Database) {
    let read = |to: &str| dir.reader().consents("acme", to).unwrap();
    let other = json!({"consents_of": "BR.1234", "holds": {"marketing": "opt_out", "utility": "opt_out",
        "authentication": "opt_out", "service": "opt_out", "stop_all": true}});
    let mut values = vec![
        consent(1, "marketing", "opt_in", json!({})),
        consent(2, "all", "opt_out", other),
        consent(3, "marketing", "opt_out", json!({})),
    ];
    dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    assert!(read("+5511987654321").is_none(), "the account has no snapshot yet");
    // Said again, an hour later.
    let again = json!({"as_of": at(3_600), "holds": {"marketing": "opt_out", "utility": null, "authentication": null,
        "service": null, "stop_all": false}});
    values.extend([
        snapshot(5, 0),
        consent(6, "marketing", "opt_in", json!({"sated": true})),
        consent(1, "marketing", "opt_in", again),
    ]);
    let done = dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    assert_eq!((done.applied, done.skipped, done.rejected), (2, 3, 1));
    let states = |view: &ConsentsView| view.consents.iter().map(|c| c.state).collect::<Vec<_>>();
    let one = read("+5511987654321").unwrap();
    assert_eq!((states(&one), one.stop_all, one.as_of), (vec!["opt_out", "none", "none", "none"], false, READ_AT));
    let proof = |n: usize| serde_json::from_str::<Value>(one.proofs[n].get()).unwrap();
    assert_eq!(one.proofs.len(), 2, "what has an unknown field is set aside");
    assert_eq!((proof(0)["state"].as_str(), proof(1)["at"].as_str()), (Some("opt_in"), Some(&*at(3))));
    let scoped = read("BR.1234").unwrap();
    assert_eq!((states(&scoped), scoped.stop_all, scoped.proofs.len()), (vec!["opt_out"; 4], true, 1));
    let stranger = read("+15550100").unwrap();
    assert_eq!((states(&stranger), stranger.stop_all, stranger.proofs.len()), (vec!["none"; 4], false, 0));
    // More than one statement's worth, some of one person, in two batches.
    let many: Vec<_> = (0..200)
        .map(|n| {
            let state = if n < 150 { "opt_in" } else { "opt_out" };
            consent(10 + n, "marketing", state, json!({"consents_of": format!("+55119{:08}", n % 150)}))
        })
        .collect();
    dir.writer().ingest_snapshots(&records(&many[..130], 6), READ_AT).unwrap();
    dir.writer().ingest_snapshots(&records(&many[130..], 136), READ_AT).unwrap();
    let of = |n: u64| read(&format!("+55119{n:08}")).unwrap();
    assert_eq!((of(0).consents[0].state, of(0).proofs.len()), ("opt_out", 2));
    assert_eq!((of(149).consents[0].state, of(149).proofs.len()), ("opt_in", 1));
}

fn a_consent_ends_and_the_suppression_list_is_read_in_pages(dir: &Database) {
    let held = |ends: u64, pending: u64| {
        json!({"holds": {"marketing": "opt_in", "utility": null, "authentication": "opt_out", "service": null,
            "stop_all": false, "ends": {"marketing": at(ends), "service": at(1)}, "pending": {"utility": at(pending)}}})
    };
    let listed = |n: u64, suppressed: bool| {
        let mut holds = json!({"marketing": null, "utility": null, "authentication": null, "service": null,
            "stop_all": false});
        if suppressed {
            holds["suppressed"] = json!(true);
        }
        consent(n, "suppression", "opt_out", json!({"consents_of": format!("+5511900000{n:03}"), "holds": holds}))
    };
    let mut values = vec![snapshot(0, 0), consent(1, "marketing", "opt_in", held(100, 60))];
    values.extend((1..=5).map(|n| listed(n, true)));
    values.push(listed(3, false));
    let ingest = |values: &[Vec<u8>], from, now: u64| {
        dir.writer().ingest_snapshots(&records(values, from), Time(T0 + now * 1000)).unwrap();
    };
    ingest(&values, 0, 50);
    let lines = || {
        let view = dir.reader().consents("acme", "+5511987654321").unwrap().unwrap();
        view.consents.iter().map(|c| (c.state, c.until.map(|t| t.to_string()))).collect::<Vec<_>>()
    };
    let some = |seconds| Some(at(seconds));
    let refused = ("opt_out", None);
    assert_eq!(lines(), [("opt_in", some(100)), ("pending", some(60)), refused.clone(), ("expired", some(1))]);
    ingest(&[listed(9, false)], values.len() as u64, 100);
    assert_eq!(lines(), [("expired", some(100)), ("none", None), refused, ("expired", some(1))]);
    let page = |after: &str, max| dir.reader().suppressions("acme", after, max).unwrap().unwrap();
    let people = |view: &SuppressionsView| {
        view.items.iter().map(|l| l.to[l.to.len() - 1..].parse::<u8>().unwrap()).collect::<Vec<_>>()
    };
    let first = page("", 3);
    assert_eq!((people(&first), first.next.as_deref()), (vec![1, 2, 4], Some("+5511900000004")));
    let rest = page("+5511900000004", 3);
    assert_eq!((people(&rest), rest.next), (vec![5], None));
    assert!(dir.reader().suppressions("stranger", "", 3).unwrap().is_none());
    assert!(dir.reader().consents("acme", "+5511900000001").unwrap().unwrap().suppressed);
}

fn a_refusal_names_the_newest_no(dir: &Database) {
    let refused = outcome("m1", 7, 9, "refused", json!({"attempt": 0, "reason": "opted_out"}));
    ingest(dir, &[refused], 0);
    let read = || dir.reader().message("acme", "m1").unwrap().unwrap().opt_out;
    assert_eq!(read(), None);
    let said = |seconds, category: &str, state| consent(seconds, category, state, json!({}));
    let values = [
        said(1, "utility", "opt_out"),
        said(3, "marketing", "opt_out"),
        said(2, "all", "opt_out"),
        said(4, "utility", "opt_in"),
    ];
    dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    let no =
        OptOutView { category: "marketing".to_owned(), at: Time(T0 + 3_000), source: "web".to_owned(), brand: None };
    assert_eq!(read(), Some(no));
}

/// Of what was said to brands that to the message's brand, or to the account; and a person's record has all of it.
fn what_was_said_to_brands(dir: &Database) {
    let mut gates = trace(4, Some("content"));
    gates["brand"] = "shoes".into();
    let refused = json!({"attempt": 0, "reason": "opted_out", "gates": gates, "detail": "opted out of brand shoes"});
    ingest(dir, &[outcome("m1", 7, 9, "refused", refused)], 0);
    let alone = |marketing: &str| json!({"marketing": marketing, "utility": null, "authentication": null, "service": null, "stop_all": false});
    let mut holds = alone("opt_in");
    holds["brands"] =
        json!([{"brand": "shoes", "holds": alone("opt_out")}, {"brand": "hats", "holds": alone("opt_out")}]);
    let said = |seconds: u64, brand: Option<&str>| {
        let mut said: Value = json!({"category": "marketing", "state": "opt_out", "source": "web", "at": at(seconds),
            "text_version": ""});
        if let Some(brand) = brand {
            said["brand"] = json!(brand);
        }
        consent(seconds, "marketing", "opt_out", json!({"said": said, "holds": holds}))
    };
    let values = [snapshot(0, 0), said(1, None), said(3, Some("shoes")), said(2, None), said(4, Some("hats"))];
    dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    let view = dir.reader().message("acme", "m1").unwrap().unwrap();
    let no = view.opt_out.as_ref().unwrap();
    assert_eq!((no.at, no.brand.as_deref()), (Time(T0 + 3_000), Some("shoes")));
    let text = explain(&view);
    for part in ["as brand shoes; ", "opted out of brand shoes", "no to marketing of brand shoes on "] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    let consents = dir.reader().consents("acme", "+5511987654321").unwrap().unwrap();
    let brands: Vec<_> = consents.brands.iter().map(|b| (b.brand.as_str(), b.consents[0].state, b.stop_all)).collect();
    assert_eq!(brands, [("shoes", "opt_out", false), ("hats", "opt_out", false)]);
    assert_eq!((consents.consents[0].state, consents.proofs.len()), ("opt_in", 4));
    let person = serde_json::to_value(dir.reader().person("acme", "+5511987654321").unwrap().unwrap()).unwrap();
    assert_eq!(person["consents"]["brands"][1]["brand"], "hats");
    assert!(person["consents"]["proofs"].to_string().contains("\"brand\":\"hats\""));
    // Erased, with what is refused.
    let erased = json!({"erased": "+5511987654321", "account": "acme", "as_of": at(5), "holds": {"marketing": null,
        "utility": null, "authentication": null, "service": null, "stop_all": false,
        "brands": [{"brand": "shoes", "holds": alone("opt_out")}]}});
    dir.writer().ingest_snapshots(&records(&[serde_json::to_vec(&erased).unwrap()], 5), READ_AT).unwrap();
    let left = dir.reader().consents("acme", "+5511987654321").unwrap().unwrap();
    assert_eq!((left.proofs.len(), left.brands.len(), left.brands[0].consents[0].state), (0, 1, "opt_out"));
}
