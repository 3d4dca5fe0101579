//! Who was erased. `erased_stays_erased`: whatever is read later of a message that was requested before its person was erased is
//! kept without number, wamid and metadata, in whatever order the topics come.
//!
//! Topics are read apart, and a charge may come weeks after its message: so erasures are remembered, by the keyed hash that
//! entries and outcomes carry and by the greatest message number of then. The newest are in memory, where a batch looks
//! for each record; whether another writer has added any is one look at the table a batch.

use super::hash::{Hash, Hashes};
use super::sql::{Bulk, Row, Sql, Value};
use super::{LedgerError, Writer};
use std::collections::HashMap;
use std::ops::ControlFlow;
use tollgate_wire::Time;
use tollgate_wire::ledger::LedgerEntry;
use tollgate_wire::outcome::Outcome;
use tollgate_wire::snapshot::PersonErased;

/// How long an erasure is remembered: a year in which a month may be settled, and the time in which a status can come.
const KEPT_MS: i64 = 400 * 86_400_000;
/// Erasures that are remembered at most, the newest: about 80 bytes each.
const KEPT: i64 = 500_000;
/// The longest time that a message may take. Of messages that others sent it is not known when they were requested.
const FOREIGN_MS: i64 = 30 * 86_400_000;

/// Until when a message was requested before its person was erased.
#[derive(Clone, Copy)]
pub(crate) struct Until {
    /// Greatest message number of then.
    pub(crate) uid: i64,
    /// Last charge instant of a message that others sent, in milliseconds.
    pub(crate) foreign: i64,
}

impl Until {
    /// Whenever it was requested: where the record does not tell.
    pub(crate) const EVER: Self = Self { uid: i64::MAX, foreign: i64::MAX };

    const fn new(uid: i64, at: i64) -> Self {
        Self { uid, foreign: at.saturating_add(FOREIGN_MS) }
    }
}

/// An erasure off the topic.
pub(crate) struct Erasure {
    recipient: [u8; 16],
    uid: i64,
    at: i64,
}

impl Erasure {
    /// `None` of a record of an earlier version, which does not tell enough. Why it cannot be kept, if it cannot.
    pub(crate) fn of(e: &PersonErased<'_>) -> Result<Option<Self>, String> {
        let (Some(hash), Some(uid)) = (&e.recipient_hash, e.until_uid) else { return Ok(None) };
        let Hash::Packed(recipient) = Hash::new(hash) else {
            return Err("recipient_hash: not 32 hexadecimal digits".to_owned());
        };
        let uid = i64::try_from(uid).map_err(|_| format!("until_uid {uid} exceeds 2^63 - 1"))?;
        Ok(Some(Self { recipient, uid, at: i64::try_from(e.as_of.0).unwrap_or(i64::MAX) }))
    }

    /// Until when messages were requested before it.
    pub(crate) const fn until(&self) -> Until {
        Until::new(self.uid, self.at)
    }
}

/// Keeps an erasure for what comes later, instead of an earlier one of the person, and forgets what is too old. Nobody
/// else does meanwhile ([`Bulk::hold_people`]), so that numbers ascend as they become visible.
fn keep(tx: &dyn Sql, account: i64, e: &Erasure) -> Result<(), LedgerError> {
    let (account, recipient) = (Value::Int(account), Value::Bytes(&e.recipient));
    let (uid, at) = (Value::Int(e.uid), Value::Int(e.at));
    // A batch may be read again.
    let sql = "SELECT 1 FROM erased WHERE account = ?1 AND recipient_hash = ?2 AND until_uid >= ?3 AND at >= ?4";
    if tx.first(sql, &[account, recipient, uid, at], |_| Ok(()))?.is_some() {
        return Ok(());
    }
    // Inserted before others are deleted: the greatest number is never given twice.
    let sql = "INSERT INTO erased (account, recipient_hash, until_uid, at) VALUES (?1, ?2, ?3, ?4) RETURNING ix";
    let ix = tx.number(sql, &[account, recipient, uid, at])?.unwrap_or_default();
    tx.run(
        "DELETE FROM erased WHERE account = ?1 AND recipient_hash = ?2 AND ix < ?3",
        &[account, recipient, ix.into()],
    )?;
    let old = [(e.at - KEPT_MS).into(), (ix - KEPT).into(), ix.into()];
    tx.run("DELETE FROM erased WHERE (at < ?1 OR ix <= ?2) AND ix < ?3", &old)?;
    Ok(())
}

