//! Pins the catalogue: its documentation, its names and its labels.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use tollgate_metrics::{Kind, Limits, Metric, Metrics, Values, docs};

#[test]
fn documentation_is_the_catalogue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, docs()).unwrap();
    }
    let file = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(file, docs(), "{} is stale: run this test with UPDATE_GOLDEN=1", path.display());
}

#[test]
fn names_are_unique_prefixed_and_end_with_their_unit() {
    let mut seen = BTreeSet::new();
    for spec in Metric::ALL.iter().map(|metric| metric.spec()) {
        let total = if spec.kind == Kind::Counter { "_total" } else { "" };
        let ending = format!("{}{total}", spec.unit.suffix());
        assert!(seen.insert(spec.name), "{} is there twice", spec.name);
        assert!(spec.name.starts_with("tollgate_"), "{}", spec.name);
        assert!(!ending.is_empty() && spec.name.ends_with(&ending), "{} lacks {ending}", spec.name);
        assert!(spec.help.ends_with('.') && !spec.help.contains('|'), "{}", spec.name);
        assert_eq!(spec.kind == Kind::Histogram, !spec.buckets.is_empty(), "{}", spec.name);
        assert!(spec.buckets.is_sorted_by(|a, b| a < b), "{}", spec.name);
    }
}

#[test]
fn the_contract_is_whole() {
    let names: BTreeSet<&str> =
        Metric::ALL.iter().map(|metric| metric.spec().name.trim_start_matches("tollgate_")).collect();
    // The contract first, then what operators asked for besides.
    let contract = "requests_total decisions_total decision_seconds request_to_order_seconds \
        parked_messages quota_users quality throughput_limit_messages_per_second in_flight_orders \
        dispatch_seconds platform_errors_total in_doubt_total webhooks_total charges_total \
        charged_amount_total charge_mismatch_total budget_amount log_lag_seconds \
        batch_commit_seconds batch_records restore_seconds dead_letters_total build_info";
    let besides = "backlog_seconds quota_next_return_timestamp_seconds senders templates disabled_accounts \
        open_calls in_doubt_attempts last_webhook_timestamp_seconds unpriced_charges_total \
        delivery_to_booked_seconds set_aside_records rate_card_expiry_timestamp_seconds \
        announced_category_templates currency_deadline_timestamp_seconds windows_closing_users template_syncs_total syncs_overdue_wabas figures_failures_total figures_overdue_wabas spans_exported_total spans_dropped_total rate_card_start_timestamp_seconds partitions store_bytes clock_offset_seconds certificate_expiry_timestamp_seconds";
    let wanted = contract.split_whitespace().chain(besides.split_whitespace());
    assert_eq!(names, wanted.collect::<BTreeSet<_>>());
}

#[test]
fn no_label_names_a_person_or_a_message() {
    let barred = ["phone", "to", "recipient", "message", "wamid", "contact", "user", "id"];
    for spec in Metric::ALL.iter().map(|metric| metric.spec()) {
        for label in spec.labels {
            assert!(!barred.contains(&label.name), "{} has a label {}", spec.name, label.name);
            if let Values::Closed(names) = label.values {
                let distinct: BTreeSet<_> = names.iter().collect();
                assert_eq!(distinct.len(), names.len(), "{} of {}", label.name, spec.name);
            }
        }
    }
}

#[test]
fn two_registries_live_side_by_side() {
    let first = Metrics::new("1.2.3", Limits::default()).unwrap();
    let second = Metrics::new("1.2.4", Limits::default()).unwrap();
    first.platform_error(131_049);
    let text = |metrics: &Metrics| String::from_utf8(metrics.encode().unwrap()).unwrap();
    assert!(text(&first).contains("tollgate_build_info{version=\"1.2.3\"} 1\n"));
    assert!(text(&first).contains("tollgate_platform_errors_total{code=\"131049\"} 1\n"));
    assert!(!text(&second).contains("131049"));
    #[cfg(target_os = "linux")]
    assert!(text(&second).contains("process_resident_memory_bytes "));
}
