//! Fees: counted under the mark-up of their instant, booked once, right before the month's marker.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::closing::{close, read};
use common::{World, accepted, account_spec, promo, status};
use serde_json::{Value, json};
use tollgate_core::engine::Table;

/// 2026-10-10, 12:00 UTC.
const OCTOBER_MS: u64 = 1_791_633_600_000;
const DAY_MS: u64 = 86_400_000;
const DAY_S: u32 = 86_400;

fn spec(zone: &str, senders: &[&str], markup: &Value) -> Value {
    let mut spec = account_spec("acme", "waba-1", "1001", "UNLIMITED", "GREEN");
    spec["wabas"][0]["time_zone"] = json!(zone);
    let senders: Vec<Value> =
        senders.iter().map(|id| json!({"id": id, "throughput": 1000, "quality": "GREEN"})).collect();
    spec["wabas"][0]["senders"] = json!(senders);
    spec["wabas"][0]["markup"] = markup.clone();
    spec
}

fn markup(from: &str, fees: &Value) -> Value {
    json!({"valid_from": from, "rules": [{"name": "all", "percent": "0"}], "fees": fees})
}

fn world(zone: &str, markup: &Value) -> World {
    let mut w = World::at(OCTOBER_MS);
    w.apply(&spec(zone, &["1001"], markup));
    w
}

fn seconds(w: &World) -> u32 {
    (w.now_ms / 1000) as u32
}

fn inbound(sender: &str, at_s: u32) -> Value {
    json!({"event": "inbound", "sender": sender, "from": "+5511987654321", "at_s": at_s})
}

/// An order on its way; its number.
fn ordered(w: &mut World) -> u64 {
    let n = w.out.orders.len();
    let to = format!("+551198765{n:04}");
    w.opt_in(&to, "marketing");
    w.request(&promo(&format!("r{n}"), &to)).unwrap();
    assert_eq!(w.out.orders.len(), n + 1, "{:?}", w.out.outcomes.last());
    w.out.orders[n]["message_uid"].as_u64().unwrap()
}

fn sent(w: &mut World) -> u64 {
    let uid = ordered(w);
    w.event(&accepted(uid, 1, &format!("wamid.{uid}")));
    uid
}

fn said(kind: &str, uid: u64, at_s: u32) -> Value {
    let mut s = status(kind, uid, &format!("wamid.{uid}"), at_s, false);
    if kind == "failed" {
        s["code"] = json!(131_026);
    }
    s
}

fn refused(uid: u64, code: u32) -> Value {
    json!({"event": "result", "callback": {"message_uid": uid, "attempt": 1}, "at": "2026-11-21T12:00:01Z",
        "result": {"rejected": {"code": code}}})
}

/// Fees and ends of months in the order of the topic: `sender fee quantity amount currency usage>billing`.
fn fees(w: &World) -> Vec<String> {
    let line = |e: &Value| match e["month_closed"].as_str() {
        Some(month) => Some(format!("{month} closed")),
        None if e["kind"] == "fee" => {
            let [sender, reason, fee, currency, usage, billing] =
                ["sender", "reason", "fee", "price_currency", "usage_period", "billing_period"]
                    .map(|k| e[k].as_str().unwrap());
            assert!(e["fee"] == e["price_ex_tax"] && e["markup_rule"] == e["reason"], "{e}");
            Some(format!("{sender} {reason} {} {fee} {currency} {usage}>{billing}", e["quantity"]))
        }
        None => None,
    };
    w.out.topic.iter().filter_map(line).collect()
}

fn all() -> Value {
    json!({"accepted": "0.001", "inbound": "0.002", "failed": "0.0003", "number": "5", "minimum": "50"})
}

