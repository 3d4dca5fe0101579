//! What the simulator found in the core, one test each.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{NOON_MS, World, accepted, account_spec, promo, status};
use serde_json::{Value, json};

const TO: &str = "+5511987654321";
const OTHER: &str = "+5511987654322";

fn rejected(uid: u64, attempt: u8, code: u32) -> Value {
    json!({"event": "result", "callback": {"message_uid": uid, "attempt": attempt}, "at": "2026-11-21T12:00:01Z",
        "result": {"rejected": {"code": code, "detail": ""}}})
}

fn template(name: &str, language: &str, status: &str) -> Value {
    json!({"event": "template", "waba": "waba-1", "name": name, "language": language, "status": status})
}

/// `acme` with the template `promo` in two languages.
fn two_languages() -> World {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    let templates = spec["wabas"][0]["templates"].as_array_mut().unwrap();
    templates.push(json!({"name": "promo", "language": "en_US", "category": "marketing", "body": ["1"]}));
    let mut w = World::new();
    w.command(&json!({"command": "apply_account", "spec": spec}));
    w.opt_in(TO, "marketing");
    w.opt_in(OTHER, "marketing");
    w
}

fn in_languages(id: &str, to: &str, languages: &Value) -> Value {
    let mut r = promo(id, to);
    r["content"][0]["template"]["language"] = languages.clone();
    r
}

#[test]
fn any_language_that_is_approved_frees_the_message() {
    let mut w = two_languages();
    w.events(&json!([template("promo", "pt_BR", "paused"), template("promo", "en_US", "paused")])).unwrap();
    w.request(&in_languages("a", TO, &json!(["pt_BR", "en_US"]))).unwrap();
    assert_eq!(w.last_outcome()["reason"], "template_paused");
    w.events(&json!([template("promo", "en_US", "approved")])).unwrap();
    w.tick();
    assert_eq!(w.out.orders.len(), 1, "it waited for pt_BR, but en_US serves as well");
}

#[test]
fn who_comes_after_an_expired_head_is_looked_at() {
    let mut w = two_languages();
    w.command(&json!({"command": "put_campaign", "account": "acme", "spec": {"name": "spring", "budget": "0.02"}}));
    w.opt_in("+573001234567", "marketing");
    // Brazil costs more than is left; Colombia does not.
    for (id, to, life_ms) in [("dear", TO, 60_000), ("cheap", "+573001234567", 86_400_000)] {
        let mut r = promo(id, to);
        r["campaign"] = json!("spring");
        r["expires_at"] = json!(tollgate_wire::Time(NOON_MS + life_ms));
        w.request(&r).unwrap();
    }
    assert_eq!(w.out.orders.len(), 0, "both wait in one lot: {:?}", w.out.outcomes);
    w.advance(61_000);
    for _ in 0..3 {
        w.tick();
    }
    assert_eq!(w.out.orders.len(), 1, "the dear one has expired, the budget holds the cheap one");
}

#[test]
fn a_paused_template_holds_up_nobody_else_of_its_campaign() {
    let mut w = two_languages();
    w.command(&json!({"command": "put_campaign", "account": "acme", "spec": {"name": "spring", "paused": true}}));
    for (id, to, language) in [("pt", TO, "pt_BR"), ("en", OTHER, "en_US")] {
        let mut r = in_languages(id, to, &json!(language));
        r["campaign"] = json!("spring");
        w.request(&r).unwrap();
    }
    w.events(&json!([template("promo", "pt_BR", "paused")])).unwrap();
    w.command(&json!({"command": "control_campaign", "account": "acme", "campaign": "spring", "action": "resume"}));
    w.tick();
    assert_eq!(w.out.orders.len(), 1, "only the first waits for pt_BR");
    assert_eq!(w.out.orders[0]["to"], OTHER[1..]);
    w.events(&json!([template("promo", "pt_BR", "approved")])).unwrap();
    w.tick();
    assert_eq!(w.out.orders.len(), 2);
}

