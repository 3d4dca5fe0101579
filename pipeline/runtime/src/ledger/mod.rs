//! The ledger: every entry once, summed as it arrives, in one database that the views share: a SQLite file or
//! PostgreSQL.
//!
//! [`LedgerStore`] books what the `ledger` topic carries, [`LedgerReader`] reads it back. [`Writer`] and [`Reader`] do
//! both over either database; what the two do differently is behind `sql.rs`.

mod accounts;
mod ahead;
mod among;
mod amount;
mod aside;
mod asked;
mod by_id;
mod charge_order;
mod charges;
mod closes;
mod corrected;
mod database;
mod entry;
mod erased;
mod error;
mod figures;
mod group;
mod hash;
mod ingest;
mod invoices;
mod parse;
mod postgres;
mod reached;
mod read;
mod shared;
mod sql;
mod sqlite;
mod store;
mod stream;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use amount::{AMOUNT_MAX, fixed, write_fixed};
pub use closes::Close;
pub use database::{Place, Reader, SCHEMA_VERSION, Writer};
pub use error::LedgerError;
pub use figures::{Kept, spans};
pub use invoices::{INVOICE_BYTES_MAX, Invoice, InvoiceError, Invoices};
pub use postgres::{PostgresConfig, PostgresConfigError};
pub use sqlite::Options;
pub use store::{LedgerReader, LedgerStore, SummaryRow};
pub use stream::{Ingested, Record, Stream};

pub(crate) use accounts::Accounts;
pub(crate) use aside::beyond;
pub(crate) use asked::{Asked, asked};
pub(crate) use by_id::of_no_message;
pub(crate) use charge_order::Standing;
pub(crate) use charges::{
    Alike, Id, Line, SharedRow, billing_month, entries_at, is_withdrawal, month_lines, reversals, shared_rows,
    true_ups_of,
};
pub(crate) use closes::{close_month, closed_months, end_of};
pub(crate) use corrected::corrected;
pub(crate) use entry::{SHARING, named};
pub(crate) use erased::{Erasure, Erasures, Until};
pub(crate) use group::messages_of;
pub(crate) use ingest::book_settled;
pub(crate) use invoices::Invoiced;
pub(crate) use reached::{BandBound, band_bounds};
pub(crate) use read::{erase_person, of_message, of_person};
pub(crate) use sql::{Bulk, Row, Sql, Value};
pub(crate) use stream::{Fresh, LastRecord, ReadTo, as_of, writes_nul};
