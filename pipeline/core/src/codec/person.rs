//! Contacts, pairs and the live values of senders.

use super::{Reader, Result, VERSION, counted, put_counted};
use crate::ids::User;
use crate::record::{Consent, Contact, Moved, OPT_OUTS, Pair, Past, Pending, SenderLive, Term, Untyped, Window};
use tollgate_quality::{BackOff, Bucket, Burst, RateFactor};
use tollgate_rate_card::{Conversation, ConversationKind, Conversations};

/// Version of a contact who ever said no; those who did not are written as before.
const WITH_OPT_OUTS: u8 = 2;
/// Version of a contact of whom there is anything in `part` but opt-outs; the others are written as before.
const WITH_PARTS: u8 = 3;
/// Version of a pair with conversations; those without are written as before.
const WITH_CONVERSATIONS: u8 = 2;
/// Version of a pair that was written to, without and with conversations.
const WITH_BURST: u8 = 3;
const WITH_BURST_AND_CONVERSATIONS: u8 = 4;
/// The same with who opened each conversation, where that is kept of one.
const WITH_OPENERS: u8 = 5;
/// Version of a pair whose window was opened by another message than the last, or of which anything past is kept. Of the
/// pairs before, two fields after the first time are not used any more.
const WITH_PAST: u8 = 6;
/// The same with conversations and who opened each.
const WITH_PAST_AND_OPENERS: u8 = 7;

/// What there is of a contact, as bits; each part that there is follows in this order.
mod part {
    pub const OPT_OUTS: u8 = 1;
    pub const TERMS: u8 = 1 << 1;
    pub const PENDING: u8 = 1 << 2;
    pub const MOVED: u8 = 1 << 3;
    /// A bit alone.
    pub const SUPPRESSED: u8 = 1 << 4;
    /// The platform keeps marketing from the person.
    pub const CAPPED: u8 = 1 << 5;
    pub const ALL: u8 = (1 << 6) - 1;
    /// Those of what was said to a brand.
    pub const OF_BRAND: u8 = OPT_OUTS | TERMS | PENDING;
}

fn parts_of(c: &Contact) -> u8 {
    let bit = |there: bool, bit: u8| if there { bit } else { 0 };
    bit(c.opt_out_s != [0; OPT_OUTS], part::OPT_OUTS)
        | bit(c.terms != [Term::default(); 4], part::TERMS)
        | bit(c.pending != [Pending::default(); 4], part::PENDING)
        | bit(c.moved.is_some(), part::MOVED)
        | bit(c.suppressed, part::SUPPRESSED)
        | bit(c.capped_until_s != 0, part::CAPPED)
}

/// Times of refusals, ends and what waits, as far as there are.
fn put_said(c: &Contact, parts: u8, out: &mut Vec<u8>) {
    if parts & part::OPT_OUTS != 0 {
        for at_s in c.opt_out_s {
            put!(out, at_s);
        }
    }
    if parts & part::TERMS != 0 {
        for term in c.terms {
            put!(out, term.said_s, term.ends_s);
        }
    }
    if parts & part::PENDING != 0 {
        for pending in c.pending {
            put!(out, pending.asked_s, pending.ends_s);
        }
    }
}

fn said(r: &mut Reader<'_>, parts: u8, c: &mut Contact) -> Result<()> {
    if parts & part::OPT_OUTS != 0 {
        for at_s in &mut c.opt_out_s {
            *at_s = r.u32()?;
        }
    }
    if parts & part::TERMS != 0 {
        for term in &mut c.terms {
            *term = Term { said_s: r.u32()?, ends_s: r.u32()? };
        }
    }
    if parts & part::PENDING != 0 {
        for pending in &mut c.pending {
            *pending = Pending { asked_s: r.u32()?, ends_s: r.u32()? };
        }
    }
    Ok(())
}

fn consents(r: &mut Reader<'_>) -> Result<[Consent; 4]> {
    let mut consent = [Consent::None; 4];
    for c in &mut consent {
        *c = match r.u8()? {
            0 => Consent::None,
            1 => Consent::In,
            2 => Consent::Out,
            _ => return r.bad("consent"),
        };
    }
    Ok(consent)
}

/// Contact to bytes.
pub fn put_contact(c: &Contact, out: &mut Vec<u8>) {
    let parts = parts_of(c);
    let version = match parts {
        0 => VERSION,
        part::OPT_OUTS => WITH_OPT_OUTS,
        _ => WITH_PARTS,
    };
    out.push(version);
    put_counted(out, c.counted);
    out.extend(c.consent.iter().map(|c| *c as u8));
    out.push(u8::from(c.stop_all));
    put!(out, c.off_platform_until_s);
    for m in c.marketing_s {
        put!(out, m);
    }
    if version == WITH_PARTS {
        out.push(parts);
    }
    put_said(c, parts, out);
    if let Some(moved) = c.moved {
        put!(out, moved.to.raw(), moved.at_s);
    }
    if parts & part::CAPPED != 0 {
        put!(out, c.capped_until_s);
    }
}

