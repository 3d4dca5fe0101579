//! Outages of the platform: however long, a queue waits and asks less and less, and afterwards each message goes once.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{NOON_MS, World, promo, shipped};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::record::MessageState;

const HOUR_MS: u64 = 3_600_000;
const MINUTE_MS: u64 = 60_000;

/// How the platform behaves while it is out: what the dispatcher reports of a call, and after how many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// An error body with this code.
    Refuses(u32),
    /// No answer within the time of a call.
    Hangs,
    /// The connection is closed without an answer.
    Closes,
    /// No connection can be made.
    Unreachable,
    /// The dispatcher itself says nothing.
    Silent,
}

impl Manner {
    fn answer(self) -> Option<(u64, Value)> {
        match self {
            Self::Refuses(code) => Some((80, json!({"rejected": {"code": code}}))),
            Self::Hangs => Some((10_000, json!("in_doubt"))),
            Self::Closes => Some((50, json!("in_doubt"))),
            Self::Unreachable => Some((20, json!({"not_sent": {"reason": "unreachable"}}))),
            Self::Silent => None,
        }
    }

    fn leaves_doubt(self) -> bool {
        matches!(self, Self::Hangs | Self::Closes | Self::Silent)
    }
}

/// A world with a platform that answers every order, and is out from `from_ms` until `to_ms`.
struct Played {
    w: World,
    manner: Manner,
    from_ms: u64,
    to_ms: u64,
    answers: BTreeMap<(u64, usize), Value>,
    seen: usize,
    /// Calls made while the platform was out, by minute.
    out_by_minute: BTreeMap<u64, u32>,
    /// When each message was taken, by number.
    taken: BTreeMap<u64, Vec<u64>>,
}

impl Played {
    fn new(manner: Manner, from_ms: u64, to_ms: u64) -> Self {
        let w = World::with_account("UNLIMITED", "GREEN");
        Self {
            w,
            manner,
            from_ms,
            to_ms,
            answers: BTreeMap::new(),
            seen: 0,
            out_by_minute: BTreeMap::new(),
            taken: BTreeMap::new(),
        }
    }

    /// The dispatcher calls what was ordered since the last look.
    fn call(&mut self) {
        for at in self.seen..self.w.out.orders.len() {
            let order = &self.w.out.orders[at];
            let (uid, attempt) = (order["message_uid"].as_u64().unwrap(), order["attempt"].as_u64().unwrap());
            let now_ms = self.w.now_ms;
            let out = (self.from_ms..self.to_ms).contains(&now_ms);
            let answer = if out {
                *self.out_by_minute.entry((now_ms - self.from_ms) / MINUTE_MS).or_default() += 1;
                self.manner.answer()
            } else {
                self.taken.entry(uid).or_default().push(now_ms);
                Some((60, json!({"accepted": {"wamid": format!("wamid.{uid}.{attempt}")}})))
            };
            if let Some((after_ms, result)) = answer {
                let event = json!({"event": "result", "callback": {"message_uid": uid, "attempt": attempt},
                    "at": "2026-11-21T12:00:01Z", "result": result});
                self.answers.insert((now_ms + after_ms, at), event);
            }
        }
        self.seen = self.w.out.orders.len();
    }

    fn until(&mut self, to_ms: u64) {
        loop {
            while self.w.tick() > 0 {}
            self.call();
            let answer = self.answers.keys().next().map(|k| k.0);
            let due = self.w.engine.next_due_ms().map(|d| d.max(self.w.now_ms + 1));
            let Some(next) = answer.into_iter().chain(due).min().filter(|n| *n <= to_ms) else { break };
            self.w.advance(next.saturating_sub(self.w.now_ms));
            while let Some(e) = self.answers.first_entry().filter(|e| e.key().0 <= next) {
                let event = e.remove();
                self.w.event(&event);
            }
        }
        self.w.advance(to_ms.saturating_sub(self.w.now_ms));
    }

    fn state(&self, uid: u64) -> MessageState {
        self.w.message_or_stored(uid).state
    }

    fn out_calls(&self) -> u32 {
        self.out_by_minute.values().sum()
    }
}

fn person(n: u64) -> String {
    format!("+55119{n:08}")
}

