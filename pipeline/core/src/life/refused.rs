//! Refusals of the platform: what a code means for the message, by a call's answer or by a status, and what it changes
//! besides. The meanings are the table of `tollgate_wire::platform_error`; `pressure` slows senders and pairs down.

use super::{Draft, pressure};
use crate::change::Change;
use crate::consent::proof::{Said, prove};
use crate::decide::Decision;
use crate::effect::Effect;
use crate::ids::{BrandIx, SenderIx};
use crate::levels;
use crate::lots::Resource;
use crate::record::{Attempt, AttemptState, Campaign, CampaignState, Message, MessageState};
use crate::window;
use tollgate_rate_card::{Category, Fee};
use tollgate_wire::Reason;
use tollgate_wire::command::TemplateStatus;
use tollgate_wire::outcome::OutcomeKind;
use tollgate_wire::platform_error::{self, Retry};

/// The platform answered the call with an error: certainly not sent, but perhaps worth another try.
pub(super) fn rejected(d: &mut Draft<'_, '_>, n: usize, code: u32, retry_after_s: Option<u32>, out: &mut Decision) {
    if !matches!(d.message.attempts[n].state, AttemptState::Ordered | AttemptState::InDoubt) {
        return;
    }
    d.release_all(n);
    d.release_burst(n);
    d.message.attempts[n].code = code;
    let a = d.message.attempts[n];
    let meaning = platform_error::meaning(code);
    let asked_ms = u64::from(retry_after_s.unwrap_or(0).min(86_400)) * 1000;
    let now_s = (d.now_ms / 1000) as u32;
    consequences(d, n, code, now_s, out);
    pressure::of_error(d, &a, meaning.retry, asked_ms);
    d.message.attempts[n].state = AttemptState::Failed;
    // Counted are refusals that may be the message's own fault; the others use nothing up.
    let counted = d.message.attempts.iter().filter(|a| a.state == AttemptState::Failed && counts(a)).count();
    let again_ms = pressure::again_ms(&d.message, a.number, d.now_ms);
    // A number that pauses is not asked before the pause is over.
    let paused_ms = d.live(a.sender).back_off_until_ms.saturating_sub(d.now_ms);
    let after_ms = |after_s: u32| (u64::from(after_s) * 1000).max(again_ms);
    let (reason, wait_ms) = match meaning.retry {
        // It is not the message's fault: asked again, it takes another number of the account, or waits until an
        // operator has put token, number or payment right.
        _ if stops_the_sender(&a, meaning.effect) => (Reason::Backoff, 0),
        Retry::Final => return fail(d, n, Reason::Platform, code, out),
        Retry::Few { attempts_max, .. } if counted >= usize::from(attempts_max) => {
            return fail(d, n, Reason::Platform, code, out);
        }
        Retry::Pair => {
            let not_before_ms = u64::from(d.pair(a.sender).back_off.not_before_s) * 1000;
            (Reason::PairRate, not_before_ms.saturating_sub(d.now_ms))
        }
        Retry::Sender => (Reason::Throughput, again_ms.max(paused_ms)),
        Retry::Service { .. } | Retry::Waba { .. } | Retry::Account { .. } => {
            (Reason::Backoff, again_ms.max(paused_ms))
        }
        Retry::Later { after_s } => (Reason::Backoff, after_ms(after_s)),
        Retry::Few { after_s, .. } => {
            (Reason::Backoff, (u64::from(after_s) * 1000) << counted.saturating_sub(1).min(10))
        }
    };
    // Numbers of attempts are never used again; a message has seen everything when they are.
    if a.number == u8::MAX {
        return fail(d, n, Reason::Platform, code, out);
    }
    let mut o = d.tell(n, OutcomeKind::NotSent, d.now_ms);
    o.reason = Some(Reason::Platform);
    o.code = code;
    if let Some(left) = d.left() {
        out.effects.push(Effect::Outcome(Box::new(o)));
        return d.undelivered(left, out);
    }
    let until_ms = d.now_ms + wait_ms.max(asked_ms);
    d.park(reason, Resource::Own, until_ms);
    o.retry_ms = until_ms;
    out.effects.push(Effect::Outcome(Box::new(o)));
}

/// Whether a refusal may have been the message's own fault.
fn counts(a: &Attempt) -> bool {
    matches!(platform_error::meaning(a.code).retry, Retry::Few { .. })
}

