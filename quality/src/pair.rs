//! The pair rate: messages from one sender to one user.
//!
//! The platform allows one every 6 seconds. Up to 45 may go within 6 seconds and borrow from the future; what was borrowed
//! is paid back before the next one goes: after 20 at once, nothing for two minutes. That is stricter than a token bucket,
//! which would let the 21st go after 6 seconds. Code 131056 says that it was too much; the documented remedy is to wait 4^X
//! seconds, X = 0, 1, 2… This concerns the pair alone.

use std::num::{NonZeroU8, NonZeroU64};

use serde::{Deserialize, Serialize};

use crate::bucket::Wait;
use crate::time::second_from;

/// What a message that joins a burst has at least to leave, in milliseconds: it has to be committed and taken first.
const JOIN_MS: u64 = 1_000;

/// How messages to one user are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PairPolicy {
    /// Milliseconds for one message. Default 6,000, the platform's rule.
    pub interval_ms: NonZeroU64,
    /// Messages that may go within one interval. The platform documents 45; default 10, because the user's own chat with
    /// other software of the business draws from the same allowance.
    pub burst: NonZeroU8,
    /// Milliseconds that a call may take from leaving to arriving. Default 500.
    pub transit_ms: u16,
    /// The longest back-off is 4 to this power, in seconds. Default 6: 4,096 s. At most 15.
    pub exponent_max: u8,
}

impl Default for PairPolicy {
    fn default() -> Self {
        PairPolicy {
            interval_ms: const { NonZeroU64::new(6_000).expect("not zero") },
            burst: const { NonZeroU8::new(10).expect("not zero") },
            transit_ms: 500,
            exponent_max: 6,
        }
    }
}

/// The latest burst to one user: what it borrowed. The default, `NONE`, is a pair that owes nothing.
///
/// Only what arrives counts for the platform, and an order may be held before it leaves. So a burst is known by the
/// earliest and the latest time at which its first message arrives: what joins it leaves early enough for the one, and all
/// is paid back late enough for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Burst {
    /// When its first message was admitted (Unix time, milliseconds); 0 = there never was one.
    pub began_ms: u64,
    /// By how many milliseconds after that it has arrived.
    pub late_ms: u16,
    /// Messages of the burst; 0 = nothing is owed after `began_ms`, and nothing may join.
    pub sent: u8,
}

impl Burst {
    /// Nothing is owed.
    pub const NONE: Burst = Burst { began_ms: 0, late_ms: 0, sent: 0 };
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
    /// Counts one message to the pair: the new value, or the later of the back-off's end and the time at which everything is
    /// paid back. The message must leave by [`Self::leaves_by_ms`].
    pub fn check(&self, burst: Burst, back_off: BackOff, now_ms: u64) -> Result<Burst, Wait> {
        let backed_off_until_ms = u64::from(back_off.not_before_s) * 1000;
        match self.take(burst, now_ms) {
            Ok(taken) if now_ms >= backed_off_until_ms => Ok(taken),
            Ok(_) => Err(Wait { until_ms: backed_off_until_ms }),
            Err(wait) => Err(wait.max(Wait { until_ms: backed_off_until_ms })),
        }
    }

    fn take(&self, burst: Burst, now_ms: u64) -> Result<Burst, Wait> {
        let owed_ms = self.interval_ms.get().saturating_mul(u64::from(burst.sent)) + u64::from(burst.late_ms);
        let paid_ms = burst.began_ms.saturating_add(owed_ms);
        if now_ms >= paid_ms {
            return Ok(Burst { began_ms: now_ms, late_ms: 0, sent: 1 });
        }
        // A first message that may be held for longer than the interval is arrived before anything follows.
        let held = u64::from(burst.late_ms) > self.interval_ms.get();
        let late = now_ms.saturating_add(JOIN_MS) > self.joins_until_ms(burst);
        if burst.sent == 0 || burst.sent >= self.burst.get() || held || late {
            return Err(Wait { until_ms: paid_ms });
        }
        Ok(Burst { sent: burst.sent + 1, ..burst })
    }

