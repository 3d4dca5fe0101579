//! Messages and attempts as orders and outcomes tell of them.

use super::Auditor;
use crate::money::Units;
use crate::step::{Move, Ordered};
use std::collections::BTreeMap;
use tollgate_wire::outcome::OutcomeKind as K;

/// How far an attempt came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    Ordered,
    InDoubt,
    Unknown,
    NotSent,
    Accepted,
    Failed,
    Delivered,
}

/// One order and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub number: u8,
    pub sender: String,
    pub person: String,
    pub admitted_ms: u64,
    pub leave_by_ms: u64,
    pub category: String,
    pub template: Option<(String, String)>,
    pub rank: Rank,
    pub read: bool,
    /// The window was open when it was admitted.
    pub window_open: bool,
    /// It holds a reservation of the quota.
    pub holds_user: bool,
    /// It holds so much of its campaign's budget.
    pub holds_money: Units,
    pub wamid: Option<String>,
}

impl Attempt {
    /// It went out, or nobody knows yet.
    pub fn left(&self) -> bool {
        matches!(self.rank, Rank::Ordered | Rank::InDoubt | Rank::Accepted | Rank::Delivered)
    }

    /// It was taken, and a delivery is not waited for any more: 15 minutes for a code, 31 days for the rest,
    /// and 125 minutes for reminders, whose template says two hours, unless they have become marketing.
    pub fn is_over(&self, now_ms: u64) -> bool {
        let reminds = self.template.as_ref().is_some_and(|(name, _)| name == "reminder");
        let minutes = match self.category.as_str() {
            "authentication" => 15,
            "utility" if reminds => 125,
            _ => 31 * 24 * 60,
        };
        self.rank == Rank::Accepted && now_ms >= self.leave_by_ms.max(self.admitted_ms) + minutes * 60_000
    }

    /// It may still deliver, or has.
    pub fn may_deliver(&self, now_ms: u64) -> bool {
        self.left() && !self.is_over(now_ms)
    }
}

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Parked,
    OnTheWay,
    Delivered,
    Failed,
    Refused,
    Expired,
    Cancelled,
    Undelivered,
}

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub account: String,
    pub id: String,
    pub to: String,
    pub campaign: Option<String>,
    /// Counted with its campaign: that was there, or this message made it. What is refused at once makes none.
    pub counted: bool,
    pub place: Place,
    pub attempts: Vec<Attempt>,
    pub trace: Vec<String>,
    /// Ordered while its campaign was in test, at its latest order.
    pub test: bool,
}

impl Message {
    /// The attempt that a number means now: numbers of orders that certainly never left may be given again.
    pub fn find(&mut self, number: u8) -> Option<&mut Attempt> {
        self.attempts.iter_mut().rev().find(|a| a.number == number)
    }

    /// The attempts besides one.
    fn others(&self, number: u8) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(move |a| a.number != number)
    }
}

/// All messages.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub messages: BTreeMap<u64, Message>,
    /// Account and request id → body's purpose, expiry and schedule, and the message.
    pub requests: BTreeMap<(String, String), serde_json::Value>,
    /// An order whose outcome has not been read yet.
    pub pending: Option<Ordered>,
}

impl Book {
    pub fn ordered(&mut self, o: &Ordered, _now_ms: u64) {
        self.pending = Some(o.clone());
    }
}

