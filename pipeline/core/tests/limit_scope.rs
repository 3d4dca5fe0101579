//! A limit that changes its scope, from each number to the portfolio or back, forgets nobody who was reached.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;

use common::{World, accepted, account_spec, promo};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const LIMIT: usize = 2;
const SENDERS: [&str; 2] = ["1001", "1002"];
const SCOPES: [&str; 2] = ["portfolio", "number"];
/// A person counts through this second after the one in which they were reached.
const COUNTED_MS: u64 = 86_400_000;

fn number(person: u8) -> String {
    format!("+55119870000{person:02}")
}

/// One order, as it was heard of.
struct Sent {
    person: u8,
    sender: usize,
    at_ms: u64,
    wamid: Option<String>,
    failed: bool,
}

struct Play {
    w: World,
    spec: Value,
    sent: Vec<Sent>,
    requests: usize,
    scope: usize,
}

impl Play {
    fn new(numbers: usize) -> Self {
        let mut spec = account_spec("acme", "waba-1", "1001", &LIMIT.to_string(), "GREEN");
        for id in &SENDERS[1..numbers] {
            let more = json!({"id": id, "quality": "GREEN"});
            spec["wabas"][0]["senders"].as_array_mut().unwrap().push(more);
        }
        spec["policy"] = json!({"pacing": {"reserved_percent": 0}});
        let mut w = World::new();
        w.apply(&spec);
        for person in 0..6 {
            w.opt_in(&number(person), "marketing");
        }
        w.commit();
        Self { w, spec, sent: Vec::new(), requests: 0, scope: 0 }
    }

    fn set_scope(&mut self, scope: usize) {
        self.scope = scope;
        self.spec["limit_scope"] = json!(SCOPES[scope]);
        let spec = self.spec.clone();
        self.w.apply(&spec);
    }

    /// Who was reached in 24 hours, or may yet be, by the numbers that share the limit with one.
    fn reached(&self, sender: usize) -> BTreeSet<u8> {
        let counts = |s: &&Sent| {
            let shares = SCOPES[self.scope] == "portfolio" || s.sender == sender;
            shares && !s.failed && self.w.now_ms <= s.at_ms + COUNTED_MS
        };
        self.sent.iter().filter(counts).map(|s| s.person).collect()
    }

    fn request(&mut self, person: u8, sender: usize) -> Result<bool, TestCaseError> {
        self.requests += 1;
        let mut request = promo(&format!("r{}", self.requests), &number(person));
        request["sender"] = json!(SENDERS[sender]);
        let expires_ms = self.w.now_ms + 1;
        request["expires_at"] = json!(tollgate_wire::Time(expires_ms).to_string());
        let reached = self.reached(sender);
        self.w.request(&request).unwrap();
        let admitted = self.w.last_outcome()["outcome"] == "admitted";
        if admitted {
            prop_assert!(reached.contains(&person) || reached.len() < LIMIT, "{person} beside {reached:?}");
            self.sent.push(Sent { person, sender, at_ms: self.w.now_ms, wamid: None, failed: false });
        }
        // What would wait has no time to: every order is one that was asked for now.
        self.w.advance(1);
        while self.w.tick() > 0 {}
        prop_assert_eq!(self.sent.len(), self.w.out.orders.len());
        Ok(admitted)
    }

    /// The platform says of an order that it was delivered, or that it failed.
    fn hear(&mut self, order: usize, failed: bool) {
        let now_s = (self.w.now_ms / 1000) as u32;
        let uid = self.w.out.orders[order]["message_uid"].as_u64().unwrap();
        let sent = &mut self.sent[order];
        if sent.wamid.is_some() {
            return;
        }
        let wamid = format!("wamid.{order}");
        let mut status = common::status(if failed { "failed" } else { "delivered" }, uid, &wamid, now_s, !failed);
        status["sender"] = json!(SENDERS[sent.sender]);
        status["to"] = json!(number(sent.person));
        sent.wamid = Some(wamid.clone());
        sent.failed = failed;
        if !failed {
            sent.at_ms = self.w.now_ms;
        }
        self.w.event(&accepted(uid, 1, &wamid));
        self.w.event(&status);
    }
}

#[test]
fn whoever_counted_counts_on() {
    for (from, to) in [(0, 1), (1, 0)] {
        for delivered in [false, true] {
            let mut play = Play::new(1);
            play.set_scope(from);
            for person in 0..2 {
                assert!(play.request(person, 0).unwrap());
                if delivered {
                    play.hear(usize::from(person), false);
                }
            }
            play.set_scope(to);
            play.w.commit();
            play.w.reload();
            assert!(!play.request(2, 0).unwrap(), "{} to {}", SCOPES[from], SCOPES[to]);
            assert!(play.request(1, 0).unwrap(), "reached already");
            // What was reserved in one scope is given back in the other.
            if !delivered {
                play.hear(0, true);
                assert!(play.request(3, 0).unwrap(), "{} to {}", SCOPES[from], SCOPES[to]);
            }
        }
    }
}

