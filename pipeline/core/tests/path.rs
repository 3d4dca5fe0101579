//! The whole path of one message through the engine.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{NOON_MS, World, accepted, promo, status};
use serde_json::json;

const TO: &str = "+5511987654321";

#[test]
fn from_request_to_charge() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "marketing");
    w.request(&promo("a", TO)).unwrap();
    assert_eq!(w.out.orders.len(), 1, "{:?}", w.out.outcomes);
    assert_eq!(w.last_outcome()["outcome"], "admitted");
    assert_eq!(w.last_outcome()["estimate"], json!({"amount": "0.0625", "currency": "USD"}));
    let at = (NOON_MS / 1000) as u32;
    w.events(&json!([
        accepted(1, 1, "wamid.1"),
        status("sent", 1, "wamid.1", at + 1, true),
        status("delivered", 1, "wamid.1", at + 2, true),
        status("delivered", 1, "wamid.1", at + 2, true),
        status("read", 1, "wamid.1", at + 9, false),
    ]))
    .unwrap();
    let kinds: Vec<_> = w.out.outcomes.iter().map(|o| o["outcome"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["admitted", "accepted", "sent", "delivered", "read"]);
    assert_eq!(w.out.ledger.len(), 1);
    let e = &w.out.ledger[0];
    assert_eq!((&e["cost"], &e["market"], &e["country"]), (&json!("0.0625"), &json!("Brazil"), &json!("BR")), "{e}");
    w.request(&promo("a", TO)).unwrap();
    assert_eq!(w.last_outcome()["reason"], "duplicate");
    w.commit();
    w.reload();
    w.request(&promo("a", TO)).unwrap();
    assert_eq!(w.last_outcome()["reason"], "duplicate", "an id is recognised after a restart");
    assert_eq!(w.out.orders.len(), 1);
}

#[test]
fn quota_parks_and_the_next_day_frees() {
    let mut w = World::with_account("250", "GREEN");
    for i in 0..300 {
        let to = format!("+55119{i:08}");
        w.opt_in(&to, "marketing");
        w.request(&promo(&format!("m{i}"), &to)).unwrap();
        // Slots and throughput are not the subject here.
        w.events(&json!([accepted(i + 1, 1, &format!("wamid.{i}"))])).unwrap();
        w.advance(200);
        w.tick();
    }
    assert_eq!(w.out.orders.len(), 225, "250 less the tenth kept for utility and one-time codes");
    let parked = w.out.outcomes.iter().filter(|o| o["outcome"] == "parked").count();
    assert_eq!(parked, 75);
    w.commit();
    w.reload();
    w.advance(86_402_000);
    for _ in 0..200 {
        w.tick();
        for order in w.out.orders.clone().iter().skip(225) {
            let uid = order["message_uid"].as_u64().unwrap();
            w.event(&accepted(uid, 1, &format!("wamid.{uid}")));
        }
        w.advance(500);
    }
    assert_eq!(w.out.orders.len(), 300, "tokens return after 24 hours");
}

#[test]
fn an_abort_gives_everything_back() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "marketing");
    w.commit();
    let before = format!("{:?}", w.engine.state().account_quota(tollgate_core::ids::AccountIx(0)));
    w.request(&promo("a", TO)).unwrap();
    assert!(w.engine.abort());
    assert_eq!(format!("{:?}", w.engine.state().account_quota(tollgate_core::ids::AccountIx(0))), before);
    assert_eq!(w.engine.state().in_flight(tollgate_core::ids::SenderIx(0)), 0);
    w.request(&promo("a", TO)).unwrap();
    assert_eq!(w.out.orders.len(), 2, "the same request is no duplicate after an abort");
    assert_eq!(w.out.orders[0]["message_uid"], w.out.orders[1]["message_uid"]);
}

#[test]
fn a_refused_token_stops_the_sender_and_loses_nothing() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "marketing");
    w.request(&promo("a", TO)).unwrap();
    w.events(&json!([{"event": "result", "callback": {"message_uid": 1, "attempt": 1}, "at": "2026-11-21T12:00:01Z",
        "result": {"rejected": {"code": 190, "detail": "token"}}}]))
        .unwrap();
    assert_eq!(
        (&w.last_outcome()["outcome"], &w.last_outcome()["reason"]),
        (&json!("not_sent"), &json!("platform_190"))
    );
    w.advance(3_600_000);
    w.tick();
    assert_eq!(w.out.orders.len(), 1, "nothing is sent with a refused token");
    let spec = common::account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    w.command(&json!({"command": "apply_account", "spec": spec}));
    w.tick();
    assert_eq!(w.out.orders.len(), 2, "applying the account again says that the token is in order");
}

/// A button's payload is the business's own code; the person read its label.
#[test]
fn a_stop_word_on_a_button_counts_by_payload_or_label() {
    for (payload, label, stops) in
        [("c-17", "Stop", true), ("STOP", "Not for me", true), ("c-17", "Tell me more", false)]
    {
        let mut w = World::with_account("TIER_1K", "GREEN");
        w.opt_in(TO, "marketing");
        let at_s = w.engine.now_ms() / 1000;
        w.event(&json!({"event": "inbound", "sender": "1001", "from": TO, "at_s": at_s, "keyword": payload, "label": label}));
        w.request(&promo("m1", TO)).unwrap();
        assert_eq!(w.out.orders.is_empty(), stops, "{payload} {label}");
    }
}

/// An account is applied before its numbers are bought: what it sends is refused, not set aside, and neither the answer
/// to a duplicate nor a restart stumbles over the sender that is not there.
#[test]
fn an_account_without_senders_refuses() {
    let mut w = World::new();
    let waba = json!({"id": "w1", "currency": "USD", "time_zone": "UTC", "senders": []});
    w.apply(&json!({"account": "acme", "limit": "UNLIMITED", "wabas": [waba]}));
    for _ in 0..2 {
        w.request(&promo("a", TO)).unwrap();
        w.commit();
        w.reload();
    }
    let reasons: Vec<_> = w.out.outcomes.iter().map(|o| (&o["outcome"], &o["reason"])).collect();
    let (refused, duplicate) = (json!("refused"), json!("duplicate"));
    assert_eq!(reasons, [(&refused, &json!("sender_unknown")), (&duplicate, &duplicate)]);
}
