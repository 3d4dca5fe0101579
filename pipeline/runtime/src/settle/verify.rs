//! That closed months still are what their manifests say, and that no manifest was changed.

use super::close::hashed;
use super::manifest::{CloseManifest, sha256};
use super::{Job, Terms};
use crate::export::{ExportError, Format};
use crate::ledger::{LedgerError, Reader, closed_months};
use std::collections::BTreeMap;
use tollgate_rate_card::{RateCards, YearMonth};
use tollgate_wire::Time;

/// A closed month that is as its manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The month.
    pub month: YearMonth,
    /// Entries.
    pub entries: u64,
    /// SHA-256 of the manifest, hex.
    pub sha256: String,
}

/// What is not as it was.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The ledger could not be read.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Something differs.
    #[error(
        "month {month} of account `{account}`: {what} is {found}, the manifest says {expected}; restore the ledger \
         from a backup"
    )]
    Differs {
        /// Account id.
        account: String,
        /// `YYYY-MM`.
        month: String,
        /// What differs.
        what: &'static str,
        /// What it is.
        found: String,
        /// What it was.
        expected: String,
    },
}

impl From<LedgerError> for VerifyError {
    fn from(error: LedgerError) -> Self {
        Self::Export(error.into())
    }
}

/// Checks every closed month of an account: the chain of its manifests, and that summary and detail still have the bytes
/// that were hashed. Takes the time of exporting them.
///
/// # Errors
/// The first thing that differs, or the ledger cannot be read.
pub fn verify(reader: &Reader, rates: &RateCards, account: &str) -> Result<Vec<Verified>, VerifyError> {
    let terms: BTreeMap<String, Terms> = BTreeMap::new();
    let mut verified: Vec<Verified> = Vec::new();
    for close in reader.read(|db| closed_months(db, account))? {
        let month = close.month;
        let same = |what, found: &str, expected: &str| {
            if found == expected {
                return Ok(());
            }
            let (account, month) = (account.to_owned(), month.to_string());
            Err(VerifyError::Differs { account, month, what, found: found.to_owned(), expected: expected.to_owned() })
        };
        same("the SHA-256 of its manifest", &sha256(&close.manifest), &close.sha256)?;
        let manifest: CloseManifest = serde_json::from_str(&close.manifest)
            .map_err(|_| LedgerError::Stored { what: "manifest", value: close.manifest.clone() })?;
        same("the account", account, &manifest.account)?;
        same("the month", &month.to_string(), &manifest.billing_period)?;
        let before = verified.last().map_or("", |before| before.sha256.as_str());
        same("the SHA-256 of the month before", before, &manifest.previous_sha256)?;
        let job = Job { account, month, rates, terms: &terms, at: Time(0) };
        let (summary, detail) = (hashed(reader, &job, Format::Summary)?, hashed(reader, &job, Format::Detail)?);
        same("the number of entries", &detail.entries.to_string(), &manifest.entries.to_string())?;
        same("the SHA-256 of the summary", &summary.sha256, &manifest.summary_sha256)?;
        same("the SHA-256 of the detail", &detail.sha256, &manifest.detail_sha256)?;
        verified.push(Verified { month, entries: manifest.entries, sha256: close.sha256 });
    }
    Ok(verified)
}
