//! The world at its beginning: accounts, WABAs, senders, templates, campaigns, consents.

use super::{AccountPlan, Due, World};
use crate::step::Input;
use serde_json::{Value, json};
use tollgate_tests::Dice;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
const ZONES: &[&str] = &["Asia/Seoul", "America/Sao_Paulo", "Pacific/Auckland", "America/Los_Angeles", "UTC"];

/// Names, category and body parameters of the templates that every WABA has, each in two languages.
pub(super) const TEMPLATES: &[(&str, &str, usize)] = &[
    ("promo", "marketing", 1),
    ("season", "marketing", 0),
    ("shipped", "utility", 2),
    ("reminder", "utility", 0),
    ("code", "authentication", 1),
];
/// Seconds that the platform tries to deliver a template, where it says so itself. The auditor knows it too.
pub(super) fn ttl_s(name: &str) -> Option<u32> {
    (name == "reminder").then_some(7_200)
}

pub(super) const LANGUAGES: &[&str] = &["pt_BR", "en_US"];

/// When a run starts and ends: around the change of rules and cards, or an ordinary week.
pub(super) fn span(dice: &mut Dice) -> (u64, u64) {
    const SEPTEMBER_29: u64 = 1_790_640_000_000;
    const NOVEMBER_14: u64 = 1_794_614_400_000;
    let start =
        if dice.percent(65) { SEPTEMBER_29 + dice.below(2 * DAY_MS) } else { NOVEMBER_14 + dice.below(2 * DAY_MS) };
    (start, start + dice.between(48, 120) * HOUR_MS)
}

/// The name of every pool.
pub(super) const POOL: &str = "pool";

/// Plans the accounts.
pub(super) fn accounts(dice: &mut Dice) -> Vec<AccountPlan> {
    (0..dice.between(2, 4)).map(|i| account(dice, i)).collect()
}

fn account(dice: &mut Dice, number: u64) -> AccountPlan {
    let id = format!("acct-{number}");
    let limits = [json!(5), json!(10), json!(25), json!(60), json!(200), json!("UNLIMITED")];
    let limit = dice.pick(&limits).clone();
    let scope = if dice.percent(70) { "portfolio" } else { "number" };
    let currency = if dice.percent(12) { "EUR" } else { "USD" };
    let mut senders = Vec::new();
    let mut wabas = Vec::new();
    let mut waba_ids = Vec::new();
    for w in 0..dice.between(1, 2) {
        let waba = format!("waba-{number}-{w}");
        let specs: Vec<Value> = (0..dice.between(1, 2))
            .map(|s| {
                let sender = format!("{number}0{w}{s}");
                senders.push(sender.clone());
                json!({"id": sender, "throughput": dice.pick(&[20, 80, 1000]), "quality": quality(dice),
                    "weight": dice.between(1, 3)})
            })
            .collect();
        let mut templates = Vec::new();
        for (name, category, parameters) in TEMPLATES {
            for language in LANGUAGES {
                let body: Vec<String> = (1..=*parameters).map(|n| n.to_string()).collect();
                let status = *dice.weighted(&[(90, "approved"), (5, "pending"), (4, "paused"), (1, "rejected")]);
                templates.push(json!({"name": name, "language": language, "category": category, "body": body,
                    "status": status, "ttl_s": ttl_s(name)}));
            }
        }
        let funding = if dice.percent(80) { "we_pay" } else { "client_pays" };
        let mut spec = json!({"id": waba, "currency": currency, "time_zone": dice.pick(ZONES), "funding": funding,
            "senders": specs, "templates": templates});
        // Without dice, so that the world of a seed is what it was up to the last day.
        if (number, w) == (1, 1) {
            spec["sold_to"] = json!("BR");
        }
        wabas.push(spec);
        waba_ids.push(waba);
    }
    let mut policy = json!({
        "marketing_cap": dice.weighted(&[(60, 0), (20, 1), (20, 2)]),
        "marketing_cap_hours": dice.between(6, 24),
        "in_flight": dice.weighted(&[(50, 0), (25, 2), (25, 5)]),
        "waiting_messages": dice.weighted(&[(70, 5_000_000_u64), (30, 60)]),
    });
    if dice.percent(30) {
        let from = dice.between(0, 23);
        policy["quiet_hours"] = json!({"from": from, "to": (from + dice.between(1, 12)) % 24});
    }
    let mut spec =
        json!({"account": id, "name": id, "limit": limit, "limit_scope": scope, "wabas": wabas, "policy": policy});
    // Of one WABA, where that has several.
    let of = |waba: &Value| -> Vec<Value> {
        waba["senders"].as_array().into_iter().flatten().map(|s| s["id"].clone()).collect()
    };
    let several = spec["wabas"].as_array().into_iter().flatten().map(of).find(|senders| senders.len() > 1);
    if let Some(senders) = several.filter(|_| dice.percent(60)) {
        spec["pools"] = json!([{"name": POOL, "senders": senders}]);
    }
    let campaigns = (0..dice.between(1, 3)).map(|c| format!("campaign-{c}")).collect();
    AccountPlan { id, spec, senders, wabas: waba_ids, campaigns }
}

pub(super) fn quality(dice: &mut Dice) -> &'static str {
    dice.weighted::<&str>(&[(60, "GREEN"), (15, "YELLOW"), (10, "RED"), (15, "UNKNOWN")])
}

/// Puts the beginning on the agenda, and everything that happens by itself.
pub(super) fn begin(world: &mut World) {
    let start = world.now_ms;
    for a in 0..world.accounts.len() {
        let spec = world.accounts[a].spec.clone();
        for sender in spec["wabas"].as_array().into_iter().flatten().flat_map(|w| w["senders"].as_array()).flatten() {
            let (id, n) = (sender["id"].as_str().unwrap_or_default(), sender["throughput"].as_u64().unwrap_or(80));
            world.pace.set(id, n, start);
        }
        world.at(start, Due::Input(Input::Command(json!({"command": "apply_account", "spec": spec}))));
        for c in 0..world.accounts[a].campaigns.len() {
            if world.dice.percent(80) {
                let command = super::operator::campaign(world, a, c);
                world.at(start, Due::Input(Input::Command(command)));
            }
        }
        for p in 0..world.people.len() {
            if world.dice.percent(85) {
                let all = world.dice.percent(70);
                let command = super::operator::consent(world, a, p, "opt_in", all);
                world.at(start, Due::Input(Input::Command(command)));
            }
        }
    }
    let span = world.end_ms - start;
    // Bursts, so that limits bind, and a steady rest.
    let requests = world.dice.between(150, 700);
    let mut left = requests;
    while left > 0 {
        let n = if world.dice.percent(50) { world.dice.between(5, 60).min(left) } else { 1 };
        let at = start + 1000 + world.dice.below(span);
        let width = *world.dice.pick(&[10, 2_000, 60_000]);
        for _ in 0..n {
            let at = at + world.dice.below(width);
            world.at(at, Due::Request);
        }
        left -= n;
    }
    for _ in 0..world.dice.between(50, 250) {
        let at = start + world.dice.below(span);
        world.at(at, Due::Person);
    }
    for _ in 0..world.dice.between(20, 120) {
        let at = start + world.dice.below(span);
        world.at(at, Due::Operator);
    }
    for _ in 0..world.dice.between(0, 40) {
        let at = start + world.dice.below(span);
        world.at(at, Due::Foreign);
    }
}
