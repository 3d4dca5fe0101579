//! Messages per second of one sender.
//!
//! The platform reports the limit (80 by default, 1,000 after an upgrade, 20 for a number that is also used
//! in the app) and counts inbound messages too. Code 130429 says that it was too much: the rate is halved
//! and recovers additively, so that it settles just below what the platform really takes.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::percent::Percent;
use crate::rate::Rate;

/// Which queue a message came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// One-time codes, alerts: may use all of the throughput.
    Priority,
    /// Everything else: leaves a part of it.
    Bulk,
}

/// What 130429 left of a sender's rate. The default is all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RateFactor {
    /// Parts in a thousand right after the latest halving.
    pub permille: u16,
    /// When that was (Unix time, milliseconds); 0 = never.
    pub halved_at_ms: u64,
}

impl RateFactor {
    /// Never refused.
    pub const FULL: RateFactor = RateFactor { permille: 1000, halved_at_ms: 0 };
}

impl Default for RateFactor {
    fn default() -> Self {
        RateFactor::FULL
    }
}

/// How the limit is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThroughputPolicy {
    /// Part of the burst that bulk leaves to the priority lane. Default 20.
    pub priority_percent: Percent,
    /// How much may be admitted at once, as time at the full rate. Default 250 ms: longer than a batch
    /// takes to commit, so that a sender is not idle between two batches.
    pub burst_ms: u32,
    /// The same for calls to the platform, where nothing smooths any more. Default 10 ms.
    pub wire_burst_ms: u32,
    /// A rate is never halved below this, in parts of a thousand. Default 50.
    pub floor_permille: u16,
    /// What comes back at each step, in parts of a thousand. Default 50.
    pub recover_permille: u16,
    /// Seconds from step to step. Default 10: from half to full in 100 s.
    pub recover_every_s: NonZeroU32,
    /// Refusals this soon after a halving, in milliseconds, belong to the messages that were under way
    /// already and change nothing. Default 2,000.
    pub settle_ms: u32,
}

impl Default for ThroughputPolicy {
    fn default() -> Self {
        ThroughputPolicy {
            priority_percent: Percent::at_most_100(20),
            burst_ms: 250,
            wire_burst_ms: 10,
            floor_permille: 50,
            recover_permille: 50,
            recover_every_s: const { NonZeroU32::new(10).expect("not zero") },
            settle_ms: 2_000,
        }
    }
}

impl ThroughputPolicy {
    /// The platform refused with 130429 at `now_ms`.
    #[must_use]
    pub fn refused(&self, factor: RateFactor, now_ms: u64) -> RateFactor {
        let since_ms = now_ms.saturating_sub(factor.halved_at_ms);
        if factor.halved_at_ms != 0 && since_ms < u64::from(self.settle_ms) {
            return factor;
        }
        let halved = self.permille(factor, now_ms) / 2;
        RateFactor { permille: halved.max(self.floor_permille.clamp(1, 1000)), halved_at_ms: now_ms }
    }

    /// What may be used of the limit at `now_ms`, in parts of a thousand: 1 to 1,000.
    #[must_use]
    pub fn permille(&self, factor: RateFactor, now_ms: u64) -> u16 {
        let since_ms = now_ms.saturating_sub(factor.halved_at_ms);
        let steps = since_ms / (u64::from(self.recover_every_s.get()) * 1000);
        let recovered = steps.saturating_mul(u64::from(self.recover_permille));
        let permille = recovered.saturating_add(u64::from(factor.permille)).clamp(1, 1000);
        u16::try_from(permille).unwrap_or(1000)
    }

    /// The limit that holds at `now_ms`, in messages per second; at least 1.
    #[must_use]
    pub fn effective(&self, limit: NonZeroU32, factor: RateFactor, now_ms: u64) -> NonZeroU32 {
        let scaled = u64::from(limit.get()) * u64::from(self.permille(factor, now_ms)) / 1000;
        NonZeroU32::new(u32::try_from(scaled).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN)
    }

    /// The bucket at admission: the effective limit with a burst that bridges two batches. The wire's
    /// bucket smooths it.
    #[must_use]
    pub fn admission_rate(&self, effective: NonZeroU32) -> Rate {
        Rate::new(effective, Duration::from_secs(1), burst(effective, self.burst_ms))
    }

    /// The bucket just before the call. Its rate is lower by what the burst adds, so that no second holds
    /// more than the effective limit.
    #[must_use]
    pub fn wire_rate(&self, effective: NonZeroU32) -> Rate {
        let most = effective.get().div_ceil(2);
        let burst = burst(effective, self.wire_burst_ms).get().min(most);
        let sustained = NonZeroU32::new(effective.get() + 1 - burst).unwrap_or(NonZeroU32::MIN);
        Rate::new(sustained, Duration::from_secs(1), NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN))
    }

    /// The tokens that a message of this lane must leave in a bucket of `rate`: part of the burst for bulk,
    /// never all of it.
    #[must_use]
    pub fn keep(&self, lane: Lane, rate: Rate) -> u32 {
        match lane {
            Lane::Priority => 0,
            Lane::Bulk => self.priority_percent.of(rate.burst().get()).min(rate.burst().get() - 1),
        }
    }
}

