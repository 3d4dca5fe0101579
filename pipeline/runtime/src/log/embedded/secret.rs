//! Whose data it is: the fingerprint of the deployment's secret. What is known again by keyed hashes (requests, the platform's
//! message ids) is known again with the same secret alone.

use fjall::PersistMode;

use super::EmbeddedLog;
use crate::log::{LogError, Topic};
use crate::store::StoreError;

/// Beside the positions of topics, none of which has this name.
const KEY: &str = "secret";

impl EmbeddedLog {
    /// Whether nothing was written yet, by nobody.
    ///
    /// # Errors
    /// The disk failed.
    pub fn is_new(&self) -> Result<bool, LogError> {
        let is_empty = Topic::ALL.into_iter().all(|topic| self.ends(topic).1 == 0);
        Ok(is_empty && self.secret()?.is_none())
    }

    /// Whether it is the secret with this fingerprint that it was written with. Keeps the fingerprint where none is kept: of a new
    /// one, or of an earlier version.
    ///
    /// # Errors
    /// The disk failed or is full.
    pub fn is_of_secret(&self, fingerprint: [u8; 8]) -> Result<bool, LogError> {
        if let Some(kept) = self.secret()? {
            return Ok(kept[..] == fingerprint);
        }
        let shared = &self.inner.shared;
        let mut batch = shared.store.database().batch().durability(Some(PersistMode::SyncData));
        batch.insert(&shared.positions_keyspace, KEY, fingerprint);
        batch.commit().map_err(|error| StoreError::write(&error))?;
        Ok(true)
    }

    fn secret(&self) -> Result<Option<fjall::Slice>, LogError> {
        let found = self.inner.shared.positions_keyspace.get(KEY);
        Ok(found.map_err(|error| StoreError::read("positions", &error))?)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::super::EmbeddedOptions;
    use super::*;
    use crate::log::NewRecord;

    #[test]
    fn the_first_secret_is_kept_also_where_records_were_there_before() {
        for has_records in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let open = || EmbeddedLog::open(directory.path(), &EmbeddedOptions::default()).unwrap();
            let log = open();
            assert!(log.is_new().unwrap());
            if has_records {
                log.append_blocking(Topic::Events, vec![NewRecord::new("acme", "{}", 1)]).unwrap();
                assert!(!log.is_new().unwrap());
            }
            assert!(log.is_of_secret([1; 8]).unwrap());
            drop(log);
            let log = open();
            assert!(!log.is_new().unwrap());
            assert!(!log.is_of_secret([2; 8]).unwrap() && log.is_of_secret([1; 8]).unwrap());
        }
    }
}
