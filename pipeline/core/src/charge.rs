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
//! `conversation` what a delivery is charged as · `corrected` whether what stands is corrected · `foreign` messages that other
//! software sent · `positions` in allowances and bands · `rating` what a charge costs and did cost · `reached` volume bands that
//! the platform says are reached · this file books.

mod conversation;
mod corrected;
mod foreign;
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
use crate::life::Draft;
use crate::markup;
use crate::record::{Attempt, Booked, Stands, Unit, Waba};
use crate::state::State;
use crate::window;
use corrected::{Correction, judge};
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

/// Books the charge of a delivered attempt, or corrects it; the entry that stands now and its amount, when
/// something was booked.
pub(crate) fn book(
    d: &mut Draft<'_, '_>,
    n: usize,
    s: &Status<'_>,
    out: &mut Decision,
) -> Option<(u128, Option<Decimal>)> {
    let a = d.message.attempts[n];
    let placed = conversation::of_attempt(d, n, out);
    let Some(old) = a.booked else {
        let charged = |b: Booked| b.unit.is_charged();
        let resend = d.message.attempts.iter().enumerate().any(|(i, o)| i != n && o.booked.is_some_and(charged));
        let blank = blank(d, n, s, placed);
        return charge(d, n, s, blank, resend.then_some(Cause::Resend), None, out);
    };
    if placed.unit == old.unit {
        return correct(d, n, s, old, out);
    }
    // The platform's later word moves it into a conversation, or out of one: another thing is charged, or nothing.
    let mut new = blank(d, n, s, placed);
    new.revision = old.revision;
    if !old.unit.is_charged() {
        return charge(d, n, s, new, Some(Cause::Reclassified), None, out);
    }
    new.revision += 1;
    let place = place_of(d, n);
    let waba = place.waba;
    let was = standing(d.facts, waba, place.expected, &old);
    place.uncount(&mut d.counters, &was, old.at_s);
    let (first, back) = take_back(d, n, s, waba, &old, was, Cause::Reclassified, out);
    add_spent(d, -old.cost);
    let stands = charge(d, n, s, new, Some(Cause::Reclassified), Some(first), out);
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
fn charge(
    d: &mut Draft<'_, '_>,
    n: usize,
    s: &Status<'_>,
    mut new: Booked,
    cause: Option<Cause>,
    adjusts: Option<u128>,
    out: &mut Decision,
) -> Option<(u128, Option<Decimal>)> {
    let mut booked = None;
    if new.unit.is_charged() {
        let place = place_of(d, n);
        place.take_positions(&d.counters, &mut new);
        let rated = place.rate(&new);
        place.count(&mut d.counters, &rated, new.at_s);
        keep(&mut new, d.facts, &rated);
        let entry = emit(d, n, s, place.waba, &new, rated, kind_of(&rated), cause, adjusts, 1, out);
        add_spent(d, new.cost);
        booked = Some((entry, amount(&rated)));
    }
    d.message.attempts[n].booked = Some(new);
    booked
}

/// Takes the entry that stands back; its id, and that of the adjustment.
#[expect(clippy::too_many_arguments, reason = "one place where an entry is taken back")]
fn take_back(
    d: &Draft<'_, '_>,
    n: usize,
    s: &Status<'_>,
    waba: &Waba,
    old: &Booked,
    was: Rated,
    cause: Cause,
    out: &mut Decision,
) -> (u128, u128) {
    let first = entry_id(&waba.id, stood_as(old, &was), &charge_key(d, n, s, waba, old.unit), old.revision);
    let taken_back = Booked { revision: old.revision + 1, ..*old };
    (first, emit(d, n, s, waba, &taken_back, was, EntryKind::Adjustment, Some(cause), Some(first), -1, out))
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
    let place = place_of(d, n);
    let (new, correction) = judge(&place, &mut d.counters, &old, new, a.delivered_s);
    d.message.attempts[n].booked = Some(new);
    let Correction { was, now, cause } = correction?;
    let (first, _) = take_back(d, n, s, place.waba, &old, was, cause, out);
    let entry = emit(d, n, s, place.waba, &new, now, kind_of(&now), Some(cause), Some(first), 1, out);
    add_spent(d, new.cost - old.cost);
    Some((entry, amount(&now)))
}

/// Where an attempt is charged.
fn place_of<'f>(d: &Draft<'_, 'f>, n: usize) -> Place<'f> {
    let (facts, a) = (d.facts, &d.message.attempts[n]);
    let (sender, waba) = (facts.state.sender_at(a.sender), waba_of(facts.state, a));
    Place { facts, account: d.account, sender, waba, expected: Some(a.category) }
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

fn add_spent(d: &mut Draft<'_, '_>, delta: Decimal) {
    if d.message.campaign.some().is_some() && !delta.is_zero() {
        d.spent = Some(d.spent() + delta);
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

/// The charge key: the wamid; for a conversation, of the platform's id if it had said one, else of WABA, contact, category
/// and the wamid that opened it.
fn charge_key<'a>(d: &Draft<'_, '_>, n: usize, s: &'a Status<'_>, waba: &Waba, unit: Unit) -> Cow<'a, str> {
    let a = &d.message.attempts[n];
    match unit {
        Unit::Message | Unit::Covered => s.wamid.as_str().into(),
        Unit::NamedConversation => hex(a.conversation),
        Unit::Conversation => {
            hex(opening_key(waba, &d.facts.state.user_text(d.message.user), a.category.as_str(), &s.wamid))
        }
    }
}

fn opening_key(waba: &Waba, user: &str, category: &str, wamid: &str) -> u128 {
    let parts = [waba.id.as_str(), user, category, wamid].map(str::as_bytes);
    hashing::public(&parts)
}

fn hex(key: u128) -> Cow<'static, str> {
    format!("{key:032x}").into()
}

#[expect(clippy::too_many_arguments, reason = "one place where an entry is put together")]
fn emit(
    d: &Draft<'_, '_>,
    n: usize,
    s: &Status<'_>,
    waba: &Waba,
    b: &Booked,
    rated: Rated,
    kind: EntryKind,
    cause: Option<Cause>,
    adjusts: Option<u128>,
    sign: i8,
    out: &mut Decision,
) -> u128 {
    let entry = entry_id(&waba.id, kind, &charge_key(d, n, s, waba, b.unit), b.revision);
    let (price_currency, price) = markup::price(d.facts, waba, &rated, b.at_s);
    let (billed, cause) = close::billed(d.facts, waba, b.at_s, cause);
    out.effects.push(Effect::Ledger(Box::new(Booking {
        entry,
        kind,
        cause,
        adjusts,
        revision: b.revision,
        sign,
        sender: d.message.attempts[n].sender,
        waba: waba.ix,
        user: d.message.user,
        own: Some((d.message.uid, d.message.attempts[n].number)),
        forgotten: None,
        wamid: s.wamid.as_str().into(),
        rated,
        price_currency,
        price,
        expected: Some(d.message.attempts[n].category),
        expected_type: expected_type(d.facts, waba, Some(d.message.attempts[n].category), b),
        country: b.country,
        reported: b.reported,
        conversation: s.pricing.as_ref().and_then(|p| p.conversation.as_ref()).map(|c| c.as_str().into()),
        ordinal: position(&rated, b),
        at_s: b.at_s,
        booked_ms: d.now_ms,
        billed,
    })));
    entry
}
