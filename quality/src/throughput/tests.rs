//! How the rate of a sender falls and comes back, and what bulk leaves of it.

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
