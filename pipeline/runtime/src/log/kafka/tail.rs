//! Reads one topic from positions that the reader keeps itself: projections, the registry, people.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::config::KafkaConfig;
use super::contact::Contact;
use super::context::Reports;
use super::headers::headers;
use super::passing::is_passing;
use crate::clock::monotonic;
use crate::log::{LogError, ReadLimit, Record, Topic};

/// How long a broker has to say that it is back.
const BACK_ASK: Duration = Duration::from_millis(200);
/// How long the brokers have to tell the ends of the partitions.
const WATERMARKS: Duration = Duration::from_secs(10);

/// A reader of some partitions of one topic, in no consumer group: it sees committed records only, and nothing of it
/// is kept in Kafka. One thread at a time; `read` waits, nothing else is needed to keep it alive.
///
/// While no broker answers it returns nothing and goes on when one does. After any other error it has stopped and
/// says so at every call: open another from [`KafkaTail::positions`].
pub struct KafkaTail {
    consumer: BaseConsumer<Reports>,
    topic: Topic,
    name: String,
    partitions: Vec<Partition>,
    /// Taken from the client and not returned yet.
    held: Option<(u32, Record)>,
    stopped: Option<LogError>,
    contact: Contact,
}

struct Partition {
    number: u32,
    next: u64,
    /// Nothing committed was behind `next` when the broker was last asked.
    at_end: bool,
}

enum Polled {
    Record(u32, Record),
    CaughtUp,
    /// The end of one partition of several.
    End,
    Nothing,
}

impl KafkaTail {
    /// Begins at the given offsets, which are the next to be read. Blocks for at most about 10 s.
    ///
    /// # Errors
    /// A position is below what is kept ([`LogError::Trimmed`]) or beyond the end ([`LogError::BeyondEnd`]), a
    /// partition does not exist, or the brokers do not answer ([`LogError::Stopped`]).
    pub fn open(config: &KafkaConfig, topic: Topic, positions: &[(u32, u64)]) -> Result<Self, LogError> {
        let tail = Self::unassigned(config, topic, positions)?;
        tail.check_positions()?;
        tail.assigned()
    }

    /// Opens every partition of a topic at the first offset kept. Blocks for at most about 10 s.
    ///
    /// # Errors
    /// The topic does not exist or the brokers do not answer.
    pub fn open_from_start(config: &KafkaConfig, topic: Topic, partitions: u32) -> Result<Self, LogError> {
        let all: Vec<(u32, u64)> = (0..partitions).map(|number| (number, 0)).collect();
        let mut tail = Self::unassigned(config, topic, &all)?;
        let low = tail.watermarks()?;
        for (partition, (_, low, _)) in tail.partitions.iter_mut().zip(low) {
            partition.next = low;
        }
        tail.assigned()
    }

    /// As [`KafkaTail::open`], from a place before the position where that is still kept: partition, position and place.
    ///
    /// # Errors
    /// As [`KafkaTail::open`].
    pub fn open_before(config: &KafkaConfig, topic: Topic, positions: &[(u32, u64, u64)]) -> Result<Self, LogError> {
        let next: Vec<(u32, u64)> = positions.iter().map(|&(number, next, _)| (number, next)).collect();
        let mut tail = Self::unassigned(config, topic, &next)?;
        let low = tail.check_positions()?;
        for ((partition, low), (.., before)) in tail.partitions.iter_mut().zip(low).zip(positions) {
            if low <= *before {
                partition.next = *before;
            }
        }
        tail.assigned()
    }

    fn unassigned(config: &KafkaConfig, topic: Topic, positions: &[(u32, u64)]) -> Result<Self, LogError> {
        let name = config.topic(topic);
        let mut client = config.consumer("tail", &format!("{}.tail", config.app));
        client.set("enable.partition.eof", "true");
        let consumer = client
            .create_with_context(Reports::default())
            .map_err(|e| stopped(format!("the consumer of {name} cannot start: {e}")))?;
        let partitions = positions.iter().map(|&(number, next)| Partition { number, next, at_end: false }).collect();
        Ok(Self { consumer, topic, name, partitions, held: None, stopped: None, contact: Contact::new() })
    }

