//! What can go wrong with the ledger database.

use std::path::{Path, PathBuf};

/// An error of the ledger database. Nothing of the batch or step that met it was written.
#[derive(Debug, thiserror::Error)]
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
    /// Two different moves claim one place: the views were built from another log.
    #[error(
        "account `{account}` already has a move at offset {offset}: these views were built from another log; \
         move ledger.db away and let the views be built again"
    )]
    OtherLog {
        /// Account id.
        account: String,
        /// Offset on the `outcomes` topic.
        offset: u64,
    },
    /// A stored value that this program could not have written.
    #[error("the ledger database holds {what} `{value}`, which is not valid; restore the file from a backup")]
    Stored {
        /// The column.
        what: &'static str,
        /// Its value.
        value: String,
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

impl LedgerError {
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
