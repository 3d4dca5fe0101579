//! Decisions a second in memory, all gates passing: the pure function alone, and with what it wants applied.

#[path = "world/mod.rs"]
mod world;

use std::cell::LazyCell;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tollgate_core::decide::{Decision, Event, Facts, decide};
use tollgate_core::engine::Engine;
use tollgate_wire::request;
use world::{BATCH, Count, CpuTime, Discard, NOON_MS, NoStore, commit, deliver, engine, load_people};

const PEOPLE: u64 = 1_000_000;

/// `decide` on a state that stays as it is: nothing is applied.
fn pure(e: &Engine, raw: &[Vec<u8>], iterations: u64) -> Duration {
    let parsed: Vec<_> = raw.iter().map(|r| request::parse(r).expect("a sound request")).collect();
    let facts =
        Facts { state: e.state(), rates: &e.config().rates, key: &e.config().hash_key, times: &e.config().times };
    let mut out = Decision::default();
    let mut one = |i: usize| {
        let at = i % parsed.len();
        let event =
            Event::Request { request: &parsed[at], raw: &raw[at], hash: i as u128, duplicate: None, priority: false };
        out.clear();
        decide(&facts, &event, NOON_MS, &mut out);
        black_box(&out);
    };
    // Once round first, since parsing has just emptied the caches.
    (0..parsed.len()).for_each(&mut one);
    let started = CpuTime::start();
    (0..iterations as usize).for_each(&mut one);
    started.elapsed()
}

/// Enough requests that their people do not fit into the processor's caches.
fn some_requests(people: u64) -> Vec<Vec<u8>> {
    (0..32_768).map(|i| world::request(i, people)).collect()
}

fn decisions(criterion: &mut Criterion) {
    let mut e = engine("UNLIMITED");
    load_people(&mut e, PEOPLE, |_| 0);
    // The campaign is known, as it is for all but its first message.
    let first = world::request(PEOPLE, PEOPLE);
    assert!(matches!(e.request(&first, false, &NoStore, &mut Count::default()), Ok(Ok(()))));
    deliver(&mut e, 1, 2);
    let mut store = Discard::default();
    commit(&mut e, &mut store);

    let mut group = criterion.benchmark_group("decide");
    group.throughput(Throughput::Elements(1)).sample_size(10).measurement_time(Duration::from_secs(4));
    let some = some_requests(PEOPLE);
    group.bench_function("pure", |b| b.iter_custom(|n| pure(&e, &some, n)));
    // Parsed requests in, orders and outcomes out as values, state changed; the commit is not counted.
    let mut next = 1_000_000_000;
    let mut uid = e.state().next_uid();
    group.bench_function("and_apply", |b| {
        b.iter_custom(|n| {
            let mut took = Duration::ZERO;
            let mut left = n as usize;
            while left > 0 {
                let batch = left.min(BATCH);
                let raw: Vec<Vec<u8>> = (0..batch as u64).map(|i| world::request(next + i, PEOPLE)).collect();
                let parsed: Vec<_> = raw.iter().map(|r| request::parse(r).expect("a sound request")).collect();
                let mut sink = Count::default();
                let started = CpuTime::start();
                for (r, raw) in parsed.iter().zip(&raw) {
                    let _ = black_box(e.request_parsed(r, raw, false, &NoStore, &mut sink));
                }
                took += started.elapsed();
                assert_eq!(sink.orders, batch as u64, "every gate passed");
                deliver(&mut e, uid, uid + batch as u64);
                uid += batch as u64;
                next += batch as u64;
                left -= batch;
                e.clock(e.now_ms() + 7_000);
                commit(&mut e, &mut store);
            }
            took
        });
    });
    group.finish();
}

/// The quota gate counts exactly; its cost must not grow with the users it counts.
fn quota(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("quota");
    group.throughput(Throughput::Elements(1)).sample_size(10).measurement_time(Duration::from_secs(2));
    for users in [1_000_u64, 100_000, 5_000_000] {
        // Half of the people are counted, spread over the day; the limit is just above, or just reached.
        let now_s = (NOON_MS / 1000) as u32;
        let counted_s = |i: u64| if i.is_multiple_of(2) { now_s - (i % 86_000) as u32 } else { 0 };
        for (name, limit) in [("token", users), ("full", users / 2)] {
            let e = LazyCell::new(|| {
                let mut e = engine(&limit.to_string());
                load_people(&mut e, users, counted_s);
                e
            });
            let some = some_requests(users);
            group.bench_function(BenchmarkId::new(name, users), |b| b.iter_custom(|n| pure(&e, &some, n)));
        }
    }
    group.finish();
}

criterion_group!(benches, decisions, quota);
criterion_main!(benches);
