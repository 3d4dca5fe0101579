//! Booking entries: the [`LedgerStore`].

use super::closes::{Ends, keep_end};
use super::database::Memory;
use super::group::Sums;
use super::hash::Hash;
use super::reached::keep_band;
use super::sql::Bulk;
use super::{Ingested, LedgerError, LedgerStore, Record, Stream, Writer};
use crate::ledger::stream::{Fresh, writes_nul};
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;
use tollgate_wire::ledger::{BandReached, LedgerEntry, MonthClosed};

impl LedgerStore for Writer {
    fn ingest(&mut self, batch: &[Record<'_>], read_at: Time) -> Result<Ingested, LedgerError> {
        self.transact(|tx, memory| ingest(tx, memory, batch, read_at))
    }

    fn position(&self, partition: u32) -> Result<u64, LedgerError> {
        Self::position(self, Stream::Ledger, partition)
    }

    fn erase_person(&mut self, account: &str, recipient: &str) -> Result<u64, LedgerError> {
        self.transact(|tx, _| {
            let sql = "DELETE FROM people WHERE account = (SELECT ix FROM accounts WHERE name = ?1) AND recipient = ?2";
            tx.run(sql, &[account.into(), recipient.into()])
        })
    }
}

/// An entry with the numbers under which it is kept.
pub(crate) struct Booking<'a> {
    /// The entry.
    pub(super) entry: LedgerEntry<'a>,
    /// Billing month as [`number_of`] has it.
    pub(super) month: i64,
    /// Account's number.
    pub(super) account: i64,
    /// Summary row.
    pub(super) group: i64,
    /// What it adds to the row.
    added: Sums,
    /// The row's place in memory.
    slot: usize,
}

impl Booking<'_> {
    /// The entry's id as it is stored.
    pub(super) fn id(&self) -> Hash<'_> {
        Hash::new(&self.entry.entry)
    }
}

