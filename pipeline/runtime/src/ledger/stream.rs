//! What all three topics share: positions, records set aside, freshness.

use super::LedgerError;
use super::database::position;
use rusqlite::Transaction;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use tollgate_wire::Time;

/// A topic that the database is built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// `ledger`.
    Ledger,
    /// `outcomes`.
    Outcomes,
    /// `snapshots`.
    Snapshots,
}

impl Stream {
    /// The topic's name without prefix.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Outcomes => "outcomes",
            Self::Snapshots => "snapshots",
        }
    }
}

/// One record of a topic.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Partition.
    pub partition: u32,
    /// Offset; ascending within a partition, gaps allowed.
    pub offset: u64,
    /// The value: JSON.
    pub value: &'a [u8],
}

/// What became of a batch. The sum of the four is its length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Applied.
    pub applied: u64,
    /// Read for the first time, but their content was there already (ledger: the entry id).
    pub duplicates: u64,
    /// Set aside with the reason, because they could not be applied.
    pub rejected: u64,
    /// Below the stored position: applied in an earlier batch.
    pub skipped: u64,
}

/// Why one record was not applied.
pub(crate) enum Refusal {
    /// The record's fault: it is set aside, the others go on.
    Record(String),
    /// The database's: the whole batch is undone.
    Store(LedgerError),
}

impl<E: Into<LedgerError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// Applies `one` to every record that is new by position, in order, and stores positions and freshness in the
/// same transaction. `one` answers whether the record changed anything; when it refuses a record it must not
/// have written for it yet.
pub(crate) fn apply(
    tx: &Transaction<'_>,
    stream: Stream,
    batch: &[Record<'_>],
    read_at: Time,
    mut one: impl FnMut(&Record<'_>) -> Result<bool, Refusal>,
) -> Result<Ingested, LedgerError> {
    let mut next: BTreeMap<u32, u64> = BTreeMap::new();
    let mut done = Ingested::default();
    for record in batch {
        let expected = match next.entry(record.partition) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(first) => first.insert(position(tx, stream, record.partition)?),
        };
        if record.offset < *expected {
            done.skipped += 1;
            continue;
        }
        *expected = record.offset + 1;
        match one(record) {
            Ok(true) => done.applied += 1,
            Ok(false) => done.duplicates += 1,
            Err(Refusal::Record(reason)) => {
                set_aside(tx, stream, record, &reason)?;
                done.rejected += 1;
            }
            Err(Refusal::Store(error)) => return Err(error),
        }
    }
    for (partition, offset) in next {
        tx.prepare_cached("INSERT OR REPLACE INTO positions VALUES (?1, ?2, ?3)")?.execute((
            stream.as_str(),
            partition,
            offset as i64,
        ))?;
    }
    tx.prepare_cached("INSERT OR REPLACE INTO freshness VALUES (?1, ?2)")?
        .execute((stream.as_str(), read_at.0 as i64))?;
    Ok(done)
}

fn set_aside(tx: &Transaction<'_>, stream: Stream, record: &Record<'_>, reason: &str) -> Result<(), LedgerError> {
    tx.prepare_cached("INSERT OR REPLACE INTO rejected VALUES (?1, ?2, ?3, ?4, ?5)")?.execute((
        stream.as_str(),
        record.partition,
        record.offset as i64,
        reason,
        record.value,
    ))?;
    Ok(())
}
