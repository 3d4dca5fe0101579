//! The world around the shard: who asks, who decides, who sends, and what the platform does. All from one seed.

mod both_ids;
mod brands;
mod consents;
mod dispatcher;
mod operator;
mod outage;
mod pace;
pub(crate) mod people;
mod platform;
mod setup;
mod traffic;

use crate::auditor::{Delivered, Taken};
use crate::step::{Input, Ordered, Output, Step};
use people::Person;
use platform::{News, Platform};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tollgate_tests::Dice;

/// One account as its operator declares it.
#[derive(Clone, Debug)]
pub(crate) struct AccountPlan {
    pub id: String,
    /// The registry entry.
    pub spec: Value,
    pub senders: Vec<String>,
    pub wabas: Vec<String>,
    pub campaigns: Vec<String>,
}

/// Something that will happen.
#[derive(Clone, Debug)]
enum Due {
    /// An input arrives.
    Input(Input),
    /// A status arrives.
    News(News),
    /// The dispatcher makes a call.
    Call(Ordered),
    /// A campaign system asks for a message.
    Request,
    /// A person acts.
    Person,
    /// A person or an operator does something rarer about consents.
    Consent,
    /// Something happens about brands.
    Brand,
    /// A person whom the platform names by number and by business-scoped id does something.
    BothIds,
    /// An operator or the platform changes something.
    Operator,
    /// Other software sends.
    Foreign,
}

