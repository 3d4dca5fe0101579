//! What the database keeps: how far topics were read, counts of what is forgotten, the tables of earlier versions.

use super::{counts, ingest};
use crate::ledger::fixture::{Database, READ_AT, T0, json as bytes, on_both, records};
use crate::ledger::{LedgerError, Options, Stream};
use crate::views::fixture::{at, consent, life, outcome};
use serde_json::{Value, json};
use tollgate_wire::Time;

on_both!(
    positions_hold_across_restarts_and_bad_records_are_set_aside,
    another_log_is_noticed_and_nothing_is_written,
    old_moves_are_forgotten_in_steps_and_ended_messages_stay_counted,
    an_earlier_version_is_brought_up_to_date,
);

fn positions_hold_across_restarts_and_bad_records_are_set_aside(dir: &Database) {
    let mut moves = life("m1", 7);
    moves.insert(2, b"not json".to_vec());
    let first = ingest(dir, &moves[..5], 10);
    assert_eq!((first.applied, first.rejected), (4, 1));
    let second = ingest(dir, &moves, 10);
    assert_eq!((second.skipped, second.applied), (5, 2));
    assert_eq!(dir.writer().position(Stream::Outcomes, 3).unwrap(), 17);
    assert_eq!(dir.reader().rejected(Stream::Outcomes).unwrap(), 1);
    assert_eq!(dir.reader().rejected(Stream::Ledger).unwrap(), 0);
}

fn another_log_is_noticed_and_nothing_is_written(dir: &Database) {
    ingest(dir, &life("m1", 7), 0);
    let moves = life("m2", 8);
    let mut elsewhere = records(&moves, 0);
    elsewhere.iter_mut().for_each(|r| r.partition = 4);
    let error = dir.writer().ingest_outcomes(&elsewhere, READ_AT).unwrap_err();
    assert!(matches!(error, LedgerError::OtherLog { offset: 0, .. }), "{error}");
    assert!(dir.reader().message("acme", "m2").unwrap().is_none());
    assert_eq!(counts(&dir.reader(), None), ["duplicate duplicate 1", "read - 1"]);
}

fn old_moves_are_forgotten_in_steps_and_ended_messages_stay_counted(dir: &Database) {
    let mut moves = life("old", 1);
    moves.push(outcome("stuck", 2, 95, "parked", json!({"reason": "budget"})));
    moves.extend(life("new", 3).iter().map(|m| {
        let mut o: Value = serde_json::from_slice(m).unwrap();
        o["at"] = at(1_000).into();
        bytes(&o)
    }));
    ingest(dir, &moves, 0);
    let mut writer = dir.writer();
    let cutoff = Time(T0 + 500_000);
    let steps: Vec<_> = std::iter::from_fn(|| {
        let step = writer.prune_moves(cutoff, 3).unwrap();
        (step.moves > 0).then_some((step.moves, step.messages, step.done))
    })
    .collect();
    assert_eq!(steps, [(3, 0, false), (3, 1, false), (1, 1, true)]);
    let reader = dir.reader();
    assert!(reader.message("acme", "old").unwrap().is_none());
    assert_eq!(reader.message("acme", "new").unwrap().unwrap().moves.len(), 6);
    assert_eq!(reader.feed("acme", 0, 100).unwrap().items.len(), 6);
    assert_eq!(counts(&reader, None), ["duplicate duplicate 2", "read - 2"]);
    // Why nothing may be forgotten while a status can still come: it is a message more.
    ingest(dir, &[outcome("old", 1, 2_000, "read", json!({}))], 100);
    assert_eq!(counts(&reader, None), ["duplicate duplicate 2", "read - 3"]);
}

fn an_earlier_version_is_brought_up_to_date(dir: &Database) {
    drop(dir.with_month());
    let mut writer = dir.writer();
    dir.back_to_version_5(&mut writer);
    // What versions 2 to 5 added.
    writer
        .transact(|tx, _| {
            for table in ["consents", "consent_proofs", "figures", "bands_reached"] {
                tx.run(&format!("DROP TABLE {table}"), &[])?;
            }
            tx.run("UPDATE schema_version SET version = 1", &[])?;
            Ok(())
        })
        .unwrap();
    drop(writer);
    let old = dir.place().reader(Options::default()).err().unwrap().to_string();
    assert!(old.contains("has schema version 1, this version reads 10; start a process with the role ledger"), "{old}");
    drop(dir.writer());
    let bill = dir.reader().consents("acme", "+5511987654321").unwrap();
    assert!(bill.is_none());
    let told = dir.reader().days_told("waba-1", tollgate_wire::analytics::Metric::Pricing, 0..9).unwrap();
    assert!(told.is_empty() && dir.reader().band_bounds("2026-10".parse().unwrap(), None).unwrap().is_empty());
    dir.writer().ingest_snapshots(&records(&[consent(1, "marketing", "opt_in", json!({}))], 0), READ_AT).unwrap();
}
