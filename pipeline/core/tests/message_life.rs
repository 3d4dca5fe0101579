//! The life of a message: whatever the platform reports, doubled and in any order, it ends in the same state,
//! with the same quota, the same charge, and nothing left behind.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, accepted, status};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollgate_core::Effect;
use tollgate_core::State;
use tollgate_core::engine::Sink;
use tollgate_core::ids::{AccountIx, ContactKey, SenderIx, User};
use tollgate_core::record::{AttemptState, MessageState};
use tollgate_rate_card::Rated;
use tollgate_wire::event::{self, Events};
use tollgate_wire::ledger::Cause;

const TO: &str = "+5511987654321";
const UID: u64 = 1;

/// Ledger entries as decided, without writing them.
#[derive(Default)]
struct Books {
    entries: Vec<(u128, i8, Option<rust_decimal::Decimal>, Option<Cause>)>,
}

impl Sink for Books {
    fn effect(&mut self, _: &State, effect: &Effect, _: &str, _: &[u8]) {
        if let Effect::Ledger(b) = effect {
            let cost = match &b.rated {
                Rated::Priced(p) => Some(p.cost),
                Rated::Unpriced(_) => None,
            };
            self.entries.push((b.entry, b.sign, cost, b.cause));
        }
    }
}

impl Books {
    /// Sum of what stands: number of charges and amount.
    fn standing(&self) -> (i32, String) {
        let n = self.entries.iter().map(|e| i32::from(e.1)).sum();
        let amount: rust_decimal::Decimal =
            self.entries.iter().map(|e| rust_decimal::Decimal::from(e.1) * e.2.unwrap_or_default()).sum();
        (n, amount.normalize().to_string())
    }

    fn ids_are_unique(&self) -> bool {
        self.entries.iter().map(|e| e.0).collect::<BTreeSet<_>>().len() == self.entries.len()
    }
}

/// Every distinct order of `counts[i]` events `i`.
fn orders(counts: &mut [u8], so_far: &mut Vec<usize>, visit: &mut dyn FnMut(&[usize])) {
    if counts.iter().all(|c| *c == 0) {
        return visit(so_far);
    }
    for i in 0..counts.len() {
        if counts[i] > 0 {
            counts[i] -= 1;
            so_far.push(i);
            orders(counts, so_far, visit);
            so_far.pop();
            counts[i] += 1;
        }
    }
}

/// What must not depend on the order.
#[derive(Debug, PartialEq, Eq)]
struct End {
    state: MessageState,
    attempts: Vec<(u8, AttemptState)>,
    charges: i32,
    amount: String,
    spent: String,
    quota: u32,
}

/// Plays every order of `events`, each as often as said, into the world as it is; all must end alike, and clean.
fn all_orders(w: &mut World, events: &[(Value, u8)]) -> (End, usize) {
    let texts: Vec<String> =
        events.iter().map(|(e, _)| json!({"account": "acme", "events": [e]}).to_string()).collect();
    let parsed: Vec<Events<'_>> = texts.iter().map(|t| event::parse(t.as_bytes()).unwrap()).collect();
    let mut counts: Vec<u8> = events.iter().map(|(_, n)| *n).collect();
    w.commit();
    let mut end: Option<End> = None;
    let mut played = 0;
    orders(&mut counts, &mut Vec::new(), &mut |order| {
        let mut books = Books::default();
        for i in order {
            assert_eq!(w.engine.events_parsed(&parsed[*i], &w.store, &mut books).unwrap(), Ok(()));
        }
        let got = look(w, &books);
        let told: Vec<&Value> = order.iter().map(|i| &events[*i].0).collect();
        assert!(books.ids_are_unique(), "{told:?}: {:?}", books.entries);
        match &end {
            None => end = Some(got),
            Some(end) => assert_eq!(&got, end, "{told:#?}"),
        }
        played += 1;
        assert!(w.engine.abort(), "nothing here is beyond undoing");
    });
    (end.unwrap(), played)
}

