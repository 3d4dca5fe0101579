//! The thread of the consumer: read orders, commit the marks of all takes that wait, answer them.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::group::{End, Group, Settings};
use super::offered::Order;
use super::{Request, Shared, stopped};
use crate::clock;
use crate::log::LogError;
use crate::log::kafka::is_passing;

/// Records read between two looks at the takes that wait.
const READ_MAX: usize = 1_000;
/// Longest rest; what is read or asked for ends it.
const REST: Duration = Duration::from_millis(100);
/// Before a new client.
const RETRY: Duration = Duration::from_millis(500);
/// How long after a replacement the successor may be fenced by what its predecessor had sent.
const EXCUSED: Duration = Duration::from_secs(60);
/// A commit that took longer may have been sent twice. Usual are a few milliseconds.
const SLOW: Duration = Duration::from_secs(1);

/// The loop of the thread.
pub(super) struct Run {
    shared: Arc<Shared>,
    settings: Settings,
}

/// What is known of a commit.
enum Fate {
    Durable,
    /// The broker refused it, or it was not sent.
    Refused,
    /// As the client's end says.
    Unknown(End),
}

/// Tells callers that the thread has gone, however it went.
struct Farewell(Arc<Shared>);

impl Drop for Farewell {
    fn drop(&mut self) {
        let reason = if thread::panicking() { "the reader of orders panicked" } else { "orders are no longer read" };
        self.0.stop(stopped(reason));
    }
}

impl Run {
    pub(super) fn new(shared: Arc<Shared>, settings: Settings) -> Self {
        Self { shared, settings }
    }

    pub(super) fn run(self) {
        let _farewell = Farewell(Arc::clone(&self.shared));
        let mut replaced: Option<Instant> = None;
        while !self.shared.is_stopping() {
            let fenced = match self.client() {
                End::Stop => return,
                End::Failed(error) => return self.fail(error),
                End::Fenced => true,
                End::Again(reason) => {
                    tracing::warn!(reason, "the reader of orders starts over with a new client");
                    false
                }
            };
            // What a former client of ours had sent may have been carried out last. Excused once, so that two
            // processes under one name do not fence each other for ever.
            if fenced && replaced.take().is_none_or(|at| at.elapsed() > EXCUSED) {
                return self.fail(stopped(
                    "another process took over this slot's place in the group of dispatchers; end this one",
                ));
            }
            if !fenced {
                replaced = Some(clock::monotonic());
            }
            self.rest();
        }
    }

    fn fail(&self, error: LogError) {
        tracing::error!(%error, "orders can no longer be taken");
        self.shared.stop(error);
    }

    /// Lets the brokers carry out what is still under way before a new client joins.
    fn rest(&self) {
        let until = clock::monotonic() + RETRY;
        while let Some(left) = until.checked_duration_since(clock::monotonic()).filter(|left| !left.is_zero()) {
            if self.shared.is_stopping() {
                return;
            }
            // Takes that come in wake it up; they wait for the next client.
            thread::park_timeout(left);
        }
    }

    /// The life of one client.
    fn client(&self) -> End {
        let group = Group::new(Arc::clone(&self.shared), &self.settings);
        let mut consumer: BaseConsumer<Group> = match self.settings.client.create_with_context(group) {
            Ok(consumer) => consumer,
            Err(error) => return End::Failed(stopped(format!("kafka client: {error}"))),
        };
        let reader = thread::current();
        consumer.set_nonempty_callback(move || reader.unpark());
        let end = match consumer.subscribe(&[&self.settings.topic]) {
            Ok(()) => match self.serve(&consumer) {
                Ok(never) => match never {},
                Err(end) => end,
            },
            Err(error) => End::Failed(stopped(format!("cannot subscribe to {}: {error}", self.settings.topic))),
        };
        // What it held belongs to whoever comes next; closing revokes it as well.
        self.shared.lock().offered.revoke();
        consumer.context().close();
        end
    }

    fn serve(&self, consumer: &BaseConsumer<Group>) -> Result<std::convert::Infallible, End> {
        loop {
            if self.shared.is_stopping() {
                return Err(End::Stop);
            }
            let idle = self.read(consumer)?;
            self.commit_takes(consumer)?;
            self.pause_and_resume(consumer)?;
            self.shared.publish();
            if idle {
                thread::park_timeout(REST);
            }
        }
    }

