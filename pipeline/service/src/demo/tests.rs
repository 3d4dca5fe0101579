//! A small demo from end to end.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use super::{DemoArgs, perform};
use serde_json::Value;
use std::path::Path;

fn args(data_dir: &Path) -> DemoArgs {
    DemoArgs {
        recipients: 2_000,
        seed: 7,
        data_dir: data_dir.join("demo"),
        force: false,
        seconds: 8,
        keep_running: false,
    }
}

fn decimal(value: &Value) -> rust_decimal::Decimal {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recipient_is_accounted_for_and_every_bill_is_the_same() {
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

    let again = perform(&args, true).await.err().expect("the directory is taken");
    assert!(again.to_string().contains("--force"), "{again}");
}

fn csv_rows(file: &str) -> u64 {
    std::fs::read_to_string(file).unwrap().lines().count() as u64 - 1
}
