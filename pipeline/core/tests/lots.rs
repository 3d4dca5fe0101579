//! The waiting room: who waits for what, what frees them, in which order, and how many may wait.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, accepted, account_spec, promo, shipped};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_core::ids::AccountIx;
use tollgate_wire::Time;

const TO: &str = "+5511987654321";
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;

fn person(n: usize) -> String {
    format!("+55119{n:08}")
}

fn with(limit: &str, change: impl FnOnce(&mut Value)) -> (World, Value) {
    let mut spec = account_spec("acme", "waba-1", "1001", limit, "GREEN");
    change(&mut spec);
    let mut w = World::new();
    w.apply(&spec);
    (w, spec)
}

fn of_campaign(mut request: Value, campaign: &str) -> Value {
    request["campaign"] = json!(campaign);
    request
}

/// Outcomes of one request, in order.
fn told(w: &World, id: &str) -> Vec<String> {
    let of_it = w.out.outcomes.iter().filter(|o| o["id"] == id);
    of_it.map(|o| format!("{} {}", o["outcome"].as_str().unwrap(), o["reason"].as_str().unwrap_or("-"))).collect()
}

fn parked(w: &World) -> u64 {
    w.engine.state().lots().parked(AccountIx(0)).messages
}

/// The platform takes whatever was ordered since the last call.
fn accept_all(w: &mut World, from: &mut usize) {
    while *from < w.out.orders.len() {
        let uid = w.out.orders[*from]["message_uid"].as_u64().unwrap();
        w.event(&accepted(uid, 1, &format!("wamid.{uid}")));
        *from += 1;
    }
}

/// However few tokens a wake-up brings, campaigns that wait for the same thing share them by weight.
#[test]
fn campaigns_share_a_resource_by_weight() {
    for step_ms in [13, 100, 1000] {
        let (mut w, mut spec) = with("TIER_10K", |s| s["wabas"][0]["senders"][0]["blocked"] = json!(true));
        for (name, weight) in [("light", 1), ("middle", 2), ("heavy", 5)] {
            w.campaign(&json!({"name": name, "weight": weight}));
        }
        for n in 0..1800 {
            let campaign = ["light", "middle", "heavy"][n % 3];
            w.opt_in(&person(n), "utility");
            w.request(&of_campaign(shipped(&format!("m{n}"), &person(n)), campaign)).unwrap();
        }
        assert_eq!(parked(&w), 1800);
        spec["wabas"][0]["senders"][0]["blocked"] = json!(false);
        w.apply(&spec);
        let mut taken = 0;
        while w.out.orders.len() < 800 {
            w.tick();
            accept_all(&mut w, &mut taken);
            w.advance(step_ms);
        }
        let mut sent: BTreeMap<&str, usize> = BTreeMap::new();
        for o in w.out.outcomes.iter().filter(|o| o["outcome"] == "admitted").take(800) {
            *sent.entry(o["campaign"].as_str().unwrap()).or_default() += 1;
        }
        for (campaign, share) in [("light", 100), ("middle", 200), ("heavy", 500)] {
            assert!(sent[campaign].abs_diff(share) <= 80, "step {step_ms} ms: {sent:?}, expected about {share}");
        }
    }
}

#[test]
fn inside_one_lot_order_is_kept_and_a_newcomer_does_not_pass() {
    let (mut w, _) = with("TIER_1K", |_| {});
    w.campaign(&json!({"name": "c", "paused": true}));
    for n in 0..5 {
        w.opt_in(&person(n), "marketing");
        w.request(&of_campaign(promo(&format!("m{n}"), &person(n)), "c")).unwrap();
    }
    w.control("c", "resume");
    // The lot is open but not yet drained: who comes now waits behind it.
    w.opt_in(&person(9), "marketing");
    w.request(&of_campaign(promo("m9", &person(9)), "c")).unwrap();
    assert_eq!(told(&w, "m9"), ["parked campaign_paused"]);
    w.tick();
    let order: Vec<&str> =
        w.out.outcomes.iter().filter(|o| o["outcome"] == "admitted").map(|o| o["id"].as_str().unwrap()).collect();
    assert_eq!(order, ["m0", "m1", "m2", "m3", "m4", "m9"]);
    assert_eq!(parked(&w), 0);
}