fn look(w: &World, books: &Books) -> End {
    let state = w.engine.state();
    let m = w.message(UID);
    let account = AccountIx(0);
    assert_eq!(state.in_flight(SenderIx(0)), 0, "no slot is left");
    assert!(m.attempts.iter().all(|a| !a.slot && a.reserved.is_zero() && !a.reserved_user), "{m:?}");
    let contact = state.contact(ContactKey::new(account, User::from_digits(5_511_987_654_321).unwrap()));
    assert_eq!(contact.counted.reserved_n, 0, "no reservation is left");
    let campaign = state.campaign_at(m.campaign);
    assert!(campaign.is_none_or(|c| c.reserved.is_zero()), "no budget is left reserved");
    let (charges, amount) = books.standing();
    End {
        state: m.state,
        attempts: m.attempts.iter().map(|a| (a.number, a.state)).collect(),
        charges,
        amount,
        spent: campaign.map_or_else(String::new, |c| c.spent.normalize().to_string()),
        quota: state.account_quota(account).count((w.now_ms / 1000) as u32),
    }
}

/// One marketing message of a campaign with a budget, ordered.
fn ordered() -> World {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "marketing");
    w.campaign(&json!({"name": "c", "budget": "10"}));
    let mut request = common::promo("a", TO);
    request["campaign"] = json!("c");
    w.request(&request).unwrap();
    assert_eq!(w.out.orders.len(), 1);
    w
}

/// One one-time code, ordered.
fn code_ordered() -> World {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "authentication");
    w.request(&json!({"id": "a", "account": "acme", "to": TO, "purpose": "authentication",
        "content": [{"template": {"name": "code", "language": "pt_BR", "components": {"body": ["123456"]}}}]}))
        .unwrap();
    w
}

fn of_attempt(mut event: Value, attempt: u8) -> Value {
    event["callback"]["attempt"] = json!(attempt);
    event
}

fn failed(code: u32, at_s: u32) -> Value {
    let mut v = status("failed", UID, "wamid.1", at_s, false);
    v["code"] = json!(code);
    v
}

fn result(attempt: u8, result: &Value) -> Value {
    json!({"event": "result", "callback": {"message_uid": UID, "attempt": attempt},
        "at": "2026-11-21T12:00:01Z", "result": result})
}

fn now_s(w: &World) -> u32 {
    (w.now_ms / 1000) as u32
}

/// accepted, sent, delivered with a price, read without: each twice.
fn usual(w: &World, attempt: u8, wamid: &str) -> Vec<(Value, u8)> {
    let at = now_s(w);
    let s = |kind, after, pricing| of_attempt(status(kind, UID, wamid, at + after, pricing), attempt);
    vec![
        (of_attempt(accepted(UID, 1, wamid), attempt), 2),
        (s("sent", 1, true), 2),
        (s("delivered", 2, true), 2),
        (s("read", 9, false), 2),
    ]
}

#[test]
fn the_usual_statuses_in_any_order() {
    let mut w = ordered();
    let events = usual(&w, 1, "wamid.1");
    let (end, played) = all_orders(&mut w, &events);
    assert_eq!(played, 2520);
    let expected = End {
        state: MessageState::Delivered,
        attempts: vec![(1, AttemptState::Read)],
        charges: 1,
        amount: "0.0625".into(),
        spent: "0.0625".into(),
        quota: 1,
    };
    assert_eq!(end, expected);
}

#[test]
fn a_category_that_the_platform_changed() {
    let mut w = ordered();
    let mut events = usual(&w, 1, "wamid.1");
    for (e, _) in &mut events[1..3] {
        e["pricing"]["category"] = json!("utility");
    }
    let (end, _) = all_orders(&mut w, &events);
    assert_eq!((end.charges, end.amount.as_str(), end.spent.as_str()), (1, "0.0068", "0.0068"));
}

#[test]
fn failed_after_sent_or_before() {
    let mut w = ordered();
    let at = now_s(&w);
    let events = [
        (accepted(UID, 1, "wamid.1"), 1),
        (status("sent", UID, "wamid.1", at + 1, true), 1),
        (failed(131_049, at + 3), 2),
    ];
    let (end, played) = all_orders(&mut w, &events);
    assert_eq!((played, end.state, end.charges, end.quota), (12, MessageState::Failed, 0, 0));
}