const MANNERS: [Manner; 9] = [
    Manner::Refuses(2),
    Manner::Refuses(131_016),
    Manner::Refuses(131_057),
    Manner::Refuses(130_429),
    Manner::Refuses(80_007),
    Manner::Refuses(4),
    Manner::Hangs,
    Manner::Closes,
    Manner::Unreachable,
];

/// Five hundred wait, half of them marketing; the platform is out for six hours in each manner. The calls shrink to one
/// a minute, within minutes after the end everything that was not left in doubt has gone once, and nothing goes twice.
#[test]
fn a_queue_outlasts_an_outage_of_hours_and_goes_once() {
    const QUEUE: u64 = 500;
    for manner in MANNERS {
        let mut p = Played::new(manner, NOON_MS, NOON_MS + 6 * HOUR_MS);
        for n in 0..QUEUE {
            let to = person(n);
            let request = if n % 2 == 0 { shipped(&format!("m{n}"), &to) } else { promo(&format!("m{n}"), &to) };
            p.w.opt_in(&to, if n % 2 == 0 { "utility" } else { "marketing" });
            p.w.request(&request).unwrap();
        }
        p.until(NOON_MS + 6 * HOUR_MS);
        let late: Vec<u32> = (10..360).map(|m| p.out_by_minute.get(&m).copied().unwrap_or(0)).collect();
        assert!(late.iter().all(|n| *n <= 2), "{manner:?}: {late:?}");
        let first: u32 = (0..10).map(|m| p.out_by_minute.get(&m).copied().unwrap_or(0)).sum();
        assert!(first <= 200, "{manner:?}: {first} calls in the first ten minutes");
        let ended: Vec<u64> = (1..=QUEUE).filter(|uid| !p.state(*uid).is_open()).collect();
        // Marketing whose call may have reached the person is never sent again.
        let marketing = |uid: &u64| uid.is_multiple_of(2);
        assert!(ended.iter().all(|uid| manner.leaves_doubt() && marketing(uid)), "{manner:?}: {ended:?}");
        assert!(ended.iter().all(|uid| p.state(*uid) == MessageState::Unknown), "{manner:?}");
        assert!(ended.len() <= 150, "{manner:?}: {} are unknown", ended.len());
        // A code that only says how busy it is comes back within a minute and a half; doubt has its own time.
        let patience = if manner.leaves_doubt() { 7 * HOUR_MS } else { HOUR_MS };
        p.until(NOON_MS + 6 * HOUR_MS + patience);
        let waits: Vec<u64> = (1..=QUEUE).filter(|uid| p.state(*uid).is_open() && !p.taken.contains_key(uid)).collect();
        assert_eq!(waits, [] as [u64; 0], "{manner:?}");
        assert!(p.taken.values().all(|times| times.len() == 1), "{manner:?}: something went twice");
        let lost: BTreeSet<u64> = (1..=QUEUE).filter(|uid| !p.taken.contains_key(uid)).collect();
        let doubted: BTreeSet<u64> =
            (1..=QUEUE).filter(|uid| p.state(*uid) == MessageState::Unknown && marketing(uid)).collect();
        assert_eq!(lost, doubted, "{manner:?}: whatever has not gone is told as unknown");
        assert!(manner.leaves_doubt() || lost.is_empty());
    }
}

/// One message and nobody else: it is the question each time, and still there after a month.
#[test]
fn a_lone_message_outlasts_a_month() {
    for manner in MANNERS.into_iter().filter(|m| !m.leaves_doubt()) {
        let end = NOON_MS + 31 * 24 * HOUR_MS;
        let mut p = Played::new(manner, NOON_MS, end);
        let mut request = shipped("m", &person(1));
        request["expires_at"] = json!(tollgate_wire::Time(end + 10 * 24 * HOUR_MS).to_string());
        p.w.opt_in(&person(1), "utility");
        p.w.request(&request).unwrap();
        p.until(end);
        assert!(p.state(1).is_open(), "{manner:?}");
        assert!(p.out_calls() < 200, "{manner:?}: {}", p.out_calls());
        p.until(end + 5 * 24 * HOUR_MS);
        assert_eq!(p.taken.get(&1).map(Vec::len), Some(1), "{manner:?}");
    }
}

