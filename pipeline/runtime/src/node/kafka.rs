//! The parts of a process over Kafka, by its roles.

use super::begin::{Beginning, Parts, Watched, Why};
use super::live::{KafkaLive, Live};
use super::sources::KafkaSource;
use super::{KafkaOptions, Node, NodeConfig, NodeError, Role, hash_key, times};
use crate::clock::Clock;
use crate::dispatcher::{KafkaOrders, Orders};
use crate::inbox::Inbox;
use crate::ledger::{self, Place};
use crate::log::kafka::{self, BrokerClock, KafkaInbox, KafkaLog, RegistryHealth, RegistryReader};
use crate::registry::SharedRegistry;
use crate::shard::{ShardParts, Shards, Status};
use crate::store::create_private;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tollgate_core::EngineConfig;
use tollgate_metrics::Metrics;
use tollgate_wire::partition::Partition;

/// What is opened before anything runs.
struct Opened {
    inbox: Arc<KafkaInbox>,
    registry: FollowedRegistry,
    shards: Option<Shards<KafkaLog>>,
    projection: Option<(ledger::Writer, KafkaSource)>,
    orders: Option<KafkaOrders>,
}

/// The registry's reader; ends with the node.
struct FollowedRegistry {
    stop: Arc<AtomicBool>,
    reader: Option<RegistryReader>,
    health: Arc<RegistryHealth>,
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
    options.roles.check(&config.ledger)?;
    let opening = "Kafka is being connected and partitions are being assigned";
    let beginning = Beginning::new(config, opening, options.roles.has(Role::Gateway)).await?;
    let config = &beginning.config;
    create_private(&config.data_dir).map_err(|source| NodeError::DataDir { path: config.data_dir.clone(), source })?;
    let key_file = options.hash_key.clone().unwrap_or_else(|| config.data_dir.join(hash_key::FILE));
    let parts = ShardParts {
        engine: EngineConfig {
            rates: Arc::clone(&config.rates),
            hash_key: hash_key::load(&key_file)?,
            times: times(&config.graph),
            recent_most: config.shard.recent_most,
            partition: Partition::ONLY,
        },
        options: config.shard,
        clock: beginning.clock.clone(),
        registry: None,
        metrics: Arc::clone(&beginning.metrics),
        lags: Arc::clone(&beginning.lags),
        traces: beginning.traces.clone(),
    };
    let opened = {
        let (status, shared) = (Arc::clone(&beginning.status), beginning.registry.clone());
        let (options, data_dir, place) = (options.clone(), config.data_dir.clone(), config.ledger.clone());
        tokio::task::spawn_blocking(move || open(&options, &data_dir, &place, parts, status, shared))
            .await
            .map_err(|_| NodeError::Panicked("connecting to Kafka"))??
    };
    let Opened { inbox, registry, shards, projection, orders } = opened;
    let broker_clock = &options.kafka.broker_clock;
    show_offset(&beginning.metrics, broker_clock, &beginning.clock);
    let waits = waits_for(&registry.health, broker_clock, &beginning.clock);
    let live = KafkaLive { config: options.kafka.clone() };
    let parts = Parts {
        inbox: Arc::clone(&inbox) as Arc<dyn Inbox>,
        live: options.roles.has(Role::Gateway).then(|| Box::new(live) as Box<dyn Live>),
        shards,
        projection,
        projects_views: options.roles.has(Role::Views),
        orders: orders.map(|orders| Arc::new(orders) as Arc<dyn Orders>),
        watched: Watched { stopped: stopped_by(&inbox, &registry.health), waits },
        log: Box::new((inbox, registry)),
    };
    beginning.run(parts).await
}

/// An inbox that takes nothing more ends the process: whoever gives it something else would try again for ever. So does the end
/// of the registry's reader: what is declared from then on would never be known here.
fn stopped_by(inbox: &Arc<KafkaInbox>, registry: &Arc<RegistryHealth>) -> Why {
    let (inbox, registry) = (Arc::clone(inbox), Arc::clone(registry));
    Box::new(move || {
        let unread = || registry.has_ended().then(|| "the registry's reader has ended".to_owned());
        inbox.stopped().or_else(unread)
    })
}

/// What is declared while the registry is away is not known here; and by a clock that is off, orders leave too late or are given up too
/// early, and limits count the wrong hours.
fn waits_for(registry: &Arc<RegistryHealth>, broker_clock: &Arc<BrokerClock>, clock: &Clock) -> Why {
    let (registry, broker_clock, clock) = (Arc::clone(registry), Arc::clone(broker_clock), clock.clone());
    Box::new(move || {
        let unread = registry.failing().map(|why| format!("the registry cannot be read: {why}"));
        unread.or_else(|| broker_clock.fault(&clock))
    })
}

