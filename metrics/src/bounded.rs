//! Label values that are not a closed list: a bounded number of distinct ones,
//! the rest together as `other`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The label value that stands for everything beyond a bound, and for every
/// value that is invalid or too long.
pub const OTHER: &str = "other";

/// Longest label value, in bytes. Longer ones are folded into [`OTHER`].
const VALUE_LEN_MAX: usize = 64;

/// A metric must not fail because another thread panicked while holding a lock:
/// every write under these locks leaves the value whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An id given by a person or the platform: letters, digits and `_ - . :`. An
/// E.164 number with its plus sign and an e-mail address are not of this form.
pub(crate) fn is_id(value: &str) -> bool {
    (1..=VALUE_LEN_MAX).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(&b))
}

/// A name given by code: a lower-case letter, then lower-case letters, digits
/// and `_`. A bare number is not of this form.
pub(crate) fn is_name(value: &str) -> bool {
    value.len() <= VALUE_LEN_MAX
        && value.starts_with(|c: char| c.is_ascii_lowercase())
        && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// ISO 4217: three capital letters.
pub(crate) fn is_currency(value: &str) -> bool {
    value.len() == 3 && value.bytes().all(|b| b.is_ascii_uppercase())
}

/// A platform error code: at most seven digits, so never a phone number.
pub(crate) fn is_code(value: &str) -> bool {
    (1..=7).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit())
}

/// The first `max` distinct valid values; a freed place goes to the next new one.
#[derive(Debug)]
pub(crate) struct BoundedSet {
    max: usize,
    named: Mutex<BTreeSet<String>>,
}

impl BoundedSet {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, named: Mutex::new(BTreeSet::new()) }
    }

    /// Gives the value a place of its own, if it is valid and one is left.
    pub(crate) fn admit(&self, value: &str) {
        let mut named = lock(&self.named);
        if !named.contains(value) && named.len() < self.max && is_id(value) {
            named.insert(value.to_owned());
        }
    }

    /// Whether the value is shown by its name.
    pub(crate) fn contains(&self, value: &str) -> bool {
        lock(&self.named).contains(value)
    }

    pub(crate) fn release(&self, value: &str) {
        lock(&self.named).remove(value);
    }
}

/// Bounded values with a small stable index, for arrays of counters. Index 0 is
/// [`OTHER`]; a place is never freed.
#[derive(Debug)]
pub(crate) struct Interner {
    max: usize,
    valid: fn(&str) -> bool,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    by_name: BTreeMap<String, u16>,
    names: Vec<String>,
}

impl Interner {
    /// `max` counts every index, `other` and the seeds included.
    pub(crate) fn new(max: usize, valid: fn(&str) -> bool, seeds: &[&str]) -> Self {
        let interner = Self { max, valid, table: Mutex::default() };
        for name in std::iter::once(&OTHER).chain(seeds) {
            interner.intern(name);
        }
        interner
    }

    /// Number of indices that exist at most.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn intern(&self, value: &str) -> u16 {
        let mut table = lock(&self.table);
        if let Some(&index) = table.by_name.get(value) {
            return index;
        }
        if table.names.len() >= self.max || !(self.valid)(value) && value != OTHER {
            return 0;
        }
        let index = table.names.len() as u16;
        table.names.push(value.to_owned());
        table.by_name.insert(value.to_owned(), index);
        index
    }

    pub(crate) fn name(&self, index: u16) -> String {
        lock(&self.table).names.get(usize::from(index)).map_or_else(|| OTHER.to_owned(), Clone::clone)
    }
}

/// A reason of a decision or a dead letter: a bounded label, resolved once by
/// [`crate::Metrics::reason`]. Belongs to the [`crate::Metrics`] that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reason(pub(crate) u16);

impl Reason {
    /// Beyond the bound, or not a valid name: `other`.
    pub const OTHER: Self = Self(0);
    /// The outcome has no reason: `none`.
    pub const NONE: Self = Self(1);
    /// The platform refused with an error code: `platform`. The code itself is
    /// counted in `tollgate_platform_errors_total`.
    pub const PLATFORM: Self = Self(2);

    pub(crate) const SEEDS: &'static [&'static str] = &["none", "platform"];
}

/// What parked messages wait for, resolved once by [`crate::Metrics::lot`].
/// Belongs to the [`crate::Metrics`] that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lot(pub(crate) u16);

/// An ISO 4217 currency, resolved once by [`crate::Metrics::currency`]. Belongs
/// to the [`crate::Metrics`] that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Currency(pub(crate) u16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_is_bounded_and_a_freed_place_is_given_again() {
        let set = BoundedSet::new(2);
        for value in ["a", "b", "c"] {
            set.admit(value);
        }
        assert!(set.contains("a") && set.contains("b") && !set.contains("c"));
        set.release("a");
        set.admit("c");
        assert!(set.contains("c") && !set.contains("a"));
    }

    #[test]
    fn invalid_values_never_get_a_place() {
        let set = BoundedSet::new(10);
        let long = "x".repeat(VALUE_LEN_MAX + 1);
        for value in ["", "+5511987654321", "a b", "a\nb", "ana@example.com", &long] {
            set.admit(value);
            assert!(!set.contains(value), "{value:?}");
        }
    }

    #[test]
    fn interner_is_bounded_and_stable() {
        let interner = Interner::new(4, is_name, Reason::SEEDS);
        assert_eq!(interner.intern(OTHER), Reason::OTHER.0);
        assert_eq!(interner.intern("none"), Reason::NONE.0);
        assert_eq!(interner.intern("platform"), Reason::PLATFORM.0);
        let first = interner.intern("quota");
        assert_eq!((first, interner.intern("quota"), interner.intern("pacing")), (3, 3, 0));
        assert_eq!(interner.intern("5511987654321"), 0);
        assert_eq!((interner.name(3), interner.name(9)), ("quota".to_owned(), OTHER.to_owned()));
    }

    #[test]
    fn shapes() {
        assert!(is_currency("EUR") && !is_currency("eur") && !is_currency("EURO"));
        assert!(is_code("131049") && !is_code("5511987654321") && !is_code(""));
        assert!(is_name("unknown_field") && !is_name("Unknown") && !is_name("9x"));
    }
}
