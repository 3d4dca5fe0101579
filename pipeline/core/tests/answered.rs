//! Who waits for an answer: told when a person writes, and when a message has left for the person since.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, accepted, shipped, status};
use serde_json::{Value, json};

const TO: &str = "+5511987654321";

fn world() -> World {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "utility");
    w
}

fn now_s(w: &World) -> u32 {
    (w.now_ms / 1000) as u32
}

fn wrote(w: &mut World) {
    let at_s = now_s(w);
    w.event(&json!({"event": "inbound", "sender": "1001", "from": TO, "at_s": at_s}));
}

/// What was told: `wrote` or `answered` with its second after noon.
fn told(w: &World) -> Vec<String> {
    let text = |v: &Value| v["at"].as_str().unwrap()[14..19].to_owned();
    let what = |v: &Value| match (v["answered"] == TO, v["settled"] == true || v["reaction"] == true) {
        (true, _) => "answered",
        (_, true) if v["reaction"] == true => "reacted",
        (_, true) => "settled",
        _ => "wrote",
    };
    let of = |v: &Value| format!("{} {}", what(v), text(v));
    w.out.replies.iter().map(of).collect()
}

fn send(w: &mut World, id: &str) -> u64 {
    w.request(&shipped(id, TO)).unwrap();
    w.out.orders.last().unwrap()["message_uid"].as_u64().unwrap()
}

#[test]
fn a_message_that_left_answers_what_was_written_before_it_was_admitted() {
    let mut w = world();
    wrote(&mut w);
    w.advance(5_000);
    let uid = send(&mut w, "m1");
    w.event(&accepted(uid, 1, "wamid.1"));
    assert_eq!(told(&w), ["wrote 00:00"], "taken is not yet left: it may fail");
    let at_s = now_s(&w);
    w.event(&status("sent", uid, "wamid.1", at_s, false));
    assert_eq!(told(&w), ["wrote 00:00", "answered 00:05"]);
    w.event(&status("delivered", uid, "wamid.1", at_s, false));
    w.event(&status("read", uid, "wamid.1", at_s, false));
    assert_eq!(told(&w).len(), 2, "once");
}

#[test]
fn what_was_on_its_way_when_the_person_wrote_is_no_answer() {
    let mut w = world();
    let uid = send(&mut w, "m1");
    w.event(&accepted(uid, 1, "wamid.1"));
    w.advance(2_000);
    wrote(&mut w);
    let at_s = now_s(&w);
    w.event(&status("sent", uid, "wamid.1", at_s, false));
    assert_eq!(told(&w), ["wrote 00:02"]);
}

#[test]
fn a_delivery_tells_it_where_the_status_before_was_lost_and_a_failure_does_not() {
    let mut w = world();
    wrote(&mut w);
    w.advance(1_000);
    let (first, second) = (send(&mut w, "m1"), send(&mut w, "m2"));
    let at_s = now_s(&w);
    w.event(&status("failed", first, "wamid.1", at_s, false));
    assert_eq!(told(&w), ["wrote 00:00"]);
    w.event(&status("delivered", second, "wamid.2", at_s, false));
    assert_eq!(told(&w), ["wrote 00:00", "answered 00:01"]);
}

#[test]
fn other_software_answers_too_and_nobody_is_told_of_whom_nobody_waits_for() {
    let mut w = world();
    let foreign = |w: &mut World, kind: &str, n: u32| {
        let at_s = now_s(w);
        w.event(&json!({"event": "status", "sender": "1001", "wamid": format!("wamid.foreign.{n}"), "to": TO,
            "status": kind, "at_s": at_s}));
    };
    foreign(&mut w, "sent", 1);
    assert!(told(&w).is_empty());
    wrote(&mut w);
    w.advance(3_000);
    foreign(&mut w, "sent", 2);
    assert_eq!(told(&w), ["wrote 00:00", "answered 00:03"]);
    w.advance(86_400_000);
    foreign(&mut w, "sent", 3);
    assert_eq!(told(&w).len(), 2, "the window has closed");
}

#[test]
fn a_word_that_ends_consents_and_a_reaction_ask_for_no_answer() {
    let mut w = world();
    let say = |w: &mut World, more: Value| {
        let mut event = json!({"event": "inbound", "sender": "1001", "from": TO, "at_s": now_s(w)});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        w.event(&event);
        w.advance(1_000);
    };
    say(&mut w, json!({"keyword": "where is it?"}));
    say(&mut w, json!({"keyword": "STOP"}));
    say(&mut w, json!({"keyword": "x", "label": "Stop!"}));
    say(&mut w, json!({"reaction": true}));
    say(&mut w, json!({"keyword": "stop asking"}));
    assert_eq!(told(&w), ["wrote 00:00", "settled 00:01", "settled 00:02", "reacted 00:03", "wrote 00:04"]);
}
