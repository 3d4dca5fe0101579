//! The platform's words on a charge: model, type, and how sure we are of a rate.

use serde::{Deserialize, Serialize};

/// How the platform charges in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PricingModel {
    /// Per conversation.
    Cbp,
    /// Per delivered message.
    Pmp,
}

impl PricingModel {
    /// The platform's abbreviation: `CBP` or `PMP`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cbp => "CBP",
            Self::Pmp => "PMP",
        }
    }

    /// Reads the platform's abbreviation; `None` for anything else.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Cbp, Self::Pmp].into_iter().find(|m| m.as_str() == name)
    }
}

/// Why a message costs what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PricingType {
    /// Charged at list or band rate.
    Regular,
    /// Free because the customer service window was open.
    FreeCustomerService,
    /// Free because the free entry point was open.
    FreeEntryPoint,
    /// Free because it is within the month's allowance; ours, the platform has no word for it.
    FreeAllowance,
}

impl PricingType {
    /// Name in data files and ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::FreeCustomerService => "free_customer_service",
            Self::FreeEntryPoint => "free_entry_point",
            Self::FreeAllowance => "free_allowance",
        }
    }
}

/// How sure a cell of a card is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellStatus {
    /// Transcribed from the platform's card.
    Published,
    /// Derived from neighbouring cards and announced changes.
    Composed,
    /// One source only: priced, flagged, blocks a close unless accepted.
    Unverified,
    /// Offered at a rate that is not known: no price.
    Unknown,
    /// Not offered: the rulebook's fall-back, if it names one.
    NotOffered,
}

impl CellStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Published, Self::Composed, Self::Unverified, Self::Unknown, Self::NotOffered];

    /// Name in data files and ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Composed => "composed",
            Self::Unverified => "unverified",
            Self::Unknown => "unknown",
            Self::NotOffered => "not_offered",
        }
    }

    /// Reads a name; `None` for anything else.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }

    /// True if a cell of this status carries a rate.
    #[must_use]
    pub const fn has_rate(self) -> bool {
        matches!(self, Self::Published | Self::Composed | Self::Unverified)
    }
}

macro_rules! display_as_str {
    ($($kind:ty),+) => {$(
        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+};
}
display_as_str!(PricingModel, PricingType, CellStatus);
