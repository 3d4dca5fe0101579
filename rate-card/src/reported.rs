//! What the platform's `pricing` object says, in its own words. It decides model, category and
//! explicit free types; a word that we do not know is kept as unknown and never guessed.

use crate::{Category, PricingModel};

/// The `pricing` object of a status webhook; `None` where the object does not carry the field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reported {
    /// `pricing.category`.
    pub category: Option<ReportedCategory>,
    /// `pricing.type`.
    pub pricing_type: Option<ReportedType>,
    /// `pricing.pricing_model`.
    pub model: Option<ReportedModel>,
}

/// `pricing.category`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedCategory {
    /// One of ours; `marketing_lite` is rated as marketing.
    Known(Category),
    /// `referral_conversion`: a free entry point; the message's own category is not said.
    ReferralConversion,
    /// Anything else, such as the group categories: unpriced.
    Unknown,
}

impl ReportedCategory {
    /// Reads the platform's word.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "marketing_lite" => Self::Known(Category::Marketing),
            "referral_conversion" => Self::ReferralConversion,
            _ => Category::parse(word).map_or(Self::Unknown, Self::Known),
        }
    }

    /// Name in the ledger's `reported_category`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Known(category) => category.as_str(),
            Self::ReferralConversion => "referral_conversion",
            Self::Unknown => "unknown",
        }
    }
}

/// `pricing.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedType {
    /// `regular`: billable, though it may still be one of our free allowance.
    Regular,
    /// `free_customer_service`.
    FreeCustomerService,
    /// `free_entry_point`.
    FreeEntryPoint,
    /// Anything else: unpriced.
    Unknown,
}

impl ReportedType {
    /// Reads the platform's word.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "regular" => Self::Regular,
            "free_customer_service" => Self::FreeCustomerService,
            "free_entry_point" => Self::FreeEntryPoint,
            _ => Self::Unknown,
        }
    }

    /// Name in the ledger's `reported_type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::FreeCustomerService => "free_customer_service",
            Self::FreeEntryPoint => "free_entry_point",
            Self::Unknown => "unknown",
        }
    }
}

/// `pricing.pricing_model`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedModel {
    /// `CBP` or `PMP`.
    Known(PricingModel),
    /// Anything else, such as `NBP` of before 2022: unpriced.
    Unknown,
}

impl ReportedModel {
    /// Reads the platform's word.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        PricingModel::parse(word).map_or(Self::Unknown, Self::Known)
    }

    /// Name in the ledger's `reported_model`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Known(model) => model.as_str(),
            Self::Unknown => "unknown",
        }
    }
}
