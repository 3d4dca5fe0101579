//! What a booked month would have cost by other rules or cards. Reads the ledger and writes nothing.
//!
//! `rules` what is applied instead · `facts` an entry back into what was rated · `positions` of bands
//! and allowances, counted from the month's first message on · `walk` each message at its position · `sums` the comparison.

mod facts;
mod positions;
mod rules;
mod sums;
mod walk;

#[cfg(test)]
mod tests;

use crate::ledger::{LedgerError, Reader};
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;

pub(crate) use facts::{Booked, facts};
pub(crate) use positions::{At, Place, Positions, at_booked};
pub use rules::{Rules, Under};
pub use sums::{Line, Report};
pub use walk::Walk;

/// Rates a month again. `progress` hears how many entries were read, every 1,000.
///
/// Holds one entry at a time, a counter for each group of bands and allowances, and the lines of the report.
///
/// # Errors
/// The ledger cannot be read, or a sum is beyond the largest amount that is exact.
pub fn rerate(
    reader: &Reader,
    month: YearMonth,
    account: Option<&str>,
    rules: &Rules<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, LedgerError> {
    let mut walk = Walk::new(rules, month).bounded(&reader.band_bounds(month, account)?);
    let mut failed = None;
    let mut read = 0_u64;
    reader.in_charge_order(month, account, &mut |standing| {
        if let Err(error) = walk.entry(standing) {
            failed = Some(error);
            return ControlFlow::Break(());
        }
        read += 1;
        if read.is_multiple_of(1_000) {
            progress(read);
        }
        ControlFlow::Continue(())
    })?;
    match failed {
        Some(error) => Err(error),
        None => Ok(walk.report()),
    }
}
