//! The engine: the loop around `decide`. It parses inputs, loads what a decision reads, applies what it wants,
//! writes effects, and can give back a whole batch.
//!
//! Whoever runs it keeps log, store and clock: `request`/`events`/`command` for each record, `tick` for what is
//! due, then `commit` for the records to store and either `committed` or `abort`.
//!
//! `load` from the store · `batch` what a batch changed, for the store, and its undoing · `seams` what
//! is brought along · this file decides.

mod batch;
mod load;
mod seams;

use self::batch::{Dirty, Undo};
use self::seams::prefix;
use crate::charge;
use crate::codec;
use crate::decide::{Decision, Event, Facts, decide};
use crate::effect::Effect;
use crate::emit;
use crate::hashing::{HashKey, Set};
use crate::ids::{AccountIx, ContactKey, Uid};
use crate::inbound;
use crate::life::Times;
use crate::lots::{LotKey, Resource};
use crate::record::{MessageState, Waba};
use crate::seen::Probe;
use crate::state::State;
use std::sync::Arc;
use tollgate_rate_card::RateCards;
use tollgate_wire::Reason;
use tollgate_wire::event::{PlatformEvent, Status};
use tollgate_wire::order::Callback;
use tollgate_wire::partition::Partition;
use tollgate_wire::request::{self, Request};
use tollgate_wire::{DeadLetterReason, command, event};

pub use seams::{EngineError, Handled, Rejected, Sink, Source, Table, Writes};

/// What the engine is told once.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Rate cards.
    pub rates: Arc<RateCards>,
    /// Secret of keyed hashes; must never change for a data directory.
    pub hash_key: HashKey,
    /// Fixed times.
    pub times: Times,
    /// Messages, bodies and wamids kept resident in each of two generations.
    pub recent_most: usize,
    /// Which of the deployment's accounts belong here.
    pub partition: Partition,
}

/// Bits of a message number that count inside a partition; its number stands above them. 2⁴² messages, and with
/// 2,048 partitions every number is still exact in a JSON reader that knows doubles only.
const UID_BITS: u32 = 42;

/// The engine of one shard.
#[derive(Debug)]
pub struct Engine {
    state: State,
    config: EngineConfig,
    now_ms: u64,
    decision: Decision,
    undo: Vec<Undo>,
    /// What the batch changed, once each; for a message also how it was stored before: open, closed, or not at all.
    dirty: Vec<(Dirty, Option<bool>)>,
    is_dirty: Set<Dirty>,
    /// Request ids seen and wamids learnt: each comes once.
    seen: Vec<(u128, Uid)>,
    wamids: Vec<u128>,
    proofs: Vec<crate::change::Proof>,
    /// Whose stored proofs are to go.
    erased: Vec<ContactKey>,
    /// Attempts without a result when the state was loaded.
    ordered: Vec<(AccountIx, Callback)>,
    json: Vec<u8>,
    bytes: Vec<u8>,
}

impl Engine {
    /// An empty engine.
    #[must_use]
    pub fn new(config: EngineConfig) -> Self {
        let mut state = State::default();
        state.raise_next_uid((u64::from(config.partition.number) << UID_BITS) + 1);
        Self {
            state,
            config,
            now_ms: 0,
            decision: Decision::default(),
            undo: Vec::new(),
            dirty: Vec::new(),
            is_dirty: Set::default(),
            seen: Vec::new(),
            wamids: Vec::new(),
            proofs: Vec::new(),
            erased: Vec::new(),
            ordered: Vec::new(),
            json: Vec::with_capacity(1024),
            bytes: Vec::with_capacity(1024),
        }
    }

    /// The resident state.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// Engine time: never goes back.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Tells the time. `now` is the largest ever told.
    pub fn clock(&mut self, now_ms: u64) {
        if now_ms / 1000 > self.now_ms / 1000 {
            let now_s = (now_ms / 1000) as u32;
            self.state.advance_quotas(now_s);
            self.state.turn_days(now_s);
        }
        self.now_ms = self.now_ms.max(now_ms);
    }

    /// One record of `requests` or `requests.priority`.
    ///
    /// # Errors
    /// When the store cannot be read; abort the batch.
    pub fn request(&mut self, raw: &[u8], priority: bool, source: &dyn Source, sink: &mut dyn Sink) -> Handled {
        match request::parse(raw) {
            Ok(r) => self.request_parsed(&r, raw, priority, source, sink),
            Err(e) => Ok(Err(Rejected { reason: e.reason, detail: e.to_string() })),
        }
    }

