//! Positions in the groups that are counted: allowances by WABA or number, bands by account.

use super::Rules;
use crate::ledger::BandBound;
use std::collections::HashMap;
use tollgate_rate_card::{AllowanceScope, Category, Date, Market, RateCards, Rated, RatingInput};

/// Where a message is counted. Texts are numbered, so that counting a message allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    account: u32,
    waba: u32,
    sender: u32,
    month: u32,
}

/// A group whose messages are counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Group {
    account: u32,
    /// WABA or number; [`NONE`] for bands.
    of: u32,
    month: u32,
    /// Of bands.
    market: Option<Market>,
    category: Category,
}

const NONE: u32 = u32::MAX;

/// What a message costs at its position.
pub(crate) struct At {
    pub rated: Rated,
    /// Position among the banded messages, else in the allowance, from 1.
    pub ordinal: Option<u64>,
}

/// Counters, all at zero to begin with.
#[derive(Default)]
pub(crate) struct Positions {
    names: HashMap<Box<str>, u32, foldhash::fast::FixedState>,
    counters: HashMap<Group, u64, foldhash::fast::FixedState>,
    /// Bands that the platform said were reached: times in seconds, and first messages.
    reached: HashMap<Group, Vec<(u64, u64)>, foldhash::fast::FixedState>,
    /// The instant at hand, in seconds.
    now_s: u64,
}

impl Positions {
    /// The place of an account's, WABA's and number's messages of a month.
    pub(crate) fn place(&mut self, account: &str, waba: &str, sender: &str, month: &str) -> Place {
        let mut number = |name: &str| match self.names.get(name) {
            Some(number) => *number,
            None => {
                let next = self.names.len() as u32;
                self.names.insert(name.into(), next);
                next
            }
        };
        Place { account: number(account), waba: number(waba), sender: number(sender), month: number(month) }
    }

    /// From its time on, a band that the platform said was reached bounds the positions of its group. One of a market that
    /// the map does not have any more bounds nothing.
    pub(crate) fn bound(&mut self, rates: &RateCards, month: &str, bounds: &[BandBound]) {
        for bound in bounds {
            let Some(market) = rates.map().market_named(&bound.market) else { continue };
            let place = self.place(&bound.account, "", "", month);
            let of = self.reached.entry(band_of(place, bound.category, market)).or_default();
            of.push((bound.at_s, bound.first));
        }
    }

    /// The charge instant of what is rated next, in milliseconds.
    pub(crate) const fn at(&mut self, instant_ms: u64) {
        self.now_s = instant_ms / 1000;
    }

    /// Rates the next message and counts it, as the engine does: the allowance first, since what it leaves is what bands
    /// count.
    pub(crate) fn rate(&mut self, rules: &Rules<'_>, place: Place, mut input: RatingInput) -> At {
        let mut rated = rules.rate(&input);
        let allowance = allowance_group(rules, place, &rated, input.date);
        if let Some(group) = allowance {
            input.allowance_used = self.count(&group);
            if input.allowance_used > 0 {
                rated = rules.rate(&input);
            }
        }
        let bands = band_group(place, &rated);
        if let Some(group) = bands {
            input.band_ordinal = Some(self.count(&group).max(self.before(&group)) + 1);
            rated = rules.rate(&input);
        }
        for group in [allowance, bands].into_iter().flatten() {
            *self.counters.entry(group).or_default() += 1;
        }
        At { rated, ordinal: input.band_ordinal.or(allowance.map(|_| input.allowance_used + 1)) }
    }

    /// Counts a message that stays as it was booked, since what it was rated by is not known again: it had a position
    /// then, and whoever comes after it has the next.
    pub(crate) fn pass(
        &mut self,
        rules: &Rules<'_>,
        place: Place,
        (category, market): (Option<Category>, Option<&str>),
        date: Date,
    ) {
        let Some(category) = category else { return };
        let group = match rules.allowance(date, category) {
            Some(allowance) => allowance_of(place, allowance.scope, category),
            None => match market.and_then(|name| rules.rates().map().market_named(name)) {
                Some(market) => band_of(place, category, market),
                None => return,
            },
        };
        *self.counters.entry(group).or_default() += 1;
    }

    /// Messages before the highest band that was reached by now.
    fn before(&self, group: &Group) -> u64 {
        let reached = self.reached.get(group).map_or(&[][..], Vec::as_slice);
        let first = reached.iter().filter(|(at_s, _)| *at_s <= self.now_s).map(|(_, first)| *first).max();
        first.map_or(0, |first| first.saturating_sub(1))
    }

    fn count(&self, group: &Group) -> u64 {
        self.counters.get(group).copied().unwrap_or(0)
    }
}

/// Rates a charge at the position that it was booked at. `None` where it needs one that was not kept: of a message that
/// counts in both an allowance and bands only one is.
pub(crate) fn at_booked(rules: &Rules<'_>, mut input: RatingInput, ordinal: Option<u64>) -> Option<At> {
    let mut rated = rules.rate(&input);
    let (allowance, bands) = counted(&rated);
    if allowance {
        input.allowance_used = ordinal?.checked_sub(1)?;
        rated = rules.rate(&input);
        if counted(&rated).1 {
            return None;
        }
    } else if bands {
        input.band_ordinal = Some(ordinal?);
        rated = rules.rate(&input);
    }
    Some(At { rated, ordinal })
}

/// Whether a message counts in its allowance and in bands.
const fn counted(rated: &Rated) -> (bool, bool) {
    match rated {
        Rated::Priced(p) => (p.counts_for_allowance, p.counts_for_band),
        Rated::Unpriced(u) => (u.counts_for_allowance, u.counts_for_band),
    }
}

const fn kind(rated: &Rated) -> (Option<Category>, Option<Market>) {
    match rated {
        Rated::Priced(p) => (p.category, Some(p.market)),
        Rated::Unpriced(u) => (u.category, u.market),
    }
}

fn allowance_group(rules: &Rules<'_>, place: Place, rated: &Rated, date: Date) -> Option<Group> {
    let category = kind(rated).0.filter(|_| counted(rated).0)?;
    let scope = rules.allowance(date, category).map_or(AllowanceScope::Sender, |a| a.scope);
    Some(allowance_of(place, scope, category))
}

const fn allowance_of(place: Place, scope: AllowanceScope, category: Category) -> Group {
    let of = match scope {
        AllowanceScope::Waba => place.waba,
        AllowanceScope::Sender => place.sender,
    };
    Group { account: place.account, of, month: place.month, market: None, category }
}

const fn band_of(place: Place, category: Category, market: Market) -> Group {
    let category = category.band_counter();
    Group { account: place.account, of: NONE, month: place.month, market: Some(market), category }
}

fn band_group(place: Place, rated: &Rated) -> Option<Group> {
    let (category, market) = kind(rated);
    let (category, market) = category.zip(market).filter(|_| counted(rated).1)?;
    Some(band_of(place, category, market))
}
