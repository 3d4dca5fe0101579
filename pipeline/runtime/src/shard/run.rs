//! The loop over a log: reads, has each shard decide, commits all of it at once.

use super::Status;
use super::pace::{DECIDE_MOST, DECIDE_URGENT, Pace};
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
    /// Decisions that timers and lots may make in one part of a batch.
    pub ticks_max: usize,
    /// Messages kept resident in each of two generations.
    pub recent_most: usize,
    /// Least time between two snapshots of an account.
    pub snapshot_every: Duration,
    /// Least time from one batch to the next, unless that is full. Zero where a commit costs nothing but itself.
    pub commit_every_min: Duration,
    /// The same for a batch that holds bulk requests alone: how long it is filled. Where more waits than one part of a batch
    /// holds, parts are decided for so long before they are committed together.
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
            let most = self.part_most();
            let inputs = self.read(most)?;
            match self.pause(&inputs) {
                Some((news, wait)) => drop(self.log.wait(&news, wait)?),
                None => self.batch(inputs, most)?,
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
        let is_full = count >= self.part_most() || bytes >= options.batch_bytes_max;
        if is_full || self.is_careful() {
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

    /// How many records the next part of a batch may hold.
    fn part_most(&self) -> usize {
        self.pace.within(DECIDE_MOST, self.parts.options.batch_records_max)
    }

    /// The next records of every shard, in turn, about `most` together. Bulk comes last and gets less beside what is urgent.
    fn read(&mut self, most: usize) -> Result<Inputs, ShardError> {
        let count = self.shards.len();
        let options = self.parts.options;
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
        if holds_urgent(&inputs) {
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

    /// Decides one batch and commits it: the records at hand, and more parts while they fill up and nobody waits.
    fn batch(&mut self, mut inputs: Inputs, mut most: usize) -> Result<(), ShardError> {
        let begun = monotonic();
        let mut size = Size::default();
        loop {
            let part = match self.part(&inputs)? {
                Some(part) => part,
                None => return self.undo(),
            };
            size.add(&inputs, part);
            // Less than half a part means that nothing waits.
            if part < most / 2 || holds_urgent(&inputs) {
                break;
            }
            let Some(room) = self.room(&size, begun) else { break };
            most = room;
            if let Err(error) = self.ahead() {
                return self.failed(error);
            }
            inputs = self.read(most)?;
            if inputs.iter().all(|(_, records)| records.is_empty()) && !self.shards.iter().any(Shard::is_due) {
                break;
            }
        }
        let mut commits = Vec::with_capacity(self.shards.len());
        for shard in &mut self.shards {
            if let Some(commit) = shard.close()? {
                commits.push((shard.partition, commit));
            }
        }
        if commits.is_empty() {
            return Ok(self.log.undo()?);
        }
        self.last_batch = begun;
        let started = monotonic();
        match self.log.commit(commits) {
            Ok(()) => {
                self.undone = 0;
                self.shards.iter_mut().for_each(|s| s.committed(started.elapsed()));
                Ok(())
            }
            Err(error) => self.failed(error),
        }
    }

    /// Decides one part of a batch; how many decisions it took. `None` when a record made an engine panic.
    fn part(&mut self, inputs: &Inputs) -> Result<Option<usize>, ShardError> {
        let urgent = holds_urgent(inputs);
        let ticks = self.pace.within(if urgent { DECIDE_URGENT } else { DECIDE_MOST }, self.parts.options.ticks_max);
        let begun = monotonic();
        let mut decisions = 0;
        for (place, records) in inputs {
            let shard = &mut self.shards[*place];
            if records.is_empty() && !shard.is_due() {
                continue;
            }
            if !shard.decide(records, ticks)? {
                return Ok(None);
            }
            decisions += shard.decisions();
        }
        self.pace.learn(decisions, begun.elapsed());
        Ok(Some(decisions))
    }

    /// Whether a culprit is looked for, one record to a batch: filling it would only take time.
    fn is_careful(&self) -> bool {
        self.shards.iter().any(|shard| shard.records_max() == 1)
    }

    /// How many records the next part of the batch may hold; `None` when it is full or its time is over.
    fn room(&self, size: &Size, begun: Instant) -> Option<usize> {
        let options = &self.parts.options;
        let left = options.batch_records_max.saturating_sub(size.decisions);
        let is_full = left == 0 || size.bytes >= options.batch_bytes_max;
        let is_over = begun.elapsed() >= options.commit_every_max;
        (!is_full && !is_over && !self.is_careful()).then(|| self.part_most().min(left))
    }

    /// Hands what the batch came to so far to the log.
    fn ahead(&mut self) -> Result<(), LogError> {
        for shard in &self.shards {
            if let Some((outputs, state)) = shard.so_far() {
                self.log.ahead(shard.partition, outputs, state)?;
            }
        }
        Ok(())
    }

    /// The log did not take a batch.
    fn failed(&mut self, error: LogError) -> Result<(), ShardError> {
        let LogError::Aborted { reason } = error else { return Err(error.into()) };
        tracing::warn!(%reason, "a batch was undone and will be decided again");
        self.aborted()?;
        // Waiting is also what lets the log learn of a new division of the partitions.
        self.undone = (self.undone + 1).min(UNDONE_MOST);
        self.log.wait(&[], UNDONE_WAIT * self.undone)?;
        Ok(())
    }

    /// A record made an engine panic: what the others decided in this batch is not to count either.
    fn undo(&mut self) -> Result<(), ShardError> {
        self.log.undo()?;
        self.aborted()
    }

    fn aborted(&mut self) -> Result<(), ShardError> {
        self.shards.iter_mut().try_for_each(Shard::aborted)?;
        Ok(())
    }
}

/// What a batch holds so far.
#[derive(Default)]
struct Size {
    decisions: usize,
    /// Of its inputs.
    bytes: usize,
}

impl Size {
    fn add(&mut self, inputs: &Inputs, decisions: usize) {
        self.decisions += decisions;
        self.bytes += inputs.iter().flat_map(|(_, records)| records).map(|(_, record)| record.bytes()).sum::<usize>();
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

/// Whether the batch is to be committed as soon as these are decided.
fn holds_urgent(inputs: &Inputs) -> bool {
    inputs.iter().flat_map(|(_, records)| records).any(|(topic, _)| is_urgent(*topic))
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
    let from = shard.next_of(topic);
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
mod tests;
