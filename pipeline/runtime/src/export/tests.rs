#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{ExportError, Format, Request, export, write_csv};
use crate::ledger::fixture::{Database, READ_AT, golden};
use crate::ledger::{LedgerError, LedgerReader, Reader, SummaryRow};
use sha2::{Digest, Sha256};
use std::io;
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;
use tollgate_wire::ledger::LedgerEntry;

fn request(format: Format) -> Request {
    Request {
        month: "2026-10".parse().unwrap(),
        account: None,
        format,
        with_recipients: false,
        invoices: None,
        as_of: READ_AT,
    }
}

fn text(reader: &Reader, request: &Request) -> (String, super::Manifest) {
    let mut out = Vec::new();
    let manifest = write_csv(reader, request, "out.csv", &mut out, &mut |_, _| {}).unwrap();
    assert_eq!(manifest.sha256, hex::encode(Sha256::digest(&out)));
    assert_eq!(manifest.bytes, out.len() as u64);
    (String::from_utf8(out).unwrap(), manifest)
}

#[test]
fn summary_detail_and_manifests_are_as_they_were() {
    let dir = Database::sqlite();
    let reader = dir.with_month();
    for format in [Format::Summary, Format::Detail] {
        let name = format.as_str();
        let (csv, manifest) = text(&reader, &request(format));
        golden(&format!("billing_{name}.csv"), &csv);
        golden(&format!("billing_{name}.csv.manifest.json"), &manifest.to_json());
    }
}

#[test]
fn columns_are_those_of_the_contract() {
    let summary = "billing_period,usage_period,kind,account,account_name,legal_entity,waba,sender,campaign,\
        cost_center,country,market,category,pricing_type,pricing_model,volume_band,band_basis,card,card_status,origin,\
        messages,quantity,list_rate,cost_rate,list_cost,cost,cost_currency,fx_rate,markup_rule,markup,fee,\
        price_ex_tax,price_currency,tax_code,invoice_id";
    let detail = "entry,kind,cause,adjusts,revision,account,waba,sender,origin,message_uid,message,attempt,\
        recipient_hash,wamid_hash,campaign,cost_center,template,language,country,market,category,pricing_model,\
        pricing_type,expected_category,expected_type,expected_model,reported_category,reported_type,reported_model,\
        conversation,rulebook,card,card_status,band,band_basis,ordinal,list_rate,cost_rate,quantity,cost,\
        cost_currency,markup_rule,markup,fee,price_ex_tax,price_currency,fx_rate,fx_source,fx_date,occurred_at,\
        booked_at,usage_period,billing_period,tax_code,invoice_id,reason";
    let dir = Database::sqlite();
    let reader = dir.with_month();
    for (format, expected) in [(Format::Summary, summary), (Format::Detail, detail)] {
        let (csv, _) = text(&reader, &request(format));
        assert_eq!(csv.lines().next().unwrap(), expected);
    }
    let (csv, manifest) = text(&reader, &Request { with_recipients: true, ..request(Format::Detail) });
    assert_eq!(csv.lines().next().unwrap(), format!("{detail},recipient,wamid"));
    assert!(manifest.with_recipients && csv.contains(",'+5511987654321,wamid.1\n"));
}

#[test]
fn detail_and_summary_total_the_same() {
    let dir = Database::sqlite();
    let reader = dir.with_month();
    let (_, summary) = text(&reader, &request(Format::Summary));
    let (_, detail) = text(&reader, &request(Format::Detail));
    let exact = |totals: &[super::Total]| {
        let line =
            |t: &super::Total| (t.currency.clone(), t.kind.clone(), t.entries, t.messages, t.quantity, t.exact.clone());
        totals.iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(exact(&summary.cost_totals), exact(&detail.cost_totals));
    assert_eq!(exact(&summary.price_totals), exact(&detail.price_totals));
    assert_eq!((summary.entries, &summary.cards, summary.flags), (detail.entries, &detail.cards, detail.flags));
    // 0.3553750005 is 0.355375 in the summary: the rest is named, not lost.
    let brl = summary.price_totals.iter().find(|t| t.currency == "BRL").unwrap();
    assert_eq!((brl.rows.as_str(), brl.remainder.as_str()), ("0.355375", "0.0000000005"));
    assert!(detail.price_totals.iter().all(|t| t.remainder == "0.0000000000"));
}

#[test]
fn an_empty_month_is_a_header_and_a_manifest_of_nothing() {
    let dir = Database::sqlite();
    let reader = dir.with_month();
    let empty = Request { month: "2025-01".parse().unwrap(), ..request(Format::Summary) };
    let (csv, manifest) = text(&reader, &empty);
    assert_eq!((csv.lines().count(), manifest.rows, manifest.cost_totals.len()), (1, 0, 0));
    let nobody = Request { account: Some("nobody".into()), ..request(Format::Detail) };
    assert_eq!(text(&reader, &nobody).1.rows, 0);
    let one = Request { account: Some("zeta".into()), ..request(Format::Detail) };
    assert_eq!(text(&reader, &one).1.rows, 1);
}

#[test]
fn a_file_with_recipients_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = Database::sqlite();
    let reader = dir.with_month();
    for (name, with_recipients) in [("without.csv", false), ("with.csv", true)] {
        let out = dir.path().join(name);
        export(&reader, &Request { with_recipients, ..request(Format::Detail) }, &out, &mut |_, _| {}).unwrap();
        let mode = |path: &str| std::fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o777;
        let shared = mode(&format!("{name}.manifest.json"));
        assert_eq!(mode(name), if with_recipients { 0o600 } else { shared }, "{name}");
    }
}

