//! The life of attempts after admission: results of calls, the platform's statuses, and silence.
//!
//! Rank, reservations and charge belong to the attempt and only move forward; the message's state derives from
//! its attempts. So duplicates and any order of the same statuses end in the same state and the same charge.
//!
//! `draft` a message under change · `refused` what error codes mean · `pressure` how senders slow down and come back ·
//! `ttl` how long a delivery is waited for · this file: results, statuses and silence.

mod draft;
mod pressure;
mod refused;
pub(crate) mod ttl;

use crate::change::Change;
use crate::charge;
use crate::decide::{Decision, Facts};
use crate::effect::{Effect, OutcomeFx};
use crate::ids::{PairKey, Uid};
use crate::inbound::{answered, clamp_s};
use crate::lots::Resource;
use crate::record::{Account, Attempt, AttemptState, Message, MessageState, SaidRank};
use rust_decimal::Decimal;
use tollgate_quality::BackOff;
use tollgate_rate_card::{Reported, ReportedCategory, ReportedModel, ReportedType};
use tollgate_wire::Reason;
use tollgate_wire::command::Doubted;
use tollgate_wire::event::{AttemptResult, DispatchResult, Pricing, Status, StatusKind};
use tollgate_wire::outcome::OutcomeKind;

pub(crate) use draft::Draft;
pub(crate) use refused::forget;

use pressure::Pressure;

/// Fixed times of the engine, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Longest call to the platform.
    pub http_timeout_ms: u64,
    /// Largest allowed difference between two clocks of the deployment.
    pub clock_difference_ms: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self { http_timeout_ms: 10_000, clock_difference_ms: 2_000 }
    }
}

/// A reservation ends a second after the moving 24 hours: from then on it only blurs later ones.
const RESERVATION_MS: u64 = 86_401_000;
/// Attempts of one message whose result may stay unknown, at most; so many attempts are kept.
const MAX_ATTEMPTS: usize = 8;
/// Attempts up to this one that were too late to leave are repeated without a wait.
const AT_ONCE: u8 = 3;

impl Times {
    /// When an attempt without a result is in doubt.
    #[must_use]
    pub fn result_due_ms(&self, leave_by_ms: u64) -> u64 {
        leave_by_ms + self.http_timeout_ms + 2 * self.clock_difference_ms
    }
}

/// How long a status is waited for before an attempt in doubt is closed: one-time codes are soon useless.
fn doubt_ms(d: &Draft<'_, '_>) -> u64 {
    u64::from(d.account.spec.policy.in_doubt.of(d.message.purpose).1) * 1000
}

/// Attempts whose result stayed unknown.
fn unknown(m: &Message) -> usize {
    m.attempts.iter().filter(|a| a.state == AttemptState::Unknown).count()
}

/// Wait before the attempt after one that stayed unknown: none after the first, then about as long again as it has taken.
/// Each of them may have reached the person, so that the few there are must do for an outage of days.
fn doubted_ms(d: &Draft<'_, '_>) -> u64 {
    let doubled = unknown(&d.message).saturating_sub(1).min(MAX_ATTEMPTS);
    doubt_ms(d) * ((1 << doubled) - 1)
}

fn draft<'a, 'f>(
    facts: &'f Facts<'a>,
    account: &'f Account,
    uid: Uid,
    attempt: u8,
    now_ms: u64,
) -> Option<(Draft<'a, 'f>, usize)> {
    let m = facts.state.message(uid).filter(|m| m.account == account.ix)?;
    let n = m.position(attempt)?;
    Some((Draft::new(facts, account, m.clone(), now_ms), n))
}

/// A result of the dispatcher.
pub(crate) fn result(facts: &Facts<'_>, account: &Account, r: &DispatchResult<'_>, now_ms: u64, out: &mut Decision) {
    let Some((mut d, n)) = draft(facts, account, r.callback.message_uid, r.callback.attempt, now_ms) else { return };
    match &r.result {
        AttemptResult::Accepted { wamid, held } => {
            accepted(&mut d, n, wamid, if *held { AttemptState::Held } else { AttemptState::Accepted }, out);
        }
        AttemptResult::NotSent { reason } => not_sent(&mut d, n, *reason, out),
        AttemptResult::Rejected { code, retry_after_s, .. } => refused::rejected(&mut d, n, *code, *retry_after_s, out),
        AttemptResult::InDoubt => in_doubt(&mut d, n, out),
    }
    d.finish(out);
}

