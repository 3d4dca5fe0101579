//! The category of a message, the first of the two things its price depends on.

use serde::{Deserialize, Serialize};

/// What a message is charged as. Source: the platform's pricing categories since 2023-06-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Marketing template.
    Marketing,
    /// Utility template.
    Utility,
    /// Authentication template at the domestic rate.
    Authentication,
    /// Authentication template at the rate for businesses from another country.
    AuthenticationInternational,
    /// Message that is not a template.
    Service,
}

impl Category {
    /// Number of categories.
    pub const COUNT: usize = 5;

    /// Every category, in the order of the cards' rows.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Marketing, Self::Utility, Self::Authentication, Self::AuthenticationInternational, Self::Service];

    /// Position in [`Category::ALL`]: 0 to 4.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Name in data files and ledger: `marketing`, `authentication_international`, ….
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Marketing => "marketing",
            Self::Utility => "utility",
            Self::Authentication => "authentication",
            Self::AuthenticationInternational => "authentication_international",
            Self::Service => "service",
        }
    }

    /// Reads a name. The platform writes `authentication-international` in its pricing object and
    /// `authentication_international` in its conversation object; both are taken. `None` for
    /// anything else.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "authentication-international" => Some(Self::AuthenticationInternational),
            _ => Self::ALL.into_iter().find(|c| c.as_str() == name),
        }
    }

    /// The category whose volume counter this one advances: authentication and its international
    /// form share one.
    #[must_use]
    pub const fn band_counter(self) -> Self {
        match self {
            Self::AuthenticationInternational => Self::Authentication,
            other => other,
        }
    }
}

impl std::fmt::Display for Category {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
