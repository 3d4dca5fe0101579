//! A world of a few entries and figures; one file for the classes, one for the sums, one for invoices, one for conversations.

mod classes;
mod conversations;
mod exact;
mod invoices;

use super::*;
use crate::ledger::SummaryRow;
use crate::ledger::fixture::{charge, dec};
use tollgate_rate_card::{Category, PricingModel, PricingType};
use tollgate_wire::Time;
use tollgate_wire::analytics::{Answer, Point};
use tollgate_wire::ledger::LedgerEntry;

/// 2026-10-01T00:00:00Z.
const OCTOBER: i64 = 1_790_812_800;
const DAY: i64 = 86_400;
const WABA: &str = "waba-1";
const SENDER: &str = "106540352242922";

/// A ledger in memory.
struct Booked(Vec<LedgerEntry<'static>>);

impl LedgerReader for Booked {
    fn entry_count(&self, _: YearMonth, _: Option<&str>) -> Result<u64, LedgerError> {
        Ok(self.0.len() as u64)
    }

    fn summary(
        &self,
        _: YearMonth,
        _: Option<&str>,
        _: &mut dyn FnMut(&SummaryRow<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        Ok(())
    }

    fn detail(
        &self,
        month: YearMonth,
        account: Option<&str>,
        _: bool,
        each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        let of = |entry: &&LedgerEntry<'_>| {
            *entry.billing_period == *month.to_string() && account.is_none_or(|account| *entry.account == *account)
        };
        for entry in self.0.iter().filter(of) {
            if each(entry).is_break() {
                break;
            }
        }
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

fn known() -> Known {
    let phones = [("15550001111", SENDER), (SENDER, SENDER)];
    Known {
        phones: phones.map(|(written, id)| (written.to_owned(), id.to_owned())).into(),
        zones: [WABA, "waba-2"].map(|waba| (waba.to_owned(), Zone::new("UTC").expect("a zone"))).into(),
    }
}

fn october() -> YearMonth {
    "2026-10".parse().expect("a month")
}

/// A charged message to Brazil at noon of a day of October.
fn sent(n: u64, day: i64, category: Category) -> LedgerEntry<'static> {
    LedgerEntry {
        category: Some(category),
        card: Some("pmp-usd-2026-10-01".into()),
        occurred_at: at(day, 12),
        ..charge(n)
    }
}

/// Messages of one kind.
fn many(count: u64, first: u64, day: i64, category: Category) -> Vec<LedgerEntry<'static>> {
    (first..first + count).map(|n| sent(n, day, category)).collect()
}

fn at(day: i64, hour: i64) -> Time {
    Time(((OCTOBER + (day - 1) * DAY + hour * 3600) * 1000).unsigned_abs())
}

/// A day's figure for utility messages of our number to Brazil.
fn figure(day: i64, volume: u64, cost: &str) -> Point {
    Point {
        start: OCTOBER + (day - 1) * DAY,
        end: OCTOBER + day * DAY,
        phone: Some("+1 555-000-1111".to_owned()),
        country: Some("BR".to_owned()),
        pricing_type: Some("REGULAR".to_owned()),
        category: Some("UTILITY".to_owned()),
        tier: None,
        volume,
        cost: Some(dec(cost)),
    }
}

fn of(category: &str, point: Point) -> Point {
    Point { category: Some(category.to_owned()), ..point }
}

fn typed(pricing_type: &str, point: Point) -> Point {
    Point { pricing_type: Some(pricing_type.to_owned()), cost: Some(Decimal::ZERO), ..point }
}

fn answer(waba: &str, points: Vec<Point>) -> Answer {
    Answer { waba: waba.to_owned(), model: PricingModel::Pmp, points }
}

fn request() -> Request<'static> {
    Request { month: october(), account: None, by_usage: false, tolerance: dec("0.01") }
}

fn compared(entries: &[LedgerEntry<'static>], answers: &[Answer], request: &Request<'_>, known: &Known) -> Report {
    let statement = Statement::of_answers(answers, request.month, known).expect("figures of the month");
    let rates = RateCards::embedded().expect("good data");
    let booked = Booked(entries.to_vec());
    reconcile(&booked, request, &statement, known, &rates, None, &mut |_| {}).expect("compares")
}

/// Class, messages more, messages fewer, amount; every line of the report.
fn classes(report: &Report) -> Vec<(Class, i64, i64, String)> {
    let line = |line: &ClassLine| (line.class, line.more, line.fewer, line.amount.normalize().to_string());
    report.classes.iter().map(line).collect()
}

fn expect(entries: &[LedgerEntry<'static>], points: Vec<Point>, expected: &[(Class, i64, i64, &str)]) {
    let report = compared(entries, &[answer(WABA, points)], &request(), &known());
    let expected: Vec<_> =
        expected.iter().map(|(c, more, fewer, amount)| (*c, *more, *fewer, (*amount).to_owned())).collect();
    assert_eq!(classes(&report), expected, "{report:#?}");
}
