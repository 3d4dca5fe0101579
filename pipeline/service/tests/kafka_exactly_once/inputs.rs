//! What comes in: accounts with and without a limit, people with and without consent, requests, some of them twice.

use rdkafka::producer::BaseProducer;
use serde_json::json;
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::KafkaConfig;

use crate::Dice;
use crate::topics::{flush, send};

pub struct Account {
    pub name: String,
    /// Unique users in 24 hours; 0 = unlimited.
    pub limit: u64,
}

pub struct Request {
    pub account: usize,
    pub id: String,
    pub to: String,
    pub priority: bool,
    pub consented: bool,
    /// Sent a second time.
    pub twice: bool,
}

pub struct Inputs {
    pub accounts: Vec<Account>,
    pub requests: Vec<Request>,
}

impl Inputs {
    pub fn new(dice: &mut Dice, count: usize) -> Self {
        let limits = [0, 0, 700, 0, 250, 0, 1_000, 0, 0, 500];
        let accounts: Vec<Account> = limits
            .iter()
            .enumerate()
            .map(|(i, limit)| Account { name: format!("account-{i}"), limit: *limit })
            .collect();
        let requests = (0..count)
            .map(|i| {
                let account = dice.below(accounts.len() as u64) as usize;
                Request {
                    account,
                    id: format!("r{i:07}"),
                    to: format!("+55119{:08}", 10_000_000 + i),
                    priority: dice.below(20) == 0,
                    consented: dice.below(10) > 0,
                    twice: dice.below(20) == 0,
                }
            })
            .collect();
        Self { accounts, requests }
    }

    /// Accounts and consents, before anything else.
    pub fn accounts(&self, producer: &BaseProducer, config: &KafkaConfig) {
        for account in &self.accounts {
            let limit = if account.limit == 0 { "UNLIMITED".into() } else { json!(account.limit) };
            let name = &account.name;
            let spec = json!({"command": "apply_account", "spec": {"account": name, "limit": limit,
                "policy": {"in_flight": 4_000_000u32},
                "wabas": [{"id": format!("w-{name}"), "currency": "USD", "time_zone": "UTC",
                    "senders": [{"id": format!("s-{name}"), "throughput": 1_000_000_000u32, "quality": "GREEN"}],
                    "templates": [{"name": "news", "language": "en_US", "category": "marketing", "body": ["1"]}]}]}});
            send(producer, config, Topic::Commands, name, &spec.to_string());
        }
        for request in self.requests.iter().filter(|r| r.consented) {
            let account = &self.accounts[request.account].name;
            let consent = json!({"command": "set_consent", "account": account,
                "consent": {"to": request.to, "category": "marketing", "state": "opt_in", "source": "test"}});
            send(producer, config, Topic::Commands, account, &consent.to_string());
        }
        flush(producer);
    }

    pub fn send(&self, i: usize, producer: &BaseProducer, config: &KafkaConfig) {
        let request = &self.requests[i];
        let account = &self.accounts[request.account].name;
        let body = json!({"id": request.id, "account": account, "to": request.to, "purpose": "marketing",
            "content": [{"template": {"name": "news", "language": ["en_US"], "components": {"body": ["Ana"]}}}]});
        let topic = if request.priority { Topic::RequestsPriority } else { Topic::Requests };
        send(producer, config, topic, account, &body.to_string());
    }
}
