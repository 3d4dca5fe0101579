//! Topics, inbox, tail and registry on a real broker.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod broker;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use broker::Broker;
use bytes::Bytes;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigResource, NewPartitions, OwnedResourceSpecifier, ResourceSpecifier,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
use tollgate_runtime::clock;
use tollgate_runtime::inbox::{AppendError, Inbox as _};
use tollgate_runtime::log::kafka::{
    self, KafkaConfig, KafkaInbox, KafkaTail, RECORD_BYTES_MAX, TopicFault, TopicsError, follow_registry, partition_of,
};
use tollgate_runtime::log::{LogError, NewRecord, ReadLimit, Record, Topic};
use tollgate_runtime::registry::SharedRegistry;

const PARTITIONS: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(60);

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A configuration whose topics exist.
fn created(broker: &Broker) -> KafkaConfig {
    let config = broker.config();
    kafka::create(&config, PARTITIONS, 1).unwrap();
    config
}

fn faults(config: &KafkaConfig) -> Vec<TopicFault> {
    match kafka::check(config) {
        Err(TopicsError::Faults(faults)) => faults.0,
        Ok(_) => Vec::new(),
        Err(error) => panic!("{error}"),
    }
}

fn admin(config: &KafkaConfig) -> AdminClient<DefaultClientContext> {
    config.client("test").create().unwrap()
}

/// Changes one setting and leaves the others: the call would reset those not named.
fn set(config: &KafkaConfig, topic: &str, name: &str, value: &str) {
    let (admin, options) = (admin(config), AdminOptions::new());
    let described: Vec<ConfigResource> = wait(admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &options))
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(described[0].specifier, OwnedResourceSpecifier::Topic(topic.to_owned()));
    let mut change = AlterConfig::new(ResourceSpecifier::Topic(topic));
    for entry in described[0].entries.iter().filter(|e| !e.is_default && e.name != name) {
        if entry.source == rdkafka::admin::ConfigSource::DynamicTopic {
            change = change.set(&entry.name, entry.value.as_deref().unwrap_or_default());
        }
    }
    wait(admin.alter_configs(&[change.set(name, value)], &options)).unwrap().remove(0).unwrap();
}

fn record(account: &str, value: &str) -> NewRecord {
    NewRecord::new(account.to_owned(), value.to_owned(), clock::now().0)
}

/// Reads until there are `count` records.
fn read(tail: &mut KafkaTail, count: usize) -> Vec<(u32, Record)> {
    let started = Instant::now();
    let mut records = Vec::new();
    while records.len() < count {
        assert!(started.elapsed() < PATIENCE, "{} of {count} records", records.len());
        records.extend(tail.read(ReadLimit::default(), Duration::from_millis(200)).unwrap());
    }
    records
}

