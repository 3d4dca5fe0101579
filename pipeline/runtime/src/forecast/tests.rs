//! Forecasts of a small month.

use super::*;
use crate::ledger::LedgerStore as _;
use crate::ledger::fixture::{Database, READ_AT, charge, dec, json, on_both, records};
use tollgate_rate_card::{Source, Sources};
use tollgate_wire::ledger::{BandReached, Cause, EntryKind, LedgerEntry};

on_both!(
    bands_are_crossed_at_the_pace_of_the_last_week,
    currencies_cross_together_each_by_its_own_card,
    nothing_known_is_nothing_promised,
    what_was_used_before_is_not_in_the_month_s_bands,
    what_other_software_sends_counts_and_is_nobody_s,
    what_has_no_card_counts_in_the_bands_of_all_currencies,
);

/// Mexico's utility in bands of few messages, from July on, in two currencies.
fn rates() -> RateCards {
    let mut sources = Sources::embedded();
    let bands = "# currency=USD valid_from=2026-07-01 valid_to=2026-09-30 scale=4\n\
        market,currency,category,from_message,to_message,rate_type,rate,vs_list_pct\n\
        Mexico,USD,utility,1,10,LIST,0.0085,0\nMexico,USD,utility,11,40,TIER,0.0081,-5\n\
        Mexico,USD,utility,41,1000,TIER,0.0077,-10\nMexico,USD,utility,1001,,TIER,0.0073,-15\n";
    let euros = "# currency=EUR valid_from=2026-07-01 valid_to=2026-09-30 scale=4\n\
        market,currency,category,from_message,to_message,rate_type,rate,vs_list_pct\n\
        Mexico,EUR,utility,1,10,LIST,0.0071,0\nMexico,EUR,utility,11,40,TIER,0.0067,-5\n\
        Mexico,EUR,utility,41,1000,TIER,0.0064,-10\nMexico,EUR,utility,1001,,TIER,0.0060,-15\n";
    sources.bands = vec![Source::new("bands.csv", bands), Source::new("euros.csv", euros)];
    RateCards::from_sources(&sources).expect("good data")
}

fn at(day: u64) -> Time {
    // 2026-08-31T12:00Z and so many days.
    Time(1_788_177_600_000 + day * DAY_MS)
}

fn sent(n: u64, day: u64) -> LedgerEntry<'static> {
    let month = if day == 0 { "2026-08" } else { "2026-09" };
    LedgerEntry {
        market: Some("Mexico".into()),
        country: Some("MX".into()),
        occurred_at: at(day),
        usage_period: month.into(),
        billing_period: month.into(),
        ..charge(n)
    }
}

