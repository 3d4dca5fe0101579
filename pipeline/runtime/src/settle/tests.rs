#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

//! A month that is booked in any order, cut and settled at any moment against a recomputation that knows the prices by
//! hand and counts every position over all that stands.

mod corrected;
mod counted;
mod credited;
mod measure;
mod mended;
mod minimum;
mod month;
mod reached;
mod single;

use super::*;
use crate::export::{Format, Request, write_csv};
use crate::ledger::fixture::{Database, READ_AT, T0, dec, json, on_both, records};
use crate::ledger::{LedgerReader, LedgerStore, Place, Record, Stream};
use credited::a_credit_is_in_the_bill_and_no_minimum_asks_it_back;
use minimum::{
    a_month_is_made_up_to_its_minimum, a_month_with_fees_is_closed_once, no_minimum_asks_a_correction_back,
    totals_are_rounded_in_whatever_currency, what_comes_late_counts_and_what_corrects_does_not,
};
use month::{Bands, Drawn, Fate, Net, back, book, counted_entries, expected, net, rates, terms};
use proptest::prelude::*;
use reached::a_band_that_is_reached_bounds_positions;
use rust_decimal::Decimal;
use tollgate_rate_card::Category;
use tollgate_wire::ledger::{Cause, LedgerEntry, MonthClosed};

on_both!(
    bands_in_the_order_of_delivery,
    a_band_that_is_reached_bounds_positions,
    a_credit_is_in_the_bill_and_no_minimum_asks_it_back,
    a_month_ends_by_its_marker_and_is_closed_once,
    what_is_not_certain_keeps_the_month_open,
    a_month_in_any_order,
    a_month_is_made_up_to_its_minimum,
    a_month_with_fees_is_closed_once,
    no_minimum_asks_a_correction_back,
    what_comes_late_counts_and_what_corrects_does_not,
    totals_are_rounded_in_whatever_currency,
);

const OCTOBER: &str = "2026-10";
const NOVEMBER: &str = "2026-11";
const ALL: Allow = Allow { unpriced: true, unverified: true, bands_unknown: true, set_aside: true };

/// A database with what settles it.
struct Books<'d> {
    dir: &'d Database,
    writer: Writer,
    reader: Reader,
    rates: RateCards,
    terms: BTreeMap<String, Terms>,
    offsets: [u64; 3],
    /// Pairs that end a walk.
    pairs: usize,
}

impl<'d> Books<'d> {
    fn new(dir: &'d Database) -> Self {
        let writer = dir.writer();
        Self {
            dir,
            writer,
            reader: dir.reader(),
            rates: rates(Bands::First),
            terms: terms(),
            offsets: [0; 3],
            pairs: 1_000,
        }
    }

    fn job<'a>(rates: &'a RateCards, terms: &'a BTreeMap<String, Terms>, month: &str) -> Job<'a> {
        Job { account: "acme", month: month.parse().unwrap(), rates, terms, at: READ_AT }
    }

    fn ingest(&mut self, values: &[Vec<u8>], partition: usize) -> crate::ledger::Ingested {
        let first = self.offsets[partition];
        self.offsets[partition] += values.len() as u64;
        let records: Vec<Record<'_>> =
            records(values, first).iter().map(|r| Record { partition: partition as u32, ..*r }).collect();
        self.writer.ingest(&records, READ_AT).unwrap()
    }

    fn end(&mut self, month: &str) {
        let end = MonthClosed { month_closed: month.into(), account: "acme".into(), at: READ_AT, forced: None };
        assert_eq!(self.ingest(&[json(&end)], 0).applied, 1);
        assert_eq!(self.ingest(&[json(&end)], 1).duplicates, 1);
    }

    fn settle(&mut self, month: &str) -> Report {
        let job = Self::job(&self.rates, &self.terms, month);
        settle_by(&mut self.writer, &self.reader, &job, Late::Refused, self.pairs, &mut |_| {}).unwrap().0
    }

    fn close(&mut self, month: &str, allow: Allow) -> Result<Closed, CloseError> {
        close(&mut self.writer, &self.reader, &Self::job(&self.rates, &self.terms, month), allow, &mut |_| {})
    }

