//! What any thread writes directly: dispatcher, gateway, views, shard
//! housekeeping. Tens to hundreds of nanoseconds a call; a shard's decisions use
//! [`crate::ShardMetrics`].

use std::time::Duration;

use rust_decimal::Decimal;

use crate::bounded::{Currency, Lot, Reason, is_code};
use crate::labels::{BudgetState, Outcome, QualityLevel, QuotaState, Topic, WebhookResult};
use crate::registry::Metrics;

impl Metrics {
    /// Resolves a reason; do it once and keep it. `platform_<code>` is
    /// [`Reason::PLATFORM`].
    pub fn reason(&self, name: &str) -> Reason {
        match name.strip_prefix("platform_") {
            Some(code) if is_code(code) => Reason::PLATFORM,
            _ => Reason(self.reasons.intern(name)),
        }
    }

    /// Resolves the reason that a lot waits for; do it once and keep it.
    pub fn lot(&self, reason: &str) -> Lot {
        Lot(self.lots.intern(reason))
    }

    /// Resolves an ISO 4217 code; do it once and keep it.
    pub fn currency(&self, code: &str) -> Currency {
        Currency(self.currencies.intern(code))
    }

    /// Counts one webhook change. Give `field` only after the signature was
    /// found good, and `"none"` before, or strangers choose the label's values.
    pub fn webhook(&self, field: &str, result: WebhookResult) {
        let field = self.fields.name(self.fields.intern(field));
        self.webhooks.with_label_values(&[field.as_str(), result.as_str()]).inc();
    }

    /// Counts one error that the platform reported, by its `code`.
    pub fn platform_error(&self, code: u32) {
        self.platform_errors_by(code, 1);
    }

    pub(crate) fn platform_errors_by(&self, code: u32, times: u64) {
        let code = self.codes.name(self.codes.intern(&code.to_string()));
        self.platform_errors.with_label_values(&[code]).inc_by(times);
    }

    /// Counts one record put aside outside a shard's batch.
    pub fn dead_letter(&self, reason: Reason) {
        self.dead_letters.with_label_values(&[self.reasons.name(reason.0)]).inc();
    }

    /// Observes one send call by its result.
    pub fn dispatched(&self, outcome: Outcome, took: Duration) {
        self.dispatch_by_outcome[outcome as usize]
            .get_or_init(|| self.dispatch_seconds.with_label_values(&[outcome.as_str()]))
            .observe(took.as_secs_f64());
    }

    /// Observes the restore of one partition.
    pub fn restored(&self, took: Duration) {
        self.restore_seconds.observe(took.as_secs_f64());
    }

    /// Sets one part of an account's unique-user quota. An account without a
    /// limit sets no `limit`.
    pub fn set_quota_users(&self, account: &str, state: QuotaState, users: u64) {
        self.accounts.admit(account);
        self.quota_users.set(&[account, state.as_str()], "", users.into());
    }

    /// Sets a sender's quality.
    pub fn set_quality(&self, account: &str, sender: &str, level: QualityLevel) {
        self.accounts.admit(account);
        self.senders.admit(sender);
        self.quality.set(&[account, sender], "", (level as u64).into());
    }

    /// Sets the rate that a sender may use now, messages a second.
    pub fn set_throughput_limit(&self, sender: &str, messages_per_second: u32) {
        self.senders.admit(sender);
        self.throughput_limit.set(&[sender], "", messages_per_second.into());
    }

    /// Sets a sender's number of orders without a result.
    pub fn set_in_flight_orders(&self, sender: &str, orders: u64) {
        self.senders.admit(sender);
        self.in_flight_orders.set(&[sender], "", orders.into());
    }

    /// Sets one part of a campaign's budget, in whole units of `currency`. Does
    /// nothing unless budgets are switched on.
    pub fn set_budget(&self, account: &str, campaign: &str, currency: &str, state: BudgetState, amount: Decimal) {
        if !self.limits.budgets {
            return;
        }
        self.accounts.admit(account);
        self.campaigns.admit(campaign);
        let currency = self.currencies.name(self.currencies.intern(currency));
        self.budget_amount.set(&[account, campaign, &currency, state.as_str()], "", amount);
    }

    /// Sets how old the oldest unread record of a partition is.
    pub fn set_log_lag(&self, topic: Topic, partition: i32, lag: Duration) {
        let millis = i64::try_from(lag.as_millis()).unwrap_or(i64::MAX);
        self.log_lag.set(&[topic.as_str()], &partition.to_string(), Decimal::new(millis, 3));
    }

    /// Drops a partition that this process no longer owns from the lag.
    pub fn forget_partition(&self, partition: i32) {
        self.log_lag.forget_part(&partition.to_string());
    }

    /// Drops every gauge of an account that this process no longer owns and
    /// frees its place.
    pub fn forget_account(&self, account: &str) {
        for gauge in [&self.quota_users, &self.quality, &self.budget_amount] {
            gauge.forget_label(0, account);
        }
        self.accounts.release(account);
    }

    /// Drops every gauge of a sender that this process no longer owns and frees
    /// its place.
    pub fn forget_sender(&self, sender: &str) {
        self.quality.forget_label(1, sender);
        self.throughput_limit.forget_label(0, sender);
        self.in_flight_orders.forget_label(0, sender);
        self.senders.release(sender);
    }

    /// Drops the budget of a campaign that has ended and frees its place.
    pub fn forget_campaign(&self, account: &str, campaign: &str) {
        self.budget_amount.forget_labels(&[account, campaign]);
        if !self.budget_amount.has_label(1, campaign) {
            self.campaigns.release(campaign);
        }
    }
}
