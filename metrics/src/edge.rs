//! What any thread writes directly: dispatcher, gateway, views, shard
//! housekeeping. Tens to hundreds of nanoseconds a call; a shard's decisions use
//! [`crate::ShardMetrics`].

use std::time::Duration;

use rust_decimal::Decimal;

use crate::bounded::{Currency, Lot, Reason, is_code};
use crate::labels::{
    BudgetState, Certificate, FiguresFailure, Lane, Outcome, PartitionState, Projected, QualityLevel, QuotaState,
    SenderState, SpanLoss, StorePlace, SyncEnd, TemplateState, Topic, WaitsFor, WebhookResult,
};
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

    /// Resolves a reason for which a delivery may have no price, and shows its zero: the first one must be a rise.
    pub fn unpriced_reason(&self, name: &str) -> Reason {
        let reason = self.reason(name);
        drop(self.unpriced.with_label_values(&[self.reasons.name(reason.0)]));
        reason
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

    /// A webhook was made durable at this second since 1970.
    pub fn webhook_accepted(&self, at_s: u64) {
        self.last_webhook.with_label_values(&[] as &[&str]).set(whole(at_s));
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

    /// Shows a reason at zero from the start: a counter whose first value is one has no increase for Prometheus.
    pub fn expect_dead_letters(&self, reason: &str) {
        let reason = self.reason(reason);
        self.dead_letters.with_label_values(&[self.reasons.name(reason.0)]);
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

    /// Observes the first booking of a charge, so long after the delivery.
    pub fn booked_after(&self, delivery: Duration) {
        self.delivery_to_booked.observe(delivery.as_secs_f64());
    }

    /// Sets the records of a topic that the ledger's database keeps aside.
    pub fn set_set_aside(&self, topic: Projected, records: u64) {
        self.set_aside.with_label_values(&[topic.as_str()]).set(whole(records));
    }

    /// Sets how many partitions are so far.
    pub fn set_partitions(&self, state: PartitionState, partitions: usize) {
        self.partitions.with_label_values(&[state.as_str()]).set(whole(partitions as u64));
    }

    /// Sets a size on disk, in bytes.
    pub fn set_store_bytes(&self, store: StorePlace, bytes: u64) {
        self.store_bytes.with_label_values(&[store.as_str()]).set(whole(bytes));
    }

    /// Sets when a configured certificate ends, in seconds since 1970.
    pub fn set_certificate_expiry(&self, certificate: Certificate, at_s: i64) {
        self.certificate_expiry.with_label_values(&[certificate.as_str()]).set(at_s);
    }

    /// Sets what is known of a used currency's rate cards, in seconds since 1970: the first day without one (`None` =
    /// the newest is open), and the first day of the newest.
    pub fn set_rate_card(&self, currency: &str, expiry_s: Option<i64>, newest_from_s: Option<i64>) {
        let currency = self.currencies.name(self.currencies.intern(currency));
        for (gauge, at_s) in [(&self.rate_card_expiry, expiry_s), (&self.rate_card_start, newest_from_s)] {
            match at_s {
                Some(at_s) => gauge.with_label_values(&[currency.as_str()]).set(at_s),
                // It is not there in most cases.
                None => drop(gauge.remove_label_values(&[currency.as_str()])),
            }
        }
    }

    /// Sets how long until the last message of a lane, of those that wait for this, will have left one partition.
    pub fn set_backlog(&self, partition: u32, lane: Lane, waits_for: WaitsFor, until_left: Duration) {
        self.backlog.set(&[lane.as_str(), waits_for.as_str()], &partition.to_string(), millis(until_left));
    }

    /// Sets a partition's attempts in doubt.
    pub fn set_in_doubt_attempts(&self, partition: u32, attempts: u64) {
        self.in_doubt_attempts.set(&[], &partition.to_string(), attempts.into());
    }

    /// Sets when an account's next counted user ages out, in seconds since 1970; `None` when nobody is counted.
    pub fn set_quota_next_return(&self, account: &str, at_s: Option<u64>) {
        self.accounts.admit(account);
        match at_s {
            Some(at_s) => self.quota_next_return.set(&[account], "", at_s.into()),
            None => self.quota_next_return.unset(&[account], ""),
        }
    }

    /// Sets how many of an account's senders are so.
    pub fn set_senders(&self, account: &str, state: SenderState, quality: QualityLevel, senders: u64) {
        self.accounts.admit(account);
        let labels = [account, state.as_str(), quality.as_str()];
        match senders {
            0 => self.senders_by_state.unset(&labels, ""),
            senders => self.senders_by_state.set(&labels, "", senders.into()),
        }
    }

    /// Sets how many of an account's templates have this status.
    pub fn set_templates(&self, account: &str, status: TemplateState, templates: u64) {
        self.accounts.admit(account);
        self.templates.set(&[account, status.as_str()], "", templates.into());
    }

    /// Sets for how many of an account's templates another category is announced.
    pub fn set_announced_categories(&self, account: &str, templates: u64) {
        self.accounts.admit(account);
        self.announced_categories.set(&[account], "", templates.into());
    }

    /// Sets when the first of an account's WABAs sends nothing any more for its currency, in seconds since 1970; `None` when
    /// none will.
    pub fn set_currency_deadline(&self, account: &str, at_s: Option<u64>) {
        self.accounts.admit(account);
        match at_s {
            Some(at_s) => self.currency_deadline.set(&[account], "", at_s.into()),
            None => self.currency_deadline.unset(&[account], ""),
        }
    }

    /// Sets how many people of each account wait for an answer while their window is about to close; accounts that are not
    /// given have none, and are shown with it if they had some.
    pub fn set_unanswered(&self, accounts: &[(String, u64)]) {
        self.windows_closing.zero();
        for (account, people) in accounts {
            self.accounts.admit(account);
            self.windows_closing.set(&[account], "", (*people).into());
        }
    }

    /// Counts one time that the platform was asked for a WABA's templates and numbers.
    pub fn synced(&self, end: SyncEnd) {
        self.template_syncs.with_label_values(&[end.as_str()]).inc();
    }

    /// Sets how many WABAs the platform has told nothing of for too long.
    pub fn set_syncs_overdue(&self, wabas: u64) {
        self.syncs_overdue.with_label_values(&[] as &[&str]).set(whole(wabas));
    }

    /// Counts one time that the platform's figures of a WABA were due and could not be kept.
    pub fn figures_failed(&self, why: FiguresFailure) {
        self.figures_failures.with_label_values(&[why.as_str()]).inc();
    }

    /// Sets of how many WABAs the figures of a day that is over for long are not kept.
    pub fn set_figures_overdue(&self, wabas: u64) {
        self.figures_overdue.with_label_values(&[] as &[&str]).set(whole(wabas));
    }

    /// Counts spans that the collector took.
    pub fn spans_exported(&self, spans: u64) {
        self.spans_exported.with_label_values(&[] as &[&str]).inc_by(spans);
    }

    /// Counts spans that are lost.
    pub fn span_lost(&self, why: SpanLoss, spans: u64) {
        self.spans_dropped.with_label_values(&[why.as_str()]).inc_by(spans);
    }

    /// Sets whether an account is disabled.
    pub fn set_disabled(&self, account: &str, disabled: bool) {
        self.accounts.admit(account);
        self.disabled_accounts.set(&[account], "", u64::from(disabled).into());
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

    /// Sets a sender's number of send calls under way.
    pub fn set_open_calls(&self, sender: &str, calls: u64) {
        self.senders.admit(sender);
        self.open_calls.set(&[sender], "", calls.into());
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

    /// Sets how old a topic's oldest record is that is not done, in the worst partition of this process; `None` where it
    /// reads none.
    pub fn set_log_lag(&self, topic: Topic, lag: Option<Duration>) {
        match lag {
            Some(lag) => self.log_lag.with_label_values(&[topic.as_str()]).set(lag.as_secs_f64()),
            None => drop(self.log_lag.remove_label_values(&[topic.as_str()])),
        }
    }

    /// Sets how far the process's clock is off the log's, above zero ahead of it; `None` where that is not known.
    pub fn set_clock_offset_ms(&self, offset_ms: Option<i64>) {
        match offset_ms {
            Some(ms) => self.clock_offset.with_label_values(&[] as &[&str]).set(ms as f64 / 1_000.0),
            None => drop(self.clock_offset.remove_label_values(&[] as &[&str])),
        }
    }

    /// Drops what is known of a partition that this process no longer decides for.
    pub fn forget_partition(&self, partition: u32) {
        let part = partition.to_string();
        self.backlog.forget_part(&part);
        self.in_doubt_attempts.forget_part(&part);
    }

    /// Drops every gauge of an account that this process no longer owns and
    /// frees its place.
    pub fn forget_account(&self, account: &str) {
        for gauge in [
            &self.quota_users,
            &self.quota_next_return,
            &self.quality,
            &self.senders_by_state,
            &self.templates,
            &self.announced_categories,
            &self.currency_deadline,
            &self.windows_closing,
            &self.disabled_accounts,
            &self.budget_amount,
        ] {
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
        self.open_calls.forget_label(0, sender);
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

/// Counts and times as the client library has them.
fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn millis(time: Duration) -> Decimal {
    Decimal::new(i64::try_from(time.as_millis()).unwrap_or(i64::MAX), 3)
}
