//! Which orders of the dispatch topic were taken: a bit per order, durable in words of 1,024 orders.
//!
//! The dispatcher takes an order durably before it calls the platform, in any order, so that after a crash an
//! order that may have been sent is never offered again (at most once).

use std::collections::{BTreeSet, VecDeque};

use fjall::Keyspace;

use crate::log::LogError;
use crate::store::StoreError;

const ORDERS_PER_CHUNK: u64 = 1_024;
const CHUNK_BYTES: usize = (ORDERS_PER_CHUNK / 8) as usize;

type Chunk = [u8; CHUNK_BYTES];

/// Name of the keyspace, for errors.
pub(super) const TAKEN: &str = "dispatch.taken";

/// The taken marks of all orders at or after the lowest one still pending.
pub(super) struct Taken {
    /// Number of the first chunk in memory.
    base: u64,
    chunks: VecDeque<Chunk>,
    /// Lowest order never taken.
    low: u64,
}

impl Taken {
    /// Reads the marks; `first` is the first order kept in the topic.
    pub(super) fn load(keyspace: &Keyspace, first: u64) -> Result<Self, LogError> {
        let mut taken = Self { base: first / ORDERS_PER_CHUNK, chunks: VecDeque::new(), low: first };
        for entry in keyspace.iter() {
            let (key, value) = entry.into_inner().map_err(|error| StoreError::read(TAKEN, &error))?;
            let damaged = || StoreError::Read {
                place: TAKEN,
                detail: "a mark of unexpected length; restore a backup".to_owned(),
            };
            let number = u64::from_be_bytes(key[..].try_into().map_err(|_| damaged())?);
            let bits = Chunk::try_from(&value[..]).map_err(|_| damaged())?;
            // Chunks below the first kept order are left over from a trim.
            if number >= taken.base {
                *taken.chunk_mut(number) = bits;
            }
        }
        taken.advance();
        Ok(taken)
    }

    /// Lowest order never taken; everything below it is done with.
    pub(super) fn low(&self) -> u64 {
        self.low
    }

    pub(super) fn is_taken(&self, offset: u64) -> bool {
        let Some(index) = (offset / ORDERS_PER_CHUNK).checked_sub(self.base) else {
            return true;
        };
        let bit = offset % ORDERS_PER_CHUNK;
        offset < self.low
            || self.chunks.get(index as usize).is_some_and(|chunk| chunk[(bit / 8) as usize] & (1 << (bit % 8)) != 0)
    }

    /// Marks orders; returns those that were not marked before, and adds the chunks to write to `changed`.
    pub(super) fn take(&mut self, offsets: &[u64], changed: &mut BTreeSet<u64>) -> Vec<u64> {
        let mut fresh = Vec::with_capacity(offsets.len());
        for &offset in offsets {
            if self.is_taken(offset) {
                continue;
            }
            let number = offset / ORDERS_PER_CHUNK;
            let bit = offset % ORDERS_PER_CHUNK;
            self.chunk_mut(number)[(bit / 8) as usize] |= 1 << (bit % 8);
            changed.insert(number);
            fresh.push(offset);
        }
        self.advance();
        fresh
    }

    /// Key and value of a chunk as stored.
    pub(super) fn stored(&self, number: u64) -> Option<([u8; 8], &Chunk)> {
        let index = number.checked_sub(self.base)?;
        Some((number.to_be_bytes(), self.chunks.get(index as usize)?))
    }

    /// Forgets the chunks that lie wholly below `first`; returns their keys.
    pub(super) fn trim(&mut self, first: u64) -> Vec<[u8; 8]> {
        let mut keys = Vec::new();
        while (self.base + 1) * ORDERS_PER_CHUNK <= first.min(self.low) && self.chunks.pop_front().is_some() {
            keys.push(self.base.to_be_bytes());
            self.base += 1;
        }
        keys
    }

    fn chunk_mut(&mut self, number: u64) -> &mut Chunk {
        let index = (number - self.base) as usize;
        if self.chunks.len() <= index {
            self.chunks.resize(index + 1, [0; CHUNK_BYTES]);
        }
        &mut self.chunks[index]
    }

    fn advance(&mut self) {
        while self.is_marked(self.low) {
            self.low += 1;
        }
    }

    fn is_marked(&self, offset: u64) -> bool {
        let index = (offset / ORDERS_PER_CHUNK - self.base) as usize;
        let bit = offset % ORDERS_PER_CHUNK;
        self.chunks.get(index).is_some_and(|chunk| chunk[(bit / 8) as usize] & (1 << (bit % 8)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Taken {
        Taken { base: 0, chunks: VecDeque::new(), low: 0 }
    }

    #[test]
    fn any_order_advances_low_only_over_a_gapless_run() {
        let (mut taken, mut changed) = (empty(), BTreeSet::new());
        assert_eq!(taken.take(&[2, 1, 3_000], &mut changed), [2, 1, 3_000]);
        assert_eq!(taken.low(), 0);
        assert_eq!(taken.take(&[0, 1], &mut changed), [0]);
        assert_eq!(taken.low(), 3);
        assert_eq!(changed, BTreeSet::from([0, 2]));
        assert!(taken.is_taken(3_000) && !taken.is_taken(2_999));
    }

    #[test]
    fn trim_forgets_whole_chunks_below_low_only() {
        let (mut taken, mut changed) = (empty(), BTreeSet::new());
        taken.take(&(0..2_500).collect::<Vec<_>>(), &mut changed);
        assert_eq!(taken.trim(1_023).len(), 0);
        assert_eq!(taken.trim(9_999).len(), 2);
        assert!(taken.is_taken(5) && taken.is_taken(2_499) && !taken.is_taken(2_500));
    }
}
