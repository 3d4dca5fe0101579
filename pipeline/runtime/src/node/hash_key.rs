//! The deployment's secret for keyed hashes: made once, kept in the data directory, readable by its user alone.

use super::NodeError;
use crate::log::embedded::EmbeddedLog;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tollgate_core::hashing::HashKey;

/// Its file name in the data directory.
pub(super) const FILE: &str = "hash.key";

/// Reads the key, or makes one where there is none. Of several processes that make one at once, all take the same.
pub(super) fn load(path: &Path) -> Result<HashKey, NodeError> {
    let failed = |source| NodeError::HashKey { path: path.to_owned(), source };
    match read(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => make(path).and_then(|()| read(path)).map_err(failed)?,
        read => read.map_err(failed)?,
    }
    .ok_or_else(|| NodeError::HashKeyDamaged { path: path.to_owned() })
}

/// The key of a data directory. Only a new one gets one; all others go on with their own: with another, no request and no status
/// would be known again, and what was sent would be sent and booked twice.
pub(super) fn of(log: &EmbeddedLog, path: &Path) -> Result<HashKey, NodeError> {
    let is_there = path.try_exists().map_err(|source| NodeError::HashKey { path: path.to_owned(), source })?;
    if !is_there && !log.is_new()? {
        return Err(NodeError::HashKeyMissing { path: path.to_owned() });
    }
    let key = load(path)?;
    match log.is_of_secret(key.fingerprint())? {
        true => Ok(key),
        false => Err(NodeError::HashKeyOther { path: path.to_owned() }),
    }
}

/// `None` when the file has another length.
fn read(path: &Path) -> std::io::Result<Option<HashKey>> {
    Ok(<[u8; 16]>::try_from(fs::read(path)?.as_slice()).ok().map(HashKey))
}

/// Written whole under another name first: a crash must not leave half a key.
fn make(path: &Path) -> std::io::Result<()> {
    let mut key = [0; 16];
    getrandom::fill(&mut key).map_err(|e| std::io::Error::other(e.to_string()))?;
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(&key).and_then(|()| file.sync_all())?;
    let linked = match fs::hard_link(&temporary, path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    };
    fs::remove_file(&temporary)?;
    linked?;
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|d| d.sync_all())
}
