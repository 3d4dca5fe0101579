//! What is applied instead of the rules and cards that a charge was booked by.

use std::collections::BTreeMap;
use tollgate_rate_card::{Allowance, Category, Currency, Date, RateCards, Rated, RatingInput, Rulebook};
use tollgate_rate_card::{CardId, PricingModel, Zone};

/// The other rules.
#[derive(Clone, Debug)]
pub enum Under<'a> {
    /// Rulebook, market map, cards, bands and allowances of a day, for every charge.
    Day(Date),
    /// These cards, each in the catalogue that holds it, one a currency at most; rules and market of the charge's day.
    /// The catalogues have the same rules and map.
    Cards(Vec<(&'a RateCards, CardId)>),
    /// Its own day's rules, by the catalogue as it is now: what settling rates by. With the zones of the WABAs, by id,
    /// which give the day.
    Own(BTreeMap<String, Zone>),
}

/// A catalogue, and what of it is applied instead of what was booked.
#[derive(Clone, Debug)]
pub struct Rules<'a> {
    rates: &'a RateCards,
    under: Under<'a>,
}

impl<'a> Rules<'a> {
    /// The catalogue that charges were booked by, and the other rules.
    #[must_use]
    pub const fn new(rates: &'a RateCards, under: Under<'a>) -> Self {
        Self { rates, under }
    }

    pub(crate) const fn rates(&self) -> &'a RateCards {
        self.rates
    }

    /// The day whose rules hold for a charge of `own` day.
    pub(super) const fn day(&self, own: Date) -> Date {
        match self.under {
            Under::Day(day) => day,
            Under::Cards(_) | Under::Own(_) => own,
        }
    }

    /// The zone of a WABA, where these rules go by its days.
    pub(super) fn zone(&self, waba: &str) -> Option<&Zone> {
        match &self.under {
            Under::Own(zones) => zones.get(waba),
            Under::Day(_) | Under::Cards(_) => None,
        }
    }

    /// Whether each charge has the rules of its own day, as when it was booked.
    pub(super) const fn are_own(&self) -> bool {
        matches!(self.under, Under::Own(_))
    }

    /// The rulebook a charge was booked by, when this catalogue still has it.
    pub(super) fn booked(&self, id: &str) -> Option<&'a Rulebook> {
        self.rates.rulebooks().find(|book| book.id == id)
    }

    /// The allowance that a category has on a day.
    pub(super) fn allowance(&self, day: Date, category: Category) -> Option<Allowance> {
        self.rates.rulebook_at(day)?.1.rule(category).allowance
    }

    pub(crate) fn rate(&self, input: &RatingInput) -> Rated {
        match &self.under {
            Under::Day(_) | Under::Own(_) => self.rates.rate(input),
            Under::Cards(cards) => match of_currency(cards, input.currency) {
                Some((rates, card)) => rates.rate_on(input, Some(card)),
                None => self.rates.rate_on(input, None),
            },
        }
    }

    /// Whether a day's rules charge by message, which is what is rated here.
    #[must_use]
    pub fn rates_messages(rates: &RateCards, day: Date) -> bool {
        rates.rulebook_at(day).is_some_and(|(_, book)| book.model == PricingModel::Pmp)
    }
}

fn of_currency<'a>(cards: &[(&'a RateCards, CardId)], currency: Currency) -> Option<(&'a RateCards, CardId)> {
    cards.iter().copied().find(|(rates, card)| rates.card(*card).currency() == currency)
}
