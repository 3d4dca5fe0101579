//! A send, from body to verdict. The order of the checks is written here once.

use std::sync::Arc;

use super::answer;
use super::body::{SendBody, TemplateBody};
use super::error::PlatformError;
use super::parameters;
use super::recipient::Recipient;
use super::service;
use super::wamid::Direction;
use crate::config::template::{Category, TemplateConfig};
use crate::dice::Dice;
use crate::journal::AcceptedLine;
use crate::stats::{Violation, ViolationRule};
use crate::world::World;
use crate::world::fate::{Course, Fate, Hold, Special};
use crate::world::lifecycle::{Message, MessageKind};

/// Longest `biz_opaque_callback_data`.
const OPAQUE_MAX_CHARS: usize = 512;
/// Longest text message.
const TEXT_MAX_CHARS: usize = 4_096;

/// What the caller gets.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The message was taken; `manner` says how the caller learns it.
    Accepted {
        body: Vec<u8>,
        manner: Manner,
    },
    Refused(PlatformError),
    /// The connection closes without an answer, and the message was not taken.
    Closed,
}

/// How the answer to an accepted message arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Prompt,
    /// After this many milliseconds.
    Slow(u64),
    /// HTTP 500 without a body.
    ServerError,
}

/// By which call a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Messages,
    /// Marketing templates alone.
    Marketing,
}

/// Judges a send from the number `phone_number_id`.
pub(crate) fn accept(
    world: &mut World,
    phone_number_id: &str,
    call: Call,
    body: &SendBody<'_>,
    now_ms: u64,
) -> Verdict {
    let verdict = match judge(world, phone_number_id, call, body, now_ms) {
        Ok(verdict) => verdict,
        Err(error) => Verdict::Refused(error),
    };
    match &verdict {
        Verdict::Refused(error) => *world.counters.refused.entry(error.code).or_default() += 1,
        Verdict::Closed => world.counters.unanswered += 1,
        Verdict::Accepted { manner, .. } => {
            world.counters.accepted += 1;
            world.counters.unanswered += u64::from(*manner == Manner::ServerError);
        }
    }
    verdict
}

fn judge(
    world: &mut World,
    phone_number_id: &str,
    call: Call,
    body: &SendBody<'_>,
    now_ms: u64,
) -> Result<Verdict, PlatformError> {
    let Some(sender) = world.sender(phone_number_id) else {
        return Err(PlatformError::unknown_object("post", phone_number_id));
    };
    check_envelope(body)?;
    check_call(call, body)?;
    let recipient = Recipient::of(body.to.as_deref(), body.recipient.as_deref())?;
    if *recipient.user == *world.senders[sender].display_phone_number {
        return Err(PlatformError::new(131_021, "Recipient phone number is the sender's"));
    }
    let kind = check_content(world, sender, &recipient, body, now_ms)?;
    check_marketing(world, sender, call, kind)?;
    let special = Special::of(&recipient.user);
    if special == Some(Special::ConnectionClosed) {
        return Ok(Verdict::Closed);
    }
    if let Some(error) = world.ordered_refusal(sender, now_ms) {
        return Err(error);
    }
    forced_refusal(world, sender, &recipient, special, now_ms)?;
    take_limits(world, sender, &recipient, now_ms)?;
    let body = take(world, sender, recipient, kind, call, body, now_ms);
    let manner = match special {
        Some(Special::ServerError) => Manner::ServerError,
        Some(Special::SlowAnswer) => Manner::Slow(world.config.delays.slow_answer_ms),
        _ => Manner::Prompt,
    };
    Ok(Verdict::Accepted { body, manner })
}

fn check_envelope(body: &SendBody<'_>) -> Result<(), PlatformError> {
    match body.messaging_product.as_deref() {
        Some("whatsapp") => {}
        None => {
            return Err(PlatformError::new(100, "The parameter messaging_product is required."));
        }
        Some(_) => {
            return Err(PlatformError::new(100, "Param messaging_product must be whatsapp"));
        }
    }
    if body.recipient_type.as_deref().is_some_and(|kind| kind != "individual") {
        return Err(PlatformError::new(131_009, "Param recipient_type must be individual"));
    }
    let opaque = body.biz_opaque_callback_data.as_deref().unwrap_or("");
    if opaque.chars().count() > OPAQUE_MAX_CHARS {
        let details = "Param biz_opaque_callback_data must be at most 512 characters long";
        return Err(PlatformError::new(100, details));
    }
    Ok(())
}

