//! A billing month beside the platform's own figures: what differs, and why. Reads the ledger and writes nothing.
//!
//! `statement` what the platform says · `analytics` its answers · `invoice` its CSV · `profile` the columns of one ·
//! `scope` days and columns that are compared · `ours` the ledger's side · `class` what a difference can be ·
//! `compare` the rules about messages in their order · `price` those about amounts · `report` sums.

mod analytics;
mod class;
mod compare;
mod invoice;
mod ours;
mod price;
mod profile;
mod report;
mod scope;
mod statement;

#[cfg(test)]
mod tests;

use crate::ledger::{LedgerError, LedgerReader};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use tollgate_rate_card::{RateCards, YearMonth, Zone};

pub use class::Class;
pub use invoice::{InvoiceError, Invoices};
pub use profile::{Columns, DateForm, Profile};
pub use report::{ClassLine, Part, Report, RowLine, Total};
pub use scope::Key;
pub use statement::{Statement, StatementError};

/// Numbers and WABAs as the registry has them.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Phone number id by the digits of its number and by itself.
    pub phones: BTreeMap<String, String>,
    /// Zones by WABA. No row of a WABA that is missing can be compared.
    pub zones: BTreeMap<String, Zone>,
}

impl Known {
    /// The phone number id of a number as the platform or an invoice writes it; its digits where it is not ours.
    pub(crate) fn phone(&self, written: &str) -> String {
        let digits: String = written.chars().filter(char::is_ascii_digit).collect();
        self.phones.get(&digits).cloned().unwrap_or(digits)
    }
}

/// What is compared, and how.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Billing month.
    pub month: YearMonth,
    /// One account, or all.
    pub account: Option<&'a str>,
    /// Whether what was used in the month counts, whenever it is billed, instead of what is billed in it.
    pub by_usage: bool,
    /// What a row's costs may differ by, in its currency.
    pub tolerance: Decimal,
}

/// What can go wrong in a comparison.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Rows that hold amounts of two currencies.
    #[error(
        "{of} has entries in {first} and in {second}, and the figures do not say which currency theirs are in; name \
         the column of the currency or of the WABA in the profile, or choose an account"
    )]
    Currencies {
        /// WABA, or the invoice.
        of: String,
        /// One.
        first: String,
        /// Another.
        second: String,
    },
    /// A WABA whose days and months are not known.
    #[error(
        "waba = {waba:?}: its time zone is not known, so its month has no bounds; start the service once with this \
         version, which keeps the zones of all declared WABAs, or leave the WABA's figures out"
    )]
    Zone {
        /// WABA.
        waba: String,
    },
    /// A sum that no longer is exact.
    #[error("a sum of the comparison is beyond the largest amount that is exact; compare account by account")]
    Overflow,
}

/// Compares a month of the ledger with the platform's figures. `progress` hears how many entries were read, every 1,000.
///
/// Holds one sum for each row of the figures or of the ledger at their granularity, and one entry at a time.
///
/// # Errors
/// The ledger cannot be read, the zone of a WABA that has a row is not known, currencies meet in one row, or a sum is too large to be exact.
pub fn reconcile(
    reader: &dyn LedgerReader,
    request: &Request<'_>,
    statement: &Statement,
    known: &Known,
    rates: &RateCards,
    last: Option<YearMonth>,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, ReconcileError> {
    let mut side = ours::Ours::new(statement, request, known);
    let mut read = 0_u64;
    for month in months(request, last) {
        let mut failed = None;
        reader.detail_and_counted(month, request.account, &mut |entry| {
            read += 1;
            if read.is_multiple_of(1_000) {
                progress(read);
            }
            match side.entry(entry) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
    }
    compare::compare(statement, side, known, rates, request.tolerance)
}

/// Billing months that are read: the month and its neighbours, whose entries may lie in its days, and all later ones, in
/// which its usage may be billed.
fn months(request: &Request<'_>, last: Option<YearMonth>) -> BTreeSet<YearMonth> {
    let month = request.month;
    let mut months = BTreeSet::from([month.previous(), month, month.next()]);
    let mut later = month.next();
    while last.is_some_and(|last| later < last) {
        later = later.next();
        months.insert(later);
    }
    months
}
