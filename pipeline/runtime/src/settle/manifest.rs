//! The manifest of a closed month: what was billed, to the last digit, and that nothing before it was changed.

use super::report::Report;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tollgate_wire::Time;

/// Describes a closed month of an account. Kept as it was written; its SHA-256 is in the manifest of the next month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseManifest {
    /// Version of the manifest's own format.
    pub manifest_version: u32,
    /// Account id.
    pub account: String,
    /// `YYYY-MM`.
    pub billing_period: String,
    /// When the engine ended the month.
    pub ended_at: Time,
    /// Why before its time, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<String>,
    /// When the ledger closed it.
    pub closed_at: Time,
    /// What was allowed although it is not certain.
    pub allowed: Vec<String>,
    /// WABAs with entries in the month.
    pub wabas: Vec<String>,
    /// Entries.
    pub entries: u64,
    /// Messages that were delivered, net of what was taken back.
    pub messages: i64,
    /// Units.
    pub quantity: i64,
    /// What the platform charges, per currency and kind, and in all.
    pub cost_totals: Vec<ControlTotal>,
    /// What clients pay before tax, likewise.
    pub price_totals: Vec<ControlTotal>,
    /// Cards that the entries were priced by.
    pub cards: BTreeMap<String, u64>,
    /// SHA-256 of the account's summary as CSV, hex.
    pub summary_sha256: String,
    /// SHA-256 of the account's detail as CSV, without people's data, hex.
    pub detail_sha256: String,
    /// What settling found.
    pub settled: Report,
    /// SHA-256 of the manifest of the account's month that was closed before; empty for the first.
    pub previous_sha256: String,
}

/// A total that an invoice shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlTotal {
    /// ISO 4217.
    pub currency: String,
    /// Kind of entry; `total` for all of the currency.
    pub kind: String,
    /// Exact sum, 10 decimals.
    pub exact: String,
    /// Rounded to the currency's minor unit, half away from zero.
    pub rounded: String,
    /// `exact` less `rounded`, 10 decimals.
    pub remainder: String,
}

impl CloseManifest {
    /// Its text: JSON, indented, one LF at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("strings and numbers into memory cannot fail");
        text.push('\n');
        text
    }
}

/// SHA-256 of a manifest's text, hex.
pub(super) fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
