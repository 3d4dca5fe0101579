//! A campaign's own rate: no minute holds more, others go on, and a change holds at once.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, accepted, account_spec, shipped};
use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_core::ids::AccountIx;
use tollgate_wire::Time;

const MINUTE_MS: u64 = 60_000;

fn world() -> World {
    let mut spec = account_spec("acme", "waba-1", "1001", "UNLIMITED", "GREEN");
    spec["wabas"][0]["senders"][0]["throughput"] = json!(1000);
    let mut w = World::new();
    w.apply(&spec);
    w
}

fn person(n: usize) -> String {
    format!("+55119{n:08}")
}

fn send(w: &mut World, campaign: &str, from: usize, messages: usize) {
    for n in from..from + messages {
        w.opt_in(&person(n), "utility");
        let mut request = shipped(&format!("{campaign}-{n}"), &person(n));
        request["campaign"] = json!(campaign);
        w.request(&request).unwrap();
    }
}

/// Runs in steps, the platform taking each order at once.
fn run(w: &mut World, taken: &mut usize, ms: u64, step_ms: u64) {
    for _ in 0..ms.div_ceil(step_ms) {
        w.advance(step_ms);
        while w.tick() > 0 {}
        accept(w, taken);
    }
}

fn accept(w: &mut World, taken: &mut usize) {
    while *taken < w.out.orders.len() {
        let uid = w.out.orders[*taken]["message_uid"].as_u64().unwrap();
        w.event(&accepted(uid, 1, &format!("wamid.{uid}")));
        *taken += 1;
    }
}

/// When messages of a campaign were admitted.
fn admitted(w: &World, campaign: &str) -> Vec<u64> {
    let of_it = w.out.outcomes.iter().filter(|o| o["outcome"] == "admitted" && o["campaign"] == campaign);
    of_it.map(|o| serde_json::from_value::<Time>(o["at"].clone()).unwrap().0).collect()
}

/// The most within any minute, wherever it begins.
fn most_in_a_minute(times: &[u64]) -> usize {
    let after = |from: u64| times.iter().filter(|t| (from..from + MINUTE_MS).contains(*t)).count();
    times.iter().map(|t| after(*t)).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_minute_holds_more_and_the_rate_is_used(per_minute in 1u32..2500, step_ms in 1u64..400, idle_s in 0u64..200) {
        let mut w = world();
        w.campaign(&json!({"name": "c", "per_minute": per_minute}));
        w.advance(idle_s * 1000);
        let mut taken = 0;
        send(&mut w, "c", 0, (per_minute as usize * 2).min(1500));
        accept(&mut w, &mut taken);
        run(&mut w, &mut taken, 150_000, step_ms);
        let times = admitted(&w, "c");
        prop_assert!(most_in_a_minute(&times) <= per_minute as usize);
        // Steps that come more often than the bucket fills lose nothing but their own length.
        if step_ms <= 50 && per_minute > 10 {
            let minute = times.iter().filter(|t| **t < times[0] + MINUTE_MS).count();
            let due = (per_minute as usize * 9 / 10).min(times.len());
            prop_assert!(minute >= due.min(1500 * 9 / 10), "{minute} of {per_minute}");
        }
    }
}

#[test]
fn others_go_on_and_the_queue_says_when_it_is_done() {
    let mut w = world();
    w.campaign(&json!({"name": "slow", "per_minute": 6}));
    send(&mut w, "slow", 0, 13);
    send(&mut w, "fast", 100, 50);
    let mut taken = 0;
    accept(&mut w, &mut taken);
    run(&mut w, &mut taken, 1000, 50);
    assert_eq!((admitted(&w, "slow").len(), admitted(&w, "fast").len()), (1, 50));
    let told = w.out.outcomes.iter().find(|o| o["id"] == "slow-5").unwrap();
    assert_eq!((&told["reason"], &told["gates"]["stopped"]), (&json!("campaign_rate"), &json!("throughput")));
    let snapshot = serde_json::to_value(tollgate_core::snapshot::account(w.engine.state(), AccountIx(0), w.now_ms));
    let lots = snapshot.unwrap()["lots"].clone();
    let lot = &lots[0];
    assert_eq!(
        (&lot["reason"], &lot["resource"], &lot["messages"]),
        (&json!("campaign_rate"), &json!("slow"), &json!(12))
    );
    let done: Time = serde_json::from_value(lot["done_by"].clone()).unwrap();
    run(&mut w, &mut taken, 2 * MINUTE_MS, 50);
    let last = *admitted(&w, "slow").last().unwrap();
    assert_eq!(admitted(&w, "slow").len(), 13);
    assert!(done.0.abs_diff(last) <= 10_000, "said {}, was {last}", done.0);
}