    /// A request that is parsed already.
    ///
    /// # Errors
    /// When the store cannot be read; abort the batch.
    pub fn request_parsed(
        &mut self,
        r: &Request<'_>,
        raw: &[u8],
        priority: bool,
        source: &dyn Source,
        sink: &mut dyn Sink,
    ) -> Handled {
        let hash = self.config.hash_key.request(&r.account, &r.id);
        let duplicate = match self.state.seen.probe(hash) {
            Probe::New => None,
            Probe::Seen(uid) => Some(uid),
            Probe::AskStore => {
                let found = source.get(Table::Ids, &hash.to_be_bytes()).map_err(EngineError::Source)?;
                found.and_then(|v| v.try_into().ok()).map(u64::from_be_bytes)
            }
        };
        if let Some(uid) = duplicate {
            self.bring_message(uid, source)?;
        }
        let event = Event::Request { request: r, raw, hash, duplicate, priority };
        self.decide(&event);
        let reject_as = match self.state.account(&r.account) {
            Some(_) => DeadLetterReason::Malformed,
            None => self.stranger(&r.account),
        };
        Ok(self.conclude(Some(r), reject_as, sink))
    }

    /// Why a record of an account that is not in the registry is set aside.
    fn stranger(&self, account: &str) -> DeadLetterReason {
        if self.config.partition.holds(account) {
            DeadLetterReason::UnknownAccount
        } else {
            DeadLetterReason::WrongPartition
        }
    }

    /// One record of `events`. What cannot be used is rejected with its reason, the rest of the record counts.
    ///
    /// # Errors
    /// When the store cannot be read; abort the batch.
    pub fn events(&mut self, raw: &[u8], source: &dyn Source, sink: &mut dyn Sink) -> Handled {
        match event::parse(raw) {
            Ok(e) => self.events_parsed(&e, source, sink),
            Err(e) => Ok(Err(Rejected { reason: e.reason, detail: e.to_string() })),
        }
    }

    /// Events that are parsed already.
    ///
    /// # Errors
    /// When the store cannot be read; abort the batch.
    pub fn events_parsed(&mut self, e: &event::Events<'_>, source: &dyn Source, sink: &mut dyn Sink) -> Handled {
        let mut result = Ok(());
        for event in &e.events {
            self.bring_for(event, source)?;
            let Some(account) =
                self.state.account_by_id.get(&*e.account).map(|ix| self.state.accounts[ix.at()].clone())
            else {
                let detail = format!("account {:?} is not in the registry; apply it first", &*e.account);
                return Ok(Err(Rejected { reason: self.stranger(&e.account), detail }));
            };
            self.decide(&Event::Platform { account: &account, event });
            let reject_as = match event {
                PlatformEvent::CloseMonth { .. } | PlatformEvent::BandReached(_) | PlatformEvent::Credit(_) => {
                    DeadLetterReason::Malformed
                }
                _ => DeadLetterReason::UnknownSender,
            };
            if let Err(e) = self.conclude(None, reject_as, sink) {
                result = Err(e);
            }
        }
        Ok(result)
    }

    /// One record of `commands`.
    ///
    /// # Errors
    /// When the store cannot be read; abort the batch.
    pub fn command(&mut self, raw: &[u8], sink: &mut dyn Sink) -> Handled {
        match command::parse(raw) {
            Ok(c) => Ok(self.command_parsed(&c, sink)),
            Err(e) => Ok(Err(Rejected { reason: e.reason, detail: e.to_string() })),
        }
    }

    /// A command that is parsed already.
    ///
    /// # Errors
    /// Why it was not applied: field, value, remedy.
    pub fn command_parsed(&mut self, c: &command::Command, sink: &mut dyn Sink) -> Result<(), Rejected> {
        if let command::Command::ApplyAccount { spec, .. } = c
            && !self.config.partition.holds(&spec.account)
        {
            let Partition { number, of } = self.config.partition;
            let detail = format!(
                "account {:?} does not belong to partition {number} of {of}; key the record by the account and use the partitioner murmur2",
                spec.account
            );
            return Err(Rejected { reason: DeadLetterReason::WrongPartition, detail });
        }
        self.decide(&Event::Command(c));
        let done = self.conclude(None, DeadLetterReason::Malformed, sink);
        if let command::Command::ControlCampaign { account, campaign, action: command::CampaignAction::Cancel, .. } = c
            && let Some(ix) = self.state.account(account).map(|a| a.ix)
            && let Some(ix) = self.state.campaign(ix, campaign).map(|c| c.ix)
        {
            self.state.lots.wake_campaign(ix);
        }
        self.state.turn_days((self.now_ms / 1000) as u32);
        done
    }