#[test]
fn each_is_counted_once_and_booked_before_the_marker() {
    let mut w = world("UTC", &json!([markup("2026-01-01", &all())]));
    let at = seconds(&w);
    let (a, b) = (sent(&mut w), sent(&mut w));
    // Heard of by a status before the result: taken once. What has failed was taken too.
    let c = ordered(&mut w);
    w.event(&said("sent", c, at));
    w.event(&accepted(c, 1, &format!("wamid.{c}")));
    for kind in ["failed", "failed", "sent"] {
        w.event(&said(kind, b, at));
    }
    // Refused for good; and, asked again later, refused for now, which is not failed.
    let d = ordered(&mut w);
    w.event(&refused(d, 131_026));
    w.event(&refused(d, 131_026));
    let e = ordered(&mut w);
    w.event(&refused(e, 131_056));
    w.event(&said("delivered", a, at));
    w.event(&said("failed", a, at));
    (0..3).for_each(|_| w.event(&inbound("1001", at)));
    w.advance(30 * DAY_MS);
    w.event(&close("2026-10", 8, None));
    assert_eq!(
        fees(&w),
        [
            "1001 accepted 3 0.003 USD 2026-10>2026-10",
            "1001 inbound 3 0.006 USD 2026-10>2026-10",
            "1001 failed 2 0.0006 USD 2026-10>2026-10",
            "1001 number 1 5 USD 2026-10>2026-10",
            "2026-10 closed",
        ]
    );
    let fee = &w.out.topic[w.out.topic.len() - 2];
    let nobody = "0".repeat(32);
    let id = tollgate_core::charge::entry_id(
        "waba-1",
        tollgate_wire::ledger::EntryKind::Fee,
        "1001:number:2026-10:2026-01-01",
        0,
    );
    assert_eq!(
        *fee,
        json!({"entry": format!("{id:032x}"), "kind": "fee", "revision": 0, "account": "acme",
            "account_name": "Acme", "legal_entity": "", "waba": "waba-1", "sender": "1001", "origin": "own",
            "recipient_hash": nobody, "wamid_hash": nobody, "pricing_model": "PMP", "quantity": 1, "cost": "0",
            "cost_currency": "USD", "markup_rule": "number", "markup": "0", "fee": "5", "price_ex_tax": "5",
            "price_currency": "USD", "occurred_at": "2026-10-31T23:59:59.000Z", "booked_at": "2026-11-09T12:00:00.000Z",
            "usage_period": "2026-10", "billing_period": "2026-10", "reason": "number"})
    );
    assert_eq!(read(&w), ["2026-10"]);
    // Asked again, the marker is said again and no fee; the next month has its number alone.
    w.event(&close("2026-10", 8, None));
    w.advance(30 * DAY_MS);
    w.event(&close("2026-11", 8, None));
    assert_eq!(fees(&w)[5..], ["2026-10 closed", "1001 number 1 5 USD 2026-11>2026-11", "2026-11 closed"]);
}

/// 2026-10-20 begins in Kolkata at 18:30 UTC of the day before.
#[test]
fn a_change_of_prices_within_the_month_is_exact() {
    let mut second = markup("2026-10-20", &json!({"inbound": "0.05"}));
    second["currency"] = json!("EUR");
    second["fx"] = json!({"rate": "0.9", "source": "ECB", "date": "2026-10-19"});
    let mut w = world("Asia/Kolkata", &json!([markup("2026-01-01", &all()), second]));
    let noon = seconds(&w);
    let edge = noon + 9 * DAY_S + 23_400;
    w.advance(12 * DAY_MS);
    for at in [edge - 2, edge - 1, edge, edge + 1, edge + 2] {
        w.event(&inbound("1001", at));
    }
    // The result has our time: from the 20th on nothing is asked for what is accepted, nor for a number.
    let uid = sent(&mut w);
    w.event(&said("failed", uid, edge - 1));
    w.advance(20 * DAY_MS);
    w.event(&close("2026-10", 8, None));
    assert_eq!(
        fees(&w),
        [
            "1001 inbound 2 0.004 USD 2026-10>2026-10",
            "1001 inbound 3 0.15 EUR 2026-10>2026-10",
            "1001 failed 1 0.0003 USD 2026-10>2026-10",
            "2026-10 closed",
        ]
    );
    let ids: std::collections::BTreeSet<_> = w.out.topic.iter().map(|e| e["entry"].to_string()).collect();
    assert_eq!(ids.len(), 4, "two prices are two entries");
    assert_eq!(w.out.topic[0]["occurred_at"], "2026-10-31T18:29:59.000Z");
}

#[test]
fn what_comes_after_the_close_is_asked_in_the_month_after() {
    let markups = json!([markup("2026-01-01", &all()), markup("2026-11-01", &json!({"inbound": "1"}))]);
    let mut w = world("UTC", &markups);
    let october = seconds(&w);
    w.event(&inbound("1001", october));
    w.advance(30 * DAY_MS);
    let events = json!([inbound("1001", october), close("2026-10", 8, None), inbound("1001", october)]);
    assert_eq!(w.events(&events), Ok(()));
    let november = seconds(&w);
    w.event(&inbound("1001", november));
    w.advance(30 * DAY_MS);
    w.event(&close("2026-11", 8, None));
    assert_eq!(
        fees(&w),
        [
            "1001 inbound 2 0.004 USD 2026-10>2026-10",
            "1001 number 1 5 USD 2026-10>2026-10",
            "2026-10 closed",
            // At the price of its day.
            "1001 inbound 1 0.002 USD 2026-11>2026-11",
            "1001 inbound 1 1 USD 2026-11>2026-11",
            "2026-11 closed",
        ]
    );
}