    fn net(&self, months: &[&str]) -> Net {
        net(&self.reader, months)
    }

    /// The detail of October, which is closed, and its manifest. Where nothing was ever booked no account is, and the manifest tells
    /// of an empty month that is open.
    fn closed(&self, drawn: &[(u64, Drawn)], as_of: u64) -> (Vec<u8>, Option<String>) {
        let is_booked = drawn.iter().any(|(_, d)| !d.fate.is_counted());
        let (detail, manifest) = self.export(OCTOBER, Format::Detail, as_of);
        assert!(!is_booked || manifest.contains("\"state\": \"closed\""), "{manifest}");
        (detail, is_booked.then_some(manifest))
    }

    fn export(&self, month: &str, format: Format, as_of: u64) -> (Vec<u8>, String) {
        let request = Request {
            month: month.parse().unwrap(),
            account: None,
            format,
            with_recipients: false,
            invoices: None,
            as_of: Time(as_of),
        };
        let mut out = Vec::new();
        let manifest = write_csv(&self.reader, &request, "out.csv", &mut out, &mut |_, _| {}).unwrap();
        (out, manifest.to_json())
    }
}

fn plain(what: u8, second: u64) -> Drawn {
    Drawn { what, sender: false, marked_up: false, second, fate: Fate::Stands }
}

fn bands_in_the_order_of_delivery(dir: &Database) {
    let mut books = Books::new(dir);
    // Reported in the opposite order of their deliveries: the first two were booked as the 6th and 7th.
    let drawn: Vec<(u64, Drawn)> = (1..=7).map(|n| (n, plain(1, n))).collect();
    let order: Vec<usize> = (0..7).rev().collect();
    let values: Vec<_> = book(&drawn, &order).iter().map(json).collect();
    books.ingest(&values, 0);
    let report = books.settle(OCTOBER);
    assert_eq!((report.entries, report.charges, report.true_ups), (7, 7, 8));
    assert_eq!(report.cost_difference, BTreeMap::from([("USD".to_owned(), Decimal::ZERO)]));
    let mut told = Vec::new();
    let each = &mut |e: &LedgerEntry<'_>| {
        if e.kind == EntryKind::TrueUp {
            told.push((e.adjusts.as_deref().unwrap().to_owned(), e.revision, e.quantity, e.band, e.ordinal, e.cause));
        }
        std::ops::ControlFlow::Continue(())
    };
    books.reader.detail(OCTOBER.parse().unwrap(), None, false, each).unwrap();
    told.sort();
    let settle = Some(Cause::Settle);
    let first = format!("{:032x}", 1);
    assert_eq!(told[..2], [(first.clone(), 1, -1, Some(1), Some(7), settle), (first, 2, 1, Some(0), Some(1), settle),]);
    let again = books.settle(OCTOBER);
    assert_eq!((again.entries, again.charges, again.true_ups), (15, 7, 0));
    assert_eq!(books.net(&[OCTOBER]), expected(&drawn, false));
    // By the same rules nothing differs from what stands after the true-ups.
    let zones = books.terms.iter().map(|(id, terms)| (id.clone(), terms.zone.clone())).collect();
    let rules = Rules::new(&books.rates, Under::Own(zones));
    let month = OCTOBER.parse().unwrap();
    let report = crate::rerate::rerate(&books.reader, month, None, &rules, &mut |_| {}).unwrap();
    let total = &report.totals[0];
    assert_eq!((total.messages, total.booked, total.other), (7, Some(dec("0.0587")), Some(dec("0.0587"))));
}

