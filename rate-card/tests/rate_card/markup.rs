use proptest::prelude::*;
use tollgate_rate_card::{Exchange, Fee, Fees, Markup, MarkupRule, Price, PricingType, round_amount};

use super::*;

const MARKETS: [&str; 3] = ["Brazil", "India", "Mexico"];

fn usd() -> Currency {
    Currency::new("USD").unwrap()
}

/// A message that costs so much; its other grounds are those of any.
fn costing(cost: Decimal, category: Option<Category>, pricing_type: PricingType) -> Priced {
    let any = priced(&message("BR", Category::Marketing, "2026-11-29"));
    Priced { cost, cost_rate: cost, category, pricing_type, ..any }
}

/// A mark-up with one rule for everything, in TOML's and JSON's words.
fn with_rule(rule: serde_json::Value, currency: &str, rate: Option<&str>, decimals: u8) -> Markup {
    let mut rule = rule;
    rule["name"] = "all".into();
    let fx = rate.map(|rate| serde_json::json!({"rate": rate, "source": "ECB", "date": "2026-11-28"}));
    let markup = serde_json::json!({"valid_from": "2026-12-01", "currency": currency, "decimals": decimals,
        "fx": fx, "rules": [rule]});
    let markup: Markup = serde_json::from_value(markup).unwrap();
    assert_eq!(Markup::check(std::slice::from_ref(&markup), usd()), Ok(()));
    markup
}

/// A rule, currency and rate of the price, its decimals, cost, whether it is free; price, mark-up and fee.
type Case<'a> = (&'a str, &'a str, Option<&'a str>, u8, &'a str, bool, [&'a str; 3]);

