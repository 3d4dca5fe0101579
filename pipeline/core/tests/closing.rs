//! The end of a month: when it may come, and where a charge is billed that comes after it.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::closing::{close, lines, read};
use common::conversations::{self, ANA, HOUR, JULY_2024_S, cbp};
use common::{NOON_MS, World, accepted, account_spec};
use serde_json::{Value, json};
use tollgate_core::snapshot;
use tollgate_wire::DeadLetterReason;

const DAY_MS: u64 = 86_400_000;
/// 2026-10-20, 12:00:00 UTC.
const OCTOBER_MS: u64 = NOON_MS - 32 * DAY_MS;
/// Mexico has another marketing rate before October.
const MEXICO: &str = "+525512345678";

/// A WABA in each of these zones; their numbers are `1001`, `1002` and so on.
fn spec(zones: &[&str]) -> Value {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    let wabas = zones.iter().zip(1..).map(|(zone, n)| {
        let mut of = account_spec("acme", &format!("waba-{n}"), &format!("100{n}"), "TIER_1K", "GREEN");
        of["wabas"][0]["time_zone"] = json!(zone);
        of["wabas"][0].take()
    });
    spec["wabas"] = wabas.collect();
    spec
}

fn world(now_ms: u64, zones: &[&str]) -> World {
    let mut w = World::at(now_ms);
    w.apply(&spec(zones));
    w
}

fn person(n: usize) -> String {
    format!("+55119876543{n:02}")
}

/// A marketing message of campaign `c`, accepted; its number.
fn sent(w: &mut World, to: &str) -> u64 {
    let n = w.out.orders.len() + 1;
    w.opt_in(to, "marketing");
    let mut request = common::promo(&format!("r{n}"), to);
    request["campaign"] = json!("c");
    w.request(&request).unwrap();
    assert_eq!(w.out.orders.len(), n, "{:?}", w.out.outcomes.last());
    let uid = w.out.orders.last().unwrap()["message_uid"].as_u64().unwrap();
    w.event(&accepted(uid, 1, &format!("wamid.{uid}")));
    uid
}

fn said(kind: &str, uid: u64, to: &str, at_s: u32, category: &str) -> Value {
    let price = json!({"model": "PMP", "category": category, "pricing_type": "regular"});
    conversations::status(kind, uid, to, at_s, price)
}

fn seconds(ms: u64) -> u32 {
    (ms / 1000) as u32
}

/// Why a close was refused.
fn refused(w: &mut World, event: &Value) -> String {
    let why = w.events(&json!([event])).unwrap_err();
    assert_eq!(why.reason, DeadLetterReason::Malformed);
    why.detail
}

fn closed(w: &World) -> Option<String> {
    let account = w.engine.state().account("acme").unwrap().ix;
    snapshot::account(w.engine.state(), account, w.now_ms).closed.map(|m| m.to_string())
}

/// The log is the barrier: in one record, what stands before the end of the month is in its bill, what comes after is not.
#[test]
fn what_stands_before_it_is_billed_by_it() {
    let mut w = world(OCTOBER_MS, &["America/Sao_Paulo"]);
    let (a, b) = (sent(&mut w, &person(1)), sent(&mut w, &person(2)));
    let at = seconds(w.now_ms);
    w.advance(20 * DAY_MS);
    let events = json!([
        said("delivered", a, &person(1), at, "marketing"),
        close("2026-10", 8, None),
        said("delivered", b, &person(2), at, "marketing"),
        said("delivered", a, &person(1), at, "marketing"),
        said("read", a, &person(1), at + 1, "utility"),
    ]);
    assert_eq!(w.events(&events), Ok(()));
    assert_eq!(
        lines(&w.out.topic),
        [
            "charge 1 0.0625 2026-10>2026-10 -",
            "2026-10 closed",
            "charge 1 0.0625 2026-10>2026-11 late",
            "adjustment -1 -0.0625 2026-10>2026-11 reclassified",
            "charge 1 0.0068 2026-10>2026-11 reclassified",
        ]
    );
    let marker = &w.out.topic[1];
    assert_eq!(*marker, json!({"month_closed": "2026-10", "account": "acme", "at": "2026-11-09T12:00:00.000Z"}));
    assert_eq!(w.out.topic[3]["adjusts"], w.out.topic[0]["entry"], "the id that was booked before the close");
    assert_eq!(w.last_outcome()["detail"], "billed in 2026-11: 2026-10 is closed");
    assert_eq!(read(&w), ["2026-10"]);
    // The month at hand is billed as ever.
    let c = sent(&mut w, &person(3));
    let now_s = seconds(w.now_ms);
    w.event(&said("delivered", c, &person(3), now_s, "marketing"));
    assert_eq!(lines(&w.out.topic).last().unwrap(), "charge 1 0.0625 2026-11>2026-11 -");
    assert!(w.last_outcome()["detail"].is_null());
}

