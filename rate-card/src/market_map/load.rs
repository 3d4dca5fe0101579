//! Reads `market_map.csv` and the numbering files into a [`MarketMap`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{CountryInfo, MarketMap, NO_MARKET, Period, PlaceStatus};
use crate::table::{Row, Table, date, yes_or_no};
use crate::trie::{PREFIX_DIGITS_MAX, Trie, TrieBuilder};
use crate::validity::day_key;
use crate::{Country, DataError, Source};

const MARKET_COLUMN: &str = "market_from_";
const PREFIX: &str = "a prefix of at most 7 digits, without leading zero";
/// So many that the trie's 16-bit node numbers suffice at 7 digits a prefix.
const PREFIXES_MAX: usize = 9_000;
const ISO: &str = "an ISO 3166-1 alpha-2 code in capitals";

/// A line of the market map: the markets of a prefix, period by period.
struct Line<'a> {
    countries: Vec<Country>,
    markets: Vec<&'a str>,
    row: Row<'a>,
}

pub(super) fn load(map: &Source, numbering: &[Source]) -> Result<MarketMap, DataError> {
    let table = Table::read(map)?;
    let starts = period_starts(&table)?;
    let mut build = Builder::default();
    let mut lines: BTreeMap<&str, Line<'_>> = BTreeMap::new();
    for row in table.rows() {
        let prefix = row.read(0, PREFIX, prefix_or_empty)?;
        let country = row.read(1, "an ISO 3166-1 alpha-2 code, or * with the empty prefix", |t| match (t, prefix) {
            ("*", "") => Some(Country::UNLISTED),
            (_, "") => None,
            _ => Country::new(t),
        })?;
        let markets: Vec<&str> = (0..starts.len()).map(|period| row.text(3 + period)).collect();
        if let Some(empty) = markets.iter().position(|name| name.is_empty()) {
            return Err(row.bad(3 + empty, "the name of a market"));
        }
        let line = lines.entry(prefix).or_insert_with(|| Line { countries: Vec::new(), markets: markets.clone(), row });
        if line.countries.contains(&country) {
            return Err(row.error(
                format!("prefix `{prefix}` of {country} is already on line {}", line.row.line),
                "keep one of the two",
            ));
        }
        if line.markets != markets {
            return Err(row.error(
                format!("prefix `{prefix}` has other markets on line {}", line.row.line),
                "give countries that share a prefix the same markets",
            ));
        }
        line.countries.push(country);
        let status = row.read(3 + starts.len(), "published or inferred", PlaceStatus::parse)?;
        let note = row.text(4 + starts.len());
        let known = build.country(&row, country, [row.text(2), note], status, &markets)?;
        if status == PlaceStatus::Inferred {
            known.status = status;
        }
    }
    let mut trie = TrieBuilder::new();
    for (prefix, line) in &lines {
        if let [country] = line.countries[..] {
            trie.insert(prefix, country);
        }
    }
    let tables = numbering
        .iter()
        .map(|source| Table::read_columns(source, &["prefix", "iso2", "country", "from_number", "status", "note"]))
        .collect::<Result<Vec<_>, _>>()?;
    let prefixes = lines.len() + tables.iter().flat_map(Table::rows).count();
    if prefixes > PREFIXES_MAX {
        return Err(DataError::new(
            &map.name,
            1,
            format!("the map and the numbering files hold {prefixes} prefixes"),
            format!("keep at most {PREFIXES_MAX}"),
        ));
    }
    let mut seen = BTreeMap::new();
    for row in tables.iter().flat_map(Table::rows) {
        let prefix = row.read(0, PREFIX, |t| prefix_or_empty(t).filter(|p| !p.is_empty()))?;
        let country = row.read(1, ISO, Country::new)?;
        let status = row.read(4, "published or inferred", PlaceStatus::parse)?;
        let Some(line) = longest(&lines, prefix) else {
            return Err(row.error(
                format!("prefix `{prefix}` has no market"),
                format!("add it, or the empty prefix, to {}", map.name),
            ));
        };
        let texts = [row.text(2), row.text(5)];
        build.country(&row, country, texts, status, &line.markets)?;
        if !row.read(3, "yes or no", yes_or_no)? {
            continue;
        }
        if let Some(first) = seen.insert(prefix, row) {
            return Err(row.error(
                format!("prefix `{prefix}` is already in {}:{}", first.file, first.line),
                "keep one of the two, or set from_number to no",
            ));
        }
        if let Some(other) = trie.insert(prefix, country).filter(|&other| other != country) {
            return Err(row.error(format!("prefix `{prefix}` is {other} in {}", map.name), "keep one of the two"));
        }
    }
    for (prefix, line) in &lines {
        if line.countries.len() > 1 && !seen.contains_key(prefix) {
            return Err(line.row.error(
                format!("prefix `{prefix}` is shared by several countries"),
                "add the prefix to a numbering file with the country of all numbers not listed there",
            ));
        }
    }
    build.finish(trie.build(), starts, &map.name)
}

