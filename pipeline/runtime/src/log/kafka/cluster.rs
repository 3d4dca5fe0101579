//! A short connection for looking at the cluster and setting it up. Every call is bounded by one deadline.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;

use super::config::KafkaConfig;
use super::context::Reports;
use super::topics_error::TopicsError;
use crate::clock::monotonic;

/// How long a broker has to answer for the first time.
const CONNECT: Duration = Duration::from_secs(10);
/// How long everything after that may take together.
pub(super) const WORK: Duration = Duration::from_secs(60);
/// How long one call may take.
pub(super) const CALL: Duration = Duration::from_secs(15);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

/// `EndTxn` from version 5 on is that of brokers which verify transactions themselves: Kafka 4.0. Its number and
/// version are in the protocol; clients cannot ask for the release.
const END_TXN: (i16, i16) = (26, 5);

/// A group's positions: topic and partition to next offset.
pub(super) type Positions = BTreeMap<(String, u32), u64>;

/// A connection that has answered, of brokers that are new enough.
pub(super) struct Cluster<'a> {
    pub(super) config: &'a KafkaConfig,
    pub(super) consumer: BaseConsumer<Reports>,
    pub(super) deadline: Instant,
}

impl<'a> Cluster<'a> {
    /// Waits for an answer and looks at the brokers' versions.
    pub(super) fn connect(config: &'a KafkaConfig) -> Result<Self, TopicsError> {
        if let Some(name) = config.forbidden() {
            return Err(TopicsError::Properties { detail: format!("{name} is set by the program") });
        }
        let mut client = simple_consumer(config, &config.app);
        // The lines about API versions; nothing else tells them.
        client.set("debug", "feature").set("api.version.request", "true").set_log_level(RDKafkaLogLevel::Debug);
        let consumer: BaseConsumer<Reports> = client
            .create_with_context(Reports::default())
            .map_err(|e| TopicsError::Properties { detail: property_fault(config, &e) })?;
        let cluster = Self { config, consumer, deadline: monotonic() + CONNECT };
        cluster.wait_for_answer()?;
        cluster.check_version()?;
        Ok(Self { deadline: monotonic() + WORK, ..cluster })
    }