fn a_month_ends_by_its_marker_and_is_closed_once(dir: &Database) {
    let mut books = Books::new(dir);
    let drawn: Vec<(u64, Drawn)> = (1..=21).map(|n| (n, plain(n as u8 % 3, 40 - n))).collect();
    let order: Vec<usize> = (0..21).collect();
    let values: Vec<_> = book(&drawn, &order).iter().map(json).collect();
    books.ingest(&values, 0);
    let error = books.close(OCTOBER, ALL).unwrap_err();
    assert!(matches!(error, CloseError::NotEnded { .. }), "{error}");
    books.end(OCTOBER);
    books.end(NOVEMBER);
    let error = books.close(NOVEMBER, ALL).unwrap_err();
    assert!(error.to_string().contains("month 2026-10 of account `acme` is open; close it before 2026-11"), "{error}");
    let (open, told) = books.export(OCTOBER, Format::Detail, 7);
    assert!(told.contains("\"state\": \"open\""), "{told}");
    let closed = books.close(OCTOBER, ALL).unwrap();
    assert!(closed.settled.is_some());
    let again = books.close(OCTOBER, Allow::default()).unwrap();
    assert_eq!((&again.manifest, &again.sha256, again.settled), (&closed.manifest, &closed.sha256, None));
    let manifest: CloseManifest = serde_json::from_str(&closed.manifest).unwrap();
    assert_eq!((manifest.messages, manifest.quantity, manifest.previous_sha256.as_str()), (21, 21, ""));
    assert!(manifest.entries > 21, "positions differ in the other order");
    let total = manifest.cost_totals.iter().find(|t| t.kind == "total").unwrap();
    assert_eq!(dec(&total.rounded) + dec(&total.remainder), dec(&total.exact));
    // Whenever it is exported, the same bytes come of it.
    let (first, second) = (books.export(OCTOBER, Format::Detail, 1), books.export(OCTOBER, Format::Detail, 2));
    assert!(first == second && first.1.contains("\"state\": \"closed\"") && first.0 != open);
    let november = books.close(NOVEMBER, ALL).unwrap();
    let manifest: CloseManifest = serde_json::from_str(&november.manifest).unwrap();
    assert_eq!((manifest.entries, manifest.previous_sha256), (0, closed.sha256));
    assert_eq!(verify(&books.reader, &books.rates, "acme").unwrap().len(), 2);
    let error = settle(&mut books.writer, &books.reader, &Books::job(&books.rates, &books.terms, OCTOBER), &mut |_| {});
    assert!(matches!(error, Err(SettleError::Ledger(LedgerError::Closed { .. }))), "{error:?}");
    // What is in the bill may come again; what is not is set aside.
    let late = book(&[(50, plain(1, 3))], &[0]);
    let done = books.ingest(&[values[0].clone(), json(&late[0])], 1);
    assert_eq!((done.duplicates, done.rejected), (1, 1));
    assert_eq!(books.reader.rejected(Stream::Ledger).unwrap(), 1);
    assert_eq!(books.export(OCTOBER, Format::Detail, 3), first);
    // A changed manifest breaks the chain.
    books.writer.transact(|tx, _| tx.run("UPDATE closes SET manifest = replace(manifest, '9', '8')", &[])).unwrap();
    let error = verify(&books.reader, &books.rates, "acme").unwrap_err();
    assert!(error.to_string().contains("the SHA-256 of its manifest is"), "{error}");
}

fn what_is_not_certain_keeps_the_month_open(dir: &Database) {
    let mut books = Books::new(dir);
    // Without a price for good, at list for want of bands, and one that the card prices by now.
    let drawn: Vec<(u64, Drawn)> = [(1, plain(5, 1)), (2, plain(3, 2)), (3, plain(4, 3))].into();
    let values: Vec<_> = book(&drawn, &[0, 1, 2]).iter().map(json).collect();
    books.ingest(&values, 0);
    books.end(OCTOBER);
    let error = books.close(OCTOBER, Allow::default()).unwrap_err();
    let CloseError::NotComplete { obstacles, .. } = &error else { panic!("{error}") };
    let told: Vec<_> = obstacles.iter().map(|o| (o.what, o.count, o.detail.as_str())).collect();
    assert_eq!(told, [("unpriced", 1, "unknown_type 1"), ("bands_unknown", 1, "")]);
    assert!(error.to_string().contains("import the volume bands of the card, or allow unknown bands"), "{error}");
    assert!(books.close(OCTOBER, Allow { unpriced: true, ..Allow::default() }).is_err());
    let closed = books.close(OCTOBER, Allow { unpriced: true, bands_unknown: true, ..Allow::default() }).unwrap();
    let manifest: CloseManifest = serde_json::from_str(&closed.manifest).unwrap();
    assert_eq!(manifest.allowed, ["unpriced", "bands_unknown"]);
    let (_, told) = books.export(OCTOBER, Format::Summary, 0);
    assert!(told.contains("\"unpriced\": 1,"), "what got a price is not counted any more: {told}");
    assert_eq!(books.net(&[OCTOBER]), expected(&drawn, false));
}

