//! Messages that other software sent from a number of ours: counted, and booked where we pay the platform. Where the client
//! pays, what was counted is written as an entry without amounts, so that positions can be settled.
//!
//! What is booked or counted as a message is kept with its facts, and corrected as messages of ours are. What is charged by
//! conversation is booked once. Where the client pays, nothing is written until a price is said, and what lies in a closed
//! month stays.

use super::conversation::{self, BOUND, Delivered, FOREIGN, Placed};
use super::corrected::{Correction, judge};
use super::positions::{Counters, Place, position};
use super::rating::{keep, standing, stood_as};
use super::{category_of, entry_id, hex, kind_of, opening_key, said_id};
use crate::change::Change;
use crate::close;
use crate::decide::{Decision, Facts, person};
use crate::effect::{Booking, Effect};
use crate::ids::{ContactKey, PairKey, Uid, User, WabaIx};
use crate::inbound::{answered, clamp_s};
use crate::life::note_word;
use crate::markup;
use crate::record::{Account, Booked, Foreign, Known, SaidRank, Sender, Stands, Unit};
use crate::window;
use rust_decimal::Decimal;
use std::borrow::Cow;
use tollgate_rate_card::{Country, Rated, Reported};
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

/// Whether a price was said of a message that other software sent.
pub(crate) const fn is_priced(f: &Foreign) -> bool {
    f.price_said == PRICE_SAID
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
    // The words of a status as sent, of which nothing is kept before the delivery, count neither before nor after it.
    if !matches!(s.status, StatusKind::Delivered | StatusKind::Read | StatusKind::Played) {
        return;
    }
    let hash = facts.key.wamid(&s.wamid);
    // What another account sent before this one had the number is new here.
    let of_another = |uid: Uid| is_own(uid) && state.message(uid).is_some_and(|m| m.account != account.ix);
    let before = state.wamids.get(&hash).filter(|known| !of_another(known.numbers().0));
    // Everything is of the WABA that it was first reported for, and booked if it was then: numbers move, and who pays changes.
    let first = before.and_then(|known| Some((kept_waba(known.numbers().0)?, known.numbers().0 & CLIENT_PAID != 0)));
    let (waba, client_paid) = first.unwrap_or_else(|| {
        let waba = state.waba_at(sender.waba);
        // One of ours that was forgotten names itself: it is billed like what we pay for, never lost.
        (waba.ix, waba.funding == Funding::ClientPays && s.callback.is_none())
    });
    let waba = state.waba_at(waba);
    let status = Told { facts, s, sender, user, country, at_s, hash, client_paid, now_ms };
    let place = Place { facts, account: state.account_at(waba.account), sender, waba, expected: None };
    match before {
        None | Some(Known::Key(_)) => status.first(&place, None, out),
        Some(Known::Foreign(f)) => status.again(&Place { sender: state.sender_at(f.sender), ..place }, f, out),
        Some(Known::Numbers(_, said)) if *said >= PRICE_SAID => {}
        Some(Known::Numbers(kept, _)) if client_paid => {
            let before_s = kept_at(*kept).unwrap_or(at_s);
            if s.pricing.is_some() {
                status.first(&place, Some(before_s), out);
            } else if at_s < before_s {
                let kept = Kept { at_s, waba: waba.ix, client_paid }.packed();
                out.changes.push(Change::Wamid(hash, kept, NO_PRICE_SAID));
            }
        }
        // As an earlier version kept what it booked without a price.
        Some(Known::Numbers(kept, _)) => {
            let booked_s = kept_at(*kept).unwrap_or(at_s);
            let pair = state.pair(PairKey::new(sender.ix, user));
            let booked =
                Booked { at_s: booked_s, ..status.blank(Unit::Message, window::was_open_at(&pair, booked_s), false) };
            let kept =
                Foreign { price_said: NO_PRICE_SAID, said: Default::default(), ..status.kept(*kept, &place, booked) };
            status.again(&place, &kept, out);
        }
    }
}

/// A status that proves a delivery.
#[derive(Clone, Copy)]
struct Told<'t> {
    facts: &'t Facts<'t>,
    s: &'t Status<'t>,
    sender: &'t Sender,
    user: User,
    country: Option<Country>,
    at_s: u32,
    /// Of the wamid.
    hash: u128,
    client_paid: bool,
    now_ms: u64,
}

