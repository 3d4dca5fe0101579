//! Numbers that no bill has: set aside alone, and what comes after them is booked.

use super::october;
use crate::ledger::fixture::{Database, READ_AT, charge, dec, json, on_both, records};
use crate::ledger::{Ingested, LedgerReader, LedgerStore, Reader, Record, Stream};
use std::ops::ControlFlow;
use tollgate_wire::ledger::LedgerEntry;

on_both!(
    one_absurd_quantity_is_set_aside_and_the_rest_is_booked,
    what_a_sum_cannot_hold_is_set_aside_and_the_rest_is_booked,
);

/// Quantity, price and entries of each summary row.
fn sums(reader: &Reader) -> Vec<(i64, Option<String>, u64)> {
    let mut rows = Vec::new();
    let each = &mut |r: &crate::ledger::SummaryRow<'_>| {
        rows.push((r.quantity, r.price_ex_tax.map(|p| p.normalize().to_string()), r.entries));
        ControlFlow::Continue(())
    };
    reader.summary(october(), None, each).unwrap();
    rows
}

fn reasons(reader: &Reader) -> Vec<String> {
    let mut reasons = Vec::new();
    let each = &mut |row: &dyn crate::ledger::Row| {
        reasons.push(row.words(0)?.to_owned());
        Ok(ControlFlow::Continue(()))
    };
    reader.read(|db| db.rows("SELECT reason FROM rejected ORDER BY partition, \"offset\"", &[], each)).unwrap();
    reasons
}

fn one_absurd_quantity_is_set_aside_and_the_rest_is_booked(dir: &Database) {
    let mut writer = dir.writer();
    let much = |n, quantity| json(&LedgerEntry { quantity, ..charge(n) });
    let values =
        [much(1, 1), much(2, i64::MAX), much(3, i64::MIN), much(4, 1_000_000_000_001), much(5, 1_000_000_000_000)];
    let done = writer.ingest(&records(&values, 0), READ_AT).unwrap();
    assert_eq!((done.applied, done.rejected), (2, 3));
    assert_eq!(writer.ingest(&records(&[much(6, 1)], 5), READ_AT).unwrap().applied, 1);
    let reader = dir.reader();
    assert_eq!(sums(&reader), [(1_000_000_000_002, Some("0.0204".to_owned()), 3)]);
    assert_eq!(reasons(&reader)[0], "quantity 9223372036854775807 is beyond 1000000000000 units");
}

/// A row to which nothing can be added any more: of an amount, some thousand absurd entries make one.
fn what_a_sum_cannot_hold_is_set_aside_and_the_rest_is_booked(dir: &Database) {
    let mut writer = dir.writer();
    let priced = |n, price: &str| json(&LedgerEntry { price_ex_tax: Some(dec(price)), ..charge(n) });
    let of_other = |n| json(&LedgerEntry { account: "zeta".into(), ..charge(n) });
    assert_eq!(writer.ingest(&records(&[priced(1, "1"), of_other(2)], 0), READ_AT).unwrap().applied, 2);
    // What 7,922 such entries would have left.
    let full = "UPDATE entry_groups SET price_ex_tax = ?1 WHERE account = 'acme'";
    writer.transact(|tx, _| tx.run(full, &[dec("7922000000000000000").into()])).unwrap();
    let most = "1000000000000000";
    let mut values: Vec<_> = (10..50).map(of_other).collect();
    values.extend([
        priced(50, most),
        priced(51, "2"),
        priced(1, "1"),
        priced(52, &format!("-{most}")),
        priced(53, most),
    ]);
    values.extend((60..90).map(of_other));
    // The first one no longer fits; the one after it does, and so does what comes after something was taken back.
    let done = writer.ingest(&records(&values, 2), READ_AT).unwrap();
    assert_eq!(done, Ingested { applied: 73, duplicates: 1, rejected: 1, skipped: 0 });
    let reader = dir.reader();
    assert_eq!(sums(&reader)[0], (4, Some("7922000000000000002".to_owned()), 4));
    assert_eq!(sums(&reader)[1].2, 71);
    assert!(reasons(&reader)[0].starts_with("with it a sum of price_ex_tax exceeds"), "{:?}", reasons(&reader));
    // Given again, as after a crash, nothing changes.
    let again = writer.ingest(&records(&values, 2), READ_AT).unwrap();
    assert_eq!(again, Ingested { skipped: 75, ..Ingested::default() });
    let elsewhere: Vec<_> = records(&values, 2).iter().map(|r| Record { partition: 9, ..*r }).collect();
    let done = writer.ingest(&elsewhere, READ_AT).unwrap();
    assert_eq!((done.duplicates, done.rejected), (74, 1));
    assert_eq!(reader.rejected(Stream::Ledger).unwrap(), 2);
    // Units have a bound of 64 bits.
    let full = "UPDATE entry_groups SET quantity = ?1 WHERE account = 'zeta'";
    writer.transact(|tx, _| tx.run(full, &[i64::MAX.into()])).unwrap();
    let done = writer.ingest(&records(&[of_other(100), priced(101, "1")], 77), READ_AT).unwrap();
    assert_eq!((done.applied, done.rejected), (1, 1));
    assert!(reasons(&reader)[1].starts_with("with it a sum of quantity exceeds"), "{:?}", reasons(&reader));
}
