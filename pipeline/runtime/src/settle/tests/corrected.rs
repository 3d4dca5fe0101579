//! What differs of a closed month, by a catalogue that has become right, is billed in the first open one.

use super::month::expected_by;
use super::*;
use crate::rerate::rerate;

on_both!(
    what_is_corrected_is_billed_in_the_first_open_month,
    what_was_closed_without_a_price_gets_one,
    rating_again_shows_what_would_be_booked,
    a_corrected_month_with_whatever_comes_later,
);

const DECEMBER: &str = "2026-12";

impl Books<'_> {
    pub(super) fn correct(&mut self, month: &str) -> (Report, String) {
        let job = Self::job(&self.rates, &self.terms, month);
        let pairs = self.pairs;
        let found = settle_by(&mut self.writer, &self.reader, &job, Late::Booked, pairs, &mut |_| {}).unwrap();
        (found.0, found.1.to_string())
    }

    /// What the month's charges come to, as rated again by the catalogue and as they stand.
    fn rerated(&self, month: &str) -> (Option<Decimal>, Option<Decimal>) {
        let zones = self.terms.iter().map(|(id, terms)| (id.clone(), terms.zone.clone())).collect();
        let rules = Rules::new(&self.rates, Under::Own(zones));
        let report = rerate(&self.reader, month.parse().unwrap(), None, &rules, &mut |_| {}).unwrap();
        let [total] = &report.totals[..] else { panic!("{report:?}") };
        (total.booked, total.other)
    }
}

fn what_is_corrected_is_billed_in_the_first_open_month(dir: &Database) {
    let mut books = Books::new(dir);
    let drawn: Vec<(u64, Drawn)> = (1..=7).map(|n| (n, plain(1, n))).collect();
    let values: Vec<_> = book(&drawn, &[0, 1, 2, 3, 4, 5, 6]).iter().map(json).collect();
    books.ingest(&values, 0);
    // An open month is settled.
    assert_eq!(books.correct(OCTOBER).1, OCTOBER);
    books.end(OCTOBER);
    books.close(OCTOBER, ALL).unwrap();
    let closed = books.export(OCTOBER, Format::Detail, 1);
    assert_eq!(books.correct(OCTOBER).0.true_ups, 0);
    books.rates = rates(Bands::Right);
    // 5 at 0.0085 and 2 at 0.0081 against 4 at 0.0085 and 3 at 0.0080.
    assert_eq!(books.rerated(OCTOBER), (Some(dec("0.0587")), Some(dec("0.0580"))));
    let (report, billed_in) = books.correct(OCTOBER);
    assert_eq!((report.charges, report.true_ups, billed_in.as_str()), (7, 6, NOVEMBER));
    assert_eq!(report.cost_difference, BTreeMap::from([("USD".to_owned(), dec("-0.0007"))]));
    assert_eq!(books.correct(OCTOBER).0.true_ups, 0, "once");
    assert_eq!(books.rerated(OCTOBER), (Some(dec("0.0580")), Some(dec("0.0580"))));
    let mut told = BTreeMap::new();
    let each = &mut |e: &LedgerEntry<'_>| {
        assert_eq!((e.kind, &*e.usage_period, e.ordinal), (EntryKind::TrueUp, OCTOBER, e.ordinal));
        *told.entry((e.cause, e.band, e.cost_rate, e.quantity)).or_insert(0) += 1;
        std::ops::ControlFlow::Continue(())
    };
    books.reader.detail(NOVEMBER.parse().unwrap(), None, false, each).unwrap();
    let (card, settle) = (Some(Cause::Card), Some(Cause::Settle));
    let rate = |rate: &str| Some(dec(rate));
    // The fifth is in another band by the right table; the others are cheaper in theirs.
    let is: Vec<_> = told.into_iter().collect();
    assert_eq!(is.iter().map(|(_, n)| n).sum::<i32>(), 6, "{is:?}");
    assert!(is.iter().all(|((cause, ..), _)| [card, settle].contains(cause)), "{is:?}");
    assert!(
        is.iter().any(|((_, band, cost, n), many)| (*band, *cost, *n, *many) == (Some(1), rate("0.0080"), 1, 2)),
        "{is:?}"
    );
    // And back: a catalogue may be wrong twice.
    books.rates = rates(Bands::First);
    assert_eq!(books.correct(OCTOBER).0.true_ups, 6);
    assert_eq!(books.net(&[OCTOBER, NOVEMBER]), expected(&drawn, false));
    books.end(NOVEMBER);
    books.close(NOVEMBER, ALL).unwrap();
    books.rates = rates(Bands::Right);
    let (report, billed_in) = books.correct(OCTOBER);
    assert_eq!((report.true_ups, billed_in.as_str()), (6, DECEMBER));
    assert_eq!(books.net(&[OCTOBER, NOVEMBER, DECEMBER]), expected_by(&drawn, false, Bands::Right));
    assert_eq!(books.export(OCTOBER, Format::Detail, 2), closed);
    assert_eq!(verify(&books.reader, &books.rates, "acme").unwrap().len(), 2);
}

