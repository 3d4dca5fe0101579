//! Messages that other software sent from a number of ours: counted, and booked where we pay the platform. Where the client
//! pays, what was counted is written as an entry without amounts, so that positions can be settled.

use super::conversation::{self, Delivered, FOREIGN, Placed};
use super::rating::rate;
use super::{band_position, category_of, counted, entry_id, hex, keys, kind_of, opening_key, said_id};
use crate::change::Change;
use crate::close;
use crate::decide::{Decision, Facts, person};
use crate::effect::{Booking, Effect};
use crate::ids::{ContactKey, PairKey, Uid, WabaIx};
use crate::inbound::{answered, clamp_s};
use crate::life::note_pricing;
use crate::markup;
use crate::record::{Account, Booked, Stands, Unit};
use crate::window;
use rust_decimal::Decimal;
use std::borrow::Cow;
use tollgate_rate_card::{Rated, Reported, ReportedCategory};
use tollgate_wire::command::{Funding, LimitScope};
use tollgate_wire::event::{Status, StatusKind};
use tollgate_wire::ledger::{Cause, EntryKind};

/// What is kept under the wamid of a message that other software sent: it was booked without a price, because no
/// status had said one yet; or with what the platform said.
const NO_PRICE_SAID: u8 = 0;
const PRICE_SAID: u8 = 1;
/// Stands in place of a message's number, which never has this bit; below it, what [`Kept`] has. Earlier versions kept 0.
const BOOKED_AT: u64 = 1 << 62;
/// Whether the client paid for it, so that it was counted and not booked.
const CLIENT_PAID: u64 = 1 << 61;
/// Where the WABA's number begins, one higher; below it, the instant. Earlier versions kept no WABA.
const WABA_SHIFT: u32 = 32;

/// What is kept of a message that other software sent.
#[derive(Clone, Copy)]
struct Kept {
    /// At which it was booked.
    at_s: u32,
    /// The WABA that it was booked for, or counted for where the client pays.
    waba: WabaIx,
    client_paid: bool,
}

impl Kept {
    fn packed(self) -> Uid {
        let paid = if self.client_paid { CLIENT_PAID } else { 0 };
        BOOKED_AT | paid | (u64::from(self.waba.0) + 1) << WABA_SHIFT | u64::from(self.at_s)
    }
}

/// The instant that is kept under a wamid.
fn kept_at(kept: Uid) -> Option<u32> {
    (kept & BOOKED_AT != 0).then_some(kept as u32)
}

/// The WABA that is kept under the wamid of a message that other software sent.
pub(crate) fn kept_waba(kept: Uid) -> Option<WabaIx> {
    let number = (kept & (CLIENT_PAID - 1)) >> WABA_SHIFT;
    let number = number.checked_sub(1).filter(|_| kept & BOOKED_AT != 0)?;
    u16::try_from(number).ok().map(WabaIx)
}

/// Whether a number that is kept under a wamid is that of a message of ours.
pub(crate) const fn is_own(kept: Uid) -> bool {
    kept != 0 && kept & BOOKED_AT == 0
}

