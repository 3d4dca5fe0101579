//! Volume bands: the more charged messages of a category to a market in a month, the lower the
//! rate of the *further* ones.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::card::rate;
use crate::table::{Row, Table, whole};
use crate::{Category, Currency, DataError, Source, Validity};

/// A band's position in its table and the messages that it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// 0 is the list band.
    pub index: u8,
    /// First message of the month in the band, from 1.
    pub from: u64,
    /// Last message; `None` is open.
    pub to: Option<u64>,
}

/// The platform's notation, `LOW:HIGH` or `LOW:MAX`.
impl std::fmt::Display for Band {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.to {
            Some(to) => write!(f, "{}:{to}", self.from),
            None => write!(f, "{}:MAX", self.from),
        }
    }
}

/// The bands of a market and category on one card: contiguous from message 1, the last open,
/// never above the list rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BandTable {
    bands: Vec<(Band, Decimal)>,
}

impl BandTable {
    /// Of bands that were checked to be contiguous.
    pub(crate) const fn new(bands: Vec<(Band, Decimal)>) -> Self {
        Self { bands }
    }

    /// The band and rate of the `ordinal`-th charged message of the month. 0 counts as 1.
    #[must_use]
    #[inline]
    pub fn at(&self, ordinal: u64) -> (Band, Decimal) {
        let above = self.bands.partition_point(|(band, _)| band.from <= ordinal);
        self.bands[above.max(1) - 1]
    }

    /// All bands with their rates, from the list band on.
    #[must_use]
    pub fn bands(&self) -> &[(Band, Decimal)] {
        &self.bands
    }
}

/// A file of band tables, for the card of its currency and validity.
pub(crate) struct BandFile {
    pub file: String,
    pub currency: Currency,
    pub validity: Validity,
    /// 1, or what a correction declares.
    pub version: u32,
    /// By market name and category, each with its first line.
    pub tables: BTreeMap<(String, Category), (u64, BandTable)>,
}

impl BandFile {
    pub fn read(source: &Source) -> Result<Self, DataError> {
        let table = Table::read_columns(
            source,
            &["market", "currency", "category", "from_message", "to_message", "rate_type", "rate", "vs_list_pct"],
        )?;
        let currency = table.declared("currency", "an ISO 4217 code", Currency::new)?;
        let scale = crate::card::scale(&table)?;
        let mut tables: BTreeMap<(String, Category), (u64, BandTable)> = BTreeMap::new();
        for row in table.rows() {
            if Currency::new(row.text(1)) != Some(currency) {
                return Err(row.bad(1, &format!("{currency}, the file's currency")));
            }
            let category = row.read(2, "a category", Category::parse)?;
            let (_, of) = tables
                .entry((row.text(0).to_owned(), category))
                .or_insert_with(|| (row.line, BandTable { bands: Vec::new() }));
            push(of, &row, scale)?;
        }
        for ((market, category), (line, of)) in &tables {
            if of.bands.last().is_some_and(|(band, _)| band.to.is_some()) {
                return Err(DataError::new(
                    table.file,
                    *line,
                    format!("the last band of {market}, {category} ends"),
                    "leave to_message of the last band empty",
                ));
            }
        }
        let version = match table.declares_key("version") {
            true => table.declared("version", "a whole number from 1", |t| t.parse().ok().filter(|&n| n >= 1))?,
            false => 1,
        };
        let validity = table.declared_validity()?;
        Ok(Self { file: table.file.to_owned(), currency, validity, version, tables })
    }
}

/// Adds the next band of a table.
fn push(of: &mut BandTable, row: &Row<'_>, scale: u32) -> Result<(), DataError> {
    let (expected_from, expected_type) = match of.bands.last() {
        None => (Some(1), "LIST"),
        Some((before, _)) => (before.to.and_then(|to| to.checked_add(1)), "TIER"),
    };
    let Some(expected_from) = expected_from else {
        return Err(row.error("a band follows an open one", "write the bands in ascending order, once"));
    };
    let from =
        row.read(3, &format!("{expected_from}, the next message"), |t| whole(t).filter(|&n| n == expected_from))?;
    let to = match row.optional(4) {
        None => None,
        Some(_) => {
            Some(row.read(4, "a message not before from_message, or nothing", |t| whole(t).filter(|&n| n >= from))?)
        }
    };
    row.read(5, expected_type, |t| (t == expected_type).then_some(()))?;
    let rate = rate(row, 6, scale)?;
    if let Some((_, before)) = of.bands.last()
        && rate > *before
    {
        return Err(row.bad(6, &format!("a rate of at most {before}, that of the band before")));
    }
    let discounts = |t: &str| t.parse::<i8>().ok().filter(|p| (-100..=0).contains(p));
    row.read(7, "a whole percentage from -100 to 0", discounts)?;
    let index =
        u8::try_from(of.bands.len()).map_err(|_| row.error("more than 256 bands", "merge bands of the same rate"))?;
    of.bands.push((Band { index, from, to }, rate));
    Ok(())
}
