//! What the platform itself counts of the calls that it took, by its own rules and its own clock: people in a moving day,
//! messages to one person, messages of one number in a second. Nothing of the engine's counts is asked.
//!
//! A person counts from the call that reached them, outside a window, unless the message failed. The platform counts from the
//! delivery, which may come days later and be told of later still; that nobody can keep to, so the day begins at the call.

use super::Auditor;
use std::collections::{BTreeMap, VecDeque};

/// A moving day, less what an order may take until its call is made.
const DAY_S: u64 = 86_400 - 60;
/// The same with what an order may take: for so long a person may count already.
const RIDES_S: u64 = 86_400 + 60;
/// How long ago an inbound message certainly opens no window any more, whatever clock it was told by.
const NO_WINDOW_S: u64 = 28 * 3_600;
/// One message to a person earns so many milliseconds; so many may borrow.
const PAIR_MS: u64 = 6_000;
const PAIR_BURST: u64 = 45;

/// A call that the platform took.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub at_ms: u64,
    pub account: String,
    pub sender: String,
    pub person: String,
    /// When the person last wrote to the number, in seconds; 0 = never.
    pub wrote_s: u64,
    /// It will reach the person, as far as the platform knows.
    pub reaches: bool,
    /// Messages a second that the platform allows the number, now or a second ago.
    pub throughput: u64,
}

/// The platform's own counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Account → since when which limit holds; `None` = none.
    limits: BTreeMap<String, Vec<(u64, Option<u64>)>>,
    /// Scope → person → second that counts last.
    people: BTreeMap<String, BTreeMap<String, u64>>,
    /// Number and person → when everything borrowed is paid back, in milliseconds.
    pairs: BTreeMap<(String, String), u64>,
    /// Number → calls of the past second.
    second: BTreeMap<String, VecDeque<u64>>,
}

impl Auditor {
    /// Notes which limits hold, whenever something was decided.
    pub(super) fn limits_hold(&mut self) {
        let now_s = self.now_ms / 1000;
        for (id, account) in &self.registry.accounts {
            let known = self.platform.limits.entry(id.clone()).or_default();
            if known.last().is_none_or(|(_, limit)| *limit != account.limit) {
                known.push((now_s, account.limit));
            }
        }
    }

    /// The platform took a call.
    pub fn took(&mut self, t: &Taken) {
        self.one_person(t);
        self.one_second(t);
        if t.reaches && t.wrote_s + NO_WINDOW_S < t.at_ms / 1000 {
            self.reached(t);
        }
    }

    fn one_person(&mut self, t: &Taken) {
        let paid_ms = self.platform.pairs.entry((t.sender.clone(), t.person.clone())).or_default();
        let owed_ms = paid_ms.saturating_sub(t.at_ms);
        *paid_ms = t.at_ms + owed_ms + PAIR_MS;
        self.check("platform_counts_no_excess_of_one_person", 0, owed_ms <= PAIR_MS * (PAIR_BURST - 1), || {
            format!("{} to {}: {owed_ms} ms are owed", t.sender, t.person)
        });
    }

    fn one_second(&mut self, t: &Taken) {
        let times = self.platform.second.entry(t.sender.clone()).or_default();
        while times.front().is_some_and(|at| at + 1_000 <= t.at_ms) {
            times.pop_front();
        }
        times.push_back(t.at_ms);
        let calls = times.len() as u64;
        self.check("platform_counts_no_excess_of_throughput", 0, calls <= t.throughput, || {
            format!("{calls} calls of {} in a second, {} allowed", t.sender, t.throughput)
        });
    }

    fn reached(&mut self, t: &Taken) {
        let now_s = t.at_ms / 1000;
        let account = self.registry.account(&t.account);
        let scope = if account.per_number { t.sender.clone() } else { t.account.clone() };
        // The highest limit of the day: those who were reached under it still count.
        let limits = &self.platform.limits[&t.account];
        let begun = limits.partition_point(|(since_s, _)| since_s + DAY_S <= now_s).saturating_sub(1);
        let most = limits[begun..].iter().map(|(_, limit)| limit.unwrap_or(u64::MAX)).max().unwrap_or(u64::MAX);
        let people = self.platform.people.entry(scope.clone()).or_default();
        people.retain(|_, last_s| *last_s + RIDES_S > now_s);
        // Who counts already takes no other place, also where the limit has been lowered since.
        if people.insert(t.person.clone(), now_s).is_some() {
            return;
        }
        let count = people.values().filter(|last_s| **last_s + DAY_S > now_s).count() as u64;
        self.check("platform_counts_no_excess_of_users", 0, count <= most, || {
            format!("{count} people of {scope} in a day, limit {most}")
        });
    }
}
