//! Records that could not be applied: kept for people to look at, as far as there is room. What a producer sends without end must
//! not fill the database; that it came is never lost.

use super::LedgerError;
use super::sql::{Sql, Value};
use super::stream::{Record, Stream};
use std::collections::BTreeMap;
use tollgate_rate_card::bounded;

/// Most records kept of a topic. More are only counted, until somebody has emptied both tables.
const RECORDS_MAX: u64 = 100_000;
/// Most bytes of their values.
const BYTES_MAX: u64 = 256 << 20;
/// Most bytes of one value; of a longer one its beginning is kept.
const VALUE_MAX: usize = 64 << 10;

#[cfg(test)]
thread_local! {
    /// So that a test fills it.
    pub(super) static RECORDS_IN_TEST: std::cell::Cell<u64> = const { std::cell::Cell::new(RECORDS_MAX) };
}

fn records_max() -> u64 {
    #[cfg(test)]
    return RECORDS_IN_TEST.get();
    #[cfg(not(test))]
    RECORDS_MAX
}

/// What a batch sets aside.
#[derive(Default)]
pub(super) struct Aside {
    /// Records and bytes that are kept, once they were counted. Several processes may go a batch beyond.
    kept: Option<(u64, u64)>,
    /// Records that are only counted, by partition: how many, the first and the last offset.
    beyond: BTreeMap<u32, (u64, u64, u64)>,
}

impl Aside {
    /// Keeps a record with the reason, or counts it.
    pub(super) fn take(
        &mut self,
        tx: &dyn Sql,
        stream: Stream,
        record: &Record<'_>,
        reason: &str,
    ) -> Result<(), LedgerError> {
        let (records, bytes) = match self.kept {
            Some(kept) => kept,
            None => kept(tx, stream)?,
        };
        let value = &record.value[..record.value.len().min(VALUE_MAX)];
        let after = (records + 1, bytes + value.len() as u64);
        if after.0 > records_max() || after.1 > BYTES_MAX {
            self.kept = Some((u64::MAX - 1, 0));
            let (count, _, last) = self.beyond.entry(record.partition).or_insert((0, record.offset, record.offset));
            (*count, *last) = (*count + 1, record.offset);
            return Ok(());
        }
        self.kept = Some(after);
        // A parser quotes what it met.
        let mut reason = bounded(&reason.replace('\0', "\u{fffd}"));
        if value.len() < record.value.len() {
            reason = format!("{reason}; of {} bytes the first {} are kept", record.value.len(), value.len());
        }
        tx.run(
            "INSERT INTO rejected (topic, partition, \"offset\", reason, value) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (topic, partition, \"offset\") DO UPDATE SET reason = excluded.reason, value = excluded.value",
            &[
                stream.as_str().into(),
                i64::from(record.partition).into(),
                (record.offset as i64).into(),
                reason.as_str().into(),
                Value::Bytes(value),
            ],
        )?;
        Ok(())
    }

    /// Writes what was only counted.
    pub(super) fn finish(self, tx: &dyn Sql, stream: Stream) -> Result<(), LedgerError> {
        for (partition, (records, first, last)) in self.beyond {
            tx.run(
                "INSERT INTO rejected_beyond (topic, partition, records, first_offset, last_offset) \
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (topic, partition) DO UPDATE \
                 SET records = rejected_beyond.records + excluded.records, last_offset = excluded.last_offset",
                &[
                    stream.as_str().into(),
                    i64::from(partition).into(),
                    (records as i64).into(),
                    (first as i64).into(),
                    (last as i64).into(),
                ],
            )?;
            let topic = stream.as_str();
            tracing::error!(
                topic,
                partition,
                records,
                first,
                last,
                "no room in `rejected`: only counted in `rejected_beyond`"
            );
        }
        Ok(())
    }
}

/// Records and bytes of a topic that are kept. Where some are only counted there is no room, and nothing to count.
fn kept(tx: &dyn Sql, stream: Stream) -> Result<(u64, u64), LedgerError> {
    let topic = &[Value::from(stream.as_str())];
    if beyond(tx, stream)? > 0 {
        return Ok((u64::MAX - 1, 0));
    }
    let of = |what: &str| {
        let sql = format!("SELECT CAST(coalesce({what}, 0) AS BIGINT) FROM rejected WHERE topic = ?1");
        tx.number(&sql, topic).map(|n| n.unwrap_or(0) as u64)
    };
    Ok((of("count(*)")?, of("sum(length(value))")?))
}

/// Records of a topic that are only counted.
pub(crate) fn beyond(db: &dyn Sql, stream: Stream) -> Result<u64, LedgerError> {
    let sql = "SELECT CAST(coalesce(sum(records), 0) AS BIGINT) FROM rejected_beyond WHERE topic = ?1";
    Ok(db.number(sql, &[stream.as_str().into()])?.unwrap_or(0) as u64)
}
