//! How fast a bucket fills and how much it holds.

use std::num::NonZeroU32;
use std::time::Duration;

/// 24 hours.
pub const DAY: Duration = Duration::from_secs(86_400);

/// The longest time a full bucket may take to fill, so that adding it to any time cannot overflow: 146 years.
pub(crate) const FULL_BURST_NS_MAX: u64 = u64::MAX / 4;

/// `per_period` tokens every `period`, evenly, into a bucket that holds `burst` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    per_period: NonZeroU32,
    period: Duration,
    burst: NonZeroU32,
    /// Time for one token, rounded up: the rate is never exceeded by rounding.
    interval_ns: u64,
}

impl Rate {
    /// `per_period` tokens every `period`, at most `burst` at once. A bucket that would take more than
    /// 146 years to fill is cut to that; more than one token a nanosecond counts as one.
    #[must_use]
    pub fn new(per_period: NonZeroU32, period: Duration, burst: NonZeroU32) -> Rate {
        let interval = period.as_nanos().div_ceil(u128::from(per_period.get()));
        let interval_ns = u64::try_from(interval).unwrap_or(u64::MAX).clamp(1, FULL_BURST_NS_MAX);
        let burst_max = u32::try_from(FULL_BURST_NS_MAX / interval_ns).unwrap_or(u32::MAX);
        let burst = burst.min(NonZeroU32::new(burst_max).unwrap_or(NonZeroU32::MIN));
        Rate { per_period, period, burst, interval_ns }
    }

    /// Tokens per period.
    #[must_use]
    pub const fn per_period(self) -> NonZeroU32 {
        self.per_period
    }

    /// The period.
    #[must_use]
    pub const fn period(self) -> Duration {
        self.period
    }

    /// What a full bucket holds.
    #[must_use]
    pub const fn burst(self) -> NonZeroU32 {
        self.burst
    }

    /// Nanoseconds for one token, rounded up.
    #[must_use]
    pub const fn interval_ns(self) -> u64 {
        self.interval_ns
    }

    /// Nanoseconds for an empty bucket to fill.
    #[must_use]
    pub const fn full_burst_ns(self) -> u64 {
        self.interval_ns * self.burst.get() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).expect("not zero")
    }

    #[test]
    fn a_rate_that_does_not_divide_is_rounded_to_the_slower_side() {
        assert_eq!(Rate::new(tokens(3), Duration::from_secs(1), tokens(1)).interval_ns(), 333_333_334);
        assert_eq!(Rate::new(tokens(100), DAY, tokens(1)).interval_ns(), 864_000_000_000);
        assert_eq!(Rate::new(tokens(5_000), Duration::from_secs(1), tokens(1)).interval_ns(), 200_000);
    }

    #[test]
    fn no_rate_overflows() {
        for period in [Duration::ZERO, DAY, Duration::MAX] {
            let rate = Rate::new(tokens(1), period, tokens(u32::MAX));
            assert!(rate.interval_ns() > 0 && rate.full_burst_ns() <= FULL_BURST_NS_MAX);
        }
    }
}
