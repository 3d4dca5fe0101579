//! Outages of the platform, hours long, in every manner; drawn apart, so that they move no other dice.

use super::World;
use crate::step::Ordered;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_tests::Dice;

const HOUR_MS: u64 = 3_600_000;

/// How the platform behaves while it is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// An error body with this code, whatever is asked.
    Refuses(u32),
    /// The answer never comes; the call ends after 10 s.
    Hangs,
    /// The connection is closed without an answer.
    Closes,
    /// No connection can be made.
    Unreachable,
}

const MANNERS: [Manner; 8] = [
    Manner::Refuses(2),
    Manner::Refuses(131_057),
    Manner::Refuses(131_016),
    Manner::Refuses(130_429),
    Manner::Refuses(80_007),
    Manner::Hangs,
    Manner::Closes,
    Manner::Unreachable,
];

/// One outage.
#[derive(Clone, Debug)]
struct Outage {
    from_ms: u64,
    to_ms: u64,
    manner: Manner,
    /// Calls by sender.
    calls: BTreeMap<String, u64>,
}

/// The outages of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outages(Vec<Outage>);

impl Outages {
    /// Up to three, each on a day of its own.
    pub fn plan(seed: u64, start_ms: u64, end_ms: u64) -> Self {
        let mut dice = Dice::new(seed, 2);
        let days = (end_ms - start_ms) / (24 * HOUR_MS);
        let mut all = Vec::new();
        for day in 0..days.min(3) {
            if dice.percent(60) {
                let from_ms = start_ms + day * 24 * HOUR_MS + dice.below(12 * HOUR_MS);
                let to_ms = from_ms + dice.between(HOUR_MS / 2, 10 * HOUR_MS);
                all.push(Outage { from_ms, to_ms, manner: *dice.pick(&MANNERS), calls: BTreeMap::new() });
            }
        }
        Self(all)
    }

    fn at(&mut self, now_ms: u64) -> Option<&mut Outage> {
        self.0.iter_mut().find(|o| (o.from_ms..o.to_ms).contains(&now_ms))
    }

    /// Calls of one sender in one outage with its minutes; the most for its length.
    pub fn busiest(&self) -> impl Iterator<Item = (u64, u64, String)> {
        self.0.iter().flat_map(|o| {
            let minutes = (o.to_ms - o.from_ms) / 60_000;
            o.calls.iter().map(move |(sender, calls)| (*calls, minutes, format!("{sender} {:?}", o.manner)))
        })
    }
}

/// A call during an outage: what the dispatcher reports, within how many milliseconds, and whether the platform took the
/// message all the same. `None` while the platform works.
pub(super) fn answer(world: &mut World, order: &Ordered) -> Option<(Value, u64, bool)> {
    let now_ms = world.now_ms;
    let outage = world.outages.at(now_ms)?;
    *outage.calls.entry(order.sender.clone()).or_default() += 1;
    Some(match outage.manner {
        Manner::Refuses(code) => {
            let mut refused = json!({"code": code, "detail": ""});
            // Decided by the order alone, so that no other dice move.
            if order.uid.is_multiple_of(7) {
                refused["retry_after_s"] = json!(order.uid % 90);
            }
            (json!({"rejected": refused}), 300, false)
        }
        Manner::Hangs => (json!("in_doubt"), 11_000, order.uid.is_multiple_of(8)),
        Manner::Closes => (json!("in_doubt"), 300, order.uid.is_multiple_of(8)),
        Manner::Unreachable => (json!({"not_sent": {"reason": "unreachable"}}), 300, false),
    })
}
