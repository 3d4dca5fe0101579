//! The platform's side of every message: accounts, users, timers and what leaves as webhooks.
//!
//! Nothing here reads a clock: `now` is an argument, so that a day can pass in a test.

pub(crate) mod bands;
pub(crate) mod charged;
pub(crate) mod control;
pub(crate) mod country;
pub(crate) mod fate;
pub(crate) mod identity;
pub(crate) mod inbound;
pub(crate) mod lifecycle;
pub(crate) mod ordered_errors;
pub(crate) mod pairs;
pub(crate) mod pricing;
pub(crate) mod snapshot;
pub(crate) mod templates;
pub(crate) mod timers;

use std::collections::{HashMap, VecDeque};

use jiff::tz::TimeZone;

use crate::config::SandboxConfig;
use crate::config::account::{LimitScope, MessagingLimit, PortfolioConfig, SenderConfig};
use crate::config::check::{Checked, EraStarts};
use crate::config::template::Rating;
use crate::dice::Dice;
use crate::graph::wamid::{Direction, wamid};
use crate::journal::Journal;
use crate::limits::questions::Questions;
use crate::limits::throughput::Throughput;
use crate::limits::unique_users::UniqueUsers;
use crate::stats::Counters;
use crate::webhook::batch::Update;
use bands::Bands;
use charged::Charged;
use ordered_errors::OrderedError;
use pairs::Pairs;
use templates::Templates;
use timers::Timers;

/// All state behind one lock; each use of it takes microseconds.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) config: SandboxConfig,
    /// Decides whether statuses carry a conversation.
    pub(crate) graph_major: u32,
    pub(crate) portfolios: Vec<Portfolio>,
    pub(crate) senders: Vec<Sender>,
    sender_by_id: HashMap<String, usize>,
    pub(crate) pairs: Pairs,
    pub(crate) timers: Timers,
    /// Updates waiting for the next flush.
    pub(crate) outbox: VecDeque<Update>,
    pub(crate) journal: Journal,
    pub(crate) counters: Counters,
    /// What analytics tell.
    pub(crate) charged: Charged,
    /// What decides when a volume band is reached.
    bands: Bands,
    pub(crate) outage: Option<Outage>,
    /// Errors on order, at most 64.
    errors: Vec<OrderedError>,
    /// Differs from one run to the next.
    boot: u64,
    serial: u64,
}

/// A portfolio and its WABA.
#[derive(Debug)]
pub(crate) struct Portfolio {
    pub(crate) id: String,
    pub(crate) waba: String,
    pub(crate) scope: LimitScope,
    pub(crate) eras: EraStarts,
    /// Of its months.
    zone: TimeZone,
    pub(crate) authentication_international: Vec<String>,
    pub(crate) marketing_call_only: bool,
    pub(crate) templates: Templates,
    /// What was asked of the management API about the WABA.
    pub(crate) questions: Questions,
    /// The count when the limit is the portfolio's.
    pub(crate) unique_users: UniqueUsers,
}

/// A business phone number.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) phone_number_id: String,
    pub(crate) display_phone_number: String,
    pub(crate) portfolio: usize,
    pub(crate) throughput: Throughput,
    pub(crate) throughput_mps: u32,
    pub(crate) quality_rating: Rating,
    /// The count when the limit is the number's.
    pub(crate) unique_users: UniqueUsers,
}

/// A planned outage of messages and analytics.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outage {
    pub(crate) manner: OutageManner,
    pub(crate) until_ms: u64,
}

/// What callers see during an outage. Nothing is processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutageManner {
    /// HTTP 503 with error 2.
    Unavailable,
    /// No answer until the outage ends, then the connection closes.
    Hang,
    /// The connection closes at once.
    Close,
}

