#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::fixture::{Database, READ_AT, charge, dec, json, measured_rows, month, on_both, records, scattered};
use super::{
    Close, Ingested, Invoice, InvoiceError, Invoiced, LastRecord, LedgerError, LedgerReader, LedgerStore, Options,
    Place, ReadTo, Reader, Record, Stream, Writer, close_month,
};
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;
use tollgate_wire::ledger::LedgerEntry;

mod absurd;
mod aside;
mod ids;
mod large;

on_both!(
    an_entry_comes_back_as_it_went_in,
    entries_read_the_same_however_many_summary_rows_there_are,
    booking_twice_changes_nothing,
    no_record_is_passed_over,
    the_last_record_is_known_again,
    the_order_and_the_cut_of_batches_do_not_matter,
    what_cannot_be_booked_is_set_aside_and_counted,
    sums_are_exact_beyond_64_bits,
    a_person_is_erased_and_the_ledger_stays,
    an_invoice_is_of_a_closed_month_and_is_not_replaced_by_mistake,
    a_reading_sees_one_state_while_the_writer_goes_on,
);

fn october() -> YearMonth {
    "2026-10".parse().unwrap()
}

fn entries(reader: &Reader, month: YearMonth, with_people: bool) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    reader
        .detail(month, None, with_people, &mut |e| {
            all.push(json(e));
            ControlFlow::Continue(())
        })
        .unwrap();
    all
}

/// Every summary row as text, and every entry: what two equal ledgers have in common.
fn contents(reader: &Reader) -> (Vec<String>, Vec<Vec<u8>>) {
    let mut rows = Vec::new();
    reader
        .summary(october(), None, &mut |r| {
            rows.push(format!("{r:?}"));
            ControlFlow::Continue(())
        })
        .unwrap();
    (rows, entries(reader, october(), true))
}

fn an_entry_comes_back_as_it_went_in(dir: &Database) {
    let reader = dir.with_month();
    let mut expected: Vec<LedgerEntry<'_>> =
        month().into_iter().filter(|e| e.billing_period.as_str() == "2026-10").collect();
    expected.sort_by(|a, b| (&a.account, a.occurred_at, &a.entry).cmp(&(&b.account, b.occurred_at, &b.entry)));
    let expected: Vec<_> = expected.iter().map(json).collect();
    assert_eq!(entries(&reader, october(), true), expected);
    assert_eq!(reader.as_of(Stream::Ledger).unwrap(), READ_AT);
    assert_eq!(reader.entry_count(october(), None).unwrap(), 7);
    assert_eq!(reader.entry_count(october(), Some("zeta")).unwrap(), 1);
    let mut of_message = Vec::new();
    let each = &mut |e: &LedgerEntry<'_>| {
        of_message.push(e.kind.to_string());
        ControlFlow::Continue(())
    };
    reader.of_message("acme", 2, each).unwrap();
    assert_eq!(of_message, ["charge", "adjustment"]);
}

fn entries_read_the_same_however_many_summary_rows_there_are(dir: &Database) {
    let held = contents(&dir.with_month());
    let usual = super::read::HELD_IN_TEST.replace(0);
    let joined = contents(&dir.reader());
    super::read::HELD_IN_TEST.set(usual);
    assert_eq!(joined, held);
}

fn booking_twice_changes_nothing(dir: &Database) {
    let once = contents(&dir.with_month());
    let values: Vec<_> = month().iter().map(json).collect();
    let mut again = dir.writer();
    let n = values.len() as u64;
    let skipped = Ingested { skipped: n, ..Ingested::default() };
    assert_eq!(again.ingest(&records(&values, 0), READ_AT).unwrap(), skipped);
    // The same entries at new offsets and another partition.
    let duplicates = Ingested { duplicates: n, ..Ingested::default() };
    assert_eq!(again.ingest(&records(&values, n), READ_AT).unwrap(), duplicates);
    let elsewhere: Vec<_> = records(&values, 0).iter().map(|r| Record { partition: 9, ..*r }).collect();
    assert_eq!(again.ingest(&elsewhere, READ_AT).unwrap(), duplicates);
    assert_eq!(contents(&dir.reader()), once);
    assert_eq!(LedgerStore::position(&again, 3).unwrap(), 2 * n);
    assert_eq!(LedgerStore::position(&again, 9).unwrap(), n);
    assert_eq!(LedgerStore::position(&again, 0).unwrap(), 0);
}

