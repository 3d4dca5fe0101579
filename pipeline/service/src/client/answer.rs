//! What the service answers, and its refusals as errors of one line.

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{DATE, RETRY_AFTER};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tollgate_wire::Time;

/// What is said when service and command do not understand each other.
const VERSIONS: &str = "the service's answer cannot be read; use a command of the service's version";

/// An answer of any status.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Problem details (RFC 9457) as the service writes them.
#[derive(Clone, Debug, Deserialize, thiserror::Error)]
#[error("{}", self.line())]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Stable name of the problem.
    pub code: String,
    /// What is wrong.
    pub detail: String,
    /// Field or parameter.
    #[serde(default)]
    pub field: Option<String>,
    /// Its value.
    #[serde(default)]
    pub value: Option<String>,
    /// What would help.
    #[serde(default)]
    pub remedy: Option<String>,
}

impl Problem {
    /// Code, field, value, detail and remedy on one line.
    fn line(&self) -> String {
        let mut line = self.code.clone();
        match (&self.field, &self.value) {
            (Some(field), Some(value)) if !value.is_empty() => line.push_str(&format!(": {field} = {value:?}")),
            (Some(field), _) => line.push_str(&format!(": {field}")),
            (None, _) => {}
        }
        line.push_str(&format!(": {}", self.detail));
        let remedy = match self.code.as_str() {
            "unauthorized" => Some("give a token with --token-file or TOLLGATE_TOKEN"),
            "unknown_account" => Some("create it with `tollgate accounts apply FILE`"),
            _ => self.remedy.as_deref(),
        };
        if let Some(remedy) = remedy {
            line.push_str(&format!("; {remedy}"));
        }
        line
    }
}

/// A list with the time that it holds for.
#[derive(Debug, Deserialize)]
pub struct Listing<T> {
    /// When it was taken.
    pub as_of: Time,
    /// The items.
    pub items: Vec<T>,
    /// How many more there are.
    #[serde(default)]
    pub left_out: u64,
}

impl Answer {
    /// The refusal, if it is one.
    pub fn problem(&self) -> Option<Problem> {
        if (200..300).contains(&self.status) {
            return None;
        }
        Some(serde_json::from_slice(&self.body).unwrap_or_else(|_| Problem {
            status: self.status,
            code: format!("http_{}", self.status),
            detail: match self.status {
                404 => "the service does not know this address".to_owned(),
                _ => "the service refused without saying why".to_owned(),
            },
            field: None,
            value: None,
            remedy: Some("check --url, and that service and command are of the same version".to_owned()),
        }))
    }

    /// The answer, if it is no refusal.
    ///
    /// # Errors
    /// The refusal.
    pub fn ok(self) -> Result<Self, Box<Problem>> {
        match self.problem() {
            None => Ok(self),
            Some(problem) => Err(Box::new(problem)),
        }
    }

    /// The refusal; an answer of an unexpected kind is one too.
    pub fn refusal(self) -> anyhow::Error {
        match self.ok() {
            Err(problem) => problem.into(),
            Ok(_) => anyhow!("{VERSIONS}"),
        }
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is not what was expected: a service of another version.
    pub fn json<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_slice(&self.body).context(VERSIONS)
    }

    /// Seconds after which to come back.
    pub fn retry_after_s(&self) -> Option<u64> {
        self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
    }

    /// When it was given, by the clock of the service; in whole seconds.
    pub fn date(&self) -> Option<Time> {
        let at = httpdate::parse_http_date(self.headers.get(DATE)?.to_str().ok()?.trim()).ok()?;
        let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        u32::try_from(since.as_secs()).ok().map(Time::from_secs)
    }

    /// A header that holds a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.headers.get(name)?.to_str().ok()?.parse().ok()
    }
}
