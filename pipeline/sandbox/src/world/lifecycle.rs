//! From accepted to read: each step sets the timer of the next one.

use std::sync::Arc;

use super::World;
use super::charged::Kind;
use super::country::country;
use super::fate::{Course, Fate, Hold, Reply};
use super::inbound::Inbound;
use super::pricing::{Moment, Pricing};
use crate::config::template::Category;
use crate::graph::recipient::Recipient;
use crate::stats::{Violation, ViolationRule};
use crate::webhook::batch::Update;
use crate::webhook::shapes;

/// What a message is, for its price and its fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessageKind {
    Template(Category),
    Service,
}

/// An accepted message.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) wamid: String,
    pub(crate) recipient: Recipient,
    pub(crate) sender: usize,
    pub(crate) kind: MessageKind,
    /// `biz_opaque_callback_data`, echoed on every status.
    pub(crate) opaque: Option<String>,
    pub(crate) fate: Fate,
    /// It came by the call for marketing.
    pub(crate) lite: bool,
}

/// What a timer does.
#[derive(Debug)]
pub(crate) enum Action {
    Sent(Arc<Message>),
    /// A `sent` that arrives after `delivered` but says when it happened.
    LateSent(Arc<Message>, u64),
    Deliver(Arc<Message>),
    Read(Arc<Message>),
    Fail(Arc<Message>, u32),
    Reply(Arc<Message>, Reply),
    /// The second copy of an update.
    Again(Update),
}

impl World {
    /// Starts the life of an accepted message.
    pub(crate) fn begin(&mut self, message: Arc<Message>, now_ms: u64) {
        let fate = &message.fate;
        let held_ms = match fate.hold {
            Hold::None => 0,
            Hold::Released | Hold::Dropped => u64::from(fate.held_ms),
        };
        let sent_ms = now_ms + held_ms + u64::from(fate.sent_ms);
        if fate.hold == Hold::Dropped {
            self.timers.set(now_ms + held_ms, Action::Fail(message, 132_015));
            return;
        }
        match fate.course {
            Course::Failed(code) => self.timers.set(sent_ms, Action::Fail(message, code)),
            Course::Delivered | Course::ReadOnly if fate.reorder => {
                let delivered_ms = sent_ms + u64::from(fate.delivered_ms);
                let late_ms = delivered_ms + u64::from(fate.repeat_ms);
                let late = Action::LateSent(message.clone(), sent_ms);
                self.timers.set(delivered_ms, Action::Deliver(message));
                self.timers.set(late_ms, late);
            }
            _ => self.timers.set(sent_ms, Action::Sent(message)),
        }
    }

    /// Does everything that is due.
    pub(crate) fn fire_due(&mut self, now_ms: u64) {
        while let Some((due_ms, action)) = self.timers.pop_due(now_ms) {
            self.fire(action, due_ms);
        }
        self.pairs.sweep(now_ms);
    }

    fn fire(&mut self, action: Action, now_ms: u64) {
        match action {
            Action::Sent(message) => {
                let moment = self.moment(&message, now_ms);
                self.status(&message, "sent", now_ms, Some(self.price(&message, moment)));
                if message.fate.course != Course::Silent {
                    let due_ms = now_ms + u64::from(message.fate.delivered_ms);
                    self.timers.set(due_ms, Action::Deliver(message));
                }
            }
            Action::LateSent(message, sent_ms) => {
                let moment = self.moment(&message, sent_ms);
                self.status(&message, "sent", sent_ms, Some(self.price(&message, moment)));
            }
            Action::Deliver(message) => self.deliver(message, now_ms),
            Action::Read(message) => self.status(&message, "read", now_ms, None),
            Action::Fail(message, code) => self.fail(&message, code, now_ms),
            Action::Reply(message, reply) => self.reply(&message, reply, now_ms),
            Action::Again(update) => self.emit(update),
        }
    }

