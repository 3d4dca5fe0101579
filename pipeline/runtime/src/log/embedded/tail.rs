//! What is durable and visible: the end of each topic, its latest records in memory, and the signals that it grew.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::block::Collector;
use crate::log::{Record, Topic};

/// Visible ends and recent records of all topics.
pub(super) struct Tails {
    topics: Vec<Tail>,
    bytes_max: usize,
    grown: Condvar,
    grown_lock: Mutex<()>,
}

struct Tail {
    /// First offset kept.
    first: AtomicU64,
    /// Offset after the last durable record.
    next: watch::Sender<u64>,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    records: VecDeque<Record>,
    bytes: usize,
}

/// Bookkeeping of a record in memory beside its bytes.
const RECORD_OVERHEAD: usize = 96;

impl Tails {
    /// `ends` holds first and next offset of each topic, in [`Topic::ALL`] order.
    pub(super) fn new(ends: &[(u64, u64)], bytes_max: usize) -> Self {
        let topics = ends
            .iter()
            .map(|&(first, next)| Tail {
                first: AtomicU64::new(first),
                next: watch::Sender::new(next),
                recent: Mutex::default(),
            })
            .collect();
        Self { topics, bytes_max, grown: Condvar::new(), grown_lock: Mutex::new(()) }
    }

    pub(super) fn first(&self, topic: Topic) -> u64 {
        self.topics[topic.index()].first.load(Ordering::Acquire)
    }

    pub(super) fn raise_first(&self, topic: Topic, first: u64) {
        self.topics[topic.index()].first.fetch_max(first, Ordering::AcqRel);
    }

    pub(super) fn next(&self, topic: Topic) -> u64 {
        *self.topics[topic.index()].next.borrow()
    }

    pub(super) fn subscribe(&self, topic: Topic) -> watch::Receiver<u64> {
        self.topics[topic.index()].next.subscribe()
    }

    /// Makes durable records visible. They follow the current end.
    pub(super) fn publish(&self, topic: Topic, records: impl Iterator<Item = Record>) {
        let tail = &self.topics[topic.index()];
        let mut next = *tail.next.borrow();
        {
            let mut recent = lock(&tail.recent);
            for record in records {
                next = record.offset + 1;
                recent.bytes += record.bytes() + RECORD_OVERHEAD;
                recent.records.push_back(record);
            }
            while recent.bytes > self.bytes_max {
                let Some(oldest) = recent.records.pop_front() else {
                    break;
                };
                recent.bytes -= oldest.bytes() + RECORD_OVERHEAD;
            }
        }
        tail.next.send_replace(next);
    }

    /// Wakes the blocking waiters, once per group of writes or when the log stops.
    pub(super) fn wake(&self) {
        drop(lock(&self.grown_lock));
        self.grown.notify_all();
    }

    /// Collects from memory; false when the wanted offset is no longer there.
    pub(super) fn read(&self, wanted: &mut Collector) -> bool {
        let recent = lock(&self.topics[wanted.topic.index()].recent);
        let Some(oldest) = recent.records.front().map(|record| record.offset) else {
            return false;
        };
        let Some(skip) = wanted.from.checked_sub(oldest) else {
            return false;
        };
        for record in recent.records.iter().skip(skip as usize) {
            if !wanted.offer(record.clone()) {
                break;
            }
        }
        true
    }

    /// Waits until `ready`, which is tried now and after every group of writes; false when the time is over.
    pub(super) fn wait(&self, timeout: Duration, ready: impl Fn() -> bool) -> bool {
        let deadline = Instant::now() + timeout;
        let mut guard = lock(&self.grown_lock);
        loop {
            if ready() {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            guard = self.grown.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A panic elsewhere while holding one of these locks leaves consistent data: each is changed by single steps.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
