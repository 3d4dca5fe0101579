//! How Kafka is reached, and the client settings on which exactly-once rests.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;

use super::broker_clock::BrokerClock;
use super::changelog::Deployment;
use crate::log::Topic;

/// Largest record, as the embedded log has it; topics and brokers must take it.
pub const RECORD_BYTES_MAX: usize = 5 << 20;

/// How Kafka is reached.
#[derive(Clone)]
pub struct KafkaConfig {
    /// `host:port`, several with commas.
    pub brokers: String,
    /// Put before every topic name.
    pub prefix: String,
    /// Consumer group of the shards; the other groups and all transactional ids begin with it.
    pub app: String,
    /// Stable identity of this process among its kind, such as the ordinal of a stateful set: a restart under the
    /// same name fences its predecessor at once.
    pub slot: String,
    /// A broker that hears nothing from a consumer for so long gives its partitions to others.
    pub session_timeout: Duration,
    /// A transaction open for longer is aborted by the broker.
    pub transaction_timeout: Duration,
    /// How often it is looked for stores that were left behind, the first time so long after the start: partitions that come
    /// back have come by then.
    pub sweep_every: Duration,
    /// What the changelog says of the deployment, so that a process of another one cannot take its partitions over.
    pub deployment: Deployment,
    /// Further librdkafka properties: security and tuning. What exactly-once rests on cannot be changed here.
    pub properties: BTreeMap<String, String>,
    /// What the clients of this process see of the brokers' clocks. Copies of this share it.
    pub broker_clock: Arc<BrokerClock>,
}

/// Properties that the code sets itself and nobody may change.
const OURS: [&str; 14] = [
    "bootstrap.servers",
    "metadata.broker.list",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "transactional.id",
    "enable.idempotence",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "isolation.level",
    "auto.offset.reset",
    "partition.assignment.strategy",
    "partitioner",
    "acks",
];

impl KafkaConfig {
    /// The topic's name in Kafka.
    #[must_use]
    pub fn topic(&self, topic: Topic) -> String {
        format!("{}{}", self.prefix, topic.name())
    }

    /// Name of the changelog.
    #[must_use]
    pub fn state_topic(&self) -> String {
        format!("{}state", self.prefix)
    }

    /// The first property that may not be set by hand, if there is one.
    #[must_use]
    pub fn forbidden(&self) -> Option<&str> {
        self.properties.keys().map(String::as_str).find(|name| OURS.contains(name))
    }

    /// Settings of every client.
    #[must_use]
    pub fn client(&self, role: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", format!("{}-{role}-{}", self.app, self.slot))
            .set("socket.nagle.disable", "true")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "2000")
            .set("log.connection.close", "false");
        config
    }

    /// Settings of a consumer: committed records only, positions and resets are ours.
    #[must_use]
    pub fn consumer(&self, role: &str, group: &str) -> ClientConfig {
        let mut config = self.client(role);
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "false")
            .set("fetch.wait.max.ms", "50")
            .set("fetch.queue.backoff.ms", "10")
            .set("fetch.message.max.bytes", "1048576")
            .set("queued.min.messages", "10000")
            .set("queued.max.messages.kbytes", "32768");
        config
    }

    /// Settings of a producer: idempotent, acknowledged by all in-sync replicas.
    #[must_use]
    pub fn producer(&self, role: &str) -> ClientConfig {
        let mut config = self.client(role);
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "5")
            .set("batch.size", "1000000")
            .set("batch.num.messages", "10000")
            .set("compression.type", "lz4")
            .set("message.max.bytes", (RECORD_BYTES_MAX + 65_536).to_string())
            .set("queue.buffering.max.messages", "1000000")
            .set("queue.buffering.max.kbytes", "262144");
        config
    }
}

impl fmt::Debug for KafkaConfig {
    /// Without the values of the properties: they hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("prefix", &self.prefix)
            .field("app", &self.app)
            .field("slot", &self.slot)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:9092".to_owned(),
            prefix: "tollgate.".to_owned(),
            app: "tollgate".to_owned(),
            slot: "0".to_owned(),
            session_timeout: Duration::from_secs(10),
            transaction_timeout: Duration::from_secs(30),
            sweep_every: Duration::from_secs(3_600),
            deployment: Deployment::default(),
            properties: BTreeMap::new(),
            broker_clock: Arc::default(),
        }
    }
}
