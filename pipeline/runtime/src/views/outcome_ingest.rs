//! Projecting outcomes: a message's row is where its newest move, in the order of the topic, put it.

use super::body::{Body, Common};
use super::move_key::move_key;
use crate::ledger::{Accounts, Ingested, LedgerError, Record, Refusal, Stream, Writer, apply};
use crate::views::Names;
use rusqlite::{CachedStatement, Transaction, params};
use serde_json::value::RawValue;
use tollgate_wire::Time;
use tollgate_wire::outcome::{Outcome, OutcomeKind};

impl Writer {
    /// Projects a batch of the `outcomes` topic that was read at `read_at`, in one transaction with the
    /// positions it reached. Records below the stored position are skipped; one that does not parse is set
    /// aside. Large batches are faster: from about 5,000 records on the commit no longer matters.
    pub fn ingest_outcomes(&mut self, batch: &[Record<'_>], read_at: Time) -> Result<Ingested, LedgerError> {
        self.transact(|tx, memory| {
            let mut projection = Projection::new(tx, &mut memory.accounts, &mut memory.names)?;
            let done = apply(tx, Stream::Outcomes, batch, read_at, |record| projection.project(record))?;
            projection.names.save(tx)?;
            Ok(done)
        })
    }
}

struct Projection<'t> {
    tx: &'t Transaction<'t>,
    accounts: &'t mut Accounts,
    names: &'t mut Names,
    find: CachedStatement<'t>,
    insert_message: CachedStatement<'t>,
    move_message: CachedStatement<'t>,
    link_message: CachedStatement<'t>,
    insert_move: CachedStatement<'t>,
    body: Vec<u8>,
}

/// What is read of a message's row before it moves.
#[derive(Clone, Copy)]
struct Found {
    ix: i64,
    campaign: i64,
    state: i64,
    last_move: i64,
}

impl<'t> Projection<'t> {
    fn new(tx: &'t Transaction<'t>, accounts: &'t mut Accounts, names: &'t mut Names) -> Result<Self, LedgerError> {
        Ok(Self {
            tx,
            accounts,
            names,
            find: tx.prepare_cached(
                "SELECT ix, uid, campaign, state, last_move, recipient, metadata FROM messages \
                 WHERE account = ?1 AND id = ?2 ORDER BY ix DESC",
            )?,
            insert_message: tx.prepare_cached(
                "INSERT INTO messages (account, id, uid, campaign, recipient, metadata, state, at, last_move) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
            move_message: tx.prepare_cached("UPDATE messages SET state = ?2, at = ?3, last_move = ?4 WHERE ix = ?1")?,
            link_message: tx.prepare_cached("UPDATE messages SET last_move = ?2 WHERE ix = ?1")?,
            insert_move: tx.prepare_cached("INSERT OR IGNORE INTO moves VALUES (?1, ?2, ?3, ?4, ?5)")?,
            body: Vec::new(),
        })
    }

    fn project(&mut self, record: &Record<'_>) -> Result<bool, Refusal> {
        let text = std::str::from_utf8(record.value).map_err(|e| Refusal::Record(format!("not UTF-8: {e}")))?;
        let o: Outcome<'_> = serde_json::from_str(text).map_err(|e| Refusal::Record(format!("not an outcome: {e}")))?;
        let uid = i64::try_from(o.message_uid)
            .map_err(|_| Refusal::Record(format!("message_uid {} exceeds 2^63 - 1", o.message_uid)))?;
        let account = self.accounts.number(self.tx, &o.account)?;
        let key = move_key(account, record.offset).map_err(Refusal::Record)?;

        let at = o.at.0 as i64;
        let mut campaign = match o.campaign.as_deref() {
            Some(name) => self.names.campaign(self.tx, account, name)?,
            None => 0,
        };
        // A request that repeats an id says nothing about the message that has it: it is counted and kept in
        // the history, and the message stays where it is.
        let repeats = o.outcome == OutcomeKind::Duplicate;
        let found = self.find(account, campaign, &o, repeats)?;
        if let (0, Some(row)) = (campaign, found) {
            campaign = row.campaign;
        }
        let state = self.names.state(self.tx, account, campaign, o.outcome, o.reason.as_ref())?;
        let (message, prev) = match found {
            None => {
                let metadata = o.metadata.map(RawValue::get);
                let (id, to) = (o.id.as_str(), o.to.as_str());
                self.insert_message.execute(params![account, id, uid, campaign, to, metadata, state, at, key])?;
                (self.tx.last_insert_rowid(), None)
            }
            Some(row) if repeats => {
                self.link_message.execute((row.ix, key))?;
                (row.ix, Some(row.last_move))
            }
            Some(row) => {
                self.move_message.execute((row.ix, state, at, key))?;
                self.names.count(row.state, -1);
                (row.ix, Some(row.last_move))
            }
        };
        self.names.count(state, 1);
        let body = std::str::from_utf8(&self.body).unwrap_or_default();
        if self.insert_move.execute((key, message, prev, at, body))? == 0 {
            let account = o.account.as_str().to_owned();
            return Err(Refusal::Store(LedgerError::OtherLog { account, offset: record.offset }));
        }
        Ok(true)
    }

    /// Looks the message up, and writes the move's body against its row, or against the outcome itself when
    /// there is none. An id is free again after 30 days, so the number tells which message is meant; a
    /// repeated request belongs to the newest.
    fn find(
        &mut self,
        account: i64,
        campaign: i64,
        o: &Outcome<'_>,
        repeats: bool,
    ) -> Result<Option<Found>, LedgerError> {
        self.body.clear();
        let mut rows = self.find.query((account, o.id.as_str()))?;
        while let Some(row) = rows.next()? {
            let uid = row.get::<_, i64>(1)? as u64;
            if uid != o.message_uid && !repeats {
                continue;
            }
            let found = Found { ix: row.get(0)?, campaign: row.get(2)?, state: row.get(3)?, last_move: row.get(4)? };
            let common = Common {
                message_uid: uid,
                campaign: o.campaign.as_deref().filter(|_| campaign == found.campaign),
                to: row.get_ref(5)?.as_str().map_err(rusqlite::Error::from)?,
                metadata: row.get_ref(6)?.as_str_or_null().map_err(rusqlite::Error::from)?,
            };
            write_body(&mut self.body, &Body::of(o, common));
            return Ok(Some(found));
        }
        let common = Common {
            message_uid: o.message_uid,
            campaign: o.campaign.as_deref(),
            to: &o.to,
            metadata: o.metadata.map(RawValue::get),
        };
        write_body(&mut self.body, &Body::of(o, common));
        Ok(None)
    }
}

fn write_body(out: &mut Vec<u8>, body: &Body<'_>) {
    serde_json::to_writer(out, body).expect("strings, numbers and checked JSON into memory cannot fail");
}