fn a_month_in_any_order(dir: &Database) {
    let config = ProptestConfig::with_cases(if matches!(dir.place(), Place::File(_)) { 40 } else { 4 });
    let strategy = (messages(1), any::<u64>());
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner.run(&strategy, |(drawn, seed)| any_order(&dir.another(), &drawn, seed)).unwrap();
}

/// Messages of any kind, numbered from 1. Of ten about two are taken back within the month, `later` after it, and three are
/// counted alone: once, anew, or in the end no more.
fn messages(later: u8) -> impl Strategy<Value = Vec<(u64, Drawn)>> {
    let fate = (0_u8..10).prop_map(move |fate| match fate {
        0 | 1 => Fate::TakenBack,
        n if n < 2 + later => Fate::TakenBackLater,
        7 => Fate::Counted,
        8 => Fate::CountedAnew,
        9 => Fate::Withdrawn,
        _ => Fate::Stands,
    });
    let message = (0_u8..7, any::<bool>(), any::<bool>(), 0_u64..12, fate);
    let message =
        message.prop_map(|(what, sender, marked_up, second, fate)| Drawn { what, sender, marked_up, second, fate });
    prop::collection::vec(message, 1..40).prop_map(|all| (1..).zip(all).collect())
}

/// Numbers that look random, from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for i in (1..all.len()).rev() {
            all.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

