//! The loop.

use super::sink::Outputs;
use super::tables::{BatchWrites, EngineStore, LoadError, load};
use crate::clock::{Clock, monotonic};
use crate::log::{Commit, Log, LogError, NewRecord, ReadLimit, Record, Topic};
use crate::registry::SharedRegistry;
use crate::store::{StateBatch, Store};
use bytes::Bytes;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tollgate_core::engine::{EngineConfig, EngineError, Rejected};
use tollgate_core::{Engine, snapshot};
use tollgate_metrics::Metrics;
use tollgate_quality::{Limit, Score};
use tollgate_wire::DeadLetterReason;
use tollgate_wire::command::AccountSpec;
use tollgate_wire::order::Callback;

/// Bounds of the loop.
#[derive(Clone, Copy, Debug)]
pub struct ShardOptions {
    /// Records of one batch at most.
    pub batch_records_max: usize,
    /// Bytes of one batch's inputs at most.
    pub batch_bytes_max: usize,
    /// Decisions that timers and lots may make in one batch.
    pub ticks_max: usize,
    /// Messages kept resident in each of two generations.
    pub recent_most: usize,
    /// Least time between two snapshots of an account.
    pub snapshot_every: Duration,
}

impl Default for ShardOptions {
    fn default() -> Self {
        Self {
            batch_records_max: 5_000,
            batch_bytes_max: 4 << 20,
            ticks_max: 5_000,
            recent_most: 200_000,
            snapshot_every: Duration::from_secs(1),
        }
    }
}

