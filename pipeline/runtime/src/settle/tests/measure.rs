//! `cargo test --release -p tollgate-runtime settle::tests::measure -- --ignored --nocapture`

use super::month::{rates, terms};
use super::*;
use crate::ledger::fixture::{T0, charge, measured_rows, scattered};
use std::time::{Duration, Instant};
use tollgate_rate_card::{Category, PricingType};

/// The aim: ten million in half a minute.
const A_SECOND: u64 = 333_333;

#[test]
#[ignore = "a measurement: a million entries"]
fn a_million_entries_are_settled() {
    let entries = measured_rows();
    let dir = Database::sqlite();
    let mut writer = dir.writer();
    for batch in 0..entries / 10_000 {
        let values: Vec<_> = (batch * 10_000..(batch + 1) * 10_000)
            .map(|n| {
                let category = if n % 4 == 0 { Category::Utility } else { Category::Marketing };
                let rate = if n % 4 == 0 { "0.0068" } else { "0.0625" };
                json(&LedgerEntry {
                    entry: scattered(n).into(),
                    campaign: Some(format!("campaign-{}", n % 50).into()),
                    sender: format!("number-{}", n % 20).into(),
                    category: Some(category),
                    expected_category: Some(category),
                    reported_category: Some(category),
                    reported_type: Some(PricingType::Regular),
                    rulebook: Some("pmp-2026-10-01".into()),
                    card: Some("pmp-usd-2026-10-01".into()),
                    band: None,
                    band_basis: (n % 4 == 0).then(|| "list_unknown".into()),
                    ordinal: (n % 4 == 0).then_some(n / 4 + 1),
                    list_rate: Some(dec(rate)),
                    cost_rate: Some(dec(rate)),
                    cost: Some(dec(rate)),
                    price_ex_tax: Some(dec(rate)),
                    occurred_at: Time(T0 + n / 4 * 100),
                    ..charge(n)
                })
            })
            .collect();
        writer.ingest(&records(&values, batch * 10_000), READ_AT).unwrap();
    }
    let (rates, terms) = (rates(month::Bands::First), terms());
    let job = Job { account: "acme", month: OCTOBER.parse().unwrap(), rates: &rates, terms: &terms, at: READ_AT };
    let reader = dir.reader();
    let start = Instant::now();
    let report = settle(&mut writer, &reader, &job, &mut |_| {}).unwrap();
    let took = start.elapsed();
    println!("settled {} entries, {} true-ups, in {took:?}", report.entries, report.true_ups);
    assert_eq!((report.entries, report.charges, report.true_ups), (entries, entries, 0));
    assert!(took < Duration::from_secs(1 + entries / A_SECOND));
}
