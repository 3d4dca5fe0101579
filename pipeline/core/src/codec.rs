//! Records as bytes. Hot records have a fixed layout behind a version byte; settings are JSON behind one. An
//! unknown version is an error, never a guess.
//!
//! `person` contacts, pairs and live values · `message` messages with their attempts · `booked` what was booked, and what is
//! kept under the platform's ids · `owner` accounts and what is theirs, as JSON · this file: the reader, counters and proofs.

use crate::change::{CounterKey, Proof};
use crate::ids::{AccountIx, SenderIx, WabaIx};
use rust_decimal::Decimal;
use tollgate_quality::Counted;

/// Format written. Readers know this one and the one before, once there is one.
pub const VERSION: u8 = 1;

/// Stored bytes cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Written by a version we do not know.
    #[error("record format {0} is unknown to this version; start the version that wrote it")]
    Version(u8),
    /// Cut off or changed.
    #[error("stored {what} is damaged: {why}")]
    Damaged {
        /// Kind of record.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
}

type Result<T> = std::result::Result<T, CodecError>;

struct Reader<'a> {
    what: &'static str,
    b: &'a [u8],
}

impl<'a> Reader<'a> {
    /// With the version, of those that can be read.
    fn of(what: &'static str, b: &'a [u8], readable: &[u8]) -> Result<(Self, u8)> {
        match b.split_first() {
            Some((version, rest)) if readable.contains(version) => Ok((Self { what, b: rest }, *version)),
            Some((version, _)) => Err(CodecError::Version(*version)),
            None => Err(CodecError::Damaged { what, why: "empty".to_owned() }),
        }
    }
    fn bad<T>(&self, why: &str) -> Result<T> {
        Err(CodecError::Damaged { what: self.what, why: why.to_owned() })
    }
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.b.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.b = rest;
                Ok(*head)
            }
            None => self.bad("cut off"),
        }
    }
    fn u8(&mut self) -> Result<u8> {
        Ok(self.take::<1>()?[0])
    }
    fn u16(&mut self) -> Result<u16> {
        self.take().map(u16::from_le_bytes)
    }
    fn u32(&mut self) -> Result<u32> {
        self.take().map(u32::from_le_bytes)
    }
    fn u64(&mut self) -> Result<u64> {
        self.take().map(u64::from_le_bytes)
    }
    fn i64(&mut self) -> Result<i64> {
        self.take().map(i64::from_le_bytes)
    }
    fn u128(&mut self) -> Result<u128> {
        self.take().map(u128::from_le_bytes)
    }
    fn bool(&mut self) -> Result<bool> {
        Ok(self.flags(1)? != 0)
    }
    /// A byte in which only the bits of `known` may be set.
    fn flags(&mut self, known: u8) -> Result<u8> {
        match self.u8()? {
            b if b & !known == 0 => Ok(b),
            _ => self.bad("flags"),
        }
    }
    fn end(&self) -> Result<()> {
        if self.b.is_empty() { Ok(()) } else { self.bad("too long") }
    }
    fn decimal(&mut self) -> Result<Decimal> {
        self.take().map(Decimal::deserialize)
    }
    fn text(&mut self) -> Result<Box<str>> {
        let n = self.u16()? as usize;
        let Some((head, rest)) = self.b.split_at_checked(n) else { return self.bad("cut off") };
        self.b = rest;
        match std::str::from_utf8(head) {
            Ok(s) => Ok(s.into()),
            Err(_) => self.bad("not UTF-8"),
        }
    }
}

macro_rules! put {
    ($out:expr, $($v:expr),+ $(,)?) => { $($out.extend_from_slice(&$v.to_le_bytes());)+ };
}

mod booked;
mod message;
mod owner;
mod person;

pub use booked::{known, put_known};
pub use message::{message, put_message};
pub use owner::{
    account, campaign, put_account, put_campaign, put_sender, put_template, put_waba, sender, template, waba,
};
pub use person::{brand, contact, live, pair, put_brand, put_contact, put_live, put_pair};

use owner::{from_json, json};

fn put_text(out: &mut Vec<u8>, s: &str) {
    put!(out, s.len() as u16);
    out.extend_from_slice(s.as_bytes());
}

