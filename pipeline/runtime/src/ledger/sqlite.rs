//! SQLite: one file, one writer, readers beside it.
//!
//! Amounts are stored as decimal text, so that they stay exact.

use super::entry::SHARING;
use super::group::{AMOUNTS, Sums, stored_units};
use super::ingest::Booking;
use super::sql::{Bulk, Each, Engine, EntryKey, Read, Row, Sql, Value, Write};
use super::{LedgerError, SCHEMA_VERSION, amount};
use crate::views::{FoundMessage, MessageMoved, MessageRow, MoveRow};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Statement, ToSql, Transaction, params};
use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SCHEMA: &[&str] = &[include_str!("schema.sql"), include_str!("../views/schema.sql")];
/// What each version after the first adds.
const UPGRADES: [&str; SCHEMA_VERSION as usize - 1] = [
    include_str!("schema-2.sql"),
    include_str!("schema-3.sql"),
    include_str!("schema-4.sql"),
    include_str!("schema-5.sql"),
    include_str!("schema-6.sql"),
    include_str!("schema-7.sql"),
    include_str!("schema-8.sql"),
    include_str!("schema-9.sql"),
    include_str!("schema-10.sql"),
];

/// Pages of the write-ahead log, of 8 KiB, after which a commit moves it into the file and waits for the disk. Many: ids are
/// scattered, so that a batch changes pages all over their index, and the next batch the same ones.
const LOG_PAGES: u32 = 32_000;

/// Few enough to lie in the cache.
const BOOKED_AT_ONCE: usize = 500;

/// How a file is opened.
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

/// A connection to the file.
pub(super) struct Sqlite {
    conn: Connection,
    path: PathBuf,
}

impl Sqlite {
    /// Opens the file for writing, creating it when absent. Refuses a newer schema and files of other programs.
    pub(super) fn create(path: &Path, options: Options) -> Result<Self, LedgerError> {
        let open = || -> Result<Connection, LedgerError> {
            let mut conn = Connection::open(path)?;
            // Both only take effect on an empty file.
            conn.pragma_update(None, "page_size", 8192)?;
            conn.pragma_update(None, "journal_mode", "wal")?;
            conn.pragma_update(None, "synchronous", "normal")?;
            conn.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
            tune(&conn, options)?;
            create_or_check(&mut conn, path)?;
            Ok(conn)
        };
        Ok(Self { conn: open().map_err(|e| e.in_file(path))?, path: path.to_owned() })
    }

    /// Opens an existing file for reading. Refuses a newer schema and files of other programs.
    pub(super) fn open(path: &Path, options: Options) -> Result<Self, LedgerError> {
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
}

impl Engine for Sqlite {
    fn write(&mut self, work: Write<'_>) -> Result<(), LedgerError> {
        // Whoever closes a month writes beside the projection: it waits for the other's end before it reads anything.
        let mut tx = Tx(self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?);
        work(&mut tx)?;
        Ok(tx.0.commit()?)
    }

    fn read(&self, work: Read<'_>) -> Result<(), LedgerError> {
        work(&Tx(self.conn.unchecked_transaction()?))
    }

    fn checkpoint(&mut self) -> Result<bool, LedgerError> {
        let (busy, written, moved): (i64, i64, i64) =
            self.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
        Ok(busy == 0 && written == moved)
    }

    fn durable(&mut self) -> Result<(), LedgerError> {
        Ok(self.conn.pragma_update(None, "synchronous", "full")?)
    }

    fn named(&self, error: LedgerError) -> LedgerError {
        error.in_file(&self.path)
    }

    #[cfg(test)]
    fn file(&self) -> Option<&Connection> {
        Some(&self.conn)
    }
}

/// An open transaction.
struct Tx<'c>(Transaction<'c>);

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Int(n) => ToSqlOutput::Borrowed(ValueRef::Integer(*n)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::Amount(amount) => amount.normalize().to_string().into(),
        })
    }
}

impl Row for rusqlite::Row<'_> {
    fn value(&self, column: usize) -> Result<Value<'_>, LedgerError> {
        Ok(match self.get_ref(column)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(n) => Value::Int(n),
            ValueRef::Text(text) => Value::Text(std::str::from_utf8(text).map_err(rusqlite::Error::from)?),
            ValueRef::Blob(bytes) => Value::Bytes(bytes),
            ValueRef::Real(_) => {
                return Err(LedgerError::Damaged { what: "column", place: format!("{column}: a real number") });
            }
        })
    }
}

impl Sql for Tx<'_> {
    fn rows(&self, sql: &str, values: &[Value<'_>], each: Each<'_>) -> Result<(), LedgerError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            if each(row)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn place_of_no_message(&self) -> &'static str {
        "SELECT month, account, occurred_at FROM entries WHERE message_uid IS NULL AND entry = ?1"
    }

    fn run(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, LedgerError> {
        Ok(self.0.prepare_cached(sql)?.execute(rusqlite::params_from_iter(values))? as u64)
    }
}

