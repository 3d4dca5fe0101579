//! Since when authentication messages to people of a country are charged as authentication-international.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::Country;
use crate::markup::text;

/// Start of authentication-international of a WABA for recipients of a country, as the platform tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthInternational {
    /// Of the recipient.
    pub country: Country,
    /// First local date of the WABA, from 00:00 on.
    #[serde(with = "text::date")]
    pub valid_from: Date,
}

impl AuthInternational {
    /// Whether it is asked on a date: it has begun for the recipient's country, and the business is not known to be there.
    /// `location` is the country of the verified primary business location, if there is one.
    #[must_use]
    pub fn applies(all: &[Self], location: Option<Country>, recipient: Option<Country>, date: Date) -> bool {
        recipient.is_some_and(|recipient| {
            location != Some(recipient) && all.iter().any(|of| of.country == recipient && of.valid_from <= date)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_from_its_day_on_where_the_business_is_not() {
        let all: Vec<AuthInternational> = serde_json::from_str(
            r#"[{"country": "IN", "valid_from": "2026-10-01"}, {"country": "NG", "valid_from": "2026-11-01"}]"#,
        )
        .expect("plain data");
        let at = |location: Option<&str>, recipient: Option<&str>, date: &str| {
            let country = |code: Option<&str>| code.and_then(Country::new);
            AuthInternational::applies(&all, country(location), country(recipient), date.parse().expect("a day"))
        };
        assert!(at(None, Some("IN"), "2026-10-01"), "a location that is not verified");
        assert!(at(Some("BR"), Some("IN"), "2026-12-01"));
        assert!(!at(Some("IN"), Some("IN"), "2026-12-01"), "at home");
        assert!(!at(None, Some("IN"), "2026-09-30") && !at(None, Some("NG"), "2026-10-01"), "not begun");
        assert!(!at(None, Some("BR"), "2026-12-01") && !at(None, None, "2026-12-01"));
    }
}
