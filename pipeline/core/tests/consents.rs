//! Consents over a person's time: words that end and confirm them, their ends, a change of number, the suppression list.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;

use common::{World, account_spec, promo, shipped};
use serde_json::{Value, json};
use tollgate_core::engine::Table;
use tollgate_wire::Time;

const ANA: &str = "+5511987654321";
const NEW: &str = "+5511987654322";
const NEWER: &str = "+5511987654323";
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

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

fn consent(w: &mut World, to: &str, state: &str, more: &Value) {
    let mut consent = json!({"to": to, "state": state, "source": "web"});
    for (field, value) in more.as_object().unwrap() {
        consent[field] = value.clone();
    }
    w.command(&json!({"command": "set_consent", "account": "acme", "consent": consent}));
}

fn suppress(w: &mut World, to: &str, listed: bool) {
    w.command(&json!({"command": "set_suppression", "account": "acme",
        "suppression": {"to": to, "listed": listed, "source": "complaint"}}));
}

fn at(w: &World, after_ms: i64) -> String {
    Time(w.now_ms.checked_add_signed(after_ms).unwrap()).to_string()
}

fn wrote(w: &mut World, from: &str, more: &Value) {
    let mut event = json!({"event": "inbound", "sender": "1001", "from": from, "at_s": w.now_ms / 1000});
    for (field, value) in more.as_object().unwrap() {
        event[field] = value.clone();
    }
    w.event(&event);
}

fn moved(w: &mut World, from: &str, to: &str, at_ms: u64) {
    w.event(&json!({"event": "number_changed", "from": from, "to": to, "at_s": at_ms / 1000}));
}

fn code(id: &str, to: &str) -> Value {
    json!({"id": id, "account": "acme", "to": to, "purpose": "authentication",
        "content": [{"template": {"name": "code", "language": "pt_BR", "components": {"body": ["1"]}}}]})
}

fn text(id: &str, to: &str) -> Value {
    json!({"id": id, "account": "acme", "to": to, "purpose": "service", "content": [{"text": "Oi"}]})
}

/// What becomes of a marketing, a utility, an authentication and a service message, one letter each: admitted, out, not
/// opted in, window closed. The pair rate of the platform is kept.
fn asked(w: &mut World, to: &str) -> String {
    let mut said = String::new();
    for make in [promo, shipped, code, text] {
        w.advance(60_000);
        let id = format!("r{}", w.now_ms);
        w.request(&make(&id, to)).unwrap();
        said.push(w.last_sign());
    }
    said
}

/// Everybody agreed to everything and writes in the window: what the account is set to, what is written, and what may
/// be sent after it: marketing, utility, one-time codes, answers.
#[test]
fn what_a_word_ends() {
    let plain = json!({"stop_words": ["STOP", "BAJA", "SAIR", "수신거부"]});
    let wide = json!({"stop_words": ["SAIR"], "consent": {"stop_ends": ["marketing", "utility", "service"],
        "stop_all_words": ["SAIR DE TUDO", "menu:stop_all"]}});
    let narrow = json!({"stop_words": ["SAIR"], "consent": {"stop_ends": ["marketing"], "stop_all_words": []}});
    let table: [(&Value, Value, &str); 17] = [
        (&plain, json!({"keyword": "oi"}), "AAAA"),
        (&plain, json!({}), "AAAA"),
        (&plain, json!({"keyword": "stop!"}), "ooAA"),
        (&plain, json!({"keyword": "Ｂａｊａ"}), "ooAA"),
        (&plain, json!({"keyword": "수신거부."}), "ooAA"),
        (&plain, json!({"keyword": "please stop"}), "AAAA"),
        (&plain, json!({"keyword": "NEWS_OFF", "label": "Sair"}), "ooAA"),
        (&plain, json!({"keyword": "Stop all"}), "oooo"),
        (&wide, json!({"keyword": "sair"}), "ooAo"),
        (&wide, json!({"keyword": "SAIR DE  TUDO"}), "oooo"),
        (&wide, json!({"keyword": "menu:stop_all", "label": "Parar"}), "oooo"),
        (&wide, json!({"keyword": "stop"}), "AAAA"),
        (&wide, json!({"keyword": "stop all"}), "AAAA"),
        (&narrow, json!({"keyword": "sair"}), "oAAA"),
        (&narrow, json!({"keyword": "stop all"}), "AAAA"),
        // A word that confirms where nothing waits, and one of both kinds at once.
        (&plain, json!({"keyword": "yes"}), "AAAA"),
        (&plain, json!({"keyword": "yes", "label": "Stop"}), "ooAA"),
    ];
    for (policy, written, expected) in table {
        let mut w = world(policy);
        consent(&mut w, ANA, "opt_in", &json!({}));
        wrote(&mut w, ANA, &written);
        assert_eq!(asked(&mut w, ANA), expected, "{policy} {written}");
        // A restart keeps words and consents.
        w.commit();
        w.reload();
        assert_eq!(asked(&mut w, ANA), expected, "{policy} {written}");
    }
}

