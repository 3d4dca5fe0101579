//! Request ids seen within 30 days, and small caches of records that were just used.
//!
//! Ids are 128-bit keyed hashes. On disk each is one exact entry; resident is a cuckoo filter of 16-bit
//! fingerprints: 2 bytes a slot, at most 90 % full, so 2.2 bytes an id when full and at most 4.4 after a new
//! stage was added. A hit is checked on disk; a miss (all but one in about 8,000 new ids) touches no disk.

use crate::hashing::Map;
use crate::ids::Uid;
use std::hash::Hash;

const SLOTS: usize = 4;
const KICKS: usize = 200;
const FIRST_STAGE_BUCKETS: usize = 1 << 14;

/// A two-generation cache: what was not used during one whole generation is dropped. Dropping is always safe
/// after a commit, because the store has every record.
#[derive(Debug)]
pub struct Recent<K, V> {
    young: Map<K, V>,
    old: Map<K, V>,
    /// Out of use. Freed a few at a time: some hundred thousand at once would hold up a batch for as many microseconds.
    fading: Option<hashbrown::hash_map::IntoIter<K, V>>,
}

/// Entries freed with each call of [`Recent::age`]; about as many as a large batch brings.
const FREED: usize = 5_000;

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { young: Map::default(), old: Map::default(), fading: None }
    }
}

impl<K: Hash + Eq, V> Recent<K, V> {
    /// The value, if resident.
    #[must_use]
    pub fn get(&self, k: &K) -> Option<&V> {
        self.young.get(k).or_else(|| self.old.get(k))
    }

    /// Puts a value and returns the one it replaces, if resident.
    pub fn insert(&mut self, k: K, v: V) -> Option<V> {
        let old = if self.old.is_empty() { None } else { self.old.remove(&k) };
        self.young.insert(k, v).or(old)
    }

    /// Takes a value out.
    pub fn remove(&mut self, k: &K) -> Option<V> {
        self.young.remove(k).or_else(|| self.old.remove(k))
    }

    /// Starts a new generation when the young one has more than `most` entries.
    pub fn age(&mut self, most: usize) {
        if self.young.len() > most {
            // As much room as the last one had, so that a generation does not grow from nothing.
            let fresh = Map::with_capacity_and_hasher(self.young.len(), Default::default());
            let young = std::mem::replace(&mut self.young, fresh);
            self.fading = Some(std::mem::replace(&mut self.old, young).into_iter());
        }
        if let Some(fading) = &mut self.fading
            && fading.by_ref().take(FREED).count() < FREED
        {
            self.fading = None;
        }
    }

    /// Entries resident.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// No entry resident.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The request ids seen.
#[derive(Debug, Default)]
pub struct Seen {
    stages: Vec<Stage>,
    fresh: Recent<u128, Uid>,
}

/// What the resident part knows of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Certainly new.
    New,
    /// Certainly seen, as this message.
    Seen(Uid),
    /// Only the disk knows.
    AskStore,
}

impl Seen {
    /// What is known without a disk.
    #[must_use]
    pub fn probe(&self, hash: u128) -> Probe {
        if !self.stages.iter().any(|s| s.contains(hash)) {
            return Probe::New;
        }
        self.fresh.get(&hash).map_or(Probe::AskStore, |uid| Probe::Seen(*uid))
    }

    /// Remembers an id.
    pub fn insert(&mut self, hash: u128, uid: Uid) {
        self.note(hash);
        self.fresh.insert(hash, uid);
    }

    /// Remembers an id that the store holds already.
    pub fn note(&mut self, hash: u128) {
        if self.stages.last().is_none_or(Stage::is_full) {
            let buckets = self.stages.last().map_or(FIRST_STAGE_BUCKETS, |s| s.buckets.len() * 2);
            self.stages.push(Stage::new(buckets));
        }
        if let Some(s) = self.stages.last_mut() {
            s.insert(hash);
        }
    }

    /// Forgets an id: undone, or older than 30 days.
    pub fn remove(&mut self, hash: u128) {
        self.fresh.remove(&hash);
        for s in self.stages.iter_mut().rev() {
            if s.remove(hash) {
                return;
            }
        }
    }

