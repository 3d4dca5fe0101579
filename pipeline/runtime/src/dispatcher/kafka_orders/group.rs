//! The membership in the group: its settings, and what happens when partitions come and go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

use super::{Shared, stopped};
use crate::dispatcher::taken_marks::TakenMarks;
use crate::log::kafka::{KafkaConfig, dispatch_group};
use crate::log::{LogError, Topic};

/// How long the brokers have for one answer when partitions come.
const CALL: Duration = Duration::from_secs(10);

/// Names and client settings of this member.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) client: ClientConfig,
    pub(super) topic: String,
    pub(super) group: String,
}

impl Settings {
    pub(super) fn new(config: &KafkaConfig) -> Self {
        let group = dispatch_group(config);
        let session_ms = config.session_timeout.as_millis();
        let mut client = config.consumer("orders", &group);
        client
            .set("group.instance.id", format!("{group}-{}", config.slot))
            .set("partition.assignment.strategy", "range")
            .set("session.timeout.ms", session_ms.to_string())
            // All takes rest from the first member's giving up to the last one's, who learns of it by a heartbeat.
            .set("heartbeat.interval.ms", (session_ms / 10).clamp(1, 1_000).to_string())
            // The bound of a commit that nobody answers.
            .set("socket.timeout.ms", "10000")
            .set("queued.max.messages.kbytes", "8192");
        Self { client, topic: config.topic(Topic::Dispatch), group }
    }
}

/// Why one client's life ends.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// It was asked for.
    Stop,
    /// A new client is to take its place.
    Again(String),
    /// Another client has this member's name in the group.
    Fenced,
    /// For good.
    Failed(LogError),
}

/// Callbacks of one client. All of them run on the thread that polls and commits.
pub(super) struct Group {
    shared: Arc<Shared>,
    topic: String,
    group: String,
    /// Partitions that come now are given back unread.
    closing: AtomicBool,
    end: Mutex<Option<End>>,
}

impl Group {
    pub(super) fn new(shared: Arc<Shared>, settings: &Settings) -> Self {
        let Settings { topic, group, .. } = settings.clone();
        Self { shared, topic, group, closing: AtomicBool::new(false), end: Mutex::new(None) }
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// What a callback found.
    pub(super) fn end(&self) -> Option<End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads what was committed for these partitions, starts with their marks, and returns where to read from.
    fn restore(&self, consumer: &BaseConsumer<Self>, of: &TopicPartitionList) -> Result<TopicPartitionList, End> {
        let again = |what: &str, error: &KafkaError| End::Again(format!("{what}: {error}"));
        let committed = consumer
            .committed_offsets(of.clone(), CALL)
            .map_err(|e| again("committed positions cannot be read", &e))?;
        let mut positions = TopicPartitionList::with_capacity(committed.count());
        let mut assigned = Vec::with_capacity(committed.count());
        for element in committed.elements() {
            element.error().map_err(|e| again("a committed position cannot be read", &e))?;
            let partition = element.partition();
            let position = match element.offset() {
                Offset::Offset(position) => position as u64,
                _ => return Err(End::Failed(self.without_position(partition))),
            };
            let (first, next) = consumer
                .fetch_watermarks(&self.topic, partition, CALL)
                .map_err(|e| again("the offsets of a partition cannot be read", &e))?;
            let (first, next) = (first.max(0) as u64, next.max(0) as u64);
            let marks = self.marks(partition, position, element.metadata(), first, next)?;
            let added = positions.add_partition_offset(&self.topic, partition, Offset::Offset(marks.low() as i64));
            added.map_err(|e| again("a position is refused", &e))?;
            assigned.push((partition, marks));
        }
        let mut state = self.shared.lock();
        for (partition, marks) in assigned {
            state.offered.assign(partition, marks);
        }
        Ok(positions)
    }

    fn marks(&self, partition: i32, position: u64, text: &str, first: u64, next: u64) -> Result<TakenMarks, End> {
        if position > next {
            let topic = Topic::Dispatch;
            return Err(End::Failed(LogError::BeyondEnd { topic, wanted: position, next }));
        }
        let mut marks = TakenMarks::restore(position, text).map_err(|error| {
            let (topic, group) = (&self.topic, &self.group);
            End::Failed(stopped(format!(
                "the position of group {group} in {topic}, partition {partition} was not written by this program: \
                 {error}; restore it, or set it to the partition's end to give up what waits there"
            )))
        })?;
        if position < first {
            // Retention outlasts every `leave_by`: nothing of it could be sent. Forward only, so nothing is sent twice.
            tracing::warn!(
                topic = self.topic,
                partition,
                position,
                first,
                "orders were deleted before they were taken"
            );
            marks.skip_to(first);
        }
        Ok(marks)
    }

    fn without_position(&self, partition: i32) -> LogError {
        let (topic, group) = (&self.topic, &self.group);
        stopped(format!(
            "group {group} has no position in {topic}, partition {partition}; positions are written when topics are \
             created: create what is missing, or set it to the partition's end if it was lost"
        ))
    }
}

impl ClientContext for Group {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(facility, "kafka client: {message}");
            }
            _ => tracing::warn!(facility, "kafka client: {message}"),
        }
    }

    /// Errors come out of `poll` too, where they are acted on.
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "kafka client: {reason}");
    }
}

impl ConsumerContext for Group {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        // First of all nothing is offered any more. In the eager protocol all partitions go together.
        self.shared.lock().offered.revoke();
        let is_assignment = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let done = if is_assignment && !self.closing.load(Ordering::Acquire) {
            let numbers: Vec<i32> = partitions.elements().iter().map(TopicPartitionListElem::partition).collect();
            tracing::info!(topic = self.topic, partitions = ?numbers, "partitions of orders are assigned");
            self.restore(consumer, partitions).and_then(|positions| {
                consumer.assign(&positions).map_err(|error| End::Again(format!("cannot assign partitions: {error}")))
            })
        } else {
            Ok(())
        };
        if done.is_err() || !is_assignment || self.closing.load(Ordering::Acquire) {
            self.shared.lock().offered.revoke();
            if let Err(error) = consumer.unassign() {
                tracing::warn!(%error, "partitions cannot be given up");
            }
        }
        if let Err(end) = done {
            *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        }
    }
}
