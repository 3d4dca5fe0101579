//! One heap of everything that will happen, instead of a task per status.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::lifecycle::Action;

/// Actions by due time; equal times fire in the order they were set.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Timer>>,
    sequence: u64,
}

#[derive(Debug)]
struct Timer {
    due_ms: u64,
    sequence: u64,
    action: Action,
}

impl Timers {
    pub(crate) fn set(&mut self, due_ms: u64, action: Action) {
        self.sequence += 1;
        self.heap.push(Reverse(Timer { due_ms, sequence: self.sequence, action }));
    }

    /// The next action that is due, with the time it was due at.
    pub(crate) fn pop_due(&mut self, now_ms: u64) -> Option<(u64, Action)> {
        if self.heap.peek()?.0.due_ms > now_ms {
            return None;
        }
        let Reverse(timer) = self.heap.pop()?;
        Some((timer.due_ms, timer.action))
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(crate) fn clear(&mut self) {
        self.heap.clear();
    }
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.sequence == other.sequence
    }
}

impl Eq for Timer {}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due_ms, self.sequence).cmp(&(other.due_ms, other.sequence))
    }
}