/// Without a code nothing is known but that it failed: the number goes on.
#[test]
fn failed_without_a_code() {
    let mut w = ordered();
    let at = now_s(&w);
    w.event(&accepted(UID, 1, "wamid.1"));
    w.event(&status("failed", UID, "wamid.1", at + 1, false));
    assert_eq!(w.engine.state().message(UID).unwrap().state, MessageState::Failed);
    assert!(!w.engine.state().sender("1001").unwrap().spec.blocked);
    let before = w.out.orders.len();
    w.opt_in("+5511987650001", "marketing");
    w.request(&common::promo("next", "+5511987650001")).unwrap();
    assert_eq!(w.out.orders.len(), before + 1);
}

#[test]
fn a_delivery_after_a_failure_counts_and_charges() {
    let mut w = ordered();
    let at = now_s(&w);
    let events = [
        (accepted(UID, 1, "wamid.1"), 1),
        (status("sent", UID, "wamid.1", at + 1, true), 1),
        (failed(131_000, at + 3), 2),
        (status("delivered", UID, "wamid.1", at + 2, true), 2),
        (status("read", UID, "wamid.1", at + 9, false), 1),
    ];
    let (end, played) = all_orders(&mut w, &events);
    assert_eq!((played, end.state, end.charges, end.quota), (1260, MessageState::Delivered, 1, 1));
}

#[test]
fn read_without_delivered_means_delivered() {
    let mut w = ordered();
    let at = now_s(&w);
    let events = [(accepted(UID, 1, "wamid.1"), 2), (status("read", UID, "wamid.1", at + 2, true), 2)];
    let (end, _) = all_orders(&mut w, &events);
    assert_eq!((end.state, end.charges, end.amount.as_str()), (MessageState::Delivered, 1, "0.0625"));
}

#[test]
fn in_doubt_and_then_delivered() {
    let mut w = ordered();
    let at = now_s(&w);
    let events = [
        (result(1, &json!("in_doubt")), 2),
        (accepted(UID, 1, "wamid.1"), 2),
        (status("sent", UID, "wamid.1", at + 1, true), 2),
        (status("delivered", UID, "wamid.1", at + 2, true), 2),
    ];
    let (end, played) = all_orders(&mut w, &events);
    assert_eq!((played, end.state, end.charges, end.quota), (2520, MessageState::Delivered, 1, 1));
}

#[test]
fn silence_ends_as_unknown_and_a_late_delivery_still_charges() {
    let mut w = ordered();
    let until = w.now_ms + 2 * 3_600_000;
    w.run_until(until);
    assert_eq!(w.message(UID).state, MessageState::Unknown);
    let kinds: Vec<_> = w.out.outcomes.iter().map(|o| o["outcome"].clone()).collect();
    assert_eq!(kinds, ["admitted", "in_doubt", "unknown"]);
    assert_eq!(w.out.orders.len(), 1, "marketing is never sent twice");
    let events = usual(&w, 1, "wamid.1");
    let (end, _) = all_orders(&mut w, &events);
    assert_eq!((end.state, end.charges, end.quota), (MessageState::Delivered, 1, 1));
}

/// 130429: the second attempt decides; late copies of the first refusal change nothing.
#[test]
fn a_refusal_for_throughput_and_the_attempt_after_it() {
    let mut w = ordered();
    let refused = result(1, &json!({"rejected": {"code": 130_429}}));
    w.event(&refused);
    let until = w.now_ms + 5_000;
    w.run_until(until);
    assert_eq!(w.out.orders.len(), 2);
    let mut events = usual(&w, 2, "wamid.2");
    events.push((refused, 1));
    let (end, played) = all_orders(&mut w, &events);
    assert_eq!(played, 22_680);
    assert_eq!(end.attempts, [(1, AttemptState::Failed), (2, AttemptState::Read)]);
    assert_eq!((end.state, end.charges, end.quota), (MessageState::Delivered, 1, 1));
}

