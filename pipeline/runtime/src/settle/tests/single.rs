//! What the month of the property test does not have: corrected cards, late charges, conversations, days of a zone, and
//! a writer that goes on.

use super::*;
use crate::ledger::fixture::charge;
use std::ops::ControlFlow;
use tollgate_rate_card::{Category, PricingModel, PricingType, Source, Sources, Zone};

on_both!(
    a_corrected_card_is_told_from_a_position,
    late_charges_keep_their_position,
    free_conversations_are_counted_in_order,
    the_day_is_that_of_the_zone,
);

/// A message to Mexico of October, as its rules book it.
fn message(n: u64, category: Category, rate: &str) -> LedgerEntry<'static> {
    LedgerEntry {
        country: Some("MX".into()),
        market: Some("Mexico".into()),
        category: Some(category),
        expected_category: Some(category),
        reported_category: Some(category),
        rulebook: Some("pmp-2026-10-01".into()),
        card: Some("pmp-usd-2026-10-01".into()),
        band: None,
        band_basis: None,
        ordinal: None,
        list_rate: Some(dec(rate)),
        cost_rate: Some(dec(rate)),
        cost: Some(dec(rate)),
        price_ex_tax: Some(dec(rate)),
        ..charge(n)
    }
}

/// Charge, quantity, cost, cause, month of usage.
type TrueUp = (String, i64, Option<Decimal>, Option<Cause>, String);

/// The true-ups of a month, by charge and revision.
fn true_ups(books: &Books<'_>, month: &str) -> Vec<TrueUp> {
    let mut all = Vec::new();
    let each = &mut |e: &LedgerEntry<'_>| {
        if e.kind == EntryKind::TrueUp {
            let of = e.adjusts.as_deref().unwrap().trim_start_matches('0').to_owned();
            all.push(((of.clone(), e.revision), (of, e.quantity, e.cost, e.cause, e.usage_period.to_string())));
        }
        ControlFlow::Continue(())
    };
    books.reader.detail(month.parse().unwrap(), None, false, each).unwrap();
    all.sort();
    all.into_iter().map(|(_, one)| one).collect()
}

fn a_corrected_card_is_told_from_a_position(dir: &Database) {
    let mut books = Books::new(dir);
    let wrong = message(1, Category::Marketing, "0.03");
    books.ingest(&[json(&wrong), json(&message(2, Category::Marketing, "0.0397"))], 0);
    let report = books.settle(OCTOBER);
    assert_eq!((report.charges, report.true_ups), (2, 2));
    assert_eq!(report.cost_difference, BTreeMap::from([("USD".to_owned(), dec("0.0097"))]));
    assert_eq!(report.price_difference, report.cost_difference);
    let card =
        |quantity, cost: &str| ("1".to_owned(), quantity, Some(dec(cost)), Some(Cause::Card), OCTOBER.to_owned());
    assert_eq!(true_ups(&books, OCTOBER), [card(-1, "-0.03"), card(1, "0.0397")]);
    assert_eq!(books.settle(OCTOBER).true_ups, 0);
}

fn late_charges_keep_their_position(dir: &Database) {
    let mut books = Books::new(dir);
    let late = |n, category, rate: &str| LedgerEntry { billing_period: NOVEMBER.into(), ..message(n, category, rate) };
    let banded = |n, rate: &str, band, ordinal| LedgerEntry {
        band: Some(band),
        band_basis: Some("table".into()),
        ordinal: Some(ordinal),
        list_rate: Some(dec("0.0085")),
        ..late(n, Category::Utility, rate)
    };
    // The sixth of October stays the sixth, alone in November; one that had no card is priced where it was counted.
    let unpriced = LedgerEntry {
        kind: EntryKind::Unpriced,
        cost: None,
        cost_rate: None,
        list_rate: None,
        price_ex_tax: None,
        card: None,
        card_status: None,
        pricing_type: None,
        ordinal: Some(4),
        reason: Some("no_card".into()),
        ..late(12, Category::Service, "0")
    };
    let first = LedgerEntry { ordinal: Some(3), ..unpriced.clone() };
    let first = LedgerEntry { entry: charge(13).entry, ..first };
    books.ingest(&[json(&banded(11, "0.0081", 1, 6)), json(&unpriced), json(&first)], 0);
    let report = books.settle(NOVEMBER);
    assert_eq!((report.charges, report.true_ups), (3, 4));
    let told = true_ups(&books, NOVEMBER);
    let costs: Vec<_> = told.iter().map(|(of, quantity, cost, ..)| (of.as_str(), *quantity, *cost)).collect();
    let free = Some(Decimal::ZERO);
    assert_eq!(costs, [("c", -1, None), ("c", 1, Some(dec("0.0085"))), ("d", -1, None), ("d", 1, free)]);
    assert!(told.iter().all(|(.., usage)| usage == OCTOBER));
    assert_eq!(books.settle(NOVEMBER).true_ups, 0);
    assert!(report.unpriced.is_empty(), "{:?}", report.unpriced);
}