/// The world of one run.
#[derive(Debug)]
pub(crate) struct World {
    pub now_ms: u64,
    pub end_ms: u64,
    /// Inputs that have arrived and are not decided yet.
    pub inbox: VecDeque<Input>,
    pub accounts: Vec<AccountPlan>,
    /// Nothing goes wrong any more and nobody asks for anything new.
    pub healthy: bool,
    dice: Dice,
    people: Vec<Person>,
    platform: Platform,
    agenda: BTreeMap<(u64, u64), Due>,
    appended: u64,
    /// Requests that may come again.
    past: Vec<(Value, bool)>,
    requests: u64,
    /// Account, number and person of those who wrote, the latest last.
    writers: Vec<(usize, String, usize)>,
    /// Wamids of accepted attempts whose result is durable.
    known: BTreeSet<String>,
    /// When the platform is out.
    pub outages: outage::Outages,
    pace: pace::Pace,
    /// Of what is rarer about consents.
    consent_dice: Dice,
    /// Of brands.
    brand_dice: Dice,
    /// Of people with a number and a business-scoped id.
    ids_dice: Dice,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 1);
        let (start, end) = setup::span(&mut dice);
        let mut accounts = setup::accounts(&mut dice);
        let mut consent_dice = Dice::new(seed, consents::STREAM);
        consents::plan(&mut consent_dice, &mut accounts);
        let mut brand_dice = Dice::new(seed, brands::STREAM);
        brands::plan(&mut brand_dice, &mut accounts);
        let people = people::population(&mut dice);
        let mut world = Self {
            now_ms: start,
            end_ms: end,
            inbox: VecDeque::new(),
            accounts,
            healthy: false,
            dice,
            people,
            platform: Platform::default(),
            agenda: BTreeMap::new(),
            appended: 0,
            past: Vec::new(),
            requests: 0,
            writers: Vec::new(),
            known: BTreeSet::new(),
            outages: outage::Outages::plan(seed, start, end),
            pace: pace::Pace::default(),
            consent_dice,
            brand_dice,
            ids_dice: Dice::new(seed, both_ids::STREAM),
        };
        setup::begin(&mut world);
        consents::begin(&mut world);
        brands::begin(&mut world);
        both_ids::begin(&mut world);
        world
    }

    fn at(&mut self, at_ms: u64, due: Due) {
        self.appended += 1;
        self.agenda.insert((at_ms, self.appended), due);
    }

    fn command(&mut self, command: Value) {
        self.inbox.push_back(Input::Command(command));
    }

    fn event(&mut self, account: usize, event: Value) {
        if let (Some(sender), Some(n)) = (event["sender"].as_str(), event["throughput"].as_u64()) {
            self.pace.set(sender, n, self.now_ms);
        }
        let account = self.accounts[account].id.clone();
        self.inbox.push_back(Input::Event { account, event });
    }

    /// When the next thing happens by itself.
    pub fn next_ms(&self) -> Option<u64> {
        self.agenda.keys().next().map(|k| k.0)
    }

    /// Lets everything happen that is due at `now_ms`.
    pub fn advance(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        while let Some(entry) = self.agenda.first_entry().filter(|e| e.key().0 <= now_ms) {
            match entry.remove() {
                Due::Input(input) => self.inbox.push_back(input),
                Due::News(news) => self.news(news),
                Due::Call(order) => match self.pace.turn_ms(&order.sender, self.now_ms) {
                    Some(later_ms) => self.at(later_ms, Due::Call(order)),
                    None => dispatcher::call(self, &order),
                },
                // A healthy end: what is under way still comes, nobody starts anything.
                _ if self.healthy => {}
                Due::Request => {
                    let input = traffic::request(self);
                    self.inbox.push_back(input);
                }
                Due::Person => operator::person(self),
                Due::Consent => consents::act(self),
                Due::Brand => brands::act(self),
                Due::BothIds => both_ids::act(self),
                Due::Operator => operator::act(self),
                Due::Foreign => platform::foreign(self),
            }
        }
    }

    fn news(&mut self, mut news: News) {
        if self.healthy && news.event["code"].is_u64() {
            // An old failure must not pause again what has been put right.
            news.event["code"] = json!(131_053);
        }
        let nameless = news.bare && self.known.contains(&news.wamid);
        if let Some((uid, attempt)) = news.callback.filter(|_| !nameless) {
            news.event["callback"] = json!({"message_uid": uid, "attempt": attempt});
        }
        self.inbox.push_back(Input::Event { account: news.account, event: news.event });
    }

    /// The calls that the platform took, or may have taken, since the last time.
    pub fn taken(&mut self) -> Vec<Taken> {
        std::mem::take(&mut self.platform.taken)
    }

    /// The deliveries outside a window until now.
    pub fn delivered(&mut self) -> Vec<Delivered> {
        self.platform.delivered(self.now_ms / 1000)
    }

    /// A batch is durable: its orders may be taken.
    pub fn committed(&mut self, steps: &[Step]) {
        for step in steps {
            if let Input::Event { event, .. } = &step.input
                && let Some(wamid) = event["result"]["accepted"]["wamid"].as_str()
            {
                self.known.insert(wamid.to_owned());
            }
            for output in &step.outputs {
                if let Output::Order(order) = output {
                    dispatcher::take(self, order.clone());
                }
            }
        }
    }

    /// Everything that people can put right is put right, the narrowest first. Each call is one stage; `false`
    /// when there is none left.
    pub fn heal(&mut self, stage: usize) -> bool {
        self.healthy = true;
        for a in 0..self.accounts.len() {
            let plan = self.accounts[a].clone();
            match stage {
                0 => self.approve(&plan),
                1 => {
                    for name in &plan.campaigns {
                        self.command(json!({"command": "put_campaign", "account": plan.id, "spec": {"name": name}}));
                        let start = json!({"command": "control_campaign", "account": plan.id, "campaign": name, "action": "start"});
                        self.command(start);
                    }
                    // An error code may have paused one that nobody declared. Of one that is not there, nothing is done.
                    for name in (0..traffic::SURPRISES).map(traffic::surprise) {
                        self.command(json!({"command": "control_campaign", "account": plan.id, "campaign": name, "action": "start"}));
                    }
                }
                2 => {
                    for sender in &plan.senders {
                        let event = json!({"event": "sender", "sender": sender, "quality": "GREEN", "throughput": 80});
                        self.event(a, event);
                    }
                    self.event(a, json!({"event": "account_state", "disabled": false}));
                    operator::unblock(self, a);
                }
                3 => {
                    self.event(a, json!({"event": "limit", "limit": "UNLIMITED"}));
                }
                _ => return false,
            }
        }
        true
    }

    fn approve(&mut self, plan: &AccountPlan) {
        for waba in &plan.wabas {
            for (name, category, parameters) in setup::TEMPLATES {
                for language in setup::LANGUAGES {
                    let body: Vec<String> = (1..=*parameters).map(|n| n.to_string()).collect();
                    self.command(json!({"command": "put_template", "account": plan.id, "waba": waba, "template":
                        {"name": name, "language": language, "category": category, "body": body,
                            "ttl_s": setup::ttl_s(name)}}));
                }
            }
        }
    }
}
