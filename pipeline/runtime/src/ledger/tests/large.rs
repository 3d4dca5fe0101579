//! Batches and readings that are large enough to be cut and handed from thread to thread.

use super::{contents, entries, october};
use crate::ledger::fixture::{Database, READ_AT, charge, dec, json, on_both, records, scattered};
use crate::ledger::{Ingested, LedgerReader, LedgerStore, Row, SummaryRow};
use std::ops::ControlFlow;
use tollgate_wire::ledger::LedgerEntry;

on_both!(
    what_comes_again_in_a_large_batch_is_booked_once,
    the_last_record_of_a_large_batch_is_set_aside_like_the_first,
    a_long_reading_may_end_anywhere,
    rates_that_differ_in_the_last_decimal_have_one_order,
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

fn rates_that_differ_in_the_last_decimal_have_one_order(dir: &Database) {
    let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]].map(|order| {
        let one = dir.another();
        let mut writer = one.writer();
        let of = |n: u64| LedgerEntry { fx_rate: Some(dec(&format!("5242880.123456789{n}"))), ..charge(n) };
        let values = order.map(|n| json(&of(n)));
        assert_eq!(writer.ingest(&records(&values, 0), READ_AT).unwrap().applied, 4);
        let mut rates = Vec::new();
        let each = &mut |r: &SummaryRow<'_>| {
            rates.push(r.fx_rate.unwrap().to_string());
            ControlFlow::Continue(())
        };
        one.reader().summary(october(), None, each).unwrap();
        rates
    });
    assert_eq!(
        orders[0],
        ["5242880.1234567890", "5242880.1234567891", "5242880.1234567892", "5242880.1234567893"]
            .map(|r| dec(r).normalize().to_string())
    );
    assert!(orders.iter().all(|order| *order == orders[0]), "{orders:?}");
}
