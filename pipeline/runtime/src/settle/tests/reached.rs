//! Volume bands that the platform says are reached.

use super::month::book;
use super::*;
use crate::ledger::fixture::T0;
use tollgate_rate_card::Category;
use tollgate_wire::ledger::BandReached;

/// Message 6 of Mexico's utility, at a second of the month that is tested.
fn reached(second: u64, category: Category, month: &'static str) -> Vec<u8> {
    json(&BandReached {
        band_reached: 6,
        account: "acme".into(),
        market: "Mexico".into(),
        category,
        month: month.into(),
        at: Time(T0 + second * 1000),
    })
}

/// Positions of what stands, by second.
fn ordinals(books: &Books<'_>) -> Vec<(u64, Option<u64>)> {
    let mut found = BTreeMap::new();
    let each = &mut |e: &LedgerEntry<'_>| {
        if e.quantity > 0 {
            let newer = found.get(&e.occurred_at).is_none_or(|(revision, _)| *revision <= e.revision);
            if newer {
                found.insert(e.occurred_at, (e.revision, e.ordinal));
            }
        }
        std::ops::ControlFlow::Continue(())
    };
    books.reader.detail(OCTOBER.parse().unwrap(), None, false, each).unwrap();
    found.into_iter().map(|(at, (_, ordinal))| ((at.0 - T0) / 1000, ordinal)).collect()
}

pub(super) fn a_band_that_is_reached_bounds_positions(dir: &Database) {
    let mut books = Books::new(dir);
    let drawn: Vec<(u64, Drawn)> = (1..=4).map(|n| (n, plain(1, n))).collect();
    let values: Vec<_> = book(&drawn, &[0, 1, 2, 3]).iter().map(json).collect();
    books.ingest(&values, 0);
    assert_eq!(books.settle(OCTOBER).true_ups, 0);
    // What is not of these messages bounds none of them.
    let others = [reached(0, Category::Authentication, OCTOBER), reached(0, Category::Utility, NOVEMBER)];
    assert_eq!(books.ingest(&others, 0).applied, 2);
    assert_eq!(books.settle(OCTOBER).true_ups, 0);
    // The third and fourth are sent when others have sent five at least.
    assert_eq!(books.ingest(&[reached(3, Category::Utility, OCTOBER)], 0).applied, 1);
    let report = books.settle(OCTOBER);
    assert_eq!((report.charges, report.true_ups), (4, 4));
    assert_eq!(report.cost_difference, BTreeMap::from([("USD".to_owned(), dec("-0.0008"))]));
    assert_eq!(ordinals(&books), [(1, Some(1)), (2, Some(2)), (3, Some(6)), (4, Some(6))]);
    assert_eq!(books.settle(OCTOBER).true_ups, 0);
    // Told again with a later time it is the same band; with an earlier one it was reached before.
    let again = books.ingest(&[reached(4, Category::Utility, OCTOBER)], 1);
    assert_eq!((again.applied, again.duplicates), (0, 1));
    assert_eq!(books.settle(OCTOBER).true_ups, 0);
    assert_eq!(books.ingest(&[reached(2, Category::Utility, OCTOBER)], 1).applied, 1);
    assert_eq!(books.settle(OCTOBER).true_ups, 2);
    assert_eq!(ordinals(&books)[1], (2, Some(6)));
    // Rating again finds what was settled.
    let zones = books.terms.iter().map(|(id, terms)| (id.clone(), terms.zone.clone())).collect();
    let rules = Rules::new(&books.rates, Under::Own(zones));
    let report = crate::rerate::rerate(&books.reader, OCTOBER.parse().unwrap(), None, &rules, &mut |_| {}).unwrap();
    let total = &report.totals[0];
    assert_eq!((total.messages, total.booked, total.other), (4, Some(dec("0.0328")), Some(dec("0.0328"))));
}
