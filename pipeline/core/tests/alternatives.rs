//! Several alternatives of one request: a message waits as long as none of its own may be sent, whoever waits before it.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{NOON_MS, World, account_spec};
use serde_json::{Value, json};
use tollgate_wire::Time;

const HOUR_MS: u64 = 3_600_000;

/// An account whose people agreed with everything, with two more templates for utility and `shipped` in another language.
fn world(people: usize) -> World {
    let mut spec = account_spec("acme", "waba-1", "1001", "UNLIMITED", "GREEN");
    let templates = spec["wabas"][0]["templates"].as_array_mut().unwrap();
    for (name, language) in [("shipped", "en_US"), ("on_its_way", "pt_BR"), ("soon", "pt_BR")] {
        templates.push(json!({"name": name, "language": language, "category": "utility", "body": ["1", "2"]}));
    }
    let mut w = World::new();
    w.apply(&spec);
    for n in 0..people {
        w.opt_in(&person(n), "utility");
        w.opt_in(&person(n), "marketing");
    }
    w
}

fn person(n: usize) -> String {
    format!("+55119{n:08}")
}

fn template(name: &str, languages: &[&str]) -> Value {
    json!({"template": {"name": name, "language": languages, "components": {"body": ["Ana", "42"]}}})
}

/// A request with alternatives that stays useful for ten days; the number of its message.
fn ask(w: &mut World, n: usize, content: &[Value]) -> u64 {
    let request = json!({"id": format!("m{n}"), "account": "acme", "to": person(n), "purpose": "utility",
        "expires_at": Time(w.now_ms + 240 * HOUR_MS).to_string(), "content": content});
    w.request(&request).unwrap();
    w.engine.state().next_uid() - 1
}

/// Names of templates, each as an alternative in Portuguese.
fn ask_for(w: &mut World, n: usize, names: &[&str]) -> u64 {
    let content: Vec<Value> = names.iter().map(|name| template(name, &["pt_BR"])).collect();
    ask(w, n, &content)
}

/// The platform pauses a template until it says otherwise, or the first time, or says that it is active.
fn told(w: &mut World, name: &str, language: &str, status: &str, pause: Option<u8>) {
    let mut event =
        json!({"event": "template", "waba": "waba-1", "name": name, "language": language, "status": status});
    if let Some(pause) = pause {
        event["pause"] = json!(pause);
    }
    w.event(&event);
}

/// What left of a message, as template and language.
fn sent(w: &World, uid: u64) -> Vec<String> {
    let of_it = w.out.orders.iter().filter(|o| o["message_uid"] == uid).map(|o| &o["content"]["template"]);
    of_it.map(|t| format!("{} {}", t["name"].as_str().unwrap(), t["language"].as_str().unwrap())).collect()
}

fn restart(w: &mut World) {
    w.commit();
    w.reload();
    w.tick();
}

#[test]
fn whoever_waits_for_one_template_does_not_hold_up_who_can_use_another() {
    let mut w = world(5);
    for name in ["shipped", "on_its_way", "soon"] {
        told(&mut w, name, "pt_BR", "paused", None);
    }
    let alone = ask_for(&mut w, 0, &["shipped"]);
    let [two, other_two, three] =
        [&["shipped", "soon"][..], &["shipped", "on_its_way"], &["shipped", "on_its_way", "soon"]]
            .into_iter()
            .zip(1..)
            .map(|(names, n)| ask_for(&mut w, n, names))
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
    w.tick();
    told(&mut w, "soon", "pt_BR", "approved", None);
    w.tick();
    let soon = ["soon pt_BR"];
    assert_eq!([alone, two, other_two].map(|uid| sent(&w, uid).len()), [0, 1, 0]);
    assert_eq!((sent(&w, two), sent(&w, three)), (soon.map(String::from).into(), soon.map(String::from).into()));
    // Known after a restart, too.
    restart(&mut w);
    told(&mut w, "on_its_way", "pt_BR", "approved", None);
    w.tick();
    assert_eq!(sent(&w, other_two), ["on_its_way pt_BR"]);
    restart(&mut w);
    told(&mut w, "shipped", "pt_BR", "approved", None);
    w.tick();
    assert_eq!(sent(&w, alone), ["shipped pt_BR"]);
    assert_eq!(w.engine.state().lots().iter().count(), 0);
}

