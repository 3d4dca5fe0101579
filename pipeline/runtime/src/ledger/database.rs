//! The database file: opening, version, one writer, readers beside it.

use super::accounts::Accounts;
use super::group::Groups;
use super::{LedgerError, Stream};
use crate::views::Names;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tollgate_wire::Time;

/// Schema version that this program writes; it refuses a greater one.
pub const SCHEMA_VERSION: i64 = 1;

const SCHEMA: &[&str] = &[include_str!("schema.sql"), include_str!("../views/schema.sql")];

/// How a database is opened.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Page cache of the connection in KiB. Default 64 MiB for the writer's sake: the newest pages of every
    /// table and the upper levels of every index.
    pub cache_kib: u32,
    /// How long to wait for another process's lock, in milliseconds. Default 10,000.
    pub busy_timeout_ms: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_kib: 64 * 1024, busy_timeout_ms: 10_000 }
    }
}

/// The one writer of a ledger database. Books entries ([`super::LedgerStore`]), projects outcomes and
/// snapshots, forgets old moves; each call is one transaction with the positions it reached.
///
/// Power loss may undo the newest transactions, data and positions together; they are then read from the log
/// again. So the disk is not waited for at each commit.
pub struct Writer {
    conn: Connection,
    path: PathBuf,
    memory: Memory,
}

/// What the writer remembers between batches: numbers of rows, all of it found again in the database.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) accounts: Accounts,
    pub(super) groups: Groups,
    pub(crate) names: Names,
}

/// A read-only connection of its own: never waits for the writer and never holds it up. Each read sees one
/// consistent state.
pub struct Reader {
    conn: Connection,
    path: PathBuf,
}

impl Writer {
    /// Opens the file, creating it when absent. Refuses a newer schema and files of other programs.
    pub fn open(path: &Path, options: Options) -> Result<Self, LedgerError> {
        let open = || -> Result<Connection, LedgerError> {
            let mut conn = Connection::open(path)?;
            // Both only take effect on an empty file.
            conn.pragma_update(None, "page_size", 8192)?;
            conn.pragma_update(None, "journal_mode", "wal")?;
            conn.pragma_update(None, "synchronous", "normal")?;
            conn.pragma_update(None, "wal_autocheckpoint", 4000)?;
            tune(&conn, options)?;
            create_or_check(&mut conn, path)?;
            Ok(conn)
        };
        Ok(Self { conn: open().map_err(|e| e.in_file(path))?, path: path.to_owned(), memory: Memory::default() })
    }

    /// Next offset of a topic's partition; 0 before the first record.
    pub fn position(&self, stream: Stream, partition: u32) -> Result<u64, LedgerError> {
        position(&self.conn, stream, partition).map_err(|e| e.in_file(&self.path))
    }

    /// Makes everything written so far durable against a power cut and gives the write-ahead log's space back. False
    /// when readers held part of it up: try again later.
    ///
    /// # Errors
    /// The disk failed or is full.
    pub fn checkpoint(&self) -> Result<bool, LedgerError> {
        let run = || -> Result<bool, LedgerError> {
            let (busy, written, moved): (i64, i64, i64) =
                self.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
            Ok(busy == 0 && written == moved)
        };
        run().map_err(|e| e.in_file(&self.path))
    }

    /// One transaction. On an error nothing is kept, in the file or in memory.
    pub(crate) fn transact<T>(
        &mut self,
        f: impl FnOnce(&Transaction<'_>, &mut Memory) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let run = || {
            let tx = self.conn.transaction()?;
            let done = f(&tx, &mut self.memory)?;
            tx.commit()?;
            Ok(done)
        };
        run().map_err(|e: LedgerError| {
            self.memory = Memory::default();
            e.in_file(&self.path)
        })
    }

    /// The connection, for tests that need to get in its way.
    #[cfg(test)]
    pub(crate) fn connection(&self) -> &Connection {
        &self.conn
    }
}

