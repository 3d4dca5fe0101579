//! A campaign in test: its test recipients get its messages, everybody else's wait for the start.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, accepted, account_spec, promo, shipped, status};
use serde_json::{Value, json};
use tollgate_core::ids::AccountIx;

fn person(n: usize) -> String {
    format!("+55119{n:08}")
}

fn world(limit: &str) -> World {
    let mut w = World::new();
    let mut spec = account_spec("acme", "waba-1", "1001", limit, "GREEN");
    // So that nothing here waits for throughput.
    spec["wabas"][0]["senders"][0]["throughput"] = json!(1000);
    w.apply(&spec);
    w
}

fn put(w: &mut World, people: &[usize]) {
    let people: Vec<String> = people.iter().map(|n| person(*n)).collect();
    w.campaign(&json!({"name": "c", "test_recipients": people}));
}

fn send(w: &mut World, people: std::ops::Range<usize>) {
    for n in people {
        w.opt_in(&person(n), "utility");
        let mut request = shipped(&format!("m{n}"), &person(n));
        request["campaign"] = json!("c");
        w.request(&request).unwrap();
    }
}

/// To whom messages were ordered, by number of the person, in order.
fn ordered(w: &World) -> Vec<usize> {
    let to = |o: &Value| o["to"].as_str().unwrap()[5..].parse().unwrap();
    w.out.orders.iter().map(to).collect()
}

fn settle(w: &mut World) {
    while w.tick() > 0 {}
}

fn snapshot(w: &World) -> Value {
    serde_json::to_value(tollgate_core::snapshot::account(w.engine.state(), AccountIx(0), w.now_ms)).unwrap()
}

#[test]
fn only_test_recipients_get_messages_until_the_start() {
    let mut w = world("TIER_10K");
    put(&mut w, &[3, 7]);
    w.control("c", "test");
    assert_eq!(snapshot(&w)["campaigns"][0]["state"], "test");
    send(&mut w, 0..10);
    settle(&mut w);
    assert_eq!(ordered(&w), [3, 7]);
    let parked = w.out.outcomes.iter().find(|o| o["id"] == "m0").unwrap();
    assert_eq!((&parked["reason"], &parked["gates"]["stopped"]), (&json!("campaign_test"), &json!("campaign")));
    let tests: Vec<&Value> = w.out.outcomes.iter().filter(|o| o["test"] == true).map(|o| &o["id"]).collect();
    assert_eq!(tests, ["m3", "m7"]);
    let counts = &snapshot(&w)["campaigns"][0]["counts"];
    assert_eq!(
        (&counts["requested"], &counts["parked"], &counts["test"]["requested"]),
        (&json!(8), &json!(8), &json!(2))
    );
    w.control("c", "start");
    settle(&mut w);
    assert_eq!(ordered(&w), [3, 7, 0, 1, 2, 4, 5, 6, 8, 9]);
    assert_eq!(w.out.outcomes.iter().filter(|o| o["test"] == true).count(), 2, "what goes after the start is no test");
}

/// What a pause held up is looked through: the test recipients' go, the others' move aside and wait for the start, each told
/// once.
#[test]
fn a_test_after_a_pause_reaches_those_in_the_middle_of_the_queue() {
    let mut w = world("TIER_10K");
    put(&mut w, &[40]);
    w.control("c", "pause");
    send(&mut w, 0..60);
    w.control("c", "test");
    settle(&mut w);
    assert_eq!(ordered(&w), [40]);
    let told = w.out.outcomes.iter().filter(|o| o["id"] == "m5").map(|o| o["reason"].as_str().unwrap());
    assert_eq!(told.collect::<Vec<_>>(), ["campaign_paused", "campaign_test"]);
    // A restart and an abort change nothing of it.
    w.commit();
    w.reload();
    settle(&mut w);
    assert_eq!(ordered(&w), [40]);
    w.control("c", "start");
    settle(&mut w);
    assert_eq!(ordered(&w).len(), 60);
}

