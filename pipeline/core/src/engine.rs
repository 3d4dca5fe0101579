//! The engine: the loop around `decide`. It parses inputs, loads what a decision reads, applies what it wants,
//! writes effects, and can give back a whole batch.
//!
//! Whoever runs it keeps log, store and clock: `request`/`events`/`command` for each record, `tick` for what is
//! due, `write` now and then for the records of a long batch, then `commit` for what is left to store and either
//! `committed` or `abort`.
//!
//! `load` from the store · `bring` what a decision will read · `due` what comes by time · `write` effects as JSON ·
//! `batch` what a batch changed, for the store, and its undoing · `sweep` what is forgotten in time · `seams` what is brought
//! along · this file decides.

mod batch;
mod bring;
mod due;
mod load;
mod seams;
mod sweep;
mod write;

use self::batch::{Dirty, Undo};
use self::seams::prefix;
use crate::decide::{Decision, Event, Facts, decide};
use crate::hashing::{HashKey, Map};
use crate::ids::{AccountIx, ContactKey, Uid};
use crate::life::Times;
use crate::seen::Probe;
use crate::state::State;
use std::sync::Arc;
use tollgate_rate_card::RateCards;
use tollgate_wire::event::PlatformEvent;
use tollgate_wire::order::Callback;
use tollgate_wire::partition::Partition;
use tollgate_wire::request::{self, Request};
use tollgate_wire::{DeadLetterReason, command, event};

pub use seams::{EngineError, Handled, Rejected, Sink, Source, Table, Writes};
pub use sweep::Swept;

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
    /// What the batch changed and is not written yet, once each; for a message also how it was stored before: open, closed, or
    /// not at all.
    dirty: Vec<(Dirty, Option<bool>)>,
    /// All that the batch changed, each with the part of the batch that changed it last.
    is_dirty: Map<Dirty, u32>,
    /// The part of the batch at hand: [`Engine::write`] ends one.
    part: u32,
    /// Request ids seen and wamids learnt: each comes once.
    seen: Vec<(u128, Uid)>,
    /// How many of them are written.
    seen_written: usize,
    /// Request ids that a sweep forgot.
    swept: Vec<u128>,
    wamids: Vec<u128>,
    /// Where the next look at campaigns that are over begins.
    campaigns_swept: usize,
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
            is_dirty: Map::default(),
            part: 0,
            seen: Vec::new(),
            seen_written: 0,
            swept: Vec::new(),
            wamids: Vec::new(),
            campaigns_swept: 0,
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
            self.bring_for(self.state.account_by_id.get(&*e.account).copied(), event, source)?;
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
            && let Some(campaign) = self.state.campaign(ix, campaign).map(|c| c.ix)
        {
            self.state.lots.wake_campaign(ix, campaign);
        }
        self.state.turn_days((self.now_ms / 1000) as u32);
        done
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
}
