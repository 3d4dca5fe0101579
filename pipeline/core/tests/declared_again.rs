//! What an account's declaration changes of a rate holds at once.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;

use common::{World, account_spec, promo};
use serde_json::json;
use tollgate_wire::Time;

fn person(n: usize) -> String {
    format!("+55119{n:08}")
}

/// What the refusal says can be done: taking it out of the first account frees no number, and needs not be tried.
#[test]
fn a_number_stays_with_the_account_that_declared_it_first() {
    let with = |account: &str, waba: &str, senders: &[&str]| {
        let mut spec = account_spec(account, waba, senders[0], "1000", "GREEN");
        for sender in &senders[1..] {
            spec["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": sender}));
        }
        json!({"command": "apply_account", "spec": spec})
    };
    let mut w = World::new();
    w.command(&with("acme", "waba-1", &["1001", "1002"]));
    for step in ["declared", "taken out", "restarted"] {
        let refused = w.try_command(&with("other", "waba-2", &["2001", "1002"])).unwrap_err().detail;
        assert!(
            refused.contains("sender 1002 belongs to account acme, also when it is taken out"),
            "{step}: {refused}"
        );
        assert!(!refused.contains("remove it"), "{refused}");
        w.command(&with("acme", "waba-1", &["1001"]));
        w.commit();
        if step == "taken out" {
            w.reload();
        }
    }
    // Both remedies.
    w.command(&with("acme", "waba-1", &["1001", "1002"]));
    w.command(&with("other", "waba-2", &["2001", "2002"]));
}

/// A number has used up most of its day's share when it is to go slowly: by the platform's word or by a declaration, it goes
/// on at the slow rate, not when the debt of the fast one is paid off.
#[test]
fn a_slower_rate_does_not_pay_off_the_faster_ones_debt() {
    for declared in [false, true] {
        let mut spec = account_spec("acme", "waba-1", "1001", "1000", "GREEN");
        spec["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": "1002", "quality": "GREEN"}));
        spec["policy"] = json!({"in_flight": 1000});
        let mut w = World::new();
        w.apply(&spec);
        for n in 0..=300 {
            w.opt_in(&person(n), "marketing");
            let mut request = promo(&format!("m{n}"), &person(n));
            request["sender"] = json!("1001");
            if n == 300 {
                assert_eq!(w.out.orders.len(), 300);
                if declared {
                    spec["wabas"][0]["senders"][0]["quality"] = json!("YELLOW");
                    w.apply(&spec);
                } else {
                    w.event(&json!({"event": "sender", "sender": "1001", "quality": "YELLOW"}));
                }
            }
            w.request(&request).unwrap();
            w.advance(50);
        }
        let told = w.last_outcome();
        assert_eq!(told["reason"], "pacing", "{told}");
        // Half of its half of 1,000 a day, evenly.
        let every_ms = 86_400_000 / 250;
        assert_eq!(told["retry_at"], Time(w.now_ms - 50 + every_ms).to_string(), "declared: {declared}");
        // To say the same again gives nothing back.
        let live = w.engine.state().live(tollgate_core::ids::SenderIx(0));
        w.apply(&spec);
        assert_eq!(w.engine.state().live(tollgate_core::ids::SenderIx(0)), live);
    }
}
