//! The life of a message in words.

use super::ingest;
use crate::ledger::LedgerStore;
use crate::ledger::fixture::{Database, READ_AT, T0, charge, golden, json as bytes, on_both, records};
use crate::views::fixture::{at, life, outcome, snapshot};
use crate::views::{MessageView, OptOutView, explain, explain_entry};
use serde_json::{Value, json};
use tollgate_wire::Time;
use tollgate_wire::ledger::{Cause, EntryKind, LedgerEntry, Origin};
use tollgate_wire::outcome::OutcomeKind;

on_both!(
    explain_tells_a_delivered_message,
    explain_tells_a_waiting_message,
    explain_names_what_a_refusal_is_about,
    explain_tells_a_marked_up_and_corrected_price,
    explain_tells_what_other_software_sent,
);

fn explain_tells_a_delivered_message(dir: &Database) {
    ingest(dir, &life("m1", 1), 0);
    dir.writer().ingest(&records(&[bytes(&charge(1))], 0), READ_AT).unwrap();
    let view = dir.reader().message("acme", "m1").unwrap().unwrap();
    golden("explain_delivered.txt", &explain(&view));
}

/// A message that was parked as `told` and joined `lot`, once the account's snapshot is there.
fn waiting(told: &str, lot: &str, retry_s: u64) -> MessageView {
    let dir = &Database::sqlite();
    let more = json!({"attempt": 0, "reason": told, "retry_at": at(retry_s), "lot": lot,
        "gates": {"passed": 6, "stopped": "pacing"}});
    ingest(dir, &[outcome("m1", 1, 0, "parked", more)], 0);
    dir.writer().ingest_snapshots(&records(&[snapshot(2, 7)], 0), READ_AT).unwrap();
    dir.reader().message("acme", "m1").unwrap().unwrap()
}

#[test]
fn a_waiting_message_is_told_what_its_queue_waits_for_now() {
    let view = waiting("pacing", "pacing0-3b-1-0", 60);
    assert_eq!((view.outcome, view.reason.as_deref()), (OutcomeKind::Parked, Some("budget")));
    assert_eq!(view.retry_at, None, "the queue's own time has passed too");
    assert_eq!(view.moves[0].reason.as_deref(), Some("pacing"), "what it was told stays in its history");
    golden("explain_waiting_for_budget.txt", &explain(&view));
    let own = waiting("pair_rate", "own0-3b-1-0", 6_000);
    assert_eq!(own.reason.as_deref(), Some("pair_rate"), "each of such a queue has a reason of its own");
    assert_eq!(own.retry_at.unwrap().to_string(), at(6_000));
    let gone = waiting("pacing", "pacing9-3b-1-0", 60);
    assert_eq!((gone.reason.as_deref(), gone.waits, gone.retry_at), (Some("pacing"), None, None));
    let dir = &Database::sqlite();
    ingest(dir, &life("m2", 2), 0);
    dir.writer().ingest_snapshots(&records(&[snapshot(2, 7)], 0), READ_AT).unwrap();
    assert_eq!(dir.reader().message("acme", "m2").unwrap().unwrap().waits, None, "it has left its queue");
}

fn explain_tells_a_waiting_message(dir: &Database) {
    ingest(dir, &life("m1", 1)[..1], 0);
    dir.writer().ingest_snapshots(&records(&[snapshot(2, 7)], 0), READ_AT).unwrap();
    let view = dir.reader().message("acme", "m1").unwrap().unwrap();
    golden("explain_waiting_for_quota.txt", &explain(&view));
}

