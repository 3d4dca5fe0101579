//! What a row of the summary is in FOCUS's terms.

use super::View;
use super::periods::RowBounds;
use crate::ledger::SummaryRow;
use rust_decimal::Decimal;
use serde::Serialize;
use std::fmt::Write as _;
use tollgate_rate_card::{ENTRY_DECIMALS, EXPORT_DECIMALS, round_amount};

/// A row of the export.
pub(super) struct Charge<'a> {
    pub(super) r: &'a SummaryRow<'a>,
    pub(super) bounds: RowBounds,
    /// The platform, or the reseller.
    pub(super) issuer: &'a str,
    pub(super) category: Category,
    /// Takes part in a month after the one it was used in, which therefore was closed.
    pub(super) correction: bool,
    /// Currency of the bill.
    pub(super) currency: &'a str,
    /// What is billed; 0 while there is no price.
    pub(super) billed: Decimal,
    pub(super) list_cost: Decimal,
    pub(super) contracted_cost: Decimal,
    /// Absent where FOCUS wants none, see [`Category::Adjustment`].
    pub(super) prices: Option<Prices<'a>>,
    /// Currency of the rate card, where the bill is exchanged from it; else that of the bill.
    pub(super) pricing_currency: &'a str,
    pub(super) pricing_billed: Decimal,
    /// Only of the bill it was attached for: the reseller's.
    pub(super) invoice: Option<&'a str>,
}

/// FOCUS's ChargeCategory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Category {
    /// By messages, at a unit price.
    Usage,
    /// What the client was granted.
    Credit,
    /// Everything else: fees, and messages without a known price. FOCUS has every usage row name a unit price and
    /// a SKU, and forbids placeholders; an adjustment may do without, so no price is made up for them.
    Adjustment,
}

/// Unit prices and what they are of.
pub(super) struct Prices<'a> {
    pub(super) list: Decimal,
    pub(super) contracted: Decimal,
    pub(super) pricing_list: Decimal,
    pub(super) pricing_contracted: Decimal,
    pub(super) card: &'a str,
    pub(super) market: &'a str,
    pub(super) category: &'a str,
}

/// What users of the bill sort it by. No empty values.
#[derive(Serialize)]
struct Tags<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_center: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    sender: &'a str,
}

impl<'a> Charge<'a> {
    /// `None` beyond the largest amount that is exact.
    pub(super) fn of(r: &'a SummaryRow<'a>, view: &'a View, bounds: RowBounds) -> Option<Self> {
        let (issuer, currency, billed) = match view {
            View::Provider => (super::columns::PLATFORM, r.cost_currency, r.cost),
            View::Customer { issuer } => (issuer.as_str(), r.price_currency, r.price_ex_tax),
        };
        let billed = billed.unwrap_or_default();
        // Without a rate of exchange the bill's amounts were set in its own currency.
        let exchanged = (currency != r.cost_currency).then_some(r.fx_rate).flatten().filter(|rate| !rate.is_zero());
        let known = currency == r.cost_currency || exchanged.is_some();
        let prices = if known { Prices::of(r, exchanged)? } else { None };
        let category = match (r.kind, &prices) {
            ("credit", _) => Category::Credit,
            ("fee", _) | (_, None) => Category::Adjustment,
            (_, Some(_)) => Category::Usage,
        };
        let prices = prices.filter(|_| category == Category::Usage);
        // FOCUS: what has no unit price costs at list and by contract what is billed, so rounded alike.
        let otherwise = round_amount(billed, EXPORT_DECIMALS);
        let cost = |price: Option<Decimal>| price.map_or(Some(otherwise), |price| times(price, r.quantity));
        Some(Self {
            r,
            bounds,
            issuer,
            category,
            correction: r.usage_period < r.billing_period,
            currency,
            billed,
            list_cost: cost(prices.as_ref().map(|p| p.list))?,
            contracted_cost: cost(prices.as_ref().map(|p| p.contracted))?,
            prices,
            pricing_currency: if exchanged.is_some() { r.cost_currency } else { currency },
            pricing_billed: match exchanged {
                Some(rate) => round_amount(billed.checked_div(rate)?, ENTRY_DECIMALS),
                None => billed,
            },
            invoice: r.invoice_id.filter(|_| matches!(view, View::Customer { .. })),
        })
    }

    /// Whether it is measured in messages at a price.
    pub(super) fn is_usage(&self) -> bool {
        self.category == Category::Usage
    }

