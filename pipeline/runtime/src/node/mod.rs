//! A node: the parts of the service that one process is.
//!
//! `begin` what every node begins with, health first · `embedded` all parts over the embedded log · `kafka` those of
//! its roles over Kafka · `hash_key` the deployment's secret · `project` log into ledger and views, from `sources` · `views` what the API reads, by `readers`, `books`
//! what it closes months with,
//! `live` what of it is not in the views · `looks` what is looked at when metrics are read, with `cards` and `certificate` · `booked` and
//! `set_aside` what the projection tells · this file stops them in the opposite order of their start.

mod begin;
mod booked;
mod books;
mod cards;
mod certificate;
mod embedded;
mod hash_key;
mod kafka;
mod live;
mod looks;
mod project;
mod readers;
mod roles;
mod set_aside;
mod sources;
mod unresolved;
mod views;

use crate::clock::Clock;
use crate::dispatcher::{Dispatcher, DispatcherConfig, DispatcherError};
use crate::gateway::{Addresses, GatewayConfig, GatewayError};
use crate::graph::{GraphConfig, GraphError};
use crate::inbox::AppendError;
use crate::ledger::{LedgerError, Place};
use crate::log::LogError;
use crate::log::embedded::EmbeddedOptions;
use crate::log::kafka::{KafkaConfig, TopicsError};
use crate::shard::{ShardError, ShardOptions, Status};
use crate::store::StoreOptions;
use crate::sync::SyncConfig;
use crate::traces::{Export, TracesConfig, TracesError};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tollgate_core::life::Times;
use tollgate_metrics::{Certificate, Metrics};
use tollgate_rate_card::RateCards;

pub use cards::{Priced, day_of, newest_card, priced};
pub use certificate::ends as certificate_ends;
pub use roles::{Role, Roles, RolesError};
pub use views::{DeadLetter, DeadLetterPage};

/// File name of the ledger database in the data directory.
pub const LEDGER_FILE: &str = "ledger.db";

/// How long a stop waits for spans to be taken: the collector may be gone.
const LAST_SPANS: Duration = Duration::from_millis(1_500);

/// How a node is set up.
pub struct NodeConfig {
    /// Where everything durable lives: log and store, `hash.key`, and `ledger.db` unless `ledger` says otherwise.
    pub data_dir: PathBuf,
    /// Where ledger and views are kept.
    pub ledger: Place,
    /// Listeners, tokens, apps.
    pub gateway: GatewayConfig,
    /// Bounds of the dispatcher.
    pub dispatcher: DispatcherConfig,
    /// How the platform is reached.
    pub graph: GraphConfig,
    /// Where the log is.
    pub log: LogConfig,
    /// Bounds of the shard loop.
    pub shard: ShardOptions,
    /// How many labels metrics show by name.
    pub metric_limits: tollgate_metrics::Limits,
    /// Rate cards.
    pub rates: Arc<RateCards>,
    /// Days that moves of messages are kept in the views.
    pub keep_moves_days: u32,
    /// How soon a customer service window closes that counts as about to.
    pub closes_within: Duration,
    /// Who invoices clients, for FOCUS exports of what they are charged; none = there are no such exports.
    pub billing_issuer: Option<String>,
    /// Days after a month's end that late statuses are waited for before it may be closed.
    pub settle_days: u8,
    /// How far the ledger may be behind before this process says that it is not ready.
    pub ledger_behind_max: Duration,
    /// When the platform is asked for templates and numbers.
    pub sync: SyncConfig,
    /// Files of certificates that this process works with: their ends are told.
    pub certificates: Vec<(Certificate, PathBuf)>,
    /// Where spans are posted, if anywhere.
    pub traces: Option<TracesConfig>,
    /// What dates go by.
    pub clock: Clock,
}

/// Where the log is.
#[derive(Clone, Debug)]
pub enum LogConfig {
    /// In the data directory: one process.
    Embedded(EmbeddedOptions),
    /// In Kafka: any number of processes.
    Kafka(Box<KafkaOptions>),
}

/// A node over Kafka.
#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// How Kafka is reached.
    pub kafka: KafkaConfig,
    /// Which parts this process is.
    pub roles: Roles,
    /// Sizes of each partition's store.
    pub store: StoreOptions,
    /// File of the deployment's secret, the same in every process; `hash.key` in the data directory when absent.
    pub hash_key: Option<PathBuf>,
}

