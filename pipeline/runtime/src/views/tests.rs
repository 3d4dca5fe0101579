//! The views over either kind of database; a module for each subject, and what they share.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::OutcomeCount;
use crate::ledger::fixture::{Database, READ_AT, records};
use crate::ledger::{Ingested, Reader};

mod bill;
mod consents;
mod erased;
mod explain;
mod kept;
mod measure;
mod moves;
mod person;
mod platform;
mod report;
mod snapshots;
mod unanswered;

fn ingest(dir: &Database, values: &[Vec<u8>], first: u64) -> Ingested {
    dir.writer().ingest_outcomes(&records(values, first), READ_AT).unwrap()
}

fn counts(reader: &Reader, campaign: Option<&str>) -> Vec<String> {
    let counted = reader.outcome_counts(Some("acme"), campaign).unwrap();
    let line = |c: &OutcomeCount| format!("{} {} {}", c.outcome, c.reason.as_deref().unwrap_or("-"), c.messages);
    counted.counts.iter().map(line).collect()
}
