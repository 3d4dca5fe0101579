//! The parts of a process over Kafka, by its roles.

use super::live::KafkaLive;
use super::project;
use super::sources::{KafkaSource, STREAMS};
use super::{KafkaOptions, LEDGER_FILE, Node, NodeConfig, NodeError, Role, hash_key, spawn, times, views};
use crate::clock::Clock;
use crate::dispatcher::{Dispatcher, DispatcherParts, KafkaOrders};
use crate::gateway::{Gateway, GatewayParts, Readiness};
use crate::graph::GraphClient;
use crate::inbox::Inbox;
use crate::ledger;
use crate::log::kafka::{self, KafkaInbox, KafkaLog, RegistryReader, ServedStores};
use crate::registry::{Registry, SharedRegistry};
use crate::shard::{ShardParts, Shards, Status};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{mpsc, watch};
use tollgate_core::EngineConfig;
use tollgate_metrics::Metrics;
use tollgate_wire::partition::Partition;

/// What is opened before anything runs.
struct Opened {
    partitions: u32,
    inbox: Arc<dyn Inbox>,
    registry: FollowedRegistry,
    stores: Arc<ServedStores>,
    shards: Option<Shards<KafkaLog>>,
    projection: Option<(ledger::Writer, KafkaSource)>,
    orders: Option<KafkaOrders>,
}

/// The registry's reader; ends with the node.
struct FollowedRegistry {
    stop: Arc<AtomicBool>,
    reader: Option<RegistryReader>,
}

impl Drop for FollowedRegistry {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(reader) = self.reader.take() {
            reader.join();
        }
    }
}

pub(super) async fn start(config: NodeConfig, options: Box<KafkaOptions>) -> Result<Node, NodeError> {
    let clock = Clock::system();
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), config.metric_limits)?);
    let graph = GraphClient::new(config.graph.clone())?;
    let shared = SharedRegistry::new(Registry::default());
    let status = Arc::new(Status::default());
    let (failed, failures) = mpsc::channel(4);
    let opened = {
        let parts = |hash_key| ShardParts {
            engine: EngineConfig {
                rates: Arc::clone(&config.rates),
                hash_key,
                times: times(&config.graph),
                recent_most: config.shard.recent_most,
                partition: Partition::ONLY,
            },
            options: config.shard,
            clock: clock.clone(),
            registry: shared.clone(),
            metrics: Arc::clone(&metrics),
        };
        std::fs::create_dir_all(&config.data_dir)
            .map_err(|source| NodeError::DataDir { path: config.data_dir.clone(), source })?;
        let key_file = options.hash_key.clone().unwrap_or_else(|| config.data_dir.join(hash_key::FILE));
        let parts = parts(hash_key::load(&key_file)?);
        let (options, status, shared) = (options.clone(), Arc::clone(&status), shared.clone());
        let data_dir = config.data_dir.clone();
        tokio::task::spawn_blocking(move || open(&options, &data_dir, parts, status, shared))
            .await
            .map_err(|_| NodeError::Panicked("connecting to Kafka"))??
    };
    let Opened { partitions, inbox, registry, stores, shards, projection, orders } = opened;
    let readiness: Readiness = {
        let (status, decides) = (Arc::clone(&status), shards.is_some());
        Arc::new(move || {
            if !decides || status.ready.load(Ordering::Acquire) {
                Ok(())
            } else {
                Err("partitions are being restored".to_owned())
            }
        })
    };
    let gateway = if options.roles.has(Role::Gateway) {
        let live = KafkaLive { config: options.kafka.clone(), partitions, stores };
        let reads = Arc::new(views::ViewReads::open(&config.data_dir.join(LEDGER_FILE), Box::new(live))?);
        let parts = GatewayParts {
            inbox: Arc::clone(&inbox),
            reads,
            registry: shared.clone(),
            clock: clock.clone(),
            metrics: Arc::clone(&metrics),
            readiness,
            beside_api: axum::Router::new(),
        };
        Gateway::bind(config.gateway, parts).await?
    } else {
        Gateway::bind_health(&config.gateway, Arc::clone(&metrics), readiness).await?
    };
    let addresses = gateway.addresses();
    let shard = match shards {
        Some(shards) => {
            let failed = failed.clone();
            Some(spawn("shard", move || {
                if let Err(e) = shards.run() {
                    let _ = failed.blocking_send(e.to_string());
                }
            })?)
        }
        None => None,
    };
    let projecting = Arc::new(AtomicBool::new(true));
    let projector = match projection {
        Some((writer, source)) => {
            let (clock, projecting, days) = (clock.clone(), Arc::clone(&projecting), config.keep_moves_days);
            let metrics = Arc::clone(&metrics);
            Some(spawn("views", move || {
                if let Err(e) = project::run(source, writer, &clock, &projecting, days, &metrics) {
                    let _ = failed.blocking_send(format!("ledger and views: {e}"));
                }
            })?)
        }
        None => None,
    };
    let dispatcher = orders.map(|orders| {
        let parts = DispatcherParts {
            orders: Arc::new(orders),
            inbox: Arc::clone(&inbox),
            graph,
            registry: shared,
            clock,
            metrics: Arc::clone(&metrics),
        };
        Dispatcher::start(config.dispatcher, parts)
    });
    let (shutdown, stopping) = watch::channel(false);
    let gateway = tokio::spawn(gateway.serve(stopping));
    Ok(Node {
        addresses,
        metrics,
        status,
        projecting,
        shard,
        projector,
        dispatcher,
        gateway,
        shutdown,
        failures,
        log: Box::new((inbox, registry)),
    })
}

/// Connects everything that Kafka gives this process. Blocks.
fn open(
    options: &KafkaOptions,
    data_dir: &std::path::Path,
    mut parts: ShardParts,
    status: Arc<Status>,
    shared: SharedRegistry,
) -> Result<Opened, NodeError> {
    let partitions = kafka::check(&options.kafka)?;
    parts.engine.partition.of = partitions;
    let inbox: Arc<dyn Inbox> = Arc::new(KafkaInbox::open(&options.kafka, partitions)?);
    let stop = Arc::new(AtomicBool::new(false));
    let reader = kafka::follow_registry(&options.kafka, shared, Arc::clone(&stop))?;
    let registry = FollowedRegistry { stop, reader: Some(reader) };
    let projection = if options.roles.has(Role::Views) {
        let writer = ledger::Writer::open(&data_dir.join(LEDGER_FILE), ledger::Options::default())?;
        let mut positions = Vec::with_capacity(STREAMS.len());
        for (stream, _) in STREAMS {
            let of = |p| writer.position(stream, p).map(|next| (p, next));
            positions.push((0..partitions).map(of).collect::<Result<Vec<_>, _>>()?);
        }
        let source = KafkaSource::open(&options.kafka, &positions)?;
        Some((writer, source))
    } else {
        None
    };
    let orders = if options.roles.has(Role::Dispatch) { Some(KafkaOrders::start(&options.kafka)?) } else { None };
    let mut stores = Arc::default();
    let shards = if options.roles.has(Role::Shards) {
        let mut kafka = options.kafka.clone();
        kafka.fingerprint = parts.engine.hash_key.fingerprint();
        let log = KafkaLog::open(kafka, data_dir.join("partitions"), options.store.clone())?;
        stores = log.stores();
        Some(Shards::open(log, parts, status)?)
    } else {
        None
    };
    Ok(Opened { partitions, inbox, registry, stores, shards, projection, orders })
}
