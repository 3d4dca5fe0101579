//! What a message is sold for: the platform's cost and the price of a reseller, side by side.
//!
//! A [`Markup`] holds from a local date of the WABA on; the one that is in force at the charge instant's date gives the
//! price. It depends on nothing else than the booked cost, its market and category, so that an entry that is taken
//! back takes back the price that it was booked with, whatever is in force by then.
//!
//! `check` what a declaration must look like · `fees` what is asked besides · `text` its serde · this file: which rule,
//! and the price.

mod check;
mod fees;
pub(crate) mod text;

pub use check::MarkupFault;
pub use fees::{Fee, Fees};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Category, Currency, ENTRY_DECIMALS, Priced, PricingType, round_amount};

/// How prices are made from a day on, until the next mark-up of the same WABA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Markup {
    /// First local date of the WABA, from 00:00 on.
    #[serde(with = "text::date")]
    pub valid_from: Date,
    /// Currency of the prices; the WABA's by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// From the WABA's currency into that of the prices; needed exactly when they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fx: Option<Exchange>,
    /// Decimals that a price is rounded to, half away from zero: 0 to 10.
    #[serde(default = "exact_to_the_entry")]
    pub decimals: u8,
    /// One for everything, and others that go before it for a market, a category or both.
    pub rules: Vec<MarkupRule>,
    /// What is asked besides. Left out when nothing is, so that earlier versions read what they know.
    #[serde(default, skip_serializing_if = "Fees::is_none")]
    pub fees: Fees,
}

/// To multiply by: dividing by 100 could round.
const HUNDREDTH: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

fn exact_to_the_entry() -> u8 {
    ENTRY_DECIMALS as u8
}

/// A rate of exchange and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// What one unit of the WABA's currency is worth in that of the prices.
    #[serde(with = "text::decimal")]
    pub rate: Decimal,
    /// Who says so, such as `ECB`.
    pub source: String,
    /// Of which day it is.
    #[serde(with = "text::date")]
    pub date: Date,
}

/// How the price of some messages is made: a rate of its own, or the cost with a percentage, a fixed fee or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkupRule {
    /// Name on ledger and exports.
    pub name: String,
    /// For this market alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<String>,
    /// For this category alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Own card: the price of a message, whatever it costs.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::maybe_decimal")]
    pub price: Option<Decimal>,
    /// Percent of the cost that are added to it; negative takes off.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::maybe_decimal")]
    pub percent: Option<Decimal>,
    /// Fee that is added for each message, in the currency of the prices.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::maybe_decimal")]
    pub fixed: Option<Decimal>,
    /// Whether `price` or `fixed` is asked for messages too that the platform delivers free of charge.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_free: bool,
}

/// What a message is sold for. `price_ex_tax` is the converted cost, `markup` and `fee`, to the last of 10 decimals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Name of the rule.
    pub rule: String,
    /// What is added to the converted cost besides the fee; what rounding adds or takes lies in it.
    pub markup: Decimal,
    /// The rule's fixed fee, if it applies.
    pub fee: Decimal,
    /// Price before tax, rounded to the decimals of the mark-up.
    pub price_ex_tax: Decimal,
    /// Exchange that the cost was converted with, where currencies differ.
    pub fx: Option<Exchange>,
}

impl Price {
    /// The cost in the currency of the price, rounded to the 10 decimals of an entry.
    #[must_use]
    pub fn converted(cost: Decimal, fx: Option<&Exchange>) -> Decimal {
        fx.map_or(cost, |fx| round_amount(cost * fx.rate, ENTRY_DECIMALS))
    }
}

impl Markup {
    /// The mark-up in force on a local date, of those of a WABA in order of their first days; `None` before the first.
    #[must_use]
    pub fn in_force(all: &[Self], date: Date) -> Option<&Self> {
        all.iter().rfind(|m| m.valid_from <= date)
    }

    /// First day of the first mark-up that has begun by `today` and is not the same in both lists. Prices of such days
    /// may be booked.
    #[must_use]
    pub fn first_changed(before: &[Self], after: &[Self], today: Date) -> Option<Date> {
        let begun = |all: &[Self]| all.iter().take_while(|m| m.valid_from <= today).count();
        let (before, after) = (&before[..begun(before)], &after[..begun(after)]);
        let same = before.iter().zip(after).take_while(|(b, a)| b == a).count();
        let differ = [before.get(same), after.get(same)];
        differ.into_iter().flatten().map(|m| m.valid_from).min()
    }

    /// Currency of the prices, for a WABA that is billed in `cost`.
    #[must_use]
    pub fn currency(&self, cost: Currency) -> Currency {
        self.currency.unwrap_or(cost)
    }

    /// The most specific rule: that of market and category, then of the market, then of the category, then the one
    /// for everything. No two are equally specific, because no two are for the same.
    #[must_use]
    pub fn rule(&self, market: &str, category: Option<Category>) -> Option<&MarkupRule> {
        let applies = |rule: &&MarkupRule| {
            rule.category.is_none_or(|c| Some(c) == category) && rule.market.as_deref().is_none_or(|m| m == market)
        };
        self.rules.iter().filter(applies).max_by_key(|rule| (rule.market.is_some(), rule.category.is_some()))
    }

    /// The price of what costs `cost` in a market of this name. `None` only without a rule for everything, which a
    /// checked mark-up has.
    #[must_use]
    pub fn price(&self, cost: &Priced, market: &str) -> Option<Price> {
        let rule = self.rule(market, cost.category)?;
        let asked = |amount: Option<Decimal>| match amount {
            Some(amount) if rule.on_free || cost.pricing_type == PricingType::Regular => amount,
            _ => Decimal::ZERO,
        };
        let converted = Price::converted(cost.cost, self.fx.as_ref());
        let fee = asked(rule.fixed);
        let exact = match rule.price {
            Some(_) => asked(rule.price),
            None => converted + converted * rule.percent.unwrap_or_default() * HUNDREDTH + fee,
        };
        let price_ex_tax = round_amount(exact, u32::from(self.decimals));
        Some(Price {
            rule: rule.name.clone(),
            markup: (price_ex_tax - converted - fee).normalize(),
            fee: fee.normalize(),
            price_ex_tax: price_ex_tax.normalize(),
            fx: self.fx.clone(),
        })
    }
}
