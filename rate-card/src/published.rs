//! The platform's own rate files, as it publishes them, into the files of this crate.
//!
//! Two layouts, told apart by their header: list rates per market, and volume tiers. And the table of which market prices
//! which country, which the platform shows on a page. Nothing is guessed: what is not understood is a fault with its line,
//! and a file with a fault gives nothing.

mod base;
mod markets;
mod records;
mod tiers;
mod values;
mod write;

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;

use self::records::Record;
use crate::{BandTable, Category, Country, Currency, DataError, Market, RateCards, Source};

pub use markets::NewPeriod;
pub use write::CardHead;

/// Faults that are told of one file; after them they are counted.
pub const FAULTS_SHOWN: usize = 20;
/// Faults that are kept of one file; after them they are counted too, and the file is wrong from end to end.
const FAULTS_KEPT: usize = 200;
/// Records in which the header is looked for.
const HEADER_WITHIN: usize = 20;

/// A published file that was understood completely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// What messages cost.
    Prices(PublishedPrices),
    /// Which market prices which country.
    Markets(PublishedMarkets),
}

/// What messages cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishedPrices {
    /// List rates.
    Base(PublishedBase),
    /// Volume tiers.
    Tiers(PublishedTiers),
}

/// A rate as it stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedRate {
    /// Line of the file.
    pub line: u64,
    /// Of this market.
    pub market: Market,
    /// And this category.
    pub category: Category,
    /// With its decimals as they are written.
    pub rate: Decimal,
}

/// List rates of every market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedBase {
    /// Currency of the rates.
    pub currency: Currency,
    /// Most decimals of a rate.
    pub scale: u32,
    /// Every category of every market of the period; `None` is not offered.
    pub cells: BTreeMap<(Market, Category), Option<Decimal>>,
    /// The rates by line.
    pub rates: Vec<PublishedRate>,
}

/// Volume tiers of the markets that have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedTiers {
    /// Currency of the rates.
    pub currency: Currency,
    /// Most decimals of a rate.
    pub scale: u32,
    /// The bands by market and category, with what the file says of the discount in percent.
    pub tables: BTreeMap<(Market, Category), (BandTable, Vec<i8>)>,
    /// The rates by line.
    pub rates: Vec<PublishedRate>,
}

/// Which market prices which country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedMarkets {
    /// The market of each country that is listed, and the line that says so.
    pub markets: BTreeMap<Country, (String, u64)>,
}

/// What is wrong with a published file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct PublishedFaults {
    /// The first [`FAULTS_SHOWN`], by line.
    pub faults: Vec<DataError>,
    /// How many more there are.
    pub more: usize,
}

impl Published {
    /// Reads a file that holds from `from`. `currency` is needed where the file does not tell it, and must be the
    /// file's otherwise.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn read(
        source: &Source,
        rates: &RateCards,
        from: Date,
        currency: Option<Currency>,
    ) -> Result<Self, PublishedFaults> {
        let mut reading = Reading { file: &source.name, rates, period: 0, currency, faults: Vec::new(), not_kept: 0 };
        let read = reading.read(&source.text, from);
        match read {
            Some(read) if reading.faults.is_empty() => Ok(read),
            _ => Err(reading.faults()),
        }
    }
}

impl PublishedPrices {
    /// Currency of the rates.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        match self {
            Self::Base(base) => base.currency,
            Self::Tiers(tiers) => tiers.currency,
        }
    }

    /// The rates that are written with more decimals than so many, by line. The file declares none, so a digit too many
    /// passes as a finer price.
    pub fn finer_than(&self, decimals: u32) -> impl Iterator<Item = &PublishedRate> {
        let rates = match self {
            Self::Base(base) => &base.rates,
            Self::Tiers(tiers) => &tiers.rates,
        };
        rates.iter().filter(move |of| of.rate.scale() > decimals)
    }
}

/// A file on its way: what is known of it, and what is wrong so far.
struct Reading<'a> {
    file: &'a str,
    rates: &'a RateCards,
    period: usize,
    /// The file's, as soon as it is known.
    currency: Option<Currency>,
    faults: Vec<DataError>,
    /// How many more there were.
    not_kept: usize,
}

