//! One transaction: outputs, changelog and input offsets, all or nothing. What a batch comes to is written while it is still
//! being decided, so that brokers have most of it when it ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Offset, Timestamp, TopicPartitionList};

use super::broker_clock::BrokerClock;
use super::changelog::{self, Deployment};
use super::config::{KafkaConfig, RECORD_BYTES_MAX};
use super::crash_point::crash_point;
use super::flush::flush;
use crate::clock::monotonic;
use crate::log::{Commit, LogError, NewRecord, Topic};
use crate::store::StateBatch;

/// Longest wait for the coordinator when the producer starts: it first ends what its predecessor left open.
const INIT_MOST: Duration = Duration::from_secs(60);
/// Longest wait for what was written ahead of a batch that is undone.
const UNDO_FLUSH: Duration = Duration::from_secs(1);
/// Pause between two tries of a call that may be repeated.
const RETRY: Duration = Duration::from_millis(20);

/// The transactional producer of one slot.
pub(super) struct Transactions {
    producer: ThreadedProducer<Deliveries>,
    /// Names in Kafka, in [`Topic::ALL`] order, and the changelog's.
    names: Vec<String>,
    state: String,
    timeout: Duration,
    deployment: Deployment,
    key: Vec<u8>,
    /// The transaction that is open, with what was handed to the client of each partition.
    open: Option<BTreeMap<u32, Sent>>,
}

/// How many of a batch's outputs and changes of the state were handed to the client.
#[derive(Clone, Copy, Default)]
struct Sent {
    outputs: usize,
    state: usize,
}

/// Hears where records landed.
struct Deliveries {
    landed: Mutex<Landed>,
    broker_clock: Arc<BrokerClock>,
}

/// Where the position records of a transaction are.
struct Landed {
    /// When the position records were not written yet.
    since: Instant,
    ends: BTreeMap<u32, End>,
    /// The offset after the last record of the changelog that was written ahead and acknowledged.
    ahead: BTreeMap<u32, u64>,
}

impl Landed {
    fn new() -> Self {
        Self { since: monotonic(), ends: BTreeMap::new(), ahead: BTreeMap::new() }
    }
}

/// A position record that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// The changelog offset after it.
    pub(super) offset: u64,
    /// When the broker wrote it, milliseconds since 1970.
    pub(super) written_ms: u64,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    /// Twice partition + 1 for a position record, one more for the last of what is written ahead to a changelog; 0 for all others.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: usize) {
        let (Ok(message), Some(partition)) = (result, (opaque / 2).checked_sub(1)) else { return };
        let (partition, after) = (partition as u32, message.offset() as u64 + 1);
        let mut landed = self.landed();
        if opaque % 2 == 1 {
            landed.ahead.insert(partition, after);
            return;
        }
        let time = message.timestamp();
        let written_ms = match time {
            Timestamp::LogAppendTime(ms) => ms.max(0) as u64,
            Timestamp::CreateTime(_) | Timestamp::NotAvailable => 0,
        };
        self.broker_clock.acknowledged(time, landed.since);
        landed.ends.insert(partition, End { offset: after, written_ms });
    }
}

impl Deliveries {
    fn landed(&self) -> MutexGuard<'_, Landed> {
        self.landed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a step of a transaction failed.
enum Failure {
    /// Nothing counts; the transaction is to be aborted.
    Abort(String),
    /// This producer is at its end: a state it cannot leave.
    Fatal(String),
    /// Another producer has its name by now.
    Fenced(String),
}

impl Transactions {
    /// Connects and fences whoever used the same slot before.
    ///
    /// # Errors
    /// The broker cannot be reached or refuses.
    pub(super) fn open(config: &KafkaConfig) -> Result<Self, LogError> {
        let mut client = config.producer("shards");
        let timeout = config.transaction_timeout;
        client
            .set("transactional.id", format!("{}-{}", config.app, config.slot))
            .set("transaction.timeout.ms", timeout.as_millis().to_string())
            .set("message.timeout.ms", (timeout.as_millis() * 4 / 5).to_string());
        let deliveries =
            Deliveries { landed: Mutex::new(Landed::new()), broker_clock: Arc::clone(&config.broker_clock) };
        let producer: ThreadedProducer<Deliveries> = client
            .create_with_context(deliveries)
            .map_err(|e| stopped(format!("the Kafka producer cannot be made: {e}; check [kafka] properties")))?;
        let this = Self {
            producer,
            names: Topic::ALL.iter().map(|t| config.topic(*t)).collect(),
            state: config.state_topic(),
            timeout,
            deployment: config.deployment.clone(),
            key: Vec::new(),
            open: None,
        };
        match this.step(INIT_MOST, |left| this.producer.init_transactions(left)) {
            Ok(()) => Ok(this),
            Err(Failure::Fenced(e)) => Err(fenced(e)),
            Err(Failure::Abort(e) | Failure::Fatal(e)) => Err(stopped(format!(
                "transactions cannot be started at {}: {e}; is the broker there, and may this user write transactions?",
                config.brokers
            ))),
        }
    }