    /// Bounds the exact recent ids.
    pub fn age(&mut self, most: usize) {
        self.fresh.age(most);
    }

    /// Ids held and bytes of the filter.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.stages.iter().map(|s| s.held).sum(), self.stages.iter().map(|s| s.buckets.len() * SLOTS * 2).sum())
    }
}

#[derive(Debug)]
struct Stage {
    buckets: Vec<[u16; SLOTS]>,
    held: usize,
    /// Fingerprints that found no place; practically always empty.
    overflow: Vec<(usize, u16)>,
}

impl Stage {
    fn new(buckets: usize) -> Self {
        Self { buckets: vec![[0; SLOTS]; buckets], held: 0, overflow: Vec::new() }
    }

    fn is_full(&self) -> bool {
        self.held >= self.buckets.len() * SLOTS / 10 * 9
    }

    fn place(&self, hash: u128) -> (usize, u16) {
        // Zero marks a free slot.
        let fp = ((hash >> 64) as u16).max(1);
        ((hash as usize) & (self.buckets.len() - 1), fp)
    }

    /// The other bucket of a fingerprint; an involution, because bucket counts are powers of two.
    fn other(&self, bucket: usize, fp: u16) -> usize {
        (bucket ^ (usize::from(fp).wrapping_mul(0x5bd1_e995))) & (self.buckets.len() - 1)
    }

    fn contains(&self, hash: u128) -> bool {
        let (a, fp) = self.place(hash);
        self.buckets[a].contains(&fp)
            || self.buckets[self.other(a, fp)].contains(&fp)
            || (!self.overflow.is_empty()
                && self.overflow.iter().any(|(b, f)| *f == fp && (*b == a || *b == self.other(a, fp))))
    }

    fn insert(&mut self, hash: u128) {
        self.held += 1;
        let (mut bucket, mut fp) = self.place(hash);
        for kick in 0..KICKS {
            for b in [bucket, self.other(bucket, fp)] {
                if let Some(slot) = self.buckets[b].iter_mut().find(|s| **s == 0) {
                    *slot = fp;
                    return;
                }
            }
            // Both full: displace one, in turn, so that the same inputs always give the same filter.
            bucket = self.other(bucket, fp);
            std::mem::swap(&mut self.buckets[bucket][kick % SLOTS], &mut fp);
        }
        self.overflow.push((bucket, fp));
    }

    fn remove(&mut self, hash: u128) -> bool {
        let (a, fp) = self.place(hash);
        for b in [a, self.other(a, fp)] {
            if let Some(slot) = self.buckets[b].iter_mut().find(|s| **s == fp) {
                *slot = 0;
                self.held -= 1;
                return true;
            }
        }
        let o = self.other(a, fp);
        let Some(at) = self.overflow.iter().position(|(b, f)| *f == fp && (*b == a || *b == o)) else { return false };
        self.overflow.swap_remove(at);
        self.held -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashing::HashKey;

    #[test]
    fn never_forgets_and_rarely_errs() {
        let key = HashKey([7; 16]);
        let h = |i: u64| key.hash(&[&i.to_le_bytes()]);
        let mut seen = Seen::default();
        for i in 0..300_000 {
            seen.insert(h(i), i);
        }
        seen.age(0);
        seen.age(0);
        assert!((0..300_000).all(|i| seen.probe(h(i)) != Probe::New), "a seen id is never new");
        let wrong = (300_000..400_000).filter(|i| seen.probe(h(*i)) != Probe::New).count();
        assert!(wrong < 60, "{wrong} of 100,000 new ids asked the disk");
        let (ids, bytes) = seen.size();
        assert!(bytes * 10 <= ids * 45, "{bytes} bytes for {ids} ids");
        for i in 0..300_000 {
            seen.remove(h(i));
        }
        assert_eq!(seen.size().0, 0);
        assert!((0..300_000).all(|i| seen.probe(h(i)) == Probe::New), "a removed id is new again");
    }
}
