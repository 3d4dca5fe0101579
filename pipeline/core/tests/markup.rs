//! Cost and price side by side, and a price that is taken back as it was booked.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, accepted, account_spec, status};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tollgate_core::codec;

const BRAZIL: &str = "+5511987654321";
const DAY_MS: u64 = 86_400_000;

fn spec(markup: &Value) -> Value {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["wabas"][0]["time_zone"] = json!("America/Sao_Paulo");
    spec["wabas"][0]["markup"] = markup.clone();
    spec
}

/// A mark-up in force since before the world began.
fn usual() -> Value {
    json!([{"valid_from": "2026-11-01", "currency": "BRL", "decimals": 4,
    "fx": {"rate": "5.36", "source": "BCB PTAX", "date": "2026-10-30"},
    "rules": [
        {"name": "standard", "percent": "12.5", "fixed": "0.01"},
        {"name": "brazil-marketing", "market": "Brazil", "category": "marketing", "price": "0.42555"},
    ]}])
}

/// A world with one marketing message of campaign `c` accepted.
fn accepted_with(markup: &Value) -> World {
    let mut w = World::new();
    w.apply(&spec(markup));
    w.opt_in(BRAZIL, "marketing");
    w.campaign(&json!({"name": "c", "budget": "100"}));
    let mut request = common::promo("a", BRAZIL);
    request["campaign"] = json!("c");
    w.request(&request).unwrap();
    w.event(&accepted(1, 1, "wamid.1"));
    w
}

fn said(w: &World, kind: &str, category: &str, pricing_type: &str) -> Value {
    said_at((w.now_ms / 1000) as u32, kind, category, pricing_type)
}

fn said_at(at_s: u32, kind: &str, category: &str, pricing_type: &str) -> Value {
    let mut s = status(kind, 1, "wamid.1", at_s, true);
    s["pricing"] = json!({"model": "PMP", "category": category, "pricing_type": pricing_type});
    s
}

/// `kind cost: rule markup fee price currency`, one entry a line.
fn books(w: &World) -> Vec<String> {
    let line = |e: &Value| {
        let text = |k: &str| e[k].as_str().unwrap_or("-").to_owned();
        let [kind, cost, rule] = ["kind", "cost", "markup_rule"].map(text);
        let [markup, fee, price, currency] = ["markup", "fee", "price_ex_tax", "price_currency"].map(text);
        format!("{kind} {cost}: {rule} {markup} {fee} {price} {currency}")
    };
    w.out.ledger.iter().map(line).collect()
}

fn sum(entries: &[Value], field: &str) -> Decimal {
    entries.iter().filter_map(|e| e[field].as_str()).map(|a| a.parse::<Decimal>().unwrap()).sum()
}

#[test]
fn a_reclassified_charge_takes_its_price_back_exactly() {
    let mut w = accepted_with(&usual());
    w.event(&said(&w, "delivered", "marketing", "regular"));
    w.event(&said(&w, "read", "utility", "regular"));
    w.event(&said(&w, "read", "utility", "free_entry_point"));
    assert_eq!(
        books(&w),
        [
            "charge 0.0625: brazil-marketing 0.0906 0 0.4256 BRL",
            "adjustment -0.0625: brazil-marketing -0.0906 0 -0.4256 BRL",
            "charge 0.0068: standard 0.004552 0.01 0.051 BRL",
            "adjustment -0.0068: standard -0.004552 -0.01 -0.051 BRL",
            "free 0: standard 0 0 0 BRL",
        ]
    );
    for e in &w.out.ledger {
        assert_eq!(
            (&e["fx_rate"], &e["fx_source"], &e["fx_date"]),
            (&json!("5.36"), &json!("BCB PTAX"), &json!("2026-10-30"))
        );
        let parts: Decimal = sum(std::slice::from_ref(e), "cost") * Decimal::new(536, 2)
            + sum(std::slice::from_ref(e), "markup")
            + sum(std::slice::from_ref(e), "fee");
        assert_eq!(parts, sum(std::slice::from_ref(e), "price_ex_tax"), "{e}");
    }
    for field in ["cost", "markup", "fee", "price_ex_tax"] {
        assert_eq!(sum(&w.out.ledger[..4], field), Decimal::ZERO, "{field}");
    }
    let spent = w.engine.state().campaigns().next().unwrap().spent;
    assert_eq!(spent, sum(&w.out.ledger, "cost"), "a budget is one of costs");
}