#[test]
fn an_opt_in_ends_when_it_says_so_or_after_the_accounts_days() {
    let days = json!({"consent": {"valid_days": 10}});
    let table = [
        (json!({}), json!({}), None),
        (json!({}), json!({"expires": 5}), Some(5)),
        (days.clone(), json!({}), Some(10)),
        (days.clone(), json!({"expires": 5}), Some(5)),
        (days.clone(), json!({"expires": 20}), Some(20)),
        // Said four days ago, recorded now.
        (days, json!({"at": 4}), Some(6)),
    ];
    for (policy, fields, ends_days) in table {
        let mut w = world(&policy);
        let start_ms = w.now_ms;
        let day = |n: &Value, sign: i64| n.as_i64().map(|n| at(&w, sign * n * DAY_MS as i64));
        let mut more = json!({"category": "marketing"});
        if let Some(expires) = day(&fields["expires"], 1) {
            more["expires"] = json!(expires);
        }
        if let Some(said) = day(&fields["at"], -1) {
            more["at"] = json!(said);
        }
        consent(&mut w, ANA, "opt_in", &more);
        w.commit();
        w.reload();
        let shown = w.out.consents.pop().unwrap();
        let ends = ends_days.map(|n| Time(start_ms + n * DAY_MS).to_string());
        assert_eq!(shown["holds"]["ends"]["marketing"].as_str(), ends.as_deref(), "{policy} {fields}");
        assert_eq!(shown["said"]["expires"].as_str(), ends.as_deref());
        let outcome = |w: &mut World| {
            w.request(&promo(&format!("r{}", w.now_ms), ANA)).unwrap();
            w.last_outcome().clone()
        };
        let Some(n) = ends_days else {
            w.advance(30 * DAY_MS);
            assert_eq!(outcome(&mut w)["outcome"], "admitted");
            continue;
        };
        w.advance(n * DAY_MS - 1);
        assert_eq!(outcome(&mut w)["outcome"], "admitted", "{policy} {fields}");
        let leave_by = w.out.orders.last().unwrap()["leave_by"].as_str().unwrap().to_owned();
        assert_eq!(Some(leave_by), ends, "an order does not outlive the consent");
        w.advance(1);
        let o = outcome(&mut w);
        assert_eq!((&o["outcome"], &o["reason"]), (&json!("refused"), &json!("not_opted_in")), "{policy} {fields}");
        let why = format!("opt-in to marketing ended {}", ends.unwrap());
        assert_eq!(o["detail"].as_str(), Some(why.as_str()));
        // A new one holds again.
        consent(&mut w, ANA, "opt_in", &json!({"category": "marketing"}));
        w.advance(60_000);
        assert_eq!(outcome(&mut w)["outcome"], "admitted");
    }
}

