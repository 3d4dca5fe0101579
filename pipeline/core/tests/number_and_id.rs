//! The platform names a person by number and by business-scoped id: what the person did is known of both.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;

use common::{World, account_spec, promo, shipped};
use serde_json::{Value, json};
use tollgate_core::ids::{AccountIx, ContactKey, PairKey, SenderIx, User};

const ANA: &str = "+5511987654321";
const ID: &str = "BR.13491208655302741918";
const MINUTE_MS: u64 = 60_000;

fn spec(policy: &Value) -> Value {
    let mut spec = account_spec("acme", "waba-1", "1001", "unlimited", "GREEN");
    spec["policy"] = policy.clone();
    spec
}

fn world(policy: &Value) -> World {
    let mut w = World::new();
    w.apply(&spec(policy));
    w
}

fn agreed(w: &mut World, to: &str, more: &Value) {
    let mut consent = json!({"to": to, "state": "opt_in", "source": "web"});
    for (field, value) in more.as_object().unwrap() {
        consent[field] = value.clone();
    }
    w.command(&json!({"command": "set_consent", "account": "acme", "consent": consent}));
}

/// The person wrote; the webhook names the number and the id.
fn wrote(w: &mut World, more: &Value) {
    w.event(&inbound(w, more));
}

fn inbound(w: &World, more: &Value) -> Value {
    let mut event = json!({"event": "inbound", "sender": "1001", "from": ANA, "bsuid": ID, "at_s": w.now_ms / 1000});
    for (field, value) in more.as_object().unwrap() {
        event[field] = value.clone();
    }
    event
}

fn person(to: &str) -> Value {
    if to.starts_with('+') { json!(to) } else { json!({"bsuid": to, "country": "BR"}) }
}

fn text(id: &str, to: &str) -> Value {
    json!({"id": id, "account": "acme", "to": to, "purpose": "service", "content": [{"text": "Oi"}]})
}

/// What becomes of a marketing, a utility and a service message, one letter each: admitted, out, not opted in, window
/// closed.
fn asked(w: &mut World, to: &str) -> String {
    let mut said = String::new();
    for make in [promo, shipped, text] {
        w.advance(MINUTE_MS);
        let mut request = make(&format!("r{}", w.now_ms), to);
        request["to"] = person(to);
        w.request(&request).unwrap();
        said.push(w.last_sign());
    }
    said
}

/// The defect that this is about: a stop that named both, and a campaign that goes to the id.
#[test]
fn a_stop_holds_for_the_number_and_for_the_id() {
    let table = [
        (json!({}), "AAA"),
        (json!({"keyword": "oi"}), "AAA"),
        (json!({"keyword": "STOP"}), "ooA"),
        (json!({"keyword": "x", "label": "Stop"}), "ooA"),
        (json!({"keyword": "Stop all"}), "ooo"),
    ];
    for (written, expected) in table {
        for used_before in [true, false] {
            let mut w = world(&json!({}));
            agreed(&mut w, ANA, &json!({}));
            if used_before {
                agreed(&mut w, ID, &json!({}));
            }
            wrote(&mut w, &written);
            if used_before {
                assert_eq!(asked(&mut w, ID), expected, "{written}");
            } else if expected.contains('o') {
                // Nobody had used the id: the stop is remembered all the same.
                assert_eq!(asked(&mut w, ID), expected, "{written}");
            }
            assert_eq!(asked(&mut w, ANA), expected, "{written}");
            w.commit();
            w.reload();
            assert_eq!(asked(&mut w, ANA), expected, "{written}");
            if used_before {
                assert_eq!(asked(&mut w, ID), expected, "{written}");
            }
        }
    }
}

/// An opt-in that comes later but was said before the stop lets nobody write to the id.
#[test]
fn a_stop_to_an_id_that_nobody_used_beats_an_older_yes() {
    let mut w = world(&json!({}));
    let before = tollgate_wire::Time(w.now_ms - MINUTE_MS).to_string();
    wrote(&mut w, &json!({"keyword": "STOP"}));
    agreed(&mut w, ID, &json!({"at": before}));
    assert_eq!(asked(&mut w, ID), "ooA");
    let now = tollgate_wire::Time(w.now_ms).to_string();
    agreed(&mut w, ID, &json!({"at": now}));
    assert_eq!(asked(&mut w, ID), "AAA");
    assert_eq!(asked(&mut w, ANA), "ooA", "an opt-in is for whom it names");
}

