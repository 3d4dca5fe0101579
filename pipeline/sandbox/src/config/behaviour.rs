//! How people, networks and the platform behave.

use serde::{Deserialize, Serialize};

/// Delays. Medians of log-normal distributions, in milliseconds, multiplied by `delay_scale`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DelayConfig {
    /// Factor on every delay below except `slow_answer_ms`. Default 1; a demo uses less.
    pub delay_scale: f64,
    /// Shape: 0 is constant, 0.6 (the default) gives a long tail.
    pub sigma: f64,
    /// Accepted to sent. Default 300.
    pub sent_median_ms: f64,
    /// Sent to delivered. Default 1200.
    pub delivered_median_ms: f64,
    /// Delivered to read. Default 8000.
    pub read_median_ms: f64,
    /// Delivered to the user's reply. Default 15000.
    pub reply_median_ms: f64,
    /// Held for quality assessment to released or dropped. Default 20000.
    pub held_median_ms: f64,
    /// First copy of a repeated status to the second; also how late `sent` comes when it comes
    /// after `delivered`. Default 1000.
    pub repeat_median_ms: f64,
    /// Time until a slow answer (suffix 010), in milliseconds, not scaled. Default 15000.
    pub slow_answer_ms: u64,
}

impl Default for DelayConfig {
    fn default() -> Self {
        Self {
            delay_scale: 1.0,
            sigma: 0.6,
            sent_median_ms: 300.0,
            delivered_median_ms: 1_200.0,
            read_median_ms: 8_000.0,
            reply_median_ms: 15_000.0,
            held_median_ms: 20_000.0,
            repeat_median_ms: 1_000.0,
            slow_answer_ms: 15_000,
        }
    }
}

/// Shares, 0 to 1, of messages to ordinary recipients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateConfig {
    /// Delivered messages that are read. Default 0.7.
    pub read: f64,
    /// Read without a `delivered` before (the chat was open). Default 0.02.
    pub read_without_delivered: f64,
    /// Every status arrives twice. Default 0.01.
    pub duplicate: f64,
    /// `delivered` arrives before `sent`. Default 0.01.
    pub reorder: f64,
    /// Nothing after `sent`. Default 0.01.
    pub silence: f64,
    /// Failed 131026, not on the platform. Default 0.005.
    pub undeliverable: f64,
    /// Marketing only: failed 131049, per-user marketing cap. Default 0.01.
    pub marketing_cap: f64,
    /// Marketing only: failed 130472, marketing experiment. Default 0.001.
    pub experiment: f64,
    /// Failed 131000, unknown error. Default 0.0005.
    pub unknown_error: f64,
    /// Delivered messages that are answered with a text, which opens a window. Default 0.01.
    pub reply: f64,
    /// Delivered marketing messages that are answered "STOP". Default 0.002.
    pub stop_reply: f64,
    /// Delivered and charged, but no webhook after `sent` says so: what reconciliation is to find. Default 0.
    pub lost_statuses: f64,
}

impl Default for RateConfig {
    fn default() -> Self {
        Self {
            read: 0.7,
            read_without_delivered: 0.02,
            duplicate: 0.01,
            reorder: 0.01,
            silence: 0.01,
            undeliverable: 0.005,
            marketing_cap: 0.01,
            experiment: 0.001,
            unknown_error: 0.0005,
            reply: 0.01,
            stop_reply: 0.002,
            lost_statuses: 0.0,
        }
    }
}

impl RateConfig {
    /// Every message is sent, delivered and read, nothing else happens.
    pub fn quiet() -> Self {
        Self {
            read: 1.0,
            read_without_delivered: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            silence: 0.0,
            undeliverable: 0.0,
            marketing_cap: 0.0,
            experiment: 0.0,
            unknown_error: 0.0,
            reply: 0.0,
            stop_reply: 0.0,
            lost_statuses: 0.0,
        }
    }

    /// Every rate with its key, for the check.
    pub(crate) fn named(&self) -> [(&'static str, f64); 12] {
        [
            ("read", self.read),
            ("read_without_delivered", self.read_without_delivered),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
            ("silence", self.silence),
            ("undeliverable", self.undeliverable),
            ("marketing_cap", self.marketing_cap),
            ("experiment", self.experiment),
            ("unknown_error", self.unknown_error),
            ("reply", self.reply),
            ("stop_reply", self.stop_reply),
            ("lost_statuses", self.lost_statuses),
        ]
    }
}

/// Limits that are the same for every account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitConfig {
    /// Added to each number's throughput before 130429 is answered, in percent: paced sends
    /// bunch on the network. Default 0, exact.
    pub throughput_slack_percent: u32,
    /// One message to one user per this many milliseconds. Default 6000.
    pub pair_interval_ms: u64,
    /// Messages to one user that may be borrowed from the future. Default 45.
    pub pair_burst: u32,
    /// How the debt of a burst is paid back.
    pub pair_rule: PairRule,
    /// How many sends suffixes 008 and 011 refuse before they let the recipient's next one
    /// pass. Default 1; a large number refuses for ever.
    pub forced_refusals: u32,
    /// Questions to the management API about one WABA in any hour; 80008 above it. Default 5000, that of an active WABA.
    pub management_calls_per_hour: u32,
}

impl Default for LimitConfig {
    fn default() -> Self {
        Self {
            throughput_slack_percent: 0,
            pair_interval_ms: 6_000,
            pair_burst: 45,
            pair_rule: PairRule::default(),
            forced_refusals: 1,
            management_calls_per_hour: 5_000,
        }
    }
}

/// Reading of the pair rate rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum PairRule {
    /// As documented: a burst lasts one interval; after it nothing until the whole debt has
    /// passed (20 at once, about two minutes). The default.
    #[default]
    Repay,
    /// A token bucket: the debt may be anything up to the burst at any time.
    Bucket,
}
