//! What can go wrong with the log, with the remedy in the text.

use std::sync::Arc;

use super::Topic;
use crate::store::StoreError;

/// A failure of the log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogError {
    /// Back-pressure: too much is waiting for its fsync. Answer 503 or 429 and try again.
    #[error(
        "the log is busy: {waiting_records} records ({waiting_bytes} bytes) wait to be written, the bound is {records_max} records or {bytes_max} bytes; try again"
    )]
    Busy {
        /// Records that wait.
        waiting_records: usize,
        /// Bytes that wait.
        waiting_bytes: usize,
        /// Configured bound in records.
        records_max: usize,
        /// Configured bound in bytes.
        bytes_max: usize,
    },
    /// A record, or one call's records together, exceed the configured size.
    #[error("{topic}: {bytes} bytes exceed the bound of {bytes_max}; send less at a time or raise the bound", topic = .topic.name())]
    TooLarge {
        /// Where it was to go.
        topic: Topic,
        /// Size handed over.
        bytes: usize,
        /// Configured bound.
        bytes_max: usize,
    },
    /// A write failed or the log was closed. What was not acknowledged may or may not be there after reopening;
    /// each batch is there whole or not at all. Drop the overlay and reopen.
    #[error("the log accepts no further work: {reason}")]
    Stopped {
        /// First cause.
        reason: Arc<str>,
    },
    /// Another process has this one's place by now: it may write nothing more.
    #[error(
        "this process may not write for its partitions any more, another one has its place ({reason}); give each a kafka.slot of its own and start this one again"
    )]
    Fenced {
        /// What the broker said.
        reason: Arc<str>,
    },
    /// A commit was undone: nothing of it counts. Undo the batch and read again.
    #[error("the commit was undone: {reason}")]
    Aborted {
        /// What the log said.
        reason: Arc<str>,
    },
    /// The records asked for were trimmed away.
    #[error("{topic}: offset {wanted} was trimmed, the first kept is {first}; rebuild the reader from its source or restore its position", topic = .topic.name())]
    Trimmed {
        /// Topic asked for.
        topic: Topic,
        /// Offset asked for.
        wanted: u64,
        /// First offset kept.
        first: u64,
    },
    /// The offset lies beyond the end: the position belongs to another log or to a newer copy of this one.
    #[error("{topic}: offset {wanted} is beyond the end {next}; the position belongs to another log or this one was restored from an older copy", topic = .topic.name())]
    BeyondEnd {
        /// Topic asked for.
        topic: Topic,
        /// Offset asked for.
        wanted: u64,
        /// Offset that the next record will get.
        next: u64,
    },
    /// Where the last record was that was read there is another one now: the topic has the name of the one that was read, and
    /// other records.
    #[error("{topic}: partition {partition} has another record at offset {offset} than the one that was read there: the topic was made anew, was restored from a copy or lost its end, and has grown since; bring topic and reader back to what belongs together, or rebuild the reader from the topic's first record", topic = .topic.name())]
    Replaced {
        /// Topic read.
        topic: Topic,
        /// Its partition.
        partition: u32,
        /// Offset of the last record that was read before.
        offset: u64,
    },
    /// A trim would remove records that were not consumed yet.
    #[error("{topic}: cannot trim below {below}, records from {needed} on are not consumed yet", topic = .topic.name())]
    StillNeeded {
        /// Topic to trim.
        topic: Topic,
        /// Offset asked for.
        below: u64,
        /// First offset still needed.
        needed: u64,
    },
    /// A commit without input offsets, with one of an output topic, or with one that goes back.
    #[error("commit refused: {detail}")]
    BadCommit {
        /// What is wrong with it.
        detail: String,
    },
    /// The log does not have this partition.
    #[error("partition {partition} is not served here")]
    NoPartition {
        /// Partition asked for.
        partition: u32,
    },
    /// A stored block cannot be decoded.
    #[error("{topic}: block at offset {offset} is damaged ({detail}); restore a backup", topic = .topic.name())]
    Damaged {
        /// Topic read.
        topic: Topic,
        /// First offset of the block.
        offset: u64,
        /// What was found.
        detail: &'static str,
    },
    /// The data directory or the database failed.
    #[error(transparent)]
    Store(Arc<StoreError>),
}

impl From<StoreError> for LogError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}