#[test]
fn prices_by_every_kind_of_rule() {
    let cases: [Case<'_>; 18] = [
        (r#"{"percent": "0"}"#, "USD", None, 10, "0.0625", false, ["0.0625", "0", "0"]),
        (r#"{"percent": "12.5"}"#, "USD", None, 10, "0.0625", false, ["0.0703125", "0.0078125", "0"]),
        (r#"{"percent": "12.5"}"#, "USD", None, 4, "0.0625", false, ["0.0703", "0.0078", "0"]),
        (r#"{"percent": "-10"}"#, "USD", None, 10, "0.0625", false, ["0.05625", "-0.00625", "0"]),
        // A tie goes away from zero; to even it would be 0.0076.
        (r#"{"price": "0.00765"}"#, "USD", None, 4, "0.0068", false, ["0.0077", "0.0009", "0"]),
        (r#"{"percent": "12.5"}"#, "USD", None, 4, "0.0068", false, ["0.0077", "0.0009", "0"]),
        (r#"{"price": "0.005"}"#, "USD", None, 10, "0.0068", false, ["0.005", "-0.0018", "0"]),
        (r#"{"fixed": "0.001"}"#, "USD", None, 10, "0.0625", false, ["0.0635", "0", "0.001"]),
        (r#"{"percent": "10", "fixed": "0.001"}"#, "USD", None, 10, "0.0625", false, ["0.06975", "0.00625", "0.001"]),
        // What rounding gives lies in the mark-up, never in the fee.
        (r#"{"percent": "10", "fixed": "0.001"}"#, "USD", None, 3, "0.0625", false, ["0.07", "0.0065", "0.001"]),
        // Free of charge.
        (r#"{"percent": "10", "fixed": "0.001"}"#, "USD", None, 10, "0", true, ["0", "0", "0"]),
        (
            r#"{"percent": "10", "fixed": "0.001", "on_free": true}"#,
            "USD",
            None,
            10,
            "0",
            true,
            ["0.001", "0", "0.001"],
        ),
        (r#"{"price": "0.08"}"#, "USD", None, 10, "0", true, ["0", "0", "0"]),
        (r#"{"price": "0.08", "on_free": true}"#, "USD", None, 10, "0", true, ["0.08", "0.08", "0"]),
        // Other currencies.
        (r#"{"percent": "10"}"#, "EUR", Some("0.9"), 10, "0.0625", false, ["0.061875", "0.005625", "0"]),
        (r#"{"percent": "10"}"#, "IDR", Some("15850"), 0, "0.0411", false, ["717", "65.565", "0"]),
        (r#"{"price": "586.5"}"#, "IDR", Some("15850"), 0, "0.0411", false, ["587", "-64.435", "0"]),
        // The converted cost has the 10 decimals of an entry: 0.06250000006875 ends in …001.
        (r#"{"percent": "0"}"#, "EUR", Some("1.0000000011"), 10, "0.0625", false, ["0.0625000001", "0", "0"]),
    ];
    for (rule, currency, rate, decimals, cost, free, [price, markup, fee]) in cases {
        let sold = with_rule(serde_json::from_str(rule).unwrap(), currency, rate, decimals);
        let kind = if free { PricingType::FreeCustomerService } else { PricingType::Regular };
        let priced = costing(decimal(cost), Some(Category::Marketing), kind);
        let got = sold.price(&priced, "Brazil").unwrap();
        let amounts = [got.price_ex_tax, got.markup, got.fee].map(|a| a.to_string());
        assert_eq!(amounts, [price, markup, fee], "{rule} {currency} {decimals} {cost}");
        assert_eq!(got.fx, sold.fx);
        assert_eq!(got.rule, "all");
    }
}

#[test]
fn the_most_specific_rule_wins_in_any_order() {
    let text = |name: &str, market: Option<&str>, category: Option<&str>| {
        let rule = serde_json::json!({"name": name, "market": market, "category": category, "percent": "1"});
        serde_json::from_value::<MarkupRule>(rule).unwrap()
    };
    let mut rules = vec![
        text("all", None, None),
        text("marketing", None, Some("marketing")),
        text("brazil", Some("Brazil"), None),
        text("brazil marketing", Some("Brazil"), Some("marketing")),
    ];
    for turn in 0..rules.len() {
        rules.rotate_left(turn);
        let m = Markup { rules: rules.clone(), ..with_rule(serde_json::json!({"percent": "0"}), "USD", None, 10) };
        let name = |market: &str, category| m.rule(market, category).unwrap().name.clone();
        assert_eq!(name("Brazil", Some(Category::Marketing)), "brazil marketing");
        assert_eq!(name("Brazil", Some(Category::Utility)), "brazil");
        assert_eq!(name("Brazil", None), "brazil", "a free entry point may have no category");
        assert_eq!(name("India", Some(Category::Marketing)), "marketing");
        assert_eq!(name("India", Some(Category::Utility)), "all");
    }
}

#[test]
fn the_first_day_decides_which_is_in_force_and_what_has_begun_stays() {
    let on = |date: &str, percent: &str| Markup {
        valid_from: day(date),
        ..with_rule(serde_json::json!({"percent": percent}), "USD", None, 10)
    };
    let all = [on("2026-12-01", "10"), on("2027-01-01", "12")];
    let from = |date: &str| Markup::in_force(&all, day(date)).map(|m| m.valid_from);
    assert_eq!(from("2026-11-30"), None);
    assert_eq!(from("2026-12-01"), Some(day("2026-12-01")));
    assert_eq!(from("2026-12-31"), Some(day("2026-12-01")));
    assert_eq!(from("2030-01-01"), Some(day("2027-01-01")));

    let changed = |after: &[Markup], today: &str| Markup::first_changed(&all, after, day(today)).map(|d| d.to_string());
    assert_eq!(changed(&all, "2027-06-01"), None);
    let other = [all[0].clone(), on("2027-01-01", "15")];
    assert_eq!(changed(&other, "2026-12-31"), None, "what is to come may change");
    assert_eq!(changed(&other, "2027-01-01"), Some("2027-01-01".to_owned()));
    assert_eq!(changed(&all[..1], "2027-01-01"), Some("2027-01-01".to_owned()), "taken out");
    assert_eq!(changed(&all[..1], "2026-12-31"), None);
    assert_eq!(changed(&all[1..], "2026-12-15"), Some("2026-12-01".to_owned()));
    let inserted = [on("2026-11-01", "5"), all[0].clone(), all[1].clone()];
    assert_eq!(changed(&inserted, "2026-12-15"), Some("2026-11-01".to_owned()), "what was sold at cost stays so");
    assert_eq!(changed(&inserted, "2026-10-31"), None);
}

#[test]
fn what_cannot_give_one_exact_price_is_refused() {
    let fx = r#""fx": {"rate": "0.9", "source": "ECB", "date": "2026-11-28"}"#;
    let all = r#"{"name": "all", "percent": "1"}"#;
    let policy = |head: &str, rules: &str| format!(r#"{{"valid_from": "2026-12-01"{head}, "rules": [{rules}]}}"#);
    let rule = |rule: &str| policy("", &format!(r#"{{"name": "x", {rule}}}"#));
    for (json, field, problem) in [
        (policy("", ""), "markup[0].rules", "none is for everything"),
        (
            policy("", r#"{"name": "x", "market": "Brazil", "percent": "1"}"#),
            "markup[0].rules",
            "none is for everything",
        ),
        (policy(r#", "decimals": 11"#, all), "markup[0].decimals", "11 is more"),
        (policy(r#", "currency": "EUR""#, all), "markup[0].fx", "costs are in USD and prices in EUR"),
        (policy(&format!(", {fx}"), all), "markup[0].fx", "both in USD"),
        (policy(&format!(r#", "currency": "USD", {fx}"#), all), "markup[0].fx", "both in USD"),
        (policy(&format!(r#", "currency": "EUR", {}"#, fx.replace("0.9", "0")), all), "markup[0].fx.rate", "0 is out"),
        (
            policy(&format!(r#", "currency": "EUR", {}"#, fx.replace("0.9", "1000000")), all),
            "markup[0].fx.rate",
            "out of",
        ),
        (policy(&format!(r#", "currency": "EUR", {}"#, fx.replace("ECB", "")), all), "markup[0].fx.source", "no name"),
        (policy("", &format!("{all}, {all}")), "markup[0].rules[1].name", "\"all\" is given twice"),
        (
            policy("", &format!(r#"{all}, {{"name": "b", "fixed": "1"}}"#)),
            "markup[0].rules[1]",
            "\"all\" and \"b\" are for",
        ),
        (rule(r#""market": "Brazil""#), "markup[0].rules[0]", "does not say what to ask"),
        (rule(r#""price": "1", "fixed": "1""#), "markup[0].rules[0]", "a price of its own"),
        (rule(r#""price": "1", "percent": "1""#), "markup[0].rules[0]", "a price of its own"),
        (rule(r#""price": "-1""#), "markup[0].rules[0].price", "-1 is out of range"),
        (rule(r#""fixed": "1000000000""#), "markup[0].rules[0].fixed", "out of range"),
        (rule(r#""fixed": "0.00000000001""#), "markup[0].rules[0].fixed", "out of range"),
        (rule(r#""percent": "-100.1""#), "markup[0].rules[0].percent", "out of range"),
        (rule(r#""percent": "1.00001""#), "markup[0].rules[0].percent", "out of range"),
        (rule(r#""percent": "1", "on_free": true"#), "markup[0].rules[0].on_free", "nothing"),
        (rule(r#""market": " ", "percent": "1""#), "markup[0].rules[0].market", "no name"),
        (policy(r#", "fees": {"accepted": "-0.01"}"#, all), "markup[0].fees.accepted", "-0.01 is out of range"),
        (policy(r#", "fees": {"inbound": "100000"}"#, all), "markup[0].fees.inbound", "100000 is out of range"),
        (policy(r#", "fees": {"failed": "0.00000000001"}"#, all), "markup[0].fees.failed", "out of range"),
        (policy(r#", "fees": {"number": "1000000000"}"#, all), "markup[0].fees.number", "out of range"),
        (policy(r#", "fees": {"minimum": "-1"}"#, all), "markup[0].fees.minimum", "-1 is out of range"),
    ] {
        let markup: Markup = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{e}: {json}"));
        let fault = Markup::check(&[markup], usd()).unwrap_err();
        assert_eq!(fault.field, field, "{json}");
        assert!(fault.problem.contains(problem), "{fault}");
    }
    let one: Markup = serde_json::from_str(&policy("", all)).unwrap();
    let fault = Markup::check(&[one.clone(), one], usd()).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "markup[1].valid_from: 2026-12-01 is not after the one before; \
        put the mark-ups in order of their first days, one a day"
    );
}

/// Whoever reads accounts without fees must find nothing new in them; and a fee of 0 is none.
#[test]
fn fees_are_exact_text_and_left_out_where_there_are_none() {
    let with = |fees: &str| {
        let json = format!(r#"{{"valid_from": "2026-12-01", "rules": [{{"name": "all", "percent": "1"}}]{fees}}}"#);
        serde_json::from_str::<Markup>(&json).map_err(|e| e.to_string())
    };
    let none = with("").unwrap();
    for empty in [r#", "fees": {}"#, r#", "fees": {"accepted": "0", "minimum": "0.00"}"#] {
        let read = with(empty).unwrap();
        assert!(read == none && read.fees.is_none(), "{empty}");
        assert!(!serde_json::to_string(&read).unwrap().contains("fees"), "{empty}");
    }
    let all = with(
        r#", "fees": {"accepted": "0.001", "inbound": "0.0020", "failed": "0.0000000003", "number": "5", "minimum": "50"}"#,
    )
    .unwrap();
    assert_eq!(Markup::check(std::slice::from_ref(&all), usd()), Ok(()));
    let amounts = Fee::ALL.map(|fee| all.fees.of(fee).to_string());
    assert_eq!(amounts, ["0.001", "0.0020", "0.0000000003", "5", "50"]);
    assert_eq!(Fee::ALL.map(Fee::as_str), ["accepted", "inbound", "failed", "number", "minimum"]);
    assert!((0..=u8::MAX).all(|i| Fee::from_index(i).is_none_or(|fee| fee.index() == i)));
    assert_eq!(serde_json::from_str::<Markup>(&serde_json::to_string(&all).unwrap()).unwrap(), all);
    for bad in [r#"{"accepted": 0.001}"#, r#"{"accepted": null}"#, r#"{"delivered": "1"}"#, r#"{"number": "1e2"}"#] {
        assert!(with(&format!(r#", "fees": {bad}"#)).is_err(), "{bad}");
    }
    // What has begun never changes, its fees neither.
    let changed = |today: &str| {
        Markup::first_changed(std::slice::from_ref(&none), std::slice::from_ref(&all), day(today))
            .map(|d| d.to_string())
    };
    assert_eq!(changed("2026-11-30"), None);
    assert_eq!(changed("2026-12-01"), Some("2026-12-01".to_owned()));
}

/// A number would pass through a float.
#[test]
fn amounts_and_dates_are_exact_text() {
    let parse = |rule: &str, date: &str| {
        let json = format!(r#"{{"valid_from": {date}, "rules": [{{"name": "all", {rule}}}]}}"#);
        serde_json::from_str::<Markup>(&json).map_err(|e| e.to_string())
    };
    assert!(parse(r#""percent": "12.5""#, r#""2026-12-01""#).is_ok());
    for bad in ["12.5", "12", r#""1e2""#, r#""1_000""#, r#""""#, r#""0.12345678901234567890123456789012""#] {
        assert!(parse(&format!(r#""percent": {bad}"#), r#""2026-12-01""#).is_err(), "{bad}");
    }
    for bad in [r#""2026-12-01T10:00""#, r#""2026-13-01""#, "20261201", r#""20261201""#] {
        assert!(parse(r#""percent": "1""#, bad).is_err(), "{bad}");
    }
    assert!(parse(r#""percent": "1", "unheard_of": 1"#, r#""2026-12-01""#).is_err());
}

fn amounts(below: i64, scale: u32) -> impl Strategy<Value = Decimal> {
    (0..below).prop_map(move |n| Decimal::new(n, scale))
}

fn rules() -> impl Strategy<Value = Vec<MarkupRule>> {
    let price = prop_oneof![
        amounts(10_000_000, 6).prop_map(|price| (Some(price), None, None)),
        (-1_000_000_i64..10_000_000).prop_map(|n| (None, Some(Decimal::new(n, 4)), None)),
        amounts(1_000_000, 6).prop_map(|fixed| (None, None, Some(fixed))),
        ((-1_000_000_i64..10_000_000), amounts(1_000_000, 10)).prop_map(|(n, fixed)| (
            None,
            Some(Decimal::new(n, 4)),
            Some(fixed)
        )),
    ];
    let place = (proptest::option::of(0..MARKETS.len()), proptest::option::of(0..Category::COUNT));
    proptest::collection::vec((place, price, any::<bool>()), 1..12).prop_map(|list| {
        let mut rules: Vec<MarkupRule> = Vec::new();
        for (i, ((market, category), (price, percent, fixed), on_free)) in list.into_iter().enumerate() {
            let (market, category) = if i == 0 { (None, None) } else { (market, category) };
            let market = market.map(|m| MARKETS[m].to_owned());
            let category = category.map(|c| Category::ALL[c]);
            if rules.iter().any(|r| (&r.market, r.category) == (&market, category)) {
                continue;
            }
            let on_free = on_free && (price.is_some() || fixed.is_some());
            rules.push(MarkupRule { name: format!("r{i}"), market, category, price, percent, fixed, on_free });
        }
        let first = rules.len() / 2;
        rules.rotate_left(first);
        rules
    })
}

fn markups() -> impl Strategy<Value = Markup> {
    let fx = proptest::option::of((1..10_000_000_000_i64, 4..=10_u32));
    (rules(), fx, 0..=10_u8).prop_map(|(rules, fx, decimals)| {
        let fx = fx.map(|(n, scale)| Exchange {
            rate: Decimal::new(n, scale),
            source: "test".to_owned(),
            date: day("2026-11-28"),
        });
        let currency = fx.as_ref().and_then(|_| Currency::new("EUR"));
        Markup { valid_from: day("2026-12-01"), currency, fx, decimals, rules, fees: Fees::default() }
    })
}

fn costs() -> impl Strategy<Value = (Priced, &'static str)> {
    let category = proptest::option::of(0..Category::COUNT);
    (amounts(1_000_000_000, 6), category, any::<bool>(), 0..MARKETS.len()).prop_map(|(cost, category, free, market)| {
        let category = category.map(|c| Category::ALL[c]);
        let priced = match free {
            true => costing(Decimal::ZERO, category, PricingType::FreeEntryPoint),
            false => costing(cost, category, PricingType::Regular),
        };
        (priced, MARKETS[market])
    })
}

/// What is to win, found the long way: each kind of place in its order.
fn by_hand<'a>(m: &'a Markup, market: &str, category: Option<Category>) -> Option<&'a MarkupRule> {
    for (want_market, want_category) in [(Some(market), category), (Some(market), None), (None, category), (None, None)]
    {
        for rule in &m.rules {
            if rule.market.as_deref() == want_market && rule.category == want_category {
                return Some(rule);
            }
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_parts_are_the_price_to_the_last_decimal(m in markups(), (cost, market) in costs()) {
        prop_assert_eq!(Markup::check(std::slice::from_ref(&m), usd()), Ok(()));
        let p = m.price(&cost, market).unwrap();
        let rate = m.fx.as_ref().map_or(Decimal::ONE, |fx| fx.rate);
        let converted = round_amount(cost.cost * rate, 10);
        prop_assert_eq!(converted, Price::converted(cost.cost, m.fx.as_ref()));
        prop_assert_eq!(converted + p.markup + p.fee, p.price_ex_tax);
        prop_assert!(p.price_ex_tax.scale() <= u32::from(m.decimals));
        prop_assert!([p.markup, p.fee].iter().all(|a| a.scale() <= 10));
        let exact = by_hand(&m, market, cost.category).unwrap();
        let off = if exact.price.is_some() { Decimal::ZERO } else { converted };
        let asked = if cost.pricing_type == PricingType::Regular || exact.on_free {
            exact.price.or(exact.fixed).unwrap_or_default()
        } else {
            Decimal::ZERO
        };
        let percent = converted * exact.percent.unwrap_or_default() * decimal("0.01");
        let half = Decimal::new(5, u32::from(m.decimals) + 1);
        prop_assert!((p.price_ex_tax - off - asked - percent).abs() <= half, "rounded once");
    }

    /// An entry that is taken back has the amounts of the first with the other sign, and the next its own.
    #[test]
    fn taking_back_and_booking_anew_leaves_the_new_price(m in markups(), (old, a) in costs(), (new, b) in costs()) {
        let booked = m.price(&old, a).unwrap();
        let (back, anew) = (m.price(&old, a).unwrap(), m.price(&new, b).unwrap());
        prop_assert_eq!(&booked, &back);
        let sum = |f: fn(&Price) -> Decimal| f(&booked) - f(&back) + f(&anew);
        prop_assert_eq!(sum(|p| p.price_ex_tax), anew.price_ex_tax);
        prop_assert_eq!(sum(|p| p.markup), anew.markup);
        prop_assert_eq!(sum(|p| p.fee), anew.fee);
    }

    #[test]
    fn the_most_specific_rule_is_the_one_of_a_scan(m in markups(), (cost, market) in costs()) {
        prop_assert_eq!(m.rule(market, cost.category), by_hand(&m, market, cost.category));
    }

    #[test]
    fn what_is_written_reads_the_same(m in markups()) {
        let text = serde_json::to_string(&m).unwrap();
        prop_assert_eq!(serde_json::from_str::<Markup>(&text).unwrap(), m);
    }
}
