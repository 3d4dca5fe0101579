//! A worker in this process, and topics as anybody outside writes and reads them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord};
use rdkafka::{Offset, TopicPartitionList};
use tollgate_core::EngineConfig;
use tollgate_core::hashing::HashKey;
use tollgate_core::life::Times;
use tollgate_metrics::{Limits, Metrics};
use tollgate_rate_card::RateCards;
use tollgate_runtime::clock::Clock;
use tollgate_runtime::lag::Lags;
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{KafkaConfig, KafkaLog, partition_of};
use tollgate_runtime::shard::{ShardError, ShardOptions, ShardParts, Shards, Status};
use tollgate_runtime::store::{Space, Store, StoreOptions};
use tollgate_wire::partition::Partition;

pub const PARTITIONS: u32 = 4;

/// Every test file uses a part of this; naming the rest keeps it from counting as dead.
const _: fn(&Worker) -> bool = Worker::is_running;
const _: fn(Worker) -> ShardError = Worker::failed;
const _: fn(&Worker) -> &Metrics = Worker::metrics;
const _: fn(&Worker) -> &Lags = Worker::lags;
const _: fn(&Worker, &KafkaConfig) = Worker::wait_decided;
const _: fn(&Path, u32) -> Contents = contents;
const _: fn(&BaseProducer, &KafkaConfig, Topic, &str, &str) = send;

/// Keys and values of a store, by space.
pub type Contents = BTreeMap<(Space, Vec<u8>), Vec<u8>>;

/// A worker: one slot on its own directory.
pub struct Worker {
    status: Arc<Status>,
    metrics: Arc<Metrics>,
    lags: Arc<Lags>,
    thread: std::thread::JoinHandle<Result<(), ShardError>>,
}

impl Worker {
    pub fn start(config: &KafkaConfig, slot: &str, directory: &Path) -> Self {
        let config = KafkaConfig { slot: slot.to_owned(), ..config.clone() };
        let status = Arc::new(Status::default());
        let engine = EngineConfig {
            rates: Arc::new(RateCards::embedded().unwrap()),
            hash_key: HashKey([3; 16]),
            times: Times::default(),
            recent_most: 200_000,
            partition: Partition { number: 0, of: PARTITIONS },
        };
        let options = ShardOptions {
            commit_every_min: Duration::from_millis(20),
            commit_every_max: Duration::from_millis(100),
            ..ShardOptions::default()
        };
        let metrics = Arc::new(Metrics::new("test", Limits::default()).unwrap());
        let lags = Arc::new(Lags::new(Clock::system()));
        let parts = ShardParts {
            engine,
            options,
            clock: Clock::system(),
            registry: None,
            metrics: Arc::clone(&metrics),
            lags: Arc::clone(&lags),
            traces: Default::default(),
        };
        let log = KafkaLog::open(config, directory.to_owned(), StoreOptions::default()).unwrap();
        let shards = Shards::open(log, parts, Arc::clone(&status)).unwrap();
        let thread = std::thread::spawn(move || shards.run());
        Self { status, metrics, lags, thread }
    }

    /// How far its inputs are behind.
    pub fn lags(&self) -> &Lags {
        &self.lags
    }

    pub fn wait_ready(&self) {
        let started = Instant::now();
        while !self.status.ready.load(Ordering::Acquire) {
            assert!(!self.thread.is_finished(), "the worker ended");
            assert!(started.elapsed() < Duration::from_secs(60), "never ready");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until everything that is in the inputs now is decided and committed. A lag of zero does not say so: a reader
    /// that has not looked yet is not behind anything that it knows.
    pub fn wait_decided(&self, config: &KafkaConfig) {
        let consumer: BaseConsumer = config.consumer("watch", &config.app).create().unwrap();
        let mut asked = TopicPartitionList::new();
        for topic in Topic::INPUTS {
            asked.add_partition_range(&config.topic(topic), 0, PARTITIONS as i32 - 1);
        }
        let call = Duration::from_secs(30);
        let started = Instant::now();
        loop {
            let committed = consumer.committed_offsets(asked.clone(), call).unwrap();
            let undecided = committed.elements().iter().find_map(|at| {
                let (_, end) = consumer.fetch_watermarks(at.topic(), at.partition(), call).unwrap();
                let position = at.offset().to_raw().unwrap_or(0).max(0);
                (position < end).then(|| format!("{} {}: {position} of {end}", at.topic(), at.partition()))
            });
            let Some(undecided) = undecided else { return };
            assert!(self.is_running(), "the worker ended");
            assert!(started.elapsed() < Duration::from_secs(60), "{undecided}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whether it still decides; it ends at the first error.
    pub fn is_running(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Waits until it ends by itself, and says why.
    pub fn failed(self) -> ShardError {
        self.thread.join().unwrap().expect_err("it ends with an error")
    }

    pub fn stop(self) {
        self.status.stop.store(true, Ordering::Release);
        self.thread.join().unwrap().unwrap();
    }
}

pub fn producer(config: &KafkaConfig) -> BaseProducer {
    config.producer("test").create().unwrap()
}

pub fn send(producer: &BaseProducer, config: &KafkaConfig, topic: Topic, account: &str, value: &str) {
    let name = config.topic(topic);
    let partition = partition_of(account.as_bytes(), PARTITIONS) as i32;
    loop {
        let record = BaseRecord::to(&name).partition(partition).key(account).payload(value);
        match producer.send(record) {
            Ok(()) => return,
            Err(_) => {
                producer.poll(Duration::from_millis(5));
            }
        }
    }
}

/// Everything committed in a topic, by partition.
pub fn committed(config: &KafkaConfig, topic: &str) -> BTreeMap<i32, Vec<OwnedMessage>> {
    committed_of(config, topic, PARTITIONS)
}

/// As [`committed`], of a topic with another number of partitions.
pub fn committed_of(config: &KafkaConfig, topic: &str, partitions: u32) -> BTreeMap<i32, Vec<OwnedMessage>> {
    let mut client = config.consumer("check", "check");
    client.set("enable.partition.eof", "true");
    let consumer: BaseConsumer = client.create().unwrap();
    let mut list = TopicPartitionList::new();
    for p in 0..partitions as i32 {
        list.add_partition_offset(topic, p, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut out: BTreeMap<i32, Vec<OwnedMessage>> = BTreeMap::new();
    let mut ends = 0;
    while ends < partitions {
        match consumer.poll(Duration::from_secs(20)).expect("an end within 20 s") {
            Ok(m) => out.entry(m.partition()).or_default().push(m.detach()),
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => ends += 1,
            Err(e) => panic!("{e}"),
        }
    }
    out
}

/// Everything in a partition's store but its own place.
pub fn contents(directory: &Path, partition: u32) -> Contents {
    let store = Store::open(&directory.join(format!("partition-{partition}")), &StoreOptions::default()).unwrap();
    let spaces = Space::ALL.into_iter().filter(|space| *space != Space::Meta);
    spaces
        .flat_map(|space| store.scan_prefix(space, &[]).map(move |entry| (space, entry.unwrap())))
        .map(|(space, (key, value))| ((space, key.to_vec()), value.to_vec()))
        .collect()
}
