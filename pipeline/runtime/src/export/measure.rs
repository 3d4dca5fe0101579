#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

//! `cargo test --release -p tollgate-runtime export::measure -- --ignored --nocapture`

use super::{Format, Request, export};
use crate::ledger::fixture::{Database, READ_AT, charge, json, measured_rows, records, scattered};
use crate::ledger::{LedgerReader, LedgerStore};
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::time::Instant;
use tollgate_wire::ledger::LedgerEntry;

/// Rows that the `csv` crate writes from memory beside it.
const IN_MEMORY: usize = 200_000;

/// `TOLLGATE_ROWS` entries, a million by default, as detail into a file; and the `csv` crate writing some of the same rows
/// from memory, as structs that it serializes and as cells that are text already.
#[test]
#[ignore = "a measurement: a million rows"]
fn a_million_rows_of_detail() {
    let rows = measured_rows();
    let dir = Database::sqlite();
    let mut writer = dir.writer();
    for batch in 0..rows / 10_000 {
        let entry = |n: u64| LedgerEntry {
            entry: scattered(n).into(),
            campaign: Some(format!("campaign-{}", n % 50).into()),
            ..charge(n)
        };
        let values: Vec<_> = (batch * 10_000..(batch + 1) * 10_000).map(|n| json(&entry(n))).collect();
        writer.ingest(&records(&values, batch * 10_000), READ_AT).unwrap();
    }
    let reader = dir.reader();
    let month = "2026-10".parse().unwrap();
    let request = Request {
        month,
        account: None,
        format: Format::Detail,
        with_recipients: false,
        invoices: None,
        as_of: READ_AT,
    };
    let mut held: Vec<LedgerEntry<'static>> = Vec::with_capacity(IN_MEMORY);
    let each = &mut |e: &LedgerEntry<'_>| {
        held.push(serde_json::from_slice::<LedgerEntry<'static>>(json(e).leak()).unwrap());
        if held.len() < IN_MEMORY { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    reader.detail(month, None, false, each).unwrap();
    let out = dir.path().join("out.csv");

    let mut ours = f64::MAX;
    for _ in 0..3 {
        // The peak of what is resident is counted from here on.
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = resident("VmRSS:");
        let start = Instant::now();
        let manifest = export(&reader, &request, &out, &mut |_, _| {}).unwrap();
        let took = start.elapsed();
        let rate = rows as f64 / took.as_secs_f64();
        println!(
            "{rows} rows, {} MB in {took:?}: {rate:.0}/s; {} KB more resident at most",
            manifest.bytes >> 20,
            resident("VmHWM:") - before
        );
        ours = ours.min(took.as_secs_f64() / rows as f64);
    }
    let mut theirs = [f64::MAX; 2];
    for _ in 0..3 {
        let start = Instant::now();
        let mut csv = csv::WriterBuilder::new().flexible(true).from_writer(File::create(&out).unwrap());
        held.iter().for_each(|e| csv.serialize(e).unwrap());
        csv.flush().unwrap();
        theirs[0] = theirs[0].min(start.elapsed().as_secs_f64() / held.len() as f64);
    }
    export(&reader, &request, &out, &mut |_, _| {}).unwrap();
    let cells: Vec<csv::ByteRecord> =
        csv::Reader::from_path(&out).unwrap().byte_records().take(IN_MEMORY).map(Result::unwrap).collect();
    for _ in 0..3 {
        let start = Instant::now();
        let mut csv = csv::Writer::from_path(&out).unwrap();
        cells.iter().for_each(|row| csv.write_byte_record(row).unwrap());
        csv.flush().unwrap();
        theirs[1] = theirs[1].min(start.elapsed().as_secs_f64() / cells.len() as f64);
    }
    let micro = |s: f64| s * 1e6;
    let [structs, text] = theirs;
    println!(
        "a row: {:.2} µs; csv from structs {:.2} µs, ratio {:.2}; csv from finished cells {:.2} µs, ratio {:.2}",
        micro(ours),
        micro(structs),
        structs / ours,
        micro(text),
        text / ours
    );
}

/// KB of this process.
fn resident(what: &str) -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
