//! Booking entries: the [`LedgerStore`].

use super::closes::{Ends, keep_end};
use super::database::Memory;
use super::group::{Found, Sums};
use super::hash::Hashes;
use super::parse::{Checked, Read, each_chunk};
use super::postgres::Prepared;
use super::reached::keep_band;
use super::sql::{Bulk, Prepare, Sql};
use super::stream::Fresh;
use super::{Ingested, LedgerError, LedgerStore, Record, Stream, Writer};
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;
use tollgate_wire::ledger::{LedgerEntry, Origin};

impl LedgerStore for Writer {
    fn ingest(&mut self, batch: &[Record<'_>], read_at: Time) -> Result<Ingested, LedgerError> {
        match self.transact(|tx, memory| ingest(tx, memory, batch, read_at, None)) {
            Err(LedgerError::Overflow { what }) => self.ingest_apart(batch, read_at, what),
            done => done,
        }
    }

    fn position(&self, partition: u32) -> Result<u64, LedgerError> {
        Self::position(self, Stream::Ledger, partition)
    }
}

impl Writer {
    /// Books a batch of which a stored sum cannot hold `what`, in halves, each a transaction: the one entry that is too much is
    /// found in a few steps, and set aside alone.
    fn ingest_apart(
        &mut self,
        batch: &[Record<'_>],
        read_at: Time,
        what: &'static str,
    ) -> Result<Ingested, LedgerError> {
        if batch.len() <= 1 {
            return self.transact(|tx, memory| ingest(tx, memory, batch, read_at, Some(what)));
        }
        let (first, second) = batch.split_at(batch.len() / 2);
        Ok(self.ingest(first, read_at)?.and(self.ingest(second, read_at)?))
    }
}

/// An entry with the numbers under which it is kept.
pub(crate) struct Booking<'a> {
    /// The entry.
    pub(super) entry: &'a LedgerEntry<'a>,
    /// Its hashes as they are stored.
    pub(super) hashes: &'a Hashes,
    /// As the database takes it in, where that was written ahead.
    pub(super) prepared: Option<&'a Prepared>,
    /// Billing month as [`number_of`] has it.
    pub(super) month: i64,
    /// Account's number.
    pub(super) account: i64,
    /// Number of its terms.
    pub(super) terms: i64,
    /// What it adds to their summary row.
    added: &'a Sums,
    /// The row's place in memory.
    slot: usize,
}

impl<'a> Booking<'a> {
    /// Finds the entry's terms and summary row.
    fn new(tx: &dyn Sql, memory: &mut Memory, account: i64, checked: &'a Checked<'_>) -> Result<Self, LedgerError> {
        let Checked { entry, hashes, month, added, prepared } = checked;
        let Found { slot, terms } = memory.groups.find(tx, entry)?;
        Ok(Self { entry, hashes, prepared: prepared.as_ref(), month: *month, account, terms, added, slot })
    }
}

/// Books what is new, inside a transaction; or, where sums cannot hold `too_much`, sets the entries aside.
pub(super) fn ingest(
    tx: &mut dyn Bulk,
    memory: &mut Memory,
    batch: &[Record<'_>],
    read_at: Time,
    too_much: Option<&'static str>,
) -> Result<Ingested, LedgerError> {
    let mut fresh = Fresh::take(tx, Stream::Ledger, batch)?;
    let mut ends = Ends::hold(tx)?;
    memory.erasures.hold(tx)?;
    let (at_once, prepare) = (tx.booked_at_once(), tx.prepare());
    each_chunk(&std::mem::take(&mut fresh.records), at_once, prepare, |(records, mut read)| {
        unname(tx, memory, prepare, &mut read)?;
        let mut bookings = Vec::with_capacity(read.len());
        for (record, read) in records.iter().zip(&read) {
            match read {
                Ok(Read::Entry(checked)) => {
                    let account = memory.accounts.number(tx, &checked.entry.account)?;
                    if is_ours(tx, &bookings, checked)? {
                        fresh.count(false);
                        continue;
                    }
                    let reason = match too_much {
                        _ if ends.refuse(tx, account, checked.month, &checked.entry)? => Some(closed(&checked.entry)),
                        too_much => too_much.map(beyond),
                    };
                    if let Some(reason) = reason {
                        set_aside(tx, memory, &mut fresh, (record, &reason), account, checked)?;
                        continue;
                    }
                    bookings.push(Booking::new(tx, memory, account, checked)?);
                }
                Ok(Read::End(end, month)) => {
                    let account = memory.accounts.number(tx, &end.account)?;
                    fresh.count(keep_end(tx, account, *month, end)?);
                }
                Ok(Read::Band(band, month)) => {
                    let account = memory.accounts.number(tx, &band.account)?;
                    fresh.count(keep_band(tx, account, *month, band)?);
                }
                Err(reason) => fresh.set_aside(tx, record, reason)?,
            }
        }
        // Entries of an account lie together, and so do what their indexes say of them.
        bookings.sort_by_key(|b| (b.month, b.account));
        for new in keep(tx, memory, &bookings)? {
            fresh.count(new);
        }
        Ok(())
    })?;
    sum_up(tx, memory)?;
    fresh.finish(tx, read_at)
}

/// Whether an entry as of other software names a message of ours that is booked already, by whatever it was said to be then:
/// the engine that wrote it has forgotten the message, or never knew it.
fn is_ours(tx: &dyn Sql, bookings: &[Booking<'_>], checked: &Checked<'_>) -> Result<bool, LedgerError> {
    let e = &checked.entry;
    let (Some(uid), Origin::Foreign) = (e.message_uid, e.origin) else { return Ok(false) };
    let same = |b: &Booking<'_>| {
        (b.entry.message_uid, b.entry.origin) == (Some(uid), Origin::Own) && b.entry.wamid_hash == e.wamid_hash
    };
    if bookings.iter().any(same) {
        return Ok(true);
    }
    let [.., wamid] = checked.hashes.stored(e);
    let sql = "SELECT 1 FROM entry_ids i JOIN entries e ON e.month = i.month AND e.account = i.account \
               AND e.occurred_at = i.occurred_at AND e.entry = i.entry JOIN entry_terms t ON t.ix = e.terms \
               JOIN entry_groups g ON g.ix = t.grp \
               WHERE i.message_uid = ?1 AND e.wamid_hash = ?2 AND g.origin = 'own' LIMIT 1";
    Ok(tx.number(sql, &[(uid as i64).into(), wamid])?.is_some())
}

/// Takes names from entries for messages to people who were erased.
fn unname(
    tx: &dyn Bulk,
    memory: &mut Memory,
    prepare: Option<Prepare>,
    read: &mut [Result<Read<'_>, String>],
) -> Result<(), LedgerError> {
    if memory.erasures.is_empty() {
        return Ok(());
    }
    for one in read {
        let Ok(Read::Entry(checked)) = one else { continue };
        let account = memory.accounts.number(tx, &checked.entry.account)?;
        if memory.erasures.cover_entry(account, &checked.entry, &checked.hashes)
            && let Err(reason) = checked.unname(prepare)
        {
            *one = Err(reason);
        }
    }
    Ok(())
}

/// Keeps an entry that came too late for its month, or that is too much for its row: as it came, but for who was erased.
fn set_aside(
    tx: &dyn Sql,
    memory: &Memory,
    fresh: &mut Fresh<'_, '_>,
    (record, reason): (&Record<'_>, &str),
    account: i64,
    Checked { entry, hashes, .. }: &Checked<'_>,
) -> Result<(), LedgerError> {
    let nameless = memory.erasures.cover_entry(account, entry, hashes).then(|| serde_json::to_vec(entry));
    let value = match &nameless {
        Some(Ok(value)) => value,
        _ => record.value,
    };
    fresh.set_aside(tx, &Record { value, ..*record }, reason)
}

/// Keeps what is new; for each, whether it was.
fn keep(tx: &mut dyn Bulk, memory: &mut Memory, bookings: &[Booking<'_>]) -> Result<Vec<bool>, LedgerError> {
    let kept = tx.book(bookings)?;
    for (booking, new) in bookings.iter().zip(&kept) {
        if *new {
            memory.groups.add(booking.slot, booking.added);
        }
    }
    Ok(kept)
}

/// Adds all that was kept to its summary rows.
fn sum_up(tx: &mut dyn Bulk, memory: &mut Memory) -> Result<(), LedgerError> {
    let sums = memory.groups.take_sums();
    if sums.is_empty() { Ok(()) } else { tx.add(&sums) }
}

/// Books entries that settling made, all of one account and month, inside a transaction; for each, whether it was new.
/// Positions are not touched.
pub(crate) fn book_settled(
    tx: &mut dyn Bulk,
    memory: &mut Memory,
    entries: Vec<LedgerEntry<'_>>,
) -> Result<Vec<bool>, LedgerError> {
    let odd = |value| LedgerError::Stored { what: "charge", value };
    let prepare = tx.prepare();
    let mut ends = Ends::hold(tx)?;
    let checked: Vec<_> =
        entries.into_iter().map(|e| Checked::new(e, prepare)).collect::<Result<_, _>>().map_err(odd)?;
    let mut bookings = Vec::with_capacity(checked.len());
    for one in &checked {
        let account = memory.accounts.number(tx, &one.entry.account)?;
        if ends.refuse(tx, account, one.month, &one.entry)? {
            return Err(LedgerError::Closed {
                account: one.entry.account.to_string(),
                month: one.entry.billing_period.to_string(),
            });
        }
        bookings.push(Booking::new(tx, memory, account, one)?);
    }
    let kept = keep(tx, memory, &bookings)?;
    sum_up(tx, memory)?;
    Ok(kept)
}

fn closed(entry: &LedgerEntry<'_>) -> String {
    format!(
        "month {} of account `{}` is closed, and this entry was not in its bill; a correction belongs into an open month",
        entry.billing_period, entry.account
    )
}

fn beyond(what: &'static str) -> String {
    format!(
        "with it a sum of {what} exceeds what a summary row can hold; its numbers, or those booked before it, are wrong"
    )
}

/// `YYYY-MM` as year * 12 + month - 1.
pub(super) fn month_number(period: &str) -> Result<i64, String> {
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
        .ok_or_else(|| LedgerError::Damaged { what: "month", place: number.to_string() })
}
