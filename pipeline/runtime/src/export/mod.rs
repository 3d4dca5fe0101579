//! Billing exports: a month of the ledger as CSV with a manifest beside it.
//!
//! [`export`] writes the files, [`write`](write_csv) streams the same rows anywhere. Both read any
//! [`LedgerReader`](crate::ledger::LedgerReader) and hold one row at a time.

mod cells;
mod columns;
mod file;
mod manifest;
mod totals;
mod write;

#[cfg(test)]
mod tests;

pub use file::export;
pub use manifest::{CardUse, Flags, Manifest, Total};
pub use write::{ExportError, Format, Request, write_csv};
