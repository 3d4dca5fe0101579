//! Contacts, pairs and the live values of senders.

use super::{Reader, Result, VERSION, counted, put_counted};
use crate::record::{Consent, Contact, OPT_OUTS, Pair, SenderLive};
use tollgate_quality::{BackOff, Bucket, RateFactor};
use tollgate_rate_card::{Conversation, ConversationKind, Conversations};

/// Version of a contact who ever said no; those who did not are written as before.
const WITH_OPT_OUTS: u8 = 2;
/// Version of a contact from whom the platform keeps marketing, with opt-outs too; others are written as before.
const WITH_CAP: u8 = 3;
/// Version of a pair with conversations; those without are written as before.
const WITH_CONVERSATIONS: u8 = 2;

/// Contact to bytes.
pub fn put_contact(c: &Contact, out: &mut Vec<u8>) {
    let capped = c.capped_until_s != 0;
    let opt_outs = capped || c.opt_out_s != [0; OPT_OUTS];
    out.push(match (capped, opt_outs) {
        (true, _) => WITH_CAP,
        (false, true) => WITH_OPT_OUTS,
        (false, false) => VERSION,
    });
    put_counted(out, c.counted);
    out.extend(c.consent.iter().map(|c| *c as u8));
    out.push(u8::from(c.stop_all));
    put!(out, c.off_platform_until_s);
    for m in c.marketing_s {
        put!(out, m);
    }
    if opt_outs {
        for at_s in c.opt_out_s {
            put!(out, at_s);
        }
    }
    if capped {
        put!(out, c.capped_until_s);
    }
}

/// Contact from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn contact(b: &[u8]) -> Result<Contact> {
    let (mut r, version) = Reader::of("contact", b, &[VERSION, WITH_OPT_OUTS, WITH_CAP])?;
    let r = &mut r;
    let counted = counted(r)?;
    let mut consent = [Consent::None; 4];
    for c in &mut consent {
        *c = match r.u8()? {
            0 => Consent::None,
            1 => Consent::In,
            2 => Consent::Out,
            _ => return r.bad("consent"),
        };
    }
    let stop_all = r.bool()?;
    let off_platform_until_s = r.u32()?;
    let mut marketing_s = [0; 4];
    for m in &mut marketing_s {
        *m = r.u32()?;
    }
    let mut opt_out_s = [0; OPT_OUTS];
    if version != VERSION {
        for at_s in &mut opt_out_s {
            *at_s = r.u32()?;
        }
    }
    let capped_until_s = if version == WITH_CAP { r.u32()? } else { 0 };
    r.end()?;
    Ok(Contact { counted, consent, stop_all, off_platform_until_s, marketing_s, opt_out_s, capped_until_s })
}

/// Pair to bytes.
pub fn put_pair(p: &Pair, out: &mut Vec<u8>) {
    out.push(if p.conversations.is_some() { WITH_CONVERSATIONS } else { VERSION });
    put!(
        out,
        p.last_inbound_s,
        p.referral_s,
        p.fep_until_s,
        p.bucket.tat_ns,
        p.back_off.not_before_s,
        p.back_off.exponent
    );
    put_counted(out, p.counted);
    if let Some(conversations) = &p.conversations {
        out.push(conversations.iter().count() as u8);
        for c in conversations.iter() {
            out.push(c.kind.index() as u8);
            put!(out, c.opened_s, c.ends_s, c.id);
        }
    }
}

fn conversations(r: &mut Reader<'_>) -> Result<Conversations> {
    let mut all = Conversations::default();
    let mut least = 0;
    for _ in 0..r.u8()? {
        let at = usize::from(r.u8()?);
        let kind = match ConversationKind::ALL.get(at).filter(|_| at >= least) {
            Some(kind) => *kind,
            None => return r.bad("conversation"),
        };
        least = at + 1;
        all.restore(Conversation { kind, opened_s: r.i64()?, ends_s: r.i64()?, id: r.u128()? });
    }
    if all.is_empty() { r.bad("conversations") } else { Ok(all) }
}

/// Pair from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn pair(b: &[u8]) -> Result<Pair> {
    let (mut r, version) = Reader::of("pair", b, &[VERSION, WITH_CONVERSATIONS])?;
    let r = &mut r;
    let pair = Pair {
        last_inbound_s: r.u32()?,
        referral_s: r.u32()?,
        fep_until_s: r.u32()?,
        bucket: Bucket { tat_ns: r.u64()? },
        back_off: BackOff { not_before_s: r.u32()?, exponent: r.u8()? },
        counted: counted(r)?,
        conversations: match version {
            WITH_CONVERSATIONS => Some(Box::new(conversations(r)?)),
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
