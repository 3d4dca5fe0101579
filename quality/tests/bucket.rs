//! The bucket keeps governor's promises, on a virtual clock, through rebuilding, undo and changes of rate.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::FakeRelativeClock;
use governor::{Quota, RateLimiter};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tollgate_quality::{Bucket, DAY, Percent, Rate, Wait};

const NOW_MS: u64 = 1_800_000_000_000;
const SECOND: Duration = Duration::from_secs(1);

fn n(tokens: u32) -> NonZeroU32 {
    NonZeroU32::new(tokens).unwrap()
}

/// Takes single tokens until the bucket refuses.
fn drain(mut bucket: Bucket, rate: Rate, now_ms: u64) -> (u32, Bucket) {
    let mut taken = 0;
    while let Ok(next) = bucket.check(rate, now_ms) {
        (taken, bucket) = (taken + 1, next);
    }
    (taken, bucket)
}

fn some_rate(random: &mut SmallRng) -> Rate {
    let period = [SECOND, Duration::from_secs(6), Duration::from_secs(60), DAY][random.random_range(0..4)];
    Rate::new(n(random.random_range(1..2_000)), period, n(random.random_range(1..60)))
}

#[test]
fn equal_to_a_real_limiter_over_random_events() {
    for seed in 0..300 {
        let mut random = SmallRng::seed_from_u64(seed);
        let rate = some_rate(&mut random);
        let quota = Quota::with_period(Duration::from_nanos(rate.interval_ns())).unwrap().allow_burst(rate.burst());
        let clock = FakeRelativeClock::default();
        let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
        let (mut bucket, mut since_start_ms) = (Bucket::FULL, 0);
        for event in 0..1_000 {
            if random.random_bool(0.4) {
                let step_ms = random.random_range(0..rate.interval_ns() * 4 / 1_000_000 + 3);
                clock.advance(Duration::from_millis(step_ms));
                since_start_ms += step_ms;
            }
            let tokens = n(random.random_range(1..4));
            let ours = bucket.check_keeping(rate, tokens, 0, NOW_MS + since_start_ms);
            let theirs = match limiter.check_n(tokens) {
                Ok(Ok(())) => Ok(()),
                Ok(Err(not_until)) => {
                    let until_ms = not_until.earliest_possible().as_u64().div_ceil(1_000_000);
                    Err(Wait { until_ms: NOW_MS + until_ms })
                }
                Err(_) => Err(Wait::FOREVER),
            };
            assert_eq!(ours.map(|_| ()), theirs, "seed {seed} event {event} {rate:?}");
            bucket = ours.unwrap_or(bucket);
        }
    }
}

#[test]
fn no_window_holds_more_than_the_burst_and_what_fell_due() {
    for seed in 0..60 {
        let mut random = SmallRng::seed_from_u64(1_000 + seed);
        let rate = some_rate(&mut random);
        let (mut bucket, mut now_ms, mut taken_at_ms) = (Bucket::FULL, NOW_MS, Vec::new());
        for _ in 0..600 {
            now_ms += random.random_range(0..rate.interval_ns() / 1_000_000 + 2);
            if let Ok(next) = bucket.check(rate, now_ms) {
                bucket = next;
                taken_at_ms.push(now_ms);
            }
        }
        for (first, start_ms) in taken_at_ms.iter().enumerate() {
            for (last, end_ms) in taken_at_ms.iter().enumerate().skip(first) {
                let due = (end_ms - start_ms) * 1_000_000 / rate.interval_ns();
                assert!((last - first + 1) as u64 <= u64::from(rate.burst().get()) + due, "seed {seed} {rate:?}");
            }
        }
    }
}

#[test]
fn a_refusal_names_the_first_millisecond_that_passes() {
    for seed in 0..200 {
        let mut random = SmallRng::seed_from_u64(2_000 + seed);
        let rate = some_rate(&mut random);
        let (_, empty) = drain(Bucket::FULL, rate, NOW_MS);
        let wait = empty.check(rate, NOW_MS).unwrap_err();
        assert!(empty.check(rate, wait.until_ms).is_ok(), "{rate:?}");
        assert!(empty.check(rate, wait.until_ms - 1).is_err(), "{rate:?}");
    }
}

#[test]
fn a_full_burst_goes_once_and_a_rebuild_grants_none() {
    let rate = Rate::new(n(80), SECOND, n(20));
    let (taken, empty) = drain(Bucket::FULL, rate, NOW_MS);
    assert_eq!(taken, 20);
    let reloaded: Bucket = serde_json::from_str(&serde_json::to_string(&empty).unwrap()).unwrap();
    assert_eq!(drain(reloaded, rate, NOW_MS).0, 0);
    assert_eq!(drain(reloaded, rate, NOW_MS + 25).0, 2, "one token in 12.5 ms");
}

#[test]
fn the_old_value_gives_the_tokens_back() {
    let rate = Rate::new(n(80), SECOND, n(20));
    let before = Bucket::FULL.check_keeping(rate, n(7), 0, NOW_MS).unwrap();
    assert_eq!(before.tokens(rate, NOW_MS), 13);
    let after = before.check_keeping(rate, n(13), 0, NOW_MS).unwrap();
    assert_eq!(after.tokens(rate, NOW_MS), 0);
    assert_eq!(drain(before, rate, NOW_MS).0, 13);
}

