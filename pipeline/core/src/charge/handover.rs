//! Who is charged for a conversation that the platform names: of the messages of its id that were delivered the one of the
//! earliest instant, of one instant that of the smaller wamid hash, in whatever order their deliveries are reported.
//!
//! Under the id stands who that is. An earlier one that comes takes the charge over: both are changed by one decision. The
//! earliest is not charged itself only where the conversation was opened by a message of which no id was said yet; which
//! that is stands in the pair until an id is said, and what it is bound to under its charge key.

use super::conversation::{self, Delivered, Placed};
use super::moves::{Charged, Moves, Whose, emit, take_back};
use super::positions::Groups;
use super::rating::{keep, standing};
use super::{amount, is_own, kind_of, opening_key, waba_of};
use crate::change::Change;
use crate::decide::{Decision, Facts};
use crate::effect::{Effect, OutcomeFx};
use crate::ids::Uid;
use crate::life::Draft;
use crate::record::{Attempt, Booked, Foreign, Known, Message, Pair, Stands, Unit};
use crate::state::State;
use rust_decimal::Decimal;
use smallvec::SmallVec;
use tollgate_wire::event::Status;
use tollgate_wire::ledger::Cause;

/// What is known by an id of the platform.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Itself {
    /// Message and attempt of ours.
    Own(Uid, u8),
    /// Hash of the wamid of what other software sent.
    Foreign(u128),
}

/// The message at hand, which was delivered.
pub(super) struct Hand<'h> {
    pub m: Delivered<'h>,
    pub itself: Itself,
    pub booked: Option<Booked>,
}

impl<'h> Hand<'h> {
    pub fn of_attempt(d: &Draft<'_, 'h>, n: usize) -> Self {
        let a = &d.message.attempts[n];
        let m = Delivered {
            waba: waba_of(d.facts.state, a),
            at_s: a.delivered_s,
            category: Some(a.category),
            reported: a.reported,
            id: a.conversation,
            message: a.wamid,
        };
        Self { m, itself: Itself::Own(d.message.uid, a.number), booked: a.booked }
    }

    /// The canonical order.
    fn order(&self) -> (u32, u128) {
        (self.m.at_s, self.m.message)
    }
}

/// Another message of a conversation.
pub(super) enum Who {
    /// Of ours: the message, and which of its attempts.
    Own(Uid, usize, Box<Attempt>),
    /// What other software sent, by its wamid's hash.
    Foreign(u128, Box<Foreign>),
}

/// A message of a conversation, and what is booked of it.
pub(super) struct Member {
    pub who: Who,
    pub booked: Booked,
}

impl Member {
    /// What is known of a wamid by its hash, where anything is booked of it.
    pub fn known(state: &State, wamid: u128) -> Option<Self> {
        match state.wamids.get(&wamid)? {
            Known::Numbers(uid, number) if is_own(*uid) => {
                let m = state.message(*uid)?;
                let n = m.position(*number)?;
                let a = m.attempts[n];
                Some(Self { who: Who::Own(*uid, n, Box::new(a)), booked: a.booked? })
            }
            Known::Foreign(f) => Some(Self { who: Who::Foreign(wamid, f.clone()), booked: f.booked }),
            Known::Numbers(..) | Known::Key(_) => None,
        }
    }

    /// The smallest time of delivery.
    pub fn delivered_s(&self) -> u32 {
        self.order().0
    }

    fn order(&self) -> (u32, u128) {
        match &self.who {
            Who::Own(_, _, a) => (a.delivered_s, a.wamid),
            Who::Foreign(hash, f) => (f.delivered_s, *hash),
        }
    }
}

/// What a delivery is charged as, and whose charges move by it.
pub(super) struct Turn {
    pub placed: Placed,
    /// Who was charged for the conversation so far.
    pub from: Option<Member>,
    /// Who is charged for its conversation from now on.
    pub to: SmallVec<[Member; 2]>,
}

impl Turn {
    /// Charged by itself, as long as nothing else is known.
    pub fn to_itself() -> Self {
        Self { placed: Placed::of(Unit::Message), from: None, to: SmallVec::new() }
    }
}

/// What was taken back for the one who is charged now.
pub(super) struct Given {
    pub entry: u128,
    /// Of what is booked in its place.
    pub revision: u32,
    pub booked: Booked,
    pub groups: Groups,
}

/// Who stands under the id of a conversation.
enum Earliest {
    Nobody,
    /// The message at hand.
    Itself,
    /// Another one that is charged, or covered by one of which no id was said.
    Of(Member),
    /// One that is charged by itself since.
    Left,
    /// Forgotten, or kept by an earlier version: nothing moves.
    Gone,
}