/// Somebody wrote to a number two days before now.
fn wrote(play: &mut Play, person: u8, sender: usize) {
    let at_s = play.w.now_ms / 1000;
    play.w.event(&json!({"event": "inbound", "sender": SENDERS[sender], "from": number(person), "at_s": at_s,
        "id": format!("wamid.in{person}")}));
    let until_ms = play.w.now_ms + 2 * COUNTED_MS;
    play.w.run_until(until_ms);
}

/// Other software sends from a number of ours.
fn foreign(play: &mut Play, person: u8, sender: usize) {
    let now_s = (play.w.now_ms / 1000) as u32;
    play.w.event(&json!({"event": "status", "sender": SENDERS[sender], "wamid": format!("wamid.f{person}"),
        "to": number(person), "status": "delivered", "at_s": now_s}));
}

/// What other software sent counts for the number that sent it, also where the person had written to another number, and after
/// the limit was of the portfolio and back.
#[test]
fn what_other_software_sent_counts_for_its_number() {
    for scopes in [&[0, 1][..], &[1, 0, 1]] {
        let mut play = Play::new(2);
        wrote(&mut play, 0, 1);
        play.set_scope(scopes[0]);
        foreign(&mut play, 0, 0);
        for scope in &scopes[1..] {
            play.set_scope(*scope);
            play.w.commit();
            play.w.reload();
        }
        assert!(play.request(1, 0).unwrap());
        assert!(!play.request(2, 0).unwrap(), "{scopes:?}: the third person of a number's two");
        assert!(play.request(0, 0).unwrap(), "reached already");
    }
}

/// A number to which a person only wrote did not reach them.
#[test]
fn whoever_only_wrote_to_a_number_does_not_count_for_it() {
    let mut play = Play::new(2);
    wrote(&mut play, 0, 1);
    assert!(play.request(0, 0).unwrap());
    play.set_scope(1);
    assert!(play.request(1, 1).unwrap());
    assert!(play.request(2, 1).unwrap(), "the number has reached one person");
    assert!(play.request(3, 0).unwrap());
    assert!(!play.request(4, 0).unwrap());
    // Back to the portfolio, everybody counts once; and what is given back was reserved once.
    play.set_scope(0);
    play.set_scope(1);
    play.hear(0, true);
    assert!(play.request(4, 0).unwrap(), "the failed one counts no more");
}

/// A limit that comes later holds against whom the other scope counted while there was none.
#[test]
fn a_limit_that_comes_after_the_scope_counts_who_was_reached_before() {
    for (from, to) in [(0, 1), (1, 0)] {
        for declared in [false, true] {
            let mut play = Play::new(1);
            play.spec["limit"] = json!("UNLIMITED");
            play.set_scope(from);
            for person in 0..2 {
                assert!(play.request(person, 0).unwrap());
            }
            play.hear(0, false);
            play.set_scope(to);
            if declared {
                play.spec["limit"] = json!(LIMIT.to_string());
                play.set_scope(to);
            } else {
                play.w.event(&json!({"event": "limit", "limit": LIMIT.to_string()}));
            }
            assert!(!play.request(2, 0).unwrap(), "{} to {}, {declared}", SCOPES[from], SCOPES[to]);
            assert!(play.request(0, 0).unwrap() && play.request(1, 0).unwrap(), "reached already");
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Request { person: u8, sender: usize },
    Hear { order: prop::sample::Index, failed: bool },
    Advance { minutes: u64 },
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..6_u8, 0..2_usize).prop_map(|(person, sender)| Step::Request { person, sender }),
        4 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(order, failed)| Step::Hear { order, failed }),
        3 => (1..600_u64).prop_map(|minutes| Step::Advance { minutes }),
        1 => Just(Step::Reload),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn nobody_is_reached_beyond_the_limit(
        from in 0..2_usize,
        at in any::<prop::sample::Index>(),
        steps in prop::collection::vec(step(), 10..50),
    ) {
        let mut play = Play::new(2);
        play.set_scope(from);
        let change = at.index(steps.len());
        for (n, step) in steps.into_iter().enumerate() {
            if n == change {
                play.set_scope(1 - from);
            }
            match step {
                Step::Request { person, sender } => drop(play.request(person, sender)?),
                Step::Hear { order, failed } if !play.sent.is_empty() => {
                    play.hear(order.index(play.sent.len()), failed);
                }
                Step::Hear { .. } => {}
                Step::Advance { minutes } => {
                    // In steps, so that nothing that is due is late.
                    let until_ms = play.w.now_ms + minutes * 60_000;
                    play.w.run_until(until_ms);
                }
                Step::Reload => {
                    play.w.commit();
                    play.w.reload();
                }
            }
        }
    }
}
