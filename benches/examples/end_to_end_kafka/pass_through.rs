//! The least that a transactional loop can do: read, write as many bytes, send positions, commit.

use crate::PARTITIONS;
use crate::load::{COMMIT_EVERY_MAX, COMMIT_EVERY_MIN};
use crate::written::Written;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tollgate_runtime::log::kafka::{KafkaConfig, flush};
use tollgate_runtime::log::{ReadLimit, Topic};

const CALL: Duration = Duration::from_secs(30);

pub struct PassThrough {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl PassThrough {
    /// Reads a slot's share of the requests of one deployment and writes to the topics of another.
    pub fn start(from: &KafkaConfig, to: &KafkaConfig, like: Written, slot: u32, slots: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (from, to, stopped) = (from.clone(), to.clone(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || run(&from, &to, &like, (slot, slots), &stopped));
        Self { stop, thread }
    }

    pub fn alive(&self) {
        assert!(!self.thread.is_finished(), "the pass-through ended");
    }

    pub fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap();
    }
}

fn run(from: &KafkaConfig, to: &KafkaConfig, like: &Written, (slot, slots): (u32, u32), stop: &AtomicBool) {
    let consumer: BaseConsumer = from.consumer("bulk", &to.app).create().unwrap();
    let requests = from.topic(Topic::Requests);
    let mut list = TopicPartitionList::new();
    for p in (0..PARTITIONS).filter(|p| p * slots / PARTITIONS == slot) {
        list.add_partition_offset(&requests, p as i32, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut client = to.producer("pass");
    client.set("transactional.id", format!("{}-pass-{slot}", to.app));
    let producer: ThreadedProducer<DefaultProducerContext> = client.create().unwrap();
    producer.init_transactions(CALL).unwrap();
    let names: Vec<String> = like.topics.iter().map(|t| format!("{}{}", to.prefix, t.name)).collect();
    let mut sent = vec![0_u64; like.topics.len()];
    let mut passed = 0_u64;
    let limit = ReadLimit::default();
    let mut last_batch = Instant::now();
    while !stop.load(Ordering::Acquire) {
        let mut batch = [0_u64; PARTITIONS as usize];
        let mut next = TopicPartitionList::new();
        let mut newest = [0; PARTITIONS as usize];
        let (mut records, mut bytes) = (0, 0);
        while records < limit.records && bytes < limit.bytes && last_batch.elapsed() < COMMIT_EVERY_MAX {
            let Some(message) = consumer.poll(Duration::from_millis(2)) else { continue };
            let message = message.unwrap();
            records += 1;
            bytes += message.key_len() + message.payload_len();
            batch[message.partition() as usize] += 1;
            newest[message.partition() as usize] = message.offset() + 1;
        }
        if records == 0 {
            last_batch = Instant::now();
            continue;
        }
        std::thread::sleep(COMMIT_EVERY_MIN.saturating_sub(last_batch.elapsed()));
        last_batch = Instant::now();
        producer.begin_transaction().unwrap();
        for (partition, count) in batch.iter().enumerate().filter(|(_, count)| **count > 0) {
            passed += count;
            for ((topic, name), sent) in like.topics.iter().zip(&names).zip(&mut sent) {
                // Up to the share of all requests so far, so that fractions add up.
                let due = (passed as f64 * topic.per_request) as u64;
                while *sent < due {
                    let (key, value) = &topic.sample[*sent as usize % topic.sample.len()];
                    let mut record = BaseRecord::<[u8], [u8]>::to(name).key(key).partition(partition as i32);
                    record.payload = value.as_deref();
                    while let Err((_, back)) = producer.send(record) {
                        record = back;
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    *sent += 1;
                }
            }
            next.add_partition_offset(&requests, partition as i32, Offset::Offset(newest[partition])).unwrap();
        }
        let group = consumer.group_metadata().unwrap();
        producer.send_offsets_to_transaction(&next, &group, CALL).unwrap();
        flush(&producer, CALL).unwrap();
        producer.commit_transaction(CALL).unwrap();
    }
}
