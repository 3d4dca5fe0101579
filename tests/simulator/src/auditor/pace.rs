//! How fast orders follow each other: per number and second, per number and person, and without a result.

use super::Auditor;
use super::book::{Attempt, Rank};
use crate::step::{Move, Ordered};
use std::collections::BTreeMap;

/// Times of orders.
#[derive(Debug, Default)]
pub(crate) struct Times {
    by_sender: BTreeMap<String, Vec<u64>>,
}

impl Auditor {
    pub(super) fn rates(&mut self, uid: u64, m: &Move, order: &Ordered) {
        let now_ms = self.now_ms;
        let sender = self.registry.sender(&order.sender).clone();
        let times = self.pace.by_sender.entry(order.sender.clone()).or_default();
        times.push(now_ms);
        let in_second = times.iter().rev().take_while(|t| **t + 1000 > now_ms).count() as u64;
        // 95 % of what the platform reports, a burst of a quarter of a second, and one that is just due.
        let rate = sender.throughput.max(sender.before.0) * 95 / 100;
        let most = rate + (rate / 4).max(1) + 1;
        self.check("throughput_per_second", uid, in_second <= most, || {
            format!("{in_second} orders of {} in a second, at most {most}", order.sender)
        });
        self.one_person_is_not_pressed(uid, &m.to, order);
        let own = self.registry.account(&m.account).in_flight;
        let limit = if own == 0 { (sender.throughput / 2).max(16) } else { own };
        let all = self.book.messages.values().flat_map(|m| &m.attempts);
        let open = all.filter(|a| a.rank == Rank::Ordered && a.sender == order.sender).count() as u64;
        self.check("in_flight_slots", uid, open < limit, || format!("{open} without a result, limit {limit}"));
    }

    /// Ten within six seconds may borrow from the future, and all of it is paid back before the next. What certainly never
    /// arrived does not count.
    fn one_person_is_not_pressed(&mut self, uid: u64, to: &str, order: &Ordered) {
        let now_ms = self.now_ms;
        let arrived = |a: &&Attempt| a.rank != Rank::NotSent && (a.rank != Rank::Failed || a.wamid.is_some());
        let all = self.book.messages.values().flat_map(|m| &m.attempts);
        let theirs = all.filter(|a| a.sender == order.sender && a.person == to).filter(arrived);
        let mut times: Vec<u64> = theirs.map(|a| a.admitted_ms).collect();
        times.sort_unstable();
        let (mut first_ms, mut count, mut paid_ms) = (0, 0, 0);
        for at_ms in times.into_iter().chain([now_ms]) {
            (first_ms, count) = if at_ms >= paid_ms { (at_ms, 1) } else { (first_ms, count + 1) };
            paid_ms = first_ms + 6_000 * count;
        }
        let fits = now_ms < first_ms + 6_000 && count <= 10;
        self.check("pair_rate", uid, fits, || format!("{count} orders to one person from {first_ms} to {now_ms}"));
    }
}
