//! A conversation that the platform names is charged to its earliest message: whoever is told of first gives its charge over.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::World;
use common::conversations::{ANA, HOUR, JULY_2024_S, books, cbp, sent, sound, status, world};
use serde_json::{Value, json};
use tollgate_core::engine::{Swept, Table};

/// 2024-08-01 00:00:00 in Sao Paulo: utility became cheaper.
const AUGUST_S: u32 = 1_722_481_200;

fn delivered(w: &mut World, uid: u64, at_s: u32, pricing: Value) {
    w.event(&status("delivered", uid, ANA, at_s, pricing));
    sound(w);
}

fn spent(w: &World, campaign: &str) -> String {
    let found = w.engine.state().campaigns().find(|c| c.spec.name == campaign).unwrap();
    found.spent.normalize().to_string()
}

/// `wamid_hash` of what stands: those whose quantities come to one.
fn stands(w: &World) -> Vec<String> {
    let mut by: std::collections::BTreeMap<&str, i64> = std::collections::BTreeMap::new();
    for e in &w.out.ledger {
        *by.entry(e["wamid_hash"].as_str().unwrap()).or_default() += e["quantity"].as_i64().unwrap();
    }
    by.into_iter().filter(|(_, n)| *n == 1).map(|(hash, _)| hash.to_owned()).collect()
}

fn hash(w: &World, uid: u64) -> String {
    format!("{:032x}", w.engine.config().hash_key.wamid(&format!("wamid.{uid}")))
}

/// Another month and card, another campaign, and a restart between the two.
#[test]
fn an_earlier_message_takes_the_charge_over() {
    let mut w = world(AUGUST_S);
    let first = sent(&mut w, "utility", ANA);
    let mut other = json!({"id": "other", "account": "acme", "sender": "1001", "to": ANA, "purpose": "utility",
        "campaign": "d", "content": [{"template": {"name": "shipped", "language": ["pt_BR"], "components": {"body": ["Ana", "42"]}}}]});
    other["id"] = json!("r-other");
    w.request(&other).unwrap();
    let second = w.out.orders.last().unwrap()["message_uid"].as_u64().unwrap();
    w.event(&common::accepted(second, 1, &format!("wamid.{second}")));
    w.event(&status("read", second, ANA, AUGUST_S + 60, cbp("utility", "c1")));
    assert_eq!([spent(&w, "c"), spent(&w, "d")], ["0", "0.008"]);
    w.commit();
    w.reload();
    let before = w.out.outcomes.len();
    w.event(&status("delivered", first, ANA, AUGUST_S - 1, cbp("utility", "c1")));
    let moved = ["charge 1 0.0080 CBP 2024-08", "adjustment -1 -0.0080 CBP 2024-08", "charge 1 0.0350 CBP 2024-07"];
    assert_eq!(books(&w), moved);
    assert_eq!([spent(&w, "c"), spent(&w, "d")], ["0.035", "0"]);
    let (back, anew) = (&w.out.ledger[1], &w.out.ledger[2]);
    assert_eq!([&back["cause"], &anew["cause"], &back["campaign"], &anew["campaign"]], ["settle", "settle", "d", "c"]);
    assert_eq!([&back["adjusts"], &anew["adjusts"]], [&w.out.ledger[0]["entry"], &w.out.ledger[0]["entry"]]);
    assert_eq!([&back["revision"], &anew["revision"]], [1, 1]);
    // The text of another message's id is not at hand; its hash is.
    assert_eq!((&back["wamid"], &back["wamid_hash"]), (&Value::Null, &w.out.ledger[0]["wamid_hash"]));
    assert_eq!([&back["conversation"], &anew["conversation"]], ["c1", "c1"]);
    // Both messages are told of.
    let told = &w.out.outcomes[before..];
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((&told[0]["message_uid"], &told[0]["outcome"]), (&json!(second), &json!("read")));
    assert_eq!((&told[0]["charge"]["entry"], &told[0]["charge"]["amount"]), (&back["entry"], &json!("0")));
    assert_eq!(told[0]["detail"], "not charged: covered by the conversation that opened at 2024-08-01T02:59:59.000Z");
    assert_eq!((&told[1]["message_uid"], &told[1]["charge"]["entry"]), (&json!(first), &anew["entry"]));
    // Again, and what comes between the two, changes nothing.
    w.commit();
    w.reload();
    let third = sent(&mut w, "utility", ANA);
    for (uid, at_s) in [(first, AUGUST_S - 1), (second, AUGUST_S + 60), (third, AUGUST_S + 5), (second, AUGUST_S + 61)]
    {
        delivered(&mut w, uid, at_s, cbp("utility", "c1"));
    }
    assert_eq!(w.out.ledger.len(), 3);
    // Back again, by an earlier time of what is covered.
    delivered(&mut w, second, AUGUST_S - 2, cbp("utility", "c1"));
    assert_eq!(books(&w)[3..], ["adjustment -1 -0.0350 CBP 2024-07", "charge 1 0.0350 CBP 2024-07"]);
    assert_eq!([spent(&w, "c"), spent(&w, "d")], ["0", "0.035"]);
    assert_eq!(stands(&w), [hash(&w, second)]);
}

