//! The one thread that writes: all that waits becomes one atomic batch and one fsync, then every caller is answered.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fjall::{OwnedWriteBatch, PersistMode};

use super::Shared;
use super::block;
use super::queue::{Done, Group, Job};
use super::tail::lock;
use crate::log::{Commit, LogError, NewRecord, Record, Topic};
use crate::store::StoreError;

/// Answers that are sent once the group is durable.
enum Answer {
    Append(Done<Range<u64>>, Range<u64>),
    Commit(Done<()>),
    Take(Done<Vec<u64>>, Vec<u64>),
    Remove(Done<()>, Topic, u64),
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
}

/// One group while it is put together.
struct Staged {
    batch: OwnedWriteBatch,
    records: Vec<Vec<NewRecord>>,
    positions: Vec<(Topic, u64)>,
    chunks: BTreeSet<u64>,
    /// Topics of which every block is removed.
    emptied: Vec<Topic>,
    answers: Vec<Answer>,
}

impl Writer {
    /// Runs until the log is closed. Should it ever panic, the log counts as stopped and callers are told.
    pub(super) fn run(&self) {
        let _stop = StopOnExit(&self.shared);
        while let Some(group) = self.shared.queue.take_group() {
            let size = group.size();
            let written = self.write(group);
            self.shared.queue.release(&size);
            if let Err(error) = written {
                self.shared.stop(&error.to_string());
            }
            self.shared.tails.wake();
        }
    }

    fn write(&self, group: Group) -> Result<(), StoreError> {
        let shared = &*self.shared;
        let mut staged = Staged {
            batch: shared.store.database().batch().durability(Some(PersistMode::SyncData)),
            records: vec![Vec::new(); Topic::COUNT],
            positions: Vec::new(),
            chunks: BTreeSet::new(),
            emptied: Vec::new(),
            answers: Vec::with_capacity(group.jobs.len()),
        };
        for job in group.jobs {
            self.stage(&mut staged, job);
        }
        self.stage_blocks(&mut staged);
        let Staged { batch, records, positions, answers, .. } = staged;
        if !batch.is_empty() {
            let written =
                shared.wait_for_background().and_then(|()| batch.commit().map_err(|error| StoreError::write(&error)));
            if let Err(error) = written {
                let reason: Arc<str> = Arc::from(error.to_string());
                // Refuse new work before the callers learn of it, so that none of them can slip in after.
                let waiting = shared.queue.stop(&reason);
                let stopped = LogError::Stopped { reason };
                answers.into_iter().for_each(|answer| answer.fail(&stopped));
                waiting.into_iter().for_each(|job| job.fail(stopped.clone()));
                return Err(error);
            }
            shared.groups_written.fetch_add(1, Ordering::Relaxed);
        }
        for (topic, records) in Topic::ALL.into_iter().zip(records) {
            if !records.is_empty() {
                let first = shared.tails.next(topic);
                let durable = (first..).zip(records);
                let durable = durable.map(|(offset, record)| Record::from_new(offset, record));
                shared.tails.publish(topic, durable);
            }
        }
        for (topic, next) in positions {
            shared.positions[topic.index()].store(next, Ordering::Release);
        }
        answers.into_iter().for_each(|answer| answer.send(shared));
        Ok(())
    }

    fn stage(&self, staged: &mut Staged, job: Job) {
        let shared = &*self.shared;
        match job {
            Job::Append { topic, mut records, done } => {
                let first = shared.tails.next(topic) + staged.records[topic.index()].len() as u64;
                let range = first..first + records.len() as u64;
                staged.records[topic.index()].append(&mut records);
                staged.answers.push(Answer::Append(done, range));
            }
            Job::Commit { commit, done } => match self.check(staged, &commit) {
                Ok(()) => {
                    self.stage_commit(staged, *commit);
                    staged.answers.push(Answer::Commit(done));
                }
                Err(error) => drop(done.send(Err(error))),
            },
            Job::Take { offsets, done } => {
                let next = shared.tails.next(Topic::Dispatch);
                if let Some(&wanted) = offsets.iter().find(|offset| **offset >= next) {
                    let topic = Topic::Dispatch;
                    drop(done.send(Err(LogError::BeyondEnd { topic, wanted, next })));
                    return;
                }
                let fresh = lock(&shared.taken).take(&offsets, &mut staged.chunks);
                staged.answers.push(Answer::Take(done, fresh));
            }
            Job::Remove { topic, blocks, first, done } => {
                for block in blocks {
                    staged.batch.remove(&shared.topics[topic.index()], block.to_be_bytes());
                }
                if first == shared.tails.next(topic) {
                    staged.emptied.push(topic);
                }
                if topic == Topic::Dispatch {
                    for key in lock(&shared.taken).trim(first) {
                        staged.batch.remove(&shared.taken_keyspace, key);
                    }
                }
                staged.answers.push(Answer::Remove(done, topic, first));
            }
        }
    }

