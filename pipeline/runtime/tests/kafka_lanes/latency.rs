//! A distribution of durations.

use std::fmt;
use std::time::Duration;

/// Sorted.
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn new(all: impl Iterator<Item = Duration>) -> Self {
        let mut all: Vec<Duration> = all.collect();
        all.sort_unstable();
        Self(all)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Zero when there is none.
    pub fn percentile(&self, percent: usize) -> Duration {
        let at = (self.0.len() * percent).div_ceil(100).max(1) - 1;
        self.0.get(at).copied().unwrap_or_default()
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n {}", self.0.len())?;
        for percent in [50, 90, 99, 100] {
            write!(f, ", p{percent} {:.0} ms", self.percentile(percent).as_secs_f64() * 1e3)?;
        }
        Ok(())
    }
}
