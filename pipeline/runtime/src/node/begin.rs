//! What every kind of node begins with, and how the parts are set going once they are opened. Metrics and health
//! answer from the first moment on; readiness says what is waited for.

use super::books::NodeBooks;
use super::project::Projection;
use super::set_aside::SetAside;
use super::sources::Source;
use super::{LogConfig, Node, NodeConfig, NodeError, looks, spawn, views};
use crate::clock::Clock;
use crate::console;
use crate::dispatcher::{Dispatcher, DispatcherParts, Orders};
use crate::gateway::{Gateway, GatewayParts, Reads};
use crate::graph::GraphClient;
use crate::inbox::Inbox;
use crate::lag::Lags;
use crate::ledger;
use crate::log::{Log, LogError, Topic};
use crate::registry::{Registry, SharedRegistry};
use crate::shard::{ShardError, Shards, Status};
use crate::sync::{self, SyncConfig, SyncParts, Syncer};
use crate::traces::{Export, Instance, Traces};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::{mpsc, watch};
use tollgate_metrics::Metrics;
use tollgate_wire::DeadLetterReason;

/// Why something is as it should not be; `None` when all is well.
pub(super) type Why = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// What the log can say of itself.
pub(super) struct Watched {
    /// Why it takes or gives nothing more: the process should end.
    pub(super) stopped: Why,
    /// Why what is known here may be out of date: it ends by itself.
    pub(super) waits: Why,
}

/// A node whose parts are being opened.
pub(super) struct Beginning {
    pub(super) config: NodeConfig,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) registry: SharedRegistry,
    pub(super) status: Arc<Status>,
    pub(super) lags: Arc<Lags>,
    pub(super) traces: Traces,
    export: Option<Export>,
    graph: GraphClient,
    gateway: Gateway,
    shutdown: watch::Sender<bool>,
    /// Set once every listener is bound.
    bound: Arc<AtomicBool>,
    watched: Arc<OnceLock<Watched>>,
}

/// What was opened. What is `None` another process does.
pub(super) struct Parts<L: Log, S: Source> {
    pub(super) inbox: Arc<dyn Inbox>,
    /// API and webhooks, with what is read past the views.
    pub(super) live: Option<Box<dyn super::live::Live>>,
    pub(super) shards: Option<Shards<L>>,
    pub(super) projection: Option<(ledger::Writer, S)>,
    /// Whether the projection has the views, and not only the ledger.
    pub(super) projects_views: bool,
    pub(super) orders: Option<Arc<dyn Orders>>,
    pub(super) watched: Watched,
    /// Let go of after the threads.
    pub(super) log: Box<dyn std::any::Any + Send>,
}

