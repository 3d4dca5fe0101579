//! Keeping the newest snapshot of each account.

use super::snapshots::Snapshot;
use crate::ledger::{Ingested, LedgerError, Record, Refusal, Stream, Writer, apply};
use tollgate_wire::Time;

impl Writer {
    /// Replaces the snapshots of the accounts in a batch of the `snapshots` topic that was read at `read_at`,
    /// in one transaction with the positions it reached. A record that does not parse is set aside.
    pub fn ingest_snapshots(&mut self, batch: &[Record<'_>], read_at: Time) -> Result<Ingested, LedgerError> {
        self.transact(|tx, memory| {
            let mut replace = tx.prepare_cached("INSERT OR REPLACE INTO snapshots VALUES (?1, ?2, ?3)")?;
            apply(tx, Stream::Snapshots, batch, read_at, |record| {
                let refuse = |e: &dyn std::fmt::Display| Refusal::Record(format!("not a snapshot: {e}"));
                let text = std::str::from_utf8(record.value).map_err(|e| refuse(&e))?;
                let snapshot: Snapshot = serde_json::from_str(text).map_err(|e| refuse(&e))?;
                let account = memory.accounts.number(tx, &snapshot.account)?;
                replace.execute((account, snapshot.as_of.0 as i64, text))?;
                Ok(true)
            })
        })
    }
}