/// Parked while the opt-in held, woken when it does not.
#[test]
fn an_opt_in_that_ends_while_a_message_waits_sends_nothing() {
    for (policy, holds) in [(json!({"consent": {"valid_days": 1}}), false), (json!({}), true)] {
        let mut w = world(&policy);
        let wait = |w: &mut World, id: &str, request: &Value| {
            w.request(request).unwrap();
            assert_eq!(w.last_outcome()["outcome"], "parked", "{id}");
        };
        w.campaign(&json!({"name": "c", "paused": true}));
        consent(&mut w, ANA, "opt_in", &json!({"category": "marketing"}));
        // One waits for a time of its own, one in the campaign's lot.
        let mut later = promo("later", ANA);
        later["send_after"] = json!(at(&w, 2 * DAY_MS as i64));
        wait(&mut w, "later", &later);
        let mut held = promo("held", ANA);
        held["campaign"] = json!("c");
        wait(&mut w, "held", &held);
        w.commit();
        w.reload();
        w.run_until(w.now_ms + 25 * HOUR_MS);
        w.control("c", "resume");
        w.run_until(w.now_ms + 2 * DAY_MS);
        let ended = |id: &str| {
            let last = w.out.outcomes.iter().rfind(|o| o["id"] == id).unwrap();
            (last["outcome"].as_str().unwrap() == "refused", last["reason"].as_str() == Some("not_opted_in"))
        };
        if holds {
            assert_eq!(w.out.orders.len(), 2);
        } else {
            assert!(w.out.orders.is_empty());
            assert_eq!((ended("later"), ended("held")), ((true, true), (true, true)));
        }
    }
}

#[test]
fn an_opt_out_follows_a_change_of_number_and_an_opt_in_does_not() {
    let mut w = world(&json!({}));
    consent(&mut w, ANA, "opt_in", &json!({}));
    consent(&mut w, ANA, "opt_out", &json!({"category": "marketing"}));
    let moved_ms = w.now_ms;
    moved(&mut w, ANA, NEW, moved_ms);
    assert_eq!(asked(&mut w, NEW), "onnw", "the no is taken along, the yes is not");
    assert_eq!(asked(&mut w, ANA), "oAAw", "nothing changes where it was said");
    let shown = w.out.consents.pop().unwrap();
    assert_eq!((&shown["consents_of"], &shown["said"]["source"]), (&json!(NEW), &json!("whatsapp number change")));
    // The person agrees with the new number; the platform tells of the change again.
    consent(&mut w, NEW, "opt_in", &json!({}));
    w.commit();
    w.reload();
    moved(&mut w, ANA, NEW, moved_ms);
    assert_eq!(asked(&mut w, NEW), "AAAw", "told again, nothing changes");
    assert!(!w.out.consents.iter().any(|c| c["said"]["source"] == "whatsapp number change"));
}

#[test]
fn a_stop_of_everything_and_the_suppression_list_follow_too() {
    let mut w = world(&json!({}));
    let now_ms = w.now_ms;
    consent(&mut w, ANA, "opt_out", &json!({}));
    suppress(&mut w, ANA, true);
    moved(&mut w, ANA, NEW, now_ms);
    wrote(&mut w, NEW, &json!({}));
    assert_eq!(asked(&mut w, NEW), "oooo");
    consent(&mut w, NEW, "opt_in", &json!({}));
    assert_eq!(asked(&mut w, NEW), "oooo", "the list stays, whatever is agreed to");
    suppress(&mut w, NEW, false);
    assert_eq!(asked(&mut w, NEW), "AAAA");
    moved(&mut w, ANA, NEW, now_ms);
    assert_eq!(asked(&mut w, NEW), "AAAA", "told again, it is not put on the list again");
}

