//! The messaging limit: how many users may be reached outside the window in a moving 24 hours.
//!
//! The platform spells it in many ways, by API version and webhook: `TIER_250`, `TIER_2K`, `2000`, `-1`,
//! `UNLIMITED`. All are read here; a tier is data, so any whole number is a limit.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The messaging limit, in unique users per moving 24 hours.
///
/// Text formats: a number, or `"UNLIMITED"`; read from every spelling that the platform uses.
/// Binary formats: an `i64`, `-1` for unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// At most so many users. 0 allows none.
    Users(u32),
    /// No limit.
    Unlimited,
}

/// A spelling that is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "messaging limit {0:?} is not known: expected TIER_50, TIER_250, TIER_1K, TIER_2K, TIER_10K, TIER_100K, \
     TIER_UNLIMITED, UNLIMITED, -1 (unlimited) or a whole number of users from 0 to 4294967295, such as 2000 or 2K"
)]
pub struct LimitError(String);

impl Limit {
    /// Is a scope that counts `users` still below the limit, so that one more may be reached?
    #[must_use]
    pub const fn is_above(self, users: u32) -> bool {
        match self {
            Limit::Users(limit) => users < limit,
            Limit::Unlimited => true,
        }
    }

    /// The number of users, `None` for unlimited.
    #[must_use]
    pub const fn users(self) -> Option<u32> {
        match self {
            Limit::Users(limit) => Some(limit),
            Limit::Unlimited => None,
        }
    }
}

impl TryFrom<i64> for Limit {
    type Error = LimitError;

    fn try_from(number: i64) -> Result<Self, LimitError> {
        if number == -1 {
            return Ok(Limit::Unlimited);
        }
        u32::try_from(number).map(Limit::Users).map_err(|_| LimitError(number.to_string()))
    }
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let unknown = || LimitError(text.to_owned());
        let upper = text.trim().to_ascii_uppercase();
        let tier = upper.strip_prefix("TIER_").unwrap_or(&upper);
        if tier == "UNLIMITED" || upper == "-1" {
            return Ok(Limit::Unlimited);
        }
        let (digits, factor) = match tier.strip_suffix('K') {
            Some(thousands) => (thousands, 1000),
            None => (tier, 1),
        };
        // `parse` alone would take a plus sign.
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(unknown());
        }
        let number: u32 = digits.parse().map_err(|_| unknown())?;
        number.checked_mul(factor).map(Limit::Users).ok_or_else(unknown)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Users(limit) => write!(out, "{limit}"),
            Limit::Unlimited => out.write_str("UNLIMITED"),
        }
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Limit::Users(limit) => serializer.serialize_i64(i64::from(*limit)),
            Limit::Unlimited if serializer.is_human_readable() => serializer.serialize_str("UNLIMITED"),
            Limit::Unlimited => serializer.serialize_i64(-1),
        }
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(LimitVisitor)
        } else {
            deserializer.deserialize_i64(LimitVisitor)
        }
    }
}

struct LimitVisitor;

impl Visitor<'_> for LimitVisitor {
    type Value = Limit;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a messaging limit: a tier such as \"TIER_2K\", \"UNLIMITED\", or a whole number of users")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Limit, E> {
        Limit::try_from(number).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Limit, E> {
        u32::try_from(number).map(Limit::Users).map_err(|_| E::custom(LimitError(number.to_string())))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Limit, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the platform writes, as JSON, and what we read.
    const SPELLINGS: &str = r#"
        "TIER_50"         → 50
        "TIER_250"        → 250
        "TIER_1K"         → 1000
        "TIER_2K"         → 2000
        "TIER_10K"        → 10000
        "TIER_100K"       → 100000
        "TIER_UNLIMITED"  → UNLIMITED
        "UNLIMITED"       → UNLIMITED
        "unlimited"       → UNLIMITED
        "-1"              → UNLIMITED
        -1                → UNLIMITED
        "1K"              → 1000
        "100000"          → 100000
        2000              → 2000
        0                 → 0
        4294967295        → 4294967295
        "TIER_NOT_SET"    → refused
        "NOT_SET"         → refused
        "TIER_"           → refused
        ""                → refused
        "K"               → refused
        "+250"            → refused
        "TIER_-1"         → refused
        "2.5K"            → refused
        "4294967K"        → 4294967000
        "4294968K"        → refused
        4294967296        → refused
        -2                → refused
        250.0             → refused
        null              → refused
    "#;

    #[test]
    fn every_documented_spelling_is_read() {
        for line in SPELLINGS.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (json, expected) = line.split_once('→').expect("spelling → limit");
            let read =
                serde_json::from_str::<Limit>(json.trim()).map_or("refused".to_owned(), |limit| limit.to_string());
            assert_eq!(read, expected.trim(), "{line}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for limit in [Limit::Users(0), Limit::Users(2000), Limit::Users(u32::MAX), Limit::Unlimited] {
            let json = serde_json::to_string(&limit).expect("a limit is a number or a string");
            assert_eq!(serde_json::from_str::<Limit>(&json).expect("reads back"), limit);
            assert_eq!(limit.to_string().parse(), Ok(limit));
        }
    }

    #[test]
    fn a_refusal_says_what_is_accepted() {
        let error = "TIER_NOT_SET".parse::<Limit>().expect_err("not a limit").to_string();
        assert!(error.starts_with("messaging limit \"TIER_NOT_SET\" is not known: expected TIER_50, "), "{error}");
    }

    #[test]
    fn a_limit_is_reached_at_its_own_number() {
        assert!(Limit::Users(250).is_above(249));
        assert!(!Limit::Users(250).is_above(250));
        assert!(!Limit::Users(0).is_above(0));
        assert!(Limit::Unlimited.is_above(u32::MAX));
    }
}
