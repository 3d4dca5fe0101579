//! The embedded log: topics, input positions and state in one local database, one process, nothing installed.
//!
//! One writer thread turns everything that waits (appends of many callers, the shard's commit, takes of the
//! dispatcher, trims) into one atomic batch with one fsync. See the README for the invariants.

mod block;
mod dispatch;
mod queue;
mod reader;
mod secret;
mod tail;
mod trim;
mod writer;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use fjall::Keyspace;
use tokio::sync::{oneshot, watch};

use self::dispatch::Taken;
use self::queue::{Bounds, Done, Job, Queue};
use self::tail::{Tails, lock};
use self::writer::Writer;
use super::{Commit, Log, LogError, NewRecord, Ownership, ReadLimit, Record, Topic};
use crate::clock::monotonic;
use crate::store::{Store, StoreError, StoreOptions};

/// Bounds of the embedded log.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// Sizes of the database.
    pub store: StoreOptions,
    /// Largest record, bytes of key, value and headers.
    pub record_bytes_max: usize,
    /// Records that may wait for their fsync before appends are refused with [`LogError::Busy`].
    pub queue_records_max: usize,
    /// Bytes that may wait for their fsync; also the most that one call may append.
    pub queue_bytes_max: usize,
    /// Latest records kept in memory per topic, bytes; readers that keep up never read the disk.
    pub tail_bytes_max: usize,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            store: StoreOptions::default(),
            record_bytes_max: 5 << 20,
            queue_records_max: 100_000,
            queue_bytes_max: 64 << 20,
            tail_bytes_max: 32 << 20,
        }
    }
}

/// Handle to the embedded log; clones share it. The last handle to go writes what waits and closes it.
#[derive(Clone)]
pub struct EmbeddedLog {
    inner: Arc<Inner>,
    /// Whether the shard loop was told of the one partition.
    told: bool,
}

struct Inner {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
    record_bytes_max: usize,
    queue_bytes_max: usize,
}

/// What the handles and the writer thread share.
struct Shared {
    store: Store,
    /// In [`Topic::ALL`] order.
    topics: Vec<Keyspace>,
    positions_keyspace: Keyspace,
    taken_keyspace: Keyspace,
    queue: Queue,
    tails: Tails,
    /// Committed next offset per topic, in [`Topic::ALL`] order; zero where nothing was committed.
    positions: Vec<AtomicU64>,
    taken: Mutex<Taken>,
    groups_written: AtomicU64,
}