    /// Offsets must name inputs, not go back, and not pass what is durable.
    fn check(&self, staged: &Staged, commit: &Commit) -> Result<(), LogError> {
        let bad = |detail: String| Err(LogError::BadCommit { detail });
        if commit.next_offsets.is_empty() {
            return bad("it names no input offsets; name the next offset of every input".to_owned());
        }
        for &(topic, next) in &commit.next_offsets {
            let name = topic.name();
            if !topic.is_input() {
                return bad(format!("{name} is not an input"));
            }
            let pending = staged.positions.iter().rev().find(|(other, _)| *other == topic);
            let committed = pending.map_or_else(|| self.shared.position(topic), |(_, next)| *next);
            if next < committed {
                return bad(format!("{name} would go back from {committed} to {next}"));
            }
            let end = self.shared.tails.next(topic);
            if next > end {
                return bad(format!("{name} would move to {next}, beyond its end {end}"));
            }
        }
        Ok(())
    }

    fn stage_commit(&self, staged: &mut Staged, commit: Commit) {
        for (topic, record) in commit.outputs {
            staged.records[topic.index()].push(record);
        }
        for (topic, next) in commit.next_offsets {
            staged.batch.insert(&self.shared.positions_keyspace, topic.name(), next.to_be_bytes());
            staged.positions.push((topic, next));
        }
        self.shared.store.stage(&mut staged.batch, commit.state);
    }

    fn stage_blocks(&self, staged: &mut Staged) {
        let shared = &*self.shared;
        for topic in Topic::ALL {
            let mut first = shared.tails.next(topic);
            if staged.emptied.contains(&topic) && staged.records[topic.index()].is_empty() {
                // Carries the end until the next records take its place, under the same key.
                staged.batch.insert(&shared.topics[topic.index()], first.to_be_bytes(), block::encode(&[]));
            }
            for run in block::runs(&staged.records[topic.index()]) {
                let keyspace = &shared.topics[topic.index()];
                staged.batch.insert(keyspace, first.to_be_bytes(), block::encode(run));
                first += run.len() as u64;
            }
        }
        let taken = lock(&shared.taken);
        for &number in &staged.chunks {
            if let Some((key, bits)) = taken.stored(number) {
                staged.batch.insert(&shared.taken_keyspace, key, *bits);
            }
        }
    }
}

impl Answer {
    // A caller that no longer waits has nothing to be told.
    fn send(self, shared: &Shared) {
        match self {
            Self::Append(done, range) => drop(done.send(Ok(range))),
            Self::Commit(done) => drop(done.send(Ok(()))),
            Self::Take(done, offsets) => drop(done.send(Ok(offsets))),
            Self::Remove(done, topic, first) => {
                shared.tails.raise_first(topic, first);
                drop(done.send(Ok(())));
            }
        }
    }

    fn fail(self, error: &LogError) {
        match self {
            Self::Append(done, _) => drop(done.send(Err(error.clone()))),
            Self::Commit(done) | Self::Remove(done, ..) => drop(done.send(Err(error.clone()))),
            Self::Take(done, _) => drop(done.send(Err(error.clone()))),
        }
    }
}

/// How often the engine's backlog is looked at while it is too long.
const BACKGROUND_PAUSE: Duration = Duration::from_millis(1);

/// The engine pauses writers in steps of 100 ms at four unwritten buffers and without end when the thread that
/// writes them has died of a full disk. Stop short of both.
const UNWRITTEN_BUFFERS_MAX: usize = 2;
const UNMERGED_TABLES_MAX: usize = 24;

impl Shared {
    /// Waits while the engine's background work lags; an error when it has failed.
    fn wait_for_background(&self) -> Result<(), StoreError> {
        loop {
            self.store.database().persist(PersistMode::Buffer).map_err(|error| StoreError::write(&error))?;
            let lags = self.keyspaces().any(|keyspace| {
                keyspace.sealed_memtable_count() > UNWRITTEN_BUFFERS_MAX
                    || keyspace.l0_table_count() > UNMERGED_TABLES_MAX
            });
            if !lags {
                return Ok(());
            }
            std::thread::sleep(BACKGROUND_PAUSE);
        }
    }
}

struct StopOnExit<'a>(&'a Shared);

impl Drop for StopOnExit<'_> {
    fn drop(&mut self) {
        self.0.stop("its writer ended");
    }
}
