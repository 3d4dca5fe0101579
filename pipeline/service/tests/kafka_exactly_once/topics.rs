//! Reading and writing topics as anybody outside does.

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;
use std::time::Duration;
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{KafkaConfig, partition_of};

use crate::PARTITIONS;

pub fn producer(config: &KafkaConfig) -> BaseProducer {
    let mut client = config.producer("test");
    client.set("message.timeout.ms", "120000");
    client.create().unwrap()
}

pub fn send(producer: &BaseProducer, config: &KafkaConfig, topic: Topic, account: &str, value: &str) {
    let name = config.topic(topic);
    let partition = partition_of(account.as_bytes(), PARTITIONS) as i32;
    while producer.send(BaseRecord::to(&name).partition(partition).key(account).payload(value)).is_err() {
        producer.poll(Duration::from_millis(5));
    }
    producer.poll(Duration::ZERO);
}

pub fn flush(producer: &BaseProducer) {
    producer.flush(Duration::from_secs(120)).unwrap();
}

/// Every committed record of a topic, per partition in order. A topic without partitions of its own is read as one.
pub fn read(config: &KafkaConfig, topic: Topic) -> Vec<(i32, Value)> {
    read_as(config, topic, "read_committed")
}

/// With `read_uncommitted` also what was aborted.
pub fn read_as(config: &KafkaConfig, topic: Topic, isolation: &str) -> Vec<(i32, Value)> {
    let single = matches!(topic, Topic::Registry | Topic::DeadLetters);
    let partitions = if single { 1 } else { PARTITIONS };
    let mut client = config.consumer("check", "check");
    client.set("enable.partition.eof", "true").set("isolation.level", isolation);
    let consumer: BaseConsumer = client.create().unwrap();
    let mut list = TopicPartitionList::new();
    for p in 0..partitions as i32 {
        list.add_partition_offset(&config.topic(topic), p, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut out = Vec::new();
    let mut ended = std::collections::BTreeSet::new();
    let mut quiet = 0;
    while ended.len() < partitions as usize {
        match consumer.poll(Duration::from_secs(1)) {
            Some(Ok(m)) => {
                let value = serde_json::from_slice(m.payload().unwrap_or_default()).unwrap_or(Value::Null);
                out.push((m.partition(), value));
            }
            Some(Err(KafkaError::PartitionEOF(p))) => drop(ended.insert(p)),
            Some(Err(_)) | None => {
                quiet += 1;
                assert!(quiet < 120, "{} cannot be read to its end", config.topic(topic));
            }
        }
    }
    out
}
