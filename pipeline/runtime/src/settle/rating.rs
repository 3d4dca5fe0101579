//! What a message was, or is to be, rated as: the columns that rating decides. Equal ones are kept once.

use crate::ledger::{Alike, SharedRow};
use rust_decimal::Decimal;
use std::collections::HashMap;
use tollgate_rate_card::{
    BandBasis, Category, CellStatus, Currency, Markup, PricingModel, PricingType, RateCards, Rated, UnpricedReason,
};
use tollgate_wire::ledger::{Cause, LedgerEntry};

/// Columns of one unit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rating {
    pub market: Option<String>,
    pub category: Option<Category>,
    pub pricing_model: PricingModel,
    pub pricing_type: Option<PricingType>,
    pub rulebook: Option<String>,
    pub card: Option<String>,
    pub card_status: Option<String>,
    pub band: Option<u8>,
    pub band_basis: Option<String>,
    pub list_rate: Option<Decimal>,
    pub cost_rate: Option<Decimal>,
    pub cost: Option<Decimal>,
    pub markup_rule: Option<String>,
    pub markup: Option<Decimal>,
    pub fee: Option<Decimal>,
    pub price_ex_tax: Option<Decimal>,
    pub price_currency: String,
    pub fx_rate: Option<Decimal>,
    pub fx_source: Option<String>,
    pub fx_date: Option<String>,
    pub reason: Option<String>,
}

/// `amount` with the sign of `quantity`, never `-0`.
pub(super) fn signed(amount: Option<Decimal>, quantity: i64) -> Option<Decimal> {
    amount.map(|a| if quantity < 0 && !a.is_zero() { -a } else { a })
}

impl Rating {
    /// As booked; of what takes back, what it takes back.
    pub(super) fn booked(g: &SharedRow, a: &Alike) -> Self {
        let [cost, markup, fee, price_ex_tax] = a.amounts.map(|amount| signed(amount, a.quantity));
        Self {
            market: g.market.clone(),
            category: g.category,
            pricing_model: g.pricing_model,
            pricing_type: g.pricing_type,
            rulebook: g.rulebook.clone(),
            card: g.card.clone(),
            card_status: g.card_status.clone(),
            band: g.band,
            band_basis: g.band_basis.clone(),
            list_rate: g.list_rate,
            cost_rate: g.cost_rate,
            cost,
            markup_rule: g.markup_rule.clone(),
            markup,
            fee,
            price_ex_tax,
            price_currency: g.price_currency.clone(),
            fx_rate: g.fx_rate,
            fx_source: g.fx_source.clone(),
            fx_date: g.fx_date.clone(),
            reason: a.reason.clone(),
        }
    }

    /// The same of a whole entry.
    pub(super) fn of(e: &LedgerEntry<'_>) -> Self {
        let text = |text: &Option<tollgate_wire::Text<'_>>| text.as_deref().map(str::to_owned);
        Self {
            market: text(&e.market),
            category: e.category,
            pricing_model: e.pricing_model,
            pricing_type: e.pricing_type,
            rulebook: text(&e.rulebook),
            card: text(&e.card),
            card_status: text(&e.card_status),
            band: e.band,
            band_basis: text(&e.band_basis),
            list_rate: e.list_rate,
            cost_rate: e.cost_rate,
            cost: signed(e.cost, e.quantity),
            markup_rule: text(&e.markup_rule),
            markup: signed(e.markup, e.quantity),
            fee: signed(e.fee, e.quantity),
            price_ex_tax: signed(e.price_ex_tax, e.quantity),
            price_currency: e.price_currency.to_string(),
            fx_rate: e.fx_rate,
            fx_source: text(&e.fx_source),
            fx_date: text(&e.fx_date),
            reason: text(&e.reason),
        }
    }

