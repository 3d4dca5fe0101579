//! What was declared and what the platform reported since.

use crate::money::Units;
use serde_json::Value;
use std::collections::BTreeMap;

/// One account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// Users a day; `None` = unlimited.
    pub limit: Option<u64>,
    pub per_number: bool,
    pub disabled: bool,
    pub senders: Vec<String>,
    pub marketing_cap: usize,
    pub marketing_cap_hours: u64,
    pub in_flight: u64,
    declared: Value,
}

/// One sender.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sender {
    pub account: String,
    pub waba: String,
    pub blocked: bool,
    pub throughput: u64,
    pub quality: String,
    /// Largest throughput and when it ended, while it may still be seen in what was sent.
    pub before: (u64, u64),
}

/// One WABA.
#[derive(Clone, Debug)]
pub(crate) struct Waba {
    pub currency: String,
    pub zone: String,
    pub we_pay: bool,
}

/// One campaign.
#[derive(Clone, Debug, Default)]
pub(crate) struct Campaign {
    pub budget: Option<Units>,
    pub hours: Option<(u64, u64, String)>,
    pub state: &'static str,
    pub spent: Units,
}

/// Everything that is declared.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    pub accounts: BTreeMap<String, Account>,
    pub senders: BTreeMap<String, Sender>,
    pub wabas: BTreeMap<String, Waba>,
    /// WABA, name, language → status and category.
    pub templates: BTreeMap<(String, String, String), (String, String)>,
    pub campaigns: BTreeMap<(String, String), Campaign>,
    /// Senders in the order in which they were first declared.
    pub order: Vec<String>,
}

fn text(v: &Value) -> String {
    v.as_str().unwrap_or_default().to_owned()
}

fn limit(v: &Value) -> Option<u64> {
    v.as_u64()
}

impl Registry {
    pub fn account(&self, id: &str) -> &Account {
        &self.accounts[id]
    }

    pub fn sender(&self, id: &str) -> &Sender {
        &self.senders[id]
    }

    pub fn waba_of(&self, sender: &str) -> &Waba {
        &self.wabas[&self.senders[sender].waba]
    }

    pub fn campaign(&mut self, account: &str, name: &str) -> &mut Campaign {
        let key = (account.to_owned(), name.to_owned());
        self.campaigns.entry(key).or_insert_with(|| Campaign { state: "running", ..Campaign::default() })
    }

    pub fn command(&mut self, c: &Value) {
        let account = text(&c["account"]);
        match c["command"].as_str().unwrap_or_default() {
            "apply_account" => self.apply(&c["spec"]),
            "put_campaign" => self.put_campaign(&account, &c["spec"]),
            "control_campaign" => {
                let campaign = self.campaign(&account, &text(&c["campaign"]));
                campaign.state = match (campaign.state, c["action"].as_str()) {
                    ("cancelled", _) | (_, Some("cancel")) => "cancelled",
                    (_, Some("pause")) => "paused",
                    _ => "running",
                };
            }
            "put_template" => {
                let t = &c["template"];
                let status = t["status"].as_str().unwrap_or("approved").to_owned();
                let key = (text(&c["waba"]), text(&t["name"]), text(&t["language"]));
                self.templates.insert(key, (status, text(&t["category"])));
            }
            _ => {}
        }
    }

