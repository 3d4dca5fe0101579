//! A token bucket whose whole state is one time.
//!
//! The algorithm is `governor`'s GCRA; state and clock are ours. The state is the theoretical arrival time:
//! the time at which the bucket will be full again. It is a field of the record it belongs to, changed and
//! undone like any other. So putting the old value back gives the tokens back, and a restart or a moved
//! partition grants no burst. A limiter is built for each check, over a copy of the value.

use std::cell::Cell;
use std::num::NonZeroU32;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use serde::{Deserialize, Serialize};

use crate::rate::{FULL_BURST_NS_MAX, Rate};

const NS_PER_MS: u64 = 1_000_000;

/// The latest `now` that is told apart, in the year 2262.
const NOW_NS_MAX: u64 = u64::MAX / 2;

/// A bucket: the time at which it is full. 8 bytes; the default is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bucket {
    /// Theoretical arrival time, nanoseconds since the Unix epoch; 0 = never used, so full.
    pub tat_ns: u64,
}

/// A refusal: not before `until_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait {
    /// The first millisecond (Unix time) at which the same check passes if nobody takes a token before.
    pub until_ms: u64,
}

impl Wait {
    /// Waiting alone does not help: more is asked than the bucket ever holds, or the share is nothing.
    pub const FOREVER: Wait = Wait { until_ms: u64::MAX };
}

impl Bucket {
    /// A full bucket.
    pub const FULL: Bucket = Bucket { tat_ns: 0 };

    /// A bucket that is empty at `now_ms`: how a dispatcher starts with a partition whose past it does not
    /// know.
    #[must_use]
    pub fn empty_at(rate: Rate, now_ms: u64) -> Bucket {
        Bucket { tat_ns: now_ns(now_ms) + rate.full_burst_ns() }
    }

    /// Takes one token: the new value, or when to come back.
    pub fn check(self, rate: Rate, now_ms: u64) -> Result<Bucket, Wait> {
        self.check_keeping(rate, NonZeroU32::MIN, 0, now_ms)
    }

    /// Takes `n` tokens together and leaves at least `keep` of the burst in the bucket, as bulk does for
    /// the priority lane. `Wait::FOREVER` when the bucket never holds that many.
    pub fn check_keeping(self, rate: Rate, n: NonZeroU32, keep: u32, now_ms: u64) -> Result<Bucket, Wait> {
        // To keep k tokens is to draw from a bucket that is smaller by k and shares the arrival time.
        let burst = NonZeroU32::new(rate.burst().get().saturating_sub(keep)).ok_or(Wait::FOREVER)?;
        if n > burst {
            return Err(Wait::FOREVER);
        }
        let interval = std::time::Duration::from_nanos(rate.interval_ns());
        let quota = Quota::with_period(interval).ok_or(Wait::FOREVER)?.allow_burst(burst);
        let arrival = Arrival(Cell::new(self.tat_ns.min(NOW_NS_MAX + FULL_BURST_NS_MAX)));
        // governor takes the clock's time at its building as the start of time: that is our epoch.
        let clock = CallerClock(Cell::new(0));
        let limiter = RateLimiter::<_, _, _, NoOpMiddleware<Nanos>>::new(quota, &arrival, &clock);
        clock.0.set(now_ns(now_ms));
        match limiter.check_n(n) {
            Ok(Ok(())) => Ok(Bucket { tat_ns: arrival.0.get() }),
            Ok(Err(not_until)) => {
                let until_ns = not_until.earliest_possible().as_u64();
                Err(Wait { until_ms: until_ns.div_ceil(NS_PER_MS) })
            }
            Err(_more_than_the_burst) => Err(Wait::FOREVER),
        }
    }

    /// Would `check_keeping` pass? Takes nothing.
    pub fn peek(self, rate: Rate, n: NonZeroU32, keep: u32, now_ms: u64) -> Result<(), Wait> {
        self.check_keeping(rate, n, keep, now_ms).map(|_| ())
    }

    /// Takes `n` tokens for something that has happened already, such as an inbound message, whether they
    /// are there or not; at worst the bucket is empty.
    #[must_use]
    pub fn charge(self, rate: Rate, n: u32, now_ms: u64) -> Bucket {
        let taken_ns = rate.interval_ns().saturating_mul(u64::from(n));
        let tat_ns = self.tat_ns.max(now_ns(now_ms)).saturating_add(taken_ns);
        Bucket { tat_ns }.capped(rate, now_ms)
    }

    /// The value under a rate that has just changed: the time is kept, but lies at most one full burst
    /// ahead of `now_ms`. To be *stored* when the rate changes; a slower rate would otherwise pay off the
    /// old one's debt first. Changes nothing under an unchanged rate.
    #[must_use]
    pub fn capped(self, rate: Rate, now_ms: u64) -> Bucket {
        self.min(Bucket::empty_at(rate, now_ms))
    }

    /// Whole tokens in the bucket at `now_ms`.
    #[must_use]
    pub fn tokens(self, rate: Rate, now_ms: u64) -> u32 {
        let missing_ns = self.tat_ns.saturating_sub(now_ns(now_ms));
        let tokens = rate.full_burst_ns().saturating_sub(missing_ns) / rate.interval_ns();
        u32::try_from(tokens).unwrap_or(u32::MAX)
    }
}

fn now_ns(now_ms: u64) -> u64 {
    now_ms.saturating_mul(NS_PER_MS).min(NOW_NS_MAX)
}

/// governor's state: one arrival time.
struct Arrival(Cell<u64>);

impl StateStore for &Arrival {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _key: &NotKeyed, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (outcome, tat) = measure(Some(Nanos::new(self.0.get())))?;
        self.0.set(tat.as_u64());
        Ok(outcome)
    }
}

/// governor's clock: the time that the caller passed.
struct CallerClock(Cell<u64>);

impl Clock for &CallerClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(self.0.get())
    }
}
