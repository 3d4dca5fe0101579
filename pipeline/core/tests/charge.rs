//! Charges: booked once, corrected exactly, never guessed.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, accepted, account_spec, status};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const BRAZIL: &str = "+5511987654321";
const MEXICO: &str = "+525512345678";
/// 2026-10-01 00:00:00 UTC.
const OCTOBER_S: u32 = 1_790_812_800;

/// A world whose WABA lives in `zone`, with one marketing message of campaign `c` accepted.
fn accepted_in(zone: &str, to: &str) -> World {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["wabas"][0]["time_zone"] = json!(zone);
    let mut w = World::new();
    w.apply(&spec);
    w.opt_in(to, "marketing");
    w.campaign(&json!({"name": "c", "budget": "100"}));
    let mut request = common::promo("a", to);
    request["campaign"] = json!("c");
    w.request(&request).unwrap();
    w.event(&accepted(1, 1, "wamid.1"));
    w
}

fn said(kind: &str, at_s: u32, category: &str, pricing_type: &str) -> Value {
    let mut s = status(kind, 1, "wamid.1", at_s, true);
    s["pricing"] = json!({"model": "PMP", "category": category, "pricing_type": pricing_type});
    s
}

fn amount(v: &Value) -> Decimal {
    v.as_str().map_or(Decimal::ZERO, |s| s.parse().unwrap())
}

/// `kind quantity cost period`, one entry a line.
fn books(w: &World) -> Vec<String> {
    w.out.ledger.iter().map(line).collect()
}

fn line(e: &Value) -> String {
    let text = |k: &str| e[k].as_str().unwrap_or("-").to_owned();
    format!("{} {} {} {}", text("kind"), e["quantity"], text("cost"), text("usage_period"))
}

/// What must hold whatever was booked.
fn sound(w: &World) {
    let ids: BTreeSet<&str> = w.out.ledger.iter().map(|e| e["entry"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), w.out.ledger.len(), "entry ids are unique");
    let mut standing: BTreeMap<&str, i64> = BTreeMap::new();
    for e in &w.out.ledger {
        *standing.entry(e["wamid"].as_str().unwrap()).or_default() += e["quantity"].as_i64().unwrap();
        if let Some(adjusts) = e["adjusts"].as_str() {
            assert!(ids.contains(adjusts), "an adjustment names an entry that exists: {e}");
        }
        if e["kind"] == "unpriced" {
            assert!(e["cost"].is_null() && e["reason"].is_string(), "never guessed: {e}");
        }
    }
    assert!(standing.values().all(|n| *n == 1), "one message stands once: {standing:?}");
    let own = w.out.ledger.iter().filter(|e| e["origin"] == "own" && e["campaign"] == "c");
    let total: Decimal = own.map(|e| amount(&e["cost"])).sum();
    let spent = w.engine.state().campaigns().next().map_or(Decimal::ZERO, |c| c.spent);
    assert_eq!(spent, total, "spent follows the ledger");
}

#[test]
fn what_the_platform_reclassifies_is_taken_back_and_booked_anew() {
    let mut w = accepted_in("America/Sao_Paulo", BRAZIL);
    let at = (w.now_ms / 1000) as u32;
    w.event(&said("delivered", at, "marketing", "regular"));
    sound(&w);
    w.event(&said("read", at + 1, "utility", "regular"));
    sound(&w);
    w.event(&said("read", at + 1, "utility", "free_entry_point"));
    sound(&w);
    w.event(&said("read", at + 1, "utility", "free_entry_point"));
    assert_eq!(
        books(&w),
        [
            "charge 1 0.0625 2026-11",
            "adjustment -1 -0.0625 2026-11",
            "charge 1 0.0068 2026-11",
            "adjustment -1 -0.0068 2026-11",
            "free 1 0 2026-11",
        ]
    );
    let causes: Vec<&Value> = w.out.ledger.iter().map(|e| &e["cause"]).collect();
    assert_eq!(causes[1..], [&json!("reclassified"); 4]);
    let counts = w.engine.state().campaigns().next().unwrap().spent;
    assert_eq!(counts, Decimal::ZERO);
}