fn put_counted(out: &mut Vec<u8>, c: Counted) {
    put!(out, c.confirmed_at_s, c.reserved_at_s, c.reserved_n);
}

fn counted(r: &mut Reader<'_>) -> Result<Counted> {
    Ok(Counted { confirmed_at_s: r.u32()?, reserved_at_s: r.u32()?, reserved_n: r.u16()? })
}

/// Key of a counter as bytes.
#[must_use]
pub fn counter_key(k: CounterKey) -> Vec<u8> {
    let mut out = Vec::with_capacity(14);
    match k {
        CounterKey::Allowance(s, month, c) => {
            out.push(0);
            out.extend_from_slice(&s.0.to_be_bytes());
            out.extend_from_slice(&month.to_be_bytes());
            out.push(c);
        }
        CounterKey::WabaAllowance(w, month, c) => {
            out.push(2);
            out.extend_from_slice(&w.0.to_be_bytes());
            out.extend_from_slice(&month.to_be_bytes());
            out.push(c);
        }
        CounterKey::Band(a, month, market, c) => {
            out.push(1);
            out.extend_from_slice(&a.0.to_be_bytes());
            out.extend_from_slice(&month.to_be_bytes());
            out.extend_from_slice(&market.to_be_bytes());
            out.push(c);
        }
        CounterKey::BandReached(a, month, market, c) => {
            out.push(5);
            out.extend_from_slice(&a.0.to_be_bytes());
            out.extend_from_slice(&month.to_be_bytes());
            out.extend_from_slice(&market.to_be_bytes());
            out.push(c);
        }
        CounterKey::Fee { waba, sender, month, begun, fee } => {
            out.push(3);
            out.extend_from_slice(&waba.0.to_be_bytes());
            out.extend_from_slice(&sender.0.to_be_bytes());
            out.extend_from_slice(&month.to_be_bytes());
            out.extend_from_slice(&begun.to_be_bytes());
            out.push(fee);
        }
        CounterKey::NumberSince(waba, sender) => {
            out.push(4);
            out.extend_from_slice(&waba.0.to_be_bytes());
            out.extend_from_slice(&sender.0.to_be_bytes());
        }
    }
    out
}

/// Key of a counter from bytes.
///
/// # Errors
/// Damage.
pub fn counter_from_key(b: &[u8]) -> Result<CounterKey> {
    let be16 = |b: &[u8]| u16::from_be_bytes([b[0], b[1]]);
    let be32 = |b: &[u8]| u32::from_be_bytes([b[0], b[1], b[2], b[3]]);
    match b {
        [0, rest @ ..] if rest.len() == 7 => Ok(CounterKey::Allowance(SenderIx(be16(rest)), be32(&rest[2..]), rest[6])),
        [2, rest @ ..] if rest.len() == 7 => {
            Ok(CounterKey::WabaAllowance(WabaIx(be16(rest)), be32(&rest[2..]), rest[6]))
        }
        [1, rest @ ..] if rest.len() == 9 => {
            Ok(CounterKey::Band(AccountIx(be16(rest)), be32(&rest[2..]), be16(&rest[6..]), rest[8]))
        }
        [5, rest @ ..] if rest.len() == 9 => {
            Ok(CounterKey::BandReached(AccountIx(be16(rest)), be32(&rest[2..]), be16(&rest[6..]), rest[8]))
        }
        [3, rest @ ..] if rest.len() == 13 => Ok(CounterKey::Fee {
            waba: WabaIx(be16(rest)),
            sender: SenderIx(be16(&rest[2..])),
            month: be32(&rest[4..]),
            begun: be32(&rest[8..]),
            fee: rest[12],
        }),
        [4, rest @ ..] if rest.len() == 4 => {
            Ok(CounterKey::NumberSince(WabaIx(be16(rest)), SenderIx(be16(&rest[2..]))))
        }
        _ => Err(CodecError::Damaged { what: "counter", why: "key".to_owned() }),
    }
}

/// Proof of a consent to bytes.
#[must_use]
pub fn put_proof(p: &Proof) -> Vec<u8> {
    json(p)
}

/// Proof of a consent from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn proof(b: &[u8]) -> Result<Proof> {
    from_json("proof", b)
}