fn values(records: &[(u32, Record)]) -> Vec<String> {
    records.iter().map(|(_, r)| String::from_utf8(r.value.to_vec()).unwrap()).collect()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn topics_are_created_once_and_then_found_right() {
    let config = Broker::shared().config();
    let created = kafka::create(&config, PARTITIONS, 1).unwrap();
    assert_eq!(created.topics.len(), Topic::COUNT + 1);
    assert_eq!(created.positions, 5 * PARTITIONS as usize, "four inputs and the orders");
    assert_eq!(kafka::create(&config, PARTITIONS, 1).unwrap(), kafka::Created::default());
    assert_eq!(kafka::check(&config).unwrap(), PARTITIONS);

    let error = kafka::create(&config, PARTITIONS + 1, 1).unwrap_err();
    assert!(matches!(error, TopicsError::Faults(ref faults) if faults.0.len() == 9), "{error}");
    let error = kafka::create(&Broker::shared().config(), PARTITIONS, 7).unwrap_err();
    assert!(error.to_string().contains("as many copies as there are brokers"), "{error}");
}

#[test]
fn check_names_everything_that_is_wrong() {
    let config = created(&Broker::shared());
    let (options, ledger, events) = (AdminOptions::new(), config.topic(Topic::Ledger), config.topic(Topic::Events));
    let admin = admin(&config);
    wait(admin.delete_topics(&[&ledger], &options)).unwrap().remove(0).unwrap();
    wait(admin.create_partitions(&[NewPartitions::new(&events, 5)], &options)).unwrap().remove(0).unwrap();
    set(&config, &config.topic(Topic::Registry), "cleanup.policy", "delete");
    set(&config, &config.topic(Topic::Outcomes), "max.message.bytes", "1000");
    set(&config, &config.topic(Topic::Commands), "message.timestamp.type", "CreateTime");
    set(&config, &config.state_topic(), "delete.retention.ms", "86400000");
    set(&config, &config.state_topic(), "message.timestamp.type", "CreateTime");
    set(&config, &config.topic(Topic::Snapshots), "retention.ms", "3600000");
    set(&config, &config.topic(Topic::DeadLetters), "unclean.leader.election.enable", "true");
    until("the deletion is seen", || faults(&config).contains(&TopicFault::Missing { topic: ledger.clone() }));
    let found = faults(&config);
    let expected = [
        TopicFault::Missing { topic: ledger.clone() },
        TopicFault::Partitions { topic: events.clone(), have: 5, want: PARTITIONS },
        TopicFault::CleanupPolicy { topic: config.topic(Topic::Registry), have: "delete".to_owned(), want: "compact" },
        TopicFault::MaxMessageBytes {
            topic: config.topic(Topic::Outcomes),
            have: 1000,
            want: (RECORD_BYTES_MAX + 65_536) as u64,
        },
        TopicFault::Timestamps {
            topic: config.topic(Topic::Commands),
            have: "CreateTime".to_owned(),
            want: "LogAppendTime",
        },
        TopicFault::Removals { topic: config.state_topic(), have: 86_400_000, want: 7 * 86_400_000 },
        TopicFault::Timestamps { topic: config.state_topic(), have: "CreateTime".to_owned(), want: "LogAppendTime" },
        TopicFault::Setting {
            topic: config.topic(Topic::Snapshots),
            name: "retention.ms",
            have: "3600000".to_owned(),
            want: "2592000000 or more".to_owned(),
        },
        TopicFault::Setting {
            topic: config.topic(Topic::DeadLetters),
            name: "unclean.leader.election.enable",
            have: "true".to_owned(),
            want: "false".to_owned(),
        },
        TopicFault::NoPosition { group: config.app.clone(), topic: events, partitions: vec![3, 4] },
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    assert!(expected.iter().all(|fault| found.contains(fault)), "{found:?}");
}

#[test]
fn a_deleted_input_begins_at_its_start_when_created_again() {
    let config = created(&Broker::shared());
    let commands = config.topic(Topic::Commands);
    wait(admin(&config).delete_topics(&[&commands], &AdminOptions::new())).unwrap().remove(0).unwrap();
    until("the deletion is seen", || faults(&config).contains(&TopicFault::Missing { topic: commands.clone() }));
    let again = kafka::create(&config, PARTITIONS, 1).unwrap();
    assert_eq!((again.topics, again.positions), (vec![commands], PARTITIONS as usize));
    assert_eq!(kafka::check(&config).unwrap(), PARTITIONS);
}

#[test]
fn lost_positions_are_not_taken_for_a_beginning() {
    let config = created(&Broker::shared());
    let state: ThreadedProducer<DefaultContext> = config.producer("test").create().unwrap();
    state.send(BaseRecord::to(&config.state_topic()).partition(1).key("k").payload("v")).map_err(|e| e.0).unwrap();
    state.flush(PATIENCE).unwrap();
    wait(admin(&config).delete_groups(&[&config.app], &AdminOptions::new())).unwrap().remove(0).unwrap();
    match kafka::create(&config, PARTITIONS, 1).unwrap_err() {
        TopicsError::PositionsLost { group, topic, partitions } => {
            assert_eq!((group, topic, partitions), (config.app.clone(), config.state_topic(), vec![1]));
        }
        other => panic!("{other}"),
    }
    assert_eq!(faults(&config).len(), Topic::INPUTS.len());
}

#[test]
fn orders_are_not_taken_again_from_their_first() {
    let config = created(&Broker::shared());
    let state: ThreadedProducer<DefaultContext> = config.producer("test").create().unwrap();
    state.send(BaseRecord::to(&config.state_topic()).partition(1).key("k").payload("v")).map_err(|e| e.0).unwrap();
    state.flush(PATIENCE).unwrap();
    let group = kafka::dispatch_group(&config);
    wait(admin(&config).delete_groups(&[&group], &AdminOptions::new())).unwrap().remove(0).unwrap();
    let refused = kafka::create(&config, PARTITIONS, 1).unwrap_err();
    assert!(matches!(&refused, TopicsError::OrderPositionsLost { partitions, .. } if *partitions == [1]), "{refused}");
    assert_eq!(faults(&config).len(), 1);
}

type DefaultContext = rdkafka::producer::DefaultProducerContext;

#[test]
fn brokers_that_cannot_be_used_are_told_apart() {
    let unreachable = KafkaConfig { brokers: "127.0.0.1:1".to_owned(), ..KafkaConfig::default() };
    let started = Instant::now();
    let error = kafka::check(&unreachable).unwrap_err();
    assert!(matches!(error, TopicsError::Unreachable { ref reason, .. } if reason.contains("refused")), "{error}");
    assert!(started.elapsed() < Duration::from_secs(15));

    // The cluster inside librdkafka offers the APIs of an older release.
    let old = rdkafka::mocking::MockCluster::new(1).unwrap();
    let old = KafkaConfig { brokers: old.bootstrap_servers(), ..KafkaConfig::default() };
    let error = kafka::check(&old).unwrap_err();
    assert!(matches!(error, TopicsError::TooOld { .. }), "{error}");

    let mut typo = Broker::shared().config();
    typo.properties.insert("sasl.mechanizm".to_owned(), "PLAIN".to_owned());
    let error = kafka::check(&typo).unwrap_err();
    assert!(matches!(error, TopicsError::Properties { ref detail } if detail.contains("sasl.mechanizm")), "{error}");
}

#[test]
fn what_is_appended_is_read_back_in_order_with_time_and_headers() {
    let config = created(&Broker::shared());
    let inbox = KafkaInbox::open(&config, PARTITIONS).unwrap();
    let now = clock::now().0 - 5_000;
    let records: Vec<(Topic, NewRecord)> = (0..300)
        .map(|i| {
            let mut record = record(["acme", "bolt"][i % 2], &i.to_string());
            record.time_ms = now + i as u64;
            (Topic::Events, record)
        })
        .collect();
    let mut dead = record("bolt", "");
    dead.headers = vec![("reason".to_owned(), "why".into()), ("empty".to_owned(), Bytes::new())];
    let first = inbox.append(records[..150].to_vec());
    let second = inbox.append(records[150..].to_vec());
    wait(async {
        // Polled in the other order on purpose: the calls were made in this one.
        second.await.unwrap();
        first.await.unwrap();
        inbox.append(vec![(Topic::DeadLetters, dead.clone())]).await.unwrap();
        inbox.append(Vec::new()).await.unwrap();
    });

    let mut tail = KafkaTail::open_from_start(&config, Topic::Events, PARTITIONS).unwrap();
    let read_back = read(&mut tail, 300);
    for account in ["acme", "bolt"] {
        let sent: Vec<&NewRecord> = records.iter().map(|(_, r)| r).filter(|r| r.key == account).collect();
        let got: Vec<&(u32, Record)> = read_back.iter().filter(|(_, r)| r.key == account).collect();
        assert_eq!(got.len(), sent.len());
        for (i, ((partition, got), sent)) in got.into_iter().zip(sent).enumerate() {
            assert_eq!(*partition, partition_of(account.as_bytes(), PARTITIONS));
            assert_eq!(got.value, sent.value, "{account} {i}");
            // The broker's time, not the sender's: retention and lag go by it.
            assert!(got.time_ms > sent.time_ms, "{account} {i}: {} and {}", got.time_ms, sent.time_ms);
        }
    }
    let mut tail = KafkaTail::open(&config, Topic::DeadLetters, &[(0, 0)]).unwrap();
    let (partition, letter) = read(&mut tail, 1).remove(0);
    assert_eq!((partition, letter.key, letter.value, letter.headers), (0, dead.key, dead.value, dead.headers));
}

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

fn delete_below(config: &KafkaConfig, topic: &str, partition: u32, offset: i64) {
    let mut below = rdkafka::TopicPartitionList::new();
    below.add_partition_offset(topic, partition as i32, rdkafka::Offset::Offset(offset)).unwrap();
    wait(admin(config).delete_records(&below, &AdminOptions::new())).unwrap();
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

fn transactional(config: &KafkaConfig) -> ThreadedProducer<DefaultContext> {
    let mut client = config.producer("test");
    client.set("transactional.id", format!("{}-test", config.app));
    let producer: ThreadedProducer<DefaultContext> = client.create().unwrap();
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

/// Nothing heard from a broker that is away is not the same as nothing there.
#[test]
fn a_tail_knows_of_no_end_while_no_broker_answers() {
    let broker = Broker::start();
    let config = created(&broker);
    let inbox = KafkaInbox::open(&config, PARTITIONS).unwrap();
    wait(inbox.append(vec![(Topic::Outcomes, record("acme", "1"))])).unwrap();
    drop(inbox);
    let mut tail = KafkaTail::open_from_start(&config, Topic::Outcomes, PARTITIONS).unwrap();
    let mut caught_up = || {
        drop(tail.read(ReadLimit::default(), Duration::ZERO).unwrap());
        tail.caught_up().collect::<Vec<_>>()
    };
    until("every end is seen", || caught_up() == [0, 1, 2]);
    broker.kill();
    until("the loss is noticed", || caught_up().is_empty());
    broker.start_again();
    until("every end is known again", || caught_up() == [0, 1, 2]);
}

#[test]
fn what_is_too_large_is_refused_whole() {
    let config = created(&Broker::shared());
    let inbox = KafkaInbox::open(&config, PARTITIONS).unwrap();
    let largest = |account: &'static str, more: usize| {
        // Not to be compressed: the bound is on what is sent.
        let mut value = vec![0; RECORD_BYTES_MAX - account.len() + more];
        getrandom::fill(&mut value).unwrap();
        (Topic::Requests, NewRecord::new(account, value, clock::now().0))
    };
    wait(inbox.append(vec![largest("acme", 0)])).unwrap();
    let call = vec![(Topic::Requests, record("acme", "small")), largest("acme", 1)];
    let error = wait(inbox.append(call)).unwrap_err();
    assert!(matches!(error, AppendError::TooLarge(ref words) if words.contains("requests")), "{error:?}");
    let home = partition_of(b"acme", PARTITIONS);
    let mut tail = KafkaTail::open(&config, Topic::Requests, &[(home, 0)]).unwrap();
    assert_eq!(read(&mut tail, 1)[0].1.bytes(), RECORD_BYTES_MAX);
    assert_eq!(tail.ends().unwrap(), [(home, 1)], "nothing of the refused call");

    // As a broker refuses it, whose topic was set up by somebody else.
    set(&config, &config.topic(Topic::Requests), "max.message.bytes", "1000");
    let mut error = None;
    until("the setting is in force", || {
        error = wait(inbox.append(vec![largest("acme", 0)])).err();
        error.is_some()
    });
    assert!(
        matches!(error, Some(AppendError::TooLarge(ref words)) if words.contains("max.message.bytes")),
        "{error:?}"
    );
}

#[test]
fn the_registry_is_whole_before_it_returns_and_followed_after() {
    let config = created(&Broker::shared());
    let inbox = KafkaInbox::open(&config, PARTITIONS).unwrap();
    let account = |name: &str, waba: &str| {
        let spec = format!(
            r#"{{"account":"{name}","limit":"unlimited","app":"x","wabas":[{{"id":"{waba}","currency":"USD",
            "time_zone":"UTC","senders":[]}}]}}"#
        );
        (Topic::Registry, record(name, &spec))
    };
    let (shared, stop) = (SharedRegistry::default(), Arc::new(AtomicBool::new(false)));
    wait(inbox.append(vec![account("acme", "w1"), (Topic::Registry, record("x", "{")), account("bolt", "w2")]))
        .unwrap();
    let reader = follow_registry(&config, shared.clone(), Arc::clone(&stop)).unwrap();
    let owner = |waba: &str| shared.snapshot().waba(waba).map(|entry| entry.account.to_string());
    assert_eq!((owner("w1"), owner("w2")), (Some("acme".to_owned()), Some("bolt".to_owned())));

    wait(inbox.append(vec![account("acme", "w3"), account("core", "w1")])).unwrap();
    until("the change is followed", || owner("w1").as_deref() == Some("core"));
    assert_eq!(owner("w3").as_deref(), Some("acme"));
    assert_eq!(reader.health().failing(), None);
    stop.store(true, Ordering::Release);
    reader.join();

    // An empty topic has an end too.
    let empty = created(&Broker::shared());
    let reader = follow_registry(&empty, SharedRegistry::default(), Arc::clone(&stop));
    assert!(reader.is_err(), "told to stop before it began");
    let stop = Arc::new(AtomicBool::new(false));
    let reader = follow_registry(&empty, SharedRegistry::default(), Arc::clone(&stop)).unwrap();
    stop.store(true, Ordering::Release);
    reader.join();
}