    fn deliver(&mut self, message: Arc<Message>, now_ms: u64) {
        let moment = self.moment(&message, now_ms);
        if !moment.window_open && !self.count_user(&message, now_ms) {
            self.fail(&message, 131_048, now_ms);
            return;
        }
        let pricing = self.price(&message, moment);
        let kind = Kind::of(message.sender, country(&message.recipient.user), &pricing);
        self.charged.count(kind, now_ms / 1_000);
        if pricing.billable {
            self.count_for_bands(kind, now_ms / 1_000);
        }
        let pricing = Some(pricing);
        let fate = &message.fate;
        if fate.course == Course::ReadOnly {
            self.status(&message, "read", now_ms, pricing);
        } else {
            self.status(&message, "delivered", now_ms, pricing);
            if fate.read {
                let due_ms = now_ms + u64::from(fate.read_ms);
                self.timers.set(due_ms, Action::Read(message.clone()));
            }
        }
        if let Some(reply) = message.fate.reply {
            let due_ms = now_ms + u64::from(message.fate.reply_ms);
            self.timers.set(due_ms, Action::Reply(message, reply));
        }
    }

    /// Counts the user towards the messaging limit; false when that exceeds it.
    fn count_user(&mut self, message: &Message, now_ms: u64) -> bool {
        let user = &message.recipient.user;
        let Err(exceeded) = self.unique_users(message.sender).deliver(user, now_ms / 1_000) else {
            return true;
        };
        let sender = &self.senders[message.sender];
        self.counters.violation(Violation {
            rule: ViolationRule::UniqueUsers,
            at_ms: now_ms,
            portfolio: self.portfolios[sender.portfolio].id.clone(),
            phone_number_id: sender.phone_number_id.clone(),
            count: exceeded.count,
            limit: exceeded.limit,
        });
        false
    }

    fn fail(&mut self, message: &Message, code: u32, now_ms: u64) {
        if code == 131_050 {
            self.prefer(message.sender, &message.recipient, true, now_ms);
        }
        *self.counters.failed.entry(code).or_default() += 1;
        let json = shapes::failed(message, now_ms / 1_000, code);
        self.send_status(message, "failed", json, now_ms);
    }

    fn reply(&mut self, message: &Message, reply: Reply, now_ms: u64) {
        let inbound = match reply {
            Reply::Stop => Inbound::text("STOP"),
            Reply::Text => Inbound::text("Thank you! Can you tell me more?"),
            Reply::Advert => Inbound::advert("I saw your ad. Is this still available?"),
            Reply::Unsubscribe => Inbound::button("Unsubscribe", &message.wamid),
        };
        self.inbound(message.sender, &message.recipient, &inbound, now_ms);
    }

    fn moment(&mut self, message: &Message, now_ms: u64) -> Moment {
        let pair = self.pairs.touch(message.sender, &message.recipient.user, now_ms);
        let now_s = now_ms / 1_000;
        Moment { now_s, window_open: pair.window_open(now_s), free_entry: pair.free_entry(now_s) }
    }

    fn price(&self, message: &Message, moment: Moment) -> Pricing {
        let portfolio = &self.portfolios[self.senders[message.sender].portfolio];
        let international = portfolio
            .authentication_international
            .iter()
            .any(|prefix| message.recipient.user.starts_with(prefix.as_str()));
        let pricing = Pricing::of(message.kind, international, portfolio.eras, moment);
        // What came by the call for marketing has a name of its own.
        let lite = message.lite && pricing.category == "marketing";
        if lite { Pricing { category: "marketing_lite", ..pricing } } else { pricing }
    }

    fn status(&mut self, message: &Message, name: &'static str, at_ms: u64, pricing: Option<Pricing>) {
        if message.fate.lost && name != "sent" {
            return;
        }
        let json =
            shapes::status(message, name, at_ms / 1_000, pricing, self.graph_major, self.config.webhooks.user_ids);
        self.send_status(message, name, json, at_ms);
    }

    fn send_status(&mut self, message: &Message, name: &'static str, json: String, at_ms: u64) {
        *self.counters.statuses.entry(name).or_default() += 1;
        // The platform names no contact of a message that failed.
        let named = self.config.webhooks.user_ids && name != "failed";
        let contact = named.then(|| shapes::status_contact(message));
        let update = Update::Status { sender: message.sender, json, contact };
        if message.fate.duplicate {
            let due_ms = at_ms + u64::from(message.fate.repeat_ms);
            self.timers.set(due_ms, Action::Again(update.clone()));
        }
        self.emit(update);
    }
}