    /// Writes the batch of several partitions in one transaction. Returns, for each, where its changelog ends after it.
    ///
    /// # Errors
    /// [`LogError::Aborted`] when nothing of it counts, [`LogError::Stopped`] when this process is at its end.
    pub(super) fn commit(
        &mut self,
        commits: &[(u32, Commit)],
        group: &ConsumerGroupMetadata,
    ) -> Result<BTreeMap<u32, End>, LogError> {
        let done = self.try_commit(commits, group);
        self.conclude(done)
    }

    /// Writes what a partition's batch holds so far and was not written yet; the first call of a batch begins its transaction.
    ///
    /// # Errors
    /// As [`Transactions::commit`].
    pub(super) fn ahead(
        &mut self,
        partition: u32,
        outputs: &[(Topic, NewRecord)],
        state: &StateBatch,
    ) -> Result<(), LogError> {
        if outputs.is_empty() && state.is_empty() {
            // Nothing may come of the batch, and then nobody ends it.
            return Ok(());
        }
        let done = self.begin().and_then(|()| self.write(partition, outputs, state, true));
        self.conclude(done)
    }

    /// Ends the transaction of a batch that is not committed, if one is open. Returns where the changelogs end after it if nobody
    /// else wrote to them.
    ///
    /// # Errors
    /// [`LogError::Stopped`] when this process is at its end.
    pub(super) fn undo(&mut self) -> Result<BTreeMap<u32, u64>, LogError> {
        if self.open.take().is_none() {
            return Ok(BTreeMap::new());
        }
        // What is known to have landed need not be read again. If it does not land in time, it is read.
        let _ = flush(&self.producer, UNDO_FLUSH);
        match self.step(self.timeout, |left| self.producer.abort_transaction(left)) {
            // The transaction's marker follows its last record.
            Ok(()) => Ok(self.landed().ahead.iter().map(|(partition, after)| (*partition, after + 1)).collect()),
            Err(Failure::Fenced(e)) => Err(fenced(e)),
            Err(Failure::Abort(e) | Failure::Fatal(e)) => Err(fatal(&e)),
        }
    }

    /// Ends the transaction where it failed.
    fn conclude<T>(&mut self, done: Result<T, Failure>) -> Result<T, LogError> {
        match done {
            Ok(done) => Ok(done),
            Err(Failure::Fatal(reason)) => Err(fatal(&reason)),
            Err(Failure::Fenced(reason)) => Err(fenced(reason)),
            Err(Failure::Abort(reason)) => {
                self.open = None;
                match self.step(self.timeout, |left| self.producer.abort_transaction(left)) {
                    Ok(()) => Err(LogError::Aborted { reason: reason.into() }),
                    Err(Failure::Fenced(e)) => Err(fenced(e)),
                    Err(Failure::Abort(e) | Failure::Fatal(e)) => Err(fatal(&format!("{reason}; then: {e}"))),
                }
            }
        }
    }

    /// Begins a transaction if none is open.
    fn begin(&mut self) -> Result<(), Failure> {
        if self.open.is_none() {
            *self.landed() = Landed::new();
            self.step(self.timeout, |_| self.producer.begin_transaction())?;
            self.open = Some(BTreeMap::new());
        }
        Ok(())
    }

