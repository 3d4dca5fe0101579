//! Upgrades and downgrades of numbers and portfolios.

use super::Listing;
use super::snapshots::snapshot;
use crate::ledger::{LedgerError, Reader, Sql, Stream, as_of};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use tollgate_wire::Time;
use tollgate_wire::snapshot::{Level, LevelSnapshot};

/// Changes of an account that are kept: the newest.
const KEPT: i64 = 1_000;

/// A change of what a number or a portfolio may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelView {
    /// What changed.
    pub level: Level,
    /// Phone number id; absent for what is the whole portfolio's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// When.
    pub at: Time,
    /// Before.
    pub from: String,
    /// Since.
    pub to: String,
}

impl Reader {
    /// The account's upgrades and downgrades, newest first, at most the newest thousand; `None` if it has no snapshot.
    pub fn levels(&self, account: &str) -> Result<Option<Listing<LevelView>>, LedgerError> {
        self.read(|db| {
            if snapshot(db, account)?.is_none() {
                return Ok(None);
            }
            let sql = "SELECT body FROM levels WHERE account = (SELECT ix FROM accounts WHERE name = ?1) \
                 ORDER BY told DESC";
            let mut items = Vec::new();
            db.rows(sql, &[account.into()], &mut |row| {
                let text = row.words(0)?;
                let read: LevelSnapshot<'_> = serde_json::from_str(text)
                    .map_err(|_| LedgerError::Stored { what: "level", value: text.to_owned() })?;
                items.push(LevelView {
                    level: read.level_of,
                    sender: read.sender.map(|sender| sender.to_string()),
                    at: read.at,
                    from: read.from.to_string(),
                    to: read.to.to_string(),
                });
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(Some(Listing { as_of: as_of(db, Stream::Snapshots)?, items, left_out: 0 }))
        })
    }
}

/// Keeps a change, and of the account no more than are kept.
pub(super) fn keep(tx: &dyn Sql, account: i64, offset: u64, level: &LevelSnapshot<'_>) -> Result<(), LedgerError> {
    let body = serde_json::to_string(level)
        .map_err(|error| LedgerError::Stored { what: "level", value: error.to_string() })?;
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let sql = "INSERT INTO levels (account, told, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    tx.run(sql, &[account.into(), offset.into(), body.as_str().into()])?;
    let sql = "DELETE FROM levels WHERE account = ?1 AND told <= \
         (SELECT told FROM levels WHERE account = ?1 ORDER BY told DESC LIMIT 1 OFFSET ?2)";
    tx.run(sql, &[account.into(), KEPT.into()])?;
    Ok(())
}
