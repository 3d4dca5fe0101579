//! A year in which conversations are charged.

use super::{World, accepted, account_spec};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Somebody in Brazil.
pub const ANA: &str = "+5511987654321";
/// In seconds.
pub const HOUR: u32 = 3600;
/// 2024-07-30 12:00:00 UTC, a Tuesday.
pub const JULY_2024_S: u32 = 1_722_340_800;
/// 2025-07-01 00:00:00 in Sao Paulo.
pub const SWITCH_S: u32 = 1_751_338_800;

/// A world in a year of conversations: two numbers of one WABA, people who want everything.
pub fn world(now_s: u32) -> World {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": "1002"}));
    let mut w = World::at(u64::from(now_s) * 1000);
    w.apply(&spec);
    w
}

/// A message of ours is accepted; its number.
pub fn sent(w: &mut World, category: &str, to: &str) -> u64 {
    let n = w.out.orders.len() + 1;
    let mut request = json!({"id": format!("r{n}"), "account": "acme", "sender": "1001", "to": to, "purpose": category,
        "campaign": "c"});
    let template = |name: &str, values: &[&str]| json!([{"template": {"name": name, "language": ["pt_BR"], "components": {"body": values}}}]);
    request["content"] = match category {
        "marketing" => template("promo", &["Ana"]),
        "utility" => template("shipped", &["Ana", "42"]),
        "authentication" => template("code", &["1"]),
        _ => json!([{"text": "Oi"}]),
    };
    w.opt_in(to, "marketing");
    w.opt_in(to, "utility");
    w.opt_in(to, "authentication");
    w.request(&request).unwrap();
    let uid = w.out.orders.last().unwrap_or_else(|| panic!("{:?}", w.out.outcomes))["message_uid"].as_u64().unwrap();
    assert_eq!(w.out.orders.len(), n, "{:?}", w.out.outcomes.last());
    w.event(&accepted(uid, 1, &format!("wamid.{uid}")));
    uid
}

/// A status of ours.
pub fn status(kind: &str, uid: u64, to: &str, at_s: u32, pricing: Value) -> Value {
    let mut s = json!({"event": "status", "sender": "1001", "wamid": format!("wamid.{uid}"), "to": to, "status": kind,
        "at_s": at_s, "callback": {"message_uid": uid, "attempt": 1}});
    if !pricing.is_null() {
        s["pricing"] = pricing;
    }
    s
}

/// What the platform says of a conversation, by its kind.
pub fn cbp(category: &str, id: &str) -> Value {
    if category == "free_entry_point" {
        return json!({"model": "CBP", "category_text": "referral_conversion", "pricing_type": "free_entry_point",
            "conversation": id});
    }
    json!({"model": "CBP", "category": category, "conversation": id})
}

/// A person writes.
pub fn writes(w: &mut World, person: &str, at_s: u32) {
    w.event(&json!({"event": "inbound", "sender": "1001", "from": person, "at_s": at_s}));
}

/// `kind quantity cost model period`, one entry a line.
pub fn books(w: &World) -> Vec<String> {
    let text = |e: &Value, k: &str| e[k].as_str().unwrap_or("-").to_owned();
    let line = |e: &Value| {
        let [kind, cost, model, period] = ["kind", "cost", "pricing_model", "usage_period"].map(|k| text(e, k));
        format!("{kind} {} {cost} {model} {period}", e["quantity"])
    };
    w.out.ledger.iter().map(line).collect()
}

/// What must hold whatever was booked.
pub fn sound(w: &World) {
    let ids: BTreeSet<&str> = w.out.ledger.iter().map(|e| e["entry"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), w.out.ledger.len(), "entry ids are unique");
    let mut standing: BTreeMap<&str, i64> = BTreeMap::new();
    for e in &w.out.ledger {
        *standing.entry(e["wamid_hash"].as_str().unwrap()).or_default() += e["quantity"].as_i64().unwrap();
        if let Some(adjusts) = e["adjusts"].as_str() {
            assert!(ids.contains(adjusts), "an adjustment names an entry that exists: {e}");
        }
    }
    assert!(standing.values().all(|n| (0..=1).contains(n)), "{standing:?}");
    let own = w.out.ledger.iter().filter(|e| e["origin"] == "own" && e["campaign"] == "c");
    let total: Decimal = own.filter_map(|e| e["cost"].as_str()).map(|cost| cost.parse::<Decimal>().unwrap()).sum();
    let spent = w.engine.state().campaigns().next().map_or(Decimal::ZERO, |c| c.spent);
    assert_eq!(spent, total, "spent follows the ledger");
}