fn book(dir: &Database, entries: &[LedgerEntry<'_>]) {
    let values: Vec<_> = entries.iter().map(json).collect();
    let done = dir.writer().ingest(&records(&values, 0), READ_AT).expect("books");
    assert_eq!(done.applied, values.len() as u64);
}

fn look(dir: &Database, today: u64) -> Vec<Group> {
    let month = "2026-09".parse().expect("a month");
    forecast(&dir.reader(), month, Some("acme"), &rates(), at(today)).expect("reads").groups
}

fn bands_are_crossed_at_the_pace_of_the_last_week(dir: &Database) {
    // 5 on the last of August, 2 a day from September 1 to 6.
    let mut all: Vec<_> = (0..5).map(|n| sent(n, 0)).collect();
    all.extend((0..12).map(|n| sent(10 + n, 1 + n / 2)));
    book(dir, &all);
    // On September 7: 17 in the last 7 days, 12 of them this month. 24 days are left, this one included.
    let [group] = look(dir, 7).try_into().expect("one group");
    assert_eq!((group.messages, group.pace, group.month_end), (12, dec("2.4"), 12 + 17 * 24 / 7));
    assert_eq!(group.booked, 12);
    assert_eq!((group.band, group.rate), (Some(1), Some(dec("0.0081"))));
    // Message 41 is the 29th to come: at 17 in 7 days in the 12th day from the 7th on, the 18th.
    let on = |day: &str| Some(day.parse::<Date>().expect("a day"));
    assert_eq!(
        group.ahead,
        [
            Crossing { band: 2, from: 41, on: on("2026-09-18"), rate: dec("0.0077") },
            Crossing { band: 3, from: 1_001, on: None, rate: dec("0.0073") },
        ]
    );
    // What was taken back is not counted; a month that is over goes nowhere.
    let back = LedgerEntry {
        entry: "ff".repeat(16).into(),
        kind: tollgate_wire::ledger::EntryKind::Adjustment,
        adjusts: Some(all[16].entry.clone()),
        revision: 1,
        quantity: -1,
        cost: Some(dec("-0.0068")),
        price_ex_tax: Some(dec("-0.0068")),
        ..all[16].clone()
    };
    let values = [json(&back)];
    dir.writer().ingest(&records(&values, 17), READ_AT).expect("books");
    let [group] = look(dir, 40).try_into().expect("one group");
    assert_eq!((group.messages, group.month_end, group.pace), (11, 11, dec("0.0")));
    assert!(group.ahead.iter().all(|crossing| crossing.on.is_none()));
}

fn what_was_used_before_is_not_in_the_month_s_bands(dir: &Database) {
    let mut all: Vec<_> = (0..12).map(|n| sent(10 + n, 1 + n / 2)).collect();
    // August is closed; what comes late of it is billed in September, and what corrects it too.
    all.extend((40..45).map(|n| LedgerEntry { billing_period: "2026-09".into(), ..sent(n, 0) }));
    book(dir, &all);
    let [group] = look(dir, 7).try_into().expect("one group");
    // It was sent all the same: the pace is of the last week.
    assert_eq!((group.messages, group.booked, group.pace), (12, 12, dec("2.4")));
}

fn currencies_cross_together_each_by_its_own_card(dir: &Database) {
    let ingest = |values: &[Vec<u8>], first: u64| {
        let done = dir.writer().ingest(&records(values, first), READ_AT).expect("books");
        assert_eq!(done.applied, values.len() as u64);
    };
    // 2 a day from September 1 to 6, each third one in euros; 24 days are left, September 7 included.
    let (euros, dollars): (Vec<u64>, Vec<u64>) = (0..12).partition(|n| n % 3 == 2);
    let dollars: Vec<_> = dollars.into_iter().map(|n| json(&sent(n, 1 + n / 2))).collect();
    ingest(&dollars, 0);
    // Dollars alone: 8 in 6 days end at 40, which is one too few.
    let [alone] = look(dir, 7).try_into().expect("one group");
    assert_eq!((alone.messages, alone.booked, alone.month_end), (8, 8, 40));
    assert_eq!((alone.rate, alone.ahead[1].on), (Some(dec("0.0085")), None));
    let in_euros = |n: u64| LedgerEntry {
        waba: "waba-2".into(),
        cost: Some(dec("0.0071")),
        cost_currency: "EUR".into(),
        price_ex_tax: Some(dec("0.0071")),
        price_currency: "EUR".into(),
        ..sent(n, 1 + n / 2)
    };
    let euros: Vec<_> = euros.into_iter().map(|n| json(&in_euros(n))).collect();
    ingest(&euros, 8);
    // Together 12: message 41 is the 29th to come, in the 15th day from the 7th on.
    let told = |today: u64| -> Vec<String> {
        let on = |on: Option<Date>| on.map_or_else(|| "never".to_owned(), |day| day.to_string());
        let row = |g: Group| {
            let ahead = g.ahead.iter().map(|c| format!("{} {} {}", c.from, on(c.on), c.rate)).collect::<Vec<_>>();
            let rate = g.rate.unwrap_or_default();
            let (sent, booked, pace, end) = (g.messages, g.booked, g.pace, g.month_end);
            format!("{} {booked} of {sent}, {pace} a day, {end}: {rate}; {}", g.currency, ahead.join(", "))
        };
        look(dir, today).into_iter().map(row).collect()
    };
    assert_eq!(
        told(7),
        [
            "EUR 4 of 12, 2 a day, 60: 0.0067; 41 2026-09-21 0.0064, 1001 never 0.0060",
            "USD 8 of 12, 2 a day, 60: 0.0081; 41 2026-09-21 0.0077, 1001 never 0.0073",
        ]
    );
    // The platform has counted 30 by then: message 41 is the 11th to come.
    let reached = BandReached {
        band_reached: 31,
        account: "acme".into(),
        market: "Mexico".into(),
        category: Category::Utility,
        month: "2026-09".into(),
        at: at(6),
    };
    ingest(&[json(&reached)], 12);
    assert_eq!(
        told(7),
        [
            "EUR 4 of 30, 2 a day, 78: 0.0067; 41 2026-09-12 0.0064, 1001 never 0.0060",
            "USD 8 of 30, 2 a day, 78: 0.0081; 41 2026-09-12 0.0077, 1001 never 0.0073",
        ]
    );
}

fn nothing_known_is_nothing_promised(dir: &Database) {
    let unknown = LedgerEntry { market: Some("Brazil".into()), ..sent(1, 1) };
    book(dir, &[unknown, LedgerEntry { band_basis: None, band: None, ..sent(2, 1) }]);
    let [group] = look(dir, 2).try_into().expect("one group");
    assert_eq!((group.market.as_str(), group.rate, group.band, group.ahead.len()), ("Brazil", None, None, 0));
    assert_eq!((group.messages, group.month_end), (1, 1 + 29));
}

/// The client pays for it: it brings the next band nearer, in whatever currency it is charged.
fn what_other_software_sends_counts_and_is_nobody_s(dir: &Database) {
    let counted = |n: u64| LedgerEntry {
        kind: EntryKind::Counted,
        quantity: 0,
        card: None,
        band: None,
        list_rate: None,
        cost_rate: None,
        cost: None,
        price_ex_tax: None,
        cost_currency: "EUR".into(),
        ..sent(n, 1 + n % 6)
    };
    book(dir, &(1..=6).map(counted).collect::<Vec<_>>());
    assert_eq!(look(dir, 7), [], "nothing of it is priced here");
    let dir = &dir.another();
    let ours = [sent(20, 1), sent(21, 2)];
    book(dir, &(1..=6).map(counted).chain(ours).collect::<Vec<_>>());
    let groups = look(dir, 7);
    let found: Vec<_> =
        groups.iter().map(|g| (g.currency.as_str(), g.messages, g.booked, g.pace.to_string())).collect();
    assert_eq!(found, [("USD", 8, 2, "1.3".to_owned())]);
}

/// As settling has it: it has a position, whatever it costs. The client may pay in a currency that nobody imports cards of.
fn what_has_no_card_counts_in_the_bands_of_all_currencies(dir: &Database) {
    let unpriced = |n: u64, kind, quantity| LedgerEntry {
        kind,
        quantity,
        pricing_type: None,
        card: None,
        band: None,
        band_basis: None,
        list_rate: None,
        cost_rate: None,
        cost: None,
        price_ex_tax: None,
        cost_currency: "KES".into(),
        rulebook: Some("pmp-2025-07-01".into()),
        ordinal: Some(n),
        reason: Some("no_card".into()),
        ..sent(n, 1 + n % 6)
    };
    let uncounted = LedgerEntry { ordinal: None, ..unpriced(9, EntryKind::Unpriced, 1) };
    // An allowance of its number is no band.
    let service = LedgerEntry {
        category: Some(Category::Service),
        rulebook: Some("pmp-2026-10-01".into()),
        ..unpriced(10, EntryKind::Counted, 0)
    };
    let taken_back = unpriced(4, EntryKind::Unpriced, 1);
    let back = LedgerEntry {
        entry: charge(40).entry,
        adjusts: Some(taken_back.entry.clone()),
        revision: 1,
        ..unpriced(4, EntryKind::Adjustment, -1)
    };
    let withdrawn = unpriced(5, EntryKind::Counted, 0);
    let withdrawal = LedgerEntry {
        entry: charge(50).entry,
        cause: Some(Cause::Reversal),
        adjusts: Some(withdrawn.entry.clone()),
        revision: 1,
        ..withdrawn.clone()
    };
    book(
        dir,
        &[
            withdrawn,
            withdrawal,
            unpriced(1, EntryKind::Counted, 0),
            unpriced(2, EntryKind::Counted, 0),
            unpriced(3, EntryKind::Unpriced, 1),
            taken_back,
            back,
            uncounted,
            service,
            sent(20, 1),
        ],
    );
    let groups = look(dir, 7);
    let found: Vec<_> = groups.iter().map(|g| (g.currency.as_str(), g.messages, g.booked)).collect();
    assert_eq!(found, [("USD", 4, 1)]);
}