/// What a later month took back stays as it was billed; so rating again shows no difference for it.
fn rating_again_shows_what_would_be_booked(dir: &Database) {
    let mut books = Books::new(dir);
    let drawn: Vec<(u64, Drawn)> = (1..=7).map(|n| (n, plain(1, n))).collect();
    let booked = book(&drawn, &[0, 1, 2, 3, 4, 5, 6]);
    books.ingest(&booked.iter().map(json).collect::<Vec<_>>(), 0);
    books.end(OCTOBER);
    books.close(OCTOBER, ALL).unwrap();
    // The one that is in another band by the right table; afterwards one that has true-ups.
    for (taken_back, catalogue, difference) in [(5, Bands::Right, "-0.0002"), (7, Bands::First, "0.0001")] {
        books.ingest(&[json(&back(1_000 + taken_back, &booked[taken_back as usize - 1], NOVEMBER))], 0);
        books.rates = rates(catalogue);
        let (was, other) = books.rerated(OCTOBER);
        assert_eq!(other.unwrap() - was.unwrap(), dec(difference));
        let found = books.correct(OCTOBER).0.cost_difference;
        assert_eq!(found, BTreeMap::from([("USD".to_owned(), dec(difference))]));
        let (was, other) = books.rerated(OCTOBER);
        assert_eq!(was, other);
    }
}

fn what_was_closed_without_a_price_gets_one(dir: &Database) {
    let mut books = Books::new(dir);
    let right = std::mem::replace(&mut books.rates, month::rates_without("Mexico,marketing,0.0397,published,"));
    let drawn: Vec<(u64, Drawn)> = (1..=3).map(|n| (n, plain(4, n))).collect();
    let values: Vec<_> = book(&drawn, &[0, 1, 2]).iter().map(json).collect();
    books.ingest(&values, 0);
    books.end(OCTOBER);
    let error = books.close(OCTOBER, Allow { unpriced: false, ..ALL }).unwrap_err();
    assert!(matches!(error, CloseError::NotComplete { .. }), "{error}");
    books.close(OCTOBER, ALL).unwrap();
    assert_eq!(books.correct(OCTOBER).0.true_ups, 0);
    books.rates = right;
    let (report, billed_in) = books.correct(OCTOBER);
    assert_eq!((report.true_ups, report.unpriced.len(), billed_in.as_str()), (6, 0, NOVEMBER));
    assert_eq!(books.net(&[OCTOBER, NOVEMBER]), expected(&drawn, false));
}

fn a_corrected_month_with_whatever_comes_later(dir: &Database) {
    let config = ProptestConfig::with_cases(if matches!(dir.place(), Place::File(_)) { 40 } else { 4 });
    let strategy = (messages(3), any::<u64>());
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner.run(&strategy, |(drawn, seed)| corrected(&dir.another(), &drawn, seed)).unwrap();
}

/// October is closed by the first catalogue; then come take-backs of November and December and the right catalogue, in
/// any order.
fn corrected(dir: &Database, drawn: &[(u64, Drawn)], seed: u64) -> Result<(), TestCaseError> {
    let mut books = Books::new(dir);
    let mut dice = Dice(seed);
    books.pairs = 1 + dice.below(6) as usize;
    let mut order: Vec<usize> = (0..drawn.len()).collect();
    dice.shuffle(&mut order);
    let booked = book(drawn, &order);
    let (mut october, mut november, mut december) = (Vec::new(), Vec::new(), Vec::new());
    for ((n, d), entry) in drawn.iter().zip(&booked) {
        october.extend(counted_entries(*n, d, entry).iter().map(json));
        match d.fate {
            Fate::TakenBack => october.push(json(&back(n + 1_000, entry, OCTOBER))),
            Fate::TakenBackLater if dice.below(2) == 0 => november.push(json(&back(n + 1_000, entry, NOVEMBER))),
            Fate::TakenBackLater => december.push(json(&back(n + 1_000, entry, DECEMBER))),
            _ => {}
        }
    }
    books.ingest(&october, 0);
    let early = november.split_off(dice.below(november.len() as u64 + 1) as usize);
    books.ingest(&early, 1);
    books.end(OCTOBER);
    books.close(OCTOBER, ALL).unwrap();
    let closed = books.closed(drawn, 1);
    for later in [(NOVEMBER, november), (DECEMBER, december)] {
        for one in later.1 {
            books.ingest(&[one], 1);
            match dice.below(4) {
                0 => books.rates = rates(Bands::Right),
                1 => {
                    books.correct(OCTOBER);
                }
                2 => {
                    books.settle(later.0);
                }
                _ => {}
            }
        }
        if later.0 == DECEMBER {
            books.rates = rates(Bands::Right);
            books.correct(OCTOBER);
            prop_assert_eq!(books.correct(OCTOBER).0.true_ups, 0);
        }
        books.end(later.0);
        books.close(later.0, ALL).unwrap();
    }
    prop_assert_eq!(books.net(&[OCTOBER, NOVEMBER, DECEMBER]), expected_by(drawn, true, Bands::Right));
    prop_assert_eq!(books.correct(OCTOBER).0.true_ups, 0);
    prop_assert_eq!(books.closed(drawn, 2), closed);
    prop_assert_eq!(verify(&books.reader, &books.rates, "acme").unwrap().len(), 3);
    Ok(())
}