/// Why a node did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The deployment's secret cannot be read or made.
    #[error("{}: {source}; the hash key must be readable and writable by this user", path.display())]
    HashKey {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The hash key has the wrong length: a partly written or foreign file.
    #[error("{}: not a hash key of 16 bytes; restore it from a backup: ledger hashes and duplicate checks depend on it", path.display())]
    HashKeyDamaged {
        /// The file.
        path: PathBuf,
    },
    /// There is no hash key, and the data directory is not new.
    #[error("{}: the hash key is gone that this data directory was written with; restore it from a backup: with another one what was sent would be sent and booked twice", path.display())]
    HashKeyMissing {
        /// The file.
        path: PathBuf,
    },
    /// The hash key is not the one that the data directory was written with.
    #[error("{}: another hash key than the one that this data directory was written with; restore that one from a backup", path.display())]
    HashKeyOther {
        /// The file.
        path: PathBuf,
    },
    /// The log or store.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Ledger and views.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The shard.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// Listeners.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The platform's client.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The dispatcher.
    #[error(transparent)]
    Dispatcher(#[from] DispatcherError),
    /// Metrics.
    #[error(transparent)]
    Metrics(#[from] tollgate_metrics::Error),
    /// The topics in Kafka.
    #[error(transparent)]
    Topics(#[from] TopicsError),
    /// The producer for what comes in.
    #[error("Kafka: {0}")]
    Inbox(#[from] AppendError),
    /// The collector of traces.
    #[error("traces: {0}")]
    Traces(#[from] TracesError),
    /// The roles cannot be together, or a role is missing beside another.
    #[error("{0}")]
    Roles(#[from] RolesError),
    /// A thread cannot be started.
    #[error("a thread cannot be started: {0}")]
    Thread(std::io::Error),
    /// The data directory.
    #[error("{}: {source}; the data directory must be writable by this user", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A part ended by a panic.
    #[error("{0} panicked; restart the service, nothing acknowledged is lost")]
    Panicked(&'static str),
}

/// A running node.
pub struct Node {
    addresses: Addresses,
    metrics: Arc<Metrics>,
    status: Arc<Status>,
    projecting: Arc<AtomicBool>,
    shard: Option<JoinHandle<()>>,
    projector: Option<JoinHandle<()>>,
    dispatcher: Option<Dispatcher>,
    gateway: tokio::task::JoinHandle<()>,
    shutdown: watch::Sender<bool>,
    failures: mpsc::Receiver<String>,
    /// What the log says of itself.
    watched: Arc<OnceLock<begin::Watched>>,
    /// What posts spans, if anything does.
    export: Option<Export>,
    /// The log is closed by the last that lets go of it: after the threads.
    log: Box<dyn std::any::Any + Send>,
}

impl Node {
    /// Starts every part that this process is to be, and binds the listeners.
    ///
    /// # Errors
    /// The directory is in use, of a newer version or damaged; Kafka is not there or not as it must be; an address is
    /// in use; a setting does not fit.
    pub async fn start(config: NodeConfig) -> Result<Self, NodeError> {
        match config.log.clone() {
            LogConfig::Embedded(options) => embedded::start(config, options).await,
            LogConfig::Kafka(options) => kafka::start(config, options).await,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Its metrics.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Waits until a part of the node ends by itself, and says why. The process should then end: a restart goes on
    /// from the last durable batch.
    pub async fn failed(&mut self) -> String {
        let mut watch = tokio::time::interval(Duration::from_millis(200));
        loop {
            tokio::select! {
                Some(why) = self.failures.recv() => return why,
                _ = watch.tick() => {}
            }
            if self.shard.as_ref().is_some_and(JoinHandle::is_finished) {
                return "the shard ended".to_owned();
            }
            if self.projector.as_ref().is_some_and(JoinHandle::is_finished) {
                return "ledger and views ended".to_owned();
            }
            if self.dispatcher.as_ref().is_some_and(|d| !d.is_running()) {
                return "the dispatcher ended".to_owned();
            }
            if self.gateway.is_finished() {
                return "the listeners ended".to_owned();
            }
            // Nobody else need notice: what is refused is tried again for ever.
            if let Some(why) = self.watched.get().and_then(|log| (log.stopped)()) {
                return format!("the log has stopped: {why}");
            }
        }
    }

    /// Stops in order: nothing new comes in, calls under way end, their results are decided, the views catch up.
    /// What does not fit into `bound` is left durable in the log and goes on at the next start.
    ///
    /// # Errors
    /// Why a part had ended before.
    pub async fn stop(self, bound: Duration) -> Result<(), NodeError> {
        let deadline = tokio::time::Instant::now() + bound;
        let dispatcher = match self.dispatcher {
            Some(dispatcher) => dispatcher.stop(bound / 2).await.map(drop),
            None => Ok(()),
        };
        self.shutdown.send_replace(true);
        let _ = tokio::time::timeout_at(deadline, self.gateway).await;
        self.status.stop.store(true, Ordering::Release);
        let (shard, projector, projecting) = (self.shard, self.projector, self.projecting);
        let log = self.log;
        let joined = tokio::task::spawn_blocking(move || {
            let join = |thread: Option<JoinHandle<()>>, name| match thread.map(JoinHandle::join) {
                Some(Err(_)) => Err(NodeError::Panicked(name)),
                _ => Ok(()),
            };
            let shard = join(shard, "the shard");
            projecting.store(false, Ordering::Release);
            let projector = join(projector, "the views");
            drop(log);
            shard.and(projector)
        });
        let joined = tokio::time::timeout_at(deadline, joined).await;
        if let Some(export) = self.export {
            export.stop(LAST_SPANS).await;
        }
        if let Ok(Ok(result)) = joined {
            result?;
        }
        dispatcher?;
        Ok(())
    }
}

/// The engine must not give an attempt up before the client does.
fn times(graph: &GraphConfig) -> Times {
    Times { http_timeout_ms: graph.total_timeout.as_millis() as u64, ..Times::default() }
}

fn spawn(name: &str, f: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, NodeError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(f).map_err(NodeError::Thread)
}
