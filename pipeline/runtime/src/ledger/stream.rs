//! What all three topics share: positions, records set aside, freshness.

use super::LedgerError;
use super::aside::Aside;
use super::sql::{Sql, Value};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
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
    /// Offset that its reader would have taken next: nothing to be read lies between them. 0 where nobody knows.
    pub after: u64,
    /// The value: JSON.
    pub value: &'a [u8],
}

/// Where a partition was read to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadTo {
    /// Next offset; 0 before the first record.
    pub(crate) next: u64,
    /// The record before it, where it is known: by it a topic is told from another one of its name.
    pub(crate) last: Option<LastRecord>,
}

/// A record by which its place is known again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastRecord {
    pub(crate) offset: u64,
    digest: [u8; 16],
}

impl LastRecord {
    pub(crate) fn of(offset: u64, value: &[u8]) -> Self {
        let mut digest = [0; 16];
        digest.copy_from_slice(&Sha256::digest(value)[..16]);
        Self { offset, digest }
    }

    /// `<offset>:<digest>`. The offset is in it, too: a version that knows nothing of it moves the position alone.
    fn text(&self) -> String {
        format!("{}:{}", self.offset, hex::encode(self.digest))
    }

    fn read(text: &str) -> Option<Self> {
        let (offset, digest) = text.split_once(':')?;
        let mut last = Self { offset: offset.parse().ok()?, digest: [0; 16] };
        hex::decode_to_slice(digest, &mut last.digest).ok()?;
        Some(last)
    }
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

impl Ingested {
    /// What became of this and of a further batch.
    pub(super) const fn and(self, more: Self) -> Self {
        Self {
            applied: self.applied + more.applied,
            duplicates: self.duplicates + more.duplicates,
            rejected: self.rejected + more.rejected,
            skipped: self.skipped + more.skipped,
        }
    }
}

/// What is new by position in a batch. The positions behind it are written already, in the same transaction.
pub(crate) struct Fresh<'b, 'v> {
    stream: Stream,
    /// Records to be applied, in the order of the batch.
    pub(crate) records: Vec<&'b Record<'v>>,
    done: Ingested,
    aside: Aside,
}

impl<'b, 'v> Fresh<'b, 'v> {
    /// Positions are taken before anything else is written: of two processes that read one partition, because the
    /// broker has moved it and one does not know yet, the second waits here for the first and then writes nothing.
    pub(crate) fn take(tx: &dyn Sql, stream: Stream, batch: &'b [Record<'v>]) -> Result<Self, LedgerError> {
        let mut next: BTreeMap<u32, (u64, u64, &[u8])> = BTreeMap::new();
        let records = Vec::with_capacity(batch.len());
        let mut fresh = Self { stream, records, done: Ingested::default(), aside: Aside::default() };
        for record in batch {
            let (_, expected, last) = match next.entry(record.partition) {
                std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::btree_map::Entry::Vacant(first) => {
                    let at = position(tx, stream, record.partition)?;
                    first.insert((at, at, &[][..]))
                }
            };
            if record.offset < *expected {
                fresh.done.skipped += 1;
                continue;
            }
            // Invariant `none_passed_over`. Of a partition that was never read, what is gone is not missed.
            if record.after > *expected && *expected > 0 {
                let (topic, partition) = (stream.as_str(), record.partition);
                return Err(LedgerError::PassedOver { topic, partition, next: *expected, after: record.after });
            }
            (*expected, *last) = (record.offset + 1, record.value);
            fresh.records.push(record);
        }
        for (partition, (from, to, last)) in next.into_iter().filter(|(_, (from, to, _))| from != to) {
            let last = LastRecord::of(to - 1, last).text();
            let values: [Value<'_>; 5] = [
                stream.as_str().into(),
                i64::from(partition).into(),
                (to as i64).into(),
                (from as i64).into(),
                last.as_str().into(),
            ];
            let moved = tx.run(
                "INSERT INTO positions (topic, partition, next, last) VALUES (?1, ?2, ?3, ?5) \
                 ON CONFLICT (topic, partition) DO UPDATE SET next = excluded.next, last = excluded.last \
                 WHERE positions.next = ?4",
                &values,
            )?;
            if moved == 0 {
                return Err(LedgerError::Moved { topic: stream.as_str(), partition });
            }
        }
        Ok(fresh)
    }

