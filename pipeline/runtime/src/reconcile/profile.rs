//! Which column of an invoice is what, and how its numbers and days are written. Invoices have no common form.

use serde::Deserialize;
use std::collections::BTreeMap;
use tollgate_rate_card::{Date, YearMonth};

/// The form of one sender of invoices.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Names of the columns.
    pub columns: Columns,
    /// What divides cells.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// What stands before the decimals.
    #[serde(default = "point")]
    pub decimal: char,
    /// What groups thousands, if anything does.
    #[serde(default)]
    pub thousands: Option<char>,
    /// How the period is written.
    #[serde(default)]
    pub date: DateForm,
    /// Whether free messages are on the invoice too; left out, they are if a column tells types apart.
    #[serde(default)]
    pub lists_free: Option<bool>,
    /// Words of the columns country, category and type, and what they are in the ledger.
    #[serde(default)]
    pub words: BTreeMap<String, String>,
}

/// Names of the columns. Those left out are not told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// WABA id.
    pub waba: Option<String>,
    /// Number, or its id.
    pub phone: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Category.
    pub category: Option<String>,
    /// Regular, or a free type.
    #[serde(rename = "type")]
    pub pricing_type: Option<String>,
    /// Messages.
    pub quantity: String,
    /// Cost before tax.
    pub amount: Option<String>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Day or month; left out, every row is of the month asked for.
    pub period: Option<String>,
}

/// How days are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum DateForm {
    /// The month alone.
    #[serde(rename = "YYYY-MM")]
    Month,
    /// As ISO 8601 has it.
    #[default]
    #[serde(rename = "YYYY-MM-DD")]
    Iso,
    /// The day first, points.
    #[serde(rename = "DD.MM.YYYY")]
    DayPoint,
    /// The day first, slashes.
    #[serde(rename = "DD/MM/YYYY")]
    DaySlash,
    /// The month first, slashes.
    #[serde(rename = "MM/DD/YYYY")]
    MonthSlash,
}

/// A day or a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Period {
    Day(Date),
    Month(YearMonth),
}

impl DateForm {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Month => "YYYY-MM",
            Self::Iso => "YYYY-MM-DD",
            Self::DayPoint => "DD.MM.YYYY",
            Self::DaySlash => "DD/MM/YYYY",
            Self::MonthSlash => "MM/DD/YYYY",
        }
    }

    pub(super) fn read(self, text: &str) -> Option<Period> {
        let (sign, order) = match self {
            Self::Month => return text.parse().ok().map(Period::Month),
            Self::Iso => ('-', [0, 1, 2]),
            Self::DayPoint => ('.', [2, 1, 0]),
            Self::DaySlash => ('/', [2, 1, 0]),
            Self::MonthSlash => ('/', [2, 0, 1]),
        };
        let parts: Vec<&str> = text.split(sign).collect();
        let [year, month, day] = order.map(|at| parts.get(at).copied().unwrap_or_default());
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if parts.len() != 3 || year.len() != 4 || !digits(month) || !digits(day) {
            return None;
        }
        Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok().map(Period::Day)
    }
}

const fn comma() -> char {
    ','
}

const fn point() -> char {
    '.'
}
