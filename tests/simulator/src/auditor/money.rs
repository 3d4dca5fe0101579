//! What the ledger must hold: each delivered message priced from the platform's statuses, the tables and a plain
//! list of what used up an allowance.

use super::consent::{believed, name};
use super::tables::{Cell, Tables};
use super::zones;
use super::{Auditor, quota};
use crate::money::Units;
use crate::step::Entry;
use serde_json::Value;
use std::collections::BTreeMap;
use tollgate_wire::ledger::EntryKind;

/// What the platform has said about the price so far.
#[derive(Clone, Debug, Default, PartialEq)]
struct Said {
    category: Option<String>,
    kind: Option<String>,
    model: Option<String>,
    /// Time and rank of the newest word.
    newest: (u32, usize),
}

/// A price with its grounds.
#[derive(Clone, Debug, PartialEq)]
struct Price {
    kind: EntryKind,
    pricing_type: String,
    category: Option<String>,
    market: String,
    cost: Option<Units>,
    uses_allowance: bool,
    /// Whether it has a position in volume bands.
    banded: bool,
}

/// What was booked for one message of the platform.
#[derive(Clone, Debug)]
struct Standing {
    at_s: u32,
    window: bool,
    used_before: u64,
    month: u32,
    price: Price,
    place: Place,
}

/// What stays the same of one message: where it is rated.
#[derive(Clone, Debug)]
struct Place {
    sender: String,
    currency: String,
    zone: String,
    digits: String,
    country: Option<String>,
    /// Category that we expect; `None` for foreign messages.
    expected: Option<String>,
}

/// One delivered message.
#[derive(Clone, Debug, Default)]
struct Delivered {
    min_s: Option<u32>,
    said: Said,
    standing: Option<Standing>,
    /// Other software sent it where the client pays.
    is_counted: bool,
}

/// An entry that must be booked now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expected {
    kind: EntryKind,
    pricing_type: String,
    category: Option<String>,
    market: String,
    quantity: i64,
    cost: Option<Units>,
    currency: String,
    period: String,
    wamid: String,
    takes_back: bool,
}

/// The auditor's own ledger.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(super) tables: Tables,
    /// Message and attempt as the platform names them: by wamid.
    messages: BTreeMap<String, Delivered>,
    /// Number, month and category of everything that uses an allowance now.
    used: Vec<(String, u32, String)>,
    /// Messages of other software: whether a price was said of them, and a time of their delivery.
    foreign: BTreeMap<String, (bool, u32)>,
    /// Sum of what was booked, by wamid: quantity and cost.
    net: BTreeMap<String, (i64, Units)>,
    /// Number and person → what is booked, in order: as long as its type is not said, the window says what it costs.
    waiting: BTreeMap<(String, String), Vec<String>>,
    /// Hash of a wamid → the wamid, as an entry had both.
    wamids: BTreeMap<String, String>,
}

/// It uses up what it uses up, and is no charge of ours, nor does anybody get a credit for it.
fn as_counted(one: &Expected) -> Expected {
    Expected { kind: EntryKind::Counted, quantity: 0, cost: None, wamid: String::new(), ..one.clone() }
}

impl Ledger {
    pub fn new(tables: Tables) -> Self {
        Self {
            tables,
            messages: BTreeMap::new(),
            used: Vec::new(),
            foreign: BTreeMap::new(),
            net: BTreeMap::new(),
            waiting: BTreeMap::new(),
            wamids: BTreeMap::new(),
        }
    }

    fn used_by(&self, key: &(String, u32, String)) -> u64 {
        self.used.iter().filter(|u| *u == key).count() as u64
    }

