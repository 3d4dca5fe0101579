//! The log: ordered topics of byte records, and the one atomic commit by which the shard moves forward.
//!
//! [`Log`] is what the shard loop needs of it and nothing more. [`embedded`] keeps the log in one local database
//! together with the state; in Kafka the topics are Kafka's and the state goes to the changelog first.

pub mod dead_letter;
pub mod embedded;
mod error;
pub mod kafka;
mod record;
mod topic;

use std::time::{Duration, Instant};

pub use error::LogError;
pub use record::{Headers, NewRecord, ReadLimit, Record};
pub use topic::Topic;

use crate::store::{StateBatch, Store};

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

/// A partition was given to this process, or taken away.
pub enum Ownership {
    /// Its state is in the store; decisions go on at `next`.
    Gained {
        /// The partition.
        partition: u32,
        /// The committed next offset of each input; the first offset kept where nothing was committed yet.
        next: Vec<(Topic, u64)>,
        /// Its state as of those offsets.
        store: Store,
        /// When its state began to be brought here.
        since: Instant,
    },
    /// Somebody else decides for it from now on.
    Lost {
        /// The partition.
        partition: u32,
    },
}

/// What the shard loop needs of a log. One thread calls; every call may block.
///
/// Contract:
/// - `read` returns durable, committed records only, in offset order. Offsets ascend but may have holes: the next
///   position is the last offset + 1, never a count of records. A caller that did not commit reads the same again.
/// - `commit` is atomic over input offsets, outputs and state of all its partitions, and returns when all of it is
///   durable and the state can be read from the stores. Outputs are not visible to any reader before.
/// - After [`LogError::Aborted`] nothing of the commit counts and nothing of it will: the caller undoes the batch and
///   reads again. After any other error of `commit` it is not known whether the batch was written; the caller ends,
///   and the positions at the next start tell.
/// - `ahead` may be called before `commit` with what a partition's batch holds so far, and again with more: outputs and
///   changes that were there before are there unchanged. It makes nothing visible or durable. A batch begun so ends with
///   `commit` or `undo`.
/// - Ownership changes only between two calls of `ownership`; a partition of which the log has lost the ownership
///   meanwhile fails the commit as aborted.
///
/// Kafka: a batch is one transaction, which the first `ahead` begins and `commit` ends: of outputs, changelog records made from `state`, and offsets sent with fresh
/// group metadata, followed by one unsynced write to each local store; being fenced is
/// [`LogError::Fenced`], a fatal client error [`LogError::Stopped`].
pub trait Log {
    /// What changed since the last call; the first call tells what is served from the start.
    ///
    /// # Errors
    /// The log stopped.
    fn ownership(&mut self) -> Result<Vec<Ownership>, LogError>;

    /// `true` when every partition meant for this process has been handed over.
    fn is_settled(&self) -> bool;

    /// Partitions meant for this process whose state is being brought here; none where it always is.
    fn restoring(&self) -> Vec<u32> {
        Vec::new()
    }

    /// `false` while ownership is being settled: nothing may be decided then, not even by timers.
    fn is_serving(&self) -> bool;

    /// Records of a topic from an offset on, without waiting; empty at the end.
    ///
    /// # Errors
    /// The offset was trimmed or lies beyond the end, the partition is not served here, or the disk failed.
    fn read(&mut self, topic: Topic, partition: u32, from: u64, limit: ReadLimit) -> Result<Vec<Record>, LogError>;

    /// After a read that returned nothing: whether there was nothing, where `false` is that this is not known.
    fn is_caught_up(&self, _topic: Topic, _partition: u32) -> bool {
        true
    }

    /// Waits until one of the topics has a record at or after its offset, or the ownership changes; false when the
    /// time is over.
    ///
    /// # Errors
    /// The log stopped.
    fn wait(&mut self, next: &[(u32, Topic, u64)], timeout: Duration) -> Result<bool, LogError>;

    /// What a partition's batch holds so far, so that its commit has less left to write.
    ///
    /// # Errors
    /// As [`Log::commit`].
    fn ahead(&mut self, _partition: u32, _outputs: &[(Topic, NewRecord)], _state: &StateBatch) -> Result<(), LogError> {
        Ok(())
    }

    /// The batch at hand will not be committed: nothing that was written ahead of it counts.
    ///
    /// # Errors
    /// The log stopped.
    fn undo(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    /// Makes one batch durable and visible, whole.
    ///
    /// # Errors
    /// The commit was refused, undone, or failed; see the contract above.
    fn commit(&mut self, commits: Vec<(u32, Commit)>) -> Result<(), LogError>;
}