/// Whoever left a number is put on the list by it: by the number that is known to who asks for it.
#[test]
fn a_place_on_the_list_follows_to_the_number_that_the_person_moved_to() {
    let mut w = world(&json!({}));
    let start_ms = w.now_ms;
    for to in [ANA, NEW, NEWER] {
        consent(&mut w, to, "opt_in", &json!({}));
    }
    moved(&mut w, ANA, NEW, start_ms);
    moved(&mut w, NEW, NEWER, start_ms + 1000);
    // In a circle of numbers it comes to an end.
    moved(&mut w, NEWER, ANA, start_ms + 2000);
    w.advance(HOUR_MS);
    assert_eq!(asked(&mut w, NEWER), "AAAw");
    w.commit();
    let said = w.out.consents.len();
    suppress(&mut w, ANA, true);
    assert_eq!(w.out.consents.len(), said + 3, "each with its proof");
    if !w.engine.abort() {
        w.reload();
    }
    assert_eq!(asked(&mut w, NEWER), "AAAw", "undone");
    let now = at(&w, 0);
    suppress(&mut w, ANA, true);
    let told = w.out.consents.last().unwrap();
    assert_eq!((&told["said"]["category"], &told["said"]["at"]), (&json!("suppression"), &json!(now)), "{told}");
    w.commit();
    w.reload();
    for to in [ANA, NEW, NEWER] {
        assert_eq!(asked(&mut w, to), "ooow", "{to}");
    }
    // Off it is who is named, and told again it stays so.
    suppress(&mut w, NEW, false);
    suppress(&mut w, ANA, true);
    let listed = |w: &mut World| [ANA, NEW, NEWER].map(|to| asked(w, to));
    assert_eq!(listed(&mut w), ["ooow", "AAAw", "ooow"]);
    suppress(&mut w, ANA, false);
    assert_eq!(listed(&mut w), ["AAAw", "AAAw", "ooow"]);
    // Put on it anew it is followed anew.
    suppress(&mut w, ANA, true);
    assert_eq!(listed(&mut w), ["ooow", "ooow", "ooow"]);
}

/// The platform keeps no order: the change is told first, then the word that was said before it; then an earlier change.
#[test]
fn what_was_said_before_a_change_follows_whenever_it_is_told() {
    let mut w = world(&json!({}));
    let start_ms = w.now_ms;
    w.advance(10 * HOUR_MS);
    moved(&mut w, NEW, NEWER, start_ms + 2 * HOUR_MS);
    moved(&mut w, ANA, NEW, start_ms + HOUR_MS);
    w.commit();
    w.reload();
    let stop = |at_ms: u64| json!({"keyword": "STOP", "at_s": at_ms / 1000});
    wrote(&mut w, ANA, &stop(start_ms + HOUR_MS + 1000));
    assert_eq!(asked(&mut w, NEW), "nnnw", "whoever has the old number now said that");
    wrote(&mut w, ANA, &stop(start_ms + HOUR_MS - 1000));
    assert_eq!(asked(&mut w, NEW), "oonw");
    assert_eq!(asked(&mut w, NEWER), "oonw", "and on to the number after that");
    // In a circle of numbers it comes to an end.
    moved(&mut w, NEWER, ANA, start_ms + 3 * HOUR_MS);
    consent(&mut w, ANA, "opt_out", &json!({"at": Time(start_ms).to_string()}));
    assert_eq!(asked(&mut w, NEWER), "ooow");
}

#[test]
fn business_scoped_ids_change_too_and_what_is_no_change_changes_nothing() {
    let mut w = world(&json!({}));
    let (old, new) = (json!({"bsuid": "BR.1", "country": "BR"}), json!({"bsuid": "BR.2", "country": "BR"}));
    // Both are new in one event: each becomes somebody.
    let event =
        |from: &Value, to: &Value, at_s: u64| json!({"event": "number_changed", "from": from, "to": to, "at_s": at_s});
    let at_s = w.now_ms / 1000;
    w.event(&event(&old, &new, at_s));
    let before = at(&w, -1000);
    consent(&mut w, "BR.1", "opt_out", &json!({"category": "utility", "at": before}));
    consent(&mut w, "BR.2", "opt_in", &json!({"category": "marketing"}));
    let reason = |w: &mut World, to: &Value| {
        w.advance(60_000);
        let mut request = shipped(&format!("r{}", w.now_ms), "");
        request["to"] = to.clone();
        w.request(&request).unwrap();
        w.last_outcome()["reason"].clone()
    };
    assert_eq!(reason(&mut w, &new), "opted_out");
    w.commit();
    w.reload();
    assert_eq!(reason(&mut w, &new), "opted_out");
    w.event(&event(&new, &new, at_s));
    w.event(&event(&json!("+1"), &new, at_s));
    assert_eq!(reason(&mut w, &json!(NEW)), "not_opted_in");
}

