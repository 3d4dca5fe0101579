//! Each class by the smallest example of it, and what must not be taken for it.

use super::*;
use tollgate_wire::ledger::{Cause, EntryKind, Origin};

const UTILITY: Category = Category::Utility;

#[test]
fn equal_sides_have_no_class() {
    let report = compared(&many(3, 1, 2, UTILITY), &[answer(WABA, vec![figure(2, 3, "0.0204")])], &request(), &known());
    assert!(report.classes.is_empty() && report.differences.is_empty() && !report.is_unexplained());
    assert_eq!((report.totals[0].our_messages, report.totals[0].rows_with_costs), (3, 1));
    assert_eq!(report.totals[0].currency, "USD", "the WABA's, as the ledger has it");
}

#[test]
fn what_was_taken_back_does_not_stand() {
    let mut entries = many(3, 1, 2, UTILITY);
    let back =
        LedgerEntry { kind: EntryKind::Adjustment, quantity: -1, cost: Some(dec("-0.0068")), ..entries[2].clone() };
    entries.push(LedgerEntry { entry: charge(9).entry, ..back });
    expect(&entries, vec![figure(2, 2, "0.0136")], &[]);
}

#[test]
fn missing_webhook_is_what_nothing_else_explains() {
    expect(&many(3, 1, 2, UTILITY), vec![figure(2, 5, "0.034")], &[(Class::MissingWebhook, 2, 0, "0.0136")]);
    let report = compared(&[], &[answer(WABA, vec![figure(2, 5, "0.034")])], &request(), &known());
    assert_eq!(classes(&report)[0].0, Class::MissingWebhook, "the number is ours, though nothing is booked for it");
    assert!(report.is_unexplained());
}

#[test]
fn unknown_is_what_we_have_and_the_platform_has_not() {
    let entries = [many(3, 1, 2, UTILITY), many(1, 9, 9, UTILITY)].concat();
    // The platform leaves days without messages out.
    expect(&entries, vec![figure(2, 3, "0.0204"), figure(20, 0, "0")], &[(Class::Unknown, 0, 1, "-0.0068")]);
    expect(&entries, vec![], &[(Class::Unknown, 0, 4, "0")]);
}

#[test]
fn reclassified_are_as_many_in_another_category_or_type() {
    let points = vec![figure(2, 1, "0.0068"), of("MARKETING", figure(2, 3, "0.1875"))];
    expect(
        &many(3, 1, 2, UTILITY),
        points,
        &[(Class::Reclassified, 2, 2, "0.1114"), (Class::MissingWebhook, 1, 0, "0.0625")],
    );
    let free = typed("FREE_CUSTOMER_SERVICE", of("SERVICE", figure(2, 1, "0")));
    expect(&many(1, 1, 2, UTILITY), vec![free], &[(Class::Reclassified, 1, 1, "-0.0068")]);
}

#[test]
fn categories_of_free_points_are_not_compared() {
    let free = LedgerEntry {
        kind: EntryKind::Free,
        pricing_type: Some(PricingType::FreeEntryPoint),
        cost: Some(Decimal::ZERO),
        ..sent(1, 2, UTILITY)
    };
    expect(&[free], vec![typed("FREE_ENTRY_POINT", of("REFERRAL_CONVERSION", figure(2, 1, "0")))], &[]);
}

#[test]
fn allowance_is_free_here_and_regular_there() {
    let free = |n| LedgerEntry {
        kind: EntryKind::Free,
        pricing_type: Some(PricingType::FreeAllowance),
        cost: Some(Decimal::ZERO),
        ..sent(n, 2, Category::Service)
    };
    let points = vec![of("SERVICE", figure(2, 2, "0.0136"))];
    expect(&[free(1), free(2)], points, &[(Class::Allowance, 2, 2, "0.0136")]);
    // Another category is no allowance.
    expect(&[free(1)], vec![of("MARKETING", figure(2, 1, "0.06"))], &[(Class::Reclassified, 1, 1, "0.06")]);
}