impl Beginning {
    /// Metrics and health answer from here on; `opening` is what they say is waited for at first.
    pub(super) async fn new(config: NodeConfig, opening: &'static str, serves_api: bool) -> Result<Self, NodeError> {
        let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), config.metric_limits)?);
        DeadLetterReason::ALL.iter().for_each(|reason| metrics.expect_dead_letters(reason.as_str()));
        let graph = GraphClient::new(config.graph.clone())?;
        let status = Arc::new(Status::default());
        let clock = config.clock.clone();
        let lags = Arc::new(Lags::new(clock.clone()));
        let registry = SharedRegistry::new(Registry::default());
        looks::begin(&metrics, &config, &status, &lags, &registry, &clock);
        let (bound, watched) = (Arc::new(AtomicBool::new(false)), Arc::new(OnceLock::<Watched>::new()));
        let readiness = {
            let (status, bound, watched) = (Arc::clone(&status), Arc::clone(&bound), Arc::clone(&watched));
            let (lags, behind_max) = (Arc::clone(&lags), config.ledger_behind_max);
            Arc::new(move || {
                if let Some(why) = watched.get().and_then(|log| (log.stopped)().or_else(|| (log.waits)())) {
                    return Err(why);
                }
                status.readiness(opening)?;
                if !bound.load(Ordering::Acquire) {
                    return Err("the listeners are being bound".to_owned());
                }
                match lags.of(Topic::Ledger).filter(|lag| *lag > behind_max) {
                    Some(lag) => Err(format!("the ledger is {} s behind: charges are not booked", lag.as_secs())),
                    None => Ok(()),
                }
            })
        };
        let (shutdown, stopping) = watch::channel(false);
        let mut gateway = Gateway::start(&config.gateway, Arc::clone(&metrics), readiness, stopping).await?;
        if serves_api {
            // Before the data directory is touched: a start that fails for an address leaves nothing behind.
            gateway.reserve(&config.gateway).await?;
        }
        let (traces, export) = traces(&config, &clock, &metrics)?;
        Ok(Self {
            config,
            clock,
            metrics,
            registry,
            status,
            lags,
            traces,
            export,
            graph,
            gateway,
            shutdown,
            bound,
            watched,
        })
    }

    /// What asks the platform for templates and numbers.
    fn syncer(&self, inbox: &Arc<dyn Inbox>) -> Arc<Syncer> {
        let apps = self.config.gateway.apps.iter().filter(|app| !app.access_token.is_empty());
        let parts = SyncParts {
            graph: self.graph.clone(),
            tokens: apps.map(|app| (app.name.clone(), app.access_token.clone())).collect(),
            registry: self.registry.clone(),
            inbox: Arc::clone(inbox),
            place: self.config.ledger.clone(),
            clock: self.clock.clone(),
            metrics: Arc::clone(&self.metrics),
        };
        Arc::new(Syncer::new(parts, self.config.sync.every.unwrap_or(SyncConfig::EVERY)))
    }

    /// Binds API and webhooks and sets every part going.
    pub(super) async fn run<L, S>(mut self, parts: Parts<L, S>) -> Result<Node, NodeError>
    where
        L: Log + Send + 'static,
        S: Source + Send + 'static,
    {
        let Parts { inbox, live, shards, projection, projects_views, orders, watched, log } = parts;
        let _ = self.watched.set(watched);
        if let Some(live) = live {
            let (place, issuer) = (self.config.ledger.clone(), self.config.billing_issuer.take());
            let books = NodeBooks {
                place: place.clone(),
                rates: Arc::clone(&self.config.rates),
                clock: self.clock.clone(),
                settle_days: self.config.settle_days,
            };
            let opened = tokio::task::spawn_blocking(move || views::ViewReads::open(&place, live, issuer)).await;
            let reads: Arc<dyn Reads> = Arc::new(opened.map_err(|_| NodeError::Panicked("opening the views"))??);
            let syncer = self.syncer(&inbox);
            sync::start(&syncer, self.config.sync, self.shutdown.subscribe());
            let console = match self.config.gateway.console {
                true => console::router(&self.config.gateway, Arc::clone(&reads), &self.registry, &self.clock)?,
                false => axum::Router::new(),
            };
            let parts = GatewayParts {
                inbox: Arc::clone(&inbox),
                reads,
                books: Arc::new(books),
                syncs: Arc::new(sync::ByHand(syncer)),
                registry: self.registry.clone(),
                rates: Arc::clone(&self.config.rates),
                clock: self.clock.clone(),
                metrics: Arc::clone(&self.metrics),
                traces: self.traces.clone(),
                beside_api: console,
            };
            self.gateway.bind(self.config.gateway, parts).await?;
        }
        // Listeners are bound: from here on nothing but a failing part ends the node.
        let (failed, failures) = mpsc::channel(4);
        let shard = match shards {
            Some(shards) => {
                let (failed, status) = (failed.clone(), Arc::clone(&self.status));
                Some(spawn("shard", move || {
                    if let Err(e) = shards.run() {
                        status.ended(ended(&e));
                        let _ = failed.blocking_send(e.to_string());
                    }
                })?)
            }
            None => {
                self.status.ready.store(true, Ordering::Release);
                None
            }
        };
        let projecting = Arc::new(AtomicBool::new(true));
        let projector = match projection {
            Some((writer, source)) => {
                let projecting = Arc::clone(&projecting);
                let (clock, metrics) = (self.clock.clone(), Arc::clone(&self.metrics));
                let keep_days = projects_views.then_some(self.config.keep_moves_days);
                let closes_within = projects_views.then_some(self.config.closes_within);
                let (lags, set_aside) = (Arc::clone(&self.lags), SetAside::new(self.config.ledger.clone()));
                let marks = Default::default();
                let projection =
                    Projection { source, writer, clock, keep_days, metrics, lags, closes_within, set_aside, marks };
                Some(spawn("views", move || {
                    if let Err(e) = projection.run(&projecting) {
                        let _ = failed.blocking_send(format!("ledger and views: {e}"));
                    }
                })?)
            }
            None => None,
        };
        let dispatcher = orders.map(|orders| {
            let (graph, registry, clock) = (self.graph, self.registry, self.clock);
            let (metrics, lags, traces) = (Arc::clone(&self.metrics), self.lags, self.traces);
            let parts = DispatcherParts { orders, inbox, graph, registry, clock, metrics, lags, traces };
            Dispatcher::start(self.config.dispatcher, parts)
        });
        let addresses = self.gateway.addresses();
        let gateway = tokio::spawn(self.gateway.serve());
        self.bound.store(true, Ordering::Release);
        Ok(Node {
            addresses,
            metrics: self.metrics,
            status: self.status,
            projecting,
            shard,
            projector,
            dispatcher,
            gateway,
            shutdown: self.shutdown,
            failures,
            watched: self.watched,
            export: self.export,
            log,
        })
    }
}

