//! What the shard loop wrote: how much per request, and a sample of it for the pass-through.

use crate::PARTITIONS;
use crate::load::end;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use tollgate_runtime::log::kafka::KafkaConfig;

/// Records kept as a sample, per topic.
const SAMPLE: usize = 20_000;
const OUTPUTS: [&str; 4] = ["dispatch", "outcomes", "snapshots", "state"];

/// Key and value as written.
pub type Sample = (Vec<u8>, Option<Vec<u8>>);

/// What a topic got.
#[derive(Clone)]
pub struct WrittenTopic {
    pub name: &'static str,
    pub per_request: f64,
    pub sample: Vec<Sample>,
    records: u64,
    bytes_per_request: f64,
}

impl fmt::Display for WrittenTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:10} {:6.3} records, {:6.1} bytes of keys and values before compression",
            self.name, self.per_request, self.bytes_per_request
        )
    }
}

/// What all topics got.
#[derive(Clone)]
pub struct Written {
    pub topics: Vec<WrittenTopic>,
}

/// Where each output topic ends.
pub type Ends = BTreeMap<(&'static str, u32), u64>;

/// Where each output topic ends now.
pub fn ends(config: &KafkaConfig) -> Ends {
    let places = OUTPUTS.iter().flat_map(|topic| (0..PARTITIONS).map(move |p| (*topic, p)));
    places.map(|(topic, p)| ((topic, p), end(config, &format!("{}{topic}", config.prefix), p))).collect()
}

impl Written {
    /// Reads everything after `from`.
    pub fn read(config: &KafkaConfig, from: &Ends, requests: usize) -> Self {
        Self { topics: OUTPUTS.iter().map(|name| topic(config, name, from, requests)).collect() }
    }

    pub fn orders(&self) -> u64 {
        self.topics[0].records
    }

    /// All of it, or only what others read.
    pub fn only(&self, with_changelog: bool) -> Self {
        let kept = self.topics.iter().filter(|t| with_changelog || t.name != "state");
        Self { topics: kept.cloned().collect() }
    }
}

fn topic(config: &KafkaConfig, name: &'static str, from: &Ends, requests: usize) -> WrittenTopic {
    let mut client = config.consumer("written", "written");
    client.set("enable.partition.eof", "true");
    let consumer: BaseConsumer = client.create().unwrap();
    let mut list = TopicPartitionList::new();
    for p in 0..PARTITIONS {
        let offset = Offset::Offset(from[&(name, p)] as i64);
        list.add_partition_offset(&format!("{}{name}", config.prefix), p as i32, offset).unwrap();
    }
    consumer.assign(&list).unwrap();
    let (mut records, mut bytes, mut ended) = (0, 0, 0);
    let mut sample = Vec::new();
    while ended < PARTITIONS {
        match consumer.poll(Duration::from_secs(60)).expect("an end within a minute") {
            Ok(m) => {
                records += 1;
                bytes += m.key_len() + m.payload_len();
                if sample.len() < SAMPLE {
                    sample.push((m.key().unwrap_or_default().to_vec(), m.payload().map(<[u8]>::to_vec)));
                }
            }
            Err(KafkaError::PartitionEOF(_)) => ended += 1,
            Err(e) => panic!("{e}"),
        }
    }
    let per = |n: f64| n / requests as f64;
    WrittenTopic { name, per_request: per(records as f64), sample, records, bytes_per_request: per(bytes as f64) }
}
