//! What is kept of records that could not be applied, and how much.

use crate::ledger::aside::RECORDS_IN_TEST;
use crate::ledger::fixture::{Database, READ_AT, charge, json, on_both, records};
use crate::ledger::{LedgerStore, Reader, Row, Stream};
use std::ops::ControlFlow;

on_both!(a_long_value_is_kept_in_part, what_has_no_room_is_counted);

/// Reason and length of the value of each record that is kept.
fn kept(reader: &Reader) -> Vec<(String, i64)> {
    let mut all = Vec::new();
    let sql = "SELECT reason, length(value) FROM rejected ORDER BY topic, partition, \"offset\"";
    let each = &mut |row: &dyn Row| {
        all.push((row.words(0)?.to_owned(), row.required(1)?));
        Ok(ControlFlow::Continue(()))
    };
    reader.read(|db| db.rows(sql, &[], each)).unwrap();
    all
}

fn a_long_value_is_kept_in_part(dir: &Database) {
    let mut writer = dir.writer();
    let unknown = |field: usize| format!("{{\"{}\":1}}", "x".repeat(field)).into_bytes();
    writer.ingest(&records(&[unknown(60_000), unknown(3_000_000)], 0), READ_AT).unwrap();
    let [(short, whole), (long, part)] = &kept(&dir.reader())[..] else { panic!("two") };
    assert_eq!((*whole, *part), (60_006, 65_536));
    assert!(!short.contains("bytes") && short.len() < 1_000, "{short}");
    assert!(long.ends_with("; of 3000006 bytes the first 65536 are kept") && long.len() < 1_000, "{long}");
    assert_eq!(dir.reader().rejected(Stream::Ledger).unwrap(), 2);
}

fn what_has_no_room_is_counted(dir: &Database) {
    let usual = RECORDS_IN_TEST.replace(5);
    let mut writer = dir.writer();
    let rubbish = vec![b"{".to_vec(); 4];
    let mut at = |partition: u32, first: u64| {
        let mut batch = records(&rubbish, first);
        batch.iter_mut().for_each(|record| record.partition = partition);
        assert_eq!(writer.ingest(&batch, READ_AT).unwrap().rejected, 4);
    };
    at(1, 0);
    at(2, 0);
    at(1, 4);
    at(1, 8);
    let reader = dir.reader();
    assert_eq!((kept(&reader).len(), reader.rejected(Stream::Ledger).unwrap()), (5, 16));
    let mut beyond = Vec::new();
    let sql = "SELECT partition, records, first_offset, last_offset FROM rejected_beyond ORDER BY partition";
    let each = &mut |row: &dyn Row| {
        beyond.push([row.required(0)?, row.required(1)?, row.required(2)?, row.required(3)?]);
        Ok(ControlFlow::Continue(()))
    };
    reader.read(|db| db.rows(sql, &[], each)).unwrap();
    assert_eq!(beyond, [[1, 8, 4, 11], [2, 3, 1, 3]]);
    // Another topic has room of its own, and entries are booked all the same.
    writer.ingest_outcomes(&records(&rubbish, 0), READ_AT).unwrap();
    assert_eq!(reader.rejected(Stream::Outcomes).unwrap(), 4);
    assert_eq!(writer.ingest(&records(&[json(&charge(1))], 0), READ_AT).unwrap().applied, 1);
    // Room made does not hide what is only counted; where both are emptied records are kept again.
    writer.transact(|tx, _| tx.run("DELETE FROM rejected WHERE topic = 'ledger'", &[])).unwrap();
    writer.ingest(&records(&rubbish, 1), READ_AT).unwrap();
    assert_eq!((kept(&reader).len(), reader.rejected(Stream::Ledger).unwrap()), (4, 15));
    writer.transact(|tx, _| tx.run("DELETE FROM rejected_beyond", &[])).unwrap();
    writer.ingest(&records(&rubbish, 5), READ_AT).unwrap();
    assert_eq!((kept(&reader).len(), reader.rejected(Stream::Ledger).unwrap()), (8, 4));
    RECORDS_IN_TEST.set(usual);
}