    /// A declaration replaces what was declared; what the platform reported since stays where the declaration has
    /// not changed, except that it lifts every block.
    fn apply(&mut self, spec: &Value) {
        let id = text(&spec["account"]);
        let old = self.accounts.get(&id).cloned();
        let was = old.as_ref().map_or(Value::Null, |o| o.declared.clone());
        let mut senders = Vec::new();
        for (w, waba) in spec["wabas"].as_array().into_iter().flatten().enumerate() {
            let waba_id = text(&waba["id"]);
            let kept = Waba {
                currency: text(&waba["currency"]),
                zone: text(&waba["time_zone"]),
                we_pay: waba["funding"] != "client_pays",
            };
            self.wabas.insert(waba_id.clone(), kept);
            for (n, s) in waba["senders"].as_array().into_iter().flatten().enumerate() {
                let sender = text(&s["id"]);
                senders.push(sender.clone());
                if !self.order.contains(&sender) {
                    self.order.push(sender.clone());
                }
                let before = &was["wabas"][w]["senders"][n];
                let mut new = Sender {
                    account: id.clone(),
                    waba: waba_id.clone(),
                    blocked: s["blocked"] == true,
                    throughput: s["throughput"].as_u64().unwrap_or(80),
                    quality: text(&s["quality"]),
                    before: (0, 0),
                };
                if let Some(live) = self.senders.get(&sender) {
                    let same = |field: &str| before[field] == s[field];
                    if same("throughput") {
                        new.throughput = live.throughput;
                    }
                    if same("quality") {
                        new.quality.clone_from(&live.quality);
                    }
                    new.before = live.before;
                }
                self.senders.insert(sender, new);
            }
            for (n, t) in waba["templates"].as_array().into_iter().flatten().enumerate() {
                let key = (waba_id.clone(), text(&t["name"]), text(&t["language"]));
                let mut new = (text(&t["status"]), text(&t["category"]));
                let before = &was["wabas"][w]["templates"][n];
                if let Some(live) = self.templates.get(&key) {
                    if before["status"] == t["status"] {
                        new.0.clone_from(&live.0);
                    }
                    if before["category"] == t["category"] {
                        new.1.clone_from(&live.1);
                    }
                }
                self.templates.insert(key, new);
            }
        }
        let policy = &spec["policy"];
        let mut account = Account {
            limit: limit(&spec["limit"]),
            per_number: spec["limit_scope"] == "number",
            disabled: false,
            senders,
            marketing_cap: policy["marketing_cap"].as_u64().unwrap_or(0) as usize,
            marketing_cap_hours: policy["marketing_cap_hours"].as_u64().unwrap_or(24),
            in_flight: policy["in_flight"].as_u64().unwrap_or(0),
            declared: spec.clone(),
        };
        if let Some(old) = old.filter(|_| was["limit"] == spec["limit"]) {
            account.limit = old.limit;
        }
        self.accounts.insert(id, account);
    }

    fn put_campaign(&mut self, account: &str, spec: &Value) {
        let new = !self.campaigns.contains_key(&(account.to_owned(), text(&spec["name"])));
        let campaign = self.campaign(account, &text(&spec["name"]));
        campaign.budget = spec["budget"].as_str().map(Units::parse);
        let hours = &spec["hours"];
        campaign.hours =
            hours["from"].as_u64().zip(hours["to"].as_u64()).map(|(f, t)| (f, t, text(&hours["time_zone"])));
        if new && spec["paused"] == true {
            campaign.state = "paused";
        }
    }

    pub fn event(&mut self, account: &str, e: &Value) {
        match e["event"].as_str().unwrap_or_default() {
            "template" => {
                let key = (text(&e["waba"]), text(&e["name"]), text(&e["language"]));
                if let Some(t) = self.templates.get_mut(&key) {
                    if let Some(status) = e["status"].as_str() {
                        status.clone_into(&mut t.0);
                    }
                    if let Some(category) = e["category"].as_str() {
                        category.clone_into(&mut t.1);
                    }
                }
            }
            "sender" => {
                if let Some(s) = self.senders.get_mut(e["sender"].as_str().unwrap_or_default()) {
                    if let Some(quality) = e["quality"].as_str() {
                        quality.clone_into(&mut s.quality);
                    }
                    if let Some(n) = e["throughput"].as_u64() {
                        s.before.0 = s.before.0.max(s.throughput);
                        s.throughput = n;
                    }
                }
            }
            "limit" => {
                if let Some(a) = self.accounts.get_mut(account) {
                    a.limit = limit(&e["limit"]);
                }
            }
            "account_state" => {
                if let Some(a) = self.accounts.get_mut(account) {
                    a.disabled = e["disabled"] == true;
                }
            }
            _ => {}
        }
    }

    /// What the platform's error code of one message changes for others.
    pub fn consequence(
        &mut self,
        code: u32,
        sender: &str,
        template: Option<&(String, String)>,
        campaign: Option<&str>,
    ) {
        let account = self.senders[sender].account.clone();
        let waba = self.senders[sender].waba.clone();
        let template = template.map(|(name, language)| (waba, name.clone(), language.clone()));
        match code {
            132_001 | 132_015 | 132_016 => {
                if let Some(t) = template.and_then(|key| self.templates.get_mut(&key)) {
                    if code == 132_016 {
                        "disabled".clone_into(&mut t.0);
                    } else if t.0 == "approved" {
                        (if code == 132_001 { "pending" } else { "paused" }).clone_into(&mut t.0);
                    }
                }
            }
            133_010 => self.senders.get_mut(sender).expect("known").blocked = true,
            131_042 | 190 => {
                for s in self.senders.values_mut().filter(|s| s.account == account) {
                    s.blocked = true;
                }
            }
            131_048 | 131_063 => {
                if let Some(name) = campaign {
                    let campaign = self.campaign(&account, name);
                    if campaign.state == "running" {
                        campaign.state = "paused";
                    }
                } else if code == 131_048 {
                    "RED".clone_into(&mut self.senders.get_mut(sender).expect("known").quality);
                }
            }
            _ => {}
        }
    }
}
