//! The loop over a log: reads, has each shard decide, commits all of it at once.

use super::Status;
use super::partition::{DecideError, Shard, ShardParts};
use crate::clock::monotonic;
use crate::log::{Log, LogError, Ownership, ReadLimit, Record, Topic};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tollgate_wire::order::Callback;

/// Bounds of the loop.
#[derive(Clone, Copy, Debug)]
pub struct ShardOptions {
    /// Records of one batch at most.
    pub batch_records_max: usize,
    /// Bytes of one batch's inputs at most.
    pub batch_bytes_max: usize,
    /// Decisions that timers and lots may make in one batch.
    pub ticks_max: usize,
    /// Messages kept resident in each of two generations.
    pub recent_most: usize,
    /// Least time between two snapshots of an account.
    pub snapshot_every: Duration,
    /// Least time between two commits. Zero where a commit costs nothing but itself.
    pub commit_every_min: Duration,
    /// How long a batch that holds bulk requests alone is filled before it is committed.
    pub commit_every_max: Duration,
}

impl Default for ShardOptions {
    fn default() -> Self {
        Self {
            batch_records_max: 5_000,
            batch_bytes_max: 4 << 20,
            ticks_max: 5_000,
            recent_most: 200_000,
            snapshot_every: Duration::from_secs(1),
            commit_every_min: Duration::ZERO,
            commit_every_max: Duration::ZERO,
        }
    }
}

