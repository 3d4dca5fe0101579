//! What was delivered and charged, as analytics tell it: sums, never messages.

use std::collections::BTreeMap;

use super::pricing::Pricing;

/// Seconds of a day.
pub(crate) const DAY_S: u64 = 86_400;
/// Days kept; of more the oldest is forgotten. The platform looks back further, a run of the sandbox does not.
const DAYS_MAX: usize = 100;

/// What a sum is of, within a day of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    /// Index of the number.
    pub(crate) sender: usize,
    pub(crate) country: Option<&'static str>,
    /// As a status names it.
    pub(crate) pricing_type: &'static str,
    /// As a status names it.
    pub(crate) category: &'static str,
}

impl Kind {
    pub(crate) fn of(sender: usize, country: Option<&'static str>, pricing: &Pricing) -> Self {
        Self { sender, country, pricing_type: pricing.kind, category: pricing.category }
    }
}

/// Messages by day and kind.
#[derive(Debug, Default)]
pub(crate) struct Charged {
    days: BTreeMap<u64, BTreeMap<Kind, u64>>,
}

impl Charged {
    /// Counts a message that was delivered at this second.
    pub(crate) fn count(&mut self, kind: Kind, at_s: u64) {
        *self.days.entry(at_s / DAY_S).or_default().entry(kind).or_default() += 1;
        while self.days.len() > DAYS_MAX {
            self.days.pop_first();
        }
    }

    /// Every sum of the days that begin within these seconds, with the day's first second.
    pub(crate) fn between(&self, start_s: u64, end_s: u64) -> impl Iterator<Item = (u64, Kind, u64)> {
        let (first, end) = (start_s.div_ceil(DAY_S), end_s.div_ceil(DAY_S));
        let days = self.days.range(first..end.max(first));
        days.flat_map(|(day, sums)| sums.iter().map(|(kind, messages)| (*day * DAY_S, *kind, *messages)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Charged, DAY_S, DAYS_MAX, Kind};

    const KIND: Kind = Kind { sender: 0, country: Some("BR"), pricing_type: "regular", category: "marketing" };

    fn days(charged: &Charged, start_s: u64, end_s: u64) -> Vec<(u64, u64)> {
        charged.between(start_s, end_s).map(|(day, _, messages)| (day / DAY_S, messages)).collect()
    }

    #[test]
    fn a_day_ends_at_midnight() {
        let mut charged = Charged::default();
        for at_s in [0, DAY_S - 1, DAY_S, 2 * DAY_S] {
            charged.count(KIND, at_s);
        }
        assert_eq!(days(&charged, 0, 3 * DAY_S), [(0, 2), (1, 1), (2, 1)]);
        assert_eq!(days(&charged, DAY_S, 2 * DAY_S), [(1, 1)]);
        assert_eq!(days(&charged, 1, DAY_S + 1), [(1, 1)], "days that begin within");
        assert_eq!(days(&charged, 5, 5), []);
        assert_eq!(days(&charged, 2 * DAY_S, 0), []);
    }

    #[test]
    fn the_oldest_day_is_forgotten() {
        let mut charged = Charged::default();
        (0..=DAYS_MAX as u64).for_each(|day| charged.count(KIND, day * DAY_S));
        assert_eq!(days(&charged, 0, u64::MAX / 2).first(), Some(&(1, 1)));
        assert_eq!(days(&charged, 0, u64::MAX / 2).len(), DAYS_MAX);
    }
}
