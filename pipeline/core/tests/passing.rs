//! Whom the limit does not hold up does not wait behind those whom it does.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;

use common::{World, accepted, account_spec, shipped};
use serde_json::{Value, json};

fn person(n: usize) -> String {
    format!("+55119{n:08}")
}

/// What was decided of one request, in order.
fn told(w: &World, id: &str) -> Vec<String> {
    let of_it = w.out.outcomes.iter().filter(|o| o["id"] == id && o["outcome"] != "accepted");
    of_it.map(|o| format!("{} {}", o["outcome"].as_str().unwrap(), o["reason"].as_str().unwrap_or("-"))).collect()
}

/// A minute in which the platform takes whatever was ordered.
fn a_minute(w: &mut World, taken: &mut usize) {
    for _ in 0..600 {
        while let Some(order) = w.out.orders.get(*taken) {
            let uid = order["message_uid"].as_u64().unwrap();
            w.event(&accepted(uid, 1, &format!("wamid.{uid}")));
            *taken += 1;
        }
        w.tick();
        w.advance(100);
    }
}

/// Two strangers come when there is one token of the quota, or of our pacing, but the number has no throughput left; behind
/// them come people who have just written. The first takes the token, and the second waits for a day.
#[test]
fn people_with_a_window_do_not_wait_behind_a_stranger() {
    let spread = json!({"green": {"utility": {"percent": 10, "spread": true}}});
    let cases: [(&str, &str, Value); 2] = [("quota", "1", json!({"reserved_percent": 0})), ("pacing", "10", spread)];
    for (reason, limit, pacing) in cases {
        let mut spec = account_spec("acme", "waba-1", "1001", limit, "GREEN");
        spec["policy"] = json!({"pacing": pacing});
        let mut w = World::new();
        w.apply(&spec);
        for n in 0..60 {
            let at_s = w.now_ms / 1000;
            w.event(&json!({"event": "inbound", "sender": "1001", "from": person(n), "at_s": at_s}));
        }
        for (id, n) in [("first", 90), ("second", 91)] {
            w.opt_in(&person(n), "utility");
            w.request(&shipped(id, &person(n))).unwrap();
        }
        for n in 0..40 {
            w.request(&shipped(&format!("m{n}"), &person(n))).unwrap();
        }
        assert_eq!(told(&w, "second"), ["parked throughput"]);
        assert_eq!(told(&w, "m39"), ["parked throughput"]);
        let mut taken = 0;
        a_minute(&mut w, &mut taken);
        assert_eq!(told(&w, "first"), ["parked throughput", "admitted -"]);
        assert_eq!(told(&w, "m39"), ["parked throughput", "admitted -"], "{reason}");
        assert_eq!(told(&w, "second"), ["parked throughput".to_owned(), format!("parked {reason}")]);
        // Nobody waits behind the second, and nothing is tried again and again.
        w.request(&shipped("late", &person(50))).unwrap();
        assert_eq!(told(&w, "late"), ["admitted -"], "{reason}");
        a_minute(&mut w, &mut taken);
        assert_eq!(w.tick(), 0);
        // A day later it goes.
        let until_ms = w.now_ms + 86_500_000;
        w.run_until(until_ms);
        assert!(told(&w, "second").contains(&"admitted -".to_owned()), "{reason}: {:?}", told(&w, "second"));
    }
}
