//! One shard without threads or disks: the engine, its store, and a batch that is either durable or never was.

use crate::digest;
use crate::step::{Input, Outbox, Output, Queues, Step, queues};
use crate::store::Store;
use std::sync::Arc;
use tollgate_core::engine::{Engine, EngineConfig, Table};
use tollgate_core::hashing::HashKey;
use tollgate_core::life::Times;
use tollgate_core::lots::Resource;
use tollgate_rate_card::RateCards;

/// Engine, store and the batch at hand.
#[derive(Debug)]
pub(crate) struct Shard {
    pub engine: Engine,
    pub store: Store,
    config: EngineConfig,
    batch: Vec<Step>,
}

impl Shard {
    /// An empty shard. `recent_most` is small so that records are evicted and read back.
    pub fn new(rates: &Arc<RateCards>, recent_most: usize) -> Self {
        let config = EngineConfig {
            rates: rates.clone(),
            hash_key: HashKey(*b"simulator-secret"),
            times: Times::default(),
            recent_most,
            partition: tollgate_wire::partition::Partition::ONLY,
        };
        Self { engine: Engine::new(config.clone()), store: Store::default(), config, batch: Vec::new() }
    }

    /// Decides one input.
    pub fn feed(&mut self, input: Input) -> Result<(), String> {
        let before = match input {
            Input::Request { .. } => queues(self.engine.state()),
            _ => Queues::new(),
        };
        let mut out = Outbox::default();
        let handled = match &input {
            Input::Request { body, priority } => {
                self.engine.request(body.to_string().as_bytes(), *priority, &self.store, &mut out)
            }
            Input::Garbage(raw) => self.engine.request(raw, false, &self.store, &mut out),
            Input::Event { account, event } => {
                let record = serde_json::json!({"account": account, "events": [event]});
                self.engine.events(record.to_string().as_bytes(), &self.store, &mut out)
            }
            Input::Command(c) => self.engine.command(c.to_string().as_bytes(), &mut out),
            Input::Tick => return Ok(()),
        };
        let handled = handled.map_err(|e| format!("{e} on {input:?}"))?;
        self.keep(input, handled.is_ok(), out.0, before);
        Ok(())
    }

    /// Does what is due.
    pub fn tick(&mut self, most: usize) -> Result<(), String> {
        let before = queues(self.engine.state());
        let mut out = Outbox::default();
        self.engine.tick(most, &self.store, &mut out).map_err(|e| format!("{e} in tick"))?;
        self.keep(Input::Tick, true, out.0, before);
        Ok(())
    }

    fn keep(&mut self, input: Input, accepted: bool, outputs: Vec<Output>, before: Queues) {
        let after = match input {
            Input::Request { .. } | Input::Tick => queues(self.engine.state()),
            _ => Queues::new(),
        };
        self.batch.push(Step { now_ms: self.engine.now_ms(), input, accepted, outputs, before, after });
    }

    /// Makes the batch durable and hands out what it did.
    pub fn commit(&mut self) -> Vec<Step> {
        self.engine.commit(&mut self.store);
        self.engine.committed();
        std::mem::take(&mut self.batch)
    }

    /// The process dies before the commit, or the commit is refused: nothing of the batch has happened. Returns
    /// its inputs, which will be read again.
    pub fn abort(&mut self, in_place: bool, now_ms: u64) -> Result<Vec<Input>, String> {
        let inputs = self.batch.drain(..).map(|s| s.input).filter(|i| !matches!(i, Input::Tick)).collect();
        if in_place && self.engine.abort() {
            self.engine.clock(now_ms);
            let fresh = self.loaded(now_ms);
            digest::compare(&self.engine, &fresh, now_ms)?;
        } else {
            self.reload(now_ms);
        }
        Ok(inputs)
    }

    /// A new process starts from the store.
    pub fn reload(&mut self, now_ms: u64) {
        self.engine = self.loaded(now_ms);
    }

    fn loaded(&self, now_ms: u64) -> Engine {
        let mut e = Engine::new(self.config.clone());
        for table in Table::LOADED {
            let rows = self.store.0.range((table, Vec::new())..).take_while(|((t, _), _)| *t == table);
            for ((_, k), v) in rows {
                e.load(table, k, v).expect("the store holds what the engine wrote");
            }
        }
        e.clock(now_ms);
        e.loaded();
        e
    }

    /// Lost wakes: after a commit and with nothing due, a freshly loaded engine looks at every lot once and must
    /// find nothing to send that this engine does not see. Returns messages that it would send, with the lot they
    /// stand in.
    ///
    /// Not counted is a head that has come free in a way no lot waits for (its own window opened, or the person
    /// was counted meanwhile), and what stands behind such a head. Throughput recovers with time while a lot
    /// waits for the time computed before; such lots are left out too.
    pub fn lost_wakes(&self, now_ms: u64) -> Result<Vec<(u64, String)>, String> {
        let before = queues(self.engine.state());
        let mut shadow = self.loaded(now_ms);
        let mut out = Outbox::default();
        shadow.tick(100_000, &self.store, &mut out).map_err(|e| format!("{e} in a fresh engine"))?;
        let mut lost = Vec::new();
        let mut settled: Vec<&tollgate_core::lots::LotKey> = Vec::new();
        for output in &out.0 {
            let Output::Move(m) = output else { continue };
            let Some((key, _)) = before.iter().find(|(_, q)| q.contains(&m.uid)) else { continue };
            if key.resource == Resource::Own || settled.contains(&key) {
                continue;
            }
            settled.push(key);
            let lot = self.engine.state().lots().iter().find(|(k, _)| *k == key).map(|(_, l)| l);
            let timed =
                lot.is_some_and(|l| matches!(l.waits_for(), Some(Resource::Throughput(_))) && l.opens_ms().is_some());
            let freed_otherwise = m.window_open || m.quota_use == "counted";
            if m.kind == tollgate_wire::outcome::OutcomeKind::Admitted && !freed_otherwise && !timed {
                let waits = lot.map(|l| format!("waits for {:?} until {:?}", l.waits_for(), l.opens_ms()));
                lost.push((m.uid, format!("{key:?} {}", waits.unwrap_or_default())));
            }
        }
        Ok(lost)
    }
}