impl Bulk for Tx<'_> {
    /// A file has one writer.
    fn hold_views(&self, _: bool) -> Result<(), LedgerError> {
        Ok(())
    }

    /// A file has one writer.
    fn hold_months(&self, _: bool) -> Result<(), LedgerError> {
        Ok(())
    }

    /// A file has one writer.
    fn hold_people(&self, _: bool) -> Result<(), LedgerError> {
        Ok(())
    }

    fn booked_at_once(&self) -> usize {
        BOOKED_AT_ONCE
    }

    fn book(&mut self, bookings: &[Booking<'_>]) -> Result<Vec<bool>, LedgerError> {
        let mut insert = self.0.prepare_cached(
            "INSERT OR IGNORE INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, \
             ?16, ?17, ?18, ?19, ?20, ?21)",
        )?;
        let mut person = self.0.prepare_cached("INSERT OR REPLACE INTO people VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        let mut new = Vec::with_capacity(bookings.len());
        let (mut bound, mut bound_person) = (None, None);
        for b in bookings {
            let (e, values) = (b.entry, columns(b));
            let [month, account, at, id, ..] = values;
            bind(&mut insert, values, &mut bound)?;
            let inserted = insert.raw_execute()? > 0;
            new.push(inserted);
            if inserted && (e.recipient.is_some() || e.wamid.is_some()) {
                let uid = e.message_uid.map_or(0, |n| n as i64).into();
                let values = [month, uid, id, account, at, e.recipient.as_deref().into(), e.wamid.as_deref().into()];
                bind(&mut person, values, &mut bound_person)?;
                person.raw_execute()?;
            }
        }
        Ok(new)
    }

    fn entries_at(
        &mut self,
        columns: &str,
        account: i64,
        keys: &[EntryKey],
        each: &mut dyn FnMut(usize, &dyn Row) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let mut find = self.0.prepare_cached(&format!(
            "SELECT {columns} FROM entries e {SHARING} \
             WHERE e.month = ?1 AND e.account = ?2 AND e.occurred_at = ?3 AND e.entry = ?4"
        ))?;
        for (n, (month, at, id)) in keys.iter().enumerate() {
            let mut rows = find.query((month, account, at, id))?;
            while let Some(row) = rows.next()? {
                each(n, row)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, sums: &[(i64, Sums)]) -> Result<(), LedgerError> {
        let mut read = self.0.prepare_cached(
            "SELECT quantity, cost, markup, fee, price_ex_tax, messages FROM entry_groups WHERE ix = ?1",
        )?;
        let mut write = self.0.prepare_cached(
            "UPDATE entry_groups SET entries = entries + ?2, messages = ?3, quantity = ?4, \
             cost = ?5, markup = ?6, fee = ?7, price_ex_tax = ?8 WHERE ix = ?1",
        )?;
        for (ix, add) in sums {
            let (quantity, old, messages) = read.query_row([ix], |r| {
                let amounts: [Option<String>; 4] = [r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?];
                Ok((r.get::<_, i64>(0)?, amounts, r.get::<_, i64>(5)?))
            })?;
            let quantity = i64::try_from(i128::from(quantity) + add.quantity)
                .map_err(|_| LedgerError::Overflow { what: "quantity" })?;
            let mut sums: [Option<String>; 4] = Default::default();
            for (i, what) in AMOUNTS.into_iter().enumerate() {
                let before = old[i].as_deref().map(|t| amount::parse(what, t).map(stored_units)).transpose()?;
                sums[i] = match (before, add.amounts[i]) {
                    (None, None) => None,
                    (a, b) => Some(amount::decimal(what, a.unwrap_or(0) + b.unwrap_or(0))?.to_string()),
                };
            }
            let messages = messages + add.messages;
            write.execute(params![ix, add.entries, messages, quantity, sums[0], sums[1], sums[2], sums[3]])?;
        }
        Ok(())
    }

    fn find_messages(
        &mut self,
        keys: &[(i64, &str)],
        each: &mut dyn FnMut(usize, FoundMessage),
    ) -> Result<(), LedgerError> {
        let mut find = self.0.prepare_cached(
            "SELECT ix, uid, campaign, state, last_move, recipient, metadata FROM messages \
             WHERE account = ?1 AND id = ?2 ORDER BY ix DESC",
        )?;
        for (n, key) in keys.iter().enumerate() {
            let mut rows = find.query(*key)?;
            while let Some(r) = rows.next()? {
                let found = FoundMessage {
                    ix: r.get(0)?,
                    uid: r.get(1)?,
                    campaign: r.get(2)?,
                    state: r.get(3)?,
                    last_move: r.get(4)?,
                    recipient: r.get(5)?,
                    metadata: r.get(6)?,
                };
                each(n, found);
            }
        }
        Ok(())
    }

    fn message_numbers(&mut self, count: usize) -> Result<Vec<i64>, LedgerError> {
        let last: Option<i64> =
            self.0.prepare_cached("SELECT max(ix) FROM messages")?.query_row([], |r| r.get(0)).optional()?.flatten();
        Ok((last.unwrap_or(0) + 1..).take(count).collect())
    }

    fn insert_messages(&mut self, messages: &[MessageRow<'_>]) -> Result<(), LedgerError> {
        let mut insert = self.0.prepare_cached(
            "INSERT INTO messages (ix, account, id, uid, campaign, recipient, metadata, state, at, last_move) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        for m in messages {
            let (campaign, to) = (m.campaign, m.recipient);
            let values = params![m.ix, m.account, m.id, m.uid, campaign, to, m.metadata, m.state, m.at, m.last_move];
            insert.execute(values)?;
        }
        Ok(())
    }

    fn move_messages(&mut self, moved: &[MessageMoved]) -> Result<(), LedgerError> {
        let mut update = self
            .0
            .prepare_cached("UPDATE messages SET state = ?2, at = coalesce(?3, at), last_move = ?4 WHERE ix = ?1")?;
        for m in moved {
            update.execute((m.ix, m.state, m.at, m.last_move))?;
        }
        Ok(())
    }

    fn insert_moves(&mut self, moves: &[MoveRow<'_>]) -> Result<Option<i64>, LedgerError> {
        let mut insert = self.0.prepare_cached("INSERT OR IGNORE INTO moves VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for m in moves {
            if insert.execute((m.key, m.message, m.prev, m.at, m.body))? == 0 {
                return Ok(Some(m.key));
            }
        }
        Ok(None)
    }
}

/// An entry as its table has it.
fn columns<'b>(b: &'b Booking<'_>) -> [Value<'b>; 21] {
    let e = b.entry;
    let [id, adjusts, recipient, wamid] = b.hashes.stored(e);
    let number = |n: Option<u64>| n.map(|n| n as i64).into();
    [
        b.month.into(),
        b.account.into(),
        (e.occurred_at.0 as i64).into(),
        id,
        b.terms.into(),
        adjusts,
        i64::from(e.revision).into(),
        number(e.message_uid),
        e.message.as_deref().into(),
        e.attempt.map(i64::from).into(),
        recipient,
        wamid,
        e.conversation.as_deref().into(),
        number(e.ordinal),
        e.quantity.into(),
        e.cost.into(),
        e.markup.into(),
        e.fee.into(),
        e.price_ex_tax.into(),
        (e.booked_at.0 as i64).into(),
        e.reason.as_deref().into(),
    ]
}

/// Binds what differs from the row before, `bound`: SQLite copies every text that it is given, and most are the same.
fn bind<'v, const N: usize>(
    statement: &mut Statement<'_>,
    values: [Value<'v>; N],
    bound: &mut Option<[Value<'v>; N]>,
) -> rusqlite::Result<()> {
    for (n, value) in values.iter().enumerate() {
        if bound.as_ref().is_none_or(|bound| bound[n] != *value) {
            statement.raw_bind_parameter(n + 1, value)?;
        }
    }
    *bound = Some(values);
    Ok(())
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
    let found = match version(&tx)? {
        Some(found) if found > SCHEMA_VERSION => return check(found, path),
        Some(found) => found,
        None => {
            let foreign: i64 = tx.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get(0))?;
            if foreign > 0 {
                return Err(LedgerError::NotOurs { path: path.to_owned() });
            }
            tx.execute_batch("CREATE TABLE schema_version (version INTEGER NOT NULL)")?;
            tx.execute("INSERT INTO schema_version VALUES (1)", [])?;
            for sql in SCHEMA {
                tx.execute_batch(sql)?;
            }
            1
        }
    };
    if found < SCHEMA_VERSION {
        for sql in &UPGRADES[found.max(1) as usize - 1..] {
            tx.execute_batch(sql)?;
        }
        tx.execute("UPDATE schema_version SET version = ?1", [SCHEMA_VERSION])?;
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
    match found.cmp(&SCHEMA_VERSION) {
        Ordering::Greater => Err(LedgerError::Newer { path: path.to_owned(), found, known: SCHEMA_VERSION }),
        Ordering::Less => Err(LedgerError::Older { place: path.display().to_string(), found, known: SCHEMA_VERSION }),
        Ordering::Equal => Ok(()),
    }
}
