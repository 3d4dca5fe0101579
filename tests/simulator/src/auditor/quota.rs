//! The messaging limit, counted naively: who holds a reservation, who was reached outside the window, in 24 hours.

use super::book::Attempt;
use super::registry::Registry;
use std::collections::BTreeMap;

/// Counted through the whole second 24 hours later.
const COUNTED_S: u32 = 86_400;
/// The end of a reservation may be noticed late by so much.
const LAG_S: u32 = 120;

/// Whose limit counts a sender's messages: the account, or the number itself.
pub(crate) fn scope(registry: &Registry, sender: &str) -> String {
    let account = &registry.sender(sender).account;
    if registry.account(account).per_number { format!("number {sender}") } else { account.clone() }
}

/// One reservation.
#[derive(Clone, Debug)]
struct Hold {
    uid: u64,
    attempt: u8,
    since_s: u32,
}

/// One person in one scope.
#[derive(Clone, Debug, Default)]
struct Seen {
    holds: Vec<Hold>,
    /// The latest admission that reserved.
    reserved_s: u32,
    confirmed_s: Vec<u32>,
}

impl Seen {
    /// Whether the person counts; `lag` keeps a reservation beyond its end, for what is noticed late.
    fn counts(&self, now_s: u32, lag: u32) -> bool {
        let confirmed = self.confirmed_s.iter().any(|t| now_s <= t + COUNTED_S);
        let held = self.holds.iter().any(|h| now_s <= h.since_s + COUNTED_S + lag);
        confirmed || held && now_s <= self.reserved_s + COUNTED_S
    }
}

/// All scopes.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    people: BTreeMap<(String, String), Seen>,
}

impl Holds {
    pub fn reserve(&mut self, scope: &str, person: &str, uid: u64, attempt: u8, now_s: u32) {
        let seen = self.people.entry((scope.to_owned(), person.to_owned())).or_default();
        seen.holds.push(Hold { uid, attempt, since_s: now_s });
        seen.reserved_s = now_s;
    }

    /// An attempt has ended or was delivered: its reservation is taken back, whatever scope it was made in.
    pub fn released(&mut self, uid: u64, attempt: u8, of: &Attempt) {
        let person = &of.person;
        for seen in self.people.iter_mut().filter(|(k, _)| k.1 == *person).map(|(_, s)| s) {
            seen.holds.retain(|h| (h.uid, h.attempt) != (uid, attempt));
        }
    }

    pub fn confirmed(&mut self, scope: &str, person: &str, at_s: u32) {
        self.people.entry((scope.to_owned(), person.to_owned())).or_default().confirmed_s.push(at_s);
    }

    /// Users counted in a scope, at least.
    pub fn count(&self, scope: &str, now_s: u32) -> u64 {
        self.people.iter().filter(|((s, _), seen)| s == scope && seen.counts(now_s, 0)).count() as u64
    }

    /// Whether a person may count already.
    pub fn may_count(&self, scope: &str, person: &str, now_s: u32) -> bool {
        self.people.get(&(scope.to_owned(), person.to_owned())).is_some_and(|s| s.counts(now_s, LAG_S))
    }
}