#[test]
fn whoever_wrote_is_taken_to_agree_only_where_the_account_says_so() {
    let implied = json!({"consent": {"implied_utility_days": 30, "implied_marketing_days": 3}});
    for (policy, closed, later, last) in [(json!({}), "nnnw", "nnnw", "nnnw"), (implied, "AAnw", "nAnw", "nnnw")] {
        let mut w = world(&policy);
        assert_eq!(asked(&mut w, ANA), "nnnw", "never wrote");
        wrote(&mut w, ANA, &json!({}));
        w.advance(2 * DAY_MS);
        assert_eq!(asked(&mut w, ANA), closed, "{policy}");
        w.advance(2 * DAY_MS);
        assert_eq!(asked(&mut w, ANA), later, "{policy}");
        w.commit();
        w.reload();
        w.advance(27 * DAY_MS);
        assert_eq!(asked(&mut w, ANA), last, "{policy}");
        // A no beats it, also when the person writes again.
        wrote(&mut w, ANA, &json!({"keyword": "stop"}));
        wrote(&mut w, ANA, &json!({"keyword": "oi"}));
        assert_eq!(asked(&mut w, ANA), "oonA", "{policy}");
    }
}

#[test]
fn a_double_opt_in_holds_once_it_is_confirmed() {
    let policy = json!({"consent": {"double_opt_in": ["marketing"], "confirm_words": ["SIM", "optin_yes"],
        "confirm_hours": 48, "valid_days": 100}});
    let yes = |w: &mut World| wrote(w, ANA, &json!({"keyword": "Sim!"}));
    let start = || {
        let mut w = world(&policy);
        consent(&mut w, ANA, "opt_in", &json!({"text_version": "7"}));
        w
    };
    // Only marketing waits.
    let mut w = start();
    let shown = w.out.consents.pop().unwrap();
    assert_eq!((&shown["holds"]["marketing"], &shown["holds"]["utility"]), (&Value::Null, &json!("opt_in")));
    assert_eq!(shown["holds"]["pending"], json!({"marketing": at(&w, 48 * HOUR_MS as i64)}));
    assert_eq!((&shown["said"]["pending"], &shown["said"]["state"]), (&json!(true), &json!("opt_in")));
    assert_eq!(asked(&mut w, ANA), "nAAw");
    let why = w.out.outcomes.iter().find(|o| o["reason"] == "not_opted_in").unwrap()["detail"].clone();
    assert!(
        why.as_str().unwrap().starts_with("opt-in to marketing waits for the person's confirmation until "),
        "{why}"
    );
    w.commit();
    w.reload();
    yes(&mut w);
    let shown = w.out.consents.pop().unwrap();
    assert_eq!((&shown["said"]["source"], &shown["holds"]["pending"]), (&json!("whatsapp confirmation"), &Value::Null));
    assert_eq!(shown["holds"]["ends"]["marketing"].as_str(), Some(at(&w, 100 * DAY_MS as i64).as_str()));
    assert_eq!(asked(&mut w, ANA), "AAAA");
    // Confirmed once, it needs no more; a button's payload does it too.
    let proofs = |w: &World| w.store.0.keys().filter(|(table, _)| *table == Table::Proofs).count();
    w.commit();
    let before = proofs(&w);
    wrote(&mut w, ANA, &json!({"keyword": "optin_yes", "label": "Sim"}));
    w.commit();
    assert_eq!(proofs(&w), before);
    // Too late, told of late, and taken back before.
    let mut w = start();
    w.advance(48 * HOUR_MS + 1000);
    yes(&mut w);
    assert_eq!(asked(&mut w, ANA), "nAAA", "too late");
    let mut w = start();
    let in_time_s = w.now_ms / 1000 + 60;
    w.advance(50 * HOUR_MS);
    wrote(&mut w, ANA, &json!({"keyword": "sim", "at_s": in_time_s}));
    assert_eq!(asked(&mut w, ANA), "AAAw", "in time, told of late");
    let mut w = start();
    wrote(&mut w, ANA, &json!({"keyword": "STOP"}));
    yes(&mut w);
    assert_eq!(asked(&mut w, ANA), "ooAA", "a no is not confirmed away");
    // The person confirmed elsewhere.
    let mut w = world(&policy);
    consent(&mut w, ANA, "opt_in", &json!({"confirmed": true}));
    assert_eq!(asked(&mut w, ANA), "AAAw");
}