#[test]
fn files_appear_whole_with_the_manifest_beside() {
    let dir = Database::sqlite();
    let reader = dir.with_month();
    let out = dir.path().join("billing.csv");
    let mut heard = Vec::new();
    let manifest = export(&reader, &request(Format::Detail), &out, &mut |rows, of| {
        heard.push((rows, of));
    })
    .unwrap();
    assert_eq!(heard.last(), Some(&(7, 7)));
    let csv = std::fs::read(&out).unwrap();
    assert_eq!(hex::encode(Sha256::digest(&csv)), manifest.sha256);
    let beside = std::fs::read_to_string(dir.path().join("billing.csv.manifest.json")).unwrap();
    assert_eq!(beside, manifest.to_json());
    export(&reader, &request(Format::Detail), &out, &mut |_, _| {}).unwrap();
    assert_eq!(std::fs::read(&out).unwrap(), csv, "the same bytes again");
    let mut names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    names.retain(|n| n.to_string_lossy().contains("billing"));
    assert_eq!(names.len(), 2, "no partial files: {names:?}");
}

/// A disk with so many bytes left.
struct Tiny(usize);

impl io::Write for Tiny {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let n = buf.len().min(self.0);
        self.0 -= n;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_said_clearly_and_leaves_nothing() {
    let dir = Database::sqlite();
    let reader = dir.with_month();
    for room in [0, 100, 2_000] {
        let error =
            write_csv(&reader, &request(Format::Detail), "out.csv", &mut Tiny(room), &mut |_, _| {}).unwrap_err();
        assert!(matches!(error, ExportError::DiskFull { .. }), "{error}");
        assert!(error.to_string().starts_with("out.csv: the disk is full; free some space"), "{error}");
    }
    let nowhere = dir.path().join("no such folder/billing.csv");
    let error = export(&reader, &request(Format::Detail), &nowhere, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("no such folder/billing.csv"), "{error}");
    assert!(!nowhere.exists());
}

/// A month that is closed when its rows have been read.
struct ClosedMeanwhile<'r>(&'r Reader, std::cell::Cell<bool>);

impl LedgerReader for ClosedMeanwhile<'_> {
    fn entry_count(&self, month: YearMonth, account: Option<&str>) -> Result<u64, LedgerError> {
        self.0.entry_count(month, account)
    }

    fn summary(
        &self,
        month: YearMonth,
        account: Option<&str>,
        each: &mut dyn FnMut(&SummaryRow<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.1.set(true);
        self.0.summary(month, account, each)
    }

    fn detail(
        &self,
        month: YearMonth,
        account: Option<&str>,
        with_people: bool,
        each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.1.set(true);
        self.0.detail(month, account, with_people, each)
    }

    fn closed_at(&self, _: YearMonth, _: Option<&str>) -> Result<Option<Time>, LedgerError> {
        Ok(self.1.get().then_some(READ_AT))
    }

    fn of_message(
        &self,
        account: &str,
        message_uid: u64,
        each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.0.of_message(account, message_uid, each)
    }
}

#[test]
fn rows_of_an_open_month_are_not_called_closed() {
    let dir = Database::sqlite();
    let reader = dir.with_month();
    for format in [Format::Summary, Format::Detail] {
        let closing = ClosedMeanwhile(&reader, std::cell::Cell::new(false));
        let of = |closing: &ClosedMeanwhile<'_>| {
            write_csv(closing, &request(format.clone()), "out.csv", &mut io::sink(), &mut |_, _| {}).unwrap().state
        };
        assert_eq!((of(&closing), of(&closing)), ("open", "closed"));
    }
}