#[test]
fn an_earlier_time_in_a_closed_month() {
    let mut w = world(OCTOBER_MS, &["UTC"]);
    let uid = sent(&mut w, MEXICO);
    w.advance(14 * DAY_MS);
    // 2026-11-01 and 2026-10-01, 00:00:00 UTC.
    let (november_s, october_s) = (1_793_491_200, 1_790_812_800);
    w.event(&said("read", uid, MEXICO, november_s, "marketing"));
    w.event(&close("2026-10", 0, None));
    w.event(&said("delivered", uid, MEXICO, november_s - 1, "marketing"));
    w.event(&said("delivered", uid, MEXICO, october_s - 1, "marketing"));
    w.advance(30 * DAY_MS);
    w.event(&close("2026-11", 2, None));
    w.event(&said("read", uid, MEXICO, november_s, "utility"));
    assert_eq!(
        lines(&w.out.topic),
        [
            "charge 1 0.0397 2026-11>2026-11 -",
            "2026-10 closed",
            "adjustment -1 -0.0397 2026-11>2026-11 card",
            "charge 1 0.0397 2026-10>2026-11 card",
            "adjustment -1 -0.0397 2026-10>2026-11 card",
            "charge 1 0.0305 2026-09>2026-11 card",
            "2026-11 closed",
            "adjustment -1 -0.0305 2026-09>2026-12 reclassified",
            "charge 1 0.0085 2026-09>2026-12 reclassified",
        ]
    );
    assert_eq!(read(&w), ["2026-10", "2026-11"]);
}

#[test]
fn without_a_price_free_and_foreign() {
    let mut w = world(OCTOBER_MS, &["UTC"]);
    let uid = sent(&mut w, &person(1));
    let at = seconds(w.now_ms);
    let odd = json!({"model": "PMP", "category_text": "business_agent", "pricing_type": "regular"});
    w.event(&conversations::status("delivered", uid, &person(1), at, odd.clone()));
    let foreign = |wamid: &str, kind: &str, price: &Value| {
        let mut s = conversations::status(kind, 1, &person(2), at, price.clone());
        s.as_object_mut().unwrap().remove("callback");
        s["wamid"] = json!(wamid);
        s
    };
    let price = json!({"model": "PMP", "category": "marketing", "pricing_type": "regular"});
    w.event(&foreign("wamid.f1", "delivered", &Value::Null));
    w.advance(20 * DAY_MS);
    w.event(&close("2026-10", 8, None));
    // Known before the close and after it; and not known before.
    let free = json!({"model": "PMP", "category": "utility", "pricing_type": "free_entry_point"});
    w.event(&conversations::status("read", uid, &person(1), at, free));
    w.event(&foreign("wamid.f1", "read", &price));
    w.event(&foreign("wamid.f2", "delivered", &price));
    w.event(&foreign("wamid.f3", "delivered", &Value::Null));
    w.event(&foreign("wamid.f3", "read", &price));
    assert_eq!(
        lines(&w.out.topic),
        [
            "unpriced 1 - 2026-10>2026-10 -",
            "unpriced 1 - 2026-10>2026-10 -",
            "2026-10 closed",
            "adjustment -1 - 2026-10>2026-11 reclassified",
            "free 1 0 2026-10>2026-11 reclassified",
            "adjustment -1 - 2026-10>2026-11 reclassified",
            "charge 1 0.0625 2026-10>2026-11 reclassified",
            "charge 1 0.0625 2026-10>2026-11 late",
            "unpriced 1 - 2026-10>2026-11 late",
            "adjustment -1 - 2026-10>2026-11 reclassified",
            "charge 1 0.0625 2026-10>2026-11 reclassified",
        ]
    );
    assert_eq!(read(&w), ["2026-10"]);
}