/// What each call takes at all.
fn check_call(call: Call, body: &SendBody<'_>) -> Result<(), PlatformError> {
    let more = body.product_policy.is_some() || body.message_activity_sharing.is_some();
    if call == Call::Messages {
        let details = "Unexpected key product_policy or message_activity_sharing";
        return if more { Err(PlatformError::new(100, details)) } else { Ok(()) };
    }
    if body.kind.as_deref() != Some("template") {
        return Err(PlatformError::new(131_055, "Only template messages leave by marketing_messages"));
    }
    match body.product_policy.as_deref() {
        None | Some("CLOUD_API_FALLBACK" | "STRICT") => Ok(()),
        Some(_) => Err(PlatformError::new(131_009, "product_policy is CLOUD_API_FALLBACK or STRICT")),
    }
}

/// Which templates leave by which call.
fn check_marketing(world: &World, sender: usize, call: Call, kind: MessageKind) -> Result<(), PlatformError> {
    let marketing = kind == MessageKind::Template(Category::Marketing);
    if call == Call::Marketing && !marketing {
        return Err(PlatformError::new(134_100, "Only marketing templates leave by marketing_messages"));
    }
    if call == Call::Messages && marketing && world.portfolios[world.senders[sender].portfolio].marketing_call_only {
        return Err(PlatformError::new(131_063, "Marketing templates leave by marketing_messages here"));
    }
    Ok(())
}

fn check_content(
    world: &mut World,
    sender: usize,
    recipient: &Recipient,
    body: &SendBody<'_>,
    now_ms: u64,
) -> Result<MessageKind, PlatformError> {
    match body.kind.as_deref().unwrap_or("text") {
        "template" => {
            let template = body.template.as_ref().ok_or_else(|| missing("template"))?;
            let category = check_template(world, sender, template)?.category;
            if category == Category::Authentication && recipient.is_bsuid() {
                let details = "Authentication templates need a phone number";
                return Err(PlatformError::new(131_062, details));
            }
            Ok(MessageKind::Template(category))
        }
        "text" => {
            let text = body.text.as_ref().and_then(|text| text.body.as_deref());
            let length = text.ok_or_else(|| missing("text['body']"))?.chars().count();
            if !(1..=TEXT_MAX_CHARS).contains(&length) {
                let details = "Param text['body'] must have 1 to 4096 characters";
                return Err(PlatformError::new(100, details));
            }
            check_window(world, sender, recipient, now_ms)
        }
        other => match service::check(other, body.service(other)) {
            Some(checked) => {
                checked?;
                check_window(world, sender, recipient, now_ms)
            }
            None => Err(PlatformError::new(131_051, format!("Message type {other:?} is not known"))),
        },
    }
}

fn check_window(
    world: &mut World,
    sender: usize,
    recipient: &Recipient,
    now_ms: u64,
) -> Result<MessageKind, PlatformError> {
    let pair = world.pairs.touch(sender, &recipient.user, now_ms);
    if !pair.window_open(now_ms / 1_000) {
        let details = "Message failed to send because more than 24 hours have passed since the customer last replied to this number.";
        return Err(PlatformError::new(131_047, details));
    }
    Ok(MessageKind::Service)
}

fn check_template<'w>(
    world: &'w World,
    sender: usize,
    body: &TemplateBody<'_>,
) -> Result<&'w TemplateConfig, PlatformError> {
    let name = body.name.as_deref().ok_or_else(|| missing("template['name']"))?;
    let language = body.language.as_ref().ok_or_else(|| missing("template['language']"))?;
    let code = language.code.as_deref().ok_or_else(|| missing("template['language']['code']"))?;
    if language.policy.as_deref().is_some_and(|policy| policy != "deterministic") {
        return Err(PlatformError::new(131_009, "Param policy must be deterministic"));
    }
    let portfolio = &world.portfolios[world.senders[sender].portfolio];
    let template = portfolio.templates.sendable(name, code)?;
    parameters::check(template, &body.components)?;
    Ok(template)
}

/// Suffixes 008 and 011.
fn forced_refusal(
    world: &mut World,
    sender: usize,
    recipient: &Recipient,
    special: Option<Special>,
    now_ms: u64,
) -> Result<(), PlatformError> {
    let code = match special {
        Some(Special::PairRateRefused) => 131_056,
        Some(Special::ThroughputRefused) => 130_429,
        _ => return Ok(()),
    };
    let pair = world.pairs.touch(sender, &recipient.user, now_ms);
    if pair.refusals >= world.config.limits.forced_refusals {
        pair.refusals = 0;
        return Ok(());
    }
    pair.refusals += 1;
    Err(PlatformError::new(code, "Refused because of the recipient's last three digits"))
}

