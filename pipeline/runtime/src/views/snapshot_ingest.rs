//! Keeping the newest snapshot of each account.

use super::snapshots::Snapshot;
use crate::ledger::{Fresh, Ingested, LedgerError, Record, Stream, Writer};
use tollgate_wire::Time;

impl Writer {
    /// Replaces the snapshots of the accounts in a batch of the `snapshots` topic that was read at `read_at`,
    /// in one transaction with the positions it reached. A record that does not parse is set aside.
    pub fn ingest_snapshots(&mut self, batch: &[Record<'_>], read_at: Time) -> Result<Ingested, LedgerError> {
        self.transact(|tx, memory| {
            let mut fresh = Fresh::take(tx, Stream::Snapshots, batch)?;
            for record in std::mem::take(&mut fresh.records) {
                match read(record.value) {
                    Ok((snapshot, text)) => {
                        let account = memory.accounts.number(tx, &snapshot.account)?;
                        tx.run(
                            "INSERT INTO snapshots (account, as_of, body) VALUES (?1, ?2, ?3) \
                             ON CONFLICT (account) DO UPDATE SET as_of = excluded.as_of, body = excluded.body",
                            &[account.into(), (snapshot.as_of.0 as i64).into(), text.into()],
                        )?;
                        fresh.count(true);
                    }
                    Err(reason) => fresh.set_aside(tx, record, &reason)?,
                }
            }
            fresh.finish(tx, read_at)
        })
    }
}

fn read(value: &[u8]) -> Result<(Snapshot, &str), String> {
    let text = std::str::from_utf8(value).map_err(|e| format!("not a snapshot: {e}"))?;
    let snapshot: Snapshot = serde_json::from_str(text).map_err(|e| format!("not a snapshot: {e}"))?;
    if snapshot.account.contains('\0') {
        return Err("not a snapshot: an account with a NUL character".to_owned());
    }
    Ok((snapshot, text))
}