    /// Units priced: none of what is not counted.
    pub(super) fn quantity(&self) -> Option<i64> {
        (!matches!(self.r.kind, "fee" | "credit")).then_some(self.r.quantity)
    }

    /// The unit of prices and quantities.
    pub(super) fn unit(&self) -> &'static str {
        if self.r.pricing_model == "CBP" { "Conversations" } else { "Messages" }
    }

    /// Campaign, cost centre and sender, JSON.
    pub(super) fn tags(&self) -> String {
        json(&Tags { campaign: self.r.campaign, cost_center: self.r.cost_center, sender: self.r.sender })
    }

    /// What the row is, for people.
    pub(super) fn description(&self) -> String {
        match self.r.kind {
            "fee" => return self.fee().to_owned(),
            "credit" => return "Credit".to_owned(),
            _ => {}
        }
        let mut text = self.meter(self.r.category);
        if let Some(market) = self.r.market {
            let _ = write!(text, " to {market}");
        }
        match (self.r.kind, self.r.pricing_type, self.r.volume_band) {
            ("free", Some(why), _) => {
                let _ = write!(text, ", {}", why.replace('_', " "));
            }
            ("unpriced", ..) => text.push_str(", no price known"),
            (_, _, Some(band)) if band > 0 => {
                let _ = write!(text, ", volume band {band}");
            }
            _ => {}
        }
        text.push_str(match self.r.kind {
            "adjustment" => ", correction",
            "true_up" => ", settlement",
            _ => "",
        });
        text
    }

    /// What a fee is asked for.
    fn fee(&self) -> &'static str {
        match self.r.markup_rule {
            Some("accepted") => "Fee for accepted messages",
            Some("inbound") => "Fee for messages received",
            Some("failed") => "Fee for failed messages",
            Some("number") => "Fee for a number",
            Some("minimum") => "Fee up to the minimum of the month",
            _ => "Fee",
        }
    }

    /// `Authentication international messages`.
    pub(super) fn meter(&self, category: Option<&str>) -> String {
        let Some(category) = category else { return self.unit().to_owned() };
        let mut text = category.replace('_', " ");
        if let Some(first) = text.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let _ = write!(text, " {}", self.unit().to_ascii_lowercase());
        text
    }
}

impl<'a> Prices<'a> {
    /// Of a row whose rates and their place are known. Outer `None` beyond the largest amount that is exact.
    fn of(r: &'a SummaryRow<'a>, exchanged: Option<Decimal>) -> Option<Option<Self>> {
        let (Some(list), Some(contracted)) = (r.list_rate, r.cost_rate) else { return Some(None) };
        let (Some(card), Some(market), Some(category)) = (r.card, r.market, r.category) else { return Some(None) };
        // Rounded before it is multiplied, so that unit price times quantity is the cost to the last digit.
        let billed_in = |rate: Decimal| match exchanged {
            Some(by) => rate.checked_mul(by).map(|price| round_amount(price, ENTRY_DECIMALS)),
            None => Some(round_amount(rate, ENTRY_DECIMALS)),
        };
        Some(Some(Self {
            list: billed_in(list)?,
            contracted: billed_in(contracted)?,
            pricing_list: list,
            pricing_contracted: contracted,
            card,
            market,
            category,
        }))
    }

    /// What is sold, at whatever price.
    pub(super) fn sku(&self) -> String {
        format!("{}:{}", self.market, self.category)
    }

    /// The line of the price list.
    pub(super) fn sku_price(&self, band: Option<u8>) -> String {
        // What is not banded is sold at list, which is band 0.
        format!("{}:{}:{}:{}", self.card, self.market, self.category, band.unwrap_or(0))
    }

    /// The same in words, JSON. FOCUS has own properties begin with `x_`.
    pub(super) fn details(&self, band: Option<u8>) -> String {
        #[derive(Serialize)]
        struct Details<'a> {
            #[serde(rename = "x_Card")]
            card: &'a str,
            #[serde(rename = "x_Market")]
            market: &'a str,
            #[serde(rename = "x_Category")]
            category: &'a str,
            #[serde(rename = "x_VolumeBand")]
            band: u8,
        }
        json(&Details { card: self.card, market: self.market, category: self.category, band: band.unwrap_or(0) })
    }
}

/// The exact product, or `None`.
fn times(price: Decimal, quantity: i64) -> Option<Decimal> {
    let product = price.checked_mul(Decimal::from(quantity))?;
    // Rather than overflow, the library drops decimals.
    (product.is_zero() || product.scale() == price.scale()).then_some(product)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers into memory cannot fail")
}
