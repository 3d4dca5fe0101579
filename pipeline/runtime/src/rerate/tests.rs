//! The walk against a recomputation that knows the figures by hand, and a ledger file from end to end.

use super::*;
use crate::ledger::LedgerStore;
use crate::ledger::fixture::{Database, READ_AT, charge, dec, json, records};
use proptest::prelude::*;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use tollgate_rate_card::{Category, Currency, Date, PricingType, RateCards, Source, Sources, Zone};
use tollgate_wire::Time;
use tollgate_wire::ledger::{Cause, EntryKind, LedgerEntry};

/// 2026-09-10T00:00:00Z.
const SEPTEMBER: u64 = 1_788_998_400_000;

fn rates() -> RateCards {
    RateCards::embedded().expect("good data")
}

fn october() -> Under<'static> {
    Under::Day("2026-10-01".parse::<Date>().expect("a day"))
}

/// A message of September to Brazil, as September's rules booked it.
fn september(n: u64, category: Category, word: PricingType, cost: &str) -> LedgerEntry<'static> {
    let free = word != PricingType::Regular;
    LedgerEntry {
        kind: if free { EntryKind::Free } else { EntryKind::Charge },
        category: Some(category),
        expected_category: Some(category),
        reported_category: Some(category),
        pricing_type: Some(word),
        reported_type: Some(word),
        rulebook: Some("pmp-2025-07-01".into()),
        card: Some("pmp-usd-2026-07-01".into()),
        band_basis: None,
        cost: Some(dec(cost)),
        occurred_at: Time(SEPTEMBER + n * 1000),
        usage_period: "2026-09".into(),
        billing_period: "2026-09".into(),
        ..charge(n)
    }
}

fn service(n: u64) -> LedgerEntry<'static> {
    september(n, Category::Service, PricingType::FreeCustomerService, "0")
}