    fn price(&self, p: &Place, said: &Said, at_s: u32, window: bool, used_before: u64) -> Price {
        let date = zones::date(&p.zone, at_s);
        let market = if p.digits.is_empty() {
            p.country.as_deref().and_then(|c| self.tables.market_of_country(c, date))
        } else {
            self.tables.market(&p.digits, date)
        };
        let unpriced = |category: Option<&str>, uses_allowance: bool| Price {
            kind: EntryKind::Unpriced,
            pricing_type: String::new(),
            category: category.map(str::to_owned),
            market: market.clone().unwrap_or_default(),
            cost: None,
            uses_allowance,
            banded: false,
        };
        let referral = said.category.as_deref() == Some("referral_conversion");
        let known = said.category.clone().filter(|_| !referral);
        let unknown = known.as_deref() == Some("?");
        let category = if unknown { None } else { known.or_else(|| p.expected.clone()) };
        let market_name = market.clone().unwrap_or_default();
        if said.model.as_deref().is_some_and(|m| m != "PMP") {
            return unpriced(category.as_deref(), false);
        }
        let entry_said = referral || said.kind.as_deref() == Some("free_entry_point");
        let free = |kind: &str, category: Option<&str>, uses_allowance: bool| Price {
            kind: EntryKind::Free,
            pricing_type: kind.to_owned(),
            category: category.map(str::to_owned),
            market: market_name.clone(),
            cost: Some(Units(0)),
            uses_allowance,
            banded: false,
        };
        let Some(category) = category else {
            return if entry_said && !unknown && market.is_some() {
                free("free_entry_point", None, false)
            } else {
                unpriced(None, false)
            };
        };
        let rule = self.tables.rule(date, &category);
        let charging = match said.kind.as_deref() {
            Some("regular") => "charged",
            Some(kind) => kind,
            None if referral => &rule.in_entry,
            None if window => &rule.in_window,
            None if rule.outside == "not_allowed" => &rule.in_window,
            None => &rule.outside,
        };
        let charged = charging == "charged";
        let uses = rule.allowance.is_some() && (charged || rule.counts_delivered);
        // What counts for an allowance is delivered, wherever the person is.
        if market.is_none() {
            return unpriced(Some(&category), uses);
        }
        let cell = self.tables.cell(&p.currency, date, &market_name, &category);
        let (category, cell) = match (cell, &rule.instead) {
            (Some(Cell::NotOffered), Some(other)) => {
                (other.clone(), self.tables.cell(&p.currency, date, &market_name, other))
            }
            (cell, _) => (category, cell),
        };
        if !charged {
            return free(charging, Some(&category), uses);
        }
        if rule.allowance.is_some_and(|n| used_before < n) {
            return free("free_allowance", Some(&category), uses);
        }
        match cell {
            Some(Cell::Rate(rate)) => Price {
                kind: EntryKind::Charge,
                pricing_type: "regular".to_owned(),
                category: Some(category),
                market: market_name,
                cost: Some(*rate),
                uses_allowance: uses,
                banded: rule.volume_bands,
            },
            _ => Price { banded: rule.volume_bands, ..unpriced(Some(&category), uses) },
        }
    }