/// A month that is skipped closes with its fees; one that is closed early has what came until then.
#[test]
fn skipped_and_forced() {
    let mut w = world("UTC", &json!([markup("2026-01-01", &all())]));
    let now_s = seconds(&w);
    w.event(&inbound("1001", now_s));
    w.advance(30 * DAY_MS);
    let now_s = seconds(&w);
    w.event(&inbound("1001", now_s));
    w.event(&close("2026-11", 8, Some("the contract ends")));
    assert_eq!(
        fees(&w),
        [
            "1001 inbound 1 0.002 USD 2026-10>2026-10",
            "1001 number 1 5 USD 2026-10>2026-10",
            "1001 inbound 1 0.002 USD 2026-11>2026-11",
            "1001 number 1 5 USD 2026-11>2026-11",
            "2026-11 closed",
        ]
    );
    let now_s = seconds(&w);
    w.event(&inbound("1001", now_s));
    w.advance(60 * DAY_MS);
    w.event(&close("2026-12", 0, None));
    assert_eq!(
        fees(&w)[5..],
        ["1001 inbound 1 0.002 USD 2026-12>2026-12", "1001 number 1 5 USD 2026-12>2026-12", "2026-12 closed"]
    );
}

/// A number is asked for in each month in which it was declared at some time, and in no other.
#[test]
fn numbers_that_come_and_go() {
    let fee = json!([markup("2026-01-01", &json!({"number": "5"}))]);
    let mut w = world("UTC", &fee);
    // Gone in October; in November there is another, which October does not ask for; in January the first is back.
    w.apply(&spec("UTC", &["1001", "1002"], &fee));
    w.advance(5 * DAY_MS);
    w.apply(&spec("UTC", &["1001"], &fee));
    w.advance(20 * DAY_MS);
    w.apply(&spec("UTC", &["1001", "1003"], &fee));
    w.commit();
    w.reload();
    w.advance(10 * DAY_MS);
    w.event(&close("2026-10", 8, None));
    w.advance(30 * DAY_MS);
    w.apply(&spec("UTC", &["1001"], &fee));
    w.advance(30 * DAY_MS);
    w.apply(&spec("UTC", &["1001", "1002"], &fee));
    w.advance(40 * DAY_MS);
    w.event(&close("2027-01", 0, None));
    assert_eq!(
        fees(&w),
        [
            "1001 number 1 5 USD 2026-10>2026-10",
            "1002 number 1 5 USD 2026-10>2026-10",
            "2026-10 closed",
            "1001 number 1 5 USD 2026-11>2026-11",
            "1003 number 1 5 USD 2026-11>2026-11",
            "1001 number 1 5 USD 2026-12>2026-12",
            "1003 number 1 5 USD 2026-12>2026-12",
            "1001 number 1 5 USD 2027-01>2027-01",
            "1002 number 1 5 USD 2027-01>2027-01",
            "2027-01 closed",
        ]
    );
}

/// The ledger asks the minimum of a month where there was a number; so there is an entry for it, be it of nothing.
#[test]
fn a_minimum_alone_has_its_numbers() {
    let mut w = world("UTC", &json!([markup("2026-01-01", &json!({"minimum": "50"}))]));
    let now_s = seconds(&w);
    w.event(&inbound("1001", now_s));
    w.advance(30 * DAY_MS);
    w.event(&close("2026-10", 8, None));
    assert_eq!(fees(&w), ["1001 number 1 0 USD 2026-10>2026-10", "2026-10 closed"]);
}

/// A number that moves is asked for at both, in the month of its move.
#[test]
fn a_number_that_moves() {
    let fee = json!([markup("2026-01-01", &json!({"number": "5", "inbound": "1"}))]);
    let mut w = world("UTC", &fee);
    let now_s = seconds(&w);
    w.event(&inbound("1001", now_s));
    let mut both = spec("UTC", &[], &fee);
    let mut second = spec("UTC", &["1001"], &json!([markup("2026-01-01", &json!({"number": "7", "inbound": "2"}))]));
    second["wabas"][0]["id"] = json!("waba-2");
    both["wabas"].as_array_mut().unwrap().push(second["wabas"][0].take());
    w.apply(&both);
    w.event(&inbound("1001", now_s));
    w.advance(60 * DAY_MS);
    w.event(&close("2026-11", 0, None));
    assert_eq!(
        fees(&w),
        [
            "1001 inbound 1 1 USD 2026-10>2026-10",
            "1001 number 1 5 USD 2026-10>2026-10",
            "1001 inbound 1 2 USD 2026-10>2026-10",
            "1001 number 1 7 USD 2026-10>2026-10",
            "1001 number 1 7 USD 2026-11>2026-11",
            "2026-11 closed",
        ]
    );
}