/// Books what is new, inside a transaction.
pub(super) fn ingest(
    tx: &mut dyn Bulk,
    memory: &mut Memory,
    batch: &[Record<'_>],
    read_at: Time,
) -> Result<Ingested, LedgerError> {
    let mut fresh = Fresh::take(tx, Stream::Ledger, batch)?;
    let mut ends = Ends::hold(tx)?;
    let mut bookings = Vec::with_capacity(fresh.records.len());
    for record in std::mem::take(&mut fresh.records) {
        match read(record) {
            Ok(Read::Entry(entry, month, added)) => {
                let account = memory.accounts.number(tx, &entry.account)?;
                if ends.refuse(tx, account, month, &entry)? {
                    fresh.set_aside(tx, record, &closed(&entry))?;
                    continue;
                }
                let (slot, group) = memory.groups.find(tx, &entry)?;
                bookings.push(Booking { entry, month, account, group, added, slot });
            }
            Ok(Read::End(end, month)) => {
                let account = memory.accounts.number(tx, &end.account)?;
                fresh.count(keep_end(tx, account, month, &end)?);
            }
            Ok(Read::Band(band, month)) => {
                let account = memory.accounts.number(tx, &band.account)?;
                fresh.count(keep_band(tx, account, month, &band)?);
            }
            Err(reason) => fresh.set_aside(tx, record, &reason)?,
        }
    }
    for new in book(tx, memory, &bookings)? {
        fresh.count(new);
    }
    fresh.finish(tx, read_at)
}

/// Keeps what is new and adds it to its summary rows; for each, whether it was.
fn book(tx: &mut dyn Bulk, memory: &mut Memory, bookings: &[Booking<'_>]) -> Result<Vec<bool>, LedgerError> {
    let booked = tx.book(bookings)?;
    for (booking, new) in bookings.iter().zip(&booked) {
        if *new {
            memory.groups.add(booking.slot, &booking.added);
        }
    }
    let sums = memory.groups.take_sums();
    if !sums.is_empty() {
        tx.add(&sums)?;
    }
    Ok(booked)
}

/// Books entries that settling made, all of one account and month, inside a transaction; for each, whether it was new.
/// Positions are not touched.
pub(crate) fn book_settled(
    tx: &mut dyn Bulk,
    memory: &mut Memory,
    entries: Vec<LedgerEntry<'_>>,
) -> Result<Vec<bool>, LedgerError> {
    let odd = |value| LedgerError::Stored { what: "charge", value };
    let mut ends = Ends::hold(tx)?;
    let mut bookings = Vec::with_capacity(entries.len());
    for entry in entries {
        let added = Sums::of(&entry).map_err(odd)?;
        let month = month_number(&entry.billing_period).map_err(odd)?;
        let account = memory.accounts.number(tx, &entry.account)?;
        if ends.refuse(tx, account, month, &entry)? {
            return Err(LedgerError::Closed {
                account: entry.account.to_string(),
                month: entry.billing_period.to_string(),
            });
        }
        let (slot, group) = memory.groups.find(tx, &entry)?;
        bookings.push(Booking { entry, month, account, group, added, slot });
    }
    book(tx, memory, &bookings)
}

/// What a record is.
#[expect(clippy::large_enum_variant, reason = "nearly all are entries, which a box would allocate for")]
enum Read<'a> {
    /// An entry, its month and what it adds.
    Entry(LedgerEntry<'a>, i64, Sums),
    /// The end of a month.
    End(MonthClosed<'a>, i64),
    /// A volume band that is reached.
    Band(BandReached<'a>, i64),
}

fn closed(entry: &LedgerEntry<'_>) -> String {
    format!(
        "month {} of account `{}` is closed, and this entry was not in its bill; a correction belongs into an open month",
        entry.billing_period, entry.account
    )
}

/// A record off the topic; why it cannot be booked. Everything is checked here, so that nothing of it is refused once
/// writing has begun.
fn read<'a>(record: &Record<'a>) -> Result<Read<'a>, String> {
    let text = std::str::from_utf8(record.value).map_err(|e| format!("not UTF-8: {e}"))?;
    if writes_nul(text) {
        return Err("a text with a NUL character, which no name or id has".to_owned());
    }
    let e: LedgerEntry<'_> = match serde_json::from_str(text) {
        Ok(entry) => entry,
        // Ends of months are rare: they are looked for only where there is no entry.
        Err(error) => match serde_json::from_str::<MonthClosed<'_>>(text) {
            Ok(end) => {
                let month = month_number(&end.month_closed)?;
                return Ok(Read::End(end, month));
            }
            Err(_) => {
                return match serde_json::from_str::<BandReached<'_>>(text) {
                    Ok(band) => month_number(&band.month).map(|month| Read::Band(band, month)),
                    Err(_) => Err(format!("not a ledger entry: {error}")),
                };
            }
        },
    };
    let added = Sums::of(&e)?;
    let month = month_number(&e.billing_period)?;
    month_number(&e.usage_period)?;
    if e.message_uid.is_some_and(|n| i64::try_from(n).is_err()) {
        return Err("message_uid exceeds 2^63 - 1".to_owned());
    }
    if e.ordinal.is_some_and(|n| i64::try_from(n).is_err()) {
        return Err("ordinal exceeds 2^63 - 1".to_owned());
    }
    Ok(Read::Entry(e, month, added))
}

/// `YYYY-MM` as year * 12 + month - 1.
fn month_number(period: &str) -> Result<i64, String> {
    let month: YearMonth = period.parse().map_err(|e| format!("{e}"))?;
    Ok(number_of(month))
}

/// The month as it is stored with entries.
pub(super) fn number_of(month: YearMonth) -> i64 {
    i64::from(month.year()) * 12 + i64::from(month.month()) - 1
}

/// The month back from how it is stored.
pub(super) fn month_of(number: i64) -> Result<YearMonth, LedgerError> {
    YearMonth::new((number / 12) as i16, (number % 12 + 1) as i8)
        .ok_or_else(|| LedgerError::Stored { what: "month", value: number.to_string() })
}
