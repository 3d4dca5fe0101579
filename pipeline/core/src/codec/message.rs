//! Messages with their attempts.

use super::booked::{BOOKED, booked, put_booked, put_reported, reported};
use super::{Reader, Result, VERSION, put_text};
use crate::ids::{AccountIx, CampaignIx, SenderIx, TemplateIx, User, WabaIx};
use crate::life::ttl;
use crate::lots::Resource;
use crate::record::{Attempt, AttemptState, Message, MessageState, Park, SaidRank, Tail, Unit};
use serde_json::value::RawValue;
use std::sync::Arc;
use tollgate_rate_card::{Category, Country};
use tollgate_wire::Reason;
use tollgate_wire::request::{ContentKind, Purpose};
use tollgate_wire::trace::SpanRef;

/// Read only: messages of which a conversation is known or charged.
const WITH_CONVERSATIONS: u8 = 2;
/// Written: with the WABA of each attempt, the time of the platform's word, and the card of what is booked.
const WITH_CARDS: u8 = 3;
/// Written where the trace is recorded: as before, with the span at the end.
const WITH_TRACE: u8 = 4;

/// Flag of a message beside its lane: ordered while its campaign was in test. Earlier versions refuse it, as they should:
/// they would count it with the others.
const IN_TEST: u8 = 1 << 1;

/// Flags of an attempt, beside the three of the first format.
const IN_CONVERSATION: u8 = 1 << 3;
/// The word about the price was said at another time than the delivery.
const SAID_APART: u8 = 1 << 4;
/// Two bits: the rank of that word.
const SAID_RANK: u8 = 5;
/// A byte of flags follows at the end, with what they say. Earlier versions refuse it, as they should.
const MORE: u8 = 1 << 7;
/// Of those: the kind of what was sent, where it is neither text nor template.
const MORE_KIND: u8 = 1;
/// Its time to live, where it is not that of its category.
const MORE_TTL: u8 = 1 << 1;

fn category_byte(c: Option<Category>) -> u8 {
    c.map_or(255, |c| c.index() as u8)
}

fn category(r: &mut Reader<'_>) -> Result<Option<Category>> {
    match r.u8()? {
        255 => Ok(None),
        i => match Category::ALL.get(usize::from(i)) {
            Some(c) => Ok(Some(*c)),
            None => r.bad("category"),
        },
    }
}

fn put_resource(out: &mut Vec<u8>, r: Resource) {
    let (tag, ix): (u8, u32) = match r {
        Resource::Own => (0, 0),
        Resource::Campaign(i) => (1, i.0),
        Resource::Sender(i) => (2, i.0.into()),
        Resource::Template(i, 0) => (3, i.0),
        Resource::Pacing(i) => (4, i.0.into()),
        Resource::Quota(i) => (5, i.0.into()),
        Resource::NumberQuota(i) => (6, i.0.into()),
        Resource::Budget(i) => (7, i.0),
        Resource::Throughput(i) => (8, i.0.into()),
        Resource::InFlight(i) => (9, i.0.into()),
        // Earlier versions refuse it, as they should: they would not know what frees it.
        Resource::Barred(w, c) => (10, crate::lots::barred(w, c)),
        // The same.
        Resource::CampaignRate(i) => (11, i.0),
        Resource::CampaignTest(i, _) => (12, i.0),
        Resource::Template(i, _) => (13, i.0),
    };
    out.push(tag);
    put!(out, ix);
    match r {
        Resource::CampaignTest(_, round) => out.push(round),
        Resource::Template(_, others) if others != 0 => out.extend_from_slice(&others.to_le_bytes()),
        _ => {}
    }
}

fn resource(r: &mut Reader<'_>) -> Result<Resource> {
    let (tag, ix) = (r.u8()?, r.u32()?);
    let large = matches!(tag, 1 | 3 | 7 | 10 | 11 | 12 | 13);
    let small = match u16::try_from(ix) {
        Ok(small) => small,
        Err(_) if large => 0,
        Err(_) => return r.bad("resource"),
    };
    Ok(match tag {
        0 => Resource::Own,
        1 => Resource::Campaign(CampaignIx(ix)),
        2 => Resource::Sender(SenderIx(small)),
        3 => Resource::Template(TemplateIx(ix), 0),
        4 => Resource::Pacing(SenderIx(small)),
        5 => Resource::Quota(AccountIx(small)),
        6 => Resource::NumberQuota(SenderIx(small)),
        7 => Resource::Budget(CampaignIx(ix)),
        8 => Resource::Throughput(SenderIx(small)),
        9 => Resource::InFlight(SenderIx(small)),
        10 => match Country::from_u16(ix as u16) {
            Some(country) => Resource::Barred(WabaIx((ix >> 16) as u16), country),
            None => return r.bad("resource"),
        },
        11 => Resource::CampaignRate(CampaignIx(ix)),
        12 => Resource::CampaignTest(CampaignIx(ix), r.u8()?),
        13 => Resource::Template(TemplateIx(ix), r.u32()?),
        _ => return r.bad("resource"),
    })
}

