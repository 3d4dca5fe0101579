//! Volume bands: further messages of a market's month that cost less, and of which the platform tells.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::check::refuse;
use super::template::Category;
use crate::error::SandboxError;
use crate::world::country::country;

/// The bands of a market and category. What is charged is counted for each portfolio, by months of the WABA's zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeBandsConfig {
    /// The market as webhooks name it, such as `Mexico`.
    pub region: String,
    /// Countries whose people it has, in two capitals.
    pub countries: Vec<String>,
    /// `UTILITY`, or `AUTHENTICATION` with both of its forms.
    pub category: Category,
    /// First message of each band but the first, ascending.
    pub starts: Vec<u64>,
    /// Messages that other software of each portfolio sent before the month's first one here. Default 0.
    #[serde(default)]
    pub elsewhere: u64,
}

/// Whether all of them can be used.
pub(super) fn check(bands: &[VolumeBandsConfig]) -> Result<(), SandboxError> {
    let mut counted = HashSet::new();
    for (index, of) in bands.iter().enumerate() {
        let field = |name: &str| format!("volume_bands[{index}].{name}");
        if of.region.is_empty() {
            return refuse(&field("region"), "", "the market's name");
        }
        if of.category == Category::Marketing {
            return refuse(&field("category"), "MARKETING", "UTILITY or AUTHENTICATION");
        }
        if of.countries.is_empty() {
            return refuse(&field("countries"), "", "give at least one country");
        }
        for code in &of.countries {
            if code.len() != 2 || country(&format!("{code}.")).is_none() {
                return refuse(&field("countries"), code, "two capitals, as in countries.txt");
            }
            if !counted.insert((code, of.category)) {
                return refuse(&field("countries"), code, "once for each category");
            }
        }
        if of.starts.first().is_none_or(|first| *first < 2) || !of.starts.is_sorted_by(|a, b| a < b) {
            return refuse(&field("starts"), &format!("{:?}", of.starts), "at least one message from 2 on, ascending");
        }
        if of.elsewhere > 1 << 48 {
            return refuse(&field("elsewhere"), &of.elsewhere.to_string(), "outside the documented bounds");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Category, VolumeBandsConfig, check};

    #[test]
    fn each_refusal_names_its_key() {
        let good = || VolumeBandsConfig {
            region: "Mexico".to_owned(),
            countries: vec!["MX".to_owned()],
            category: Category::Utility,
            starts: vec![2, 5],
            elsewhere: 0,
        };
        check(&[good(), VolumeBandsConfig { category: Category::Authentication, ..good() }]).expect("good");
        let cases = [
            ("[0].region", vec![VolumeBandsConfig { region: String::new(), ..good() }]),
            ("[0].countries", vec![VolumeBandsConfig { countries: Vec::new(), ..good() }]),
            ("[0].countries", vec![VolumeBandsConfig { countries: vec!["Mexico".to_owned()], ..good() }]),
            ("[0].category", vec![VolumeBandsConfig { category: Category::Marketing, ..good() }]),
            ("[0].starts", vec![VolumeBandsConfig { starts: Vec::new(), ..good() }]),
            ("[0].starts", vec![VolumeBandsConfig { starts: vec![1, 5], ..good() }]),
            ("[0].starts", vec![VolumeBandsConfig { starts: vec![5, 5], ..good() }]),
            ("[0].elsewhere", vec![VolumeBandsConfig { elsewhere: u64::MAX, ..good() }]),
            ("[1].countries", vec![good(), good()]),
        ];
        for (key, bands) in cases {
            let told = check(&bands).expect_err(key).to_string();
            assert!(told.contains(&format!("volume_bands{key}")), "{key}: {told}");
        }
    }
}