    /// Books, corrects or leaves a delivered message; what must appear on the ledger for it.
    fn settle(&mut self, wamid: &str, place: &Place, window: &dyn Fn(u32) -> bool) -> Vec<Expected> {
        let Some(d) = self.messages.get(wamid).cloned() else { return Vec::new() };
        let Some(min_s) = d.min_s else { return Vec::new() };
        let month = zones::date(&place.zone, min_s) / 100;
        let Some(old) = d.standing else {
            let window = window(min_s);
            let (used, price) = self.positioned(place, &d.said, min_s, window);
            self.count(place, month, &price, true);
            let new = Standing { at_s: min_s, window, used_before: used, month, price, place: place.clone() };
            let expected = vec![new.expected(wamid, 1)];
            self.messages.get_mut(wamid).expect("just read").standing = Some(new);
            return expected;
        };
        // People write; what they wrote is not taken back.
        let (open, open_there) = (old.window || window(old.at_s), window(min_s));
        let at = |at_s: u32, window: bool| self.price(&old.place, &d.said, at_s, window, old.used_before);
        let moved = min_s < old.at_s && (month != old.month || at(min_s, open_there) != at(old.at_s, open));
        let mut new = Standing { price: at(old.at_s, open), window: open, ..old.clone() };
        if moved {
            let (used, price) = self.positioned(place, &d.said, min_s, open_there);
            new = Standing { at_s: min_s, month, window: open_there, used_before: used, price, ..old.clone() };
        }
        // The time orders what has a position, and what is booked anew may get one.
        let ordered = old.price.uses_allowance || old.price.banded || new.price != old.price;
        let reordered = !moved && min_s < old.at_s && ordered;
        if reordered {
            (new.at_s, new.window) = (min_s, open_there);
        }
        let group = |p: &Price| (p.uses_allowance, p.category.clone());
        let same_group = group(&new.price) == group(&old.price);
        if moved || !same_group {
            self.count(&old.place, old.month, &old.price, false);
            if !moved {
                let (used, price) = self.positioned(place, &d.said, new.at_s, new.window);
                new.used_before = used;
                new.price = price;
            }
            self.count(&new.place, new.month, &new.price, true);
        }
        let expected = if new.price == old.price && !moved && !reordered {
            Vec::new()
        } else {
            vec![old.expected(wamid, -1), new.expected(wamid, 1)]
        };
        self.messages.get_mut(wamid).expect("just read").standing = Some(new);
        expected
    }

    fn positioned(&self, p: &Place, said: &Said, at_s: u32, window: bool) -> (u64, Price) {
        let first = self.price(p, said, at_s, window, 0);
        let month = zones::date(&p.zone, at_s) / 100;
        let used = match (&first.category, first.uses_allowance) {
            (Some(category), true) => self.used_by(&(p.sender.clone(), month, category.clone())),
            _ => 0,
        };
        (used, self.price(p, said, at_s, window, used))
    }

    fn count(&mut self, p: &Place, month: u32, price: &Price, add: bool) {
        let Some(category) = price.category.clone().filter(|_| price.uses_allowance) else { return };
        let key = (p.sender.clone(), month, category);
        if add {
            self.used.push(key);
        } else if let Some(n) = self.used.iter().position(|u| *u == key) {
            self.used.swap_remove(n);
        }
    }
}

impl Standing {
    fn expected(&self, wamid: &str, sign: i64) -> Expected {
        let p = &self.price;
        Expected {
            kind: if sign < 0 { EntryKind::Adjustment } else { p.kind },
            pricing_type: p.pricing_type.clone(),
            category: p.category.clone(),
            market: p.market.clone(),
            quantity: sign,
            cost: p.cost.map(|c| if sign < 0 { -c } else { c }),
            currency: self.place.currency.clone(),
            period: format!("{:04}-{:02}", self.month / 100, self.month % 100),
            wamid: wamid.to_owned(),
            takes_back: sign < 0,
        }
    }
}

impl Auditor {
    /// A status: of one of our attempts, or of a message that other software sent.
    pub(super) fn status(&mut self, account: &str, s: &Value) -> Vec<Expected> {
        let wamid = s["wamid"].as_str().unwrap_or_default().to_owned();
        let now_s = self.now_s();
        let at_s = believed(s["at_s"].as_u64().unwrap_or(0), now_s);
        let delivered = matches!(s["status"].as_str(), Some("delivered" | "read" | "played"));
        let callback = s["callback"]["message_uid"].as_u64().zip(s["callback"]["attempt"].as_u64());
        let attempt = match callback {
            Some((uid, number)) => {
                let message = self.book.messages.get_mut(&uid).filter(|m| m.account == account);
                message.and_then(|m| m.find(number as u8)).cloned()
            }
            None => {
                let mut all = self.book.messages.values().flat_map(|m| &m.attempts);
                all.rfind(|a| a.wamid.as_ref() == Some(&wamid)).cloned()
            }
        };
        let place = |registry: &super::registry::Registry, sender: &str, expected: Option<String>| {
            let waba = registry.waba_of(sender);
            Place {
                sender: sender.to_owned(),
                currency: waba.currency.clone(),
                zone: waba.zone.clone(),
                digits: name(&s["to"]).strip_prefix('+').unwrap_or_default().to_owned(),
                country: s["to"]["country"].as_str().map(str::to_owned),
                expected,
            }
        };
        let Some(attempt) = attempt else {
            let place = place(&self.registry, s["sender"].as_str().unwrap_or_default(), None);
            return if delivered { self.foreign(s, &wamid, at_s, &place) } else { Vec::new() };
        };
        let place = place(&self.registry, &attempt.sender, Some(attempt.category.clone()));
        let person = name(&s["to"]);
        let d = self.money.messages.entry(wamid.clone()).or_default();
        note(&mut d.said, s, at_s);
        if delivered {
            d.min_s = Some(d.min_s.map_or(at_s, |t| t.min(at_s)));
        }
        self.settled(&wamid, &place, &person, true)
    }

