//! What the platform itself counts of the calls that it took, by its own rules and its own clock: people in a moving day,
//! messages to one person, messages of one number in a second. Nothing of the engine's counts is asked.
//!
//! A person counts from the call that may reach them, outside a window, unless the message failed. The platform counts from
//! the delivery, which may come days later and be told of later still; that nobody can keep to, so the day begins at the call.
//!
//! A person who has a place takes no other, and two things give one that no call of ours has to be asked for. A delivery
//! outside a window counts whoever sent the message, so also one of other software from the same number, and one that
//! comes days after its call: the platform counts that person for a day whatever we do, and a call to them adds nobody. And
//! a call without an answer, or one that fails later, may count until that is known.

use super::Auditor;
use std::collections::{BTreeMap, VecDeque};

/// A moving day, less what an order may take until its call is made.
const DAY_S: u64 = 86_400 - 60;
/// The same with what an order may take: for so long a person may count already.
const RIDES_S: u64 = 86_400 + 60;
/// What is told may be taken in, and what is under way made, within so much.
const TOLD_S: u64 = 60;
/// How long ago an inbound message certainly opens no window any more, whatever clock it was told by.
const NO_WINDOW_S: u64 = 28 * 3_600;
/// One message to a person earns so many milliseconds; so many may borrow.
const PAIR_MS: u64 = 6_000;
const PAIR_BURST: u64 = 45;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It reaches the person, now or later, or waits for a phone that is off: nobody can know.
    Reaches,
    /// It fails, and is first said to have failed at this instant; `u64::MAX` = never.
    Fails(u64),
    /// The platform did not take it, and its answer was lost.
    Lost,
}

/// A message was delivered or read, as the platform tells it.
#[derive(Clone, Debug)]
pub(crate) struct Delivered {
    pub at_s: u64,
    pub account: String,
    pub sender: String,
    pub person: String,
}

/// A call that the platform took, or that may have been taken.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub uid: u64,
    pub at_ms: u64,
    pub account: String,
    pub sender: String,
    pub person: String,
    /// When the person last wrote to the number, in seconds; 0 = never.
    pub wrote_s: u64,
    /// No window was open, or it was about to close.
    pub outside: bool,
    /// What becomes of it.
    pub fate: Fate,
    /// Messages a second that the platform allows the number, now or a second ago.
    pub throughput: u64,
}

/// A person's place in the moving day.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// The last call that counts; 0 = none does.
    called_s: u64,
    /// So long the person may count: further calls take no other place.
    until_s: u64,
}