#[test]
fn the_platforms_switch_is_thrown_for_both() {
    let mut w = world(&json!({}));
    let switch = |w: &mut World, stop: bool| {
        w.advance(MINUTE_MS);
        let at_s = w.now_ms / 1000;
        w.event(&json!({"event": "preference", "from": ANA, "bsuid": ID, "stop": stop, "at_s": at_s}));
    };
    agreed(&mut w, ANA, &json!({}));
    switch(&mut w, true);
    assert_eq!((asked(&mut w, ANA).as_str(), asked(&mut w, ID).as_str()), ("oAw", "onw"));
    switch(&mut w, false);
    assert_eq!((asked(&mut w, ANA).as_str(), asked(&mut w, ID).as_str()), ("AAw", "Anw"));
    w.commit();
    w.reload();
    assert_eq!((asked(&mut w, ANA).as_str(), asked(&mut w, ID).as_str()), ("AAw", "Anw"));
}

#[test]
fn a_word_that_confirms_confirms_what_waits_for_either() {
    let mut w = world(&json!({"consent": {"double_opt_in": ["marketing"]}}));
    agreed(&mut w, ANA, &json!({"category": "marketing"}));
    agreed(&mut w, ID, &json!({"category": "marketing"}));
    assert_eq!((asked(&mut w, ANA).as_str(), asked(&mut w, ID).as_str()), ("nnw", "nnw"));
    wrote(&mut w, &json!({"keyword": "yes"}));
    assert_eq!((asked(&mut w, ANA).as_str(), asked(&mut w, ID).as_str()), ("AAA", "AAA"));
}

/// The window and what stands on it are of both; of an id that nobody has used nothing is kept.
#[test]
fn the_window_is_open_for_both_and_strangers_cost_nothing() {
    let mut w = world(&json!({"consent": {"implied_marketing_days": 3}}));
    wrote(&mut w, &json!({}));
    assert_eq!(w.engine.state().scoped_user(ID), None, "whoever was never written to costs no more for having an id");
    assert_eq!(asked(&mut w, ID), "nnw", "and what was written before it was used is not known of it");
    wrote(&mut w, &json!({}));
    assert_eq!(asked(&mut w, ID), "AAA", "implied, answer, answer");
    let state = w.engine.state();
    let id = state.scoped_user(ID).unwrap();
    let number = User::from_digits(ANA[1..].parse().unwrap()).unwrap();
    let pair = |user| state.pair(PairKey::new(SenderIx(0), user));
    assert_eq!(pair(id).last_inbound_s, pair(number).last_inbound_s);
    w.advance(25 * 60 * MINUTE_MS);
    assert_eq!(asked(&mut w, ID), "Anw");
}

/// One message is told, charged and counted once, whoever it is of; told again it changes nothing for either.
#[test]
fn it_is_one_message() {
    let mut w = world(&json!({}));
    agreed(&mut w, ANA, &json!({}));
    agreed(&mut w, ID, &json!({}));
    let replies = |w: &World| {
        w.out
            .replies
            .iter()
            .map(|s| format!("{} {}", s["reply_of"].as_str().unwrap(), s["stranger"] == true))
            .collect::<Vec<_>>()
    };
    let stop = inbound(&w, &json!({"keyword": "STOP", "id": "wamid.1"}));
    w.event(&stop);
    assert_eq!(replies(&w), [format!("{ANA} false")]);
    let (live, now) = (w.engine.state().live(SenderIx(0)), w.now_ms);
    // Both agree again; the same stop told again is no new one.
    w.advance(MINUTE_MS);
    let at = tollgate_wire::Time(w.now_ms).to_string();
    agreed(&mut w, ANA, &json!({"at": at}));
    agreed(&mut w, ID, &json!({"at": at}));
    w.event(&stop);
    assert_eq!(replies(&w).len(), 1);
    assert_eq!(w.engine.state().live(SenderIx(0)), live);
    assert_eq!((asked(&mut w, ANA).as_str(), asked(&mut w, ID).as_str()), ("AAA", "AAA"));
    // As much throughput as a message that names one of them.
    let mut one = world(&json!({}));
    let mut named = stop.clone();
    named.as_object_mut().unwrap().remove("bsuid");
    assert_eq!(one.now_ms, now);
    one.event(&named);
    assert_eq!(one.engine.state().live(SenderIx(0)), live);
}

/// A reply to a campaign that went to the id is one of whom it went to.
#[test]
fn it_is_told_of_the_one_that_was_written_to() {
    let told = |known: &[&str]| {
        let mut w = world(&json!({}));
        for to in known {
            agreed(&mut w, to, &json!({}));
        }
        wrote(&mut w, &json!({}));
        let told = w.out.replies.last().unwrap();
        (told["reply_of"].as_str().unwrap().to_owned(), told["stranger"] == true)
    };
    assert_eq!(told(&[]), (ANA.to_owned(), true));
    assert_eq!(told(&[ANA]), (ANA.to_owned(), false));
    assert_eq!(told(&[ID]), (ID.to_owned(), false));
    assert_eq!(told(&[ANA, ID]), (ANA.to_owned(), false));
}

