//! Charges: booked when a delivery is reported, once per attempt, keyed by the platform's message id; where the platform
//! charges by conversation, once per conversation.
//!
//! Duplicates and orders of statuses change nothing. A later status that says another category or type, or an
//! earlier time across a card's, mark-up's or month's edge, takes the entry back and books anew; entries are never changed.
//! So does an earlier time of what has a position in a group, since the time is what orders it when it is settled.
//!
//! What stands is known by what was kept of it, not by what the catalogue and the sender have become: the card, the kind and
//! the cost with the charge, the WABA with the attempt.
//!
//! `conversation` what a delivery is charged as · `handover` who of a conversation is charged · `corrected` whether what stands is corrected · `foreign` messages that other
//! software sent · `moves` what a charge changes elsewhere · `positions` in allowances and bands · `rating` what a charge costs and did cost · `reached` volume bands that
//! the platform says are reached · `untyped` what follows from the window · this file books.

mod conversation;
mod corrected;
mod foreign;
mod handover;
mod moves;
mod positions;
mod rating;
mod reached;
mod untyped;

pub use conversation::conversation_id;
pub(crate) use conversation::{note_id, said_id};
pub(crate) use foreign::{foreign, is_own, is_priced, kept_waba};
pub(crate) use reached::reached;
pub(crate) use untyped::window_known;

use crate::decide::Decision;
use crate::hashing;
use crate::life::Draft;
use crate::record::{Attempt, Booked, Foreign, Stands, Unit, Waba};
use crate::state::State;
use crate::window;
use corrected::{Correction, judge};
use handover::{Given, Hand, give, take, turn};
pub(crate) use moves::Moves;
use moves::{Charged, Whose, emit, take_back};
use rating::{keep, standing};
use rust_decimal::Decimal;
use std::borrow::Cow;
use tollgate_rate_card::{Category, Country, PricingType, Rated};
use tollgate_wire::event::Status;
use tollgate_wire::ledger::{Cause, EntryKind};

/// The WABA that an attempt is billed to: its sender's when it was ordered.
pub(crate) fn waba_of<'s>(state: &'s State, a: &Attempt) -> &'s Waba {
    state.waba_at(a.waba.unwrap_or_else(|| state.sender_at(a.sender).waba))
}

/// Books the charge of a delivered attempt, or corrects it; the entry that stands now and its amount, when
/// something was booked.
pub(crate) fn book(
    d: &mut Draft<'_, '_>,
    n: usize,
    s: &Status<'_>,
    out: &mut Decision,
) -> Option<(u128, Option<Decimal>)> {
    let a = d.message.attempts[n];
    let hand = Hand::of_attempt(d, n);
    let mut pair = d.peek(a.sender);
    let as_known = pair.clone();
    let turn = turn(d.facts, Some(&d.message), &hand, &mut pair, out);
    if pair != as_known {
        *d.pair(a.sender) = pair;
    }
    let (moves, message) = (&mut d.moves, &mut d.message);
    let given = turn.from.as_ref().and_then(|from| give(moves, Some(message), from, turn.placed.opened_s, s, out));
    let charge = book_at_hand(d, n, s, turn.placed, given.as_ref(), out);
    let revision = d.message.attempts[n].booked.map_or(0, |b| b.revision);
    for member in &turn.to {
        take(&mut d.moves, Some(&mut d.message), member, revision, s, out);
    }
    let a = &d.message.attempts[n];
    if let Some(booked) = a.booked {
        let (wamid, sender, mut pair) = (a.wamid, a.sender, d.peek(a.sender));
        if untyped::note(&mut pair, wamid, &booked, charge.map(|(entry, _)| entry)) {
            *d.pair(sender) = pair;
        }
    }
    charge
}