/// Message to bytes.
pub fn put_message(m: &Message, out: &mut Vec<u8>) {
    out.push(if m.tail.trace.is_some() { WITH_TRACE } else { WITH_CARDS });
    put!(out, m.uid, m.account.0, m.sender.0, m.user.raw(), m.campaign.0);
    out.push(u8::from(m.priority) | if m.test { IN_TEST } else { 0 });
    out.push(crate::lots::LotKey::class(m.purpose));
    out.push(m.state as u8);
    put!(out, m.created_s, m.expires_ms, m.body_bytes);
    match &m.park {
        None => out.push(0),
        Some(p) => {
            out.push(1);
            out.push(p.reason as u8);
            put_resource(out, p.resource);
            put!(out, p.until_ms, p.told_s);
        }
    }
    out.push(m.attempts.len() as u8);
    for a in &m.attempts {
        put_attempt(a, out);
    }
    put_text(out, &m.tail.id);
    put_text(out, m.tail.metadata.as_ref().map_or("", |json| json.get()));
    if let Some(span) = m.tail.trace.as_deref() {
        put!(out, span.trace, span.span);
    }
}

fn put_attempt(a: &Attempt, out: &mut Vec<u8>) {
    out.push(a.number);
    out.push(a.state as u8);
    put!(out, a.sender.0, a.template.map_or(u32::MAX, |t| t.0));
    out.push(a.alternative);
    out.push(category_byte(Some(a.category)));
    let in_conversation = a.conversation != 0 || a.booked.is_some_and(|b| b.unit != Unit::Message || b.named);
    let said_apart = a.said_s != a.delivered_s;
    let mut flags = u8::from(a.window_open) | u8::from(a.reserved_user) << 1 | u8::from(a.slot) << 2;
    flags |= if in_conversation { IN_CONVERSATION } else { 0 };
    flags |= if said_apart { SAID_APART } else { 0 };
    let is_rich = !matches!(a.kind, ContentKind::Text | ContentKind::Template);
    let has_ttl = a.ttl_s != ttl::default_s(a.category);
    let more = if is_rich { MORE_KIND } else { 0 } | if has_ttl { MORE_TTL } else { 0 };
    flags |= if more != 0 { MORE } else { 0 };
    out.push(flags | (a.said_rank as u8) << SAID_RANK);
    out.extend_from_slice(&a.reserved.serialize());
    put!(out, a.admitted_ms, a.leave_by_ms, a.check_ms, a.wamid, a.code, a.delivered_s);
    put_reported(out, &a.reported);
    if said_apart {
        put!(out, a.said_s);
    }
    put!(out, a.waba.map_or(u16::MAX, |w| w.0));
    match &a.booked {
        None => out.push(0),
        Some(b) => put_booked(b, out),
    }
    if in_conversation {
        put!(out, a.conversation);
        let booked = a.booked.map(|b| (b.unit as u8) << 1 | u8::from(b.named));
        out.push(booked.unwrap_or_default());
    }
    if more != 0 {
        out.push(more);
    }
    if is_rich {
        out.push(a.kind as u8);
    }
    if has_ttl {
        put!(out, a.ttl_s);
    }
}