#[test]
fn late_status_is_billed_in_another_month() {
    let late = LedgerEntry { billing_period: "2026-11".into(), ..sent(4, 2, UTILITY) };
    let entries = [many(3, 1, 2, UTILITY), vec![late.clone()]].concat();
    let points = vec![figure(2, 4, "0.0272")];
    expect(&entries, points.clone(), &[(Class::LateStatus, 1, 0, "0.0068")]);
    // By usage it is one of the month.
    let by_usage = Request { by_usage: true, ..request() };
    assert!(compared(&entries, &[answer(WABA, points)], &by_usage, &known()).classes.is_empty());
    // Used in September, billed in October: the platform has it in September.
    let earlier = LedgerEntry { usage_period: "2026-09".into(), occurred_at: at(-3, 5), ..sent(5, 2, UTILITY) };
    let entries = [many(3, 1, 2, UTILITY), vec![earlier]].concat();
    expect(&entries, vec![figure(2, 3, "0.0204")], &[(Class::LateStatus, 0, 1, "-0.0068")]);
}

#[test]
fn zone_cut_is_opposite_in_the_next_bucket_or_at_the_months_edge() {
    let entries = [many(3, 1, 2, UTILITY), many(1, 9, 3, UTILITY)].concat();
    let points = vec![figure(2, 2, "0.0136"), figure(3, 2, "0.0136")];
    expect(&entries, points, &[(Class::ZoneCut, 1, 1, "0")]);
    // Two days apart is no cut.
    let apart = vec![figure(2, 2, "0.0136"), figure(3, 1, "0.0068"), figure(4, 1, "0.0068")];
    expect(&entries, apart, &[(Class::MissingWebhook, 1, 0, "0.0068"), (Class::Unknown, 0, 1, "-0.0068")]);

    // Days of UTC, a month of São Paulo: 01:00 of 1 November there is still October here, 22:00 of 30 September too.
    let known = Known { zones: [(WABA.to_owned(), Zone::new("America/Sao_Paulo").expect("a zone"))].into(), ..known() };
    let after = LedgerEntry { occurred_at: at(32, 1), ..sent(1, 2, UTILITY) };
    let before = LedgerEntry {
        occurred_at: at(1, 1),
        usage_period: "2026-09".into(),
        billing_period: "2026-09".into(),
        ..sent(2, 2, UTILITY)
    };
    let entries = [after, before, sent(3, 1, UTILITY), sent(4, 31, UTILITY)];
    let points = vec![figure(1, 2, "0.0136"), figure(31, 1, "0.0068"), figure(32, 7, "1")];
    let report = compared(&entries, &[answer(WABA, points)], &request(), &known);
    assert_eq!(classes(&report), [(Class::ZoneCut, 1, 1, "0".to_owned())], "{report:#?}");
    assert_eq!(report.of_other_months, 1, "most of 1 November is no October");
}

#[test]
fn foreign_traffic_is_of_another_number_or_other_software() {
    let other = Point { phone: Some("15559998888".to_owned()), ..figure(2, 4, "0.0272") };
    let points = vec![figure(2, 3, "0.0204"), other];
    expect(&many(3, 1, 2, UTILITY), points, &[(Class::ForeignTraffic, 4, 0, "0.0272")]);
    let mut entries = many(3, 1, 2, UTILITY);
    entries[2].origin = Origin::Foreign;
    expect(&entries, vec![figure(2, 2, "0.0136")], &[(Class::ForeignTraffic, 0, 1, "-0.0068")]);
    expect(
        &entries,
        vec![figure(2, 1, "0.0068")],
        &[(Class::ForeignTraffic, 0, 1, "-0.0068"), (Class::Unknown, 0, 1, "-0.0068")],
    );
}

/// Where the client pays: the platform has what we counted, and it is nobody's loss.
#[test]
fn what_is_counted_alone_explains_what_the_platform_has_more() {
    let counted = |n: u64, day: i64, category| LedgerEntry {
        kind: EntryKind::Counted,
        origin: Origin::Foreign,
        quantity: 0,
        // One of the free thousand here; the platform says so on its bill alone.
        pricing_type: Some(PricingType::FreeAllowance),
        reported_type: Some(PricingType::Regular),
        card: None,
        cost: None,
        ..sent(n, day, category)
    };
    let mut entries = many(3, 1, 2, UTILITY);
    entries.extend([counted(10, 2, UTILITY), counted(11, 2, UTILITY), counted(12, 3, UTILITY)]);
    // As many as it has, and not more: the sixth is missing here, and none of the third of October is.
    expect(
        &entries,
        vec![figure(2, 6, "0.0408"), figure(3, 0, "0")],
        &[(Class::ForeignTraffic, 2, 0, "0.0136"), (Class::MissingWebhook, 1, 0, "0.0068")],
    );
    expect(&entries, vec![figure(2, 3, "0.0204")], &[]);
    // What is taken back is not there, and what is counted in its place is.
    let withdrawal = LedgerEntry { cause: Some(Cause::Reversal), ..counted(13, 2, UTILITY) };
    let moved = [entries.clone(), vec![withdrawal, counted(14, 3, UTILITY)]].concat();
    expect(
        &moved,
        vec![figure(2, 6, "0.0408"), figure(3, 2, "0.0136")],
        &[(Class::ForeignTraffic, 3, 0, "0.0204"), (Class::MissingWebhook, 2, 0, "0.0136")],
    );
    // They go before what is only likely, such as a message of another category.
    let marketing = many(1, 20, 2, Category::Marketing);
    expect(
        &[entries, marketing].concat(),
        vec![figure(2, 5, "0.034")],
        &[(Class::ForeignTraffic, 2, 0, "0.0136"), (Class::Unknown, 0, 1, "-0.0068")],
    );
}

