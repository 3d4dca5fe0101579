//! What goes in and what comes out: the only things the auditor sees.

use crate::money::Units;
use serde_json::Value;
use std::collections::BTreeMap;
use tollgate_core::effect::Effect;
use tollgate_core::engine::Sink;
use tollgate_core::lots::LotKey;
use tollgate_core::state::State;
use tollgate_rate_card::Category;
use tollgate_wire::ledger::{Cause, EntryKind, LedgerEntry};
use tollgate_wire::order::{Order, OrderContent};
use tollgate_wire::outcome::{Outcome, OutcomeKind, ReasonText};

/// One input of the shard.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// A record of one of the request topics.
    Request { body: Value, priority: bool },
    /// A record that is no request.
    Garbage(Vec<u8>),
    /// One event of an account.
    Event { account: String, event: Value },
    /// A command.
    Command(Value),
    /// Time alone.
    Tick,
}

/// One input with the time it was decided at and everything that came of it.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Engine time.
    pub now_ms: u64,
    /// What went in.
    pub input: Input,
    /// It was not set aside.
    pub accepted: bool,
    /// What came out, in order.
    pub outputs: Vec<Output>,
    /// Waiting messages by lot before the step; only for requests and ticks.
    pub before: Queues,
    /// The same after it.
    pub after: Queues,
}

/// Waiting messages by lot, in order.
pub(crate) type Queues = BTreeMap<LotKey, Vec<u64>>;

/// The lots of a state.
pub(crate) fn queues(state: &State) -> Queues {
    state.lots().iter().map(|(k, l)| (*k, l.members.iter().copied().collect())).collect()
}

/// Something that left the shard.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// For the dispatcher.
    Order(Ordered),
    /// A move of a message.
    Move(Box<Move>),
    /// A ledger entry.
    Entry(Box<Entry>),
}

/// An order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ordered {
    pub uid: u64,
    pub attempt: u8,
    pub account: String,
    pub sender: String,
    pub to: String,
    pub priority: bool,
    pub leave_by_ms: u64,
    /// Name and language; `None` for text.
    pub template: Option<(String, String)>,
}

/// A move of a message.
#[derive(Clone, Debug)]
pub(crate) struct Move {
    pub uid: u64,
    pub id: String,
    pub attempt: u8,
    pub account: String,
    pub campaign: Option<String>,
    pub to: String,
    pub at_ms: u64,
    pub kind: OutcomeKind,
    pub reason: String,
    pub code: u32,
    pub quota_use: String,
    pub window_open: bool,
    pub retry_ms: u64,
    pub wamid: Option<String>,
    pub category: Option<Category>,
    pub estimate: Option<Units>,
    /// Ordered for a test recipient.
    pub test: bool,
    /// Alternative ordered, and of a split the one that it stands in for.
    pub alternative: Option<(u8, Option<u8>)>,
}

/// A ledger entry.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub entry: String,
    pub kind: EntryKind,
    pub own: Option<(u64, u8)>,
    pub wamid: String,
    pub wamid_hash: String,
    pub campaign: Option<String>,
    pub account: String,
    pub market: String,
    pub category: Option<Category>,
    pub pricing_type: String,
    pub quantity: i64,
    pub cost: Option<Units>,
    pub currency: String,
    pub period: String,
    /// Whether it takes another entry back.
    pub takes_back: bool,
}

/// Collects what leaves.
#[derive(Debug, Default)]
pub(crate) struct Outbox(pub Vec<Output>);

impl Sink for Outbox {
    fn effect(&mut self, _: &State, effect: &Effect, _: &str, json: &[u8]) {
        self.0.push(match effect {
            Effect::Order { .. } => Output::Order(order(json)),
            Effect::Outcome(_) => Output::Move(Box::new(outcome(json))),
            Effect::Ledger(_) => Output::Entry(Box::new(entry(json))),
            Effect::Fee(_) | Effect::Credit(_) | Effect::BandReached(_) | Effect::MonthClosed(_) => return,
            Effect::Registry(_) => return,
            Effect::Consent(_) | Effect::Erased(_) => return,
            Effect::Template(_) | Effect::Level(_) | Effect::Reply(_) => return,
        });
    }
}

fn order(json: &[u8]) -> Ordered {
    let o: Order<'_> = serde_json::from_slice(json).expect("the engine writes orders that the dispatcher reads");
    Ordered {
        uid: o.message_uid,
        attempt: o.attempt,
        account: o.account.to_string(),
        sender: o.sender.to_string(),
        to: if o.to.bytes().all(|b| b.is_ascii_digit()) { format!("+{}", &*o.to) } else { o.to.to_string() },
        priority: o.priority,
        leave_by_ms: o.leave_by.0,
        template: match o.content {
            OrderContent::Template(t) => Some((t.name.to_string(), t.language.to_string())),
            OrderContent::Text(_) | OrderContent::Rich(_) => None,
        },
    }
}

fn outcome(json: &[u8]) -> Move {
    let o: Outcome<'_> = serde_json::from_slice(json).expect("the engine writes outcomes that readers read");
    let (reason, code) = match &o.reason {
        None => (String::new(), 0),
        Some(ReasonText::Known(r)) => (r.as_str().to_owned(), 0),
        Some(ReasonText::Platform(code)) => ("platform".to_owned(), *code),
        Some(ReasonText::Other(t)) => (t.to_string(), 0),
    };
    Move {
        uid: o.message_uid,
        id: o.id.to_string(),
        attempt: o.attempt,
        account: o.account.to_string(),
        campaign: o.campaign.as_ref().map(ToString::to_string),
        to: o.to.to_string(),
        at_ms: o.at.0,
        kind: o.outcome,
        reason,
        code,
        quota_use: o.gates.as_ref().and_then(|g| g.quota_use.as_ref()).map_or_else(String::new, ToString::to_string),
        window_open: o.gates.as_ref().is_some_and(|g| g.window_until.is_some()),
        retry_ms: o.retry_at.map_or(0, |t| t.0),
        wamid: o.wamid.as_ref().map(ToString::to_string),
        category: o.content.as_ref().map(|c| c.category),
        estimate: o.estimate.as_ref().map(|e| Units::parse(&e.amount.to_string())),
        test: o.test,
        alternative: o.content.as_ref().map(|c| (c.alternative, c.instead_of)),
    }
}

fn entry(json: &[u8]) -> Entry {
    let e: LedgerEntry<'_> = serde_json::from_slice(json).expect("the engine writes entries that the ledger reads");
    Entry {
        entry: e.entry.to_string(),
        kind: e.kind,
        own: e.message_uid.zip(e.attempt),
        wamid: e.wamid.as_ref().map_or_else(String::new, ToString::to_string),
        wamid_hash: e.wamid_hash.to_string(),
        campaign: e.campaign.as_ref().map(ToString::to_string),
        account: e.account.to_string(),
        market: e.market.as_ref().map_or_else(String::new, ToString::to_string),
        category: e.category,
        pricing_type: e.pricing_type.map_or_else(String::new, |t| t.as_str().to_owned()),
        quantity: e.quantity,
        cost: e.cost.map(|c| Units::parse(&c.to_string())),
        currency: e.cost_currency.to_string(),
        period: e.usage_period.to_string(),
        takes_back: e.kind == EntryKind::Adjustment || e.cause == Some(Cause::Reversal),
    }
}