/// The platform's own counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Account → since when which limit holds; `None` = none.
    limits: BTreeMap<String, Vec<(u64, Option<u64>)>>,
    /// Scope → person → place.
    people: BTreeMap<String, BTreeMap<String, Place>>,
    /// Number and person → the latest burst: when it began, in milliseconds, and how many messages it has.
    pairs: BTreeMap<(String, String), (u64, u64)>,
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

    /// The platform took a call, or may have.
    pub fn took(&mut self, t: &Taken) {
        if t.fate != Fate::Lost {
            self.one_person(t);
            self.one_second(t);
        }
        if t.outside {
            self.reached(t);
        }
    }

    /// The platform counts a person from a delivery outside a window, whoever sent the message and whenever.
    pub fn counts_from(&mut self, d: &Delivered) {
        if let Some(scope) = self.scope(&d.account, &d.sender) {
            let place = self.platform.people.entry(scope).or_default().entry(d.person.clone()).or_default();
            place.until_s = place.until_s.max(d.at_s + RIDES_S);
        }
    }

    /// Whose limit the platform counts a number's messages for; `None` before it is known.
    fn scope(&self, account: &str, sender: &str) -> Option<String> {
        let per_number = self.registry.accounts.get(account)?.per_number;
        Some(if per_number { sender.to_owned() } else { account.to_owned() })
    }

    fn one_person(&mut self, t: &Taken) {
        let (first_ms, count) = *self.platform.pairs.entry((t.sender.clone(), t.person.clone())).or_default();
        let free_ms = first_ms + count * PAIR_MS;
        let burst = t.at_ms < first_ms + PAIR_MS && count < PAIR_BURST;
        let next = if t.at_ms >= free_ms { (t.at_ms, 1) } else { (first_ms, count + 1) };
        self.platform.pairs.insert((t.sender.clone(), t.person.clone()), next);
        self.check("platform_counts_no_excess_of_one_person", 0, t.at_ms >= free_ms || burst, || {
            format!("{} to {} at {}: {count} since {first_ms}, free at {free_ms}", t.sender, t.person, t.at_ms)
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
        let scope = self.scope(&t.account, &t.sender).expect("a call is made for an account");
        // The highest limit of the day: those who were reached under it still count.
        let limits = &self.platform.limits[&t.account];
        let begun = limits.partition_point(|(since_s, _)| since_s + DAY_S <= now_s).saturating_sub(1);
        let most = limits[begun..].iter().map(|(_, limit)| limit.unwrap_or(u64::MAX)).max().unwrap_or(u64::MAX);
        let people = self.platform.people.entry(scope.clone()).or_default();
        people.retain(|_, place| place.until_s > now_s);
        let counted = people.contains_key(&t.person);
        let place = people.entry(t.person.clone()).or_default();
        let told_s = match t.fate {
            Fate::Fails(told_ms) => (told_ms / 1000).saturating_add(TOLD_S),
            Fate::Reaches | Fate::Lost => u64::MAX,
        };
        place.until_s = place.until_s.max(told_s.min(now_s + RIDES_S));
        if t.fate == Fate::Reaches {
            place.called_s = now_s;
        }
        // Who counts already takes no other place, also where the limit has been lowered since. A window that a clock may
        // have opened is given the benefit of the doubt.
        if counted || t.wrote_s + NO_WINDOW_S >= now_s {
            return;
        }
        let others = people.iter().filter(|(person, p)| **person != t.person && p.called_s + DAY_S > now_s);
        let count = others.count() as u64 + 1;
        self.check("platform_counts_no_excess_of_users", t.uid, count <= most, || {
            format!("{count} people of {scope} in a day, limit {most}")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auditor::Tables;
    use serde_json::json;
    use tollgate_rate_card::Sources;

    const NOON_S: u64 = 1_800_000_000;
    const HOUR_S: u64 = 3_600;

    /// An account of two numbers that may reach two people a day.
    fn auditor() -> Auditor {
        let mut auditor = Auditor::new(Tables::read(&Sources::embedded()));
        let senders = json!([{"id": "1", "throughput": 80}, {"id": "2", "throughput": 80}]);
        let waba = json!({"id": "w", "currency": "EUR", "time_zone": "UTC", "funding": "we_pay", "senders": senders});
        let spec = json!({"account": "a", "name": "a", "limit": 2, "wabas": [waba]});
        auditor.now_ms = NOON_S * 1000;
        auditor.registry.command(&json!({"command": "apply_account", "spec": spec}));
        auditor.limits_hold();
        auditor
    }

    /// A call outside a window, so many seconds after noon; whether the platform counts one person too many.
    fn one_too_many(auditor: &mut Auditor, after_s: u64, person: &str, fate: Fate) -> bool {
        let before = auditor.broken.len();
        auditor.took(&Taken {
            uid: 0,
            at_ms: (NOON_S + after_s) * 1000,
            account: "a".into(),
            sender: "1".into(),
            person: person.into(),
            wrote_s: 0,
            outside: true,
            fate,
            throughput: 80,
        });
        auditor.broken.len() > before
    }

    fn delivered(auditor: &mut Auditor, after_s: u64, person: &str) {
        let (account, sender, person) = ("a".into(), "2".into(), person.into());
        auditor.counts_from(&Delivered { at_s: NOON_S + after_s, account, sender, person });
    }

    #[test]
    fn a_delivery_gives_a_place_for_a_day_and_takes_none_from_others() {
        let mut a = auditor();
        delivered(&mut a, 0, "other software's");
        assert!(!one_too_many(&mut a, HOUR_S, "first", Fate::Reaches));
        assert!(!one_too_many(&mut a, HOUR_S, "second", Fate::Reaches));
        assert!(!one_too_many(&mut a, 23 * HOUR_S, "other software's", Fate::Reaches), "counts whatever we do");
        assert!(one_too_many(&mut a, 23 * HOUR_S, "third", Fate::Reaches));
        let mut a = auditor();
        delivered(&mut a, 0, "other software's");
        assert!(!one_too_many(&mut a, 20 * HOUR_S, "first", Fate::Reaches));
        assert!(!one_too_many(&mut a, 20 * HOUR_S, "second", Fate::Reaches));
        assert!(one_too_many(&mut a, 25 * HOUR_S, "other software's", Fate::Reaches), "the day is over");
    }

    #[test]
    fn a_call_keeps_its_place_until_it_is_said_to_have_failed() {
        let failed_ms = (NOON_S + 2 * HOUR_S) * 1000;
        for (fate, after_s, excess) in [
            (Fate::Lost, 23 * HOUR_S, false),
            (Fate::Lost, 25 * HOUR_S, true),
            (Fate::Fails(u64::MAX), 23 * HOUR_S, false),
            (Fate::Fails(failed_ms), HOUR_S, false),
            (Fate::Fails(failed_ms), 3 * HOUR_S, true),
        ] {
            let mut a = auditor();
            assert!(!one_too_many(&mut a, 0, "in doubt", fate));
            // More places than the limit: the second is one that other software has given.
            delivered(&mut a, 600, "other software's");
            assert!(!one_too_many(&mut a, 600, "first", Fate::Reaches));
            assert!(!one_too_many(&mut a, 600, "other software's", Fate::Reaches));
            if after_s > 24 * HOUR_S {
                assert!(!one_too_many(&mut a, 20 * HOUR_S, "first", Fate::Reaches));
                assert!(!one_too_many(&mut a, 20 * HOUR_S, "other software's", Fate::Reaches));
            }
            assert_eq!(one_too_many(&mut a, after_s, "in doubt", Fate::Reaches), excess, "{fate:?} {after_s}");
        }
    }

    #[test]
    fn a_phone_that_is_off_counts_as_long_as_another() {
        let mut a = auditor();
        assert!(!one_too_many(&mut a, 0, "off", Fate::Reaches));
        assert!(!one_too_many(&mut a, 1, "first", Fate::Reaches));
        assert!(one_too_many(&mut a, 24 * HOUR_S - 120, "second", Fate::Reaches));
    }
}
