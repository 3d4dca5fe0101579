//! A WABA's numbers as the platform lists them: quality, throughput, messaging limit.

use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use tollgate_quality::{Limit, Score};

use super::analytics::PLAIN;

/// First version whose numbers name the portfolio's limit; before it they name their own.
const PORTFOLIO_LIMIT_SINCE: u32 = 24;
/// Messages a second of a number whose throughput is called so.
const STANDARD: u32 = 80;
const HIGH: u32 = 1_000;

/// What the platform says of a number. `None` where it says nothing that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedNumber {
    /// Phone number id.
    pub id: String,
    /// Quality score.
    pub quality: Option<Score>,
    /// Messages a second.
    pub throughput: Option<u32>,
    /// Messaging limit, whoever shares it.
    pub limit: Option<Limit>,
}

/// The question for a page of a WABA's numbers, for [`super::GraphClient::ask`]; `version` is that of the path.
#[must_use]
pub fn phone_numbers(waba: &str, version: &str, after: Option<&str>) -> String {
    let waba = utf8_percent_encode(waba, PLAIN);
    let after = after.map(|after| format!("&after={}", utf8_percent_encode(after, PLAIN))).unwrap_or_default();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    // Each version refuses a question for the other's field.
    let limit = match major {
        Some(major) if major < PORTFOLIO_LIMIT_SINCE => "messaging_limit_tier",
        _ => "whatsapp_business_manager_messaging_limit",
    };
    format!("{waba}/phone_numbers?fields=id,quality_rating,throughput,{limit}&limit=100{after}")
}

#[derive(Deserialize)]
struct Raw {
    id: String,
    #[serde(default)]
    quality_rating: Option<String>,
    #[serde(default)]
    throughput: Option<Throughput>,
    #[serde(default)]
    messaging_limit_tier: Option<serde_json::Value>,
    #[serde(default)]
    whatsapp_business_manager_messaging_limit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Throughput {
    #[serde(default)]
    level: Option<String>,
}

impl ListedNumber {
    /// Reads one of a page; `None` if it is none.
    #[must_use]
    pub fn read(json: &str) -> Option<Self> {
        let raw: Raw = serde_json::from_str(json).ok()?;
        let quality = raw.quality_rating.and_then(|score| match score.as_str() {
            "NA" => Some(Score::Unknown),
            known => known.parse().ok(),
        });
        let level = raw.throughput.and_then(|throughput| throughput.level);
        let throughput = level.and_then(|level| match level.as_str() {
            "STANDARD" => Some(STANDARD),
            "HIGH" => Some(HIGH),
            _ => None,
        });
        let limit = raw.whatsapp_business_manager_messaging_limit.or(raw.messaging_limit_tier);
        // A name that is no limit, such as TIER_NOT_SET, says nothing.
        let limit = limit.and_then(|limit| serde_json::from_value(limit).ok());
        Some(Self { id: raw.id, quality, throughput, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_names_the_field_of_the_version() {
        let asked = |version| phone_numbers("1/2", version, None);
        let now = "1%2F2/phone_numbers?fields=id,quality_rating,throughput,whatsapp_business_manager_messaging_limit";
        assert_eq!(asked("v26.0"), format!("{now}&limit=100"));
        assert_eq!(
            asked("v23.0"),
            "1%2F2/phone_numbers?fields=id,quality_rating,throughput,messaging_limit_tier&limit=100"
        );
        assert!(phone_numbers("1", "v26.0", Some("a&b")).ends_with("&limit=100&after=a%26b"));
    }

    #[test]
    fn a_number_in_every_spelling() {
        let of = |fields: &str| ListedNumber::read(&format!("{{\"id\":\"1\"{fields}}}"));
        let number = |quality, throughput, limit| Some(ListedNumber { id: "1".to_owned(), quality, throughput, limit });
        assert_eq!(of(""), number(None, None, None));
        let high = r#","quality_rating":"GREEN","throughput":{"level":"HIGH"},"whatsapp_business_manager_messaging_limit":"TIER_2K""#;
        assert_eq!(of(high), number(Some(Score::Green), Some(1_000), Some(Limit::Users(2_000))));
        let standard =
            r#","quality_rating":"NA","throughput":{"level":"STANDARD"},"messaging_limit_tier":"TIER_UNLIMITED""#;
        assert_eq!(of(standard), number(Some(Score::Unknown), Some(80), Some(Limit::Unlimited)));
        let unknown =
            r#","quality_rating":"BLUE","throughput":{"level":"NOT_APPLICABLE"},"messaging_limit_tier":"TIER_NOT_SET""#;
        assert_eq!(of(unknown), number(None, None, None));
        assert_eq!(of(r#","messaging_limit_tier":250"#), number(None, None, Some(Limit::Users(250))));
        assert_eq!(ListedNumber::read("{}"), None);
    }
}
