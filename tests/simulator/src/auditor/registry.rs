//! What was declared and what the platform reported since.

use crate::money::Units;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

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
    /// First hour, and the hour at which they end.
    pub quiet_hours: Option<[u64; 2]>,
    pub in_flight: u64,
    /// Numbers of each pool.
    pub pools: BTreeMap<String, Vec<String>>,
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
    /// The platform restricts it for spam: no marketing.
    pub spam: bool,
}

/// One WABA.
#[derive(Clone, Debug)]
pub(crate) struct Waba {
    pub currency: String,
    pub zone: String,
    pub we_pay: bool,
    /// Country; empty where it is not known.
    pub sold_to: String,
}

/// One campaign.
#[derive(Clone, Debug, Default)]
pub(crate) struct Campaign {
    pub budget: Option<Units>,
    pub hours: Option<(u64, u64, String)>,
    pub state: &'static str,
    pub spent: Units,
    /// Most in a minute, and when its messages were admitted since it was set.
    pub per_minute: Option<u64>,
    pub admitted_ms: Vec<u64>,
    pub in_test: bool,
    pub test_recipients: Vec<String>,
    pub split: Value,
}

/// Everything that is declared.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    pub accounts: BTreeMap<String, Account>,
    pub senders: BTreeMap<String, Sender>,
    pub wabas: BTreeMap<String, Waba>,
    /// WABA, name, language → status and category.
    pub templates: BTreeMap<(String, String, String), (String, String)>,
    /// The same → how often the platform paused it, and when that ends by itself; 0 = it does not.
    pauses: BTreeMap<(String, String, String), (usize, u32)>,
    /// WABA and country that the platform keeps apart.
    pub barred: BTreeSet<(String, String)>,
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

    /// Whether a template may be sent: it is approved, or its pause is over.
    pub fn may_be_sent(&self, key: &(String, String, String), now_s: u32) -> bool {
        let status = self.templates.get(key).map(|t| t.0.as_str());
        let until_s = self.pauses.get(key).map_or(0, |p| p.1);
        status == Some("approved") || status == Some("paused") && until_s != 0 && until_s <= now_s
    }

    pub fn has_campaign(&self, account: &str, name: &str) -> bool {
        self.campaigns.contains_key(&(account.to_owned(), name.to_owned()))
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
                match c["action"].as_str() {
                    Some("start") => campaign.in_test = false,
                    Some("test") => campaign.in_test = true,
                    _ => {}
                }
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
                // A pause goes on while the status stays.
                if self.templates.get(&key).is_none_or(|known| known.0 != status) {
                    self.pauses.remove(&key);
                }
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
                sold_to: text(&waba["sold_to"]),
            };
            self.wabas.insert(waba_id.clone(), kept);
            self.barred.retain(|(waba, _)| *waba != waba_id);
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
                    spam: false,
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
                    } else {
                        self.pauses.remove(&key);
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
            quiet_hours: policy.get("quiet_hours").map(|q| ["from", "to"].map(|at| q[at].as_u64().unwrap_or_default())),
            in_flight: policy["in_flight"].as_u64().unwrap_or(0),
            pools: pools(&spec["pools"]),
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
        campaign.test_recipients = spec["test_recipients"].as_array().into_iter().flatten().map(text).collect();
        campaign.split.clone_from(&spec["split"]);
        let per_minute = spec["per_minute"].as_u64();
        if campaign.per_minute != per_minute {
            campaign.per_minute = per_minute;
            campaign.admitted_ms.clear();
        }
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
                        // The world's own pauses end only when it says so.
                        if let Some(pause) = self.pauses.get_mut(&key).filter(|_| status == "paused") {
                            pause.1 = 0;
                        }
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
                        s.spam &= quality == "RED";
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
        (at_s, now_s): (u32, u32),
    ) {
        let account = self.senders[sender].account.clone();
        let waba = self.senders[sender].waba.clone();
        let template = template.map(|(name, language)| (waba, name.clone(), language.clone()));
        match code {
            132_001 | 132_015 | 132_016 => {
                let Some(key) = template.filter(|key| self.templates.contains_key(key)) else { return };
                let status = match code {
                    132_016 => "disabled",
                    _ if !self.may_be_sent(&key, now_s) => return,
                    // Of a pause that is known and over by now.
                    132_015 if self.templates[&key].0 == "paused" && at_s < self.pauses[&key].1 => return,
                    132_001 => "pending",
                    _ => {
                        let (count, until_s) = self.pauses.entry(key.clone()).or_default();
                        *until_s = [3, 6].get(*count).map_or(0, |hours| at_s + hours * 3600);
                        *count += 1;
                        "paused"
                    }
                };
                status.clone_into(&mut self.templates.get_mut(&key).expect("looked up").0);
            }
            133_010 => self.senders.get_mut(sender).expect("known").blocked = true,
            131_042 | 190 => {
                for s in self.senders.values_mut().filter(|s| s.account == account) {
                    s.blocked = true;
                }
            }
            131_063 => self.senders.get_mut(sender).expect("known").spam = true,
            131_048 => {
                if let Some(name) = campaign {
                    let campaign = self.campaign(&account, name);
                    if campaign.state == "running" {
                        campaign.state = "paused";
                    }
                }
                self.senders.get_mut(sender).expect("known").spam = true;
            }
            _ => {}
        }
    }
}

fn pools(all: &Value) -> BTreeMap<String, Vec<String>> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let members = |pool: &Value| pool["senders"].as_array().into_iter().flatten().map(text).collect();
    all.as_array().into_iter().flatten().map(|pool| (text(&pool["name"]), members(pool))).collect()
}