/// Somebody who becomes a test recipient later gets what waits already; somebody who is taken off the list gets no more.
#[test]
fn the_list_changes_while_the_campaign_is_in_test() {
    let mut w = world("TIER_10K");
    put(&mut w, &[1]);
    w.control("c", "test");
    send(&mut w, 0..30);
    settle(&mut w);
    put(&mut w, &[1, 20]);
    settle(&mut w);
    assert_eq!(ordered(&w), [1, 20]);
    put(&mut w, &[5]);
    settle(&mut w);
    assert_eq!(ordered(&w), [1, 20, 5]);
    let mut again = shipped("again", &person(20));
    again["campaign"] = json!("c");
    w.request(&again).unwrap();
    settle(&mut w);
    assert_eq!(w.last_outcome()["reason"], "campaign_test", "no test recipient any more");
    assert_eq!(ordered(&w).len(), 3);
    // Also a message that comes back unsent waits then.
    let uid = w.out.orders[2]["message_uid"].as_u64().unwrap();
    put(&mut w, &[1]);
    w.event(&json!({"event": "result", "callback": {"message_uid": uid, "attempt": 1}, "at": "2026-11-21T12:00:01Z",
        "result": {"not_sent": {"reason": "leave_by"}}}));
    settle(&mut w);
    assert_eq!(ordered(&w).len(), 3);
    assert_eq!(w.last_outcome()["reason"], "campaign_test");
    w.control("c", "start");
    settle(&mut w);
    assert_eq!(ordered(&w).len(), 32, "30 people, two of one, one ordered twice: {:?}", ordered(&w));
}

#[test]
fn a_pause_in_test_is_resumed_in_test() {
    let mut w = world("TIER_10K");
    put(&mut w, &[1]);
    w.control("c", "test");
    w.control("c", "resume");
    send(&mut w, 0..3);
    w.control("c", "pause");
    send(&mut w, 3..4);
    assert_eq!(w.last_outcome()["reason"], "campaign_paused");
    assert_eq!(snapshot(&w)["campaigns"][0]["state"], "paused");
    w.commit();
    w.reload();
    w.control("c", "resume");
    settle(&mut w);
    assert_eq!(ordered(&w), [1]);
    w.control("c", "pause");
    w.control("c", "start");
    settle(&mut w);
    assert_eq!(ordered(&w).len(), 4);
}

#[test]
fn a_cancel_ends_what_waits_for_the_start() {
    let mut w = world("TIER_10K");
    put(&mut w, &[1]);
    w.control("c", "test");
    send(&mut w, 0..5);
    w.control("c", "cancel");
    settle(&mut w);
    let ended = w.out.outcomes.iter().filter(|o| o["outcome"] == "cancelled").count();
    assert_eq!((ordered(&w).len(), ended), (1, 4));
    let refused =
        w.try_command(&json!({"command": "control_campaign", "account": "acme", "campaign": "c", "action": "test"}));
    assert!(refused.is_err());
}

/// Test messages use the campaign's budget and the person's limits like any other: a test is no way around them.
#[test]
fn a_test_costs_and_is_limited_like_the_rest() {
    let mut w = world("TIER_10K");
    w.campaign(&json!({"name": "c", "test_recipients": [person(1), person(2)], "budget": "0.07"}));
    w.control("c", "test");
    for n in [1, 2] {
        w.opt_in(&person(n), "marketing");
        let mut request = promo(&format!("m{n}"), &person(n));
        request["campaign"] = json!("c");
        w.request(&request).unwrap();
    }
    assert_eq!(ordered(&w), [1]);
    assert_eq!(w.last_outcome()["reason"], "budget");
    let uid = w.out.orders[0]["message_uid"].as_u64().unwrap();
    w.event(&accepted(uid, 1, "wamid.1"));
    w.event(&status("delivered", uid, "wamid.1", (w.now_ms / 1000) as u32, true));
    let campaign = &snapshot(&w)["campaigns"][0];
    assert_ne!(campaign["spent"], "0");
    let counts = &campaign["counts"];
    assert_eq!(
        (&counts["delivered"], &counts["test"]["delivered"], &counts["parked"]),
        (&json!(0), &json!(1), &json!(1))
    );
    assert_eq!(w.last_outcome()["test"], true);
}

