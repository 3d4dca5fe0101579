#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::GROUP_ROWS;
use crate::export::{ExportError, Focus, Format, Request, View, export, write_csv};
use crate::ledger::Reader;
use crate::ledger::fixture::{Database, READ_AT, dec};
use jiff::Timestamp;
use parquet::data_type::Decimal as Stored;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use rust_decimal::Decimal;
use std::fs::File;
use std::io;
use std::path::Path;
use tollgate_rate_card::Zone;

fn request(format: Format, month: &str) -> Request {
    let with_recipients = format == Format::Detail;
    Request { month: month.parse().unwrap(), account: None, format, with_recipients, invoices: None, as_of: READ_AT }
}

fn formats() -> [Format; 3] {
    let zones = [("waba-1".to_owned(), Zone::new("America/Sao_Paulo").unwrap())].into();
    [Format::Summary, Format::Detail, Format::Focus(Focus { view: View::Provider, zones })]
}

fn file(reader: &Reader, request: &Request, dir: &Path) -> SerializedFileReader<File> {
    let out = dir.join("month.parquet");
    let manifest = export(reader, request, &out, &mut |_, _| {}).unwrap();
    assert_eq!(manifest.bytes, std::fs::metadata(&out).unwrap().len());
    SerializedFileReader::new(File::open(&out).unwrap()).unwrap()
}

/// What the CSV has in the cell of such a value.
fn same(field: &Field, cell: &str) -> bool {
    match field {
        Field::Null => cell.is_empty(),
        Field::Str(text) => cell == text || cell.strip_prefix('\'') == Some(text.as_str()),
        Field::Long(number) => cell == number.to_string(),
        Field::TimestampMillis(at) => cell.parse::<Timestamp>().unwrap().as_millisecond() == *at,
        Field::Decimal(Stored::Bytes { value, scale, .. }) => {
            let bytes: [u8; 16] = value.data().try_into().unwrap();
            let number = Decimal::from_i128_with_scale(i128::from_be_bytes(bytes), *scale as u32);
            // Decimals too are as many as in the CSV.
            cell == number.to_string()
        }
        other => panic!("{other:?} for {cell:?}"),
    }
}

#[test]
fn rows_and_columns_are_those_of_the_csv() {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::sqlite();
    let reader = database.with_month();
    for format in formats() {
        let request = request(format, "2026-10");
        let mut csv = Vec::new();
        write_csv(&reader, &request, "month.csv", &mut csv, &mut |_, _| {}).unwrap();
        let mut csv = csv::Reader::from_reader(csv.as_slice());
        let names = csv.headers().unwrap().clone();
        let rows: Vec<_> = csv.records().map(Result::unwrap).collect();
        let parquet = file(&reader, &request, dir.path());
        assert_eq!(parquet.metadata().num_row_groups(), rows.len().div_ceil(GROUP_ROWS));
        let mut read = 0;
        for (row, cells) in parquet.get_row_iter(None).unwrap().map(Result::unwrap).zip(&rows) {
            assert_eq!(row.len(), names.len());
            for (((name, field), cell), expected) in row.get_column_iter().zip(cells).zip(&names) {
                assert_eq!(name, expected);
                assert!(same(field, cell), "{name}: {field:?} and {cell:?}");
            }
            read += 1;
        }
        assert_eq!(read, rows.len());
    }
}

#[test]
fn an_empty_month_has_the_columns_of_any_other_and_bytes_are_the_same_again() {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::sqlite();
    let reader = database.with_month();
    for format in formats() {
        let schema = |month| {
            let parquet = file(&reader, &request(format.clone(), month), dir.path());
            parquet.metadata().file_metadata().schema().clone()
        };
        assert_eq!(schema("2025-01"), schema("2026-10"));
        let again = || {
            let request = request(format.clone(), "2026-10");
            export(&reader, &request, &dir.path().join("again.parquet"), &mut |_, _| {}).unwrap().sha256
        };
        assert_eq!(again(), again());
    }
}

#[test]
fn decimals_keep_every_digit() {
    for (number, decimals, whole) in [
        ("0.0068", 10, Some(68_000_000)),
        ("-0.0000005", 6, Some(-1)),
        ("7900000000000000000.0000000001", 10, Some(79_000_000_000_000_000_000_000_000_001)),
        ("79228162514264337593543950335", 10, None),
    ] {
        assert_eq!(super::unscaled(dec(number), decimals), whole, "{number}");
    }
}

/// A disk with so many bytes left.
struct Tiny(usize);

impl io::Write for Tiny {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_known_as_one() {
    let database = Database::sqlite();
    let reader = database.with_month();
    for room in [0, 100, 5_000] {
        let request = request(Format::Detail, "2026-10");
        let mut out = Tiny(room);
        let error = crate::export::write::write_parquet(&reader, &request, "m.parquet", &mut out, &mut |_, _| {});
        assert!(matches!(error, Err(ExportError::DiskFull { .. })), "{room}: {error:?}");
    }
}
