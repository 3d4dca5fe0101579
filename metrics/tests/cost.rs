//! Cost of one increment. Prints figures; run it by hand:
//! `cargo test --release -p tollgate-metrics --test cost -- --ignored --nocapture`
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rust_decimal::Decimal;
use tollgate_metrics::{Category, Lane, Limits, Metrics, Outcome, PricingType, QuotaState, ShardMetrics};

fn report(name: &str, times: u32, mut run: impl FnMut()) {
    let best = (0..7)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..times {
                run();
            }
            start.elapsed()
        })
        .min()
        .unwrap();
    println!("{name}: {:.1} ns", best.as_nanos() as f64 / f64::from(times));
}

#[test]
#[ignore = "prints figures, asserts nothing"]
fn increment_cost() {
    let metrics = Arc::new(Metrics::new("0.0.0", Limits::default()).unwrap());
    let mut shard = ShardMetrics::new(&metrics);
    let (quota, euro) = (metrics.reason("quota"), metrics.currency("EUR"));
    let (amount, took) = (Decimal::new(456, 4), Duration::from_micros(2));
    let n = 5_000_000;
    report("request", n, || shard.request(black_box(Lane::Bulk)));
    report("decision", n, || {
        shard.decision(black_box(Outcome::Parked), black_box(quota));
    });
    report("charge", n, || {
        shard.charge(black_box(Category::Utility), PricingType::Regular);
    });
    report("charged_amount", n, || {
        shard.charged_amount(black_box(euro), Category::Utility, black_box(amount));
    });
    report("decided_in", n, || shard.decided_in(black_box(took)));
    report("flush of 8 touched counters", 100_000, || {
        for outcome in &Outcome::ALL[..6] {
            shard.decision(*outcome, quota);
        }
        shard.request(Lane::Bulk);
        shard.charge(Category::Utility, PricingType::Regular);
        shard.flush(black_box(8), took);
    });
    report("dispatched", n, || {
        metrics.dispatched(black_box(Outcome::Accepted), took);
    });
    report("platform_error", 500_000, || {
        metrics.platform_error(black_box(131_049));
    });
    report("set_quota_users", 500_000, || {
        metrics.set_quota_users(black_box("acme"), QuotaState::Used, 7);
    });
    for account in 0..10_000 {
        metrics.set_quota_users(&format!("account-{account}"), QuotaState::Used, account);
    }
    report("encode, 10,000 accounts", 20, || {
        drop(black_box(metrics.encode().unwrap()));
    });
}
