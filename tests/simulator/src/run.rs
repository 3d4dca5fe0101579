//! One run: the loop between world, shard and auditor, with crashes anywhere, and the healing at the end.

use crate::auditor::{Auditor, Tables};
use crate::mutation::Mutation;
use crate::shard::Shard;
use crate::world::World;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use tollgate_core::lots::Resource;
use tollgate_core::snapshot;
use tollgate_rate_card::{RateCards, Source, Sources};
use tollgate_tests::Dice;

/// How to run one seed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Batches after which the world is healed early; 0 = when its days are over.
    pub steps: u64,
    /// Spoils what the auditor sees.
    pub mutation: Option<Mutation>,
}

/// A predicate that did not hold.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Seed of the run.
    pub seed: u64,
    /// Batch in which it was noticed.
    pub step: u64,
    /// Its name.
    pub predicate: &'static str,
    /// What was expected and found.
    pub what: String,
    /// The last lines of the message's life; empty when it is about no message.
    pub trace: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "seed {} step {}: {} does not hold: {}\n{}",
            self.seed, self.step, self.predicate, self.what, self.trace
        )
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Batches, aborted ones included.
    pub batches: u64,
    /// Inputs and ticks that became durable.
    pub decisions: u64,
    /// Batches aborted in place, before the commit.
    pub aborts: u64,
    /// Restarts from the store.
    pub restarts: u64,
    /// Orders.
    pub orders: u64,
    /// Ledger entries.
    pub charges: u64,
    /// How often each outcome was told, by kind and reason, and each entry booked, by kind and type: what the world
    /// has brought about.
    pub outcomes: BTreeMap<String, u64>,
    /// How often each predicate was checked.
    pub checks: BTreeMap<&'static str, u64>,
    /// The first predicate that did not hold.
    pub violation: Option<Violation>,
}

impl Report {
    /// Adds another run's figures.
    pub fn add(&mut self, other: &Self) {
        self.batches += other.batches;
        self.decisions += other.decisions;
        self.aborts += other.aborts;
        self.restarts += other.restarts;
        self.orders += other.orders;
        self.charges += other.charges;
        for (name, n) in &other.outcomes {
            *self.outcomes.entry(name.clone()).or_default() += n;
        }
        for (name, n) in &other.checks {
            *self.checks.entry(name).or_default() += n;
        }
    }
}

/// The price tables of all runs: those of the product, with an allowance so small that it binds, and a last day of other
/// currencies that some runs pass.
fn sources() -> Sources {
    let mut sources = Sources::embedded();
    let text = sources.charging_rules.text.replace("free_entry_point,1000,sender,", "free_entry_point,3,sender,");
    assert_ne!(text, sources.charging_rules.text, "the allowance of service messages has moved");
    assert!(sources.replace(&Source::new("charging_rules.csv", text)), "charging_rules.csv is a file of the catalogue");
    let deadlines = "country,currency,last_day,status,note\nBR,EUR,2026-10-02,inferred,\n";
    assert!(sources.replace(&Source::new("currency_deadlines.csv", deadlines)), "it is a file of the catalogue");
    sources
}

/// Plays one seed to its end or to the first predicate that does not hold.
#[must_use]
pub fn run(seed: u64, options: &Options) -> Report {
    static RATES: OnceLock<Arc<RateCards>> = OnceLock::new();
    let rates =
        RATES.get_or_init(|| Arc::new(RateCards::from_sources(&sources()).expect("the tables with a small allowance")));
    let mut dice = Dice::new(seed, 0);
    let recent_most = *dice.pick(&[8, 50, 1000]);
    let mut run = Run {
        seed,
        options: *options,
        shard: Shard::new(rates, recent_most),
        world: World::new(seed),
        auditor: Auditor::new(Tables::read(&sources())),
        dice,
        report: Report::default(),
        still: 0,
    };
    let ended = run.play();
    if let Err((predicate, what)) = ended {
        run.violated(predicate, what, 0);
    }
    run.report.checks = run.auditor.checks;
    run.report.outcomes = run.auditor.outcomes;
    run.report.orders = run.auditor.orders;
    run.report.charges = run.auditor.charges;
    run.report
}