fn no_record_is_passed_over(dir: &Database) {
    let values: Vec<_> = month().iter().map(json).collect();
    let of = |from: usize, after: u64| {
        let mut read = records(&values[from..], from as u64 + 40);
        read[0].after = after;
        read
    };
    let mut writer = dir.writer();
    // What was gone before anybody read the partition is not missed.
    writer.ingest(&of(0, 40)[..2], READ_AT).unwrap();
    let error = writer.ingest(&of(3, 43), READ_AT).unwrap_err();
    assert!(matches!(error, LedgerError::PassedOver { next: 42, after: 43, .. }) && error.passes(), "{error}");
    assert_eq!(LedgerStore::position(&writer, 3).unwrap(), 42);
    // A hole is not a record, and what was written before may come again.
    let mut hole = of(3, 42);
    writer.ingest(&hole, READ_AT).unwrap();
    hole[0].after = 42;
    assert_eq!(writer.ingest(&hole, READ_AT).unwrap().skipped, hole.len() as u64);
}

fn the_last_record_is_known_again(dir: &Database) {
    let values: Vec<_> = month().iter().map(json).collect();
    let n = values.len() as u64;
    let mut writer = dir.writer();
    writer.ingest(&records(&values, 40), READ_AT).unwrap();
    let last = LastRecord::of(39 + n, &values[values.len() - 1]);
    let read_to = ReadTo { next: 40 + n, last: Some(last) };
    assert_eq!(dir.writer().read_to(Stream::Ledger, 3).unwrap(), read_to);
    assert_eq!(writer.read_to(Stream::Ledger, 9).unwrap(), ReadTo::default());
    // A version that knows nothing of it moves the position alone.
    writer.transact(|tx, _| tx.run("UPDATE positions SET next = next + 1", &[])).unwrap();
    assert_eq!(writer.read_to(Stream::Ledger, 3).unwrap(), ReadTo { next: 41 + n, last: None });
}

fn the_order_and_the_cut_of_batches_do_not_matter(dir: &Database) {
    let once = contents(&dir.with_month());
    let other = dir.another();
    let values: Vec<_> = month().iter().rev().map(json).collect();
    let mut writer = other.writer();
    for record in records(&values, 100) {
        writer.ingest(&[record], READ_AT).unwrap();
    }
    assert_eq!(contents(&other.reader()), once);
}

fn what_cannot_be_booked_is_set_aside_and_counted(dir: &Database) {
    let bad = |change: fn(&mut LedgerEntry<'_>)| {
        let mut e = charge(9);
        change(&mut e);
        json(&e)
    };
    let values = vec![
        json(&charge(1)),
        b"{\"entry\":".to_vec(),
        vec![0xff],
        bad(|e| e.billing_period = "2026-13".into()),
        bad(|e| e.cost = Some(dec("0.00000000001"))),
        bad(|e| e.price_ex_tax = Some(dec("1000000000000001"))),
        bad(|e| e.message_uid = Some(u64::MAX)),
        json(&charge(2)),
    ];
    let mut writer = dir.writer();
    let done = writer.ingest(&records(&values, 0), READ_AT).unwrap();
    assert_eq!((done.applied, done.rejected), (2, 6));
    let reader = dir.reader();
    assert_eq!(reader.rejected(Stream::Ledger).unwrap(), 6);
    assert_eq!(reader.entry_count(october(), None).unwrap(), 2);
    let sql = "SELECT reason FROM rejected WHERE \"offset\" = 3";
    let reason = reader.read(|db| db.first(sql, &[], |r| Ok(r.words(0)?.to_owned()))).unwrap();
    assert_eq!(reason.unwrap(), "month `2026-13` is not a calendar month; write YYYY-MM, such as 2026-10");
}

