//! A node: every part of the service in one process over the embedded log.
//!
//! `hash_key` the deployment's secret · `project` log into ledger and views · `views` what the API reads ·
//! this file starts the parts in order and stops them in the opposite one.

mod hash_key;
mod project;
mod unresolved;
mod views;

use crate::clock::Clock;
use crate::dispatcher::{Dispatcher, DispatcherConfig, DispatcherError, DispatcherParts};
use crate::gateway::{Addresses, Gateway, GatewayConfig, GatewayError, GatewayParts};
use crate::graph::{GraphClient, GraphConfig, GraphError};
use crate::inbox::Inbox;
use crate::ledger::{self, LedgerError};
use crate::log::LogError;
use crate::log::embedded::{EmbeddedLog, EmbeddedOptions};
use crate::registry::{Registry, SharedRegistry};
use crate::shard::{Shard, ShardError, ShardOptions, Status};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tollgate_core::EngineConfig;
use tollgate_core::life::Times;
use tollgate_metrics::Metrics;
use tollgate_rate_card::RateCards;

pub use views::{DeadLetter, DeadLetterPage};

/// File name of the ledger database in the data directory.
pub const LEDGER_FILE: &str = "ledger.db";

/// How a node is set up.
pub struct NodeConfig {
    /// Where everything durable lives: log and store, `ledger.db`, `hash.key`.
    pub data_dir: PathBuf,
    /// Listeners, tokens, apps.
    pub gateway: GatewayConfig,
    /// Bounds of the dispatcher.
    pub dispatcher: DispatcherConfig,
    /// How the platform is reached.
    pub graph: GraphConfig,
    /// Bounds of the log.
    pub log: EmbeddedOptions,
    /// Bounds of the shard loop.
    pub shard: ShardOptions,
    /// How many labels metrics show by name.
    pub metric_limits: tollgate_metrics::Limits,
    /// Rate cards.
    pub rates: Arc<RateCards>,
    /// Days that moves of messages are kept in the views.
    pub keep_moves_days: u32,
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
    /// A thread cannot be started.
    #[error("a thread cannot be started: {0}")]
    Thread(std::io::Error),
    /// A part ended by a panic.
    #[error("{0} panicked; restart the service, nothing acknowledged is lost")]
    Panicked(&'static str),
}

/// A running node.
pub struct Node {
    addresses: Addresses,
    log: EmbeddedLog,
    metrics: Arc<Metrics>,
    status: Arc<Status>,
    projecting: Arc<AtomicBool>,
    shard: JoinHandle<()>,
    projector: JoinHandle<()>,
    dispatcher: Dispatcher,
    gateway: tokio::task::JoinHandle<()>,
    shutdown: watch::Sender<bool>,
    failures: mpsc::Receiver<String>,
}

impl Node {
    /// Opens the data directory, loads the state, starts every part and binds the listeners.
    ///
    /// # Errors
    /// The directory is in use, of a newer version or damaged; an address is in use; a setting does not fit.
    pub async fn start(config: NodeConfig) -> Result<Self, NodeError> {
        let clock = Clock::system();
        let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), config.metric_limits)?);
        let graph = GraphClient::new(config.graph.clone())?;
        let registry = SharedRegistry::new(Registry::default());
        let status = Arc::new(Status::default());
        let (failed, failures) = mpsc::channel(4);
        let opened = {
            let (metrics, registry, status, clock) =
                (Arc::clone(&metrics), registry.clone(), Arc::clone(&status), clock.clone());
            let (data_dir, log_options, shard_options) = (config.data_dir.clone(), config.log.clone(), config.shard);
            let (rates, times) = (Arc::clone(&config.rates), times(&config.graph));
            tokio::task::spawn_blocking(move || -> Result<_, NodeError> {
                let log = EmbeddedLog::open(&data_dir, &log_options)?;
                let hash_key = hash_key::load(&data_dir)?;
                let writer = ledger::Writer::open(&data_dir.join(LEDGER_FILE), ledger::Options::default())?;
                let engine = EngineConfig { rates, hash_key, times, recent_most: shard_options.recent_most };
                let store = log.store().clone();
                let now = clock.now();
                let mut shard =
                    Shard::open(log.clone(), store, 0, engine, shard_options, clock, registry, metrics, status)?;
                unresolved::report(&log, shard.take_ordered(), now)?;
                Ok((log, writer, shard))
            })
            .await
            .map_err(|_| NodeError::Panicked("opening the data directory"))?
        };
        let (log, writer, shard) = opened?;
        let inbox: Arc<dyn Inbox> = Arc::new(log.clone());
        let reads = Arc::new(views::ViewReads::open(&config.data_dir.join(LEDGER_FILE), log.clone())?);
        let readiness = {
            let (status, log) = (Arc::clone(&status), log.clone());
            Arc::new(move || {
                if let Some(e) = log.stopped() {
                    return Err(e.to_string());
                }
                if status.ready.load(Ordering::Acquire) { Ok(()) } else { Err("the state is being loaded".to_owned()) }
            })
        };
        let gateway = Gateway::bind(
            config.gateway,
            GatewayParts {
                inbox: Arc::clone(&inbox),
                reads,
                registry: registry.clone(),
                clock: clock.clone(),
                metrics: Arc::clone(&metrics),
                readiness,
                beside_api: axum::Router::new(),
            },
        )
        .await?;
        let addresses = gateway.addresses();
        // Listeners are bound: from here on nothing but a failing part ends the node.
        let shard = {
            let failed = failed.clone();
            spawn("shard", move || {
                if let Err(e) = shard.run() {
                    let _ = failed.blocking_send(e.to_string());
                }
            })?
        };
        let projecting = Arc::new(AtomicBool::new(true));
        let projector = {
            let (log, clock, projecting) = (log.clone(), clock.clone(), Arc::clone(&projecting));
            let (failed, days) = (failed.clone(), config.keep_moves_days);
            let metrics = Arc::clone(&metrics);
            spawn("views", move || {
                if let Err(e) = project::run(&log, writer, &clock, &projecting, days, &metrics) {
                    let _ = failed.blocking_send(format!("ledger and views: {e}"));
                }
            })?
        };
        let dispatcher = Dispatcher::start(
            config.dispatcher,
            DispatcherParts {
                orders: Arc::new(log.clone()),
                inbox,
                graph,
                registry,
                clock,
                metrics: Arc::clone(&metrics),
            },
        );
        let (shutdown, stopping) = watch::channel(false);
        let gateway = tokio::spawn(gateway.serve(stopping));
        Ok(Self {
            addresses,
            log,
            metrics,
            status,
            projecting,
            shard,
            projector,
            dispatcher,
            gateway,
            shutdown,
            failures,
        })
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
            if self.shard.is_finished() {
                return "the shard ended".to_owned();
            }
            if self.projector.is_finished() {
                return "ledger and views ended".to_owned();
            }
            if !self.dispatcher.is_running() {
                return "the dispatcher ended".to_owned();
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
        let dispatcher = self.dispatcher.stop(bound / 2).await;
        self.shutdown.send_replace(true);
        let _ = tokio::time::timeout_at(deadline, self.gateway).await;
        self.status.stop.store(true, Ordering::Release);
        let (shard, projector, projecting) = (self.shard, self.projector, self.projecting);
        let log = self.log;
        let joined = tokio::task::spawn_blocking(move || {
            let shard = shard.join().map_err(|_| NodeError::Panicked("the shard"));
            projecting.store(false, Ordering::Release);
            let projector = projector.join().map_err(|_| NodeError::Panicked("the views"));
            drop(log);
            shard.and(projector)
        });
        if let Ok(Ok(result)) = tokio::time::timeout_at(deadline, joined).await {
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