fn free_conversations_are_counted_in_order(dir: &Database) {
    let mut books = Books::new(dir);
    let mut sources = Sources::embedded();
    let rules = sources.charging_rules.text.replace(",1000,waba,chargeable,", ",3,waba,chargeable,");
    sources.charging_rules = Source::new("charging_rules.csv", rules);
    books.rates = RateCards::from_sources(&sources).unwrap();
    // 2024-10-05T10:00:00Z, reported in the opposite order: the first two of five were charged.
    let october = 1_728_122_400_000;
    let rate = "0.0105";
    let values: Vec<_> = (1..=5)
        .map(|n| {
            let charged = n <= 2;
            let cost = dec(if charged { rate } else { "0" });
            json(&LedgerEntry {
                kind: if charged { EntryKind::Charge } else { EntryKind::Free },
                sender: if n % 2 == 0 { "a" } else { "b" }.into(),
                pricing_model: PricingModel::Cbp,
                pricing_type: Some(if charged { PricingType::Regular } else { PricingType::FreeAllowance }),
                reported_type: None,
                reported_model: Some(PricingModel::Cbp),
                rulebook: Some("cbp-2023-06-01".into()),
                card: Some("cbp-usd-2024-10-01".into()),
                ordinal: Some(6 - n),
                cost_rate: Some(cost),
                cost: Some(cost),
                price_ex_tax: Some(cost),
                usage_period: "2024-10".into(),
                billing_period: "2024-10".into(),
                occurred_at: Time(october + n * 1000),
                ..message(n, Category::Service, rate)
            })
        })
        .collect();
    books.ingest(&values, 0);
    let report = books.settle("2024-10");
    assert_eq!((report.charges, report.unpriced.len()), (5, 0));
    let standing: BTreeMap<String, bool> = true_ups(&books, "2024-10")
        .into_iter()
        .filter(|(_, quantity, ..)| *quantity > 0)
        .map(|(of, _, cost, ..)| (of, cost == Some(Decimal::ZERO)))
        .collect();
    // The first three are free, the last two are charged. The third was free already.
    for (of, free) in [("1", true), ("2", true), ("4", false), ("5", false)] {
        assert_eq!(standing.get(of), Some(&free), "{of}: {standing:?}");
    }
    assert_eq!(books.settle("2024-10").true_ups, 0);
}

fn the_day_is_that_of_the_zone(dir: &Database) {
    let mut books = Books::new(dir);
    // 2026-10-01T05:30:00Z is still September in Mexico, and October in Madrid.
    let at = Time(1_790_832_600_000);
    let entry = LedgerEntry {
        rulebook: Some("pmp-2025-07-01".into()),
        card: Some("pmp-usd-2026-07-01".into()),
        card_status: Some("composed".into()),
        occurred_at: at,
        usage_period: "2026-09".into(),
        billing_period: "2026-09".into(),
        ..message(1, Category::Marketing, "0.0305")
    };
    books.ingest(&[json(&entry)], 0);
    books.terms.insert("waba-1".into(), Terms { zone: Zone::new("America/Mexico_City").unwrap(), markup: Vec::new() });
    assert_eq!(books.settle("2026-09").true_ups, 0);
    books.terms.remove("waba-1");
    let job = Books::job(&books.rates, &books.terms, "2026-09");
    let error = settle(&mut books.writer, &books.reader, &job, &mut |_| {}).unwrap_err();
    assert!(matches!(&error, SettleError::UnknownZone { waba, .. } if waba == "waba-1"), "{error}");
    books.terms.insert("waba-1".into(), Terms { zone: Zone::new("Europe/Madrid").unwrap(), markup: Vec::new() });
    assert_eq!(books.settle("2026-09").cost_difference, BTreeMap::from([("USD".to_owned(), dec("0.0092"))]));
}

/// On a server, others book while a month is settled; in the end it is the same.
#[test]
fn another_writer_goes_on_meanwhile() {
    let dir = &Database::postgres();
    let mut books = Books::new(dir);
    let drawn: Vec<(u64, Drawn)> = (1..=120).map(|n| (n, plain(n as u8 % 5, n * 7 % 40))).collect();
    let order: Vec<usize> = (0..drawn.len()).rev().collect();
    let values: Vec<_> = book(&drawn, &order).iter().map(json).collect();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut writer = dir.writer();
            for (n, batch) in values.chunks(5).enumerate() {
                writer.ingest(&records(batch, n as u64 * 5), READ_AT).unwrap();
            }
        });
        while !other.is_finished() {
            books.settle(OCTOBER);
        }
        other.join().unwrap();
    });
    books.end(OCTOBER);
    books.close(OCTOBER, ALL).unwrap();
    assert_eq!(books.net(&[OCTOBER]), expected(&drawn, false));
}
