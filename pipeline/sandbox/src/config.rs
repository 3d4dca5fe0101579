//! Everything that can be set, with its default. Unknown keys are errors.

pub(crate) mod account;
pub(crate) mod bands;
pub(crate) mod behaviour;
pub(crate) mod check;
pub(crate) mod template;
pub(crate) mod webhook;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::SandboxError;
use account::PortfolioConfig;
use bands::VolumeBandsConfig;
use behaviour::{DelayConfig, LimitConfig, RateConfig};
use webhook::WebhookConfig;

/// The configuration that is used when no file is given; it is also the manual of the format.
pub(crate) const DEFAULT_TOML: &str = include_str!("../sandbox.default.toml");

/// A sandbox: where it listens, which accounts exist, and how its users behave.
///
/// Every key has a default, so `SandboxConfig { accounts, ..Default::default() }` is enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// Where to listen. Default `127.0.0.1:8440`; port 0 picks a free one. On an address that is
    /// not loopback the control paths ask for a bearer token too.
    pub listen: SocketAddr,
    /// Start of every decision by chance. Default 1.
    pub seed: u64,
    /// Accepted access tokens. Default `["sandbox-token"]`.
    pub bearer_tokens: Vec<String>,
    /// Shape of webhooks, `vN.M`. From `v24.0` (the default) a status has no `conversation`
    /// except in a free entry point; before that every status has one. Requests may use any
    /// version in their path.
    pub graph_version: String,
    /// Added to the system clock, in seconds. Default 0.
    pub clock_offset_seconds: i64,
    /// First local day, `YYYY-MM-DD`, on which a utility template inside an open customer
    /// service window is charged. Default `2026-10-01`; the day starts in the WABA's time zone.
    pub utility_in_window_charged_from: String,
    /// First local day on which service messages are charged. Default `2026-10-01`. The free
    /// monthly allowance is not marked, because how the platform marks it is not documented.
    pub service_charged_from: String,
    /// The business portfolios that exist. Default none.
    pub accounts: Vec<PortfolioConfig>,
    /// Markets of which the platform tells when their volume reaches a further band. Default none.
    pub volume_bands: Vec<VolumeBandsConfig>,
    /// Where and how webhooks are delivered.
    pub webhooks: WebhookConfig,
    /// How long people and networks take.
    pub delays: DelayConfig,
    /// How often something unusual happens to ordinary recipients.
    pub rates: RateConfig,
    /// The limits that are the same for every account.
    pub limits: LimitConfig,
    /// What is kept for an auditor.
    pub journal: JournalConfig,
}

/// Where accepted sends and webhook changes are recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct JournalConfig {
    /// Newest lines kept for `GET /sandbox/journal`. Default 0: none, and the path answers 404.
    pub memory_max_lines: usize,
    /// File that lines are appended to, flushed to the operating system before a webhook is
    /// first delivered. Default none.
    pub path: Option<PathBuf>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8440)),
            seed: 1,
            bearer_tokens: vec!["sandbox-token".to_owned()],
            graph_version: "v24.0".to_owned(),
            clock_offset_seconds: 0,
            utility_in_window_charged_from: "2026-10-01".to_owned(),
            service_charged_from: "2026-10-01".to_owned(),
            accounts: Vec::new(),
            volume_bands: Vec::new(),
            webhooks: WebhookConfig::default(),
            delays: DelayConfig::default(),
            rates: RateConfig::default(),
            limits: LimitConfig::default(),
            journal: JournalConfig::default(),
        }
    }
}

impl SandboxConfig {
    /// The embedded example: one portfolio with two numbers and a template of each category.
    pub fn example() -> Self {
        Self::from_toml(DEFAULT_TOML).expect("the embedded file is checked by a test")
    }

    /// Reads TOML.
    ///
    /// # Errors
    /// [`SandboxError::Parse`] with line and key for malformed text or an unknown key.
    pub fn from_toml(text: &str) -> Result<Self, SandboxError> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            SandboxError::Parse { line, problem: error.message().replace('\n', ", ") }
        })
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// [`SandboxError::Parse`] with line and column for malformed text or an unknown key.
    pub fn from_json(text: &str) -> Result<Self, SandboxError> {
        serde_json::from_str(text).map_err(|error| {
            let message = error.to_string();
            let problem = message.rsplit_once(" at line ").map_or(message.as_str(), |(problem, _)| problem);
            SandboxError::Parse { line: error.line().max(1), problem: problem.to_owned() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::SandboxConfig;
    use crate::config::check::Checked;

    #[test]
    fn the_embedded_file_states_the_defaults() {
        let example = SandboxConfig::example();
        assert_eq!((example.accounts.len(), example.volume_bands.len()), (1, 1));
        Checked::new(&example).expect("valid");
        let without_examples = SandboxConfig { accounts: Vec::new(), volume_bands: Vec::new(), ..example };
        assert_eq!(without_examples, SandboxConfig::default());
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let error = SandboxConfig::from_toml("sed = 3").expect_err("unknown key");
        assert!(error.to_string().contains("sed"), "{error}");
        let error = SandboxConfig::from_json(r#"{"rates":{"silense":0.1}}"#).expect_err("unknown");
        assert!(error.to_string().contains("silense"), "{error}");
        let error = SandboxConfig::from_toml("seed = 3\n\n[rates]\nsilense = 0.1\n").expect_err("unknown key");
        assert!(error.to_string().starts_with("sandbox configuration, line 4: unknown field `silense`"), "{error}");
    }
}
