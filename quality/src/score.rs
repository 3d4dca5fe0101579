//! The quality score that the platform gives a sender.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The sender's quality score, as the platform reports it for the last seven days.
/// Printed, parsed and serialized in the platform's spelling (`GREEN`, `YELLOW`, `RED`, `UNKNOWN`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Score {
    /// High quality.
    Green,
    /// Medium quality.
    Yellow,
    /// Low quality.
    Red,
    /// Not rated yet, as a new number is.
    #[default]
    Unknown,
}

/// A spelling that is no quality score.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("quality score {0:?} is not known: expected GREEN, YELLOW, RED or UNKNOWN")]
pub struct ScoreError(String);

impl Score {
    /// The platform's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Score::Green => "GREEN",
            Score::Yellow => "YELLOW",
            Score::Red => "RED",
            Score::Unknown => "UNKNOWN",
        }
    }

    /// The value of the metric `tollgate_quality`: 0 unknown, 1 red, 2 yellow, 3 green.
    /// More is better among rated senders, and 0 is kept for "not rated", so `== 1` is the alert.
    #[must_use]
    pub const fn metric(self) -> u8 {
        match self {
            Score::Unknown => 0,
            Score::Red => 1,
            Score::Yellow => 2,
            Score::Green => 3,
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Score {
    type Err = ScoreError;

    fn from_str(text: &str) -> Result<Self, ScoreError> {
        match text {
            "GREEN" => Ok(Score::Green),
            "YELLOW" => Ok(Score::Yellow),
            "RED" => Ok(Score::Red),
            "UNKNOWN" => Ok(Score::Unknown),
            other => Err(ScoreError(other.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_score_reads_back_from_text_and_from_json() {
        for (score, metric) in [(Score::Unknown, 0), (Score::Red, 1), (Score::Yellow, 2), (Score::Green, 3)] {
            assert_eq!(score.to_string().parse(), Ok(score));
            assert_eq!(score.metric(), metric);
            let json = serde_json::to_string(&score).expect("a score is a string");
            assert_eq!(json, format!("\"{score}\""));
            assert_eq!(serde_json::from_str::<Score>(&json).expect("reads back"), score);
        }
    }

    #[test]
    fn an_unknown_spelling_names_what_is_accepted() {
        let error = "BLUE".parse::<Score>().expect_err("no such score");
        assert_eq!(error.to_string(), "quality score \"BLUE\" is not known: expected GREEN, YELLOW, RED or UNKNOWN");
    }
}