/// Shows how far the clock is off whenever the metrics are read.
fn show_offset(metrics: &Metrics, broker_clock: &Arc<BrokerClock>, clock: &Clock) {
    let (broker_clock, clock) = (Arc::clone(broker_clock), clock.clone());
    metrics.before_reading(move |metrics| metrics.set_clock_offset_ms(broker_clock.offset_ms(&clock)));
}

/// Connects everything that Kafka gives this process. Blocks.
fn open(
    options: &KafkaOptions,
    data_dir: &std::path::Path,
    place: &Place,
    mut parts: ShardParts,
    status: Arc<Status>,
    shared: SharedRegistry,
) -> Result<Opened, NodeError> {
    let partitions = kafka::check(&options.kafka)?;
    parts.engine.partition.of = partitions;
    let inbox = Arc::new(KafkaInbox::open(&options.kafka, partitions)?);
    let stop = Arc::new(AtomicBool::new(false));
    let reader = kafka::follow_registry(&options.kafka, shared, Arc::clone(&stop))?;
    let registry = FollowedRegistry { stop, health: reader.health(), reader: Some(reader) };
    let (books, views) = (options.roles.has(Role::Ledger), options.roles.has(Role::Views));
    let projection = match place {
        _ if !books && !views => None,
        // Nobody else can write the file.
        Place::File(_) => Some((place.writer()?, KafkaSource::whole(&options.kafka, partitions))),
        Place::Postgres(_) => Some((place.writer()?, KafkaSource::shared(&options.kafka, books, views)?)),
    };
    let orders = if options.roles.has(Role::Dispatch) { Some(KafkaOrders::start(&options.kafka)?) } else { None };
    let shards = if options.roles.has(Role::Shards) {
        let mut kafka = options.kafka.clone();
        let secret = parts.engine.hash_key.fingerprint();
        kafka.deployment = kafka::Deployment::new(secret, partitions, kafka.deployment.format());
        let log = KafkaLog::open(kafka, data_dir.join("partitions"), options.store.clone())?;
        Some(Shards::open(log, parts, status)?)
    } else {
        None
    };
    Ok(Opened { inbox, registry, shards, projection, orders })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::super::begin::tests::{config, get};
    use super::super::sources::EmbeddedSource;
    use super::*;
    use crate::log::embedded::EmbeddedLog;
    use crate::log::{NewRecord, Topic};
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_log_that_stops_ends_the_process_and_a_registry_that_cannot_be_read_is_told() {
        let broker = MockCluster::new(1).unwrap();
        let kafka = kafka::KafkaConfig { brokers: broker.bootstrap_servers(), ..kafka::KafkaConfig::default() };
        broker.create_topic(&kafka.topic(Topic::Events), 1, 1).unwrap();
        let inbox = Arc::new(KafkaInbox::open(&kafka, 1).unwrap());
        let registry = Arc::<RegistryHealth>::default();
        let directory = tempfile::tempdir().unwrap();
        let beginning = Beginning::new(config(directory.path()), "nothing", false).await.unwrap();
        // The mock broker says that it is 1970.
        let waits = waits_for(&registry, &Arc::default(), &beginning.clock);
        let parts = Parts::<EmbeddedLog, EmbeddedSource> {
            inbox: Arc::clone(&inbox) as Arc<dyn Inbox>,
            live: None,
            shards: None,
            projection: None,
            projects_views: false,
            orders: None,
            watched: Watched { stopped: stopped_by(&inbox, &registry), waits },
            log: Box::new(()),
        };
        let mut node = beginning.run(parts).await.unwrap();
        let append = async || inbox.append(vec![(Topic::Events, NewRecord::new("acme", "a result", 1))]).await;
        append().await.unwrap();
        assert_eq!(get(node.addresses().metrics, "/readyz").await.0, 200);
        assert!(tokio::time::timeout(Duration::from_millis(500), node.failed()).await.is_err());

        registry.fail(Some("a test".to_owned()));
        let told = get(node.addresses().metrics, "/readyz").await;
        assert_eq!(told, (503, "not ready: the registry cannot be read: a test\n".to_owned()));
        registry.fail(None);
        assert_eq!(get(node.addresses().metrics, "/readyz").await.0, 200);

        let lost = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
        broker.request_errors(RDKafkaApiKey::Produce, &[lost]);
        append().await.unwrap_err();
        append().await.unwrap_err();
        let why = tokio::time::timeout(Duration::from_secs(20), node.failed()).await.unwrap();
        assert!(why.starts_with("the log has stopped: ") && why.contains("desynchronization"), "{why}");
        let (status, told) = get(node.addresses().metrics, "/readyz").await;
        assert_eq!(status, 503);
        assert!(told.contains("desynchronization"), "{told}");
        node.stop(Duration::from_secs(1)).await.unwrap();
    }
}
