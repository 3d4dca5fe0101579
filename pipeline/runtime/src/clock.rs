//! The only place that asks the operating system for the time.
//!
//! Everything else takes `now` as an argument or holds a [`Clock`]; timers (`tokio::time`) measure waits, never dates.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tollgate_wire::Time;

/// A clock for dates: the system's, or one that a test or a planner moves by hand. Clones share the hand-moved time.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The operating system's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still at `now` until [`Clock::set`].
    #[must_use]
    pub fn manual(now: Time) -> Self {
        Self(Some(Arc::new(AtomicU64::new(now.0))))
    }

    /// The time, milliseconds since 1970 (UTC). A system clock before 1970 reads as 1970.
    #[must_use]
    pub fn now(&self) -> Time {
        match &self.0 {
            Some(manual) => Time(manual.load(Ordering::Acquire)),
            None => now(),
        }
    }

    /// The time as spans want it: finer than milliseconds, unless it is moved by hand.
    #[must_use]
    pub fn system_time(&self) -> SystemTime {
        match &self.0 {
            Some(manual) => UNIX_EPOCH + Duration::from_millis(manual.load(Ordering::Acquire)),
            None => SystemTime::now(),
        }
    }

    /// Moves a hand-moved clock; the system's clock is left alone.
    pub fn set(&self, now: Time) {
        if let Some(manual) = &self.0 {
            manual.store(now.0, Ordering::Release);
        }
    }
}

/// The operating system's time, milliseconds since 1970 (UTC).
#[must_use]
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A point for measuring how long something takes; unrelated to any date.
#[must_use]
pub fn monotonic() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand_and_for_every_clone() {
        let clock = Clock::manual(Time(5));
        let clone = clock.clone();
        clock.set(Time(9));
        assert_eq!(clone.now(), Time(9));
    }

    #[test]
    fn the_system_clock_is_after_2020() {
        assert!(Clock::system().now() > Time(1_577_836_800_000));
    }
}
