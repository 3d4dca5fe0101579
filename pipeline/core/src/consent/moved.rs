//! A person has another number. What the person refused is refused there too; what the person agreed to is not taken
//! along, because the agreement was given for the number that was left.

use super::proof::{Said, prove};
use super::said::{Whose, put};
use crate::change::Change;
use crate::decide::{Decision, Facts, person};
use crate::ids::{BrandIx, ContactKey};
use crate::inbound::clamp_s;
use crate::record::{Account, Moved, Refusals};
use smallvec::SmallVec;
use tollgate_wire::command::ConsentState;
use tollgate_wire::event::NumberChanged;

/// Longest chain of numbers that is followed.
const HOPS_MAX: usize = 8;

/// Source of the proofs of what was taken along.
const SOURCE: &str = "whatsapp number change";

/// The platform says that `from` is `to` since a second. Told again, nothing changes.
pub(crate) fn number(facts: &Facts<'_>, account: &Account, e: &NumberChanged<'_>, now_ms: u64, out: &mut Decision) {
    let (from, to) = (person(facts, &e.from, out).0, person(facts, &e.to, out).0);
    let Some((from, to)) = from.zip(to).filter(|(from, to)| from != to) else { return };
    let key = ContactKey::new(account.ix, from);
    let mut contact = facts.state.contact(key);
    let link = Moved { to, at_s: clamp_s(e.at_s, now_ms) };
    if contact.moved.is_some_and(|known| known.to == to && known.at_s >= link.at_s) {
        return;
    }
    if contact.moved.is_none_or(|known| known.at_s <= link.at_s) {
        contact.moved = Some(link);
        out.changes.push(Change::Contact(key, contact));
    }
    let whose = (key, BrandIx::NONE);
    let listed_s = contact.suppressed.then_some(link.at_s);
    follow(facts, whose, Some(link), &contact.refusals(link.at_s), listed_s, out);
    for brand in account.brands.numbers() {
        let refused = facts.state.said(key, brand).refusals(link.at_s);
        if !refused.is_empty() {
            follow(facts, (key, brand), Some(link), &refused, None, out);
        }
    }
}

/// Takes a person's refusals, and the place on the suppression list, to the numbers that the person has moved to since.
/// The platform keeps no order: what was said before a move may be told after it. A refusal that is known there stays as
/// it is, also where the person agreed anew later. What was refused to a brand is refused to that brand there. The list keeps
/// no time, so that a place on it follows whenever it was given: whether the move is told before or after must not matter.
pub(super) fn follow(
    facts: &Facts<'_>,
    (from, brand): Whose,
    mut link: Option<Moved>,
    said: &Refusals,
    listed_s: Option<u32>,
    out: &mut Decision,
) {
    let mut been: SmallVec<[ContactKey; HOPS_MAX]> = SmallVec::new();
    been.push(from);
    while let Some(Moved { to, at_s: moved_s }) = link {
        let key = ContactKey::new(from.account(), to);
        if been.contains(&key) || been.len() == HOPS_MAX {
            break;
        }
        been.push(key);
        let before = facts.state.said(key, brand);
        let mut contact = before;
        for &(category, at_s) in said.iter().filter(|(_, at_s)| *at_s <= moved_s) {
            if !contact.knows_refusal(category, at_s) {
                contact.opt_out(category, at_s);
                prove((key, brand), &Said::consent(category, ConsentState::OptOut, at_s, (SOURCE, "")), out);
            }
        }
        if let Some(listed_s) = listed_s.filter(|_| !contact.suppressed) {
            contact.suppressed = true;
            prove((key, brand), &Said::listed(true, listed_s.max(moved_s), SOURCE), out);
        }
        if contact != before {
            out.changes.push(put((key, brand), contact));
        }
        link = facts.state.contact(key).moved;
    }
}
