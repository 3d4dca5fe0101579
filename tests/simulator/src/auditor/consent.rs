//! Who agreed to what, and when people wrote: plain histories, read from the end.

use super::brands::Brands;
use super::registry::Account;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A platform's time is believed up to a minute from now.
const CLOCK_S: u32 = 60;
const DAY_S: u32 = 86_400;
/// A window is not relied on in its last minute.
const EARLY_S: u32 = 60;

/// One thing that a person said. A yes to everything is one to each category.
#[derive(Clone, Debug)]
struct Said {
    /// Category; `None` is everything.
    about: Option<String>,
    yes: bool,
    at_s: u32,
    /// When a yes ends; 0 = not by itself.
    ends_s: u32,
    /// A yes that ends a stop of everything: all but those to the platform's switch.
    lifts: bool,
}

/// An account's rules.
#[derive(Clone, Debug)]
struct Rules {
    stop_ends: Vec<String>,
    valid_s: u32,
    implied_s: BTreeMap<&'static str, u32>,
    double: Vec<String>,
    confirm_s: u32,
}

impl Rules {
    fn of(policy: &Value) -> Self {
        let list = |v: &Value, other: &[&str]| match v.as_array() {
            Some(v) => v.iter().map(|c| c.as_str().unwrap_or_default().to_owned()).collect(),
            None => other.iter().map(|c| (*c).to_owned()).collect(),
        };
        let number = |v: &Value, other: u32| v.as_u64().map_or(other, |n| n as u32);
        let implied = |field: &str| number(&policy[field], 0) * DAY_S;
        Self {
            stop_ends: list(&policy["stop_ends"], &["marketing", "utility"]),
            valid_s: number(&policy["valid_days"], 0) * DAY_S,
            implied_s: [("utility", implied("implied_utility_days")), ("marketing", implied("implied_marketing_days"))]
                .into(),
            double: list(&policy["double_opt_in"], &[]),
            confirm_s: number(&policy["confirm_hours"], 72) * 3600,
        }
    }

    fn ends_s(&self, at_s: u32, asked_s: u32) -> u32 {
        match (asked_s, self.valid_s) {
            (0, 0) => 0,
            (0, valid_s) => at_s + valid_s,
            (asked_s, _) => asked_s,
        }
    }
}

/// End of a yes to nobody, which takes the place of a no to a brand that is gone.
const NOTHING: u32 = 1;

const CATEGORIES: [&str; 4] = ["marketing", "utility", "authentication", "service"];

/// Account and person.
type Key = (String, String);
/// Account, person and the brand that it was said to; empty = the account as a whole.
type Whose = (String, String, String);

fn whose(key: &Key, brand: &str) -> Whose {
    (key.0.clone(), key.1.clone(), brand.to_owned())
}

/// The people of all accounts.
#[derive(Debug, Default)]
pub(crate) struct People {
    said: BTreeMap<Whose, Vec<Said>>,
    pub brands: Brands,
    rules: BTreeMap<String, Rules>,
    /// On an account's suppression list.
    listed: BTreeSet<Key>,
    /// Opt-ins that are to be confirmed, by category: when they were asked for and when they end.
    pending: BTreeMap<(Whose, String), (u32, u32)>,
    /// Who has another number since when.
    moved: BTreeMap<Key, (String, u32)>,
    /// Sender and person → times of messages from the person, as believed when they came.
    wrote: BTreeMap<(String, String), Vec<u32>>,
    /// Of whom the platform says that the window is closed, as long as they do not write.
    closed: BTreeSet<(String, String)>,
    /// Account and person → not on the platform until.
    pub away_until_s: BTreeMap<(String, String), u32>,
    /// Account and person → the platform keeps marketing from the person until.
    pub capped_until_s: BTreeMap<(String, String), u32>,
}

/// A person as outcomes name them.
pub(crate) fn name(v: &Value) -> String {
    v.as_str().or_else(|| v["bsuid"].as_str()).unwrap_or_default().to_owned()
}

