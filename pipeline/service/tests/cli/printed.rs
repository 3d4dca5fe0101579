//! What is printed for another program or to be kept in a file.

use crate::files::files;
use crate::{stderr, stdout, tollgate};

#[test]
fn the_printed_configuration_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let printed = tollgate(directory.path(), &["config", "default"]);
    std::fs::write(directory.path().join("tollgate.toml"), &printed.stdout).unwrap();
    let output = tollgate(directory.path(), &["check-config", "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((answer["ok"].as_bool(), answer["file"].as_str()), (Some(true), Some("tollgate.toml")));
}

#[test]
fn faults_as_json() {
    let directory = tempfile::tempdir().unwrap();
    files(directory.path());
    let output = tollgate(directory.path(), &["--json", "check-config", "--config", "bad.toml"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["faults"][0]["place"], "bad.toml:2");
    let output = tollgate(directory.path(), &["rates", "check", "bad_card.csv", "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["ok"], false);
}

#[test]
fn a_new_token_fits_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let output =
        tollgate(directory.path(), &["token", "new", "--role", "enqueue", "--account", "acme", "--name", "crm"]);
    std::fs::write(directory.path().join("t.toml"), stdout(&output).lines().skip(1).collect::<Vec<_>>().join("\n"))
        .unwrap();
    let output = tollgate(directory.path(), &["check-config", "--config", "t.toml", "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["tokens"], serde_json::json!(["crm"]), "{}", stderr(&output));
}

#[test]
fn rate_cards_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let output = tollgate(directory.path(), &["rates", "list", "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let cards = answer["cards"].as_array().unwrap();
    assert!(
        cards.iter().any(|card| card["card"] == "pmp-usd-2026-10-01" && card["cells"]["published"].as_u64() > Some(0))
    );
}