fn an_invoice_is_of_a_closed_month_and_is_not_replaced_by_mistake(dir: &Database) {
    let invoice = |id: &str| Invoice { id: id.to_owned(), tax_code: Some("VAT".to_owned()), attached_at: READ_AT };
    let mut writer = dir.writer();
    writer.ingest(&records(&[json(&charge(1))], 0), READ_AT).unwrap();
    let open = writer.attach_invoice("acme", october(), &invoice("R-7"), false).unwrap_err();
    assert!(matches!(open, InvoiceError::Open { .. }) && open.to_string().contains("close it first"), "{open}");
    let close = Close {
        month: october(),
        at: READ_AT,
        forced: None,
        closed_at: Some(READ_AT),
        manifest: "{}".to_owned(),
        sha256: "00".to_owned(),
    };
    writer
        .transact(|tx, memory| {
            let account = memory.accounts.number(tx, "acme")?;
            close_month(tx, account, &close)
        })
        .unwrap();
    for odd in ["", "two\nlines", &"9".repeat(65)] {
        let error = writer.attach_invoice("acme", october(), &invoice(odd), false).unwrap_err();
        assert!(matches!(error, InvoiceError::Malformed { field: "invoice", .. }), "{error}");
    }
    let first = writer.attach_invoice("acme", october(), &invoice("R-7"), false).unwrap();
    // The same again, later.
    let again = Invoice { attached_at: Time(READ_AT.0 + 1), ..invoice("R-7") };
    assert_eq!(writer.attach_invoice("acme", october(), &again, false).unwrap(), first);
    let other = writer.attach_invoice("acme", october(), &invoice("R-8"), false).unwrap_err();
    assert!(other.to_string().contains("has invoice `R-7` already"), "{other}");
    let reader = dir.reader();
    assert_eq!(reader.invoices(october(), None).unwrap()["acme"], first);
    writer.attach_invoice("acme", october(), &invoice("R-8"), true).unwrap();
    assert_eq!(reader.invoices(october(), Some("acme")).unwrap()["acme"].id, "R-8");
    assert!(reader.invoices(october(), Some("zeta")).unwrap().is_empty());
    assert!(reader.invoices(october().next(), None).unwrap().is_empty());
    // Rows name it where they are asked to; the entries stay as they are.
    let invoices = reader.invoices(october(), None).unwrap();
    let invoiced = Invoiced { ledger: &reader, invoices: &invoices };
    let of = |ledger: &dyn LedgerReader| {
        let mut found = Vec::new();
        let each = &mut |e: &LedgerEntry<'_>| {
            found.push(e.invoice_id.as_deref().map(str::to_owned));
            ControlFlow::Continue(())
        };
        ledger.detail(october(), None, false, each).unwrap();
        let each = &mut |r: &super::SummaryRow<'_>| {
            found.push(r.invoice_id.map(str::to_owned));
            ControlFlow::Continue(())
        };
        ledger.summary(october(), None, each).unwrap();
        found
    };
    assert_eq!(of(&invoiced), [Some("R-8".to_owned()), Some("R-8".to_owned())]);
    assert_eq!(of(&reader), [None, None]);
}

fn sums_are_exact_beyond_64_bits(dir: &Database) {
    let mut writer = dir.writer();
    // 2,000 entries of 10^12 rupiah less 10^-10: at 10^-10 a sum of 2 x 10^25, far beyond an i64.
    let values: Vec<_> = (0..2_000)
        .map(|n| {
            json(&LedgerEntry { cost: Some(dec("999999999999.9999999999")), cost_currency: "IDR".into(), ..charge(n) })
        })
        .collect();
    for half in [0, 1_000] {
        writer.ingest(&records(&values[half..half + 1_000], half as u64), READ_AT).unwrap();
    }
    let mut cost = None;
    let each = &mut |r: &super::SummaryRow<'_>| {
        cost = r.cost;
        ControlFlow::Break(())
    };
    dir.reader().summary(october(), None, each).unwrap();
    assert_eq!(cost, Some(dec("1999999999999999.9999998000")));
}

fn a_person_is_erased_and_the_ledger_stays(dir: &Database) {
    let reader = dir.with_month();
    let before = entries(&reader, october(), false);
    assert!(before.iter().all(|e| !String::from_utf8_lossy(e).contains("+5511987654321")));
    let mut writer = dir.writer();
    let erased = writer.transact(|tx, memory| {
        let account = memory.accounts.number(tx, "acme")?;
        super::read::erase_person(tx, account, "+5511987654321", super::erased::Until::EVER)
    });
    assert_eq!(erased.unwrap(), 5);
    assert_eq!(entries(&reader, october(), false), before);
    let with_people = entries(&reader, october(), true);
    let named = with_people.iter().filter(|e| String::from_utf8_lossy(e).contains("+5511987654321"));
    assert_eq!(named.count(), 1, "only the other account's");
}