    /// A message that was admitted at `admitted_ms` did not arrive: the burst without it, if it was of this one.
    #[must_use]
    pub fn without(&self, burst: Burst, admitted_ms: u64) -> Burst {
        match burst.sent {
            0 => burst,
            _ if admitted_ms < burst.began_ms => burst,
            // Nothing is owed; when it began tells who wrote last.
            1 => Burst { began_ms: burst.began_ms, ..Burst::NONE },
            // It may have been the first; what joined it arrives within the interval.
            sent => {
                let interval_ms = u16::try_from(self.interval_ms.get()).unwrap_or(u16::MAX);
                Burst { sent: sent - 1, late_ms: burst.late_ms.max(interval_ms), ..burst }
            }
        }
    }

    /// What leaves by then arrives within an interval of the burst's first message.
    fn joins_until_ms(&self, burst: Burst) -> u64 {
        burst.began_ms.saturating_add(self.interval_ms.get()).saturating_sub(u64::from(self.transit_ms) + 1)
    }

    /// By when a message that was just counted must leave, if it may until `leave_by_ms` by itself; and the burst with it.
    #[must_use]
    pub fn leaves_by_ms(&self, burst: Burst, leave_by_ms: u64) -> (u64, Burst) {
        if burst.sent > 1 {
            return (leave_by_ms.min(self.joins_until_ms(burst)), burst);
        }
        let most_ms = burst.began_ms.saturating_add(u64::from(u16::MAX - self.transit_ms));
        let leave_by_ms = leave_by_ms.min(most_ms);
        let late_ms = leave_by_ms.saturating_sub(burst.began_ms) + u64::from(self.transit_ms);
        (leave_by_ms, Burst { late_ms: u16::try_from(late_ms).unwrap_or(u16::MAX), ..burst })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_500;

    /// The platform's own count, written as its documentation says it: times of what it took.
    fn platform_takes(taken: &[u64], now_ms: u64) -> bool {
        let mut from = 0;
        while from < taken.len() {
            let burst = taken[from..].iter().take_while(|t| **t < taken[from] + 6_000).count();
            let free_ms = taken[from] + 6_000 * burst as u64;
            if from + burst == taken.len() {
                let in_burst = now_ms < taken[from] + 6_000 && burst < 45;
                return in_burst || now_ms >= free_ms;
            }
            from += burst;
        }
        true
    }

    /// The value after a message that must leave within `hold_ms`.
    fn sent(policy: &PairPolicy, burst: Burst, now_ms: u64, hold_ms: u64) -> Result<Burst, Wait> {
        policy.check(burst, BackOff::NONE, now_ms).map(|taken| policy.leaves_by_ms(taken, now_ms + hold_ms).1)
    }

    #[test]
    fn after_a_burst_nothing_goes_until_all_is_paid_back() {
        let policy =
            PairPolicy { burst: NonZeroU8::new(20).expect("not zero"), transit_ms: 0, ..PairPolicy::default() };
        let mut burst = Burst::NONE;
        for n in 0..20 {
            burst = sent(&policy, burst, NOW_MS + n * 100, 0).expect("the burst");
        }
        let two_minutes = NOW_MS + 120_000;
        for later_ms in [2_000, 6_000, 12_000, 119_999] {
            let wait = policy.check(burst, BackOff::NONE, NOW_MS + later_ms);
            assert_eq!(wait, Err(Wait { until_ms: two_minutes }), "after {later_ms} ms");
        }
        assert!(policy.check(burst, BackOff::NONE, two_minutes).is_ok());
    }

    #[test]
    fn what_may_be_held_is_paid_back_later_and_joins_in_time() {
        let policy = PairPolicy::default();
        let one = sent(&policy, Burst::NONE, NOW_MS, 5_000).expect("the first");
        let joined = policy.check(one, BackOff::NONE, NOW_MS + 3_000).expect("within the interval");
        assert_eq!(policy.leaves_by_ms(joined, NOW_MS + 8_000), (NOW_MS + 5_499, joined));
        let wait = policy.check(joined, BackOff::NONE, NOW_MS + 5_500);
        assert_eq!(wait, Err(Wait { until_ms: NOW_MS + 12_000 + 5_000 + 500 }), "the first may have arrived so late");
    }

    #[test]
    fn what_did_not_arrive_is_not_owed() {
        let policy = PairPolicy::default();
        let one = sent(&policy, Burst::NONE, NOW_MS, 5_000).expect("the first");
        let two = sent(&policy, one, NOW_MS + 10, 5_000).expect("the second");
        assert_eq!(
            policy.without(two, NOW_MS),
            Burst { late_ms: 6_000, ..one },
            "the second may arrive after the first would have"
        );
        assert_eq!(policy.without(one, NOW_MS), Burst { began_ms: NOW_MS, ..Burst::NONE });
        assert!(policy.check(policy.without(one, NOW_MS), BackOff::NONE, NOW_MS).is_ok());
        assert_eq!(policy.without(one, NOW_MS - 1), one, "of an earlier burst");
    }

    #[test]
    fn what_is_not_known_is_paid_back_first() {
        let policy = PairPolicy::default();
        let earlier = Burst { began_ms: NOW_MS + 3_000, ..Burst::NONE };
        assert_eq!(policy.check(earlier, BackOff::NONE, NOW_MS), Err(Wait { until_ms: NOW_MS + 3_000 }));
        assert_eq!(policy.without(earlier, NOW_MS + 4_000), earlier);
    }

    proptest::proptest! {
        /// Whatever is asked when, however long it is held and some of it never leaves, the platform never counts too
        /// much, and whoever waits until he is told to is let through.
        #[test]
        fn the_platform_never_counts_too_much(
            steps in proptest::collection::vec((0_u64..9_000, 0_u64..100_000, 0_u64..=500, 0..10_u8), 1..200),
            burst in 1_u8..=45,
            hold_ms in 0_u64..10_000,
        ) {
            let policy = PairPolicy { burst: NonZeroU8::new(burst).expect("not zero"), ..PairPolicy::default() };
            let (mut now_ms, mut value, mut arrivals, mut lost) = (NOW_MS, Burst::NONE, Vec::<u64>::new(), Vec::new());
            for (later_ms, held, transit_ms, fate) in steps {
                now_ms += later_ms;
                if fate == 1 {
                    value = lost.drain(..).fold(value, |value, admitted_ms| policy.without(value, admitted_ms));
                }
                match policy.check(value, BackOff::NONE, now_ms) {
                    Ok(next) => {
                        let (leave_by_ms, next) = policy.leaves_by_ms(next, now_ms + hold_ms);
                        value = next;
                        if fate == 0 {
                            lost.push(now_ms);
                            continue;
                        }
                        arrivals.push(now_ms + held % (leave_by_ms - now_ms + 1) + transit_ms);
                    }
                    Err(wait) => {
                        proptest::prop_assert!(policy.check(value, BackOff::NONE, wait.until_ms).is_ok());
                        proptest::prop_assert!(policy.check(value, BackOff::NONE, wait.until_ms - 1).is_err());
                    }
                }
            }
            arrivals.sort_unstable();
            for (n, arrives_ms) in arrivals.iter().enumerate() {
                proptest::prop_assert!(platform_takes(&arrivals[..n], *arrives_ms), "{arrivals:?} and {arrives_ms}");
            }
        }
    }

    #[test]
    fn refusals_wait_four_to_the_x_seconds() {
        let policy = PairPolicy { exponent_max: 3, ..PairPolicy::default() };
        let mut back_off = BackOff::NONE;
        for wait_s in [1, 4, 16, 64, 64] {
            back_off = back_off.refused(&policy, NOW_MS);
            // The second in progress is not counted, so the wait is never cut short.
            let until_ms = 1_800_000_001_000 + wait_s * 1000;
            assert_eq!(policy.check(Burst::NONE, back_off, NOW_MS), Err(Wait { until_ms }));
            assert!(policy.check(Burst::NONE, back_off, until_ms).is_ok());
        }
    }

    #[test]
    fn the_later_of_what_is_owed_and_back_off_counts() {
        let policy = PairPolicy::default();
        let owing = Burst { began_ms: NOW_MS + 6_000, ..Burst::NONE };
        let back_off = BackOff::NONE.refused(&policy, NOW_MS);
        assert_eq!(policy.check(owing, back_off, NOW_MS), Err(Wait { until_ms: NOW_MS + 6_000 }));
    }

    #[test]
    fn no_exponent_overflows() {
        let policy = PairPolicy { exponent_max: u8::MAX, ..PairPolicy::default() };
        let back_off = BackOff { not_before_s: 0, exponent: u8::MAX }.refused(&policy, NOW_MS);
        assert_eq!(back_off.exponent, 15);
    }
}
