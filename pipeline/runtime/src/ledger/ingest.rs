//! Booking entries: the [`LedgerStore`].

use super::database::Memory;
use super::group::{Groups, Sums};
use super::hash::Hash;
use super::sql::Bulk;
use super::{Ingested, LedgerError, LedgerStore, Record, Stream, Writer};
use crate::ledger::stream::Fresh;
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;
use tollgate_wire::ledger::LedgerEntry;

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
    let mut bookings = Vec::with_capacity(fresh.records.len());
    for record in std::mem::take(&mut fresh.records) {
        match read(record) {
            Ok((entry, month, added)) => {
                let account = memory.accounts.number(tx, &entry.account)?;
                let (slot, group) = memory.groups.find(tx, &entry)?;
                bookings.push(Booking { entry, month, account, group, added, slot });
            }
            Err(reason) => fresh.set_aside(tx, record, &reason)?,
        }
    }
    let new = tx.book(&bookings)?;
    for (booking, new) in bookings.iter().zip(new) {
        fresh.count(new);
        if new {
            memory.groups.add(booking.slot, &booking.added);
        }
    }
    save(tx, &mut memory.groups)?;
    fresh.finish(tx, read_at)
}

fn save(tx: &mut dyn Bulk, groups: &mut Groups) -> Result<(), LedgerError> {
    let sums = groups.take_sums();
    if sums.is_empty() { Ok(()) } else { tx.add(&sums) }
}

/// An entry off the topic, its month and what it adds; why it cannot be booked. Everything is checked here, so that
/// nothing of it is refused once writing has begun.
fn read<'a>(record: &Record<'a>) -> Result<(LedgerEntry<'a>, i64, Sums), String> {
    let text = std::str::from_utf8(record.value).map_err(|e| format!("not UTF-8: {e}"))?;
    if text.contains("\\u0000") {
        return Err("a text with a NUL character, which no name or id has".to_owned());
    }
    let e: LedgerEntry<'_> = serde_json::from_str(text).map_err(|e| format!("not a ledger entry: {e}"))?;
    let added = Sums::of(&e)?;
    let month = month_number(&e.billing_period)?;
    month_number(&e.usage_period)?;
    if e.message_uid.is_some_and(|n| i64::try_from(n).is_err()) {
        return Err("message_uid exceeds 2^63 - 1".to_owned());
    }
    if e.ordinal.is_some_and(|n| i64::try_from(n).is_err()) {
        return Err("ordinal exceeds 2^63 - 1".to_owned());
    }
    Ok((e, month, added))
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
