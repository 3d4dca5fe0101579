//! Who is charged for a conversation that the platform names: of the messages of its id that were delivered the one of the
//! earliest instant, of one instant that of the smaller wamid hash, in whatever order their deliveries are reported.
//!
//! Under the id stands who that is. An earlier one that comes takes the charge over: both are changed by one decision. The
//! earliest is not charged itself only where the conversation was opened by a message of which no id was said yet; which
//! that is stands in the pair until an id is said, and what it is bound to under its charge key.

use super::conversation::{self, Delivered, Placed};
use super::positions::Groups;
use super::rating::{keep, standing};
use super::{Charged, Whose, amount, emit, is_own, kind_of, opening_key, place_of, take_back, waba_of};
use crate::change::Change;
use crate::decide::Decision;
use crate::effect::{Effect, OutcomeFx};
use crate::ids::Uid;
use crate::life::Draft;
use crate::record::{Attempt, Booked, Known, Stands, Unit};
use rust_decimal::Decimal;
use smallvec::SmallVec;
use tollgate_wire::event::Status;
use tollgate_wire::ledger::Cause;

/// An attempt of a conversation.
#[derive(Clone, Copy)]
pub(super) struct Member {
    uid: Uid,
    n: usize,
    attempt: Attempt,
    booked: Booked,
}

impl Member {
    fn order(&self) -> (u32, u128) {
        order(&self.attempt)
    }
}

/// The canonical order.
fn order(a: &Attempt) -> (u32, u128) {
    (a.delivered_s, a.wamid)
}

/// What a delivery is charged as, and whose charges move by it.
pub(super) struct Turn {
    pub placed: Placed,
    /// Who was charged for the conversation so far.
    pub from: Option<Member>,
    /// Who is charged for its conversation from now on.
    pub to: SmallVec<[Member; 2]>,
}

/// What was taken back for the one who is charged now.
pub(super) struct Given {
    pub entry: u128,
    pub booked: Booked,
    pub groups: Groups,
}

/// Who stands under the id of a conversation.
enum Earliest {
    Nobody,
    /// The attempt at hand.
    Itself,
    /// An attempt that is charged, or covered by one of which no id was said.
    Of(Member),
    /// One that is charged by itself since.
    Left,
    /// Forgotten: nothing moves.
    Gone,
}

fn earliest(d: &Draft<'_, '_>, id: u128, itself: (Uid, u8)) -> Earliest {
    match d.facts.state.wamids.get(&id) {
        None => Earliest::Nobody,
        Some(Known::Numbers(uid, number)) if (*uid, *number) == itself => Earliest::Itself,
        Some(Known::Numbers(uid, number)) if is_own(*uid) => {
            let found = d.message_of(*uid).and_then(|m| Some((m, m.position(*number)?)));
            let Some((m, n)) = found else { return Earliest::Gone };
            let attempt = m.attempts[n];
            match attempt.booked.filter(|b| b.unit != Unit::Message) {
                Some(booked) => Earliest::Of(Member { uid: *uid, n, attempt, booked }),
                None => Earliest::Left,
            }
        }
        Some(_) => Earliest::Gone,
    }
}

/// Places an attempt that was delivered. What is placed stays where it is until the platform says more of it.
pub(super) fn turn(d: &mut Draft<'_, '_>, n: usize, out: &mut Decision) -> Turn {
    let a = d.message.attempts[n];
    let state = d.facts.state;
    let waba = waba_of(state, &a);
    let m = Delivered {
        waba,
        at_s: a.delivered_s,
        category: Some(a.category),
        reported: a.reported,
        id: a.conversation,
        message: a.wamid,
    };
    let news = a.booked.is_some_and(|b| a.reported != b.reported || (a.conversation != 0) != b.named);
    let opened = a.booked.filter(|b| b.unit.is_opened());
    let placed = match a.booked {
        Some(old) if opened.is_some() || !news => Placed { unit: old.unit, opened_s: old.at_s, bound: 0 },
        _ => conversation::place(d.facts, &m, d.pair(a.sender)),
    };
    let mut turn = Turn { placed, from: None, to: SmallVec::new() };
    if m.id != 0 && placed.unit != Unit::Message {
        among_named(d, n, &m, &mut turn, out);
    }
    let facts = d.facts;
    if turn.from.is_some() && conversation::is_kept(d.pair(a.sender), m.id) {
        // What it may have opened by itself never was.
        if let Some(old) = &opened {
            conversation::withdraw(&m, old, d.pair(a.sender));
        }
        conversation::place(facts, &m, d.pair(a.sender));
        return turn;
    }
    match (&opened, turn.placed.unit) {
        (Some(old), Unit::Covered) => conversation::withdraw(&m, old, d.pair(a.sender)),
        (Some(old), _) if news || a.delivered_s < old.at_s => {
            conversation::revise(facts, &m, old, d.pair(a.sender));
        }
        _ => {}
    }
    turn
}

