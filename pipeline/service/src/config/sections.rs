//! What the runtime takes, built from the settings section by section with each value's bounds.

use std::path::PathBuf;
use std::time::Duration;

use tollgate_metrics::{Certificate, Limits};
use tollgate_runtime::dispatcher::DispatcherConfig;
use tollgate_runtime::gateway::{GatewayConfig, HttpLimits};
use tollgate_runtime::graph::{GraphClient, GraphConfig};
use tollgate_runtime::ledger::Place;
use tollgate_runtime::log::embedded::EmbeddedOptions;
use tollgate_runtime::node::{KafkaOptions, LogConfig};
use tollgate_runtime::shard::ShardOptions;
use tollgate_runtime::store::StoreOptions;
use tollgate_runtime::sync::SyncConfig;
use tollgate_runtime::traces::TracesConfig;
use tollgate_runtime::views::MOVES_KEPT_DAYS_MIN;

use super::settings::{SecretFile, Settings};
use super::{Fault, apps, kafka, ledger, rates, tokens, traces};

/// The whole configuration, checked.
#[derive(Debug)]
pub struct Config {
    /// Where everything durable lies.
    pub data_dir: PathBuf,
    /// Where ledger and views are kept.
    pub ledger: Place,
    /// Addresses, tokens, apps, bounds.
    pub gateway: GatewayConfig,
    /// Slots and access tokens.
    pub dispatcher: DispatcherConfig,
    /// The platform's API.
    pub graph: GraphConfig,
    /// Where the log is.
    pub log: LogConfig,
    /// Kafka, also where the log is not there: for commands that speak to it.
    pub kafka: KafkaOptions,
    /// The shard loop.
    pub shard: ShardOptions,
    /// Label values shown by name.
    pub metrics: Limits,
    /// Days for which moves are kept.
    pub keep_moves_days: u32,
    /// How soon a customer service window closes that counts as about to.
    pub closes_within: Duration,
    /// Who invoices clients, if that is set.
    pub billing_issuer: Option<String>,
    /// Days after a month's end before it may be closed.
    pub settle_days: u8,
    /// How far the ledger may be behind where the process is ready.
    pub ledger_behind_max: Duration,
    /// When the platform is asked for templates and numbers.
    pub sync: SyncConfig,
    /// Files of certificates that the process works with.
    pub certificates: Vec<(Certificate, PathBuf)>,
    /// Files that hold secrets which the process uses.
    pub secret_files: Vec<SecretFile>,
    /// Where spans are posted, if anywhere.
    pub traces: Option<TracesConfig>,
    /// Own rate card files, if any.
    pub rates: Option<PathBuf>,
    /// Log filter directives.
    pub level: String,
    /// Form of log lines.
    pub format: LogFormat,
    /// Bound of a graceful stop.
    pub stop: Duration,
}

