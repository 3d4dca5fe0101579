//! Messages of which the platform has not said a type: what they cost follows from the window at their delivery, by all that
//! the person wrote, whenever that is told.
//!
//! The platform says the type of nearly everything. What waits for it is kept with the person, a few at most; who writes
//! then, and it turns out that a window had been open, has those charges corrected.

use super::conversation::is_free_entry;
use super::corrected::{Correction, judge};
use super::handover::{Member, put};
use super::moves::{Charged, Moves, Whose, emit, withdraw};
use super::{amount, kind_of};
use crate::close;
use crate::decide::Decision;
use crate::ids::User;
use crate::record::{Booked, Pair, Unit, Untyped};
use crate::window;

/// So many of one person are kept: of more the oldest stay as they are.
const MOST: usize = 16;

/// Whether the window decides what it costs.
fn is_untyped(b: &Booked) -> bool {
    b.unit == Unit::Message && b.reported.pricing_type.is_none() && !is_free_entry(&b.reported)
}

/// Keeps a charge with the person, or forgets it because its type was said. `entry` is what was booked, if anything was.
/// `true` where the pair changes.
pub(super) fn note(pair: &mut Pair, wamid: u128, booked: &Booked, entry: Option<u128>) -> bool {
    let at = pair.past.as_ref().and_then(|past| past.untyped.iter().position(|u| u.wamid == wamid));
    let untyped = is_untyped(booked);
    if at.is_none() && (!untyped || entry.is_none()) || at.is_some() && untyped && entry.is_none() {
        return false;
    }
    let mut past = pair.past.take().unwrap_or_default();
    match (at, entry) {
        (Some(at), _) if !untyped => drop(past.untyped.remove(at)),
        (Some(at), Some(entry)) => past.untyped[at].entry = entry,
        (None, Some(entry)) => {
            if past.untyped.len() == MOST {
                past.untyped.remove(0);
            }
            past.untyped.push(Untyped { wamid, entry });
        }
        (_, None) => {}
    }
    window::keep(pair, past);
    true
}

/// Judges again what cost as if no window had been open at its delivery, where the person turns out to have written.
pub(crate) fn window_known(moves: &mut Moves<'_, '_>, user: User, pair: &mut Pair, out: &mut Decision) {
    let Some(waiting) = pair.past.as_ref().map(|past| past.untyped.clone()).filter(|all| !all.is_empty()) else {
        return;
    };
    let mut kept = waiting.clone();
    kept.retain(|u| {
        // What is forgotten stays as it is.
        let Some(member) = Member::known(moves.facts.state, u.wamid) else { return false };
        if let Some(entry) = again(moves, &member, user, pair, u.entry, out) {
            u.entry = entry;
        }
        true
    });
    if kept != waiting {
        let mut past = pair.past.take().unwrap_or_default();
        past.untyped = kept;
        window::keep(pair, past);
    }
}

/// The entry that stands from now on, where another does. The wamid is not at hand.
fn again(
    moves: &mut Moves<'_, '_>,
    member: &Member,
    user: User,
    pair: &Pair,
    stands: u128,
    out: &mut Decision,
) -> Option<u128> {
    let (facts, old) = (moves.facts, member.booked);
    let w = Whose::other(facts, None, member, Some(user), None)?;
    let delivered_s = member.delivered_s();
    let window_open = old.window_open || window::was_open_at(pair, old.at_s);
    // An earlier time that changed nothing is not booked.
    let known = window_open == old.window_open && window::was_open_at(pair, delivered_s.min(old.at_s)) == window_open;
    // Positions of a closed month are settled for good, and nobody is asked for more or less.
    if known || !is_untyped(&old) || w.client_paid && close::is_closed(facts, w.waba, old.at_s) {
        return None;
    }
    let new = Booked { window_open, ..old };
    let (mut new, correction) = judge(&w.place(facts), pair, &mut moves.counters, &old, new, delivered_s);
    let Correction { was, now, cause } = correction?;
    withdraw(moves, &w, &old, was, cause, stands, out);
    new.by_hash = true;
    new.revision = w.next_revision(old.revision);
    let how = Charged { kind: w.kind(kind_of(&now)), cause: Some(cause), adjusts: Some(stands) };
    let entry = emit(moves, &w, &new, now, how, out);
    moves.add_spent(w.campaign, new.cost - old.cost);
    put(moves, None, member, new, (entry, amount(&now)), out);
    Some(entry)
}
