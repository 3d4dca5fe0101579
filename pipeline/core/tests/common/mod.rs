//! A small world for tests: one engine over a store in memory, effects kept as JSON.
#![allow(dead_code, clippy::unwrap_used, reason = "shared by several test files; each uses a part")]

pub mod any_order;
pub mod closing;
pub mod conversations;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_core::effect::Effect;
use tollgate_core::engine::{Engine, EngineConfig, Rejected, Sink, Source, Table, Writes};
use tollgate_core::hashing::HashKey;
use tollgate_core::life::Times;
use tollgate_core::record::Message;
use tollgate_core::state::State;
use tollgate_rate_card::RateCards;

/// A Saturday in November 2026, 12:00:00 UTC.
pub const NOON_MS: u64 = 1_795_262_400_000;

#[derive(Default)]
pub struct Store(pub BTreeMap<(Table, Vec<u8>), Vec<u8>>);

impl Source for Store {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.get(&(table, key.to_vec())).cloned())
    }
}

impl Writes for Store {
    fn write(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
        match value {
            Some(v) => self.0.insert((table, key.to_vec()), v.to_vec()),
            None => self.0.remove(&(table, key.to_vec())),
        };
    }
}

#[derive(Default)]
pub struct Effects {
    pub outcomes: Vec<Value>,
    pub orders: Vec<Value>,
    pub ledger: Vec<Value>,
    pub consents: Vec<Value>,
    pub templates: Vec<Value>,
    pub levels: Vec<Value>,
    pub replies: Vec<Value>,
    pub erased: Vec<Value>,
    /// Everything of the ledger's topic, the ends of months among the entries.
    pub topic: Vec<Value>,
}

impl Sink for Effects {
    fn effect(&mut self, _: &State, effect: &Effect, _: &str, json: &[u8]) {
        let v = serde_json::from_slice(json).unwrap();
        match effect {
            Effect::Order { .. } => self.orders.push(v),
            Effect::Outcome(_) => self.outcomes.push(v),
            Effect::Consent(_) => self.consents.push(v),
            Effect::Erased(_) => self.erased.push(v),
            Effect::Ledger(_) | Effect::Fee(_) | Effect::Credit(_) => {
                self.ledger.push(v.clone());
                self.topic.push(v);
            }
            Effect::MonthClosed(_) | Effect::BandReached(_) => self.topic.push(v),
            Effect::Template(_) => self.templates.push(v),
            Effect::Level(_) => self.levels.push(v),
            Effect::Reply(_) => self.replies.push(v),
            Effect::Registry(_) => {}
        }
    }
}

/// What parts of a batch have written and the store does not have.
#[derive(Default)]
pub struct Unwritten(pub Vec<(Table, Vec<u8>, Option<Vec<u8>>)>);

impl Writes for Unwritten {
    fn write(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
        self.0.push((table, key.to_vec(), value.map(<[u8]>::to_vec)));
    }
}

pub struct World {
    pub engine: Engine,
    pub store: Store,
    pub unwritten: Unwritten,
    pub out: Effects,
    pub now_ms: u64,
    rates: Arc<RateCards>,
}

impl World {
    pub fn new() -> Self {
        Self::at(NOON_MS)
    }

    /// At another time.
    pub fn at(now_ms: u64) -> Self {
        let rates = Arc::new(RateCards::embedded().unwrap());
        let mut w = Self {
            engine: Engine::new(config(&rates)),
            store: Store::default(),
            unwritten: Unwritten::default(),
            out: Effects::default(),
            now_ms,
            rates,
        };
        w.engine.clock(now_ms);
        w
    }

    /// An account `acme` with one sender and the usual templates.
    pub fn with_account(limit: &str, quality: &str) -> Self {
        let mut w = Self::new();
        w.command(&json!({"command": "apply_account", "spec": account_spec("acme", "waba-1", "1001", limit, quality)}));
        w
    }

    pub fn advance(&mut self, ms: u64) {
        self.now_ms += ms;
        self.engine.clock(self.now_ms);
    }

    pub fn command(&mut self, v: &Value) {
        let r = self.engine.command(v.to_string().as_bytes(), &mut self.out).unwrap();
        assert_eq!(r, Ok(()), "{v}");
    }

    pub fn try_command(&mut self, v: &Value) -> Result<(), Rejected> {
        self.engine.command(v.to_string().as_bytes(), &mut self.out).unwrap()
    }

    pub fn request(&mut self, v: &Value) -> Result<(), Rejected> {
        self.engine.request(v.to_string().as_bytes(), false, &self.store, &mut self.out).unwrap()
    }

    /// The same on the priority lane.
    pub fn urgent(&mut self, v: &Value) -> Result<(), Rejected> {
        self.engine.request(v.to_string().as_bytes(), true, &self.store, &mut self.out).unwrap()
    }

    pub fn events(&mut self, events: &Value) -> Result<(), Rejected> {
        let v = json!({"account": "acme", "events": events});
        self.engine.events(v.to_string().as_bytes(), &self.store, &mut self.out).unwrap()
    }

    pub fn tick(&mut self) -> usize {
        self.engine.tick(10_000, &self.store, &mut self.out).unwrap()
    }

    /// Ends a part of the batch.
    pub fn write(&mut self) {
        self.engine.write(&mut self.unwritten);
    }

    pub fn commit(&mut self) {
        for (table, key, value) in self.unwritten.0.drain(..) {
            self.store.write(table, &key, value.as_deref());
        }
        for person in self.engine.erased() {
            self.store.0.retain(|(table, key), _| *table != Table::Proofs || !key.starts_with(&person));
        }
        self.engine.commit(&mut self.store);
        self.engine.committed();
    }

