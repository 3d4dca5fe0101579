//! Walks that end early, entries by hand, what is set aside, and what has to be on the disk.

use super::*;
use crate::ledger::Sql;
use crate::ledger::fixture::charge;

on_both!(
    a_walk_ends_where_too_much_is_pending,
    entries_by_hand_need_no_wamid,
    what_is_set_aside_keeps_the_month_open,
    a_closed_month_without_entries_is_closed,
    what_is_settled_is_on_the_disk,
);

fn reversed(books: &mut Books<'_>) -> Vec<(u64, Drawn)> {
    let drawn: Vec<(u64, Drawn)> = (1..=40).map(|n| (n, plain(n as u8 % 3, n))).collect();
    let order: Vec<usize> = (0..drawn.len()).rev().collect();
    let values: Vec<_> = book(&drawn, &order).iter().map(json).collect();
    books.ingest(&values, 0);
    drawn
}

fn a_walk_ends_where_too_much_is_pending(dir: &Database) {
    let another = dir.another();
    let mut whole = Books::new(&another);
    let drawn = reversed(&mut whole);
    let expects = whole.settle(OCTOBER);
    assert!(expects.true_ups > 20, "{expects:?}");
    for pairs in [1, 3, expects.true_ups as usize / 2] {
        let another = dir.another();
        let mut books = Books::new(&another);
        reversed(&mut books);
        books.pairs = pairs;
        let report = books.settle(OCTOBER);
        // The last walk finds what the ones before it booked.
        let (last, all) = (report.entries, expects.entries + expects.true_ups);
        assert!(last > expects.entries && last <= all, "{pairs}: {last}");
        assert_eq!(Report { entries: expects.entries, ..report }, expects, "{pairs}");
        assert_eq!(books.settle(OCTOBER).true_ups, 0);
        assert_eq!(books.net(&[OCTOBER]), expected(&drawn, false));
    }
}

fn entries_by_hand_need_no_wamid(dir: &Database) {
    let mut books = Books::new(dir);
    reversed(&mut books);
    let before = books.settle(OCTOBER);
    let credit = LedgerEntry {
        entry: "credit-7".into(),
        kind: EntryKind::Credit,
        cause: Some(Cause::Manual),
        adjusts: Some("invoice-6".into()),
        wamid_hash: "".into(),
        recipient_hash: "".into(),
        ..charge(70)
    };
    let fee = LedgerEntry { entry: "fee-8".into(), kind: EntryKind::Fee, adjusts: None, ..credit.clone() };
    books.ingest(&[json(&credit), json(&fee)], 1);
    let report = books.settle(OCTOBER);
    assert_eq!((report.charges, report.true_ups), (before.charges, 0));
    books.ingest(&[json(&LedgerEntry { wamid_hash: "".into(), ..charge(71) })], 1);
    let job = Books::job(&books.rates, &books.terms, OCTOBER);
    let error = settle(&mut books.writer, &books.reader, &job, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("wamid_hash of a charge") && error.contains("00000047"), "{error}");
}

fn what_is_set_aside_keeps_the_month_open(dir: &Database) {
    let mut books = Books::new(dir);
    reversed(&mut books);
    let other = LedgerEntry { account: "zeta".into(), billing_period: "never".into(), ..charge(80) };
    books.ingest(&[json(&other)], 1);
    books.end(OCTOBER);
    let open = Allow { set_aside: false, ..ALL };
    let own = LedgerEntry { billing_period: "never".into(), ..charge(81) };
    let done = books.ingest(&[json(&own), b"{".to_vec()], 2);
    assert_eq!(done.rejected, 2);
    let job = Books::job(&books.rates, &books.terms, OCTOBER);
    let error = ready(&mut books.writer, &books.reader, &job, open, &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), books.close(OCTOBER, open).unwrap_err().to_string());
    let CloseError::NotComplete { obstacles, .. } = &error else { panic!("{error}") };
    let [aside] = &obstacles[..] else { panic!("{obstacles:?}") };
    assert_eq!((aside.what, aside.count), ("set_aside", 2));
    assert!(aside.detail.starts_with("first: partition 2, offset 0, "), "{}", aside.detail);
    books.writer.transact(|tx, _| tx.run("DELETE FROM rejected WHERE partition = 2", &[])).unwrap();
    // What was only counted may be anybody's.
    let counted = "INSERT INTO rejected_beyond VALUES ('ledger', 7, 3, 10, 12)";
    books.writer.transact(|tx, _| tx.run(counted, &[])).unwrap();
    let error = books.close(OCTOBER, open).unwrap_err();
    let CloseError::NotComplete { obstacles, .. } = &error else { panic!("{error}") };
    assert_eq!((obstacles[0].what, obstacles[0].count), ("set_aside", 3));
    assert!(obstacles[0].detail.contains("rejected_beyond"), "{}", obstacles[0].detail);
    books.writer.transact(|tx, _| tx.run("DELETE FROM rejected_beyond", &[])).unwrap();
    let closed = books.close(OCTOBER, open).unwrap();
    let manifest: CloseManifest = serde_json::from_str(&closed.manifest).unwrap();
    assert_eq!(manifest.allowed, ["unpriced", "unverified", "bands_unknown"]);
}

fn a_closed_month_without_entries_is_closed(dir: &Database) {
    let mut books = Books::new(dir);
    reversed(&mut books);
    books.end(OCTOBER);
    books.end(NOVEMBER);
    let closed_at =
        |books: &Books<'_>, month: &str| books.reader.closed_at(month.parse().unwrap(), Some("acme")).unwrap();
    books.close(OCTOBER, ALL).unwrap();
    assert_eq!((closed_at(&books, OCTOBER), closed_at(&books, NOVEMBER)), (Some(READ_AT), None));
    books.close(NOVEMBER, ALL).unwrap();
    assert_eq!(closed_at(&books, NOVEMBER), Some(READ_AT));
}

fn waits(books: &mut Books<'_>, file: bool) -> bool {
    if file {
        let level: i64 = books.writer.connection().query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        return level == 2;
    }
    let asked = books.writer.transact(|tx, _| {
        let db: &dyn Sql = tx;
        db.first("SELECT current_setting('synchronous_commit')", &[], |row| Ok(row.words(0)?.to_owned()))
    });
    asked.unwrap().as_deref() == Some("on")
}

fn what_is_settled_is_on_the_disk(dir: &Database) {
    let file = matches!(dir.place(), Place::File(_));
    let mut books = Books::new(dir);
    assert!(!waits(&mut books, file));
    books.settle(OCTOBER);
    assert!(waits(&mut books, file));
    let mut books = Books::new(dir);
    let error = books.close(OCTOBER, ALL).unwrap_err();
    assert!(matches!(error, CloseError::NotEnded { .. }) && waits(&mut books, file), "{error}");
}
