//! What can go wrong with the ledger database.

use super::PostgresConfig;
use std::path::{Path, PathBuf};

/// An error of the ledger database. Nothing of the batch or step that met it was written.
#[derive(thiserror::Error)]
pub enum LedgerError {
    /// The file was written by a newer version.
    #[error(
        "{}: the ledger database has schema version {found}, this version knows up to {known}; \
         start the newer version again, or restore the backup made before the upgrade",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version found in it.
        found: i64,
        /// Greatest version this program reads.
        known: i64,
    },
    /// A SQLite file of something else.
    #[error("{}: not a Tollgate ledger database; name another file or move this one away", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// No file to read from.
    #[error("{}: no ledger database here; start the service once, or correct the data directory", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Disk or size limit reached.
    #[error(
        "{}: the ledger database cannot grow, the disk or its size limit is full; free some space: \
         nothing of this batch was written, and it is read again",
        path.display()
    )]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Any other error of the database.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The file; empty until the error leaves the module.
        path: PathBuf,
        /// The database's words.
        source: rusqlite::Error,
    },
    /// The schema was written by a newer version.
    #[error(
        "{place}: the ledger database has schema version {found}, this version knows up to {known}; \
         start the newer version again, or restore the backup made before the upgrade"
    )]
    NewerSchema {
        /// The database.
        place: String,
        /// Version found in it.
        found: i64,
        /// Greatest version this program reads.
        known: i64,
    },
    /// Not brought up to date yet.
    #[error(
        "{place}: the ledger database has schema version {found}, this version reads {known}; \
         start a process with the role ledger or views once, which brings it up to date"
    )]
    Older {
        /// The database.
        place: String,
        /// Version found in it.
        found: i64,
        /// Version this program reads.
        known: i64,
    },
    /// A schema of something else.
    #[error("{place}: the schema holds tables of another program; name another one in ledger.postgres_schema")]
    NotOurSchema {
        /// The database.
        place: String,
    },
    /// No tables to read from.
    #[error("{place}: no ledger here; start the service with role ledger or views once, or correct the address")]
    NoTables {
        /// The database.
        place: String,
    },
    /// The server is not there, or went away.
    #[error("{place}: {why}; start the server or correct ledger.postgres_url, nothing is lost meanwhile")]
    Unreachable {
        /// The database.
        place: String,
        /// The client's words.
        why: String,
    },
    /// Something that ends by itself, or by somebody who frees some space: a lost connection, a wait for another process that
    /// took too long, a full disk.
    #[error("{place}: {why}; it is tried again")]
    Passing {
        /// The database.
        place: String,
        /// What it was.
        why: String,
    },
    /// Any other error of the server.
    #[error("{place}: {why}")]
    Postgres {
        /// The database; empty until the error leaves the module.
        place: String,
        /// Its words.
        why: String,
    },
    /// Another process has applied what this one was about to.
    #[error(
        "partition {partition} of topic {topic} was applied by another process; it has the partition now, this one \
         goes on with those it is given"
    )]
    Moved {
        /// Topic without prefix.
        topic: &'static str,
        /// Partition.
        partition: u32,
    },
    /// Records were read and not written, and those behind them were about to be.
    #[error(
        "partition {partition} of topic {topic}: the records from {next} to {after} were read and are not in the ledger \
         database; it is read again from {next}"
    )]
    PassedOver {
        /// Topic without prefix.
        topic: &'static str,
        /// Partition.
        partition: u32,
        /// The first offset that is missing.
        next: u64,
        /// The first that is not.
        after: u64,
    },
    /// Two different moves claim one place: the views were built from another log.
    #[error(
        "account `{account}` already has a move at offset {offset}: these views were built from another log; \
         move ledger.db or the schema away and let the views be built again"
    )]
    OtherLog {
        /// Account id.
        account: String,
        /// Offset on the `outcomes` topic.
        offset: u64,
    },
    /// A stored value that this program could not have written. It may be a person's, so it is not told.
    #[error(
        "the ledger database holds a value for {what} of {} bytes, which is not valid; restore it from a backup",
        value.len()
    )]
    Stored {
        /// The column, or what is in it.
        what: &'static str,
        /// Its value. Never shown.
        value: String,
    },
    /// Something that this program could not have left so, at a place that can be told.
    #[error("the ledger database holds {what} `{place}`, which is not valid; restore it from a backup")]
    Damaged {
        /// What it is.
        what: &'static str,
        /// Which: an id or number of ours, a count. No stored text.
        place: String,
    },
    /// Something was to be booked into a month that is closed.
    #[error(
        "month {month} of account `{account}` is closed: nothing can be booked in it any more; what differs by now is \
         booked into the first open month by `tollgate billing rerate --month {month} --book`"
    )]
    Closed {
        /// Account id.
        account: String,
        /// `YYYY-MM`.
        month: String,
    },
    /// A sum beyond what an amount can show.
    #[error(
        "a sum of {what} exceeds 7.9e18 currency units, the largest amount that is exact to 10 decimals; \
         export by account"
    )]
    Overflow {
        /// The column.
        what: &'static str,
    },
}

