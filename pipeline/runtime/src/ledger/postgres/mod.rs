//! PostgreSQL: any number of processes, each partition of a topic written by one at a time.
//!
//! `config` how it is reached · `bulk` the writes in bulk · `copy` rows on their way ·
//! `prepared` an entry's rows written ahead · `value` values and rows ·
//! `schema.sql` the tables, of which entries are partitioned by billing month · this file connections and transactions.

mod bulk;
mod config;
mod copy;
mod prepared;
#[cfg(test)]
pub(crate) mod server;
mod sums;
#[cfg(test)]
mod tests;
mod value;

use super::sql::{Each, Engine, Read, Sql, Value, Write};
use super::{LedgerError, SCHEMA_VERSION};
use fallible_iterator::FallibleIterator;
use postgres::{Client, IsolationLevel, Statement, Transaction};
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::ops::{Deref, DerefMut};

pub(crate) use config::chain;
pub use config::{PostgresConfig, PostgresConfigError};
pub(crate) use prepared::Prepared;

const SCHEMA: &str = include_str!("schema.sql");
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

/// Names of statements prepared on a connection, by their SQL. As many as the program has.
type Statements = RefCell<HashMap<Box<str>, Statement>>;

/// A connection, made again when it was lost.
pub(super) struct Postgres {
    config: PostgresConfig,
    /// `RefCell`: reading needs the connection to itself, and a reader is used by one thread at a time.
    connection: RefCell<Connection>,
}

struct Connection {
    client: Closing,
    /// Made anew since the last write. What the server had not made durable may be gone, so a writer has to read on from
    /// the positions that are there now and to look every number up again.
    renewed: bool,
    statements: Statements,
}

/// A client that may be let go of anywhere: closing blocks, which an asynchronous thread must not.
struct Closing(Option<Client>);

impl Deref for Closing {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.0.as_ref().expect("there until it is dropped")
    }
}

impl DerefMut for Closing {
    fn deref_mut(&mut self) -> &mut Client {
        self.0.as_mut().expect("there until it is dropped")
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if tokio::runtime::Handle::try_current().is_ok() {
            let client = self.0.take();
            // Without a thread the client is closed by the end of the process.
            let _ = std::thread::Builder::new().name("close".to_owned()).spawn(move || drop(client));
        }
    }
}

impl Postgres {
    /// Connects for writing and sets up what is empty.
    pub(super) fn create(config: &PostgresConfig) -> Result<Self, LedgerError> {
        let mut connection = Connection::open(config)?;
        create_or_check(&mut connection.client, config).map_err(|e| e.at(config))?;
        Ok(Self { config: config.clone(), connection: RefCell::new(connection) })
    }

    /// Connects for reading.
    pub(super) fn open(config: &PostgresConfig) -> Result<Self, LedgerError> {
        let mut connection = Connection::open(config)?;
        let found = version(&mut connection.client, config).map_err(|e| e.at(config))?;
        let found = found.ok_or_else(|| LedgerError::NoTables { place: config.to_string() })?;
        check(found, config)?;
        Ok(Self { config: config.clone(), connection: RefCell::new(connection) })
    }

    /// A connection that answers: a new one if the old was lost, which shows only when it is asked.
    fn live(config: &PostgresConfig, connection: &mut Connection) -> Result<(), LedgerError> {
        if connection.client.is_closed() || connection.client.simple_query("").is_err() {
            *connection = Connection { renewed: true, ..Connection::open(config)? };
        }
        Ok(())
    }

    /// A connection that has not been lost since the writer began where it is.
    fn unbroken(config: &PostgresConfig, connection: &mut Connection) -> Result<(), LedgerError> {
        Self::live(config, connection)?;
        if std::mem::take(&mut connection.renewed) {
            let why = "the connection was lost and is made anew".to_owned();
            return Err(LedgerError::Passing { place: String::new(), why });
        }
        Ok(())
    }
}

impl Connection {
    fn open(config: &PostgresConfig) -> Result<Self, LedgerError> {
        let client = Closing(Some(config.connect()?));
        Ok(Self { client, renewed: false, statements: Statements::default() })
    }
}

impl Engine for Postgres {
    fn write(&mut self, work: Write<'_>) -> Result<(), LedgerError> {
        let connection = self.connection.get_mut();
        Self::unbroken(&self.config, connection)?;
        // What others committed while this one waited is seen by the next statement, whatever the server's default is.
        let begin = connection.client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
        let tx = RefCell::new(begin.start()?);
        let tx = Tx { tx, statements: &connection.statements };
        let mut tx = bulk::BulkTx { tx, months: BTreeSet::new(), again: false };
        work(&mut tx)?;
        Ok(tx.tx.tx.into_inner().commit()?)
    }

    fn read(&self, work: Read<'_>) -> Result<(), LedgerError> {
        let connection = &mut *self.connection.borrow_mut();
        Self::live(&self.config, connection)?;
        let begin = connection.client.build_transaction().read_only(true);
        let tx = begin.isolation_level(IsolationLevel::RepeatableRead).start()?;
        work(&Tx { tx: RefCell::new(tx), statements: &connection.statements })
    }

