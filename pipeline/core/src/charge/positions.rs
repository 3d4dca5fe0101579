//! Positions in allowances and volume bands, and the counters that give them, provisionally in booking order.

use super::rating::rate;
use super::reached;
use crate::change::{Change, CounterKey};
use crate::close;
use crate::decide::{Decision, Facts};
use crate::record::{Account, Booked, Sender, Waba};
use crate::state::State;
use tollgate_rate_card::{AllowanceScope, Category, Rated, YearMonth};

/// Counters under change.
pub(crate) struct Counters<'a> {
    state: &'a State,
    changed: Vec<(CounterKey, u64)>,
}

impl<'a> Counters<'a> {
    pub(crate) fn new(state: &'a State) -> Self {
        Self { state, changed: Vec::new() }
    }

    fn get(&self, key: CounterKey) -> u64 {
        let changed = self.changed.iter().rev().find(|(k, _)| *k == key).map(|(_, v)| *v);
        changed.unwrap_or_else(|| self.state.counter(key))
    }

    pub(crate) fn add(&mut self, key: CounterKey) {
        let v = self.get(key) + 1;
        self.changed.push((key, v));
    }

    fn take_off(&mut self, key: CounterKey) {
        let v = self.get(key).saturating_sub(1);
        self.changed.push((key, v));
    }

    pub(crate) fn finish(self, out: &mut Decision) {
        out.changes.extend(self.changed.into_iter().map(|(k, v)| Change::Counter(k, v)));
    }
}

/// Counters of the allowance and of the bands that something is counted in.
pub(super) type Groups = (Option<CounterKey>, Option<CounterKey>);

/// Where something is charged.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub facts: &'p Facts<'p>,
    pub account: &'p Account,
    pub sender: &'p Sender,
    pub waba: &'p Waba,
    /// Category that we expect; `None` of messages that other software sent.
    pub expected: Option<Category>,
}

impl Place<'_> {
    pub fn rate(&self, b: &Booked) -> Rated {
        rate(self.facts, self.waba, self.expected, b)
    }

    pub fn groups(&self, rated: &Rated, at_s: u32) -> Groups {
        let (allowance, band, category) = counted(rated);
        let (market, rulebook) = match rated {
            Rated::Priced(p) => (Some(p.market), Some(p.rulebook)),
            Rated::Unpriced(u) => (u.market, u.rulebook),
        };
        let Some(category) = category else { return (None, None) };
        let rates = self.facts.rates;
        let scope = || rulebook.and_then(|r| rates.rulebook(r).rule(category).allowance).map(|a| a.scope);
        let month = close::number(YearMonth::of(self.facts.state.day(self.waba.ix, at_s).0));
        let at = category.index() as u8;
        let allowance_key = allowance.then(|| match scope() {
            Some(AllowanceScope::Waba) => CounterKey::WabaAllowance(self.waba.ix, month, at),
            _ => CounterKey::Allowance(self.sender.ix, month, at),
        });
        let band_key = market
            .filter(|_| band)
            .map(|m| CounterKey::Band(self.account.ix, month, m.index() as u16, category.band_counter().index() as u8));
        (allowance_key, band_key)
    }

    /// Gives the booking the next position of the groups it would be counted in.
    pub fn take_positions(&self, counters: &Counters<'_>, b: &mut Booked) {
        let (allowance, _) = self.groups(&self.rate(b), b.at_s);
        b.allowance_used = allowance.map_or(0, |k| counters.get(k));
        let (_, band) = self.groups(&self.rate(b), b.at_s);
        b.ordinal = band.map_or(0, |k| band_position(k, counters));
    }

    /// Gives the booking the positions of what it stands in place of, where it is counted in the same groups.
    pub fn inherit(&self, groups: &Groups, old: &Booked, b: &mut Booked) {
        let there = Booked { allowance_used: old.allowance_used, ordinal: old.ordinal, ..*b };
        if *groups != (None, None) && self.groups(&self.rate(&there), there.at_s) == *groups {
            *b = there;
        }
    }

    pub fn count(&self, counters: &mut Counters<'_>, rated: &Rated, at_s: u32) {
        let (a, b) = self.groups(rated, at_s);
        a.into_iter().chain(b).for_each(|key| counters.add(key));
    }

    pub fn uncount(&self, counters: &mut Counters<'_>, rated: &Rated, at_s: u32) {
        let (a, b) = self.groups(rated, at_s);
        a.into_iter().chain(b).for_each(|key| counters.take_off(key));
    }
}

/// The next position in bands: what is counted, but no lower than the band that the platform says is reached.
fn band_position(key: CounterKey, counters: &Counters<'_>) -> u64 {
    counters.get(key).max(reached::bound(key).map_or(0, |bound| counters.get(bound))) + 1
}

/// Whether something is counted for an allowance and for bands, and by which category.
pub(super) fn counted(rated: &Rated) -> (bool, bool, Option<Category>) {
    match rated {
        Rated::Priced(p) => (p.counts_for_allowance, p.counts_for_band, p.category),
        Rated::Unpriced(u) => (u.counts_for_allowance, u.counts_for_band, u.category),
    }
}

pub(super) fn is_counted(rated: &Rated) -> bool {
    let (allowance, band, _) = counted(rated);
    allowance || band
}

/// The position that an entry says: in bands, else in the allowance.
pub(super) fn position(rated: &Rated, b: &Booked) -> Option<u64> {
    let (allowance, band, _) = counted(rated);
    match (band && b.ordinal > 0, allowance) {
        (true, _) => Some(b.ordinal),
        (false, true) => Some(b.allowance_used + 1),
        (false, false) => None,
    }
}
