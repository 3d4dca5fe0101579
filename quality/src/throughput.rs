//! Messages per second of one sender.
//!
//! The platform reports the limit (80 by default, 1,000 after an upgrade, 20 for a number that is also used
//! in the app) and counts inbound messages too. Code 130429 says that it was too much: the rate is halved
//! and recovers additively, so that it settles just below what the platform really takes.
//!
//! The rate that was refused is remembered as a ceiling: from an eighth below it to an eighth above it the rate grows a fifth
//! as fast, so that a platform that takes a quarter of what is declared refuses one call in hundreds. Beyond, the ceiling is
//! forgotten: the platform takes more again.
//!
//! The same factor answers an outage. A call that is not served, or of which nobody knows, takes its part of a window
//! of calls, so that one in a thousand costs nothing and a window full of them all but stops the number. Below a
//! floor nothing comes back by time: one call at a time asks, after pauses that grow to a minute, and the first that is
//! answered puts the rate back to the floor.

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

/// What refusals left of a sender's rate. The default is all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RateFactor {
    /// Parts in a thousand right after the latest refusal. Below the floor of the policy the platform does not serve.
    pub permille: u16,
    /// From when it recovers (Unix time, milliseconds): some seconds after the latest halving, or the end of its pause; 0 =
    /// never refused.
    pub halved_at_ms: u64,
    /// Parts in a thousand at the latest refusal: near them the rate grows slowly. 1,000 = not known.
    #[serde(default = "no_ceiling")]
    pub ceiling_permille: u16,
}

/// The whole rate is no ceiling.
const NO_CEILING: u16 = 1000;

fn no_ceiling() -> u16 {
    NO_CEILING
}

impl RateFactor {
    /// Never refused.
    pub const FULL: RateFactor = RateFactor { permille: 1000, halved_at_ms: 0, ceiling_permille: NO_CEILING };

    /// An eighth below the ceiling: from here on the rate grows slowly.
    fn near(self) -> u16 {
        if self.ceiling_permille >= NO_CEILING { 1000 } else { self.ceiling_permille - self.ceiling_permille / 8 }
    }

    /// An eighth above the ceiling, at least one part: from here on it is forgotten.
    fn beyond(self) -> u16 {
        if self.ceiling_permille >= NO_CEILING {
            return 1000;
        }
        self.ceiling_permille.saturating_add((self.ceiling_permille / 8).max(1)).min(1000)
    }

    /// Without a ceiling that the rate has left behind.
    fn above_ceiling(self) -> RateFactor {
        let ceiling_permille = if self.permille >= self.beyond() { NO_CEILING } else { self.ceiling_permille };
        RateFactor { ceiling_permille, ..self }
    }
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
    /// Below this, in parts of a thousand, nothing comes back by time: an answered call must show that there is
    /// somebody. Default 50, at least 2.
    pub floor_permille: u16,
    /// What comes back at each step, in parts of a thousand. Default 5.
    pub recover_permille: u16,
    /// The same near the rate that was last refused. Default 1, at least 1.
    pub probe_permille: u16,
    /// Seconds from step to step. Default 1: from half to full in 100 s.
    pub recover_every_s: NonZeroU32,
    /// The pause just below the floor, in milliseconds; each halving doubles it. Default 2,000.
    pub pause_ms: u32,
    /// The longest pause, in milliseconds. Default 60,000.
    pub pause_max_ms: u32,
    /// Up to here, in parts of a thousand, answers bring the rate back too, each a quarter of what a call that is not
    /// served takes: within seconds. Above it time alone does. Default 500.
    pub quick_permille: u16,
    /// Refusals and answers this soon after a halving, in milliseconds, belong to the messages that were under way
    /// already and change nothing. Default 2,000.
    pub settle_ms: u32,
}

impl Default for ThroughputPolicy {
    fn default() -> Self {
        ThroughputPolicy {
            priority_percent: Percent::at_most_100(20),
            burst_ms: 250,
            floor_permille: 50,
            recover_permille: 5,
            probe_permille: 1,
            recover_every_s: NonZeroU32::MIN,
            pause_ms: 2_000,
            pause_max_ms: 60_000,
            quick_permille: 500,
            settle_ms: 2_000,
        }
    }
}