/// Two lots of one campaign and another campaign with the same rate: each gets what its own bucket brings.
#[test]
fn each_campaign_has_its_own_bucket() {
    let mut w = world();
    for name in ["a", "b"] {
        w.campaign(&json!({"name": name, "per_minute": 60}));
    }
    let mut taken = 0;
    for name in ["a", "b"] {
        send(&mut w, name, 0, 200);
    }
    accept(&mut w, &mut taken);
    // The pair rate asks for 6 seconds between two messages to one person.
    run(&mut w, &mut taken, 2 * MINUTE_MS, 25);
    let counts = ["a", "b"].map(|name| admitted(&w, name).len());
    assert!(counts.iter().all(|n| (118..=121).contains(n)), "{counts:?}");
}

#[test]
fn a_change_holds_at_once_and_brings_no_burst() {
    let put = |w: &mut World, rate: Value| w.campaign(&json!({"name": "c", "per_minute": rate}));
    let mut w = world();
    put(&mut w, json!(1));
    send(&mut w, "c", 0, 400);
    let mut taken = 0;
    accept(&mut w, &mut taken);
    run(&mut w, &mut taken, 10_000, 50);
    assert_eq!(admitted(&w, "c").len(), 1);
    // Faster: nothing of the minute's wait is left, and nothing was saved up.
    put(&mut w, json!(600));
    run(&mut w, &mut taken, 10_000, 50);
    let after = admitted(&w, "c").len() - 1;
    assert!((99..=101).contains(&after), "{after}");
    // After a pause of use the bucket is full; a slower rate takes over no burst.
    w.control("c", "pause");
    run(&mut w, &mut taken, MINUTE_MS, 1000);
    put(&mut w, json!(1200));
    put(&mut w, json!(60));
    w.control("c", "resume");
    let before = admitted(&w, "c").len();
    run(&mut w, &mut taken, 10_000, 50);
    let after = admitted(&w, "c").len() - before;
    assert!((10..=11).contains(&after), "{after}");
    // Without a rate all of them go.
    put(&mut w, Value::Null);
    run(&mut w, &mut taken, 5_000, 50);
    assert_eq!(admitted(&w, "c").len(), 400);
}

#[test]
fn an_abort_gives_the_token_back_and_a_restart_none() {
    let mut w = world();
    w.campaign(&json!({"name": "c", "per_minute": 1}));
    w.advance(MINUTE_MS);
    w.commit();
    send(&mut w, "c", 0, 1);
    assert_eq!(w.last_outcome()["outcome"], "admitted");
    assert!(w.engine.abort());
    send(&mut w, "c", 0, 1);
    assert_eq!(w.last_outcome()["outcome"], "admitted", "the token is back");
    w.commit();
    w.reload();
    send(&mut w, "c", 1, 1);
    assert_eq!(w.last_outcome()["reason"], "campaign_rate", "a restart brings no token");
}

#[test]
fn a_rate_is_checked() {
    let mut w = world();
    for rate in [json!(0), json!(6_000_001), json!(-1)] {
        let spec = json!({"name": "c", "per_minute": rate});
        let answer = w.try_command(&json!({"command": "put_campaign", "account": "acme", "spec": spec}));
        assert!(answer.is_err(), "{rate}");
    }
}
