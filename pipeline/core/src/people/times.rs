//! What people said, by whom it was said to: two bits a consent, and maps of times for the few who said more than a yes for
//! good.

use crate::hashing::Map;
use crate::record::{Consent, Contact, OPT_OUTS, Pending, Term};
use std::hash::Hash;

const STOP_ALL: u16 = 1 << 8;
const HAS_OPT_OUTS: u16 = 1 << 10;
const HAS_TERMS: u16 = 1 << 12;
const HAS_PENDING: u16 = 1 << 13;

/// Times of what people said, of the few who said more than a yes for good.
#[derive(Debug)]
pub(super) struct Times<K> {
    /// Of those who ever said no.
    pub(super) opt_outs: Map<K, [u32; OPT_OUTS]>,
    /// Of those whose opt-ins end.
    pub(super) terms: Map<K, [Term; 4]>,
    /// Of those who are to confirm an opt-in.
    pub(super) pending: Map<K, [Pending; 4]>,
}

impl<K> Default for Times<K> {
    fn default() -> Self {
        Self { opt_outs: Map::default(), terms: Map::default(), pending: Map::default() }
    }
}

impl<K: Copy + Eq + Hash> Times<K> {
    /// What was said, by the flags that [`Times::put`] gave.
    pub(super) fn get(&self, key: K, flags: u16) -> Contact {
        let consent = |n: u16| match flags >> (2 * n) & 3 {
            1 => Consent::In,
            2 => Consent::Out,
            _ => Consent::None,
        };
        Contact {
            consent: [consent(0), consent(1), consent(2), consent(3)],
            stop_all: flags & STOP_ALL != 0,
            opt_out_s: apart(&self.opt_outs, key, flags & HAS_OPT_OUTS),
            terms: apart(&self.terms, key, flags & HAS_TERMS),
            pending: apart(&self.pending, key, flags & HAS_PENDING),
            ..Contact::default()
        }
    }

    pub(super) fn put(&mut self, key: K, c: &Contact) -> u16 {
        let mut flags = c.consent.iter().rev().fold(0, |bits, consent| bits << 2 | *consent as u16);
        if c.stop_all {
            flags |= STOP_ALL;
        }
        flags |= put_apart(&mut self.opt_outs, key, c.opt_out_s, HAS_OPT_OUTS);
        flags |= put_apart(&mut self.terms, key, c.terms, HAS_TERMS);
        flags | put_apart(&mut self.pending, key, c.pending, HAS_PENDING)
    }
}

/// What few have, kept apart and flagged in the head. Blank is not kept.
pub(super) fn put_apart<K: Eq + Hash, T: PartialEq + Default>(map: &mut Map<K, T>, key: K, value: T, flag: u16) -> u16 {
    if value != T::default() {
        map.insert(key, value);
        return flag;
    }
    if !map.is_empty() {
        map.remove(&key);
    }
    0
}

/// Of a person whose head has the flag or has not.
pub(super) fn apart<K: Copy + Eq + Hash, T: Copy + Default>(map: &Map<K, T>, key: K, flagged: u16) -> T {
    if flagged == 0 { T::default() } else { map.get(&key).copied().unwrap_or_default() }
}