    fn checkpoint(&mut self) -> Result<bool, LedgerError> {
        let connection = self.connection.get_mut();
        Self::unbroken(&self.config, connection)?;
        // A commit that waits for the disk takes everything before it along.
        let mut tx = connection.client.transaction()?;
        tx.batch_execute("SET LOCAL synchronous_commit TO on; UPDATE schema_version SET version = version")?;
        tx.commit()?;
        Ok(true)
    }

    /// Of this connection. One that is made anew refuses the next write, so none is written without.
    fn durable(&mut self) -> Result<(), LedgerError> {
        let connection = self.connection.get_mut();
        Self::unbroken(&self.config, connection)?;
        Ok(connection.client.batch_execute("SET synchronous_commit TO on")?)
    }

    fn named(&self, error: LedgerError) -> LedgerError {
        error.at(&self.config)
    }
}

/// An open transaction.
struct Tx<'c> {
    tx: RefCell<Transaction<'c>>,
    statements: &'c Statements,
}

impl Tx<'_> {
    /// The statement, prepared at its first use. Its SQL has `?1` where PostgreSQL wants `$1`.
    fn statement(&self, sql: &str) -> Result<Statement, LedgerError> {
        if let Some(known) = self.statements.borrow().get(sql) {
            return Ok(known.clone());
        }
        let statement = self.tx.borrow_mut().prepare(&sql.replace('?', "$"))?;
        self.statements.borrow_mut().insert(sql.into(), statement.clone());
        Ok(statement)
    }
}

impl Sql for Tx<'_> {
    fn rows(&self, sql: &str, values: &[Value<'_>], each: Each<'_>) -> Result<(), LedgerError> {
        let statement = self.statement(sql)?;
        let mut tx = self.tx.borrow_mut();
        let mut rows = tx.query_raw(&statement, values)?;
        while let Some(row) = rows.next()? {
            if each(&row)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn place_of_no_message(&self) -> &'static str {
        "SELECT month, account, occurred_at FROM entry_ids WHERE message_uid = 0 AND entry = ?1"
    }

    fn run(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, LedgerError> {
        let statement = self.statement(sql)?;
        let values: Vec<&(dyn postgres::types::ToSql + Sync)> = values.iter().map(|v| v as _).collect();
        Ok(self.tx.borrow_mut().execute(&statement, &values)?)
    }
}

/// Of processes that start at once, one sets the tables up and the others wait for it.
fn create_or_check(client: &mut Client, config: &PostgresConfig) -> Result<(), LedgerError> {
    let mut tx = client.transaction()?;
    tx.execute("SELECT pg_advisory_xact_lock(hashtext($1))", &[&format!("tollgate {}", config.schema())])?;
    let found = match version_in(&mut tx, config)? {
        Some(found) if found > SCHEMA_VERSION => return check(found, config),
        Some(found) => found,
        None => {
            // A user who may not make schemas may be given one.
            let there: bool =
                tx.query_one("SELECT to_regnamespace($1) IS NOT NULL", &[&config.schema()])?.try_get(0)?;
            if !there {
                tx.batch_execute(&format!("CREATE SCHEMA {}", config.schema()))?;
            }
            let sql = "SELECT count(*) FROM pg_class WHERE relnamespace = $1::text::regnamespace";
            let foreign: i64 = tx.query_one(sql, &[&config.schema()])?.try_get(0)?;
            if foreign > 0 {
                return Err(LedgerError::NotOurSchema { place: config.to_string() });
            }
            tx.batch_execute("CREATE TABLE schema_version (version bigint NOT NULL)")?;
            tx.execute("INSERT INTO schema_version VALUES (1)", &[])?;
            tx.batch_execute(SCHEMA)?;
            1
        }
    };
    if found < SCHEMA_VERSION {
        for sql in &UPGRADES[found.max(1) as usize - 1..] {
            tx.batch_execute(sql)?;
        }
        tx.execute("UPDATE schema_version SET version = $1", &[&SCHEMA_VERSION])?;
    }
    tx.commit()?;
    Ok(())
}

fn version(client: &mut Client, config: &PostgresConfig) -> Result<Option<i64>, LedgerError> {
    version_in(&mut client.transaction()?, config)
}

fn version_in(tx: &mut Transaction<'_>, config: &PostgresConfig) -> Result<Option<i64>, LedgerError> {
    let there = "SELECT to_regclass($1) IS NOT NULL";
    let there: bool = tx.query_one(there, &[&format!("{}.schema_version", config.schema())])?.try_get(0)?;
    if !there {
        return Ok(None);
    }
    let version = tx.query_opt("SELECT version FROM schema_version", &[])?;
    Ok(version.map(|row| row.try_get(0)).transpose()?)
}

fn check(found: i64, config: &PostgresConfig) -> Result<(), LedgerError> {
    match found.cmp(&SCHEMA_VERSION) {
        Ordering::Greater => Err(LedgerError::NewerSchema { place: config.to_string(), found, known: SCHEMA_VERSION }),
        Ordering::Less => Err(LedgerError::Older { place: config.to_string(), found, known: SCHEMA_VERSION }),
        Ordering::Equal => Ok(()),
    }
}
