//! Billing exports: a month of the ledger as CSV or Parquet, with a manifest beside it.
//!
//! [`export`] writes the files, [`write`](write_csv) streams the same rows anywhere. Both read any
//! [`LedgerReader`](crate::ledger::LedgerReader), and hold some hundreds of rows at most.

mod behind;
mod blank;
mod cells;
mod columns;
mod file;
mod focus;
mod manifest;
#[cfg(feature = "parquet")]
mod parquet;
mod partial;
mod totals;
mod write;

#[cfg(test)]
mod measure;
#[cfg(test)]
mod tests;

pub use file::{export, is_parquet};
pub use focus::{Focus, View, Zones};
pub use manifest::{CardUse, Flags, Manifest, Total};
pub use partial::{partial, remove_stale};
pub use write::{ExportError, Format, Request, write_csv};