#[test]
fn an_erased_person_is_on_no_list() {
    let mut w = world("TIER_10K");
    w.campaign(&json!({"name": "c", "test_recipients": [person(1), "BR.abc123"]}));
    w.control("c", "test");
    for to in [person(1), "BR.abc123".to_owned()] {
        w.command(&json!({"command": "erase_person", "account": "acme", "to": to}));
    }
    assert!(snapshot(&w)["campaigns"][0]["spec"]["test_recipients"].is_null());
    send(&mut w, 1..2);
    settle(&mut w);
    assert_eq!(ordered(&w), [0; 0]);
}

#[test]
fn the_list_is_checked() {
    let mut w = world("TIER_10K");
    let many: Vec<String> = (0..51).map(person).collect();
    for (people, at) in
        [(json!(many), ""), (json!(["0119"]), ""), (json!(["+55"]), "[0]"), (json!([person(1), person(1)]), "[1]")]
    {
        let spec = json!({"name": "c", "test_recipients": people});
        let answer = w.try_command(&json!({"command": "put_campaign", "account": "acme", "spec": spec}));
        if people[0] == "0119" {
            continue;
        }
        let why = answer.unwrap_err().detail;
        assert!(why.contains(&format!("test_recipients{at}")), "{why}");
        assert!(!why.contains(&person(1)), "{why}");
    }
    w.campaign(&json!({"name": "nobody"}));
    let answer = w.try_command(
        &json!({"command": "control_campaign", "account": "acme", "campaign": "nobody", "action": "test"}),
    );
    assert!(answer.unwrap_err().detail.contains("test_recipients"));
}

#[test]
fn a_test_with_recipients_replaces_the_list_and_nothing_else() {
    let mut w = world("TIER_10K");
    let test = |w: &mut World, name: &str, people: &[usize]| {
        let people: Vec<String> = people.iter().map(|n| person(*n)).collect();
        w.command(&json!({"command": "control_campaign", "account": "acme", "campaign": name, "action": "test",
            "test_recipients": people}));
    };
    w.campaign(
        &json!({"name": "c", "test_recipients": [person(1)], "budget": "10", "per_minute": 600, "split": [1, 2]}),
    );
    let before = snapshot(&w)["campaigns"][0]["spec"].clone();
    w.control("c", "pause");
    send(&mut w, 0..10);
    test(&mut w, "c", &[2, 3]);
    settle(&mut w);
    assert_eq!(ordered(&w), [2, 3]);
    let mut after = snapshot(&w)["campaigns"][0].clone();
    assert_eq!((&after["state"], &after["spec"]["test_recipients"]), (&json!("test"), &json!([person(2), person(3)])));
    after["spec"]["test_recipients"] = before["test_recipients"].clone();
    assert_eq!(after["spec"], before);
    // Somebody who joins later gets what waits already, also after a restart.
    test(&mut w, "c", &[2, 7]);
    w.commit();
    w.reload();
    settle(&mut w);
    assert_eq!(ordered(&w), [2, 3, 7]);
    // One that is not there yet begins in test.
    test(&mut w, "new", &[8]);
    let new = &snapshot(&w)["campaigns"][1];
    assert_eq!((&new["spec"]["name"], &new["state"]), (&json!("new"), &json!("test")));
    assert_eq!(new["spec"]["test_recipients"], json!([person(8)]));
    let cancelled = json!({"command": "control_campaign", "account": "acme", "campaign": "c", "action": "test",
        "test_recipients": [person(9)]});
    w.control("c", "cancel");
    assert!(w.try_command(&cancelled).unwrap_err().detail.contains("final"));
}