/// Contact from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn contact(b: &[u8]) -> Result<Contact> {
    let (mut r, version) = Reader::of("contact", b, &[VERSION, WITH_OPT_OUTS, WITH_PARTS])?;
    let r = &mut r;
    let counted = counted(r)?;
    let consent = consents(r)?;
    let stop_all = r.bool()?;
    let off_platform_until_s = r.u32()?;
    let mut marketing_s = [0; 4];
    for m in &mut marketing_s {
        *m = r.u32()?;
    }
    let parts = match version {
        WITH_PARTS => r.flags(part::ALL)?,
        WITH_OPT_OUTS => part::OPT_OUTS,
        _ => 0,
    };
    let mut c = Contact { counted, consent, stop_all, off_platform_until_s, marketing_s, ..Contact::default() };
    c.suppressed = parts & part::SUPPRESSED != 0;
    said(r, parts, &mut c)?;
    if parts & part::MOVED != 0 {
        c.moved = Some(Moved { to: User::from_raw(r.u64()?), at_s: r.u32()? });
    }
    if parts & part::CAPPED != 0 {
        c.capped_until_s = r.u32()?;
    }
    r.end()?;
    Ok(c)
}

/// What a person said to a brand to bytes. Of the record of a contact only what is about consents.
pub fn put_brand(c: &Contact, out: &mut Vec<u8>) {
    let parts = parts_of(c) & part::OF_BRAND;
    out.push(VERSION);
    out.extend(c.consent.iter().map(|c| *c as u8));
    out.push(u8::from(c.stop_all));
    out.push(parts);
    put_said(c, parts, out);
}

/// What a person said to a brand from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn brand(b: &[u8]) -> Result<Contact> {
    let (mut r, _) = Reader::of("brand", b, &[VERSION])?;
    let r = &mut r;
    let mut c = Contact { consent: consents(r)?, stop_all: r.bool()?, ..Contact::default() };
    let parts = r.flags(part::OF_BRAND)?;
    said(r, parts, &mut c)?;
    r.end()?;
    Ok(c)
}

/// Nanoseconds of a millisecond: earlier versions wrote the pair rate as a bucket's time.
const NS_PER_MS: u64 = 1_000_000;

/// Pair to bytes. One that was never written to is written as before.
pub fn put_pair(p: &Pair, out: &mut Vec<u8>) {
    let with_openers = p.conversations.as_ref().is_some_and(|all| all.iter().any(|c| c.opener != 0));
    let with_past = p.opened_s != 0 || p.past.is_some();
    let with_openers = with_openers || with_past && p.conversations.is_some();
    out.push(match (&p.conversations, p.burst == Burst::NONE) {
        (None, _) if with_past => WITH_PAST,
        (Some(_), _) if with_past => WITH_PAST_AND_OPENERS,
        (Some(_), _) if with_openers => WITH_OPENERS,
        (None, true) => VERSION,
        (Some(_), true) => WITH_CONVERSATIONS,
        (None, false) => WITH_BURST,
        (Some(_), false) => WITH_BURST_AND_CONVERSATIONS,
    });
    put!(out, p.last_inbound_s);
    if with_past {
        put_past(p, out);
    } else {
        put!(out, 0_u32, 0_u32);
    }
    put!(out, p.burst.began_ms);
    if p.burst != Burst::NONE || with_openers || with_past {
        put!(out, p.burst.late_ms, p.burst.sent);
    }
    put!(out, p.back_off.not_before_s, p.back_off.exponent);
    put_counted(out, p.counted);
    if let Some(conversations) = &p.conversations {
        out.push(conversations.iter().count() as u8);
        for c in conversations.iter() {
            out.push(c.kind.index() as u8);
            put!(out, c.opened_s, c.ends_s, c.id);
            if with_openers {
                put!(out, c.opener);
            }
        }
    }
}

fn put_past(p: &Pair, out: &mut Vec<u8>) {
    put!(out, p.opened_s);
    let (windows, untyped) =
        p.past.as_deref().map_or(Default::default(), |past| (&past.windows[..], &past.untyped[..]));
    out.push(windows.len() as u8);
    for w in windows {
        put!(out, w.opened_s, w.ends_s);
    }
    out.push(untyped.len() as u8);
    for u in untyped {
        put!(out, u.wamid, u.entry);
    }
}