/// A budget counts what the platform charges, not what is asked for it.
#[test]
fn a_budget_stays_one_of_costs() {
    let mut w = accepted_with(&usual());
    w.event(&said(&w, "delivered", "marketing", "regular"));
    let spent = w.engine.state().campaigns().next().unwrap().spent;
    assert_eq!(spent, Decimal::new(625, 4));
}

#[test]
fn a_later_mark_up_changes_nothing_of_an_earlier_entry() {
    let mut w = accepted_with(&usual());
    let delivered = (w.now_ms / 1000) as u32;
    w.event(&said_at(delivered, "delivered", "marketing", "regular"));
    let mut later = usual();
    later
        .as_array_mut()
        .unwrap()
        .push(json!({"valid_from": "2026-11-22", "rules": [{"name": "new", "percent": "50"}]}));
    w.apply(&spec(&later));
    w.advance(2 * DAY_MS);
    w.commit();
    w.reload();
    w.event(&said_at(delivered + 5, "read", "utility", "regular"));
    assert_eq!(
        books(&w)[1..],
        [
            "adjustment -0.0625: brazil-marketing -0.0906 0 -0.4256 BRL",
            "charge 0.0068: standard 0.004552 0.01 0.051 BRL",
        ],
        "taken back and booked anew by the mark-up of the delivery's day"
    );
}

/// The charge instant is the smallest delivery time, also where only a mark-up turns between the two.
#[test]
fn an_earlier_delivery_over_the_edge_of_a_mark_up() {
    // 2026-11-21, 00:00 in São Paulo, is 03:00 UTC; the world begins at 12:00 UTC.
    let edge = (common::NOON_MS / 1000) as u32 - 9 * 3600;
    let markup = json!([
        {"valid_from": "2026-11-01", "rules": [{"name": "old", "percent": "10"}]},
        {"valid_from": "2026-11-21", "rules": [{"name": "new", "percent": "20"}]},
    ]);
    let mut w = accepted_with(&markup);
    w.event(&said_at(edge, "read", "marketing", "regular"));
    w.event(&said_at(edge - 1, "delivered", "marketing", "regular"));
    w.event(&said_at(edge - 2, "delivered", "marketing", "regular"));
    assert_eq!(
        books(&w),
        [
            "charge 0.0625: new 0.0125 0 0.075 USD",
            "adjustment -0.0625: new -0.0125 0 -0.075 USD",
            "charge 0.0625: old 0.00625 0 0.06875 USD",
        ]
    );
    assert_eq!(w.out.ledger[1]["cause"], "card");
}

#[test]
fn what_has_no_cost_has_no_price_and_before_the_first_mark_up_the_price_is_the_cost() {
    let mut w = accepted_with(&usual());
    let mut unheard_of = said(&w, "delivered", "marketing", "regular");
    unheard_of["pricing"]["model"] = json!("CBP");
    w.event(&unheard_of);
    assert_eq!(books(&w), ["unpriced -: - - - - BRL"]);
    assert!(w.out.ledger[0].get("fx_rate").is_none());

    let mut w = accepted_with(&json!([{"valid_from": "2026-12-01", "rules": [{"name": "all", "percent": "10"}]}]));
    w.event(&said(&w, "delivered", "marketing", "regular"));
    assert_eq!(books(&w), ["charge 0.0625: - - - 0.0625 USD"]);
}

#[test]
fn a_fee_on_what_is_free_is_asked_only_where_the_rule_says_so() {
    for (on_free, fee) in [(true, "0.01"), (false, "0")] {
        let rule = json!({"name": "all", "percent": "10", "fixed": "0.01", "on_free": on_free});
        let mut w = accepted_with(&json!([{"valid_from": "2026-11-01", "rules": [rule]}]));
        w.event(&said(&w, "delivered", "marketing", "free_entry_point"));
        assert_eq!(books(&w), [format!("free 0: all 0 {fee} {fee} USD")]);
    }
}

/// Messages of other software are sold too, where we pay for them.
#[test]
fn foreign_traffic_is_sold_by_the_same_rules() {
    let mut w = World::new();
    w.apply(&spec(&usual()));
    let mut s = status("delivered", 0, "wamid.other", (w.now_ms / 1000) as u32, true);
    s["pricing"] = json!({"model": "PMP", "category": "marketing", "pricing_type": "regular"});
    s.as_object_mut().unwrap().remove("callback");
    let mut silent = s.clone();
    silent.as_object_mut().unwrap().remove("pricing");
    w.event(&silent);
    w.event(&s);
    assert_eq!(
        books(&w),
        ["unpriced -: - - - - BRL", "adjustment -: - - - - BRL", "charge 0.0625: brazil-marketing 0.0906 0 0.4256 BRL",]
    );
}