#[test]
fn a_tail_and_an_inbox_outlive_a_broker_that_is_killed() {
    let broker = Broker::start();
    let config = created(&broker);
    let inbox = KafkaInbox::open(&config, PARTITIONS).unwrap();
    let home = partition_of(b"acme", PARTITIONS);
    let mut tail = KafkaTail::open(&config, Topic::Events, &[(home, 0)]).unwrap();
    wait(inbox.append(vec![(Topic::Events, record("acme", "before"))])).unwrap();
    assert_eq!(values(&read(&mut tail, 1)), ["before"]);
    broker.kill();
    let call = |text: &str| (0..1_000).map(|i| (Topic::Events, record("acme", &format!("{text} {i}")))).collect();
    let mut during = Vec::new();
    let refused = loop {
        assert!(during.len() <= 100, "the bound is 100,000 records");
        let mut append = inbox.append(call(&during.len().to_string()));
        // Whether it was queued shows at once; the answer needs the broker.
        match wait(async { tokio::time::timeout(Duration::from_millis(1), &mut append).await }) {
            Err(_) => during.push(append),
            Ok(answer) => break answer,
        }
    };
    assert_eq!((refused, during.len()), (Err(AppendError::Full), 100));
    assert!(tail.read(ReadLimit::default(), Duration::from_secs(1)).unwrap().is_empty());
    broker.start_again();
    for append in during {
        wait(append).unwrap();
    }
    let after = values(&read(&mut tail, 100_000));
    let expected: Vec<String> = (0..100_000).map(|i| format!("{} {}", i / 1_000, i % 1_000)).collect();
    assert!(after == expected, "in order, once, and nothing of the refused call");
    assert_eq!(tail.ends().unwrap(), [(home, 100_001)]);
}