#[test]
fn the_suppression_list_beats_everything_and_only_a_command_takes_off_it() {
    let mut w = world(&json!({"consent": {"implied_utility_days": 9}}));
    consent(&mut w, ANA, "opt_in", &json!({}));
    suppress(&mut w, ANA, true);
    wrote(&mut w, ANA, &json!({"keyword": "yes"}));
    assert_eq!(asked(&mut w, ANA), "oooo");
    assert_eq!(w.last_outcome()["detail"], "on the suppression list");
    consent(&mut w, ANA, "opt_in", &json!({}));
    w.event(&json!({"event": "preference", "from": ANA, "stop": false, "at_s": w.now_ms / 1000}));
    w.commit();
    w.reload();
    assert_eq!(asked(&mut w, ANA), "oooo");
    let shown = w.out.consents.pop().unwrap();
    assert_eq!((&shown["holds"]["suppressed"], &shown["holds"]["marketing"]), (&json!(true), &json!("opt_in")));
    suppress(&mut w, ANA, false);
    let shown = w.out.consents.pop().unwrap();
    let said = json!({"category": "suppression", "state": "opt_in", "source": "complaint", "at": at(&w, 0),
        "text_version": ""});
    assert_eq!((&shown["said"], shown["holds"].get("suppressed")), (&said, None));
    assert_eq!(asked(&mut w, ANA), "AAAA", "what the person agreed to holds as before");
}

/// Other people's words, and other accounts, are not touched.
#[test]
fn a_list_is_one_accounts() {
    let mut w = world(&json!({}));
    let other = account_spec("other", "waba-2", "2001", "unlimited", "GREEN");
    w.apply(&other);
    consent(&mut w, ANA, "opt_in", &json!({}));
    w.command(&json!({"command": "set_suppression", "account": "other", "suppression": {"to": ANA, "listed": true}}));
    assert_eq!(asked(&mut w, ANA), "AAAw");
    assert_eq!(asked(&mut w, NEW), "nnnw");
    let unknown =
        json!({"command": "set_suppression", "account": "nobody", "suppression": {"to": ANA, "listed": true}});
    assert!(w.try_command(&unknown).unwrap_err().detail.contains("is not in the registry"));
}

#[test]
fn an_erased_person_is_unknown_but_for_refusals() {
    let proofs = |w: &World| w.store.0.keys().filter(|(table, _)| *table == Table::Proofs).count();
    let erase = |w: &mut World, to: &str| {
        w.command(&json!({"command": "erase_person", "account": "acme", "to": to}));
        w.out.erased.pop().unwrap()
    };
    let mut w = world(&json!({"marketing_cap": 1, "consent": {"double_opt_in": ["service"], "valid_days": 9}}));
    for to in [ANA, NEW] {
        consent(&mut w, to, "opt_in", &json!({}));
        consent(&mut w, to, "opt_out", &json!({"category": "utility"}));
    }
    let now_ms = w.now_ms;
    moved(&mut w, ANA, NEWER, now_ms);
    suppress(&mut w, NEWER, true);
    assert_eq!(asked(&mut w, ANA), "AoAw");
    w.commit();
    let before = proofs(&w);
    // Something said in the same batch goes too; what is said after it is kept.
    consent(&mut w, ANA, "opt_in", &json!({"category": "marketing", "source": "before"}));
    let told = erase(&mut w, ANA);
    assert_eq!((&told["erased"], &told["account"]), (&json!(ANA), &json!("acme")));
    let holds = json!({"marketing": null, "utility": "opt_out", "authentication": null, "service": null,
        "stop_all": false});
    assert_eq!(told["holds"], holds);
    consent(&mut w, ANA, "opt_in", &json!({"category": "authentication", "source": "after"}));
    w.commit();
    assert_eq!(proofs(&w), before - 2 + 1, "two of the person, not those of others");
    w.reload();
    assert_eq!(asked(&mut w, ANA), "noAw");
    assert_eq!(asked(&mut w, NEW), "AoAw", "another person");
    assert_eq!(erase(&mut w, NEWER)["holds"]["suppressed"], true);
    assert_eq!(erase(&mut w, "+5511987650000").get("holds"), None);
    w.commit();
    assert_eq!(asked(&mut w, NEWER), "ooow");
}
