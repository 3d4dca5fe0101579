//! Messages that other software sent from a number of ours: counted, and booked where we pay the platform. Where the client
//! pays, what was counted is written as an entry without amounts, so that positions can be settled.
//!
//! What is booked or counted is kept with its facts, and corrected as messages of ours are. What is charged by
//! conversation is booked once. Where the client pays, nothing is written until a price is said, and what lies in a closed
//! month stays.

mod kept;

pub(super) use kept::is_client_paid;
pub(crate) use kept::{is_own, is_priced, kept_waba};

use super::conversation::{self, Delivered};
use super::corrected::{Correction, judge};
use super::handover::{self, Given, Hand, Itself, Turn, give, take};
use super::moves::{Charged, Moves, Whose, emit, take_back};
use super::positions::Place;
use super::rating::{keep, standing};
use super::{kind_of, said_id, untyped};
use crate::change::Change;
use crate::close;
use crate::decide::{Decision, Facts, person};
use crate::ids::{CampaignIx, ContactKey, PairKey, Uid, User};
use crate::inbound::{answered, clamp_s};
use crate::life::note_word;
use crate::record::{Account, Booked, Foreign, Known, Pair, SaidRank, Sender, Stands, Unit};
use crate::window;
use kept::{Kept, NO_PRICE_SAID, PRICE_SAID, kept_at};
use rust_decimal::Decimal;
use tollgate_rate_card::{Country, Reported};
use tollgate_wire::command::{Funding, LimitScope};
use tollgate_wire::event::{Status, StatusKind};
use tollgate_wire::ledger::Cause;

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
    let first = before.and_then(|known| Some((kept_waba(known.numbers().0)?, is_client_paid(known.numbers().0))));
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
            let booked = Booked { at_s: booked_s, ..status.blank(Unit::Message, window::was_open_at(&pair, booked_s)) };
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
    fn blank(&self, unit: Unit, window_open: bool) -> Booked {
        Booked {
            unit,
            named: false,
            at_s: self.at_s,
            country: self.country,
            reported: Reported::default(),
            window_open,
            fep_open: false,
            allowance_used: 0,
            ordinal: 0,
            revision: 0,
            cost: Decimal::ZERO,
            card: 0,
            stands: Stands::NotKept,
            by_hash: false,
        }
    }

    /// What is kept of a message when it is first booked.
    fn kept(&self, kept: Uid, place: &Place<'_>, booked: Booked) -> Foreign {
        Foreign {
            kept,
            price_said: self.price_said(),
            sender: place.sender.ix,
            forgotten: self.s.callback.map(|c| (c.message_uid, c.attempt)),
            user: None,
            conversation: 0,
            delivered_s: booked.at_s,
            said: self.word().1,
            booked,
        }
    }

    /// The first delivery; where the client pays, also the first that says a price: `before_s` is the time of that
    /// without one.
    fn first(&self, place: &Place<'_>, before_s: Option<u32>, out: &mut Decision) {
        let at_s = before_s.map_or(self.at_s, |before_s| before_s.min(self.at_s));
        let (reported, said) = self.word();
        let is_new = before_s.is_none();
        let kept = Kept { at_s, waba: place.waba.ix, client_paid: self.client_paid }.packed();
        if self.client_paid && self.s.pricing.is_none() {
            let mut pair = self.pair();
            self.observe(&mut pair, at_s, is_new, out);
            self.keep_pair(pair, out);
            out.changes.push(Change::Wamid(self.hash, kept, NO_PRICE_SAID));
            return;
        }
        let blank = Booked { at_s, reported, ..self.blank(Unit::Message, false) };
        let f = Foreign {
            said,
            conversation: said_id(place.waba, self.s.pricing.as_ref()),
            ..self.kept(kept, place, blank)
        };
        self.book(place, f, None, is_new, out);
    }

    /// A further status of what is booked or counted.
    fn again(&self, place: &Place<'_>, before: &Foreign, out: &mut Decision) {
        let (s, old) = (self.s, &before.booked);
        // Positions of a closed month are settled for good, and nobody is asked for more or less.
        if self.client_paid && old.unit.is_charged() && close::is_closed(self.facts, place.waba, old.at_s) {
            return;
        }
        let mut f = Foreign { delivered_s: before.delivered_s.min(self.at_s), ..*before };
        f.booked.country = old.country.or(self.country);
        if let Some(p) = &s.pricing {
            note_word(&mut f.booked.reported, &mut f.said, s.status, self.at_s, p);
            f.price_said = PRICE_SAID;
            if f.conversation == 0 {
                f.conversation = said_id(place.waba, Some(p));
            }
        }
        if f != *before {
            self.book(place, f, Some(before), false, out);
        }
    }

    fn pair(&self) -> Pair {
        self.facts.state.pair(PairKey::new(self.sender.ix, self.user))
    }

    fn keep_pair(&self, pair: Pair, out: &mut Decision) {
        if pair != self.pair() {
            out.changes.push(Change::Pair(PairKey::new(self.sender.ix, self.user), pair));
        }
    }

    /// Counts the person, once for each message.
    fn observe(&self, pair: &mut Pair, at_s: u32, is_new: bool, out: &mut Decision) {
        if !is_new {
            return;
        }
        let state = self.facts.state;
        let (reporting, outside) = (state.account_at(self.sender.account), !window::was_open_at(pair, at_s));
        if reporting.spec.limit_scope == LimitScope::Portfolio {
            let key = ContactKey::new(reporting.ix, self.user);
            let mut c = state.contact(key);
            c.counted = c.counted.observe(at_s, outside);
            out.changes.push(Change::Contact(key, c));
        }
        // Also there: nothing else tells which number it was, should the limit be of each number before the day is over.
        pair.counted = pair.counted.observe(at_s, outside);
    }

    fn whose<'w>(&'w self, place: &Place<'w>, f: &Foreign) -> Whose<'w> {
        Whose {
            own: None,
            forgotten: f.forgotten,
            sender: place.sender.ix,
            waba: place.waba,
            account: place.account,
            user: self.user,
            campaign: CampaignIx::NONE,
            expected: None,
            client_paid: self.client_paid,
            message: self.hash,
            id: f.conversation,
            wamid: Some(&self.s.wamid),
            wamid_hash: self.hash,
            conversation: self.s.pricing.as_ref().and_then(|p| p.conversation.as_deref()),
        }
    }

    /// Books what is charged, or notes that nothing is, and keeps it: `f` has the times and words that are known now, and is
    /// told for the first time where there is nothing before it.
    fn book(&self, place: &Place<'_>, mut f: Foreign, before: Option<&Foreign>, is_new: bool, out: &mut Decision) {
        let (at_s, reported) = (f.delivered_s, f.booked.reported);
        let mut pair = self.pair();
        self.observe(&mut pair, at_s, is_new, out);
        let mut turn = Turn::to_itself();
        // Without a word of the platform nothing says what other software sent.
        if is_priced(&f) {
            let m =
                Delivered { waba: place.waba, at_s, category: None, reported, id: f.conversation, message: self.hash };
            let hand = Hand { m, itself: Itself::Foreign(self.hash), booked: before.map(|b| b.booked) };
            turn = handover::turn(self.facts, None, &hand, &mut pair, out);
        }
        let placed = turn.placed;
        f.user = Some(self.user).filter(|_| placed.unit != Unit::Message);
        f.conversation = if f.user.is_some() { f.conversation } else { 0 };
        let mut moves = Moves::new(self.facts, self.now_ms);
        let given = turn.from.as_ref().and_then(|from| give(&mut moves, None, from, placed.opened_s, self.s, out));
        let fep_open = conversation::is_free_entry(&reported);
        f.booked.named = f.conversation != 0;
        let entry = match before {
            Some(before) if before.booked.unit == placed.unit => {
                f.booked.window_open |= window::was_open_at(&pair, f.booked.at_s);
                f.booked.fep_open = fep_open;
                self.correct(place, &pair, &mut f, before, &mut moves, out)
            }
            _ => {
                let opened_s = if placed.unit.is_charged() { at_s } else { placed.opened_s };
                let new = Booked {
                    at_s: opened_s,
                    named: f.booked.named,
                    country: f.booked.country,
                    reported,
                    fep_open,
                    ..self.blank(placed.unit, window::was_open_at(&pair, at_s))
                };
                f.booked = new;
                self.anew(place, &mut f, before, given.as_ref(), &mut moves, out)
            }
        };
        if is_priced(&f) {
            untyped::note(&mut pair, self.hash, &f.booked, entry);
        }
        self.keep_pair(pair, out);
        let kept_s = if f.booked.unit.is_charged() { f.booked.at_s } else { at_s };
        f.kept = Kept { at_s: kept_s, waba: place.waba.ix, client_paid: self.client_paid }.packed();
        for member in &turn.to {
            take(&mut moves, None, member, f.booked.revision, self.s, out);
        }
        out.changes.push(Change::Foreign(self.hash, Box::new(f)));
        moves.finish(out);
    }

    /// Corrects what stands for a charge whose key stays; the entry that stands from now on, if another does.
    fn correct(
        &self,
        place: &Place<'_>,
        pair: &Pair,
        f: &mut Foreign,
        before: &Foreign,
        moves: &mut Moves<'_, '_>,
        out: &mut Decision,
    ) -> Option<u128> {
        let old = &before.booked;
        if !old.unit.is_charged() {
            return None;
        }
        let (booked, correction) = judge(place, pair, &mut moves.counters, old, f.booked, f.delivered_s);
        f.booked = booked;
        let Correction { was, now, cause } = correction?;
        let w = self.whose(place, f);
        f.booked.revision = w.next_revision(old.revision);
        let cause = if f.price_said != before.price_said { Cause::Reclassified } else { cause };
        let (first, _) = take_back(moves, &w, old, was, cause, out);
        let how = Charged { kind: w.kind(kind_of(&now)), cause: Some(cause), adjusts: Some(first) };
        Some(emit(moves, &w, &f.booked, now, how, out))
    }

    /// Books another thing than what stands, or the first; its entry.
    fn anew(
        &self,
        place: &Place<'_>,
        f: &mut Foreign,
        before: Option<&Foreign>,
        given: Option<&Given>,
        moves: &mut Moves<'_, '_>,
        out: &mut Decision,
    ) -> Option<u128> {
        let w = self.whose(place, f);
        let (after, mut adjusts) = given.map_or((0, None), |g| (g.revision, Some(g.entry)));
        let mut cause = given.map(|_| Cause::Settle);
        f.booked.revision = after;
        if let Some(old) = before.map(|b| &b.booked) {
            cause = cause.or(Some(Cause::Reclassified));
            f.booked.revision = after.max(old.revision);
            if old.unit.is_charged() {
                let was = standing(self.facts, place.waba, None, old);
                place.uncount(&mut moves.counters, &was, old.at_s);
                let (first, _) = take_back(moves, &w, old, was, Cause::Reclassified, out);
                adjusts = adjusts.or(Some(first));
                f.booked.revision = after.max(w.next_revision(old.revision));
            }
        }
        if !f.booked.unit.is_charged() {
            return None;
        }
        place.take_positions(&moves.counters, &mut f.booked);
        if let Some(given) = given {
            place.inherit(&given.groups, &given.booked, &mut f.booked);
        }
        let rated = place.rate(&f.booked);
        place.count(&mut moves.counters, &rated, f.booked.at_s);
        keep(&mut f.booked, self.facts, &rated);
        let how = Charged { kind: w.kind(kind_of(&rated)), cause, adjusts };
        Some(emit(moves, &w, &f.booked, rated, how, out))
    }
}