    fn assigned(self) -> Result<Self, LogError> {
        let mut list = TopicPartitionList::with_capacity(self.partitions.len());
        for partition in &self.partitions {
            list.add_partition_offset(&self.name, partition.number as i32, Offset::Offset(partition.next as i64))
                .map_err(|e| self.failure(&e))?;
        }
        self.consumer.assign(&list).map_err(|e| self.failure(&e))?;
        Ok(self)
    }

    /// Records of all partitions as they come, ascending within each; offsets have holes. Waits for the first of
    /// them at most `timeout`; empty when there was none, or earlier when the end was reached (see
    /// [`KafkaTail::is_caught_up`]), which is told once. A record without a value (a deletion in a compacted
    /// topic) has an empty one.
    ///
    /// # Errors
    /// The position was trimmed away meanwhile, or the consumer has stopped.
    pub fn read(&mut self, limit: ReadLimit, timeout: Duration) -> Result<Vec<(u32, Record)>, LogError> {
        self.wait(timeout)?;
        let mut records: Vec<(u32, Record)> = Vec::new();
        let mut bytes = 0;
        while let Some((partition, record)) = self.held.take() {
            bytes += record.bytes();
            if bytes > limit.bytes && !records.is_empty() {
                self.held = Some((partition, record));
                break;
            }
            self.advance(partition, record.offset + 1);
            records.push((partition, record));
            // What came before an error is whole; the next call tells it.
            if records.len() >= limit.records || self.wait(Duration::ZERO).is_err() {
                break;
            }
        }
        Ok(records)
    }