fn earliest(facts: &Facts<'_>, hand: Option<&Message>, id: u128, itself: Itself) -> Earliest {
    let in_conversation = |b: &Booked| b.unit != Unit::Message;
    match facts.state.wamids.get(&id) {
        None => Earliest::Nobody,
        Some(Known::Numbers(uid, number)) if Itself::Own(*uid, *number) == itself => Earliest::Itself,
        Some(Known::Key(hash)) if Itself::Foreign(*hash) == itself => Earliest::Itself,
        Some(Known::Numbers(uid, number)) if is_own(*uid) => {
            let message = hand.filter(|m| m.uid == *uid).or_else(|| facts.state.message(*uid));
            let found = message.and_then(|m| Some((m, m.position(*number)?)));
            let Some((m, n)) = found else { return Earliest::Gone };
            let attempt = &m.attempts[n];
            match attempt.booked.filter(in_conversation) {
                Some(booked) => Earliest::Of(Member { who: Who::Own(*uid, n, Box::new(*attempt)), booked }),
                None => Earliest::Left,
            }
        }
        Some(Known::Key(hash)) => match facts.state.wamids.get(hash) {
            Some(Known::Foreign(f)) if in_conversation(&f.booked) => {
                Earliest::Of(Member { who: Who::Foreign(*hash, f.clone()), booked: f.booked })
            }
            Some(Known::Foreign(_)) => Earliest::Left,
            _ => Earliest::Gone,
        },
        Some(_) => Earliest::Gone,
    }
}

/// Places what was delivered. What is placed stays where it is until the platform says more of it. `message` is that at hand,
/// where it is ours.
pub(super) fn turn(
    facts: &Facts<'_>,
    message: Option<&Message>,
    hand: &Hand<'_>,
    pair: &mut Pair,
    out: &mut Decision,
) -> Turn {
    let m = &hand.m;
    let news = hand.booked.is_some_and(|b| m.reported != b.reported || (m.id != 0) != b.named);
    let opened = hand.booked.filter(|b| b.unit.is_opened());
    let placed = match hand.booked {
        Some(old) if opened.is_some() || !news => Placed { unit: old.unit, opened_s: old.at_s, bound: 0 },
        _ => conversation::place(facts, m, pair),
    };
    let mut turn = Turn { placed, from: None, to: SmallVec::new() };
    if m.id != 0 && placed.unit != Unit::Message {
        among_named(facts, message, hand, &mut turn, out);
    }
    if turn.from.is_some() && conversation::is_kept(pair, m.id) {
        // What it may have opened by itself never was.
        if let Some(old) = &opened {
            conversation::withdraw(m, old, pair);
        }
        conversation::place(facts, m, pair);
        return turn;
    }
    match (&opened, turn.placed.unit) {
        (Some(old), Unit::Covered) => conversation::withdraw(m, old, pair),
        (Some(old), _) if news || m.at_s < old.at_s => conversation::revise(facts, m, old, pair),
        _ => {}
    }
    turn
}

/// Compares what is at hand with the earliest of its conversation.
fn among_named(facts: &Facts<'_>, message: Option<&Message>, hand: &Hand<'_>, turn: &mut Turn, out: &mut Decision) {
    let (m, itself) = (&hand.m, hand.itself);
    let opened = hand.booked.filter(|b| b.unit.is_opened());
    // The id is said for the first time of what was opened without one.
    let nameless = opened.is_some_and(|b| b.unit == Unit::Conversation && !b.named);
    let bound = match facts.state.wamids.get(&opening_key(m.waba, m.message)) {
        Some(Known::Key(id)) if nameless => *id,
        _ => 0,
    };
    // What was taken for the same conversation is another one, which is charged to nobody yet.
    if bound != 0
        && bound != m.id
        && let Earliest::Of(member) = earliest(facts, message, bound, itself)
        && !member.booked.unit.is_charged()
    {
        turn.to.push(member);
    }
    let covered = |opened_s: u32| Placed { unit: Unit::Covered, opened_s, bound: 0 };
    let stays_covered = match turn.placed.unit {
        Unit::Covered => turn.placed,
        _ => covered(0),
    };
    let mut is_earliest = false;
    match earliest(facts, message, m.id, itself) {
        Earliest::Itself => {}
        Earliest::Nobody => {
            is_earliest = true;
            if turn.placed.bound != 0 {
                out.changes.push(Change::Key(opening_key(m.waba, turn.placed.bound), m.id));
            }
        }
        Earliest::Of(first) if first.booked.unit.is_charged() => {
            is_earliest = hand.order() < first.order();
            turn.placed = covered(first.booked.at_s);
            if is_earliest {
                turn.from = Some(first);
                turn.placed = Placed { unit: Unit::NamedConversation, opened_s: m.at_s, bound: 0 };
            }
        }
        Earliest::Of(first) => {
            is_earliest = hand.order() < first.order();
            if bound != m.id {
                turn.placed = stays_covered;
            } else if !is_earliest {
                turn.placed = covered(first.order().0);
                turn.to.push(first);
            }
        }
        Earliest::Left => {
            is_earliest = true;
            if bound != m.id {
                turn.placed = stays_covered;
            }
        }
        Earliest::Gone => {
            if bound != m.id && opened.is_none_or(|b| b.unit != Unit::NamedConversation) {
                turn.placed = stays_covered;
            }
        }
    }
    if is_earliest {
        out.changes.push(match itself {
            Itself::Own(uid, number) => Change::Wamid(m.id, uid, number),
            Itself::Foreign(hash) => Change::Key(m.id, hash),
        });
    }
}

