//! Which country a number belongs to, and which market prices that country on a day.

mod load;

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::trie::Trie;
use crate::validity::day_key;
use crate::{Country, DataError, Source};

/// A pricing market. A position in [`MarketMap::markets`], stable within one catalogue only: store
/// the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Market(pub(crate) u8);

impl Market {
    /// Position in [`MarketMap::markets`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// How sure a line of the map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceStatus {
    /// The platform lists the country.
    Published,
    /// Follows from the platform's rule or from numbering plans.
    Inferred,
}

impl PlaceStatus {
    /// Name in data files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Inferred => "inferred",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Published, Self::Inferred].into_iter().find(|s| s.as_str() == name)
    }
}

/// What the files say about a country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountryInfo {
    /// English name.
    pub name: String,
    /// Weakest status of its lines.
    pub status: PlaceStatus,
    /// First remark on its lines; empty if there is none.
    pub note: String,
}

const NO_MARKET: u8 = u8::MAX;

#[derive(Debug, Clone)]
struct Period {
    from: Date,
    /// `from` as a [`day_key`].
    from_key: i32,
    /// By [`Country::index`]; [`NO_MARKET`] if the country is not known.
    market_of: Box<[u8]>,
    /// By [`Market::index`]: whether any country has the market in this period.
    in_use: Vec<bool>,
}

/// Digits to country, and country and local date to market.
#[derive(Debug, Clone)]
pub struct MarketMap {
    trie: Trie,
    countries: BTreeMap<Country, CountryInfo>,
    markets: Vec<String>,
    /// Positions in `markets`, sorted by name.
    by_name: Vec<u8>,
    periods: Vec<Period>,
}

impl MarketMap {
    /// Reads the market map and the files that tell further countries apart.
    ///
    /// # Errors
    /// [`DataError`] for the first line that cannot be used.
    pub fn from_sources(map: &Source, numbering: &[Source]) -> Result<Self, DataError> {
        load::load(map, numbering)
    }

    /// Country of a number (E.164 digits without `+`), by longest prefix. `None` for 0, or if no
    /// line covers the number. A number outside every listed country is [`Country::UNLISTED`].
    /// Whether the number is well-formed is not checked here.
    #[must_use]
    #[inline]
    pub fn lookup(&self, digits: u64) -> Option<Country> {
        self.trie.longest(digits)
    }

    /// The country itself if the files know it, for recipients that come with a country instead of
    /// a number. [`Country::UNLISTED`] is not one.
    #[must_use]
    pub fn by_country(&self, country: Country) -> Option<Country> {
        (country != Country::UNLISTED && self.countries.contains_key(&country)).then_some(country)
    }

    /// Market of a country on a local date of the WABA. `None` before the first period, or for a
    /// country that the files do not know.
    #[must_use]
    #[inline]
    pub fn market(&self, country: Country, date: Date) -> Option<Market> {
        self.market_in(self.period(date)?, country)
    }

    /// Name, status and remark of a country.
    #[must_use]
    pub fn country(&self, country: Country) -> Option<&CountryInfo> {
        self.countries.get(&country)
    }

    /// Every known country, by code.
    pub fn countries(&self) -> impl Iterator<Item = (Country, &CountryInfo)> {
        self.countries.iter().map(|(code, info)| (*code, info))
    }

    /// Names of all markets, by the period in which they come first, then by name: a further period leaves the positions of the
    /// earlier ones as they are.
    #[must_use]
    pub fn markets(&self) -> &[String] {
        &self.markets
    }

    /// Name of a market.
    #[must_use]
    pub fn market_name(&self, market: Market) -> &str {
        &self.markets[market.index()]
    }

    /// Market of a name, spelled as in the files.
    #[must_use]
    pub fn market_named(&self, name: &str) -> Option<Market> {
        let index = self.by_name.binary_search_by(|&at| self.markets[usize::from(at)].as_str().cmp(name)).ok()?;
        Some(Market(self.by_name[index]))
    }

    /// Market of a name in other letters: the platform's webhooks do not spell all as its cards do.
    #[must_use]
    pub fn market_folded(&self, name: &str) -> Option<Market> {
        let name = name.trim();
        self.market_named(name).or_else(|| {
            let lower = name.to_lowercase();
            let index = self.markets.iter().position(|have| have.to_lowercase() == lower)?;
            Some(Market(index as u8))
        })
    }

    /// First days of the map's periods, ascending: 00:00 in the WABA's zone.
    pub fn periods(&self) -> impl Iterator<Item = Date> {
        self.periods.iter().map(|period| period.from)
    }

    /// Position of the period that holds on a date.
    #[inline]
    pub(crate) fn period(&self, date: Date) -> Option<usize> {
        let day = day_key(date);
        self.periods.iter().rposition(|period| period.from_key <= day)
    }

    #[inline]
    pub(crate) fn market_in(&self, period: usize, country: Country) -> Option<Market> {
        let market = self.periods[period].market_of[country.index()];
        (market != NO_MARKET).then_some(Market(market))
    }

    /// Markets that any country has in a period, by name.
    pub(crate) fn markets_in(&self, period: usize) -> impl Iterator<Item = Market> {
        let in_use = &self.periods[period].in_use;
        self.by_name.iter().filter(|&&index| in_use[usize::from(index)]).map(|&index| Market(index))
    }
}