/// Where spans go, and what takes them there; nothing of it where traces are not configured.
fn traces(config: &NodeConfig, clock: &Clock, metrics: &Arc<Metrics>) -> Result<(Traces, Option<Export>), NodeError> {
    let Some(set) = &config.traces else { return Ok((Traces::off(), None)) };
    let instance = match &config.log {
        LogConfig::Embedded(_) => Instance { system: "tollgate", id: None },
        LogConfig::Kafka(options) => Instance { system: "kafka", id: Some(&options.kafka.slot) },
    };
    let (traces, export) = Traces::start(set, instance, clock.clone(), metrics)?;
    Ok((traces, Some(export)))
}

/// Why the shards decide nothing any more. Being fenced is told apart from all that a restart mends by itself.
fn ended(error: &ShardError) -> String {
    match error {
        ShardError::Log(fenced @ LogError::Fenced { .. }) => format!("fenced: {fenced}"),
        error => format!("the shards have ended: {error}"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::dispatcher::DispatcherConfig;
    use crate::gateway::GatewayConfig;
    use crate::graph::GraphConfig;
    use crate::ledger::Place;
    use crate::log::embedded::EmbeddedOptions;
    use crate::node::{LogConfig, embedded};
    use crate::shard::ShardOptions;
    use bytes::Bytes;
    use http_body_util::{BodyExt as _, Full};
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;
    use tollgate_rate_card::RateCards;

    pub(in crate::node) fn config(data_dir: &std::path::Path) -> NodeConfig {
        let any = "127.0.0.1:0".parse().unwrap();
        NodeConfig {
            data_dir: data_dir.to_owned(),
            ledger: Place::File(data_dir.join(crate::node::LEDGER_FILE)),
            gateway: GatewayConfig { api: any, webhooks: any, metrics: any, ..GatewayConfig::default() },
            dispatcher: DispatcherConfig::default(),
            graph: GraphConfig { base_url: "http://127.0.0.1:9".to_owned(), ..GraphConfig::default() },
            log: LogConfig::Embedded(EmbeddedOptions::default()),
            shard: ShardOptions::default(),
            metric_limits: tollgate_metrics::Limits::default(),
            rates: Arc::new(RateCards::embedded().unwrap()),
            keep_moves_days: crate::views::MOVES_KEPT_DAYS_MIN,
            closes_within: std::time::Duration::from_secs(7200),
            billing_issuer: None,
            settle_days: 8,
            ledger_behind_max: std::time::Duration::from_secs(300),
            sync: SyncConfig::default(),
            certificates: Vec::new(),
            traces: None,
            clock: Clock::system(),
        }
    }

    pub(in crate::node) async fn get(address: std::net::SocketAddr, path: &str) -> (u16, String) {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let response = client.get(format!("http://{address}{path}").parse().unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn health_answers_while_the_state_is_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let beginning =
            Beginning::new(config(directory.path()), "the data directory is being opened", true).await.unwrap();
        let at = beginning.gateway.addresses().metrics;
        assert_eq!(get(at, "/healthz").await, (200, "ok\n".to_owned()));
        let waits = |why: &str| (503, format!("not ready: {why}\n"));
        assert_eq!(get(at, "/readyz").await, waits("the data directory is being opened"));
        beginning.status.loading(0, 20_000);
        assert_eq!(get(at, "/readyz").await, waits("loading the state of partition 0, 20000 records so far"));
        beginning.status.loaded(0);
        beginning.status.ready.store(true, Ordering::Release);
        assert_eq!(get(at, "/readyz").await, waits("the listeners are being bound"));
        assert!(
            std::fs::read_dir(directory.path()).unwrap().next().is_none(),
            "an address in use leaves nothing behind"
        );
        drop(beginning);
        let node = embedded::start(config(directory.path()), EmbeddedOptions::default()).await.unwrap();
        let at = node.addresses().metrics;
        while get(at, "/readyz").await.0 != 200 {}
        assert_eq!(get(node.addresses().api, "/v1/accounts").await.0, 200);
        node.stop(std::time::Duration::from_secs(5)).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn focus_is_the_platforms_bill_unless_a_reseller_is_named() {
        for (issuer, status, told) in [(None, 400, "billing.issuer"), (Some("Reseller Ltda".to_owned()), 200, "x_Waba")]
        {
            let directory = tempfile::tempdir().unwrap();
            let config = NodeConfig { billing_issuer: issuer, ..config(directory.path()) };
            let node = embedded::start(config, EmbeddedOptions::default()).await.unwrap();
            while get(node.addresses().metrics, "/readyz").await.0 != 200 {}
            let path = "/v1/billing/2026-10.csv?format=focus";
            let provider = get(node.addresses().api, path).await;
            assert_eq!((provider.0, provider.1.split(',').next()), (200, Some("BilledCost")));
            let customer = get(node.addresses().api, &format!("{path}&view=customer")).await;
            assert_eq!(customer.0, status);
            assert!(customer.1.contains(told), "{}", customer.1);
            node.stop(std::time::Duration::from_secs(5)).await.unwrap();
        }
    }

    /// An order of events as operators see it: a database that is locked, the warning, and that it goes away again.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_ledger_that_stands_still_is_told_by_its_lag_and_by_readiness_until_it_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let config = NodeConfig { ledger_behind_max: std::time::Duration::from_secs(3), ..config(directory.path()) };
        let node = embedded::start(config, EmbeddedOptions::default()).await.unwrap();
        let at = node.addresses().metrics;
        while get(at, "/readyz").await.0 != 200 {}
        let lag = async |topic: &str| {
            let line = format!("tollgate_log_lag_seconds{{topic=\"{topic}\"}} ");
            // A topic is shown from the first look at it on, which may come after the process is ready.
            for _ in 0..200 {
                let text = get(at, "/metrics").await.1;
                if let Some(lag) = text.lines().find_map(|l| l.strip_prefix(&line)) {
                    return lag.parse::<f64>().unwrap();
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            panic!("{topic} is not shown");
        };
        for topic in ["requests", "requests.priority", "commands", "events", "dispatch", "ledger", "outcomes"] {
            assert!(lag(topic).await < 1.0, "{topic}");
        }
        let other = rusqlite::Connection::open(directory.path().join(crate::node::LEDGER_FILE)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let log = node.log.downcast_ref::<crate::log::embedded::EmbeddedLog>().unwrap().clone();
        let record = crate::log::NewRecord::new("acme", "no entry at all", crate::clock::now().0);
        log.append(Topic::Ledger, vec![record]).await.unwrap();
        let mut seen = Vec::new();
        let told = loop {
            seen.push(lag("ledger").await);
            let (status, told) = get(at, "/readyz").await;
            if status == 503 {
                break told;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        };
        assert!(seen.is_sorted() && seen.last() >= Some(&2.0), "{seen:?}");
        assert!(told.starts_with("not ready: the ledger is ") && told.contains(" s behind"), "{told}");
        other.execute_batch("ROLLBACK").unwrap();
        while get(at, "/readyz").await.0 != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert!(lag("ledger").await < 1.0);
        let text = get(at, "/metrics").await.1;
        assert!(text.contains("tollgate_set_aside_records{topic=\"ledger\"} 1\n"), "{text}");
        assert!(text.contains("tollgate_partitions{state=\"ready\"} 1\n"), "{text}");
        assert!(text.contains("tollgate_store_bytes{store=\"ledger\"} "), "{text}");
        drop(log);
        node.stop(std::time::Duration::from_secs(5)).await.unwrap();
    }

    /// A process that hears nobody any more is of no use, however well its other parts are.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn listeners_that_end_by_themselves_end_the_process() {
        let directory = tempfile::tempdir().unwrap();
        let mut node = embedded::start(config(directory.path()), EmbeddedOptions::default()).await.unwrap();
        assert!(tokio::time::timeout(std::time::Duration::from_millis(500), node.failed()).await.is_err());
        node.gateway.abort();
        let why = tokio::time::timeout(std::time::Duration::from_secs(5), node.failed()).await.unwrap();
        assert_eq!(why, "the listeners ended");
        node.stop(std::time::Duration::from_secs(5)).await.unwrap();
    }

    #[test]
    fn being_fenced_is_told_apart() {
        let fenced = LogError::Fenced { reason: "a test".into() };
        assert!(
            ended(&ShardError::Log(fenced))
                .starts_with("fenced: this process may not write for its partitions any more")
        );
        let stopped = LogError::Stopped { reason: "the disk is full".into() };
        assert!(ended(&ShardError::Log(stopped)).starts_with("the shards have ended: "));
    }
}
