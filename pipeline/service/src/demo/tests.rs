//! A small demo from end to end.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use super::{DemoArgs, perform};
use serde_json::Value;
use std::path::Path;

/// Demos take the port that the service's commands expect, where it is free when they begin: one at a time.
static STAGE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn args(data_dir: &Path) -> DemoArgs {
    DemoArgs {
        recipients: 2_000,
        seed: 7,
        data_dir: data_dir.join("demo"),
        force: false,
        seconds: Some(8),
        kafka: None,
        keep_running: false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_over_a_broker_that_it_starts() {
    let _alone = STAGE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let args = DemoArgs { recipients: 1_000, seconds: Some(20), kafka: Some(String::new()), ..args(folder.path()) };
    let (stage, report) = perform(&args, true).await.unwrap();
    assert!(stage.is_none());
    let words = super::words::text(&report);
    let report = serde_json::to_value(&report).unwrap();
    let outcomes = report["outcomes"].as_array().unwrap();
    let sum: u64 = outcomes.iter().map(|line| line["messages"].as_u64().unwrap()).sum();
    assert_eq!(sum + report["refused_by_api"].as_u64().unwrap(), 1_000, "{words}");
    assert_eq!(report["duplicates"], report["repeated"], "{words}");
    assert!(outcomes.iter().any(|line| line["outcome"] == "delivered" || line["outcome"] == "read"), "{words}");
}

fn decimal(value: &Value) -> rust_decimal::Decimal {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recipient_is_accounted_for_and_every_bill_is_the_same() {
    let _alone = STAGE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let args = args(folder.path());
    let (stage, report) = perform(&args, true).await.unwrap();
    assert!(stage.is_none());
    let words = super::words::text(&report);
    let report = serde_json::to_value(&report).unwrap();

    let outcomes = report["outcomes"].as_array().unwrap();
    let sum: u64 = outcomes.iter().map(|line| line["messages"].as_u64().unwrap()).sum();
    assert_eq!(sum + report["refused_by_api"].as_u64().unwrap(), 2_000, "{words}");
    assert_eq!(report["duplicates"], report["repeated"], "{words}");
    assert_eq!(report["refused_by_api"], 1, "{words}");
    for reason in [
        "opted_out",
        "not_opted_in",
        "country_barred",
        "invalid_recipient",
        "pacing",
        "template_paused",
        "template_unknown",
        "campaign_paused",
        "sending_hours",
        "scheduled",
        "expired",
        "cancelled",
        "window_closed",
    ] {
        assert!(outcomes.iter().any(|line| line["reason"] == reason), "no {reason}\n{words}");
    }

    let parked = report["parked"].as_array().unwrap();
    let mut rows: Vec<String> = Vec::new();
    for line in parked {
        rows.push(["account", "class", "campaign", "sender", "waits_for"].map(|name| line[name].to_string()).join(" "));
        assert!(line["sender"].as_str().is_some_and(|sender| !sender.is_empty()), "{line}");
        let told: u64 = sum_of(outcomes, "reason", &line["reason"]);
        assert_eq!(told, sum_of(parked, "reason", &line["reason"]), "{}: both tables\n{words}", line["reason"]);
        let own = ["scheduled", "frequency_capped"].iter().any(|reason| line["reason"] == *reason);
        assert!(!own || line["opens_at"].is_string(), "{line}");
    }
    let distinct: std::collections::BTreeSet<&String> = rows.iter().collect();
    assert_eq!(distinct.len(), rows.len(), "no two rows look alike\n{words}");
    let billed: std::collections::BTreeSet<&str> =
        report["bill"].as_array().unwrap().iter().filter_map(|line| line["country"].as_str()).collect();
    assert!(billed.len() as u64 <= report["countries"].as_u64().unwrap(), "{billed:?}\n{words}");

    assert_eq!(report["checks"]["violations"], serde_json::json!({}), "{words}");
    let totals = report["totals"].as_object().unwrap();
    assert!(!totals.is_empty());
    let exports = report["exports"].as_array().unwrap();
    for format in ["summary", "detail"] {
        for (currency, total) in totals {
            let of = exports.iter().filter(|export| export["format"] == format);
            let sum: rust_decimal::Decimal = of.map(|export| decimal(&export["totals"][currency])).sum();
            assert_eq!(sum, decimal(total), "{format}\n{words}");
        }
    }
    let lines = report["bill"].as_array().unwrap().iter();
    let sum: rust_decimal::Decimal = lines.map(|line| decimal(&line["cost"])).sum();
    assert_eq!(sum, totals.values().map(decimal).sum());
    for export in exports {
        let rows = csv_rows(export["file"].as_str().unwrap());
        assert_eq!(rows, export["rows"].as_u64().unwrap(), "{export}");
    }

    // The platform's word about Mexico's band counts from when it comes.
    let ordinals = exports.iter().filter(|export| export["format"] == "detail").flat_map(|export| {
        let text = std::fs::read_to_string(export["file"].as_str().unwrap()).unwrap();
        let column = text.lines().next().unwrap().split(',').position(|name| name == "ordinal").unwrap();
        let ordinals = text.lines().skip(1).filter_map(|line| line.split(',').nth(column)?.parse::<u64>().ok());
        ordinals.collect::<Vec<_>>()
    });
    let ordinals: Vec<u64> = ordinals.collect();
    assert!(ordinals.contains(&1_000_001) && ordinals.contains(&1), "{ordinals:?}");

    let again = perform(&args, true).await.err().expect("the directory is taken");
    assert!(again.to_string().contains("--force"), "{again}");
}

/// What no demo shows, and why.
const NOT_IN_A_DEMO: [&str; 7] = [
    // It is not known where its WABAs are sold.
    "tollgate_currency_deadline_timestamp_seconds",
    // Nobody's window is about to close in a minute.
    "tollgate_windows_closing_users",
    // The platform is asked for templates and numbers only where `[sync]` says so.
    "tollgate_syncs_overdue_wabas",
    // Nor for its figures.
    "tollgate_figures_overdue_wabas",
    // The newest card of each currency is open.
    "tollgate_rate_card_expiry_timestamp_seconds",
    // Only when switched on.
    "tollgate_budget_amount",
    // No file of certificates is configured.
    "tollgate_certificate_expiry_timestamp_seconds",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_of_the_catalogue_is_exported() {
    let _alone = STAGE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let args = DemoArgs { keep_running: true, recipients: 1_500, ..args(folder.path()) };
    let (stage, report) = perform(&args, true).await.unwrap();
    let stage = stage.unwrap();
    let text = String::from_utf8(stage.node.metrics().encode().unwrap()).unwrap();
    let missing: Vec<&str> = tollgate_metrics::Metric::ALL
        .iter()
        .map(|metric| metric.spec().name)
        .filter(|name| !text.contains(&format!("# TYPE {name} ")))
        .collect();
    assert_eq!(missing, NOT_IN_A_DEMO, "{text}");
    let parked: u64 = text
        .lines()
        .filter_map(|line| line.strip_prefix("tollgate_parked_messages{")?.split_once("} ")?.1.parse::<u64>().ok())
        .sum();
    let waiting: u64 = report.parked.iter().map(|line| line.messages).sum();
    assert!(waiting > 0 && parked.abs_diff(waiting) * 10 <= waiting, "{parked} of {waiting}");
    assert!(text.contains("tollgate_parked_messages{lot=\"template_paused\"} "), "{text}");
    let dead_letters = |line: &&str| line.starts_with("tollgate_dead_letters_total{");
    assert!(text.lines().any(|line| dead_letters(&line)), "{text}");
    let value = |series: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {series}\n{text}")).parse().unwrap()
    };
    assert!(value("tollgate_delivery_to_booked_seconds_count") > 0.0, "{text}");
    assert!(value("tollgate_charge_mismatch_total{kind=\"band\"}") >= 1.0, "{text}");
    assert!(value("tollgate_last_webhook_timestamp_seconds") > 1.7e9, "{text}");
    assert_eq!(value("tollgate_partitions{state=\"ready\"}"), 1.0, "{text}");
    assert_eq!(value("tollgate_set_aside_records{topic=\"ledger\"}"), 0.0, "{text}");
    assert!(value("tollgate_store_bytes{store=\"data\"}") > 1e6, "{text}");
    for topic in tollgate_metrics::Topic::NAMES {
        assert!(value(&format!("tollgate_log_lag_seconds{{topic=\"{topic}\"}}")) < 10.0, "{topic}\n{text}");
    }
    let sum = |prefix: &str, with: &str| -> f64 {
        let lines = text.lines().filter(|line| line.starts_with(prefix) && line.contains(with));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    };
    assert!(sum("tollgate_templates{", "status=\"paused\"") >= 1.0, "{text}");
    assert!(sum("tollgate_senders{", "state=\"active\"") >= 3.0, "{text}");
    assert!(sum("tollgate_backlog_seconds{", "our_pacing") > 0.0, "{text}");
    assert!(sum("tollgate_backlog_seconds{", "customer") > 0.0, "{text}");
    assert!(sum("tollgate_quota_next_return_timestamp_seconds{", "") > 1.7e9, "{text}");
    stage.stop(false).await.unwrap();
}

fn sum_of(lines: &[Value], field: &str, value: &Value) -> u64 {
    lines.iter().filter(|line| line[field] == *value).map(|line| line["messages"].as_u64().unwrap()).sum()
}

fn csv_rows(file: &str) -> u64 {
    std::fs::read_to_string(file).unwrap().lines().count() as u64 - 1
}