fn past(r: &mut Reader<'_>, opened_s: u32) -> Result<Option<Box<Past>>> {
    let mut past = Past::default();
    let mut after_s = 0;
    for _ in 0..r.u8()? {
        let w = Window { opened_s: r.u32()?, ends_s: r.u32()? };
        if w.opened_s < after_s || w.ends_s <= w.opened_s {
            return r.bad("windows");
        }
        after_s = w.ends_s;
        past.windows.push(w);
    }
    for _ in 0..r.u8()? {
        past.untyped.push(Untyped { wamid: r.u128()?, entry: r.u128()? });
    }
    match past.is_empty() {
        true if opened_s == 0 => r.bad("past"),
        true => Ok(None),
        false => Ok(Some(Box::new(past))),
    }
}

fn conversations(r: &mut Reader<'_>, with_openers: bool, with_past: bool) -> Result<Conversations> {
    let mut all = Conversations::default();
    let mut least = 0;
    for _ in 0..r.u8()? {
        let at = usize::from(r.u8()?);
        let kind = match ConversationKind::ALL.get(at).filter(|_| at >= least) {
            Some(kind) => *kind,
            None => return r.bad("conversation"),
        };
        least = at + 1;
        let (opened_s, ends_s, id) = (r.i64()?, r.i64()?, r.u128()?);
        let opener = if with_openers { r.u128()? } else { 0 };
        all.restore(Conversation { kind, opened_s, ends_s, id, opener });
    }
    let none_kept = with_openers && !with_past && all.iter().all(|c| c.opener == 0);
    if all.is_empty() || none_kept { r.bad("conversations") } else { Ok(all) }
}

/// Pair from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn pair(b: &[u8]) -> Result<Pair> {
    const KNOWN: [u8; 7] = [
        VERSION,
        WITH_CONVERSATIONS,
        WITH_BURST,
        WITH_BURST_AND_CONVERSATIONS,
        WITH_OPENERS,
        WITH_PAST,
        WITH_PAST_AND_OPENERS,
    ];
    let (mut r, version) = Reader::of("pair", b, &KNOWN)?;
    let with_past = matches!(version, WITH_PAST | WITH_PAST_AND_OPENERS);
    let r = &mut r;
    let burst = |r: &mut Reader<'_>| -> Result<Burst> {
        Ok(match version {
            // How many went is not known of those: what they owe is paid back first.
            VERSION | WITH_CONVERSATIONS => Burst { began_ms: r.u64()?.div_ceil(NS_PER_MS), ..Burst::NONE },
            _ => Burst { began_ms: r.u64()?, late_ms: r.u16()?, sent: r.u8()? },
        })
    };
    let (last_inbound_s, opened_s) = (r.u32()?, r.u32()?);
    let past = if with_past { past(r, opened_s)? } else { None };
    if !with_past {
        // Once the last message from an advertisement, and the end of a free entry point.
        r.u32()?;
    }
    let pair = Pair {
        last_inbound_s,
        opened_s: if with_past { opened_s } else { 0 },
        past,
        burst: burst(r)?,
        back_off: BackOff { not_before_s: r.u32()?, exponent: r.u8()? },
        counted: counted(r)?,
        conversations: match version {
            WITH_CONVERSATIONS | WITH_BURST_AND_CONVERSATIONS => Some(Box::new(conversations(r, false, with_past)?)),
            WITH_OPENERS | WITH_PAST_AND_OPENERS => Some(Box::new(conversations(r, true, with_past)?)),
            _ => None,
        },
    };
    r.end()?;
    Ok(pair)
}

/// Version of a sender whose rate was refused and is known since; others are written as before.
const WITH_CEILING: u8 = 2;

/// Live values of a sender to bytes.
pub fn put_live(l: &SenderLive, out: &mut Vec<u8>) {
    let ceiling = l.factor.ceiling_permille != RateFactor::FULL.ceiling_permille;
    out.push(if ceiling { WITH_CEILING } else { VERSION });
    put!(out, l.throughput.tat_ns);
    for bucket in l.pacing {
        put!(out, bucket.tat_ns);
    }
    put!(out, l.factor.permille, l.factor.halved_at_ms, l.back_off_until_ms);
    if ceiling {
        put!(out, l.factor.ceiling_permille);
    }
}

/// Live values of a sender from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn live(b: &[u8]) -> Result<SenderLive> {
    let (mut r, version) = Reader::of("sender", b, &[VERSION, WITH_CEILING])?;
    let r = &mut r;
    let mut live = SenderLive { throughput: Bucket { tat_ns: r.u64()? }, ..SenderLive::default() };
    for bucket in &mut live.pacing {
        bucket.tat_ns = r.u64()?;
    }
    live.factor = RateFactor { permille: r.u16()?, halved_at_ms: r.u64()?, ..RateFactor::FULL };
    live.back_off_until_ms = r.u64()?;
    if version == WITH_CEILING {
        live.factor.ceiling_permille = r.u16()?;
    }
    r.end()?;
    Ok(live)
}
