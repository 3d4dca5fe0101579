//! The most that a message can cost: what a budget reserves when the message is admitted.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::{Category, Country, Currency, RateCards, UnpricedReason};

/// A message that is about to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorstCaseInput {
    /// Currency of the WABA.
    pub currency: Currency,
    /// Local date of the admission, in the WABA's zone.
    pub from: Date,
    /// Local date of the last moment at which it can be delivered; the price is that of the
    /// delivery, and a card may change in between.
    pub to: Date,
    /// Country of the recipient.
    pub country: Option<Country>,
    /// Category that it will be charged as.
    pub category: Category,
    /// Whether authentication is charged at the international rate to this country.
    pub auth_international: bool,
}

impl RateCards {
    /// Highest list rate from the first to the last day, ignoring allowances, bands, windows and conversations that
    /// may cover it.
    /// Days after the first that no card or rate covers are left out: their price is not known yet.
    ///
    /// # Errors
    /// The reason why the first day has no price, as for [`RateCards::rate`].
    pub fn worst_case(&self, input: &WorstCaseInput) -> Result<Decimal, UnpricedReason> {
        let country = input.country.ok_or(UnpricedReason::NoCountry)?;
        let mut highest = self.list_rate_on(input, country, input.from)?;
        let starts_within = |start: &Date| input.from < *start && *start <= input.to;
        let starts = self
            .by_currency
            .iter()
            .filter(|(currency, _)| *currency == input.currency)
            .flat_map(|(_, ids)| ids)
            .map(|&id| self.card(id).validity().from());
        for start in starts.filter(starts_within) {
            if let Ok(rate) = self.list_rate_on(input, country, start) {
                highest = highest.max(rate);
            }
        }
        Ok(highest)
    }

    fn list_rate_on(&self, input: &WorstCaseInput, country: Country, date: Date) -> Result<Decimal, UnpricedReason> {
        let market = self.map.market(country, date).ok_or(UnpricedReason::NoCountry)?;
        let (_, book) = self.rulebooks.at(date).ok_or(UnpricedReason::NoRulebook)?;
        let category = match input.category {
            Category::Authentication if input.auth_international => Category::AuthenticationInternational,
            category => category,
        };
        let card = self.card_at(input.currency, date);
        let listed = self.listed(card, market, category, book.rule(category))?;
        Ok(listed.cell.list_rate())
    }
}