    /// Reads what has come and runs callbacks; true when nothing more waits.
    fn read(&self, consumer: &BaseConsumer<Group>) -> Result<bool, End> {
        let mut quiet = 0;
        for _ in 0..READ_MAX {
            match consumer.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    quiet = 0;
                    self.shared.lock().offered.deliver(order(&message));
                }
                Some(Err(error)) => self.report(&error, consumer)?,
                // Also after a callback, behind which more may wait.
                None => quiet += 1,
            }
            if let Some(end) = consumer.context().end() {
                return Err(end);
            }
            if quiet == 2 {
                break;
            }
        }
        // Asked for each time: it is told once only, perhaps to somebody else.
        if let Some(end) = fatal(consumer) {
            return Err(end);
        }
        Ok(quiet == 2)
    }

    fn report(&self, error: &KafkaError, consumer: &BaseConsumer<Group>) -> Result<(), End> {
        match (error, error.rdkafka_error_code()) {
            // Its cause is asked for next.
            (KafkaError::MessageConsumptionFatal(_), _) => Ok(()),
            (_, Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::PollExceeded)) => {
                Err(End::Again(error.to_string()))
            }
            (_, Some(code)) if forbids(code) => Err(End::Failed(self.forbidden(code))),
            _ if is_passing(error) => {
                tracing::warn!(%error, topic = self.settings.topic, "reading orders");
                Ok(())
            }
            _ => {
                let Settings { topic, group, .. } = &self.settings;
                let assigned = consumer
                    .assignment()
                    .map(|list| list.elements().iter().map(TopicPartitionListElem::partition).collect());
                let partitions: Vec<i32> = assigned.unwrap_or_default();
                Err(End::Failed(stopped(format!(
                    "group {group} cannot read {topic}, partitions {partitions:?}: {error}; `tollgate topics check` tells \
                     what is wrong with the topic, and the brokers' logs the rest"
                ))))
            }
        }
    }

    /// One commit for all takes that wait; each is answered with what is durable of it.
    fn commit_takes(&self, consumer: &BaseConsumer<Group>) -> Result<(), End> {
        let mut state = self.shared.lock();
        let mut takes = std::mem::take(&mut state.requests);
        if takes.is_empty() {
            return Ok(());
        }
        for take in &mut takes {
            take.numbers = state.offered.mark(std::mem::take(&mut take.numbers));
        }
        let commits = state.offered.commits(takes.iter().flat_map(|take| &take.numbers));
        drop(state);
        let started = clock::monotonic();
        let fate = if commits.is_empty() { Fate::Durable } else { self.commit(consumer, &commits) };
        let took = started.elapsed();

        let mut state = self.shared.lock();
        let numbers = takes.iter().flat_map(|take| &take.numbers);
        match &fate {
            Fate::Durable => state.offered.settle(numbers),
            Fate::Refused => state.offered.put_back(numbers),
            Fate::Unknown(_) => state.offered.revoke(),
        }
        drop(state);
        for Request { numbers, reply } in takes {
            let answer = match &fate {
                Fate::Durable => Ok(numbers),
                Fate::Unknown(End::Failed(error)) => Err(error.clone()),
                Fate::Refused | Fate::Unknown(_) => Ok(Vec::new()),
            };
            // A caller that has gone leaves its orders in doubt.
            let _ = reply.send(answer);
        }
        match fate {
            Fate::Unknown(end) => Err(end),
            _ if took >= SLOW => Err(End::Again(format!("a commit took {} ms", took.as_millis()))),
            _ => Ok(()),
        }
    }

    fn commit(&self, consumer: &BaseConsumer<Group>, commits: &[(i32, u64, String)]) -> Fate {
        if consumer.assignment_lost() {
            return Fate::Refused;
        }
        let mut list = TopicPartitionList::with_capacity(commits.len());
        for (partition, position, text) in commits {
            let mut element = list.add_partition(&self.settings.topic, *partition);
            element.set_metadata(text);
            if let Err(error) = element.set_offset(Offset::Offset(*position as i64)) {
                return Fate::Unknown(End::Again(format!("a position is refused: {error}")));
            }
        }
        let Err(error) = consumer.commit(&list, CommitMode::Sync) else { return Fate::Durable };
        match error.rdkafka_error_code() {
            // The callback follows, or the next generation.
            Some(
                RDKafkaErrorCode::RebalanceInProgress
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::AssignmentLost,
            ) => {
                tracing::info!(%error, "a take is refused, its orders may be another member's by now");
                Fate::Refused
            }
            Some(code) if forbids(code) => Fate::Unknown(End::Failed(self.forbidden(code))),
            _ => {
                let again = || End::Again(format!("it is not known whether a commit was carried out: {error}"));
                Fate::Unknown(fatal(consumer).unwrap_or_else(again))
            }
        }
    }

    fn pause_and_resume(&self, consumer: &BaseConsumer<Group>) -> Result<(), End> {
        let mut state = self.shared.lock();
        let (pause, resume) = (state.offered.pausing(), state.offered.resuming());
        drop(state);
        let list = |partitions: &[i32]| {
            let mut list = TopicPartitionList::with_capacity(partitions.len());
            for &partition in partitions {
                list.add_partition(&self.settings.topic, partition);
            }
            list
        };
        let again = |error: KafkaError| End::Again(format!("cannot pause or resume reading: {error}"));
        if !pause.is_empty() {
            consumer.pause(&list(&pause)).map_err(again)?;
        }
        if !resume.is_empty() {
            consumer.resume(&list(&resume)).map_err(again)?;
        }
        Ok(())
    }

    fn forbidden(&self, code: RDKafkaErrorCode) -> LogError {
        let Settings { topic, group, .. } = &self.settings;
        stopped(format!(
            "the brokers refuse group {group} on {topic}: {code}; allow it to read both and to commit, with \
             offset.metadata.max.bytes of 4096 or more"
        ))
    }
}

/// What no retry will change.
fn forbids(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::OffsetMetadataTooLarge
            | RDKafkaErrorCode::InvalidCommitOffsetSize
    )
}

/// Why the client is out of use, if it is.
fn fatal(consumer: &BaseConsumer<Group>) -> Option<End> {
    let (code, reason) = consumer.client().fatal_error()?;
    Some(match code {
        RDKafkaErrorCode::FencedInstanceId => End::Fenced,
        _ => End::Failed(stopped(format!("the kafka client is out of use: {reason}"))),
    })
}

fn order(message: &BorrowedMessage<'_>) -> Order {
    Order {
        partition: message.partition(),
        offset: message.offset() as u64,
        key: message.key().map(Bytes::copy_from_slice).unwrap_or_default(),
        value: message.payload().map(Bytes::copy_from_slice).unwrap_or_default(),
        time_ms: message.timestamp().to_millis().map_or(0, |millis| millis.max(0) as u64),
    }
}
