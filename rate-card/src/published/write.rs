//! The files that a published one becomes. Their form is that of `data/README.md`.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{PublishedBase, PublishedTiers};
use crate::{Card, Category, CellStatus, Market, MarketMap, PricingModel, Validity};

/// What the first line of a card declares beside what the published file tells.
#[derive(Debug, Clone, Copy)]
pub struct CardHead<'a> {
    /// Name of the card.
    pub id: &'a str,
    /// The model of the rulebook that holds then.
    pub model: PricingModel,
    /// First and last day.
    pub validity: Validity,
    /// Whether the days before it may have no card.
    pub gap_before: bool,
}

impl PublishedBase {
    /// The card file.
    #[must_use]
    pub fn file(&self, head: CardHead<'_>, map: &MarketMap) -> String {
        let gap = if head.gap_before { " gap_before=yes" } else { "" };
        let mut text = format!(
            "# id={} pricing_model={} currency={} {} scale={}{gap}; imported from the published list rates\n\
             market,category,rate,status,note\n",
            head.id,
            head.model,
            self.currency,
            days(head.validity),
            self.scale
        );
        for (market, category, rate) in by_name(&self.cells, map) {
            let status = if rate.is_some() { CellStatus::Published } else { CellStatus::NotOffered };
            let rate = rate.map(|rate| padded(rate, self.scale)).unwrap_or_default();
            row(&mut text, &[map.market_name(market), category.as_str(), &rate, status.as_str(), ""]);
        }
        text
    }

    /// True if a card says the same of every cell.
    #[must_use]
    pub fn is(&self, card: &Card) -> bool {
        let same = |(&(market, category), rate): (&_, &Option<Decimal>)| {
            let status = if rate.is_some() { CellStatus::Published } else { CellStatus::NotOffered };
            card.cell(market, category).is_some_and(|cell| (cell.rate(), cell.status()) == (*rate, status))
        };
        self.currency == card.currency() && self.cells.iter().all(same)
    }
}

impl PublishedTiers {
    /// The file of volume bands, for the cards that declare `validity`. `version` is above 1 for a correction.
    #[must_use]
    pub fn file(&self, validity: Validity, version: u32, map: &MarketMap) -> String {
        let version = if version > 1 { format!(" version={version}") } else { String::new() };
        let mut text = format!(
            "# currency={} {} scale={}{version}; imported from the published volume tiers\n\
             market,currency,category,from_message,to_message,rate_type,rate,vs_list_pct\n",
            self.currency,
            days(validity),
            self.scale
        );
        for (market, category, (table, discounts)) in by_name(&self.tables, map) {
            for ((band, rate), discount) in table.bands().iter().zip(discounts) {
                let to = band.to.map(|to| to.to_string()).unwrap_or_default();
                let kind = if band.index == 0 { "LIST" } else { "TIER" };
                let rate = padded(*rate, self.scale);
                let (market, category) = (map.market_name(market), category.as_str());
                let (from, discount) = (band.from.to_string(), discount.to_string());
                row(&mut text, &[market, self.currency.as_str(), category, &from, &to, kind, &rate, &discount]);
            }
        }
        text
    }

    /// True if a card has the same bands, and no others.
    #[must_use]
    pub fn is(&self, card: &Card) -> bool {
        let same = self.tables.iter().all(|(&(market, category), (table, _))| {
            card.cell(market, category).is_some() && card.bands(market, category) == Some(table)
        });
        same && self.tables.len() == card.band_tables()
    }
}

/// What is known of each market and category, by the market's name.
fn by_name<'a, T>(all: &'a BTreeMap<(Market, Category), T>, map: &MarketMap) -> Vec<(Market, Category, &'a T)> {
    let mut sorted: Vec<_> = all.iter().map(|(&(market, category), what)| (market, category, what)).collect();
    sorted.sort_by_key(|&(market, category, _)| (map.market_name(market), category));
    sorted
}

fn days(validity: Validity) -> String {
    let to = validity.to().map_or_else(|| "open".to_owned(), |to| to.to_string());
    format!("valid_from={} valid_to={to}", validity.from())
}

/// With exactly `scale` decimals, which is at least what the rate has.
fn padded(mut rate: Decimal, scale: u32) -> String {
    rate.rescale(scale);
    rate.to_string()
}

/// Adds a record of CSV.
pub(super) fn row(text: &mut String, cells: &[&str]) {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Into memory neither fails, and what was text stays text. A row less would be a market less, which no card may
    // have and an import looks for before it writes.
    let written = writer.write_record(cells).ok().and_then(|()| writer.into_inner().ok());
    text.push_str(&String::from_utf8_lossy(&written.unwrap_or_default()));
}