/// Of one instant the hash of the wamid decides, as it does when positions are settled.
#[test]
fn of_one_instant_the_smaller_hash_is_charged() {
    for turn in 0..2 {
        let mut w = world(JULY_2024_S);
        let mut both = [sent(&mut w, "utility", ANA), sent(&mut w, "utility", ANA)];
        both.sort_by_key(|uid| hash(&w, *uid));
        for n in [turn, 1 - turn] {
            delivered(&mut w, both[n], JULY_2024_S, cbp("utility", "c1"));
        }
        assert_eq!((stands(&w), w.out.ledger.len()), (vec![hash(&w, both[0])], 1 + 2 * turn));
    }
}

/// What was opened while no id was said has a key of its own.
#[test]
fn what_opened_without_an_id_gives_its_charge_over() {
    let mut w = world(JULY_2024_S);
    let (first, second) = (sent(&mut w, "utility", ANA), sent(&mut w, "utility", ANA));
    delivered(&mut w, second, JULY_2024_S + 60, Value::Null);
    delivered(&mut w, second, JULY_2024_S + 60, cbp("utility", "c1"));
    w.commit();
    w.reload();
    delivered(&mut w, first, JULY_2024_S, cbp("utility", "c1"));
    assert_eq!((stands(&w), w.out.ledger.len()), (vec![hash(&w, first)], 3));
    // The other way round: of what is covered the id is said first, then of what opened, which is the later one.
    let mut w = world(JULY_2024_S);
    let (first, second) = (sent(&mut w, "utility", ANA), sent(&mut w, "utility", ANA));
    delivered(&mut w, second, JULY_2024_S + 60, Value::Null);
    delivered(&mut w, first, JULY_2024_S, cbp("utility", "c1"));
    assert_eq!(stands(&w), [hash(&w, second)]);
    w.commit();
    w.reload();
    delivered(&mut w, second, JULY_2024_S + 60, cbp("utility", "c1"));
    assert_eq!((stands(&w), w.out.ledger.len()), (vec![hash(&w, first)], 3));
    assert_eq!(w.out.ledger[2]["conversation"], "c1");
}

/// A message was taken for covered by what opened without an id, which is of another conversation by its later word: both are
/// charged, and neither is lost.
#[test]
fn an_opener_that_is_of_another_conversation_leaves_its_own_to_the_earliest_of_it() {
    let mut w = world(JULY_2024_S);
    let [opener, second, third] = [0; 3].map(|_| sent(&mut w, "utility", ANA));
    w.advance(40 * 3_600_000);
    delivered(&mut w, opener, JULY_2024_S, Value::Null);
    delivered(&mut w, third, JULY_2024_S + 9 * HOUR, cbp("utility", "c2"));
    delivered(&mut w, second, JULY_2024_S + 8 * HOUR, cbp("utility", "c2"));
    assert_eq!(stands(&w), [hash(&w, opener)]);
    // Another conversation of its kind is the latest since.
    let later = sent(&mut w, "utility", ANA);
    delivered(&mut w, later, JULY_2024_S + 39 * HOUR, cbp("utility", "c3"));
    w.commit();
    w.reload();
    delivered(&mut w, opener, JULY_2024_S, cbp("utility", "c1"));
    let mut expected = [hash(&w, opener), hash(&w, second), hash(&w, later)];
    expected.sort();
    assert_eq!(stands(&w), expected);
    let told = w.out.outcomes.iter().rfind(|o| o["message_uid"] == json!(second)).unwrap();
    assert_eq!(told["charge"]["amount"], "0.0350");
    // And so does one that is covered itself by then.
    let mut w = world(JULY_2024_S);
    let [before, opener, second] = [0; 3].map(|_| sent(&mut w, "utility", ANA));
    w.advance(40 * 3_600_000);
    delivered(&mut w, opener, JULY_2024_S + 20 * HOUR, Value::Null);
    delivered(&mut w, second, JULY_2024_S + 26 * HOUR, cbp("utility", "c2"));
    delivered(&mut w, before, JULY_2024_S, cbp("utility", "c1"));
    delivered(&mut w, opener, JULY_2024_S + 20 * HOUR, cbp("utility", "c1"));
    let mut expected = [hash(&w, before), hash(&w, second)];
    expected.sort();
    assert_eq!(stands(&w), expected);
}