/// Why the shard ended.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// The state cannot be loaded.
    #[error("loading the state: {0}")]
    Load(#[from] LoadError),
    /// The log failed; nothing of the last batch counts.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The engine cannot go on.
    #[error("deciding: {0}")]
    Engine(#[from] EngineError),
}

/// What others see of a running shard.
#[derive(Debug, Default)]
pub struct Status {
    /// Loaded and deciding.
    pub ready: AtomicBool,
    /// Asked to end.
    pub stop: AtomicBool,
}

/// One shard over one partition.
pub struct Shard<L: Log> {
    log: L,
    store: Store,
    partition: u32,
    engine: Engine,
    options: ShardOptions,
    clock: Clock,
    status: Arc<Status>,
    registry: SharedRegistry,
    metrics: Arc<Metrics>,
    out: Outputs,
    next: Vec<(Topic, u64)>,
    /// After a panic: records to decide one to a batch, so that the culprit is found and set aside.
    careful: usize,
    last_snapshot: Instant,
    swept_from: [u8; 8],
    snapshots: u64,
}

impl<L: Log> Shard<L> {
    /// Loads the state from the store.
    ///
    /// # Errors
    /// The store cannot be read, or the partition is not served here.
    #[expect(clippy::too_many_arguments, reason = "the wiring of one shard, called once")]
    pub fn open(
        log: L,
        store: Store,
        partition: u32,
        config: EngineConfig,
        options: ShardOptions,
        clock: Clock,
        registry: SharedRegistry,
        metrics: Arc<Metrics>,
        status: Arc<Status>,
    ) -> Result<Self, ShardError> {
        let out = Outputs::new(&metrics);
        let next = log.positions(partition)?;
        let mut shard = Self {
            log,
            store,
            partition,
            engine: Engine::new(config),
            options,
            clock,
            status,
            registry,
            metrics,
            out,
            next,
            careful: 0,
            last_snapshot: monotonic(),
            swept_from: [0; 8],
            snapshots: 0,
        };
        shard.reload()?;
        Ok(shard)
    }

    /// Builds the resident state from the store.
    fn reload(&mut self) -> Result<(), ShardError> {
        let started = monotonic();
        let config = self.engine.config().clone();
        self.engine = Engine::new(config);
        self.engine.clock(self.clock.now().0);
        let n = load(&mut self.engine, &self.store, &mut |n| tracing::info!(records = n, "loading state"))?;
        self.engine.clock(self.clock.now().0);
        self.engine.loaded();
        for account in self.engine.state().accounts() {
            self.register(&account.spec.clone());
        }
        self.metrics.restored(started.elapsed());
        tracing::info!(records = n, seconds = started.elapsed().as_secs(), "state loaded");
        Ok(())
    }

    /// Attempts without a result when the state was loaded, with their accounts.
    pub fn take_ordered(&mut self) -> Vec<(String, Callback)> {
        self.engine.take_ordered()
    }

    fn register(&self, spec: &AccountSpec) {
        if let Err(conflict) = self.registry.apply(spec.clone()) {
            tracing::error!(%conflict, "registry entry not applied");
        }
    }

    /// Runs until asked to stop.
    ///
    /// # Errors
    /// The log or the store failed: nothing of the last batch counts, and a restart goes on from before it.
    pub fn run(mut self) -> Result<(), ShardError> {
        self.status.ready.store(true, Ordering::Release);
        while !self.status.stop.load(Ordering::Acquire) {
            let inputs = self.read()?;
            if inputs.is_empty() && !self.is_due() {
                let wait = self.idle();
                self.log.wait(self.partition, &self.next.clone(), wait)?;
                continue;
            }
            self.batch(&inputs)?;
        }
        self.status.ready.store(false, Ordering::Release);
        Ok(())
    }

    fn is_due(&self) -> bool {
        let now = self.clock.now().0;
        self.engine.next_due_ms().is_some_and(|d| d <= now) || self.snapshot_is_due()
    }

    fn snapshot_is_due(&self) -> bool {
        self.last_snapshot.elapsed() >= self.options.snapshot_every
    }

    /// How long nothing can be due.
    fn idle(&self) -> Duration {
        let now = self.clock.now().0;
        let until_due = self.engine.next_due_ms().map_or(u64::MAX, |d| d.saturating_sub(now).max(1));
        let until_snapshot = self.options.snapshot_every.saturating_sub(self.last_snapshot.elapsed());
        Duration::from_millis(until_due.min(1_000)).min(until_snapshot.max(Duration::from_millis(1)))
    }

    /// The next inputs: commands first, then events (at most half while priority waits), priority, and bulk with
    /// at least a tenth.
    fn read(&mut self) -> Result<Vec<(Topic, Record)>, ShardError> {
        let most = if self.careful > 0 { 1 } else { self.options.batch_records_max };
        let mut taken: Vec<(Topic, Record)> = Vec::new();
        let mut bytes = 0;
        let tenth = (most / 10).max(1);
        for (topic, share) in [
            (Topic::Commands, most),
            (Topic::RequestsPriority, most / 2),
            (Topic::Events, most / 2),
            (Topic::Requests, tenth),
        ] {
            let room = match topic {
                Topic::Requests => (most.saturating_sub(taken.len())).max(share),
                _ => most.saturating_sub(taken.len()).min(share.max(1)),
            };
            if room == 0 || (self.careful > 0 && !taken.is_empty()) {
                continue;
            }
            let from = self.next.iter().find(|(t, _)| *t == topic).map_or(0, |(_, o)| *o);
            let limit = ReadLimit {
                records: room,
                bytes: self.options.batch_bytes_max.saturating_sub(bytes).max(self.options.batch_bytes_max / 10),
            };
            let records = self.log.read(topic, self.partition, from, limit)?;
            bytes += records.iter().map(Record::bytes).sum::<usize>();
            taken.extend(records.into_iter().map(|r| (topic, r)));
        }
        Ok(taken)
    }

    /// Decides one batch and commits it.
    fn batch(&mut self, inputs: &[(Topic, Record)]) -> Result<(), ShardError> {
        let now = self.clock.now().0;
        self.engine.clock(now);
        self.out.now_ms = self.engine.now_ms();
        let started = monotonic();
        let decided = catch_unwind(AssertUnwindSafe(|| self.decide(inputs)));
        match decided {
            Ok(result) => result?,
            Err(_) => return self.after_panic(inputs),
        }
        if !inputs.is_empty() {
            let each = started.elapsed() / inputs.len() as u32;
            self.out.metrics.decided_in(each);
        }
        self.careful = self.careful.saturating_sub(inputs.len());
        if self.snapshot_is_due() {
            self.snapshots();
        }
        let mut next = self.next.clone();
        for (topic, record) in inputs {
            if let Some(n) = next.iter_mut().find(|(t, _)| t == topic) {
                n.1 = record.offset + 1;
            }
        }
        let mut state = StateBatch::with_capacity(inputs.len() * 4);
        if self.engine.has_changes() {
            self.engine.commit(&mut BatchWrites(&mut state));
        }
        if inputs.is_empty() && state.is_empty() && self.out.records.is_empty() {
            self.engine.committed();
            return Ok(());
        }
        let outputs = std::mem::take(&mut self.out.records);
        let committing = monotonic();
        self.log.commit(self.partition, Commit { next_offsets: next.clone(), outputs, state })?;
        self.engine.committed();
        self.next = next;
        for json in std::mem::take(&mut self.out.registry) {
            match serde_json::from_slice::<AccountSpec>(&json) {
                Ok(spec) => self.register(&spec),
                Err(e) => tracing::error!(%e, "registry entry not readable"),
            }
        }
        self.out.metrics.flush(inputs.len() as u64, committing.elapsed());
        self.lag(inputs);
        Ok(())
    }

    fn decide(&mut self, inputs: &[(Topic, Record)]) -> Result<(), ShardError> {
        let store = self.store.clone();
        let source = EngineStore(&store);
        for (topic, record) in inputs {
            self.out.input_ms = record.time_ms.max(1);
            let handled = match topic {
                Topic::Commands => self.engine.command(&record.value, &mut self.out)?,
                Topic::Events => self.engine.events(&record.value, &source, &mut self.out)?,
                Topic::Requests | Topic::RequestsPriority => {
                    let priority = *topic == Topic::RequestsPriority;
                    let lane = if priority { tollgate_metrics::Lane::Priority } else { tollgate_metrics::Lane::Bulk };
                    self.out.metrics.request(lane);
                    self.engine.request(&record.value, priority, &source, &mut self.out)?
                }
                _ => Ok(()),
            };
            if let Err(rejected) = handled {
                self.dead_letter(*topic, record, &rejected);
            }
        }
        self.out.input_ms = 0;
        self.engine.tick(self.options.ticks_max, &source, &mut self.out)?;
        self.sweep()?;
        Ok(())
    }

    /// Sets a record aside with its original bytes.
    fn dead_letter(&mut self, topic: Topic, record: &Record, why: &Rejected) {
        let reason = self.metrics.reason(why.reason.as_str());
        self.out.metrics.dead_letter(reason);
        let header = |name: &str, value: String| (name.to_owned(), Bytes::from(value));
        self.out.records.push((
            Topic::DeadLetters,
            NewRecord {
                key: record.key.clone(),
                value: record.value.clone(),
                time_ms: self.out.now_ms,
                headers: vec![
                    header("topic", topic.name().to_owned()),
                    header("partition", self.partition.to_string()),
                    header("offset", record.offset.to_string()),
                    header("reason", why.reason.as_str().to_owned()),
                    header("detail", why.detail.clone()),
                ],
            },
        ));
    }

    /// A record made the engine panic: the state is loaded again and the batch is repeated one record at a time; the
    /// culprit, found alone in its batch, is set aside. Never a crash loop.
    fn after_panic(&mut self, inputs: &[(Topic, Record)]) -> Result<(), ShardError> {
        self.out.discard();
        self.reload()?;
        let [(topic, record)] = inputs else {
            tracing::error!(records = inputs.len(), "the engine panicked; deciding this batch one record at a time");
            self.careful = inputs.len().max(1);
            return Ok(());
        };
        tracing::error!(topic = topic.name(), offset = record.offset, "the engine panicked on a record; set aside");
        let why = Rejected {
            reason: DeadLetterReason::Internal,
            detail: "the engine could not decide it; report it with this record".to_owned(),
        };
        self.dead_letter(*topic, record, &why);
        let mut next = self.next.clone();
        if let Some(n) = next.iter_mut().find(|(t, _)| t == topic) {
            n.1 = record.offset + 1;
        }
        let outputs = std::mem::take(&mut self.out.records);
        self.log
            .commit(self.partition, Commit { next_offsets: next.clone(), outputs, state: StateBatch::default() })?;
        self.next = next;
        self.out.metrics.flush(1, Duration::ZERO);
        Ok(())
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
        for ix in self.engine.take_touched() {
            let s = snapshot::account(self.engine.state(), ix, now);
            if let Ok(json) = serde_json::to_vec(&s) {
                let record = NewRecord::new(Bytes::copy_from_slice(s.account.as_bytes()), json, now);
                self.out.records.push((Topic::Snapshots, record));
            }
            use tollgate_metrics::{QualityLevel, QuotaState};
            let m = &self.metrics;
            m.set_quota_users(&s.account, QuotaState::Used, s.quota_used.into());
            if let Limit::Users(limit) = s.limit {
                m.set_quota_users(&s.account, QuotaState::Limit, limit.into());
            }
            for sender in &s.senders {
                let level = match sender.quality {
                    Score::Green => QualityLevel::Green,
                    Score::Yellow => QualityLevel::Yellow,
                    Score::Red => QualityLevel::Red,
                    Score::Unknown => QualityLevel::Unknown,
                };
                m.set_quality(&s.account, &sender.id, level);
                m.set_throughput_limit(&sender.id, sender.throughput_now);
                m.set_in_flight_orders(&sender.id, sender.in_flight.into());
            }
        }
    }

    /// Forgets ended messages after their time, a few with each snapshot.
    fn sweep(&mut self) -> Result<(), ShardError> {
        if !self.snapshot_is_due() {
            return Ok(());
        }
        let mut seen = 0;
        let mut state = StateBatch::default();
        let mut last = None;
        for item in self.store.scan_range(crate::store::Space::Closed, &self.swept_from, None).take(500) {
            let (key, value) = item.map_err(LoadError::from)?;
            seen += 1;
            last = <[u8; 8]>::try_from(&*key).ok();
            let swept = self.engine.sweep(&value, &mut BatchWrites(&mut state)).map_err(EngineError::from)?;
            if !swept {
                break;
            }
        }
        self.swept_from = match last {
            Some(key) if seen == 500 => (u64::from_be_bytes(key) + 1).to_be_bytes(),
            _ => [0; 8],
        };
        if !state.is_empty() {
            let next_offsets = self.next.clone();
            self.log.commit(self.partition, Commit { next_offsets, outputs: Vec::new(), state })?;
        }
        Ok(())
    }

    fn lag(&self, inputs: &[(Topic, Record)]) {
        let now = self.clock.now().0;
        for topic in Topic::INPUTS {
            let newest = inputs.iter().rev().find(|(t, _)| *t == topic).map(|(_, r)| r.time_ms);
            let lag = newest.map_or(0, |t| now.saturating_sub(t));
            if let Some(label) = tollgate_metrics::Topic::parse(topic.name()) {
                self.metrics.set_log_lag(label, self.partition as i32, Duration::from_millis(lag));
            }
        }
    }
}