#[test]
fn a_number_that_moved_is_on_another_waba() {
    let entries = many(3, 1, 2, UTILITY);
    let others = Point { phone: Some("15559998888".to_owned()), ..figure(9, 1, "0.0068") };
    for old in [vec![], vec![answer(WABA, vec![])], vec![answer(WABA, vec![others])]] {
        let answers = [old, vec![answer("waba-2", vec![figure(2, 3, "0.0204")])]].concat();
        let report = compared(&entries, &answers, &request(), &known());
        // The other WABA has no entry that would tell its currency, so there are two lines.
        let moved = || report.classes.iter().filter(|line| line.class == Class::NumberMoved);
        let (more, fewer) = (moved().map(|line| line.more).sum(), moved().map(|line| line.fewer).sum());
        assert_eq!((more, fewer), (3_i64, 3_i64), "{report:#?}");
        assert!(!report.is_unexplained(), "{report:#?}");
    }
}

#[test]
fn band_lag_is_exactly_the_difference_of_two_bands() {
    // Utility to Mexico: bands are known.
    let rates = RateCards::embedded().expect("good data");
    let card = rates.card_named("pmp-usd-2026-10-01").expect("a card");
    let market = rates.map().market_named("Mexico").expect("a market");
    let card = card.bands(market, UTILITY).map_or("pmp-usd-2026-07-01", |_| "pmp-usd-2026-10-01");
    let bands = rates.card_named(card).and_then(|card| card.bands(market, UTILITY)).expect("bands").bands();
    let (list, next) = (bands[0].1, bands[1].1);
    let entries: Vec<_> = (1..=100)
        .map(|n| LedgerEntry {
            country: Some("MX".into()),
            market: Some("Mexico".into()),
            card: Some(card.into()),
            cost: Some(list),
            ..sent(n, 2, UTILITY)
        })
        .collect();
    let lag = (next - list) * Decimal::from(90);
    let cost = list * Decimal::from(100) + lag;
    let mexico = |cost: Decimal| Point { country: Some("MX".to_owned()), ..figure(2, 100, &cost.to_string()) };
    expect(&entries, vec![mexico(cost)], &[(Class::BandLag, 0, 0, &lag.normalize().to_string())]);
    let off = cost - dec("0.00001");
    let rest = (lag - dec("0.00001")).normalize().to_string();
    expect(&entries, vec![mexico(off)], &[(Class::Unknown, 0, 0, &rest)]);
    // Bands that we do not know, and a higher one named by the platform.
    let listed: Vec<_> = many(100, 1, 2, UTILITY)
        .into_iter()
        .map(|entry| LedgerEntry { band_basis: Some("list_unknown".into()), ..entry })
        .collect();
    let named = |tier: &str| Point { tier: Some(tier.to_owned()), ..figure(2, 100, "0.6") };
    expect(&listed, vec![named("750001:MAX")], &[(Class::BandLag, 0, 0, "-0.08")]);
    expect(&listed, vec![named("0:750000")], &[(Class::Unknown, 0, 0, "-0.08")]);
}

#[test]
fn platform_rounding_is_within_the_tolerance_or_to_the_minor_unit() {
    expect(&many(3, 1, 2, UTILITY), vec![figure(2, 3, "0.03")], &[(Class::PlatformRounding, 0, 0, "0.0096")]);
    expect(&many(30, 1, 2, UTILITY), vec![figure(2, 30, "0.3")], &[(Class::PlatformRounding, 0, 0, "0.096")]);
    expect(&many(30, 1, 2, UTILITY), vec![figure(2, 30, "0.29")], &[(Class::Unknown, 0, 0, "0.086")]);
    // Without costs nothing is said of them.
    let free = Point { cost: None, ..figure(2, 30, "0") };
    expect(&many(30, 1, 2, UTILITY), vec![free], &[]);
}