fn take_limits(world: &mut World, sender: usize, recipient: &Recipient, now_ms: u64) -> Result<(), PlatformError> {
    let rule = &world.config.limits;
    let mut pair_rate = world.pairs.touch(sender, &recipient.user, now_ms).rate;
    let number = &mut world.senders[sender];
    let breach = if let Err(wait_ms) = pair_rate.take(now_ms, rule) {
        let details = format!(
            "Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time; next in {wait_ms} ms"
        );
        let (count, limit) = (u64::from(rule.pair_burst), u64::from(rule.pair_burst));
        Some((ViolationRule::PairRate, count, limit, PlatformError::new(131_056, details)))
    } else if let Err(count) = number.throughput.take(now_ms) {
        let details = "Message failed to send because there were too many messages sent from this phone number in a short period of time";
        let error = PlatformError::new(130_429, details);
        let limit = number.throughput.limit() as u64;
        Some((ViolationRule::Throughput, count as u64 + 1, limit, error))
    } else {
        None
    };
    let Some((rule, count, limit, error)) = breach else {
        world.pairs.touch(sender, &recipient.user, now_ms).rate = pair_rate;
        return Ok(());
    };
    world.counters.violation(Violation {
        rule,
        at_ms: now_ms,
        portfolio: world.portfolios[number.portfolio].id.clone(),
        phone_number_id: number.phone_number_id.clone(),
        count,
        limit,
    });
    Err(error)
}

/// Nothing stands against the message any more: it gets an id and a future.
fn take(
    world: &mut World,
    sender: usize,
    recipient: Recipient,
    kind: MessageKind,
    call: Call,
    body: &SendBody<'_>,
    now_ms: u64,
) -> Vec<u8> {
    let wamid = world.next_wamid(&recipient.user, Direction::Outbound);
    let pair = world.pairs.touch(sender, &recipient.user, now_ms);
    pair.ordinal += 1;
    let ordinal = pair.ordinal.to_le_bytes();
    let number = world.senders[sender].phone_number_id.as_bytes();
    let mut dice = Dice::new(world.config.seed, &[number, recipient.user.as_bytes(), &ordinal]);
    pair.business_wrote(now_ms / 1_000, dice.bits());
    let stopped = pair.stopped;
    let (rates, delays) = (&world.config.rates, &world.config.delays);
    let mut fate = Fate::decide(&recipient.user, kind, rates, delays, dice);
    if stopped && kind == MessageKind::Template(Category::Marketing) {
        fate.course = Course::Failed(131_050);
    }
    // Of a reaction nothing more is heard than that it was sent.
    if body.kind.as_deref() == Some("reaction") && fate.course != Course::Failed(131_026) {
        fate.course = Course::Silent;
    }
    if let Some(code) = world.ordered_failure(sender, now_ms) {
        fate.course = Course::Failed(code);
        fate.hold = Hold::None;
    }
    let status = match (kind, fate.hold) {
        (MessageKind::Service, _) => None,
        (_, Hold::None) => Some("accepted"),
        (_, Hold::Released | Hold::Dropped) => Some("held_for_quality_assessment"),
    };
    let input = match (&body.to, &body.recipient) {
        (Some(input), _) | (None, Some(input)) => input.as_ref(),
        (None, None) => &recipient.user,
    };
    let answer = answer::accepted(input, &recipient, &wamid, status);
    let message = Message {
        wamid,
        recipient,
        sender,
        kind,
        opaque: body.biz_opaque_callback_data.as_deref().map(str::to_owned),
        fate,
        lite: call == Call::Marketing,
    };
    let number = &world.senders[sender];
    let portfolio = &world.portfolios[number.portfolio];
    let template = body.template.as_ref().filter(|_| kind != MessageKind::Service);
    world.journal.accepted(&AcceptedLine {
        kind: "accepted",
        at_ms: now_ms,
        portfolio: &portfolio.id,
        waba: &portfolio.waba,
        phone_number_id: &number.phone_number_id,
        to: &message.recipient.user,
        wamid: &message.wamid,
        message_status: status,
        template: template.and_then(|template| template.name.as_deref()),
        language: template.and_then(|template| template.language.as_ref()?.code.as_deref()),
        category: match kind {
            MessageKind::Template(category) => Some(category),
            MessageKind::Service => None,
        },
        biz_opaque_callback_data: message.opaque.as_deref(),
    });
    world.begin(Arc::new(message), now_ms);
    answer
}

fn missing(parameter: &str) -> PlatformError {
    PlatformError::new(131_008, format!("The parameter {parameter} is required."))
}