    fn wait_for_answer(&self) -> Result<(), TopicsError> {
        let brokers = || self.config.brokers.clone();
        loop {
            let answer = self.consumer.fetch_metadata(None, Duration::from_secs(1));
            self.drain();
            let reports = self.consumer.client().context();
            if let Some(reason) = reports.refused() {
                return Err(TopicsError::Authentication { brokers: brokers(), reason });
            }
            match answer {
                Ok(_) => return Ok(()),
                Err(error) if monotonic() >= self.deadline => {
                    let reason = reports.last().unwrap_or_else(|| error.to_string());
                    return Err(TopicsError::Unreachable { brokers: brokers(), seconds: CONNECT.as_secs(), reason });
                }
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }

    fn check_version(&self) -> Result<(), TopicsError> {
        let (key, least) = END_TXN;
        let reports = self.consumer.client().context();
        let told = monotonic() + Duration::from_secs(2);
        while reports.api_version(key).is_none() && monotonic() < told {
            self.drain();
        }
        let found = match reports.api_version(key) {
            Some(version) if version >= least => return Ok(()),
            Some(version) => format!("its EndTxn API has version {version}, 4.0 has {least}"),
            None => "it does not tell its API versions".to_owned(),
        };
        Err(TopicsError::TooOld { brokers: self.config.brokers.clone(), found })
    }

    /// Hands what the client reports to its context.
    fn drain(&self) {
        let until = monotonic() + Duration::from_millis(20);
        while monotonic() < until {
            let _ = self.consumer.poll(Duration::from_millis(5));
        }
    }

    /// An error of one call, in words.
    pub(super) fn refused(&self, action: impl Into<String>, error: &dyn fmt::Display) -> TopicsError {
        self.drain();
        let mut reason = error.to_string();
        if let Some(last) = self.consumer.client().context().last() {
            reason = format!("{reason} ({last})");
        }
        TopicsError::Refused { action: action.into(), reason }
    }

    /// Time left for everything, at most that of one call.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(monotonic()).min(CALL)
    }

    /// Waits a moment before another attempt; false when the time is over.
    pub(super) fn pause(&self) -> bool {
        thread::sleep(PAUSE);
        monotonic() < self.deadline
    }

    /// Every topic that may be seen, with its number of partitions.
    pub(super) fn topics(&self) -> Result<BTreeMap<String, u32>, TopicsError> {
        // Of all topics, not of those named: naming one may create it.
        let metadata =
            self.consumer.fetch_metadata(None, self.left()).map_err(|e| self.refused("list the topics", &e))?;
        let existing = metadata.topics().iter().filter(|t| t.error().is_none());
        Ok(existing.map(|t| (t.name().to_owned(), t.partitions().len() as u32)).collect())
    }

    /// Copies that each partition of a topic has at least, of all topics that may be seen.
    pub(super) fn copies(&self) -> Result<BTreeMap<String, u32>, TopicsError> {
        let metadata =
            self.consumer.fetch_metadata(None, self.left()).map_err(|e| self.refused("list the topics", &e))?;
        let existing = metadata.topics().iter().filter(|t| t.error().is_none());
        let fewest = |t: &MetadataTopic| t.partitions().iter().map(|p| p.replicas().len() as u32).min();
        Ok(existing.filter_map(|t| Some((t.name().to_owned(), fewest(t)?))).collect())
    }

    /// First offset kept and the next to be written.
    pub(super) fn watermarks(&self, topic: &str, partition: u32) -> Result<(u64, u64), TopicsError> {
        let (low, high) = self
            .consumer
            .fetch_watermarks(topic, partition as i32, self.left())
            .map_err(|e| self.refused(format!("ask for the offsets of {topic}, partition {partition}"), &e))?;
        Ok((low.max(0) as u64, high.max(0) as u64))
    }

    /// Runs calls of the admin client.
    pub(super) fn admin<T>(
        &self,
        call: impl FnOnce(&AdminClient<DefaultClientContext>, &AdminOptions) -> T,
    ) -> Result<T, TopicsError> {
        let admin: AdminClient<DefaultClientContext> = self
            .config
            .client("admin")
            .create()
            .map_err(|e| TopicsError::Properties { detail: property_fault(self.config, &e) })?;
        let timeout = Some(self.left());
        Ok(call(&admin, &AdminOptions::new().request_timeout(timeout).operation_timeout(timeout)))
    }
}

/// Settings of a consumer that neither joins its group nor fetches.
pub(super) fn simple_consumer(config: &KafkaConfig, group: &str) -> ClientConfig {
    let mut client = config.consumer("setup", group);
    client
        // Whether a position is there matters, not whether a transaction is about to move it.
        .set("isolation.level", "read_uncommitted")
        // The bound of a commit that finds no coordinator.
        .set("session.timeout.ms", "10000");
    client
}

/// What is wrong with the properties, without their values: one may be a password, also under a mistyped name or under
/// that of its neighbour.
pub(super) fn property_fault(config: &KafkaConfig, error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, what, name, value) if value.is_empty() => format!("{name}: {what}"),
        KafkaError::ClientConfig(_, what, name, value) => format!("{name}: {}", what.replace(value, "…")),
        other => {
            let values = config.properties.values().filter(|value| value.len() >= SECRET_LEAST);
            values.fold(other.to_string(), |told, value| told.replace(value.as_str(), "…"))
        }
    }
}

/// Shorter values are numbers and switches.
const SECRET_LEAST: usize = 4;

/// The code inside an error of any kind.
pub(super) fn code(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        error => error.rdkafka_error_code(),
    }
}

/// Waits for a future on this thread. The admin client completes its futures from a thread of its own and bounds
/// them by its request timeout, so no runtime is needed, and this may be called where one is running.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
