//! One sender's spacing just before the call: never more than its rate in any second, evenly within it, starting empty.
//!
//! The engine has paced already; this second check keeps a sender within its rate when orders pile up before the
//! dispatcher (a slow log, a restart, a partition that came from another process). Orders come from there in commits, so that a
//! sender at its full rate is idle for moments. Two paces one after the other would lose those for good: they are made up
//! for, at twice the rate at most.

use std::collections::VecDeque;

/// How far ahead calls are taken and timed at least, in nanoseconds. What the loop does beside takes fits into it; a code
/// behind calls that are timed already waits no longer.
pub(super) const HORIZON_MIN_NS: u64 = 20_000_000;

/// The same at most: an order that is taken and not called yet is in doubt after a crash.
pub(super) const HORIZON_MAX_NS: u64 = 500_000_000;

/// How much of the time in which nothing could be sent is made up for: as much as the engine admits at once.
const MADE_UP_NS: u64 = 250_000_000;

/// Calls whose starts are kept; the platform's highest rate is 1,000 a second. Faster ones are spaced alone.
const COUNTED_MAX: usize = 4_000;

const SECOND_NS: u64 = 1_000_000_000;

/// How far ahead calls are taken and timed: by two takes, since what is picked is durable after one, and what is picked then after
/// another. So no sender is idle, however slow the log is. Follows a longer take at once and a shorter one by an eighth each
/// time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Horizon {
    take_ns: u64,
}

impl Horizon {
    /// A take became durable after so long.
    pub(super) fn took(&mut self, ns: u64) {
        self.take_ns = ns.max(self.take_ns - self.take_ns / 8);
    }

    /// In nanoseconds.
    pub(super) fn ns(self) -> u64 {
        HORIZON_MIN_NS.saturating_add(self.take_ns.saturating_mul(2)).min(HORIZON_MAX_NS)
    }
}

/// When the next call of one sender may start. Times are nanoseconds since the dispatcher's start.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    per_second: u32,
    interval_ns: u64,
    /// When the next call is due if all were evenly spaced.
    due_ns: u64,
    /// Starts of the calls of the second before the latest one, timed ahead or not.
    starts: VecDeque<u64>,
}

impl Pace {
    /// An empty bucket: the first call waits for one interval, and nothing is to be made up for.
    pub(super) fn new(per_second: u32, now_ns: u64) -> Self {
        let per_second = per_second.max(1);
        let interval_ns = SECOND_NS / u64::from(per_second);
        let mut pace = Self { per_second, interval_ns, due_ns: now_ns + interval_ns, starts: VecDeque::new() };
        pace.due_ns += pace.made_up_ns();
        pace
    }

    /// Changes the rate; calls timed already stay where they are.
    pub(super) fn set_rate(&mut self, per_second: u32) {
        self.per_second = per_second.max(1);
        self.interval_ns = SECOND_NS / u64::from(self.per_second);
    }

    /// Whether one more call fits into the horizon, after `planned` others that are not timed yet.
    pub(super) fn has_room(&self, planned: u32, now_ns: u64, horizon: Horizon) -> bool {
        self.start_after(planned, now_ns) <= now_ns + horizon.ns()
    }

    /// When [`Pace::has_room`] becomes true.
    pub(super) fn room_at(&self, planned: u32, now_ns: u64, horizon: Horizon) -> u64 {
        self.start_after(planned, now_ns).saturating_sub(horizon.ns())
    }

    /// Times one call.
    pub(super) fn reserve(&mut self, now_ns: u64) -> u64 {
        let start = self.start_after(0, now_ns);
        // Before its first call a sender was not idle: another process may have called for it until then.
        let due_ns = if self.starts.is_empty() { start + self.made_up_ns() } else { self.due_ns };
        self.due_ns = due_ns.max(start) + self.interval_ns;
        self.starts.push_back(start);
        while self.starts.front().is_some_and(|first| first + SECOND_NS <= start) || self.starts.len() > COUNTED_MAX {
            self.starts.pop_front();
        }
        start
    }

    /// Nothing where a second's calls are too many to be counted.
    fn made_up_ns(&self) -> u64 {
        if self.per_second as usize > COUNTED_MAX { 0 } else { MADE_UP_NS }
    }

    /// The start of the call after `planned` others: not before it is due, less what is made up for; half an interval after the
    /// one before it; a second after the one that is a second's calls before it.
    fn start_after(&self, planned: u32, now_ns: u64) -> u64 {
        let a_second_ago = (self.starts.len() + planned as usize).checked_sub(self.per_second as usize);
        let full = a_second_ago.and_then(|at| self.starts.get(at)).map_or(0, |start| start + SECOND_NS);
        // As timing will have it: what is made up for is used up by the first of them.
        let due_ns = if planned == 0 { self.due_ns } else { self.due_ns.max(now_ns) };
        let planned = u64::from(planned);
        let due = (due_ns + planned * self.interval_ns).saturating_sub(self.made_up_ns());
        let spaced = self.starts.back().map_or(0, |last| last + self.interval_ns / 2).max(now_ns);
        due.max(spaced + planned * (self.interval_ns / 2)).max(full)
    }
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
    fn an_idle_hour_is_a_quarter_of_a_second_made_up_for_at_twice_the_rate() {
        let mut pace = Pace::new(80, 0);
        pace.reserve(0);
        let later = 3_600 * SECOND_NS;
        let starts: Vec<u64> = (0..100).map(|_| (pace.reserve(later) - later) / 10_000).collect();
        assert_eq!(starts[..4], [0, 625, 1_250, 1_875], "twice the rate at first");
        assert_eq!(starts[79] - starts[78], 1_250, "then evenly");
        assert_eq!(starts[80], 100_000, "no second holds more than 80");
    }

