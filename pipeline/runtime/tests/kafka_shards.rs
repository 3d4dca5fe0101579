//! The shard loop on a real broker: exactly once, across restarts, lost disks and aborted transactions.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod broker;
mod worker;

use broker::Broker;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{self, KafkaConfig};
use worker::{PARTITIONS, Worker, committed, contents, producer, send};

const ACCOUNTS: [&str; 6] = ["acme", "bolt", "core", "dune", "echo", "flow"];

fn account_json(account: &str) -> String {
    format!(
        r#"{{"command":"apply_account","spec":{{"account":"{account}","limit":"UNLIMITED","policy":{{"in_flight":4000000000}},
        "wabas":[{{"id":"w-{account}","currency":"USD","time_zone":"UTC","senders":[{{"id":"s-{account}","throughput":4000000000,"quality":"GREEN"}}],
        "templates":[{{"name":"news","language":"en_US","category":"marketing","body":["1","2"]}}]}}]}}}}"#
    )
}

fn request_json(account: &str, i: usize) -> String {
    format!(
        r#"{{"id":"01JD3Y7Q{i:012}","account":"{account}","to":"+5511{:09}","campaign":"black-friday-2026","purpose":"marketing","content":[{{"template":{{"name":"news","language":["en_US","pt_BR"],"components":{{"body":["Ana Maria","42"]}}}}}}],"expires_at":"2027-11-27T21:00:00-03:00"}}"#,
        900_000_000 + i
    )
}

fn consent_json(account: &str, i: usize) -> String {
    format!(
        r#"{{"command":"set_consent","account":"{account}","consent":{{"to":"+5511{:09}","category":"marketing","state":"opt_in","source":"test"}}}}"#,
        900_000_000 + i
    )
}