/// Of a message that other software sent a price comes with one of `delivered` and `read`. It is charged at the earlier of the
/// two, and what was booked without one is taken back where it was booked.
#[test]
fn a_price_of_what_other_software_sent_comes_in_another_month() {
    const EDGE_S: u32 = 1_793_491_200;
    let price = json!({"model": "PMP", "category": "marketing", "pricing_type": "regular"});
    let history = |first: (&str, u32), second: (&str, u32)| {
        let mut w = world(OCTOBER_MS, &["UTC"]);
        w.advance(30 * DAY_MS);
        for ((kind, at_s), price) in [(first, Value::Null), (second, price.clone()), (second, price.clone())] {
            let mut s = conversations::status(kind, 1, &person(2), at_s, price);
            s.as_object_mut().unwrap().remove("callback");
            s["wamid"] = json!("wamid.f");
            w.event(&s);
            w.commit();
            w.reload();
        }
        assert_eq!(read(&w), Vec::<String>::new());
        lines(&w.out.topic)
    };
    assert_eq!(
        history(("delivered", EDGE_S - 1), ("read", EDGE_S)),
        [
            "unpriced 1 - 2026-10>2026-10 -",
            "adjustment -1 - 2026-10>2026-10 reclassified",
            "charge 1 0.0625 2026-10>2026-10 reclassified",
        ]
    );
    assert_eq!(
        history(("read", EDGE_S), ("delivered", EDGE_S - 1)),
        [
            "unpriced 1 - 2026-11>2026-11 -",
            "adjustment -1 - 2026-11>2026-11 reclassified",
            "charge 1 0.0625 2026-10>2026-10 reclassified",
        ]
    );
}

/// A second delivered attempt is a charge of its own and says so; `late` is for what has no other cause.
#[test]
fn a_resend_in_a_closed_month() {
    let mut w = world(OCTOBER_MS, &["UTC"]);
    w.opt_in(ANA, "authentication");
    w.request(&json!({"id": "r", "account": "acme", "to": ANA, "purpose": "authentication",
        "content": [{"template": {"name": "code", "language": "pt_BR", "components": {"body": ["1"]}}}]}))
        .unwrap();
    let at = seconds(w.now_ms);
    w.run_until(OCTOBER_MS + 60_000);
    assert_eq!(w.out.orders.len(), 2, "a one-time code gets another attempt");
    w.advance(20 * DAY_MS);
    w.event(&close("2026-10", 8, None));
    for n in [1, 2] {
        let mut s = said("delivered", 1, ANA, at, "authentication");
        s["wamid"] = json!(format!("wamid.{n}"));
        s["callback"]["attempt"] = json!(n);
        w.event(&s);
    }
    assert_eq!(
        lines(&w.out.topic),
        ["2026-10 closed", "charge 1 0.0068 2026-10>2026-11 late", "charge 1 0.0068 2026-10>2026-11 resend"]
    );
}

/// A conversation of a closed month: opened, named and moved into another after it.
#[test]
fn conversations_of_a_closed_month() {
    let mut w = conversations::world(JULY_2024_S);
    let [a, b, c] = ["marketing", "utility", "marketing"].map(|category| conversations::sent(&mut w, category, ANA));
    w.event(&conversations::status("delivered", a, ANA, JULY_2024_S, cbp("marketing", "c1")));
    w.event(&conversations::status("delivered", b, ANA, JULY_2024_S + 1, Value::Null));
    w.advance(12 * DAY_MS);
    w.event(&close("2024-07", 8, None));
    w.event(&conversations::status("read", a, ANA, JULY_2024_S + 1, Value::Null));
    // Covered by what is booked before the close: nothing is charged, so nothing is billed later.
    w.event(&conversations::status("delivered", c, ANA, JULY_2024_S + HOUR, cbp("marketing", "c1")));
    // What was thought to open a conversation lies in one that is charged already.
    w.event(&conversations::status("read", b, ANA, JULY_2024_S + 2, cbp("marketing", "c1")));
    let books = lines(&w.out.topic);
    assert_eq!(books.len(), 4, "{books:?}");
    assert!(books[0].starts_with("charge 1 0.0625 2024-07>2024-07 -"), "{books:?}");
    assert_eq!(books[2], "2024-07 closed");
    assert!(books[3].starts_with("adjustment -1 ") && books[3].ends_with(" 2024-07>2024-08 reclassified"), "{books:?}");
    assert_eq!(w.out.topic[3]["adjusts"], w.out.topic[1]["entry"]);
    assert_eq!(read(&w), ["2024-07"]);
    conversations::sound(&w);
}