    /// Settles a message by the window of a person; what waits for its type is remembered with the person.
    fn settled(&mut self, wamid: &str, place: &Place, person: &str, priced: bool) -> Vec<Expected> {
        let (people, sender) = (&self.people, &place.sender);
        let expected = self.money.settle(wamid, place, &|at_s| people.window_was_open(sender, person, at_s));
        let waiting = self.money.waiting.entry((sender.clone(), person.to_owned())).or_default();
        if priced && !expected.is_empty() && !waiting.iter().any(|known| known == wamid) {
            waiting.push(wamid.to_owned());
        }
        expected
    }

    /// A person wrote: what cost as if the window had been closed may turn out to have been inside it.
    pub(super) fn wrote(&mut self, event: &Value) -> Vec<Expected> {
        let sender = event["sender"].as_str().unwrap_or_default().to_owned();
        let mut expected = Vec::new();
        for person in super::consent::both(event) {
            let waiting = self.money.waiting.get(&(sender.clone(), person.clone())).cloned().unwrap_or_default();
            for wamid in waiting {
                let d = &self.money.messages[&wamid];
                let entry = d.said.category.as_deref() == Some("referral_conversion");
                let Some(old) = d.standing.clone().filter(|_| d.said.kind.is_none() && !entry) else { continue };
                let counted = d.is_counted;
                let mut corrected = self.settled(&wamid, &old.place, &person, true);
                for one in &mut corrected {
                    // Its wamid is not told again.
                    one.wamid = String::new();
                }
                expected.extend(if counted { corrected.iter().map(as_counted).collect() } else { corrected });
            }
        }
        expected
    }

    /// A message that other software sent goes the way of ours, by the words of its deliveries. Where the client pays, it is
    /// counted alone, from the first that says a price on and at the smallest of all times.
    fn foreign(&mut self, s: &Value, wamid: &str, at_s: u32, place: &Place) -> Vec<Expected> {
        let says = s["pricing"].is_object();
        let met = self.money.foreign.get(wamid).copied();
        let we_pay = self.registry.waba_of(&place.sender).we_pay;
        let priced = says || met.is_some_and(|(said, _)| said);
        let smallest_s = met.map_or(at_s, |(_, before_s)| at_s.min(before_s));
        self.money.foreign.insert(wamid.to_owned(), (priced, smallest_s));
        let person = name(&s["to"]);
        if met.is_none() && !self.people.window_was_open(&place.sender, &person, at_s) {
            let scope = quota::scope(&self.registry, &place.sender);
            self.quota.confirmed(&scope, &person, at_s);
        }
        if !we_pay && !priced {
            return Vec::new();
        }
        let d = self.money.messages.entry(wamid.to_owned()).or_default();
        d.is_counted = !we_pay;
        note(&mut d.said, s, at_s);
        d.min_s = Some(smallest_s);
        let expected = self.settled(wamid, place, &person, priced);
        if we_pay { expected } else { expected.iter().map(as_counted).collect() }
    }