/// Forgets what is not needed for another attempt: those that never left, and of those that were refused for reasons
/// that lay outside the message all but the newest. The newest stay, because a refusal has been known to be wrong: what
/// the platform delivers of them all the same is the message's.
pub(crate) fn forget(m: &mut Message) {
    m.attempts.retain(|a| a.state != AttemptState::NotSent);
    let outside = |a: &Attempt| a.state == AttemptState::Failed && a.wamid == 0 && !counts(a);
    while m.attempts.len() >= super::MAX_ATTEMPTS
        && let Some(oldest) = m.attempts.iter().position(outside)
    {
        m.attempts.remove(oldest);
    }
}

/// The platform had taken it and says now that it failed. It is not sent again, whatever the code (the body is gone, and
/// a status may be followed by its opposite); what the code means for others holds as for a refused call.
/// Without a code nothing is known but that it failed.
pub(super) fn failed(d: &mut Draft<'_, '_>, n: usize, said: Option<u32>, at_s: u32, out: &mut Decision) {
    use AttemptState as A;
    // One that certainly never left, or that the call's answer refused already: errors may come both ways.
    if matches!(d.message.attempts[n].state, A::NotSent | A::Failed | A::Delivered | A::Read) {
        return;
    }
    d.release_all(n);
    d.message.attempts[n].state = A::Failed;
    let code = said.unwrap_or(0);
    d.message.attempts[n].code = code;
    let a = d.message.attempts[n];
    if let Some(code) = said {
        consequences(d, n, code, at_s, out);
        pressure::of_status(d, &a, platform_error::meaning(code).retry, at_s);
    }
    if !d.may_deliver() && d.message.state != MessageState::Delivered {
        d.close(MessageState::Failed, out);
    }
    d.count_fee(n, Fee::Failed, at_s);
    let mut o = d.tell(n, OutcomeKind::Failed, u64::from(at_s) * 1000);
    o.reason = Some(Reason::Platform);
    o.code = code;
    out.effects.push(Effect::Outcome(Box::new(o)));
}

/// The attempt failed and with it the message, unless another attempt may still decide it.
pub(super) fn fail(d: &mut Draft<'_, '_>, n: usize, reason: Reason, code: u32, out: &mut Decision) {
    d.message.attempts[n].state = AttemptState::Failed;
    if !d.may_deliver() && d.message.state != MessageState::Delivered {
        d.close(MessageState::Failed, out);
    }
    if reason == Reason::Platform {
        let now_s = (d.now_ms / 1000) as u32;
        d.count_fee(n, Fee::Failed, now_s);
    }
    let mut o = d.tell(n, OutcomeKind::Failed, d.now_ms);
    o.reason = Some(reason);
    o.code = code;
    out.effects.push(Effect::Outcome(Box::new(o)));
}

/// Errors that every next message would meet too.
fn stops_the_sender(a: &Attempt, effect: platform_error::Effect) -> bool {
    use platform_error::Effect as E;
    match effect {
        E::SenderBlocked | E::AccountPaused | E::TokenRejected => true,
        E::MarketingHeld => is_held(a),
        _ => false,
    }
}

/// The message is marketing for us too, so that it is held with its number or leaves by the call for marketing once the
/// account says so. What we take for something else would be asked again and again: it fails.
fn is_held(a: &Attempt) -> bool {
    a.category == Category::Marketing && a.number < SWITCHED_OFF_MAX
}

/// Attempts after which the call for marketing itself is not tried again where it says that it is switched off.
const SWITCHED_OFF_MAX: u8 = 32;

/// How long the platform's marketing cap of a person holds at least.
const CAPPED_S: u32 = 86_400;

