//! One entry by its id: where it is known when it happened, or that it belongs to no message.

use super::entry::{COLUMNS, SHARING, entry};
use super::ingest::number_of;
use super::sql::{Sql, Value};
use super::{LedgerError, Reader};
use std::collections::BTreeSet;
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

/// Most entries that are followed from one to what corrects it, or to what it corrects.
const CORRECTIONS_MAX: usize = 100;

/// An entry of an account that belongs to no message of ours, such as one of other software, with what corrects it and what it
/// corrects, in no order. None where there is no such entry.
pub(crate) fn of_no_message(
    db: &dyn Sql,
    account: &str,
    id: &str,
    each: &mut dyn FnMut(&LedgerEntry<'_>),
) -> Result<(), LedgerError> {
    let mut first = [0; 16];
    if hex::decode_to_slice(id, &mut first).is_err() {
        return Ok(());
    }
    let Some(account) = db.number("SELECT ix FROM accounts WHERE name = ?1", &[account.into()])? else {
        return Ok(());
    };
    let of_key = format!(
        "SELECT {COLUMNS} FROM entries e {SHARING} WHERE e.month = ?1 AND e.account = ?2 AND e.occurred_at = ?3 AND e.entry = ?4"
    );
    let (mut next, mut seen) = (vec![first], BTreeSet::new());
    while let Some(id) = next.pop() {
        if seen.len() == CORRECTIONS_MAX || !seen.insert(id) {
            continue;
        }
        let place = db.first(db.place_of_no_message(), &[Value::Bytes(&id)], |row| {
            Ok([row.required(0)?, row.required(1)?, row.required(2)?])
        })?;
        let Some([month, _, occurred_at]) = place.filter(|[_, of, _]| *of == account) else { continue };
        let key = [month.into(), account.into(), occurred_at.into(), Value::Bytes(&id)];
        db.rows(&of_key, &key, &mut |row| {
            let entry = entry(row, false)?;
            let mut before = [0; 16];
            if entry.adjusts.as_deref().is_some_and(|id| hex::decode_to_slice(id, &mut before).is_ok()) {
                next.push(before);
            }
            each(&entry);
            Ok(ControlFlow::Continue(()))
        })?;
        let sql = "SELECT entry FROM entries WHERE account = ?1 AND adjusts = ?2";
        db.rows(sql, &[account.into(), Value::Bytes(&id)], &mut |row| {
            next.extend(<[u8; 16]>::try_from(row.value(0)?.bytes()));
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(())
}
