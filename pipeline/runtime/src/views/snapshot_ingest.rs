//! Keeping the newest snapshot of each account, and what people consented to.

use super::consents::{self, Said};
use super::snapshots::Snapshot;
use crate::ledger::{Fresh, Ingested, LedgerError, Record, Stream, Writer, writes_nul};
use tollgate_wire::Time;
use tollgate_wire::snapshot::ConsentSnapshot;

/// A record of the topic.
enum Read<'a> {
    Account(Box<Snapshot>, &'a str),
    Consent(String, Said),
}

impl Writer {
    /// Replaces the snapshots of the accounts in a batch of the `snapshots` topic that was read at `read_at`, and
    /// keeps what people said in it, in one transaction with the positions it reached. A record that does not parse
    /// is set aside.
    pub fn ingest_snapshots(&mut self, batch: &[Record<'_>], read_at: Time) -> Result<Ingested, LedgerError> {
        self.transact(|tx, memory| {
            let mut fresh = Fresh::take(tx, Stream::Snapshots, batch)?;
            let mut people = Vec::new();
            for record in std::mem::take(&mut fresh.records) {
                match read(record) {
                    Ok(Read::Account(snapshot, text)) => {
                        let account = memory.accounts.number(tx, &snapshot.account)?;
                        tx.run(
                            "INSERT INTO snapshots (account, as_of, body) VALUES (?1, ?2, ?3) \
                             ON CONFLICT (account) DO UPDATE SET as_of = excluded.as_of, body = excluded.body",
                            &[account.into(), (snapshot.as_of.0 as i64).into(), text.into()],
                        )?;
                        fresh.count(true);
                    }
                    Ok(Read::Consent(account, said)) => {
                        people.push(said.by(memory.accounts.number(tx, &account)?));
                        fresh.count(true);
                    }
                    Err(reason) => fresh.set_aside(tx, record, &reason)?,
                }
            }
            consents::keep(tx, &people)?;
            fresh.finish(tx, read_at)
        })
    }
}

fn read<'a>(record: &Record<'a>) -> Result<Read<'a>, String> {
    let text = std::str::from_utf8(record.value).map_err(|e| format!("not a snapshot: {e}"))?;
    if writes_nul(text) {
        return Err("not a snapshot: a text with a NUL character".to_owned());
    }
    if let Ok(consent) = serde_json::from_str::<ConsentSnapshot<'_>>(text) {
        return Ok(Read::Consent(consent.account.to_string(), Said::of(&consent, record.offset)?));
    }
    let snapshot: Snapshot = serde_json::from_str(text).map_err(|e| format!("not a snapshot: {e}"))?;
    Ok(Read::Account(Box::new(snapshot), text))
}
