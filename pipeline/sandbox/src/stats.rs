//! What the sandbox counted, and every breach of a limit that it saw.

use std::collections::BTreeMap;

use serde::Serialize;

/// Violations kept in full; later ones are only counted.
const VIOLATIONS_MAX: usize = 10_000;

/// A snapshot of all counters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SandboxStats {
    /// The sandbox clock, milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// Sends taken, whatever their caller was told.
    pub accepted: u64,
    /// Sends answered with an error, by code.
    pub refused: BTreeMap<u32, u64>,
    /// Sends whose caller got no usable answer (500 without body, closed, outage).
    pub unanswered: u64,
    /// Statuses emitted, by name; second copies are not counted.
    pub statuses: BTreeMap<&'static str, u64>,
    /// `failed` statuses by code.
    pub failed: BTreeMap<u32, u64>,
    /// Messages from users.
    pub inbound: u64,
    /// Webhook POSTs answered 2xx.
    pub posts_delivered: u64,
    /// Webhook tries that failed and were tried again.
    pub posts_retried: u64,
    /// Webhook POSTs given up: past the horizon, or dropped from a full queue.
    pub posts_abandoned: u64,
    /// Updates delivered in those POSTs.
    pub updates_delivered: u64,
    /// Updates waiting to leave or being tried.
    pub updates_queued: u64,
    /// Things that will still happen to accepted messages.
    pub timers: u64,
    /// Pairs of number and user in memory.
    pub pairs: u64,
    /// Unique users per limit scope.
    pub unique_users: Vec<UniqueUsersStats>,
    /// Largest number of messages in one second, by phone number id.
    pub throughput_peak: BTreeMap<String, u64>,
    /// Breaches by rule.
    pub violations_total: BTreeMap<ViolationRule, u64>,
    /// The first breaches, in order, at most 10,000.
    pub violations: Vec<Violation>,
}

/// Unique users counted in the past 24 hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UniqueUsersStats {
    /// Portfolio id.
    pub portfolio: String,
    /// Phone number id when the limit is per number.
    pub phone_number_id: Option<String>,
    /// Users now.
    pub count: u64,
    /// Most users ever at once.
    pub peak: u64,
    /// The limit; none when unlimited.
    pub limit: Option<u64>,
}

/// One breach of a limit by the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which limit.
    pub rule: ViolationRule,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Portfolio id.
    pub portfolio: String,
    /// Phone number id.
    pub phone_number_id: String,
    /// What it would have come to: users in 24 hours, or messages.
    pub count: u64,
    /// The limit.
    pub limit: u64,
}

/// The limits that the sandbox watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ViolationRule {
    /// Unique users outside a window in a moving 24 hours; the message failed 131048.
    UniqueUsers,
    /// Messages of a number in a second; the send was answered 130429.
    Throughput,
    /// Messages to one user; the send was answered 131056.
    PairRate,
}

/// The counters that only grow.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepted: u64,
    pub(crate) refused: BTreeMap<u32, u64>,
    pub(crate) unanswered: u64,
    pub(crate) statuses: BTreeMap<&'static str, u64>,
    pub(crate) failed: BTreeMap<u32, u64>,
    pub(crate) inbound: u64,
    pub(crate) posts_delivered: u64,
    pub(crate) posts_retried: u64,
    pub(crate) posts_abandoned: u64,
    pub(crate) updates_delivered: u64,
    /// In the delivery queue; the outbox is counted apart.
    pub(crate) updates_in_queue: u64,
    pub(crate) violations_total: BTreeMap<ViolationRule, u64>,
    pub(crate) violations: Vec<Violation>,
}

impl Counters {
    pub(crate) fn violation(&mut self, violation: Violation) {
        *self.violations_total.entry(violation.rule).or_default() += 1;
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(violation);
        }
    }
}
