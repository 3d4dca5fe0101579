//! Changes to the state store that are written together or not at all.

use fjall::Slice;

use super::Space;

/// Puts and deletes of several spaces, applied atomically. For one key, the later change wins.
#[derive(Clone, Debug, Default)]
pub struct StateBatch {
    changes: Vec<StateChange>,
    bytes: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct StateChange {
    pub(crate) space: Space,
    pub(crate) key: Slice,
    /// `None` deletes the key.
    pub(crate) value: Option<Slice>,
}

impl StateBatch {
    /// An empty batch with room for that many changes.
    #[must_use]
    pub fn with_capacity(changes: usize) -> Self {
        Self { changes: Vec::with_capacity(changes), bytes: 0 }
    }

    /// Sets a key (1 to 65,535 bytes) to a value (below 4 GiB).
    pub fn put(&mut self, space: Space, key: &[u8], value: &[u8]) {
        self.push(space, key, Some(value));
    }

    /// Removes a key; removing an absent key is no error.
    pub fn delete(&mut self, space: Space, key: &[u8]) {
        self.push(space, key, None);
    }

    /// Changes in the order they were made: space, key, new value or `None` for a removal.
    pub fn iter(&self) -> impl Iterator<Item = (Space, &[u8], Option<&[u8]>)> {
        self.changes.iter().map(|change| (change.space, &*change.key, change.value.as_deref()))
    }

    /// Number of changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// True without any change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Bytes of all keys and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets all changes, keeps the memory.
    pub fn clear(&mut self) {
        self.changes.clear();
        self.bytes = 0;
    }

    pub(crate) fn changes(&self) -> &[StateChange] {
        &self.changes
    }

    pub(crate) fn into_changes(self) -> Vec<StateChange> {
        self.changes
    }

    fn push(&mut self, space: Space, key: &[u8], value: Option<&[u8]>) {
        debug_assert!(!key.is_empty() && key.len() <= usize::from(u16::MAX));
        self.bytes += key.len() + value.map_or(0, <[u8]>::len);
        self.changes.push(StateChange { space, key: Slice::from(key), value: value.map(Slice::from) });
    }
}
