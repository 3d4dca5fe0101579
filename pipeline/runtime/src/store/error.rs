//! What can go wrong with the data directory and the database in it, with the remedy in the text.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the data directory or of the database in it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be created, read or written.
    #[error(
        "data directory {path}: {source}; give the service's user read and write access or set another data directory"
    )]
    NotWritable {
        /// File or directory that failed.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// Another process has the directory open.
    #[error("data directory {path} is in use by process {holder}; stop that process or set another data directory")]
    Locked {
        /// The directory.
        path: PathBuf,
        /// Process id written by the holder, or "unknown".
        holder: String,
    },
    /// The directory was written by a newer release.
    #[error(
        "data directory {path} has format {found}, this release reads up to format {supported}; start the newer release again or restore a backup made with format {supported} or older"
    )]
    NewerFormat {
        /// The directory.
        path: PathBuf,
        /// Format found.
        found: u32,
        /// Newest format this release reads.
        supported: u32,
    },
    /// The directory holds something else, or its format file is damaged.
    #[error(
        "data directory {path} is not a Tollgate data directory ({detail}); set an empty directory or restore a backup"
    )]
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The database cannot be opened.
    #[error("database in {path} cannot be opened: {detail}; check the disk, then restore a backup")]
    Open {
        /// The database directory.
        path: PathBuf,
        /// The engine's answer.
        detail: String,
    },
    /// A read failed.
    #[error("reading {place}: {detail}")]
    Read {
        /// Key space or topic.
        place: &'static str,
        /// The engine's answer.
        detail: String,
    },
    /// A write failed; the database accepts no further write until it is opened again.
    #[error("nothing more can be written: {detail}")]
    Write {
        /// The engine's answer.
        detail: String,
    },
}

impl StoreError {
    pub(crate) fn not_writable(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::NotWritable { path: path.to_owned(), source }
    }

    pub(crate) fn read(place: &'static str, error: &fjall::Error) -> Self {
        Self::Read { place, detail: describe(error) }
    }

    pub(crate) fn write(error: &fjall::Error) -> Self {
        Self::Write { detail: describe(error) }
    }
}

/// The engine's error in words, with the remedy for the two causes an operator meets.
pub(crate) fn describe(error: &fjall::Error) -> String {
    let cause = match error {
        fjall::Error::Io(cause) | fjall::Error::Storage(fjall::LsmError::Io(cause)) => Some(cause),
        _ => None,
    };
    match (error, cause) {
        (_, Some(cause)) if cause.kind() == io::ErrorKind::StorageFull => {
            format!("the disk is full ({cause}); free space")
        }
        (_, Some(cause)) => cause.to_string(),
        (fjall::Error::Poisoned, _) => {
            "an earlier background write failed, often because the disk was full; check free space and the disk"
                .to_owned()
        }
        (other, None) => other.to_string(),
    }
}