/// The platform took it.
fn accepted(d: &mut Draft<'_, '_>, n: usize, wamid: &str, to: AttemptState, out: &mut Decision) {
    let now_s = (d.now_ms / 1000) as u32;
    d.note_wamid(n, wamid, now_s, out);
    let a = d.message.attempts[n];
    pressure::answered(d, &a);
    let sender = a.sender;
    if d.facts.state.pair(PairKey::new(sender, d.message.user)).back_off != BackOff::NONE {
        d.pair(sender).back_off = BackOff::NONE;
    }
    if advance(d, n, to, out) {
        let mut o = d.tell(n, to.outcome(), d.now_ms);
        o.wamid = Some(wamid.into());
        out.effects.push(Effect::Outcome(Box::new(o)));
    }
}

/// Moves an attempt forward to a state that proves it left; `false` when it is further already.
fn advance(d: &mut Draft<'_, '_>, n: usize, to: AttemptState, out: &mut Decision) -> bool {
    let a = &mut d.message.attempts[n];
    a.slot = false;
    if a.state >= to || a.state == AttemptState::Failed {
        return false;
    }
    a.state = to;
    a.check_ms = next_check(a);
    if d.message.state != MessageState::Delivered {
        d.message.state = MessageState::Open;
    }
    d.message.park = None;
    d.drop_body(out);
    true
}

/// While a reservation is held, the end of its 24 hours; then the time to live.
fn next_check(a: &Attempt) -> u64 {
    let over = ttl::over_ms(a);
    if a.reserved_user { over.min(a.admitted_ms + RESERVATION_MS) } else { over }
}

/// The call was certainly not made: everything is given back and admission starts again.
fn not_sent(d: &mut Draft<'_, '_>, n: usize, reason: Reason, out: &mut Decision) {
    if !matches!(d.message.attempts[n].state, AttemptState::Ordered | AttemptState::InDoubt) {
        return;
    }
    d.release_all(n);
    d.release_burst(n);
    d.message.attempts[n].state = AttemptState::NotSent;
    let mut o = d.tell(n, OutcomeKind::NotSent, d.now_ms);
    o.reason = Some(reason);
    out.effects.push(Effect::Outcome(Box::new(o)));
    let a = d.message.attempts[n];
    if reason == Reason::Unreachable {
        pressure::press(d, a.sender, a.admitted_ms, Pressure::NotServed, 0);
    }
    if let Some(left) = d.left() {
        return d.undelivered(left, out);
    }
    if a.number == u8::MAX {
        return refused::fail(d, n, Reason::NoResult, 0, out);
    }
    // A late order is our own delay: the first few are asked again at once.
    let wait_ms = if reason == Reason::LeaveBy && a.number <= AT_ONCE {
        0
    } else {
        pressure::again_ms(&d.message, a.number, d.now_ms)
    };
    d.park(Reason::Backoff, Resource::Own, d.now_ms + wait_ms);
}

/// No result in time, or the call's result is not known.
fn in_doubt(d: &mut Draft<'_, '_>, n: usize, out: &mut Decision) {
    if d.message.attempts[n].state != AttemptState::Ordered {
        return;
    }
    let a = d.message.attempts[n];
    pressure::press(d, a.sender, a.admitted_ms, Pressure::NotServed, 0);
    let check_ms = d.now_ms + doubt_ms(d);
    let a = &mut d.message.attempts[n];
    a.state = AttemptState::InDoubt;
    a.slot = false;
    a.check_ms = check_ms;
    let mut o = d.tell(n, OutcomeKind::InDoubt, d.now_ms);
    o.reason = Some(Reason::NoResult);
    o.retry_ms = check_ms;
    out.effects.push(Effect::Outcome(Box::new(o)));
}

