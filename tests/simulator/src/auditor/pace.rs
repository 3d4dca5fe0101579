//! How fast orders follow each other: per number and second, per number and person, and without a result.

use super::Auditor;
use super::book::Rank;
use crate::step::{Move, Ordered};
use std::collections::BTreeMap;

/// Times of orders.
#[derive(Debug, Default)]
pub(crate) struct Times {
    by_sender: BTreeMap<String, Vec<u64>>,
    by_pair: BTreeMap<(String, String), Vec<u64>>,
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
        let pair = self.pace.by_pair.entry((order.sender.clone(), m.to.clone())).or_default();
        pair.push(now_ms);
        let worst = pair.iter().rev().enumerate().find(|(n, t)| *n as u64 + 1 > 10 + (now_ms - **t) / 6_000 + 1);
        let worst = worst.map(|(n, t)| (n + 1, now_ms - t));
        self.check("pair_rate", uid, worst.is_none(), || format!("(orders, ms) {worst:?} to one person"));
        let own = self.registry.account(&m.account).in_flight;
        let limit = if own == 0 { (sender.throughput / 2).max(16) } else { own };
        let all = self.book.messages.values().flat_map(|m| &m.attempts);
        let open = all.filter(|a| a.rank == Rank::Ordered && a.sender == order.sender).count() as u64;
        self.check("in_flight_slots", uid, open < limit, || format!("{open} without a result, limit {limit}"));
    }
}
