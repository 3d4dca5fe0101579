//! Adds what was booked to the summary rows, all in one statement.

use super::Tx;
use super::bulk::all_changed;
use super::copy::Cells;
use crate::ledger::group::{AMOUNTS, Sums};
use crate::ledger::{LedgerError, amount};
use postgres::error::SqlState;
use rust_decimal::Decimal;

/// The largest sum that can be read back: 96 bits, with 10 decimals. A numeric holds more.
const SUM_MAX: &str = "7922816251426433759.3543950335";

/// Adds to each row, by its number.
pub(super) fn add(tx: &mut Tx<'_>, sums: &[(i64, Sums)]) -> Result<(), LedgerError> {
    let column = |of: &dyn Fn(&Sums) -> i64| sums.iter().map(|(_, s)| of(s)).collect::<Vec<_>>();
    let rows: Vec<i64> = sums.iter().map(|(ix, _)| *ix).collect();
    let beyond_64_bits = LedgerError::Overflow { what: "quantity" };
    let Ok(quantity) = sums.iter().map(|(_, s)| i64::try_from(s.quantity)).collect::<Result<Vec<_>, _>>() else {
        return Err(beyond_64_bits);
    };
    let mut amounts: Vec<Vec<Option<Decimal>>> = Vec::with_capacity(AMOUNTS.len());
    for (i, what) in AMOUNTS.into_iter().enumerate() {
        let of = |(_, s): &(i64, Sums)| s.amounts[i].map(|units| amount::decimal(what, units)).transpose();
        amounts.push(sums.iter().map(of).collect::<Result<_, _>>()?);
    }
    let beyond = AMOUNTS.map(|what| format!("coalesce(abs(g.{what}) > {SUM_MAX}, false)")).join(", ");
    let statement = tx.statement(&format!(
        "UPDATE entry_groups g SET entries = g.entries + d.entries, messages = g.messages + d.messages, \
         quantity = g.quantity + d.quantity, \
         cost = CASE WHEN d.cost IS NULL THEN g.cost ELSE coalesce(g.cost, 0) + d.cost END, \
         markup = CASE WHEN d.markup IS NULL THEN g.markup ELSE coalesce(g.markup, 0) + d.markup END, \
         fee = CASE WHEN d.fee IS NULL THEN g.fee ELSE coalesce(g.fee, 0) + d.fee END, \
         price_ex_tax = CASE WHEN d.price IS NULL THEN g.price_ex_tax \
           ELSE coalesce(g.price_ex_tax, 0) + d.price END \
         FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[], ?5::numeric[], ?6::numeric[], \
         ?7::numeric[], ?8::numeric[]) d (ix, entries, messages, quantity, cost, markup, fee, price) \
         WHERE g.ix = d.ix RETURNING {beyond}"
    ))?;
    let (entries, messages) = (column(&|s| s.entries), column(&|s| s.messages));
    let [cost, markup, fee, price] = &amounts[..] else {
        return Err(LedgerError::Overflow { what: "amounts" });
    };
    let values: &Cells<'_> = &[&rows, &entries, &messages, &quantity, cost, markup, fee, price];
    let changed = match tx.tx.get_mut().query(&statement, values) {
        Err(error) if error.code() == Some(&SqlState::NUMERIC_VALUE_OUT_OF_RANGE) => return Err(beyond_64_bits),
        changed => changed?,
    };
    for row in &changed {
        for (i, what) in AMOUNTS.into_iter().enumerate() {
            if row.try_get(i)? {
                return Err(LedgerError::Overflow { what });
            }
        }
    }
    all_changed("entry_groups", changed.len() as u64, rows.len())
}
