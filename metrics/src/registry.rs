//! The registry: builds every metric of the catalogue and encodes them.

use std::sync::{Mutex, OnceLock};

use prometheus::core::Collector;
use prometheus::{
    CounterVec, Encoder, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::amounts::ChargedAmounts;
use crate::bounded::{BoundedSet, Interner, Reason, is_code, is_currency, is_name, lock};
use crate::catalogue::Metric;
use crate::gauges::{BoundedGauge, Together};
use crate::labels::{FiguresFailure, InDoubtResolution, Lane, MismatchKind, Outcome, SpanLoss, SyncEnd};
use crate::scrape::Scrape;

/// `Content-Type` of what [`Metrics::encode`] returns.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4";

/// Distinct reasons of decisions and dead letters, `other` included.
const REASONS_MAX: usize = 128;
/// Distinct reasons that messages are parked for, `other` included.
const LOTS_MAX: usize = 64;
/// Distinct currencies, `other` included. The platform bills in 16.
const CURRENCIES_MAX: usize = 33;
/// Distinct platform error codes, `other` included. About 70 are documented.
const CODES_MAX: usize = 128;
/// Distinct webhook fields, `other` included. About 20 are documented.
const FIELDS_MAX: usize = 32;

/// How many label values are shown by name, and what is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Accounts with series of their own; the rest together as `other`.
    pub accounts_max: usize,
    /// Senders with series of their own; the rest together as `other`.
    pub senders_max: usize,
    /// Campaigns with series of their own in `tollgate_budget_amount`.
    pub campaigns_max: usize,
    /// Whether `tollgate_budget_amount` is exported.
    pub budgets: bool,
}

impl Default for Limits {
    /// 100 accounts, 200 senders, 100 campaigns, no budgets.
    fn default() -> Self {
        Self { accounts_max: 100, senders_max: 200, campaigns_max: 100, budgets: false }
    }
}

/// Why metrics could not be built or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A metric of the catalogue, or the process metrics, was refused.
    #[error("metric {name} cannot be registered: {source}; correct its entry in the catalogue")]
    Register {
        /// Name of the metric.
        name: &'static str,
        /// What the client library says.
        source: prometheus::Error,
    },
    /// The text format could not be written.
    #[error("metrics cannot be encoded: {0}")]
    Encode(#[from] prometheus::Error),
}