/// In a month that is closed positions are settled for good: who takes a charge over has that of who had it.
#[test]
fn in_a_closed_month_the_position_is_handed_over_with_the_charge() {
    let mut w = world(JULY_2024_S);
    common::conversations::writes(&mut w, ANA, JULY_2024_S);
    let [first, second] = [0; 2].map(|_| sent(&mut w, "service", ANA));
    delivered(&mut w, second, JULY_2024_S + 60, cbp("service", "c1"));
    // The thousand that are free.
    for n in 0..1000 {
        w.event(&json!({"event": "status", "sender": "1001", "wamid": format!("wamid.other.{n}"), "to": format!("+55119{n:08}"),
            "status": "delivered", "at_s": JULY_2024_S + 70, "pricing": cbp("service", &format!("o{n}"))}));
    }
    w.advance(10 * 86_400_000);
    w.event(&json!({"event": "close_month", "month": "2024-07", "settle_days": 1}));
    w.out.ledger.retain(|e| e["entry"].is_string());
    let before = w.out.ledger.len();
    w.event(&status("delivered", first, ANA, JULY_2024_S, cbp("service", "c1")));
    assert_eq!(books(&w)[before..], ["adjustment -1 0 CBP 2024-07", "free 1 0 CBP 2024-07"]);
    let [back, anew] = [&w.out.ledger[before], &w.out.ledger[before + 1]];
    assert_eq!([&back["billing_period"], &anew["billing_period"]], ["2024-08", "2024-08"]);
    assert_eq!([&back["ordinal"], &anew["ordinal"]], [1, 1]);
}

/// Of what is forgotten nothing moves: it is charged once.
#[test]
fn who_opened_and_is_forgotten_keeps_the_charge() {
    let mut w = world(JULY_2024_S);
    let second = sent(&mut w, "utility", ANA);
    w.advance(25 * 86_400_000);
    let first = sent(&mut w, "utility", ANA);
    delivered(&mut w, first, JULY_2024_S + 60, cbp("utility", "c1"));
    w.advance(10 * 86_400_000);
    delivered(&mut w, second, JULY_2024_S + 61, cbp("utility", "c1"));
    w.commit();
    let stored = w.store.0[&(Table::Closed, second.to_be_bytes().to_vec())].clone();
    let mut batch = common::Store::default();
    assert_eq!(w.engine.sweep(&stored, &mut batch).unwrap(), Swept::Gone);
    w.engine.committed();
    // What is covered goes without the conversation: it is known by its id still.
    let third = sent(&mut w, "utility", ANA);
    delivered(&mut w, third, JULY_2024_S + 70, cbp("utility", "c1"));
    assert_eq!((stands(&w), w.out.ledger.len()), (vec![hash(&w, first)], 1));
}

/// An opener is told of without an id, by a later time than its own, and by its own; its id comes last. It stays the opener of
/// what it opened and of nothing else: what follows a day later is of another conversation.
#[test]
fn an_opener_whose_time_becomes_earlier_covers_nothing_of_the_next_conversation() {
    let mut w = world(JULY_2024_S);
    let [opener, next] = [0; 2].map(|_| sent(&mut w, "utility", ANA));
    w.advance(40 * 3_600_000);
    // That it was read is told first, and nobody says a price.
    for hours in [24, 0] {
        delivered(&mut w, opener, JULY_2024_S + hours * HOUR, Value::Null);
        w.commit();
        w.reload();
    }
    delivered(&mut w, opener, JULY_2024_S, cbp("utility", "c1"));
    // The clocks of two phones.
    delivered(&mut w, next, JULY_2024_S + 24 * HOUR - 1, cbp("utility", "c2"));
    let mut expected = [hash(&w, opener), hash(&w, next)];
    expected.sort();
    assert_eq!(stands(&w), expected);
}

/// What it covers moves the opening back, too.
#[test]
fn an_opener_is_known_by_itself_and_not_by_the_time_of_its_conversation() {
    let mut w = world(JULY_2024_S);
    let [first, second, opener, next] = [0; 4].map(|_| sent(&mut w, "utility", ANA));
    w.advance(60 * 3_600_000);
    for (uid, hours) in [(opener, 30), (second, 12), (first, 5)] {
        delivered(&mut w, uid, JULY_2024_S + hours * HOUR, Value::Null);
    }
    delivered(&mut w, opener, JULY_2024_S + 29 * HOUR, cbp("utility", "c2"));
    delivered(&mut w, next, JULY_2024_S + 28 * HOUR, cbp("utility", "c1"));
    for (uid, hours) in [(second, 12), (first, 5)] {
        delivered(&mut w, uid, JULY_2024_S + hours * HOUR, cbp("utility", "c1"));
    }
    let mut expected = [hash(&w, first), hash(&w, opener)];
    expected.sort();
    assert_eq!(stands(&w), expected);
}