/// Orders by request id.
fn orders(config: &KafkaConfig) -> BTreeMap<String, usize> {
    let mut orders = BTreeMap::new();
    for record in committed(config, &config.topic(Topic::Dispatch)).values().flatten() {
        let order: serde_json::Value = serde_json::from_slice(record.payload().unwrap()).unwrap();
        *orders.entry(order["to"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    orders
}

fn wait_for_orders(config: &KafkaConfig, count: usize) {
    let started = Instant::now();
    loop {
        let orders = orders(config);
        if orders.len() >= count {
            assert!(orders.values().all(|n| *n == 1), "an order twice");
            assert_eq!(orders.len(), count);
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "{} of {count} orders", orders.len());
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn each_request_once_across_restarts_and_lost_disks() {
    let config = Broker::shared().config();
    kafka::create(&config, PARTITIONS, 1).unwrap();
    assert_eq!(kafka::check(&config).unwrap(), PARTITIONS);
    let producer = producer(&config);
    let count = 8_000;
    for account in ACCOUNTS {
        send(&producer, &config, Topic::Commands, account, &account_json(account));
    }
    for i in 0..count {
        let account = ACCOUNTS[i % ACCOUNTS.len()];
        send(&producer, &config, Topic::Commands, account, &consent_json(account, i));
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    let first = tempfile::tempdir().unwrap();
    let worker = Worker::start(&config, "0", first.path());
    worker.wait_ready();
    std::thread::sleep(Duration::from_secs(2));
    let started = Instant::now();
    for i in 0..count / 2 {
        let account = ACCOUNTS[i % ACCOUNTS.len()];
        send(&producer, &config, Topic::Requests, account, &request_json(account, i));
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    wait_for_orders(&config, count / 2);
    println!("{} requests in {:?}", count / 2, started.elapsed());
    let started = Instant::now();
    while Topic::INPUTS.iter().any(|topic| worker.lags().of(*topic) != Some(Duration::ZERO)) {
        assert!(started.elapsed() < Duration::from_secs(10), "an input stays behind");
        std::thread::sleep(Duration::from_millis(50));
    }
    worker.stop();
    // Again on the same disk, then on an empty one, each with the same requests again and new ones.
    let second = tempfile::tempdir().unwrap();
    for (round, directory) in [first.path(), second.path()].into_iter().enumerate() {
        let all = count / 2 + (round + 1) * count / 4;
        for i in 0..all {
            let account = ACCOUNTS[i % ACCOUNTS.len()];
            send(&producer, &config, Topic::Requests, account, &request_json(account, i));
        }
        producer.flush(Duration::from_secs(30)).unwrap();
        let started = Instant::now();
        let worker = Worker::start(&config, "0", directory);
        worker.wait_ready();
        println!("ready after {:?}", started.elapsed());
        wait_for_orders(&config, all);
        // The duplicates behind the last order are decided too.
        worker.wait_decided(&config);
        worker.stop();
    }
    // A store built from the changelog alone is the one that the decisions made.
    let third = tempfile::tempdir().unwrap();
    let worker = Worker::start(&config, "0", third.path());
    worker.wait_ready();
    worker.stop();
    for partition in 0..PARTITIONS {
        let [made, built] = [second.path(), third.path()].map(|directory| contents(directory, partition));
        assert!(made == built, "partition {partition}: {} and {} keys", made.len(), built.len());
        assert!(!made.is_empty());
    }
}

/// A broker that dies may lose the end of a transaction for the group's offsets (seen with Apache Kafka 4.3.1): they
/// count as not stable for ever. A transaction that is left open here is the same to every reader.
#[test]
fn offsets_that_never_become_stable_hold_nobody_up() {
    let config = Broker::shared().config();
    kafka::create(&config, PARTITIONS, 1).unwrap();
    let producer = producer(&config);
    for account in ACCOUNTS {
        send(&producer, &config, Topic::Commands, account, &account_json(account));
    }
    let count = 300;
    for i in 0..count {
        let account = ACCOUNTS[i % ACCOUNTS.len()];
        send(&producer, &config, Topic::Commands, account, &consent_json(account, i));
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let worker = Worker::start(&config, "0", directory.path());
    worker.wait_ready();
    worker.stop();
    let mut foreign = config.producer("foreign");
    foreign.set("transactional.id", format!("{}-foreign", config.app)).set("transaction.timeout.ms", "900000");
    let foreign: BaseProducer = foreign.create().unwrap();
    foreign.init_transactions(Duration::from_secs(30)).unwrap();
    foreign.begin_transaction().unwrap();
    let mut offsets = TopicPartitionList::new();
    for topic in Topic::INPUTS {
        for partition in 0..PARTITIONS as i32 {
            offsets.add_partition_offset(&config.topic(topic), partition, Offset::Offset(1)).unwrap();
        }
    }
    let member: BaseConsumer = config.consumer("foreign", &config.app).create().unwrap();
    foreign.send_offsets_to_transaction(&offsets, &member.group_metadata().unwrap(), Duration::from_secs(30)).unwrap();
    let asked = member.committed_offsets(offsets, Duration::from_secs(2));
    assert!(asked.is_err(), "they are stable, so this test shows nothing: {asked:?}");
    for i in 0..count {
        let account = ACCOUNTS[i % ACCOUNTS.len()];
        send(&producer, &config, Topic::Requests, account, &request_json(account, i));
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    let empty = tempfile::tempdir().unwrap();
    let worker = Worker::start(&config, "0", empty.path());
    worker.wait_ready();
    wait_for_orders(&config, count);
    worker.stop();
}

/// Without its changelog a partition knows no consent and no quota: better no decision than a wrong one, and the local
/// store, which may be the only copy, is left alone.
#[test]
fn a_deleted_changelog_is_refused_and_the_local_store_kept() {
    let config = Broker::shared().config();
    kafka::create(&config, PARTITIONS, 1).unwrap();
    let producer = producer(&config);
    for account in ACCOUNTS {
        send(&producer, &config, Topic::Commands, account, &account_json(account));
    }
    let count = 60;
    for i in 0..count {
        let account = ACCOUNTS[i % ACCOUNTS.len()];
        send(&producer, &config, Topic::Commands, account, &consent_json(account, i));
        send(&producer, &config, Topic::Requests, account, &request_json(account, i));
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let worker = Worker::start(&config, "0", directory.path());
    wait_for_orders(&config, count);
    worker.stop();
    let kept: Vec<_> = (0..PARTITIONS).map(|p| contents(directory.path(), p)).collect();
    let admin: AdminClient<_> = config.client("test").create().unwrap();
    let (state, wait) =
        (format!("{}state", config.prefix), AdminOptions::new().operation_timeout(Some(Duration::from_secs(20))));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(admin.delete_topics(&[&state], &wait)).unwrap();
    let again = NewTopic::new(&state, PARTITIONS as i32, TopicReplication::Fixed(1)).set("cleanup.policy", "compact");
    let started = Instant::now();
    while runtime.block_on(admin.create_topics([&again], &wait)).unwrap()[0].is_err() {
        assert!(started.elapsed() < Duration::from_secs(30), "the topic is not deleted");
        std::thread::sleep(Duration::from_millis(200));
    }
    let worker = Worker::start(&config, "0", directory.path());
    let error = worker.failed().to_string();
    assert!(error.contains("the changelog was deleted"), "{error}");
    assert_eq!(kept, (0..PARTITIONS).map(|p| contents(directory.path(), p)).collect::<Vec<_>>());
}

/// Makes what lies in a folder, and the folder, look as if nobody had written to it for a quarter of a year.
fn age(path: &Path) {
    if path.is_dir() {
        std::fs::read_dir(path).unwrap().for_each(|entry| age(&entry.unwrap().path()));
    }
    let then = SystemTime::now() - Duration::from_secs(90 * 86_400);
    File::open(path).unwrap().set_modified(then).unwrap();
}

/// Of a running worker: a store of a partition that is another's by now goes when nobody wrote to it for long, and none of
/// its own does.
#[test]
fn a_store_left_behind_long_ago_is_removed() {
    let config = KafkaConfig { sweep_every: Duration::from_millis(50), ..Broker::shared().config() };
    kafka::create(&config, PARTITIONS, 1).unwrap();
    let disk = tempfile::tempdir().unwrap();
    let worker = Worker::start(&config, "0", disk.path());
    worker.wait_ready();
    let store = |partition: u32| disk.path().join(format!("partition-{partition}"));
    let (own, young, old) = (0..PARTITIONS, PARTITIONS, PARTITIONS + 1);
    own.clone().for_each(|partition| age(&store(partition)));
    for made in ["young", "old"].map(|name| disk.path().join(name)) {
        std::fs::create_dir(&made).unwrap();
        std::fs::write(made.join("1"), "a value").unwrap();
    }
    age(&disk.path().join("old"));
    // By another name until it looks old: the worker may look at any time.
    std::fs::rename(disk.path().join("young"), store(young)).unwrap();
    std::fs::rename(disk.path().join("old"), store(old)).unwrap();
    let started = Instant::now();
    while store(old).exists() {
        assert!(worker.is_running(), "the worker ended");
        assert!(started.elapsed() < Duration::from_secs(30), "nobody looked for it");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(own.chain([young]).all(|partition| store(partition).exists()), "only that one");
    worker.stop();
}
