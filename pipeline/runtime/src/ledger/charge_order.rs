//! A month in the order in which positions of bands and allowances are counted: charge instant, then wamid.

use super::among::{Ids, add, among, has};
use super::charges::{corrects, is_withdrawal};
use super::closes::closed_months;
use super::entry::{COLUMNS, SHARING_WHERE, entry};
use super::ingest::number_of;
use super::read::accounts_of;
use super::sql::{Sql, Value};
use super::{LedgerError, Reader};
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;
use tollgate_wire::ledger::{EntryKind, LedgerEntry};

/// A month's entry, and what became of it within the month.
pub(crate) struct Standing<'a> {
    /// The entry.
    pub entry: &'a LedgerEntry<'a>,
    /// Whether it and another entry of the month cancel out.
    pub cancelled: bool,
    /// Whether a later month took it back, or the charge that it is a true-up of: it stays as it was billed.
    pub ended: bool,
    /// Of a true-up: whether the charge that it is of is not among these, but was billed in an earlier month.
    pub of_another: bool,
}

impl Reader {
    /// A month's entries, account by account, and with them the true-ups that later months have of them. Of the wamid the
    /// ledger has the hash, which orders it just as well. Holds the ids of what was taken back, and no entry.
    pub(crate) fn in_charge_order(
        &self,
        month: YearMonth,
        account: Option<&str>,
        each: &mut dyn FnMut(&Standing<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.read(|db| {
            for name in accounts_of(db, month, account)? {
                if account_in_order(db, month, &name, each)?.is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// First and last billing month that something is booked for.
    ///
    /// # Errors
    /// The database.
    pub fn months(&self) -> Result<Option<(String, String)>, LedgerError> {
        self.read(|db| {
            let sql = "SELECT min(billing_period), max(billing_period) FROM entry_groups WHERE entries > 0";
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let found = db.first(sql, &[], |row| Ok(owned(row.text(0)?).zip(owned(row.text(1)?))))?;
            Ok(found.flatten())
        })
    }
}

fn account_in_order(
    db: &dyn Sql,
    month: YearMonth,
    account: &str,
    each: &mut dyn FnMut(&Standing<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, LedgerError> {
    let number = db.number("SELECT ix FROM accounts WHERE name = ?1", &[account.into()])?;
    let Some(number) = number else { return Ok(ControlFlow::Continue(())) };
    let taken_back = taken_back(db, month, number)?;
    let late = late_settled(db, month, number)?;
    let last = closed_months(db, account)?.pop().map(|close| close.month);
    let until = last.filter(|last| month <= *last).map_or(month, YearMonth::next);
    let ended = if until > month { reversed(db, (month.next(), until), number)? } else { Ids::default() };
    let entries = format!("SELECT {COLUMNS} FROM entries e {SHARING_WHERE}");
    let mut sql = format!("{entries} e.month = ?1 AND e.account = ?2");
    let key = [number_of(month).into(), number.into(), number_of(until).into()];
    let mut key = key.as_slice();
    if until > month {
        sql.push_str(&format!(" UNION ALL {entries} {}", corrects("?1", "?3", "?2")));
    } else {
        key = &key[..2];
    }
    // The key gives the first column of the order, so that only what has one instant is sorted.
    sql.push_str(" ORDER BY occurred_at, wamid_hash, revision, entry");
    let (this, mut went) = (month.to_string(), ControlFlow::Continue(()));
    db.rows(&sql, key, &mut |row| {
        let entry = entry(row, false)?;
        let cancelled = match (&entry.adjusts, takes_back(&entry)) {
            (Some(adjusted), true) => has(&taken_back, adjusted),
            _ => has(&taken_back, &entry.entry),
        };
        // Later months have those alone that are of this one's.
        let of_another = entry.kind == EntryKind::TrueUp
            && *entry.billing_period == this
            && entry.usage_period < entry.billing_period
            && !entry.adjusts.as_deref().is_some_and(|charge| has(&late, charge));
        let charge = entry.adjusts.as_ref().filter(|_| entry.kind == EntryKind::TrueUp).unwrap_or(&entry.entry);
        let ended = has(&ended, charge);
        went = each(&Standing { entry: &entry, cancelled, ended, of_another });
        Ok(went)
    })?;
    Ok(went)
}

fn takes_back(entry: &LedgerEntry<'_>) -> bool {
    entry.kind == EntryKind::Adjustment && entry.quantity < 0 || is_withdrawal(entry.kind, entry.cause)
}

/// Ids of the month's charges that were used before it and that true-ups of the month are of.
fn late_settled(db: &dyn Sql, month: YearMonth, account: i64) -> Result<Ids, LedgerError> {
    let sql = "SELECT e.adjusts FROM entries e CROSS JOIN entry_terms t CROSS JOIN entry_groups g \
         JOIN entries o ON o.occurred_at = e.occurred_at AND o.entry = e.adjusts AND o.month = e.month \
         AND o.account = e.account WHERE t.ix = e.terms AND g.ix = t.grp AND e.month = ?1 \
         AND e.account = ?2 AND e.adjusts IS NOT NULL AND g.kind = 'true_up' AND g.usage_period < g.billing_period";
    collect(db, sql, &[number_of(month).into(), account.into()])
}

/// Ids of the month's entries that another entry of the month takes back. What was booked in one month and taken back
/// in another is not among them: each month keeps its half.
fn taken_back(db: &dyn Sql, month: YearMonth, account: i64) -> Result<Ids, LedgerError> {
    among(db, number_of(month), account, &reversed(db, (month, month), account)?)
}

/// Ids that months, first to last, take back, of whatever month. Those that do are few and have an index; SQLite would rather
/// walk a month if it were given by `=`.
fn reversed(db: &dyn Sql, (first, last): (YearMonth, YearMonth), account: i64) -> Result<Ids, LedgerError> {
    let sql = format!(
        "SELECT e.adjusts FROM entries e {SHARING_WHERE} e.month >= ?1 AND e.month <= ?2 AND e.account = ?3 \
         AND e.adjusts IS NOT NULL AND (e.quantity < 0 AND g.kind = 'adjustment' \
         OR g.kind = 'counted' AND t.cause = 'reversal')"
    );
    collect(db, &sql, &[number_of(first).into(), number_of(last).into(), account.into()])
}

fn collect(db: &dyn Sql, sql: &str, key: &[Value<'_>]) -> Result<Ids, LedgerError> {
    let mut ids = Ids::default();
    db.rows(sql, key, &mut |row| {
        add(&mut ids, row, 0)?;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(ids)
}
