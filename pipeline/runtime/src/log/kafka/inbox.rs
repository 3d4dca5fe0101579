//! Records from outside into Kafka: an idempotent producer, and a call that is answered when all of its records are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use tokio::sync::oneshot;

use super::broker_clock::BrokerClock;
use super::config::{KafkaConfig, RECORD_BYTES_MAX};
use super::context::Reports;
use super::partition_of;
use crate::clock::monotonic;
use crate::inbox::{AppendError, BoxFuture, Inbox};
use crate::log::{NewRecord, Topic};

/// A record that is not acknowledged for so long has failed.
const DELIVERY: Duration = Duration::from_secs(20);
/// Bounds of what waits for its acknowledgement. Below those of the producer's own queue, so that a call is refused
/// before its first record is queued and never in its middle.
const WAITING_MAX: Load = Load { records: 100_000, bytes: 128 << 20 };
/// What the producer's queue needs for a record beside its bytes; generous.
const RECORD_OVERHEAD: usize = 512;

/// Where requests, commands, events and dead letters enter Kafka. Calls from any thread; does not block.
pub struct KafkaInbox {
    producer: ThreadedProducer<Deliveries>,
    config: KafkaConfig,
    partitions: u32,
}

impl KafkaInbox {
    /// Starts a producer; whether a broker answers shows in the first call. `partitions` is what
    /// [`check`](super::check) told.
    ///
    /// # Errors
    /// A property is unknown or has a value that it cannot have; in librdkafka's words.
    pub fn open(config: &KafkaConfig, partitions: u32) -> Result<Self, AppendError> {
        let mut client = config.producer("inbox");
        client.set("message.timeout.ms", DELIVERY.as_millis().to_string());
        let producer = client
            .create_with_context(Deliveries::new(&config.broker_clock))
            .map_err(|e| AppendError::Failed(format!("the producer cannot start: {e}")))?;
        Ok(Self { producer, config: config.clone(), partitions })
    }

    /// Why this producer will accept nothing more, if so; the process has to be started again.
    #[must_use]
    pub fn stopped(&self) -> Option<String> {
        let (code, words) = self.producer.client().fatal_error()?;
        Some(format!("{code}: {words}; start the process again, and if that repeats see whether this user may write"))
    }

    fn waiting(&self) -> &Waiting {
        &self.producer.context().waiting
    }

    /// Queues a call's records; the answer comes when the last of them is acknowledged or has failed.
    fn queue(&self, records: &[(Topic, NewRecord)]) -> Result<oneshot::Receiver<Answer>, AppendError> {
        if let Some((topic, bytes)) = too_large(records) {
            return Err(AppendError::TooLarge(format!(
                "{}: {bytes} bytes exceed the bound of {RECORD_BYTES_MAX}; send less at a time",
                topic.name()
            )));
        }
        let load = Load::of(records);
        if !load.fits(WAITING_MAX) {
            return Err(AppendError::TooLarge(format!(
                "{} records of {} bytes together exceed the bound of {} and {}; send less at a time",
                load.records, load.bytes, WAITING_MAX.records, WAITING_MAX.bytes
            )));
        }
        if !self.waiting().reserve(load) {
            return Err(AppendError::Full);
        }
        let (answer, answered) = oneshot::channel();
        let call = Arc::new(Call::new(records.len(), answer));
        for (i, (topic, record)) in records.iter().enumerate() {
            if let Err(error) = self.send(*topic, record, &call) {
                // Neither this record nor those behind it come back as deliveries.
                let rest = &records[i..];
                self.waiting().release(Load::of(rest));
                // The producer's own queue may be smaller than ours by its properties.
                let full = i == 0 && error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
                let failed = if full { AppendError::Full } else { self.failure(&error) };
                call.done(rest.len(), Err(failed));
                break;
            }
        }
        Ok(answered)
    }

    fn send(&self, topic: Topic, record: &NewRecord, call: &Arc<Call>) -> Result<(), KafkaError> {
        let name = self.config.topic(topic);
        let delivery = Box::new(Delivery { call: Arc::clone(call), load: Load::of_record(record) });
        let mut out: BaseRecord<'_, [u8], [u8], Box<Delivery>> = BaseRecord::with_opaque_to(&name, delivery)
            .partition(partition(topic, &record.key, self.partitions) as i32)
            .key(&record.key[..])
            .payload(&record.value[..])
            .timestamp(i64::try_from(record.time_ms).unwrap_or(i64::MAX));
        if !record.headers.is_empty() {
            let empty = OwnedHeaders::new_with_capacity(record.headers.len());
            out = out.headers(
                record
                    .headers
                    .iter()
                    .fold(empty, |headers, (key, value)| headers.insert(Header { key, value: Some(&value[..]) })),
            );
        }
        self.producer.send(out).map_err(|(error, _)| error)
    }

    fn failure(&self, error: &KafkaError) -> AppendError {
        match self.stopped() {
            Some(reason) => AppendError::Failed(format!("the producer has stopped: {reason}")),
            None => failure(error, &self.producer.context().reports),
        }
    }
}

impl Inbox for KafkaInbox {
    fn append(&self, records: Vec<(Topic, NewRecord)>) -> BoxFuture<'_, Result<(), AppendError>> {
        if records.is_empty() {
            return Box::pin(async { Ok(()) });
        }
        // Queued before the future is first polled: calls keep the order in which they were made.
        let queued = self.queue(&records);
        Box::pin(async move {
            let answered = queued?;
            answered.await.unwrap_or_else(|_| Err(AppendError::Failed("the producer was closed".to_owned())))
        })
    }
}

