//! A shard loop on a real broker and what it is fed with, for load tests and benches.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
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
use tollgate_runtime::store::StoreOptions;
use tollgate_wire::partition::Partition;

/// Bounds of a commit as the service has them by default.
pub const COMMIT_EVERY_MIN: Duration = Duration::from_millis(20);
/// See [`COMMIT_EVERY_MIN`].
pub const COMMIT_EVERY_MAX: Duration = Duration::from_millis(100);

/// Every user of this module uses a part of it; naming all of it keeps the rest from counting as dead.
const _: fn(&Feed, Topic, &str, usize) = Feed::bulk_again;
const _: fn(&Worker) = Worker::wait_ready;

/// A shard loop in this process: one slot on its own directory.
pub struct Worker {
    status: Arc<Status>,
    thread: std::thread::JoinHandle<Result<(), ShardError>>,
}

impl Worker {
    /// Starts it; `partitions` is how many the topics have.
    pub fn start(config: &KafkaConfig, directory: &Path, partitions: u32) -> Self {
        let status = Arc::new(Status::default());
        let engine = EngineConfig {
            rates: Arc::new(RateCards::embedded().unwrap()),
            hash_key: HashKey([3; 16]),
            // Nobody calls the platform here: attempts must not come to be in doubt while a measurement runs.
            times: Times { http_timeout_ms: 3_600_000, ..Times::default() },
            recent_most: 200_000,
            partition: Partition { number: 0, of: partitions },
        };
        let options = ShardOptions {
            commit_every_min: COMMIT_EVERY_MIN,
            commit_every_max: COMMIT_EVERY_MAX,
            ..ShardOptions::default()
        };
        let parts = ShardParts {
            engine,
            options,
            clock: Clock::system(),
            registry: None,
            metrics: Arc::new(Metrics::new("load", Limits::default()).unwrap()),
            lags: Arc::new(Lags::new(Clock::system())),
            traces: Default::default(),
        };
        let log = KafkaLog::open(config.clone(), directory.to_owned(), StoreOptions::default()).unwrap();
        let shards = Shards::open(log, parts, Arc::clone(&status)).unwrap();
        let thread = std::thread::Builder::new().name("shards".to_owned()).spawn(move || shards.run()).unwrap();
        Self { status, thread }
    }

