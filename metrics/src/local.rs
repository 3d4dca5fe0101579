//! Plain integers of one thread in front of shared counters.

use prometheus::{IntCounter, IntCounterVec};

/// Cells by index; only touched ones are flushed. Handles are resolved at the
/// first flush of a cell, so a series exists only once it has counted.
#[derive(Debug)]
pub(crate) struct LocalCounters {
    vec: IntCounterVec,
    cells: Vec<u64>,
    touched: Vec<u32>,
    handles: Vec<Option<IntCounter>>,
}

impl LocalCounters {
    pub(crate) fn new(vec: &IntCounterVec, len: usize) -> Self {
        Self {
            vec: vec.clone(),
            cells: vec![0; len],
            touched: Vec::with_capacity(len.min(64)),
            handles: vec![None; len],
        }
    }

    /// Counts one. An index beyond the cells is ignored; typed callers have none.
    #[inline]
    pub(crate) fn count(&mut self, index: usize) {
        let Some(cell) = self.cells.get_mut(index) else {
            return;
        };
        if *cell == 0 {
            self.touched.push(index as u32);
        }
        *cell += 1;
    }

    /// Adds to the shared counters; `labels` names a cell the first time.
    pub(crate) fn flush(&mut self, labels: impl Fn(usize) -> Vec<String>) {
        for index in self.touched.drain(..).map(|index| index as usize) {
            let handle = self.handles[index].get_or_insert_with(|| self.vec.with_label_values(&labels(index)));
            handle.inc_by(std::mem::take(&mut self.cells[index]));
        }
    }

    pub(crate) fn discard(&mut self) {
        for index in self.touched.drain(..) {
            self.cells[index as usize] = 0;
        }
    }
}
