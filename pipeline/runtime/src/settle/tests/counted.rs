//! Messages of other software that the client pays for: they have positions, and are in no bill.

use super::close::{bill, seal};
use super::month::{book, counted};
use super::*;
use crate::forecast::forecast;
use crate::ledger::fixture::{T0, charge};

on_both!(
    what_is_counted_alone_moves_positions_and_bills_nothing,
    what_is_counted_late_moves_nothing,
    what_is_counted_while_a_month_is_closed_is_settled_first,
    what_is_counted_otherwise_while_a_month_is_closed_is_settled_first,
    progress_is_told_of_entries_that_were_walked,
);

/// Utility to Mexico, second by second; those of even seconds are counted alone. The fifth and later ones of the month are cheaper.
fn mixed() -> Vec<(u64, Drawn)> {
    let fate = |n: u64| if n.is_multiple_of(2) { Fate::Counted } else { Fate::Stands };
    (1..=8).map(|n| (n, Drawn { fate: fate(n), ..plain(1, n) })).collect()
}

fn what_is_counted_alone_moves_positions_and_bills_nothing(dir: &Database) {
    let mut books = Books::new(dir);
    let drawn = mixed();
    // Reported in the opposite order of their deliveries: the first two of ours were booked as the 6th and 8th.
    let order: Vec<usize> = (0..8).rev().collect();
    let values: Vec<_> = book(&drawn, &order).iter().map(json).collect();
    assert_eq!(books.ingest(&values, 0).applied, 8);
    assert_eq!(books.ingest(&values, 1).duplicates, 8, "once");
    let report = books.settle(OCTOBER);
    // The 1st and 3rd are at list, the 7th is not; of the 5th the band stays.
    assert_eq!((report.entries, report.charges, report.counted, report.true_ups), (4, 4, 4, 6));
    assert_eq!(books.settle(OCTOBER).true_ups, 0);
    assert_eq!(books.net(&[OCTOBER]), expected(&drawn, false));
    // Rating again and looking ahead know of them, the summary and the detail do not.
    let zones = books.terms.iter().map(|(id, terms)| (id.clone(), terms.zone.clone())).collect();
    let rules = Rules::new(&books.rates, Under::Own(zones));
    let again = crate::rerate::rerate(&books.reader, OCTOBER.parse().unwrap(), None, &rules, &mut |_| {}).unwrap();
    let cost = Some(dec("0.0336"));
    assert_eq!((again.totals[0].messages, again.totals[0].booked, again.totals[0].other), (4, cost, cost));
    let ahead = forecast(&books.reader, OCTOBER.parse().unwrap(), Some("acme"), &books.rates, Time(T0)).unwrap();
    assert_eq!((ahead.groups.len(), ahead.groups[0].messages, ahead.groups[0].booked), (1, 8, 4));
    for format in [Format::Summary, Format::Detail] {
        let (text, manifest) = books.export(OCTOBER, format, 0);
        assert!(!String::from_utf8(text).unwrap().contains("counted"));
        assert!(manifest.contains("\"messages\": 4,"), "{manifest}");
    }
    books.end(OCTOBER);
    let closed = books.close(OCTOBER, ALL).unwrap();
    let manifest: CloseManifest = serde_json::from_str(&closed.manifest).unwrap();
    assert_eq!((manifest.messages, manifest.quantity, manifest.settled.counted), (4, 4, 4));
    assert_eq!(manifest.entries, books.reader.entry_count(OCTOBER.parse().unwrap(), None).unwrap());
    assert_eq!(verify(&books.reader, &books.rates, "acme").unwrap().len(), 1);
    // A correction of the closed month knows their positions too.
    books.rates = rates(Bands::Right);
    assert_eq!(books.correct(OCTOBER).0.counted, 4);
    assert_eq!(books.net(&[OCTOBER, NOVEMBER]), super::month::expected_by(&drawn, false, Bands::Right));
}

/// As of what is booked late, the positions of the month that it was used in were settled without it.
fn what_is_counted_late_moves_nothing(dir: &Database) {
    let mut books = Books::new(dir);
    let drawn: Vec<(u64, Drawn)> = (1..=6).map(|n| (n, plain(1, n))).collect();
    let values: Vec<_> = book(&drawn, &[0, 1, 2, 3, 4, 5]).iter().map(json).collect();
    books.ingest(&values, 0);
    books.end(OCTOBER);
    books.close(OCTOBER, ALL).unwrap();
    let bill = books.export(OCTOBER, Format::Detail, 1);
    let [late] = &book(&[(50, plain(1, 0))], &[0])[..] else { panic!("one") };
    // One that names the closed month is set aside like any entry.
    assert_eq!(books.ingest(&[json(&counted(late.clone()))], 0).rejected, 1);
    let next = LedgerEntry { billing_period: NOVEMBER.into(), ..counted(late.clone()) };
    assert_eq!(books.ingest(&[json(&next)], 0).applied, 1);
    for month in [OCTOBER, NOVEMBER] {
        let (report, _) = books.correct(month);
        assert_eq!((report.counted, report.true_ups), (0, 0), "{month}");
    }
    assert_eq!(books.export(OCTOBER, Format::Detail, 1), bill);
}

