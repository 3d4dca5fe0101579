//! Accounts by number, so that rows carry three bytes instead of a name.

use super::LedgerError;
use super::sql::Sql;
use std::collections::HashMap;

/// Numbers of the accounts met so far.
#[derive(Default)]
pub(crate) struct Accounts {
    known: HashMap<Box<str>, i64, foldhash::fast::FixedState>,
}

impl Accounts {
    /// The account's number, given at its first mention.
    pub(crate) fn number(&mut self, tx: &dyn Sql, name: &str) -> Result<i64, LedgerError> {
        if let Some(ix) = self.known.get(name) {
            return Ok(*ix);
        }
        let look = || tx.number("SELECT ix FROM accounts WHERE name = ?1", &[name.into()]);
        // Looked up first: an insertion that is not needed takes a number all the same.
        let mut found = look()?;
        if found.is_none() {
            tx.run("INSERT INTO accounts (name) VALUES (?1) ON CONFLICT (name) DO NOTHING", &[name.into()])?;
            found = look()?;
        }
        let ix = found.ok_or_else(|| LedgerError::Damaged { what: "account", place: name.to_owned() })?;
        self.known.insert(name.into(), ix);
        Ok(ix)
    }
}
