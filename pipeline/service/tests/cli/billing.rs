//! Bills from a ledger on this disk.

use std::process::Command;

use tollgate_runtime::node::LEDGER_FILE;

use crate::files::files;
use crate::{NOBODY, stderr, stdout, tollgate};

#[test]
fn september_under_octobers_rules() {
    let directory = tempfile::tempdir().unwrap();
    files(directory.path());
    let file = directory.path().join("booked").join(LEDGER_FILE);
    let before = std::fs::read(&file).unwrap();
    let asked = |more: &[&str]| {
        let plain = ["billing", "rerate", "--month", "2026-09", "--config", "booked.toml"];
        let output = tollgate(directory.path(), &[&plain[..], more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    // Marketing to Mexico goes from 0.0305 to 0.0397, utility inside the window from nothing to 0.0085.
    let json: serde_json::Value = serde_json::from_str(&asked(&["--rules-of", "2026-10-01", "--json"])).unwrap();
    let total = &json["totals"][0];
    assert_eq!((&total["booked"], &total["other"]), (&"0.0305".into(), &"0.0482".into()), "{json}");
    assert_eq!((&total["difference"], &json["campaigns"][0]["campaign"]), (&"0.0177".into(), &"autumn".into()));
    let table = asked(&["--rules-of", "2026-10-01"]);
    assert!(table.contains("Mexico  marketing  USD              1  0.0305       0.0397      0.0092"), "{table}");
    // October's card alone: September's rules leave utility inside the window free.
    let json: serde_json::Value = serde_json::from_str(&asked(&["--card", "pmp-usd-2026-10-01", "--json"])).unwrap();
    assert_eq!(json["totals"][0]["difference"], "0.0092", "{json}");
    // A corrected card, and the one it replaces.
    let rates = tollgate_rate_card::Sources::embedded();
    let july = rates.cards.iter().find(|card| card.name.ends_with("pmp_usd_2026-07-01.csv")).unwrap();
    let corrected = july.text.replace("id=pmp-usd-2026-07-01", "id=pmp-usd-2026-07-01-v2");
    let corrected = corrected.replace("Mexico,marketing,0.0305", "Mexico,marketing,0.0400");
    std::fs::create_dir(directory.path().join("rates")).unwrap();
    std::fs::write(directory.path().join("rates/july-v2.csv"), &corrected).unwrap();
    let config = std::fs::read_to_string(directory.path().join("booked.toml")).unwrap();
    std::fs::write(directory.path().join("booked.toml"), format!("{config}\n[rates]\ndirectory = \"rates\"\n"))
        .unwrap();
    for (card, difference) in [("pmp-usd-2026-07-01", "0.0000"), ("pmp-usd-2026-07-01-v2", "0.0095")] {
        let json: serde_json::Value = serde_json::from_str(&asked(&["--card", card, "--json"])).unwrap();
        assert_eq!(json["totals"][0]["difference"], difference, "{card}: {json}");
    }
    // A proposal for the same days, also where the bands of the card in use begin at another list rate.
    let proposal = corrected.replace("-v2", "-wish").replace("Mexico,utility,0.0085", "Mexico,utility,0.0099");
    std::fs::write(directory.path().join("wish.csv"), proposal).unwrap();
    let json: serde_json::Value = serde_json::from_str(&asked(&["--card", "wish.csv", "--json"])).unwrap();
    assert_eq!(json["totals"][0]["difference"], "0.0095", "{json}");
    let table = asked(&["--card", "pmp-eur-2026-07-01"]);
    assert!(table.contains("other rules: no_card"), "{table}");
    assert_eq!(std::fs::read(&file).unwrap(), before, "nothing is written");
}

/// Parquet is a feature of the build: one without it says how to get one.
#[test]
fn parquet_is_written_or_the_remedy_told() {
    let directory = tempfile::tempdir().unwrap();
    files(directory.path());
    let arguments = ["billing", "export", "--month", "2026-09", "--config", "booked.toml", "--format", "detail"];
    let output = tollgate(directory.path(), &[&arguments[..], &["--parquet"]].concat());
    let file = directory.path().join("billing_2026-09_detail.parquet");
    if cfg!(feature = "parquet") {
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(std::fs::read(&file).unwrap().starts_with(b"PAR1"));
    } else {
        assert_eq!(output.status.code(), Some(1));
        let told = stderr(&output);
        assert!(told.contains("detail.parquet: this build writes no Parquet"), "{told}");
        assert!(told.contains("--features parquet"), "{told}");
        assert!(!file.exists());
    }
}

/// The bill is that of the configuration that the command names, wherever the environment points.
#[test]
fn a_configuration_in_the_command_counts_for_more_than_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    files(directory.path());
    let asked = |config: &[&str]| {
        let arguments = ["billing", "export", "--month", "2026-10", "--out", "-"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.current_dir(directory.path()).args(arguments).args(config);
        command.env("TOLLGATE_URL", NOBODY).output().unwrap()
    };
    let output = asked(&["--config", "ledger.toml"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let told = stderr(&asked(&["--config", "none.toml"]));
    assert!(told.contains("none.toml: cannot be read"), "{told}");
    let told = stderr(&asked(&[]));
    assert!(told.contains("no service answers"), "{told}");
}