/// What is not durable is undone for both, with the id that became known by it.
#[test]
fn an_abort_takes_it_back_from_both() {
    let mut w = world(&json!({}));
    agreed(&mut w, ANA, &json!({}));
    w.commit();
    wrote(&mut w, &json!({"keyword": "STOP", "id": "wamid.1"}));
    assert!(w.engine.state().scoped_user(ID).is_some());
    if !w.engine.abort() {
        w.reload();
    }
    assert_eq!(w.engine.state().scoped_user(ID), None);
    // Read again, it holds.
    wrote(&mut w, &json!({"keyword": "STOP", "id": "wamid.1"}));
    assert_eq!((asked(&mut w, ANA).as_str(), asked(&mut w, ID).as_str()), ("ooA", "ooA"));
}

/// A person whose number is shared no longer: the stop that is told by both is one no at each.
#[test]
fn a_number_that_became_the_id_refuses_once() {
    for (from, to) in [(ANA, ID), (ID, ANA)] {
        let mut w = world(&json!({}));
        for person in [ANA, ID] {
            agreed(&mut w, person, &json!({"at": "2026-01-01T00:00:00Z"}));
        }
        let at_s = w.now_ms / 1000 + 5;
        w.event(&json!({"event": "number_changed", "from": person(from), "to": person(to), "at_s": at_s}));
        wrote(&mut w, &json!({"keyword": "STOP"}));
        assert_eq!((asked(&mut w, ANA).as_str(), asked(&mut w, ID).as_str()), ("ooA", "ooA"), "{from}");
    }
}

/// To the brand of the number it was written to, for both.
#[test]
fn a_stop_to_a_brand_is_one_of_both() {
    let brands = json!({"brands": [{"name": "shoes", "senders": ["1001"]}]});
    let mut w = world(&brands);
    for to in [ANA, ID] {
        agreed(&mut w, to, &json!({"brand": "shoes"}));
        assert_eq!(asked(&mut w, to), "AAw");
    }
    wrote(&mut w, &json!({"keyword": "STOP"}));
    assert_eq!((asked(&mut w, ANA).as_str(), asked(&mut w, ID).as_str()), ("ooA", "ooA"));
    let said = |w: &World| {
        let state = w.engine.state();
        state.contact(ContactKey::new(AccountIx(0), state.scoped_user(ID).unwrap())).refusals(u32::MAX).is_empty()
    };
    assert!(said(&w), "nothing to the account as a whole");
}

/// Erasure is of the id that it names; of the other what was said stays.
#[test]
fn who_is_erased_by_one_id_is_known_by_the_other() {
    let mut w = world(&json!({"consent": {"implied_marketing_days": 3}}));
    agreed(&mut w, ID, &json!({}));
    wrote(&mut w, &json!({}));
    assert_eq!(asked(&mut w, ANA), "AAA");
    w.command(&json!({"command": "erase_person", "account": "acme", "to": ANA}));
    assert_eq!((asked(&mut w, ANA).as_str(), asked(&mut w, ID).as_str()), ("nnw", "AAA"));
}

/// From the platform's JSON to the campaign that does not go out.
#[test]
fn a_webhook_that_names_both_stops_a_campaign_to_the_id() {
    let mut w = world(&json!({}));
    for to in [ANA, ID] {
        agreed(&mut w, to, &json!({}));
    }
    assert_eq!(asked(&mut w, ID), "AAw");
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "waba-1", "changes": [{
        "field": "messages", "value": {"messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550783881", "phone_number_id": "1001"},
            "contacts": [{"profile": {"name": "Ana"}, "wa_id": &ANA[1..], "user_id": ID}],
            "messages": [{"id": "wamid.1", "timestamp": (w.now_ms / 1000).to_string(), "type": "text",
                "from": &ANA[1..], "from_user_id": ID, "text": {"body": "Stop"}}]}}]}]})
    .to_string();
    let webhook = tollgate_wire::webhook::parse(body.as_bytes()).unwrap();
    let events: Vec<Value> = webhook.events.iter().map(|a| serde_json::to_value(&a.event).unwrap()).collect();
    w.events(&json!(events)).unwrap();
    assert_eq!((asked(&mut w, ANA).as_str(), asked(&mut w, ID).as_str()), ("ooA", "ooA"));
}
