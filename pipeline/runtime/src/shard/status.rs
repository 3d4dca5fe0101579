//! What others see of a running shard loop.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Readiness, progress of restoring and loading, and the wish that it ends.
#[derive(Debug, Default)]
pub struct Status {
    /// Every partition served here is loaded and deciding.
    pub ready: AtomicBool,
    /// Asked to end.
    pub stop: AtomicBool,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// Partitions whose state is being brought here.
    restoring: Vec<u32>,
    /// Partitions whose state is being loaded, with the records read so far.
    loading: BTreeMap<u32, u64>,
}

impl Status {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The states of these partitions are being brought here.
    pub(super) fn restoring(&self, partitions: Vec<u32>) {
        self.progress().restoring = partitions;
    }

    /// So many records of a partition's state are read.
    pub(crate) fn loading(&self, partition: u32, records: u64) {
        self.progress().loading.insert(partition, records);
        if records > 0 && records.is_multiple_of(1_000_000) {
            tracing::info!(partition, records, "loading state");
        }
    }

    /// A partition is loaded, or given up.
    pub(crate) fn loaded(&self, partition: u32) {
        self.progress().loading.remove(&partition);
    }

    /// Whether the shards decide.
    ///
    /// # Errors
    /// What is waited for, for people; `before` while no partition is known.
    pub fn readiness(&self, before: &str) -> Result<(), String> {
        if self.ready.load(Ordering::Acquire) {
            return Ok(());
        }
        let progress = self.progress();
        let restoring = progress.restoring.iter().map(|partition| format!("restoring partition {partition}"));
        let loading = progress.loading.iter().map(|(partition, records)| {
            format!("loading the state of partition {partition}, {records} records so far")
        });
        let waits: Vec<String> = restoring.chain(loading).collect();
        Err(if waits.is_empty() { before.to_owned() } else { waits.join("; ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_told() {
        let status = Status::default();
        let told = || status.readiness("opening the log");
        assert_eq!(told(), Err("opening the log".to_owned()));
        status.restoring(vec![3]);
        status.loading(7, 0);
        status.loading(7, 20_000);
        let both = "restoring partition 3; loading the state of partition 7, 20000 records so far";
        assert_eq!(told(), Err(both.to_owned()));
        status.restoring(Vec::new());
        status.loaded(7);
        status.ready.store(true, Ordering::Release);
        assert_eq!(told(), Ok(()));
    }
}
