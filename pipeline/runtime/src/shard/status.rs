//! What others see of a running shard loop.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tollgate_metrics::{Metrics, PartitionState};

/// Readiness, progress of restoring and loading, and the wish that it ends.
#[derive(Debug, Default)]
pub struct Status {
    /// Every partition served here is loaded and deciding.
    pub ready: AtomicBool,
    /// Asked to end.
    pub stop: AtomicBool,
    progress: Mutex<Progress>,
    /// Why it ended by itself.
    ended: OnceLock<String>,
}

#[derive(Debug, Default)]
struct Progress {
    /// Partitions that are decided for; `None` where this process decides for none.
    serving: Option<usize>,
    /// The partitions that it had are being divided anew.
    dividing: bool,
    /// Partitions whose state is being brought here.
    restoring: Vec<u32>,
    /// Partitions whose state is being loaded, with the records read so far.
    loading: BTreeMap<u32, u64>,
}

impl Status {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many partitions are decided for, of which the states are being brought here, and whether all of them are
    /// being divided anew.
    pub(super) fn serving(&self, partitions: usize, restoring: Vec<u32>, dividing: bool) {
        let mut progress = self.progress();
        progress.serving = Some(partitions);
        progress.restoring = restoring;
        progress.dividing = dividing;
    }

    /// It ended by itself: nothing is decided here any more.
    pub(crate) fn ended(&self, why: String) {
        let _ = self.ended.set(why);
        self.ready.store(false, Ordering::Release);
    }

    /// Sets the metric of partitions, where this process has any.
    pub(crate) fn show(&self, metrics: &Metrics) {
        let progress = self.progress();
        let Some(serving) = progress.serving else { return };
        let (restoring, loading) = (progress.restoring.len(), progress.loading.len());
        let states = [PartitionState::Restoring, PartitionState::Loading, PartitionState::Ready];
        for (state, partitions) in states.into_iter().zip([restoring, loading, serving]) {
            metrics.set_partitions(state, partitions);
        }
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
        if let Some(why) = self.ended.get() {
            return Err(why.clone());
        }
        if self.ready.load(Ordering::Acquire) {
            return Ok(());
        }
        let progress = self.progress();
        if progress.dividing {
            return Err("partitions are being divided anew among the processes".to_owned());
        }
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
        status.serving(5, vec![3], false);
        status.loading(7, 0);
        status.loading(7, 20_000);
        let both = "restoring partition 3; loading the state of partition 7, 20000 records so far";
        assert_eq!(told(), Err(both.to_owned()));
        let metrics = Metrics::new("test", tollgate_metrics::Limits::default()).expect("the catalogue is sound");
        status.show(&metrics);
        let text = String::from_utf8(metrics.encode().expect("metrics encode")).expect("text");
        for state in ["restoring\"} 1", "loading\"} 1", "ready\"} 5"] {
            assert!(text.contains(&format!("tollgate_partitions{{state=\"{state}\n")), "{text}");
        }
        status.serving(5, Vec::new(), true);
        assert_eq!(told(), Err("partitions are being divided anew among the processes".to_owned()));
        status.serving(6, Vec::new(), false);
        status.loaded(7);
        status.ready.store(true, Ordering::Release);
        assert_eq!(told(), Ok(()));
        status.ended("fenced: by a test".to_owned());
        assert_eq!(told(), Err("fenced: by a test".to_owned()));
        assert!(!status.ready.load(Ordering::Acquire));
    }
}