struct Run {
    seed: u64,
    options: Options,
    shard: Shard,
    world: World,
    auditor: Auditor,
    dice: Dice,
    report: Report,
    /// Batches since time last moved.
    still: u64,
}

type Played = Result<(), (&'static str, String)>;

const MINUTE_MS: u64 = 60_000;
/// More batches than this at one instant mean that the engine turns in circles.
const STILL_MOST: u64 = 5_000;

impl Run {
    fn violated(&mut self, predicate: &'static str, what: String, uid: u64) {
        let (seed, step) = (self.seed, self.report.batches);
        let trace = self.auditor.trace(uid);
        self.report.violation.get_or_insert(Violation { seed, step, predicate, what, trace });
    }

    fn play(&mut self) -> Played {
        self.shard.engine.clock(self.world.now_ms);
        let end = self.world.end_ms;
        self.until(end, self.options.steps)?;
        for stage in 0.. {
            if !self.world.heal(stage) {
                break;
            }
            let until = self.world.now_ms + 10 * MINUTE_MS;
            self.until(until, 0)?;
            self.look_for_lost_wakes()?;
        }
        let until = self.world.now_ms + 2 * 60 * MINUTE_MS;
        self.until(until, 0)?;
        self.nobody_waits_for_nothing()?;
        // All times to live, and everything that arrives late.
        let until = self.world.now_ms + 90 * 24 * 60 * MINUTE_MS;
        self.until(until, 0)?;
        self.compare_snapshots();
        for (calls, minutes, what) in self.world.outages.busiest() {
            self.auditor.outage(calls, minutes, &what);
        }
        self.auditor.at_the_end();
        self.broken()
    }

    /// Lets time pass until `end_ms`.
    fn until(&mut self, end_ms: u64, most: u64) -> Played {
        let first = self.report.batches;
        loop {
            let idle = self.world.inbox.is_empty();
            let next = match (self.world.next_ms(), self.shard.engine.next_due_ms()) {
                _ if !idle => Some(self.world.now_ms),
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            let Some(next) = next.filter(|n| *n <= end_ms) else { break };
            if most > 0 && self.report.batches - first >= most {
                break;
            }
            let late = if self.dice.percent(25) { self.dice.below(60) } else { 0 };
            let now = next.max(self.world.now_ms) + late;
            self.still = if now > self.world.now_ms { 0 } else { self.still + 1 };
            if self.still > STILL_MOST {
                return Err((
                    "time_moves_on",
                    format!("{STILL_MOST} batches at {now}, next due {:?}", self.shard.engine.next_due_ms()),
                ));
            }
            self.world.advance(now);
            self.platform_counts()?;
            self.batch(now)?;
        }
        let end = end_ms.max(self.world.now_ms);
        if most == 0 {
            self.world.advance(end);
            self.platform_counts()?;
        }
        Ok(())
    }

    /// What the platform took is told to the auditor, who counts it as the platform does.
    fn platform_counts(&mut self) -> Played {
        for taken in self.world.taken() {
            match self.options.mutation {
                Some(m) => m.spoil_call(taken).iter().for_each(|told| self.auditor.took(told)),
                None => self.auditor.took(&taken),
            }
        }
        // After the calls: a message takes no place by its own delivery in the same instant.
        for delivered in self.world.delivered() {
            self.auditor.counts_from(&delivered);
        }
        self.broken()
    }

    fn batch(&mut self, now_ms: u64) -> Played {
        self.report.batches += 1;
        self.shard.engine.clock(now_ms);
        let fault = |e: String| ("engine_goes_on", e);
        let tick_first = self.dice.percent(50);
        let most = *self.dice.weighted(&[(10, 1), (10, 7), (80, 1000)]);
        if tick_first {
            self.shard.tick(most).map_err(fault)?;
        }
        for _ in 0..self.dice.between(1, 12) {
            let Some(input) = self.world.inbox.pop_front() else { break };
            self.shard.feed(input).map_err(fault)?;
        }
        if !tick_first || self.dice.percent(20) {
            self.shard.tick(most).map_err(fault)?;
        }
        match self.dice.below(1000) {
            0..20 => return self.abort(true, now_ms),
            20..28 => return self.abort(false, now_ms),
            _ => {}
        }
        let steps = self.shard.commit();
        self.world.committed(&steps);
        self.report.decisions += steps.len() as u64;
        for step in steps {
            let nth = self.auditor.charges + self.auditor.orders;
            match self.options.mutation {
                Some(m) => self.auditor.step(&m.spoil(step, nth)),
                None => self.auditor.step(&step),
            }
        }
        self.broken()?;
        if self.dice.permille(15) {
            self.report.restarts += 1;
            self.shard.reload(now_ms);
        }
        if self.dice.permille(15) {
            self.look_for_lost_wakes()?;
        }
        if self.dice.permille(15) {
            self.compare_snapshots();
            self.broken()?;
        }
        Ok(())
    }

    /// Nothing of the batch has happened; its inputs are read again, in the same order.
    fn abort(&mut self, in_place: bool, now_ms: u64) -> Played {
        if in_place {
            self.report.aborts += 1;
            *self.auditor.checks.entry("abort_equals_fresh_load").or_default() += 1;
        } else {
            self.report.restarts += 1;
        }
        let inputs = self.shard.abort(in_place, now_ms).map_err(|e| ("abort_equals_fresh_load", e))?;
        for input in inputs.into_iter().rev() {
            self.world.inbox.push_front(input);
        }
        Ok(())
    }

    fn broken(&mut self) -> Played {
        match self.auditor.broken.first().cloned() {
            None => Ok(()),
            Some(b) => {
                self.violated(b.predicate, b.what.clone(), b.uid);
                Err((b.predicate, b.what))
            }
        }
    }

    /// With nothing due, a fresh engine must not find anything to send.
    fn look_for_lost_wakes(&mut self) -> Played {
        let now_ms = self.world.now_ms.max(self.shard.engine.now_ms());
        self.shard.engine.clock(now_ms);
        if self.shard.engine.next_due_ms().is_some_and(|due| due <= now_ms) {
            return Ok(());
        }
        *self.auditor.checks.entry("no_lost_wake").or_default() += 1;
        let lost = self.shard.lost_wakes(now_ms).map_err(|e| ("engine_goes_on", e))?;
        match lost.first() {
            None => Ok(()),
            Some((uid, lot)) => {
                let what = format!("at {now_ms} a fresh engine sends message {uid}, which waits in {lot}");
                self.violated("no_lost_wake", what.clone(), *uid);
                Err(("no_lost_wake", what))
            }
        }
    }

    /// After the healing only a time of its own can keep a message waiting.
    fn nobody_waits_for_nothing(&mut self) -> Played {
        *self.auditor.checks.entry("nobody_waits_for_nothing").or_default() += 1;
        let lots = self.shard.engine.state().lots();
        let left = lots.iter().find(|(k, _)| k.resource != Resource::Own).map(|(k, l)| (*k, l.clone()));
        match left {
            None => Ok(()),
            Some((key, lot)) => {
                let uid = lot.members.first().copied().unwrap_or(0);
                let what = format!("{key:?} {lot:?}");
                self.violated("nobody_waits_for_nothing", what.clone(), uid);
                Err(("nobody_waits_for_nothing", what))
            }
        }
    }

    fn compare_snapshots(&mut self) {
        let state = self.shard.engine.state();
        let now_ms = self.shard.engine.now_ms();
        // What is over and not looked at yet still holds its reservation.
        if state.next_timer_ms().is_some_and(|due| due <= now_ms) {
            return;
        }
        let all: Vec<_> = state
            .accounts()
            .map(|a| serde_json::to_value(snapshot::account(state, a.ix, now_ms)).expect("plain data"))
            .collect();
        for s in &all {
            self.auditor.snapshot(s);
        }
    }
}