/// As for people, so that no log has a stored value.
impl std::fmt::Debug for LedgerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LedgerError({self})")
    }
}

impl LedgerError {
    /// Names the PostgreSQL database in an error of it.
    pub(crate) fn at(self, config: &PostgresConfig) -> Self {
        match self {
            Self::Postgres { why, .. } => Self::Postgres { place: config.to_string(), why },
            Self::Unreachable { why, .. } => Self::Unreachable { place: config.to_string(), why },
            Self::Passing { why, .. } => Self::Passing { place: config.to_string(), why },
            other => other,
        }
    }

    /// Whether the same may succeed later: the server is away, another process was first or holds the file, or somebody
    /// has to free some space.
    #[must_use]
    pub fn passes(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        match self {
            Self::Unreachable { .. }
            | Self::Passing { .. }
            | Self::Moved { .. }
            | Self::PassedOver { .. }
            | Self::Full { .. } => true,
            Self::Sqlite { source, .. } => matches!(source.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked)),
            _ => false,
        }
    }

    /// Names the file in an error of the database.
    pub(crate) fn in_file(self, file: &Path) -> Self {
        match self {
            Self::Sqlite { source, .. } if source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) => {
                Self::Full { path: file.to_owned() }
            }
            Self::Sqlite { source, .. } => Self::Sqlite { path: file.to_owned(), source },
            other => other,
        }
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite { path: PathBuf::new(), source }
    }
}

impl From<postgres::Error> for LedgerError {
    fn from(error: postgres::Error) -> Self {
        let why = super::postgres::chain(&error);
        let place = String::new();
        match error.code().map(postgres::error::SqlState::code) {
            // Class 57P: the server is being stopped; class 08: the connection broke; 53300: no connection is free.
            Some(code) if code.starts_with("57P") || code.starts_with("08") || code == "53300" => {
                Self::Unreachable { place, why }
            }
            None if error.is_closed() || is_io(&error) => Self::Unreachable { place, why },
            // Class 40: deadlock; class 53: its disk or memory is full, and somebody has to free some; 55P03, 57014, 25P03: waited
            // too long; 25006: a standby that is not in charge yet.
            Some(code)
                if code.starts_with("40")
                    || code.starts_with("53")
                    || ["55P03", "57014", "25P03", "25006"].contains(&code) =>
            {
                Self::Passing { place, why }
            }
            _ => Self::Postgres { place, why },
        }
    }
}

fn is_io(error: &dyn std::error::Error) -> bool {
    let mut next = error.source();
    while let Some(source) = next {
        if source.is::<std::io::Error>() {
            return true;
        }
        next = source.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_value_is_not_told() {
        let value = "+5511987654321".to_owned();
        let error = LedgerError::Stored { what: "metadata", value };
        for told in [error.to_string(), format!("{error:?}")] {
            assert!(told.contains("metadata") && told.contains("14") && !told.contains("98765"), "{told}");
        }
    }
}