/// An earlier delivery time moves a charge over the edge of the month and of the card, in the WABA's own zone.
#[test]
fn an_earlier_delivery_over_the_edge_of_a_card() {
    // Midnight of 2026-10-01 there, in hours from midnight UTC; Auckland's summer time began on 27 September.
    let zones =
        [("Asia/Seoul", -9_i64), ("America/Sao_Paulo", 3), ("Pacific/Auckland", -13), ("America/Los_Angeles", 7)];
    for (zone, hours) in zones {
        let edge = (i64::from(OCTOBER_S) + hours * 3600) as u32;
        let mut w = accepted_in(zone, MEXICO);
        w.event(&said("read", edge, "marketing", "regular"));
        assert_eq!(books(&w), ["charge 1 0.0397 2026-10"], "{zone}");
        w.event(&said("delivered", edge - 1, "marketing", "regular"));
        assert_eq!(
            books(&w)[1..],
            ["adjustment -1 -0.0397 2026-10", "charge 1 0.0305 2026-09"],
            "{zone}: the platform's smallest time is the charge instant"
        );
        sound(&w);
        w.event(&said("delivered", edge - 1, "marketing", "regular"));
        w.event(&said("read", edge, "marketing", "regular"));
        w.event(&said("delivered", edge - 2, "marketing", "regular"));
        assert_eq!(w.out.ledger.len(), 3, "{zone}: nothing else moves it");
    }
}

/// Free text in an open window, delivered; `n` makes the ids.
fn answer(w: &mut World, sender: &str, n: usize) {
    let to = format!("+55119{n:08}");
    let at = (w.now_ms / 1000) as u32;
    w.event(&json!({"event": "inbound", "sender": sender, "from": to, "at_s": at}));
    w.request(&json!({"id": format!("a{n}"), "account": "acme", "sender": sender, "to": to, "purpose": "service",
        "content": [{"text": "Oi"}]}))
        .unwrap();
    let uid = w.out.orders.last().unwrap()["message_uid"].as_u64().unwrap();
    let wamid = format!("wamid.{n}");
    w.event(&accepted(uid, 1, &wamid));
    let mut s = status("delivered", uid, &wamid, at, true);
    s["sender"] = json!(sender);
    s["pricing"] = json!({"model": "PMP", "category": "service", "pricing_type": "regular"});
    w.event(&s);
    w.advance(1_000);
}

#[test]
fn a_thousand_service_messages_a_number_and_month_are_free() {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": "1002"}));
    let mut w = World::new();
    w.apply(&spec);
    let at = (w.now_ms / 1000) as u32;
    // Other software uses the same allowance.
    for i in 0..998 {
        w.event(&json!({"event": "status", "sender": "1001", "wamid": format!("wamid.foreign.{i}"), "to": BRAZIL,
            "status": "delivered", "at_s": at,
            "pricing": {"model": "PMP", "category": "service", "pricing_type": "regular"}}));
    }
    let before = w.out.ledger.len();
    assert_eq!(before, 998);
    assert!(w.out.ledger.iter().all(|e| e["kind"] == "free" && e["pricing_type"] == "free_allowance"));
    let ordinals: Vec<u64> = w.out.ledger.iter().filter_map(|e| e["ordinal"].as_u64()).collect();
    assert_eq!(ordinals, (1..=998).collect::<Vec<_>>());
    for n in 0..4 {
        answer(&mut w, "1001", n);
    }
    answer(&mut w, "1002", 4);
    let kinds: Vec<String> = w.out.ledger[before..].iter().map(line).collect();
    assert_eq!(
        kinds,
        [
            "free 1 0 2026-11",
            "free 1 0 2026-11",
            "charge 1 0.0068 2026-11",
            "charge 1 0.0068 2026-11",
            "free 1 0 2026-11", // the other number has its own
        ]
    );
    w.advance(12 * 86_400_000);
    answer(&mut w, "1001", 5);
    assert_eq!(line(w.out.ledger.last().unwrap()), "free 1 0 2026-12", "a new month, a new thousand");
}