impl Told<'_> {
    fn price_said(&self) -> u8 {
        if self.s.pricing.is_some() { PRICE_SAID } else { NO_PRICE_SAID }
    }

    /// What the status says of the price, and when.
    fn word(&self) -> (Reported, (u32, SaidRank)) {
        let (mut reported, mut newest) = Default::default();
        if let Some(p) = &self.s.pricing {
            note_word(&mut reported, &mut newest, self.s.status, self.at_s, p);
        }
        (reported, newest)
    }

    /// What is booked before it has its words, positions and price.
    fn blank(&self, unit: Unit, window_open: bool, fep_open: bool) -> Booked {
        Booked {
            unit,
            named: false,
            at_s: self.at_s,
            country: self.country,
            reported: Reported::default(),
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

    /// What is kept of a message when it is first booked.
    fn kept(&self, kept: Uid, place: &Place<'_>, booked: Booked) -> Foreign {
        Foreign {
            kept,
            price_said: self.price_said(),
            sender: place.sender.ix,
            forgotten: self.s.callback.map(|c| (c.message_uid, c.attempt)),
            delivered_s: booked.at_s,
            said: self.word().1,
            booked,
        }
    }

    /// Counts the person; places what was delivered at `at_s`, where a price is said, and remembers what it opens.
    fn placed(&self, place: &Place<'_>, reported: Reported, at_s: u32, is_new: bool, out: &mut Decision) -> Booked {
        let state = self.facts.state;
        let (reporting, key) = (state.account_at(self.sender.account), PairKey::new(self.sender.ix, self.user));
        let mut pair = state.pair(key);
        let as_stored = pair.clone();
        let outside = !window::was_open_at(&pair, at_s);
        if is_new {
            if reporting.spec.limit_scope == LimitScope::Portfolio {
                let key = ContactKey::new(reporting.ix, self.user);
                let mut c = state.contact(key);
                c.counted = c.counted.observe(at_s, outside);
                out.changes.push(Change::Contact(key, c));
            }
            // Also there: nothing else tells which number it was, should the limit be of each number before the day is over.
            pair.counted = pair.counted.observe(at_s, outside);
        }
        let mut placed = Placed::of(Unit::Message);
        // Without a word of the platform nothing says what other software sent.
        if self.s.pricing.is_some() {
            let id = said_id(place.waba, self.s.pricing.as_ref());
            let m = Delivered { waba: place.waba, at_s, category: None, reported, id, message: self.hash };
            placed = conversation::place(self.facts, &m, &mut pair);
            let kept = if placed.unit.is_opened() { FOREIGN } else { BOUND };
            if id != 0 && placed.unit != Unit::Message && state.wamid(id).is_none() {
                out.changes.push(Change::Wamid(id, kept.0, kept.1));
            }
        }
        let fep_open = match placed.unit {
            Unit::Message => window::fep_open_at(&pair, at_s),
            _ => conversation::is_free_entry(&reported),
        };
        if pair != as_stored {
            out.changes.push(Change::Pair(key, pair));
        }
        Booked { at_s, reported, ..self.blank(placed.unit, !outside, fep_open) }
    }

    /// The first delivery; where the client pays, also the first that says a price: `before_s` is the time of that
    /// without one.
    fn first(&self, place: &Place<'_>, before_s: Option<u32>, out: &mut Decision) {
        let at_s = before_s.map_or(self.at_s, |before_s| before_s.min(self.at_s));
        let booked = self.placed(place, self.word().0, at_s, before_s.is_none(), out);
        self.book(place, booked, None, out);
    }

    /// Books what is charged, or notes that nothing is, and keeps it.
    fn book(&self, place: &Place<'_>, mut b: Booked, taken_back: Option<u128>, out: &mut Decision) {
        let (waba, s) = (place.waba, self.s);
        let kept = Kept { at_s: b.at_s, waba: waba.ix, client_paid: self.client_paid }.packed();
        let counted_alone = self.client_paid && s.pricing.is_none();
        if !b.unit.is_charged() || counted_alone {
            out.changes.push(Change::Wamid(self.hash, kept, self.price_said()));
            return;
        }
        let mut counters = Counters::new(self.facts.state);
        place.take_positions(&counters, &mut b);
        let rated = place.rate(&b);
        place.count(&mut counters, &rated, b.at_s);
        counters.finish(out);
        keep(&mut b, self.facts, &rated);
        out.changes.push(match b.unit {
            Unit::Message => Change::Foreign(self.hash, Box::new(self.kept(kept, place, b))),
            _ => Change::Wamid(self.hash, kept, self.price_said()),
        });
        let key = match b.unit {
            Unit::Message | Unit::Covered => Cow::from(s.wamid.as_str()),
            Unit::NamedConversation => hex(said_id(waba, s.pricing.as_ref())),
            Unit::Conversation => hex(opening_key(waba, self.hash)),
        };
        let kind = self.kind(&rated);
        let forgotten = s.callback.map(|c| (c.message_uid, c.attempt));
        let cause = taken_back.map(|_| Cause::Reclassified);
        self.emit(place, forgotten, (kind, &key), rated, &b, cause, taken_back, out);
    }

    fn kind(&self, rated: &Rated) -> EntryKind {
        if self.client_paid { EntryKind::Counted } else { kind_of(rated) }
    }

    /// A further status of what is booked or counted as a message.
    fn again(&self, place: &Place<'_>, before: &Foreign, out: &mut Decision) {
        let (state, s, old) = (self.facts.state, self.s, &before.booked);
        // Positions of a closed month are settled for good, and nobody is asked for more or less.
        if self.client_paid && close::is_closed(self.facts, place.waba, old.at_s) {
            return;
        }
        let mut f = Foreign { delivered_s: before.delivered_s.min(self.at_s), ..*before };
        let mut new = Booked { country: old.country.or(self.country), ..*old };
        if let Some(p) = &s.pricing {
            note_word(&mut new.reported, &mut f.said, s.status, self.at_s, p);
            f.price_said = PRICE_SAID;
        }
        if f == *before && new == *old {
            return;
        }
        let first_price = f.price_said != before.price_said;
        if first_price {
            let placed = self.placed(place, new.reported, f.delivered_s, false, out);
            if placed.unit != Unit::Message {
                let was = standing(self.facts, place.waba, None, old);
                let first = self.take_back(place, before, was, Cause::Reclassified, out);
                return self.book(place, placed, Some(first), out);
            }
            (new.window_open, new.fep_open) = (placed.window_open, placed.fep_open);
        } else if new.reported != old.reported && self.is_of_conversation(place, new.reported, f.delivered_s) {
            return;
        }
        let mut counters = Counters::new(state);
        let (mut booked, correction) = judge(place, &mut counters, old, new, f.delivered_s);
        counters.finish(out);
        if self.client_paid && correction.is_some() {
            // The withdrawal is of the same kind and key: the revision between them is its own.
            booked.revision += 1;
        }
        f.booked = booked;
        f.kept = Kept { at_s: booked.at_s, waba: place.waba.ix, client_paid: self.client_paid }.packed();
        out.changes.push(Change::Foreign(self.hash, Box::new(f)));
        if let Some(Correction { was, now, cause }) = correction {
            let cause = if first_price { Cause::Reclassified } else { cause };
            let first = self.take_back(place, before, was, cause, out);
            let key = (self.kind(&now), &*s.wamid);
            self.emit(place, f.forgotten, key, now, &booked, Some(cause), Some(first), out);
        }
    }

    /// Whether what is booked as a message belongs to a conversation by its newest word. Then it stays as it is.
    fn is_of_conversation(&self, place: &Place<'_>, reported: Reported, at_s: u32) -> bool {
        self.placed(place, reported, at_s, false, &mut Decision::default()).unit != Unit::Message
    }

    /// Takes the entry that stands back, or what is counted by a withdrawal of the same kind; its id.
    fn take_back(&self, place: &Place<'_>, f: &Foreign, was: Rated, cause: Cause, out: &mut Decision) -> u128 {
        let (old, wamid) = (&f.booked, &*self.s.wamid);
        let (stood, kind, cause) = match self.client_paid {
            true => (EntryKind::Counted, EntryKind::Counted, Cause::Reversal),
            false => (stood_as(old, &was), EntryKind::Adjustment, cause),
        };
        let first = entry_id(&place.waba.id, stood, wamid, old.revision);
        let back = Booked { revision: old.revision + 1, ..*old };
        self.emit(place, f.forgotten, (kind, wamid), was, &back, Some(cause), Some(first), out);
        first
    }

    #[expect(clippy::too_many_arguments, reason = "one place where an entry is put together")]
    fn emit(
        &self,
        place: &Place<'_>,
        forgotten: Option<(Uid, u8)>,
        (kind, key): (EntryKind, &str),
        rated: Rated,
        b: &Booked,
        cause: Option<Cause>,
        adjusts: Option<u128>,
        out: &mut Decision,
    ) {
        let (facts, waba) = (self.facts, place.waba);
        let (price_currency, price) = markup::price(facts, waba, &rated, b.at_s);
        let (billed, cause) = close::billed(facts, waba, b.at_s, cause);
        let said = |p: &tollgate_wire::event::Pricing<'_>| p.conversation.as_deref().map(Box::from);
        out.effects.push(Effect::Ledger(Box::new(Booking {
            entry: entry_id(&waba.id, kind, key, b.revision),
            kind,
            cause,
            adjusts,
            revision: b.revision,
            sign: match kind {
                EntryKind::Adjustment => -1,
                EntryKind::Counted => 0,
                _ => 1,
            },
            sender: place.sender.ix,
            waba: waba.ix,
            user: self.user,
            own: None,
            forgotten,
            wamid: Some(self.s.wamid.as_str().into()),
            wamid_hash: self.hash,
            rated,
            price_currency,
            price,
            expected: category_of(&rated),
            expected_type: None,
            country: b.country,
            reported: b.reported,
            conversation: self.s.pricing.as_ref().filter(|_| b.unit != Unit::Message).and_then(said),
            ordinal: position(&rated, b),
            at_s: b.at_s,
            booked_ms: self.now_ms,
            billed,
        })));
    }
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