/// A platform that refuses and delivers all the same: the delivery is the message's, also after the next attempts.
#[test]
fn a_refusal_that_was_wrong_is_charged_as_our_own() {
    let mut w = World::with_account("UNLIMITED", "GREEN");
    w.opt_in(&person(0), "utility");
    w.request(&shipped("a", &person(0))).unwrap();
    for attempt in 1..=20_u64 {
        w.event(&json!({"event": "result", "callback": {"message_uid": 1, "attempt": attempt},
            "at": "2026-11-21T12:00:01Z", "result": {"rejected": {"code": 131_016}}}));
        let orders = w.out.orders.len();
        while w.out.orders.len() == orders {
            w.advance(10_000);
            w.tick();
        }
    }
    assert!(w.message(1).attempts.len() <= 8, "{}", w.message(1).attempts.len());
    let now_s = w.now_ms / 1000;
    w.event(&json!({"event": "status", "sender": "1001", "wamid": "wamid.1", "to": person(0), "status": "delivered",
        "at_s": now_s, "callback": {"message_uid": 1, "attempt": 18},
        "pricing": {"model": "PMP", "category": "utility", "pricing_type": "regular"}}));
    assert_eq!(w.out.ledger[0]["origin"], "own", "{}", w.out.ledger[0]);
    assert_eq!(w.message(1).state, MessageState::Delivered);
}

/// A message ends at its own time, not because of how often it was tried.
#[test]
fn a_message_of_an_outage_ends_as_expired() {
    let mut p = Played::new(Manner::Refuses(131_016), NOON_MS, NOON_MS + 12 * HOUR_MS);
    let mut request = shipped("m", &person(1));
    request["expires_at"] = json!(tollgate_wire::Time(NOON_MS + 4 * HOUR_MS).to_string());
    p.w.opt_in(&person(1), "utility");
    p.w.request(&request).unwrap();
    p.until(NOON_MS + 5 * HOUR_MS);
    assert_eq!(p.state(1), MessageState::Expired, "{:?}", p.w.out.outcomes.last());
    assert!(p.out_calls() > 8, "more often than attempts were counted before: {}", p.out_calls());
}

/// After the outage the rate is back within minutes.
#[test]
fn the_rate_comes_back() {
    let mut p = Played::new(Manner::Refuses(2), NOON_MS, NOON_MS + HOUR_MS);
    for n in 0..4_000 {
        p.w.opt_in(&person(n), "utility");
        p.w.request(&shipped(&format!("m{n}"), &person(n))).unwrap();
    }
    p.until(NOON_MS + HOUR_MS);
    assert!(p.taken.is_empty());
    p.until(NOON_MS + HOUR_MS + 5 * MINUTE_MS);
    assert!(p.taken.len() > 3_900, "{}: 80 a second, from a twentieth of it on", p.taken.len());
    // Those that were asked about wait for another eighth of their age at most.
    p.until(NOON_MS + HOUR_MS + 9 * MINUTE_MS);
    assert_eq!(p.taken.len(), 4_000);
}

/// The platform's own time to wait is kept, by the message and by its number.
#[test]
fn retry_after_is_kept() {
    for code in [2, 131_016, 130_429, 80_007, 4] {
        let mut w = World::with_account("UNLIMITED", "GREEN");
        for n in 0..2 {
            w.opt_in(&person(n), "utility");
        }
        w.request(&shipped("a", &person(0))).unwrap();
        w.event(&json!({"event": "result", "callback": {"message_uid": 1, "attempt": 1}, "at": "2026-11-21T12:00:01Z",
            "result": {"rejected": {"code": code, "retry_after_s": 900}}}));
        w.request(&shipped("b", &person(1))).unwrap();
        w.run_until(NOON_MS + 899_000);
        assert_eq!(w.out.orders.len(), 1, "{code}");
        w.run_until(NOON_MS + 903_000);
        assert_eq!(w.out.orders.len(), 3, "{code}");
    }
}

