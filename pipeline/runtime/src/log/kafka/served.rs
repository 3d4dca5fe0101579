//! A partition decided for here: its store, where its inputs stand, what is read ahead of them, and the fence before
//! requests.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};

use super::config::KafkaConfig;
use super::contact::Contact;
use super::headers::headers;
use super::restore::{self, stopped};
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
    pub(super) fence: Fence,
}

/// Requests wait until the commands and events that were there before are decided: after a standstill an opt-out
/// must not lie unread behind a request that came later.
pub(super) struct Fence {
    /// Ends of the topics when the inputs began to flow; empty when they are reached.
    pub(super) ends: Vec<(Topic, u64)>,
    /// When the last of those records came.
    pub(super) moved: Instant,
}

impl Fence {
    pub(super) fn none() -> Self {
        Self { ends: Vec::new(), moved: monotonic() }
    }
}

impl Served {
    pub(super) fn new(store: Store, next: Vec<(Topic, u64)>, changelog_end: u64) -> Self {
        Self { store, next, changelog_end, ahead: Default::default(), flowing: false, fence: Fence::none() }
    }

    /// Whether nothing is left to be decided of an input of which nothing is read ahead; false while that is not known.
    pub(super) fn is_caught_up(&self, topic: Topic) -> bool {
        let waits = matches!(topic, Topic::Requests | Topic::RequestsPriority) && !self.fence.ends.is_empty();
        self.flowing && !waits && self.ahead[place(topic)].is_empty() && self.fence.moved.elapsed() >= FIRST_READ
    }

    /// Whether requests may be read.
    pub(super) fn requests_may_flow(&mut self) -> bool {
        if self.fence.ends.is_empty() {
            return true;
        }
        let next = &self.next;
        self.fence.ends.retain(|(topic, end)| next.iter().any(|(t, n)| t == topic && n < end));
        let ahead = FENCED.iter().any(|topic| !self.ahead[place(*topic)].is_empty());
        if ahead {
            self.fence.moved = monotonic();
        }
        // An end may be the marker of a transaction, which no reader ever reaches.
        if self.fence.moved.elapsed() > FENCE_QUIET {
            self.fence.ends.clear();
        }
        self.fence.ends.is_empty()
    }
}

/// What requests wait for at the start.
pub(super) const FENCED: [Topic; 2] = [Topic::Commands, Topic::Events];
/// Nothing of it came for so long: everything there was has come.
const FENCE_QUIET: Duration = Duration::from_secs(1);

/// What is there comes within this once the inputs flow.
const FIRST_READ: Duration = Duration::from_millis(500);

/// What is read ahead, for the bound.
#[derive(Default)]
pub(super) struct Held {
    pub(super) bulk: usize,
    pub(super) others: usize,
    /// Bytes of bulk, and of the others: bulk that waits must not keep what it waits for from being read.
    pub(super) bulk_bytes: usize,
    pub(super) other_bytes: usize,
}

/// Place of an input in [`Topic::INPUTS`].
pub(super) fn place(topic: Topic) -> usize {
    Topic::INPUTS.iter().position(|t| *t == topic).unwrap_or_default()
}

/// Puts a message where it is read from, or says why there are none.
pub(super) fn take(
    served: &mut BTreeMap<u32, Served>,
    held: &mut Held,
    contact: &mut Contact,
    config: &KafkaConfig,
    message: Result<BorrowedMessage<'_>, KafkaError>,
) -> Result<(), LogError> {
    let message = match message {
        Ok(message) => message,
        Err(e) if e.rdkafka_error_code() == Some(RDKafkaErrorCode::FencedInstanceId) => {
            return Err(LogError::Fenced { reason: format!("the consumer group: {e}").into() });
        }
        Err(e) if restore::is_final(&e) => {
            return Err(stopped(format!(
                "reading the inputs: {e}; records that were not read may have been deleted, or rights withdrawn"
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
    let record = Record {
        offset,
        key: Bytes::copy_from_slice(message.key().unwrap_or_default()),
        value: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
        time_ms: message.timestamp().to_millis().map_or(0, |t| t.max(0) as u64),
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
    Ok(())
}
