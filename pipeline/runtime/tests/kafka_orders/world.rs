//! A topic of orders, what is put into it, and a member that takes from it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};
use tollgate_runtime::dispatcher::{KafkaOrders, Orders as _};
use tollgate_runtime::log::kafka::{KafkaConfig, create, dispatch_group};
use tollgate_runtime::log::{ReadLimit, Topic};

use crate::broker::Broker;

pub const CALL: Duration = Duration::from_secs(20);
const PARTITIONS: u32 = 3;
/// Most orders of one take.
pub const TAKE_MAX: usize = 64;

/// Topics of their own on a broker, with the dispatchers' first positions.
pub fn world(broker: &Broker) -> KafkaConfig {
    let named = broker.config();
    let config = world_from(named.brokers, named.app, "0".to_owned());
    create(&config, PARTITIONS, 1).unwrap();
    config
}

/// The configuration of a world that exists.
pub fn world_from(brokers: String, app: String, slot: String) -> KafkaConfig {
    let prefix = format!("{app}.");
    KafkaConfig { brokers, prefix, app, slot, session_timeout: Duration::from_millis(1_500), ..KafkaConfig::default() }
}

pub fn slot(config: &KafkaConfig, slot: &str) -> KafkaConfig {
    KafkaConfig { slot: slot.to_owned(), ..config.clone() }
}

/// The seed of a test's choices; `SEED` repeats a run.
pub fn seed() -> u64 {
    let seed = std::env::var("SEED").map_or_else(|_| getrandom::u32().unwrap().into(), |text| text.parse().unwrap());
    println!("SEED={seed}");
    seed
}

/// Puts orders into the topic in transactions, some of which are aborted.
pub struct Engine {
    producer: ThreadedProducer<DefaultProducerContext>,
    topic: String,
    rng: StdRng,
}

impl Engine {
    pub fn new(config: &KafkaConfig, seed: u64) -> Self {
        let mut client = config.producer("engine");
        let producer: ThreadedProducer<_> = client.set("transactional.id", &config.app).create().unwrap();
        producer.init_transactions(CALL).unwrap();
        Self { producer, topic: config.topic(Topic::Dispatch), rng: StdRng::seed_from_u64(seed) }
    }

    /// Orders named by their numbers, in transactions of random size up to `most`. Aborted ones are named `aborted`.
    pub fn put(&mut self, orders: std::ops::Range<u64>, most: u64) {
        let mut next = orders.start;
        while next < orders.end {
            let until = (next + self.rng.random_range(1..=most)).min(orders.end);
            self.producer.begin_transaction().unwrap();
            if self.rng.random_bool(0.15) {
                for _ in 0..self.rng.random_range(1..20) {
                    let partition = self.rng.random_range(0..PARTITIONS as i32);
                    self.send(partition, "aborted");
                }
                self.producer.flush(CALL).unwrap();
                self.producer.abort_transaction(CALL).unwrap();
                continue;
            }
            for order in next..until {
                let partition = self.rng.random_range(0..PARTITIONS as i32);
                self.send(partition, &order.to_string());
            }
            self.producer.commit_transaction(CALL).unwrap();
            next = until;
        }
    }

    /// Many orders into one partition, in a single transaction.
    pub fn put_into(&self, partition: i32, orders: std::ops::Range<u64>) {
        self.producer.begin_transaction().unwrap();
        for order in orders {
            self.send(partition, &order.to_string());
        }
        self.producer.commit_transaction(CALL).unwrap();
    }

    fn send(&self, partition: i32, value: &str) {
        let record = BaseRecord::to(&self.topic).partition(partition).key("acme").payload(value);
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
    }
}

/// Where the group stands: position and text by partition.
pub fn committed(config: &KafkaConfig) -> Vec<(Offset, String)> {
    let consumer: BaseConsumer = config.consumer("look", &dispatch_group(config)).create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_range(&config.topic(Topic::Dispatch), 0, PARTITIONS as i32 - 1);
    let list = consumer.committed_offsets(list, CALL).unwrap();
    list.elements().iter().map(|element| (element.offset(), element.metadata().to_owned())).collect()
}