    /// As the engine would book it: the rating, and the price by the mark-up in force. `model` is that of what has no
    /// price.
    pub(super) fn rated(
        rates: &RateCards,
        rated: &Rated,
        currency: Currency,
        markup: Option<&Markup>,
        model: PricingModel,
    ) -> Self {
        let (priced, unpriced) = match rated {
            Rated::Priced(p) => (Some(p), None),
            Rated::Unpriced(u) => (None, Some(u)),
        };
        let market = priced.map(|p| p.market).or(unpriced.and_then(|u| u.market));
        let market = market.map(|m| rates.map().market_name(m).to_owned());
        let price = priced.zip(markup).and_then(|(p, markup)| markup.price(p, market.as_deref().unwrap_or_default()));
        let price = price.as_ref();
        let fx = price.and_then(|p| p.fx.as_ref());
        let card = priced.and_then(|p| p.card).or(unpriced.and_then(|u| u.card));
        let rulebook = priced.map(|p| p.rulebook).or(unpriced.and_then(|u| u.rulebook));
        let basis = priced.map(|p| p.band_basis).filter(|basis| *basis != BandBasis::NotBanded);
        let cost = priced.map(|p| p.cost);
        Self {
            market,
            category: priced.and_then(|p| p.category).or(unpriced.and_then(|u| u.category)),
            pricing_model: priced.map_or(model, |p| p.model),
            pricing_type: priced.map(|p| p.pricing_type),
            rulebook: rulebook.map(|r| rates.rulebook(r).id.clone()),
            card: card.map(|c| rates.card(c).id().to_owned()),
            card_status: priced.and_then(|p| p.card_status).map(|s| s.as_str().to_owned()),
            band: priced.and_then(|p| p.band).map(|b| b.index),
            band_basis: basis.map(|b| b.as_str().to_owned()),
            list_rate: priced.and_then(|p| p.list_rate),
            cost_rate: priced.map(|p| p.cost_rate),
            cost,
            markup_rule: price.map(|p| p.rule.clone()),
            markup: price.map(|p| p.markup),
            fee: price.map(|p| p.fee),
            price_ex_tax: price.map(|p| p.price_ex_tax).or(cost),
            price_currency: markup.map_or(currency, |m| m.currency(currency)).to_string(),
            fx_rate: fx.map(|fx| fx.rate),
            fx_source: fx.map(|fx| fx.source.clone()),
            fx_date: fx.map(|fx| fx.date.to_string()),
            reason: unpriced.map(|u| u.reason.as_str().to_owned()),
        }
    }

    pub(super) const fn is_priced(&self) -> bool {
        self.cost.is_some()
    }

    pub(super) fn is_unverified(&self) -> bool {
        self.card_status.as_deref() == Some(CellStatus::Unverified.as_str())
    }

    pub(super) fn has_unknown_bands(&self) -> bool {
        self.band_basis.as_deref() == Some(BandBasis::ListUnknown.as_str())
    }

    /// Why it has no price.
    pub(super) fn why_unpriced(&self) -> &str {
        self.reason.as_deref().unwrap_or(UnpricedReason::UnknownRate.as_str())
    }

    /// Why the other is to stand instead: `None` if it comes to the same. What has no price either way is left as it
    /// is, whatever the reason is now.
    pub(super) fn cause(&self, to: &Self) -> Option<Cause> {
        if !self.is_priced() && !to.is_priced() {
            return None;
        }
        let unsaid = |r: &Self| Self { rulebook: None, reason: None, ..r.clone() };
        let (from, to) = (unsaid(self), unsaid(to));
        if from == to {
            return None;
        }
        // The position decides the type of an allowance and the band, hence rate, cost and price. What else differs, or
        // differs at the same type and band, is the card's or the mark-up's doing.
        let moved = (from.pricing_type, from.band) != (to.pricing_type, to.band);
        let placed = |r: &Self| Self {
            pricing_type: None,
            band: None,
            band_basis: None,
            cost_rate: None,
            cost: None,
            markup: None,
            fee: None,
            price_ex_tax: None,
            ..r.clone()
        };
        let listed = from.has_unknown_bands() || to.has_unknown_bands();
        let position = moved && !listed && placed(&from) == placed(&to);
        Some(if position { Cause::Settle } else { Cause::Card })
    }
}

/// Ratings by number.
#[derive(Default)]
pub(super) struct Ratings {
    all: Vec<Rating>,
    numbers: HashMap<Rating, u32, foldhash::fast::FixedState>,
}

impl Ratings {
    pub(super) fn number(&mut self, rating: Rating) -> u32 {
        if let Some(number) = self.numbers.get(&rating) {
            return *number;
        }
        let number = self.all.len() as u32;
        self.all.push(rating.clone());
        self.numbers.insert(rating, number);
        number
    }

    pub(super) fn get(&self, number: u32) -> &Rating {
        &self.all[number as usize]
    }

    pub(super) fn all(&self) -> &[Rating] {
        &self.all
    }
}
