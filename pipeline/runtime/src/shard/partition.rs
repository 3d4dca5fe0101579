//! One partition's shard: its engine over its store. It decides batches and knows nothing of the log they come from.

mod sweep;

use self::sweep::Sweeps;
use super::decisions;
use super::doubts::Doubts;
use super::gauges::Gauges;
use super::input;
use super::phase::Phase;
use super::sink::Outputs;
use super::spans::{self, Spans};
use super::tables::{BatchWrites, EngineStore, LoadError, load};
use super::{ShardOptions, Status};
use crate::clock::{Clock, monotonic};
use crate::lag::{Lags, Mark};
use crate::log::{Commit, NewRecord, Record, Topic, dead_letter};
use crate::registry::SharedRegistry;
use crate::store::{Space, StateBatch, Store};
use crate::traces::Traces;
use bytes::Bytes;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tollgate_core::engine::{EngineConfig, EngineError, Rejected};
use tollgate_core::{Engine, snapshot};
use tollgate_metrics::Metrics;
use tollgate_wire::command::AccountSpec;
use tollgate_wire::order::Callback;
use tollgate_wire::snapshot::LeftOut;
use tollgate_wire::{DeadLetterReason, Time};

/// What the shards of a process share.
#[derive(Clone)]
pub struct ShardParts {
    /// What the engine is set up with.
    pub engine: EngineConfig,
    /// Bounds.
    pub options: ShardOptions,
    /// For `now`.
    pub clock: Clock,
    /// Learns of accounts, where no topic tells the process of them: whoever follows that knows better than a shard that
    /// loads what is stored.
    pub registry: Option<SharedRegistry>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// How far the inputs are behind.
    pub lags: Arc<Lags>,
    /// Where spans of decisions go.
    pub traces: Traces,
}

/// Why a shard cannot decide.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The state cannot be loaded.
    #[error("loading the state: {0}")]
    Load(#[from] LoadError),
    /// The engine cannot go on.
    #[error("deciding: {0}")]
    Engine(#[from] EngineError),
    /// No record is to blame.
    #[error(
        "partition {partition}: the engine panicked while it {phase}; no record is set aside and nothing of the batch \
         counts: report it with the panic in the log, and start another version if it comes again after a restart"
    )]
    Panicked {
        /// Of the inputs.
        partition: u32,
        /// What was done.
        phase: Phase,
    },
}

/// One partition's shard.
pub(super) struct Shard {
    pub(super) partition: u32,
    /// Next offset of each input.
    pub(super) next: Vec<(Topic, u64)>,
    /// Where each input stands, in [`Topic::INPUTS`] order.
    marks: [Arc<Mark>; Topic::INPUTS.len()],
    parts: ShardParts,
    status: Arc<Status>,
    store: Store,
    engine: Engine,
    out: Outputs,
    gauges: Gauges,
    /// After a panic: records to decide one to a batch, so that the culprit is found and set aside.
    careful: usize,
    phase: Phase,
    last_snapshot: Instant,
    sweeps: Sweeps,
    snapshots: u64,
    /// Decisions of the last batch, those of timers and queues included.
    decisions: usize,
    /// The batch that is begun and not known to be durable.
    batch: Option<Batch>,
    /// Outputs and changes of the batch before: as many are expected of the next.
    room: (usize, usize),
}

/// A batch between its first decision and the end of its commit.
struct Batch {
    /// Next offset of each input after what is decided.
    next: Vec<(Topic, u64)>,
    records: usize,
    /// What its parts came to; handed out by [`Shard::close`].
    outputs: Vec<(Topic, NewRecord)>,
    state: StateBatch,
    /// What is said of it.
    lines: Vec<decisions::Line>,
    spans: Vec<spans::Span>,
}

