//! One sender's spacing just before the call: evenly, without a burst, starting empty.
//!
//! The engine has paced already; this second check keeps a sender within its rate when orders pile up before the
//! dispatcher (a slow log, a restart, a partition that came from another process).

/// How far ahead calls are taken and timed, in nanoseconds. Long enough to cover the commit of a take, so that a
/// sender at 1,000 a second never waits for it; short enough that a slot is hardly held for waiting.
pub(super) const HORIZON_NS: u64 = 50_000_000;

const SECOND_NS: u64 = 1_000_000_000;

/// When the next call of one sender may start. Times are nanoseconds since the dispatcher's start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    interval_ns: u64,
    next_ns: u64,
}

impl Pace {
    /// An empty bucket: the first call waits for one interval.
    pub(super) fn new(per_second: u32, now_ns: u64) -> Self {
        let interval_ns = interval(per_second);
        Self { interval_ns, next_ns: now_ns + interval_ns }
    }

    /// Changes the rate; calls timed already stay where they are.
    pub(super) fn set_rate(&mut self, per_second: u32) {
        self.interval_ns = interval(per_second);
    }

    /// Whether one more call fits into the horizon, after `planned` others that are not timed yet.
    pub(super) fn has_room(&self, planned: u32, now_ns: u64) -> bool {
        self.start_after(planned, now_ns) <= now_ns + HORIZON_NS
    }

    /// When [`Pace::has_room`] becomes true.
    pub(super) fn room_at(&self, planned: u32, now_ns: u64) -> u64 {
        self.start_after(planned, now_ns).saturating_sub(HORIZON_NS)
    }

    /// Times one call.
    pub(super) fn reserve(&mut self, now_ns: u64) -> u64 {
        let start = self.next_ns.max(now_ns);
        self.next_ns = start + self.interval_ns;
        start
    }

    fn start_after(&self, planned: u32, now_ns: u64) -> u64 {
        self.next_ns.max(now_ns) + u64::from(planned) * self.interval_ns
    }
}

fn interval(per_second: u32) -> u64 {
    SECOND_NS / u64::from(per_second.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_spaced_evenly_and_the_first_waits() {
        let mut pace = Pace::new(80, 0);
        let starts: Vec<u64> = (0..3).map(|_| pace.reserve(0)).collect();
        assert_eq!(starts, [12_500_000, 25_000_000, 37_500_000]);
    }

    #[test]
    fn an_idle_hour_saves_nothing() {
        let mut pace = Pace::new(10, 0);
        let later = 3_600 * SECOND_NS;
        assert_eq!(pace.reserve(later), later);
        assert_eq!(pace.reserve(later), later + SECOND_NS / 10);
    }

    #[test]
    fn room_counts_what_is_planned() {
        let pace = Pace::new(100, 0);
        assert!(pace.has_room(4, 0), "10, 20, 30, 40 ms are planned, 50 ms is next");
        assert!(!pace.has_room(5, 0));
        assert_eq!(pace.room_at(5, 0), 10_000_000);
    }

    #[test]
    fn a_new_rate_keeps_what_is_timed() {
        let mut pace = Pace::new(1, 0);
        pace.set_rate(1_000);
        assert_eq!(pace.reserve(0), SECOND_NS);
        assert_eq!(pace.reserve(0), SECOND_NS + 1_000_000);
    }
}