/// A status of a message that other software sent from the same number: it uses throughput, counts for the
/// quota, and is booked where we pay the platform for this WABA.
pub(crate) fn foreign(facts: &Facts<'_>, account: &Account, s: &Status<'_>, now_ms: u64, out: &mut Decision) {
    let state = facts.state;
    let Some(sender) = state.sender_of(account.ix, &s.sender) else {
        out.rejected = Some(format!("sender {} is not registered for account {}", &*s.sender, account.spec.account));
        return;
    };
    let (user, country) = person(facts, &s.to, out);
    let Some(user) = user else { return };
    let at_s = clamp_s(s.at_s, now_ms);
    if matches!(s.status, StatusKind::Sent | StatusKind::Delivered) {
        answered((sender.ix, user), &state.pair(PairKey::new(sender.ix, user)), at_s, now_ms, out);
    }
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
    // What another account sent before this one had the number is new here.
    let of_another = |uid: Uid| is_own(uid) && state.message(uid).is_some_and(|m| m.account != account.ix);
    let before = state.wamids.get(&hash).copied().filter(|(kept, _)| !of_another(*kept));
    let said = if s.pricing.is_some() { PRICE_SAID } else { NO_PRICE_SAID };
    if before.is_some_and(|(_, before)| before >= said) {
        return;
    }
    // What is taken back is of the instant at which it was booked; what is booked now, of the earlier of the two.
    let booked_s = before.and_then(|(kept, _)| kept_at(kept)).unwrap_or(at_s);
    let at_s = at_s.min(booked_s);
    // Both are of the WABA that it was first reported for, and booked if they were then: numbers move, and who pays changes.
    let first = before.and_then(|(kept, _)| Some((kept_waba(kept)?, kept & CLIENT_PAID != 0)));
    let (waba, client_paid) = first.unwrap_or_else(|| {
        let waba = state.waba_at(sender.waba);
        // One of ours that was forgotten names itself: it is billed like what we pay for, never lost.
        (waba.ix, waba.funding == Funding::ClientPays && s.callback.is_none())
    });
    let waba = state.waba_at(waba);
    let account = state.account_at(waba.account);
    out.changes.push(Change::Wamid(hash, Kept { at_s, waba: waba.ix, client_paid }.packed(), said));
    let pair_key = PairKey::new(sender.ix, user);
    let mut pair = state.pair(pair_key);
    let as_stored = pair.clone();
    let outside = !window::was_open_at(&pair, at_s);
    match account.spec.limit_scope {
        _ if before.is_some() => {}
        LimitScope::Portfolio => {
            let key = ContactKey::new(account.ix, user);
            let mut c = state.contact(key);
            c.counted = c.counted.observe(at_s, outside);
            out.changes.push(Change::Contact(key, c));
            // Nothing else tells which number it was, should the limit be of each number before the day is over.
            pair.counted = pair.counted.observe(at_s, outside);
        }
        LimitScope::Number => pair.counted = pair.counted.observe(at_s, outside),
    }
    let mut reported = Reported::default();
    let mut placed = Placed { unit: Unit::Message, opened_s: 0 };
    // Without a word of the platform nothing says what other software sent.
    if let Some(p) = &s.pricing {
        note_pricing(&mut reported, p);
        let id = said_id(waba, Some(p));
        let m = Delivered { waba, at_s, category: None, reported, id, opener: FOREIGN };
        placed = conversation::place(facts, &m, &mut pair, out);
    }
    let fep_open = match placed.unit {
        Unit::Message => window::fep_open_at(&pair, at_s),
        _ => conversation::is_free_entry(&reported),
    };
    if pair != as_stored {
        out.changes.push(Change::Pair(pair_key, pair));
    }
    if client_paid && s.pricing.is_none() {
        return;
    }
    let mut booked = Booked {
        unit: placed.unit,
        named: false,
        at_s,
        country,
        reported,
        window_open: !outside,
        fep_open,
        allowance_used: 0,
        ordinal: 0,
        revision: 0,
        cost: Decimal::ZERO,
        card: 0,
        stands: Stands::NotKept,
    };
    let said = |p: &tollgate_wire::event::Pricing<'_>| p.conversation.as_deref().map(Box::from);
    let conversation = s.pricing.as_ref().filter(|_| placed.unit != Unit::Message).and_then(said);
    let entry = |kind, key: &str, revision, rated: Rated, b: &Booked, corrects: Option<u128>| {
        let (price_currency, price) = markup::price(facts, waba, &rated, b.at_s);
        let (billed, cause) = close::billed(facts, waba, b.at_s, corrects.map(|_| Cause::Reclassified));
        let (allowance, band, _) = counted(&rated);
        Booking {
            entry: entry_id(&waba.id, kind, key, revision),
            kind,
            cause,
            adjusts: corrects,
            revision,
            sign: match kind {
                EntryKind::Adjustment => -1,
                EntryKind::Counted => 0,
                _ => 1,
            },
            sender: sender.ix,
            waba: waba.ix,
            user,
            own: None,
            forgotten: s.callback.map(|c| (c.message_uid, c.attempt)),
            wamid: s.wamid.as_str().into(),
            rated,
            price_currency,
            price,
            expected: category_of(&rated),
            expected_type: None,
            country: b.country,
            reported: b.reported,
            conversation: conversation.clone(),
            ordinal: match (band && b.ordinal > 0, allowance) {
                (true, _) => Some(b.ordinal),
                (false, true) => Some(b.allowance_used + 1),
                (false, false) => None,
            },
            at_s: b.at_s,
            booked_ms: now_ms,
            billed,
        }
    };
    // Without a word of the platform it was booked as unpriced, where we pay.
    let corrects = before.filter(|_| !client_paid).map(|_| entry_id(&waba.id, EntryKind::Unpriced, &s.wamid, 0));
    if corrects.is_some() {
        let silent = Booked { unit: Unit::Message, at_s: booked_s, reported: Reported::default(), ..booked };
        let was = rate(facts, waba, None, &silent);
        let back = entry(EntryKind::Adjustment, &s.wamid, 1, was, &silent, corrects);
        out.effects.push(Effect::Ledger(Box::new(back)));
    }
    if !placed.unit.is_charged() {
        return;
    }
    let date = state.day(waba.ix, at_s).0;
    let probe = rate(facts, waba, None, &booked);
    booked.allowance_used = keys(facts, account, sender, waba, &probe, date).0.map_or(0, |k| state.counter(k));
    let probe = rate(facts, waba, None, &booked);
    booked.ordinal =
        keys(facts, account, sender, waba, &probe, date).1.map_or(0, |k| band_position(k, |k| state.counter(k)));
    let rated = rate(facts, waba, None, &booked);
    let (a, b) = keys(facts, account, sender, waba, &rated, date);
    for key in [a, b].into_iter().flatten() {
        out.changes.push(Change::Counter(key, state.counter(key) + 1));
    }
    let (key, revision) = match placed.unit {
        Unit::Message | Unit::Covered => (Cow::from(s.wamid.as_str()), u32::from(corrects.is_some())),
        Unit::NamedConversation => (hex(said_id(waba, s.pricing.as_ref())), 0),
        Unit::Conversation => {
            let category = reported.category.map_or("", ReportedCategory::as_str);
            (hex(opening_key(waba, &state.user_text(user), category, &s.wamid)), 0)
        }
    };
    let kind = if client_paid { EntryKind::Counted } else { kind_of(&rated) };
    let booking = entry(kind, &key, revision, rated, &booked, corrects);
    out.effects.push(Effect::Ledger(Box::new(booking)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_back_and_what_earlier_versions_kept_has_no_waba() {
        for waba in [0, 1, u16::MAX] {
            for client_paid in [false, true] {
                let kept = Kept { at_s: u32::MAX, waba: WabaIx(waba), client_paid }.packed();
                assert_eq!((kept_at(kept), kept_waba(kept)), (Some(u32::MAX), Some(WabaIx(waba))));
                assert_eq!((kept & CLIENT_PAID != 0, is_own(kept)), (client_paid, false));
            }
        }
        assert_eq!((kept_at(0), kept_waba(0)), (None, None));
        let earlier = BOOKED_AT | 1_790_000_000;
        assert_eq!((kept_at(earlier), kept_waba(earlier)), (Some(1_790_000_000), None));
        // A message of ours, and one that a person wrote.
        assert_eq!((kept_waba(7 << 40), kept_waba(1 << 63 | 7 << 40)), (None, None));
    }
}
