//! The sandbox's own record of what it delivered, to hold against the ledger. It knows nothing of the ledger.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

/// Messages that the platform says it delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Delivered {
    /// By category, those that it charges.
    pub(super) billable: BTreeMap<String, u64>,
    /// By type, those that it does not.
    pub(super) free: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct JournalLine {
    #[serde(default)]
    change: Option<Change>,
}

#[derive(Deserialize)]
struct Change {
    value: Value,
}

#[derive(Deserialize)]
struct Value {
    #[serde(default)]
    statuses: Vec<Status>,
}

#[derive(Deserialize)]
struct Status {
    id: String,
    status: String,
    #[serde(default)]
    pricing: Option<Pricing>,
}

#[derive(Deserialize)]
struct Pricing {
    billable: bool,
    category: String,
    r#type: String,
}

/// Reads the journal. Each message counts once, at its first `delivered` or, without one, its `read`.
pub(super) fn delivered(journal: &Path) -> anyhow::Result<Delivered> {
    let shown = || journal.display().to_string();
    let mut delivered = Delivered::default();
    let mut seen = HashSet::new();
    for line in BufReader::new(File::open(journal).with_context(shown)?).lines() {
        let line: JournalLine = serde_json::from_str(&line.with_context(shown)?).with_context(shown)?;
        for status in line.change.into_iter().flat_map(|change| change.value.statuses) {
            let Some(pricing) = status.pricing else { continue };
            if matches!(status.status.as_str(), "delivered" | "read") && seen.insert(status.id) {
                let (counts, key) = match pricing.billable {
                    true => (&mut delivered.billable, pricing.category),
                    false => (&mut delivered.free, pricing.r#type),
                };
                *counts.entry(key).or_default() += 1;
            }
        }
    }
    Ok(delivered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_delivered_message_counts_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.ndjson");
        let line = |id: &str, status: &str, pricing: &str| {
            let status = format!(r#"{{"id":"{id}","status":"{status}"{pricing}}}"#);
            format!(
                r#"{{"kind":"webhook","at_ms":1,"waba":"1","change":{{"field":"messages","value":{{"statuses":[{status}]}}}}}}"#
            )
        };
        let regular = r#","pricing":{"billable":true,"category":"utility","type":"regular"}"#;
        let free = r#","pricing":{"billable":false,"category":"service","type":"free_entry_point"}"#;
        let lines = [
            r#"{"kind":"accepted","at_ms":1,"wamid":"a"}"#.to_owned(),
            line("a", "sent", regular),
            line("a", "delivered", regular),
            line("a", "delivered", regular),
            line("a", "read", ""),
            line("b", "read", regular),
            line("c", "delivered", free),
            line("d", "failed", ""),
        ];
        std::fs::write(&path, lines.join("\n")).expect("written");
        let delivered = delivered(&path).expect("read");
        assert_eq!(delivered.billable, BTreeMap::from([("utility".to_owned(), 2)]));
        assert_eq!(delivered.free, BTreeMap::from([("free_entry_point".to_owned(), 1)]));
    }
}
