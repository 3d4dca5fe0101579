//! The catalogue: every metric of the product, once.

use crate::labels::{
    BudgetState, Category, Certificate, FiguresFailure, InDoubtResolution, Lane, MismatchKind, Outcome, PartitionState,
    PricingType, Projected, QualityLevel, QuotaState, SenderState, SpanLoss, StorePlace, SyncEnd, TemplateState, Topic,
    WaitsFor, WebhookResult,
};

/// What a scraper may assume of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only rises, from 0 at the start of the process.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts per bucket, sum and count.
    Histogram,
}

/// Unit of the value, always a base unit. It ends the metric's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Occurrences of what the name says.
    Events,
    /// Seconds.
    Seconds,
    /// Records of the log.
    Records,
    /// Messages.
    Messages,
    /// Messages a second.
    MessagesPerSecond,
    /// Unique users.
    Users,
    /// Orders to a dispatcher.
    Orders,
    /// Whole units of the currency in the `currency` label.
    Amount,
    /// Seconds since 1970 (UTC), of an instant.
    Timestamp,
    /// Message templates.
    Templates,
    /// WhatsApp Business accounts.
    Wabas,
    /// Business phone numbers.
    Senders,
    /// Accounts.
    Accounts,
    /// Partitions of the log.
    Partitions,
    /// Attempts to send.
    Attempts,
    /// Calls to the platform.
    Calls,
    /// Bytes.
    Bytes,
    /// 0 unknown, 1 red, 2 yellow, 3 green.
    Quality,
    /// Always 1; the labels are the information.
    Info,
}

impl Unit {
    /// What the name ends with, before the `_total` of a counter.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Events => "",
            Self::Seconds => "_seconds",
            Self::Records => "_records",
            Self::Messages => "_messages",
            Self::MessagesPerSecond => "_messages_per_second",
            Self::Users => "_users",
            Self::Orders => "_orders",
            Self::Amount => "_amount",
            Self::Timestamp => "_timestamp_seconds",
            Self::Templates => "_templates",
            Self::Wabas => "_wabas",
            Self::Senders => "_senders",
            Self::Accounts => "_accounts",
            Self::Partitions => "_partitions",
            Self::Attempts => "_attempts",
            Self::Calls => "_calls",
            Self::Bytes => "_bytes",
            Self::Quality => "_quality",
            Self::Info => "_info",
        }
    }
}

/// Where the values of a label come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// These and no others.
    Closed(&'static [&'static str]),
    /// A bounded number, the rest together as `other`; the text says of what.
    Bounded(&'static str),
}

/// A label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Label name.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
}

const fn closed(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values: Values::Closed(values) }
}

const fn bounded(name: &'static str, what: &'static str) -> Label {
    Label { name, values: Values::Bounded(what) }
}

const ACCOUNT: Label = bounded("account", "accounts, up to a configured number");
const SENDER: Label = bounded("sender", "senders (platform id), up to a configured number");
const CAMPAIGN: Label = bounded("campaign", "campaigns, up to a configured number");
const CURRENCY: Label = bounded("currency", "ISO 4217 codes");
const LANE: Label = closed("lane", Lane::NAMES);
const OUTCOME: Label = closed("outcome", Outcome::NAMES);
const CATEGORY: Label = closed("category", Category::NAMES);

/// Decision time: a microsecond up to a stall worth an alert.
const DECISION_BUCKETS: &[f64] = &[1e-6, 2e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 1e-3, 1e-2, 0.1];
/// From request to order: through the log at once, or after hours in a lot.
const WAIT_BUCKETS: &[f64] =
    &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0, 3600.0, 21600.0, 86400.0];
/// One call over the network.
const CALL_BUCKETS: &[f64] = &[0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0];
/// One commit: a quiet disk up to a struggling broker.
const COMMIT_BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
const BATCH_BUCKETS: &[f64] = &[1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 65536.0];
/// From a delivery to its booking: a second while all goes well; the objective is five minutes; hours after an outage.
const BOOKED_BUCKETS: &[f64] =
    &[1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 21600.0, 86400.0];
/// Restore of a partition; the budget is 60 s.
const RESTORE_BUCKETS: &[f64] = &[0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0];

/// What the catalogue says of one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spec {
    /// Full name.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// Unit of the value.
    pub unit: Unit,
    /// One sentence, also the HELP line of the exposition.
    pub help: &'static str,
    /// Labels, in the order in which values are given.
    pub labels: &'static [Label],
    /// Upper bounds in the metric's unit; empty unless a histogram.
    pub buckets: &'static [f64],
}

