//! The log: ordered topics of byte records, and the one atomic commit by which the shard moves forward.
//!
//! [`Log`] is what the shard loop needs of it and nothing more. [`embedded`] keeps the log in one local database
//! together with the state; in Kafka the topics are Kafka's and the state goes to the changelog first.

pub mod embedded;
mod error;
pub mod kafka;
mod record;
mod topic;

use std::time::Duration;

pub use error::LogError;
pub use record::{Headers, NewRecord, ReadLimit, Record};
pub use topic::Topic;

use crate::store::StateBatch;

/// Everything that one batch of the shard changes: visible and durable together, or not at all.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Next offset to read, of *all* inputs of the partition, also of those that did not move. An empty list is
    /// refused: without offsets Kafka does not fence a shard that lost its partition.
    pub next_offsets: Vec<(Topic, u64)>,
    /// Records for output topics (and `events`, to which a shard may write too), in order per topic.
    pub outputs: Vec<(Topic, NewRecord)>,
    /// Changes to the state store.
    pub state: StateBatch,
}

/// What the shard loop needs of a log. One shard owns a partition and calls from one thread; every call may block.
///
/// Contract:
/// - `read` returns durable, committed records only, in offset order. Offsets ascend but may have holes: the next
///   position is the last offset + 1, never a count of records.
/// - `commit` is atomic over input offsets, outputs and state, and returns when all of it is durable and the state
///   can be read from the store. Outputs are not visible to any reader before.
/// - After an error of `commit` nothing of the batch counts as done: the caller drops its overlay, reopens or
///   rewinds to [`Log::positions`], and reads again. It is not known whether the batch was written; its input
///   offsets tell, since they are part of it.
///
/// Kafka: `read` polls the consumer of the topic's lane and seeks first if `from` is not its position (a rewind
/// after an abort); `commit` is one transaction of outputs, changelog records made from `state`, and offsets sent
/// with fresh group metadata, followed by one unsynced write of `state` to the local store; a lost partition is
/// [`LogError::NoPartition`], being fenced or a fatal client error is [`LogError::Stopped`].
pub trait Log {
    /// The committed next offset of each input; the first offset kept where nothing was committed yet.
    ///
    /// # Errors
    /// The partition is not served here, or the log stopped.
    fn positions(&self, partition: u32) -> Result<Vec<(Topic, u64)>, LogError>;

    /// Records of a topic from an offset on, without waiting; empty at the end.
    ///
    /// # Errors
    /// The offset was trimmed or lies beyond the end, the partition is not served here, or the disk failed.
    fn read(&mut self, topic: Topic, partition: u32, from: u64, limit: ReadLimit) -> Result<Vec<Record>, LogError>;

    /// Waits until one of the topics has a record at or after its offset; false when the time is over.
    ///
    /// # Errors
    /// The partition is not served here, or the log stopped.
    fn wait(&mut self, partition: u32, next: &[(Topic, u64)], timeout: Duration) -> Result<bool, LogError>;

    /// Makes one batch durable and visible, whole.
    ///
    /// # Errors
    /// The commit was refused, the partition was lost, or the write failed; see the contract above.
    fn commit(&mut self, partition: u32, commit: Commit) -> Result<(), LogError>;
}
