//! What a difference can be. The rules stand in the README, in the order in which they are tried.

use serde::Serialize;

/// Why messages or amounts differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The same row in another currency.
    Currency,
    /// The number's messages are on another WABA in the other source.
    NumberMoved,
    /// The platform counts as regular what is one of our free ones.
    Allowance,
    /// Another category or type, as many in all.
    Reclassified,
    /// What other software sent.
    ForeignTraffic,
    /// Billed in another month than it was used in.
    LateStatus,
    /// On the other side of midnight, or of the month's end.
    ZoneCut,
    /// The same messages at the rate of another band.
    BandLag,
    /// The same messages, amounts within what rounding makes.
    PlatformRounding,
    /// The platform has more than was reported to us.
    MissingWebhook,
    /// Anything else.
    Unknown,
}

impl Class {
    /// Every class, in the order of a report.
    pub const ALL: [Self; 11] = [
        Self::Currency,
        Self::NumberMoved,
        Self::Allowance,
        Self::Reclassified,
        Self::ForeignTraffic,
        Self::LateStatus,
        Self::ZoneCut,
        Self::BandLag,
        Self::PlatformRounding,
        Self::MissingWebhook,
        Self::Unknown,
    ];

    /// Name for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Currency => "currency",
            Self::NumberMoved => "number moved",
            Self::Allowance => "allowance",
            Self::Reclassified => "re-classified",
            Self::ForeignTraffic => "foreign traffic",
            Self::LateStatus => "late status",
            Self::ZoneCut => "zone cut",
            Self::BandLag => "band lag",
            Self::PlatformRounding => "platform rounding",
            Self::MissingWebhook => "missing webhook",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the difference has a reason that lies in the data at hand.
    #[must_use]
    pub const fn is_explained(self) -> bool {
        !matches!(self, Self::MissingWebhook | Self::Unknown)
    }
}