impl EmbeddedLog {
    /// Opens or creates the log and the store in a data directory.
    ///
    /// # Errors
    /// As [`Store::open`]; also when a block or a mark is damaged.
    pub fn open(directory: &Path, options: &EmbeddedOptions) -> Result<Self, LogError> {
        let shared = Arc::new(Shared::open(directory, options)?);
        let writer = Writer { shared: Arc::clone(&shared) };
        let thread =
            std::thread::Builder::new().name("log-writer".to_owned()).spawn(move || writer.run()).map_err(|error| {
                LogError::Stopped { reason: Arc::from(format!("its writer thread cannot be started: {error}")) }
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                shared,
                writer: Mutex::new(Some(thread)),
                record_bytes_max: options.record_bytes_max,
                queue_bytes_max: options.queue_bytes_max,
            }),
            told: false,
        })
    }

    /// The committed next offset of each input; the first offset kept where nothing was committed yet.
    #[must_use]
    pub fn positions(&self) -> Vec<(Topic, u64)> {
        let shared = &self.inner.shared;
        let position = |topic| (topic, shared.position(topic).max(shared.tails.first(topic)));
        Topic::INPUTS.into_iter().map(position).collect()
    }

    /// The state store that [`Log::commit`] writes.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.shared.store
    }

    /// Appends records to one topic and returns their offsets once they are durable. If the caller stops waiting,
    /// the records are written nevertheless.
    ///
    /// # Errors
    /// [`LogError::Busy`], [`LogError::TooLarge`] (nothing was written), [`LogError::Stopped`].
    pub async fn append(&self, topic: Topic, records: Vec<NewRecord>) -> Result<Range<u64>, LogError> {
        let answered = self.enqueue_append(topic, records)?;
        answered.await.map_err(|_| self.inner.shared.ended())?
    }

    /// As [`EmbeddedLog::append`], for threads outside the async runtime.
    ///
    /// # Errors
    /// As [`EmbeddedLog::append`].
    pub fn append_blocking(&self, topic: Topic, records: Vec<NewRecord>) -> Result<Range<u64>, LogError> {
        let answered = self.enqueue_append(topic, records)?;
        answered.blocking_recv().map_err(|_| self.inner.shared.ended())?
    }

    /// Marks orders as taken, in any order of offsets, and returns once that is durable. Call the platform only for
    /// the offsets returned: the others had been taken before.
    ///
    /// # Errors
    /// [`LogError::BeyondEnd`] if an offset does not exist (none is marked), [`LogError::Stopped`].
    pub async fn take(&self, offsets: Vec<u64>) -> Result<Vec<u64>, LogError> {
        let answered = answer(&self.inner.shared.queue, |done| Job::Take { offsets, done })?;
        answered.await.map_err(|_| self.inner.shared.ended())?
    }

    /// As [`EmbeddedLog::take`], for threads outside the async runtime.
    ///
    /// # Errors
    /// As [`EmbeddedLog::take`].
    pub fn take_blocking(&self, offsets: Vec<u64>) -> Result<Vec<u64>, LogError> {
        let answered = answer(&self.inner.shared.queue, |done| Job::Take { offsets, done })?;
        answered.blocking_recv().map_err(|_| self.inner.shared.ended())?
    }

    /// Orders at or after `from` that were never taken, in offset order, for the dispatcher's start.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn pending(&self, from: u64, limit: ReadLimit) -> Result<Vec<Record>, LogError> {
        self.inner.shared.pending(from, limit)
    }

    /// Lowest order never taken: the dispatch topic may be trimmed below it.
    #[must_use]
    pub fn dispatch_low(&self) -> u64 {
        lock(&self.inner.shared.taken).low()
    }

    /// Durable records of a topic from an offset on, without waiting; empty at the end.
    ///
    /// # Errors
    /// The offset was trimmed or lies beyond the end, or the disk failed.
    pub fn read_from(&self, topic: Topic, from: u64, limit: ReadLimit) -> Result<Vec<Record>, LogError> {
        self.inner.shared.read(topic, from, limit)
    }

    /// Waits until the topic has a record at `offset`; false when the time is over or the log stopped.
    #[must_use]
    pub fn wait_for(&self, topic: Topic, offset: u64, timeout: Duration) -> bool {
        let shared = &self.inner.shared;
        let ready = || shared.tails.next(topic) > offset || shared.queue.stopped().is_some();
        shared.tails.wait(timeout, ready) && shared.tails.next(topic) > offset
    }

    /// The topic's end (offset of the next record) as it moves, for async readers.
    #[must_use]
    pub fn subscribe(&self, topic: Topic) -> watch::Receiver<u64> {
        self.inner.shared.tails.subscribe(topic)
    }

    /// First offset kept and offset of the next record.
    #[must_use]
    pub fn ends(&self, topic: Topic) -> (u64, u64) {
        let tails = &self.inner.shared.tails;
        (tails.first(topic), tails.next(topic))
    }

    /// Removes records below an offset, in whole blocks, and returns the first offset kept, which may be lower. Below the end
    /// nothing stays.
    /// Writers go on meanwhile; disk space follows as files become empty. Blocks: not for async tasks.
    ///
    /// # Errors
    /// [`LogError::StillNeeded`] for inputs the shard has not committed and orders not taken; [`LogError::Stopped`].
    /// Outputs are not guarded: their readers keep their positions themselves.
    pub fn trim(&self, topic: Topic, below: u64) -> Result<u64, LogError> {
        self.inner.shared.trim(topic, below)
    }

    /// As [`EmbeddedLog::trim`], of the records from the first on that were appended before a time. Looks through 300,000 of them
    /// at most; what is left waits for the next call.
    ///
    /// # Errors
    /// As [`EmbeddedLog::trim`], or the disk failed.
    pub fn trim_older(&self, topic: Topic, before_ms: u64) -> Result<u64, LogError> {
        self.inner.shared.trim_older(topic, before_ms)
    }

    /// Atomic batches written since the start, each with one fsync.
    #[must_use]
    pub fn groups_written(&self) -> u64 {
        self.inner.shared.groups_written.load(Ordering::Relaxed)
    }

    /// Why the log accepts no further work, if it stopped: for readiness and for the exit of the process.
    #[must_use]
    pub fn stopped(&self) -> Option<LogError> {
        self.inner.shared.queue.stopped()
    }

    fn enqueue_append(
        &self,
        topic: Topic,
        records: Vec<NewRecord>,
    ) -> Result<oneshot::Receiver<Result<Range<u64>, LogError>>, LogError> {
        let largest = records.iter().map(NewRecord::bytes).max().unwrap_or(0);
        let together = records.iter().map(NewRecord::bytes).sum();
        for (bytes, bytes_max) in [(largest, self.inner.record_bytes_max), (together, self.inner.queue_bytes_max)] {
            if bytes > bytes_max {
                return Err(LogError::TooLarge { topic, bytes, bytes_max });
            }
        }
        answer(&self.inner.shared.queue, |done| Job::Append { topic, records, done })
    }
}

