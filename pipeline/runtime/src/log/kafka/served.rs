//! A partition decided for here: its store, where its inputs stand, and what is read ahead of them.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::Timestamp;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};

use super::config::KafkaConfig;
use super::contact::Contact;
use super::fence::{Fence, Passed};
use super::headers::headers;
use super::passing::is_passing;
use super::restore::stopped;
use crate::clock::monotonic;
use crate::log::{LogError, Record, Topic};
use crate::store::Store;

/// A partition decided for here.
pub(super) struct Served {
    pub(super) store: Store,
    pub(super) next: Vec<(Topic, u64)>,
    /// End of the changelog after what we know of it. Input offsets alone do not tell whether somebody else decided
    /// meanwhile: timers and queues change the state without moving them.
    pub(super) changelog_end: u64,
    /// Records read ahead, in [`Topic::INPUTS`] order.
    pub(super) ahead: [VecDeque<Record>; Topic::INPUTS.len()],
    /// Whether its inputs flow: from its first read on.
    pub(super) flowing: bool,
    /// When its inputs began to flow, or one of them anew.
    pub(super) since: Instant,
    pub(super) fence: Fence,
}

impl Served {
    pub(super) fn new(store: Store, next: Vec<(Topic, u64)>, changelog_end: u64) -> Self {
        let (ahead, fence) = Default::default();
        Self { store, next, changelog_end, ahead, flowing: false, since: monotonic(), fence }
    }

    /// Whether nothing is left to be decided of an input of which nothing is read ahead; false while that is not known.
    pub(super) fn is_caught_up(&self, topic: Topic) -> bool {
        let waits = match topic {
            Topic::Requests | Topic::RequestsPriority => self.fence.is_up(),
            topic => self.fence.awaits(topic),
        };
        self.flowing && !waits && self.ahead[place(topic)].is_empty() && self.since.elapsed() >= FIRST_READ
    }

    /// What requests need not wait for any more.
    pub(super) fn pass(&mut self, in_contact: bool) -> Vec<Passed> {
        self.fence.pass(&self.next, |topic| !self.ahead[place(topic)].is_empty(), in_contact)
    }
}

/// What is there comes within this once the inputs flow.
const FIRST_READ: Duration = Duration::from_millis(500);

/// Bulk records held at most, over all partitions; and as many of the other inputs.
const HELD_RECORDS: usize = 20_000;
/// Bytes of them.
const HELD_BYTES: usize = 32 << 20;

/// What is read ahead, for the bound.
#[derive(Default)]
pub(super) struct Held {
    pub(super) bulk: usize,
    pub(super) others: usize,
    /// Bytes of bulk, and of the others: bulk that waits must not keep what it waits for from being read.
    pub(super) bulk_bytes: usize,
    pub(super) other_bytes: usize,
    /// The newest time by the broker of what came since it was last taken from here.
    pub(super) newest_ms: Option<i64>,
}

impl Held {
    pub(super) fn takes_bulk(&self) -> bool {
        self.bulk < HELD_RECORDS && self.bulk_bytes < HELD_BYTES
    }

    pub(super) fn takes_others(&self) -> bool {
        self.others < HELD_RECORDS && self.other_bytes < HELD_BYTES
    }
}

/// Place of an input in [`Topic::INPUTS`].
pub(super) fn place(topic: Topic) -> usize {
    Topic::INPUTS.iter().position(|t| *t == topic).unwrap_or_default()
}

/// Puts a message where it is read from, or says why there are none. `of` is what the consumer reads.
pub(super) fn take(
    served: &mut BTreeMap<u32, Served>,
    held: &mut Held,
    contact: &mut Contact,
    config: &KafkaConfig,
    of: &[Topic],
    message: Result<BorrowedMessage<'_>, KafkaError>,
) -> Result<(), LogError> {
    let message = match message {
        Ok(message) => message,
        Err(e) if e.rdkafka_error_code() == Some(RDKafkaErrorCode::FencedInstanceId) => {
            return Err(LogError::Fenced { reason: format!("the consumer group: {e}").into() });
        }
        Err(e) if !is_passing(&e) => {
            let topics: Vec<String> = of.iter().map(|topic| config.topic(*topic)).collect();
            let partitions: Vec<u32> = served.keys().copied().collect();
            return Err(stopped(format!(
                "reading {} of partitions {partitions:?}: {e}; records that were not read may have been deleted, or rights \
                 withdrawn: `tollgate topics check` tells what is wrong with the topics, and the brokers' logs the rest",
                topics.join(", ")
            )));
        }
        Err(e) => {
            contact.failed(&e);
            tracing::debug!(error = %e, "the Kafka client tries again");
            return Ok(());
        }
    };
    contact.heard();
    let topic = message.topic().strip_prefix(config.prefix.as_str()).and_then(Topic::from_name);
    let (Some(topic), Some(served)) = (topic, served.get_mut(&(message.partition() as u32))) else { return Ok(()) };
    let offset = message.offset() as u64;
    let ahead = &mut served.ahead[place(topic)];
    let wanted = served.next.iter().find(|(t, _)| *t == topic).map_or(0, |(_, next)| *next);
    if !served.flowing || offset < wanted || ahead.back().is_some_and(|last| last.offset >= offset) {
        return Ok(());
    }
    let time = message.timestamp();
    if let Timestamp::LogAppendTime(ms) = time {
        held.newest_ms = held.newest_ms.max(Some(ms));
    }
    let record = Record {
        offset,
        key: Bytes::copy_from_slice(message.key().unwrap_or_default()),
        value: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
        time_ms: time.to_millis().map_or(0, |t| t.max(0) as u64),
        headers: headers(&message),
    };
    if topic == Topic::Requests {
        held.bulk += 1;
        held.bulk_bytes += record.bytes();
    } else {
        held.others += 1;
        held.other_bytes += record.bytes();
    }
    ahead.push_back(record);
    served.fence.came(topic, offset);
    Ok(())
}
