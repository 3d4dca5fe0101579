//! Who agreed to what, and when people wrote: plain histories, read from the end.

use super::registry::Account;
use serde_json::Value;
use std::collections::BTreeMap;

/// A platform's time is believed up to a minute from now.
const CLOCK_S: u32 = 60;
const DAY_S: u32 = 86_400;
/// A window is not relied on in its last minute.
const EARLY_S: u32 = 60;

/// One thing that a person said.
#[derive(Clone, Debug)]
enum Said {
    /// Yes or no to one category, by way of an operator: a yes ends a stop of everything.
    Category(String, bool),
    /// Yes or no to everything.
    All(bool),
    /// To the platform: marketing only.
    Preference(bool),
    /// A stop word: marketing and utility.
    StopWord,
}

/// The people of all accounts.
#[derive(Debug, Default)]
pub(crate) struct People {
    said: BTreeMap<(String, String), Vec<Said>>,
    /// Sender and person → times of messages from the person, as believed when they came.
    wrote: BTreeMap<(String, String), Vec<u32>>,
    /// Account and person → not on the platform until.
    pub away_until_s: BTreeMap<(String, String), u32>,
    /// Account and person → the platform keeps marketing from the person until.
    pub capped_until_s: BTreeMap<(String, String), u32>,
    /// Sender and person → end of a free entry point.
    pub entry_until_s: BTreeMap<(String, String), u32>,
}

/// A person as outcomes name them.
pub(crate) fn name(v: &Value) -> String {
    v.as_str().or_else(|| v["bsuid"].as_str()).unwrap_or_default().to_owned()
}

impl People {
    pub fn command(&mut self, c: &Value) {
        if c["command"] != "set_consent" {
            return;
        }
        let yes = c["consent"]["state"] == "opt_in";
        let said = match c["consent"]["category"].as_str() {
            Some(category) => Said::Category(category.to_owned(), yes),
            None => Said::All(yes),
        };
        let key = (c["account"].as_str().unwrap_or_default().to_owned(), name(&c["consent"]["to"]));
        self.said.entry(key).or_default().push(said);
    }

    pub fn preference(&mut self, account: &str, e: &Value) {
        let key = (account.to_owned(), name(&e["from"]));
        self.said.entry(key).or_default().push(Said::Preference(e["stop"] == false));
    }

    pub fn inbound(&mut self, account: &str, e: &Value, now_s: u32, registered: &Account) {
        let sender = e["sender"].as_str().unwrap_or_default().to_owned();
        if !registered.senders.contains(&sender) {
            return;
        }
        let person = name(&e["from"]);
        let at_s = (e["at_s"].as_u64().unwrap_or(0) as u32).min(now_s + CLOCK_S);
        self.wrote.entry((sender, person.clone())).or_default().push(at_s);
        let said = |field: &str| e[field].as_str().unwrap_or_default().trim().to_lowercase();
        if ["keyword", "label"].iter().any(|field| ["stop", "unsubscribe"].contains(&said(field).as_str())) {
            self.said.entry((account.to_owned(), person)).or_default().push(Said::StopWord);
        }
    }

    /// Platform told us that the person stopped marketing.
    pub fn stopped_marketing(&mut self, account: &str, person: &str) {
        self.said.entry((account.to_owned(), person.to_owned())).or_default().push(Said::Preference(false));
    }

    /// The platform says that the window was closed, for a message admitted at `admitted_s`: what the person wrote
    /// before does not count.
    pub fn window_is_closed(&mut self, sender: &str, person: &str, admitted_s: u32) {
        if let Some(wrote) = self.wrote.get_mut(&(sender.to_owned(), person.to_owned())) {
            wrote.retain(|t| *t > admitted_s);
        }
    }

    /// The latest word on a category: yes, no or nothing.
    pub fn word_on(&self, account: &str, person: &str, category: &str) -> Option<bool> {
        let said = self.said.get(&(account.to_owned(), person.to_owned()))?;
        said.iter().rev().find_map(|s| match s {
            Said::Category(c, yes) if c == category => Some(*yes),
            Said::All(yes) => Some(*yes),
            Said::Preference(yes) if category == "marketing" => Some(*yes),
            Said::StopWord if category == "marketing" || category == "utility" => Some(false),
            _ => None,
        })
    }

    /// A stop of everything that nothing has ended.
    pub fn stopped_all(&self, account: &str, person: &str) -> bool {
        let said = self.said.get(&(account.to_owned(), person.to_owned()));
        let deciding = said.into_iter().flatten().rev().find_map(|s| match s {
            Said::All(yes) => Some(!yes),
            Said::Category(_, true) => Some(false),
            _ => None,
        });
        deciding == Some(true)
    }

    /// The person's latest message to a number.
    fn latest(&self, sender: &str, person: &str) -> Option<u32> {
        self.wrote.get(&(sender.to_owned(), person.to_owned())).and_then(|w| w.iter().max().copied())
    }

    /// The window that may be relied on, until when.
    pub fn window_until_s(&self, sender: &str, person: &str, now_s: u32) -> Option<u32> {
        let until = self.latest(sender, person)? + DAY_S - EARLY_S;
        (now_s < until).then_some(until)
    }

    /// Whether the window was open for the platform, as far as the latest message tells.
    pub fn window_was_open(&self, sender: &str, person: &str, at_s: u32) -> bool {
        self.latest(sender, person).is_some_and(|t| (t..t + DAY_S).contains(&at_s))
    }

    pub fn entry_open(&self, sender: &str, person: &str, at_s: u32) -> bool {
        self.entry_until_s.get(&(sender.to_owned(), person.to_owned())).is_some_and(|until| at_s < *until)
    }
}

/// A platform's time as it is believed at `now_s`.
pub(crate) fn believed(at_s: u64, now_s: u32) -> u32 {
    (at_s as u32).min(now_s + CLOCK_S)
}