#[test]
fn a_price_that_comes_late_with_sent_corrects_the_charge() {
    let at = (NOON_MS / 1000) as u32;
    let mut priced = status("sent", 1, "wamid.1", at + 1, true);
    priced["pricing"]["category"] = json!("utility");
    let delivered = status("delivered", 1, "wamid.1", at + 2, false);
    let mut sums = Vec::new();
    for events in
        [json!([accepted(1, 1, "wamid.1"), priced, delivered]), json!([accepted(1, 1, "wamid.1"), delivered, priced])]
    {
        let mut w = World::with_account("TIER_1K", "GREEN");
        w.opt_in(TO, "marketing");
        w.request(&promo("a", TO)).unwrap();
        w.events(&events).unwrap();
        let cost = |e: &Value| e["cost"].as_str().unwrap().parse::<tollgate_rate_card::Decimal>().unwrap();
        sums.push(w.out.ledger.iter().map(cost).sum::<tollgate_rate_card::Decimal>());
    }
    assert_eq!(sums[0], sums[1], "the order of statuses changes nothing");
    assert_eq!(sums[0].to_string(), "0.0068", "utility to Brazil, as the platform said");
}

#[test]
fn an_old_failure_does_not_bring_back_what_has_ended() {
    let mut w = two_languages();
    for to in [TO, OTHER] {
        let mut r = promo(to, to);
        r["campaign"] = json!("spring");
        w.request(&r).unwrap();
    }
    w.command(&json!({"command": "control_campaign", "account": "acme", "campaign": "spring", "action": "cancel"}));
    w.events(&json!([template("promo", "pt_BR", "rejected"), rejected(1, 1, 131_048), rejected(2, 1, 132_015)]))
        .unwrap();
    let campaign = w.engine.state().campaigns().next().unwrap();
    assert_eq!(campaign.state, tollgate_core::record::CampaignState::Cancelled, "131048 pauses what runs, no more");
    let rejected =
        w.engine.state().templates().filter(|t| t.spec.status == tollgate_wire::command::TemplateStatus::Rejected);
    assert_eq!(rejected.count(), 1, "132015 pauses what is approved, no more");
}

#[test]
fn a_number_that_stops_hands_over_to_another_of_the_account() {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": "1002", "quality": "GREEN"}));
    let mut w = World::new();
    w.command(&json!({"command": "apply_account", "spec": spec}));
    w.opt_in(TO, "marketing");
    w.request(&promo("a", TO)).unwrap();
    assert_eq!(w.out.orders[0]["sender"], "1001");
    w.events(&json!([rejected(1, 1, 133_010)])).unwrap();
    w.tick();
    assert_eq!(w.out.orders.len(), 2, "the other number is in order");
    assert_eq!(w.out.orders[1]["sender"], "1002");
}

#[test]
fn an_old_refusal_does_not_close_a_window_that_opened_since() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "marketing");
    w.request(&promo("a", TO)).unwrap();
    let at = (NOON_MS / 1000) as u32;
    w.advance(60_000);
    let wrote = json!({"event": "inbound", "sender": "1001", "from": TO, "at_s": at + 30});
    let mut failed = status("failed", 1, "wamid.1", at + 1, false);
    failed["code"] = json!(131_047);
    w.events(&json!([wrote, failed])).unwrap();
    w.request(&json!({"id": "b", "account": "acme", "to": TO, "purpose": "service", "content": [{"text": "Hi"}]}))
        .unwrap();
    assert_eq!(w.last_outcome()["outcome"], "admitted", "the person wrote after the message that was refused");
}

#[test]
fn a_template_that_changes_its_category_is_looked_at_anew() {
    let mut w = World::with_account("10", "GREEN");
    for n in 0..10 {
        let to = format!("+55119{n:08}");
        w.opt_in(&to, "marketing");
        w.opt_in(&to, "utility");
        let mut r = promo(&format!("m{n}"), &to);
        r["purpose"] = json!("utility");
        w.request(&r).unwrap();
        w.advance(1_000);
        w.tick();
    }
    assert_eq!(w.out.orders.len(), 9, "a tenth is kept from marketing");
    let mut change = template("promo", "pt_BR", "approved");
    change["category"] = json!("utility");
    w.events(&json!([change])).unwrap();
    w.tick();
    assert_eq!(w.out.orders.len(), 10, "utility may use all of the limit");
}