impl Reading<'_> {
    fn read(&mut self, text: &str, from: Date) -> Option<Published> {
        let Some(period) = self.rates.map().period(from) else {
            return self.fault(1, format!("{from} is before the market map"), "write the first day of the card");
        };
        self.period = period;
        if let Some(currency) = self.currency {
            self.billing(1, currency.as_str(), Some(currency))?;
        }
        let records = match records::split(text) {
            Ok(records) => records,
            Err(line) => {
                let remedy = "fetch the file again, its end is missing";
                return self.fault(line, "the quotes that open here never close", remedy);
            }
        };
        for (index, record) in records.iter().enumerate().take(HEADER_WITHIN) {
            let headers: Vec<String> = record.cells().map(values::header).collect();
            let has = |name: &str| headers.iter().any(|header| header == name);
            if has("from") && has("to") {
                return self.tiers(&records, index, &headers).map(PublishedPrices::Tiers).map(Published::Prices);
            }
            let categories = headers.iter().filter(|header| values::category(header).is_some()).count();
            // Three categories alone are a header row of the tiers, which have no marketing.
            if has("market") && (has("marketing") || has("service")) || categories > 3 {
                return self.base(&records[index..], &headers).map(PublishedPrices::Base).map(Published::Prices);
            }
            if markets::is_header(&headers) && !has("currency") && categories == 0 {
                return self.markets(&records[index..], &headers).map(Published::Markets);
            }
        }
        self.fault(
            records.first().map_or(1, |record| record.line),
            "no layout is recognised",
            "the list rates have the columns Market,Currency,Marketing,Utility,Authentication,\
             Authentication-International,Service, the volume tiers From,To,Rate type,Rate,vs. List rate, a table of \
             markets Market and Country or Calling code",
        )
    }

    /// Notes a fault; answers `None`, for `return`.
    fn fault<T>(&mut self, line: u64, problem: impl Into<String>, remedy: impl Into<String>) -> Option<T> {
        if self.faults.len() < FAULTS_KEPT {
            self.faults.push(DataError::new(self.file, line, problem, remedy));
        } else {
            self.not_kept += 1;
        }
        None
    }

    /// The market of a name; two spellings are one market.
    fn market(&mut self, record: &Record, name: &str) -> Option<Market> {
        // What is only counted needs no remedy.
        let nearest = self.faults.len() < FAULTS_KEPT;
        match values::market(name, self.rates.map(), self.period, nearest) {
            Ok(market) => Some(market),
            Err(nearest) => self.fault(
                record.line,
                format!("Market is `{name}`, not one of the market map in this period"),
                nearest.map_or_else(
                    || "add it to market_map.csv".to_owned(),
                    |nearest| format!("the nearest known name is `{nearest}`; correct it, or add it to market_map.csv"),
                ),
            ),
        }
    }

    /// What stands below no column is not passed over: a thousand without quotes is two cells, and then every cell after
    /// it stands below the wrong one.
    fn below_columns(&mut self, record: &Record, headers: &[String]) -> Option<()> {
        let named = |index: usize| headers.get(index).is_some_and(|header| !header.is_empty());
        match record.cells().enumerate().find(|(index, cell)| !cell.is_empty() && !named(*index)) {
            None => Some(()),
            Some((_, cell)) => self.fault(
                record.line,
                format!("`{cell}` stands below no column of the header"),
                "put quotes around a number with thousands separators, such as \"1,940.13\", or remove what is no rate",
            ),
        }
    }

    /// Takes note of a record's currency, which must be that of all others.
    fn currency(&mut self, line: u64, token: &str) -> Option<()> {
        let currency = self.billing(line, token, values::currency(token))?;
        match self.currency {
            Some(have) if have != currency => self.fault(
                line,
                format!("Currency is `{token}` where the file is in {have}"),
                "import one currency a file",
            ),
            _ => {
                self.currency = Some(currency);
                Some(())
            }
        }
    }

    fn billing(&mut self, line: u64, token: &str, currency: Option<Currency>) -> Option<Currency> {
        match currency.filter(|&currency| self.rates.minor_units(currency).is_some()) {
            Some(currency) => Some(currency),
            None => self.fault(
                line,
                format!("Currency is `{token}`, not a billing currency"),
                "write a currency of currencies.csv",
            ),
        }
    }

    fn rate(&mut self, line: u64, column: &str, text: &str) -> Option<Decimal> {
        match values::rate(text) {
            Ok(rate) => Some(rate),
            Err(remedy) => self.fault(line, format!("{column} is `{text}`"), remedy),
        }
    }

    fn faults(mut self) -> PublishedFaults {
        self.faults.sort_by_key(|fault| fault.line);
        let more = self.faults.len().saturating_sub(FAULTS_SHOWN) + self.not_kept;
        self.faults.truncate(FAULTS_SHOWN);
        PublishedFaults { faults: self.faults, more }
    }
}
