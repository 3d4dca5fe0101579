//! Fees: what a reseller asks besides the price of what is delivered, by message, number and month.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::text;

/// What a fee is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fee {
    /// A message that the platform took.
    Accepted,
    /// A message of a person.
    Inbound,
    /// A message that the platform refused, or could not deliver.
    Failed,
    /// A number, for a month.
    Number,
    /// What a month's bill of a WABA falls short of.
    Minimum,
}

impl Fee {
    /// All of them, in the order in which they are booked.
    pub const ALL: [Self; 5] = [Self::Accepted, Self::Inbound, Self::Failed, Self::Number, Self::Minimum];

    /// Its name in declarations, on the ledger and on exports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Inbound => "inbound",
            Self::Failed => "failed",
            Self::Number => "number",
            Self::Minimum => "minimum",
        }
    }

    /// Its place in [`Fee::ALL`].
    #[must_use]
    pub const fn index(self) -> u8 {
        self as u8
    }

    /// The fee at a place in [`Fee::ALL`].
    #[must_use]
    pub fn from_index(index: u8) -> Option<Self> {
        Self::ALL.get(usize::from(index)).copied()
    }
}

/// The fees of a mark-up, in the currency of its prices. None is a fee of 0, and left out when written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fees {
    /// For each message that the platform took.
    #[serde(skip_serializing_if = "Decimal::is_zero", with = "text::decimal")]
    pub accepted: Decimal,
    /// For each message of a person.
    #[serde(skip_serializing_if = "Decimal::is_zero", with = "text::decimal")]
    pub inbound: Decimal,
    /// For each message that the platform refused, or could not deliver.
    #[serde(skip_serializing_if = "Decimal::is_zero", with = "text::decimal")]
    pub failed: Decimal,
    /// For each number and month.
    #[serde(skip_serializing_if = "Decimal::is_zero", with = "text::decimal")]
    pub number: Decimal,
    /// What the bill of a WABA and month comes to at least.
    #[serde(skip_serializing_if = "Decimal::is_zero", with = "text::decimal")]
    pub minimum: Decimal,
}

impl Fees {
    /// Whether nothing is asked.
    #[must_use]
    pub fn is_none(&self) -> bool {
        Fee::ALL.iter().all(|fee| self.of(*fee).is_zero())
    }

    /// The amount of a fee; 0 where there is none.
    #[must_use]
    pub const fn of(&self, fee: Fee) -> Decimal {
        match fee {
            Fee::Accepted => self.accepted,
            Fee::Inbound => self.inbound,
            Fee::Failed => self.failed,
            Fee::Number => self.number,
            Fee::Minimum => self.minimum,
        }
    }
}
