//! What metrics cost a decision: the same requests decided and applied without them, and with all that a shard counts on
//! the way, its flush after each batch among it. The aim is at most 2 % more.
//!
//! `cargo bench -p tollgate-benches --bench metrics`

#[path = "world/mod.rs"]
mod world;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tollgate_core::effect::Effect;
use tollgate_core::engine::{Engine, Sink};
use tollgate_core::state::State;
use tollgate_metrics::{Lane, Limits, Metrics, Outcome, Reason, ShardMetrics};
use tollgate_wire::outcome::OutcomeKind;
use tollgate_wire::request;
use world::{BATCH, Count, CpuTime, Discard, NoStore, commit, deliver, engine, load_people};

const PEOPLE: u64 = 1_000_000;

/// Counts what the shard's own sink counts (`runtime/src/shard/sink.rs`).
struct Counting {
    inner: Count,
    metrics: ShardMetrics,
    reasons: Vec<Reason>,
    now_ms: u64,
}

impl Counting {
    fn new() -> Self {
        let shared = Arc::new(Metrics::new("bench", Limits::default()).expect("the catalogue is sound"));
        let reasons = tollgate_wire::Reason::ALL.iter().map(|reason| shared.reason(reason.as_str())).collect();
        Self { inner: Count::default(), metrics: ShardMetrics::new(&shared), reasons, now_ms: 0 }
    }
}

impl Sink for Counting {
    fn wants_json(&self) -> bool {
        false
    }

    fn effect(&mut self, state: &State, effect: &Effect, key: &str, json: &[u8]) {
        self.inner.effect(state, effect, key, json);
        match effect {
            Effect::Order { uid, .. } => {
                if let Some(message) = state.message(*uid) {
                    let lane = if message.priority { Lane::Priority } else { Lane::Bulk };
                    let since = u64::from(message.created_s) * 1000;
                    self.metrics.ordered_after(lane, Duration::from_millis(self.now_ms.saturating_sub(since)));
                }
            }
            Effect::Outcome(o) => {
                let to = match o.kind {
                    OutcomeKind::Admitted => Outcome::Admitted,
                    OutcomeKind::Parked => Outcome::Parked,
                    _ => Outcome::Refused,
                };
                let reason = o.reason.map_or(Reason::NONE, |reason| self.reasons[reason as usize]);
                self.metrics.decision(to, reason);
            }
            _ => {}
        }
    }
}

/// What is done beside the decisions of a batch.
trait Beside: Sink {
    fn one(&mut self) {}
    fn batch(&mut self, _: u64, _: Duration) {}
    fn orders(&mut self) -> u64;
}

impl Beside for Count {
    fn orders(&mut self) -> u64 {
        std::mem::take(&mut self.orders)
    }
}

impl Beside for Counting {
    fn one(&mut self) {
        self.metrics.request(Lane::Bulk);
    }

    fn batch(&mut self, records: u64, took: Duration) {
        self.metrics.decided_in(took / records.max(1) as u32);
        self.metrics.flush(records, took);
    }

    fn orders(&mut self) -> u64 {
        self.inner.orders()
    }
}

/// A shard that requests are decided by, with the number of the next.
struct Run {
    engine: Engine,
    store: Discard,
    next: u64,
}

impl Run {
    fn decide(&mut self, sink: &mut impl Beside, requests: u64) -> Duration {
        let (mut took, mut left) = (Duration::ZERO, requests);
        while left > 0 {
            let batch = left.min(BATCH as u64);
            let raw: Vec<Vec<u8>> = (0..batch).map(|i| world::request(self.next + i, PEOPLE)).collect();
            let parsed: Vec<_> = raw.iter().map(|r| request::parse(r).expect("a sound request")).collect();
            let uid = self.engine.state().next_uid();
            let started = CpuTime::start();
            for (r, raw) in parsed.iter().zip(&raw) {
                sink.one();
                let _ = black_box(self.engine.request_parsed(r, raw, false, &NoStore, sink));
            }
            sink.batch(batch, Duration::from_millis(5));
            took += started.elapsed();
            assert_eq!(sink.orders(), batch, "every gate passed");
            deliver(&mut self.engine, uid, uid + batch);
            self.engine.clock(self.engine.now_ms() + 7_000);
            commit(&mut self.engine, &mut self.store);
            self.next += batch;
            left -= batch;
        }
        took
    }
}

fn metrics(criterion: &mut Criterion) {
    let mut e = engine("UNLIMITED");
    load_people(&mut e, PEOPLE, |_| 0);
    let mut run = Run { engine: e, store: Discard::default(), next: 0 };
    run.decide(&mut Count::default(), BATCH as u64);
    let mut group = criterion.benchmark_group("metrics");
    group.throughput(Throughput::Elements(1)).sample_size(20).measurement_time(Duration::from_secs(5));
    // In turn, so that both meet the same machine.
    for round in 1..=2 {
        let mut without = Count::default();
        group.bench_function(format!("without_{round}"), |b| b.iter_custom(|n| run.decide(&mut without, n)));
        let mut with = Counting::new();
        group.bench_function(format!("with_{round}"), |b| {
            b.iter_custom(|n| {
                with.now_ms = run.engine.now_ms();
                run.decide(&mut with, n)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, metrics);
criterion_main!(benches);
