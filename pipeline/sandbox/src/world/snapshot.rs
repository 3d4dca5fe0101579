//! The counters and the state behind them as one value.

use super::World;
use crate::config::account::LimitScope;
use crate::limits::unique_users::UniqueUsers;
use crate::stats::{SandboxStats, UniqueUsersStats};

impl World {
    pub(crate) fn snapshot(&mut self, now_ms: u64) -> SandboxStats {
        let unique_users = self.unique_users_stats(now_ms / 1_000);
        let peaks = self.senders.iter().map(|sender| (sender.phone_number_id.clone(), sender.throughput.peak() as u64));
        let counters = &self.counters;
        SandboxStats {
            now_ms,
            accepted: counters.accepted,
            refused: counters.refused.clone(),
            unanswered: counters.unanswered,
            statuses: counters.statuses.clone(),
            failed: counters.failed.clone(),
            inbound: counters.inbound,
            posts_delivered: counters.posts_delivered,
            posts_retried: counters.posts_retried,
            posts_abandoned: counters.posts_abandoned,
            updates_delivered: counters.updates_delivered,
            updates_queued: counters.updates_in_queue + self.outbox.len() as u64,
            timers: self.timers.len() as u64,
            pairs: self.pairs.len() as u64,
            unique_users,
            throughput_peak: peaks.collect(),
            violations_total: counters.violations_total.clone(),
            violations: counters.violations.clone(),
        }
    }

    fn unique_users_stats(&mut self, now_s: u64) -> Vec<UniqueUsersStats> {
        let of = |portfolio: &str, number: Option<&str>, users: &mut UniqueUsers| UniqueUsersStats {
            portfolio: portfolio.to_owned(),
            phone_number_id: number.map(str::to_owned),
            count: users.count(now_s),
            peak: users.peak(),
            limit: users.limit(),
        };
        let mut all = Vec::new();
        for (index, portfolio) in self.portfolios.iter_mut().enumerate() {
            match portfolio.scope {
                LimitScope::Portfolio => {
                    all.push(of(&portfolio.id, None, &mut portfolio.unique_users));
                }
                LimitScope::Number => {
                    for sender in self.senders.iter_mut().filter(|sender| sender.portfolio == index) {
                        let number = Some(sender.phone_number_id.as_str());
                        all.push(of(&portfolio.id, number, &mut sender.unique_users));
                    }
                }
            }
        }
        all
    }
}