#[test]
fn the_waiting_room_is_bounded_in_messages_and_bytes() {
    let bytes = of_campaign(promo("m0", TO), "c").to_string().len();
    let bounds = [json!({"waiting_messages": 3}), json!({"waiting_bytes": bytes * 3 + 1})];
    for bound in bounds {
        let (mut w, _) = with("TIER_1K", |s| s["policy"] = bound.clone());
        w.campaign(&json!({"name": "c", "paused": true}));
        w.opt_in(TO, "marketing");
        for n in 0..4 {
            w.request(&of_campaign(promo(&format!("m{n}"), TO), "c")).unwrap();
        }
        assert_eq!(told(&w, "m2"), ["parked campaign_paused"], "{bound}");
        assert_eq!(told(&w, "m3"), ["refused waiting_room_full"], "{bound}");
        assert!(w.last_outcome()["retry_at"].is_string(), "{bound}: says when to try again: {}", w.last_outcome());
        assert_eq!(parked(&w), 3);
        w.urgent(&of_campaign(promo("m4", TO), "c")).unwrap();
        assert_eq!(told(&w, "m4"), ["parked campaign_paused"], "{bound}: the priority lane is never refused for room");
        w.control("c", "resume");
        w.tick();
        w.commit();
        assert_eq!(w.engine.state().lots().parked(AccountIx(0)), Default::default(), "{bound}: room is given back");
    }
}

#[test]
fn parked_is_told_once_per_reason_and_at_most_hourly() {
    let (mut w, _) = with("TIER_1K", |_| {});
    w.opt_in(TO, "utility");
    // 10 at once, then one every 6 seconds: the last is looked at again and again for more than an hour.
    for n in 0..640 {
        w.request(&shipped(&format!("m{n}"), TO)).unwrap();
    }
    let mut taken = 0;
    let end = w.now_ms + 70 * MINUTE_MS;
    while w.now_ms < end {
        w.tick();
        accept_all(&mut w, &mut taken);
        w.advance(6_000);
    }
    assert_eq!(told(&w, "m11"), ["parked pair_rate", "admitted -", "accepted -"]);
    assert_eq!(told(&w, "m639"), ["parked pair_rate", "parked pair_rate", "admitted -", "accepted -"]);
    let mut other = shipped("later", TO);
    other["send_after"] = json!(Time(w.now_ms + HOUR_MS).to_string());
    w.campaign(&json!({"name": "c"}));
    w.request(&of_campaign(other, "c")).unwrap();
    w.control("c", "pause");
    let until = w.now_ms + 2 * HOUR_MS;
    w.run_until(until);
    assert_eq!(told(&w, "later"), ["parked scheduled", "parked campaign_paused"], "another reason is told");
}

/// Shared lots and waits of their own, before and after a restart.
#[test]
fn a_cancel_drains_everything_that_waits() {
    for restart in [false, true] {
        let (mut w, _) = with("TIER_1K", |_| {});
        w.campaign(&json!({"name": "c", "paused": true}));
        w.opt_in(TO, "marketing");
        for n in 0..40 {
            let mut r = of_campaign(promo(&format!("m{n}"), TO), "c");
            if n % 2 == 0 {
                r["send_after"] = json!(Time(w.now_ms + 24 * HOUR_MS).to_string());
            }
            w.request(&r).unwrap();
        }
        w.request(&promo("other", TO)).unwrap();
        w.control("c", "cancel");
        if restart {
            w.commit();
            w.reload();
        }
        while w.tick() > 0 {}
        assert_eq!(parked(&w), 0, "restart: {restart}");
        assert!((0..40).all(|n| told(&w, &format!("m{n}")).last().unwrap() == "cancelled cancelled"));
        assert_eq!(told(&w, "other"), ["admitted -"]);
        assert_eq!(w.out.orders.len(), 1);
    }
}

/// What was on its way when its campaign was cancelled, and comes back, ends at once: before and after a restart.
#[test]
fn what_comes_back_to_a_cancelled_campaign_ends() {
    for restart in [false, true] {
        let (mut w, _) = with("TIER_1K", |_| {});
        w.campaign(&json!({"name": "c"}));
        w.opt_in(TO, "marketing");
        w.request(&of_campaign(promo("m", TO), "c")).unwrap();
        assert_eq!(w.out.orders.len(), 1);
        w.control("c", "cancel");
        let mut back = accepted(1, 1, "");
        back["result"] = json!({"rejected": {"code": 131_000}});
        w.event(&back);
        if restart {
            w.commit();
            w.reload();
        }
        while w.tick() > 0 {}
        assert_eq!(told(&w, "m").last().unwrap(), "cancelled cancelled", "restart: {restart}");
        assert_eq!(parked(&w), 0);
    }
}

