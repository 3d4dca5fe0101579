//! What the bill is made of besides deliveries: volume bands that the platform says are reached, and what finance credits.

use crate::Text;
use crate::input::InputError;
use crate::naming;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tollgate_rate_card::{Category, ENTRY_DECIMALS, YearMonth};

/// Longest reason of a credit, in bytes.
pub const MAX_REASON: usize = 256;
/// Longest id and reference of a credit and name of who gave it, in bytes.
pub const MAX_CREDIT_ID: usize = 64;
/// No month before it was billed by anybody: an earlier one is mistyped, and would be a bill that nobody ever looks at.
const FIRST_MONTH: YearMonth = YearMonth::new(2000, 1).expect("a month");
/// Largest amount of a credit, in units of its currency.
const CREDIT_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// The platform's word that the portfolio has reached a volume band: a lower bound of what it has counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BandReached<'a> {
    /// Market, in the platform's words.
    #[serde(borrow)]
    pub region: Text<'a>,
    /// Category. Authentication and its international form are counted together.
    pub category: Category,
    /// Month that is counted.
    pub month: YearMonth,
    /// First message of the band, from 1.
    pub first: u64,
    /// When it was reached: the platform's time, whole seconds.
    pub at_s: u32,
}

/// What finance takes off a bill, or puts on it, by hand. The gateway writes it when an operator asks; no webhook is ever
/// read as one. It stands among the statuses, as the end of a month does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credit<'a> {
    /// Given by whoever asks, once for each credit of a WABA and month: the same again changes nothing.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// WABA whose bill it is.
    #[serde(borrow)]
    pub waba: Text<'a>,
    /// Month that it is about. It is billed there, or in the first open month where that is closed.
    pub month: YearMonth,
    /// Taken off the platform's bill, in the WABA's currency; negative puts it on.
    #[serde(default, skip_serializing_if = "Decimal::is_zero")]
    pub cost: Decimal,
    /// Taken off the price, in the currency of the mark-up; negative puts it on.
    #[serde(default, skip_serializing_if = "Decimal::is_zero")]
    pub price: Decimal,
    /// Why, 1 to [`MAX_REASON`] bytes.
    #[serde(borrow)]
    pub reason: Text<'a>,
    /// A document that it refers to.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Text<'a>>,
    /// Whose token gave it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Text<'a>>,
    /// Cost and price are one amount, which is one of money only where their currencies are one: elsewhere it is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub both: bool,
}

impl Credit<'_> {
    /// # Errors
    /// The first value that a credit may not have.
    pub fn check(&self) -> Result<(), InputError> {
        naming::words(&self.id, MAX_CREDIT_ID).map_err(|e| e.at("id"))?;
        naming::platform_id("waba", &self.waba)?;
        if self.month < FIRST_MONTH {
            let remedy = "name the month that it is about, with all four digits of its year";
            return Err(InputError::invalid("month", format!("{} was never billed", self.month), remedy));
        }
        naming::words(&self.reason, MAX_REASON).map_err(|e| e.at("reason"))?;
        for (name, text) in [("reference", &self.reference), ("by", &self.by)] {
            let Some(text) = text else { continue };
            naming::words(text, MAX_CREDIT_ID).map_err(|e| e.at(name))?;
        }
        for (name, amount) in [("cost", self.cost), ("price", self.price)] {
            if amount.abs() > CREDIT_MAX || amount.normalize().scale() > ENTRY_DECIMALS {
                let remedy = format!("write at most {CREDIT_MAX} with at most {ENTRY_DECIMALS} decimals");
                return Err(InputError::invalid(name, format!("{amount} is not exact on a bill"), remedy));
            }
        }
        if self.cost.is_zero() && self.price.is_zero() {
            return Err(InputError::invalid("price", "it credits nothing", "give cost, price or both"));
        }
        if self.both && self.cost != self.price {
            let problem = format!("cost {} and price {} are not one amount", self.cost, self.price);
            return Err(InputError::invalid(
                "both",
                problem,
                "give the same amount as cost and as price, or leave it out",
            ));
        }
        Ok(())
    }
}
