//! Until when the WABAs that are sold to a country may bill in another currency than the one asked for there.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::market_map::PlaceStatus;
use crate::table::{DATE, Table, date};
use crate::{Country, Currency, DataError, Source, Zone};

/// What a country asks of the WABAs that are sold to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrencyDeadline {
    /// To which the WABA is sold; neither the recipient's nor where the business is.
    pub country: Country,
    /// Which they must bill in.
    pub currency: Currency,
    /// Last local date of the WABA on which another is taken.
    pub last_day: Date,
    /// How sure the entry is.
    pub status: PlaceStatus,
    /// Remark of the data file; empty if none.
    pub note: String,
}

impl CurrencyDeadline {
    pub(crate) fn read_all(source: &Source, currencies: &BTreeMap<Currency, u32>) -> Result<Vec<Self>, DataError> {
        let table = Table::read_columns(source, &["country", "currency", "last_day", "status", "note"])?;
        let mut deadlines: Vec<Self> = Vec::new();
        for row in table.rows() {
            let billed = |code| Currency::new(code).filter(|currency| currencies.contains_key(currency));
            let deadline = Self {
                country: row.read(0, "an ISO 3166-1 alpha-2 code in capitals", Country::new)?,
                currency: row.read(1, "one of currencies.csv, or add it there", billed)?,
                last_day: row.read(2, DATE, date)?,
                status: row.read(3, "published or inferred", PlaceStatus::parse)?,
                note: row.text(4).to_owned(),
            };
            if deadlines.iter().any(|earlier| earlier.country == deadline.country) {
                return Err(
                    row.error(format!("{} is listed twice", deadline.country), "keep one line for each country")
                );
            }
            deadlines.push(deadline);
        }
        Ok(deadlines)
    }

    /// Whether another currency is no longer taken on a local date of the WABA.
    #[must_use]
    pub fn is_over(&self, date: Date) -> bool {
        date > self.last_day
    }

    /// The first second in a WABA's zone at which another currency is no longer taken.
    #[must_use]
    pub fn over_at(&self, zone: &Zone) -> i64 {
        self.last_day.tomorrow().map_or(i64::MAX, |date| zone.midnight(date))
    }
}
