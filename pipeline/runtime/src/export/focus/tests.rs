#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{Focus, View, Zones};
use crate::export::{ExportError, Format, Manifest, Request, write_csv};
use crate::ledger::fixture::{Database, READ_AT, charge, dec, golden, json, records};
use crate::ledger::{LedgerError, LedgerReader, LedgerStore as _, Reader, SummaryRow};
use proptest::prelude::*;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tollgate_rate_card::{Category, PricingModel, YearMonth, Zone};
use tollgate_wire::Time;
use tollgate_wire::ledger::{EntryKind, LedgerEntry};

/// A WABA's id as the platform gives it.
const DIGITS: &str = "102290129340398";

fn zones() -> Zones {
    let zone = |waba: &str, name| (waba.to_owned(), Zone::new(name).unwrap());
    [zone("waba-1", "America/Sao_Paulo"), zone(DIGITS, "Asia/Kolkata")].into()
}

/// The month of the other exports, and what only later versions book: bands, fees, credits, conversations, invoices.
fn whole_month(dir: &Database) -> Reader {
    drop(dir.with_month());
    let of_digits = |n| LedgerEntry { waba: DIGITS.into(), invoice_id: Some("2026-0042".into()), ..charge(n) };
    let banded = LedgerEntry {
        category: Some(Category::AuthenticationInternational),
        band: Some(2),
        cost_rate: Some(dec("0.0061")),
        cost: Some(dec("0.0061")),
        price_ex_tax: Some(dec("0.0061")),
        ..of_digits(20)
    };
    let without_rates = |n, kind, price: &str| LedgerEntry {
        kind,
        list_rate: None,
        cost_rate: None,
        cost: None,
        price_ex_tax: Some(dec(price)),
        category: None,
        market: None,
        card: None,
        band: None,
        ..of_digits(n)
    };
    let conversation = LedgerEntry {
        pricing_model: PricingModel::Cbp,
        price_ex_tax: None,
        category: Some(Category::Utility),
        reason: Some("model_not_supported".into()),
        ..without_rates(23, EntryKind::Unpriced, "0")
    };
    let entries = [
        banded,
        without_rates(21, EntryKind::Fee, "25"),
        without_rates(22, EntryKind::Credit, "-3.5000005"),
        conversation,
    ];
    let values: Vec<_> = entries.iter().map(json).collect();
    let done = dir.writer().ingest(&records(&values, 100), READ_AT).unwrap();
    assert_eq!(done.applied, values.len() as u64);
    dir.reader()
}

fn customer() -> View {
    View::Customer { issuer: "Reseller Ltda".to_owned() }
}

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

fn focus(ledger: &dyn LedgerReader, view: View) -> (String, Manifest) {
    text(ledger, Format::Focus(Focus { view, zones: zones() }))
}

fn text(ledger: &dyn LedgerReader, format: Format) -> (String, Manifest) {
    let mut out = Vec::new();
    let manifest = write_csv(ledger, &request(format), "out.csv", &mut out, &mut |_, _| {}).unwrap();
    (String::from_utf8(out).unwrap(), manifest)
}

/// Rows by column name.
fn table(csv: &str) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_reader(csv.as_bytes()).deserialize().map(Result::unwrap).collect()
}

fn number(row: &BTreeMap<String, String>, column: &str) -> Option<Decimal> {
    Some(row[column].as_str()).filter(|text| !text.is_empty()).map(dec)
}

/// `scripts/test` has FOCUS's own validator read these two files.
#[test]
fn both_views_are_as_they_were() {
    let dir = Database::sqlite();
    let reader = whole_month(&dir);
    for view in [View::Provider, customer()] {
        let name = format!("billing_focus_{}.csv", view.as_str());
        let (csv, manifest) = focus(&reader, view);
        golden(&name, &csv);
        golden(&format!("{name}.manifest.json"), &manifest.to_json());
    }
}

#[test]
fn months_begin_at_the_wabas_midnight_and_a_late_charge_corrects_a_closed_month() {
    let dir = Database::sqlite();
    let rows = table(&focus(&dir.with_month(), View::Provider).0);
    let late: Vec<_> = rows.iter().filter(|row| row["ChargeClass"] == "Correction").collect();
    assert_eq!(late.len(), 1);
    let period = |row: &BTreeMap<String, String>, what: &str| {
        (row[&format!("{what}PeriodStart")].clone(), row[&format!("{what}PeriodEnd")].clone())
    };
    let october = ("2026-10-01T03:00:00Z".to_owned(), "2026-11-01T03:00:00Z".to_owned());
    let september = ("2026-09-01T03:00:00Z".to_owned(), "2026-10-01T03:00:00Z".to_owned());
    assert_eq!((period(late[0], "Billing"), period(late[0], "Charge")), (october.clone(), september));
    assert!(rows.iter().all(|row| period(row, "Billing") == october));
}

#[test]
fn a_waba_without_a_zone_is_refused_by_name() {
    let dir = Database::sqlite();
    let reader = dir.with_month();
    let format = Format::Focus(Focus { view: View::Provider, zones: Zones::new() });
    let error = write_csv(&reader, &request(format), "out.csv", &mut Vec::new(), &mut |_, _| {}).unwrap_err();
    assert!(matches!(&error, ExportError::UnknownZone { waba, .. } if waba == "waba-1"), "{error}");
    assert!(error.to_string().contains("start the service once"), "{error}");
}