    /// The instant at which `tick` has something to do; now, while lots are open.
    #[must_use]
    pub fn next_due_ms(&self) -> Option<u64> {
        if self.state.lots.has_open() { Some(self.now_ms) } else { self.state.next_due_ms() }
    }

    /// Does what is due: timers, then open lots in turn. At most `most` decisions; returns how many.
    ///
    /// # Errors
    /// When the store cannot be read; abort the batch.
    pub fn tick(&mut self, most: usize, source: &dyn Source, sink: &mut dyn Sink) -> Result<usize, EngineError> {
        let mut done = 0;
        self.state.lots.wake_due(self.now_ms);
        // Many that are due at one instant, such as a morning after quiet hours, take turns with what waits in lots.
        let for_timers = if self.state.lots.has_open() { most.div_ceil(2) } else { most };
        while done < for_timers {
            let Some(&(at, uid)) = self.state.timers.first().filter(|t| t.0 <= self.now_ms) else { break };
            done += 1;
            self.bring_message(uid, source)?;
            let attempt_due =
                self.state.message(uid).is_some_and(|m| m.attempts.iter().any(|a| a.check_ms <= self.now_ms));
            if attempt_due {
                self.decide(&Event::Timer { uid });
                let _ = self.conclude(None, DeadLetterReason::Internal, sink);
                // The message itself may be due at the same instant: it has its turn next.
                continue;
            }
            if self.state.message(uid).is_some_and(|m| m.state == MessageState::Parked) {
                self.wake(uid, source, sink)?;
            }
            // A timer that did not move would be due for ever.
            if self.state.timers.first() == Some(&(at, uid)) {
                self.state.timers.remove(&(at, uid));
            }
        }
        self.state.lots.wake_due(self.now_ms);
        while done < most {
            let Some(key) = self.state.lots.next_open() else { break };
            done += self.drain(key, most - done, source, sink)?;
        }
        Ok(done)
    }

    /// Serves one open lot for its turn.
    fn drain(
        &mut self,
        key: LotKey,
        most: usize,
        source: &dyn Source,
        sink: &mut dyn Sink,
    ) -> Result<usize, EngineError> {
        let weight = self.state.campaign_at(key.campaign).map_or(1, |c| c.spec.weight.clamp(1, 100));
        let turn = (weight as usize * 16).min(most);
        let mut after = 0;
        for done in 0..turn {
            let Some(uid) = self.state.lots.next_member(key, after) else {
                self.state.lots.close(key, Resource::Own, u64::MAX);
                return Ok(done.max(1));
            };
            self.bring_message(uid, source)?;
            if let Some((reason, resource, until_ms)) = self.wake(uid, source, sink)? {
                self.state.lots.shut(key, reason, resource, until_ms);
                return Ok(done + 1);
            }
            self.state.lots.served(key, weight);
            after = uid;
        }
        Ok(turn)
    }

    /// Admission of a parked message; `Some` when a shared resource keeps it where it is.
    fn wake(
        &mut self,
        uid: Uid,
        source: &dyn Source,
        sink: &mut dyn Sink,
    ) -> Result<Option<(Reason, Resource, u64)>, EngineError> {
        let body = match self.state.bodies.get(&uid) {
            Some(b) => Some(b.clone()),
            None => source.get(Table::Bodies, &uid.to_be_bytes()).map_err(EngineError::Source)?.map(Arc::from),
        };
        // The body may have come without its id.
        let tail = self.state.message(uid).map(|m| Arc::clone(&m.tail));
        let id = tail.as_ref().map(|tail| tail.id.as_bytes());
        let parsed = body.as_deref().and_then(|b| request::parse_with_id(b, id).ok());
        let Some(parsed) = parsed else {
            // Cannot happen while the store keeps its promises; one lost request must not stop the others.
            self.decide(&Event::Lost { uid });
            let _ = self.conclude(None, DeadLetterReason::Internal, sink);
            return Ok(None);
        };
        self.decide(&Event::Wake { uid, request: &parsed });
        let blocked = self.decision.blocked;
        let _ = self.conclude(Some(&parsed), DeadLetterReason::Internal, sink);
        Ok(blocked)
    }