impl Shard {
    /// Loads the state from the store. `since` is when it began to be brought here.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn open(
        partition: u32,
        next: Vec<(Topic, u64)>,
        store: Store,
        since: Instant,
        parts: &ShardParts,
        status: &Arc<Status>,
    ) -> Result<Self, DecideError> {
        let mut engine = parts.engine.clone();
        engine.partition.number = partition;
        let mut shard = Self {
            partition,
            next,
            store,
            marks: Topic::INPUTS.map(|topic| parts.lags.mark(topic, partition)),
            engine: Engine::new(engine),
            out: Outputs::new(&parts.metrics, &parts.engine.rates),
            gauges: Gauges::new(&parts.metrics, &parts.engine.rates, partition),
            parts: parts.clone(),
            status: Arc::clone(status),
            careful: 0,
            phase: Phase::default(),
            last_snapshot: monotonic(),
            sweeps: Sweeps::default(),
            snapshots: 0,
            decisions: 0,
            batch: None,
            room: (0, 0),
        };
        shard.out.spans = Spans::new(parts.traces.clone(), partition);
        shard.reload(since)?;
        Ok(shard)
    }

    /// Builds the resident state from the store.
    fn reload(&mut self, since: Instant) -> Result<(), DecideError> {
        let started = monotonic();
        let config = self.engine.config().clone();
        self.engine = Engine::new(config);
        self.engine.clock(self.parts.clock.now().0);
        let n = load(&mut self.engine, &self.store, &mut |n| self.status.loading(self.partition, n))?;
        self.engine.clock(self.parts.clock.now().0);
        self.out.doubts = Doubts::of(self.engine.state());
        self.engine.loaded();
        self.register(self.engine.state().accounts().map(|account| account.spec.clone()));
        self.status.loaded(self.partition);
        self.parts.metrics.restored(since.elapsed());
        tracing::info!(
            partition = self.partition,
            records = n,
            milliseconds = started.elapsed().as_millis() as u64,
            "state loaded"
        );
        Ok(())
    }

    /// Attempts without a result when the state was loaded, with their accounts.
    pub(super) fn take_ordered(&mut self) -> Vec<(String, Callback)> {
        self.engine.take_ordered()
    }

    fn register(&self, specs: impl Iterator<Item = AccountSpec>) {
        let Some(registry) = &self.parts.registry else { return };
        for conflict in registry.apply_all(specs) {
            tracing::error!(%conflict, "registry entry not applied");
        }
    }

    /// How many records it wants next: one while it looks for a culprit.
    pub(super) fn records_max(&self) -> usize {
        if self.careful > 0 { 1 } else { self.parts.options.batch_records_max }
    }

    /// Notes where an input stands after a look: `first` is what was found at its position, `None` that nothing is there.
    pub(super) fn looked(&self, topic: Topic, first: Option<&Record>, now: Time) {
        let Some(at) = Topic::INPUTS.iter().position(|input| *input == topic) else { return };
        match first {
            Some(record) => self.marks[at].behind(input::appended_ms(record.time_ms, now.0), now),
            None => self.marks[at].caught_up(now),
        }
    }

    /// Decisions of the last batch.
    pub(super) fn decisions(&self) -> usize {
        self.decisions
    }

    /// Whether something is to be done without any input.
    pub(super) fn is_due(&self) -> bool {
        let now = self.parts.clock.now().0;
        self.engine.next_due_ms().is_some_and(|d| d <= now) || self.snapshot_is_due()
    }

    fn snapshot_is_due(&self) -> bool {
        self.last_snapshot.elapsed() >= self.parts.options.snapshot_every
    }

    /// How long nothing can be due.
    pub(super) fn idle(&self) -> Duration {
        let now = self.parts.clock.now().0;
        let until_due = self.engine.next_due_ms().map_or(u64::MAX, |d| d.saturating_sub(now).max(1));
        let until_snapshot = self.parts.options.snapshot_every.saturating_sub(self.last_snapshot.elapsed());
        Duration::from_millis(until_due.min(1_000)).min(until_snapshot.max(Duration::from_millis(1)))
    }

    /// Next offset to read of an input: after what the batch at hand has decided.
    pub(super) fn next_of(&self, topic: Topic) -> u64 {
        let next = self.batch.as_ref().map_or(&self.next, |batch| &batch.next);
        next.iter().find(|(t, _)| *t == topic).map_or(0, |(_, offset)| *offset)
    }

    /// What the batch at hand came to so far: outputs and changes of the state, which only grow until it is closed.
    pub(super) fn so_far(&self) -> Option<(&[(Topic, NewRecord)], &StateBatch)> {
        self.batch.as_ref().map(|batch| (&*batch.outputs, &batch.state))
    }

    /// Decides one part of a batch, and at most `ticks` more that timers and queues ask for. `false` when a record made the
    /// engine panic: then the state was loaded again, nothing of the whole batch counts, and it is repeated one record at a
    /// time. A batch is handed out by [`Shard::close`] and ended by [`Shard::committed`] or [`Shard::aborted`].
    ///
    /// # Errors
    /// The store cannot be read, the engine found its state damaged, or it panicked and no record is to blame.
    pub(super) fn decide(&mut self, inputs: &[(Topic, Record)], ticks: usize) -> Result<bool, DecideError> {
        self.engine.clock(self.parts.clock.now().0);
        self.out.now_ms = self.engine.now_ms();
        let started = monotonic();
        match catch_unwind(AssertUnwindSafe(|| self.decide_each(inputs, ticks))) {
            Ok(result) => result?,
            Err(_) => return self.after_panic(inputs),
        }
        if !inputs.is_empty() {
            let each = started.elapsed() / inputs.len() as u32;
            self.out.metrics.decided_in(each);
        }
        self.careful = self.careful.saturating_sub(inputs.len());
        self.add(inputs);
        if let Some(batch) = &mut self.batch {
            self.engine.write(&mut BatchWrites(&mut batch.state));
        }
        Ok(true)
    }

    /// Takes what was decided of a part into the batch.
    fn add(&mut self, inputs: &[(Topic, Record)]) {
        let batch = self.batch.get_or_insert_with(|| Batch {
            next: self.next.clone(),
            records: 0,
            outputs: Vec::with_capacity(self.room.0),
            state: StateBatch::with_capacity(self.room.1),
            lines: Vec::new(),
            spans: Vec::new(),
        });
        for (topic, record) in inputs {
            if let Some(n) = batch.next.iter_mut().find(|(t, _)| t == topic) {
                n.1 = record.offset + 1;
            }
        }
        batch.records += inputs.len();
        batch.lines.extend(decisions::of(inputs, &self.out.records));
        batch.outputs.append(&mut self.out.records);
        batch.spans.append(&mut self.out.spans.take());
    }

    /// Ends the batch at hand and hands it out. `None` when nothing came of it.
    ///
    /// # Errors
    /// The store cannot be read, or the engine panicked while it forgot what has ended.
    pub(super) fn close(&mut self) -> Result<Option<Commit>, DecideError> {
        let Some(mut batch) = self.batch.take() else { return Ok(None) };
        self.phase = Phase::Sweep;
        match catch_unwind(AssertUnwindSafe(|| self.sweep(&mut batch.state))) {
            Ok(result) => result?,
            Err(_) => {
                self.out.discard();
                return Err(DecideError::Panicked { partition: self.partition, phase: self.phase });
            }
        }
        if self.snapshot_is_due() {
            self.snapshots();
        }
        if self.engine.has_changes() {
            for person in self.engine.erased() {
                for item in self.store.scan_prefix(Space::Proofs, &person) {
                    let (key, _) = item.map_err(LoadError::Store)?;
                    batch.state.delete(Space::Proofs, &key);
                }
            }
            self.engine.commit(&mut BatchWrites(&mut batch.state));
        }
        batch.outputs.append(&mut self.out.records);
        if batch.records == 0 && batch.state.is_empty() && batch.outputs.is_empty() {
            self.engine.committed();
            return Ok(None);
        }
        Ok(Some(self.hand_out(batch)))
    }

    fn hand_out(&mut self, mut batch: Batch) -> Commit {
        let (outputs, state) = (std::mem::take(&mut batch.outputs), std::mem::take(&mut batch.state));
        let next_offsets = batch.next.clone();
        self.room = (outputs.len(), state.len());
        self.batch = Some(batch);
        Commit { next_offsets, outputs, state }
    }

    /// The batch handed out is durable; `took` is how long that took.
    pub(super) fn committed(&mut self, took: Duration) {
        let Some(batch) = self.batch.take() else { return };
        self.engine.committed();
        self.next = batch.next;
        let changed = std::mem::take(&mut self.out.registry);
        if !changed.is_empty() {
            let read = |json: &Bytes| {
                serde_json::from_slice::<AccountSpec>(json)
                    .inspect_err(|e| tracing::error!(%e, "registry entry not readable"))
                    .ok()
            };
            self.register(changed.iter().filter_map(read));
        }
        self.out.metrics.flush(batch.records as u64, took);
        self.out.doubts.committed();
        decisions::write(self.partition, &batch.lines);
        self.out.spans.end(batch.spans);
    }

    /// Nothing of the batch counts: everything it changed is undone.
    ///
    /// # Errors
    /// The state had to be loaded again and cannot be.
    pub(super) fn aborted(&mut self) -> Result<(), DecideError> {
        self.out.discard();
        if self.batch.take().is_some() && !self.engine.abort() {
            self.reload(monotonic())?;
        }
        Ok(())
    }

    fn decide_each(&mut self, inputs: &[(Topic, Record)], ticks: usize) -> Result<(), DecideError> {
        let store = self.store.clone();
        let source = EngineStore(&store);
        self.phase = Phase::Record;
        for (topic, record) in inputs {
            self.out.input_ms = input::appended_ms(record.time_ms, self.out.now_ms);
            if let Err(rejected) = input::decide(&mut self.engine, *topic, record, &source, &mut self.out)? {
                self.dead_letter(*topic, record, &rejected);
            }
            self.out.spans.done();
        }
        self.out.input_ms = 0;
        self.phase = Phase::Tick;
        let ticked = self.engine.tick(ticks, &source, &mut self.out)?;
        self.decisions = inputs.len() + ticked;
        self.sweeps.decisions += self.decisions;
        Ok(())
    }

    /// Sets a record aside with its original bytes.
    fn dead_letter(&mut self, topic: Topic, record: &Record, why: &Rejected) {
        let reason = self.parts.metrics.reason(why.reason.as_str());
        self.out.metrics.dead_letter(reason);
        self.out.spans.set_aside(why.reason.as_str());
        let (reason, detail) = (why.reason.as_str(), &why.detail);
        let letter = dead_letter::of(topic, self.partition, record, reason, detail, self.out.now_ms);
        self.out.records.push((Topic::DeadLetters, letter));
    }

    /// A record made the engine panic: the culprit, found alone in its batch, is set aside. Never a crash loop. Where no record
    /// was being decided, none is set aside: a timer that panics each time would empty the partition into the dead letters.
    fn after_panic(&mut self, inputs: &[(Topic, Record)]) -> Result<bool, DecideError> {
        self.out.discard();
        if self.phase != Phase::Record {
            return Err(DecideError::Panicked { partition: self.partition, phase: self.phase });
        }
        let before = self.batch.take();
        self.reload(monotonic())?;
        let ([(topic, record)], None) = (inputs, &before) else {
            let records = before.map_or(0, |batch| batch.records) + inputs.len();
            tracing::error!(records, "the engine panicked; deciding this batch one record at a time");
            self.careful = records.max(1);
            return Ok(false);
        };
        tracing::error!(topic = topic.name(), offset = record.offset, "the engine panicked on a record; set aside");
        let why = Rejected {
            reason: DeadLetterReason::Internal,
            detail: "the engine could not decide it; report it with this record".to_owned(),
        };
        self.dead_letter(*topic, record, &why);
        self.careful = self.careful.saturating_sub(1);
        self.add(inputs);
        Ok(true)
    }

    /// Snapshots of the accounts that changed, and their gauges.
    fn snapshots(&mut self) {
        self.last_snapshot = monotonic();
        let now = self.engine.now_ms();
        // Quotas age without any message: all accounts now and then, the changed ones each time.
        self.snapshots += 1;
        if self.snapshots.is_multiple_of(10) {
            self.engine.touch_all();
        }
        let touched = self.engine.take_touched();
        let state = self.engine.state();
        let mut seen = self.gauges.begin(state);
        for ix in touched {
            let mut s = snapshot::account(state, ix, now);
            seen.set(ix, &s);
            if let Ok(json) = snapshot::fit(state, &mut s, snapshot::SNAPSHOT_BYTES_MOST) {
                let record = NewRecord::new(Bytes::copy_from_slice(s.account.as_bytes()), json, now);
                self.out.records.push((Topic::Snapshots, record));
            }
            if !s.left_out.is_empty() {
                let LeftOut { campaigns, lots } = s.left_out;
                tracing::warn!(account = %s.account, campaigns, lots, "a snapshot is too large; the views do not have all of it");
            }
        }
        self.gauges.backlog(now);
        self.parts.metrics.set_in_doubt_attempts(self.partition, self.out.doubts.len());
        self.out.parked(state.lots());
    }

    /// A last look at every account, so that the views show where everything stood. `None` when there is none.
    pub(super) fn last_snapshots(&mut self) -> Option<Commit> {
        self.engine.clock(self.parts.clock.now().0);
        self.out.now_ms = self.engine.now_ms();
        self.engine.touch_all();
        self.snapshots();
        if self.out.records.is_empty() {
            return None;
        }
        self.add(&[]);
        let batch = self.batch.take()?;
        Some(self.hand_out(batch))
    }

    /// Takes what this process does not decide for any more out of the metrics.
    pub(super) fn forget_gauges(&self) {
        self.gauges.forget(self.engine.state(), self.partition);
    }
}

#[cfg(test)]
pub(super) mod tests;