#[test]
fn what_has_no_price_is_booked_without_one_until_it_has() {
    let mut w = accepted_in("America/Sao_Paulo", BRAZIL);
    let at = (w.now_ms / 1000) as u32;
    let mut odd = said("delivered", at, "marketing", "regular");
    odd["pricing"] = json!({"model": "PMP", "category_text": "business_agent", "pricing_type": "regular"});
    w.event(&odd);
    assert_eq!(books(&w), ["unpriced 1 - 2026-11"]);
    assert_eq!(w.out.ledger[0]["reason"], "unknown_category");
    assert_eq!(w.last_outcome()["charge"]["amount"], Value::Null);
    w.event(&said("read", at + 1, "utility", "regular"));
    assert_eq!(books(&w)[1..], ["adjustment -1 - 2026-11", "charge 1 0.0068 2026-11"]);
    sound(&w);
}

/// A person without a number: the country of the first report prices the message, and takes it back exactly.
#[test]
fn a_business_scoped_id_keeps_the_country_that_priced_it() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.command(&json!({"command": "set_consent", "account": "acme",
        "consent": {"to": "BR.123", "category": "marketing", "state": "opt_in", "source": "web"}}));
    let mut request = common::promo("a", BRAZIL);
    request["to"] = json!({"bsuid": "BR.123", "country": "BR"});
    w.request(&request).unwrap();
    w.event(&accepted(1, 1, "wamid.1"));
    let at = (w.now_ms / 1000) as u32;
    let mut first = said("delivered", at, "marketing", "regular");
    first["to"] = json!({"bsuid": "BR.123", "country": "BR"});
    w.event(&first);
    let mut second = said("read", at + 1, "utility", "regular");
    second["to"] = json!({"bsuid": "BR.123"});
    w.event(&second);
    assert_eq!(books(&w), ["charge 1 0.0625 2026-11", "adjustment -1 -0.0625 2026-11", "charge 1 0.0068 2026-11"]);
    assert!(w.out.ledger.iter().all(|e| e["country"] == "BR"), "each entry names it: {:?}", w.out.ledger);
    sound(&w);
}

/// A client that pays the platform itself is not billed for what its other software sends.
#[test]
fn foreign_traffic_is_booked_where_we_pay() {
    for (funding, booked) in [("we_pay", "charge 1 0.0625 2026-11"), ("client_pays", "counted 0 - 2026-11")] {
        let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
        spec["wabas"][0]["funding"] = json!(funding);
        let mut w = World::new();
        w.apply(&spec);
        let mut s = said("delivered", (w.now_ms / 1000) as u32, "marketing", "regular");
        s.as_object_mut().unwrap().remove("callback");
        w.event(&s);
        assert_eq!(books(&w), [booked], "{funding}");
        let used = w.engine.state().account_quota(tollgate_core::ids::AccountIx(0)).count((w.now_ms / 1000) as u32);
        assert_eq!(used, 1, "{funding}: it counts for the quota in any case");
    }
}

/// Who ever pays for them: other software's messages use up the allowance of their number and count in the portfolio's bands.
#[test]
fn foreign_traffic_is_counted_where_the_client_pays() {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["wabas"][0]["funding"] = json!("client_pays");
    let mut w = World::new();
    w.apply(&spec);
    let at = (w.now_ms / 1000) as u32;
    let mut foreign = |i: usize, category: &str, pricing: bool| {
        let mut s = json!({"event": "status", "sender": "1001", "wamid": format!("wamid.foreign.{i}"), "to": BRAZIL,
            "status": "delivered", "at_s": at});
        if pricing {
            s["pricing"] = json!({"model": "PMP", "category": category, "pricing_type": "regular"});
        }
        w.event(&s);
    };
    // One was reported without a price before, and one comes again.
    foreign(0, "service", false);
    (0..999).for_each(|i| foreign(i, "service", true));
    foreign(998, "service", true);
    (1000..1003).for_each(|i| foreign(i, "utility", true));
    assert_eq!(w.out.ledger.len(), 1002);
    assert!(w.out.ledger.iter().all(|e| e["kind"] == "counted" && e["quantity"] == 0 && e["origin"] == "foreign"));
    let amounts = ["list_rate", "cost_rate", "cost", "markup", "fee", "price_ex_tax", "card", "recipient", "wamid"];
    assert!(w.out.ledger.iter().all(|e| amounts.iter().all(|name| e.get(name).is_none())), "{}", w.out.ledger[0]);
    let positions: Vec<_> = w.out.ledger.iter().map(|e| e["ordinal"].as_u64().unwrap()).collect();
    assert_eq!(positions, (1..=999).chain(1..=3).collect::<Vec<_>>());
    w.out.ledger.clear();
    answer(&mut w, "1001", 0);
    answer(&mut w, "1001", 1);
    let kinds: Vec<String> = w.out.ledger.iter().map(line).collect();
    assert_eq!(kinds, ["free 1 0 2026-11", "charge 1 0.0068 2026-11"]);
    w.opt_in("+5511987650000", "utility");
    w.request(&common::shipped("u", "+5511987650000")).unwrap();
    let uid = w.out.orders.last().unwrap()["message_uid"].as_u64().unwrap();
    w.event(&accepted(uid, 1, "wamid.u"));
    let mut s = status("delivered", uid, "wamid.u", at, true);
    s["to"] = json!("+5511987650000");
    s["pricing"] = json!({"model": "PMP", "category": "utility", "pricing_type": "regular"});
    w.event(&s);
    let last = w.out.ledger.last().unwrap();
    assert_eq!((line(last), &last["ordinal"]), ("charge 1 0.0068 2026-11".to_owned(), &json!(4)));
}

