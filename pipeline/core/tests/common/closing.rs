//! A ledger with the ends of months in it, and what must hold of it whatever happened.

use super::World;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The month after, by its text.
pub fn next(month: &str) -> String {
    let (year, month) = month.split_once('-').unwrap();
    match month.parse::<u32>().unwrap() {
        12 => format!("{:04}-01", year.parse::<u32>().unwrap() + 1),
        m => format!("{year}-{:02}", m + 1),
    }
}

/// A close as the gateway asks for it.
pub fn close(month: &str, settle_days: u8, forced: Option<&str>) -> Value {
    let mut v = json!({"event": "close_month", "month": month, "settle_days": settle_days});
    if let Some(why) = forced {
        v["forced"] = json!(why);
    }
    v
}

/// The ledger's topic, a record a line: `kind quantity cost usage>billing cause`, or the month that ends.
pub fn lines(topic: &[Value]) -> Vec<String> {
    let text = |e: &Value, k: &str| e[k].as_str().unwrap_or("-").to_owned();
    let line = |e: &Value| match e["month_closed"].as_str() {
        Some(month) => format!("{month} closed"),
        None => {
            let [kind, cost, usage, billing, cause] =
                ["kind", "cost", "usage_period", "billing_period", "cause"].map(|k| text(e, k));
            format!("{kind} {} {cost} {usage}>{billing} {cause}", e["quantity"])
        }
    };
    topic.iter().map(line).collect()
}

pub fn amount(e: &Value, field: &str) -> Decimal {
    e[field].as_str().map_or(Decimal::ZERO, |a| a.parse().unwrap())
}

/// Reads the topic from its beginning: what is billed where, that nothing joins a month that has ended, and that what
/// is taken back was booked and is taken back once, whole. Returns the months that ended, in order.
pub fn read(w: &World) -> Vec<String> {
    let mut closed: Vec<String> = Vec::new();
    let mut booked: BTreeMap<String, (&Value, bool)> = BTreeMap::new();
    for e in &w.out.topic {
        if let Some(month) = e["month_closed"].as_str() {
            // The marker of the newest month may be written again.
            assert!(closed.last().is_none_or(|last| last.as_str() <= month), "months end in order: {e}");
            closed.push(month.to_owned());
            closed.dedup();
            continue;
        }
        let (usage, billing) = (e["usage_period"].as_str().unwrap(), e["billing_period"].as_str().unwrap());
        match closed.last().filter(|newest| usage <= newest.as_str()) {
            Some(newest) => {
                assert_eq!(billing, next(newest), "{e}");
                assert!(e["cause"].is_string(), "{e}");
            }
            None => {
                assert_eq!(billing, usage, "{e}");
                assert_ne!(e["cause"], "late", "{e}");
            }
        }
        assert!(e["cause"] != "late" || e["adjusts"].is_null(), "{e}");
        if e["kind"] == "adjustment" || e["cause"] == "reversal" {
            let (of, taken_back) =
                booked.get_mut(e["adjusts"].as_str().unwrap()).expect("what is taken back was booked");
            assert!(!*taken_back, "once: {e}");
            *taken_back = true;
            assert_eq!(e["quantity"], if e["kind"] == "counted" { 0 } else { -1 });
            for field in ["cost", "markup", "fee", "price_ex_tax"] {
                assert!((amount(e, field) + amount(of, field)).is_zero(), "{field} of {of} and {e}");
            }
            assert_eq!(e["usage_period"], of["usage_period"], "{of} and {e}");
        }
        let id = e["entry"].as_str().unwrap().to_owned();
        assert!(booked.insert(id, (e, false)).is_none(), "entry ids are unique: {e}");
    }
    closed
}

/// The sum of all costs.
pub fn total(w: &World) -> Decimal {
    w.out.ledger.iter().map(|e| amount(e, "cost")).sum()
}