#[test]
fn what_has_no_price_is_counted_without_one() {
    let dir = Database::sqlite();
    let rows = table(&focus(&dir.with_month(), View::Provider).0);
    let row = rows.iter().find(|row| row["x_Kind"] == "unpriced").unwrap();
    assert_eq!((row["ChargeCategory"].as_str(), row["PricingQuantity"].as_str()), ("Adjustment", "1.0"));
    for empty in ["ListUnitPrice", "ContractedUnitPrice", "SkuId", "SkuPriceId", "PricingCategory", "ConsumedQuantity"]
    {
        assert_eq!(row[empty], "", "{empty}");
    }
    assert_eq!((row["BilledCost"].as_str(), row["ListCost"].as_str()), ("0.000000", "0.0000000000"));
}

/// Rows without a database.
struct Book(Vec<SummaryRow<'static>>);

impl LedgerReader for Book {
    fn entry_count(&self, _: YearMonth, _: Option<&str>) -> Result<u64, LedgerError> {
        Ok(self.0.iter().map(|row| row.entries).sum())
    }

    fn summary(
        &self,
        _: YearMonth,
        _: Option<&str>,
        each: &mut dyn FnMut(&SummaryRow<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        let _ = self.0.iter().try_for_each(each);
        Ok(())
    }

    fn detail(
        &self,
        _: YearMonth,
        _: Option<&str>,
        _: bool,
        _: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        Ok(())
    }

    fn closed_at(&self, _: YearMonth, _: Option<&str>) -> Result<Option<Time>, LedgerError> {
        Ok(None)
    }

    fn of_message(
        &self,
        _: &str,
        _: u64,
        _: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        Ok(())
    }
}

prop_compose! {
    fn any_row()(
        kind in prop::sample::select(vec!["charge", "free", "unpriced", "adjustment", "true_up", "fee", "credit"]),
        usage in prop::sample::select(vec!["2026-09", "2026-10"]),
        (list, rate) in (0i64..10_000_000, 0i64..10_000_000),
        priced in prop::bool::weighted(0.8),
        band in prop::option::of(0u8..6),
        quantity in -1_000_000i64..1_000_000,
        // Up to the 10 decimals of an entry, so that rounding rows is seen.
        extra in prop::option::of(-10_000_000_000i64..10_000_000_000),
        (currency, price_currency) in (
            prop::sample::select(vec!["USD", "EUR"]), prop::sample::select(vec!["USD", "BRL"])),
        fx in prop::option::of(1i64..100_000_000_000),
    ) -> SummaryRow<'static> {
        let priced = priced && kind != "unpriced";
        let rate = priced.then(|| Decimal::new(if kind == "free" { 0 } else { rate }, 6));
        let list_rate = priced.then(|| Decimal::new(list, 6));
        let cost = match (rate, extra) {
            (Some(rate), _) => Some(rate * Decimal::from(quantity)),
            (None, extra) => extra.map(|units| Decimal::new(units, 10)).filter(|_| kind != "unpriced"),
        };
        SummaryRow {
            billing_period: "2026-10", usage_period: usage, kind, account: "acme", account_name: "", legal_entity: "",
            waba: "waba-1", sender: "s1", campaign: None, cost_center: None, country: Some("BR"),
            market: Some("Brazil"), category: Some("authentication_international"), pricing_type: None,
            pricing_model: "PMP", volume_band: band, band_basis: None, card: Some("pmp"), card_status: None,
            origin: "own", entries: 1, messages: quantity.signum(), quantity, list_rate, cost_rate: rate,
            list_cost: list_rate.map(|list| list * Decimal::from(quantity)), cost, cost_currency: currency,
            fx_rate: fx.map(|units| Decimal::new(units, 10)), markup_rule: None, markup: None, fee: None,
            price_ex_tax: cost.map(|cost| cost + Decimal::new(extra.unwrap_or(0), 10)), price_currency,
            tax_code: None, invoice_id: Some("2026-7"),
        }
    }
}

fn sums(csv: &str, currency: &str, amount: &str) -> BTreeMap<String, Decimal> {
    let mut sums = BTreeMap::new();
    for row in table(csv) {
        *sums.entry(row[currency].clone()).or_default() += number(&row, amount).unwrap_or_default();
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn focus_totals_are_those_of_the_summary(rows in prop::collection::vec(any_row(), 0..40)) {
        let book = Book(rows);
        let (summary, of_summary) = text(&book, Format::Summary);
        for (view, currency, amount) in
            [(View::Provider, "cost_currency", "cost"), (customer(), "price_currency", "price_ex_tax")]
        {
            let (csv, of_focus) = focus(&book, view);
            prop_assert_eq!(sums(&csv, "BillingCurrency", "BilledCost"), sums(&summary, currency, amount));
            prop_assert_eq!(sums(&csv, "BillingCurrency", "EffectiveCost"), sums(&summary, currency, amount));
            prop_assert_eq!(&of_focus.cost_totals, &of_summary.cost_totals);
            prop_assert_eq!(&of_focus.price_totals, &of_summary.price_totals);
        }
    }

    #[test]
    fn unit_price_times_quantity_is_the_cost_to_the_digit(rows in prop::collection::vec(any_row(), 1..40)) {
        let book = Book(rows);
        for view in [View::Provider, customer()] {
            let provider = view == View::Provider;
            for (row, of) in table(&focus(&book, view).0).iter().zip(&book.0) {
                for (price, cost) in [("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")] {
                    let cost = number(row, cost).unwrap();
                    match (number(row, price), number(row, "PricingQuantity")) {
                        (Some(price), Some(quantity)) => prop_assert_eq!(price * quantity, cost),
                        _ => {
                            prop_assert!(row["ChargeCategory"] != "Usage");
                            prop_assert_eq!(Some(cost), number(row, "BilledCost"));
                        }
                    }
                }
                if provider && row["ChargeCategory"] == "Usage" {
                    prop_assert_eq!(number(row, "ListCost"), of.list_cost);
                }
            }
        }
    }
}
