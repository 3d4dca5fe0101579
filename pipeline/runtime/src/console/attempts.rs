//! How often a wrong token may be tried. One bucket for everybody: the address of who asks is the proxy's more often than
//! not. It bounds work and noise; nobody guesses a token of 256 random bits.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens that may come at once.
const BURST: u32 = 20;
/// One more after each of these.
const EVERY: Duration = Duration::from_secs(1);

/// The bucket.
pub(super) struct Attempts(Mutex<Bucket>);

struct Bucket {
    left: u32,
    /// When the last was put in.
    filled: Instant,
}

impl Attempts {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Bucket { left: BURST, filled: now }))
    }

    /// Takes one for a wrong token; whether there was one.
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = now.saturating_duration_since(bucket.filled).as_secs() / EVERY.as_secs();
        if due > 0 {
            bucket.left = BURST.min(bucket.left.saturating_add(u32::try_from(due).unwrap_or(BURST)));
            bucket.filled = now;
        }
        let taken = bucket.left.checked_sub(1);
        bucket.left = taken.unwrap_or(0);
        taken.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_ones_run_out_and_come_back() {
        let start = crate::clock::monotonic();
        let attempts = Attempts::new(start);
        let wrong = |at: Instant| (0..100).filter(|_| attempts.take(at)).count();
        assert_eq!(wrong(start), BURST as usize);
        assert_eq!(wrong(start + EVERY * 3), 3);
        assert_eq!(wrong(start + EVERY * 10_000), BURST as usize, "never more than the bucket holds");
    }
}
