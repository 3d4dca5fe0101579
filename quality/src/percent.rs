//! A whole percentage, 0 to 100.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A whole percentage, 0 to 100. Serialized as a plain integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Percent(u8);

/// A number that is no percentage.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0} is not a percentage: give a whole number from 0 to 100")]
pub struct PercentError(u32);

impl Percent {
    /// Nothing.
    pub const ZERO: Percent = Percent(0);
    /// Everything.
    pub const ALL: Percent = Percent(100);

    /// A percentage known when the program is written; more than 100 counts as 100.
    #[must_use]
    pub const fn at_most_100(value: u8) -> Percent {
        if value > 100 { Percent::ALL } else { Percent(value) }
    }

    /// The whole number, 0 to 100.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0 as u32
    }

    /// This part of `whole`, rounded down.
    #[must_use]
    pub const fn of(self, whole: u32) -> u32 {
        (whole as u64 * self.0 as u64 / 100) as u32
    }
}

impl TryFrom<u32> for Percent {
    type Error = PercentError;

    fn try_from(value: u32) -> Result<Self, PercentError> {
        match u8::try_from(value) {
            Ok(percent) if percent <= 100 => Ok(Percent(percent)),
            _ => Err(PercentError(value)),
        }
    }
}

impl From<Percent> for u32 {
    fn from(percent: Percent) -> u32 {
        percent.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_rounded_down() {
        assert_eq!(Percent(10).of(259), 25);
        assert_eq!(Percent::ALL.of(u32::MAX), u32::MAX);
    }

    #[test]
    fn more_than_a_hundred_is_refused_with_the_value() {
        let error = Percent::try_from(101).expect_err("101 is too much");
        assert_eq!(error.to_string(), "101 is not a percentage: give a whole number from 0 to 100");
    }
}
