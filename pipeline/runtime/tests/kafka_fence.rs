//! Requests wait for the commands that were there before them: where those come from a broker that is farther away, where
//! bulk fills the memory meanwhile, and where the first of them is long in coming.
#![expect(clippy::unwrap_used, reason = "test")]
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};
use tollgate_runtime::log::kafka::{KafkaConfig, KafkaLog};
use tollgate_runtime::log::{Log as _, Ownership, ReadLimit, Topic};
use tollgate_runtime::store::StoreOptions;

#[test]
fn no_request_is_read_before_the_commands_that_were_there() {
    requests_wait(Duration::from_millis(60), 20);
}

/// The connection alone takes longer than a second.
#[test]
fn what_is_long_in_coming_has_not_come() {
    requests_wait(Duration::from_millis(300), 2);
}

/// Commands come from a broker that is `away`, bulk from one that is near.
fn requests_wait(away: Duration, requests: usize) {
    let broker = MockCluster::new(2).unwrap();
    let config = KafkaConfig { brokers: broker.bootstrap_servers(), ..KafkaConfig::default() };
    let mut at = TopicPartitionList::new();
    for topic in Topic::ALL {
        broker.create_topic(&config.topic(topic), 1, 1).unwrap();
        broker.partition_leader(&config.topic(topic), 0, Some(if topic == Topic::Commands { 2 } else { 1 })).unwrap();
    }
    broker.create_topic(&config.state_topic(), 1, 1).unwrap();
    for topic in Topic::INPUTS {
        at.add_partition_offset(&config.topic(topic), 0, Offset::Offset(0)).unwrap();
    }
    let group: BaseConsumer = config.consumer("test", &config.app).create().unwrap();
    group.commit(&at, CommitMode::Sync).unwrap();
    drop(group);
    let producer: BaseProducer = config.producer("test").create().unwrap();
    let (commands, large) = (10, vec![0_u8; 4 << 20]);
    let send = |topic: Topic, n: usize| {
        for _ in 0..n {
            let name = config.topic(topic);
            producer.send(BaseRecord::<str, [u8]>::to(&name).partition(0).payload(&large[..])).unwrap();
            producer.flush(Duration::from_secs(10)).unwrap();
        }
    };
    send(Topic::Commands, commands);
    send(Topic::Requests, requests);
    broker.broker_round_trip_time(2, away).unwrap();
    let disk = tempfile::tempdir().unwrap();
    let mut log = KafkaLog::open(config, disk.path().to_owned(), StoreOptions::default()).unwrap();
    let (began, mut served) = (Instant::now(), false);
    let (mut next, mut read) = (0, 0);
    while began.elapsed() < Duration::from_secs(60) {
        for change in log.ownership().unwrap() {
            served |= matches!(change, Ownership::Gained { .. });
        }
        if !served {
            log.wait(&[], Duration::from_millis(50)).unwrap();
            continue;
        }
        for record in log.read(Topic::Commands, 0, next, ReadLimit { records: 100, bytes: 4 << 20 }).unwrap() {
            (next, read) = (record.offset + 1, read + 1);
        }
        let found = log.read(Topic::Requests, 0, 0, ReadLimit { records: 1, bytes: 1 }).unwrap();
        if !found.is_empty() {
            assert_eq!(read, commands, "a request is decided before commands that were there before it");
            return;
        }
        // As long as deciding them and a commit take.
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nothing came: {served} {read}");
}