fn refused(w: &mut World, markup: &Value) -> String {
    w.try_command(&json!({"command": "apply_account", "spec": spec(markup)})).unwrap_err().to_string()
}

/// It is 2026-11-21, 09:00, in São Paulo.
#[test]
fn what_has_begun_stays_as_it_is() {
    let mark = |from: &str, percent: &str| json!({"valid_from": from, "rules": [{"name": "all", "percent": percent}]});
    let mut w = World::new();
    w.apply(&spec(&json!([mark("2026-11-01", "10"), mark("2026-12-01", "12")])));
    let was = |day: &str| {
        format!(
            "waba waba-1: markup: the one of {day} is not as it was, and prices of 2026-11-21 and before may be \
            booked; leave it as it is and add one with valid_from after 2026-11-21"
        )
    };
    for (markup, day) in [
        (json!([mark("2026-11-01", "11"), mark("2026-12-01", "12")]), "2026-11-01"),
        (json!([mark("2026-11-02", "10")]), "2026-11-01"),
        (json!([]), "2026-11-01"),
        (json!([mark("2026-11-01", "10"), mark("2026-11-21", "12")]), "2026-11-21"),
        (json!([mark("2026-10-01", "10"), mark("2026-11-01", "10")]), "2026-10-01"),
    ] {
        let why = refused(&mut w, &markup);
        assert!(why.contains(&was(day)), "{why}");
    }
    w.apply(&spec(&json!([mark("2026-11-01", "10"), mark("2026-11-22", "15")])));
    w.apply(&spec(&json!([mark("2026-11-01", "10.0")])));
    // A minute before midnight the next day counts: a status may be that far ahead of us.
    w.advance(15 * 3_600_000 - 60_000);
    let why = refused(&mut w, &json!([mark("2026-11-01", "10"), mark("2026-11-22", "15")]));
    assert!(why.contains("the one of 2026-11-22 is not as it was"), "{why}");

    // What was sold at cost was sold at cost.
    let mut w = World::new();
    w.apply(&spec(&json!([])));
    let why = refused(&mut w, &json!([mark("2026-11-21", "10")]));
    assert!(why.contains(&was("2026-11-21")), "{why}");
    w.apply(&spec(&json!([mark("2026-11-22", "10")])));
}

/// Not even by taking a WABA out of an account and putting it back.
#[test]
fn a_wabas_mark_up_outlives_its_place_in_the_entry() {
    let mut w = World::new();
    let with_two = |markup: &Value| {
        let mut spec = spec(markup);
        let other = account_spec("acme", "waba-2", "1002", "TIER_1K", "GREEN")["wabas"][0].clone();
        spec["wabas"].as_array_mut().unwrap().insert(0, other);
        spec
    };
    w.apply(&with_two(&usual()));
    let mut without = with_two(&usual());
    without["wabas"].as_array_mut().unwrap().truncate(1);
    w.apply(&without);
    let back = w.try_command(&json!({"command": "apply_account", "spec": with_two(&json!([]))}));
    assert!(back.unwrap_err().to_string().contains("the one of 2026-11-01 is not as it was"));
    w.apply(&with_two(&usual()));
}

#[test]
fn a_market_that_no_card_has_is_refused() {
    let mut w = World::new();
    let mut markup = usual();
    markup[0]["rules"][1]["market"] = json!("Brasil");
    let why = refused(&mut w, &markup);
    assert!(
        why.contains("waba waba-1: markup[0]: rule \"brazil-marketing\": market \"Brasil\" is on no rate card"),
        "{why}"
    );
}

/// Earlier versions must not book without the mark-up; what has none they read as before.
#[test]
fn the_format_tells_whether_there_is_a_mark_up() {
    for (markup, version) in [(json!([]), 1), (usual(), 2)] {
        let mut w = World::new();
        w.apply(&spec(&markup));
        w.commit();
        let state = w.engine.state();
        let account = state.account("acme").unwrap();
        let waba = state.waba_at(account.wabas[0]);
        let (a, b) = (codec::put_account(account), codec::put_waba(waba));
        assert_eq!((a[0], b[0]), (version, version));
        assert_eq!(codec::account(&a).unwrap().declared, account.declared);
        assert_eq!(codec::waba(&b).unwrap().spec, waba.spec);
        assert_eq!(String::from_utf8_lossy(&b).contains("markup"), version == 2);
        w.reload();
        let reloaded = w.engine.state().account("acme").unwrap().spec.clone();
        assert_eq!(reloaded.wabas[0].markup.len(), markup.as_array().unwrap().len());
    }
}