impl Writer {
    /// Makes erasures known to all that book and project, before any is done: whoever had begun without knowing has ended by
    /// then. Apart from the erasing itself, which takes long and keeps nobody from booking.
    pub(crate) fn announce_erasures(&mut self, erased: &[(String, Erasure)]) -> Result<(), LedgerError> {
        if erased.is_empty() {
            return Ok(());
        }
        self.transact(|tx, memory| {
            tx.hold_people(false)?;
            for (account, erasure) in erased {
                keep(tx, memory.accounts.number(tx, account)?, erasure)?;
            }
            Ok(())
        })
    }
}

/// The erasures, as of the batch at hand.
#[derive(Default)]
pub(crate) struct Erasures {
    /// Greatest number that is known.
    newest: i64,
    /// By account and keyed hash.
    known: HashMap<(i64, [u8; 16]), Until, foldhash::fast::FixedState>,
}

impl Erasures {
    /// Sees to it that no erasure is announced during the transaction, and that all that were are known. For a transaction that
    /// does not hold the views.
    pub(crate) fn hold(&mut self, tx: &dyn Bulk) -> Result<(), LedgerError> {
        tx.hold_people(true)?;
        self.load(tx)
    }

    /// Reads what is new since the last batch, by whomever it was written. Who projects holds the views: whom it does not know
    /// of yet is erased when it has ended.
    pub(crate) fn load(&mut self, tx: &dyn Sql) -> Result<(), LedgerError> {
        let newest = tx.number("SELECT max(ix) FROM erased", &[])?.unwrap_or_default();
        if newest == self.newest {
            return Ok(());
        }
        // Of what the table forgot some is still here.
        if newest < self.newest || self.known.len() as i64 > 2 * KEPT {
            *self = Self::default();
        }
        let sql = "SELECT account, recipient_hash, until_uid, at FROM erased WHERE ix > ?1 ORDER BY ix";
        tx.rows(sql, &[self.newest.into()], &mut |row| {
            self.know(row)?;
            Ok(ControlFlow::Continue(()))
        })?;
        self.newest = newest;
        Ok(())
    }

    fn know(&mut self, row: &dyn Row) -> Result<(), LedgerError> {
        let hash = row.value(1)?;
        let recipient = hash.bytes().try_into();
        let recipient = recipient.map_err(|_| LedgerError::Stored { what: "erased", value: format!("{hash:?}") })?;
        self.known.insert((row.required(0)?, recipient), Until::new(row.required(2)?, row.required(3)?));
        Ok(())
    }

    /// Whether there are none at all.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether the entry is for a message that was requested before its person was erased.
    pub(super) fn cover_entry(&self, account: i64, e: &LedgerEntry<'_>, hashes: &Hashes) -> bool {
        self.cover(account, hashes.recipient(), e.message_uid, e.occurred_at)
    }

    /// Whether the message was requested before its person was erased. Outcomes of earlier versions do not tell the person.
    pub(crate) fn cover_message(&self, account: i64, o: &Outcome<'_>) -> bool {
        let hash = || match Hash::new(o.recipient_hash.as_deref()?) {
            Hash::Packed(recipient) => Some(recipient),
            Hash::Text(_) => None,
        };
        !self.is_empty() && self.cover(account, hash(), Some(o.message_uid), o.at)
    }

    fn cover(&self, account: i64, recipient: Option<[u8; 16]>, uid: Option<u64>, at: Time) -> bool {
        let Some(until) = recipient.and_then(|recipient| self.known.get(&(account, recipient))) else { return false };
        match uid {
            Some(uid) => i64::try_from(uid).is_ok_and(|uid| uid <= until.uid),
            None => i64::try_from(at.0).is_ok_and(|at| at <= until.foreign),
        }
    }
}