/// It has no part in the bill, but moves what is in it: a manifest that was made without it is not kept.
fn what_is_counted_while_a_month_is_closed_is_settled_first(dir: &Database) {
    let mut books = Books::new(dir);
    let drawn = mixed();
    let order: Vec<usize> = (0..8).collect();
    let values: Vec<_> = book(&drawn, &order).iter().map(json).collect();
    books.ingest(&values[1..], 0);
    books.end(OCTOBER);
    let sealed = |books: &mut Books<'_>, before_sealing: &dyn Fn(&mut Books<'_>)| {
        books.settle(OCTOBER);
        let settled = books.settle(OCTOBER);
        let end = books.reader.closes("acme").unwrap().remove(0);
        let mut manifest = bill(&books.reader, &Books::job(&books.rates, &books.terms, OCTOBER), &end, ALL, &settled);
        before_sealing(books);
        let job = Books::job(&books.rates, &books.terms, OCTOBER);
        seal(&mut books.writer, &job, &end, manifest.as_mut().unwrap()).unwrap().is_some()
    };
    // One of other software comes late to the ledger, and is the second of the month.
    let more = json(&counted(book(&[(60, plain(1, 1))], &[0]).remove(0)));
    assert!(!sealed(&mut books, &|books| assert_eq!(books.ingest(std::slice::from_ref(&more), 1).applied, 1)));
    // What is of no group, of an earlier month or there already keeps nothing open.
    let late = LedgerEntry { usage_period: "2026-09".into(), ..counted(book(&[(61, plain(1, 1))], &[0]).remove(0)) };
    books.ingest(&[more.clone(), json(&late)], 2);
    assert!(sealed(&mut books, &|books| assert_eq!(books.ingest(std::slice::from_ref(&more), 1).duplicates, 1)));
    let manifest = books.close(OCTOBER, ALL).unwrap().manifest;
    let manifest: CloseManifest = serde_json::from_str(&manifest).unwrap();
    assert_eq!((manifest.entries, manifest.messages, manifest.settled.counted), (manifest.settled.entries, 3, 5));
}

/// A withdrawal and what is counted anew leave as many as there were, at other positions.
fn what_is_counted_otherwise_while_a_month_is_closed_is_settled_first(dir: &Database) {
    let mut books = Books::new(dir);
    let drawn = mixed();
    let order: Vec<usize> = (0..8).collect();
    books.ingest(&book(&drawn, &order).iter().map(json).collect::<Vec<_>>(), 0);
    books.end(OCTOBER);
    books.settle(OCTOBER);
    let settled = books.settle(OCTOBER);
    let end = books.reader.closes("acme").unwrap().remove(0);
    let mut manifest = bill(&books.reader, &Books::job(&books.rates, &books.terms, OCTOBER), &end, ALL, &settled);
    // The second of the month becomes its tenth: what is counted was of another second before.
    let anew = Drawn { fate: Fate::CountedAnew, ..plain(1, 10) };
    let entry = counted(book(&[(2, anew)], &[0]).remove(0));
    let first = LedgerEntry { occurred_at: Time(T0 + 2_000), ..entry.clone() };
    let stands = LedgerEntry { entry: charge(3_000).entry, revision: 2, adjusts: Some(first.entry.clone()), ..entry };
    let back = LedgerEntry {
        entry: charge(1_000).entry,
        cause: Some(Cause::Reversal),
        revision: 1,
        adjusts: Some(first.entry.clone()),
        ..first
    };
    assert_eq!(books.ingest(&[json(&back), json(&stands)], 0).applied, 2);
    let job = Books::job(&books.rates, &books.terms, OCTOBER);
    assert!(seal(&mut books.writer, &job, &end, manifest.as_mut().unwrap()).unwrap().is_none());
    let closed = books.close(OCTOBER, ALL).unwrap();
    let manifest: CloseManifest = serde_json::from_str(&closed.manifest).unwrap();
    assert_eq!((manifest.messages, manifest.settled.counted), (4, 4));
    assert!(!closed.manifest.contains("counted_entries"), "{}", closed.manifest);
    let standing: Vec<_> =
        drawn.iter().map(|(n, d)| if *n == 2 { (*n, Drawn { second: 10, ..*d }) } else { (*n, *d) }).collect();
    assert_eq!(books.net(&[OCTOBER]), expected(&standing, false));
}

/// Of few entries nothing is told, whichever comes first.
fn progress_is_told_of_entries_that_were_walked(dir: &Database) {
    let mut books = Books::new(dir);
    let drawn: Vec<_> = (1..=8).map(|n| (n, Drawn { fate: Fate::Counted, ..plain(1, n) })).collect();
    let order: Vec<usize> = (0..8).collect();
    books.ingest(&book(&drawn, &order).iter().map(json).collect::<Vec<_>>(), 0);
    let mut told = Vec::new();
    let job = Books::job(&books.rates, &books.terms, OCTOBER);
    let report = settle(&mut books.writer, &books.reader, &job, &mut |walked| told.push(walked)).unwrap();
    assert_eq!((report.entries, report.counted, told), (0, 8, vec![]));
}
