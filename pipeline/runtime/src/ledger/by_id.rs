//! One entry by its id, where it is known when it happened.

use super::entry::{COLUMNS, SHARING, entry};
use super::ingest::number_of;
use super::sql::Value;
use super::{LedgerError, Reader};
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;
use tollgate_wire::ledger::LedgerEntry;

impl Reader {
    /// An entry of an account and instant, in whichever of the months it is billed; `None` while there is none.
    pub(crate) fn entry_of<T>(
        &self,
        account: &str,
        (first, last): (YearMonth, YearMonth),
        occurred_at_ms: u64,
        id: u128,
        read: &mut dyn FnMut(&LedgerEntry<'_>) -> T,
    ) -> Result<Option<T>, LedgerError> {
        // Month by month: that is the key's first column, and in PostgreSQL the partition.
        let sql = format!(
            "SELECT {COLUMNS} FROM entries e {SHARING} WHERE e.month = ?1 \
             AND e.account = (SELECT ix FROM accounts WHERE name = ?2) AND e.occurred_at = ?3 AND e.entry = ?4"
        );
        let id = id.to_be_bytes();
        self.read(|db| {
            for month in number_of(first)..=number_of(last) {
                let mut found = None;
                let values = [month.into(), account.into(), (occurred_at_ms as i64).into(), Value::Bytes(&id)];
                db.rows(&sql, &values, &mut |row| {
                    found = Some(read(&entry(row, false)?));
                    Ok(ControlFlow::Break(()))
                })?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            Ok(None)
        })
    }
}