    fn decide(&mut self, event: &Event<'_>) {
        self.decision.clear();
        let facts = Facts {
            state: &self.state,
            rates: &self.config.rates,
            key: &self.config.hash_key,
            times: &self.config.times,
        };
        decide(&facts, event, self.now_ms, &mut self.decision);
    }

    /// Applies the decision at hand and writes its effects.
    fn conclude(
        &mut self,
        request: Option<&Request<'_>>,
        reject_as: DeadLetterReason,
        sink: &mut dyn Sink,
    ) -> Result<(), Rejected> {
        let mut changes = std::mem::take(&mut self.decision.changes);
        for change in changes.drain(..) {
            self.apply(change);
        }
        self.decision.changes = changes;
        let mut effects = std::mem::take(&mut self.decision.effects);
        for effect in effects.drain(..) {
            self.emit(&effect, request, sink);
        }
        self.decision.effects = effects;
        match self.decision.rejected.take() {
            None => Ok(()),
            Some(detail) => Err(Rejected { reason: reject_as, detail }),
        }
    }

    fn emit(&mut self, effect: &Effect, request: Option<&Request<'_>>, sink: &mut dyn Sink) {
        self.json.clear();
        let state = &self.state;
        if !sink.wants_json() {
            return sink.effect(state, effect, "", &[]);
        }
        match effect {
            Effect::Order { uid, alternative, language } => {
                let (Some(m), Some(r)) = (state.message(*uid), request) else { return };
                if emit::order(state, m, r, *alternative, *language, &mut self.json).is_err() {
                    return;
                }
                let sender = state.sender_at(m.sender).spec.id.as_str();
                sink.effect(state, effect, sender, &self.json);
            }
            Effect::Outcome(o) => {
                let Some(m) = state.message(o.uid) else { return };
                if emit::outcome(state, &self.config.rates, o, m, &mut self.json).is_err() {
                    return;
                }
                sink.effect(state, effect, &state.account_at(m.account).spec.account, &self.json);
            }
            Effect::Ledger(b) => {
                let m = b.own.and_then(|(uid, _)| state.message(uid));
                let key = &self.config.hash_key;
                if emit::ledger(state, &self.config.rates, key, b, m, &mut self.json).is_err() {
                    return;
                }
                let account = state.account_at(state.sender_at(b.sender).account);
                sink.effect(state, effect, &account.spec.account, &self.json);
            }
            Effect::Fee(f) => {
                if emit::fee(state, f, &mut self.json).is_err() {
                    return;
                }
                let account = state.account_at(state.waba_at(f.waba).account);
                sink.effect(state, effect, &account.spec.account, &self.json);
            }
            Effect::MonthClosed(c) => {
                if emit::month_closed(state, c, &mut self.json).is_err() {
                    return;
                }
                sink.effect(state, effect, &state.account_at(c.account).spec.account, &self.json);
            }
            Effect::Credit(c) => {
                if emit::credit(state, c, &mut self.json).is_err() {
                    return;
                }
                let account = state.account_at(state.waba_at(c.waba).account);
                sink.effect(state, effect, &account.spec.account, &self.json);
            }
            Effect::BandReached(r) => {
                if emit::band_reached(state, &self.config.rates, r, &mut self.json).is_err() {
                    return;
                }
                sink.effect(state, effect, &state.account_at(r.account).spec.account, &self.json);
            }
            Effect::Registry(ix) => {
                let account = state.account_at(*ix);
                if serde_json::to_writer(&mut self.json, &account.spec).is_err() {
                    return;
                }
                sink.effect(state, effect, &account.spec.account, &self.json);
            }
            Effect::Erased(key) => {
                if emit::erased(state, *key, self.now_ms, &mut self.json).is_err() {
                    return;
                }
                sink.effect(state, effect, &state.account_at(key.account()).spec.account, &self.json);
            }
            Effect::Consent(proof) => {
                if emit::said(state, proof, self.now_ms, &mut self.json).is_err() {
                    return;
                }
                let account = state.account_at(ContactKey(proof.contact).account());
                sink.effect(state, effect, &account.spec.account, &self.json);
            }
            Effect::Template(ix) => {
                if emit::template(state, *ix, self.now_ms, &mut self.json).is_err() {
                    return;
                }
                let account = state.waba_at(state.template_at(*ix).waba).account;
                sink.effect(state, effect, &state.account_at(account).spec.account, &self.json);
            }
            Effect::Reply(reply) => {
                if emit::reply(state, reply, &mut self.json).is_err() {
                    return;
                }
                let account = state.account_at(state.sender_at(reply.sender).account);
                sink.effect(state, effect, &account.spec.account, &self.json);
            }
            Effect::Level(change) => {
                if emit::level(state, change, self.now_ms, &mut self.json).is_err() {
                    return;
                }
                sink.effect(state, effect, &state.account_at(change.account).spec.account, &self.json);
            }
        }
    }

