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
//! software sent · `positions` in allowances and bands · `rating` what a charge costs and did cost · `reached` volume bands that
//! the platform says are reached · this file books.

mod conversation;
mod corrected;
mod foreign;
mod handover;
mod positions;
mod rating;
mod reached;

pub use conversation::conversation_id;
pub(crate) use conversation::{note_id, said_id};
pub(crate) use foreign::{foreign, is_own, is_priced, kept_waba};
pub(crate) use positions::Counters;
pub(crate) use reached::reached;

use crate::close;
use crate::decide::Decision;
use crate::effect::{Booking, Effect};
use crate::hashing;
use crate::ids::{CampaignIx, Uid, User};
use crate::life::Draft;
use crate::markup;
use crate::record::{Account, Attempt, Booked, Stands, Unit, Waba};
use crate::state::State;
use crate::window;
use corrected::{Correction, judge};
use handover::{Given, give, take, turn};
use positions::{Place, position};
use rating::{expected_type, keep, standing, stood_as};
use rust_decimal::Decimal;
use std::borrow::Cow;
use tollgate_rate_card::{Category, Country, PricingType, Rated};
use tollgate_wire::event::Status;
use tollgate_wire::ledger::{Cause, EntryKind};

/// The WABA that an attempt is billed to: its sender's when it was ordered.
pub(crate) fn waba_of<'s>(state: &'s State, a: &Attempt) -> &'s Waba {
    state.waba_at(a.waba.unwrap_or_else(|| state.sender_at(a.sender).waba))
}

/// Whose charge it is: that of the attempt at hand, or of another one of its conversation.
#[derive(Clone, Copy)]
struct Whose<'w> {
    uid: Uid,
    attempt: Attempt,
    user: User,
    campaign: CampaignIx,
    account: &'w Account,
    /// What the status at hand says of it.
    wamid: Option<&'w str>,
    wamid_hash: u128,
    conversation: Option<&'w str>,
}

impl<'w> Whose<'w> {
    fn at_hand(d: &Draft<'_, 'w>, n: usize, s: &'w Status<'_>) -> Self {
        let (m, attempt) = (&d.message, d.message.attempts[n]);
        Self {
            uid: m.uid,
            attempt,
            user: m.user,
            campaign: m.campaign,
            account: d.account,
            wamid: Some(&s.wamid),
            wamid_hash: d.facts.key.wamid(&s.wamid),
            conversation: s.pricing.as_ref().and_then(|p| p.conversation.as_deref()),
        }
    }

    /// Another one: its wamid's text is not at hand, and that of the id only where it is the same.
    fn other(d: &Draft<'_, 'w>, uid: Uid, n: usize, s: &'w Status<'_>) -> Option<Self> {
        let m = d.message_of(uid)?;
        let attempt = m.attempts[n];
        let state = d.facts.state;
        let same = said_id(waba_of(state, &attempt), s.pricing.as_ref()) == attempt.conversation;
        Some(Self {
            uid,
            attempt,
            user: m.user,
            campaign: m.campaign,
            account: state.account_at(m.account),
            wamid: None,
            wamid_hash: attempt.wamid,
            conversation: s.pricing.as_ref().filter(|_| same).and_then(|p| p.conversation.as_deref()),
        })
    }
}

/// What an entry is besides its charge.
#[derive(Clone, Copy)]
struct Charged {
    kind: EntryKind,
    cause: Option<Cause>,
    adjusts: Option<u128>,
    sign: i8,
}

