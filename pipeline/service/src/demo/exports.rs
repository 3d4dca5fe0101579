//! The month's files: summary and detail with their manifests, as finance gets them.

use super::cast::ACCOUNTS;
use super::report::Export;
use super::watch::Watch;
use anyhow::Context as _;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use tollgate_rate_card::{YearMonth, Zone};
use tollgate_runtime::export::{Format, Request, export};
use tollgate_runtime::ledger::Stream;
use tollgate_wire::Time;

/// The billing months that deliveries between two instants may lie in: mostly one.
pub(super) fn months(from: Time, to: Time) -> anyhow::Result<Vec<YearMonth>> {
    let mut months = BTreeSet::new();
    for account in &ACCOUNTS {
        let zone = Zone::new(account.time_zone)?;
        for at in [from, to] {
            months.insert(YearMonth::of(zone.local_date_at(i64::from(at.secs()))));
        }
    }
    Ok(months.into_iter().collect())
}

/// Writes both files of each month.
pub(super) fn write(watch: &Watch, months: &[YearMonth], folder: &Path) -> anyhow::Result<Vec<Export>> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let as_of = watch.reader.as_of(Stream::Ledger)?;
    let mut exports = Vec::new();
    for month in months {
        for format in [Format::Summary, Format::Detail] {
            let name = format.as_str();
            let file = folder.join(format!("{month}-{name}.csv"));
            let request =
                Request { month: *month, account: None, format, with_recipients: false, invoices: None, as_of };
            let manifest = export(&watch.reader, &request, &file, &mut |_, _| {})?;
            let mut totals: BTreeMap<String, Decimal> = BTreeMap::new();
            for total in &manifest.cost_totals {
                let exact: Decimal = total.exact.parse().context("a manifest's total is a number")?;
                *totals.entry(total.currency.clone()).or_default() += exact;
            }
            exports.push(Export {
                file: file.display().to_string(),
                format: name,
                month: month.to_string(),
                rows: manifest.rows,
                totals,
                sha256: manifest.sha256,
            });
        }
    }
    Ok(exports)
}