fn book_at_hand(
    d: &mut Draft<'_, '_>,
    n: usize,
    s: &Status<'_>,
    placed: conversation::Placed,
    given: Option<&Given>,
    out: &mut Decision,
) -> Option<(u128, Option<Decimal>)> {
    let a = d.message.attempts[n];
    let (after, adjusts) = given.map_or((0, None), |g| (g.revision, Some(g.entry)));
    let moved = given.map(|_| Cause::Settle);
    let Some(old) = a.booked else {
        let charged = |b: Booked| b.unit.is_charged();
        let resend = d.message.attempts.iter().enumerate().any(|(i, o)| i != n && o.booked.is_some_and(charged));
        let blank = Booked { revision: after, ..blank(d, n, s, placed) };
        return charge(d, n, s, blank, moved.or(resend.then_some(Cause::Resend)), adjusts, given, out);
    };
    if placed.unit == old.unit {
        return correct(d, n, s, old, out);
    }
    // The platform's later word moves it into a conversation, or out of one: another thing is charged, or nothing.
    let mut new = blank(d, n, s, placed);
    new.revision = after.max(old.revision);
    let cause = moved.or(Some(Cause::Reclassified));
    if !old.unit.is_charged() {
        return charge(d, n, s, new, cause, adjusts, given, out);
    }
    new.revision = after.max(old.revision + 1);
    let w = Whose::at_hand(d, n, s);
    let place = w.place(d.facts);
    let was = standing(d.facts, place.waba, place.expected, &old);
    place.uncount(&mut d.moves.counters, &was, old.at_s);
    let (first, back) = take_back(&d.moves, &w, &old, was, Cause::Reclassified, out);
    d.moves.add_spent(w.campaign, -old.cost);
    let stands = charge(d, n, s, new, cause, adjusts.or(Some(first)), given, out);
    Some(stands.unwrap_or((back, Some(Decimal::ZERO))))
}

/// What is booked of an attempt before it has its positions and its price.
fn blank(d: &mut Draft<'_, '_>, n: usize, s: &Status<'_>, placed: conversation::Placed) -> Booked {
    let a = d.message.attempts[n];
    let pair = d.pair(a.sender);
    let window_open = window::was_open_at(pair, a.delivered_s);
    Booked {
        unit: placed.unit,
        named: a.conversation != 0,
        at_s: if placed.unit.is_charged() { a.delivered_s } else { placed.opened_s },
        country: a.booked.and_then(|b| b.country).or_else(|| country_of(d, s)),
        reported: a.reported,
        window_open,
        fep_open: conversation::is_free_entry(&a.reported),
        allowance_used: 0,
        ordinal: 0,
        revision: 0,
        cost: Decimal::ZERO,
        card: 0,
        stands: Stands::NotKept,
        by_hash: false,
    }
}

/// Books what is charged for the first time, or notes that nothing is.
#[expect(clippy::too_many_arguments, reason = "one place where a charge is booked")]
fn charge(
    d: &mut Draft<'_, '_>,
    n: usize,
    s: &Status<'_>,
    mut new: Booked,
    cause: Option<Cause>,
    adjusts: Option<u128>,
    given: Option<&Given>,
    out: &mut Decision,
) -> Option<(u128, Option<Decimal>)> {
    let mut booked = None;
    if new.unit.is_charged() {
        let w = Whose::at_hand(d, n, s);
        let place = w.place(d.facts);
        place.take_positions(&d.moves.counters, &mut new);
        if let Some(given) = given {
            place.inherit(&given.groups, &given.booked, &mut new);
        }
        let rated = place.rate(&new);
        place.count(&mut d.moves.counters, &rated, new.at_s);
        keep(&mut new, d.facts, &rated);
        let entry = emit(&d.moves, &w, &new, rated, Charged { kind: kind_of(&rated), cause, adjusts }, out);
        d.moves.add_spent(w.campaign, new.cost);
        booked = Some((entry, amount(&rated)));
    }
    d.message.attempts[n].booked = Some(new);
    booked
}

