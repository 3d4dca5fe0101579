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
mod tests {
    use super::*;
    use crate::bucket::Bucket;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn mps(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).expect("not zero")
    }

    /// limit → admission rate and burst, kept by bulk.
    const RATES: &str = "
        1    → 1/s burst 1 keep 0
        20   → 20/s burst 5 keep 1
        80   → 80/s burst 20 keep 4
        1000 → 1000/s burst 250 keep 50
    ";

    #[test]
    fn burst_and_reserve_follow_the_limit() {
        let policy = ThroughputPolicy::default();
        for line in RATES.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (limit, expected) = line.split_once('→').expect("limit → rates");
            let limit = limit.trim().parse().expect("a number");
            let at = policy.admission_rate(limit);
            let keep = policy.keep(Lane::Bulk, at);
            let rates = format!("{}/s burst {} keep {keep}", at.per_period(), at.burst());
            assert_eq!(rates, expected.trim(), "{line}");
        }
    }

    #[test]
    fn a_refusal_halves_once_and_time_gives_back() {
        let policy = ThroughputPolicy::default();
        let halved = policy.refused(RateFactor::FULL, NOW_MS);
        assert_eq!(policy.effective(mps(80), halved, NOW_MS), mps(40));
        assert_eq!(policy.refused(halved, NOW_MS + 1_999), halved, "those were under way already");
        assert_eq!(policy.answered(halved, 40, NOW_MS + 1_999), halved, "so were those");
        assert_eq!(policy.permille(halved, NOW_MS + 2_999), 500);
        assert_eq!(policy.permille(halved, NOW_MS + 12_000), 550);
        assert_eq!(policy.permille(halved, NOW_MS + 102_000), 1000);
        assert_eq!(policy.permille(halved, u64::MAX), 1000);
        let again = policy.refused(halved, NOW_MS + 12_000);
        assert_eq!(again, RateFactor { permille: 275, halved_at_ms: NOW_MS + 14_000, ceiling_permille: 550 });
    }

    /// What a platform that takes so many a second makes of a sender that declares 80: calls and refused ones, of ten
    /// minutes, and the rate at the end.
    fn against(takes: u32, factor: &mut RateFactor, from_ms: u64) -> (u64, u64) {
        let policy = ThroughputPolicy::default();
        let (mut now_ms, mut calls, mut refused, mut second, mut taken) = (from_ms, 0, 0, 0, 0);
        while now_ms < from_ms + 600_000 {
            now_ms += 1000 / u64::from(policy.effective(mps(80), *factor, now_ms).get());
            if now_ms / 1000 != second {
                (second, taken) = (now_ms / 1000, 0);
            }
            calls += 1;
            taken += 1;
            *factor = if taken > takes {
                refused += 1;
                policy.refused(*factor, now_ms)
            } else {
                policy.answered(*factor, 40, now_ms)
            };
        }
        (calls, refused)
    }

    /// Whatever part of the declared rate the platform takes, few calls are refused, from the first on: answers in between
    /// do not hide refusals, and most of what it takes is used.
    #[test]
    fn a_rate_settles_where_the_platform_takes_it() {
        for (takes, most_percent, least_used) in [(79, 4, 70), (60, 4, 70), (44, 4, 70), (20, 4, 70), (10, 6, 65)] {
            let mut factor = RateFactor::FULL;
            let (calls, refused) = against(takes, &mut factor, NOW_MS);
            assert!(refused * 100 <= calls * most_percent, "{takes} a second: {refused} of {calls} refused");
            let used = (calls - refused) * 100 / (u64::from(takes) * 600);
            assert!(used >= least_used, "{takes} a second: {used} % of it used");
            // Once it is known what the platform takes.
            let (calls, refused) = against(takes, &mut factor, NOW_MS + 600_000);
            assert!(refused * 100 <= calls * most_percent, "{takes} a second, later: {refused} of {calls} refused");
        }
    }

    /// The platform takes everything again: half of it within a minute and a half, all of it within four.
    #[test]
    fn a_ceiling_is_left_behind() {
        let policy = ThroughputPolicy::default();
        let mut factor = RateFactor::FULL;
        against(20, &mut factor, NOW_MS);
        let (from_ms, mut half_ms, mut full_ms) = (NOW_MS + 600_000, 0, 0);
        let mut now_ms = from_ms;
        while full_ms == 0 {
            now_ms += 1000 / u64::from(policy.effective(mps(80), factor, now_ms).get());
            factor = policy.answered(factor, 40, now_ms);
            let permille = policy.permille(factor, now_ms);
            half_ms = if half_ms == 0 && permille >= 500 { now_ms - from_ms } else { half_ms };
            full_ms = if permille == 1000 { now_ms - from_ms } else { 0 };
            assert!(now_ms < from_ms + 600_000, "{factor:?}");
        }
        assert!(half_ms <= 90_000 && full_ms <= 240_000, "half after {half_ms} ms, all after {full_ms} ms");
        assert_eq!(factor.ceiling_permille, 1000);
    }

    /// Steps and parts are two ways of saying the same, with and without a ceiling.
    #[test]
    fn growth_and_the_steps_to_it_agree() {
        let policy = ThroughputPolicy::default();
        for ceiling_permille in [60, 100, 263, 500, 762, 990, 1000] {
            for permille in [50, 99, 230, 300, 999] {
                let factor = RateFactor { permille, halved_at_ms: NOW_MS, ceiling_permille };
                let mut before = permille;
                for target in permille..=1000 {
                    let steps = policy.steps_to(factor, target.into()).expect("it grows to the whole");
                    let at = policy.grown(factor, steps);
                    assert!(at >= target && at >= before, "{factor:?} {target}: {at} after {steps}");
                    assert!(steps == 0 || policy.grown(factor, steps - 1) < target, "{factor:?} {target}");
                    before = at;
                }
            }
        }
    }

    #[test]
    fn a_rate_never_falls_to_nothing() {
        let policy = ThroughputPolicy::default();
        let mut factor = RateFactor::FULL;
        for refusal in 0..30 {
            factor = policy.refused(factor, NOW_MS + refusal * 2_000);
        }
        assert_eq!(policy.effective(mps(80), factor, NOW_MS + 60_000).get(), 1);
        assert!(policy.permille(factor, NOW_MS + 60_000) >= 1);
    }

    /// permille after a refusal, under a window of two → pause in ms.
    #[test]
    fn refusals_one_after_the_other_pause_longer_up_to_a_minute() {
        let policy = ThroughputPolicy::default();
        let (mut factor, mut pauses) = (RateFactor::FULL, Vec::new());
        for _ in 0..12 {
            factor = policy.unserved(factor, 2, NOW_MS);
            pauses.push((factor.permille, policy.pause_ms(factor)));
        }
        assert_eq!(pauses[..4], [(500, 0), (250, 0), (125, 0), (62, 0)]);
        assert_eq!(pauses[4..8], [(31, 1_612), (15, 3_333), (7, 7_142), (3, 16_666)]);
        assert_eq!(pauses[8..], [(1, 50_000), (0, 60_000), (0, 60_000), (0, 60_000)]);
    }

    #[test]
    fn below_the_floor_only_an_answer_brings_the_rate_back() {
        let policy = ThroughputPolicy::default();
        let out = RateFactor { permille: 7, halved_at_ms: NOW_MS, ceiling_permille: 300 };
        assert_eq!(policy.permille(out, NOW_MS + 86_400_000), 7);
        assert_eq!(policy.window(40, out, NOW_MS), 2, "a question of each lane");
        assert_eq!(policy.window_grows_ms(40, out, NOW_MS), u64::MAX);
        let back = policy.answered(out, 40, NOW_MS + 5);
        let factor = |permille, halved_at_ms| RateFactor { permille, halved_at_ms, ..RateFactor::FULL };
        assert_eq!(back, factor(50, NOW_MS + 5));
        assert_eq!(policy.permille(back, NOW_MS + 190_005), 1000);
        let kept = policy.answered(back, 40, NOW_MS + 9_205);
        assert_eq!(kept, factor(101, NOW_MS + 9_005), "by time, its rest, and the answer");
        let half = (0..100).fold(kept, |f, _| policy.answered(f, 40, NOW_MS + 9_905));
        assert_eq!(half.permille, 500, "by answers alone not above the half");
        assert_eq!(policy.answered(half, 40, NOW_MS + 9_905), half);
    }

    /// One call in a thousand that is not served costs next to nothing, one in twenty half of the rate, one in three
    /// nearly all of it: at 80 a second.
    #[test]
    fn a_sporadic_failure_costs_little_and_many_cost_much() {
        let policy = ThroughputPolicy::default();
        for (one_in, least, most) in [(1_000, 950, 1_000), (200, 400, 1_000), (20, 400, 600), (3, 0, 100)] {
            let (mut factor, mut calls, mut lowest, mut now_ms) = (RateFactor::FULL, 0_u64, 1000, NOW_MS);
            while now_ms < NOW_MS + 600_000 {
                now_ms += 1000 / u64::from(policy.effective(mps(80), factor, now_ms).get());
                calls += 1;
                if calls.is_multiple_of(one_in) {
                    factor = policy.unserved(factor, 40, now_ms);
                    lowest = lowest.min(policy.permille(factor, now_ms));
                } else {
                    factor = policy.answered(factor, 40, now_ms);
                }
            }
            assert!((least..=most).contains(&lowest), "one in {one_in}: {lowest}");
        }
    }

    #[test]
    fn a_window_of_unserved_calls_all_but_stops_the_rate() {
        let policy = ThroughputPolicy::default();
        let mut factor = RateFactor::FULL;
        for _ in 0..40 {
            factor = policy.unserved(factor, 40, NOW_MS);
        }
        assert!(factor.permille < 40, "{factor:?}: each takes what one of forty is worth");
    }

    /// Calls that hang for 10 s fail one window after the other; the time between them gives nothing back.
    #[test]
    fn time_alone_is_no_recovery_while_nothing_is_answered() {
        let policy = ThroughputPolicy::default();
        let (mut factor, mut calls, mut now_ms) = (RateFactor::FULL, 0, NOW_MS);
        while policy.is_served(factor) {
            let under_way = policy.window(40, factor, now_ms);
            now_ms += 10_000;
            calls += under_way;
            for _ in 0..under_way {
                factor = policy.unserved(factor, 40, now_ms);
            }
            assert!(now_ms < NOW_MS + 300_000, "{factor:?}");
        }
        assert!(calls <= 80, "{calls}");
    }

    #[test]
    fn the_window_grows_when_it_says() {
        let policy = ThroughputPolicy::default();
        let ceilings = [110, 400, 1000];
        let limits = [1, 2, 5, 40, 500];
        for (limit, ceiling_permille) in limits.into_iter().flat_map(|l| ceilings.map(|c| (l, c))) {
            let factor = RateFactor { permille: 100, halved_at_ms: NOW_MS, ceiling_permille };
            let mut now_ms = NOW_MS;
            loop {
                let (window, grows_ms) =
                    (policy.window(limit, factor, now_ms), policy.window_grows_ms(limit, factor, now_ms));
                if grows_ms == u64::MAX {
                    assert_eq!(window, limit);
                    break;
                }
                assert_eq!(policy.window(limit, factor, grows_ms - 1), window, "{limit}");
                assert!(policy.window(limit, factor, grows_ms) > window, "{limit}");
                now_ms = grows_ms;
            }
        }
    }

    #[test]
    fn a_pause_is_no_recovery_and_the_first_refusal_after_it_counts() {
        let policy = ThroughputPolicy::default();
        let refused = policy.refused(RateFactor::FULL, NOW_MS);
        let paused = policy.paused(refused, NOW_MS + 60_000);
        assert_eq!(policy.permille(paused, NOW_MS + 58_000), 500);
        assert_eq!(policy.refused(paused, NOW_MS + 60_000).permille, 255);
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
