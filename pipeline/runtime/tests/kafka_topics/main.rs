//! Topics, inbox, tail and registry on a real broker.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../broker/mod.rs"]
mod broker;
mod inbox;
mod outage;
mod registry;
mod tail;
mod topics;

use std::future::Future;
use std::time::{Duration, Instant};

use broker::Broker;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigResource, OwnedResourceSpecifier, ResourceSpecifier,
};
use rdkafka::client::DefaultClientContext;
use tollgate_runtime::clock;
use tollgate_runtime::log::kafka::{self, KafkaConfig, KafkaTail};
use tollgate_runtime::log::{NewRecord, ReadLimit, Record};

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

fn delete_below(config: &KafkaConfig, topic: &str, partition: u32, offset: i64) {
    let mut below = rdkafka::TopicPartitionList::new();
    below.add_partition_offset(topic, partition as i32, rdkafka::Offset::Offset(offset)).unwrap();
    wait(admin(config).delete_records(&below, &AdminOptions::new())).unwrap();
}