/// 80007 is of a WABA, 4 of the account's app, 2 of the number that asked.
#[test]
fn a_limit_slows_down_the_numbers_that_it_is_of() {
    for (code, slowed) in [(2, vec!["1001"]), (80_007, vec!["1001", "1002"]), (4, vec!["1001", "1002", "2001"])] {
        let mut spec = common::account_spec("acme", "waba-1", "1001", "UNLIMITED", "GREEN");
        spec["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": "1002"}));
        let other = json!({"id": "waba-2", "currency": "USD", "time_zone": "UTC", "senders": [{"id": "2001"}]});
        spec["wabas"].as_array_mut().unwrap().push(other);
        let mut w = World::new();
        w.apply(&spec);
        w.opt_in(&person(0), "utility");
        let mut request = shipped("a", &person(0));
        request["sender"] = json!("1001");
        w.request(&request).unwrap();
        w.event(&json!({"event": "result", "callback": {"message_uid": 1, "attempt": 1}, "at": "2026-11-21T12:00:01Z",
            "result": {"rejected": {"code": code}}}));
        let state = w.engine.state();
        let factor = |id: &str| state.live(state.sender(id).unwrap().ix).factor.permille;
        let now: Vec<&str> = ["1001", "1002", "2001"].into_iter().filter(|id| factor(id) < 1000).collect();
        assert_eq!(now, slowed, "{code}");
    }
}

/// A template that the platform answers with its code for everything is asked about twice, and neither its number nor the
/// messages of others wait for it.
#[test]
fn a_template_that_is_at_fault_itself_slows_nobody_down() {
    let mut w = World::with_account("UNLIMITED", "GREEN");
    for n in 0..200 {
        let (to, bad) = (person(n), n % 2 == 0);
        w.opt_in(&to, if bad { "marketing" } else { "utility" });
        w.request(&if bad { promo(&format!("m{n}"), &to) } else { shipped(&format!("m{n}"), &to) }).unwrap();
    }
    let (mut seen, end_ms) = (0, NOON_MS + 10 * MINUTE_MS);
    let mut last_good_ms = 0;
    while w.now_ms < end_ms {
        while w.tick() > 0 {}
        for at in seen..w.out.orders.len() {
            let order = &w.out.orders[at];
            let (uid, attempt) = (order["message_uid"].as_u64().unwrap(), order["attempt"].as_u64().unwrap());
            let result = if uid % 2 == 1 {
                json!({"rejected": {"code": 1}})
            } else {
                last_good_ms = w.now_ms;
                json!({"accepted": {"wamid": format!("wamid.{uid}")}})
            };
            w.event(&json!({"event": "result", "callback": {"message_uid": uid, "attempt": attempt},
                "at": "2026-11-21T12:00:01Z", "result": result}));
        }
        seen = w.out.orders.len();
        w.advance(100);
    }
    let live = w.engine.state().live(w.engine.state().sender("1001").unwrap().ix);
    assert_eq!((live.factor.permille, live.back_off_until_ms), (1000, 0));
    assert!(last_good_ms < NOON_MS + 5_000, "all of the good went at the full rate, until {last_good_ms}");
    for uid in 1..=200_u64 {
        let calls = w.out.orders.iter().filter(|o| o["message_uid"] == uid).count();
        let expected = if uid % 2 == 1 { (2, MessageState::Failed) } else { (1, MessageState::Open) };
        assert_eq!((calls, w.message(uid).state), expected, "{uid}");
    }
}

/// Calls without any result at all: the shard gives them up itself.
#[test]
fn a_dispatcher_that_says_nothing_is_an_outage_too() {
    let mut p = Played::new(Manner::Silent, NOON_MS, NOON_MS + 2 * HOUR_MS);
    for n in 0..300 {
        p.w.opt_in(&person(n), "marketing");
        p.w.request(&promo(&format!("m{n}"), &person(n))).unwrap();
    }
    p.until(NOON_MS + 2 * HOUR_MS);
    assert!(p.out_calls() < 250, "{}", p.out_calls());
}

/// A restart in the middle knows how far the number had slowed down.
#[test]
fn a_restart_in_an_outage_starts_no_new_rush() {
    let mut p = Played::new(Manner::Refuses(2), NOON_MS, NOON_MS + 6 * HOUR_MS);
    for n in 0..300 {
        p.w.opt_in(&person(n), "utility");
        p.w.request(&shipped(&format!("m{n}"), &person(n))).unwrap();
    }
    p.until(NOON_MS + HOUR_MS);
    let before = p.out_calls();
    p.w.commit();
    p.w.reload();
    p.until(NOON_MS + HOUR_MS + 10 * MINUTE_MS);
    assert!(p.out_calls() - before <= 20, "{} more", p.out_calls() - before);
}