/// Every metric of one process, in a registry of its own. Share it as
/// `Arc<Metrics>`; all methods take `&self` and are safe from any thread.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// What is looked at when the metrics are read; held while they are.
    pub(crate) scrape: Mutex<Scrape>,
    pub(crate) limits: Limits,

    pub(crate) accounts: BoundedSet,
    pub(crate) senders: BoundedSet,
    pub(crate) campaigns: BoundedSet,
    pub(crate) reasons: Interner,
    pub(crate) lots: Interner,
    pub(crate) currencies: Interner,
    pub(crate) codes: Interner,
    pub(crate) fields: Interner,

    pub(crate) requests: IntCounterVec,
    pub(crate) decisions: IntCounterVec,
    pub(crate) decision_seconds: Histogram,
    pub(crate) request_to_order_seconds: HistogramVec,
    pub(crate) parked_messages: IntGaugeVec,
    pub(crate) backlog: BoundedGauge,
    pub(crate) quota_users: BoundedGauge,
    pub(crate) quota_next_return: BoundedGauge,
    pub(crate) senders_by_state: BoundedGauge,
    pub(crate) templates: BoundedGauge,
    pub(crate) announced_categories: BoundedGauge,
    pub(crate) currency_deadline: BoundedGauge,
    pub(crate) windows_closing: BoundedGauge,
    pub(crate) template_syncs: IntCounterVec,
    pub(crate) syncs_overdue: IntGaugeVec,
    pub(crate) figures_failures: IntCounterVec,
    pub(crate) figures_overdue: IntGaugeVec,
    pub(crate) spans_exported: IntCounterVec,
    pub(crate) spans_dropped: IntCounterVec,
    pub(crate) disabled_accounts: BoundedGauge,
    pub(crate) quality: BoundedGauge,
    pub(crate) throughput_limit: BoundedGauge,
    pub(crate) in_flight_orders: BoundedGauge,
    pub(crate) open_calls: BoundedGauge,
    pub(crate) dispatch_seconds: HistogramVec,
    pub(crate) dispatch_by_outcome: [OnceLock<Histogram>; Outcome::ALL.len()],
    pub(crate) platform_errors: IntCounterVec,
    pub(crate) in_doubt: IntCounterVec,
    pub(crate) in_doubt_attempts: BoundedGauge,
    pub(crate) webhooks: IntCounterVec,
    pub(crate) last_webhook: IntGaugeVec,
    pub(crate) charges: IntCounterVec,
    pub(crate) charged_amount: ChargedAmounts,
    pub(crate) charge_mismatch: IntCounterVec,
    pub(crate) unpriced: IntCounterVec,
    pub(crate) delivery_to_booked: Histogram,
    pub(crate) set_aside: IntGaugeVec,
    pub(crate) rate_card_expiry: IntGaugeVec,
    pub(crate) rate_card_start: IntGaugeVec,
    pub(crate) budget_amount: BoundedGauge,
    pub(crate) log_lag: GaugeVec,
    pub(crate) clock_offset: GaugeVec,
    pub(crate) batch_commit_seconds: Histogram,
    pub(crate) batch_records: Histogram,
    pub(crate) restore_seconds: Histogram,
    pub(crate) partitions: IntGaugeVec,
    pub(crate) store_bytes: IntGaugeVec,
    pub(crate) certificate_expiry: IntGaugeVec,
    pub(crate) dead_letters: IntCounterVec,
}