/// Form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Clone, Copy)]
enum LogKind {
    Embedded,
    Kafka,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const DAY_S: u64 = 86_400;
const MINUTES_A_DAY: u64 = 1_440;
/// The longest wait of a long poll: an answer may take that much.
const LONG_POLL_S: u64 = 30;

pub(super) fn build(s: &mut Settings) -> Config {
    let gateway = gateway(s);
    let stop = s.seconds("stop.bound_seconds", 1..=3_600);
    if stop <= gateway.limits.shutdown {
        s.fault(
            "stop.bound_seconds",
            format!("stop.bound_seconds = {} leaves nothing after the gateway's stop", stop.as_secs()),
            "make it greater than gateway.shutdown_seconds",
        );
    }
    let (log, kafka) = log(s);
    let mut dispatcher = dispatcher(s);
    dispatcher.access_tokens = gateway.apps.iter().map(|app| (app.name.clone(), app.access_token.clone())).collect();
    let data_dir = required_path(s, "data_dir");
    let ledger = ledger::build(s, &data_dir);
    if let Err(error) = kafka.roles.check(&ledger) {
        s.fault("kafka.roles", error.to_string(), "see `tollgate config default`");
    }
    let certificates = certificates(s, &log, &ledger);
    kafka_secrets(s, &log);
    let traces = traces::build(s);
    let config = Config {
        data_dir,
        ledger,
        ledger_behind_max: s.seconds("ledger.behind_max_seconds", 1..=DAY_S),
        certificates,
        secret_files: s.take_secret_files(),
        sync: sync(s),
        traces,
        dispatcher,
        graph: graph(s),
        shard: shard(s, &log),
        log,
        kafka,
        metrics: Limits {
            accounts_max: s.size("metrics.accounts_max", 0..=100_000),
            senders_max: s.size("metrics.senders_max", 0..=100_000),
            campaigns_max: s.size("metrics.campaigns_max", 0..=100_000),
            budgets: s.boolean("metrics.budgets"),
        },
        keep_moves_days: s.number("views.keep_moves_days", MOVES_KEPT_DAYS_MIN.into()..=3_650) as u32,
        closes_within: Duration::from_secs(60 * s.number("views.window_closes_within_minutes", 1..=1_440)),
        billing_issuer: Some(s.text("billing.issuer")).filter(|issuer| !issuer.is_empty()),
        settle_days: s.number("billing.settle_days", 0..=60) as u8,
        rates: Some(PathBuf::from(s.text("rates.directory"))).filter(|path| !path.as_os_str().is_empty()),
        level: s.text("logging.level"),
        format: s.choice(
            "logging.format",
            &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)],
        ),
        stop,
        gateway,
    };
    if let Err(error) = crate::logging::check(&config.level) {
        let remedy = "write error, warn, info, debug or trace, or directives as `tollgate config default` shows";
        s.fault("logging.level", format!("logging.level = {:?} cannot be used: {error}", config.level), remedy);
    }
    if let Err(error) = rates::load(config.rates.as_deref()) {
        let place = s.place("rates.directory");
        s.faults.push(Fault {
            place,
            problem: format!("the rate cards cannot be used: {error:#}"),
            remedy: "`tollgate rates check` checks them alone".to_owned(),
        });
    }
    config
}

/// The certificates of what is connected to: those of a Kafka that is not used do not matter.
fn certificates(s: &mut Settings, log: &LogConfig, ledger: &Place) -> Vec<(Certificate, PathBuf)> {
    let mut files = Vec::new();
    if let LogConfig::Kafka(options) = log {
        let properties = &options.kafka.properties;
        for (which, name) in
            [(Certificate::KafkaCa, "ssl.ca.location"), (Certificate::KafkaClient, "ssl.certificate.location")]
        {
            files.extend(properties.get(name).map(|file| (which, PathBuf::from(file))));
        }
    }
    let authorities = s.text("ledger.postgres_ca_file");
    if matches!(ledger, Place::Postgres(_)) && !authorities.is_empty() {
        files.push((Certificate::LedgerCa, authorities.into()));
    }
    files
}

/// Client properties with their passwords, the key of the client's certificate, the deployment's secret.
fn kafka_secrets(s: &mut Settings, log: &LogConfig) {
    let LogConfig::Kafka(options) = log else { return };
    const PROPERTIES: &str = "kafka.properties_file";
    let file = s.text(PROPERTIES);
    if !file.is_empty() {
        s.holds_secret(PROPERTIES, file.into());
    }
    if let Some(key) = options.kafka.properties.get("ssl.key.location") {
        s.holds_secret(PROPERTIES, key.into());
    }
    if let Some(key) = &options.hash_key {
        s.holds_secret("kafka.hash_key_file", key.clone());
    }
}

fn required_path(s: &mut Settings, key: &str) -> PathBuf {
    let path = s.text(key);
    if path.is_empty() {
        s.fault(key, format!("{key} is empty"), "name a directory");
    }
    path.into()
}

fn gateway(s: &mut Settings) -> GatewayConfig {
    let config = GatewayConfig {
        api: s.address("gateway.api"),
        console: s.boolean("gateway.console"),
        webhooks: s.address("gateway.webhooks"),
        metrics: s.address("gateway.metrics"),
        tokens: tokens::build(s),
        apps: apps::build(s),
        limits: HttpLimits {
            connections_max: s.size("gateway.connections_max", 1..=1_000_000),
            header_timeout: s.seconds("gateway.header_timeout_seconds", 1..=3_600),
            request_timeout: s.seconds("gateway.request_timeout_seconds", LONG_POLL_S + 1..=3_600),
            write_timeout: s.seconds("gateway.write_timeout_seconds", 1..=3_600),
            shutdown: s.seconds("gateway.shutdown_seconds", 1..=3_600),
            body_bytes_max: s.size("gateway.body_bytes_max", 16 * MIB..=64 * GIB),
        },
    };
    if config.tokens.is_empty() && !config.api.ip().is_loopback() {
        s.fault(
            "gateway.api",
            format!("gateway.api = \"{}\" is reachable from the network and no token is configured", config.api),
            "add a token under gateway.tokens (`tollgate token new`), or bind it to 127.0.0.1",
        );
    }
    config
}