impl ThroughputPolicy {
    /// The platform refused with 130429, or because of the limit of an app or a WABA, at `now_ms`.
    #[must_use]
    pub fn refused(&self, factor: RateFactor, now_ms: u64) -> RateFactor {
        if now_ms < factor.halved_at_ms {
            return factor;
        }
        let refused = self.permille(factor, now_ms);
        let permille = refused / 2;
        // Who serves nobody says nothing of what it takes.
        let ceiling_permille = if permille >= self.floor() { refused } else { NO_CEILING };
        RateFactor { permille, halved_at_ms: now_ms + u64::from(self.settle_ms), ceiling_permille }
    }

    /// A call was not served, or its result is not known, of a sender that may have `limit` calls under way at the full
    /// rate: it takes its part of the rate, the half where two or less may be. What time alone has given back since the
    /// latest answer does not count.
    #[must_use]
    pub fn unserved(&self, factor: RateFactor, limit: u32, now_ms: u64) -> RateFactor {
        let window = self.window(limit, factor, factor.halved_at_ms);
        let part = u32::from(factor.permille).div_ceil(window.max(2));
        let permille = factor.permille.saturating_sub(u16::try_from(part).unwrap_or(u16::MAX));
        RateFactor { permille, halved_at_ms: now_ms - self.since_step_ms(factor, now_ms), ..factor }
    }

    /// A call was answered, whatever the answer, of a sender that may have `limit` calls under way at the full rate: there
    /// is somebody. Below the floor the rate comes back to it, from there up to the half by answers, and what time has
    /// given back stays.
    #[must_use]
    pub fn answered(&self, factor: RateFactor, limit: u32, now_ms: u64) -> RateFactor {
        if !self.is_served(factor) {
            return RateFactor { permille: self.floor(), halved_at_ms: now_ms, ceiling_permille: NO_CEILING };
        }
        if now_ms < factor.halved_at_ms {
            return factor;
        }
        let mut permille = self.permille(factor, now_ms);
        // By answers alone not to where the platform refused.
        let quick_permille = self.quick_permille.min(RateFactor { permille, ..factor }.above_ceiling().near());
        if permille < quick_permille {
            let quarter = u16::try_from(250 / limit.max(1)).unwrap_or(u16::MAX).max(1);
            permille = permille.saturating_add(quarter).min(quick_permille);
        }
        if permille == factor.permille {
            return factor;
        }
        let halved_at_ms = now_ms - self.since_step_ms(factor, now_ms);
        RateFactor { permille, halved_at_ms, ..factor }.above_ceiling()
    }

    /// `false` while the platform does not serve: the rate is below the floor.
    #[must_use]
    pub fn is_served(&self, factor: RateFactor) -> bool {
        factor.permille >= self.floor()
    }

    /// How long nothing goes after a refusal, in milliseconds: not at all while the platform serves, then longer each
    /// time.
    #[must_use]
    pub fn pause_ms(&self, factor: RateFactor) -> u64 {
        if self.is_served(factor) {
            return 0;
        }
        let first_ms = u64::from(self.pause_ms) * u64::from(self.floor()) / 2;
        let pause_ms = first_ms.checked_div(u64::from(factor.permille)).unwrap_or(u64::MAX);
        pause_ms.min(u64::from(self.pause_max_ms))
    }

    /// The factor of a sender that is paused until `until_ms`: it recovers from then on, and the first refusal after
    /// the pause counts at once.
    #[must_use]
    pub fn paused(&self, factor: RateFactor, until_ms: u64) -> RateFactor {
        let halved_at_ms = factor.halved_at_ms.max(until_ms.saturating_sub(u64::from(self.settle_ms)));
        RateFactor { halved_at_ms, ..factor }
    }

    /// What may be used of the limit at `now_ms`, in parts of a thousand: 1 to 1,000.
    #[must_use]
    pub fn permille(&self, factor: RateFactor, now_ms: u64) -> u16 {
        if !self.is_served(factor) {
            return factor.permille.max(1);
        }
        let steps = now_ms.saturating_sub(factor.halved_at_ms) / self.step_ms();
        self.grown(factor, steps).clamp(1, 1000)
    }

