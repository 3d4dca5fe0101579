//! A WABA that is sold to a country may bill in another currency than the one asked for there until the end of the last day
//! in its own time zone, and sends nothing after it.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, account_spec, shipped};
use serde_json::{Value, json};

const TO: &str = "+5511987654321";
/// 2027-01-01 00:00 in Kolkata.
const OVER_MS: u64 = 1_798_741_800_000;

fn spec(sold_to: Option<&str>, currency: &str) -> Value {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    let waba = &mut spec["wabas"][0];
    waba["currency"] = json!(currency);
    waba["time_zone"] = json!("Asia/Kolkata");
    if let Some(country) = sold_to {
        waba["sold_to"] = json!(country);
    }
    spec
}

fn world(at_ms: u64, sold_to: Option<&str>, currency: &str) -> World {
    let mut w = World::at(at_ms);
    w.apply(&spec(sold_to, currency));
    w.opt_in(TO, "utility");
    w
}

/// The move of one request, and why.
fn told(w: &mut World, id: &str) -> (String, String) {
    w.request(&shipped(id, TO)).unwrap();
    let text = |of: &str| w.last_outcome()[of].as_str().unwrap_or_default().to_owned();
    (text("outcome"), text("reason"))
}

fn pair(outcome: &str, reason: &str) -> (String, String) {
    (outcome.to_owned(), reason.to_owned())
}

#[test]
fn the_last_instant_of_the_day_is_the_last() {
    let mut w = world(OVER_MS - 1, Some("IN"), "USD");
    assert_eq!(told(&mut w, "before"), pair("admitted", ""));
    w.advance(1);
    assert_eq!(told(&mut w, "after"), pair("refused", "currency_not_allowed"));
    let outcome = w.last_outcome();
    assert_eq!(outcome["detail"], "WABA waba-1 is sold to IN and bills in USD; only INR after 2026-12-31");
    assert_eq!(outcome["gates"]["stopped"], "sender");
}

#[test]
fn only_what_is_known_to_be_sold_there_and_bills_otherwise_is_refused() {
    for (sold_to, currency, expected) in [
        (None, "USD", pair("admitted", "")),
        (Some("MX"), "USD", pair("admitted", "")),
        (Some("BR"), "USD", pair("admitted", "")),
        (Some("IN"), "EUR", pair("refused", "currency_not_allowed")),
        // It may send, but there is no card that says what it costs.
        (Some("IN"), "INR", pair("refused", "no_rate")),
    ] {
        assert_eq!(told(&mut world(OVER_MS, sold_to, currency), "m"), expected, "{sold_to:?} {currency}");
    }
}

/// It never changes, so a slip could not be put right.
#[test]
fn a_new_waba_bills_in_a_currency_of_the_platform() {
    let mut w = World::at(OVER_MS);
    for currency in ["XXX", "CHF", "USB"] {
        let apply = json!({"command": "apply_account", "spec": spec(None, currency)});
        let why = w.try_command(&apply).unwrap_err().to_string();
        let said = format!("waba waba-1: currency {currency:?} is none that the platform bills in; use one of AED ");
        assert!(why.contains(&said) && why.ends_with("USD, or add it to currencies.csv in rates.directory"), "{why}");
    }
    w.apply(&spec(None, "CLP"));
}

#[test]
fn what_waits_over_the_end_of_the_day_is_refused_then() {
    let mut w = world(OVER_MS - 60_000, Some("IN"), "USD");
    let mut request = shipped("m", TO);
    request["send_after"] = json!("2026-12-31T18:30:10Z");
    w.request(&request).unwrap();
    assert_eq!(w.last_outcome()["outcome"], "parked");
    w.run_until(OVER_MS + 20_000);
    let outcome = w.last_outcome();
    assert_eq!((&outcome["outcome"], &outcome["reason"]), (&json!("refused"), &json!("currency_not_allowed")));
}

/// Where it is sold is as it was declared last, also after a restart.
#[test]
fn a_declaration_changes_where_it_is_sold() {
    let mut w = world(OVER_MS, None, "USD");
    assert_eq!(told(&mut w, "unknown"), pair("admitted", ""));
    w.apply(&spec(Some("IN"), "USD"));
    w.commit();
    w.reload();
    assert_eq!(told(&mut w, "india"), pair("refused", "currency_not_allowed"));
    w.apply(&spec(Some("LK"), "USD"));
    assert_eq!(told(&mut w, "elsewhere"), pair("admitted", ""));
}
