//! A message under change: what a status, a result or a timer reads and writes of it and of the records around it.

use super::ttl;
use crate::change::Change;
use crate::charge::{self, Moves};
use crate::decide::{Decision, Facts};
use crate::effect::{Effect, OutcomeFx};
use crate::fee;
use crate::ids::{ContactKey, PairKey, SenderIx};
use crate::lots::Resource;
use crate::record::{Account, AttemptState, Contact, Message, MessageState, Pair, Park, SenderLive};
use crate::window;
use rust_decimal::Decimal;
use smallvec::SmallVec;
use tollgate_quality::PairPolicy;
use tollgate_rate_card::{Category, Fee};
use tollgate_wire::Reason;
use tollgate_wire::command::LimitScope;
use tollgate_wire::outcome::OutcomeKind;

/// A message under change, with the records around it; written back by [`Draft::finish`].
pub(crate) struct Draft<'a, 'f> {
    pub facts: &'f Facts<'a>,
    pub now_ms: u64,
    pub account: &'f Account,
    pub message: Message,
    contact: Option<Contact>,
    /// One each of the senders that its attempts used.
    pairs: SmallVec<[(PairKey, Pair); 1]>,
    lives: SmallVec<[(SenderIx, SenderLive); 1]>,
    pub moves: Moves<'a, 'f>,
}

impl<'a, 'f> Draft<'a, 'f> {
    pub(super) fn new(facts: &'f Facts<'a>, account: &'f Account, message: Message, now_ms: u64) -> Self {
        Self {
            facts,
            now_ms,
            account,
            message,
            contact: None,
            pairs: SmallVec::new(),
            lives: SmallVec::new(),
            moves: Moves::new(facts, now_ms),
        }
    }

    pub(super) fn contact_key(&self) -> ContactKey {
        ContactKey::new(self.account.ix, self.message.user)
    }

    pub(super) fn contact(&mut self) -> &mut Contact {
        let read = self.facts.state.contact(self.contact_key());
        self.contact.get_or_insert(read)
    }

    pub(crate) fn pair(&mut self, sender: SenderIx) -> &mut Pair {
        let key = PairKey::new(sender, self.message.user);
        let at = self.pairs.iter().position(|(k, _)| *k == key).unwrap_or_else(|| {
            self.pairs.push((key, self.facts.state.pair(key)));
            self.pairs.len() - 1
        });
        &mut self.pairs[at].1
    }

    /// The same to read.
    pub(crate) fn peek(&self, sender: SenderIx) -> Pair {
        let key = PairKey::new(sender, self.message.user);
        let changed = self.pairs.iter().find(|(k, _)| *k == key).map(|(_, pair)| pair.clone());
        changed.unwrap_or_else(|| self.facts.state.pair(key))
    }

    pub(super) fn live(&mut self, sender: SenderIx) -> &mut SenderLive {
        let at = self.lives.iter().position(|(ix, _)| *ix == sender).unwrap_or_else(|| {
            self.lives.push((sender, self.facts.state.live(sender)));
            self.lives.len() - 1
        });
        &mut self.lives[at].1
    }

    /// Gives the quota reservation of an attempt back.
    pub(super) fn release_user(&mut self, n: usize) {
        let a = self.message.attempts[n];
        if !a.reserved_user {
            return;
        }
        self.message.attempts[n].reserved_user = false;
        match self.account.spec.limit_scope {
            LimitScope::Portfolio => {
                let c = self.contact();
                c.counted = c.counted.release();
            }
            LimitScope::Number => {
                let p = self.pair(a.sender);
                p.counted = p.counted.release();
            }
        }
    }

    /// Confirms that the platform counts this person from `at_s`, if the window was closed.
    pub(super) fn confirm_user(&mut self, n: usize, at_s: u32) {
        let a = self.message.attempts[n];
        let outside = !a.window_open || !window::was_open_at(self.pair(a.sender), at_s);
        let held = a.reserved_user;
        self.message.attempts[n].reserved_user = false;
        let take = |c: tollgate_quality::Counted| {
            if held { c.confirm(at_s, outside) } else { c.observe(at_s, outside) }
        };
        match self.account.spec.limit_scope {
            LimitScope::Portfolio => {
                let c = self.contact();
                c.counted = take(c.counted);
            }
            LimitScope::Number => {
                let p = self.pair(a.sender);
                p.counted = take(p.counted);
            }
        }
    }

    /// Takes an attempt out of its pair's burst: the platform has not taken it.
    pub(super) fn release_burst(&mut self, n: usize) {
        let a = self.message.attempts[n];
        let pair = self.pair(a.sender);
        pair.burst = PairPolicy::default().without(pair.burst, a.admitted_ms);
    }

