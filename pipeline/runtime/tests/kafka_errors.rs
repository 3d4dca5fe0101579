//! An error that is not known to pass by itself ends whoever reads, and says of what; one that does is waited out.
#![expect(clippy::unwrap_used, reason = "test")]

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};
use tollgate_runtime::dispatcher::{KafkaOrders, Orders as _};
use tollgate_runtime::log::kafka::{self, KafkaConfig, KafkaLog, KafkaShare};
use tollgate_runtime::log::{Log as _, LogError, ReadLimit, Topic};
use tollgate_runtime::store::StoreOptions;

const LIMIT: ReadLimit = ReadLimit { records: 100, bytes: 1 << 20 };
const MOST: Duration = Duration::from_secs(30);
/// Nobody knows what a client does about it, so nothing is hoped for.
const UNKNOWN: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE;
const PASSING: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION;

fn broker() -> (MockCluster<'static, DefaultProducerContext>, KafkaConfig) {
    let broker = MockCluster::new(1).unwrap();
    let config = KafkaConfig { brokers: broker.bootstrap_servers(), ..KafkaConfig::default() };
    let commit = |group: &str, topics: &[Topic]| {
        let mut at = TopicPartitionList::new();
        for topic in topics {
            at.add_partition_offset(&config.topic(*topic), 0, Offset::Offset(0)).unwrap();
        }
        let group: BaseConsumer = config.consumer("test", group).create().unwrap();
        group.commit(&at, CommitMode::Sync).unwrap();
    };
    Topic::ALL.iter().for_each(|topic| broker.create_topic(&config.topic(*topic), 1, 1).unwrap());
    broker.create_topic(&config.state_topic(), 1, 1).unwrap();
    commit(&config.app, &Topic::INPUTS);
    commit(&kafka::dispatch_group(&config), &[Topic::Dispatch]);
    let producer: BaseProducer = config.producer("test").create().unwrap();
    for topic in [Topic::Commands, Topic::Dispatch] {
        let name = config.topic(topic);
        producer.send(BaseRecord::<str, str>::to(&name).partition(0).payload("a record")).unwrap();
    }
    producer.flush(MOST).unwrap();
    (broker, config)
}

/// Reads commands until one comes or it ends.
fn read(log: &mut KafkaLog) -> Result<(), LogError> {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < MOST, "neither a record nor an error came");
        log.ownership()?;
        log.wait(&[], Duration::from_millis(20))?;
        match log.read(Topic::Commands, 0, 0, LIMIT) {
            Ok(records) if !records.is_empty() => return Ok(()),
            Ok(_) | Err(LogError::NoPartition { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

fn told(error: &LogError, topic: &str) {
    assert!(matches!(error, LogError::Stopped { .. }), "{error:?}");
    let words = error.to_string();
    assert!(words.contains(topic) && words.contains("partitions [0]"), "{words}");
    assert!(words.contains("tollgate topics check"), "{words}");
}

#[test]
fn shards_end_with_the_topic_and_the_partition() {
    let (broker, config) = broker();
    let disk = tempfile::tempdir().unwrap();
    let mut log = KafkaLog::open(config.clone(), disk.path().to_owned(), StoreOptions::default()).unwrap();
    broker.request_errors(RDKafkaApiKey::Fetch, &[PASSING; 3]);
    read(&mut log).unwrap();
    broker.request_errors(RDKafkaApiKey::Fetch, &[UNKNOWN; 20]);
    let began = Instant::now();
    let error = loop {
        assert!(began.elapsed() < MOST, "it goes on as if nothing were");
        if let Err(error) = log.wait(&[], Duration::from_millis(20)) {
            break error;
        }
    };
    told(&error, "tollgate.");
}

#[tokio::test]
async fn orders_end_with_the_topic_and_the_partition() {
    let (broker, config) = broker();
    broker.request_errors(RDKafkaApiKey::Fetch, &[PASSING; 3]);
    let orders = KafkaOrders::start(&config).unwrap();
    let began = Instant::now();
    while orders.pending(0, LIMIT).await.unwrap().is_empty() {
        assert!(began.elapsed() < MOST, "no order comes");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    broker.request_errors(RDKafkaApiKey::Fetch, &[UNKNOWN; 20]);
    let error = loop {
        assert!(began.elapsed() < MOST, "it goes on as if nothing were");
        if let Err(error) = orders.pending(0, LIMIT).await {
            break error;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    told(&error, "tollgate.dispatch");
}

#[test]
fn a_share_that_the_group_refuses_is_told() {
    let (broker, config) = broker();
    let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
    broker.request_errors(RDKafkaApiKey::JoinGroup, &[refused; 20]);
    let share = KafkaShare::join(&config, "ledger", &[Topic::Ledger]).unwrap();
    let began = Instant::now();
    let error = loop {
        assert!(began.elapsed() < MOST, "it goes on as if nothing were");
        match share.news() {
            Ok(_) => std::thread::sleep(Duration::from_millis(20)),
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("tollgate.ledger"), "{error}");
}