/// A status of the platform: of one of our attempts, or of a message that other software sent.
pub(crate) fn status(facts: &Facts<'_>, account: &Account, s: &Status<'_>, now_ms: u64, out: &mut Decision) {
    let known = match s.callback {
        Some(c) => Some((c.message_uid, c.attempt)),
        None => facts.state.wamid(facts.key.wamid(&s.wamid)).filter(|(uid, _)| charge::is_own(*uid)),
    };
    let Some((uid, attempt)) = known else {
        return charge::foreign(facts, account, s, now_ms, out);
    };
    // A message that is forgotten is billed like one that other software sent: never lost.
    let Some((mut d, n)) = draft(facts, account, uid, attempt, now_ms) else {
        return charge::foreign(facts, account, s, now_ms, out);
    };
    let at_s = clamp_s(s.at_s, now_ms);
    d.note_wamid(n, &s.wamid, at_s, out);
    if let Some(p) = &s.pricing {
        let a = &mut d.message.attempts[n];
        let mut newest = (a.said_s, a.said_rank);
        note_word(&mut a.reported, &mut newest, s.status, at_s, p);
        (a.said_s, a.said_rank) = newest;
        charge::note_id(&mut d, n, s);
    }
    let to = match s.status {
        StatusKind::Held => AttemptState::Held,
        StatusKind::Sent => AttemptState::Sent,
        StatusKind::Delivered => AttemptState::Delivered,
        StatusKind::Read | StatusKind::Played => AttemptState::Read,
        StatusKind::Failed => AttemptState::Failed,
    };
    let before = d.message.attempts[n].state;
    if matches!(to, AttemptState::Sent | AttemptState::Delivered | AttemptState::Read) && before < AttemptState::Sent {
        let a = d.message.attempts[n];
        let (user, admitted_s) = (d.message.user, (a.admitted_ms / 1000) as u32);
        answered((a.sender, user), d.pair(a.sender), admitted_s, now_ms, out);
    }
    match to {
        AttemptState::Failed => refused::failed(&mut d, n, s.code, at_s, out),
        AttemptState::Delivered | AttemptState::Read => delivered(&mut d, n, to, at_s, s, out),
        _ => {
            if advance(&mut d, n, to, out) {
                let mut o = d.tell(n, to.outcome(), u64::from(at_s) * 1000);
                o.wamid = Some(s.wamid.as_str().into());
                out.effects.push(Effect::Outcome(Box::new(o)));
            }
        }
    }
    // A price that comes with an earlier status, late, corrects the charge all the same.
    if matches!(to, AttemptState::Held | AttemptState::Sent | AttemptState::Failed)
        && d.message.attempts[n].booked.is_some()
        && let Some(charge) = charge::book(&mut d, n, s, out)
    {
        let mut o = d.tell(n, d.message.attempts[n].state.outcome(), u64::from(at_s) * 1000);
        o.charge = Some(charge);
        o.wamid = Some(s.wamid.as_str().into());
        out.effects.push(Effect::Outcome(Box::new(o)));
    }
    d.finish(out);
}

/// Takes what a status says of the price, unless something newer was said: of a later time, or of the same time by a
/// status that comes after it. So a status that comes again after newer ones changes nothing. It still tells what no other
/// has; of one time and rank the last that comes counts.
pub(crate) fn note_word(
    reported: &mut Reported,
    newest: &mut (u32, SaidRank),
    status: StatusKind,
    at_s: u32,
    p: &Pricing<'_>,
) {
    let mut said = Reported::default();
    note_pricing(&mut said, p);
    if said == Reported::default() {
        return;
    }
    let rank = match status {
        StatusKind::Held => SaidRank::Held,
        StatusKind::Sent | StatusKind::Failed => SaidRank::Sent,
        StatusKind::Delivered => SaidRank::Delivered,
        StatusKind::Read | StatusKind::Played => SaidRank::Read,
    };
    let (mut first, mut then) = (said, *reported);
    if (at_s, rank) < *newest {
        (first, then) = (then, first);
    } else {
        *newest = (at_s, rank);
    }
    *reported = Reported {
        category: first.category.or(then.category),
        pricing_type: first.pricing_type.or(then.pricing_type),
        model: first.model.or(then.model),
    };
}

/// Stands before a type that is not known, after the category, in the platform's words.
const TYPE_WORD: &str = "type=";

fn note_pricing(r: &mut Reported, p: &Pricing<'_>) {
    if let Some(c) = p.category {
        r.category = Some(ReportedCategory::Known(c));
    } else if let Some(t) = &p.category_text {
        match t.rsplit_once(TYPE_WORD) {
            // A type that is not known leaves the category what it is.
            Some((category, _)) if p.pricing_type.is_none() => {
                r.pricing_type = Some(ReportedType::Unknown);
                if !category.trim().is_empty() {
                    r.category = Some(ReportedCategory::parse(category.trim()));
                }
            }
            _ => r.category = Some(ReportedCategory::parse(t)),
        }
    }
    if let Some(t) = p.pricing_type {
        r.pricing_type = Some(ReportedType::parse(t.as_str()));
    }
    if let Some(m) = p.model {
        r.model = Some(ReportedModel::Known(m));
    }
}