/// What an error code means beyond its message, told of at `at_s`.
fn consequences(d: &mut Draft<'_, '_>, n: usize, code: u32, at_s: u32, out: &mut Decision) {
    use platform_error::Effect as E;
    let a = d.message.attempts[n];
    let now_s = (d.now_ms / 1000) as u32;
    match platform_error::meaning(code).effect {
        E::NotOnPlatform => {
            let days = u32::from(d.account.spec.policy.not_on_platform_days);
            d.contact().off_platform_until_s = now_s + days * 86_400;
        }
        E::MarketingOptOut => {
            d.contact().opt_out(Some(Category::Marketing), now_s);
            let (key, opt_out) = (d.contact_key(), tollgate_wire::command::ConsentState::OptOut);
            let said = Said::consent(Some(Category::Marketing), opt_out, now_s, ("platform error 131050", ""));
            prove((key, BrandIx::NONE), &said, out);
        }
        E::MarketingCapped if a.category == Category::Marketing => {
            let contact = d.contact();
            contact.capped_until_s = contact.capped_until_s.max(at_s.saturating_add(CAPPED_S));
            if d.account.spec.policy.marketing_cap > 0 {
                d.contact().remember_marketing(now_s);
            }
        }
        // Waits like one that is not reviewed yet: its messages take another language or wait for it.
        E::TemplateMissing => set_template(d, &a, TemplateStatus::Pending, at_s, out),
        E::TemplatePaused => set_template(d, &a, TemplateStatus::Paused, at_s, out),
        E::TemplateDisabled => set_template(d, &a, TemplateStatus::Disabled, at_s, out),
        E::SenderBlocked => block(d, a.sender, code, out),
        E::WindowClosed => {
            // The platform knows; we had missed something. What the person wrote since has opened the window anew.
            let pair = d.pair(a.sender);
            if u64::from(pair.last_inbound_s) * 1000 <= a.admitted_ms {
                window::was_closed(pair);
            }
        }
        E::AccountDisabled | E::AccountPaused | E::TokenRejected => {
            for ix in &d.account.senders {
                block(d, *ix, code, out);
            }
        }
        E::CampaignPaused => {
            pause_campaign(d, out);
            hold_marketing(d, a.sender, code, out);
        }
        // What was under way when the account changed to the other call holds nothing.
        E::MarketingHeld
            if a.category == Category::Marketing && d.account.spec.policy.marketing_api.call().is_none() =>
        {
            hold_marketing(d, a.sender, code, out);
        }
        E::Misconfigured => pause_campaign(d, out),
        E::CountryBarred => bar(d, &a, out),
        E::MarketingCapped | E::MarketingHeld | E::BadRequest | E::None => {}
    }
}

fn block(d: &Draft<'_, '_>, sender: SenderIx, code: u32, out: &mut Decision) {
    let known = d.facts.state.sender_at(sender);
    let mut s = known.clone();
    s.spec.blocked = true;
    s.blocked_by = Some(code);
    levels::sender(known, &s.spec, &mut out.effects);
    out.changes.push(Change::Sender(Box::new(s)));
}

fn hold_marketing(d: &Draft<'_, '_>, sender: SenderIx, code: u32, out: &mut Decision) {
    let mut s = d.facts.state.sender_at(sender).clone();
    s.marketing_held_by = Some(code);
    out.changes.push(Change::Sender(Box::new(s)));
}

fn pause_campaign(d: &Draft<'_, '_>, out: &mut Decision) {
    if let Some(c) = d.facts.state.campaign_at(d.message.campaign)
        // A cancel is final.
        && c.state == CampaignState::Running
    {
        let paused = Campaign { state: CampaignState::Paused, ..c.clone() };
        out.changes.push(Change::Campaign(Box::new(paused)));
    }
}

/// Bars the WABA that the attempt went out by from the person's country. Of a business-scoped id the country is known from
/// the request alone, which may be gone: then the message alone has failed.
fn bar(d: &Draft<'_, '_>, a: &Attempt, out: &mut Decision) {
    let country = d.message.user.digits().and_then(|digits| d.facts.rates.map().lookup(digits));
    let waba = crate::charge::waba_of(d.facts.state, a);
    if let Some(country) = country.filter(|c| !waba.barred.contains(c)) {
        let mut barred = waba.clone();
        barred.barred.push(country);
        out.changes.push(Change::Waba(Box::new(barred)));
    }
}

fn set_template(d: &Draft<'_, '_>, a: &Attempt, status: TemplateStatus, at_s: u32, out: &mut Decision) {
    let Some(ix) = a.template else { return };
    let mut t = d.facts.state.template_at(ix).clone();
    // Told again; or of a pause that is known, also when it has ended by itself since.
    let again = t.spec.status == status
        && (status == TemplateStatus::Disabled || (status == TemplateStatus::Paused && at_s < t.pauses.until_s));
    if again {
        return;
    }
    // What is rejected, disabled or deleted does not come back as paused because of an older message; nor is a pause that
    // goes on another one.
    if t.may_be_sent((d.now_ms / 1000) as u32) || status == TemplateStatus::Disabled {
        if status == TemplateStatus::Paused {
            t.pauses = t.pauses.another(at_s);
        }
        t.spec.status = status;
        out.effects.push(Effect::Template(ix));
        out.changes.push(Change::Template(Box::new(t)));
    }
}