/// The price of a resend after doubt is two charges when both arrive, and the second says why.
#[test]
fn two_delivered_attempts_are_two_charges() {
    let mut w = code_ordered();
    let until = w.now_ms + 60_000;
    w.run_until(until);
    assert_eq!(w.out.orders.len(), 2, "{:#?} a one-time code gets another attempt", w.out.outcomes);
    let at = now_s(&w);
    let events: Vec<_> = [1, 2]
        .into_iter()
        .flat_map(|n| {
            let wamid = format!("wamid.{n}");
            let s = |kind, after| {
                let mut s = of_attempt(status(kind, UID, &wamid, at + after, kind == "delivered"), n);
                s["pricing"]["category"] = json!("authentication");
                (s, 1)
            };
            [(of_attempt(accepted(UID, 1, &wamid), n), 1), s("delivered", 2), s("read", 9)]
        })
        .collect();
    let (end, played) = all_orders(&mut w, &events);
    assert_eq!((played, end.state, end.charges), (720, MessageState::Delivered, 2));
    assert_eq!((end.amount.as_str(), end.quota), ("0.0136", 1));
    for n in [1, 2] {
        w.event(&events[n * 3 - 2].0);
    }
    let causes: Vec<_> = w.out.ledger.iter().map(|e| e["cause"].clone()).collect();
    assert_eq!(causes, [Value::Null, json!("resend")]);
}

/// A one-time code of a campaign with a budget, whose first attempt was in doubt, left after all, and is over; the
/// second was ordered two seconds before.
fn first_attempt_over() -> World {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "authentication");
    w.campaign(&json!({"name": "c", "budget": "10"}));
    let expires = tollgate_wire::Time(w.now_ms + 3_600_000);
    w.request(&json!({"id": "a", "account": "acme", "to": TO, "purpose": "authentication", "campaign": "c",
        "expires_at": expires,
        "content": [{"template": {"name": "code", "language": "pt_BR", "components": {"body": ["123456"]}}}]}))
        .unwrap();
    // Five seconds to leave, and a quarter of an hour to arrive.
    let over = w.now_ms + 5_000 + 15 * 60_000;
    w.control("c", "pause");
    w.run_until(over - 2_000);
    w.control("c", "resume");
    w.run_until(over - 1_000);
    assert_eq!(w.out.orders.len(), 2, "{:#?}", w.out.outcomes);
    w.event(&status("sent", UID, "wamid.1", now_s(&w), false));
    w.run_until(over + 1_000);
    w
}

fn undelivered(w: &World) -> usize {
    w.out.outcomes.iter().filter(|o| o["outcome"] == "undelivered").count()
}

/// Simulator seeds 1063 and 1154: the time to live of one attempt ended the message while another was on its way.
#[test]
fn a_message_ends_with_the_last_attempt_that_is_waited_for() {
    let at = now_s(&first_attempt_over());
    let sent = |n: u8| of_attempt(status("sent", UID, &format!("wamid.{n}"), at, false), n);
    let delivered = |n: u8| of_attempt(status("delivered", UID, &format!("wamid.{n}"), at, false), n);
    let fates = [
        ("its own time to live", vec![sent(2)], MessageState::Undelivered),
        (
            "the call was not made",
            vec![result(2, &json!({"not_sent": {"reason": "leave_by"}}))],
            MessageState::Undelivered,
        ),
        ("the call was refused", vec![result(2, &json!({"rejected": {"code": 131_026}}))], MessageState::Failed),
        (
            "it would be called again",
            vec![result(2, &json!({"rejected": {"code": 130_429}}))],
            MessageState::Undelivered,
        ),
        ("it failed later", vec![sent(2), of_attempt(failed(131_000, at + 9), 2)], MessageState::Failed),
        ("silence", vec![], MessageState::Unknown),
        ("delivered", vec![sent(2), delivered(2)], MessageState::Delivered),
        ("the first, late; never the second", vec![sent(2), delivered(1)], MessageState::Delivered),
    ];
    for (fate, events, end) in fates {
        let mut w = first_attempt_over();
        let m = w.message(UID);
        let campaign = w.engine.state().campaign_at(m.campaign).unwrap();
        assert_eq!((m.state, campaign.counts.on_the_way, undelivered(&w)), (MessageState::Open, 1, 0), "{fate}");
        assert_eq!(campaign.reserved, m.attempts[1].reserved);
        assert!(!campaign.reserved.is_zero());
        for e in &events {
            w.event(e);
        }
        let until = w.now_ms + 16 * 60_000;
        w.run_until(until);
        let m = w.message(UID);
        assert_eq!(m.state, end, "{fate}: {:#?}", w.out.outcomes);
        assert!(w.engine.state().campaign_at(m.campaign).unwrap().reserved.is_zero(), "{fate}");
        assert_eq!(undelivered(&w), usize::from(end == MessageState::Undelivered), "{fate}");
        let until = w.now_ms + 2 * 86_400_000;
        w.run_until(until);
        assert_eq!(w.out.orders.len(), 2, "{fate}: what left is not sent again");
        assert!(!w.message(UID).is_open(), "{fate}: nothing is waited for any more");
    }
}