/// Books the charge of a delivered attempt, or corrects it; the entry that stands now and its amount, when
/// something was booked.
pub(crate) fn book(
    d: &mut Draft<'_, '_>,
    n: usize,
    s: &Status<'_>,
    out: &mut Decision,
) -> Option<(u128, Option<Decimal>)> {
    let turn = turn(d, n, out);
    let given = turn.from.as_ref().and_then(|from| give(d, from, turn.placed.opened_s, s, out));
    let charge = book_at_hand(d, n, s, turn.placed, given.as_ref(), out);
    for member in &turn.to {
        take(d, member, n, s, out);
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
    let (after, adjusts) = given.map_or((0, None), |g| (g.booked.revision + 1, Some(g.entry)));
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
    let place = place_of(d, &w);
    let was = standing(d.facts, place.waba, place.expected, &old);
    place.uncount(&mut d.counters, &was, old.at_s);
    let (first, back) = take_back(d, &w, place.waba, &old, was, Cause::Reclassified, out);
    d.add_spent(w.campaign, -old.cost);
    let stands = charge(d, n, s, new, cause, adjusts.or(Some(first)), given, out);
    Some(stands.unwrap_or((back, Some(Decimal::ZERO))))
}

/// What is booked of an attempt before it has its positions and its price.
fn blank(d: &mut Draft<'_, '_>, n: usize, s: &Status<'_>, placed: conversation::Placed) -> Booked {
    let a = d.message.attempts[n];
    let pair = d.pair(a.sender);
    let window_open = window::was_open_at(pair, a.delivered_s);
    let fep_open = match placed.unit {
        Unit::Message => window::fep_open_at(pair, a.delivered_s),
        _ => conversation::is_free_entry(&a.reported),
    };
    Booked {
        unit: placed.unit,
        named: a.conversation != 0,
        at_s: if placed.unit.is_charged() { a.delivered_s } else { placed.opened_s },
        country: a.booked.and_then(|b| b.country).or_else(|| country_of(d, s)),
        reported: a.reported,
        window_open,
        fep_open,
        allowance_used: 0,
        ordinal: 0,
        revision: 0,
        cost: Decimal::ZERO,
        card: 0,
        stands: Stands::NotKept,
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
        let place = place_of(d, &w);
        place.take_positions(&d.counters, &mut new);
        if let Some(given) = given {
            place.inherit(&given.groups, &given.booked, &mut new);
        }
        let rated = place.rate(&new);
        place.count(&mut d.counters, &rated, new.at_s);
        keep(&mut new, d.facts, &rated);
        let how = Charged { kind: kind_of(&rated), cause, adjusts, sign: 1 };
        let entry = emit(d, &w, place.waba, &new, rated, how, out);
        d.add_spent(w.campaign, new.cost);
        booked = Some((entry, amount(&rated)));
    }
    d.message.attempts[n].booked = Some(new);
    booked
}

/// Takes the entry that stands back; its id, and that of the adjustment.
fn take_back(
    d: &Draft<'_, '_>,
    w: &Whose<'_>,
    waba: &Waba,
    old: &Booked,
    was: Rated,
    cause: Cause,
    out: &mut Decision,
) -> (u128, u128) {
    let first = entry_id(&waba.id, stood_as(old, &was), &charge_key(w, waba, old.unit), old.revision);
    let taken_back = Booked { revision: old.revision + 1, ..*old };
    let how = Charged { kind: EntryKind::Adjustment, cause: Some(cause), adjusts: Some(first), sign: -1 };
    (first, emit(d, w, waba, &taken_back, was, how, out))
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
    let mut new = Booked { reported: a.reported, named: a.conversation != 0, country, ..old };
    if old.unit.is_opened() {
        new.fep_open = conversation::is_free_entry(&a.reported);
    }
    if new == old && a.delivered_s >= old.at_s {
        return None;
    }
    if !old.unit.is_charged() {
        d.message.attempts[n].booked = Some(new);
        return None;
    }
    let w = Whose::at_hand(d, n, s);
    let place = place_of(d, &w);
    let (new, correction) = judge(&place, &mut d.counters, &old, new, a.delivered_s);
    d.message.attempts[n].booked = Some(new);
    let Correction { was, now, cause } = correction?;
    let (first, _) = take_back(d, &w, place.waba, &old, was, cause, out);
    let how = Charged { kind: kind_of(&now), cause: Some(cause), adjusts: Some(first), sign: 1 };
    let entry = emit(d, &w, place.waba, &new, now, how, out);
    d.add_spent(w.campaign, new.cost - old.cost);
    Some((entry, amount(&now)))
}

/// Where an attempt is charged.
fn place_of<'f>(d: &Draft<'_, 'f>, w: &Whose<'f>) -> Place<'f> {
    let (facts, a) = (d.facts, &w.attempt);
    let (sender, waba) = (facts.state.sender_at(a.sender), waba_of(facts.state, a));
    Place { facts, account: w.account, sender, waba, expected: Some(a.category) }
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

/// The charge key: the wamid; for a conversation, of the platform's id if it had said one, else of WABA and the wamid that
/// opened it.
fn charge_key<'w>(w: &Whose<'w>, waba: &Waba, unit: Unit) -> Cow<'w, str> {
    match (unit, w.wamid) {
        (Unit::Message | Unit::Covered, wamid) => wamid.unwrap_or_default().into(),
        (Unit::NamedConversation, _) => hex(w.attempt.conversation),
        (Unit::Conversation, _) => hex(opening_key(waba, w.attempt.wamid)),
    }
}

/// Key of a conversation that was opened while no id of it was said, by the hash of the wamid.
pub(crate) fn opening_key(waba: &Waba, wamid: u128) -> u128 {
    hashing::public(&[b"opening", waba.id.as_bytes(), &wamid.to_be_bytes()]).max(1)
}

/// The key of what an attempt opened while no id of it was said; 0 = it opened nothing so.
pub(crate) fn unnamed_key(state: &State, a: &Attempt) -> u128 {
    let unnamed = a.booked.is_some_and(|b| b.unit == Unit::Conversation);
    if unnamed { opening_key(waba_of(state, a), a.wamid) } else { 0 }
}

fn hex(key: u128) -> Cow<'static, str> {
    format!("{key:032x}").into()
}

fn emit(
    d: &Draft<'_, '_>,
    w: &Whose<'_>,
    waba: &Waba,
    b: &Booked,
    rated: Rated,
    how: Charged,
    out: &mut Decision,
) -> u128 {
    let a = &w.attempt;
    let entry = entry_id(&waba.id, how.kind, &charge_key(w, waba, b.unit), b.revision);
    let (price_currency, price) = markup::price(d.facts, waba, &rated, b.at_s);
    let (billed, cause) = close::billed(d.facts, waba, b.at_s, how.cause);
    out.effects.push(Effect::Ledger(Box::new(Booking {
        entry,
        kind: how.kind,
        cause,
        adjusts: how.adjusts,
        revision: b.revision,
        sign: how.sign,
        sender: a.sender,
        waba: waba.ix,
        user: w.user,
        own: Some((w.uid, a.number)),
        forgotten: None,
        wamid: w.wamid.map(Box::from),
        wamid_hash: w.wamid_hash,
        rated,
        price_currency,
        price,
        expected: Some(a.category),
        expected_type: expected_type(d.facts, waba, Some(a.category), b),
        country: b.country,
        reported: b.reported,
        conversation: w.conversation.map(Box::from),
        ordinal: position(&rated, b),
        at_s: b.at_s,
        booked_ms: d.now_ms,
        billed,
    })));
    entry
}