/// What was ordered before the move is the old WABA's, its fees like its charge, at the prices and in the month of that one.
#[test]
fn what_a_number_sent_before_it_moved() {
    let mut w = world("UTC", &json!([markup("2026-01-01", &all())]));
    let (a, b) = (sent(&mut w), ordered(&mut w));
    let mut both = spec("UTC", &[], &json!([markup("2026-01-01", &all())]));
    let mut second = spec("Asia/Kolkata", &["1001"], &json!([markup("2026-01-01", &json!({"failed": "2"}))]));
    second["wabas"][0]["id"] = json!("waba-2");
    both["wabas"].as_array_mut().unwrap().push(second["wabas"][0].take());
    // In October there, in November here.
    w.advance(21 * DAY_MS + 8 * 3_600_000);
    let at = seconds(&w);
    w.apply(&both);
    w.event(&accepted(b, 1, &format!("wamid.{b}")));
    w.event(&said("failed", a, at));
    w.event(&said("failed", b, at));
    w.commit();
    w.reload();
    let c = sent(&mut w);
    w.event(&said("failed", c, at));
    w.advance(60 * DAY_MS);
    w.event(&close("2026-11", 0, None));
    let of = |e: &&Value| e["kind"] == "fee" && e["reason"] != "number";
    let told = |e: &Value| {
        let [waba, reason, quantity, fee, usage] = ["waba", "reason", "quantity", "fee", "usage_period"].map(|k| &e[k]);
        format!("{waba} {reason} {quantity} {fee} {usage}").replace('"', "")
    };
    assert_eq!(
        w.out.topic.iter().filter(of).map(told).collect::<Vec<_>>(),
        ["waba-1 accepted 2 0.002 2026-10", "waba-1 failed 2 0.0006 2026-10", "waba-2 failed 1 2 2026-11",]
    );
}

#[test]
fn without_fees_nothing_is_counted() {
    let none = json!([{"valid_from": "2026-01-01", "rules": [{"name": "all", "percent": "10"}]}]);
    for markup in [json!([]), none, json!([markup("2027-01-01", &json!({"accepted": "1", "inbound": "1"}))])] {
        let mut w = world("UTC", &markup);
        let now_s = seconds(&w);
        let uid = sent(&mut w);
        w.event(&said("failed", uid, now_s));
        w.event(&inbound("1001", now_s));
        w.commit();
        // 0 and the tag of a fee or number: see `codec::counter_key`.
        let counted = w.store.0.keys().filter(|(_, key)| {
            let tag = tollgate_core::codec::counter_from_key(key.get(1..).unwrap_or_default());
            matches!(
                tag,
                Ok(tollgate_core::change::CounterKey::Fee { .. } | tollgate_core::change::CounterKey::NumberSince(..))
            )
        });
        assert_eq!(counted.count(), 0);
        w.advance(30 * DAY_MS);
        w.event(&close("2026-10", 8, None));
        assert_eq!(fees(&w), ["2026-10 closed"]);
    }
}

#[test]
fn a_batch_that_is_undone_counts_nothing_and_a_restart_forgets_nothing() {
    let mut w = world("UTC", &json!([markup("2026-01-01", &all())]));
    let now_s = seconds(&w);
    w.event(&inbound("1001", now_s));
    w.commit();
    w.event(&inbound("1001", now_s));
    assert!(w.engine.abort());
    w.event(&inbound("1001", now_s));
    w.commit();
    w.reload();
    w.event(&inbound("1001", now_s));
    w.commit();
    w.advance(30 * DAY_MS);
    w.event(&close("2026-10", 8, None));
    assert!(w.engine.abort());
    w.event(&close("2026-10", 8, None));
    let month = ["1001 inbound 3 0.006 USD 2026-10>2026-10", "1001 number 1 5 USD 2026-10>2026-10", "2026-10 closed"];
    assert_eq!(fees(&w), [month, month].concat(), "decided again, the same");
    assert_eq!(w.out.topic[0]["entry"], w.out.topic[3]["entry"]);
    w.commit();
    w.reload();
    w.event(&close("2026-10", 8, None));
    assert_eq!(fees(&w)[6..], ["2026-10 closed"], "the marker again, no fee again");
}