#[test]
fn what_has_no_price_makes_no_price_difference_of_another_class() {
    let mut entries = many(2, 1, 2, UTILITY);
    entries[1] = LedgerEntry { kind: EntryKind::Unpriced, pricing_type: None, cost: None, ..entries[1].clone() };
    expect(&entries, vec![figure(2, 2, "0.6")], &[(Class::Unknown, 0, 0, "0.5932")]);
}

#[test]
fn the_last_answer_of_a_number_and_day_counts() {
    let first = answer(WABA, vec![figure(2, 3, "0.0204"), figure(3, 1, "0.0068")]);
    let second = answer(WABA, vec![of("MARKETING", figure(3, 1, "0.06"))]);
    let entries =
        [many(3, 1, 2, UTILITY), vec![LedgerEntry { cost: Some(dec("0.06")), ..sent(9, 3, Category::Marketing) }]]
            .concat();
    let report = compared(&entries, &[first, second], &request(), &known());
    assert!(report.classes.is_empty(), "the day that the second lacks stays\n{report:#?}");
    assert_eq!(report.replaced, 1);
}

#[test]
fn what_the_figures_do_not_tell_apart_is_added_up() {
    let entries = [many(3, 1, 2, UTILITY), many(2, 9, 2, Category::Marketing)].concat();
    let point = Point { phone: None, country: None, category: None, ..figure(2, 5, "0.034") };
    expect(&entries, vec![point], &[]);
}

#[test]
fn other_wabas_are_named_and_not_compared() {
    let other = LedgerEntry { waba: "waba-9".into(), sender: "9".into(), ..sent(1, 2, UTILITY) };
    let report = compared(&[other], &[answer(WABA, vec![])], &request(), &known());
    assert!(report.classes.is_empty());
    assert_eq!(report.not_compared, [("waba-9".to_owned(), 1)].into());
}

#[test]
fn a_waba_without_a_zone_is_refused_once_a_row_of_it_is_compared() {
    let nowhere = |known: Known| Known { zones: [].into(), ..known };
    let told = |entries: &[LedgerEntry<'static>], answers: &[Answer]| {
        let known = nowhere(known());
        let statement = Statement::of_answers(answers, october(), &known).expect("figures");
        let rates = RateCards::embedded().expect("good data");
        let done = reconcile(&Booked(entries.to_vec()), &request(), &statement, &known, &rates, None, &mut |_| {});
        done.map(|report| report.classes.len()).map_err(|error| error.to_string())
    };
    let says = "waba = \"waba-1\": its time zone is not known, so its month has no bounds; start the service once";
    let figures = [answer(WABA, vec![figure(2, 3, "0.0204")])];
    // Equal rows too, figures without entries, entries without figures.
    let none = [answer(WABA, vec![])];
    for (entries, answers) in [(many(3, 1, 2, UTILITY), &figures), (vec![], &figures), (many(3, 1, 2, UTILITY), &none)]
    {
        assert!(told(&entries, answers).is_err_and(|told| told.contains(says)));
    }
    // Nothing of it is compared: there are no figures, or its entries are of another WABA than the figures.
    assert_eq!(told(&[], &[answer(WABA, vec![])]), Ok(0));
    let other = LedgerEntry { waba: "waba-9".into(), sender: "9".into(), ..sent(1, 2, UTILITY) };
    assert_eq!(told(&[other], &[answer(WABA, vec![])]), Ok(0));
}

#[test]
fn figures_of_another_month_or_of_two_granularities_are_refused() {
    let refused =
        |points| Statement::of_answers(&[answer(WABA, points)], october(), &known()).expect_err("refused").to_string();
    let told = refused(vec![figure(40, 1, "0"), figure(41, 1, "0")]);
    assert!(told.contains("none of the 2 figures is of it, they are of 2026-11-09 to 2026-11-11"), "{told}");
    let month = Point { end: OCTOBER + 31 * DAY, ..figure(1, 9, "0") };
    let told = refused(vec![month, figure(5, 1, "0")]);
    assert!(told.contains("2026-10-05 to 2026-10-06, one within the other"), "{told}");
}
