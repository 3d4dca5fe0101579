//! What a declared mark-up must look like, so that every message has one price, exact to 10 decimals.

use rust_decimal::Decimal;

use super::{Exchange, Fee, Fees, Markup, MarkupRule};
use crate::{Currency, ENTRY_DECIMALS};

/// Longest name of a rule, a market or a source in bytes.
const LONGEST: usize = 64;
/// Prices and fees lie below; with 10 decimals they leave the arithmetic room to be exact.
const BELOW: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// Fees for a message lie below: a month's billions of messages still are an amount that the ledger takes.
const MESSAGE_FEE_BELOW: Decimal = Decimal::from_parts(100_000, 0, 0, false, 0);
/// Rates of exchange lie below.
const RATE_BELOW: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);
/// Most percent that are added.
const MOST_PERCENT: Decimal = Decimal::from_parts(10_000, 0, 0, false, 0);
/// Decimals of a percentage.
const PERCENT_DECIMALS: u32 = 4;

/// What is wrong with a declared mark-up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}; {remedy}")]
pub struct MarkupFault {
    /// Field below the WABA, such as `markup[0].rules[1].percent`.
    pub field: String,
    /// What is wrong, with the value.
    pub problem: String,
    /// What to write instead.
    pub remedy: &'static str,
}

type Result = std::result::Result<(), MarkupFault>;

fn require(holds: bool, field: &str, problem: impl FnOnce() -> String, remedy: &'static str) -> Result {
    if holds {
        return Ok(());
    }
    Err(MarkupFault { field: field.to_owned(), problem: problem(), remedy })
}

impl Markup {
    /// Checks what is declared for a WABA that is billed in `cost`.
    ///
    /// # Errors
    /// The first fault, with field, value and remedy.
    pub fn check(all: &[Self], cost: Currency) -> Result {
        for (i, markup) in all.iter().enumerate() {
            let at = format!("markup[{i}]");
            let follows = i == 0 || all[i - 1].valid_from < markup.valid_from;
            require(
                follows,
                &format!("{at}.valid_from"),
                || format!("{} is not after the one before", markup.valid_from),
                "put the mark-ups in order of their first days, one a day",
            )?;
            markup.check_one(&at, cost)?;
        }
        Ok(())
    }

    fn check_one(&self, at: &str, cost: Currency) -> Result {
        require(
            u32::from(self.decimals) <= ENTRY_DECIMALS,
            &format!("{at}.decimals"),
            || format!("{} is more than an entry has", self.decimals),
            "give 0 to 10",
        )?;
        let sold = self.currency(cost);
        let fx = format!("{at}.fx");
        match &self.fx {
            None => require(
                sold == cost,
                &fx,
                || format!("it is missing, but costs are in {cost} and prices in {sold}"),
                "give `rate`, `source` and `date`",
            )?,
            Some(exchange) => {
                let same = || format!("costs and prices are both in {cost}");
                require(sold != cost, &fx, same, "leave it out, or give the currency of the prices")?;
                exchange.check(&fx)?;
            }
        }
        self.fees.check(&format!("{at}.fees"))?;
        for (i, rule) in self.rules.iter().enumerate() {
            let at = format!("{at}.rules[{i}]");
            rule.check(&at)?;
            let before = &self.rules[..i];
            require(
                before.iter().all(|other| other.name != rule.name),
                &format!("{at}.name"),
                || format!("{:?} is given twice", rule.name),
                "give each rule a name of its own",
            )?;
            let twin = before.iter().find(|other| (&other.market, other.category) == (&rule.market, rule.category));
            require(
                twin.is_none(),
                &at,
                || format!("{:?} and {:?} are for the same messages", twin.map_or("", |t| &t.name), rule.name),
                "keep one of them, or tell them apart by `market` or `category`",
            )?;
        }
        require(
            self.rules.iter().any(|rule| rule.market.is_none() && rule.category.is_none()),
            &format!("{at}.rules"),
            || "none is for everything".to_owned(),
            "add one without `market` and `category`; percent = \"0\" sells at cost",
        )
    }
}

impl Fees {
    fn check(&self, at: &str) -> Result {
        for fee in Fee::ALL {
            let amount = self.of(fee);
            let (below, remedy) = match fee {
                Fee::Accepted | Fee::Inbound | Fee::Failed => {
                    (MESSAGE_FEE_BELOW, "give 0 or more and less than 100000, with at most 10 decimals")
                }
                Fee::Number | Fee::Minimum => {
                    (BELOW, "give 0 or more and less than 1000000000, with at most 10 decimals")
                }
            };
            require(
                amount >= Decimal::ZERO && amount < below && amount.scale() <= ENTRY_DECIMALS,
                &format!("{at}.{}", fee.as_str()),
                || format!("{amount} is out of range"),
                remedy,
            )?;
        }
        Ok(())
    }
}

impl Exchange {
    fn check(&self, at: &str) -> Result {
        let rate = self.rate;
        require(
            rate > Decimal::ZERO && rate < RATE_BELOW && rate.scale() <= ENTRY_DECIMALS,
            &format!("{at}.rate"),
            || format!("{rate} is out of range"),
            "give more than 0 and less than 1000000, with at most 10 decimals",
        )?;
        named(&format!("{at}.source"), &self.source)
    }
}

impl MarkupRule {
    fn check(&self, at: &str) -> Result {
        named(&format!("{at}.name"), &self.name)?;
        if let Some(market) = &self.market {
            named(&format!("{at}.market"), market)?;
        }
        let added = self.percent.is_some() || self.fixed.is_some();
        require(
            self.price.is_some() || added,
            at,
            || format!("{:?} does not say what to ask", self.name),
            "give `price`, or `percent`, `fixed` or both",
        )?;
        require(
            !(self.price.is_some() && added),
            at,
            || format!("{:?} has a price of its own and an addition to the cost", self.name),
            "give `price` alone, or `percent` and `fixed`",
        )?;
        for (field, amount) in [("price", self.price), ("fixed", self.fixed)] {
            let Some(amount) = amount else { continue };
            require(
                amount >= Decimal::ZERO && amount < BELOW && amount.scale() <= ENTRY_DECIMALS,
                &format!("{at}.{field}"),
                || format!("{amount} is out of range"),
                "give 0 or more and less than 1000000000, with at most 10 decimals",
            )?;
        }
        if let Some(percent) = self.percent {
            require(
                percent >= -Decimal::ONE_HUNDRED && percent <= MOST_PERCENT && percent.scale() <= PERCENT_DECIMALS,
                &format!("{at}.percent"),
                || format!("{percent} is out of range"),
                "give -100 to 10000, with at most 4 decimals",
            )?;
        }
        require(
            !self.on_free || self.price.is_some() || self.fixed.is_some(),
            &format!("{at}.on_free"),
            || "it is true, but a percentage of nothing is nothing".to_owned(),
            "leave it out, or give `fixed`",
        )
    }
}

fn named(field: &str, name: &str) -> Result {
    require(
        !name.trim().is_empty() && name.len() <= LONGEST && !name.chars().any(char::is_control),
        field,
        || format!("{name:?} is no name"),
        "give 1 to 64 bytes without control characters",
    )
}
