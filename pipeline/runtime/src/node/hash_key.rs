//! The deployment's secret for keyed hashes: made once, kept in the data directory, readable by its user alone.

use super::NodeError;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use tollgate_core::hashing::HashKey;

/// Reads the key, or makes one in a new data directory.
pub(super) fn load(data_dir: &Path) -> Result<HashKey, NodeError> {
    let path = data_dir.join("hash.key");
    let failed = |source| NodeError::HashKey { path: path.clone(), source };
    match fs::read(&path) {
        Ok(bytes) => match <[u8; 16]>::try_from(bytes.as_slice()) {
            Ok(key) => Ok(HashKey(key)),
            Err(_) => Err(NodeError::HashKeyDamaged { path }),
        },
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let mut key = [0; 16];
            getrandom::fill(&mut key).map_err(|e| failed(std::io::Error::other(e.to_string())))?;
            // Written whole under another name first: a crash must not leave half a key.
            let temporary = data_dir.join("hash.key.new");
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&temporary)
                .map_err(failed)?;
            file.write_all(&key).and_then(|()| file.sync_all()).map_err(failed)?;
            fs::rename(&temporary, &path).map_err(failed)?;
            File::open(data_dir).and_then(|d| d.sync_all()).map_err(failed)?;
            Ok(HashKey(key))
        }
        Err(e) => Err(failed(e)),
    }
}