    /// Ticks until `to_ms`, never sleeping longer than until the next thing that is due.
    pub fn run_until(&mut self, to_ms: u64) {
        loop {
            while self.tick() > 0 {}
            let due = self.engine.next_due_ms().unwrap_or(to_ms).max(self.now_ms + 1);
            if due > to_ms {
                break;
            }
            self.advance(due - self.now_ms);
        }
        self.advance(to_ms.saturating_sub(self.now_ms));
        while self.tick() > 0 {}
    }

    /// The account's spec with changes, applied.
    pub fn apply(&mut self, spec: &Value) {
        self.command(&json!({"command": "apply_account", "spec": spec}));
    }

    pub fn campaign(&mut self, spec: &Value) {
        self.command(&json!({"command": "put_campaign", "account": "acme", "spec": spec}));
    }

    pub fn control(&mut self, campaign: &str, action: &str) {
        self.command(
            &json!({"command": "control_campaign", "account": "acme", "campaign": campaign, "action": action}),
        );
    }

    pub fn event(&mut self, event: &Value) {
        assert_eq!(self.events(&json!([event])), Ok(()), "{event}");
    }

    pub fn message(&self, uid: u64) -> &Message {
        self.engine.state().message(uid).unwrap()
    }

    /// A message, resident or as stored.
    pub fn message_or_stored(&self, uid: u64) -> Message {
        let stored = || {
            let read = |t| self.store.0.get(&(t, uid.to_be_bytes().to_vec()));
            tollgate_core::codec::message(read(Table::Open).or_else(|| read(Table::Closed)).unwrap()).unwrap()
        };
        self.engine.state().message(uid).cloned().unwrap_or_else(stored)
    }

    /// A restart with other rate cards.
    pub fn reload_with(&mut self, rates: RateCards) {
        self.rates = Arc::new(rates);
        self.reload();
    }

    /// A new engine loaded from the store.
    pub fn reload(&mut self) {
        self.unwritten = Unwritten::default();
        self.engine = self.fresh();
    }

    /// An engine loaded from the store, beside the running one.
    pub fn fresh(&self) -> Engine {
        let mut e = Engine::new(config(&self.rates));
        for table in Table::LOADED {
            for ((t, k), v) in &self.store.0 {
                if *t == table {
                    e.load(table, k, v).unwrap();
                }
            }
        }
        e.clock(self.now_ms);
        e.loaded();
        e
    }

    pub fn opt_in(&mut self, to: &str, category: &str) {
        self.command(&json!({"command": "set_consent", "account": "acme",
            "consent": {"to": to, "category": category, "state": "opt_in", "source": "web"}}));
    }

    pub fn last_outcome(&self) -> &Value {
        self.out.outcomes.last().unwrap()
    }

    /// What became of the last request, as one letter: admitted, out, not opted in, window closed, no sender.
    pub fn last_sign(&self) -> char {
        let o = self.last_outcome();
        match (o["outcome"].as_str().unwrap(), o["reason"].as_str()) {
            ("admitted", _) => 'A',
            ("refused", Some("opted_out")) => 'o',
            ("refused", Some("not_opted_in")) => 'n',
            ("refused", Some("window_closed")) => 'w',
            ("refused", Some("sender_unknown")) => 's',
            _ => panic!("{o}"),
        }
    }
}

fn config(rates: &Arc<RateCards>) -> EngineConfig {
    EngineConfig {
        rates: rates.clone(),
        hash_key: HashKey([1; 16]),
        times: Times::default(),
        recent_most: 1000,
        partition: tollgate_wire::partition::Partition::ONLY,
    }
}

pub fn account_spec(account: &str, waba: &str, sender: &str, limit: &str, quality: &str) -> Value {
    json!({
        "account": account, "name": "Acme", "limit": limit,
        "wabas": [{"id": waba, "currency": "USD", "time_zone": "America/Sao_Paulo",
            "senders": [{"id": sender, "throughput": 80, "quality": quality}],
            "templates": [
                {"name": "promo", "language": "pt_BR", "category": "marketing", "body": ["1"]},
                {"name": "shipped", "language": "pt_BR", "category": "utility", "body": ["1", "2"]},
                {"name": "code", "language": "pt_BR", "category": "authentication", "body": ["1"]},
                {"name": "paused", "language": "pt_BR", "category": "utility", "status": "paused"}
            ]}]
    })
}

pub fn promo(id: &str, to: &str) -> Value {
    json!({"id": id, "account": "acme", "to": to, "purpose": "marketing",
        "content": [{"template": {"name": "promo", "language": ["pt_BR"], "components": {"body": ["Ana"]}}}]})
}

pub fn shipped(id: &str, to: &str) -> Value {
    json!({"id": id, "account": "acme", "to": to, "purpose": "utility",
        "content": [{"template": {"name": "shipped", "language": "pt_BR", "components": {"body": ["Ana", "42"]}}}]})
}

pub fn accepted(uid: u64, attempt: u8, wamid: &str) -> Value {
    json!({"event": "result", "callback": {"message_uid": uid, "attempt": attempt}, "at": "2026-11-21T12:00:01Z",
        "result": {"accepted": {"wamid": wamid}}})
}

pub fn status(kind: &str, uid: u64, wamid: &str, at_s: u32, pricing: bool) -> Value {
    let mut v = json!({"event": "status", "sender": "1001", "wamid": wamid, "to": "+5511987654321", "status": kind,
        "at_s": at_s, "callback": {"message_uid": uid, "attempt": 1}});
    if pricing {
        v["pricing"] = json!({"model": "PMP", "category": "marketing", "pricing_type": "regular"});
    }
    v
}
