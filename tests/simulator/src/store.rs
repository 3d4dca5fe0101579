//! The durable store, in memory: what was committed and nothing else.

use std::collections::BTreeMap;
use tollgate_core::engine::{Source, Table, Writes};

/// Tables by key.
#[derive(Debug, Default)]
pub(crate) struct Store(pub BTreeMap<(Table, Vec<u8>), Vec<u8>>);

impl Source for Store {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.get(&(table, key.to_vec())).cloned())
    }
}

impl Writes for Store {
    fn write(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
        match value {
            Some(v) => self.0.insert((table, key.to_vec()), v.to_vec()),
            None => self.0.remove(&(table, key.to_vec())),
        };
    }
}