/// Delivered or read: confirms the quota, ends the reservation, books the charge once.
fn delivered(d: &mut Draft<'_, '_>, n: usize, to: AttemptState, at_s: u32, s: &Status<'_>, out: &mut Decision) {
    let a = d.message.attempts[n];
    let first = a.delivered_s == 0;
    if first {
        d.confirm_user(n, at_s);
        if matches!(a.state, AttemptState::Failed | AttemptState::NotSent) {
            d.remember_marketing(n);
        }
    }
    let a = &mut d.message.attempts[n];
    a.delivered_s = if first { at_s } else { a.delivered_s.min(at_s) };
    a.slot = false;
    a.reserved = Decimal::ZERO;
    a.check_ms = u64::MAX;
    let moved = a.state < to;
    if moved {
        a.state = to;
    }
    d.message.state = MessageState::Delivered;
    d.message.park = None;
    d.drop_body(out);
    let charge = charge::book(d, n, s, out);
    if moved || charge.is_some() {
        let mut o = d.tell(n, d.message.attempts[n].state.outcome(), u64::from(at_s) * 1000);
        o.charge = charge;
        o.wamid = Some(s.wamid.as_str().into());
        out.effects.push(Effect::Outcome(Box::new(o)));
    }
}

/// The request of a parked message cannot be read any more: it fails, with our own fault as the reason.
pub(crate) fn lost(facts: &Facts<'_>, uid: Uid, now_ms: u64, out: &mut Decision) {
    let Some(message) = facts.state.message(uid) else { return };
    let mut message = message.clone();
    message.state = MessageState::Failed;
    message.park = None;
    message.body_bytes = 0;
    let mut o = OutcomeFx::new(uid, message.last_number(), now_ms, OutcomeKind::Failed);
    o.reason = Some(Reason::Internal);
    out.changes.push(Change::Body(uid, None));
    out.changes.push(Change::Message(Box::new(message)));
    out.effects.push(Effect::Outcome(Box::new(o)));
}

/// A message's own time has come: an attempt without a result, an end of a reservation, a time to live.
pub(crate) fn timer(facts: &Facts<'_>, uid: Uid, now_ms: u64, out: &mut Decision) {
    let Some(message) = facts.state.message(uid) else { return };
    let account = facts.state.account_at(message.account);
    let mut d = Draft::new(facts, account, message.clone(), now_ms);
    for n in 0..d.message.attempts.len() {
        if d.message.attempts[n].check_ms <= now_ms {
            due(&mut d, n, out);
        }
    }
    d.finish(out);
}

fn due(d: &mut Draft<'_, '_>, n: usize, out: &mut Decision) {
    use AttemptState as A;
    let a = d.message.attempts[n];
    match a.state {
        A::Ordered => in_doubt(d, n, out),
        A::InDoubt => {
            d.message.attempts[n].state = A::Unknown;
            d.message.attempts[n].reserved = Decimal::ZERO;
            d.message.attempts[n].check_ms =
                if a.reserved_user { (a.admitted_ms + RESERVATION_MS).max(d.now_ms + 1) } else { u64::MAX };
            let retry = d.account.spec.policy.in_doubt.of(d.message.purpose).0 == Doubted::TryAgain
                && d.now_ms < d.message.expires_ms
                && unknown(&d.message) < MAX_ATTEMPTS
                && a.number < u8::MAX
                && d.message.body_bytes > 0
                && d.left().is_none();
            let mut o = d.tell(n, OutcomeKind::Unknown, d.now_ms);
            o.reason = Some(Reason::NoResult);
            if retry {
                o.retry_ms = d.now_ms + doubted_ms(d);
                d.park(Reason::NoResult, Resource::Own, o.retry_ms);
            } else if !d.may_deliver() && d.message.state == MessageState::Open {
                d.close(MessageState::Unknown, out);
            }
            out.effects.push(Effect::Outcome(Box::new(o)));
        }
        A::Unknown => {
            d.release_user(n);
            d.message.attempts[n].check_ms = u64::MAX;
        }
        A::Accepted | A::Held | A::Sent => {
            let over = ttl::over_ms(&a);
            if a.reserved_user && d.now_ms >= a.admitted_ms + RESERVATION_MS {
                d.release_user(n);
            }
            if d.now_ms < over {
                d.message.attempts[n].check_ms = over;
                return;
            }
            d.message.attempts[n].reserved = Decimal::ZERO;
            d.message.attempts[n].check_ms =
                if d.message.attempts[n].reserved_user { a.admitted_ms + RESERVATION_MS } else { u64::MAX };
            d.undelivered(n, out);
        }
        A::NotSent | A::Failed | A::Delivered | A::Read => d.message.attempts[n].check_ms = u64::MAX,
    }
}