/// What is read after more than 30 days is billed like foreign traffic, never lost; it names the message all the same, by which
/// the ledger knows that it was booked before.
#[test]
fn a_forgotten_message_is_named_by_its_late_entry() {
    for funding in ["we_pay", "client_pays"] {
        let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
        spec["wabas"][0]["funding"] = json!(funding);
        let mut known = World::new();
        known.apply(&spec);
        known.opt_in(BRAZIL, "marketing");
        known.request(&common::promo("a", BRAZIL)).unwrap();
        known.event(&accepted(1, 1, "wamid.1"));
        known.event(&said("delivered", (known.now_ms / 1000) as u32, "marketing", "regular"));
        let mut forgotten = World::new();
        forgotten.apply(&spec);
        forgotten.event(&said("read", (forgotten.now_ms / 1000) as u32, "marketing", "regular"));
        let [first, late] = [&known, &forgotten].map(|w| w.out.ledger.last().unwrap().clone());
        for field in ["entry", "kind", "cost", "message_uid", "attempt", "wamid_hash"] {
            assert_eq!(first[field], late[field], "{funding}: {field}");
        }
        assert_eq!(
            (&first["kind"], &first["message_uid"], &first["origin"]),
            (&json!("charge"), &json!(1), &json!("own"))
        );
        assert_eq!((&late["origin"], &late["message"]), (&json!("foreign"), &Value::Null));
    }
}

