//! What was booked: of an attempt, and of a message that other software sent.

use super::{CodecError, Reader, Result};
use crate::ids::{SenderIx, User};
use crate::record::{Booked, Foreign, Known, SaidRank, Stands, Unit};
use tollgate_rate_card::{Category, Country, PricingModel, Reported, ReportedCategory, ReportedModel, ReportedType};

/// Flags before what was booked; the lowest is set.
pub(super) const BOOKED: u8 = 63;

/// Where among them what the entry is begins, two bits, and the one after them.
const STANDS: u8 = 3;
const BY_HASH: u8 = 5;

/// Number and attempt under the platform's id, or what stands in their place.
const NUMBERS: usize = 9;
/// Format of what follows them of a message that other software sent. Earlier versions read the numbers alone, and write them
/// alone.
const WITH_BOOKED: u8 = 1;
/// The same of one of a conversation.
const WITH_CONVERSATION: u8 = 3;
/// Format of a key in place of all that.
const WITH_KEY: u8 = 2;

pub(super) fn put_reported(out: &mut Vec<u8>, r: &Reported) {
    out.push(match r.category {
        None => 255,
        Some(ReportedCategory::Unknown) => 254,
        Some(ReportedCategory::ReferralConversion) => 253,
        Some(ReportedCategory::Known(c)) => c.index() as u8,
    });
    out.push(match r.pricing_type {
        None => 0,
        Some(ReportedType::Regular) => 1,
        Some(ReportedType::FreeCustomerService) => 2,
        Some(ReportedType::FreeEntryPoint) => 3,
        Some(ReportedType::Unknown) => 4,
    });
    out.push(match r.model {
        None => 0,
        Some(ReportedModel::Known(PricingModel::Cbp)) => 1,
        Some(ReportedModel::Known(PricingModel::Pmp)) => 2,
        Some(_) => 3,
    });
}

pub(super) fn reported(r: &mut Reader<'_>) -> Result<Reported> {
    let category = match r.u8()? {
        255 => None,
        254 => Some(ReportedCategory::Unknown),
        253 => Some(ReportedCategory::ReferralConversion),
        i => match Category::ALL.get(usize::from(i)) {
            Some(c) => Some(ReportedCategory::Known(*c)),
            None => return r.bad("reported category"),
        },
    };
    let pricing_type = match r.u8()? {
        0 => None,
        1 => Some(ReportedType::Regular),
        2 => Some(ReportedType::FreeCustomerService),
        3 => Some(ReportedType::FreeEntryPoint),
        4 => Some(ReportedType::Unknown),
        _ => return r.bad("reported type"),
    };
    let model = match r.u8()? {
        0 => None,
        1 => Some(ReportedModel::Known(PricingModel::Cbp)),
        2 => Some(ReportedModel::Known(PricingModel::Pmp)),
        3 => Some(ReportedModel::Unknown),
        _ => return r.bad("reported model"),
    };
    Ok(Reported { category, pricing_type, model })
}

/// With the flags.
pub(super) fn put_booked(b: &Booked, out: &mut Vec<u8>) {
    let stands = (b.stands as u8) << STANDS | u8::from(b.by_hash) << BY_HASH;
    out.push(1 | u8::from(b.window_open) << 1 | u8::from(b.fep_open) << 2 | stands);
    put!(out, b.at_s, b.country.map_or(u16::MAX, Country::to_u16), b.allowance_used, b.ordinal, b.revision);
    put_reported(out, &b.reported);
    out.extend_from_slice(&b.cost.serialize());
    put!(out, b.card);
}

/// What follows the flags: of a message, as long as nothing else is said.
pub(super) fn booked(r: &mut Reader<'_>, flags: u8, with_cards: bool) -> Result<Booked> {
    Ok(Booked {
        unit: Unit::Message,
        named: false,
        at_s: r.u32()?,
        country: country(r)?,
        allowance_used: r.u64()?,
        ordinal: r.u64()?,
        revision: r.u32()?,
        window_open: flags & 2 != 0,
        fep_open: flags & 4 != 0,
        reported: reported(r)?,
        cost: r.decimal()?,
        card: if with_cards { r.u32()? } else { 0 },
        stands: Stands::from_bits(flags >> STANDS),
        by_hash: flags & 1 << BY_HASH != 0,
    })
}

fn country(r: &mut Reader<'_>) -> Result<Option<Country>> {
    match r.u16()? {
        u16::MAX => Ok(None),
        n => match Country::from_u16(n) {
            Some(c) => Ok(Some(c)),
            None => r.bad("country"),
        },
    }
}

/// What is kept under the platform's id of a message or a conversation, to bytes.
pub fn put_known(known: &Known, out: &mut Vec<u8>) {
    let (uid, attempt) = known.numbers();
    out.extend_from_slice(&uid.to_be_bytes());
    out.push(attempt);
    let f = match known {
        Known::Numbers(..) => return,
        Known::Foreign(f) => f,
        Known::Key(key) => {
            out.push(WITH_KEY);
            put!(out, *key);
            return;
        }
    };
    out.push(if f.user.is_some() { WITH_CONVERSATION } else { WITH_BOOKED });
    put!(out, f.sender.0, f.delivered_s, f.said.0);
    out.push(f.said.1 as u8);
    let (uid, attempt) = f.forgotten.unwrap_or_default();
    put!(out, uid, attempt);
    put_booked(&f.booked, out);
    if let Some(user) = f.user {
        put!(out, user.raw(), f.conversation);
        out.push((f.booked.unit as u8) << 1 | u8::from(f.booked.named));
    }
}

/// The same from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn known(b: &[u8]) -> Result<Known> {
    let what = "message id";
    let Some((numbers, tail)) = b.split_first_chunk::<NUMBERS>() else {
        return Err(CodecError::Damaged { what, why: "cut off".to_owned() });
    };
    let [uid @ .., attempt] = numbers;
    let (uid, attempt) = (u64::from_be_bytes(*uid), *attempt);
    if tail.is_empty() {
        return Ok(Known::Numbers(uid, attempt));
    }
    let (mut r, format) = Reader::of(what, tail, &[WITH_BOOKED, WITH_KEY, WITH_CONVERSATION])?;
    let r = &mut r;
    if format == WITH_KEY {
        let key = r.u128()?;
        if (uid, attempt) != (0, 0) {
            return r.bad("numbers beside a key");
        }
        r.end()?;
        return Ok(Known::Key(key));
    }
    let (sender, delivered_s, said_s) = (SenderIx(r.u16()?), r.u32()?, r.u32()?);
    let said = (said_s, SaidRank::from_bits(r.flags(3)?));
    let forgotten = Some((r.u64()?, r.u8()?)).filter(|(uid, _)| *uid != 0);
    let flags = r.flags(BOOKED)?;
    if flags & 1 == 0 {
        return r.bad("flags");
    }
    let mut booked = booked(r, flags, true)?;
    let (mut user, mut conversation) = (None, 0);
    if format == WITH_CONVERSATION {
        (user, conversation) = (Some(User::from_raw(r.u64()?)), r.u128()?);
        let flags = r.u8()?;
        let Some(unit) = Unit::from_byte(flags >> 1) else { return r.bad("conversation") };
        (booked.unit, booked.named) = (unit, flags & 1 != 0);
    }
    r.end()?;
    Ok(Known::Foreign(Box::new(Foreign {
        kept: uid,
        price_said: attempt,
        sender,
        forgotten,
        user,
        conversation,
        delivered_s,
        said,
        booked,
    })))
}
