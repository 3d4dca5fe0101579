//! Which of some ids are entries of an account's month.
//!
//! What takes back may have another instant than what it takes back, and ids have no index of their own in every database: a
//! database that looks each up by month and account may walk the month for it. So it is walked once for all of them.

use super::LedgerError;
use super::hash::Hash;
use super::sql::{Row, Sql};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Ids as they are stored.
pub(super) type Ids = HashSet<Box<[u8]>, foldhash::fast::FixedState>;

/// Adds the id of a column, if it has one.
pub(super) fn add(ids: &mut Ids, row: &dyn Row, column: usize) -> Result<(), LedgerError> {
    let id = row.value(column)?;
    if !id.bytes().is_empty() && !ids.contains(id.bytes()) {
        ids.insert(id.bytes().into());
    }
    Ok(())
}

/// Whether an id, as the contract has it, is among them.
pub(super) fn has(ids: &Ids, id: &str) -> bool {
    match Hash::new(id) {
        Hash::Packed(bytes) => ids.contains(bytes.as_slice()),
        Hash::Text(text) => ids.contains(text.as_bytes()),
    }
}

/// Of these ids, those that are entries of an account's month. Both are as they are stored.
pub(super) fn among(db: &dyn Sql, month: i64, account: i64, ids: &Ids) -> Result<Ids, LedgerError> {
    let mut found = Ids::default();
    if ids.is_empty() {
        return Ok(found);
    }
    db.rows(
        "SELECT entry FROM entries WHERE month = ?1 AND account = ?2",
        &[month.into(), account.into()],
        &mut |row| {
            if ids.contains(row.value(0)?.bytes()) {
                add(&mut found, row, 0)?;
            }
            Ok(if found.len() == ids.len() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        },
    )?;
    Ok(found)
}