/// What was booked of a forgotten message is known after a restart too: a price that is said then corrects it, and nothing
/// counts twice.
#[test]
fn a_forgotten_message_is_the_same_one_after_a_restart() {
    let run = |restarts: bool| {
        let mut w = World::new();
        w.apply(&account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN"));
        let at = (w.now_ms / 1000) as u32;
        let silent = status("read", 1, "wamid.1", at, false);
        for event in [&silent, &silent, &said("delivered", at, "utility", "regular"), &silent] {
            w.event(event);
            w.commit();
            if restarts {
                w.reload();
            }
        }
        w.out
            .ledger
            .iter()
            .map(|e| (e["kind"].clone(), e["revision"].clone(), e["ordinal"].clone()))
            .collect::<Vec<_>>()
    };
    let kept = run(false);
    assert_eq!(kept.len(), 3, "{kept:?}");
    assert_eq!(run(true), kept);
}

/// The category stays what the platform says, and what is said of the type later counts.
#[test]
fn a_type_that_is_not_known_has_no_price() {
    let mut w = accepted_in("America/Sao_Paulo", BRAZIL);
    let at = (w.now_ms / 1000) as u32;
    let mut first = status("delivered", 1, "wamid.1", at, true);
    first["pricing"] = json!({"model": "PMP", "category_text": "utility type=free_of_the_future"});
    w.event(&first);
    let entry = w.out.ledger.last().unwrap().clone();
    let told = ["kind", "reason", "category"].map(|name| entry[name].as_str().unwrap_or_default().to_owned());
    assert_eq!(told, ["unpriced", "unknown_type", "utility"]);
    w.event(&first);
    assert_eq!(w.out.ledger.len(), 1);
    w.event(&said("read", at + 1, "utility", "regular"));
    assert_eq!(books(&w).last().unwrap(), "charge 1 0.0068 2026-11");
    sound(&w);
}

/// Where the platform says no category, a code to India is international from the declared day on; what may be asked at most
/// was reserved. What the platform says goes before it.
#[test]
fn authentication_is_international_from_its_day_on() {
    let booked = |starts: Value, location: Value, category: Option<&str>| {
        let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
        spec["wabas"][0]["auth_international"] = starts;
        if !location.is_null() {
            spec["wabas"][0]["location"] = location;
        }
        let mut w = World::new();
        w.apply(&spec);
        w.opt_in("+919812345678", "authentication");
        let request = json!({"id": "a", "account": "acme", "to": "+919812345678", "purpose": "authentication",
            "content": [{"template": {"name": "code", "language": "pt_BR", "components": {"body": ["1234"]}}}]});
        w.urgent(&request).unwrap();
        let reserved = w.last_outcome()["estimate"]["amount"].clone();
        w.event(&accepted(1, 1, "wamid.1"));
        let mut s = status("delivered", 1, "wamid.1", (w.now_ms / 1000) as u32, false);
        s["to"] = json!("+919812345678");
        if let Some(category) = category {
            s["pricing"] = json!({"model": "PMP", "category": category, "pricing_type": "regular"});
        }
        w.event(&s);
        w.commit();
        w.reload();
        assert_eq!(w.engine.state().account("acme").unwrap().spec.wabas[0].auth_international.len(), 1);
        let e = w.out.ledger.last().unwrap();
        (reserved, e["category"].as_str().unwrap().to_owned(), amount(&e["cost"]).to_string())
    };
    let from = |day: &str| json!([{"country": "IN", "valid_from": day}]);
    let local = ("authentication".to_owned(), "0.0014".to_owned());
    let dear = ("authentication_international".to_owned(), "0.0304".to_owned());
    for (starts, location, category, expected, reserves) in [
        (from("2026-10-01"), json!(null), None, &dear, "0.0304"),
        (from("2026-10-01"), json!("BR"), None, &dear, "0.0304"),
        (from("2026-10-01"), json!("IN"), None, &local, "0.0014"),
        (from("2027-10-01"), json!(null), None, &local, "0.0014"),
        (from("2026-10-01"), json!(null), Some("authentication"), &local, "0.0304"),
        (from("2027-10-01"), json!(null), Some("authentication_international"), &dear, "0.0014"),
    ] {
        let (reserved, of, cost) = booked(starts, location, category);
        assert_eq!((reserved, (of, cost)), (json!(reserves), expected.clone()), "{category:?}");
    }
}

#[test]
fn what_was_expected_and_what_was_reported_stand_side_by_side() {
    for (reported, kind) in [("free_customer_service", "free"), ("regular", "charge")] {
        let mut w = accepted_in("America/Sao_Paulo", BRAZIL);
        w.event(&said("delivered", (w.now_ms / 1000) as u32, "utility", reported));
        let e = &w.out.ledger[0];
        let told = ["kind", "expected_category", "reported_category", "expected_type", "reported_type"];
        let told = told.map(|name| e[name].as_str().unwrap_or_default());
        assert_eq!(told, [kind, "marketing", "utility", "regular", reported]);
        assert_eq!((&e["expected_model"], &e["reported_model"]), (&json!("PMP"), &json!("PMP")));
    }
}

/// The same input gives the same ids: a replay books nothing twice.
#[test]
fn entry_ids_are_stable() {
    let run = || {
        let mut w = accepted_in("America/Sao_Paulo", BRAZIL);
        let at = (w.now_ms / 1000) as u32;
        w.event(&said("delivered", at, "marketing", "regular"));
        w.event(&said("read", at + 1, "utility", "regular"));
        w.out.ledger.iter().map(|e| e["entry"].clone()).collect::<Vec<_>>()
    };
    let first = run();
    assert_eq!(first, run());
    let known = tollgate_core::charge::entry_id("waba-1", tollgate_wire::ledger::EntryKind::Charge, "wamid.1", 0);
    assert_eq!(first[0], json!(format!("{known:032x}")));
}
