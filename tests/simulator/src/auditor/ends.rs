//! Every request is answered, known ids are duplicates, every message ends once, and in the end nothing is open.

use super::Auditor;
use super::book::{Place, Rank};
use super::counts::CAMPAIGNS_MOST;
use crate::step::{Input, Move, Output, Step};
use serde_json::{Value, json};
use tollgate_wire::outcome::OutcomeKind as K;

impl Auditor {
    /// A request was read.
    pub(super) fn asked(&mut self, body: &Value, step: &Step) {
        if !step.accepted {
            return;
        }
        let key = (
            body["account"].as_str().unwrap_or_default().to_owned(),
            body["id"].as_str().unwrap_or_default().to_owned(),
        );
        let told: Vec<&Move> =
            step.outputs.iter().filter_map(|o| if let Output::Move(m) = o { Some(&**m) } else { None }).collect();
        let answers = told.iter().filter(|m| m.id == key.1 && m.account == key.0).count();
        self.check("request_is_answered", 0, answers == 1, || format!("{answers} outcomes for {key:?}"));
        let duplicate = told.iter().any(|m| m.reason == "duplicate");
        let known = self.book.requests.contains_key(&key);
        self.check("known_id_is_duplicate", 0, duplicate == known, || {
            format!("{key:?} known {known}, duplicate {duplicate}")
        });
        if !known {
            let mut body = body.clone();
            body["asked_ms"] = json!(step.now_ms);
            self.book.requests.insert(key, body);
        }
    }

    /// The answer of a call ends a message only when its code is final, or nobody can say more of it (131000, 1): what the
    /// platform cannot do now is waited for until the message expires.
    pub(super) fn failed(&mut self, m: &Move, step: &Step) {
        const WAITS: [u32; 11] = [2, 4, 80_007, 130_429, 131_016, 131_042, 131_056, 131_057, 132_015, 133_010, 190];
        let by_call = matches!(&step.input, Input::Event { event, .. } if event["event"] == "result");
        if m.kind == K::Failed && by_call {
            let attempts = self.book.messages.get(&m.uid).map(|known| &known.attempts[..]).unwrap_or_default();
            let marketing = attempts.iter().any(|a| a.number == m.attempt && a.category == "marketing");
            // Marketing waits for its number or the other call; what is none for us is no longer sent.
            let waits = WAITS.contains(&m.code) || m.reason != "platform" || marketing && m.code == 131_063;
            self.check("only_a_final_answer_fails", m.uid, !waits, || format!("{} {}", m.reason, m.code));
        }
    }

    /// What ends as expired has had all of its time.
    pub(super) fn expired(&mut self, m: &Move) {
        if m.kind != K::Expired {
            return;
        }
        let Some(request) = self.book.requests.get(&(m.account.clone(), m.id.clone())) else { return };
        let time = |v: &Value| serde_json::from_value::<tollgate_wire::Time>(v.clone()).ok().map(|t| t.0);
        let purpose = request["purpose"].as_str().unwrap_or_default();
        let asked = request["asked_ms"].as_u64().unwrap_or(0);
        let expires = time(&request["expires_at"]).unwrap_or(asked + super::admission::default_life_ms(purpose));
        let now_ms = self.now_ms;
        self.check("expires_at_its_time", m.uid, now_ms >= expires, || format!("at {now_ms}, expires {expires}"));
    }

    /// Calls of a sender during an outage: a window of them, a few more while it slows down, then a question a minute.
    pub fn outage(&mut self, calls: u64, minutes: u64, what: &str) {
        self.check("an_outage_shrinks_to_questions", 0, calls <= 120 + 2 * minutes, || {
            format!("{calls} calls of {what} in {minutes} minutes")
        });
    }

    /// A message ends at its gates at most once, and never after something better; undelivered, when nothing is waited
    /// for any more.
    pub(super) fn ended(&mut self, m: &Move) {
        if m.reason == "currency_not_allowed" {
            let due = self.registry.account(&m.account).senders.iter().any(|s| !self.is_currency_taken(s));
            self.check("currency_is_refused_when_due", m.uid, due, || format!("{} may bill as it does", m.account));
        }
        if m.reason == "too_many_campaigns" {
            let known = self.registry.campaigns.keys().filter(|(account, _)| *account == m.account).count();
            self.check("campaigns_are_refused_when_full", m.uid, known >= CAMPAIGNS_MOST, || {
                format!("{} has {known} campaigns", m.account)
            });
        }
        if m.kind == K::Undelivered {
            let message = &self.book.messages[&m.uid];
            let place = message.place;
            let waits = message.attempts.iter().any(|a| a.may_deliver(self.now_ms));
            self.check("ends_once", m.uid, place == Place::OnTheWay && !waits, || {
                format!("undelivered while it is {place:?}, another may deliver: {waits}")
            });
        }
        if matches!(m.kind, K::Refused | K::Expired | K::Cancelled) {
            let message = &self.book.messages[&m.uid];
            let place = message.place;
            let fine = place == Place::Parked
                && message.attempts.iter().all(|a| matches!(a.rank, Rank::NotSent | Rank::Failed | Rank::Unknown));
            self.check("ends_once", m.uid, fine, || format!("{} while it is {place:?}", m.kind));
        }
    }

    /// After everything is healed and all times to live are over.
    pub fn at_the_end(&mut self) {
        let open: Vec<(u64, Place)> = self.book.messages.iter().map(|(uid, m)| (*uid, m.place)).collect();
        for (uid, place) in open {
            self.check("everything_ends", uid, place > Place::OnTheWay, || format!("it is still {place:?}"));
        }
        self.money_at_the_end();
    }
}