/// A number's thousand free messages of a closed month are still used up: the next position is given, not the first again.
#[test]
fn an_allowance_of_a_closed_month_goes_on() {
    let mut w = world(OCTOBER_MS, &["UTC"]);
    let at = seconds(w.now_ms);
    let foreign = |w: &mut World, i: usize| {
        let price = json!({"model": "PMP", "category": "service", "pricing_type": "regular"});
        let mut s = conversations::status("delivered", 1, &person(2), at, price);
        s.as_object_mut().unwrap().remove("callback");
        s["wamid"] = json!(format!("wamid.f{i}"));
        w.event(&s);
    };
    (0..999).for_each(|i| foreign(&mut w, i));
    w.advance(20 * DAY_MS);
    w.event(&close("2026-10", 8, None));
    w.commit();
    w.reload();
    (999..1001).for_each(|i| foreign(&mut w, i));
    assert_eq!(
        lines(&w.out.topic[999..]),
        ["2026-10 closed", "free 1 0 2026-10>2026-11 late", "charge 1 0.0068 2026-10>2026-11 late"]
    );
}

#[test]
fn closing_again_before_and_with_a_gap() {
    let mut w = world(NOON_MS, &["UTC"]);
    w.event(&close("2026-08", 8, None));
    // Said again: the marker once more, for one that was lost or set aside; nothing else comes of it, whatever it says.
    let before = tollgate_core::codec::put_account(w.engine.state().accounts().next().unwrap());
    w.advance(5_000);
    w.event(&close("2026-08", 8, None));
    w.event(&close("2026-08", 255, Some("why")));
    assert_eq!(lines(&w.out.topic), ["2026-08 closed"; 3]);
    assert_eq!(w.out.topic[1]["at"], "2026-11-21T12:00:05.000Z", "of the present: the ledger keeps the first");
    assert_eq!((&w.out.topic[0]["forced"], &w.out.topic[2]["forced"]), (&Value::Null, &json!("why")));
    assert_eq!(tollgate_core::codec::put_account(w.engine.state().accounts().next().unwrap()), before);
    assert_eq!(
        refused(&mut w, &close("2026-07", 8, Some("why"))),
        "month 2026-07: account acme is closed up to 2026-08; close 2026-09 or leave it: what comes late is billed there"
    );
    // Order is for whoever asks: a gap closes what lies in it.
    w.event(&close("2026-10", 8, None));
    assert_eq!(read(&w), ["2026-08", "2026-10"]);
    assert_eq!(closed(&w).as_deref(), Some("2026-10"));
    let unknown = json!({"account": "nobody", "events": [close("2026-09", 8, None)]}).to_string();
    let why = w.engine.events(unknown.as_bytes(), &w.store, &mut w.out).unwrap().unwrap_err();
    assert_eq!(why.reason, DeadLetterReason::UnknownAccount);
}