    /// However orders come: no more than the rate in any second, never closer than half an interval.
    #[test]
    fn no_second_holds_more_than_the_rate() {
        for (seed, per_second) in [1_u32, 7, 20, 80, 1_000].into_iter().enumerate() {
            let mut random = seed as u64 + 1;
            let (mut pace, mut now_ns, mut starts) = (Pace::new(per_second, 0), 0, Vec::new());
            for _ in 0..6 * per_second {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // Now and then nothing for a time, mostly more than may go.
                now_ns += (random >> 33) % (SECOND_NS / u64::from(per_second)) * u64::from((random >> 60) < 4) * 9;
                starts.push(pace.reserve(now_ns));
            }
            for (n, start) in starts.iter().enumerate() {
                let second = starts[n..].iter().take_while(|at| **at < start + SECOND_NS).count();
                assert!(second <= per_second as usize, "{second} in a second of {per_second}");
                let next = starts.get(n + 1).copied().unwrap_or(u64::MAX);
                assert!(next - start >= SECOND_NS / u64::from(per_second) / 2, "{per_second}: {start} and {next}");
            }
        }
    }

    #[test]
    fn before_its_first_call_a_sender_was_not_idle() {
        let mut pace = Pace::new(80, 0);
        let starts: Vec<u64> = (0..3).map(|_| pace.reserve(300_000_000)).collect();
        assert_eq!(starts, [300_000_000, 312_500_000, 325_000_000]);
    }

    #[test]
    fn what_is_planned_is_timed_within_the_horizon() {
        let (mut pace, mut horizon) = (Pace::new(80, 0), Horizon::default());
        pace.reserve(0);
        horizon.took(SECOND_NS);
        let now_ns = 60 * SECOND_NS;
        let planned = (0..).take_while(|n| pace.has_room(*n, now_ns, horizon)).count();
        let last = (0..planned).map(|_| pace.reserve(now_ns)).next_back().expect("some");
        assert!(last <= now_ns + HORIZON_MAX_NS, "{planned} planned, the last at {last}");
    }

    #[test]
    fn a_rate_that_goes_down_and_up_again_grants_nothing() {
        let mut pace = Pace::new(100, 0);
        let starts: Vec<u64> = (0..100).map(|_| pace.reserve(SECOND_NS)).collect();
        pace.set_rate(10);
        pace.set_rate(100);
        assert!(pace.reserve(SECOND_NS) >= starts[0] + SECOND_NS);
    }

    /// Orders of a sender at its full rate come in commits, as the engine admits them: all of the rate is used.
    #[test]
    fn what_comes_in_commits_loses_nothing() {
        for commit_ms in [5_u64, 30, 90, 200] {
            let (mut pace, mut sent, mut admitted) = (Pace::new(80, 0), 0_u64, 0_u64);
            let mut last = 0;
            for now_ms in (commit_ms..20_000).step_by(commit_ms as usize) {
                let due = now_ms * 80 / 1_000;
                (admitted..due).for_each(|_| {
                    last = pace.reserve(now_ms * 1_000_000);
                    sent += 1;
                });
                admitted = due;
            }
            assert!(last < 20_000_000_000 + 400_000_000, "{sent} in {last} ns with commits every {commit_ms} ms");
        }
    }

    #[test]
    fn room_counts_what_is_planned() {
        let (pace, horizon) = (Pace::new(100, 0), Horizon::default());
        assert!(pace.has_room(1, 0, horizon), "10 ms is planned, 20 ms is next");
        assert!(!pace.has_room(2, 0, horizon));
        assert_eq!(pace.room_at(2, 0, horizon), 10_000_000);
    }

    /// A sender of 80 a second, orders without end, each take as long as said: what it sends of its rate in ten seconds.
    fn sent_of_rate(take_ms: u64) -> f64 {
        let (mut pace, mut horizon, mut now_ns, mut sent) = (Pace::new(80, 0), Horizon::default(), 0, 0_u64);
        while now_ns < 10 * SECOND_NS {
            let planned = (0..).take_while(|n| pace.has_room(*n, now_ns, horizon)).count() as u64;
            if planned == 0 {
                now_ns = pace.room_at(0, now_ns, horizon).max(now_ns + 1);
                continue;
            }
            now_ns += take_ms * 1_000_000;
            horizon.took(take_ms * 1_000_000);
            (0..planned).for_each(|_| {
                pace.reserve(now_ns);
            });
            sent += planned;
        }
        sent as f64 / 800.0
    }

    #[test]
    fn a_slow_log_does_not_slow_a_sender() {
        for take_ms in [1, 20, 49, 60, 120, 180, 230] {
            let part = sent_of_rate(take_ms);
            assert!((0.99..=1.01).contains(&part), "takes of {take_ms} ms leave {part} of the rate");
        }
    }

    #[test]
    fn the_horizon_follows_takes_within_bounds() {
        let mut horizon = Horizon::default();
        assert_eq!(horizon.ns(), HORIZON_MIN_NS);
        horizon.took(80_000_000);
        assert_eq!(horizon.ns(), 180_000_000);
        horizon.took(0);
        assert_eq!(horizon.ns(), 160_000_000);
        horizon.took(u64::MAX);
        assert_eq!(horizon.ns(), HORIZON_MAX_NS);
        (0..1_000).for_each(|_| horizon.took(1_000));
        assert!(horizon.ns() < HORIZON_MIN_NS + 10_000, "what was slow once is forgotten");
    }

    #[test]
    fn a_new_rate_keeps_what_is_timed() {
        let mut pace = Pace::new(1, 0);
        pace.set_rate(1_000);
        assert_eq!(pace.reserve(0), SECOND_NS);
        assert_eq!(pace.reserve(0), SECOND_NS + 1_000_000);
    }
}