/// Compares an attempt with the earliest of its conversation.
fn among_named(d: &Draft<'_, '_>, n: usize, m: &Delivered<'_>, turn: &mut Turn, out: &mut Decision) {
    let a = d.message.attempts[n];
    let itself = (d.message.uid, a.number);
    let opened = a.booked.filter(|b| b.unit.is_opened());
    // The id is said for the first time of what was opened without one.
    let nameless = opened.is_some_and(|b| b.unit == Unit::Conversation && !b.named);
    let bound = match d.facts.state.wamids.get(&opening_key(m.waba, a.wamid)) {
        Some(Known::Key(id)) if nameless => *id,
        _ => 0,
    };
    // What was taken for the same conversation is another one, which is charged to nobody yet.
    if bound != 0
        && bound != m.id
        && let Earliest::Of(member) = earliest(d, bound, itself)
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
    match earliest(d, m.id, itself) {
        Earliest::Itself => {}
        Earliest::Nobody => {
            is_earliest = true;
            if turn.placed.bound != 0 {
                out.changes.push(Change::Key(opening_key(m.waba, turn.placed.bound), m.id));
            }
        }
        Earliest::Of(first) if first.booked.unit.is_charged() => {
            is_earliest = order(&a) < first.order();
            turn.placed = covered(first.booked.at_s);
            if is_earliest {
                turn.from = Some(first);
                turn.placed = Placed { unit: Unit::NamedConversation, opened_s: a.delivered_s, bound: 0 };
            }
        }
        Earliest::Of(first) => {
            is_earliest = order(&a) < first.order();
            if bound != m.id {
                turn.placed = stays_covered;
            } else if !is_earliest {
                turn.to.push(first);
                turn.placed = covered(first.attempt.delivered_s);
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
        out.changes.push(Change::Wamid(m.id, itself.0, itself.1));
    }
}

/// Takes the charge of a conversation back from who was thought to have opened it: that one is covered.
pub(super) fn give(
    d: &mut Draft<'_, '_>,
    member: &Member,
    opened_s: u32,
    s: &Status<'_>,
    out: &mut Decision,
) -> Option<Given> {
    let w = Whose::other(d, member.uid, member.n, s)?;
    let (place, old) = (place_of(d, &w), member.booked);
    let was = standing(d.facts, place.waba, place.expected, &old);
    let groups = place.groups(&was, old.at_s);
    place.uncount(&mut d.counters, &was, old.at_s);
    let (entry, back) = take_back(d, &w, place.waba, &old, was, Cause::Settle, out);
    d.add_spent(w.campaign, -old.cost);
    let now = Booked {
        unit: Unit::Covered,
        at_s: opened_s,
        allowance_used: 0,
        ordinal: 0,
        revision: old.revision + 1,
        cost: Decimal::ZERO,
        card: 0,
        stands: Stands::NotKept,
        ..old
    };
    d.put_booked(member.uid, member.n, now);
    tell(member, (back, Some(Decimal::ZERO)), out);
    Some(Given { entry, booked: old, groups })
}

/// Charges a conversation to its earliest message, which was covered so far. Its key is used for the first time by it: the
/// revision follows on that of the attempt at hand only because what it is charged for may be what that one was.
pub(super) fn take(d: &mut Draft<'_, '_>, member: &Member, n: usize, s: &Status<'_>, out: &mut Decision) {
    let Some(w) = Whose::other(d, member.uid, member.n, s) else { return };
    let before = d.message.attempts[n].booked.map_or(0, |b| b.revision);
    let place = place_of(d, &w);
    let mut new = Booked {
        unit: Unit::NamedConversation,
        named: true,
        at_s: member.attempt.delivered_s,
        reported: member.attempt.reported,
        fep_open: conversation::is_free_entry(&member.attempt.reported),
        revision: before.max(member.booked.revision),
        ..member.booked
    };
    place.take_positions(&d.counters, &mut new);
    let rated = place.rate(&new);
    place.count(&mut d.counters, &rated, new.at_s);
    keep(&mut new, d.facts, &rated);
    let how = Charged { kind: kind_of(&rated), cause: Some(Cause::Settle), adjusts: None, sign: 1 };
    let entry = emit(d, &w, place.waba, &new, rated, how, out);
    d.add_spent(w.campaign, new.cost);
    d.put_booked(member.uid, member.n, new);
    tell(member, (entry, amount(&rated)), out);
}

/// The move of a message whose charge another one's status moved.
fn tell(member: &Member, charge: (u128, Option<Decimal>), out: &mut Decision) {
    let a = &member.attempt;
    let at_ms = u64::from(a.delivered_s) * 1000;
    let mut o = OutcomeFx::new(member.uid, a.number, at_ms, a.state.outcome());
    o.charge = Some(charge);
    out.effects.push(Effect::Outcome(Box::new(o)));
}
