//! A campaign's split: one person has one alternative at every try, and quota, price and order are of what was chosen.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, account_spec};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn person(n: usize) -> String {
    format!("+55119{n:08}")
}

fn world() -> World {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_10K", "GREEN");
    spec["wabas"][0]["senders"][0]["throughput"] = json!(1000);
    let templates = spec["wabas"][0]["templates"].as_array_mut().unwrap();
    for name in ["a", "b", "c"] {
        // Of two categories, so that the price tells which was chosen.
        let category = if name == "b" { "marketing" } else { "utility" };
        templates.push(json!({"name": name, "language": "pt_BR", "category": category}));
    }
    let mut w = World::new();
    w.apply(&spec);
    w.campaign(&json!({"name": "c", "split": [40, 40, 20]}));
    w
}

fn request(id: &str, n: usize) -> Value {
    let content = ["a", "b", "c"].map(|name| json!({"template": {"name": name, "language": "pt_BR"}}));
    json!({"id": id, "account": "acme", "to": person(n), "purpose": "utility", "campaign": "c", "choose": "split",
        "content": content})
}

fn send(w: &mut World, id: &str, n: usize) {
    w.opt_in(&person(n), "utility");
    w.opt_in(&person(n), "marketing");
    w.request(&request(id, n)).unwrap();
}

/// Template and order of each id.
fn chosen(w: &World) -> BTreeMap<String, (String, Value)> {
    let admitted = w.out.outcomes.iter().filter(|o| o["outcome"] == "admitted");
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    admitted.map(|o| (text(&o["id"]), (text(&o["content"]["template"]), o["content"]["instead_of"].clone()))).collect()
}

fn set(w: &mut World, template: &str, status: &str) {
    w.event(&json!({"event": "template", "waba": "waba-1", "name": template, "language": "pt_BR", "status": status}));
}

#[test]
fn one_person_has_one_alternative_at_every_try_and_after_a_restart() {
    let mut w = world();
    for n in 0..60 {
        send(&mut w, &format!("m{n}"), n);
    }
    w.commit();
    w.reload();
    for n in 0..60 {
        send(&mut w, &format!("again{n}"), n);
    }
    let chosen = chosen(&w);
    assert_eq!(chosen.len(), 120);
    for n in 0..60 {
        assert_eq!(chosen[&format!("m{n}")], chosen[&format!("again{n}")]);
    }
    for name in ["a", "b", "c"] {
        assert!(chosen.values().filter(|(template, _)| template == name).count() >= 10, "{name}: {chosen:?}");
    }
    assert!(chosen.values().all(|(_, instead)| instead.is_null()));
    // Orders, prices and pacing are those of what was chosen.
    for o in w.out.outcomes.iter().filter(|o| o["outcome"] == "admitted") {
        let uid = &o["message_uid"];
        let order = w.out.orders.iter().find(|order| &order["message_uid"] == uid).unwrap();
        assert_eq!(order["content"]["template"]["name"], o["content"]["template"]);
        let dear = o["content"]["template"] == "b";
        assert_eq!(o["content"]["category"], if dear { "marketing" } else { "utility" });
        let estimate: rust_decimal::Decimal = o["estimate"]["amount"].as_str().unwrap().parse().unwrap();
        assert_eq!(estimate > "0.03".parse().unwrap(), dear, "{o}");
    }
}

/// A message whose first try did not leave is tried again with the same alternative, also after the shares have changed for
/// others.
#[test]
fn a_retry_keeps_the_alternative() {
    let mut w = world();
    for n in 0..30 {
        send(&mut w, &format!("m{n}"), n);
    }
    let first = chosen(&w);
    for order in w.out.orders.clone() {
        let uid = &order["message_uid"];
        w.event(
            &json!({"event": "result", "callback": {"message_uid": uid, "attempt": 1}, "at": "2026-11-21T12:00:01Z",
            "result": {"not_sent": {"reason": "leave_by"}}}),
        );
    }
    while w.tick() > 0 {}
    assert_eq!(w.out.orders.len(), 60);
    assert_eq!(chosen(&w), first);
}

#[test]
fn what_is_not_usable_is_stood_in_for_by_the_next_and_the_outcome_says_so() {
    let mut w = world();
    for n in 0..30 {
        send(&mut w, &format!("m{n}"), n);
    }
    let own = chosen(&w);
    set(&mut w, "b", "paused");
    set(&mut w, "c", "rejected");
    for n in 0..30 {
        send(&mut w, &format!("again{n}"), n);
    }
    let after = chosen(&w);
    for n in 0..30 {
        let (template, _) = &own[&format!("m{n}")];
        let (now, instead) = &after[&format!("again{n}")];
        let expected = match template.as_str() {
            "a" => Value::Null,
            "b" => json!(1),
            _ => json!(2),
        };
        assert_eq!((now.as_str(), instead), ("a", &expected), "b's next is c, which is rejected, then a");
    }
    let told = w.out.outcomes.iter().find(|o| o["content"]["instead_of"] == 1).unwrap();
    assert!(told["detail"].as_str().unwrap().contains("content[1]: template_paused"), "{told}");
    // Nothing is left: it waits for what may come free.
    set(&mut w, "a", "rejected");
    send(&mut w, "waits", 3);
    assert_eq!(w.last_outcome()["reason"], "template_paused");
    set(&mut w, "b", "approved");
    while w.tick() > 0 {}
    assert_eq!(chosen(&w)["waits"].0, "b");
}

#[test]
fn a_split_is_checked() {
    let mut w = world();
    for split in [json!([0, 0]), json!([1, 1, 1, 1, 1, 1, 1, 1, 1]), json!([1_000_001]), json!([-1])] {
        let spec = json!({"name": "c", "split": split});
        let answer = w.try_command(&json!({"command": "put_campaign", "account": "acme", "spec": spec}));
        assert!(answer.is_err(), "{split}");
    }
    let mut without = request("r", 1);
    without.as_object_mut().unwrap().remove("campaign");
    assert!(w.request(&without).unwrap_err().detail.contains("campaign"));
}