/// Corrects what stands for a charge whose key stays.
fn correct(
    d: &mut Draft<'_, '_>,
    n: usize,
    s: &Status<'_>,
    old: Booked,
    out: &mut Decision,
) -> Option<(u128, Option<Decimal>)> {
    let a = d.message.attempts[n];
    let country = old.country.or_else(|| country_of(d, s));
    let pair = d.peek(a.sender);
    let new = Booked {
        reported: a.reported,
        named: a.conversation != 0,
        country,
        window_open: old.window_open || window::was_open_at(&pair, old.at_s),
        fep_open: conversation::is_free_entry(&a.reported),
        ..old
    };
    if new == old && a.delivered_s >= old.at_s {
        return None;
    }
    if !old.unit.is_charged() {
        d.message.attempts[n].booked = Some(new);
        return None;
    }
    let w = Whose::at_hand(d, n, s);
    let place = w.place(d.facts);
    let (new, correction) = judge(&place, &pair, &mut d.moves.counters, &old, new, a.delivered_s);
    d.message.attempts[n].booked = Some(new);
    let Correction { was, now, cause } = correction?;
    let (first, _) = take_back(&d.moves, &w, &old, was, cause, out);
    let how = Charged { kind: kind_of(&now), cause: Some(cause), adjusts: Some(first) };
    let entry = emit(&d.moves, &w, &new, now, how, out);
    d.moves.add_spent(w.campaign, new.cost - old.cost);
    Some((entry, amount(&now)))
}

fn country_of(d: &Draft<'_, '_>, s: &Status<'_>) -> Option<Country> {
    match d.message.user.digits() {
        Some(digits) => d.facts.rates.map().lookup(digits),
        None => match &s.to {
            tollgate_wire::request::Recipient::Scoped { country, .. } => {
                country.as_deref().and_then(Country::new).and_then(|c| d.facts.rates.map().by_country(c))
            }
            tollgate_wire::request::Recipient::Number(_) => None,
        },
    }
}

fn category_of(rated: &Rated) -> Option<Category> {
    match rated {
        Rated::Priced(p) => p.category,
        Rated::Unpriced(u) => u.category,
    }
}

fn cost(rated: &Rated) -> Decimal {
    amount(rated).unwrap_or(Decimal::ZERO)
}

fn amount(rated: &Rated) -> Option<Decimal> {
    match rated {
        Rated::Priced(p) => Some(p.cost),
        Rated::Unpriced(_) => None,
    }
}

fn kind_of(rated: &Rated) -> EntryKind {
    match rated {
        Rated::Priced(p) if p.pricing_type == PricingType::Regular => EntryKind::Charge,
        Rated::Priced(_) => EntryKind::Free,
        Rated::Unpriced(_) => EntryKind::Unpriced,
    }
}

/// Id of the entry of a charge key: `hash(waba, kind, key, revision)`. The key of a message is its wamid, that of a
/// conversation 32 hexadecimal digits.
#[must_use]
pub fn entry_id(waba: &str, kind: EntryKind, key: &str, revision: u32) -> u128 {
    hashing::public(&[waba.as_bytes(), kind.as_str().as_bytes(), key.as_bytes(), &revision.to_le_bytes()])
}

/// Key of a conversation that was opened while no id of it was said, by the hash of the wamid.
pub(crate) fn opening_key(waba: &Waba, wamid: u128) -> u128 {
    hashing::public(&[b"opening", waba.id.as_bytes(), &wamid.to_be_bytes()]).max(1)
}

/// Key of a message that is booked again while its wamid is not at hand, by the hash of the wamid.
fn hashed_key(waba: &Waba, wamid: u128) -> u128 {
    hashing::public(&[b"message", waba.id.as_bytes(), &wamid.to_be_bytes()])
}

/// The key of what an attempt opened while no id of it was said; 0 = it opened nothing so.
pub(crate) fn unnamed_key(state: &State, a: &Attempt) -> u128 {
    let unnamed = a.booked.is_some_and(|b| b.unit == Unit::Conversation);
    if unnamed { opening_key(waba_of(state, a), a.wamid) } else { 0 }
}

/// The same of what other software sent, by the hash of its wamid.
pub(crate) fn unnamed_key_of(state: &State, f: &Foreign, wamid: u128) -> u128 {
    let waba = kept_waba(f.kept).filter(|_| f.booked.unit == Unit::Conversation);
    waba.map_or(0, |waba| opening_key(state.waba_at(waba), wamid))
}

fn hex(key: u128) -> Cow<'static, str> {
    format!("{key:032x}").into()
}
