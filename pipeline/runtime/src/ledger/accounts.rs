//! Accounts by number, so that rows carry three bytes instead of a name.

use super::LedgerError;
use rusqlite::{OptionalExtension, Transaction};
use std::collections::HashMap;

/// Numbers of the accounts met so far.
#[derive(Default)]
pub(crate) struct Accounts {
    known: HashMap<Box<str>, i64, foldhash::fast::FixedState>,
}

impl Accounts {
    /// The account's number, given at its first mention.
    pub(crate) fn number(&mut self, tx: &Transaction<'_>, name: &str) -> Result<i64, LedgerError> {
        if let Some(ix) = self.known.get(name) {
            return Ok(*ix);
        }
        let found: Option<i64> =
            tx.prepare_cached("SELECT ix FROM accounts WHERE name = ?1")?.query_row([name], |r| r.get(0)).optional()?;
        let ix = match found {
            Some(ix) => ix,
            None => {
                tx.prepare_cached("INSERT INTO accounts (name) VALUES (?1)")?.execute([name])?;
                tx.last_insert_rowid()
            }
        };
        self.known.insert(name.into(), ix);
        Ok(ix)
    }
}
