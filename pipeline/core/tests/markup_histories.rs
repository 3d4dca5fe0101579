//! Whatever the platform says of a message, and however mark-ups go on meanwhile: each adjustment has the amounts of what
//! it takes back, and what stands is the price of the delivery's day.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, accepted, account_spec, status};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_rate_card::{Date, Zone};

const BRAZIL: &str = "+5511987654321";
const DAY_S: u32 = 86_400;

#[derive(Clone, Debug)]
enum Step {
    /// A status, so many seconds before the world began.
    Said(&'static str, &'static str, &'static str, u32),
    /// A further mark-up, from tomorrow on.
    Raised(u8),
    /// A day later, after a restart.
    NextDay,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![Just("delivered"), Just("read")];
    let category = prop_oneof![Just("marketing"), Just("utility"), Just("authentication")];
    let pricing_type =
        prop_oneof![3 => Just("regular"), 1 => Just("free_entry_point"), 1 => Just("free_customer_service")];
    let said = (kind, category, pricing_type, 0..4 * DAY_S).prop_map(|(k, c, t, ago)| Step::Said(k, c, t, ago));
    let step = prop_oneof![5 => said, 2 => (0..100_u8).prop_map(Step::Raised), 2 => Just(Step::NextDay)];
    proptest::collection::vec(step, 1..14)
}

fn first_markups() -> Vec<Value> {
    let fx = json!({"rate": "5.3611", "source": "BCB PTAX", "date": "2026-11-18"});
    vec![
        json!({"valid_from": "2026-11-18", "rules": [{"name": "a", "percent": "7.5", "fixed": "0.001", "on_free": true}]}),
        json!({"valid_from": "2026-11-20", "currency": "BRL", "decimals": 2, "fx": fx, "rules": [
            {"name": "b", "percent": "11"}, {"name": "utility", "category": "utility", "price": "0.075"}]}),
        json!({"valid_from": "2026-11-21", "decimals": 3, "rules": [{"name": "c", "price": "0.1"}]}),
    ]
}

fn apply(w: &mut World, markups: &[Value]) {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["wabas"][0]["time_zone"] = json!("UTC");
    spec["wabas"][0]["markup"] = json!(markups);
    w.apply(&spec);
}

fn run(steps: &[Step]) -> World {
    let mut w = World::new();
    let mut markups = first_markups();
    let mut today: Date = "2026-11-21".parse().unwrap();
    apply(&mut w, &markups);
    w.opt_in(BRAZIL, "marketing");
    w.request(&common::promo("a", BRAZIL)).unwrap();
    w.event(&accepted(1, 1, "wamid.1"));
    for step in steps {
        match step {
            Step::Said(kind, category, pricing_type, ago_s) => {
                let mut s = status(kind, 1, "wamid.1", (common::NOON_MS / 1000) as u32 - ago_s, true);
                s["pricing"] = json!({"model": "PMP", "category": category, "pricing_type": pricing_type});
                w.event(&s);
            }
            Step::Raised(percent) => {
                let from = today.tomorrow().unwrap().to_string();
                // What was to come may be replaced.
                markups.retain(|m| m["valid_from"] != from.as_str());
                markups.push(json!({"valid_from": from, "rules": [{"name": "d", "percent": percent.to_string()}]}));
                apply(&mut w, &markups);
            }
            Step::NextDay => {
                today = today.tomorrow().unwrap();
                w.advance(u64::from(DAY_S) * 1000);
                w.commit();
                w.reload();
            }
        }
    }
    w
}

fn amount(e: &Value, field: &str) -> Decimal {
    e[field].as_str().map_or(Decimal::ZERO, |a| a.parse().unwrap())
}

/// The rule that is in force on a day, of the first mark-ups: no status is of a later one.
fn rule_on(day: &str, category: &Value) -> Option<&'static str> {
    match day {
        "2026-11-17" => None,
        "2026-11-18" | "2026-11-19" => Some("a"),
        "2026-11-20" if category == "utility" => Some("utility"),
        "2026-11-20" => Some("b"),
        _ => Some("c"),
    }
}

/// The day of the smallest time that was said.
fn first_day(steps: &[Step]) -> Option<String> {
    let ago_s = steps.iter().filter_map(|s| if let Step::Said(.., ago_s) = s { Some(*ago_s) } else { None }).max()?;
    let noon: i64 = (common::NOON_MS / 1000) as i64;
    Some(Zone::new("UTC").unwrap().local_date_at(noon - i64::from(ago_s)).to_string())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_taken_back_is_what_was_booked(steps in steps()) {
        let w = run(&steps);
        let by_id: BTreeMap<&str, &Value> = w.out.ledger.iter().map(|e| (e["entry"].as_str().unwrap(), e)).collect();
        for e in &w.out.ledger {
            let rate = e["fx_rate"].as_str().map_or(Decimal::ONE, |r| r.parse().unwrap());
            let converted = tollgate_rate_card::round_amount(amount(e, "cost") * rate, 10);
            let rule = e["markup_rule"].as_str();
            prop_assert_eq!(converted + amount(e, "markup") + amount(e, "fee"), amount(e, "price_ex_tax"));
            if e["kind"] != "adjustment" {
                let day = &e["occurred_at"].as_str().unwrap()[..10];
                prop_assert_eq!(rule, rule_on(day, &e["category"]), "the mark-up of the entry's day: {}", e);
                continue;
            }
            let of = by_id[e["adjusts"].as_str().unwrap()];
            for field in ["quantity", "cost", "markup", "fee", "price_ex_tax"] {
                let sum = match (e[field].as_i64(), of[field].as_i64()) {
                    (Some(back), Some(booked)) => Decimal::from(back + booked),
                    _ => amount(e, field) + amount(of, field),
                };
                prop_assert!(sum.is_zero(), "{} of {} and {}", field, of, e);
            }
            for field in ["cost_currency", "price_currency", "markup_rule", "fx_rate", "fx_source", "fx_date", "usage_period"] {
                prop_assert_eq!(&e[field], &of[field], "{}", field);
            }
        }
        // One entry stands, the last one, and everything before it sums to nothing in each currency.
        if let Some((last, before)) = w.out.ledger.split_last() {
            prop_assert_ne!(&last["kind"], "adjustment");
            let day = first_day(&steps).unwrap();
            prop_assert_eq!(last["markup_rule"].as_str(), rule_on(&day, &last["category"]), "first said on {}: {}", day, last);
            let mut sums: BTreeMap<&str, Decimal> = BTreeMap::new();
            for e in before {
                *sums.entry(e["price_currency"].as_str().unwrap()).or_default() += amount(e, "price_ex_tax");
            }
            prop_assert!(sums.values().all(Decimal::is_zero), "{:?}", sums);
        }
    }
}