fn any_order(dir: &Database, drawn: &[(u64, Drawn)], seed: u64) -> Result<(), TestCaseError> {
    let mut books = Books::new(dir);
    let mut dice = Dice(seed);
    books.pairs = 1 + dice.below(6) as usize;
    let mut order: Vec<usize> = (0..drawn.len()).collect();
    dice.shuffle(&mut order);
    let booked = book(drawn, &order);
    let (mut this, mut next) = (Vec::new(), Vec::new());
    for ((n, d), entry) in drawn.iter().zip(&booked) {
        this.extend(counted_entries(*n, d, entry).iter().map(json));
        match d.fate {
            Fate::TakenBack => this.push(json(&back(n + 1_000, entry, OCTOBER))),
            Fate::TakenBackLater => next.push(json(&back(n + 1_000, entry, NOVEMBER))),
            _ => {}
        }
    }
    // Some twice, all in any order, batch and partition, settled in between.
    let twice: Vec<_> = this.iter().filter(|_| dice.below(4) == 0).cloned().collect();
    let once = this.clone();
    this.extend(twice);
    dice.shuffle(&mut this);
    while !this.is_empty() {
        let cut = this.len() - (dice.below(this.len() as u64) as usize).min(12);
        let batch = this.split_off(cut.saturating_sub(1));
        let partition = dice.below(3) as usize;
        books.ingest(&batch, partition);
        if dice.below(3) == 0 {
            books.settle(OCTOBER);
        }
    }
    books.end(OCTOBER);
    // What comes after the end comes before or after the month is closed.
    dice.shuffle(&mut next);
    let before = next.split_off(dice.below(next.len() as u64 + 1) as usize);
    books.ingest(&before, 2);
    books.settle(NOVEMBER);
    books.settle(OCTOBER);
    let settled = books.settle(OCTOBER);
    let stands = || drawn.iter().filter(|(_, d)| d.fate.stands());
    let counted = stands().filter(|(_, d)| d.fate.is_counted()).count() as u64;
    let billed = stands().count() as u64 - counted;
    prop_assert_eq!((settled.true_ups, settled.charges, settled.counted), (0, billed, counted));
    prop_assert_eq!(books.net(&[OCTOBER]), expected(drawn, false));
    agree(&books, drawn)?;
    let closed = books.close(OCTOBER, ALL).unwrap();
    prop_assert_eq!(books.net(&[OCTOBER]), expected(drawn, false));
    books.ingest(&next, 2);
    books.end(NOVEMBER);
    books.close(NOVEMBER, ALL).unwrap();
    prop_assert_eq!(books.net(&[OCTOBER, NOVEMBER]), expected(drawn, true));
    // Entries, summary and manifest come to the same.
    let manifest: CloseManifest = serde_json::from_str(&closed.manifest).unwrap();
    let (mut sums, mut wrong) = ((0, 0, Decimal::ZERO), 0);
    let each = &mut |row: &crate::ledger::SummaryRow<'_>| {
        sums = (sums.0 + row.messages, sums.1 + row.entries, sums.2 + row.cost.unwrap_or_default());
        let made = row.cost_rate.map(|rate| rate * Decimal::from(row.quantity));
        wrong += usize::from(made.is_some() && made != row.cost);
        std::ops::ControlFlow::Continue(())
    };
    books.reader.summary(OCTOBER.parse().unwrap(), None, each).unwrap();
    prop_assert_eq!(wrong, 0, "rate times quantity is the cost on every row");
    let by_hand = expected(drawn, false);
    let total = manifest.cost_totals.iter().find(|t| t.kind == "total").map_or(Decimal::ZERO, |t| dec(&t.exact));
    let messages: i64 = by_hand.values().map(|(quantity, ..)| *quantity).sum();
    prop_assert_eq!((sums.0, sums.1, sums.2), (messages, manifest.entries, total));
    prop_assert_eq!(by_hand.values().map(|(_, cost, _)| *cost).sum::<Decimal>(), total);
    // Closed is closed: what comes again changes nothing, what is new is set aside.
    let before = books.closed(drawn, 1);
    let done = books.ingest(&once, 1);
    prop_assert_eq!((done.duplicates, done.rejected), (once.len() as u64, 0));
    let stray = book(&[(900, plain(1, 0))], &[0]);
    prop_assert_eq!(books.ingest(&[json(&stray[0])], 0).rejected, 1);
    prop_assert_eq!(books.closed(drawn, 9), before);
    prop_assert_eq!(books.close(OCTOBER, ALL).unwrap().manifest, closed.manifest);
    prop_assert_eq!(verify(&books.reader, &books.rates, "acme").unwrap().len(), 2);
    prop_assert!(books.dir.path().exists());
    Ok(())
}

/// Whoever else counts positions comes to what was settled.
fn agree(books: &Books<'_>, drawn: &[(u64, Drawn)]) -> Result<(), TestCaseError> {
    let month = OCTOBER.parse().unwrap();
    let zones = books.terms.iter().map(|(id, terms)| (id.clone(), terms.zone.clone())).collect();
    let rules = Rules::new(&books.rates, Under::Own(zones));
    let again = crate::rerate::rerate(&books.reader, month, None, &rules, &mut |_| {}).unwrap();
    // What a true-up has priced stays on the line of what was booked without a price, so lines are added up.
    let sum =
        |of: &dyn Fn(&crate::rerate::Line) -> Option<Decimal>| again.totals.iter().filter_map(of).sum::<Decimal>();
    prop_assert_eq!(sum(&|line| line.booked), sum(&|line| line.other));
    let ahead = crate::forecast::forecast(&books.reader, month, None, &books.rates, Time(T0)).unwrap();
    for (what, category) in [(1, Category::Utility), (3, Category::Authentication)] {
        let of = || drawn.iter().filter(|(_, d)| d.what == what && d.fate.stands());
        let Some(group) = ahead.groups.iter().find(|group| group.category == category) else {
            prop_assert!(of().all(|(_, d)| d.fate.is_counted()), "{category:?} is in no group");
            continue;
        };
        prop_assert_eq!(group.messages, of().count() as u64, "{:?}", category);
        prop_assert_eq!(group.booked, of().filter(|(_, d)| !d.fate.is_counted()).count() as u64);
    }
    Ok(())
}