/// Takes the charge of a conversation back from who was thought to have opened it: that one is covered.
pub(super) fn give(
    moves: &mut Moves<'_, '_>,
    hand: Option<&mut Message>,
    member: &Member,
    opened_s: u32,
    s: &Status<'_>,
    out: &mut Decision,
) -> Option<Given> {
    let facts = moves.facts;
    let w = Whose::other(facts, hand.as_deref(), member, None, Some(s))?;
    let (place, old) = (w.place(facts), member.booked);
    let was = standing(facts, place.waba, place.expected, &old);
    let groups = place.groups(&was, old.at_s);
    place.uncount(&mut moves.counters, &was, old.at_s);
    let (entry, back) = take_back(moves, &w, &old, was, Cause::Settle, out);
    moves.add_spent(w.campaign, -old.cost);
    let revision = w.next_revision(old.revision);
    let now = Booked {
        unit: Unit::Covered,
        at_s: opened_s,
        allowance_used: 0,
        ordinal: 0,
        revision,
        cost: Decimal::ZERO,
        card: 0,
        stands: Stands::NotKept,
        by_hash: false,
        ..old
    };
    put(moves, hand, member, now, (back, Some(Decimal::ZERO)), out);
    Some(Given { entry, revision, booked: old, groups })
}

/// Charges a conversation to its earliest message, which was covered so far. `revision` is that of the message at hand, which
/// may have been charged for it.
pub(super) fn take(
    moves: &mut Moves<'_, '_>,
    hand: Option<&mut Message>,
    member: &Member,
    revision: u32,
    s: &Status<'_>,
    out: &mut Decision,
) {
    let facts = moves.facts;
    let Some(w) = Whose::other(facts, hand.as_deref(), member, None, Some(s)) else { return };
    let place = w.place(facts);
    let mut new = Booked {
        unit: Unit::NamedConversation,
        named: true,
        at_s: member.order().0,
        fep_open: conversation::is_free_entry(&member.booked.reported),
        revision: revision.max(member.booked.revision),
        ..member.booked
    };
    place.take_positions(&moves.counters, &mut new);
    let rated = place.rate(&new);
    place.count(&mut moves.counters, &rated, new.at_s);
    keep(&mut new, facts, &rated);
    let how = Charged { kind: w.kind(kind_of(&rated)), cause: Some(Cause::Settle), adjusts: None };
    let entry = emit(moves, &w, &new, rated, how, out);
    moves.add_spent(w.campaign, new.cost);
    put(moves, hand, member, new, (entry, amount(&rated)), out);
}

/// Keeps what is booked of a message that is not at hand, whose charge something else moved, and tells of it, where it is ours.
pub(super) fn put(
    moves: &mut Moves<'_, '_>,
    hand: Option<&mut Message>,
    member: &Member,
    booked: Booked,
    charge: (u128, Option<Decimal>),
    out: &mut Decision,
) {
    let (uid, n, a) = match &member.who {
        Who::Own(uid, n, a) => (*uid, *n, a),
        Who::Foreign(hash, f) => {
            out.changes.push(Change::Foreign(*hash, Box::new(Foreign { booked, ..**f })));
            return;
        }
    };
    match hand.filter(|m| m.uid == uid) {
        Some(m) => m.attempts[n].booked = Some(booked),
        None => moves.put_booked(uid, n, booked),
    }
    let mut o = OutcomeFx::new(uid, a.number, u64::from(a.delivered_s) * 1000, a.state.outcome());
    o.charge = Some(charge);
    out.effects.push(Effect::Outcome(Box::new(o)));
}
