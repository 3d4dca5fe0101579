//! The classes add up to the difference, message by message and to the last digit, against sums that know no rows.

use super::*;
use proptest::prelude::*;
use tollgate_wire::ledger::{EntryKind, Origin};

/// One of a few days, numbers, WABAs, countries, categories and types, so that rules meet.
type Dice = (i64, u8, u8, u8, u8, u8, i64);

fn dice() -> impl Strategy<Value = Dice> {
    (-1..34_i64, 0..3_u8, 0..2_u8, 0..2_u8, 0..3_u8, 0..5_u8, 0..100_000_i64)
}

const PHONES: [&str; 3] = [SENDER, "222", "333"];
const WABAS: [&str; 2] = [WABA, "waba-2"];

fn entry(n: u64, (day, phone, waba, country, category, form, cost): Dice) -> LedgerEntry<'static> {
    let (pricing_type, cost) = match form {
        0 => (PricingType::FreeCustomerService, Some(Decimal::ZERO)),
        1 => (PricingType::FreeAllowance, Some(Decimal::ZERO)),
        2 => (PricingType::Regular, None),
        _ => (PricingType::Regular, Some(Decimal::new(cost, 6))),
    };
    let taken_back = cost.is_some_and(|cost| cost > dec("0.08"));
    let month = |day: i64| {
        if day < 1 {
            "2026-09"
        } else if day > 31 {
            "2026-11"
        } else {
            "2026-10"
        }
    };
    LedgerEntry {
        kind: if taken_back { EntryKind::Adjustment } else { EntryKind::Charge },
        quantity: if taken_back { -1 } else { 1 },
        cost: cost.map(|cost| if taken_back { -cost } else { cost }),
        sender: PHONES[usize::from(phone)].into(),
        waba: WABAS[usize::from(waba)].into(),
        country: [Some("BR"), Some("MX")][usize::from(country)].map(Into::into),
        pricing_type: Some(pricing_type),
        origin: if n.is_multiple_of(7) { Origin::Foreign } else { Origin::Own },
        usage_period: month(day).into(),
        // Some late, some of November billed with October as a mistake would.
        billing_period: month(if n.is_multiple_of(5) { day + 31 } else { day }).into(),
        ..sent(n, day, [Category::Utility, Category::Marketing, Category::Service][usize::from(category)])
    }
}