/// The entry that takes another back.
fn back(n: u64, of: &LedgerEntry<'static>) -> LedgerEntry<'static> {
    LedgerEntry {
        entry: charge(n).entry,
        kind: EntryKind::Adjustment,
        cause: Some(Cause::Reclassified),
        adjusts: Some(of.entry.clone()),
        revision: 1,
        quantity: -1,
        cost: of.cost.map(|cost| -cost),
        ..of.clone()
    }
}

/// Books the entries and rates the month again.
fn rerated(entries: &[LedgerEntry<'_>], month: &str, rates: &RateCards, under: Under<'_>) -> Report {
    let directory = Database::sqlite();
    let values: Vec<_> = entries.iter().map(json).collect();
    let done = directory.writer().ingest(&records(&values, 0), READ_AT).expect("books");
    assert_eq!(done.applied, values.len() as u64);
    let month = month.parse().expect("a month");
    rerate(&directory.reader(), month, None, &Rules::new(rates, under), &mut |_| {}).expect("rates")
}

fn total(report: &Report) -> &Line {
    report.totals.iter().find(|line| line.difference.is_some()).expect("a line with a price on both sides")
}

#[test]
fn september_under_octobers_rules() {
    let mut entries: Vec<_> = (0..1_003).map(service).collect();
    entries.push(september(2_000, Category::Utility, PricingType::FreeCustomerService, "0"));
    entries.push(september(2_001, Category::Utility, PricingType::Regular, "0.0068"));
    entries.push(september(2_002, Category::Marketing, PricingType::Regular, "0.0625"));
    entries.push(september(2_003, Category::Utility, PricingType::FreeEntryPoint, "0"));
    let report = rerated(&entries, "2026-09", &rates(), october());
    // Three of 1,003 service messages are beyond the 1,000 free ones, and utility inside the window is charged:
    // 3 x 0.0068 + 0.0068 more.
    let total = total(&report);
    assert_eq!((total.messages, total.booked), (1_007, Some(dec("0.0693"))));
    assert_eq!((total.other, total.difference), (Some(dec("0.0965")), Some(dec("0.0272"))));
    let of = |category: &str| {
        let found = report.markets.iter().find(|line| line.category.as_deref() == Some(category));
        found.and_then(|line| line.difference)
    };
    assert_eq!(of("service"), Some(dec("0.0204")));
    assert_eq!(of("utility"), Some(dec("0.0068")));
    assert_eq!(of("marketing"), Some(Decimal::ZERO));
}

#[test]
fn every_number_has_its_own_allowance() {
    let entries: Vec<_> =
        (0..1_200).map(|n| LedgerEntry { sender: if n % 2 == 0 { "a" } else { "b" }.into(), ..service(n) }).collect();
    assert_eq!(total(&rerated(&entries, "2026-09", &rates(), october())).other, Some(Decimal::ZERO));
}

#[test]
fn what_was_taken_back_counts_for_nothing() {
    let mut entries: Vec<_> = (0..1_001).map(service).collect();
    entries.push(back(5_000, &entries[7]));
    let report = rerated(&entries, "2026-09", &rates(), october());
    assert_eq!((total(&report).messages, total(&report).other, report.cancelled), (1_000, Some(Decimal::ZERO), 2));
}

#[test]
fn a_take_back_of_another_month_stays() {
    let entries = [september(1, Category::Utility, PricingType::Regular, "0.0068"), {
        let before = september(2, Category::Utility, PricingType::Regular, "0.0085");
        back(3, &before)
    }];
    let report = rerated(&entries, "2026-09", &rates(), october());
    assert_eq!((total(&report).booked, total(&report).difference), (Some(dec("-0.0017")), Some(Decimal::ZERO)));
    assert_eq!((total(&report).messages, report.kept), (1, 1));
}

/// Late usage of a month that was closed keeps the position that it was booked at, as when it is settled: of the month's
/// allowance and bands nothing is left for it.
#[test]
fn late_usage_keeps_its_position() {
    let mut sources = Sources::embedded();
    let bands = "# currency=USD valid_from=2026-10-01 valid_to=open scale=4\n\
        market,currency,category,from_message,to_message,rate_type,rate,vs_list_pct\n\
        Mexico,USD,utility,1,5,LIST,0.0085,0\nMexico,USD,utility,6,,TIER,0.0081,-5\n";
    sources.bands = vec![Source::new("bands.csv", bands)];
    let rates = RateCards::from_sources(&sources).expect("good data");
    let late = |n: u64, category, ordinal: Option<u64>, cost: &str| LedgerEntry {
        cause: Some(Cause::Late),
        rulebook: Some("pmp-2026-10-01".into()),
        card: Some("pmp-usd-2026-10-01".into()),
        country: Some("MX".into()),
        market: Some("Mexico".into()),
        ordinal,
        occurred_at: charge(n).occurred_at,
        usage_period: "2026-10".into(),
        billing_period: "2026-11".into(),
        ..september(n, category, PricingType::Regular, cost)
    };
    let entries = [
        late(1, Category::Service, Some(1_500), "0.0085"),
        late(2, Category::Utility, Some(7), "0.0081"),
        // At what it was booked at nothing can be said of it.
        late(3, Category::Utility, None, "0.0085"),
    ];
    let zones = || BTreeMap::from([("waba-1".to_owned(), Zone::new("UTC").expect("a zone"))]);
    let report = rerated(&entries, "2026-11", &rates, Under::Own(zones()));
    let [line] = &report.totals[..] else { panic!("{report:?}") };
    assert_eq!((line.messages, line.booked, line.other), (3, Some(dec("0.0251")), Some(dec("0.0251"))), "{report:?}");
    // Settled, what stands for it is what its true-ups say; that of a charge of October's own bill is no matter here.
    let true_up = |n: u64, of: &LedgerEntry<'static>, revision: u32, amount: &str| LedgerEntry {
        entry: charge(n).entry,
        kind: EntryKind::TrueUp,
        cause: Some(Cause::Settle),
        adjusts: Some(of.entry.clone()),
        revision,
        quantity: if amount.starts_with('-') { -1 } else { 1 },
        cost: Some(dec(amount)),
        ..of.clone()
    };
    let dear = LedgerEntry { revision: 2, ..late(4, Category::Utility, Some(7), "0.0085") };
    let october = late(5, Category::Utility, Some(1), "0.0085");
    let settled = [
        true_up(6, &dear, 1, "-0.0085"),
        true_up(7, &dear, 2, "0.0081"),
        dear,
        true_up(8, &october, 1, "-0.0085"),
        true_up(9, &october, 2, "0.0080"),
    ];
    let report = rerated(&settled, "2026-11", &rates, Under::Own(zones()));
    let [line] = &report.totals[..] else { panic!("{report:?}") };
    assert_eq!((line.messages, line.booked, line.other), (1, Some(dec("0.0076")), Some(dec("0.0076"))), "{report:?}");
    // By another card too, as far as it is known.
    let id = rates.card_at(Currency::new("USD").expect("it"), "2026-10-01".parse().expect("a day")).expect("it");
    let report = rerated(&entries[..2], "2026-11", &rates, Under::Cards(vec![(&rates, id)]));
    assert_eq!(total(&report).difference, Some(Decimal::ZERO), "{report:?}");
}

#[test]
fn a_window_that_nobody_knows_of_is_not_guessed() {
    // In October a charged utility message may have been inside a window, where September's are free.
    let october = LedgerEntry { rulebook: Some("pmp-2026-10-01".into()), ..charge(1) };
    let day = Under::Day("2026-09-01".parse::<Date>().expect("a day"));
    let report = rerated(&[october], "2026-10", &rates(), day);
    let [line] = report.totals.as_slice() else { panic!("one line: {:?}", report.totals) };
    assert_eq!((line.other, line.other_unpriced.as_deref()), (None, Some("window_unknown")));
}

#[test]
fn another_currency_than_the_cards_has_no_price() {
    let rates = rates();
    let euro = rates.cards().iter().find(|card| card.currency().as_str() == "EUR").expect("a card");
    let id = rates.card_at(euro.currency(), euro.validity().from()).expect("it");
    let entries = [september(1, Category::Utility, PricingType::Regular, "0.0068"), service(2)];
    let report = rerated(&entries, "2026-09", &rates, Under::Cards(vec![(&rates, id)]));
    let unpriced = report.totals.iter().find(|line| line.other.is_none()).expect("a line");
    assert_eq!((unpriced.messages, unpriced.other_unpriced.as_deref()), (1, Some("no_card")));
    assert_eq!(total(&report).messages, 1, "what is free needs no card");
}

/// Embedded data with an allowance of 3 and with bands of 5 messages for Mexico's utility in July's card.
fn small() -> RateCards {
    let mut sources = Sources::embedded();
    let rules = sources.charging_rules.text.replace(",1000,sender,delivered,", ",3,sender,delivered,");
    sources.charging_rules = Source::new("charging_rules.csv", rules);
    let bands = "# currency=USD valid_from=2026-07-01 valid_to=2026-09-30 scale=4\n\
        market,currency,category,from_message,to_message,rate_type,rate,vs_list_pct\n\
        Mexico,USD,utility,1,5,LIST,0.0085,0\nMexico,USD,utility,6,,TIER,0.0081,-5\n";
    sources.bands = vec![Source::new("bands.csv", bands)];
    RateCards::from_sources(&sources).expect("good data")
}

/// What a test draws: what is sent, from which number, when, and whether it is taken back.
type Drawn = (u8, bool, u64, bool);

fn drawn(n: u64, (what, sender, second, _): Drawn) -> LedgerEntry<'static> {
    let (category, cost) = match what {
        0 => (Category::Service, "0"),
        1 => (Category::Utility, "0.0085"),
        2 => (Category::Marketing, "0.0305"),
        _ => (Category::Utility, "0"),
    };
    let free = matches!(what, 0 | 3);
    let word = if free { PricingType::FreeCustomerService } else { PricingType::Regular };
    let unpriced = what == 4;
    let plain = september(n, category, word, cost);
    LedgerEntry {
        entry: charge(n).entry,
        kind: if unpriced { EntryKind::Unpriced } else { plain.kind },
        reason: unpriced.then(|| "unknown_type".into()),
        cost: plain.cost.filter(|_| !unpriced),
        price_ex_tax: plain.cost.filter(|_| !unpriced),
        country: Some("MX".into()),
        market: Some("Mexico".into()),
        sender: if sender { "a" } else { "b" }.into(),
        occurred_at: Time(SEPTEMBER + second * 1000),
        ..plain
    }
}

