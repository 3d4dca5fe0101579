//! What holds for a WABA: its days and its mark-ups.

use std::cell::Cell;
use std::collections::BTreeMap;
use tollgate_rate_card::{Date, Markup, Zone, ZoneCache};

/// What holds for a WABA. Neither changes for days that have begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Days and months are of this zone.
    pub zone: Zone,
    /// Mark-ups in order of their first days; none: the price is the cost.
    pub markup: Vec<Markup>,
}

/// A WABA that is walked.
pub(super) struct Waba<'t> {
    zone: &'t Zone,
    pub markup: &'t [Markup],
    /// The day that was asked for last: entries come by their instants.
    cache: Cell<ZoneCache>,
}

impl Waba<'_> {
    /// The local day of an instant in milliseconds.
    pub(super) fn day(&self, at_ms: u64) -> Date {
        let mut cache = self.cache.get();
        let day = self.zone.local_date((at_ms / 1000) as i64, &mut cache);
        self.cache.set(cache);
        day
    }
}

/// WABAs by number.
pub(super) struct Wabas<'t> {
    all: Vec<Waba<'t>>,
    numbers: BTreeMap<&'t str, usize>,
}

impl<'t> Wabas<'t> {
    pub(super) fn new(terms: &'t BTreeMap<String, Terms>) -> Self {
        let waba = |t: &'t Terms| Waba { zone: &t.zone, markup: &t.markup, cache: Cell::default() };
        Self {
            all: terms.values().map(waba).collect(),
            numbers: terms.keys().enumerate().map(|(n, id)| (id.as_str(), n)).collect(),
        }
    }

    /// The WABA's number. Those of charges are known: it was looked before the walk.
    pub(super) fn find(&self, id: &str) -> usize {
        self.numbers.get(id).copied().unwrap_or(usize::MAX)
    }

    pub(super) fn get(&self, number: usize) -> Option<&Waba<'t>> {
        self.all.get(number)
    }
}
