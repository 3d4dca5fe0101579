//! Back-pressure: refusals slow a sender down, calls without an answer all but stop it, and an answer lets it go again.
//!
//! An outage costs no attempts: the message waits, and its sender asks less and less often whether there is somebody.

use super::Draft;
use crate::admission::in_flight_limit;
use crate::ids::SenderIx;
use crate::record::{Attempt, Message};
use tollgate_quality::{PairPolicy, ThroughputPolicy};
use tollgate_wire::platform_error::Retry;

/// What a call told about its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pressure {
    /// The platform takes less than we send.
    TooMuch,
    /// Nobody answered, or somebody who cannot do it now.
    NotServed,
}

/// A result that is older than this tells nothing of now, in seconds: statuses come late.
const NEWS_S: u32 = 60;

/// Slows a sender down because of an attempt. What was admitted before the sender's latest pause was under way when it
/// began and tells nothing new; it can make the pause longer, by what the platform asked for.
pub(super) fn press(d: &mut Draft<'_, '_>, sender: SenderIx, admitted_ms: u64, how: Pressure, least_ms: u64) {
    let policy = ThroughputPolicy::default();
    let limit = in_flight_limit(d.account, d.facts.state.sender_at(sender));
    let now_ms = d.now_ms;
    let live = d.live(sender);
    let mut pause_ms = least_ms;
    if admitted_ms >= live.back_off_until_ms {
        live.factor = match how {
            // Who asks for a pause speaks for every call, not for one of a window.
            _ if least_ms > 0 => policy.refused(live.factor, now_ms),
            Pressure::TooMuch => policy.refused(live.factor, now_ms),
            Pressure::NotServed => policy.unserved(live.factor, limit, now_ms),
        };
        pause_ms = pause_ms.max(policy.pause_ms(live.factor));
    }
    if pause_ms > 0 && now_ms + pause_ms > live.back_off_until_ms {
        live.back_off_until_ms = now_ms + pause_ms;
        live.factor = policy.paused(live.factor, live.back_off_until_ms);
    }
}

/// The platform answered an attempt, whatever it said: there is somebody.
pub(super) fn answered(d: &mut Draft<'_, '_>, a: &Attempt) {
    let known = d.facts.state.live(a.sender);
    if known.factor.permille == 1000 || a.admitted_ms < known.back_off_until_ms {
        return;
    }
    let limit = in_flight_limit(d.account, d.facts.state.sender_at(a.sender));
    let now_ms = d.now_ms;
    let live = d.live(a.sender);
    live.factor = ThroughputPolicy::default().answered(live.factor, limit, now_ms);
}

/// What an error means for the pair and the senders that it concerns, by whichever way it came. `asked_ms` is what the
/// platform asked to wait.
pub(super) fn of_error(d: &mut Draft<'_, '_>, a: &Attempt, retry: Retry, asked_ms: u64) {
    use Pressure::{NotServed, TooMuch};
    let least_ms = |after_s: u32| asked_ms.max(u64::from(after_s) * 1000);
    match retry {
        Retry::Final | Retry::Few { .. } | Retry::Later { .. } => answered(d, a),
        Retry::Pair => {
            answered(d, a);
            let now_ms = d.now_ms;
            let pair = d.pair(a.sender);
            pair.back_off = pair.back_off.refused(&PairPolicy::default(), now_ms);
        }
        Retry::Sender => press(d, a.sender, a.admitted_ms, TooMuch, asked_ms),
        Retry::Service { after_s } => press(d, a.sender, a.admitted_ms, NotServed, least_ms(after_s)),
        Retry::Waba { after_s } => {
            let state = d.facts.state;
            let waba = a.waba.unwrap_or_else(|| state.sender_at(a.sender).waba);
            let account = d.account;
            for ix in account.senders.iter().filter(|ix| state.sender_at(**ix).waba == waba) {
                press(d, *ix, a.admitted_ms, TooMuch, least_ms(after_s));
            }
        }
        Retry::Account { after_s } => {
            let account = d.account;
            for ix in &account.senders {
                press(d, *ix, a.admitted_ms, TooMuch, least_ms(after_s));
            }
        }
    }
}

/// The same for an error that a status brings. One that is old presses nobody, and a pair that backs off already goes
/// on as it does: its messages were under way together.
pub(super) fn of_status(d: &mut Draft<'_, '_>, a: &Attempt, retry: Retry, at_s: u32) {
    let now_s = (d.now_ms / 1000) as u32;
    let backs_off =
        d.facts.state.pair(crate::ids::PairKey::new(a.sender, d.message.user)).back_off.not_before_s > now_s;
    if at_s + NEWS_S >= now_s && !(retry == Retry::Pair && backs_off) {
        of_error(d, a, retry, 0);
    }
}

/// How long a message waits after attempt `number` that was not served, in milliseconds: from 2 s doubled with each, but
/// not above a minute or an eighth of its age. So it goes soon after an outage, and 254 attempts outlast any.
pub(super) fn again_ms(m: &Message, number: u8, now_ms: u64) -> u64 {
    let age_ms = now_ms.saturating_sub(u64::from(m.created_s) * 1000);
    (2_000 << number.saturating_sub(1).min(20)).min((age_ms / 8).max(60_000))
}