/// Simulator seed 989: a cancel opens the lots of those who wait for times of their own, and its undo has to close them.
#[test]
fn an_undone_cancel_leaves_everybody_a_time_of_its_own() {
    let (mut w, _) = with("TIER_1K", |_| {});
    w.campaign(&json!({"name": "c"}));
    w.opt_in(TO, "marketing");
    w.request(&of_campaign(promo("m", TO), "c")).unwrap();
    let mut refused = accepted(1, 1, "");
    // Worth another attempt in 30 seconds.
    refused["result"] = json!({"rejected": {"code": 131_000}});
    w.event(&refused);
    w.commit();
    w.control("c", "cancel");
    assert!(w.engine.abort());
    assert_eq!(w.engine.next_due_ms(), Some(w.now_ms + 30_000));
    w.tick();
    assert_eq!(w.out.orders.len(), 1, "not before its time");
    let until = w.now_ms + 30_000;
    w.run_until(until);
    assert_eq!(w.out.orders.len(), 2);
}

#[test]
fn what_expires_while_it_waits_ends() {
    let (mut w, _) = with("TIER_1K", |_| {});
    w.campaign(&json!({"name": "c", "paused": true}));
    w.opt_in(TO, "marketing");
    for n in 0..3_u64 {
        let mut r = of_campaign(promo(&format!("m{n}"), TO), "c");
        r["expires_at"] = json!(Time(w.now_ms + (n + 1) * HOUR_MS).to_string());
        w.request(&r).unwrap();
    }
    assert_eq!(w.engine.next_due_ms(), Some(w.now_ms + HOUR_MS));
    let until = w.now_ms + 2 * HOUR_MS;
    w.run_until(until);
    assert_eq!(told(&w, "m0"), ["parked campaign_paused", "expired expired"]);
    assert_eq!(told(&w, "m1"), ["parked campaign_paused", "expired expired"]);
    assert_eq!(told(&w, "m2"), ["parked campaign_paused"]);
    assert_eq!(parked(&w), 1);
}

/// One situation: what the message waits for, and what frees it.
struct Wake {
    reason: &'static str,
    spec: fn(&mut Value),
    before: fn(&mut World),
    free: fn(&mut World, &mut Value),
}

const WAKES: &[Wake] = &[
    Wake {
        reason: "budget",
        spec: |_| {},
        before: |w| w.campaign(&json!({"name": "c", "budget": "0.01"})),
        free: |w, _| w.campaign(&json!({"name": "c", "budget": "1"})),
    },
    Wake {
        reason: "budget",
        spec: |_| {},
        before: |w| {
            w.campaign(&json!({"name": "c", "budget": "0.07"}));
            other_message(w);
        },
        free: first_failed,
    },
    Wake {
        reason: "campaign_paused",
        spec: |_| {},
        before: |w| w.control("c", "pause"),
        free: |w, _| w.control("c", "resume"),
    },
    Wake {
        reason: "template_paused",
        spec: |s| s["wabas"][0]["templates"][0]["status"] = json!("pending"),
        before: |_| {},
        free: |w, _| {
            w.event(&json!({"event": "template", "waba": "waba-1", "name": "promo", "language": "pt_BR",
                "status": "approved"}));
        },
    },
    Wake {
        reason: "in_flight",
        spec: |s| s["policy"] = json!({"in_flight": 1}),
        before: other_message,
        free: |w, _| w.event(&accepted(1, 1, "wamid.1")),
    },
    Wake {
        reason: "pacing",
        spec: |s| s["policy"] = json!({"pacing": {"red": {"marketing": {"percent": 0, "spread": true}}}}),
        before: |w| w.event(&json!({"event": "sender", "sender": "1001", "quality": "RED"})),
        free: |w, _| w.event(&json!({"event": "sender", "sender": "1001", "quality": "GREEN"})),
    },
    Wake {
        reason: "sender_blocked",
        spec: |s| s["wabas"][0]["senders"][0]["blocked"] = json!(true),
        before: |_| {},
        free: |w, spec| {
            spec["wabas"][0]["senders"][0]["blocked"] = json!(false);
            w.apply(spec);
        },
    },
    Wake {
        reason: "quota",
        spec: |s| s["limit"] = json!(1),
        before: other_message,
        free: |w, _| w.event(&json!({"event": "limit", "limit": "TIER_2K"})),
    },
    Wake { reason: "quota", spec: |s| s["limit"] = json!(1), before: other_message, free: first_failed },
    Wake {
        reason: "quota",
        spec: |s| {
            s["limit"] = json!(1);
            s["limit_scope"] = json!("number");
        },
        before: other_message,
        free: |w, _| {
            let until = w.now_ms + 24 * HOUR_MS + 1_000;
            w.run_until(until);
        },
    },
];

fn other_message(w: &mut World) {
    w.opt_in(&person(1), "marketing");
    w.request(&of_campaign(promo("first", &person(1)), "c")).unwrap();
    assert_eq!(told(w, "first"), ["admitted -"]);
}