    /// The parts in a thousand after so many steps: fast up to near the ceiling, slowly past it, fast beyond.
    fn grown(&self, factor: RateFactor, steps: u64) -> u16 {
        let (mut permille, mut left) = (u64::from(factor.permille), steps);
        for (to, by) in self.legs(factor) {
            if permille < to && by > 0 {
                let needed = (to - permille).div_ceil(by);
                permille = permille.saturating_add(needed.min(left).saturating_mul(by));
                left = left.saturating_sub(needed);
            }
        }
        u16::try_from(permille.min(1000)).unwrap_or(1000)
    }

    /// After how many steps there are so many parts in a thousand; `None` = never.
    fn steps_to(&self, factor: RateFactor, target: u64) -> Option<u64> {
        let (mut permille, mut steps) = (u64::from(factor.permille), 0_u64);
        for (to, by) in self.legs(factor) {
            if permille >= target {
                break;
            }
            if permille < to && by > 0 {
                let needed = (to.min(target) - permille).div_ceil(by);
                permille = permille.saturating_add(needed.saturating_mul(by));
                steps = steps.saturating_add(needed);
            }
        }
        (permille >= target).then_some(steps)
    }

    /// Up to where the rate grows, and by how much a step.
    fn legs(&self, factor: RateFactor) -> [(u64, u64); 3] {
        let (fast, slow) = (u64::from(self.recover_permille), u64::from(self.probe_permille.max(1)));
        let slow = slow.min(fast);
        [(u64::from(factor.near()), fast), (u64::from(factor.beyond()), slow), (1000, fast)]
    }

    /// How many calls may be under way at `now_ms` where `limit` may be at the full rate: two while the platform does
    /// not serve, one of them for the priority lane.
    #[must_use]
    pub fn window(&self, limit: u32, factor: RateFactor, now_ms: u64) -> u32 {
        let scaled = u64::from(limit) * u64::from(self.permille(factor, now_ms)) / 1000;
        let scaled = if self.is_served(factor) { scaled } else { 0 };
        u32::try_from(scaled).unwrap_or(u32::MAX).max(2).min(limit)
    }

    /// When [`Self::window`] grows by time (Unix time, milliseconds); `u64::MAX` = it does not.
    #[must_use]
    pub fn window_grows_ms(&self, limit: u32, factor: RateFactor, now_ms: u64) -> u64 {
        let window = self.window(limit, factor, now_ms);
        if window >= limit || !self.is_served(factor) || self.recover_permille == 0 {
            return u64::MAX;
        }
        let needed = (u64::from(window) + 1).saturating_mul(1000).div_ceil(u64::from(limit));
        let Some(steps) = self.steps_to(factor, needed) else { return u64::MAX };
        factor.halved_at_ms.saturating_add(steps.saturating_mul(self.step_ms()))
    }

    /// Milliseconds of the step that is under way: refusals and answers that follow fast must not stop recovery.
    fn since_step_ms(&self, factor: RateFactor, now_ms: u64) -> u64 {
        if factor.halved_at_ms == 0 { 0 } else { now_ms.saturating_sub(factor.halved_at_ms) % self.step_ms() }
    }

    fn step_ms(&self) -> u64 {
        u64::from(self.recover_every_s.get()) * 1000
    }

    fn floor(&self) -> u16 {
        self.floor_permille.clamp(2, 1000)
    }

    /// The limit that holds at `now_ms`, in messages per second; at least 1.
    #[must_use]
    pub fn effective(&self, limit: NonZeroU32, factor: RateFactor, now_ms: u64) -> NonZeroU32 {
        let scaled = u64::from(limit.get()) * u64::from(self.permille(factor, now_ms)) / 1000;
        NonZeroU32::new(u32::try_from(scaled).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN)
    }

    /// The bucket at admission: the effective limit with a burst that bridges two batches. The dispatcher spaces the calls
    /// evenly (`runtime/src/dispatcher/pace.rs`).
    #[must_use]
    pub fn admission_rate(&self, effective: NonZeroU32) -> Rate {
        Rate::new(effective, Duration::from_secs(1), burst(effective, self.burst_ms))
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
mod tests;
