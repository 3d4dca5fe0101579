//! COPY: rows in the server's binary format. The client's own writer enters its runtime with every row and sends a few of
//! them at a time, which takes as long as writing them.

use crate::ledger::LedgerError;
use bytes::{BufMut as _, BytesMut};
use postgres::types::{IsNull, ToSql, Type};
use postgres::{CopyInWriter, Statement, Transaction};
use std::error::Error;
use std::io::{self, Write as _};

/// Bytes sent at once, and a row more.
const BLOCK: usize = 64 << 10;
/// How the format begins: its signature, no flags, no extension.
const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// How it ends.
const TRAILER: i16 = -1;
/// The length of what is not there.
const NULL: i32 = -1;

/// Values of one row.
pub(super) type Cells<'v> = [&'v (dyn ToSql + Sync)];

/// Rows on their way.
pub(super) struct Rows<'t> {
    writer: CopyInWriter<'t>,
    types: &'t [Type],
    out: BytesMut,
}

/// Why rows could not be copied.
pub(super) enum CopyError {
    /// The server or the way to it.
    Server(postgres::Error),
    /// A value that its column cannot have.
    Value(Box<dyn Error + Sync + Send>),
}

impl From<postgres::Error> for CopyError {
    fn from(error: postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<io::Error> for CopyError {
    fn from(error: io::Error) -> Self {
        // The client's error is inside.
        match error.into_inner().map(<dyn Error + Sync + Send>::downcast) {
            Some(Ok(error)) => Self::Server(*error),
            Some(Err(other)) => Self::Value(other),
            None => Self::Value("the copy ended".into()),
        }
    }
}

impl From<CopyError> for LedgerError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Server(error) => error.into(),
            CopyError::Value(error) => Self::Stored { what: "row", value: error.to_string() },
        }
    }
}

/// Sends rows of such columns; `fill` writes each.
pub(super) fn copy(
    tx: &mut Transaction<'_>,
    statement: &Statement,
    types: &[Type],
    fill: impl FnOnce(&mut Rows<'_>) -> Result<(), CopyError>,
) -> Result<(), CopyError> {
    let mut rows = Rows { writer: tx.copy_in(statement)?, types, out: BytesMut::with_capacity(BLOCK) };
    rows.out.put_slice(HEADER);
    fill(&mut rows)?;
    rows.out.put_i16(TRAILER);
    rows.send()?;
    rows.writer.finish()?;
    Ok(())
}

/// Writes values of such columns, each behind its length.
pub(super) fn put(out: &mut BytesMut, types: &[Type], values: &Cells<'_>) -> Result<(), Box<dyn Error + Sync + Send>> {
    for (value, of) in values.iter().zip(types) {
        let at = out.len();
        out.put_i32(NULL);
        if let IsNull::No = value.to_sql_checked(of, out)? {
            let length = (out.len() - at - size_of::<i32>()) as i32;
            out[at..at + size_of::<i32>()].copy_from_slice(&length.to_be_bytes());
        }
    }
    Ok(())
}

impl Rows<'_> {
    /// Writes a row.
    pub(super) fn write(&mut self, row: &Cells<'_>) -> Result<(), CopyError> {
        self.out.put_i16(row.len() as i16);
        put(&mut self.out, self.types, row).map_err(CopyError::Value)?;
        self.send_full()
    }

    /// Writes a row of numbers and so many values behind them that [`put`] wrote before.
    pub(super) fn put(&mut self, numbers: &[i64], values: usize, written: &[u8]) -> Result<(), CopyError> {
        self.out.put_i16((numbers.len() + values) as i16);
        for number in numbers {
            self.out.put_i32(size_of::<i64>() as i32);
            self.out.put_i64(*number);
        }
        self.out.put_slice(written);
        self.send_full()
    }

    fn send_full(&mut self) -> Result<(), CopyError> {
        if self.out.len() < BLOCK { Ok(()) } else { self.send() }
    }

    fn send(&mut self) -> Result<(), CopyError> {
        self.writer.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }
}