#[test]
fn a_pause_that_ends_by_itself_frees_those_who_came_behind_one_without_an_end() {
    let mut w = world(2);
    told(&mut w, "shipped", "pt_BR", "paused", None);
    told(&mut w, "soon", "pt_BR", "paused", Some(1));
    let (alone, two) = (ask_for(&mut w, 0, &["shipped"]), ask_for(&mut w, 1, &["shipped", "soon"]));
    w.run_until(NOON_MS + 3 * HOUR_MS - 1);
    assert_eq!(sent(&w, two), [""; 0]);
    w.run_until(NOON_MS + 3 * HOUR_MS);
    assert_eq!((sent(&w, alone).len(), sent(&w, two)), (0, vec!["soon pt_BR".to_owned()]));
}

#[test]
fn another_language_is_another_alternative() {
    let mut w = world(2);
    told(&mut w, "shipped", "pt_BR", "paused", None);
    told(&mut w, "shipped", "en_US", "paused", Some(1));
    let alone = ask_for(&mut w, 0, &["shipped"]);
    let two = ask(&mut w, 1, &[template("shipped", &["pt_BR", "en_US"])]);
    w.run_until(NOON_MS + 3 * HOUR_MS);
    assert_eq!((sent(&w, alone).len(), sent(&w, two)), (0, vec!["shipped en_US".to_owned()]));
}

/// Marketing of another purpose that the platform holds waits in its template's lot: who can use a template that comes
/// free does not wait behind who cannot.
#[test]
fn what_is_held_for_its_category_goes_by_an_alternative_that_comes_free() {
    let mut w = world(3);
    w.event(&json!({"event": "template", "waba": "waba-1", "name": "shipped", "language": "pt_BR",
        "category": "marketing"}));
    told(&mut w, "soon", "pt_BR", "paused", None);
    let spam = w.engine.state().next_uid();
    w.request(&common::promo("spam", &person(2))).unwrap();
    w.event(&json!({"event": "result", "callback": {"message_uid": spam, "attempt": 1},
        "at": "2026-11-21T12:00:01Z", "result": {"rejected": {"code": 131_048}}}));
    let (alone, two) = (ask_for(&mut w, 0, &["shipped"]), ask_for(&mut w, 1, &["soon", "shipped"]));
    assert_eq!([alone, two].map(|uid| sent(&w, uid).len()), [0, 0]);
    told(&mut w, "soon", "pt_BR", "approved", None);
    w.tick();
    assert_eq!((sent(&w, alone).len(), sent(&w, two)), (0, vec!["soon pt_BR".to_owned()]));
}

/// However many wait, a template that changes costs one look into each queue.
#[test]
fn a_change_looks_at_one_message_of_each_queue() {
    let mut w = world(40);
    for name in ["shipped", "on_its_way", "soon"] {
        told(&mut w, name, "pt_BR", "paused", None);
    }
    for n in 0..40 {
        ask_for(&mut w, n, if n % 2 == 0 { &["shipped"] } else { &["shipped", "soon"] });
    }
    while w.tick() > 0 {}
    assert_eq!(w.engine.state().lots().iter().count(), 2);
    told(&mut w, "on_its_way", "pt_BR", "approved", None);
    assert_eq!(w.tick(), 2);
}

/// A template that the platform made marketing is paced as marketing: what goes by another template of the same purpose does
/// not wait behind it, where utility is paced too.
#[test]
fn a_template_that_became_marketing_holds_up_nobody_of_its_purpose() {
    let mut w = world(3);
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "RED");
    let spread = |percent: u8| json!({"percent": percent, "spread": true});
    spec["policy"] = json!({"pacing": {"red": {"marketing": spread(10), "utility": spread(50)}}});
    w.apply(&spec);
    w.event(&json!({"event": "template", "waba": "waba-1", "name": "shipped", "language": "pt_BR",
        "category": "marketing"}));
    let told: Vec<String> = ["shipped", "shipped", "soon"]
        .into_iter()
        .enumerate()
        .map(|(n, name)| {
            ask_for(&mut w, n, &[name]);
            w.last_outcome()["reason"].as_str().unwrap_or("admitted").to_owned()
        })
        .collect();
    assert_eq!(told, ["admitted", "pacing", "admitted"]);
    // The next token of marketing comes by itself.
    w.run_until(NOON_MS + HOUR_MS);
    assert!(w.out.outcomes.iter().any(|o| o["id"] == "m1" && o["outcome"] == "admitted"));
}