macro_rules! catalogue {
    ($($variant:ident: $kind:ident $name:literal $unit:ident [$($label:expr),*] $($buckets:ident)? => $help:literal;)+) => {
        /// A metric of the product. `Metric::ALL` is the whole list.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Metric { $(#[doc = concat!("`", $name, "`: ", $help)] $variant),+ }

        impl Metric {
            /// Every metric, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// What the catalogue says of it.
            pub const fn spec(self) -> Spec {
                match self {
                    $(Self::$variant => Spec {
                        name: $name,
                        kind: Kind::$kind,
                        unit: Unit::$unit,
                        help: $help,
                        labels: const { &[$($label),*] },
                        buckets: catalogue!(@buckets $($buckets)?),
                    }),+
                }
            }
        }
    };
    (@buckets) => { &[] };
    (@buckets $buckets:ident) => { $buckets };
}

catalogue! {
    Requests: Counter "tollgate_requests_total" Events [LANE]
        => "Requests read from the log.";
    Decisions: Counter "tollgate_decisions_total" Events
        [OUTCOME, bounded("reason", "reasons; `none` without one, `platform` for any platform error code")]
        => "Moves of messages decided.";
    DecisionSeconds: Histogram "tollgate_decision_seconds" Seconds [] DECISION_BUCKETS
        => "Time to decide one record.";
    RequestToOrderSeconds: Histogram "tollgate_request_to_order_seconds" Seconds [LANE] WAIT_BUCKETS
        => "Time from a request to the order to send it, waiting included.";
    ParkedMessages: Gauge "tollgate_parked_messages" Messages [bounded("lot", "reasons that queues wait for now")]
        => "Messages in the waiting room.";
    BacklogSeconds: Gauge "tollgate_backlog_seconds" Seconds [LANE, closed("waits_for", WaitsFor::NAMES)]
        => "Time until the last parked message will have left, worst account; what only a person can free has none.";
    QuotaUsers: Gauge "tollgate_quota_users" Users [ACCOUNT, closed("state", QuotaState::NAMES)]
        => "Unique users of the moving 24 hours; with a limit per number the sums over the numbers; `other` is a sum.";
    QuotaNextReturn: Gauge "tollgate_quota_next_return_timestamp_seconds" Timestamp [ACCOUNT]
        => "When the next counted user ages out; `other` is the earliest. None while nobody is counted.";
    Quality: Gauge "tollgate_quality" Quality [ACCOUNT, SENDER]
        => "Quality of a sender: 0 unknown, 1 red, 2 yellow, 3 green; `other` is the worst known.";
    ThroughputLimit: Gauge "tollgate_throughput_limit_messages_per_second" MessagesPerSecond [SENDER]
        => "Rate that a sender may use now; `other` is a sum.";
    Senders: Gauge "tollgate_senders" Senders
        [ACCOUNT, closed("state", SenderState::NAMES), closed("quality", QualityLevel::NAMES)]
        => "Senders by state and quality; `other` is a sum.";
    Templates: Gauge "tollgate_templates" Templates [ACCOUNT, closed("status", TemplateState::NAMES)]
        => "Templates by status; `other` is a sum.";
    AnnouncedCategories: Gauge "tollgate_announced_category_templates" Templates [ACCOUNT]
        => "Templates that the platform has announced another category for, and so another price; `other` is a sum.";
    CurrencyDeadline: Gauge "tollgate_currency_deadline_timestamp_seconds" Timestamp [ACCOUNT]
        => "First second at which messages are refused because a WABA with numbers bills in another currency than it must; the earliest, also of `other`. None where all bill as they must.";
    WindowsClosing: Gauge "tollgate_windows_closing_users" Users [ACCOUNT]
        => "People who wrote, have had no answer since, and whose window is about to close; `other` is a sum.";
    TemplateSyncs: Counter "tollgate_template_syncs_total" Events [closed("result", SyncEnd::NAMES)]
        => "Times that the platform was asked for a WABA's templates and numbers, by how that ended.";
    SyncsOverdue: Gauge "tollgate_syncs_overdue_wabas" Wabas []
        => "WABAs whose templates and numbers the platform has not told for three hours, or for three times the interval if that is longer.";
    FiguresFailures: Counter "tollgate_figures_failures_total" Events [closed("reason", FiguresFailure::NAMES)]
        => "Times that the platform's figures of a WABA's days that are over were due and could not be kept.";
    FiguresOverdue: Gauge "tollgate_figures_overdue_wabas" Wabas []
        => "WABAs of which no figures are kept of the last day (UTC) that has been over for three hours, or for three times the interval if that is longer.";
    DisabledAccounts: Gauge "tollgate_disabled_accounts" Accounts [ACCOUNT]
        => "1 while an account is disabled; `other` is a sum.";
    InFlightOrders: Gauge "tollgate_in_flight_orders" Orders [SENDER]
        => "Orders without a result; `other` is a sum.";
    OpenCalls: Gauge "tollgate_open_calls" Calls [SENDER]
        => "Send calls under way; `other` is a sum.";
    DispatchSeconds: Histogram "tollgate_dispatch_seconds" Seconds [OUTCOME] CALL_BUCKETS
        => "Time of a send call, by its result.";
    PlatformErrors: Counter "tollgate_platform_errors_total" Events [bounded("code", "platform error codes")]
        => "Errors reported by the platform, in an answer or a webhook.";
    InDoubt: Counter "tollgate_in_doubt_total" Events [closed("resolution", InDoubtResolution::NAMES)]
        => "Attempts in doubt, by how they ended.";
    InDoubtAttempts: Gauge "tollgate_in_doubt_attempts" Attempts []
        => "Attempts in doubt now.";
    Webhooks: Counter "tollgate_webhooks_total" Events
        [bounded("field", "webhook fields"), closed("result", WebhookResult::NAMES)]
        => "Webhook changes received.";
    LastWebhook: Gauge "tollgate_last_webhook_timestamp_seconds" Timestamp []
        => "When the last webhook was accepted; none before the first since the start.";
    Charges: Counter "tollgate_charges_total" Events
        [CATEGORY, closed("pricing_type", PricingType::NAMES)]
        => "Charges booked, free ones included.";
    ChargedAmount: Counter "tollgate_charged_amount_total" Amount [CURRENCY, CATEGORY]
        => "Cost of the charges booked; adjustments are not in it. For watching, not for billing.";
    ChargeMismatch: Counter "tollgate_charge_mismatch_total" Events [closed("kind", MismatchKind::NAMES)]
        => "Charges that differ from what was expected at admission.";
    UnpricedCharges: Counter "tollgate_unpriced_charges_total" Events
        [bounded("reason", "reasons why there is no price")]
        => "Deliveries booked without a price.";
    DeliveryToBooked: Histogram "tollgate_delivery_to_booked_seconds" Seconds [] BOOKED_BUCKETS
        => "Time from a delivery, by the platform's clock, to its first entry in the ledger's database.";
    SetAsideRecords: Gauge "tollgate_set_aside_records" Records [closed("topic", Projected::NAMES)]
        => "Records that the ledger's database could not take and keeps aside for people.";
    RateCardExpiry: Gauge "tollgate_rate_card_expiry_timestamp_seconds" Timestamp [CURRENCY]
        => "First day (UTC) without a rate card, of currencies in use; none where the newest card is open; 0 without a card today.";
    RateCardStart: Gauge "tollgate_rate_card_start_timestamp_seconds" Timestamp [CURRENCY]
        => "First day (UTC) of the newest rate card, of currencies in use.";
    BudgetAmount: Gauge "tollgate_budget_amount" Amount
        [ACCOUNT, CAMPAIGN, CURRENCY, closed("state", BudgetState::NAMES)]
        => "Budget of a campaign; `other` is a sum. Only when switched on.";
    LogLagSeconds: Gauge "tollgate_log_lag_seconds" Seconds [closed("topic", Topic::NAMES)]
        => "Age of the oldest record not yet done, worst partition of the process; rises while its reader stands still.";
    ClockOffsetSeconds: Gauge "tollgate_clock_offset_seconds" Seconds []
        => "How far this process's clock is off the brokers', at least: above zero ahead, below it behind, 0 while it may be right and with the embedded log. None before a record tells.";
    BatchCommitSeconds: Histogram "tollgate_batch_commit_seconds" Seconds [] COMMIT_BUCKETS
        => "Time to commit a batch.";
    BatchRecords: Histogram "tollgate_batch_records" Records [] BATCH_BUCKETS
        => "Input records in a batch.";
    RestoreSeconds: Histogram "tollgate_restore_seconds" Seconds [] RESTORE_BUCKETS
        => "Time to restore a partition: changelog and loading.";
    Partitions: Gauge "tollgate_partitions" Partitions [closed("state", PartitionState::NAMES)]
        => "Partitions that this process decides for, or is about to.";
    StoreBytes: Gauge "tollgate_store_bytes" Bytes [closed("store", StorePlace::NAMES)]
        => "Size on disk: the data directory without the ledger, and the ledger where it is a file.";
    CertificateExpiry: Gauge "tollgate_certificate_expiry_timestamp_seconds" Timestamp
        [closed("certificate", Certificate::NAMES)]
        => "When the first certificate in a configured file ends; none where no file is configured.";
    DeadLetters: Counter "tollgate_dead_letters_total" Events [bounded("reason", "reasons")]
        => "Records put aside for people.";
    SpansExported: Counter "tollgate_spans_exported_total" Events []
        => "Spans of traces that the collector took; 0 where traces are not configured.";
    SpansDropped: Counter "tollgate_spans_dropped_total" Events [closed("reason", SpanLoss::NAMES)]
        => "Spans of traces that are lost: too many waited, or the collector did not take them.";
    BuildInfo: Gauge "tollgate_build_info" Info [bounded("version", "the version of the process")]
        => "Version of the process; always 1.";
}
