//! What metrics cost a decision: the same requests decided and applied without them, and with all that a shard counts on
//! the way, its flush after each batch among it. The aim is at most 2 % more.
//!
//! Batches with and without come in pairs, one straight after the other in one process: a machine that is busy for a while
//! is so for both, and the median of the pairs' ratios is told, with its confidence.
//!
//! `cargo bench -p tollgate-benches --bench metrics [-- PAIRS]`

#[path = "world/mod.rs"]
mod world;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use tollgate_core::effect::Effect;
use tollgate_core::engine::{Engine, Sink};
use tollgate_core::state::State;
use tollgate_metrics::{Lane, Limits, Metrics, Outcome, Reason, ShardMetrics};
use tollgate_wire::outcome::OutcomeKind;
use tollgate_wire::request;
use world::{BATCH, Count, CpuTime, Discard, NoStore, commit, deliver, engine, load_people};

const PEOPLE: u64 = 1_000_000;
const PAIRS: usize = 600;
const WARM_UP: usize = 10;

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
    fn at(&mut self, _: u64) {}
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
    fn at(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
    }

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
    /// One batch; the time of its decisions alone.
    fn decide(&mut self, sink: &mut impl Beside) -> Duration {
        sink.at(self.engine.now_ms());
        let batch = BATCH as u64;
        let raw: Vec<Vec<u8>> = (0..batch).map(|i| world::request(self.next + i, PEOPLE)).collect();
        let parsed: Vec<_> = raw.iter().map(|r| request::parse(r).expect("a sound request")).collect();
        let uid = self.engine.state().next_uid();
        let started = CpuTime::start();
        for (r, raw) in parsed.iter().zip(&raw) {
            sink.one();
            let _ = black_box(self.engine.request_parsed(r, raw, false, &NoStore, sink));
        }
        sink.batch(batch, Duration::from_millis(5));
        let took = started.elapsed();
        assert_eq!(sink.orders(), batch, "every gate passed");
        deliver(&mut self.engine, uid, uid + batch);
        self.engine.clock(self.engine.now_ms() + 7_000);
        commit(&mut self.engine, &mut self.store);
        self.next += batch;
        took
    }
}

fn main() {
    // `cargo bench` passes `--bench`.
    let pairs = std::env::args().skip(1).find(|a| a != "--bench").map_or(PAIRS, |a| {
        a.parse().ok().filter(|n| *n >= 10).unwrap_or_else(|| panic!("{a:?} is no number of pairs; say 10 or more"))
    });
    let mut e = engine("UNLIMITED");
    load_people(&mut e, PEOPLE, |_| 0);
    let mut run = Run { engine: e, store: Discard::default(), next: 0 };
    let (mut without, mut with) = (Count::default(), Counting::new());
    for _ in 0..WARM_UP {
        run.decide(&mut without);
        run.decide(&mut with);
    }
    // Which of a pair comes first changes: what drifts, as the open messages and the clock of the machine do, falls to both.
    let (mut times, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
    for pair in 0..pairs {
        let (plain, counted);
        if pair % 2 == 0 {
            plain = run.decide(&mut without);
            counted = run.decide(&mut with);
        } else {
            counted = run.decide(&mut with);
            plain = run.decide(&mut without);
        }
        times[0].push(plain.as_secs_f64() * 1e9 / BATCH as f64);
        times[1].push(counted.as_secs_f64() * 1e9 / BATCH as f64);
        ratios.push(counted.as_secs_f64() / plain.as_secs_f64());
    }
    for times in &mut times {
        times.sort_by(f64::total_cmp);
    }
    ratios.sort_by(f64::total_cmp);
    let percent = |ratio: f64| 100.0 * (ratio - 1.0);
    // The median's own 95 %: its rank is binomial, whatever the distribution.
    let reach = (0.98 * (pairs as f64).sqrt()).ceil() as usize;
    let (low, high) = (pairs / 2 - reach.min(pairs / 2), (pairs / 2 + reach).min(pairs - 1));
    println!("{pairs} pairs of batches of {BATCH} decisions, with metrics and without, in turn");
    println!("without  {:7.0} ns a decision, median", times[0][pairs / 2]);
    println!("with     {:7.0} ns a decision, median", times[1][pairs / 2]);
    println!(
        "cost     {:+.2} % a decision, median of pairs; 95 % between {:+.2} and {:+.2} % (aim: at most +2 %)",
        percent(ratios[pairs / 2]),
        percent(ratios[low]),
        percent(ratios[high])
    );
}