    /// Keeps a record that cannot be applied, with the reason, as far as there is room.
    pub(crate) fn set_aside(&mut self, tx: &dyn Sql, record: &Record<'_>, reason: &str) -> Result<(), LedgerError> {
        self.done.rejected += 1;
        self.aside.take(tx, self.stream, record, reason)
    }

    /// Counts a record that was applied, by whether it changed anything.
    pub(crate) fn count(&mut self, new: bool) {
        if new {
            self.done.applied += 1;
        } else {
            self.done.duplicates += 1;
        }
    }

    /// Stores what was only counted, and when the topic was read.
    pub(crate) fn finish(self, tx: &dyn Sql, read_at: Time) -> Result<Ingested, LedgerError> {
        self.aside.finish(tx, self.stream)?;
        tx.run(
            "INSERT INTO freshness (topic, as_of) VALUES (?1, ?2) \
             ON CONFLICT (topic) DO UPDATE SET as_of = excluded.as_of WHERE excluded.as_of > freshness.as_of",
            &[self.stream.as_str().into(), (read_at.0 as i64).into()],
        )?;
        Ok(self.done)
    }
}

/// Whether a JSON text writes a NUL character out, which no database keeps in a text. After an even number of backslashes
/// they are what is meant, and the digits are letters like others.
pub(crate) fn writes_nul(json: &str) -> bool {
    // Nearly no text has any, which a search for one byte tells at once.
    if !json.contains('\\') {
        return false;
    }
    let backslashes = |at: usize| json[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
    json.match_indices("u0000").any(|(at, _)| backslashes(at) % 2 == 1)
}

/// Next offset of a topic's partition; 0 before the first record.
pub(super) fn position(db: &dyn Sql, stream: Stream, partition: u32) -> Result<u64, LedgerError> {
    let sql = "SELECT next FROM positions WHERE topic = ?1 AND partition = ?2";
    let next = db.number(sql, &[stream.as_str().into(), i64::from(partition).into()])?;
    Ok(next.unwrap_or(0) as u64)
}

/// The same with the record before it.
pub(super) fn read_to(db: &dyn Sql, stream: Stream, partition: u32) -> Result<ReadTo, LedgerError> {
    let mut found = ReadTo::default();
    let sql = "SELECT next, last FROM positions WHERE topic = ?1 AND partition = ?2";
    db.rows(sql, &[stream.as_str().into(), i64::from(partition).into()], &mut |row| {
        found.next = row.required(0)? as u64;
        let last = row.text(1)?.and_then(LastRecord::read);
        found.last = last.filter(|last| last.offset + 1 == found.next);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// When the topic was last read into the database; the epoch if never.
pub(crate) fn as_of(db: &dyn Sql, stream: Stream) -> Result<Time, LedgerError> {
    let ms = db.number("SELECT as_of FROM freshness WHERE topic = ?1", &[stream.as_str().into()])?;
    Ok(Time(ms.unwrap_or(0) as u64))
}

#[cfg(test)]
mod tests {
    use super::writes_nul;

    #[test]
    fn a_nul_is_told_from_backslashes_before_letters() {
        for n in 0..9 {
            let json = format!("\"a{}u0000b\"", "\\".repeat(n));
            // What a parser makes of it, where it is a text.
            let meant = serde_json::from_str::<String>(&json).is_ok_and(|text| text.contains('\0'));
            assert_eq!(writes_nul(&json), meant, "{json}");
            assert_eq!(writes_nul(&format!("[\"u0000\", {json}]")), meant, "{json}");
        }
    }
}