    /// Loads what an event will read.
    fn bring_for(&mut self, event: &PlatformEvent<'_>, source: &dyn Source) -> Result<(), EngineError> {
        match event {
            PlatformEvent::Result(r) => self.bring_message(r.callback.message_uid, source),
            PlatformEvent::Status(s) => {
                let uid = match s.callback {
                    Some(c) => c.message_uid,
                    None => {
                        let hash = self.config.hash_key.wamid(&s.wamid);
                        self.bring_wamid(hash, source)?;
                        self.state.wamids.get(&hash).map_or(0, |w| w.0)
                    }
                };
                self.bring_message(uid, source)?;
                // Conversations: as this status names it, and as an earlier one did.
                if s.pricing.as_ref().is_some_and(|p| p.conversation.is_some())
                    && let Some(waba) = self.billed(s, uid)
                {
                    let id = charge::said_id(waba, s.pricing.as_ref());
                    self.bring_wamid(id, source)?;
                }
                let named = self.state.message(uid).map(|m| m.attempts.iter().map(|a| a.conversation));
                let named: smallvec::SmallVec<[u128; 2]> = named.into_iter().flatten().filter(|id| *id != 0).collect();
                named.into_iter().try_for_each(|id| self.bring_wamid(id, source))
            }
            PlatformEvent::Inbound(i) => match &i.id {
                Some(id) => self.bring_wamid(inbound::id_hash(&self.config.hash_key, &i.sender, id), source),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The WABA that a status is billed to: that of the attempt, or the sender's where the message is not ours.
    fn billed(&self, s: &Status<'_>, uid: Uid) -> Option<&Waba> {
        let number = match s.callback {
            Some(c) => c.attempt,
            None => self.state.wamids.get(&self.config.hash_key.wamid(&s.wamid)).map_or(0, |w| w.1),
        };
        let attempt = self.state.message(uid).and_then(|m| m.attempts.get(m.position(number)?));
        match attempt {
            Some(a) => Some(charge::waba_of(&self.state, a)),
            None => self.state.sender(&s.sender).map(|sender| self.state.waba_at(sender.waba)),
        }
    }

    /// Makes resident what is stored under a platform's id, of a message or a conversation; 0 is none.
    fn bring_wamid(&mut self, hash: u128, source: &dyn Source) -> Result<(), EngineError> {
        if hash == 0 || self.state.wamids.get(&hash).is_some() {
            return Ok(());
        }
        let stored = source.get(Table::Wamids, &hash.to_be_bytes()).map_err(EngineError::Source)?;
        if let Some(known) = stored.as_deref().and_then(wamid_value) {
            self.state.wamids.insert(hash, known);
        }
        Ok(())
    }

    /// Makes a message resident, if it exists.
    fn bring_message(&mut self, uid: Uid, source: &dyn Source) -> Result<(), EngineError> {
        if uid == 0 || uid >= self.state.next_uid() || self.state.message(uid).is_some() {
            return Ok(());
        }
        let key = uid.to_be_bytes();
        let stored = match source.get(Table::Open, &key).map_err(EngineError::Source)? {
            Some(v) => Some(v),
            None => source.get(Table::Closed, &key).map_err(EngineError::Source)?,
        };
        if let Some(v) = stored {
            self.state.messages.insert(uid, Box::new(codec::message(&v)?));
        }
        Ok(())
    }
}

fn wamid_value(v: &[u8]) -> Option<(Uid, u8)> {
    let (uid, attempt) = v.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*uid), *attempt.first()?))
}
