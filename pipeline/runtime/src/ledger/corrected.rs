//! What a month bills to correct months that were closed: it was billed there before.

use super::among::{Ids, add, among};
use super::entry::Columns;
use super::ingest::number_of;
use super::{LedgerError, Sql};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;

/// Entries of a month that are of usage before it and correct another one, each after what it corrects. They are few and
/// have an index; SQLite would rather walk a month if it were given by `=`.
const SQL: &str = "SELECT g.waba, g.price_currency, e.price_ex_tax, e.entry, e.adjusts \
    FROM entries e CROSS JOIN entry_terms t CROSS JOIN entry_groups g \
    WHERE t.ix = e.terms AND g.ix = t.grp AND e.month >= ?1 AND e.month <= ?1 AND e.account = ?2 \
    AND e.adjusts IS NOT NULL AND g.usage_period < g.billing_period AND g.kind <> 'fee' \
    ORDER BY CASE g.kind WHEN 'true_up' THEN 1 ELSE 0 END, e.revision";

/// Prices by WABA and currency of what corrects entries of closed months, themselves or by way of such a correction. What
/// comes late was billed in no month before, and its own corrections correct nothing that was.
pub(crate) fn corrected(
    db: &dyn Sql,
    month: YearMonth,
    account: &str,
) -> Result<BTreeMap<(String, String), Decimal>, LedgerError> {
    let mut sums = BTreeMap::new();
    let number = db.number("SELECT ix FROM accounts WHERE name = ?1", &[account.into()])?;
    let Some(number) = number else { return Ok(sums) };
    let key = [number_of(month).into(), number.into()];
    let mut adjusted = Ids::default();
    db.rows(SQL, &key, &mut |row| {
        add(&mut adjusted, row, 4)?;
        Ok(ControlFlow::Continue(()))
    })?;
    let mut here = among(db, number_of(month), number, &adjusted)?;
    db.rows(SQL, &key, &mut |row| {
        if here.contains(row.value(4)?.bytes()) {
            return Ok(ControlFlow::Continue(()));
        }
        // What corrects it in turn does so too.
        here.remove(row.value(3)?.bytes());
        let mut c = Columns::new(row);
        let waba_and_currency = (c.required()?.to_owned(), c.required()?.to_owned());
        let price = c.amount("price_ex_tax")?.unwrap_or_default();
        let sum: &mut Decimal = sums.entry(waba_and_currency).or_default();
        *sum = sum.checked_add(price).ok_or(LedgerError::Overflow { what: "the prices of a month" })?;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(sums)
}