    /// Waits until every partition is decided for.
    pub fn wait_ready(&self) {
        let started = Instant::now();
        while !self.status.ready.load(Ordering::Acquire) {
            self.alive();
            assert!(started.elapsed() < Duration::from_secs(600), "never ready");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// # Panics
    /// The loop has ended.
    pub fn alive(&self) {
        assert!(!self.thread.is_finished(), "the shard loop ended");
    }

    /// Ends it as a process would.
    pub fn stop(self) {
        self.status.stop.store(true, Ordering::Release);
        self.thread.join().unwrap().unwrap();
    }
}

/// Appends to the input topics, without any transaction, as producers outside do.
pub struct Feed {
    producer: BaseProducer,
    config: KafkaConfig,
    partitions: u32,
}

impl Feed {
    /// A producer for topics of so many partitions.
    pub fn new(config: &KafkaConfig, partitions: u32) -> Self {
        Self { producer: config.producer("feed").create().unwrap(), config: config.clone(), partitions }
    }

    /// Queues a record; waits while the queue is full.
    pub fn send(&self, topic: Topic, account: &str, value: &str) {
        let name = self.config.topic(topic);
        let partition = partition_of(account.as_bytes(), self.partitions) as i32;
        let mut record = BaseRecord::to(&name).partition(partition).key(account).payload(value);
        while let Err((_, back)) = self.producer.send(record) {
            record = back;
            self.producer.poll(Duration::from_millis(5));
        }
    }

    /// Waits until everything queued is acknowledged.
    pub fn flush(&self) {
        self.producer.flush(Duration::from_secs(120)).unwrap();
    }

    /// An account with one fast number, `news` for marketing and `code` for one-time codes.
    pub fn account(&self, account: &str, limit: &str, throughput: u64) {
        let command = format!(
            r#"{{"command":"apply_account","spec":{{"account":"{account}","limit":{limit},"policy":{{"in_flight":4000000000}},
            "wabas":[{{"id":"w-{account}","currency":"USD","time_zone":"UTC","senders":[
            {{"id":"s-{account}","throughput":{throughput},"quality":"GREEN"}},
            {{"id":"codes-{account}","throughput":{throughput},"quality":"GREEN"}}],
            "templates":[{{"name":"news","language":"en_US","category":"marketing","body":["1","2"]}},
            {{"name":"code","language":"en_US","category":"authentication","body":["1"]}}]}}]}}}}"#
        );
        self.send(Topic::Commands, account, &command);
    }

    /// A person opts in or out.
    pub fn consent(&self, account: &str, person: usize, category: &str, state: &str) {
        let to = number(person);
        let command = format!(
            r#"{{"command":"set_consent","account":"{account}","consent":{{"to":"{to}","category":"{category}","state":"{state}","source":"test"}}}}"#
        );
        self.send(Topic::Commands, account, &command);
    }

    /// A bulk request of 340 bytes.
    pub fn bulk(&self, account: &str, person: usize) {
        self.request(Topic::Requests, "01JD3Y7Q", account, person);
    }

    /// One more for the same person, on any lane.
    pub fn bulk_again(&self, topic: Topic, account: &str, person: usize) {
        self.request(topic, topic.name(), account, person);
    }

    fn request(&self, topic: Topic, id: &str, account: &str, person: usize) {
        let to = number(person);
        let request = format!(
            r#"{{"id":"{id}{person:012}","account":"{account}","to":"{to}","campaign":"black-friday-2026","purpose":"marketing","content":[{{"template":{{"name":"news","language":["en_US","pt_BR"],"components":{{"body":["Ana Maria","42"]}}}}}}],"expires_at":"2027-11-27T21:00:00-03:00","metadata":{{"crm":"881-2","batch":"7"}}}}"#
        );
        self.send(topic, account, &request);
    }
}

/// The number of a person.
pub fn number(person: usize) -> String {
    format!("+5511{:09}", 900_000_000 + person)
}

/// The end of a topic's partition.
pub fn end(config: &KafkaConfig, topic: &str, partition: u32) -> u64 {
    let consumer: BaseConsumer = config.consumer("ends", "ends").create().unwrap();
    let (_, end) = consumer.fetch_watermarks(topic, partition as i32, Duration::from_secs(30)).unwrap();
    end as u64
}

/// What the group has committed, also while a transaction is open: for watching, not for deciding.
pub struct Positions {
    consumer: BaseConsumer,
    name: String,
    partitions: u32,
}

impl Positions {
    /// Positions in an input topic.
    pub fn new(config: &KafkaConfig, topic: Topic, partitions: u32) -> Self {
        let mut client = config.consumer("watch", &config.app);
        client.set("isolation.level", "read_uncommitted");
        Self { consumer: client.create().unwrap(), name: config.topic(topic), partitions }
    }

    /// The committed next offset of each partition, 0 where there is none.
    pub fn get(&self) -> Vec<u64> {
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            list.add_partition(&self.name, partition as i32);
        }
        let committed = self.consumer.committed_offsets(list, Duration::from_secs(30)).unwrap();
        let offset = |o: Offset| if let Offset::Offset(o) = o { o.max(0) as u64 } else { 0 };
        committed.elements().iter().map(|e| offset(e.offset())).collect()
    }

    /// Waits until every partition is read to its end.
    pub fn wait_for_end(&self, worker: &Worker, config: &KafkaConfig, most: Duration) {
        let ends: Vec<u64> = (0..self.partitions).map(|p| end(config, &self.name, p)).collect();
        let started = Instant::now();
        loop {
            let now = self.get();
            if now.iter().zip(&ends).all(|(now, end)| now >= end) {
                return;
            }
            worker.alive();
            assert!(started.elapsed() < most, "{} is read to {now:?} of {ends:?}", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
