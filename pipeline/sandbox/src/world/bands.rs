//! Volume bands: what was charged of a market in a month, and the band that it has reached.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::World;
use super::charged::Kind;
use crate::config::bands::VolumeBandsConfig;
use crate::config::template::Category;
use crate::webhook::management;

/// A month of a WABA's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Month(i32);

impl Month {
    fn of(zone: &TimeZone, at_s: u64) -> Self {
        let at = Timestamp::from_second(i64::try_from(at_s).unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX);
        let date = zone.to_datetime(at).date();
        Self(i32::from(date.year()) * 12 + i32::from(date.month()) - 1)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

/// A band that the message just charged is the first of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reached<'a> {
    pub(crate) region: &'a str,
    pub(crate) category: Category,
    pub(crate) month: Month,
    pub(crate) first: u64,
    /// None of the last band.
    pub(crate) last: Option<u64>,
}

/// Charged messages by portfolio, place of their bands in the configuration, and month.
#[derive(Debug, Default)]
pub(crate) struct Bands {
    counted: BTreeMap<(String, usize, Month), Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    messages: u64,
    /// First message of the band that was told last; 0 while that is the first band.
    told: u64,
}

impl Bands {
    /// Counts a charged message, and says which band it is the first of. A band that other software has begun before is
    /// told of with the month's first message here.
    fn count<'a>(
        &mut self,
        bands: &'a [VolumeBandsConfig],
        portfolio: &str,
        (country, category): (&str, Category),
        month: Month,
    ) -> Option<Reached<'a>> {
        let fits = |of: &VolumeBandsConfig| of.category == category && of.countries.iter().any(|code| code == country);
        let place = bands.iter().position(fits)?;
        let of = &bands[place];
        let counted = self.counted.entry((portfolio.to_owned(), place, month)).or_default();
        counted.messages += 1;
        let new = counted.messages == 1;
        let ordinal = of.elsewhere + counted.messages;
        let begun = of.starts.partition_point(|start| *start <= ordinal);
        let first = begun.checked_sub(1).map_or(0, |band| of.starts[band]);
        let reached = first > counted.told;
        counted.told = first;
        if new {
            // Zones are never two months apart.
            self.counted.retain(|(_, _, known), _| known.0 + 1 >= month.0);
        }
        let last = of.starts.get(begun).map(|next| next - 1);
        reached.then_some(Reached { region: &of.region, category, month, first, last })
    }
}

impl World {
    /// Counts a message that was charged now, and tells of the band that it is the first of.
    pub(super) fn count_for_bands(&mut self, kind: Kind, now_s: u64) {
        let category = match kind.category {
            "utility" => Category::Utility,
            "authentication" | "authentication-international" => Category::Authentication,
            _ => return,
        };
        let Some(country) = kind.country else { return };
        let index = self.senders[kind.sender].portfolio;
        let portfolio = &self.portfolios[index];
        let month = Month::of(&portfolio.zone, now_s);
        let reached = self.bands.count(&self.config.volume_bands, &portfolio.id, (country, category), month);
        if let Some(json) = reached.map(|reached| management::volume_band(&reached, now_s)) {
            self.announce(index, json);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bands, Category, Month, TimeZone, VolumeBandsConfig};

    const MAY: Month = Month(2_026 * 12 + 4);
    const MEXICO: (&str, Category) = ("MX", Category::Utility);

    fn bands(elsewhere: u64) -> [VolumeBandsConfig; 1] {
        let countries = vec!["MX".to_owned()];
        [VolumeBandsConfig {
            region: "Mexico".to_owned(),
            countries,
            category: Category::Utility,
            starts: vec![3, 5],
            elsewhere,
        }]
    }

    /// Ordinals here of the messages that are the first of a band, with its first and last.
    fn told(elsewhere: u64, messages: u64) -> Vec<(u64, u64, Option<u64>)> {
        let (config, mut counted) = (bands(elsewhere), Bands::default());
        let of = |n| Some((n, counted.count(&config, "acme", MEXICO, MAY)?));
        (1..=messages).filter_map(of).map(|(n, reached)| (n, reached.first, reached.last)).collect()
    }

    #[test]
    fn the_first_message_of_each_further_band_is_told_of() {
        assert_eq!(told(0, 9), [(3, 3, Some(4)), (5, 5, None)]);
        assert_eq!(told(2, 9), [(1, 3, Some(4)), (3, 5, None)], "what other software sent is before it");
        assert_eq!(told(9, 9), [(1, 5, None)], "it was reached before, and is told of once");
        assert!(told(0, 2).is_empty());
    }

    #[test]
    fn portfolios_and_months_are_counted_apart_and_old_months_are_forgotten() {
        let (config, mut counted) = (bands(0), Bands::default());
        for (portfolio, month) in [("acme", 0), ("acme", 1), ("other", 0), ("acme", 0), ("other", 1)] {
            assert_eq!(counted.count(&config, portfolio, MEXICO, Month(MAY.0 + month)), None);
        }
        let third = counted.count(&config, "acme", MEXICO, MAY).expect("the third of May");
        assert_eq!(third.month.to_string(), "2026-05");
        for other in [("BR", Category::Utility), ("MX", Category::Authentication)] {
            assert_eq!(counted.count(&config, "acme", other, MAY), None);
        }
        assert_eq!(counted.counted.len(), 4);
        counted.count(&config, "acme", MEXICO, Month(MAY.0 + 2));
        assert_eq!(counted.counted.len(), 3, "of May nothing is charged any more");
    }

    #[test]
    fn a_month_begins_at_midnight_of_the_zone() {
        let zone = TimeZone::get("America/Mexico_City").expect("a zone");
        // 2026-12-01 06:00 UTC.
        let midnight = 1_796_104_800;
        assert_eq!(Month::of(&zone, midnight - 1).to_string(), "2026-11");
        assert_eq!(Month::of(&zone, midnight).to_string(), "2026-12");
        assert_eq!(Month::of(&TimeZone::UTC, midnight - 1).to_string(), "2026-12");
    }
}
