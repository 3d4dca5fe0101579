//! What a charge changes besides the message at hand: counters, what campaigns were charged, and other messages that a charge
//! moves to or from; and how an entry is put together, of whoever's message it is.

use super::foreign::{is_client_paid, kept_waba};
use super::handover::{Member, Who};
use super::positions::{Counters, Place, position};
use super::rating::{expected_type, stood_as};
use super::{category_of, entry_id, hashed_key, hex, opening_key, said_id, waba_of};
use crate::change::Change;
use crate::close;
use crate::decide::{Decision, Facts};
use crate::effect::{Booking, Effect};
use crate::ids::{CampaignIx, SenderIx, Uid, User};
use crate::life::Draft;
use crate::markup;
use crate::record::{Account, Booked, Message, Unit, Waba};
use rust_decimal::Decimal;
use smallvec::SmallVec;
use std::borrow::Cow;
use tollgate_rate_card::{Category, Rated};
use tollgate_wire::event::Status;
use tollgate_wire::ledger::{Cause, EntryKind};

/// What changes besides the message at hand.
pub(crate) struct Moves<'a, 'f> {
    pub facts: &'f Facts<'a>,
    pub now_ms: u64,
    pub counters: Counters<'a>,
    others: SmallVec<[Message; 1]>,
    spent: SmallVec<[(CampaignIx, Decimal); 1]>,
}

impl<'a, 'f> Moves<'a, 'f> {
    pub(crate) fn new(facts: &'f Facts<'a>, now_ms: u64) -> Self {
        let counters = Counters::new(facts.state);
        Self { facts, now_ms, counters, others: SmallVec::new(), spent: SmallVec::new() }
    }

    /// What is booked from now on of an attempt of another message.
    pub(super) fn put_booked(&mut self, uid: Uid, n: usize, booked: Booked) {
        let at = self.others.iter().position(|m| m.uid == uid).or_else(|| {
            self.others.push(self.facts.state.message(uid)?.clone());
            Some(self.others.len() - 1)
        });
        if let Some(at) = at {
            self.others[at].attempts[n].booked = Some(booked);
        }
    }

    /// Adds to what a campaign was charged.
    pub(super) fn add_spent(&mut self, campaign: CampaignIx, delta: Decimal) {
        if campaign.some().is_none() || delta.is_zero() {
            return;
        }
        match self.spent.iter_mut().find(|(ix, _)| *ix == campaign) {
            Some((_, spent)) => *spent += delta,
            None => {
                let stored = self.facts.state.campaign_at(campaign).map_or(Decimal::ZERO, |c| c.spent);
                self.spent.push((campaign, stored + delta));
            }
        }
    }

    pub(crate) fn finish(self, out: &mut Decision) {
        out.changes.extend(self.spent.into_iter().map(|(ix, spent)| Change::Spent(ix, spent)));
        self.counters.finish(out);
        out.changes.extend(self.others.into_iter().map(|m| Change::Message(Box::new(m))));
    }
}

/// Whose charge it is.
#[derive(Clone, Copy)]
pub(super) struct Whose<'w> {
    /// Our message and attempt; `None` for what other software sent.
    pub own: Option<(Uid, u8)>,
    /// Where that names a message of ours which is forgotten.
    pub forgotten: Option<(Uid, u8)>,
    pub sender: SenderIx,
    pub waba: &'w Waba,
    pub account: &'w Account,
    pub user: User,
    pub campaign: CampaignIx,
    /// Category that we expect.
    pub expected: Option<Category>,
    /// Counted alone: the client pays for it.
    pub client_paid: bool,
    /// Hash by which it is known.
    pub message: u128,
    /// Hash of its conversation's id.
    pub id: u128,
    /// What the status at hand says: of another message neither the wamid nor, mostly, the id.
    pub wamid: Option<&'w str>,
    pub wamid_hash: u128,
    pub conversation: Option<&'w str>,
}

impl<'w> Whose<'w> {
    /// The attempt at hand.
    pub fn at_hand(d: &Draft<'_, 'w>, n: usize, s: &'w Status<'_>) -> Self {
        let (m, a, facts) = (&d.message, d.message.attempts[n], d.facts);
        Self {
            own: Some((m.uid, a.number)),
            forgotten: None,
            sender: a.sender,
            waba: waba_of(facts.state, &a),
            account: d.account,
            user: m.user,
            campaign: m.campaign,
            expected: Some(a.category),
            client_paid: false,
            message: a.wamid,
            id: a.conversation,
            wamid: Some(&s.wamid),
            wamid_hash: facts.key.wamid(&s.wamid),
            conversation: conversation(s),
        }
    }

