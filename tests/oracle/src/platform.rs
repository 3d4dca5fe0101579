//! The platform: which conversations and windows are open, and what it says about a delivery.

use crate::shapes::Words;
use std::collections::HashMap;
use tollgate_tests::Dice;

const DAY_S: i64 = 86_400;
/// Local dates compare as text.
const BY_MESSAGE: &str = "2025-07-01";
const SECOND_PHASE: &str = "2026-10-01";
const ENTRY: &str = "referral_conversion";

/// A number and a person.
pub(crate) type Pair = (usize, usize);

/// A conversation that is open.
#[derive(Clone, Debug)]
struct Conversation {
    id: String,
    kind: String,
    until_s: i64,
}

/// What the platform remembers.
#[derive(Debug, Default)]
pub(crate) struct Platform {
    wrote: HashMap<Pair, Vec<i64>>,
    visits: HashMap<Pair, i64>,
    open: HashMap<Pair, Vec<Conversation>>,
    /// Free entry points of the time of charges by message.
    entries: HashMap<Pair, (String, i64)>,
    ids: u64,
}

impl Platform {
    /// A person wrote to a number.
    pub fn wrote(&mut self, pair: Pair, at_s: i64, from_advertisement: bool) {
        self.wrote.entry(pair).or_default().push(at_s);
        if from_advertisement {
            self.visits.insert(pair, at_s);
        }
    }

    fn window_open(&self, pair: Pair, at_s: i64) -> bool {
        self.wrote.get(&pair).is_some_and(|w| w.iter().any(|t| *t <= at_s && at_s < t + DAY_S))
    }

    fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("72b14f5c{:08x}", self.ids)
    }

    /// The words of a delivery on a local date; it may open a conversation.
    pub fn deliver(&mut self, pair: Pair, at_s: i64, date: &str, category: &str, dice: &mut Dice) -> Words {
        let answered = self.visits.get(&pair).is_some_and(|v| *v <= at_s && at_s < v + DAY_S);
        if answered {
            self.visits.remove(&pair);
        }
        let open = self.open.entry(pair).or_default();
        open.retain(|c| at_s < c.until_s);
        if date < BY_MESSAGE {
            return self.by_conversation(pair, at_s, category, answered);
        }
        // What opened before covers utility until it ends.
        let covers = |c: &&Conversation| c.kind == ENTRY || (c.kind == category && category == "utility");
        if let Some(c) = open.iter().find(covers) {
            return covered(c);
        }
        if answered {
            let id = self.next_id();
            self.entries.insert(pair, (id, at_s + 3 * DAY_S));
        }
        self.by_message(pair, at_s, date, category, dice)
    }

    fn by_conversation(&mut self, pair: Pair, at_s: i64, category: &str, answered: bool) -> Words {
        let kind = if answered { ENTRY } else { kind_of(category) };
        let open = self.open.get(&pair).map_or(&[][..], Vec::as_slice);
        let covering = match kind {
            ENTRY => open.iter().find(|c| c.kind == ENTRY),
            "service" => open.iter().find(|c| c.kind == ENTRY).or(open.last()),
            kind => open.iter().find(|c| c.kind == ENTRY || c.kind == kind),
        };
        if let Some(c) = covering {
            return covered(c);
        }
        let new = Conversation {
            id: self.next_id(),
            kind: kind.to_owned(),
            until_s: at_s + if kind == ENTRY { 3 * DAY_S } else { DAY_S },
        };
        let said = if kind == ENTRY { ENTRY } else { category };
        let words = Words {
            model: "CBP",
            pricing_type: None,
            category: said.to_owned(),
            conversation: Some((new.id.clone(), said.to_owned())),
        };
        let open = self.open.entry(pair).or_default();
        if kind == ENTRY {
            open.clear();
        }
        open.push(new);
        words
    }

    /// The words where messages are charged.
    pub fn by_message(&self, pair: Pair, at_s: i64, date: &str, category: &str, dice: &mut Dice) -> Words {
        let second = date >= SECOND_PHASE;
        let open = self.window_open(pair, at_s);
        let entry = self.entries.get(&pair).filter(|(_, until)| at_s < *until);
        let pricing_type = match category {
            _ if entry.is_some() => "free_entry_point",
            "service" if !second => "free_customer_service",
            "utility" if open && !second => "free_customer_service",
            _ => "regular",
        };
        let category = if entry.is_some() && dice.percent(50) { ENTRY } else { category };
        let conversation = entry.map(|(id, _)| (id.clone(), ENTRY.to_owned()));
        Words { model: "PMP", pricing_type: Some(pricing_type.to_owned()), category: category.to_owned(), conversation }
    }
}

fn kind_of(category: &str) -> &str {
    match category {
        "authentication-international" | "authentication_international" => "authentication",
        "marketing_lite" => "marketing",
        other => other,
    }
}

fn covered(c: &Conversation) -> Words {
    Words {
        model: "CBP",
        pricing_type: None,
        category: c.kind.clone(),
        conversation: Some((c.id.clone(), c.kind.clone())),
    }
}