/// What falls due in `burst_ms`; at least 1.
fn burst(per_second: NonZeroU32, burst_ms: u32) -> NonZeroU32 {
    let burst = u64::from(per_second.get()) * u64::from(burst_ms) / 1000;
    NonZeroU32::new(u32::try_from(burst).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Bucket;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn mps(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).expect("not zero")
    }

    /// limit → admission rate and burst, kept by bulk; wire rate and burst.
    const RATES: &str = "
        1    → 1/s burst 1 keep 0; wire 1/s burst 1
        20   → 20/s burst 5 keep 1; wire 20/s burst 1
        80   → 80/s burst 20 keep 4; wire 80/s burst 1
        1000 → 1000/s burst 250 keep 50; wire 991/s burst 10
    ";

    #[test]
    fn burst_and_reserve_follow_the_limit() {
        let policy = ThroughputPolicy::default();
        for line in RATES.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (limit, expected) = line.split_once('→').expect("limit → rates");
            let limit = limit.trim().parse().expect("a number");
            let (at, wire) = (policy.admission_rate(limit), policy.wire_rate(limit));
            let keep = policy.keep(Lane::Bulk, at);
            let rates = format!(
                "{}/s burst {} keep {keep}; wire {}/s burst {}",
                at.per_period(),
                at.burst(),
                wire.per_period(),
                wire.burst()
            );
            assert_eq!(rates, expected.trim(), "{line}");
        }
    }

    #[test]
    fn no_second_on_the_wire_holds_more_than_the_limit() {
        let policy = ThroughputPolicy { wire_burst_ms: 100, ..ThroughputPolicy::default() };
        for limit in [1, 2, 20, 80, 1000] {
            let rate = policy.wire_rate(mps(limit));
            let (mut bucket, mut sent_at) = (Bucket::FULL, Vec::new());
            for now_ms in NOW_MS..NOW_MS + 3_000 {
                while let Ok(taken) = bucket.check(rate, now_ms) {
                    bucket = taken;
                    sent_at.push(now_ms);
                }
            }
            for start in &sent_at {
                let second = sent_at.iter().filter(|&at| (*start..start + 1_000).contains(at)).count();
                assert!(second <= limit as usize, "{second} in a second, limit {limit}");
            }
        }
    }

    #[test]
    fn a_refusal_halves_once_and_time_gives_back() {
        let policy = ThroughputPolicy::default();
        let halved = policy.refused(RateFactor::FULL, NOW_MS);
        assert_eq!(policy.effective(mps(80), halved, NOW_MS), mps(40));
        assert_eq!(policy.refused(halved, NOW_MS + 1_999), halved, "those were under way already");
        assert_eq!(policy.permille(halved, NOW_MS + 9_999), 500);
        assert_eq!(policy.permille(halved, NOW_MS + 10_000), 550);
        assert_eq!(policy.permille(halved, NOW_MS + 100_000), 1000);
        assert_eq!(policy.permille(halved, u64::MAX), 1000);
        let again = policy.refused(halved, NOW_MS + 10_000);
        assert_eq!(again, RateFactor { permille: 275, halved_at_ms: NOW_MS + 10_000 });
    }

    #[test]
    fn a_rate_never_falls_to_nothing() {
        let policy = ThroughputPolicy { floor_permille: 0, ..ThroughputPolicy::default() };
        let mut factor = RateFactor::FULL;
        for refusal in 0..30 {
            factor = policy.refused(factor, NOW_MS + refusal * 2_000);
        }
        assert_eq!(policy.effective(mps(80), factor, NOW_MS + 60_000).get(), 1);
        assert!(policy.permille(factor, NOW_MS + 60_000) >= 1);
    }

    #[test]
    fn bulk_leaves_its_part_to_the_priority_lane() {
        let policy = ThroughputPolicy::default();
        let rate = policy.admission_rate(mps(80));
        let take = |bucket: Bucket, lane| bucket.check_keeping(rate, NonZeroU32::MIN, policy.keep(lane, rate), NOW_MS);
        let mut bucket = Bucket::FULL;
        for _ in 0..16 {
            bucket = take(bucket, Lane::Bulk).expect("80 % of 20");
        }
        assert!(take(bucket, Lane::Bulk).is_err());
        for _ in 0..4 {
            bucket = take(bucket, Lane::Priority).expect("the rest");
        }
        assert!(take(bucket, Lane::Priority).is_err());
    }
}