    /// A message that is not at hand: of a conversation, or of a person. What other software sent does not know its person
    /// itself, where it is in no conversation.
    pub fn other(
        facts: &'w Facts<'_>,
        hand: Option<&Message>,
        member: &Member,
        person: Option<User>,
        s: Option<&'w Status<'_>>,
    ) -> Option<Self> {
        let state = facts.state;
        let whose = match &member.who {
            Who::Own(uid, _, a) => {
                let m = hand.filter(|m| m.uid == *uid).or_else(|| state.message(*uid))?;
                Self {
                    own: Some((*uid, a.number)),
                    forgotten: None,
                    sender: a.sender,
                    waba: waba_of(state, a),
                    account: state.account_at(m.account),
                    user: m.user,
                    campaign: m.campaign,
                    expected: Some(a.category),
                    client_paid: false,
                    message: a.wamid,
                    id: a.conversation,
                    wamid: None,
                    wamid_hash: a.wamid,
                    conversation: None,
                }
            }
            Who::Foreign(hash, f) => {
                let waba = state.waba_at(kept_waba(f.kept)?);
                Self {
                    own: None,
                    forgotten: f.forgotten,
                    sender: f.sender,
                    waba,
                    account: state.account_at(waba.account),
                    user: f.user.or(person)?,
                    campaign: CampaignIx::NONE,
                    expected: None,
                    client_paid: is_client_paid(f.kept),
                    message: *hash,
                    id: f.conversation,
                    wamid: None,
                    wamid_hash: *hash,
                    conversation: None,
                }
            }
        };
        let conversation = s.and_then(|s| {
            let same = said_id(whose.waba, s.pricing.as_ref()) == whose.id;
            conversation(s).filter(|_| same)
        });
        Some(Self { conversation, ..whose })
    }

    pub fn place(&self, facts: &'w Facts<'_>) -> Place<'w> {
        let sender = facts.state.sender_at(self.sender);
        Place { facts, account: self.account, sender, waba: self.waba, expected: self.expected }
    }

    /// What a charge is booked as.
    pub fn kind(&self, kind: EntryKind) -> EntryKind {
        if self.client_paid { EntryKind::Counted } else { kind }
    }

    /// The revision after an entry of this one was taken back. What is counted is withdrawn by the same kind and key: the
    /// revision between them is its own.
    pub fn next_revision(&self, stands: u32) -> u32 {
        if self.client_paid { stands + 2 } else { stands + 1 }
    }

    /// The charge key: the wamid, or its hash where it was booked by that; for a conversation, of the platform's id if it had said one, else of WABA and the wamid
    /// that opened it.
    fn key(&self, b: &Booked) -> Cow<'w, str> {
        match b.unit {
            Unit::Message if b.by_hash => hex(hashed_key(self.waba, self.message)),
            Unit::Message | Unit::Covered => self.wamid.unwrap_or_default().into(),
            Unit::NamedConversation => hex(self.id),
            Unit::Conversation => hex(opening_key(self.waba, self.message)),
        }
    }
}

fn conversation<'s>(s: &'s Status<'_>) -> Option<&'s str> {
    s.pricing.as_ref().and_then(|p| p.conversation.as_deref())
}

/// What an entry is besides its charge.
#[derive(Clone, Copy)]
pub(super) struct Charged {
    pub kind: EntryKind,
    pub cause: Option<Cause>,
    pub adjusts: Option<u128>,
}

/// Takes the entry that stands back, or what is counted by a withdrawal of the same kind; its id, and that of the adjustment.
pub(super) fn take_back(
    m: &Moves<'_, '_>,
    w: &Whose<'_>,
    old: &Booked,
    was: Rated,
    cause: Cause,
    out: &mut Decision,
) -> (u128, u128) {
    let stood = w.kind(stood_as(old, &was));
    let first = entry_id(&w.waba.id, stood, &w.key(old), old.revision);
    (first, withdraw(m, w, old, was, cause, first, out))
}

/// The same where the entry that stands is known; the id of its adjustment.
pub(super) fn withdraw(
    m: &Moves<'_, '_>,
    w: &Whose<'_>,
    old: &Booked,
    was: Rated,
    cause: Cause,
    stands: u128,
    out: &mut Decision,
) -> u128 {
    let (kind, cause) = match w.client_paid {
        true => (EntryKind::Counted, Cause::Reversal),
        false => (EntryKind::Adjustment, cause),
    };
    let taken_back = Booked { revision: old.revision + 1, by_hash: old.by_hash || w.wamid.is_none(), ..*old };
    emit(m, w, &taken_back, was, Charged { kind, cause: Some(cause), adjusts: Some(stands) }, out)
}

/// Puts an entry together; its id.
pub(super) fn emit(
    m: &Moves<'_, '_>,
    w: &Whose<'_>,
    b: &Booked,
    rated: Rated,
    how: Charged,
    out: &mut Decision,
) -> u128 {
    let (facts, waba) = (m.facts, w.waba);
    let entry = entry_id(&waba.id, how.kind, &w.key(b), b.revision);
    let (price_currency, price) = markup::price(facts, waba, &rated, b.at_s);
    let (billed, cause) = close::billed(facts, waba, b.at_s, how.cause);
    let of_conversation = w.own.is_some() || b.unit != Unit::Message;
    out.effects.push(Effect::Ledger(Box::new(Booking {
        entry,
        kind: how.kind,
        cause,
        adjusts: how.adjusts,
        revision: b.revision,
        sign: match how.kind {
            EntryKind::Adjustment => -1,
            EntryKind::Counted => 0,
            _ => 1,
        },
        sender: w.sender,
        waba: waba.ix,
        user: w.user,
        own: w.own,
        forgotten: w.forgotten,
        wamid: w.wamid.map(Box::from),
        wamid_hash: w.wamid_hash,
        rated,
        price_currency,
        price,
        expected: w.expected.or_else(|| category_of(&rated)),
        expected_type: w.expected.and_then(|c| expected_type(facts, waba, Some(c), b)),
        country: b.country,
        reported: b.reported,
        conversation: w.conversation.filter(|_| of_conversation).map(Box::from),
        ordinal: position(&rated, b),
        at_s: b.at_s,
        booked_ms: m.now_ms,
        billed,
    })));
    entry
}
