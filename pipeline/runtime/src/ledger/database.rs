//! The database: one writer and readers beside it, over whichever engine holds it.

use super::accounts::Accounts;
use super::aside::beyond;
use super::erased::Erasures;
use super::group::Groups;
use super::postgres::Postgres;
use super::sql::{Bulk, Engine, Sql};
use super::sqlite::{Options, Sqlite};
use super::stream::{ReadTo, as_of, position, read_to};
use super::{LedgerError, PostgresConfig, Stream};
use crate::views::Names;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tollgate_wire::Time;

/// Schema version that this program writes: it brings an earlier one up to date, and refuses a greater one.
pub const SCHEMA_VERSION: i64 = 10;

/// Where ledger and views are kept.
#[derive(Clone, Debug)]
pub enum Place {
    /// A SQLite file: one process.
    File(PathBuf),
    /// A PostgreSQL database: any number of processes.
    Postgres(Box<PostgresConfig>),
}

impl Place {
    /// Opens it for writing; what is empty is set up.
    ///
    /// # Errors
    /// It cannot be reached, is of a newer version or of another program.
    pub fn writer(&self) -> Result<Writer, LedgerError> {
        match self {
            Self::File(path) => Writer::open(path, Options::default()),
            Self::Postgres(config) => Ok(Writer::of(Box::new(Postgres::create(config)?))),
        }
    }

    /// Opens it for reading. `options` are for a file.
    ///
    /// # Errors
    /// It cannot be reached or is not there, is of a newer version or of another program.
    pub fn reader(&self, options: Options) -> Result<Reader, LedgerError> {
        match self {
            Self::File(path) => Reader::open(path, options),
            Self::Postgres(config) => Ok(Reader::of(Box::new(Postgres::open(config)?))),
        }
    }
}

/// A writer of a ledger database, of a file the only one. Books entries ([`super::LedgerStore`]), projects outcomes and
/// snapshots, forgets old moves; each call is one transaction with the positions it reached.
///
/// Power loss may undo the newest transactions, data and positions together; they are then read from the log
/// again. So the disk is not waited for at each commit.
pub struct Writer {
    engine: Box<dyn Engine>,
    memory: Memory,
}

/// What the writer remembers between batches: numbers of rows, all of it found again in the database.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) accounts: Accounts,
    pub(super) groups: Groups,
    pub(crate) names: Names,
    pub(crate) erasures: Erasures,
}

/// A read-only connection of its own: never waits for the writer and never holds it up. Each read sees one
/// consistent state.
pub struct Reader {
    /// Held while something is read, so that a long reading may be done by a thread of its own.
    engine: Mutex<Box<dyn Engine>>,
}

impl Writer {
    /// Opens a SQLite file, creating it when absent. Refuses a newer schema and files of other programs.
    pub fn open(path: &Path, options: Options) -> Result<Self, LedgerError> {
        Ok(Self::of(Box::new(Sqlite::create(path, options)?)))
    }

    fn of(engine: Box<dyn Engine>) -> Self {
        Self { engine, memory: Memory::default() }
    }

    /// Next offset of a topic's partition; 0 before the first record.
    pub fn position(&self, stream: Stream, partition: u32) -> Result<u64, LedgerError> {
        read(&*self.engine, |db| position(db, stream, partition))
    }

    /// The same with the record before it.
    pub(crate) fn read_to(&self, stream: Stream, partition: u32) -> Result<ReadTo, LedgerError> {
        read(&*self.engine, |db| read_to(db, stream, partition))
    }

    /// One consistent read, of what is written.
    pub(crate) fn look<T>(&self, f: impl FnOnce(&dyn Sql) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        read(&*self.engine, f)
    }

    /// Makes everything written so far durable against a power cut and, of a file, gives the write-ahead log's space
    /// back. False when readers held part of it up: try again later.
    ///
    /// # Errors
    /// The disk failed or is full, or the server is not there.
    pub fn checkpoint(&mut self) -> Result<bool, LedgerError> {
        let done = self.engine.checkpoint();
        done.map_err(|e| self.lost(e))
    }

    /// From now on each commit of this writer waits for the disk. For what no log holds: true-ups, and that a month is
    /// closed. What was committed before, by whomever, is durable with it.
    ///
    /// # Errors
    /// The database failed, or the server is not there.
    pub fn durable(&mut self) -> Result<(), LedgerError> {
        let done = self.engine.durable();
        done.map_err(|e| self.lost(e))
    }

    /// One transaction. On an error nothing is kept, in the database or in memory.
    pub(crate) fn transact<T>(
        &mut self,
        f: impl FnOnce(&mut dyn Bulk, &mut Memory) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let (mut f, mut done) = (Some(f), None);
        let memory = &mut self.memory;
        let written = self.engine.write(&mut |tx| {
            if let Some(f) = f.take() {
                done = Some(f(tx, memory)?);
            }
            Ok(())
        });
        match written {
            Ok(()) => Ok(done.expect("an engine does the work once")),
            Err(error) => Err(self.lost(error)),
        }
    }

    /// What is remembered may not be in the database after an error.
    fn lost(&mut self, error: LedgerError) -> LedgerError {
        self.memory = Memory::default();
        self.engine.named(error)
    }

    /// The file's connection, for tests that need to get in its way.
    #[cfg(test)]
    pub(crate) fn connection(&self) -> &rusqlite::Connection {
        self.engine.file().expect("a SQLite file")
    }
}

impl Reader {
    /// Opens an existing SQLite file for reading. Refuses a newer schema and files of other programs.
    pub fn open(path: &Path, options: Options) -> Result<Self, LedgerError> {
        Ok(Self::of(Box::new(Sqlite::open(path, options)?)))
    }

    fn of(engine: Box<dyn Engine>) -> Self {
        Self { engine: Mutex::new(engine) }
    }

    /// One consistent read; nothing else is read meanwhile.
    pub(crate) fn read<T>(&self, f: impl FnOnce(&dyn Sql) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        read(&**self.engine.lock().unwrap_or_else(PoisonError::into_inner), f)
    }

    /// When the topic was last read into the database; the epoch if never.
    pub fn as_of(&self, stream: Stream) -> Result<Time, LedgerError> {
        self.read(|db| as_of(db, stream))
    }

    /// Records of the topic that were set aside because they could not be applied, kept or only counted.
    pub fn rejected(&self, stream: Stream) -> Result<u64, LedgerError> {
        self.read(|db| {
            let n = db.number("SELECT count(*) FROM rejected WHERE topic = ?1", &[stream.as_str().into()])?;
            Ok(n.unwrap_or(0) as u64 + beyond(db, stream)?)
        })
    }
}

fn read<T>(engine: &dyn Engine, f: impl FnOnce(&dyn Sql) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
    let (mut f, mut done) = (Some(f), None);
    let read = engine.read(&mut |db| {
        if let Some(f) = f.take() {
            done = Some(f(db)?);
        }
        Ok(())
    });
    read.map_err(|e| engine.named(e))?;
    Ok(done.expect("an engine does the work once"))
}
