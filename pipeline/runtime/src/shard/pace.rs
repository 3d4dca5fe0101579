//! How many decisions fit into a time, by what one took lately.

use std::time::Duration;

/// How long one part of a batch may be decided at most: what comes meanwhile waits for it. Measured in decisions alone, so that a
/// broker that is far away does not make batches smaller.
pub(super) const DECIDE_MOST: Duration = Duration::from_millis(30);
/// The same for bulk and queues in a part with somebody who must not wait.
pub(super) const DECIDE_URGENT: Duration = Duration::from_millis(5);

/// What one decision took lately.
pub(super) struct Pace {
    pub(super) each: Duration,
}

impl Pace {
    /// Fewer decisions tell more of the clock than of the pace.
    const TELLING: usize = 50;
    /// No batch is cut below this many by time.
    const LEAST: usize = 100;

    pub(super) fn new() -> Self {
        Self { each: Duration::from_micros(10) }
    }

    /// How many decisions fit into a time; at most `most`.
    pub(super) fn within(&self, time: Duration, most: usize) -> usize {
        let fit = time.as_nanos() / self.each.as_nanos().max(1);
        usize::try_from(fit).unwrap_or(usize::MAX).max(Self::LEAST).min(most)
    }

    pub(super) fn learn(&mut self, decisions: usize, took: Duration) {
        if decisions >= Self::TELLING {
            self.each = (self.each * 3 + took / decisions as u32) / 4;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_as_long_as_its_time_allows() {
        let mut pace = Pace::new();
        for _ in 0..40 {
            pace.learn(1_000, Duration::from_millis(20));
        }
        assert!((1_490..=1_510).contains(&pace.within(Duration::from_millis(30), 5_000)));
        assert_eq!(pace.within(Duration::from_millis(30), 700), 700);
        for _ in 0..40 {
            pace.learn(1_000, Duration::from_secs(10));
        }
        assert_eq!(pace.within(Duration::from_millis(30), 5_000), Pace::LEAST);
        assert_eq!(pace.within(Duration::from_millis(30), 7), 7);
        // A single slow decision says nothing.
        let before = pace.each;
        pace.learn(1, Duration::from_secs(1));
        assert_eq!(pace.each, before);
    }
}
