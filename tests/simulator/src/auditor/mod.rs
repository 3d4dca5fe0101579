//! The auditor: keeps its own books from what went in and what came out, in another and simpler way, and says
//! where the two disagree. Lists and loops; nothing of the engine, the quality or the rate-card crate is asked.

mod admission;
mod book;
mod brands;
mod campaign;
mod consent;
mod counts;
mod ends;
mod money;
mod order;
mod pace;
mod platform;
mod quota;
mod registry;
mod tables;
mod zones;

pub(crate) use platform::{Delivered, Fate, Taken};
pub(crate) use tables::Tables;

use crate::step::{Input, Output, Step};
use book::Book;
use consent::People;
use registry::Registry;
use std::collections::{BTreeMap, BTreeSet};

/// A predicate that does not hold.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub predicate: &'static str,
    pub what: String,
    /// Message that it is about; 0 = none.
    pub uid: u64,
}

/// The auditor of one run.
#[derive(Debug)]
pub(crate) struct Auditor {
    /// How often each predicate was checked.
    pub checks: BTreeMap<&'static str, u64>,
    /// What was found; the run stops at the first.
    pub broken: Vec<Broken>,
    pub orders: u64,
    pub charges: u64,
    /// How often each outcome was told, by kind and reason, and each entry booked, by kind and type.
    pub outcomes: BTreeMap<String, u64>,
    now_ms: u64,
    registry: Registry,
    people: People,
    book: Book,
    quota: quota::Holds,
    pace: pace::Times,
    platform: platform::Counters,
    money: money::Ledger,
    entries: BTreeSet<String>,
    /// Account, campaign, person, alternatives and shares → the person's own.
    variants: BTreeMap<(String, String, String, String), u8>,
}

impl Auditor {
    pub fn new(tables: Tables) -> Self {
        Self {
            checks: BTreeMap::new(),
            broken: Vec::new(),
            orders: 0,
            charges: 0,
            outcomes: BTreeMap::new(),
            now_ms: 0,
            registry: Registry::default(),
            people: People::default(),
            book: Book::default(),
            quota: quota::Holds::default(),
            pace: pace::Times::default(),
            platform: platform::Counters::default(),
            money: money::Ledger::new(tables),
            entries: BTreeSet::new(),
            variants: BTreeMap::new(),
        }
    }

    /// One check of one predicate.
    pub fn check(&mut self, predicate: &'static str, uid: u64, holds: bool, what: impl FnOnce() -> String) {
        *self.checks.entry(predicate).or_default() += 1;
        if !holds {
            self.broken.push(Broken { predicate, what: what(), uid });
        }
    }

    fn now_s(&self) -> u32 {
        (self.now_ms / 1000) as u32
    }

    /// One durable step.
    pub fn step(&mut self, step: &Step) {
        self.now_ms = step.now_ms;
        let mut expected = Vec::new();
        match &step.input {
            Input::Command(c) if step.accepted => {
                self.registry.command(c);
                let now_s = self.now_s();
                self.people.command(c, now_s);
            }
            Input::Event { account, event } if step.accepted => expected = self.event(account, event),
            Input::Request { body, .. } => self.asked(body, step),
            _ => {}
        }
        self.limits_hold();
        self.order_in_lots(step);
        for output in &step.outputs {
            match output {
                Output::Order(o) => {
                    self.orders += 1;
                    self.book.ordered(o, self.now_ms);
                }
                Output::Move(m) => {
                    *self.outcomes.entry(format!("{} {}", m.kind, m.reason)).or_default() += 1;
                    self.failed(m, step);
                    self.expired(m);
                    self.moved(m);
                }
                Output::Entry(e) => {
                    *self.outcomes.entry(format!("entry {} {}", e.kind, e.pricing_type)).or_default() += 1;
                    self.booked(e, &mut expected);
                }
            }
        }
        let left = expected.first().cloned();
        self.check("every_charge_is_booked", 0, left.is_none(), || {
            format!("{left:?} was not booked by {:?}", step.input)
        });
        let pending = self.book.pending.take();
        self.check("order_with_admission", 0, pending.is_none(), || format!("{pending:?} has no outcome `admitted`"));
    }

    fn event(&mut self, account: &str, event: &serde_json::Value) -> Vec<money::Expected> {
        let now_s = self.now_s();
        match event["event"].as_str() {
            Some("inbound") => {
                self.people.inbound(account, event, now_s, self.registry.account(account));
                return self.wrote(event);
            }
            Some("preference") => self.people.preference(account, event, now_s),
            Some("number_changed") => self.people.number_changed(account, event, now_s),
            Some("template" | "sender" | "limit" | "account_state") => self.registry.event(account, event),
            Some("status") => return self.status(account, event),
            _ => {}
        }
        Vec::new()
    }

    /// The last lines of a message's life, for whoever looks for the reason.
    pub fn trace(&self, uid: u64) -> String {
        self.book.messages.get(&uid).map_or_else(String::new, |m| {
            let from = m.trace.len().saturating_sub(30);
            format!("message {uid} ({} {} to {}):\n  {}", m.account, m.id, m.to, m.trace[from..].join("\n  "))
        })
    }
}
