//! How long after its delivery a charge stands in the ledger's database.

use serde::Deserialize;
use std::time::Duration;
use tollgate_metrics::Metrics;
use tollgate_wire::Time;
use tollgate_wire::ledger::EntryKind;

/// What of an entry is needed.
#[derive(Deserialize)]
struct Entry {
    kind: EntryKind,
    revision: u32,
    occurred_at: Time,
}

/// Observes the first entries of charges, free and unpriced ones among them, of what was written by `now`. Corrections,
/// fees and ends of months were not delivered.
pub(super) fn observe<'a>(metrics: &Metrics, records: impl Iterator<Item = &'a [u8]>, now: Time) {
    for record in records {
        let Ok(entry) = serde_json::from_slice::<Entry>(record) else { continue };
        let first =
            entry.revision == 0 && matches!(entry.kind, EntryKind::Charge | EntryKind::Free | EntryKind::Unpriced);
        if first {
            metrics.booked_after(Duration::from_millis(now.0.saturating_sub(entry.occurred_at.0)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_entry_of_a_delivery_is_measured() {
        let metrics = Metrics::new("test", tollgate_metrics::Limits::default()).expect("the catalogue is sound");
        let entry = |kind: &str, revision: u32, at: &str| {
            format!(r#"{{"entry":"0","kind":"{kind}","revision":{revision},"occurred_at":"{at}","cost":"1"}}"#)
        };
        let records = [
            entry("charge", 0, "2026-11-21T12:00:00Z"),
            entry("unpriced", 0, "2026-11-21T12:04:00Z"),
            entry("adjustment", 1, "2026-11-21T08:00:00Z"),
            entry("charge", 2, "2026-11-21T08:00:00Z"),
            entry("fee", 0, "2026-11-21T08:00:00Z"),
            r#"{"month_closed":"2026-10","account":"acme"}"#.to_owned(),
        ];
        // 2026-11-21, 12:05:00 UTC.
        let now = Time(1_795_262_700_000);
        observe(&metrics, records.iter().map(String::as_bytes), now);
        let text = String::from_utf8(metrics.encode().expect("metrics encode")).expect("text");
        assert!(text.contains("tollgate_delivery_to_booked_seconds_sum 360\n"), "{text}");
        assert!(text.contains("tollgate_delivery_to_booked_seconds_count 2\n"), "{text}");
        assert!(text.contains("tollgate_delivery_to_booked_seconds_bucket{le=\"60\"} 1\n"), "{text}");
    }
}