    /// An entry of the ledger against the next one that must come.
    pub(super) fn booked(&mut self, e: &Entry, expected: &mut Vec<Expected>) {
        self.charges += 1;
        let uid = e.own.map_or(0, |o| o.0);
        let fresh = self.entries.insert(e.entry.clone());
        self.check("entry_ids_are_unique", uid, fresh, || format!("{} was booked before: {e:?}", e.entry));
        let have = Expected {
            kind: e.kind,
            pricing_type: e.pricing_type.clone(),
            category: e.category.map(|c| c.as_str().to_owned()),
            market: e.market.clone(),
            quantity: e.quantity,
            cost: e.cost,
            currency: e.currency.clone(),
            period: e.period.clone(),
            wamid: e.wamid.clone(),
            takes_back: e.takes_back,
        };
        let want = if expected.is_empty() { None } else { Some(expected.remove(0)) };
        self.check("entry_equals_recomputation", uid, want.as_ref() == Some(&have), || {
            format!("booked {have:?}\n  recomputed {want:?}")
        });
        if e.kind == EntryKind::Counted {
            return;
        }
        if !e.wamid.is_empty() {
            self.money.wamids.insert(e.wamid_hash.clone(), e.wamid.clone());
        }
        let wamid = self.money.wamids.get(&e.wamid_hash).cloned().unwrap_or_default();
        let net = self.money.net.entry(wamid).or_default();
        *net = (net.0 + e.quantity, net.1 + e.cost.unwrap_or_default());
        if let Some(name) = &e.campaign {
            let campaign = self.registry.campaign(&e.account, name);
            campaign.spent = campaign.spent + e.cost.unwrap_or_default();
        }
    }

    /// Every delivered message of ours, and every foreign one that we pay for, has exactly one charge standing.
    pub(super) fn money_at_the_end(&mut self) {
        let delivered: Vec<(String, Units)> = self
            .money
            .messages
            .iter()
            .filter(|(_, d)| !d.is_counted)
            .filter_map(|(w, d)| Some((w.clone(), d.standing.as_ref()?.price.cost.unwrap_or_default())))
            .collect();
        let booked: Vec<String> = self.money.net.keys().cloned().collect();
        for (wamid, cost) in &delivered {
            let net = self.money.net.get(wamid).copied();
            self.check("one_standing_charge", 0, net == Some((1, *cost)), || {
                format!("{wamid}: net {net:?}, recomputed {cost}")
            });
        }
        for wamid in booked {
            let known = delivered.iter().any(|(w, _)| *w == wamid);
            self.check("nothing_else_is_charged", 0, known, || format!("{wamid} was never delivered"));
        }
    }
}

/// The platform's newest word wins: of the latest time, of one time that of the later status. What it does not say stays.
fn note(said: &mut Said, status: &Value, at_s: u32) {
    let pricing = &status["pricing"];
    let text = |v: &Value| v.as_str().map(str::to_owned);
    let category = text(&pricing["category"]).or_else(|| {
        text(&pricing["category_text"]).map(|t| match t.as_str() {
            "referral_conversion" => t,
            _ => "?".to_owned(),
        })
    });
    let rank = match status["status"].as_str() {
        Some("read" | "played") => 3,
        Some("delivered") => 2,
        Some("sent" | "failed") => 1,
        _ => 0,
    };
    let (kind, model) = (text(&pricing["pricing_type"]), text(&pricing["model"]));
    let word = Said { category, kind, model, newest: (at_s, rank) };
    if (&word.category, &word.kind, &word.model) == (&None, &None, &None) {
        return;
    }
    let (first, then) =
        if word.newest >= said.newest { (word, std::mem::take(said)) } else { (std::mem::take(said), word) };
    *said = Said {
        category: first.category.or(then.category),
        kind: first.kind.or(then.kind),
        model: first.model.or(then.model),
        newest: first.newest,
    };
}