fn point((day, phone, waba, country, category, form, cost): Dice) -> (usize, Point) {
    let phones = ["15550001111", "222", "444"];
    let point = Point {
        phone: Some(phones[usize::from(phone)].to_owned()),
        country: Some(["BR", "MX"][usize::from(country)].to_owned()),
        pricing_type: Some(["FREE_CUSTOMER_SERVICE", "REGULAR"][usize::from(form > 0)].to_owned()),
        category: Some(["UTILITY", "MARKETING", "SERVICE"][usize::from(category)].to_owned()),
        cost: (form != 1).then(|| Decimal::new(cost, 5)),
        ..figure(day, cost.unsigned_abs() % 4, "0")
    };
    (usize::from(waba), point)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 300 } else { 3_000 }))]

    #[test]
    fn classes_add_up_to_the_difference(
        ours in proptest::collection::vec(dice(), 0..60),
        theirs in proptest::collection::vec(dice(), 0..40),
        by_usage: bool,
        zone in 0..3_usize,
    ) {
        let entries: Vec<_> = (1..).zip(&ours).map(|(n, dice)| entry(n, *dice)).collect();
        let mut answers = vec![answer(WABAS[0], vec![]), answer(WABAS[1], vec![])];
        for dice in &theirs {
            let (waba, point) = point(*dice);
            answers[waba].points.push(point);
        }
        let zone = Zone::new(["UTC", "America/Sao_Paulo", "Asia/Kolkata"][zone]).expect("a zone");
        let known = Known { zones: WABAS.map(|waba| (waba.to_owned(), zone.clone())).into(), ..known() };
        let request = Request { by_usage, ..request() };
        let Ok(statement) = Statement::of_answers(&answers, october(), &known) else { return Ok(()) };
        let rates = RateCards::embedded().expect("good data");
        let last = "2026-12".parse().ok();
        let report = reconcile(&Booked(entries.clone()), &request, &statement, &known, &rates, last, &mut |_| {})
            .expect("compares");

        // The truth in another way: no rows, no rules.
        let counts = |entry: &&LedgerEntry<'_>| {
            let period = if by_usage { &entry.usage_period } else { &entry.billing_period };
            period.as_str() == "2026-10"
        };
        let our_messages: i64 = entries.iter().filter(counts).map(|entry| entry.quantity).sum();
        // A day of the month and the one of its neighbours are told apart by where most of it lies: days of UTC.
        let of_month = |point: &&Point| (1..=31).contains(&((point.start - OCTOBER) / DAY + 1)) && point.start >= OCTOBER;
        let points = || answers.iter().flat_map(|answer| &answer.points).filter(of_month);
        let their_messages: i64 = points().map(|point| point.volume as i64).sum();
        let net: i64 = report.classes.iter().map(|line| line.more - line.fewer).sum();
        prop_assert_eq!(net, their_messages - our_messages);
        let (theirs, ours) = report.totals.iter().fold((0, 0), |sum, total| {
            (sum.0 + total.platform_messages, sum.1 + total.our_messages)
        });
        prop_assert_eq!((theirs, ours), (their_messages, our_messages));

        // Every row is covered by its parts, and by nothing twice.
        let mut amounts = Decimal::ZERO;
        for row in &report.differences {
            let messages: i64 = row.parts.iter().map(|part| part.messages).sum();
            prop_assert_eq!(messages, row.platform_messages - row.our_messages, "{:?}", row);
            prop_assert!(row.parts.iter().all(|part| part.messages * messages >= 0), "one way only: {:?}", row);
            if let (Some(theirs), Some(ours)) = (row.platform_cost, row.our_cost) {
                let amount: Decimal = row.parts.iter().filter_map(|part| part.amount).sum();
                prop_assert_eq!(amount, theirs - ours, "{:?}", row);
                amounts += amount;
            } else {
                prop_assert!(row.parts.iter().all(|part| part.amount.is_none()), "{:?}", row);
            }
        }
        let of_classes: Decimal = report.classes.iter().map(|line| line.amount).sum();
        let of_totals: Decimal = report.totals.iter().map(|total| total.platform_cost - total.our_cost).sum();
        prop_assert_eq!((of_classes, of_totals), (amounts, amounts));
        // Where every figure has a cost, that is all there is.
        if points().all(|point| point.cost.is_some() || point.volume == 0) && points().count() > 0 {
            let with_costs = report.totals.iter().all(|total| total.rows == total.rows_with_costs);
            if with_costs {
                let theirs: Decimal = points().filter_map(|point| point.cost).sum();
                let ours: Decimal = entries.iter().filter(counts).filter_map(|entry| entry.cost).sum();
                prop_assert_eq!(amounts, theirs - ours);
            }
        }
        // The order of neither side matters.
        let mut turned = entries;
        turned.reverse();
        let mut points = answers;
        points.iter_mut().for_each(|answer| answer.points.reverse());
        let statement = Statement::of_answers(&points, october(), &known).expect("as before");
        let again = reconcile(&Booked(turned), &request, &statement, &known, &rates, last, &mut |_| {}).expect("compares");
        prop_assert_eq!(again, report);
    }
}

#[test]
fn what_is_billed_months_later_is_late() {
    let mut late = sent(1, 5, Category::Utility);
    late.billing_period = "2027-03".into();
    let statement = Statement::of_answers(&[answer(WABA, vec![figure(5, 1, "0.0068")])], october(), &known());
    let (statement, rates) = (statement.expect("figures"), RateCards::embedded().expect("good data"));
    let last = "2027-03".parse().ok();
    let booked = Booked(vec![late]);
    let report = reconcile(&booked, &request(), &statement, &known(), &rates, last, &mut |_| {}).expect("compares");
    assert_eq!(classes(&report), [(Class::LateStatus, 1, 0, "0.0068".to_owned())], "{report:#?}");
}

#[test]
fn a_day_with_and_without_numbers_is_refused() {
    let whole = Point { phone: None, ..figure(5, 3, "0.0204") };
    let numbered = figure(5, 3, "0.0204");
    let refused = |answers: &[Answer]| match Statement::of_answers(answers, october(), &known()) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    for answers in [
        vec![answer(WABA, vec![whole.clone()]), answer(WABA, vec![numbered.clone()])],
        vec![answer(WABA, vec![numbered.clone(), whole.clone()])],
    ] {
        let error = refused(&answers);
        assert!(error.contains("of 2026-10-05 for the number +1 555-000-1111 and others for no number"), "{error}");
    }
    let elsewhere = figure(6, 3, "0.0204");
    assert_eq!(refused(&[answer(WABA, vec![whole.clone(), elsewhere])]), "");
    assert_eq!(refused(&[answer(WABA, vec![whole]), answer("waba-2", vec![numbered])]), "");
}