impl World {
    pub(crate) fn new(config: SandboxConfig, checked: &Checked, journal: Journal, boot: u64) -> Self {
        let mut world = Self {
            graph_major: checked.graph_major,
            portfolios: Vec::with_capacity(config.accounts.len()),
            senders: Vec::new(),
            sender_by_id: HashMap::new(),
            pairs: Pairs::default(),
            timers: Timers::default(),
            outbox: VecDeque::new(),
            journal,
            counters: Counters::default(),
            charged: Charged::default(),
            bands: Bands::default(),
            outage: None,
            errors: Vec::new(),
            boot: Dice::new(config.seed, &[&boot.to_le_bytes()]).bits(),
            serial: 0,
            config: SandboxConfig::default(),
        };
        for (account, (eras, zone)) in config.accounts.iter().zip(checked.eras.iter().zip(&checked.zones)) {
            world.add_portfolio(account, (*eras, zone.clone()), config.limits.throughput_slack_percent);
        }
        world.config = config;
        world
    }

    fn add_portfolio(&mut self, account: &PortfolioConfig, (eras, zone): (EraStarts, TimeZone), slack_percent: u32) {
        let limit = account.messaging_limit.users();
        for sender in &account.senders {
            self.add_sender(sender, limit, slack_percent);
        }
        self.portfolios.push(Portfolio {
            id: account.id.clone(),
            waba: account.waba.clone(),
            scope: account.limit_scope,
            eras,
            zone,
            authentication_international: account.authentication_international_prefixes.clone(),
            marketing_call_only: account.marketing_call_only,
            templates: Templates::new(&account.templates),
            questions: Questions::default(),
            unique_users: UniqueUsers::new(limit),
        });
    }

    fn add_sender(&mut self, sender: &SenderConfig, limit: Option<u64>, slack_percent: u32) {
        self.sender_by_id.insert(sender.phone_number_id.clone(), self.senders.len());
        self.senders.push(Sender {
            phone_number_id: sender.phone_number_id.clone(),
            display_phone_number: sender.display_phone_number.clone(),
            portfolio: self.portfolios.len(),
            throughput: Throughput::new(sender.throughput_mps, slack_percent),
            throughput_mps: sender.throughput_mps,
            quality_rating: sender.quality_rating,
            unique_users: UniqueUsers::new(limit),
        });
    }

    /// Index of a number by its id.
    pub(crate) fn sender(&self, phone_number_id: &str) -> Option<usize> {
        self.sender_by_id.get(phone_number_id).copied()
    }

    /// Index of a portfolio by its id or its WABA's.
    pub(crate) fn portfolio(&self, id: &str) -> Option<usize> {
        self.portfolios.iter().position(|portfolio| portfolio.id == id || portfolio.waba == id)
    }

    /// The count that a delivery from this number adds to.
    pub(crate) fn unique_users(&mut self, sender: usize) -> &mut UniqueUsers {
        let sender = &mut self.senders[sender];
        let portfolio = &mut self.portfolios[sender.portfolio];
        match portfolio.scope {
            LimitScope::Portfolio => &mut portfolio.unique_users,
            LimitScope::Number => &mut sender.unique_users,
        }
    }

    /// The messaging limit that holds for a number.
    pub(crate) fn limit_of(&self, sender: &Sender) -> MessagingLimit {
        let portfolio = &self.portfolios[sender.portfolio];
        let users = match portfolio.scope {
            LimitScope::Portfolio => portfolio.unique_users.limit(),
            LimitScope::Number => sender.unique_users.limit(),
        };
        users.map_or(MessagingLimit::Unlimited, MessagingLimit::Users)
    }

    /// A message id that was never given before.
    pub(crate) fn next_wamid(&mut self, user: &str, direction: Direction) -> String {
        self.serial += 1;
        wamid(user, direction, self.boot, self.serial)
    }

    /// The outage in force, if any.
    pub(crate) fn outage(&self, now_ms: u64) -> Option<Outage> {
        self.outage.filter(|outage| now_ms < outage.until_ms)
    }

    /// Puts an update into the next webhook.
    pub(crate) fn emit(&mut self, update: Update) {
        self.outbox.push_back(update);
    }
}