fn explain_names_what_a_refusal_is_about(dir: &Database) {
    let gates = json!({"passed": 4, "stopped": "content", "quota_used": 3, "quota_ceiling": 900, "quota_limit": 1000});
    let of = |id: &str, uid, reason: &str, more: Value| {
        let mut fields = json!({"attempt": 0, "reason": reason, "gates": gates});
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        outcome(id, uid, 5, "refused", fields)
    };
    let values =
        [of("barred", 1, "country_barred", json!({"detail": "country US"})), of("no", 2, "opted_out", json!({}))];
    ingest(dir, &values, 0);
    let read = |id: &str| dir.reader().message("acme", id).unwrap().unwrap();
    assert!(explain(&read("barred")).contains("stop  country_barred; customer service window closed; country US\n"));
    let mut no = read("no");
    let source = "whatsapp stop word".to_owned();
    no.opt_out = Some(OptOutView { category: "marketing".to_owned(), at: Time(T0), source, brand: None });
    let text = explain(&no);
    assert!(text.contains(&format!("; no to marketing on {}, by whatsapp stop word\n", at(0))), "{text}");
    let mut admitted = read("no");
    admitted.moves[0].gates.as_mut().unwrap().passed = 11;
    let text = explain(&admitted);
    assert!(
        text.contains("3 of 900 unique users counted in 24 h; the limit is 1000, the rest is kept free\n"),
        "{text}"
    );
}

fn explain_tells_a_marked_up_and_corrected_price(dir: &Database) {
    let moves: Vec<_> = [2u64, 5]
        .into_iter()
        .flat_map(|uid| {
            let account = if uid == 5 { "zeta" } else { "acme" };
            [outcome(&format!("m{uid}"), uid, uid, "read", json!({"account": account}))]
        })
        .collect();
    dir.with_month();
    ingest(dir, &moves, 0);
    let reader = dir.reader();
    let text = [("acme", "m2"), ("zeta", "m5")].map(|(a, id)| explain(&reader.message(a, id).unwrap().unwrap()));
    golden("explain_corrected_and_marked_up.txt", &text.join("\n"));
}

/// It has no request, and is asked for by any of its entries.
fn explain_tells_what_other_software_sent(dir: &Database) {
    let foreign = |n: u64| LedgerEntry {
        origin: Origin::Foreign,
        message_uid: None,
        message: None,
        attempt: None,
        campaign: None,
        cost_center: None,
        booked_at: Time(T0 + n * 1000),
        ..charge(n)
    };
    let first = foreign(1);
    let back = LedgerEntry {
        kind: EntryKind::Adjustment,
        cause: Some(Cause::Reclassified),
        adjusts: Some(first.entry.clone()),
        quantity: -1,
        cost: first.cost.map(|cost| -cost),
        price_ex_tax: first.price_ex_tax.map(|price| -price),
        ..foreign(2)
    };
    let anew = LedgerEntry {
        kind: EntryKind::Unpriced,
        cause: Some(Cause::Reclassified),
        adjusts: Some(first.entry.clone()),
        revision: 1,
        category: None,
        pricing_type: None,
        card: None,
        band: None,
        list_rate: None,
        cost_rate: None,
        cost: None,
        price_ex_tax: None,
        reason: Some("unknown_category".into()),
        ..foreign(3)
    };
    let another = foreign(4);
    let entries = [&first, &back, &anew, &another, &charge(5)].map(bytes);
    dir.writer().ingest(&records(&entries, 0), READ_AT).unwrap();
    let reader = dir.reader();
    let view = reader.entry("acme", &anew.entry).unwrap().unwrap();
    golden("explain_foreign.txt", &explain_entry(&view));
    for of_them in [&first, &back] {
        let view = reader.entry("acme", &of_them.entry).unwrap().unwrap();
        let ids: Vec<_> = view.ledger.iter().map(|line| line.entry.as_str()).collect();
        assert_eq!(ids, [&*first.entry, &*back.entry, &*anew.entry]);
    }
    assert_eq!(reader.entry("acme", &another.entry).unwrap().unwrap().ledger.len(), 1);
    for (account, id) in
        [("zeta", &*first.entry), ("acme", &*charge(5).entry), ("acme", &*charge(6).entry), ("acme", "m1")]
    {
        assert!(reader.entry(account, id).unwrap().is_none(), "{account} {id}");
    }
}
