//! An entry's rows in the server's format, written by the thread that reads entries while others are booked. Only the numbers of
//! its account and of its terms come later: their columns are the first.

use super::copy::{CopyError, Rows, put};
use super::value::stored;
use crate::ledger::hash::Hashes;
use crate::ledger::ingest::Booking;
use bytes::BytesMut;
use postgres::types::Type;
use std::borrow::Cow;
use tollgate_wire::ledger::LedgerEntry;

/// Columns of an entry. The first two are written when it is booked.
pub(super) const ENTRY_COLUMNS: &str = "account, terms, month, occurred_at, entry, adjusts, revision, message_uid, \
    message, attempt, recipient_hash, wamid_hash, conversation, ordinal, quantity, cost, markup, fee, price_ex_tax, \
    booked_at, reason";
/// Columns of an entry's id, with where the entry lies and people's data. The first is written when it is booked.
pub(super) const ID_COLUMNS: &str = "account, message_uid, entry, month, occurred_at, recipient, wamid";

const INT: Type = Type::INT8;
const TEXT: Type = Type::TEXT;
const HASH: Type = Type::BYTEA;
const AMOUNT: Type = Type::NUMERIC;

/// Types of what is written ahead of an entry.
const ENTRY: [Type; 19] =
    [INT, INT, HASH, HASH, INT, INT, TEXT, INT, HASH, HASH, TEXT, INT, INT, AMOUNT, AMOUNT, AMOUNT, AMOUNT, INT, TEXT];
const ID: [Type; 6] = [INT, HASH, INT, INT, TEXT, TEXT];

/// Bytes of an entry's rows, usually.
const USUAL: usize = 512;

/// What is written ahead: the id's row and the entry's.
#[derive(Default)]
pub(crate) struct Prepared {
    bytes: BytesMut,
    /// Where the entry begins.
    entry: usize,
}

impl Prepared {
    /// Writes an entry's rows; `month` as it is stored. Why not, if a value cannot be stored.
    pub(super) fn new(e: &LedgerEntry<'_>, hashes: &Hashes, month: i64) -> Result<Self, String> {
        let mut bytes = BytesMut::with_capacity(USUAL);
        write(&mut bytes, e, hashes, month)
            .map_err(|error| format!("it cannot be stored: {error}"))
            .map(|entry| Self { bytes, entry })
    }

    /// Writes the row of the id.
    pub(super) fn write_id(&self, booking: &Booking<'_>, rows: &mut Rows<'_>) -> Result<(), CopyError> {
        rows.put(&[booking.account], ID.len(), &self.bytes[..self.entry])
    }

    /// Writes the entry's row.
    pub(super) fn write_entry(&self, booking: &Booking<'_>, rows: &mut Rows<'_>) -> Result<(), CopyError> {
        rows.put(&[booking.account, booking.terms], ENTRY.len(), &self.bytes[self.entry..])
    }
}

/// What an entry's id is unique among: the entries of its message, or those of none. Messages are numbered as they come, so
/// that what is written lies together.
pub(super) fn uid(e: &LedgerEntry<'_>) -> i64 {
    e.message_uid.map_or(0, |n| n as i64)
}

pub(super) fn id<'e>(e: &'e LedgerEntry<'_>, hashes: &'e Hashes) -> Cow<'e, [u8]> {
    let [id, ..] = hashes.stored(e);
    stored(&id).unwrap_or_default()
}

/// Writes both rows; where the second begins.
fn write(
    out: &mut BytesMut,
    e: &LedgerEntry<'_>,
    hashes: &Hashes,
    month: i64,
) -> Result<usize, Box<dyn std::error::Error + Sync + Send>> {
    let kept = hashes.stored(e);
    let [id, adjusts, recipient, wamid] = [0, 1, 2, 3].map(|n| stored(&kept[n]));
    let (uid, at) = (uid(e), e.occurred_at.0 as i64);
    put(out, &ID, &[&uid, &id, &month, &at, &e.recipient.as_deref(), &e.wamid.as_deref()])?;
    let entry = out.len();
    put(
        out,
        &ENTRY,
        &[
            &month,
            &at,
            &id,
            &adjusts,
            &i64::from(e.revision),
            &e.message_uid.map(|n| n as i64),
            &e.message.as_deref(),
            &e.attempt.map(i64::from),
            &recipient,
            &wamid,
            &e.conversation.as_deref(),
            &e.ordinal.map(|n| n as i64),
            &e.quantity,
            &e.cost.map(|a| a.normalize()),
            &e.markup.map(|a| a.normalize()),
            &e.fee.map(|a| a.normalize()),
            &e.price_ex_tax.map(|a| a.normalize()),
            &(e.booked_at.0 as i64),
            &e.reason.as_deref(),
        ],
    )?;
    Ok(entry)
}
