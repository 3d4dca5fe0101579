//! What the ledger asks of a database: SQL that each understands, and a few writes in bulk that each does in its own
//! way. The rules (what an entry is, what a sum is, which message a move belongs to) are above it and said once.
//!
//! SQL is written with `?1`, `?2` …, numbers are 64-bit integers, amounts are exact, texts sort by their bytes.

use super::LedgerError;
use super::group::Sums;
use super::hash::Hashes;
use super::ingest::Booking;
use super::postgres::Prepared;
use crate::views::{FoundMessage, MessageMoved, MessageRow, MoveRow};
use rust_decimal::Decimal;
use std::ops::ControlFlow;
use tollgate_wire::ledger::LedgerEntry;

/// A value of a row, or given with a statement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Amount(Decimal),
}

impl Value<'_> {
    /// Its bytes; none of a number. PostgreSQL gives bytes that are no hash as the text that they are.
    pub(crate) const fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Text(text) => text.as_bytes(),
            _ => &[],
        }
    }
}

impl From<i64> for Value<'_> {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl From<Decimal> for Value<'_> {
    fn from(amount: Decimal) -> Self {
        Self::Amount(amount)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row that was read. Columns are counted from 0.
pub(crate) trait Row {
    fn value(&self, column: usize) -> Result<Value<'_>, LedgerError>;
}

/// What is done with each row; reading ends early when it breaks.
pub(crate) type Each<'f> = &'f mut dyn FnMut(&dyn Row) -> Result<ControlFlow<()>, LedgerError>;

/// One transaction: everything read in it is of one state.
pub(crate) trait Sql {
    /// Rows in the order of the statement, lent one by one; none is held. No other statement runs meanwhile.
    fn rows(&self, sql: &str, values: &[Value<'_>], each: Each<'_>) -> Result<(), LedgerError>;

    /// Where the entry of an id lies that belongs to no message: the statement that answers month, account and instant.
    fn place_of_no_message(&self) -> &'static str;

    /// Runs a statement that answers no rows; how many it changed.
    fn run(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, LedgerError>;
}

/// Where an entry lies: month as it is stored, charge instant in milliseconds, id.
pub(crate) type EntryKey = (i64, i64, [u8; 16]);

/// Writes an entry as a database takes it in; the month is as it is stored. Why not, if a value cannot be stored.
pub(crate) type Prepare = fn(&LedgerEntry<'_>, &Hashes, i64) -> Result<Prepared, String>;

/// A transaction that writes in bulk.
pub(crate) trait Bulk: Sql {
    /// Holds the views for this transaction, with others that project (`shared`) or alone.
    fn hold_views(&self, shared: bool) -> Result<(), LedgerError>;

    /// Holds the ends of months for this transaction: with others that book (`shared`), or alone, to close one.
    fn hold_months(&self, shared: bool) -> Result<(), LedgerError>;

    /// Holds people's data for this transaction: with others that write it (`shared`), or alone, to tell that a person is
    /// erased. Taken after the two above.
    fn hold_people(&self, shared: bool) -> Result<(), LedgerError>;

    /// How many entries are best booked at once.
    fn booked_at_once(&self) -> usize;

    /// How an entry is written ahead, on the thread that reads; `None` where a database takes entries as they are.
    fn prepare(&self) -> Option<Prepare> {
        None
    }

    /// Keeps the entries whose id is not booked yet, with their people's data; for each, whether it was new. An id that
    /// is twice in the batch is new once.
    fn book(&mut self, bookings: &[Booking<'_>]) -> Result<Vec<bool>, LedgerError>;

    /// Rows of `columns`, of an account's entries `e` and their summary rows `g`, in the order of their keys and each with
    /// the place of its key. What is not there has no row.
    fn entries_at(
        &mut self,
        columns: &str,
        account: i64,
        keys: &[EntryKey],
        each: &mut dyn FnMut(usize, &dyn Row) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError>;

    /// Adds to the sums of summary rows, each of them named once.
    fn add(&mut self, sums: &[(i64, Sums)]) -> Result<(), LedgerError>;

    /// Messages of (account, request id), newest first, each with the place of its key in `keys`. No key is twice.
    fn find_messages(
        &mut self,
        keys: &[(i64, &str)],
        each: &mut dyn FnMut(usize, FoundMessage),
    ) -> Result<(), LedgerError>;

    /// So many unused message numbers, ascending, above all that were given in the account before.
    fn message_numbers(&mut self, count: usize) -> Result<Vec<i64>, LedgerError>;

    /// Messages that are new.
    fn insert_messages(&mut self, messages: &[MessageRow<'_>]) -> Result<(), LedgerError>;

    /// Where messages are now. No number is twice.
    fn move_messages(&mut self, moved: &[MessageMoved]) -> Result<(), LedgerError>;

    /// Moves; the key of one that is there already, if any is. Nothing of the transaction is kept then.
    fn insert_moves(&mut self, moves: &[MoveRow<'_>]) -> Result<Option<i64>, LedgerError>;
}

/// What is done inside a writing transaction.
pub(crate) type Write<'f> = &'f mut dyn FnMut(&mut dyn Bulk) -> Result<(), LedgerError>;

/// What is done inside a reading transaction.
pub(crate) type Read<'f> = &'f mut dyn FnMut(&dyn Sql) -> Result<(), LedgerError>;

/// A connection to a database.
pub(crate) trait Engine: Send {
    /// One transaction; kept when the work succeeds.
    fn write(&mut self, work: Write<'_>) -> Result<(), LedgerError>;

    /// One state of the database, read only.
    fn read(&self, work: Read<'_>) -> Result<(), LedgerError>;

    /// See [`super::Writer::checkpoint`].
    fn checkpoint(&mut self) -> Result<bool, LedgerError>;

    /// See [`super::Writer::durable`].
    fn durable(&mut self) -> Result<(), LedgerError>;

    /// Names the database in an error of it.
    fn named(&self, error: LedgerError) -> LedgerError;

    /// The file's connection, for tests that need to get in its way.
    #[cfg(test)]
    fn file(&self) -> Option<&rusqlite::Connection> {
        None
    }
}

impl dyn Sql + '_ {
    /// The first row of a statement, if it has any.
    pub(crate) fn first<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        read: impl FnOnce(&dyn Row) -> Result<T, LedgerError>,
    ) -> Result<Option<T>, LedgerError> {
        let (mut read, mut found) = (Some(read), None);
        self.rows(sql, values, &mut |row| {
            if let Some(read) = read.take() {
                found = Some(read(row)?);
            }
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// The first column of the first row, a number; `None` if there is no row or no number.
    pub(crate) fn number(&self, sql: &str, values: &[Value<'_>]) -> Result<Option<i64>, LedgerError> {
        Ok(self.first(sql, values, |row| row.integer(0))?.flatten())
    }
}

impl dyn Row + '_ {
    /// A number.
    pub(crate) fn integer(&self, column: usize) -> Result<Option<i64>, LedgerError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Int(n) => Ok(Some(n)),
            other => Err(odd(column, &other)),
        }
    }

    /// A number that the schema never leaves out.
    pub(crate) fn required(&self, column: usize) -> Result<i64, LedgerError> {
        Ok(self.integer(column)?.unwrap_or_default())
    }

    /// A text.
    pub(crate) fn text(&self, column: usize) -> Result<Option<&str>, LedgerError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            other => Err(odd(column, &other)),
        }
    }

    /// A text that the schema never leaves out.
    pub(crate) fn words(&self, column: usize) -> Result<&str, LedgerError> {
        Ok(self.text(column)?.unwrap_or_default())
    }
}

fn odd(column: usize, value: &Value<'_>) -> LedgerError {
    let kind = match value {
        Value::Null => "nothing",
        Value::Int(_) => "a number",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
        Value::Amount(_) => "an amount",
    };
    LedgerError::Damaged { what: "column", place: format!("{column}: {kind}") }
}
