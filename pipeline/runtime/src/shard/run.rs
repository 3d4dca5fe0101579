//! The loop over a log: reads, has each shard decide, commits all of it at once.

use super::Status;
use super::partition::{DecideError, Shard, ShardParts};
use crate::clock::monotonic;
use crate::log::{Log, LogError, Ownership, ReadLimit, Record, Topic};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tollgate_wire::Time;
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
    /// Least time from one batch to the next, unless that is full. Zero where a commit costs nothing but itself.
    pub commit_every_min: Duration,
    /// The same for a batch that holds bulk requests alone: how long it is filled.
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
    /// When the last batch was begun. What its commit took counts as waiting, so that a slow broker is not waited for twice.
    last_batch: Instant,
    /// The shard that reads first, so that none always gets what the others leave.
    first: usize,
    /// Batches undone in a row.
    undone: u32,
    /// What a decision takes, for how much one batch may hold.
    pace: Pace,
    /// Partitions that are this process's to decide for, those on their way among them: how far they are behind is told.
    ours: BTreeSet<u32>,
    /// Whether everything was settled at the last look.
    settled: bool,
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
            last_batch: monotonic(),
            first: 0,
            undone: 0,
            pace: Pace::new(),
            ours: BTreeSet::new(),
            settled: false,
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
        let changes = self.log.ownership()?;
        let mut changed = !changes.is_empty();
        for change in changes {
            match change {
                Ownership::Gained { partition, next, store, since } => {
                    let (parts, status) = (self.parts.clone(), Arc::clone(&self.status));
                    status.loading(partition, 0);
                    let load = move || Shard::open(partition, next, store, since, &parts, &status);
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
            changed = true;
            let (partition, thread) = self.loading.swap_remove(at);
            let shard = thread.join().map_err(|_| LogError::Stopped {
                reason: format!("loading the state of partition {partition} panicked").into(),
            })??;
            self.shards.push(shard);
            self.shards.sort_by_key(|s| s.partition);
        }
        let ready = self.loading.is_empty() && self.log.is_settled();
        if changed || !ready || !self.settled {
            self.tell();
        }
        self.settled = ready;
        self.status.ready.store(ready, Ordering::Release);
        Ok(())
    }

    /// Tells which partitions are on their way. What comes for one meanwhile waits, so it is behind from its assignment on.
    fn tell(&mut self) {
        let restoring = self.log.restoring();
        let loading = self.loading.iter().map(|(partition, _)| *partition);
        let served = self.shards.iter().map(|shard| shard.partition);
        let ours: BTreeSet<u32> = restoring.iter().copied().chain(loading).chain(served).collect();
        for partition in self.ours.difference(&ours) {
            Topic::INPUTS.iter().for_each(|topic| self.parts.lags.forget(*topic, *partition));
        }
        for partition in ours.difference(&self.ours) {
            Topic::INPUTS.iter().for_each(|topic| drop(self.parts.lags.mark(*topic, *partition)));
        }
        let dividing = !self.log.is_serving() && !ours.is_empty();
        self.status.serving(self.shards.len(), restoring, dividing);
        self.ours = ours;
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
        let mut all = inputs.iter().flat_map(|(_, records)| records);
        let bulk_alone = !nothing && all.clone().all(|(topic, _)| *topic == Topic::Requests);
        let (count, bytes) = all.by_ref().fold((0, 0), |(n, b), (_, r)| (n + 1, b + r.bytes()));
        let options = &self.parts.options;
        if count >= self.pace.within(DECIDE_MOST, options.batch_records_max) || bytes >= options.batch_bytes_max {
            return None;
        }
        let since = self.last_batch.elapsed();
        if since < options.commit_every_min {
            return Some((Vec::new(), options.commit_every_min.saturating_sub(since)));
        }
        if bulk_alone && since < options.commit_every_max {
            // Anything but bulk is news.
            let news = positions().filter(|(_, topic, _)| *topic != Topic::Requests).collect();
            return Some((news, options.commit_every_max.saturating_sub(since).min(FILL_LOOK)));
        }
        None
    }

    /// The next records of every shard, in turn. Bulk comes last and gets less beside what is urgent.
    fn read(&mut self) -> Result<Inputs, ShardError> {
        let count = self.shards.len();
        let options = self.parts.options;
        let most = self.pace.within(DECIDE_MOST, options.batch_records_max);
        let (mut left, bytes_max) = (most, options.batch_bytes_max / count.max(1));
        let now = self.parts.clock.now();
        self.first = (self.first + 1) % count.max(1);
        let mut inputs: Inputs = (0..count).map(|i| ((self.first + i) % count, Vec::new())).collect();
        for (place, records) in &mut inputs {
            let shard = &self.shards[*place];
            let share = left.max(most / count).min(shard.records_max());
            read_ahead_of_bulk(&mut self.log, shard, share, bytes_max, now, records)?;
            left = left.saturating_sub(records.len());
        }
        let mut bulk = left;
        if inputs.iter().flat_map(|(_, records)| records).any(|(topic, _)| is_urgent(*topic)) {
            bulk = bulk.min(self.pace.within(DECIDE_URGENT, options.batch_records_max));
        }
        for (place, records) in &mut inputs {
            let shard = &self.shards[*place];
            let share = bulk.max(most / 10 / count).max(1).min(shard.records_max());
            let taken = records.len();
            read_bulk(&mut self.log, shard, share, bytes_max, now, records)?;
            bulk = bulk.saturating_sub(records.len() - taken);
        }
        Ok(inputs)
    }

    /// Decides one batch and commits it.
    fn batch(&mut self, inputs: &Inputs) -> Result<(), ShardError> {
        let mut commits = Vec::with_capacity(inputs.len());
        let urgent = inputs.iter().flat_map(|(_, records)| records).any(|(topic, _)| is_urgent(*topic));
        let ticks = self.pace.within(if urgent { DECIDE_URGENT } else { DECIDE_MOST }, self.parts.options.ticks_max);
        let begun = monotonic();
        let mut decisions = 0;
        for (place, records) in inputs {
            let shard = &mut self.shards[*place];
            if records.is_empty() && !shard.is_due() {
                continue;
            }
            if let Some(commit) = shard.decide(records, ticks)? {
                commits.push((shard.partition, commit));
            }
            decisions += shard.decisions();
        }
        self.pace.learn(decisions, begun.elapsed());
        if commits.is_empty() {
            return Ok(());
        }
        self.last_batch = begun;
        let started = monotonic();
        let result = self.log.commit(commits);
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

/// While a batch is filled: after this long it may have become full.
const FILL_LOOK: Duration = Duration::from_millis(5);

/// How long one batch may be decided at most: what comes meanwhile waits for it. Measured in decisions alone, so that a
/// broker that is far away does not make batches smaller.
const DECIDE_MOST: Duration = Duration::from_millis(30);
/// The same for bulk and queues in a batch with somebody who must not wait.
const DECIDE_URGENT: Duration = Duration::from_millis(5);

/// What one decision took lately.
struct Pace {
    each: Duration,
}

impl Pace {
    /// Fewer decisions tell more of the clock than of the pace.
    const TELLING: usize = 50;
    /// No batch is cut below this many by time.
    const LEAST: usize = 100;

    fn new() -> Self {
        Self { each: Duration::from_micros(10) }
    }

    /// How many decisions fit into a time; at most `most`.
    fn within(&self, time: Duration, most: usize) -> usize {
        let fit = time.as_nanos() / self.each.as_nanos().max(1);
        usize::try_from(fit).unwrap_or(usize::MAX).max(Self::LEAST).min(most)
    }

    fn learn(&mut self, decisions: usize, took: Duration) {
        if decisions >= Self::TELLING {
            self.each = (self.each * 3 + took / decisions as u32) / 4;
        }
    }
}

/// What somebody waits for, or what takes a right away.
fn is_urgent(topic: Topic) -> bool {
    matches!(topic, Topic::Commands | Topic::RequestsPriority)
}

/// The next inputs of one shard but bulk: commands first, then the priority lane and events, each at most half.
fn read_ahead_of_bulk<L: Log>(
    log: &mut L,
    shard: &Shard,
    most: usize,
    bytes_max: usize,
    now: Time,
    taken: &mut Vec<(Topic, Record)>,
) -> Result<(), LogError> {
    for (topic, share) in [(Topic::Commands, most), (Topic::RequestsPriority, most / 2), (Topic::Events, most / 2)] {
        let room = most.saturating_sub(taken.len()).min(share.max(1));
        read_topic(log, shard, topic, room, bytes_max, now, taken)?;
    }
    Ok(())
}

/// The next bulk of one shard. While the shard looks for a culprit, nothing else is beside it.
fn read_bulk<L: Log>(
    log: &mut L,
    shard: &Shard,
    room: usize,
    bytes_max: usize,
    now: Time,
    taken: &mut Vec<(Topic, Record)>,
) -> Result<(), LogError> {
    let room = if shard.records_max() == 1 && !taken.is_empty() { 0 } else { room };
    read_topic(log, shard, Topic::Requests, room, bytes_max, now, taken)
}

fn read_topic<L: Log>(
    log: &mut L,
    shard: &Shard,
    topic: Topic,
    room: usize,
    bytes_max: usize,
    now: Time,
    taken: &mut Vec<(Topic, Record)>,
) -> Result<(), LogError> {
    if room == 0 {
        return Ok(());
    }
    let from = shard.next.iter().find(|(t, _)| *t == topic).map_or(0, |(_, o)| *o);
    let bytes: usize = taken.iter().map(|(_, record)| record.bytes()).sum();
    let limit = ReadLimit { records: room, bytes: bytes_max.saturating_sub(bytes).max(bytes_max / 10) };
    let records = log.read(topic, shard.partition, from, limit)?;
    if !records.is_empty() || log.is_caught_up(topic, shard.partition) {
        shard.looked(topic, records.first(), now);
    }
    taken.extend(records.into_iter().map(|r| (topic, r)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_as_long_as_its_time_allows() {
        let mut pace = Pace::new();
        for _ in 0..40 {
            pace.learn(1_000, Duration::from_millis(20));
        }
        assert!((1_490..=1_510).contains(&pace.within(Duration::from_millis(30), 5_000)));
        assert_eq!(pace.within(Duration::from_millis(30), 700), 700);
        for _ in 0..40 {
            pace.learn(1_000, Duration::from_secs(10));
        }
        assert_eq!(pace.within(Duration::from_millis(30), 5_000), Pace::LEAST);
        assert_eq!(pace.within(Duration::from_millis(30), 7), 7);
        // A single slow decision says nothing.
        let before = pace.each;
        pace.learn(1, Duration::from_secs(1));
        assert_eq!(pace.each, before);
    }
}