/// 2026-10 ends in Auckland on 31 October at 11:00 UTC and in Los Angeles on 1 November at 07:00 UTC.
#[test]
fn a_month_is_over_when_it_is_over_in_the_last_zone() {
    let zones = ["Pacific/Auckland", "America/Los_Angeles"];
    let over_ms = 1_793_491_200_000 + 7 * 3_600_000;
    let mut w = world(over_ms - 19 * 3_600_000, &zones);
    // Over in Auckland for an hour, where November has begun.
    assert_eq!(
        refused(&mut w, &close("2026-10", 0, None)),
        "month 2026-10: it is 2026-10-31 for waba waba-2 in America/Los_Angeles, and with settle_days 0 it may be closed \
         from 2026-11-01 on; wait until then, or give a reason in `forced`"
    );
    assert_eq!(
        refused(&mut w, &close("2026-11", 0, Some("why"))),
        "month 2026-11: it is 2026-10-31 for waba waba-2 in America/Los_Angeles; a month that has not begun cannot be closed, \
         wait for it"
    );
    // A WABA that is no longer declared may still deliver.
    w.apply(&spec(&zones[..1]));
    w.advance(19 * 3_600_000 - 1_000);
    assert!(refused(&mut w, &close("2026-10", 0, None)).contains("waba-2"));
    w.advance(1_000);
    assert!(refused(&mut w, &close("2026-10", 1, None)).contains("from 2026-11-02 on"));
    w.event(&close("2026-10", 0, None));
    assert_eq!(read(&w), ["2026-10"]);
    assert!(refused(&mut w, &close("2026-12", 0, Some("why"))).contains("has not begun"));
}

/// Closed at once, for a reason: what is delivered in the month from then on is billed in the next, also before that begins.
#[test]
fn a_month_is_closed_early_for_a_reason() {
    let mut w = world(NOON_MS, &["America/Sao_Paulo"]);
    let (a, b) = (sent(&mut w, &person(1)), sent(&mut w, &person(2)));
    let now_s = seconds(w.now_ms);
    w.event(&said("delivered", a, &person(1), now_s, "marketing"));
    assert!(refused(&mut w, &close("2026-11", 0, None)).contains("from 2026-12-01 on"));
    assert!(w.out.topic.len() == 1 && closed(&w).is_none(), "refused is refused");
    w.event(&close("2026-11", 8, Some("the contract ends")));
    w.event(&said("delivered", b, &person(2), now_s, "marketing"));
    w.advance(12 * DAY_MS);
    let c = sent(&mut w, &person(3));
    let now_s = seconds(w.now_ms);
    w.event(&said("delivered", c, &person(3), now_s, "marketing"));
    assert_eq!(w.out.topic[1]["forced"], "the contract ends");
    assert_eq!(
        lines(&w.out.topic),
        [
            "charge 1 0.0625 2026-11>2026-11 -",
            "2026-11 closed",
            "charge 1 0.0625 2026-11>2026-12 late",
            "charge 1 0.0625 2026-12>2026-12 -",
        ]
    );
    assert_eq!(read(&w), ["2026-11"]);
}

#[test]
fn a_closed_month_stays_closed() {
    let mut w = world(OCTOBER_MS, &["UTC"]);
    let uid = sent(&mut w, &person(1));
    let at = seconds(w.now_ms);
    w.commit();
    w.advance(20 * DAY_MS);
    // A batch that is undone ends no month.
    w.event(&close("2026-10", 8, None));
    assert!(w.engine.abort());
    assert_eq!(closed(&w), None);
    w.event(&close("2026-10", 8, None));
    assert_eq!(w.out.topic.len(), 2, "asked again, it ends again");
    w.out.topic.remove(0);
    w.commit();
    w.reload();
    assert_eq!(closed(&w).as_deref(), Some("2026-10"));
    // Neither a declaration nor what the platform changes opens it.
    let mut spec = spec(&["UTC"]);
    spec["name"] = json!("Acme again");
    spec["wabas"][0]["markup"] = json!([{"valid_from": "2026-12-01", "rules": [{"name": "all", "percent": "10"}]}]);
    w.apply(&spec);
    w.event(&json!({"event": "limit", "limit": "TIER_10K"}));
    w.commit();
    w.reload();
    let account = w.engine.state().account("acme").unwrap().ix;
    let shown = snapshot::account(w.engine.state(), account, w.now_ms);
    assert_eq!(shown.closed.map(|m| m.to_string()).as_deref(), Some("2026-10"));
    assert_eq!((&*shown.wabas[0].currency, shown.wabas[0].markup.len()), ("USD", 1));
    w.event(&said("delivered", uid, &person(1), at, "marketing"));
    assert_eq!(lines(&w.out.topic), ["2026-10 closed", "charge 1 0.0625 2026-10>2026-11 late"]);
}