    /// Hands the client what a partition's batch holds beyond what it was handed before. The last change of the state is heard
    /// of if it is written `ahead`.
    fn write(
        &mut self,
        partition: u32,
        outputs: &[(Topic, NewRecord)],
        state: &StateBatch,
        ahead: bool,
    ) -> Result<(), Failure> {
        let Sent { outputs: told, state: changed } =
            self.open.as_ref().and_then(|open| open.get(&partition)).copied().unwrap_or_default();
        for (topic, record) in outputs.iter().skip(told) {
            let to = if matches!(topic, Topic::Registry | Topic::DeadLetters) { 0 } else { partition };
            self.output(*topic, to, record)?;
        }
        let mut key = std::mem::take(&mut self.key);
        for (n, (space, k, value)) in state.iter().enumerate().skip(changed) {
            let opaque = if ahead && n + 1 == state.len() { opaque(partition) + 1 } else { 0 };
            self.send(entry(&self.state, partition, changelog::put_key(&mut key, space, k), value, opaque))?;
        }
        self.key = key;
        if let Some(open) = &mut self.open {
            open.insert(partition, Sent { outputs: outputs.len(), state: state.len() });
        }
        Ok(())
    }

    fn try_commit(
        &mut self,
        commits: &[(u32, Commit)],
        group: &ConsumerGroupMetadata,
    ) -> Result<BTreeMap<u32, End>, Failure> {
        self.begin()?;
        self.landed().since = monotonic();
        let mut offsets = TopicPartitionList::new();
        for (partition, commit) in commits {
            self.write(*partition, &commit.outputs, &commit.state, false)?;
            let position = changelog::put_position(&commit.next_offsets, &self.deployment);
            let opaque = opaque(*partition);
            self.send(entry(&self.state, *partition, &changelog::POSITION_KEY, Some(&position), opaque))?;
            for (topic, next) in &commit.next_offsets {
                let next = Offset::Offset(*next as i64);
                offsets
                    .add_partition_offset(&self.names[topic.index()], *partition as i32, next)
                    .map_err(|e| Failure::Abort(e.to_string()))?;
            }
        }
        crash_point("after_produce");
        // The records come first: whoever takes a partition over sees by its changelog whether a transaction is open,
        // and once it sees none, offsets of an older owner must not be accepted any more without their records.
        flush(&self.producer, self.timeout)
            .map_err(|e| Failure::Abort(format!("records were not acknowledged: {e}")))?;
        crash_point("after_flush");
        self.step(self.timeout, |left| self.producer.send_offsets_to_transaction(&offsets, group, left))?;
        crash_point("before_commit");
        self.step(self.timeout, |left| self.producer.commit_transaction(left))?;
        self.open = None;
        crash_point("after_commit");
        let ends = std::mem::take(&mut self.landed().ends);
        if commits.iter().any(|(partition, _)| !ends.contains_key(partition)) {
            return Err(Failure::Fatal("the changelog's acknowledgement is missing".to_owned()));
        }
        Ok(ends)
    }

    fn output(&self, topic: Topic, partition: u32, record: &NewRecord) -> Result<(), Failure> {
        let mut headers = (!record.headers.is_empty()).then(|| OwnedHeaders::new_with_capacity(record.headers.len()));
        for (name, value) in &record.headers {
            headers = headers.map(|h| h.insert(Header { key: name, value: Some(&value[..]) }));
        }
        self.send(BaseRecord {
            topic: &self.names[topic.index()],
            partition: Some(partition as i32),
            payload: Some(&record.value[..]),
            key: Some(&record.key[..]),
            timestamp: Some(record.time_ms as i64),
            headers,
            delivery_opaque: 0,
        })
    }