impl Metrics {
    /// Builds the whole catalogue; `version` is the label of
    /// `tollgate_build_info`. Fails only when the catalogue contradicts itself.
    pub fn new(version: &str, limits: Limits) -> Result<Self, Error> {
        let registry = Registry::new();
        let build = Build { registry: &registry };
        let currencies = Interner::new(CURRENCIES_MAX, is_currency, &[]);
        build.int_gauge(Metric::BuildInfo)?.with_label_values(&[version]).set(1);
        let budget_amount =
            if limits.budgets { build.gauge(Metric::BudgetAmount)? } else { unregistered_gauge(Metric::BudgetAmount)? };
        // Short closed lists show their zeros: what never happened is told from what is not measured.
        let (requests, in_doubt) = (build.counter(Metric::Requests)?, build.counter(Metric::InDoubt)?);
        let charge_mismatch = build.counter(Metric::ChargeMismatch)?;
        let template_syncs = build.counter(Metric::TemplateSyncs)?;
        let figures_failures = build.counter(Metric::FiguresFailures)?;
        let spans_exported = build.counter(Metric::SpansExported)?;
        drop(spans_exported.with_label_values(&[] as &[&str]));
        let spans_dropped = build.counter(Metric::SpansDropped)?;
        for (counter, names) in [
            (&requests, Lane::NAMES),
            (&in_doubt, InDoubtResolution::NAMES),
            (&charge_mismatch, MismatchKind::NAMES),
            (&template_syncs, SyncEnd::NAMES),
            (&figures_failures, FiguresFailure::NAMES),
            (&spans_dropped, SpanLoss::NAMES),
        ] {
            names.iter().for_each(|name| drop(counter.with_label_values(&[*name])));
        }
        #[cfg(target_os = "linux")]
        register(&registry, "process_*", prometheus::process_collector::ProcessCollector::for_self())?;

        Ok(Self {
            requests,
            decisions: build.counter(Metric::Decisions)?,
            decision_seconds: build.histogram(Metric::DecisionSeconds)?,
            request_to_order_seconds: build.histograms(Metric::RequestToOrderSeconds)?,
            parked_messages: build.int_gauge(Metric::ParkedMessages)?,
            backlog: BoundedGauge::new(build.gauge(Metric::BacklogSeconds)?, Together::Max),
            quota_users: BoundedGauge::new(build.gauge(Metric::QuotaUsers)?, Together::Sum),
            quota_next_return: BoundedGauge::new(build.gauge(Metric::QuotaNextReturn)?, Together::Min),
            senders_by_state: BoundedGauge::new(build.gauge(Metric::Senders)?, Together::Sum),
            templates: BoundedGauge::new(build.gauge(Metric::Templates)?, Together::Sum),
            announced_categories: BoundedGauge::new(build.gauge(Metric::AnnouncedCategories)?, Together::Sum),
            currency_deadline: BoundedGauge::new(build.gauge(Metric::CurrencyDeadline)?, Together::Min),
            windows_closing: BoundedGauge::new(build.gauge(Metric::WindowsClosing)?, Together::Sum),
            template_syncs,
            syncs_overdue: build.int_gauge(Metric::SyncsOverdue)?,
            figures_failures,
            figures_overdue: build.int_gauge(Metric::FiguresOverdue)?,
            spans_exported,
            spans_dropped,
            disabled_accounts: BoundedGauge::new(build.gauge(Metric::DisabledAccounts)?, Together::Sum),
            quality: BoundedGauge::new(build.gauge(Metric::Quality)?, Together::WorstKnown),
            throughput_limit: BoundedGauge::new(build.gauge(Metric::ThroughputLimit)?, Together::Sum),
            in_flight_orders: BoundedGauge::new(build.gauge(Metric::InFlightOrders)?, Together::Sum),
            open_calls: BoundedGauge::new(build.gauge(Metric::OpenCalls)?, Together::Sum),
            dispatch_seconds: build.histograms(Metric::DispatchSeconds)?,
            dispatch_by_outcome: Default::default(),
            platform_errors: build.counter(Metric::PlatformErrors)?,
            in_doubt,
            in_doubt_attempts: BoundedGauge::new(build.gauge(Metric::InDoubtAttempts)?, Together::Sum),
            webhooks: build.counter(Metric::Webhooks)?,
            last_webhook: build.int_gauge(Metric::LastWebhook)?,
            charges: build.counter(Metric::Charges)?,
            charged_amount: ChargedAmounts::new(build.float_counter(Metric::ChargedAmount)?, &currencies),
            charge_mismatch,
            unpriced: build.counter(Metric::UnpricedCharges)?,
            delivery_to_booked: build.histogram(Metric::DeliveryToBooked)?,
            set_aside: build.int_gauge(Metric::SetAsideRecords)?,
            rate_card_expiry: build.int_gauge(Metric::RateCardExpiry)?,
            rate_card_start: build.int_gauge(Metric::RateCardStart)?,
            budget_amount: BoundedGauge::new(budget_amount, Together::Sum),
            log_lag: build.gauge(Metric::LogLagSeconds)?,
            clock_offset: build.gauge(Metric::ClockOffsetSeconds)?,
            batch_commit_seconds: build.histogram(Metric::BatchCommitSeconds)?,
            batch_records: build.histogram(Metric::BatchRecords)?,
            restore_seconds: build.histogram(Metric::RestoreSeconds)?,
            partitions: build.int_gauge(Metric::Partitions)?,
            store_bytes: build.int_gauge(Metric::StoreBytes)?,
            certificate_expiry: build.int_gauge(Metric::CertificateExpiry)?,
            dead_letters: build.counter(Metric::DeadLetters)?,

            accounts: BoundedSet::new(limits.accounts_max),
            senders: BoundedSet::new(limits.senders_max),
            campaigns: BoundedSet::new(limits.campaigns_max),
            reasons: Interner::new(REASONS_MAX, is_name, Reason::SEEDS),
            lots: Interner::new(LOTS_MAX, is_name, &[]),
            currencies,
            codes: Interner::new(CODES_MAX, is_code, &[]),
            fields: Interner::new(FIELDS_MAX, is_name, &[]),
            limits,
            scrape: Mutex::default(),
            registry,
        })
    }