    /// Waits as [`KafkaTail::read`] does and leaves what comes to it.
    ///
    /// # Errors
    /// As [`KafkaTail::read`].
    pub fn wait(&mut self, timeout: Duration) -> Result<(), LogError> {
        if let Some(error) = &self.stopped {
            return Err(error.clone());
        }
        let deadline = monotonic() + timeout;
        while self.held.is_none() {
            match self.poll(deadline.saturating_duration_since(monotonic())) {
                Ok(Polled::Record(partition, record)) => self.held = Some((partition, record)),
                // Others may have more.
                Ok(Polled::End) => {}
                Ok(Polled::Nothing) if monotonic() < deadline => {}
                Ok(Polled::Nothing | Polled::CaughtUp) => break,
                Err(error) => {
                    self.stopped = Some(error.clone());
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Next offset of every partition: where to open another reader.
    #[must_use]
    pub fn positions(&self) -> Vec<(u32, u64)> {
        self.partitions.iter().map(|p| (p.number, p.next)).collect()
    }

    /// True when everything that was committed when the brokers were last asked has been read. The end cannot be
    /// seen from positions, since transactions end in offsets without records.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        self.held.is_none() && self.partitions.iter().all(|p| p.at_end)
    }

    /// The partitions of which everything has been read that was committed, as far as is known: none while no broker
    /// answers.
    pub fn caught_up(&self) -> impl Iterator<Item = u32> {
        let held = self.held.as_ref().map(|(partition, _)| *partition);
        let known = self.partitions.iter().filter(|_| self.contact.is_there());
        known.filter(move |p| p.at_end && Some(p.number) != held).map(|p| p.number)
    }

    /// The end of every partition as a reader sees it: behind the last record that is not in an open transaction.
    ///
    /// # Errors
    /// The brokers do not answer within 10 s, or a partition does not exist.
    pub fn ends(&self) -> Result<Vec<(u32, u64)>, LogError> {
        Ok(self.watermarks()?.into_iter().map(|(partition, _, end)| (partition, end)).collect())
    }

    /// The first offset kept of every partition.
    ///
    /// # Errors
    /// As [`KafkaTail::ends`].
    pub fn low(&self) -> Result<Vec<(u32, u64)>, LogError> {
        Ok(self.watermarks()?.into_iter().map(|(partition, low, _)| (partition, low)).collect())
    }

    fn poll(&mut self, wait: Duration) -> Result<Polled, LogError> {
        match self.consumer.poll(wait).map(|result| result.map(|message| convert(&message))) {
            Some(Ok((partition, record))) => {
                self.contact.heard();
                return Ok(Polled::Record(partition, record));
            }
            Some(Err(KafkaError::PartitionEOF(number))) => {
                self.contact.heard();
                if let Some(partition) = self.partitions.iter_mut().find(|p| p.number == number as u32) {
                    partition.at_end = true;
                }
                return Ok(if self.is_caught_up() { Polled::CaughtUp } else { Polled::End });
            }
            Some(Err(error)) if !is_passing(&error) && !concerns_the_group(&error) => {
                // The position is gone or was never there: say which.
                if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) {
                    self.check_positions()?;
                }
                return Err(self.failure(&error));
            }
            Some(Err(error)) => self.contact.failed(&error),
            None => {}
        }
        let asked = self.partitions.first().map(|partition| partition.number as i32);
        let (consumer, name) = (&self.consumer, &self.name);
        let is_back = |number| consumer.fetch_watermarks(name, number, BACK_ASK).is_ok();
        self.contact.look(|| asked.is_none_or(is_back));
        // Reported once by poll at most, and then the client is silent for ever.
        match self.consumer.client().fatal_error() {
            Some((code, words)) => Err(stopped(format!("the consumer of {} has failed: {code}: {words}", self.name))),
            None => Ok(Polled::Nothing),
        }
    }

    fn advance(&mut self, number: u32, next: u64) {
        if let Some(partition) = self.partitions.iter_mut().find(|p| p.number == number) {
            partition.next = next;
            partition.at_end = false;
        }
    }

    /// The first offset kept of each partition.
    fn check_positions(&self) -> Result<Vec<u64>, LogError> {
        let mut first = Vec::with_capacity(self.partitions.len());
        for (partition, (_, low, end)) in self.partitions.iter().zip(self.watermarks()?) {
            first.push(low);
            let wanted = partition.next;
            if wanted < low {
                return Err(LogError::Trimmed { topic: self.topic, wanted, first: low });
            }
            if wanted > end {
                return Err(LogError::BeyondEnd { topic: self.topic, wanted, next: end });
            }
        }
        Ok(first)
    }

    /// Partition, first offset and end of each.
    fn watermarks(&self) -> Result<Vec<(u32, u64, u64)>, LogError> {
        let deadline = monotonic() + WATERMARKS;
        self.partitions.iter().map(|p| self.watermark(p.number, deadline)).collect()
    }

    fn watermark(&self, partition: u32, deadline: Instant) -> Result<(u32, u64, u64), LogError> {
        loop {
            let left = deadline.saturating_duration_since(monotonic()).max(Duration::from_millis(1));
            match self.consumer.fetch_watermarks(&self.name, partition as i32, left) {
                Ok((low, end)) => return Ok((partition, low.max(0) as u64, end.max(0) as u64)),
                // A new topic has no leader for a moment.
                Err(_) if monotonic() < deadline => thread::sleep(Duration::from_millis(50)),
                Err(error) => {
                    return Err(stopped(format!(
                        "the offsets of {}, partition {partition}, cannot be read: {error}; check that the topic has this partition and that the brokers run",
                        self.name
                    )));
                }
            }
        }
    }

    fn failure(&self, error: &KafkaError) -> LogError {
        let words = self.consumer.client().context().last().map_or_else(String::new, |words| format!(" ({words})"));
        stopped(format!("the consumer of {} has failed: {error}{words}", self.name))
    }
}

fn stopped(reason: String) -> LogError {
    LogError::Stopped { reason: Arc::from(reason) }
}

/// A reader without a group needs no right to one.
fn concerns_the_group(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::GroupAuthorizationFailed)
        && !matches!(error, KafkaError::MessageConsumptionFatal(_))
}

/// A record of ours out of one of the client's.
pub(super) fn convert(message: &BorrowedMessage<'_>) -> (u32, Record) {
    let bytes = |part: Option<&[u8]>| part.map_or_else(Bytes::new, Bytes::copy_from_slice);
    let record = Record {
        offset: message.offset().max(0) as u64,
        key: bytes(message.key()),
        value: bytes(message.payload()),
        time_ms: message.timestamp().to_millis().unwrap_or(0).max(0) as u64,
        headers: headers(message),
    };
    (message.partition() as u32, record)
}