fn a_reading_sees_one_state_while_the_writer_goes_on(dir: &Database) {
    let reader = dir.with_month();
    let mut writer = dir.writer();
    let (mut rows, mut booked) = (0, 0);
    let each = &mut |_: &LedgerEntry<'_>| {
        rows += 1;
        let late = [json(&charge(100 + rows))];
        booked += writer.ingest(&records(&late, 50 + rows), READ_AT).unwrap().applied;
        ControlFlow::Continue(())
    };
    reader.detail(october(), None, false, each).unwrap();
    assert_eq!((rows, booked), (7, 7));
    assert_eq!(reader.entry_count(october(), None).unwrap(), 14);
}

/// The child of the test below: dies between two batches' first writes and their commit.
#[test]
#[ignore = "started by a_process_killed_in_a_transaction_leaves_the_batch_before"]
fn child_that_dies() {
    let Some(dir) = std::env::var_os("LEDGER_CHILD_DIR") else {
        return;
    };
    let place = Place::File(std::path::Path::new(&dir).join("ledger.db"));
    let mut writer = place.writer().unwrap();
    let values: Vec<_> = month().iter().map(json).collect();
    writer.ingest(&records(&values[..4], 0), READ_AT).unwrap();
    // A tiny cache, so that the unfinished transaction is in the file already when the process dies.
    writer.connection().execute_batch("PRAGMA cache_size = 2").unwrap();
    let _ = writer.transact(|tx, memory| -> Result<(), LedgerError> {
        super::ingest::ingest(tx, memory, &records(&values, 0), READ_AT, None)?;
        std::process::abort()
    });
}

#[test]
fn a_process_killed_in_a_transaction_leaves_the_batch_before() {
    let dir = &Database::sqlite();
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "ledger::tests::child_that_dies"])
        .env("LEDGER_CHILD_DIR", dir.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success(), "the child aborts");
    let mut again = dir.writer();
    assert_eq!(LedgerStore::position(&again, 3).unwrap(), 4);
    let values: Vec<_> = month().iter().map(json).collect();
    let done = again.ingest(&records(&values, 0), READ_AT).unwrap();
    assert_eq!((done.skipped, done.applied), (4, 4));
    let whole = dir.another();
    assert_eq!(contents(&dir.reader()), contents(&whole.with_month()));
}

#[test]
fn a_full_disk_is_said_clearly_and_loses_nothing() {
    let dir = &Database::sqlite();
    let mut writer = dir.writer();
    let values: Vec<_> = (0..5_000).map(|n| json(&charge(n))).collect();
    writer.ingest(&records(&values[..10], 0), READ_AT).unwrap();
    let pages: i64 = writer.connection().query_row("PRAGMA page_count", [], |r| r.get(0)).unwrap();
    writer.connection().query_row(&format!("PRAGMA max_page_count = {}", pages + 4), [], |_| Ok(())).unwrap();
    let error = writer.ingest(&records(&values, 0), READ_AT).unwrap_err();
    assert!(matches!(error, LedgerError::Full { .. }), "{error}");
    assert!(error.passes() && error.to_string().contains("ledger.db: the ledger database cannot grow"), "{error}");
    assert_eq!(dir.reader().entry_count(october(), None).unwrap(), 10);
    writer.connection().query_row("PRAGMA max_page_count = 1000000", [], |_| Ok(())).unwrap();
    assert_eq!(writer.ingest(&records(&values, 0), READ_AT).unwrap().applied, 4_990);
    assert_eq!(dir.reader().entry_count(october(), None).unwrap(), 5_000);
}

#[test]
fn a_file_that_somebody_locks_is_waited_for() {
    let dir = &Database::sqlite();
    drop(dir.writer());
    let path = dir.path().join("ledger.db");
    let mut writer = Writer::open(&path, Options { busy_timeout_ms: 1, ..Options::default() }).unwrap();
    let somebody = rusqlite::Connection::open(&path).unwrap();
    somebody.execute_batch("BEGIN IMMEDIATE").unwrap();
    let values = [json(&charge(1))];
    let error = writer.ingest(&records(&values, 0), READ_AT).unwrap_err();
    assert!(error.passes() && error.to_string().contains("database is locked"), "{error}");
    somebody.execute_batch("ROLLBACK").unwrap();
    assert_eq!(writer.ingest(&records(&values, 0), READ_AT).unwrap().applied, 1);
}

