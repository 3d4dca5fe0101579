//! The ledger: every entry once, summed as it arrives, in one SQLite file that the views share.
//!
//! [`LedgerStore`] books what the `ledger` topic carries, [`LedgerReader`] reads it back; both are the seam
//! for a second database. [`Writer`] and [`Reader`] are the SQLite ones.

mod accounts;
mod amount;
mod charge_order;
mod database;
mod entry;
mod error;
mod group;
mod hash;
mod ingest;
mod read;
mod store;
mod stream;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use amount::{AMOUNT_MAX, fixed};
pub use database::{Options, Reader, SCHEMA_VERSION, Writer};
pub use error::LedgerError;
pub use store::{LedgerReader, LedgerStore, SummaryRow};
pub use stream::{Ingested, Record, Stream};

pub(crate) use accounts::Accounts;
pub(crate) use database::as_of;
pub(crate) use entry::named;
pub(crate) use group::messages_of;
pub(crate) use read::of_message;
pub(crate) use stream::{Refusal, apply};