/// Why the loop ended.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// A shard cannot decide.
    #[error(transparent)]
    Decide(#[from] DecideError),
    /// The log failed; nothing of the last batch counts.
    #[error(transparent)]
    Log(#[from] LogError),
    /// No thread for loading a state.
    #[error("a thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// The shards of the partitions that a log has given to this process.
pub struct Shards<L: Log> {
    log: L,
    parts: ShardParts,
    shards: Vec<Shard>,
    /// Partitions whose state is being loaded, each on a thread of its own, so that the others go on.
    loading: Vec<(u32, JoinHandle<Result<Shard, DecideError>>)>,
    status: Arc<Status>,
    last_commit: Instant,
    /// The shard that reads first, so that none always gets what the others leave.
    first: usize,
    /// Batches undone in a row.
    undone: u32,
}

/// The records of one batch, by place of their shard.
type Inputs = Vec<(usize, Vec<(Topic, Record)>)>;

/// Positions of which a record at or after is worth waking for.
type News = Vec<(u32, Topic, u64)>;

impl<L: Log> Shards<L> {
    /// Loads the state of every partition that the log has at once.
    ///
    /// # Errors
    /// A store cannot be read, or the log stopped.
    pub fn open(log: L, parts: ShardParts, status: Arc<Status>) -> Result<Self, ShardError> {
        let mut shards = Self {
            log,
            parts,
            shards: Vec::new(),
            loading: Vec::new(),
            status,
            last_commit: monotonic(),
            first: 0,
            undone: 0,
        };
        shards.follow()?;
        while !shards.loading.is_empty() {
            std::thread::sleep(Duration::from_millis(5));
            shards.follow()?;
        }
        Ok(shards)
    }

    /// Attempts without a result when the state was loaded, with their accounts.
    pub fn take_ordered(&mut self) -> Vec<(String, Callback)> {
        self.shards.iter_mut().flat_map(Shard::take_ordered).collect()
    }

    /// Runs until asked to stop.
    ///
    /// # Errors
    /// The log or a store failed: nothing of the last batch counts, and a restart goes on from before it.
    pub fn run(mut self) -> Result<(), ShardError> {
        while !self.status.stop.load(Ordering::Acquire) {
            self.follow()?;
            if !self.log.is_serving() {
                self.log.wait(&[], IDLE_MAX)?;
                continue;
            }
            let inputs = self.read()?;
            match self.pause(&inputs) {
                Some((news, wait)) => drop(self.log.wait(&news, wait)?),
                None => self.batch(&inputs)?,
            }
        }
        self.status.ready.store(false, Ordering::Release);
        self.last_snapshots()
    }

    /// Shows the views where everything stood at the end.
    fn last_snapshots(&mut self) -> Result<(), ShardError> {
        if !self.log.is_serving() {
            return Ok(());
        }
        let last = self.shards.iter_mut().filter_map(|s| s.last_snapshots().map(|commit| (s.partition, commit)));
        let commits: Vec<_> = last.collect();
        match if commits.is_empty() { Ok(()) } else { self.log.commit(commits) } {
            // Nothing is lost: the views show what they had.
            Err(LogError::Aborted { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes over the partitions that the log has given and drops those that it has taken away.
    fn follow(&mut self) -> Result<(), ShardError> {
        for change in self.log.ownership()? {
            match change {
                Ownership::Gained { partition, next, store } => {
                    let (parts, status) = (self.parts.clone(), Arc::clone(&self.status));
                    status.loading(partition, 0);
                    let load = move || Shard::open(partition, next, store, &parts, &status);
                    let thread = std::thread::Builder::new().name(format!("load-{partition}")).spawn(load);
                    self.loading.push((partition, thread.map_err(ShardError::Thread)?));
                }
                Ownership::Lost { partition } => {
                    self.shards.iter().filter(|s| s.partition == partition).for_each(Shard::forget_gauges);
                    self.shards.retain(|s| s.partition != partition);
                    self.loading.retain(|(p, _)| *p != partition);
                    self.status.loaded(partition);
                }
            }
        }
        while let Some(at) = self.loading.iter().position(|(_, thread)| thread.is_finished()) {
            let (partition, thread) = self.loading.swap_remove(at);
            let shard = thread.join().map_err(|_| LogError::Stopped {
                reason: format!("loading the state of partition {partition} panicked").into(),
            })??;
            self.shards.push(shard);
            self.shards.sort_by_key(|s| s.partition);
        }
        let ready = self.loading.is_empty() && self.log.is_settled();
        if !ready {
            self.status.restoring(self.log.restoring());
        }
        self.status.ready.store(ready, Ordering::Release);
        Ok(())
    }

    /// What to wait for before the batch is decided, and how long; `None` when it is time.
    fn pause(&self, inputs: &Inputs) -> Option<(News, Duration)> {
        let nothing = inputs.iter().all(|(_, records)| records.is_empty());
        let positions = || self.shards.iter().flat_map(|s| s.next.iter().map(|(topic, n)| (s.partition, *topic, *n)));
        if nothing && !self.shards.iter().any(Shard::is_due) {
            let idle = self.shards.iter().map(Shard::idle).min().unwrap_or(IDLE_MAX);
            let idle = if self.loading.is_empty() { idle } else { idle.min(Duration::from_millis(20)) };
            return Some((positions().collect(), idle));
        }
        let since = self.last_commit.elapsed();
        let options = &self.parts.options;
        if since < options.commit_every_min {
            return Some((Vec::new(), options.commit_every_min.saturating_sub(since)));
        }
        let mut all = inputs.iter().flat_map(|(_, records)| records);
        let bulk_alone = !nothing && all.clone().all(|(topic, _)| *topic == Topic::Requests);
        let (count, bytes) = all.by_ref().fold((0, 0), |(n, b), (_, r)| (n + 1, b + r.bytes()));
        let full = count >= options.batch_records_max || bytes >= options.batch_bytes_max;
        if bulk_alone && !full && since < options.commit_every_max {
            // Anything but bulk is news.
            let news = positions().filter(|(_, topic, _)| *topic != Topic::Requests).collect();
            return Some((news, options.commit_every_max.saturating_sub(since)));
        }
        None
    }

    /// The next records of every shard, in turn.
    fn read(&mut self) -> Result<Inputs, ShardError> {
        let count = self.shards.len();
        let mut left = self.parts.options.batch_records_max;
        let mut inputs = Vec::with_capacity(count);
        self.first = (self.first + 1) % count.max(1);
        for place in (0..count).map(|i| (self.first + i) % count) {
            let shard = &self.shards[place];
            let share = left.max(self.parts.options.batch_records_max / count).min(shard.records_max());
            let records = read(&mut self.log, shard, share, self.parts.options.batch_bytes_max / count)?;
            left = left.saturating_sub(records.len());
            inputs.push((place, records));
        }
        Ok(inputs)
    }

    /// Decides one batch and commits it.
    fn batch(&mut self, inputs: &Inputs) -> Result<(), ShardError> {
        let mut commits = Vec::with_capacity(inputs.len());
        for (place, records) in inputs {
            let shard = &mut self.shards[*place];
            if records.is_empty() && !shard.is_due() {
                continue;
            }
            if let Some(commit) = shard.decide(records)? {
                commits.push((shard.partition, commit));
            }
        }
        if commits.is_empty() {
            return Ok(());
        }
        let started = monotonic();
        let result = self.log.commit(commits);
        self.last_commit = monotonic();
        match result {
            Ok(()) => {
                self.undone = 0;
                self.shards.iter_mut().for_each(|s| s.committed(started.elapsed()));
            }
            Err(LogError::Aborted { reason }) => {
                tracing::warn!(%reason, "a batch was undone and will be decided again");
                for shard in &mut self.shards {
                    shard.aborted()?;
                }
                // Waiting is also what lets the log learn of a new division of the partitions.
                self.undone = (self.undone + 1).min(UNDONE_MOST);
                self.log.wait(&[], UNDONE_WAIT * self.undone)?;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Pause after a batch that was undone, times how many were in a row.
const UNDONE_WAIT: Duration = Duration::from_millis(10);
/// Most that counts of them.
const UNDONE_MOST: u32 = 50;
/// Longest wait while no partition is served here.
const IDLE_MAX: Duration = Duration::from_millis(200);

/// The next inputs of one shard: commands first, then events (at most half while priority waits), priority, and
/// bulk with at least a tenth.
fn read<L: Log>(log: &mut L, shard: &Shard, most: usize, bytes_max: usize) -> Result<Vec<(Topic, Record)>, LogError> {
    let mut taken: Vec<(Topic, Record)> = Vec::new();
    let mut bytes = 0;
    let tenth = (most / 10).max(1);
    for (topic, share) in [
        (Topic::Commands, most),
        (Topic::RequestsPriority, most / 2),
        (Topic::Events, most / 2),
        (Topic::Requests, tenth),
    ] {
        let room = match topic {
            Topic::Requests => most.saturating_sub(taken.len()).max(share),
            _ => most.saturating_sub(taken.len()).min(share.max(1)),
        };
        if room == 0 || (most == 1 && !taken.is_empty()) {
            continue;
        }
        let from = shard.next.iter().find(|(t, _)| *t == topic).map_or(0, |(_, o)| *o);
        let limit = ReadLimit { records: room, bytes: bytes_max.saturating_sub(bytes).max(bytes_max / 10) };
        let records = log.read(topic, shard.partition, from, limit)?;
        bytes += records.iter().map(Record::bytes).sum::<usize>();
        taken.extend(records.into_iter().map(|r| (topic, r)));
    }
    Ok(taken)
}