#[test]
fn fees_that_have_begun_never_change() {
    let mut w = world("UTC", &json!([markup("2026-01-01", &all())]));
    let changed = spec("UTC", &["1001"], &json!([markup("2026-01-01", &json!({"accepted": "0.002"}))]));
    let why = w.try_command(&json!({"command": "apply_account", "spec": changed})).unwrap_err().detail;
    assert!(why.contains("waba waba-1: markup: the one of 2026-01-01 is not as it was"), "{why}");
    let odd = spec("UTC", &["1001"], &json!([markup("2026-01-01", &json!({"accepted": "-1"}))]));
    let why = w.try_command(&json!({"command": "apply_account", "spec": odd})).unwrap_err().detail;
    assert!(why.contains("markup[0].fees.accepted: -1 is out of range"), "{why}");
}

/// Earlier versions stop at accounts with fees, closed months or not; all others are written as before.
#[test]
fn formats() {
    let stored = |w: &World| {
        let account = w.engine.state().account("acme").unwrap();
        let waba = w.engine.state().wabas().next().unwrap();
        [tollgate_core::codec::put_account(account)[0], tollgate_core::codec::put_waba(waba)[0]]
    };
    let none = json!([{"valid_from": "2026-01-01", "rules": [{"name": "all", "percent": "10"}]}]);
    for (markup, open, closed) in
        [(json!([]), [1, 1], [3, 1]), (none, [2, 2], [3, 2]), (json!([markup("2026-01-01", &all())]), [4, 4], [4, 4])]
    {
        let mut w = world("UTC", &markup);
        assert_eq!(stored(&w), open);
        w.advance(30 * DAY_MS);
        w.event(&close("2026-10", 8, None));
        assert_eq!(stored(&w), closed);
        w.commit();
        w.reload();
        assert_eq!(stored(&w), closed);
    }
}

/// The platform tells of what a person wrote once more, days later and after a restart: fee, throughput, window and stop word
/// are of the first time. Another message of the same second is another one, and so is the same id at another number.
#[test]
fn what_a_person_wrote_counts_once_however_often_it_is_told() {
    let mut w = World::at(OCTOBER_MS);
    w.apply(&spec("UTC", &["1001", "1002"], &json!([markup("2026-01-01", &all())])));
    let at = seconds(&w);
    let wrote = |sender: &str, id: &str| {
        let mut event = inbound(sender, at);
        event["id"] = json!(id);
        event
    };
    let used = |w: &World| w.engine.state().live(w.engine.state().sender("1001").unwrap().ix).throughput.tat_ns;
    let mut stop = wrote("1001", "wamid.a");
    stop["keyword"] = json!("stop");
    w.event(&stop);
    let once = used(&w);
    w.event(&stop);
    assert_eq!(used(&w), once);
    // Undone with its batch, and then counted.
    w.commit();
    w.event(&wrote("1001", "wamid.b"));
    assert!(w.engine.abort());
    w.event(&wrote("1001", "wamid.b"));
    w.event(&wrote("1002", "wamid.a"));
    w.commit();
    w.reload();
    // She has agreed since: her old word, told again, takes nothing back.
    w.opt_in("+5511987654321", "marketing");
    w.advance(6 * DAY_MS);
    for id in ["wamid.a", "wamid.b", "wamid.a"] {
        let mut again = wrote("1001", id);
        again["keyword"] = json!("stop");
        w.event(&again);
    }
    assert_eq!(swept(&mut w), 3, "they may be told once more");
    let consent = w.engine.state().contact(tollgate_core::ids::ContactKey::new(
        tollgate_core::ids::AccountIx(0),
        tollgate_core::ids::User::from_digits(5_511_987_654_321).unwrap(),
    ));
    assert_eq!(consent.consent_for(tollgate_rate_card::Category::Marketing), tollgate_core::record::Consent::In);
    w.advance(40 * DAY_MS);
    w.event(&close("2026-10", 8, None));
    let inbound: Vec<String> = fees(&w).into_iter().filter(|line| line.contains(" inbound ")).collect();
    assert_eq!(inbound, ["1001 inbound 2 0.004 USD 2026-10>2026-10", "1002 inbound 1 0.002 USD 2026-10>2026-10"]);
    assert_eq!(swept(&mut w), 0);
}

/// Ids that are left when those whose time is over are swept.
fn swept(w: &mut World) -> usize {
    let ids = |w: &World| {
        let ids = w.store.0.iter().filter(|((table, _), _)| *table == Table::Wamids);
        ids.map(|((_, key), value)| (key.clone(), value.clone())).collect::<Vec<_>>()
    };
    for (key, value) in ids(w) {
        w.engine.sweep_id(&key, &value, &mut w.store).unwrap();
    }
    ids(w).len()
}
