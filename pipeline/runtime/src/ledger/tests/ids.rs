//! An id is booked once, whatever else an entry says.

use super::contents;
use crate::ledger::fixture::{Database, READ_AT, charge, json, month, on_both, records, scattered};
use crate::ledger::{Close, Ingested, LedgerReader, LedgerStore, close_month};
use rust_decimal::Decimal;
use tollgate_wire::Time;
use tollgate_wire::ledger::{EntryKind, LedgerEntry, Origin};

on_both!(
    an_id_of_a_message_is_booked_once_in_whichever_month,
    an_id_of_no_message_is_booked_once_in_whichever_month,
    two_entries_in_the_very_place_are_one_and_stop_no_other,
    what_was_kept_before_is_known,
    what_comes_late_of_a_message_of_ours_is_booked_already,
);

/// The same id a month later, in another account.
fn later(e: &LedgerEntry<'static>) -> LedgerEntry<'static> {
    LedgerEntry {
        account: "zeta".into(),
        origin: Origin::Foreign,
        campaign: None,
        occurred_at: Time(e.occurred_at.0 + 40 * 86_400_000),
        usage_period: "2026-11".into(),
        billing_period: "2026-11".into(),
        ..e.clone()
    }
}

fn of_none(e: LedgerEntry<'static>) -> LedgerEntry<'static> {
    LedgerEntry { message_uid: None, message: None, attempt: None, ..e }
}

fn booked_once(dir: &Database, first: &LedgerEntry<'static>) {
    let mut writer = dir.writer();
    assert_eq!(writer.ingest(&records(&[json(first)], 0), READ_AT).unwrap().applied, 1);
    let once = contents(&dir.reader());
    // With another that is new, at once and alone.
    let batch = [json(&later(first)), json(&charge(9)), json(&later(first))];
    let done = writer.ingest(&records(&batch, 1), READ_AT).unwrap();
    assert_eq!(done, Ingested { applied: 1, duplicates: 2, ..Ingested::default() });
    let alone = writer.ingest(&records(&[json(&later(first))], 4), READ_AT).unwrap();
    assert_eq!(alone, Ingested { duplicates: 1, ..Ingested::default() });
    let reader = dir.reader();
    assert_eq!(contents(&reader).1.len(), once.1.len() + 1);
    assert_eq!(reader.entry_count("2026-11".parse().unwrap(), None).unwrap(), 0);
}

fn an_id_of_a_message_is_booked_once_in_whichever_month(dir: &Database) {
    booked_once(dir, &charge(1));
}

fn an_id_of_no_message_is_booked_once_in_whichever_month(dir: &Database) {
    booked_once(dir, &of_none(charge(1)));
}

/// Nobody writes so; but a record that does must not stop those behind it.
fn two_entries_in_the_very_place_are_one_and_stop_no_other(dir: &Database) {
    let mut writer = dir.writer();
    let first = [charge(1), of_none(charge(1)), charge(2)].map(|e| json(&e));
    let done = writer.ingest(&records(&first, 0), READ_AT).unwrap();
    assert_eq!(done, Ingested { applied: 2, duplicates: 1, ..Ingested::default() });
    let then = [charge(3), of_none(charge(2)), charge(4)].map(|e| json(&e));
    let done = writer.ingest(&records(&then, 3), READ_AT).unwrap();
    assert_eq!(done, Ingested { applied: 2, duplicates: 1, ..Ingested::default() });
    assert_eq!(contents(&dir.reader()).1.len(), 4);
}

/// An engine that has forgotten the message, or never knew it, books what is read late as if other software had sent it: by
/// what that status says, so that kind, id and revision may be others.
fn what_comes_late_of_a_message_of_ours_is_booked_already(dir: &Database) {
    let forgotten = |n: u64, kind: EntryKind, revision: u32| LedgerEntry {
        entry: format!("{:032x}", u128::from(n) + (u128::from(revision) << 80) + ((kind as u128) << 90)).into(),
        kind,
        revision,
        cost: Some(Decimal::ZERO).filter(|_| kind == EntryKind::Free),
        price_ex_tax: Some(Decimal::ZERO).filter(|_| kind == EntryKind::Free),
        message: None,
        ..later(&charge(n))
    };
    let back = |n: u64| LedgerEntry {
        adjusts: Some(forgotten(n, EntryKind::Unpriced, 0).entry),
        quantity: -1,
        ..forgotten(n, EntryKind::Adjustment, 1)
    };
    let mut writer = dir.writer();
    writer.ingest(&records(&[json(&charge(1))], 0), READ_AT).unwrap();
    let once = contents(&dir.reader());
    let late = [
        json(&forgotten(1, EntryKind::Unpriced, 0)),
        json(&back(1)),
        json(&forgotten(1, EntryKind::Free, 1)),
        // Both in one batch.
        json(&charge(2)),
        json(&forgotten(2, EntryKind::Unpriced, 0)),
        // Of this one nothing is booked; and of a second attempt nothing either.
        json(&forgotten(3, EntryKind::Unpriced, 0)),
        json(&back(3)),
        json(&forgotten(3, EntryKind::Free, 1)),
        json(&LedgerEntry {
            attempt: Some(2),
            wamid_hash: scattered(77).into(),
            ..forgotten(1, EntryKind::Unpriced, 9)
        }),
    ];
    let done = writer.ingest(&records(&late, 1), READ_AT).unwrap();
    assert_eq!(done, Ingested { applied: 5, duplicates: 4, ..Ingested::default() });
    let reader = dir.reader();
    assert_eq!(contents(&reader).1.len(), once.1.len() + 1);
    assert_eq!(reader.entry_count("2026-11".parse().unwrap(), None).unwrap(), 4);
    // The month may be closed by then: nothing that was to be billed is missing.
    let close = Close {
        month: "2026-11".parse().unwrap(),
        at: READ_AT,
        forced: None,
        closed_at: Some(READ_AT),
        manifest: "{}".to_owned(),
        sha256: String::new(),
    };
    writer
        .transact(|tx, memory| {
            let account = memory.accounts.number(tx, "zeta")?;
            close_month(tx, account, &close)
        })
        .unwrap();
    let again = [json(&forgotten(2, EntryKind::Free, 3)), json(&forgotten(4, EntryKind::Free, 0))];
    let done = writer.ingest(&records(&again, 10), READ_AT).unwrap();
    assert_eq!(done, Ingested { duplicates: 1, rejected: 1, ..Ingested::default() });
}

/// A database of version 5 with entries in it is brought up to date.
fn what_was_kept_before_is_known(dir: &Database) {
    drop(dir.with_month());
    let mut all: Vec<_> = month();
    all.extend([of_none(charge(40)), charge(41)]);
    let values: Vec<_> = all.iter().map(json).collect();
    let n = values.len() as u64;
    dir.writer().ingest(&records(&values, n), READ_AT).unwrap();
    let (before, people) = (contents(&dir.reader()), super::entries(&dir.reader(), super::october(), true));
    assert!(people.iter().any(|e| String::from_utf8_lossy(e).contains("+5511987654321")));
    dir.back_to_version_5(&mut dir.writer());
    let mut writer = dir.writer();
    assert!(contents(&dir.reader()) == before);
    assert!(super::entries(&dir.reader(), super::october(), true) == people);
    let repeated: Vec<_> = all.iter().map(|e| json(&later(e))).collect();
    let done = writer.ingest(&records(&repeated, 2 * n), READ_AT).unwrap();
    assert_eq!(done, Ingested { duplicates: n, ..Ingested::default() });
    assert!(contents(&dir.reader()) == before);
}