/// Other software sent it from the same number: counted and booked once, whatever comes first.
#[test]
fn foreign_statuses_in_any_order() {
    let mut w = ordered();
    w.event(&accepted(UID, 1, "wamid.1"));
    w.event(&status("delivered", UID, "wamid.1", now_s(&w), true));
    let at = now_s(&w);
    let foreign = |kind: &str, after: u32, pricing: bool| {
        let mut s = status(kind, UID, "wamid.foreign", at + after, pricing);
        s.as_object_mut().unwrap().remove("callback");
        s["to"] = json!("+5511900000009");
        s
    };
    let events = [(foreign("sent", 1, true), 2), (foreign("delivered", 2, true), 2), (foreign("read", 9, false), 2)];
    let (end, played) = all_orders(&mut w, &events);
    assert_eq!((played, end.charges, end.amount.as_str(), end.quota), (90, 1, "0.0625", 2));
}

/// A status that lost our callback is still ours by its wamid.
#[test]
fn a_status_without_our_callback_is_found_by_its_wamid() {
    let mut w = ordered();
    let at = now_s(&w);
    w.event(&status("delivered", UID, "wamid.1", at, true));
    let mut read = status("read", UID, "wamid.1", at + 2, false);
    read.as_object_mut().unwrap().remove("callback");
    w.event(&read);
    w.event(&accepted(UID, 1, "wamid.1"));
    w.commit();
    w.reload();
    w.event(&read);
    assert_eq!(w.out.ledger.len(), 1, "{:?}", w.out.ledger);
    assert_eq!(w.message_or_stored(UID).attempts[0].state, AttemptState::Read);
}

/// The time at which a person is counted is that of the first report, never earlier than the delivery.
#[test]
fn the_person_counts_from_the_delivery() {
    for first_read in [false, true] {
        let mut w = ordered();
        let at = now_s(&w);
        let mut events =
            [status("delivered", UID, "wamid.1", at + 2, true), status("read", UID, "wamid.1", at + 9, false)];
        if first_read {
            events.reverse();
        }
        for e in &events {
            w.event(e);
        }
        let contact = ContactKey::new(AccountIx(0), User::from_digits(5_511_987_654_321).unwrap());
        let counted = w.engine.state().contact(contact).counted.counted_time();
        assert_eq!(counted, if first_read { at + 9 } else { at + 2 });
        assert_eq!(w.message(UID).attempts[0].delivered_s, at + 2, "the charge instant is the smallest time");
    }
}

/// An order that never left is given back whole, and admission starts again at gate 1.
#[test]
fn not_sent_gives_everything_back_and_numbers_are_never_used_again() {
    let mut w = World::new();
    let mut spec = common::account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["policy"] = json!({"marketing_cap": 1});
    w.apply(&spec);
    w.opt_in(TO, "marketing");
    w.request(&common::promo("a", TO)).unwrap();
    let not_sent = |n: u8| result(n, &json!({"not_sent": {"reason": "leave_by"}}));
    let mut numbers = Vec::new();
    for n in 1..=12 {
        numbers.push(w.out.orders.last().unwrap()["attempt"].as_u64().unwrap());
        w.event(&not_sent(n));
        w.event(&not_sent(n));
        assert_eq!(look(&w, &Books::default()).quota, 0, "the token came back");
        let orders = w.out.orders.len();
        while w.out.orders.len() == orders {
            w.advance(1_000);
            w.tick();
        }
        // A copy of an old result does not touch the attempt that is on its way.
        w.event(&not_sent(n));
        assert_eq!(w.engine.state().in_flight(SenderIx(0)), 1, "attempt {}", n + 1);
    }
    assert_eq!(numbers, (1..=12).collect::<Vec<u64>>());
    assert_eq!(w.message(UID).attempts.len(), 1, "attempts that never left are forgotten");
}