    /// Gives back everything an attempt holds: it certainly did not reach anybody.
    pub(super) fn release_all(&mut self, n: usize) {
        self.release_user(n);
        self.forget_marketing(n);
        let a = &mut self.message.attempts[n];
        a.slot = false;
        a.reserved = Decimal::ZERO;
        a.check_ms = u64::MAX;
    }

    /// Gives the person's place under the marketing cap back.
    pub(super) fn forget_marketing(&mut self, n: usize) {
        let a = self.message.attempts[n];
        if a.category == Category::Marketing && self.account.spec.policy.marketing_cap > 0 {
            self.contact().forget_marketing((a.admitted_ms / 1000) as u32);
        }
    }

    /// What was given back has reached the person after all.
    pub(super) fn remember_marketing(&mut self, n: usize) {
        let a = self.message.attempts[n];
        if a.category == Category::Marketing && self.account.spec.policy.marketing_cap > 0 {
            self.contact().remember_marketing((a.admitted_ms / 1000) as u32);
        }
    }

    /// Ties the platform's message id to the attempt, so that a status without our callback finds it. With it, from a
    /// result or a status, whichever comes first, it is known that the platform took the message.
    pub(super) fn note_wamid(&mut self, n: usize, wamid: &str, at_s: u32, out: &mut Decision) {
        let a = &mut self.message.attempts[n];
        if a.wamid == 0 {
            a.wamid = self.facts.key.wamid(wamid);
            out.changes.push(Change::Wamid(a.wamid, self.message.uid, a.number));
            self.count_fee(n, Fee::Accepted, at_s);
        }
    }

    /// Counts an attempt for a fee, where one is asked: of the WABA that its charge is billed to.
    pub(super) fn count_fee(&mut self, n: usize, fee: Fee, at_s: u32) {
        let a = self.message.attempts[n];
        let waba = charge::waba_of(self.facts.state, &a);
        if let Some(key) = fee::counter(self.facts, waba, a.sender, fee, at_s) {
            self.moves.counters.add(key);
        }
    }

    pub(super) fn tell(&self, n: usize, kind: OutcomeKind, at_ms: u64) -> OutcomeFx {
        OutcomeFx::new(self.message.uid, self.message.attempts[n].number, at_ms, kind)
    }

    /// Parks the message for another attempt.
    pub(super) fn park(&mut self, reason: Reason, resource: Resource, until_ms: u64) {
        self.message.state = MessageState::Parked;
        let told_s = (self.now_ms / 1000) as u32;
        self.message.park = Some(Park { reason, resource, until_ms, told_s });
    }

    /// Ends the message.
    pub(super) fn close(&mut self, state: MessageState, out: &mut Decision) {
        self.message.state = state;
        self.message.park = None;
        self.drop_body(out);
    }

    pub(super) fn drop_body(&mut self, out: &mut Decision) {
        if self.message.body_bytes > 0 {
            self.message.body_bytes = 0;
            out.changes.push(Change::Body(self.message.uid, None));
        }
    }

    /// The latest attempt that left, or that a result is awaited of: another order could reach the person twice.
    pub(super) fn left(&self) -> Option<usize> {
        use AttemptState as A;
        self.message.attempts.iter().rposition(|a| {
            matches!(a.state, A::Ordered | A::InDoubt | A::Accepted | A::Held | A::Sent | A::Delivered | A::Read)
        })
    }

    /// Whether an attempt may still deliver, or has. One whose time to live is over decides nothing any more, or two
    /// would wait for each other.
    pub(super) fn may_deliver(&self) -> bool {
        use AttemptState as A;
        self.message.attempts.iter().any(|a| match a.state {
            A::Ordered | A::InDoubt | A::Delivered | A::Read => true,
            A::Accepted | A::Held | A::Sent => self.now_ms < ttl::over_ms(a),
            A::Unknown | A::NotSent | A::Failed => false,
        })
    }

    /// Ends a message of which attempt `n` left and was not delivered, unless another may still decide it.
    pub(super) fn undelivered(&mut self, n: usize, out: &mut Decision) {
        if self.message.state != MessageState::Open || self.may_deliver() {
            return;
        }
        self.close(MessageState::Undelivered, out);
        let mut o = self.tell(n, OutcomeKind::Undelivered, self.now_ms);
        o.reason = Some(Reason::NoDelivery);
        out.effects.push(Effect::Outcome(Box::new(o)));
    }

    pub(super) fn finish(self, out: &mut Decision) {
        if let Some(c) = self.contact {
            out.changes.push(Change::Contact(ContactKey::new(self.account.ix, self.message.user), c));
        }
        out.changes.extend(self.pairs.into_iter().map(|(k, p)| Change::Pair(k, p)));
        out.changes.extend(self.lives.into_iter().map(|(k, l)| Change::SenderLive(k, l)));
        self.moves.finish(out);
        out.changes.push(Change::Message(Box::new(self.message)));
    }
}