impl Reader {
    /// Opens an existing file for reading. Refuses a newer schema and files of other programs.
    pub fn open(path: &Path, options: Options) -> Result<Self, LedgerError> {
        if !path.exists() {
            return Err(LedgerError::Missing { path: path.to_owned() });
        }
        let open = || -> Result<Connection, LedgerError> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let conn = Connection::open_with_flags(path, flags)?;
            tune(&conn, options)?;
            match version(&conn)? {
                Some(found) => check(found, path)?,
                None => {
                    return Err(LedgerError::NotOurs { path: path.to_owned() });
                }
            }
            Ok(conn)
        };
        Ok(Self { conn: open().map_err(|e| e.in_file(path))?, path: path.to_owned() })
    }

    /// One consistent read.
    pub(crate) fn read<T>(&self, f: impl FnOnce(&Connection) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        let run = || {
            let tx = self.conn.unchecked_transaction()?;
            f(&tx)
        };
        run().map_err(|e: LedgerError| e.in_file(&self.path))
    }

    /// When the topic was last read into the database; the epoch if never.
    pub fn as_of(&self, stream: Stream) -> Result<Time, LedgerError> {
        self.read(|conn| as_of(conn, stream))
    }

    /// Records of the topic that were set aside because they could not be applied.
    pub fn rejected(&self, stream: Stream) -> Result<u64, LedgerError> {
        self.read(|conn| {
            let sql = "SELECT count(*) FROM rejected WHERE topic = ?1";
            let n: i64 = conn.query_row(sql, [stream.as_str()], |r| r.get(0))?;
            Ok(n as u64)
        })
    }
}

/// When the topic was last read into the database; the epoch if never.
pub(crate) fn as_of(conn: &Connection, stream: Stream) -> Result<Time, LedgerError> {
    let sql = "SELECT as_of FROM freshness WHERE topic = ?1";
    let ms: Option<i64> = conn.query_row(sql, [stream.as_str()], |r| r.get(0)).optional()?;
    Ok(Time(ms.unwrap_or(0) as u64))
}

pub(super) fn position(conn: &Connection, stream: Stream, partition: u32) -> Result<u64, LedgerError> {
    let sql = "SELECT next FROM positions WHERE topic = ?1 AND partition = ?2";
    let next: Option<i64> =
        conn.prepare_cached(sql)?.query_row((stream.as_str(), partition), |r| r.get(0)).optional()?;
    Ok(next.unwrap_or(0) as u64)
}

fn tune(conn: &Connection, options: Options) -> Result<(), LedgerError> {
    conn.busy_timeout(Duration::from_millis(u64::from(options.busy_timeout_ms)))?;
    // A negative size is in KiB.
    conn.pragma_update(None, "cache_size", -i64::from(options.cache_kib))?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn create_or_check(conn: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    match version(&tx)? {
        Some(found) => check(found, path)?,
        None => {
            let foreign: i64 = tx.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get(0))?;
            if foreign > 0 {
                return Err(LedgerError::NotOurs { path: path.to_owned() });
            }
            tx.execute_batch("CREATE TABLE schema_version (version INTEGER NOT NULL)")?;
            tx.execute("INSERT INTO schema_version VALUES (?1)", [SCHEMA_VERSION])?;
            for sql in SCHEMA {
                tx.execute_batch(sql)?;
            }
        }
    }
    tx.commit()?;
    Ok(())
}

fn version(conn: &Connection) -> Result<Option<i64>, LedgerError> {
    if !conn.table_exists(None, "schema_version")? {
        return Ok(None);
    }
    Ok(conn.query_row("SELECT version FROM schema_version", [], |r| r.get(0)).optional()?)
}

fn check(found: i64, path: &Path) -> Result<(), LedgerError> {
    if found > SCHEMA_VERSION {
        return Err(LedgerError::Newer { path: path.to_owned(), found, known: SCHEMA_VERSION });
    }
    Ok(())
}