#[test]
fn newer_foreign_and_missing_files_are_refused() {
    let dir = &Database::sqlite();
    let path = dir.path().join("ledger.db");
    let open = |path: &std::path::Path| {
        let errors = [Writer::open(path, Options::default()).err(), Reader::open(path, Options::default()).err()];
        errors.map(|e| e.map(|e| e.to_string()).unwrap_or_default())
    };
    assert!(Reader::open(&path, Options::default()).is_err_and(|e| matches!(e, LedgerError::Missing { .. })));
    drop(dir.writer());
    rusqlite::Connection::open(&path).unwrap().execute_batch("UPDATE schema_version SET version = 11").unwrap();
    for error in open(&path) {
        assert!(error.contains("ledger.db: the ledger database has schema version 11, this version knows up to 10"));
        assert!(error.contains("start the newer version again"), "{error}");
    }
    let foreign = dir.path().join("other.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE birds (name TEXT)").unwrap();
    for error in open(&foreign) {
        assert!(error.contains("other.db: not a Tollgate ledger database"), "{error}");
    }
}

#[test]
fn the_sql_view_has_every_field_of_the_contract() {
    let dir = &Database::sqlite();
    dir.with_month();
    let writer = dir.writer();
    let statement = writer.connection().prepare("SELECT * FROM ledger").unwrap();
    let have: Vec<_> = statement.column_names().collect();
    let object: serde_json::Map<String, serde_json::Value> = {
        let full = month().into_iter().find(|e| e.account.as_str() == "zeta").unwrap();
        serde_json::from_slice(&json(&full)).unwrap()
    };
    for field in object.keys().filter(|f| !["recipient", "wamid"].contains(&f.as_str())) {
        assert!(have.contains(&field.as_str()), "{field}");
    }
}

/// `cargo test --release -p tollgate-runtime ledger::tests::a_million -- --ignored --nocapture`
#[test]
#[ignore = "a measurement: a million entries"]
fn a_million_entries_in_sqlite() {
    let dir = &Database::sqlite();
    measure(dir);
    println!("file {} MB", std::fs::metadata(dir.path().join("ledger.db")).unwrap().len() / 1_000_000);
}

#[test]
#[ignore = "a measurement: a million entries"]
fn a_million_entries_in_postgres() {
    measure(&Database::postgres());
}

fn measure(dir: &Database) {
    let mut writer = dir.writer();
    let countries = ["BR", "MX", "IN", "ID", "DE", "ES", "FR", "GB", "US", "ZA"];
    let mut spent = std::time::Duration::ZERO;
    let entries = measured_rows();
    // As many as the projection takes at once.
    for batch in 0..entries / 20_000 {
        let values: Vec<_> = (batch * 20_000..(batch + 1) * 20_000u64)
            .map(|n| {
                json(&LedgerEntry {
                    entry: scattered(n).into(),
                    country: Some(countries[(n % 10) as usize].into()),
                    campaign: Some(format!("campaign-{}", n % 50).into()),
                    account: format!("account-{}", n % 20).into(),
                    ..charge(n)
                })
            })
            .collect();
        let records = records(&values, batch * 20_000);
        let start = std::time::Instant::now();
        writer.ingest(&records, READ_AT).unwrap();
        spent += start.elapsed();
    }
    println!("booked {entries} entries in {spent:?}");
    let reader = dir.reader();
    let start = std::time::Instant::now();
    let (mut rows, mut messages) = (0, 0);
    let each = &mut |r: &super::SummaryRow<'_>| {
        rows += 1;
        messages += r.messages;
        ControlFlow::Continue(())
    };
    reader.summary(october(), None, each).unwrap();
    let took = start.elapsed();
    println!("summarised into {rows} rows in {took:?}");
    assert_eq!(messages, entries as i64);
    assert!(took < std::time::Duration::from_secs(1));
    let start = std::time::Instant::now();
    let mut n = 0u64;
    reader
        .detail(october(), None, false, &mut |_| {
            n += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    println!("read {n} entries in {:?}", start.elapsed());
}