fn graph(s: &mut Settings) -> GraphConfig {
    let config = GraphConfig {
        base_url: s.text("graph.base_url"),
        version: s.text("graph.version"),
        connect_timeout: s.seconds("graph.connect_timeout_seconds", 1..=60),
        total_timeout: s.seconds("graph.total_timeout_seconds", 1..=120),
        idle_timeout: s.seconds("graph.idle_timeout_seconds", 1..=3_600),
        idle_connections_max: s.size("graph.idle_connections_max", 1..=100_000),
    };
    if let Err(error) = GraphClient::new(config.clone()) {
        s.fault("graph.base_url", error.to_string(), "write a URL such as https://graph.facebook.com");
    }
    config
}

fn sync(s: &mut Settings) -> SyncConfig {
    let every = s.number("sync.every_minutes", 0..=MINUTES_A_DAY);
    SyncConfig { every: (every > 0).then(|| Duration::from_secs(every * 60)) }
}

fn dispatcher(s: &mut Settings) -> DispatcherConfig {
    DispatcherConfig {
        concurrent_max: s.size("dispatcher.concurrent_max", 1..=100_000),
        lookahead_max: s.size("dispatcher.lookahead_max", 1..=10_000_000),
        ..DispatcherConfig::default()
    }
}

fn log(s: &mut Settings) -> (LogConfig, KafkaOptions) {
    let embedded = embedded(s);
    let kafka = kafka::build(s);
    let kind = s.choice("log.kind", &[("embedded", LogKind::Embedded), ("kafka", LogKind::Kafka)]);
    let log = match kind {
        LogKind::Embedded => LogConfig::Embedded(embedded),
        LogKind::Kafka => LogConfig::Kafka(Box::new(kafka.clone())),
    };
    (log, kafka)
}

fn embedded(s: &mut Settings) -> EmbeddedOptions {
    EmbeddedOptions {
        store: StoreOptions {
            cache_bytes: s.number("log.cache_bytes", MIB..=1_024 * GIB),
            journal_bytes: s.number("log.journal_bytes", 64 * MIB..=64 * GIB),
            write_buffer_bytes: s.number("log.write_buffer_bytes", MIB..=4 * GIB),
        },
        record_bytes_max: s.size("log.record_bytes_max", 128 * KIB..=16 * MIB),
        queue_records_max: s.size("log.queue_records_max", 20_000..=100_000_000),
        queue_bytes_max: s.size("log.queue_bytes_max", 32 * MIB..=16 * GIB),
        tail_bytes_max: s.size("log.tail_bytes_max", MIB..=16 * GIB),
    }
}

fn shard(s: &mut Settings, log: &LogConfig) -> ShardOptions {
    let mut between = |key| Duration::from_millis(s.number(key, 0..=60_000));
    let (min, max) = (between("kafka.commit_every_min_ms"), between("kafka.commit_every_max_ms"));
    // A commit of the embedded log costs nothing but itself.
    let (commit_every_min, commit_every_max) =
        if matches!(log, LogConfig::Kafka(_)) { (min, max) } else { Default::default() };
    ShardOptions {
        commit_every_min,
        commit_every_max,
        batch_records_max: s.size("shard.batch_records_max", 1..=1_000_000),
        batch_bytes_max: s.size("shard.batch_bytes_max", MIB..=GIB),
        ticks_max: s.size("shard.ticks_max", 1..=1_000_000),
        recent_most: s.size("shard.recent_max", 1_000..=100_000_000),
        snapshot_every: Duration::from_millis(s.number("shard.snapshot_every_ms", 100..=DAY_S * 1_000)),
    }
}