/// Amount under the other rules: each message's position is counted over all the others that stand before it.
fn by_hand(all: &[(u64, Drawn)], october: bool) -> Decimal {
    let standing = || all.iter().filter(|(_, (.., taken_back))| !taken_back);
    let before = |(n, d): &(u64, Drawn), (m, e): &(u64, Drawn)| (e.2, *m) < (d.2, *n);
    let mut sum = Decimal::ZERO;
    for this @ (_, (what, sender, ..)) in standing() {
        let earlier = |kinds: &[u8], same_sender: bool| {
            let counted = |other: &&(u64, Drawn)| {
                before(this, other) && kinds.contains(&other.1.0) && (!same_sender || other.1.1 == *sender)
            };
            standing().filter(counted).count()
        };
        sum += match (october, what) {
            (true, 0) if earlier(&[0], true) >= 3 => dec("0.0085"),
            (true, 1 | 3) => dec("0.0085"),
            (true, 2) => dec("0.0397"),
            (false, 1) if earlier(&[1], false) >= 5 => dec("0.0081"),
            (false, 1) => dec("0.0085"),
            (false, 2) => dec("0.0305"),
            _ => Decimal::ZERO,
        };
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_walk_is_the_recomputation(
        all in prop::collection::vec((0_u8..5, any::<bool>(), 0_u64..20, prop::bool::weighted(0.2)), 1..40),
        to_october in any::<bool>(),
    ) {
        let rates = small();
        let numbered: Vec<(u64, Drawn)> = (1_u64..).zip(all).collect();
        let mut entries = Vec::new();
        for (n, d) in &numbered {
            let entry = drawn(*n, *d);
            if d.3 {
                entries.push(back(n + 1_000, &entry));
            }
            entries.push(entry);
        }
        let day = if to_october { "2026-10-01" } else { "2026-09-01" };
        let report = rerated(&entries, "2026-09", &rates, Under::Day(day.parse().expect("a day")));
        let lines = |of: fn(&Line) -> Option<Decimal>| report.totals.iter().filter_map(of).sum::<Decimal>();
        prop_assert_eq!(lines(|line| line.other), by_hand(&numbered, to_october));
        let standing = numbered.iter().filter(|(_, d)| !d.3);
        let unpriced = standing.clone().filter(|(_, d)| d.0 == 4).count() as u64;
        let told = report.totals.iter().filter(|line| line.other_unpriced.as_deref() == Some("unknown_type"));
        prop_assert_eq!(told.map(|line| line.messages).sum::<u64>(), unpriced);
        prop_assert_eq!(report.cancelled, 2 * numbered.iter().filter(|(_, d)| d.3).count() as u64);
        let messages = |lines: &[Line]| lines.iter().map(|line| line.messages).sum::<u64>();
        prop_assert_eq!(messages(&report.markets), standing.count() as u64);
        prop_assert_eq!(messages(&report.campaigns), messages(&report.markets));
    }

    /// Booked by its own rules, a month differs in nothing.
    #[test]
    fn its_own_rules_change_nothing(
        all in prop::collection::vec((0_u8..4, any::<bool>(), 0_u64..20, Just(false)), 1..40),
    ) {
        let numbered: Vec<(u64, Drawn)> = (1_u64..).zip(all).collect();
        let entries: Vec<_> = numbered.iter().map(|(n, d)| drawn(*n, *d)).collect();
        let day = Under::Day("2026-09-15".parse().expect("a day"));
        let report = rerated(&entries, "2026-09", &rates(), day);
        prop_assert!(report.markets.iter().all(|line| line.difference == Some(Decimal::ZERO)), "{:?}", report.markets);
        prop_assert_eq!(report.totals.len(), 1);
    }
}