/// First days, ascending, of the columns `market_from_YYYY_MM_DD`.
fn period_starts(table: &Table<'_>) -> Result<Vec<Date>, DataError> {
    let expected = "prefix,iso2,country,market_from_YYYY_MM_DD (one a period, ascending),status,note";
    let columns: Vec<&str> = table.columns().collect();
    let periods = match columns[..] {
        ["prefix", "iso2", "country", ref periods @ .., "status", "note"] => periods,
        _ => &[],
    };
    let starts: Option<Vec<Date>> =
        periods.iter().map(|name| date(&name.strip_prefix(MARKET_COLUMN)?.replace('_', "-"))).collect();
    starts
        .filter(|starts| !starts.is_empty() && starts.is_sorted_by(|a, b| a < b))
        .ok_or_else(|| table.columns_error(expected))
}

fn prefix_or_empty(text: &str) -> Option<&str> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    (digits && text.len() <= PREFIX_DIGITS_MAX).then_some(text)
}

/// The line of the longest prefix of `prefix`.
fn longest<'m, 'a>(lines: &'m BTreeMap<&str, Line<'a>>, prefix: &str) -> Option<&'m Line<'a>> {
    (0..=prefix.len()).rev().find_map(|digits| lines.get(&prefix[..digits]))
}

/// Collects countries and the markets that each has.
#[derive(Default)]
struct Builder<'a> {
    countries: BTreeMap<Country, (CountryInfo, Vec<&'a str>)>,
}

impl<'a> Builder<'a> {
    /// Adds a country at its first line; later lines must agree on the markets.
    fn country(
        &mut self,
        row: &Row<'_>,
        country: Country,
        [name, note]: [&str; 2],
        status: PlaceStatus,
        markets: &[&'a str],
    ) -> Result<&mut CountryInfo, DataError> {
        let (info, known) = self.countries.entry(country).or_insert_with(|| {
            let info = CountryInfo { name: name.to_owned(), status, note: note.to_owned() };
            (info, markets.to_vec())
        });
        if known != markets {
            return Err(row.error(
                format!("{country} has other markets on an earlier line"),
                "give all prefixes of a country the same markets",
            ));
        }
        Ok(info)
    }

    fn finish(self, trie: Trie, starts: Vec<Date>, file: &str) -> Result<MarketMap, DataError> {
        let mut at: BTreeMap<&str, u8> = BTreeMap::new();
        let mut names: Vec<&str> = Vec::new();
        for period in 0..starts.len() {
            let all: BTreeSet<&str> = self.countries.values().map(|(_, markets)| markets[period]).collect();
            names.extend(all.into_iter().filter(|name| !at.contains_key(name)).collect::<Vec<_>>());
            at.extend((0..).zip(&names).map(|(index, name)| (*name, index as u8)));
        }
        if names.len() >= usize::from(NO_MARKET) {
            return Err(DataError::new(file, 1, format!("the map names {} markets", names.len()), "name at most 254"));
        }
        let mut periods: Vec<Period> = starts
            .into_iter()
            .map(|from| Period {
                from,
                from_key: day_key(from),
                market_of: vec![NO_MARKET; Country::CODES].into(),
                in_use: vec![false; names.len()],
            })
            .collect();
        for (country, (_, markets)) in &self.countries {
            for (period, name) in periods.iter_mut().zip(markets) {
                let index = at[name];
                period.market_of[country.index()] = index;
                period.in_use[usize::from(index)] = true;
            }
        }
        Ok(MarketMap {
            trie,
            countries: self.countries.into_iter().map(|(country, (info, _))| (country, info)).collect(),
            markets: names.into_iter().map(str::to_owned).collect(),
            by_name: at.into_values().collect(),
            periods,
        })
    }
}
