//! The platform's own figures: its answers for `pricing_analytics` (messages) and `conversation_analytics`
//! (conversations) of a WABA, as the Graph API gives them.
//!
//! `amount` an amount without a float · `read` many answers of one text · `days` the same day by day, as they are kept.

mod amount;
mod days;
mod read;
#[cfg(test)]
mod tests;

use rust_decimal::Decimal;
use tollgate_rate_card::PricingModel;

pub use days::{DAY_S, Day, Metric, days};
pub use read::{AnalyticsError, read};

/// What the platform says of a WABA and a pricing model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// WABA id.
    pub waba: String,
    /// Messages or conversations.
    pub model: PricingModel,
    /// Its figures.
    pub points: Vec<Point>,
}

/// One figure. A field is absent when the platform was not asked to tell it apart, or does not say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// First second of the bucket.
    pub start: i64,
    /// First second after it.
    pub end: i64,
    /// Number, as the platform writes it.
    pub phone: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// `pricing_type` or `conversation_type`, as the platform writes it.
    pub pricing_type: Option<String>,
    /// `pricing_category` or `conversation_category`, as the platform writes it.
    pub category: Option<String>,
    /// Volume band, `LOW:HIGH` or `LOW:MAX`.
    pub tier: Option<String>,
    /// Messages or conversations.
    pub volume: u64,
    /// In the currency of the WABA; the platform calls it approximate.
    pub cost: Option<Decimal>,
}
