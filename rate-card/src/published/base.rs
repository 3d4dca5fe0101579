//! The layout of list rates: comment rows, a header, one row a market.

use std::collections::{BTreeMap, BTreeSet};

use super::values::{self, category, is_none};
use super::{PublishedBase, PublishedRate, Reading, Record};
use crate::{Category, Market};

/// Where the columns are; the platform has moved them before.
struct Columns {
    market: usize,
    currency: usize,
    /// By [`Category::index`].
    categories: [usize; Category::COUNT],
}

impl Reading<'_> {
    /// Reads the header, which is the first of `records`, and the rows below it.
    pub(super) fn base(&mut self, records: &[Record], headers: &[String]) -> Option<PublishedBase> {
        let (header, rows) = records.split_first()?;
        let columns = self.columns(header, headers)?;
        let (mut cells, mut rates) = (BTreeMap::new(), Vec::new());
        let mut lines: BTreeMap<Market, u64> = BTreeMap::new();
        // A market with a bad name is not also a market that is missing.
        let mut unknown = false;
        for record in rows.iter().filter(|record| !record.is_empty()) {
            let name = record.cell(columns.market);
            self.currency(record.line, record.cell(columns.currency));
            let Some(market) = self.market(record, name) else {
                unknown = true;
                continue;
            };
            if let Some(first) = lines.insert(market, record.line) {
                let problem = format!("Market `{name}` is already on line {first}");
                self.fault::<()>(record.line, problem, "keep one of the two");
                continue;
            }
            if self.below_columns(record, headers).is_none() {
                continue;
            }
            for category in Category::ALL {
                let text = record.cell(columns.categories[category.index()]);
                let rate = if is_none(text) { None } else { self.rate(record.line, label(category), text) };
                rates.extend(rate.map(|rate| PublishedRate { line: record.line, market, category, rate }));
                cells.insert((market, category), rate);
            }
        }
        self.all_markets(&lines.keys().copied().collect(), records.last().map_or(1, |last| last.line), unknown);
        let scale = cells.values().flatten().map(rust_decimal::Decimal::scale).max().unwrap_or(0);
        let currency = self.currency?;
        Some(PublishedBase { currency, scale, cells, rates })
    }

    fn columns(&mut self, header: &Record, headers: &[String]) -> Option<Columns> {
        for (index, name) in headers.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let shown = header.cell(index).split_whitespace().collect::<Vec<_>>().join(" ");
            if !matches!(name.as_str(), "market" | "currency") && category(name).is_none() {
                let remedy = "the layout has changed; remove the column if it is not a rate";
                self.fault::<()>(header.line, format!("column `{shown}` is not known"), remedy);
            } else if headers[..index].contains(name) {
                self.fault::<()>(header.line, format!("column `{shown}` is there twice"), "keep one of the two");
            }
        }
        let market = self.column(header, headers, "market", "Market");
        let currency = self.column(header, headers, "currency", "Currency");
        let categories = Category::ALL.map(|category| {
            let name = values::header(category.as_str());
            self.column(header, headers, &name, label(category))
        });
        if !self.faults.is_empty() {
            return None;
        }
        let mut all = [0; Category::COUNT];
        for (slot, found) in all.iter_mut().zip(categories) {
            *slot = found?;
        }
        Some(Columns { market: market?, currency: currency?, categories: all })
    }

    fn column(&mut self, header: &Record, headers: &[String], name: &str, shown: &str) -> Option<usize> {
        let found = headers.iter().position(|header| header == name);
        if found.is_none() {
            let remedy = "fetch the list rates again; a category that is not offered is a column of n/a";
            return self.fault(header.line, format!("there is no column `{shown}`"), remedy);
        }
        found
    }

    /// A card prices every market of its period.
    fn all_markets(&mut self, found: &BTreeSet<Market>, last: u64, unknown: bool) {
        if unknown {
            return;
        }
        let rates = self.rates;
        for market in rates.map().markets_in(self.period).filter(|market| !found.contains(market)) {
            let name = rates.map().market_name(market);
            let remedy = "fetch the file again, or check the first day: markets change with it";
            self.fault::<()>(last, format!("there is no row for market `{name}`"), remedy);
        }
    }
}

/// The platform's name of a category.
pub(super) const fn label(category: Category) -> &'static str {
    match category {
        Category::Marketing => "Marketing",
        Category::Utility => "Utility",
        Category::Authentication => "Authentication",
        Category::AuthenticationInternational => "Authentication-International",
        Category::Service => "Service",
    }
}
