//! What settling found and did.

use super::rating::{Rating, Ratings};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What settling a month found and did. Counts are of what stands afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Entries that were walked.
    pub entries: u64,
    /// Charges that stand, with and without a price.
    pub charges: u64,
    /// Messages of other software that the client pays for: they have positions and are not booked.
    #[serde(default)]
    pub counted: u64,
    /// Their entries that were walked, with those that are taken back and what takes them back: they only ever come, so their
    /// number tells whether one came since.
    #[serde(skip)]
    pub counted_entries: u64,
    /// True-ups that were booked.
    pub true_ups: u64,
    /// What they come to by currency of the cost.
    pub cost_difference: BTreeMap<String, Decimal>,
    /// What they come to by currency of the price.
    pub price_difference: BTreeMap<String, Decimal>,
    /// Charges without a price, by reason.
    pub unpriced: BTreeMap<String, u64>,
    /// Charges at a rate with a single source, by card.
    pub unverified: BTreeMap<String, u64>,
    /// Charges at list because the volume bands are not known.
    pub bands_unknown: u64,
    /// Take-backs of charges whose own month is not closed yet: its true-ups are taken back once it is.
    pub waiting: u64,
}

impl Report {
    /// What stands by this one, with what was booked by the other.
    pub(super) fn with_booked(self, booked: Self) -> Self {
        let Self { true_ups, cost_difference, price_difference, .. } = booked;
        Self { true_ups, cost_difference, price_difference, ..self }
    }

    /// Adds what a pair of true-ups comes to. `None` beyond the largest amount.
    pub(super) fn pair(&mut self, currency: &str, from: &Rating, to: &Rating) -> Option<()> {
        self.true_ups += 2;
        add(&mut self.cost_difference, currency, from.cost, to.cost)?;
        add(&mut self.price_difference, &from.price_currency, from.price_ex_tax, None)?;
        add(&mut self.price_difference, &to.price_currency, None, to.price_ex_tax)
    }

    /// Counts what stands, by number of its rating.
    pub(super) fn stands(&mut self, ratings: &Ratings, counts: &[u64]) {
        for (rating, &count) in ratings.all().iter().zip(counts).filter(|(_, count)| **count > 0) {
            self.charges += count;
            if !rating.is_priced() {
                *self.unpriced.entry(rating.why_unpriced().to_owned()).or_default() += count;
            }
            if rating.is_unverified() {
                *self.unverified.entry(rating.card.clone().unwrap_or_default()).or_default() += count;
            }
            if rating.has_unknown_bands() {
                self.bands_unknown += count;
            }
        }
    }
}

fn add(sums: &mut BTreeMap<String, Decimal>, currency: &str, from: Option<Decimal>, to: Option<Decimal>) -> Option<()> {
    if from.is_none() && to.is_none() {
        return Some(());
    }
    let difference = to.unwrap_or_default().checked_sub(from.unwrap_or_default())?;
    if !sums.contains_key(currency) {
        sums.insert(currency.to_owned(), Decimal::ZERO);
    }
    let sum = sums.get_mut(currency)?;
    *sum = sum.checked_add(difference)?;
    Some(())
}