    /// Every metric in text format 0.0.4 ([`CONTENT_TYPE`]). Readers wait for
    /// each other, writers do not wait.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let one_at_a_time = lock(&self.scrape);
        one_at_a_time.look(self);
        let (accounts, senders) = (Some(&self.accounts), Some(&self.senders));
        self.backlog.publish(&[None, None]);
        self.quota_users.publish(&[accounts, None]);
        self.quota_next_return.publish(&[accounts]);
        self.senders_by_state.publish(&[accounts, None, None]);
        self.templates.publish(&[accounts, None]);
        self.announced_categories.publish(&[accounts]);
        self.currency_deadline.publish(&[accounts]);
        self.windows_closing.publish(&[accounts]);
        self.disabled_accounts.publish(&[accounts]);
        self.open_calls.publish(&[senders]);
        self.in_doubt_attempts.publish(&[]);
        self.quality.publish(&[accounts, senders]);
        self.throughput_limit.publish(&[senders]);
        self.in_flight_orders.publish(&[senders]);
        self.budget_amount.publish(&[accounts, Some(&self.campaigns), None, None]);
        let mut text = Vec::with_capacity(64 * 1024);
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// Makes the metric that the catalogue describes and registers it.
struct Build<'a> {
    registry: &'a Registry,
}

impl Build<'_> {
    fn counter(&self, metric: Metric) -> Result<IntCounterVec, Error> {
        self.add(metric, IntCounterVec::new(opts(metric), &label_names(metric)))
    }

    fn float_counter(&self, metric: Metric) -> Result<CounterVec, Error> {
        self.add(metric, CounterVec::new(opts(metric), &label_names(metric)))
    }

    fn int_gauge(&self, metric: Metric) -> Result<IntGaugeVec, Error> {
        self.add(metric, IntGaugeVec::new(opts(metric), &label_names(metric)))
    }

    fn gauge(&self, metric: Metric) -> Result<GaugeVec, Error> {
        self.add(metric, GaugeVec::new(opts(metric), &label_names(metric)))
    }

    fn histogram(&self, metric: Metric) -> Result<Histogram, Error> {
        self.add(metric, Histogram::with_opts(histogram_opts(metric)))
    }

    fn histograms(&self, metric: Metric) -> Result<HistogramVec, Error> {
        self.add(metric, HistogramVec::new(histogram_opts(metric), &label_names(metric)))
    }

    fn add<C>(&self, metric: Metric, made: prometheus::Result<C>) -> Result<C, Error>
    where
        C: Collector + Clone + 'static,
    {
        let name = metric.spec().name;
        let made = made.map_err(|source| Error::Register { name, source })?;
        register(self.registry, name, made.clone())?;
        Ok(made)
    }
}

fn register(registry: &Registry, name: &'static str, collector: impl Collector + 'static) -> Result<(), Error> {
    registry.register(Box::new(collector)).map_err(|source| Error::Register { name, source })
}

fn unregistered_gauge(metric: Metric) -> Result<GaugeVec, Error> {
    GaugeVec::new(opts(metric), &label_names(metric))
        .map_err(|source| Error::Register { name: metric.spec().name, source })
}

fn opts(metric: Metric) -> Opts {
    Opts::new(metric.spec().name, metric.spec().help)
}

fn histogram_opts(metric: Metric) -> HistogramOpts {
    HistogramOpts::new(metric.spec().name, metric.spec().help).buckets(metric.spec().buckets.to_vec())
}

fn label_names(metric: Metric) -> Vec<&'static str> {
    metric.spec().labels.iter().map(|label| label.name).collect()
}
