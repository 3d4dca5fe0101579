//! FOCUS 1.2, cost and usage: the summary's rows under the names and rules of the FinOps specification.
//!
//! `charge` what a summary row is in FOCUS's terms · `columns` one line per column · `periods` local months in UTC.

mod charge;
mod columns;
mod periods;

#[cfg(test)]
mod tests;

use super::blank;
use super::cells::{Cells, Table};
use super::totals::Totals;
use super::write::{ExportError, OVERFLOW, Request, summary_rows};
use crate::ledger::LedgerReader;
use charge::Charge;
use columns::COLUMNS;
use periods::{Periods, RowBounds};
use std::collections::BTreeMap;
use tollgate_rate_card::Zone;

/// Version of the specification that the files follow.
pub(super) const VERSION: &str = "1.2";

/// Time zones by WABA id: they bound the billing periods. A WABA's zone never changes.
pub type Zones = BTreeMap<String, Zone>;

/// A FOCUS export.
#[derive(Clone, Debug, PartialEq)]
pub struct Focus {
    /// Whose bill.
    pub view: View,
    /// The zone of every WABA that has rows. One that is missing is an error, never a guess.
    pub zones: Zones,
}

/// Whose bill a FOCUS export is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// What the platform charges: costs.
    Provider,
    /// What clients are charged by the reseller: prices before tax.
    Customer {
        /// The reseller's name.
        issuer: String,
    },
}

impl View {
    /// Name on the command line, in queries and in the manifest.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Customer { .. } => "customer",
        }
    }
}

/// Writes header and rows, in the order of the summary: one row per summary row.
pub(super) fn write(
    ledger: &dyn LedgerReader,
    request: &Request,
    focus: &Focus,
    file: &str,
    rows: &mut dyn Table,
    totals: &mut Totals,
    step: &mut dyn FnMut(&Totals),
) -> Result<(), ExportError> {
    let wrap = |e| ExportError::writing(file, e);
    let fill = |charge: &Charge<'_>, row: &mut dyn Cells| COLUMNS.iter().for_each(|(_, cell)| cell(charge, row));
    let names: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let mut kinds = |row: &mut dyn Cells| {
        Charge::of(&blank::SUMMARY, &View::Provider, RowBounds::default()).iter().for_each(|any| fill(any, row));
    };
    rows.begin(&names, &mut kinds).map_err(wrap)?;
    let mut periods = Periods::new(&focus.zones);
    summary_rows(ledger, request, totals, step, &mut |r| {
        let charge = Charge::of(r, &focus.view, periods.of(r)?).ok_or(OVERFLOW)?;
        rows.write(&mut |row| fill(&charge, row)).map_err(wrap)
    })
}