/// Whom an event names: by number, and by business-scoped id where it names both.
pub(super) fn both(e: &Value) -> impl Iterator<Item = String> {
    std::iter::once(name(&e["from"])).chain(e["bsuid"].as_str().map(str::to_owned))
}

impl People {
    pub fn command(&mut self, c: &Value, now_s: u32) {
        let account = c["account"].as_str().unwrap_or_default().to_owned();
        match c["command"].as_str() {
            Some("apply_account") => {
                let id = c["spec"]["account"].as_str().unwrap_or_default().to_owned();
                self.rules.insert(id, Rules::of(&c["spec"]["policy"]["consent"]));
                self.brands.apply(&c["spec"], now_s);
            }
            Some("set_suppression") => {
                let key = (account, name(&c["suppression"]["to"]));
                if c["suppression"]["listed"] == true {
                    // Once: who was taken off it at another number since stays off it there.
                    if self.listed.insert(key.clone()) {
                        let moved = self.moved.get(&key).cloned();
                        self.follow(&whose(&key, ""), moved, &[], true);
                    }
                } else {
                    self.listed.remove(&key);
                }
            }
            Some("set_consent") => {
                let consent = &c["consent"];
                let brand = consent["brand"].as_str().unwrap_or_default();
                let mut key = whose(&(account, name(&consent["to"])), brand);
                let category = consent["category"].as_str();
                let at = serde_json::from_value::<tollgate_wire::Time>(consent["at"].clone());
                let at_s = at.map_or(now_s, |at| at.secs().min(now_s));
                if consent["state"] == "opt_out" {
                    // A no to nobody is one to the account; one to a brand that is gone is one to that.
                    if !self.brands.ever(&key.0).contains(&key.2) {
                        key.2.clear();
                    }
                    return self.no(&key, &[category], at_s);
                }
                // Nothing is agreed to with a brand that is not there.
                if !brand.is_empty() && self.brands.here(&key.0, brand).is_none() {
                    return;
                }
                let expires = serde_json::from_value::<tollgate_wire::Time>(consent["expires"].clone());
                let asked_s = expires.map_or(0, tollgate_wire::Time::secs);
                let rules = self.rules[&key.0].clone();
                let categories = category.map_or(CATEGORIES.to_vec(), |c| vec![c]);
                for category in categories {
                    let doubled = rules.double.iter().any(|c| c == category) && consent["confirmed"] != true;
                    if !doubled {
                        self.yes(&key, category, at_s, rules.ends_s(at_s, asked_s), true);
                    } else if !self.agreed_for_good(&key, category, at_s) && self.latest_no_s(&key, category) <= at_s {
                        let asked = self.pending.entry((key.clone(), category.to_owned())).or_default();
                        if at_s >= asked.0 {
                            *asked = (at_s, asked_s);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn yes(&mut self, key: &Whose, category: &str, at_s: u32, ends_s: u32, lifts: bool) {
        // A yes to the account answers what was refused before to brands that it has no longer; the switch does not.
        let gone = if key.2.is_empty() && lifts { self.brands.gone(&key.0) } else { Vec::new() };
        for brand in gone {
            let of = (key.0.clone(), key.1.clone(), brand);
            if self.last_word(&of, category, 0) == Some(false) && at_s >= self.latest_no_s(&of, category) {
                // As one that has ended: nothing is agreed to.
                let said = Said { about: Some(category.to_owned()), yes: true, at_s, ends_s: NOTHING, lifts: true };
                self.said.entry(of).or_default().push(said);
            }
        }
        if at_s < self.latest_no_s(key, category) {
            return;
        }
        self.pending.remove(&(key.clone(), category.to_owned()));
        let said = Said { about: Some(category.to_owned()), yes: true, at_s, ends_s, lifts };
        self.said.entry(key.clone()).or_default().push(said);
    }

    /// A no, and the same for the numbers that the person has moved to since.
    fn no(&mut self, key: &Whose, about: &[Option<&str>], at_s: u32) {
        for about in about {
            self.one_no(key, *about, at_s);
        }
        let said: Vec<(Option<String>, u32)> = about.iter().map(|a| (a.map(str::to_owned), at_s)).collect();
        let moved = self.moved.get(&(key.0.clone(), key.1.clone())).cloned();
        self.follow(key, moved, &said, false);
    }

    fn one_no(&mut self, key: &Whose, about: Option<&str>, at_s: u32) {
        for category in CATEGORIES.iter().filter(|c| about.is_none_or(|about| about == **c)) {
            self.pending.remove(&(key.clone(), (*category).to_owned()));
        }
        let said = Said { about: about.map(str::to_owned), yes: false, at_s, ends_s: 0, lifts: false };
        self.said.entry(key.clone()).or_default().push(said);
    }

    fn follow(&mut self, from: &Whose, mut to: Option<(String, u32)>, said: &[(Option<String>, u32)], listed: bool) {
        let mut been = vec![from.1.clone()];
        while let Some((person, since_s)) = to.filter(|(person, _)| !been.contains(person) && been.len() < 8) {
            let key = (from.0.clone(), person.clone(), from.2.clone());
            let by_person = (from.0.clone(), person.clone());
            been.push(person);
            for (about, at_s) in said.iter().filter(|(_, at_s)| *at_s <= since_s) {
                let known = self
                    .said
                    .get(&key)
                    .into_iter()
                    .flatten()
                    .any(|s| !s.yes && (s.about.is_none() || s.about == *about) && s.at_s >= *at_s);
                if !known {
                    self.one_no(&key, about.as_deref(), *at_s);
                }
            }
            if listed {
                self.listed.insert(by_person.clone());
            }
            to = self.moved.get(&by_person).cloned();
        }
    }

    pub fn number_changed(&mut self, account: &str, e: &Value, now_s: u32) {
        let (key, to) = ((account.to_owned(), name(&e["from"])), name(&e["to"]));
        let at_s = believed(e["at_s"].as_u64().unwrap_or(0), now_s);
        let known = self.moved.get(&key).cloned();
        if key.1 == to || known.as_ref().is_some_and(|k| k.0 == to && k.1 >= at_s) {
            return;
        }
        if known.is_none_or(|k| k.1 <= at_s) {
            self.moved.insert(key.clone(), (to.clone(), at_s));
        }
        let listed = self.listed.contains(&key);
        for brand in std::iter::once(String::new()).chain(self.brands.ever(account)) {
            let of = whose(&key, &brand);
            let mut refused = Vec::new();
            if self.stopped_all(&of) {
                refused.push((None, self.latest_no_s(&of, "").min(at_s)));
            }
            for category in CATEGORIES {
                if self.last_word(&of, category, now_s) == Some(false) {
                    refused.push((Some(category.to_owned()), self.latest_no_s(&of, category).min(at_s)));
                }
            }
            self.follow(&of, Some((to.clone(), at_s)), &refused, listed && brand.is_empty());
        }
    }

    pub fn preference(&mut self, account: &str, e: &Value, now_s: u32) {
        for person in both(e) {
            self.preference_of(account, person, e, now_s);
        }
    }

    fn preference_of(&mut self, account: &str, person: String, e: &Value, now_s: u32) {
        let key = (account.to_owned(), person, String::new());
        let at_s = believed(e["at_s"].as_u64().unwrap_or(0), now_s);
        if e["stop"] == false {
            let ends_s = self.rules[account].ends_s(at_s, 0);
            self.yes(&key, "marketing", at_s, ends_s, false);
        } else {
            self.no(&key, &[Some("marketing")], at_s);
        }
    }

    pub fn inbound(&mut self, account: &str, e: &Value, now_s: u32, registered: &Account) {
        let sender = e["sender"].as_str().unwrap_or_default().to_owned();
        if !registered.senders.contains(&sender) {
            return;
        }
        for person in both(e) {
            self.inbound_of(account, sender.clone(), person, e, now_s);
        }
    }

    fn inbound_of(&mut self, account: &str, sender: String, person: String, e: &Value, now_s: u32) {
        let at_s = believed(e["at_s"].as_u64().unwrap_or(0), now_s);
        // To the brand that the number was of then.
        let key = (account.to_owned(), person.clone(), self.brands.of_at(account, &sender, at_s));
        self.closed.remove(&(sender.clone(), person.clone()));
        self.wrote.entry((sender, person)).or_default().push(at_s);
        // Letters alone tell the few words that people here write from each other.
        let letters = |field: &str| {
            let wide = |c: char| char::from_u32((c as u32).wrapping_sub(0xfee0)).filter(char::is_ascii_alphabetic);
            let plain = |c: char| if c.is_ascii_alphabetic() { Some(c) } else { wide(c) };
            let said = e[field].as_str().unwrap_or_default().chars().filter_map(plain);
            said.collect::<String>().to_lowercase()
        };
        let wrote = |words: &[&str]| ["keyword", "label"].iter().any(|field| words.contains(&letters(field).as_str()));
        let rules = self.rules[account].clone();
        if wrote(&["stopall"]) {
            self.no(&(key.0, key.1, String::new()), &[None], at_s);
        } else if wrote(&["stop", "unsubscribe"]) {
            let ends: Vec<Option<&str>> = rules.stop_ends.iter().map(|c| Some(c.as_str())).collect();
            self.no(&key, &ends, at_s);
        } else if wrote(&["yes"]) {
            self.confirm(&key, &rules, at_s);
            // Whose consents are the account's, that confirms those too.
            if self.brands.here(account, &key.2) == Some(true) {
                self.confirm(&(key.0, key.1, String::new()), &rules, at_s);
            }
        }
    }

    fn confirm(&mut self, key: &Whose, rules: &Rules, at_s: u32) {
        for category in CATEGORIES {
            let Some((from_s, asked_s)) = self.pending.get(&(key.clone(), category.to_owned())).copied() else {
                continue;
            };
            if (from_s..=from_s + rules.confirm_s).contains(&at_s) {
                self.yes(key, category, at_s, rules.ends_s(at_s, asked_s), true);
            }
        }
    }

    /// Platform told us that the person stopped marketing.
    pub fn stopped_marketing(&mut self, account: &str, person: &str, now_s: u32) {
        self.one_no(&(account.to_owned(), person.to_owned(), String::new()), Some("marketing"), now_s);
    }

    /// The platform says that the window was closed, for a message admitted at `admitted_s`: the messages that were thought
    /// to keep it open since it was opened do not count, and nothing else does until the person writes.
    pub fn window_is_closed(&mut self, sender: &str, person: &str, admitted_s: u32) {
        let key = (sender.to_owned(), person.to_owned());
        let Some(wrote) = self.wrote.get_mut(&key) else { return };
        wrote.sort_unstable();
        if wrote.last().is_none_or(|last| *last > admitted_s) || self.closed.contains(&key) {
            return;
        }
        while let Some(last) = wrote.pop()
            && wrote.last().is_some_and(|before| last - before <= DAY_S)
        {}
        self.closed.insert(key);
    }

    /// When a category, or everything for `""`, was refused last; 0 = never.
    fn latest_no_s(&self, key: &Whose, category: &str) -> u32 {
        let said = self.said.get(key).into_iter().flatten();
        let nos = said.filter(|s| !s.yes && s.about.as_deref().is_none_or(|about| about == category));
        nos.map(|s| s.at_s).max().unwrap_or(0)
    }

    /// The word on a category that counts, and when it was said and ends.
    fn counting(&self, key: &Whose, category: &str) -> Option<Said> {
        let about = |s: &&Said| s.about.as_deref().is_none_or(|about| about == category);
        let mut counts: Option<Said> = None;
        for s in self.said.get(key).into_iter().flatten().filter(about) {
            // Of opt-ins that end, and of all to a brand, the one said later.
            let any = |c: &Said| !c.yes || c.ends_s == NOTHING || c.ends_s == 0 && key.2.is_empty();
            let later = counts.as_ref().is_none_or(|c| any(c) || !s.yes || s.at_s >= c.at_s);
            if later {
                counts = Some(s.clone());
            }
        }
        counts
    }

    /// Nothing is left to confirm of what is said at a second.
    fn agreed_for_good(&self, key: &Whose, category: &str, at_s: u32) -> bool {
        let for_good = |s: &Said| s.yes && s.ends_s == 0 && (key.2.is_empty() || s.at_s >= at_s);
        self.counting(key, category).as_ref().is_some_and(for_good)
    }

    /// The latest word on a category: yes, no or nothing. A yes that has ended is nothing.
    fn last_word(&self, key: &Whose, category: &str, now_s: u32) -> Option<bool> {
        let said = self.counting(key, category)?;
        (!said.yes || said.ends_s == 0 || now_s < said.ends_s).then_some(said.yes)
    }

    /// The same to a brand, or to the account as a whole; a stop of everything is a no.
    pub fn word_on(&self, (account, person): (&str, &str), brand: &str, category: &str, now_s: u32) -> Option<bool> {
        let key = (account.to_owned(), person.to_owned(), brand.to_owned());
        if self.stopped_all(&key) { Some(false) } else { self.last_word(&key, category, now_s) }
    }

    /// When the yes that counts was said to a brand.
    pub fn agreed_s(&self, (account, person): (&str, &str), brand: &str, category: &str) -> Option<u32> {
        let key = (account.to_owned(), person.to_owned(), brand.to_owned());
        self.counting(&key, category).filter(|s| s.yes).map(|s| s.at_s)
    }

    /// When a category was refused last to a brand.
    pub fn refused_s(&self, (account, person): (&str, &str), brand: &str, category: &str) -> u32 {
        self.latest_no_s(&(account.to_owned(), person.to_owned(), brand.to_owned()), category)
    }

    /// Whether the account takes it that the person agreed, because of a message to this number, which was of the same brand.
    pub fn implied(&self, account: &str, sender: &str, person: &str, category: &str, now_s: u32) -> bool {
        let implied_s = self.rules[account].implied_s.get(category).copied().unwrap_or(0);
        let key = (sender.to_owned(), person.to_owned());
        let wrote = self.wrote.get(&key).filter(|_| !self.closed.contains(&key)).into_iter().flatten();
        let brand = self.brands.of(account, sender);
        let mut counts = wrote.filter(|t| self.brands.of_at(account, sender, **t) == brand);
        implied_s > 0 && counts.any(|t| now_s < t + implied_s)
    }

    pub fn is_listed(&self, account: &str, person: &str) -> bool {
        self.listed.contains(&(account.to_owned(), person.to_owned()))
    }

    /// A stop of everything that nothing has ended.
    fn stopped_all(&self, key: &Whose) -> bool {
        let said = self.said.get(key);
        let deciding = said.into_iter().flatten().rev().find_map(|s| match s {
            Said { about: None, yes: false, .. } => Some(true),
            Said { yes: true, lifts: true, .. } => Some(false),
            _ => None,
        });
        deciding == Some(true)
    }

    /// The person's latest message to a number.
    fn latest(&self, sender: &str, person: &str) -> Option<u32> {
        let key = (sender.to_owned(), person.to_owned());
        self.wrote.get(&key).filter(|_| !self.closed.contains(&key)).and_then(|w| w.iter().max().copied())
    }

    /// The window that may be relied on, until when.
    pub fn window_until_s(&self, sender: &str, person: &str, now_s: u32) -> Option<u32> {
        let until = self.latest(sender, person)? + DAY_S - EARLY_S;
        (now_s < until).then_some(until)
    }

    /// Whether the window was open for the platform, by every message of the person.
    pub fn window_was_open(&self, sender: &str, person: &str, at_s: u32) -> bool {
        let wrote = self.wrote.get(&(sender.to_owned(), person.to_owned()));
        wrote.into_iter().flatten().any(|t| (*t..t + DAY_S).contains(&at_s))
    }
}

/// A platform's time as it is believed at `now_s`.
pub(crate) fn believed(at_s: u64, now_s: u32) -> u32 {
    (at_s as u32).min(now_s + CLOCK_S)
}
