//! The tail: its limits and positions, where it cannot go on, and transactions.

use std::time::{Duration, Instant};

use rdkafka::admin::AdminOptions;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use tollgate_runtime::inbox::Inbox as _;
use tollgate_runtime::log::kafka::{KafkaConfig, KafkaInbox, KafkaTail, partition_of};
use tollgate_runtime::log::{LogError, ReadLimit, Topic};

use crate::broker::Broker;
use crate::{PARTITIONS, PATIENCE, admin, created, delete_below, read, record, until, values, wait};

#[test]
fn a_tail_keeps_to_its_limits_and_positions() {
    let config = created(&Broker::shared());
    let inbox = KafkaInbox::open(&config, PARTITIONS).unwrap();
    let home = partition_of(b"acme", PARTITIONS);
    let records = ["a".repeat(10), "b".repeat(5_000), "c".repeat(10), "d".repeat(10)];
    wait(inbox.append(records.iter().map(|r| (Topic::Outcomes, record("acme", r))).collect())).unwrap();

    let mut tail = KafkaTail::open(&config, Topic::Outcomes, &[(home, 0)]).unwrap();
    let limit = ReadLimit { records: 2, bytes: 1_000 };
    let mut lengths = Vec::new();
    let started = Instant::now();
    while !tail.is_caught_up() {
        assert!(started.elapsed() < PATIENCE);
        let records = tail.read(limit, Duration::from_secs(1)).unwrap();
        if !records.is_empty() {
            lengths.push(records.len());
        }
    }
    assert_eq!(lengths.iter().sum::<usize>(), 4);
    assert!(lengths.len() >= 3 && lengths.iter().all(|n| *n <= 2), "the large one is alone: {lengths:?}");
    assert_eq!(tail.positions(), [(home, 4)]);
    assert_eq!((tail.low().unwrap(), tail.ends().unwrap()), (vec![(home, 0)], vec![(home, 4)]));

    let beyond = KafkaTail::open(&config, Topic::Outcomes, &[(home, 9)]).err().unwrap();
    assert!(matches!(beyond, LogError::BeyondEnd { topic: Topic::Outcomes, wanted: 9, next: 4 }), "{beyond}");
    delete_below(&config, &config.topic(Topic::Outcomes), home, 3);
    let trimmed = KafkaTail::open(&config, Topic::Outcomes, &[(home, 1)]).err().unwrap();
    assert!(matches!(trimmed, LogError::Trimmed { topic: Topic::Outcomes, wanted: 1, first: 3 }), "{trimmed}");
    let mut rest = KafkaTail::open(&config, Topic::Outcomes, &[(home, 3)]).unwrap();
    assert_eq!(values(&read(&mut rest, 1)), ["d".repeat(10)]);
}

#[test]
fn a_tail_that_cannot_go_on_says_so_every_time() {
    let mut config = created(&Broker::shared());
    // For so long a topic of which the client has just heard may be unknown.
    config.properties.insert("topic.metadata.propagation.max.ms".to_owned(), "1000".to_owned());
    let name = config.topic(Topic::Ledger);
    let mut tail = KafkaTail::open(&config, Topic::Ledger, &[(0, 0)]).unwrap();
    let mut other = KafkaTail::open(&config, Topic::Ledger, &[(1, 0)]).unwrap();
    let failure = |tail: &mut KafkaTail| {
        let mut error = None;
        until("an error", || {
            error = tail.read(ReadLimit::default(), Duration::from_millis(200)).err();
            error.is_some()
        });
        let again = tail.read(ReadLimit::default(), Duration::ZERO).unwrap_err();
        assert_eq!(again.to_string(), error.unwrap().to_string());
        again
    };

    // In an open transaction, so that the tail cannot have fetched them before they are gone.
    let producer = transactional(&config);
    producer.begin_transaction().unwrap();
    for _ in 0..5 {
        producer.send(BaseRecord::to(&name).partition(0).key("k").payload("v")).map_err(|e| e.0).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
    delete_below(&config, &name, 0, 5);
    let error = failure(&mut tail);
    assert!(matches!(error, LogError::Trimmed { wanted: 0, first: 5, .. }), "{error}");
    producer.abort_transaction(PATIENCE).unwrap();

    wait(admin(&config).delete_topics(&[&name], &AdminOptions::new())).unwrap().remove(0).unwrap();
    let error = failure(&mut other);
    assert!(matches!(error, LogError::Stopped { ref reason } if reason.contains(&name)), "{error}");
}

fn transactional(config: &KafkaConfig) -> ThreadedProducer<DefaultProducerContext> {
    let mut client = config.producer("test");
    client.set("transactional.id", format!("{}-test", config.app));
    let producer: ThreadedProducer<DefaultProducerContext> = client.create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer
}

#[test]
fn records_of_an_aborted_or_open_transaction_are_not_seen() {
    let config = created(&Broker::shared());
    let name = config.topic(Topic::Ledger);
    let producer = transactional(&config);
    let send = |value: &str| {
        producer.send(BaseRecord::to(&name).partition(0).key("k").payload(value)).map_err(|e| e.0).unwrap();
    };
    let mut tail = KafkaTail::open(&config, Topic::Ledger, &[(0, 0)]).unwrap();

    producer.begin_transaction().unwrap();
    send("aborted");
    producer.flush(PATIENCE).unwrap();
    producer.abort_transaction(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    send("committed");
    producer.commit_transaction(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    send("open");
    producer.flush(PATIENCE).unwrap();

    let seen = read(&mut tail, 1);
    assert_eq!(values(&seen), ["committed"]);
    assert_eq!(seen[0].1.offset, 2, "behind the aborted record and its marker");
    until("the end is seen", || {
        assert!(tail.read(ReadLimit::default(), Duration::from_millis(100)).unwrap().is_empty());
        tail.is_caught_up()
    });
    assert_eq!(tail.ends().unwrap(), [(0, 4)], "the open transaction is behind the end");
    producer.commit_transaction(PATIENCE).unwrap();
    assert_eq!(values(&read(&mut tail, 1)), ["open"]);
    until("the new end is seen", || {
        assert!(tail.read(ReadLimit::default(), Duration::from_millis(100)).unwrap().is_empty());
        tail.is_caught_up()
    });
    assert_eq!((tail.positions(), tail.ends().unwrap()), (vec![(0, 5)], vec![(0, 6)]));
}