/// Inputs go where their account belongs; what has one partition goes there.
fn partition(topic: Topic, key: &[u8], partitions: u32) -> u32 {
    match topic {
        Topic::DeadLetters | Topic::Registry => 0,
        _ => partition_of(key, partitions),
    }
}

fn too_large(records: &[(Topic, NewRecord)]) -> Option<(Topic, usize)> {
    records.iter().map(|(topic, record)| (*topic, record.bytes())).find(|(_, bytes)| *bytes > RECORD_BYTES_MAX)
}

fn failure(error: &KafkaError, reports: &Reports) -> AppendError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize) => AppendError::TooLarge(
            format!("a record exceeds max.message.bytes of its topic, which should be {RECORD_BYTES_MAX} or more"),
        ),
        Some(RDKafkaErrorCode::MessageTimedOut) => {
            let cause = reports.last().map_or_else(String::new, |cause| format!(" (last error: {cause})"));
            AppendError::Failed(format!("not acknowledged within {} s{cause}", DELIVERY.as_secs()))
        }
        _ => AppendError::Failed(error.to_string()),
    }
}

type Answer = Result<(), AppendError>;

/// One call, answered once.
struct Call {
    /// When its first record was handed over, or before.
    since: Instant,
    open: Mutex<Open>,
}

struct Open {
    left: usize,
    failed: Option<AppendError>,
    answer: Option<oneshot::Sender<Answer>>,
}

impl Call {
    fn new(left: usize, answer: oneshot::Sender<Answer>) -> Self {
        Self { since: monotonic(), open: Mutex::new(Open { left, failed: None, answer: Some(answer) }) }
    }

    /// Counts records as settled; the first failure is the call's.
    fn done(&self, records: usize, result: Answer) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.left -= records;
        if let Err(error) = result {
            open.failed.get_or_insert(error);
        }
        if open.left == 0
            && let Some(answer) = open.answer.take()
        {
            // Nobody may be waiting any more.
            let _ = answer.send(open.failed.take().map_or(Ok(()), Err));
        }
    }
}

/// A record on its way.
struct Delivery {
    call: Arc<Call>,
    load: Load,
}

/// Receives the acknowledgements, on the producer's thread.
struct Deliveries {
    reports: Reports,
    waiting: Waiting,
    broker_clock: Arc<BrokerClock>,
}

impl Deliveries {
    fn new(broker_clock: &Arc<BrokerClock>) -> Self {
        Self { reports: Reports::default(), waiting: Waiting::default(), broker_clock: Arc::clone(broker_clock) }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.reports.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.reports.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Delivery>;

    fn delivery(&self, result: &DeliveryResult<'_>, delivery: Box<Delivery>) {
        self.waiting.release(delivery.load);
        if let Ok(message) = result {
            self.broker_clock.acknowledged(message.timestamp(), delivery.call.since);
        }
        let result = result.as_ref().map(|_| ()).map_err(|(error, _)| failure(error, &self.reports));
        delivery.call.done(1, result);
    }
}

/// Records and their bytes in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Load {
    records: usize,
    bytes: usize,
}

impl Load {
    fn of_record(record: &NewRecord) -> Self {
        Self { records: 1, bytes: record.bytes() + RECORD_OVERHEAD }
    }

    fn of(records: &[(Topic, NewRecord)]) -> Self {
        let bytes = records.iter().map(|(_, record)| Self::of_record(record).bytes).sum();
        Self { records: records.len(), bytes }
    }

    fn fits(self, bound: Self) -> bool {
        self.records <= bound.records && self.bytes <= bound.bytes
    }
}

/// What waits for its acknowledgement.
#[derive(Default)]
struct Waiting {
    records: AtomicUsize,
    bytes: AtomicUsize,
}

impl Waiting {
    /// Adds a load, or nothing where it would pass the bounds.
    fn reserve(&self, load: Load) -> bool {
        let records = self.records.fetch_add(load.records, Ordering::AcqRel) + load.records;
        let bytes = self.bytes.fetch_add(load.bytes, Ordering::AcqRel) + load.bytes;
        let fits = Load { records, bytes }.fits(WAITING_MAX);
        if !fits {
            self.release(load);
        }
        fits
    }

    fn release(&self, load: Load) {
        self.records.fetch_sub(load.records, Ordering::AcqRel);
        self.bytes.fetch_sub(load.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_go_to_their_account_and_the_rest_to_the_only_partition() {
        for topic in Topic::INPUTS {
            assert_eq!(partition(topic, b"21", 7), partition_of(b"21", 7));
        }
        assert_eq!(partition(Topic::DeadLetters, b"21", 7), 0);
    }

    #[test]
    fn a_call_is_answered_once_with_its_first_failure() {
        let (answer, mut answered) = oneshot::channel();
        let call = Call::new(3, answer);
        call.done(1, Ok(()));
        call.done(1, Err(AppendError::Failed("first".to_owned())));
        assert!(answered.try_recv().is_err(), "one record is still on its way");
        call.done(1, Err(AppendError::Failed("second".to_owned())));
        assert_eq!(answered.try_recv(), Ok(Err(AppendError::Failed("first".to_owned()))));
    }

    #[test]
    fn a_refused_load_leaves_no_trace() {
        let waiting = Waiting::default();
        let most = Load { records: WAITING_MAX.records, bytes: 10 };
        assert!(waiting.reserve(most));
        assert!(!waiting.reserve(Load { records: 1, bytes: 1 }));
        waiting.release(most);
        assert!(waiting.reserve(Load { records: 1, bytes: WAITING_MAX.bytes }));
        assert!(!waiting.reserve(Load { records: 1, bytes: 1 }));
    }
}
