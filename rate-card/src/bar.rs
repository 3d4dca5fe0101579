//! Templates that the platform refuses to deliver to a country.

use jiff::civil::Date;

use crate::market_map::PlaceStatus;
use crate::table::{Table, whole};
use crate::{Category, Country, DataError, Source, Validity};

/// A bar on a category of templates to a country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Country of the recipient.
    pub country: Country,
    /// Category of the template.
    pub category: Category,
    /// When it holds.
    pub validity: Validity,
    /// The error code with which the platform answers.
    pub platform_code: u64,
    /// How sure the entry is.
    pub status: PlaceStatus,
    /// Remark of the data file; empty if none.
    pub note: String,
}

impl Bar {
    pub(crate) fn read_all(source: &Source) -> Result<Vec<Self>, DataError> {
        let table = Table::read_columns(
            source,
            &["country", "category", "valid_from", "valid_to", "platform_code", "status", "note"],
        )?;
        let mut bars: Vec<Self> = Vec::new();
        for row in table.rows() {
            let bar = Self {
                country: row.read(0, "an ISO 3166-1 alpha-2 code in capitals", Country::new)?,
                category: row.read(1, "a category", Category::parse)?,
                validity: row.validity(2)?,
                platform_code: row.read(4, "an error code", whole)?,
                status: row.read(5, "published or inferred", PlaceStatus::parse)?,
                note: row.text(6).to_owned(),
            };
            let same = |b: &Self| (b.country, b.category) == (bar.country, bar.category);
            if bars.iter().any(|b| same(b) && b.validity.overlaps(&bar.validity)) {
                return Err(row.error(
                    format!("{} to {} is already barred then", bar.category, bar.country),
                    "keep one line for each period",
                ));
            }
            bars.push(bar);
        }
        Ok(bars)
    }

    pub(crate) fn applies(&self, country: Country, category: Category, date: Date) -> bool {
        self.country == country && self.category == category && self.validity.contains(date)
    }
}
