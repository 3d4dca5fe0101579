//! How far the readers of the log are behind: the age of the oldest record that is not done.
//!
//! Each reader of a partition keeps a mark, and says after each look what it has in hand, or that there was nothing. The
//! age is told when somebody asks, so that it rises while a reader stands still: then nobody knows what has come since
//! its last look, and that is how old the oldest may be.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tollgate_metrics as m;
use tollgate_wire::Time;

use crate::clock::Clock;
use crate::log::Topic;

/// A reader that waits looks again within this: until then nothing was there is nothing is there.
const LOOKS_EVERY_MS: u64 = 2_000;

/// Where one reader of one partition of a topic stands.
#[derive(Debug)]
pub struct Mark {
    /// When the oldest record that is not done was appended, milliseconds since 1970; 0 = none is known.
    oldest_ms: AtomicU64,
    /// When that was looked at last.
    looked_ms: AtomicU64,
}

impl Mark {
    /// The reader has a record in hand that is not done; of several, the oldest. Records of another clock's future count
    /// as new.
    pub fn behind(&self, appended_ms: u64, now: Time) {
        self.oldest_ms.store(appended_ms.clamp(1, now.0.max(1)), Ordering::Relaxed);
        self.looked_ms.store(now.0, Ordering::Relaxed);
    }

    /// Everything that was there is done.
    pub fn caught_up(&self, now: Time) {
        self.oldest_ms.store(0, Ordering::Relaxed);
        self.looked_ms.store(now.0, Ordering::Relaxed);
    }

    fn age_ms(&self, now: Time) -> u64 {
        let looked_ms = self.looked_ms.load(Ordering::Relaxed);
        match self.oldest_ms.load(Ordering::Relaxed) {
            0 => Some(now.0.saturating_sub(looked_ms)).filter(|age| *age > LOOKS_EVERY_MS).unwrap_or(0),
            oldest_ms => now.0.saturating_sub(oldest_ms),
        }
    }
}

/// The marks of a process.
#[derive(Debug)]
pub struct Lags {
    clock: Clock,
    marks: Mutex<BTreeMap<(Topic, u32), Arc<Mark>>>,
}

impl Lags {
    /// No reader yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, marks: Mutex::default() }
    }

    /// The mark of a reader, to be kept at hand. What came before is not known, so that a new one ages from now on.
    #[must_use]
    pub fn mark(&self, topic: Topic, partition: u32) -> Arc<Mark> {
        let now = self.clock.now();
        let new = || Arc::new(Mark { oldest_ms: AtomicU64::new(0), looked_ms: AtomicU64::new(now.0) });
        Arc::clone(self.lock().entry((topic, partition)).or_insert_with(new))
    }

    /// This process reads the partition no longer.
    pub fn forget(&self, topic: Topic, partition: u32) {
        self.lock().remove(&(topic, partition));
    }

    /// The age of a topic's oldest record that is not done, in the worst partition; `None` where it is not read.
    #[must_use]
    pub fn of(&self, topic: Topic) -> Option<Duration> {
        let now = self.clock.now();
        let marks = self.lock();
        let ages = marks.range((topic, 0)..=(topic, u32::MAX)).map(|(_, mark)| mark.age_ms(now));
        ages.max().map(Duration::from_millis)
    }

    /// Sets the metric of every topic.
    pub fn show(&self, metrics: &m::Metrics) {
        for topic in Topic::ALL {
            if let Some(label) = m::Topic::parse(topic.name()) {
                metrics.set_log_lag(label, self.of(topic));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Topic, u32), Arc<Mark>>> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_800_000_000_000;

    #[test]
    fn it_rises_while_a_reader_stands_still_and_is_zero_when_it_has_caught_up() {
        let clock = Clock::manual(Time(START));
        let lags = Lags::new(clock.clone());
        assert_eq!(lags.of(Topic::Ledger), None, "nobody reads it here");
        let mark = lags.mark(Topic::Ledger, 3);
        let of = |after_ms: u64| {
            clock.set(Time(START + after_ms));
            lags.of(Topic::Ledger).map(|lag| lag.as_millis())
        };
        assert_eq!((of(0), of(1_000)), (Some(0), Some(0)));
        mark.behind(START - 5_000, clock.now());
        assert_eq!((of(1_000), of(60_000)), (Some(6_000), Some(65_000)), "in hand and not done");
        mark.caught_up(clock.now());
        assert_eq!((of(60_000), of(61_500)), (Some(0), Some(0)));
        assert_eq!(of(90_000), Some(30_000), "nobody has looked since");
        mark.caught_up(clock.now());
        assert_eq!(of(90_000), Some(0));
        mark.behind(START + 900_000, clock.now());
        assert_eq!(of(90_000), Some(0), "appended in the future");
    }

    #[test]
    fn the_worst_partition_counts_and_one_that_has_moved_does_not() {
        let clock = Clock::manual(Time(START));
        let lags = Lags::new(clock.clone());
        for (partition, behind_ms) in [(0, 250), (1, 1_500)] {
            lags.mark(Topic::Events, partition).behind(START - behind_ms, clock.now());
        }
        lags.mark(Topic::Commands, 1).behind(START - 9_000, clock.now());
        let metrics = m::Metrics::new("test", m::Limits::default()).expect("the catalogue is sound");
        let shown = || {
            lags.show(&metrics);
            let text = String::from_utf8(metrics.encode().expect("metrics encode")).expect("text");
            let lines = text.lines().filter_map(|line| line.strip_prefix("tollgate_log_lag_seconds"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(shown(), ["{topic=\"commands\"} 9", "{topic=\"events\"} 1.5"]);
        lags.forget(Topic::Events, 1);
        lags.forget(Topic::Commands, 1);
        assert_eq!(shown(), ["{topic=\"events\"} 0.25"]);
    }
}
