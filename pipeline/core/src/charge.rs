//! Charges: booked when a delivery is reported, once per attempt, keyed by the platform's message id.
//!
//! Duplicates and orders of statuses change nothing. A later status that says another category or type, or an
//! earlier time across a card's or month's edge, takes the entry back and books anew; entries are never changed.

use crate::change::{Change, CounterKey};
use crate::decide::{Decision, Facts, person};
use crate::effect::{Booking, Effect};
use crate::hashing;
use crate::ids::{ContactKey, PairKey};
use crate::inbound::clamp_s;
use crate::life::Draft;
use crate::record::{Account, Booked, Sender, Waba};
use crate::window;
use rust_decimal::Decimal;
use tollgate_rate_card::{
    Category, Country, Date, PricingType, Rated, RatingInput, Reported, ReportedCategory, ReportedModel, ReportedType,
};
use tollgate_wire::command::{Funding, LimitScope};
use tollgate_wire::event::{Status, StatusKind};
use tollgate_wire::ledger::{Cause, EntryKind};

/// Books the charge of a delivered attempt, or corrects it; the entry that stands now and its amount, when
/// something was booked.
pub(crate) fn book(
    d: &mut Draft<'_, '_>,
    n: usize,
    s: &Status<'_>,
    out: &mut Decision,
) -> Option<(u128, Option<Decimal>)> {
    let state = d.facts.state;
    let a = d.message.attempts[n];
    let sender = state.sender_at(a.sender);
    let waba = state.waba_at(sender.waba);
    let pair = *d.pair(a.sender);
    let country = a.booked.and_then(|b| b.country).or_else(|| country_of(d, s));
    let expected = Some(a.category);
    let Some(old) = a.booked else {
        let resend = d.message.attempts.iter().enumerate().any(|(i, o)| i != n && o.booked.is_some());
        let mut booked = Booked {
            at_s: a.delivered_s,
            country,
            reported: a.reported,
            window_open: window::was_open_at(&pair, a.delivered_s),
            fep_open: window::fep_open_at(&pair, a.delivered_s),
            allowance_used: 0,
            ordinal: 0,
            revision: 0,
            cost: Decimal::ZERO,
        };
        take_positions(d, sender, waba, expected, &mut booked);
        let rated = rate(d.facts, waba, expected, &booked);
        count(d, sender, waba, &rated, booked.at_s);
        booked.cost = cost(&rated);
        let cause = resend.then_some(Cause::Resend);
        let entry = emit(d, n, s, waba, &booked, rated, kind_of(&rated), cause, None, 1, out);
        add_spent(d, booked.cost);
        d.message.attempts[n].booked = Some(booked);
        return Some((entry, amount(&rated)));
    };
    let mut new = Booked { reported: a.reported, country, ..old };
    if new.reported == old.reported && new.country == old.country && a.delivered_s >= old.at_s {
        return None;
    }
    let was = rate(d.facts, waba, expected, &old);
    let month = |at_s: u32| period(state.day(waba.ix, at_s).0);
    let moved = a.delivered_s < old.at_s && {
        let at = Booked { at_s: a.delivered_s, ..new };
        month(a.delivered_s) != month(old.at_s)
            || rate(d.facts, waba, expected, &at) != rate(d.facts, waba, expected, &new)
    };
    if moved {
        new.at_s = a.delivered_s;
        take_positions(d, sender, waba, expected, &mut new);
    }
    let now = rate(d.facts, waba, expected, &new);
    if now == was && !moved {
        d.message.attempts[n].booked = Some(new);
        return None;
    }
    let cause = if moved { Cause::Card } else { Cause::Reclassified };
    // A message that changes into or out of a counted group takes or frees its position.
    if counted(&now) != counted(&was) || moved {
        uncount(d, sender, waba, &was, old.at_s);
        if !moved {
            take_positions(d, sender, waba, expected, &mut new);
        }
        count(d, sender, waba, &now, new.at_s);
    }
    let now = rate(d.facts, waba, expected, &new);
    let first = entry_id(&waba.id, kind_of(&was), &s.wamid, old.revision);
    let taken_back = Booked { revision: old.revision + 1, ..old };
    emit(d, n, s, waba, &taken_back, was, EntryKind::Adjustment, Some(cause), Some(first), -1, out);
    new.revision = old.revision + 1;
    new.cost = cost(&now);
    let entry = emit(d, n, s, waba, &new, now, kind_of(&now), Some(cause), Some(first), 1, out);
    add_spent(d, new.cost - old.cost);
    d.message.attempts[n].booked = Some(new);
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

/// Rates what was, or is to be, booked. Depends on nothing but the booked facts and the cards, so that an entry
/// can be taken back exactly.
fn rate(facts: &Facts<'_>, waba: &Waba, category: Option<Category>, b: &Booked) -> Rated {
    facts.rates.rate(&RatingInput {
        currency: waba.currency,
        date: facts.state.day(waba.ix, b.at_s).0,
        country: b.country,
        category,
        window_open: b.window_open,
        fep_open: b.fep_open,
        auth_international: false,
        allowance_used: b.allowance_used,
        band_ordinal: (b.ordinal > 0).then_some(b.ordinal),
        bid: false,
        reported: Some(b.reported),
    })
}

/// Months since year 0 of a local date.
fn period(d: Date) -> u32 {
    d.year().unsigned_abs() as u32 * 12 + d.month().unsigned_abs() as u32 - 1
}

fn category_of(rated: &Rated) -> Option<Category> {
    match rated {
        Rated::Priced(p) => p.category,
        Rated::Unpriced(u) => u.category,
    }
}

fn counted(rated: &Rated) -> (bool, bool, Option<Category>) {
    match rated {
        Rated::Priced(p) => (p.counts_for_allowance, p.counts_for_band, p.category),
        Rated::Unpriced(u) => (u.counts_for_allowance, u.counts_for_band, u.category),
    }
}

fn keys(account: &Account, sender: &Sender, rated: &Rated, date: Date) -> (Option<CounterKey>, Option<CounterKey>) {
    let (allowance, band, category) = counted(rated);
    let market = match rated {
        Rated::Priced(p) => Some(p.market),
        Rated::Unpriced(u) => u.market,
    };
    let Some(category) = category else { return (None, None) };
    let allowance_key = allowance.then(|| CounterKey::Allowance(sender.ix, period(date), category.index() as u8));
    let band_key = market
        .filter(|_| band)
        .map(|m| CounterKey::Band(account.ix, period(date), m.index() as u16, category.band_counter().index() as u8));
    (allowance_key, band_key)
}

/// Gives the booking the next position of the groups it would be counted in, provisionally in booking order.
fn take_positions(d: &Draft<'_, '_>, sender: &Sender, waba: &Waba, category: Option<Category>, b: &mut Booked) {
    let probe = rate(d.facts, waba, category, b);
    let date = d.facts.state.day(waba.ix, b.at_s).0;
    let (allowance, _) = keys(d.account, sender, &probe, date);
    b.allowance_used = allowance.map_or(0, |k| d.counter(k));
    let probe = rate(d.facts, waba, category, b);
    let (_, band) = keys(d.account, sender, &probe, date);
    b.ordinal = band.map_or(0, |k| d.counter(k) + 1);
}

fn count(d: &mut Draft<'_, '_>, sender: &Sender, waba: &Waba, rated: &Rated, at_s: u32) {
    let (a, b) = keys(d.account, sender, rated, d.facts.state.day(waba.ix, at_s).0);
    for key in [a, b].into_iter().flatten() {
        let v = d.counter(key) + 1;
        d.counters.push((key, v));
    }
}

fn uncount(d: &mut Draft<'_, '_>, sender: &Sender, waba: &Waba, rated: &Rated, at_s: u32) {
    let (a, b) = keys(d.account, sender, rated, d.facts.state.day(waba.ix, at_s).0);
    for key in [a, b].into_iter().flatten() {
        let v = d.counter(key).saturating_sub(1);
        d.counters.push((key, v));
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

/// Id of the entry of a charge key: `hash(waba, kind, wamid, revision)`.
#[must_use]
pub fn entry_id(waba: &str, kind: EntryKind, wamid: &str, revision: u32) -> u128 {
    hashing::public(&[waba.as_bytes(), kind.as_str().as_bytes(), wamid.as_bytes(), &revision.to_le_bytes()])
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
    let entry = entry_id(&waba.id, kind, &s.wamid, b.revision);
    let (allowance, band, _) = counted(&rated);
    out.effects.push(Effect::Ledger(Box::new(Booking {
        entry,
        kind,
        cause,
        adjusts,
        revision: b.revision,
        sign,
        sender: d.message.attempts[n].sender,
        user: d.message.user,
        own: Some((d.message.uid, d.message.attempts[n].number)),
        wamid: s.wamid.as_str().into(),
        rated,
        expected: Some(d.message.attempts[n].category),
        reported: b.reported,
        conversation: s.pricing.as_ref().and_then(|p| p.conversation.as_ref()).map(|c| c.as_str().into()),
        ordinal: match (band && b.ordinal > 0, allowance) {
            (true, _) => Some(b.ordinal),
            (false, true) => Some(b.allowance_used + 1),
            (false, false) => None,
        },
        at_s: b.at_s,
        booked_ms: d.now_ms,
    })));
    entry
}

/// What is kept under the wamid of a message that other software sent: it was booked without a price, because no
/// status had said one yet; or with what the platform said.
const NO_PRICE_SAID: u8 = 0;
const PRICE_SAID: u8 = 1;

/// A status of a message that other software sent from the same number: it uses throughput, counts for the
/// quota, and is booked where we pay the platform for this WABA.
pub(crate) fn foreign(facts: &Facts<'_>, account: &Account, s: &Status<'_>, now_ms: u64, out: &mut Decision) {
    let state = facts.state;
    let Some(sender) = state.sender(&s.sender).filter(|x| x.account == account.ix) else {
        out.rejected = Some(format!("sender {} is not registered for account {}", &*s.sender, account.spec.account));
        return;
    };
    let (user, country) = person(facts, &s.to, out);
    let Some(user) = user else { return };
    let at_s = clamp_s(s.at_s, now_ms);
    if s.status == StatusKind::Sent {
        let mut live = state.live(sender.ix);
        let rate = crate::admission::throughput_rate(account, sender, &live, now_ms);
        live.throughput = live.throughput.charge(rate, 1, now_ms);
        out.changes.push(Change::SenderLive(sender.ix, live));
        return;
    }
    if !matches!(s.status, StatusKind::Delivered | StatusKind::Read | StatusKind::Played) {
        return;
    }
    let hash = facts.key.wamid(&s.wamid);
    let before = state.wamids.get(&hash).map(|(_, said)| *said);
    let said = if s.pricing.is_some() { PRICE_SAID } else { NO_PRICE_SAID };
    if before.is_some_and(|before| before >= said) {
        return;
    }
    out.changes.push(Change::Wamid(hash, 0, said));
    let pair_key = PairKey::new(sender.ix, user);
    let mut pair = state.pair(pair_key);
    let outside = !window::was_open_at(&pair, at_s);
    match account.spec.limit_scope {
        _ if before.is_some() => {}
        LimitScope::Portfolio => {
            let key = ContactKey::new(account.ix, user);
            let mut c = state.contact(key);
            c.counted = c.counted.observe(at_s, outside);
            out.changes.push(Change::Contact(key, c));
        }
        LimitScope::Number => {
            pair.counted = pair.counted.observe(at_s, outside);
            out.changes.push(Change::Pair(pair_key, pair));
        }
    }
    let waba = state.waba_at(sender.waba);
    if waba.funding == Funding::ClientPays {
        return;
    }
    let mut reported = Reported::default();
    if let Some(p) = &s.pricing {
        reported.category = match (&p.category, &p.category_text) {
            (Some(c), _) => Some(ReportedCategory::Known(*c)),
            (None, Some(t)) => Some(ReportedCategory::parse(t)),
            (None, None) => None,
        };
        reported.pricing_type = p.pricing_type.map(|t| ReportedType::parse(t.as_str()));
        reported.model = p.model.map(ReportedModel::Known);
    }
    let mut booked = Booked {
        at_s,
        country,
        reported,
        window_open: !outside,
        fep_open: window::fep_open_at(&pair, at_s),
        allowance_used: 0,
        ordinal: 0,
        revision: 0,
        cost: Decimal::ZERO,
    };
    let date = state.day(waba.ix, at_s).0;
    let probe = rate(facts, waba, None, &booked);
    booked.allowance_used = keys(account, sender, &probe, date).0.map_or(0, |k| state.counter(k));
    let probe = rate(facts, waba, None, &booked);
    booked.ordinal = keys(account, sender, &probe, date).1.map_or(0, |k| state.counter(k) + 1);
    let rated = rate(facts, waba, None, &booked);
    let (a, b) = keys(account, sender, &rated, date);
    for key in [a, b].into_iter().flatten() {
        out.changes.push(Change::Counter(key, state.counter(key) + 1));
    }
    let entry = |kind, revision, sign, rated: Rated, reported, corrects: Option<u128>| Booking {
        entry: entry_id(&waba.id, kind, &s.wamid, revision),
        kind,
        cause: corrects.map(|_| Cause::Reclassified),
        adjusts: corrects,
        revision,
        sign,
        sender: sender.ix,
        user,
        own: None,
        wamid: s.wamid.as_str().into(),
        rated,
        expected: category_of(&rated),
        reported,
        conversation: None,
        ordinal: (booked.ordinal > 0 && sign > 0).then_some(booked.ordinal),
        at_s,
        booked_ms: now_ms,
    };
    // Without a word of the platform nothing says what other software sent: that was booked as unpriced.
    let corrects = before.map(|_| entry_id(&waba.id, EntryKind::Unpriced, &s.wamid, 0));
    if corrects.is_some() {
        let silent = Booked { reported: Reported::default(), ..booked };
        let was = rate(facts, waba, None, &silent);
        let back = entry(EntryKind::Adjustment, 1, -1, was, silent.reported, corrects);
        out.effects.push(Effect::Ledger(Box::new(back)));
    }
    let revision = u32::from(corrects.is_some());
    let booking = entry(kind_of(&rated), revision, 1, rated, reported, corrects);
    out.effects.push(Effect::Ledger(Box::new(booking)));
}
