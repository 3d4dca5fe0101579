//! Ends of months: what the topic told, and what was closed. What is billed in a closed month is in its bill already.

use super::hash::Hash;
use super::ingest::{month_of, number_of};
use super::sql::{Bulk, Sql, Value};
use super::{LedgerError, Reader};
use std::collections::HashMap;
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;
use tollgate_wire::ledger::{LedgerEntry, MonthClosed};

/// The end of a month of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The month.
    pub month: YearMonth,
    /// When the engine closed it.
    pub at: Time,
    /// Why before its time, where it was.
    pub forced: Option<String>,
    /// When the ledger closed it; `None` while it is open.
    pub closed_at: Option<Time>,
    /// The manifest, JSON; empty while it is open.
    pub manifest: String,
    /// SHA-256 of the manifest, hex; empty while it is open.
    pub sha256: String,
}

/// What of a batch belongs into months that are closed. The ends of months stay as they are while it is there.
pub(super) struct Ends {
    /// Latest month that is closed of any account: what is billed later need not be looked at.
    newest: i64,
    by_account: HashMap<i64, i64>,
}

impl Ends {
    pub(super) fn hold(tx: &dyn Bulk) -> Result<Self, LedgerError> {
        tx.hold_months(true)?;
        let newest = number(tx, "SELECT max(month) FROM closes WHERE closed_at IS NOT NULL", &[])?;
        Ok(Self { newest, by_account: HashMap::new() })
    }

    /// Whether the entry belongs into a closed month without being in it.
    pub(super) fn refuse(
        &mut self,
        tx: &dyn Bulk,
        account: i64,
        month: i64,
        entry: &LedgerEntry<'_>,
    ) -> Result<bool, LedgerError> {
        if month > self.newest {
            return Ok(false);
        }
        let last = match self.by_account.get(&account) {
            Some(last) => *last,
            None => {
                let sql = "SELECT max(month) FROM closes WHERE account = ?1 AND closed_at IS NOT NULL";
                let last = number(tx, sql, &[account.into()])?;
                self.by_account.insert(account, last);
                last
            }
        };
        if month > last {
            return Ok(false);
        }
        // What is in the bill may come again.
        let Hash::Packed(id) = Hash::new(&entry.entry) else { return Ok(true) };
        let sql = "SELECT 1 FROM entries WHERE month = ?1 AND account = ?2 AND occurred_at = ?3 AND entry = ?4";
        let key = [month.into(), account.into(), (entry.occurred_at.0 as i64).into(), Value::Bytes(&id)];
        let mut there = false;
        tx.rows(sql, &key, &mut |_| {
            there = true;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(!there)
    }
}

fn number(tx: &dyn Bulk, sql: &str, values: &[Value<'_>]) -> Result<i64, LedgerError> {
    let mut found = None;
    tx.rows(sql, values, &mut |row| {
        found = row.integer(0)?;
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found.unwrap_or(i64::MIN))
}

/// Keeps the end of a month; whether it is told for the first time.
pub(super) fn keep_end(tx: &dyn Bulk, account: i64, month: i64, end: &MonthClosed<'_>) -> Result<bool, LedgerError> {
    let sql = "INSERT INTO closes (account, month, at, forced) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (account, month) DO NOTHING";
    let values = [account.into(), month.into(), (end.at.0 as i64).into(), end.forced.as_deref().into()];
    Ok(tx.run(sql, &values)? > 0)
}

const CLOSES: &str = "SELECT c.month, c.at, c.forced, c.closed_at, c.manifest, c.sha256 FROM closes c \
    JOIN accounts a ON a.ix = c.account WHERE a.name = ?1";

fn closes(db: &dyn Sql, account: &str, which: &str, month: i64) -> Result<Vec<Close>, LedgerError> {
    let mut found = Vec::new();
    db.rows(&format!("{CLOSES} AND {which} ORDER BY c.month"), &[account.into(), month.into()], &mut |row| {
        let text = |column| Ok::<_, LedgerError>(row.text(column)?.map(str::to_owned));
        let month = month_of(row.required(0)?)?;
        found.push(Close {
            month,
            at: Time(row.required(1)? as u64),
            forced: text(2)?,
            closed_at: row.integer(3)?.map(|ms| Time(ms as u64)),
            manifest: text(4)?.unwrap_or_default(),
            sha256: text(5)?.unwrap_or_default(),
        });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// The end of a month: its own, else that of the first month after it that has one. What the engine has closed up to a
/// month is closed before it too.
pub(crate) fn end_of(db: &dyn Sql, account: &str, month: YearMonth) -> Result<Option<Close>, LedgerError> {
    Ok(closes(db, account, "c.month >= ?2", number_of(month))?.into_iter().next())
}

/// What of an account is closed, by month.
pub(crate) fn closed_months(db: &dyn Sql, account: &str) -> Result<Vec<Close>, LedgerError> {
    closes(db, account, "c.month >= ?2 AND c.closed_at IS NOT NULL", 0)
}

/// Writes that a month is closed, in a transaction that holds the ends of months alone.
pub(crate) fn close_month(tx: &dyn Bulk, account: i64, close: &Close) -> Result<(), LedgerError> {
    let sql = "INSERT INTO closes (account, month, at, forced, closed_at, manifest, sha256) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (account, month) DO UPDATE SET \
               closed_at = excluded.closed_at, manifest = excluded.manifest, sha256 = excluded.sha256 \
               WHERE closes.closed_at IS NULL";
    let values = [
        account.into(),
        number_of(close.month).into(),
        (close.at.0 as i64).into(),
        close.forced.as_deref().into(),
        close.closed_at.map(|at| at.0 as i64).into(),
        close.manifest.as_str().into(),
        close.sha256.as_str().into(),
    ];
    tx.run(sql, &values)?;
    Ok(())
}

impl Reader {
    /// When a month was closed, of one account or of all that have entries in it; `None` while one of them is open.
    pub(super) fn month_closed(&self, month: YearMonth, account: Option<&str>) -> Result<Option<Time>, LedgerError> {
        self.read(|db| {
            if let Some(account) = account {
                // A month without entries may be closed too.
                let sql = "SELECT c.closed_at FROM closes c JOIN accounts a ON a.ix = c.account \
                     WHERE a.name = ?1 AND c.month = ?2";
                let closed = db.number(sql, &[account.into(), number_of(month).into()])?;
                return Ok(closed.map(|at| Time(at as u64)));
            }
            // The latest of them; nobody's month is open.
            let sql = "SELECT max(c.closed_at), count(*) - count(c.closed_at) FROM \
                 (SELECT DISTINCT account FROM entry_groups WHERE billing_period = ?1 AND entries > 0) g \
                 JOIN accounts a ON a.name = g.account \
                 LEFT JOIN closes c ON c.account = a.ix AND c.month = ?2";
            let found = db.first(sql, &[month.to_string().as_str().into(), number_of(month).into()], |row| {
                Ok((row.integer(0)?, row.integer(1)?))
            })?;
            Ok(match found {
                Some((Some(at), Some(0))) => Some(Time(at as u64)),
                _ => None,
            })
        })
    }

    /// The ends of an account's months that are known, by month.
    ///
    /// # Errors
    /// The database.
    pub fn closes(&self, account: &str) -> Result<Vec<Close>, LedgerError> {
        self.read(|db| closes(db, account, "c.month >= ?2", 0))
    }
}
