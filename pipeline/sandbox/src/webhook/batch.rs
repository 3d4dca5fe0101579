//! Updates collected into POST bodies: one entry per WABA, one change per number's statuses.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::ascii::ascii;
use super::shapes;
use super::signature::sign;
use crate::world::World;

/// JSON on its way out.
#[derive(Debug, Clone)]
pub(crate) enum Update {
    /// A status object; it shares a change with its number's other statuses. `contact`: its recipient, where the
    /// change is to name it.
    Status { sender: usize, json: String, contact: Option<String> },
    /// A whole change about a number.
    Number { sender: usize, json: String },
    /// A whole change about the portfolio.
    Portfolio { portfolio: usize, json: String },
}

/// What one change tells of a number's messages.
#[derive(Debug, Default)]
struct Statuses {
    statuses: Vec<String>,
    /// Each recipient once.
    contacts: Vec<String>,
}

impl Statuses {
    fn push(&mut self, status: String, contact: Option<String>) {
        self.statuses.push(status);
        self.contacts.extend(contact.filter(|contact| !self.contacts.contains(contact)));
    }
}

/// A signed body and how often it was tried.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) body: Bytes,
    pub(crate) signature: String,
    pub(crate) updates: u64,
    pub(crate) tries: u32,
    /// Time of the first try.
    pub(crate) first_ms: Option<u64>,
}

impl World {
    /// Takes everything from the outbox, writes it to the journal and makes POSTs of it.
    pub(crate) fn collect_posts(&mut self, key: &[u8], now_ms: u64) -> Vec<Post> {
        let mut posts = Vec::new();
        while !self.outbox.is_empty() {
            let count = self.outbox.len().min(self.config.webhooks.updates_max);
            let updates: Vec<Update> = self.outbox.drain(..count).collect();
            posts.push(self.make_post(updates, key, now_ms));
        }
        self.journal.flush();
        posts
    }

    fn make_post(&mut self, updates: Vec<Update>, key: &[u8], now_ms: u64) -> Post {
        let count = updates.len() as u64;
        let mut body = String::from(r#"{"object":"whatsapp_business_account","entry":["#);
        for (index, (portfolio, changes)) in self.group(updates).into_iter().enumerate() {
            if index > 0 {
                body.push(',');
            }
            let waba = &self.portfolios[portfolio].waba;
            let id = serde_json::to_string(waba).expect("strings always serialise");
            body.push_str(&format!(r#"{{"id":{id},"time":{},"changes":["#, now_ms / 1_000));
            for (index, change) in changes.into_iter().enumerate() {
                if index > 0 {
                    body.push(',');
                }
                let change = RawValue::from_string(ascii(change)).expect("made by serde_json");
                self.journal.change(now_ms, waba, &change);
                body.push_str(change.get());
            }
            body.push_str("]}");
        }
        body.push_str("]}");
        Post {
            signature: sign(key, body.as_bytes()),
            body: Bytes::from(body),
            updates: count,
            tries: 0,
            first_ms: None,
        }
    }

    /// Changes by portfolio, in order of first appearance; a number's consecutive statuses form
    /// one change, so that its statuses and messages keep their order.
    fn group(&self, updates: Vec<Update>) -> Vec<(usize, Vec<String>)> {
        let mut entries: Vec<(usize, Vec<String>)> = Vec::new();
        let mut statuses: Vec<(usize, Statuses)> = Vec::new();
        for update in updates {
            match update {
                Update::Status { sender, json, contact } => {
                    let index = statuses.iter().position(|(number, _)| *number == sender).unwrap_or_else(|| {
                        statuses.push((sender, Statuses::default()));
                        statuses.len() - 1
                    });
                    statuses[index].1.push(json, contact);
                }
                Update::Number { sender, json } => {
                    let earlier = statuses.iter().position(|(number, _)| *number == sender);
                    if let Some(earlier) = earlier {
                        let (_, list) = statuses.remove(earlier);
                        self.close_statuses(&mut entries, sender, &list);
                    }
                    entry(&mut entries, self.senders[sender].portfolio).push(json);
                }
                Update::Portfolio { portfolio, json } => entry(&mut entries, portfolio).push(json),
            }
        }
        for (sender, list) in statuses {
            self.close_statuses(&mut entries, sender, &list);
        }
        entries
    }

    fn close_statuses(&self, entries: &mut Vec<(usize, Vec<String>)>, sender: usize, list: &Statuses) {
        let sender = &self.senders[sender];
        entry(entries, sender.portfolio).push(shapes::statuses_change(sender, &list.statuses, &list.contacts));
    }
}

fn entry(entries: &mut Vec<(usize, Vec<String>)>, portfolio: usize) -> &mut Vec<String> {
    let index = match entries.iter().position(|(known, _)| *known == portfolio) {
        Some(index) => index,
        None => {
            entries.push((portfolio, Vec::new()));
            entries.len() - 1
        }
    };
    &mut entries[index].1
}