    /// Hands a record to the client; waits while its queue is full.
    fn send(&self, record: BaseRecord<'_, [u8], [u8], usize>) -> Result<(), Failure> {
        let mut record = record;
        // Looked at only when the queue is full: the clock would be a tenth of handing a record over.
        let mut since = None;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    if since.get_or_insert_with(monotonic).elapsed() > self.timeout {
                        return Err(Failure::Abort("the producer's queue stays full".to_owned()));
                    }
                    record = back;
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge), back)) => {
                    return Err(Failure::Fatal(too_large(&self.state, &back)));
                }
                Err((error, _)) => return Err(self.classify(&error)),
            }
        }
    }

    /// Repeats a call while Kafka says that it may be.
    fn step(&self, most: Duration, mut call: impl FnMut(Duration) -> KafkaResult<()>) -> Result<(), Failure> {
        let until: Instant = monotonic() + most;
        loop {
            let left = until.saturating_duration_since(monotonic());
            match call(left.max(Duration::from_millis(1))) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(e)) if e.is_retriable() && !left.is_zero() => std::thread::sleep(RETRY),
                Err(error) => return Err(self.classify(&error)),
            }
        }
    }

    fn classify(&self, error: &KafkaError) -> Failure {
        if let Some((code, reason)) = self.producer.client().fatal_error() {
            let told = format!("{code}: {reason}");
            return if is_fenced(code) { Failure::Fenced(told) } else { Failure::Fatal(told) };
        }
        match error {
            KafkaError::Transaction(e) if e.txn_requires_abort() => Failure::Abort(e.to_string()),
            // A record was refused while the transaction is open: it will have to be aborted.
            KafkaError::MessageProduction(code) => Failure::Abort(code.to_string()),
            error => Failure::Fatal(error.to_string()),
        }
    }

    fn landed(&self) -> MutexGuard<'_, Landed> {
        self.producer.context().landed()
    }
}

/// By which an acknowledgement tells of a partition's changelog.
fn opaque(partition: u32) -> usize {
    2 * (partition as usize + 1)
}

/// A changelog record; without payload it removes its key.
fn entry<'a>(
    topic: &'a str,
    partition: u32,
    key: &'a [u8],
    payload: Option<&'a [u8]>,
    delivery_opaque: usize,
) -> BaseRecord<'a, [u8], [u8], usize> {
    let (partition, key) = (Some(partition as i32), Some(key));
    BaseRecord { topic, partition, payload, key, timestamp: None, headers: None, delivery_opaque }
}

/// What is said of a record that the client does not take. A key may be of a person: its kind and length are told.
fn too_large(state: &str, record: &BaseRecord<'_, [u8], [u8], usize>) -> String {
    let key = record.key.unwrap_or_default();
    let kind = match changelog::entry(key) {
        _ if record.topic != state => "of an account or number",
        Ok(changelog::Entry::Entity(space, _)) => space.name(),
        Ok(changelog::Entry::Position) => "of the position",
        Err(_) => "unknown",
    };
    format!(
        "a record for {} is too large: {} bytes under a key of {} bytes ({kind}), at most {RECORD_BYTES_MAX} are taken; \
         declare less for what the record is about, or use a version that splits it",
        record.topic,
        record.payload.map_or(0, <[u8]>::len),
        key.len(),
    )
}

fn stopped(reason: String) -> LogError {
    LogError::Stopped { reason: reason.into() }
}

fn is_fenced(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch | Code::FencedInstanceId)
}

fn fenced(reason: String) -> LogError {
    LogError::Fenced { reason: reason.into() }
}

fn fatal(reason: &str) -> LogError {
    stopped(format!("this process may not write for its partitions any more ({reason}); start it again"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Space;

    #[test]
    fn a_record_that_is_too_large_is_told_by_its_topic_and_kind_without_its_key() {
        let payload = vec![0; 6 << 20];
        let mut buffer = Vec::new();
        let key = changelog::put_key(&mut buffer, Space::Entities, b"+5511987654321");
        let state = too_large("tollgate.state", &entry("tollgate.state", 0, key, Some(&payload), 0));
        let output = too_large("tollgate.state", &entry("tollgate.snapshots", 0, b"+5511987654321", Some(&payload), 0));
        for (told, topic, kind) in
            [(&state, "tollgate.state ", "(entities)"), (&output, "tollgate.snapshots ", "(of an account or number)")]
        {
            assert!(told.contains(topic) && told.contains(kind), "{told}");
            assert!(told.contains("6291456 bytes") && told.contains("declare less"), "{told}");
            assert!(!told.contains("5511"), "{told}");
        }
    }
}