/// Message from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn message(b: &[u8]) -> Result<Message> {
    let (mut r, version) = Reader::of("message", b, &[VERSION, WITH_CONVERSATIONS, WITH_CARDS, WITH_TRACE])?;
    let r = &mut r;
    let (uid, account, sender) = (r.u64()?, AccountIx(r.u16()?), SenderIx(r.u16()?));
    let (user, campaign) = (User::from_raw(r.u64()?), CampaignIx(r.u32()?));
    let flags = r.flags(1 | IN_TEST)?;
    let mut m = Message {
        uid,
        account,
        sender,
        user,
        campaign,
        priority: flags & 1 != 0,
        purpose: purpose(r)?,
        state: match MessageState::from_byte(r.u8()?) {
            Some(s) => s,
            None => return r.bad("state"),
        },
        created_s: r.u32()?,
        expires_ms: r.u64()?,
        body_bytes: r.u32()?,
        park: None,
        attempts: smallvec::SmallVec::new(),
        tail: Arc::new(Tail::default()),
        test: flags & IN_TEST != 0,
    };
    if r.bool()? {
        let reason = match Reason::from_index(r.u8()?) {
            Some(reason) => reason,
            None => return r.bad("reason"),
        };
        m.park = Some(Park { reason, resource: resource(r)?, until_ms: r.u64()?, told_s: r.u32()? });
    }
    for _ in 0..r.u8()? {
        m.attempts.push(attempt(r, version)?);
    }
    let id = r.text()?;
    let metadata = r.text()?;
    let metadata = match metadata.is_empty() {
        true => None,
        false => match RawValue::from_string(metadata.into()) {
            Ok(json) => Some(json),
            Err(_) => return r.bad("metadata"),
        },
    };
    let trace = match version {
        WITH_TRACE => Some(Box::new(SpanRef { trace: r.u128()?, span: r.u64()? })),
        _ => None,
    };
    m.tail = Arc::new(Tail { id, metadata, trace });
    r.end()?;
    Ok(m)
}

fn purpose(r: &mut Reader<'_>) -> Result<Purpose> {
    Ok(match r.u8()? {
        0 => Purpose::Authentication,
        1 => Purpose::Utility,
        2 => Purpose::Service,
        3 => Purpose::Marketing,
        _ => return r.bad("purpose"),
    })
}

fn attempt(r: &mut Reader<'_>, version: u8) -> Result<Attempt> {
    let number = r.u8()?;
    let state = match AttemptState::from_byte(r.u8()?) {
        Some(s) => s,
        None => return r.bad("attempt state"),
    };
    let sender = SenderIx(r.u16()?);
    let template = Some(r.u32()?).filter(|t| *t != u32::MAX).map(TemplateIx);
    let alternative = r.u8()?;
    let category = match category(r)? {
        Some(c) => c,
        None => return r.bad("category"),
    };
    let with_cards = version >= WITH_CARDS;
    let flags = if with_cards { r.u8()? } else { r.flags(7)? };
    let in_conversation = version == WITH_CONVERSATIONS || flags & IN_CONVERSATION != 0;
    let said_apart = flags & SAID_APART != 0;
    let mut a = Attempt {
        number,
        state,
        sender,
        waba: None,
        template,
        alternative,
        category,
        window_open: flags & 1 != 0,
        reserved_user: flags & 2 != 0,
        slot: flags & 4 != 0,
        reserved: r.decimal()?,
        admitted_ms: r.u64()?,
        leave_by_ms: r.u64()?,
        check_ms: r.u64()?,
        wamid: r.u128()?,
        code: r.u32()?,
        delivered_s: r.u32()?,
        reported: reported(r)?,
        said_s: 0,
        said_rank: SaidRank::from_bits(flags >> SAID_RANK),
        conversation: 0,
        booked: None,
        kind: if template.is_some() { ContentKind::Template } else { ContentKind::Text },
        ttl_s: ttl::default_s(category),
    };
    let has_more = flags & MORE != 0;
    if with_cards {
        a.said_s = if said_apart { r.u32()? } else { a.delivered_s };
        a.waba = Some(r.u16()?).filter(|w| *w != u16::MAX).map(WabaIx);
    }
    let flags = if with_cards { r.flags(BOOKED)? } else { r.flags(7)? };
    if flags & 1 != 0 {
        a.booked = Some(booked(r, flags, with_cards)?);
    }
    if in_conversation {
        a.conversation = r.u128()?;
        let flags = r.u8()?;
        match (&mut a.booked, Unit::from_byte(flags >> 1)) {
            (Some(booked), Some(unit)) => {
                booked.unit = unit;
                booked.named = flags & 1 != 0;
            }
            (None, _) if flags == 0 => {}
            _ => return r.bad("conversation"),
        }
    }
    let more = if has_more { r.flags(MORE_KIND | MORE_TTL)? } else { 0 };
    if more & MORE_KIND != 0 {
        a.kind = match ContentKind::from_byte(r.u8()?) {
            // Which of the two it is the template tells: written out, neither ever is.
            Some(ContentKind::Text | ContentKind::Template) | None => return r.bad("content"),
            Some(kind) => kind,
        };
    }
    if more & MORE_TTL != 0 {
        a.ttl_s = r.u32()?;
    }
    Ok(a)
}
