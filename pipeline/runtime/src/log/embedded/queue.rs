//! The bounded queue in front of the writer: many callers in, groups out.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::tail::lock;
use crate::log::{Commit, LogError, NewRecord, Topic};

/// Where a caller is told the durable result.
pub(super) type Done<T> = oneshot::Sender<Result<T, LogError>>;

/// One caller's work.
pub(super) enum Job {
    /// Records for one topic; answered with their offsets.
    Append { topic: Topic, records: Vec<NewRecord>, done: Done<Range<u64>> },
    /// One batch of the shard.
    Commit { commit: Box<Commit>, done: Done<()> },
    /// Orders that the dispatcher takes; answered with those that were still pending.
    Take { offsets: Vec<u64>, done: Done<Vec<u64>> },
    /// Blocks to remove, and the first offset kept afterwards.
    Remove { topic: Topic, blocks: Vec<u64>, first: u64, done: Done<()> },
}

impl Job {
    /// Tells the caller that its work failed.
    pub(super) fn fail(self, error: LogError) {
        // A caller that no longer waits has nothing to be told.
        match self {
            Self::Append { done, .. } => drop(done.send(Err(error))),
            Self::Commit { done, .. } | Self::Remove { done, .. } => drop(done.send(Err(error))),
            Self::Take { done, .. } => drop(done.send(Err(error))),
        }
    }
}

/// Bounds of what waits for its fsync. Appends beyond them are refused; commits, takes and trims come from a few
/// threads that wait for each and are let through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

pub(super) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    bounds: Bounds,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<(Job, Size)>,
    /// Appends queued or being written.
    waiting: Size,
    closed: bool,
    stopped: Option<Arc<str>>,
}

#[derive(Clone, Copy, Default)]
struct Size {
    records: usize,
    bytes: usize,
}

/// What one fsync covers at most. Also bounds the memory of one database batch.
const GROUP_BYTES: usize = 16 << 20;

impl Queue {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { state: Mutex::default(), arrived: Condvar::new(), bounds }
    }

    pub(super) fn push(&self, job: Job) -> Result<(), LogError> {
        let size = match &job {
            Job::Append { records, .. } => {
                Size { records: records.len(), bytes: records.iter().map(NewRecord::bytes).sum() }
            }
            _ => Size::default(),
        };
        let mut state = lock(&self.state);
        if let Some(reason) = &state.stopped {
            return Err(LogError::Stopped { reason: Arc::clone(reason) });
        }
        let waiting = state.waiting;
        let over =
            waiting.records + size.records > self.bounds.records || waiting.bytes + size.bytes > self.bounds.bytes;
        if over && size.records > 0 && waiting.records > 0 {
            return Err(LogError::Busy {
                waiting_records: waiting.records,
                waiting_bytes: waiting.bytes,
                records_max: self.bounds.records,
                bytes_max: self.bounds.bytes,
            });
        }
        state.waiting.records += size.records;
        state.waiting.bytes += size.bytes;
        state.jobs.push_back((job, size));
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Everything that waits, up to the size of a group, in order of arrival; `None` when closed and empty.
    pub(super) fn take_group(&self) -> Option<Group> {
        let mut state = lock(&self.state);
        while state.jobs.is_empty() {
            if state.closed {
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut group = Group::default();
        while group.size.bytes < GROUP_BYTES {
            let Some((job, size)) = state.jobs.pop_front() else {
                break;
            };
            group.size.records += size.records;
            group.size.bytes += size.bytes;
            group.jobs.push(job);
        }
        Some(group)
    }

    /// The group is written: its records no longer count against the bounds.
    pub(super) fn release(&self, group: &GroupSize) {
        let mut state = lock(&self.state);
        state.waiting.records -= group.0.records;
        state.waiting.bytes -= group.0.bytes;
    }

    /// No more work is accepted, for that reason; returns the work that waits. The first reason is kept.
    pub(super) fn stop(&self, reason: &Arc<str>) -> Vec<Job> {
        let mut state = lock(&self.state);
        state.stopped.get_or_insert_with(|| Arc::clone(reason));
        state.jobs.drain(..).map(|(job, _)| job).collect()
    }

    /// The writer ends once what waits is written; nothing new is accepted.
    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.stopped.get_or_insert_with(|| Arc::from("it was closed"));
        drop(state);
        self.arrived.notify_all();
    }

    pub(super) fn stopped(&self) -> Option<LogError> {
        let state = lock(&self.state);
        state.stopped.as_ref().map(|reason| LogError::Stopped { reason: Arc::clone(reason) })
    }
}

/// Jobs that share one atomic write and one fsync.
#[derive(Default)]
pub(super) struct Group {
    pub(super) jobs: Vec<Job>,
    size: Size,
}

/// Size of a group, to be released when it is written.
pub(super) struct GroupSize(Size);

impl Group {
    pub(super) fn size(&self) -> GroupSize {
        GroupSize(self.size)
    }
}
