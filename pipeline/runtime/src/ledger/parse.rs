//! Records of the topic read and checked, by a thread of their own while those before them are booked.

use super::LedgerError;
use super::Record;
use super::group::Sums;
use super::hash::Hashes;
use super::ingest::month_number;
use super::postgres::Prepared;
use super::sql::Prepare;
use crate::ledger::stream::writes_nul;
use std::sync::mpsc::sync_channel;
use std::thread;
use tollgate_wire::ledger::{BandReached, LedgerEntry, MonthClosed};

/// Chunks that wait to be booked at most.
const WAITING: usize = 2;

/// What a record is.
#[expect(clippy::large_enum_variant, reason = "nearly all are entries, which a box would allocate for")]
pub(super) enum Read<'a> {
    /// An entry.
    Entry(Checked<'a>),
    /// The end of a month.
    End(MonthClosed<'a>, i64),
    /// A volume band that is reached.
    Band(BandReached<'a>, i64),
}

/// An entry of which nothing is refused once writing has begun.
pub(super) struct Checked<'a> {
    pub(super) entry: LedgerEntry<'a>,
    /// Its hashes as they are stored.
    pub(super) hashes: Hashes,
    /// Billing month as it is stored.
    pub(super) month: i64,
    /// What it adds to its summary row.
    pub(super) added: Sums,
    /// As the database takes it in, where that is written ahead.
    pub(super) prepared: Option<Prepared>,
}

impl<'a> Checked<'a> {
    /// Why it cannot be booked, if it cannot.
    pub(super) fn new(entry: LedgerEntry<'a>, prepare: Option<Prepare>) -> Result<Self, String> {
        let added = Sums::of(&entry)?;
        let month = month_number(&entry.billing_period)?;
        let hashes = Hashes::of(&entry);
        let prepared = prepare.map(|prepare| prepare(&entry, &hashes, month)).transpose()?;
        Ok(Self { hashes, entry, month, added, prepared })
    }

    /// Takes away what names the person. Why not, if what is left cannot be stored.
    pub(super) fn unname(&mut self, prepare: Option<Prepare>) -> Result<(), String> {
        (self.entry.recipient, self.entry.wamid) = (None, None);
        self.prepared = prepare.map(|prepare| prepare(&self.entry, &self.hashes, self.month)).transpose()?;
        Ok(())
    }
}

/// Records with what each is, or why it cannot be booked.
pub(super) type Chunk<'c, 'v> = (&'c [&'c Record<'v>], Vec<Result<Read<'v>, String>>);

/// Reads the records and gives them to `take` in their order, so many at once.
pub(super) fn each_chunk<'v>(
    records: &[&Record<'v>],
    at_once: usize,
    prepare: Option<Prepare>,
    mut take: impl FnMut(Chunk<'_, 'v>) -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    fn all<'v>(chunk: &[&Record<'v>], prepare: Option<Prepare>) -> Vec<Result<Read<'v>, String>> {
        chunk.iter().map(|record| read(record, prepare)).collect()
    }
    if records.len() <= at_once {
        return take((records, all(records, prepare)));
    }
    thread::scope(|scope| {
        let (full, chunks) = sync_channel(WAITING);
        scope.spawn(move || {
            for chunk in records.chunks(at_once) {
                // Whoever books them may have failed.
                if full.send((chunk, all(chunk, prepare))).is_err() {
                    break;
                }
            }
        });
        chunks.into_iter().try_for_each(&mut take)
    })
}

/// A record off the topic; why it cannot be booked.
fn read<'a>(record: &Record<'a>, prepare: Option<Prepare>) -> Result<Read<'a>, String> {
    let text = std::str::from_utf8(record.value).map_err(|e| format!("not UTF-8: {e}"))?;
    if writes_nul(text) {
        return Err("a text with a NUL character, which no name or id has".to_owned());
    }
    let entry: LedgerEntry<'_> = match serde_json::from_str(text) {
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
    month_number(&entry.usage_period)?;
    if entry.message_uid.is_some_and(|n| i64::try_from(n).is_err()) {
        return Err("message_uid exceeds 2^63 - 1".to_owned());
    }
    if entry.ordinal.is_some_and(|n| i64::try_from(n).is_err()) {
        return Err("ordinal exceeds 2^63 - 1".to_owned());
    }
    Checked::new(entry, prepare).map(Read::Entry)
}