/// Sets the group's position by hand.
pub fn commit(config: &KafkaConfig, partition: i32, position: i64, text: &str) {
    let consumer: BaseConsumer = config.consumer("look", &dispatch_group(config)).create().unwrap();
    let mut list = TopicPartitionList::new();
    let mut element = list.add_partition(&config.topic(Topic::Dispatch), partition);
    element.set_offset(Offset::Offset(position)).unwrap();
    element.set_metadata(text);
    consumer.commit(&list, CommitMode::Sync).unwrap();
}

/// Deletes the records of a partition below an offset, as retention does.
pub async fn delete_below(config: &KafkaConfig, partition: i32, offset: i64) {
    let admin: AdminClient<DefaultClientContext> = config.client("admin").create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&config.topic(Topic::Dispatch), partition, Offset::Offset(offset)).unwrap();
    admin.delete_records(&list, &AdminOptions::new()).await.unwrap();
}

/// Takes what it is offered in random order.
pub struct Member {
    pub orders: KafkaOrders,
    rng: StdRng,
    next: u64,
    pool: Vec<(u64, String)>,
}

impl Member {
    pub fn start(config: &KafkaConfig, seed: u64) -> Self {
        let orders = KafkaOrders::start(config).unwrap();
        Self { orders, rng: StdRng::seed_from_u64(seed), next: 0, pool: Vec::new() }
    }

    /// Reads what is offered; the number of orders that may be asked for.
    pub async fn read(&mut self) -> usize {
        let limit = ReadLimit { records: 500, bytes: 1 << 20 };
        for record in self.orders.pending(self.next, limit).await.unwrap() {
            assert!(record.offset >= self.next);
            self.next = record.offset + 1;
            self.pool.push((record.offset, String::from_utf8(record.value.to_vec()).unwrap()));
        }
        self.pool.len()
    }

    pub fn chance(&mut self, of: f64) -> bool {
        self.rng.random_bool(of)
    }

    /// Up to `most` orders to ask for next.
    pub fn pick(&mut self, most: usize) -> Vec<(u64, String)> {
        self.pool.shuffle(&mut self.rng);
        let many = self.rng.random_range(1..=most).min(self.pool.len());
        self.pool.split_off(self.pool.len() - many)
    }

    /// Takes; returns the orders to call.
    pub async fn take(&self, asked: Vec<(u64, String)>) -> Vec<u64> {
        let numbers = asked.iter().map(|(number, _)| *number).collect();
        let fresh: BTreeSet<u64> = self.orders.take(numbers).await.unwrap().into_iter().collect();
        asked.iter().filter(|(number, _)| fresh.contains(number)).map(|(_, order)| order.parse().unwrap()).collect()
    }

    /// Takes and calls until told to stop or everything is called.
    pub async fn work(&mut self, calls: &Calls, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) && !calls.is_complete() {
            if self.read().await == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
            let asked = self.pick(TAKE_MAX);
            calls.add(self.take(asked).await);
        }
    }
}

/// What was called, by all members together.
pub struct Calls {
    orders: usize,
    called: std::sync::Mutex<Vec<u64>>,
    deadline: Instant,
}

impl Calls {
    pub fn new(orders: usize) -> Self {
        Self { orders, called: std::sync::Mutex::default(), deadline: Instant::now() + Duration::from_secs(90) }
    }

    pub fn add(&self, orders: Vec<u64>) {
        self.called.lock().unwrap().extend(orders);
    }

    pub fn len(&self) -> usize {
        self.called.lock().unwrap().len()
    }

    fn is_complete(&self) -> bool {
        assert!(Instant::now() < self.deadline, "{} of {} orders called", self.len(), self.orders);
        self.len() >= self.orders
    }

    /// Calls, and orders called.
    pub fn counts(&self) -> (usize, usize) {
        let called = self.called.lock().unwrap();
        (called.len(), called.iter().collect::<BTreeSet<_>>().len())
    }

    /// Every order was called, none twice.
    pub fn assert_each_once(&self) {
        assert_eq!(self.counts(), (self.orders, self.orders));
    }
}
