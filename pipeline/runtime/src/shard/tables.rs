//! Engine tables on store spaces, and loading them.

use crate::store::{Space, StateBatch, Store, StoreError};
use tollgate_core::Engine;
use tollgate_core::codec::CodecError;
use tollgate_core::engine::{Source, Table, Writes};

/// The store as the engine reads it.
pub struct EngineStore<'a>(pub &'a Store);

impl Source for EngineStore<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        match self.0.get(space(table), key) {
            Ok(v) => Ok(v.map(|v| v.to_vec())),
            Err(e) => Err(e.to_string()),
        }
    }
}

/// A batch as the engine writes it.
pub(super) struct BatchWrites<'a>(pub &'a mut StateBatch);

impl Writes for BatchWrites<'_> {
    fn write(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
        match value {
            Some(v) => self.0.put(space(table), key, v),
            None => self.0.delete(space(table), key),
        }
    }
}

pub(super) fn space(table: Table) -> Space {
    match table {
        Table::Entities => Space::Entities,
        Table::Contacts => Space::Contacts,
        Table::Pairs => Space::Pairs,
        Table::Open => Space::Messages,
        Table::Closed => Space::Closed,
        Table::Bodies => Space::Bodies,
        Table::Ids => Space::Ids,
        Table::Wamids => Space::Wamids,
        Table::Proofs => Space::Proofs,
        Table::Brands => Space::Brands,
    }
}

/// Why the resident state cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored record cannot be read.
    #[error("{space}: {source}")]
    Codec {
        /// Key space.
        space: &'static str,
        /// What is wrong.
        source: CodecError,
    },
}

/// Fills an empty engine from the store and returns how many records were read. `progress` is called now and then.
///
/// # Errors
/// The store cannot be read, or holds a record of an unknown version.
pub fn load(engine: &mut Engine, store: &Store, progress: &mut dyn FnMut(u64)) -> Result<u64, LoadError> {
    let mut n = 0;
    for table in Table::LOADED {
        for item in store.scan_prefix(space(table), &[]) {
            let (key, value) = item?;
            engine
                .load(table, &key, &value)
                .map_err(|source| LoadError::Codec { space: space(table).name(), source })?;
            n += 1;
            if n % 10_000 == 0 {
                progress(n);
            }
        }
    }
    Ok(n)
}