impl Log for EmbeddedLog {
    fn ownership(&mut self) -> Result<Vec<Ownership>, LogError> {
        if std::mem::replace(&mut self.told, true) {
            return Ok(Vec::new());
        }
        let (next, store, since) = (self.positions(), self.store().clone(), monotonic());
        Ok(vec![Ownership::Gained { partition: 0, next, store, since }])
    }

    fn is_settled(&self) -> bool {
        self.told
    }

    fn is_serving(&self) -> bool {
        true
    }

    fn read(&mut self, topic: Topic, partition: u32, from: u64, limit: ReadLimit) -> Result<Vec<Record>, LogError> {
        only_partition(partition)?;
        self.read_from(topic, from, limit)
    }

    fn wait(&mut self, next: &[(u32, Topic, u64)], timeout: Duration) -> Result<bool, LogError> {
        let shared = &self.inner.shared;
        let grown = || next.iter().any(|&(_, topic, offset)| shared.tails.next(topic) > offset);
        shared.tails.wait(timeout, || grown() || shared.queue.stopped().is_some());
        match shared.queue.stopped() {
            Some(error) => Err(error),
            None => Ok(grown()),
        }
    }

    fn commit(&mut self, commits: Vec<(u32, Commit)>) -> Result<(), LogError> {
        for (partition, commit) in commits {
            only_partition(partition)?;
            let commit = Box::new(commit);
            let shared = &self.inner.shared;
            let answered = answer(&shared.queue, |done| Job::Commit { commit, done })?;
            answered.blocking_recv().map_err(|_| shared.ended())??;
        }
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.queue.close();
        let thread = lock(&self.writer).take();
        // A writer that panicked has already answered its callers by dropping their channels.
        drop(thread.map(JoinHandle::join));
    }
}

impl Shared {
    fn open(directory: &Path, options: &EmbeddedOptions) -> Result<Self, LogError> {
        let store = Store::open(directory, &options.store)?;
        let topics = Topic::ALL
            .into_iter()
            .map(|topic| store.block_keyspace(&format!("topic.{}", topic.name())))
            .collect::<Result<Vec<_>, _>>()?;
        let positions_keyspace = store.side_keyspace("positions")?;
        let taken_keyspace = store.side_keyspace(dispatch::TAKEN)?;
        let ends = Topic::ALL
            .into_iter()
            .zip(&topics)
            .map(|(topic, keyspace)| reader::ends(keyspace, topic))
            .collect::<Result<Vec<_>, _>>()?;
        let positions = Topic::ALL
            .into_iter()
            .map(|topic| stored_position(&positions_keyspace, topic).map(AtomicU64::new))
            .collect::<Result<Vec<_>, _>>()?;
        let taken = Taken::load(&taken_keyspace, ends[Topic::Dispatch.index()].0)?;
        Ok(Self {
            store,
            topics,
            positions_keyspace,
            taken_keyspace,
            queue: Queue::new(Bounds { records: options.queue_records_max, bytes: options.queue_bytes_max }),
            tails: Tails::new(&ends, options.tail_bytes_max),
            positions,
            taken: Mutex::new(taken),
            groups_written: AtomicU64::new(0),
        })
    }

    fn position(&self, topic: Topic) -> u64 {
        self.positions[topic.index()].load(Ordering::Acquire)
    }

    fn keyspaces(&self) -> impl Iterator<Item = &Keyspace> {
        let side = [&self.positions_keyspace, &self.taken_keyspace];
        self.store.keyspaces().iter().chain(&self.topics).chain(side)
    }

    /// Refuses further work and tells whoever waits.
    fn stop(&self, reason: &str) {
        let reason: Arc<str> = Arc::from(reason);
        for job in self.queue.stop(&reason) {
            job.fail(LogError::Stopped { reason: Arc::clone(&reason) });
        }
        self.tails.wake();
    }

    /// The writer went away without an answer.
    fn ended(&self) -> LogError {
        self.queue.stopped().unwrap_or_else(|| LogError::Stopped { reason: Arc::from("its writer ended") })
    }
}

fn answer<T>(
    queue: &Queue,
    job: impl FnOnce(Done<T>) -> Job,
) -> Result<oneshot::Receiver<Result<T, LogError>>, LogError> {
    let (done, answered) = oneshot::channel();
    queue.push(job(done))?;
    Ok(answered)
}

fn only_partition(partition: u32) -> Result<(), LogError> {
    if partition == 0 { Ok(()) } else { Err(LogError::NoPartition { partition }) }
}

fn stored_position(keyspace: &Keyspace, topic: Topic) -> Result<u64, LogError> {
    let failed = |detail| StoreError::Read { place: "positions", detail };
    let stored = keyspace.get(topic.name()).map_err(|error| failed(error.to_string()))?;
    let Some(stored) = stored else { return Ok(0) };
    stored[..]
        .try_into()
        .map(u64::from_be_bytes)
        .map_err(|_| failed(format!("{}: not eight bytes; restore a backup", topic.name())).into())
}