#[test]
fn a_bucket_of_unknown_past_starts_empty() {
    for rate in [Rate::new(n(80), SECOND, n(20)), Rate::new(n(100), DAY, n(1)), Rate::new(n(250), DAY, n(250))] {
        let bucket = Bucket::empty_at(rate, NOW_MS);
        assert_eq!(bucket.tokens(rate, NOW_MS), 0);
        let until_ms = NOW_MS + rate.interval_ns().div_ceil(1_000_000);
        assert_eq!(bucket.check(rate, NOW_MS), Err(Wait { until_ms }));
        assert_eq!(drain(bucket, rate, until_ms).0, 1);
    }
}

#[test]
fn a_change_of_rate_keeps_an_empty_bucket_empty() {
    let fast = Rate::new(n(1_000), SECOND, n(250));
    let slow = Rate::new(n(80), SECOND, n(20));
    for (old, new) in [(fast, slow), (slow, fast)] {
        let (_, empty) = drain(Bucket::FULL, old, NOW_MS);
        let changed = empty.capped(new, NOW_MS);
        assert_eq!(drain(changed, new, NOW_MS).0, 0, "no fresh burst");
        assert_eq!(changed.capped(new, NOW_MS + 5), changed, "capping again changes nothing");
    }
}

#[test]
fn a_debt_under_the_old_rate_is_cut_to_one_full_burst() {
    let all_at_once = Rate::new(n(250), DAY, n(250));
    let spread = Rate::new(n(125), DAY, n(1));
    let (taken, empty) = drain(Bucket::FULL, all_at_once, NOW_MS);
    assert_eq!(taken, 250);
    let wait_of = |bucket: Bucket| bucket.check(spread, NOW_MS).unwrap_err().until_ms - NOW_MS;
    assert_eq!(wait_of(empty), DAY.as_millis() as u64, "kept whole, it would be a day");
    assert_eq!(wait_of(empty.capped(spread, NOW_MS)), DAY.as_millis() as u64 / 125);
}

#[test]
fn what_bulk_leaves_is_there_for_priority() {
    let rate = Rate::new(n(1_000), SECOND, n(100));
    let keep = Percent::try_from(20).unwrap().of(100);
    let bulk = Bucket::FULL.check_keeping(rate, n(80), keep, NOW_MS).unwrap();
    assert_eq!(bulk.check_keeping(rate, n(1), keep, NOW_MS), Err(Wait { until_ms: NOW_MS + 1 }));
    let (priority, empty) = drain(bulk, rate, NOW_MS);
    assert_eq!(priority, 20);
    // Bulk is back only when priority's part has filled again.
    assert_eq!(empty.check_keeping(rate, n(1), keep, NOW_MS), Err(Wait { until_ms: NOW_MS + 21 }));
}

#[test]
fn more_than_the_bucket_holds_is_refused_for_good() {
    let rate = Rate::new(n(80), SECOND, n(20));
    assert_eq!(Bucket::FULL.check_keeping(rate, n(21), 0, NOW_MS), Err(Wait::FOREVER));
    assert_eq!(Bucket::FULL.check_keeping(rate, n(17), 4, NOW_MS), Err(Wait::FOREVER));
    assert_eq!(Bucket::FULL.check_keeping(rate, n(1), 20, NOW_MS), Err(Wait::FOREVER));
    assert_eq!(Bucket::FULL.check_keeping(rate, n(u32::MAX), u32::MAX, NOW_MS), Err(Wait::FOREVER));
}

#[test]
fn what_happened_anyway_empties_the_bucket_and_no_further() {
    let rate = Rate::new(n(80), SECOND, n(20));
    assert_eq!(Bucket::FULL.charge(rate, 5, NOW_MS).tokens(rate, NOW_MS), 15);
    assert_eq!(Bucket::FULL.charge(rate, u32::MAX, NOW_MS), Bucket::empty_at(rate, NOW_MS));
}

#[test]
fn peeking_takes_nothing_and_says_the_same() {
    let rate = Rate::new(n(1), DAY, n(1));
    assert_eq!(Bucket::FULL.peek(rate, n(1), 0, NOW_MS), Ok(()));
    let taken = Bucket::FULL.check(rate, NOW_MS).unwrap();
    assert_eq!(taken.peek(rate, n(1), 0, NOW_MS), Err(Wait { until_ms: NOW_MS + 86_400_000 }));
}

#[test]
fn no_time_and_no_stored_value_overflows() {
    let slowest = Rate::new(n(1), Duration::MAX, n(u32::MAX));
    for rate in [slowest, Rate::new(n(u32::MAX), Duration::from_nanos(1), n(u32::MAX))] {
        for tat_ns in [0, u64::MAX / 2, u64::MAX] {
            for now_ms in [0, NOW_MS, u64::MAX] {
                let bucket = Bucket { tat_ns };
                let most = NonZeroU32::new(rate.burst().get()).unwrap();
                for outcome in [bucket.check(rate, now_ms), bucket.check_keeping(rate, most, 0, now_ms)] {
                    assert!(outcome.is_ok_and(|next| next.tat_ns > 0) || outcome.is_err());
                }
                let _ = (bucket.charge(rate, u32::MAX, now_ms), bucket.tokens(rate, now_ms));
            }
        }
    }
}