/// The message of [`other_message`] failed for good: budget and quota come back.
fn first_failed(w: &mut World, _: &mut Value) {
    let mut failed = common::status("failed", 1, "wamid.1", (w.now_ms / 1000) as u32, false);
    failed["code"] = json!(131_049);
    w.event(&failed);
}

#[test]
fn what_frees_a_lot_wakes_it() {
    for wake in WAKES {
        let (mut w, mut spec) = with("TIER_1K", wake.spec);
        w.opt_in(TO, "marketing");
        w.campaign(&json!({"name": "c"}));
        (wake.before)(&mut w);
        w.request(&of_campaign(promo("m", TO), "c")).unwrap();
        assert_eq!(told(&w, "m"), [format!("parked {}", wake.reason)]);
        while w.tick() > 0 {}
        assert_eq!(told(&w, "m").len(), 1, "{}: nothing changed, nothing moves", wake.reason);
        (wake.free)(&mut w, &mut spec);
        while w.tick() > 0 {}
        assert_eq!(told(&w, "m").last().unwrap(), "admitted -", "{}", wake.reason);
        assert_eq!(parked(&w), 0);
    }
}

/// A lot that only time opens says when, and nothing is polled before.
#[test]
fn time_alone_wakes_at_the_second_it_said() {
    let (mut w, _) = with("1", |_| {});
    w.opt_in(TO, "marketing");
    other_message(&mut w);
    w.event(&accepted(1, 1, "wamid.1"));
    w.event(&common::status("delivered", 1, "wamid.1", (w.now_ms / 1000) as u32, true));
    w.request(&promo("m", TO)).unwrap();
    let at = w.last_outcome()["retry_at"].as_str().unwrap().to_owned();
    while w.tick() > 0 {}
    let due = w.engine.next_due_ms().unwrap();
    assert_eq!(Time(due).to_string(), at);
    assert_eq!(due, w.now_ms + 86_401_000, "24 hours and the second they are rounded by");
    w.run_until(due - 1);
    assert_eq!(told(&w, "m"), ["parked quota"]);
    w.run_until(due);
    assert_eq!(told(&w, "m"), ["parked quota", "admitted -"]);
}

/// A campaign that uses up its share of several senders leaves one-time codes theirs.
#[test]
fn pacing_of_marketing_does_not_hold_up_one_time_codes() {
    let (mut w, _) = with("100", |s| {
        s["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": "1002", "quality": "GREEN"}));
    });
    for n in 0..60 {
        w.opt_in(&person(n), "marketing");
        w.request(&promo(&format!("m{n}"), &person(n))).unwrap();
        let mut taken = w.out.orders.len().saturating_sub(1);
        accept_all(&mut w, &mut taken);
        w.advance(200);
    }
    assert_eq!(w.out.orders.len(), 50, "half of the limit, by weight: {}", w.last_outcome());
    w.opt_in(TO, "authentication");
    w.request(&json!({"id": "code", "account": "acme", "to": TO, "purpose": "authentication",
        "content": [{"template": {"name": "code", "language": "pt_BR", "components": {"body": ["1"]}}}]}))
        .unwrap();
    assert_eq!(told(&w, "code"), ["admitted -"]);
}

/// What one number waits for does not hold up what leaves from another, though both wait in one campaign.
#[test]
fn a_blocked_number_does_not_hold_up_its_sister() {
    let (mut w, _) = with("TIER_1K", |s| {
        s["wabas"][0]["senders"][0]["blocked"] = json!(true);
        let sister = json!({"id": "1002", "throughput": 80, "quality": "GREEN"});
        s["wabas"][0]["senders"].as_array_mut().unwrap().push(sister);
    });
    w.campaign(&json!({"name": "c", "paused": true}));
    for n in 0..6 {
        w.opt_in(&person(n), "marketing");
        let mut request = of_campaign(promo(&format!("m{n}"), &person(n)), "c");
        request["sender"] = json!(["1001", "1002"][n % 2]);
        w.request(&request).unwrap();
    }
    w.control("c", "resume");
    w.tick();
    let senders: Vec<&str> = w.out.orders.iter().map(|o| o["sender"].as_str().unwrap()).collect();
    assert_eq!(senders, ["1002"; 3]);
    assert_eq!(parked(&w), 3);
    let waiting: Vec<_> =
        w.engine.state().lots().iter().map(|(_, lot)| lot.reason.map(tollgate_wire::Reason::as_str)).collect();
    assert_eq!(waiting, [Some("sender_blocked")], "what the head waits for now, not what it came for");
    let lots = w.engine.state().lots();
    assert!(lots.iter().map(|(key, _)| key).eq(lots.of_account(AccountIx(0)).into_keys()));
}
