//! Where a topic ends in a transaction there is no record to wait for: on a real broker, requests wait for what was there
//! before them and for nothing else.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod broker;

use std::time::{Duration, Instant};

use broker::Broker;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tollgate_runtime::log::kafka::{self, KafkaConfig, KafkaLog};
use tollgate_runtime::log::{Log as _, Ownership, ReadLimit, Topic};
use tollgate_runtime::store::StoreOptions;

const ASK: Duration = Duration::from_secs(30);
/// Far below the time after which a topic is given up.
const SOON: Duration = Duration::from_secs(8);

fn send(producer: &BaseProducer, config: &KafkaConfig, topic: Topic, value: &str) {
    let name = config.topic(topic);
    producer.send(BaseRecord::to(&name).partition(0).key("acme").payload(value)).unwrap();
    producer.flush(ASK).unwrap();
}

/// A transaction of some records, which stays open.
fn open(config: &KafkaConfig, topic: Topic, values: &[&str]) -> BaseProducer {
    let id = format!("{}-{}-{}", config.app, topic.name(), values.join("-"));
    let producer: BaseProducer = config.producer("other").set("transactional.id", id).create().unwrap();
    producer.init_transactions(ASK).unwrap();
    producer.begin_transaction().unwrap();
    values.iter().for_each(|value| send(&producer, config, topic, value));
    producer
}

/// A process that reads, and decides what it has read at once.
struct Reader {
    log: KafkaLog,
    next: [u64; 2],
    read: Vec<String>,
    _disk: tempfile::TempDir,
}

impl Reader {
    fn start(config: &KafkaConfig) -> Self {
        let disk = tempfile::tempdir().unwrap();
        let mut log = KafkaLog::open(config.clone(), disk.path().to_owned(), StoreOptions::default()).unwrap();
        let began = Instant::now();
        while !log.ownership().unwrap().iter().any(|change| matches!(change, Ownership::Gained { .. })) {
            assert!(began.elapsed() < ASK * 2, "nothing is assigned");
            log.wait(&[], Duration::from_millis(50)).unwrap();
        }
        Self { log, next: [0; 2], read: Vec::new(), _disk: disk }
    }

    /// Whether a request may be read within some time.
    fn reads_a_request(&mut self, within: Duration) -> bool {
        let began = Instant::now();
        while began.elapsed() < within {
            for (topic, next) in [Topic::Commands, Topic::Events].into_iter().zip(&mut self.next) {
                for record in self.log.read(topic, 0, *next, ReadLimit { records: 100, bytes: 1 << 20 }).unwrap() {
                    *next = record.offset + 1;
                    self.read.push(String::from_utf8(record.value.to_vec()).unwrap());
                }
            }
            if !self.log.read(Topic::Requests, 0, 0, ReadLimit { records: 1, bytes: 1 }).unwrap().is_empty() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

#[test]
fn requests_wait_for_what_was_there_and_not_for_what_never_comes() {
    let config = Broker::shared().config();
    kafka::create(&config, 1, 1).unwrap();
    let producer: BaseProducer = config.producer("test").create().unwrap();
    send(&producer, &config, Topic::Requests, "a request");
    // Commands end in a marker behind records that were taken back, events in one behind a record.
    send(&producer, &config, Topic::Commands, "opt-out 1");
    open(&config, Topic::Commands, &["undone 1", "undone 2"]).abort_transaction(ASK).unwrap();
    open(&config, Topic::Events, &["event 1"]).commit_transaction(ASK).unwrap();
    let mut reader = Reader::start(&config);
    assert!(reader.reads_a_request(SOON));
    reader.read.sort_unstable();
    assert_eq!(reader.read, ["event 1", "opt-out 1"]);

    // What comes later goes on behind them.
    send(&producer, &config, Topic::Commands, "opt-out 2");
    let began = Instant::now();
    while reader.read.len() < 3 && began.elapsed() < SOON {
        reader.reads_a_request(SOON);
    }
    assert_eq!(reader.read[2..], ["opt-out 2"]);
}

#[test]
fn requests_wait_for_a_transaction_that_is_open_and_what_lies_behind_it() {
    let config = Broker::shared().config();
    kafka::create(&config, 1, 1).unwrap();
    let producer: BaseProducer = config.producer("test").create().unwrap();
    send(&producer, &config, Topic::Requests, "a request");
    send(&producer, &config, Topic::Commands, "opt-out 1");
    let transaction = open(&config, Topic::Commands, &["opt-out 2"]);
    send(&producer, &config, Topic::Commands, "opt-out 3");
    let mut reader = Reader::start(&config);
    assert!(!reader.reads_a_request(Duration::from_secs(4)), "after {:?}", reader.read);
    assert_eq!(reader.read, ["opt-out 1"]);
    transaction.commit_transaction(ASK).unwrap();
    assert!(reader.reads_a_request(SOON), "after {:?}", reader.read);
    assert_eq!(reader.read, ["opt-out 1", "opt-out 2", "opt-out 3"]);
}
