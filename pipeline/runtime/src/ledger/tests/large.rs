//! Batches and readings that are large enough to be cut and handed from thread to thread.

use super::{contents, entries, october};
use crate::ledger::fixture::{Database, READ_AT, charge, json, on_both, records, scattered};
use crate::ledger::{Ingested, LedgerReader, LedgerStore, Row};
use std::ops::ControlFlow;
use tollgate_wire::ledger::LedgerEntry;

on_both!(
    what_comes_again_in_a_large_batch_is_booked_once,
    the_last_record_of_a_large_batch_is_set_aside_like_the_first,
    a_long_reading_may_end_anywhere,
);

fn values(numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    let entry =
        |n| LedgerEntry { entry: scattered(n).into(), account: format!("account-{}", n % 3).into(), ..charge(n) };
    numbers.map(|n| json(&entry(n))).collect()
}

fn what_comes_again_in_a_large_batch_is_booked_once(dir: &Database) {
    let mut writer = dir.writer();
    // Some are there already, from another partition; one comes twice in a part of the batch, and one in two parts of it.
    let before: Vec<_> = values(0..700);
    let mut first = records(&before, 0);
    first.iter_mut().for_each(|r| r.partition = 9);
    assert_eq!(writer.ingest(&first, READ_AT).unwrap().applied, 700);
    let mut again = values(600..6_000);
    again.insert(3_101, again[3_100].clone());
    again.push(again[0].clone());
    again.push(again[200].clone());
    let done = writer.ingest(&records(&again, 0), READ_AT).unwrap();
    assert_eq!(done, Ingested { applied: 5_300, duplicates: 103, ..Ingested::default() });
    let once = dir.another();
    let mut other = once.writer();
    for (n, part) in values(0..6_000).chunks(99).enumerate() {
        other.ingest(&records(part, n as u64 * 99), READ_AT).unwrap();
    }
    assert!(contents(&dir.reader()) == contents(&once.reader()), "the same ledger");
}

fn the_last_record_of_a_large_batch_is_set_aside_like_the_first(dir: &Database) {
    let mut writer = dir.writer();
    let mut all = values(0..6_000);
    for at in [0, 2_700, 5_999] {
        all[at] = b"{}".to_vec();
    }
    let done = writer.ingest(&records(&all, 0), READ_AT).unwrap();
    assert_eq!((done.applied, done.rejected), (5_997, 3));
    let mut offsets = Vec::new();
    let sql = "SELECT \"offset\" FROM rejected ORDER BY 1";
    let each = &mut |row: &dyn Row| {
        offsets.push(row.required(0)?);
        Ok(ControlFlow::Continue(()))
    };
    dir.reader().read(|db| db.rows(sql, &[], each)).unwrap();
    assert_eq!(offsets, [0, 2_700, 5_999]);
    assert_eq!(LedgerStore::position(&writer, 3).unwrap(), 6_000);
}

fn a_long_reading_may_end_anywhere(dir: &Database) {
    let mut writer = dir.writer();
    writer.ingest(&records(&values(0..3_000), 0), READ_AT).unwrap();
    let reader = dir.reader();
    let all = entries(&reader, october(), false);
    assert_eq!(all.len(), 3_000);
    for end in [1, 127, 128, 129, 1_000, 2_999] {
        let mut read = Vec::new();
        let each = &mut |e: &LedgerEntry<'_>| {
            read.push(json(e));
            if read.len() < end { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        reader.detail(october(), None, false, each).unwrap();
        assert!(read == all[..end], "the first {end}");
    }
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = reader.detail(october(), None, false, &mut |_| panic!("on purpose"));
    }));
    assert!(panicked.is_err());
    assert_eq!(reader.entry_count(october(), None).unwrap(), 3_000, "the reader goes on");
}
