//! Every part in one process over the embedded log.

use super::project;
use super::sources::{EmbeddedSource, STREAMS};
use super::{LEDGER_FILE, Node, NodeConfig, NodeError, hash_key, spawn, times, unresolved, views};
use crate::clock::Clock;
use crate::dispatcher::{Dispatcher, DispatcherParts};
use crate::gateway::{Gateway, GatewayParts};
use crate::graph::GraphClient;
use crate::inbox::Inbox;
use crate::ledger;
use crate::log::embedded::{EmbeddedLog, EmbeddedOptions};
use crate::registry::{Registry, SharedRegistry};
use crate::shard::{ShardParts, Shards, Status};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{mpsc, watch};
use tollgate_core::EngineConfig;
use tollgate_metrics::Metrics;
use tollgate_wire::partition::Partition;

pub(super) async fn start(config: NodeConfig, log_options: EmbeddedOptions) -> Result<Node, NodeError> {
    let clock = Clock::system();
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), config.metric_limits)?);
    let graph = GraphClient::new(config.graph.clone())?;
    let registry = SharedRegistry::new(Registry::default());
    let status = Arc::new(Status::default());
    let (failed, failures) = mpsc::channel(4);
    let opened = {
        let (metrics, registry, status, clock) =
            (Arc::clone(&metrics), registry.clone(), Arc::clone(&status), clock.clone());
        let (data_dir, shard_options) = (config.data_dir.clone(), config.shard);
        let (rates, times) = (Arc::clone(&config.rates), times(&config.graph));
        tokio::task::spawn_blocking(move || -> Result<_, NodeError> {
            let log = EmbeddedLog::open(&data_dir, &log_options)?;
            let hash_key = hash_key::load(&data_dir.join(hash_key::FILE))?;
            let writer = ledger::Writer::open(&data_dir.join(LEDGER_FILE), ledger::Options::default())?;
            let mut positions = [0; STREAMS.len()];
            for (position, (stream, _)) in positions.iter_mut().zip(STREAMS) {
                *position = writer.position(stream, 0)?;
            }
            let (recent_most, partition) = (shard_options.recent_most, Partition::ONLY);
            let engine = EngineConfig { rates, hash_key, times, recent_most, partition };
            let now = clock.now();
            let parts = ShardParts { engine, options: shard_options, clock, registry, metrics };
            let mut shards = Shards::open(log.clone(), parts, status)?;
            unresolved::report(&log, shards.take_ordered(), now)?;
            let source = EmbeddedSource::new(log.clone(), positions);
            Ok((log, writer, source, shards))
        })
        .await
        .map_err(|_| NodeError::Panicked("opening the data directory"))?
    };
    let (log, writer, source, shards) = opened?;
    let inbox: Arc<dyn Inbox> = Arc::new(log.clone());
    let reads = Arc::new(views::ViewReads::open(&config.data_dir.join(LEDGER_FILE), Box::new(log.clone()))?);
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
            if let Err(e) = shards.run() {
                let _ = failed.blocking_send(e.to_string());
            }
        })?
    };
    let projecting = Arc::new(AtomicBool::new(true));
    let projector = {
        let (clock, projecting, days) = (clock.clone(), Arc::clone(&projecting), config.keep_moves_days);
        let metrics = Arc::clone(&metrics);
        spawn("views", move || {
            if let Err(e) = project::run(source, writer, &clock, &projecting, days, &metrics) {
                let _ = failed.blocking_send(format!("ledger and views: {e}"));
            }
        })?
    };
    let dispatcher = Dispatcher::start(
        config.dispatcher,
        DispatcherParts { orders: Arc::new(log.clone()), inbox, graph, registry, clock, metrics: Arc::clone(&metrics) },
    );
    let (shutdown, stopping) = watch::channel(false);
    let gateway = tokio::spawn(gateway.serve(stopping));
    Ok(Node {
        addresses,
        metrics,
        status,
        projecting,
        shard: Some(shard),
        projector: Some(projector),
        dispatcher: Some(dispatcher),
        gateway,
        shutdown,
        failures,
        log: Box::new(log),
    })
}
