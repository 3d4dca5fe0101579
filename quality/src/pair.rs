//! The pair rate: messages from one sender to one user.
//!
//! The platform allows one every 6 seconds and lets a burst of up to 45 borrow from the future, which is
//! what a token bucket does: after 20 at once the next is due in two minutes. Code 131056 says that it was
//! too much; the documented remedy is to wait 4^X seconds, X = 0, 1, 2… This concerns the pair alone.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bucket::{Bucket, Wait};
use crate::rate::Rate;
use crate::time::second_from;

/// How messages to one user are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PairPolicy {
    /// Milliseconds for one message. Default 6,000, the platform's rule.
    pub interval_ms: NonZeroU64,
    /// Messages that may go at once. The platform documents 45; default 10, because the user's own chat with
    /// other software of the business draws from the same allowance.
    pub burst: NonZeroU32,
    /// The longest back-off is 4 to this power, in seconds. Default 6: 4,096 s. At most 15.
    pub exponent_max: u8,
}

impl Default for PairPolicy {
    fn default() -> Self {
        PairPolicy {
            interval_ms: const { NonZeroU64::new(6_000).expect("not zero") },
            burst: const { NonZeroU32::new(10).expect("not zero") },
            exponent_max: 6,
        }
    }
}

/// What 131056 left behind on one pair. The default, `NONE`, is a pair that was never refused; a message
/// that the platform accepts puts it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct BackOff {
    /// Nothing is sent before this second (Unix time); 0 = no back-off.
    pub not_before_s: u32,
    /// X of the next refusal.
    pub exponent: u8,
}

impl BackOff {
    /// No back-off.
    pub const NONE: BackOff = BackOff { not_before_s: 0, exponent: 0 };

    /// The platform refused with 131056 at `now_ms`: at least 4^X seconds from now, and X grows.
    #[must_use]
    pub fn refused(self, policy: &PairPolicy, now_ms: u64) -> BackOff {
        let exponent_max = policy.exponent_max.min(15);
        let exponent = self.exponent.min(exponent_max);
        let wait_s = 4_u32.pow(u32::from(exponent));
        BackOff { not_before_s: second_from(now_ms).saturating_add(wait_s), exponent: (exponent + 1).min(exponent_max) }
    }
}

impl PairPolicy {
    /// The rate of one pair.
    #[must_use]
    pub fn rate(&self) -> Rate {
        Rate::new(NonZeroU32::MIN, Duration::from_millis(self.interval_ms.get()), self.burst)
    }

    /// Takes one message from the pair's bucket: the new value, or the later of the back-off's end and the
    /// next token.
    pub fn check(&self, bucket: Bucket, back_off: BackOff, now_ms: u64) -> Result<Bucket, Wait> {
        let backed_off_until_ms = u64::from(back_off.not_before_s) * 1000;
        match bucket.check(self.rate(), now_ms) {
            Ok(taken) if now_ms >= backed_off_until_ms => Ok(taken),
            Ok(_) => Err(Wait { until_ms: backed_off_until_ms }),
            Err(wait) => Err(wait.max(Wait { until_ms: backed_off_until_ms })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_500;

    #[test]
    fn after_a_burst_the_next_waits_until_the_first_is_paid() {
        let policy = PairPolicy { burst: NonZeroU32::new(20).expect("not zero"), ..PairPolicy::default() };
        let mut bucket = Bucket::FULL;
        for _ in 0..20 {
            bucket = policy.check(bucket, BackOff::NONE, NOW_MS).expect("the burst");
        }
        assert_eq!(policy.check(bucket, BackOff::NONE, NOW_MS), Err(Wait { until_ms: NOW_MS + 6_000 }));
        assert_eq!(bucket.tat_ns, (NOW_MS + 120_000) * 1_000_000, "20 at once are paid after two minutes");
    }

    #[test]
    fn refusals_wait_four_to_the_x_seconds() {
        let policy = PairPolicy { exponent_max: 3, ..PairPolicy::default() };
        let mut back_off = BackOff::NONE;
        for wait_s in [1, 4, 16, 64, 64] {
            back_off = back_off.refused(&policy, NOW_MS);
            // The second in progress is not counted, so the wait is never cut short.
            let until_ms = 1_800_000_001_000 + wait_s * 1000;
            assert_eq!(policy.check(Bucket::FULL, back_off, NOW_MS), Err(Wait { until_ms }));
            assert!(policy.check(Bucket::FULL, back_off, until_ms).is_ok());
        }
    }

    #[test]
    fn the_later_of_token_and_back_off_counts() {
        let policy = PairPolicy::default();
        let empty = Bucket::empty_at(policy.rate(), NOW_MS);
        let back_off = BackOff::NONE.refused(&policy, NOW_MS);
        assert_eq!(policy.check(empty, back_off, NOW_MS), Err(Wait { until_ms: NOW_MS + 6_000 }));
    }

    #[test]
    fn no_exponent_overflows() {
        let policy = PairPolicy { exponent_max: u8::MAX, ..PairPolicy::default() };
        let back_off = BackOff { not_before_s: 0, exponent: u8::MAX }.refused(&policy, NOW_MS);
        assert_eq!(back_off.exponent, 15);
    }
}