impl Auditor {
    /// One outcome.
    pub(super) fn moved(&mut self, m: &Move) {
        if m.reason == "duplicate" {
            return;
        }
        let now_ms = self.now_ms;
        let request = self.book.requests.get(&(m.account.clone(), m.id.clone())).cloned().unwrap_or_default();
        let taken = !matches!(m.kind, K::Refused | K::Expired | K::Cancelled);
        let counted = taken || m.campaign.as_ref().is_some_and(|name| self.registry.has_campaign(&m.account, name));
        let message = self.book.messages.entry(m.uid).or_insert_with(|| Message {
            account: m.account.clone(),
            id: m.id.clone(),
            to: m.to.clone(),
            campaign: m.campaign.clone(),
            counted,
            place: Place::Parked,
            attempts: Vec::new(),
            trace: Vec::new(),
            test: false,
        });
        message.trace.push(format!(
            "{now_ms} {} attempt {} {} {} {} at {}",
            m.kind, m.attempt, m.reason, m.code, m.quota_use, m.at_ms
        ));
        if let Some(name) = m.campaign.as_ref().filter(|_| counted) {
            self.registry.campaign(&m.account, name);
        }
        if m.kind == K::Admitted {
            return self.admitted(m, &request);
        }
        self.ended(m);
        self.release(m);
        let Some(message) = self.book.messages.get_mut(&m.uid) else { return };
        let left = message.others(m.attempt).any(Attempt::left);
        let others = message.others(m.attempt).any(|a| a.may_deliver(now_ms));
        let delivered = message.place == Place::Delivered;
        if let Some(a) = message.find(m.attempt) {
            a.rank = match m.kind {
                K::NotSent if m.reason == "platform" => Rank::Failed,
                K::NotSent => Rank::NotSent,
                K::Accepted | K::Held | K::Sent => Rank::Accepted,
                K::InDoubt => Rank::InDoubt,
                K::Unknown => Rank::Unknown,
                K::Failed => Rank::Failed,
                K::Delivered | K::Read => Rank::Delivered,
                _ => a.rank,
            };
            a.read |= m.kind == K::Read;
            if m.wamid.is_some() {
                a.wamid.clone_from(&m.wamid);
            }
        }
        message.place = match m.kind {
            K::Parked => Place::Parked,
            K::NotSent if !left => Place::Parked,
            K::Unknown if m.retry_ms != 0 => Place::Parked,
            K::Unknown if !others && message.place == Place::OnTheWay => Place::Undelivered,
            K::Accepted | K::Held | K::Sent if !delivered => Place::OnTheWay,
            K::Delivered | K::Read => Place::Delivered,
            K::Failed if !others && !delivered => Place::Failed,
            K::Undelivered => Place::Undelivered,
            K::Refused => Place::Refused,
            K::Expired => Place::Expired,
            K::Cancelled => Place::Cancelled,
            _ => message.place,
        };
    }

    /// What an attempt gives back when it ends, and what its error code changes for others.
    fn release(&mut self, m: &Move) {
        let now_s = self.now_s();
        let Some(message) = self.book.messages.get_mut(&m.uid) else { return };
        let campaign = message.campaign.clone();
        let Some(a) = message.find(m.attempt) else { return };
        if matches!(m.kind, K::NotSent | K::Failed | K::Delivered | K::Read | K::Unknown | K::Undelivered) {
            a.holds_money = Units(0);
        }
        let attempt = a.clone();
        let account = m.account.clone();
        match m.kind {
            K::NotSent | K::Failed => {
                a.holds_user = false;
                self.quota.released(m.uid, m.attempt, &attempt);
            }
            K::Delivered | K::Read if a.rank != Rank::Delivered => {
                a.holds_user = false;
                let at_s = (m.at_ms / 1000) as u32;
                let outside = !attempt.window_open || !self.people.window_was_open(&attempt.sender, &m.to, at_s);
                let scope = quota::scope(&self.registry, &attempt.sender);
                self.quota.released(m.uid, m.attempt, &attempt);
                if outside {
                    self.quota.confirmed(&scope, &m.to, at_s);
                }
            }
            _ => {}
        }
        if m.code != 0 {
            let at_s = (m.at_ms / 1000) as u32;
            let template = attempt.template.as_ref();
            // What is no marketing for us holds none.
            let code = if attempt.category == "marketing" || m.code != 131_063 { m.code } else { 0 };
            self.registry.consequence(code, &attempt.sender, template, campaign.as_deref(), (at_s, now_s));
            match m.code {
                131_049 if attempt.category == "marketing" => {
                    let until_s = self.people.capped_until_s.entry((account, m.to.clone())).or_default();
                    *until_s = (*until_s).max(at_s + 86_400);
                }
                130_497 => {
                    if let Some(country) = self.money.tables.country(m.to.trim_start_matches('+')) {
                        let waba = self.registry.sender(&attempt.sender).waba.clone();
                        self.registry.barred.insert((waba, country));
                    }
                }
                131_047 => self.people.window_is_closed(&attempt.sender, &m.to, (attempt.admitted_ms / 1000) as u32),
                131_050 => self.people.stopped_marketing(&account, &m.to, now_s),
                131_026 => {
                    self.people.away_until_s.insert((account, m.to.clone()), now_s + 7 * 86_400);
                }
                _ => {}
            }
        }
    }
}

use super::quota;
