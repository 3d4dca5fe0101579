//! The systemd unit: what systemd itself says of it, and that its numbers are those of the configuration.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::program::{check_config, default_of, read, write_secret};

const UNIT: &str = "deploy/systemd/tollgate.service";
/// The most that `systemd-analyze security` may find exposed, in tenths: 0 is nothing, 100 everything.
const EXPOSURE_MAX: &str = "15";

/// Keys and values of the unit, in order.
fn unit() -> Vec<(String, String)> {
    let text = read(UNIT);
    let lines = text.lines().filter(|line| !line.starts_with(['#', '[']) && !line.is_empty());
    lines.map(|line| line.split_once('=').unwrap()).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn values(key: &str) -> Vec<String> {
    unit().into_iter().filter(|(name, _)| name == key).map(|(_, value)| value).collect()
}

fn value(key: &str) -> String {
    let [value] = values(key).try_into().unwrap_or_else(|values| panic!("{key}: one value, not {values:?}"));
    value
}

/// The unit with the program that was built in place of the installed one, and perhaps more.
fn written(directory: &Path, more: &str) -> PathBuf {
    let installed = value("ExecStart").split(' ').next().unwrap().to_owned();
    let file = directory.join("tollgate.service");
    let text = read(UNIT).replace(&installed, env!("CARGO_BIN_EXE_tollgate"));
    std::fs::write(&file, text.replace("[Install]", &format!("{more}\n[Install]"))).unwrap();
    file
}

/// `None` where there is no systemd, which is said.
fn analyze(arguments: &[&str], file: &Path) -> Option<Output> {
    match Command::new("systemd-analyze").args(arguments).arg(file).env("SYSTEMD_COLORS", "0").output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("=== systemd-analyze {arguments:?} DID NOT RUN: {error}. Nobody but this test has read {UNIT}.");
            None
        }
    }
}

/// What `systemd-analyze verify` says of our unit; it speaks of others too.
fn complaints(file: &Path) -> Option<Vec<String>> {
    let output = analyze(&["verify", "--man=no"], file)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let ours = said.lines().filter(|line| line.contains("tollgate")).map(str::to_owned);
    Some(ours.collect())
}

#[test]
fn systemd_takes_the_unit() {
    let directory = tempfile::tempdir().unwrap();
    let Some(said) = complaints(&written(directory.path(), "")) else { return };
    assert_eq!(said, Vec::<String>::new());
    // Otherwise silence would prove nothing.
    let said = complaints(&written(directory.path(), "ProtectSytem=strict")).unwrap();
    assert!(said.iter().any(|line| line.contains("ProtectSytem")), "a mistyped key is not noticed: {said:?}");
}

#[test]
fn little_is_exposed() {
    let directory = tempfile::tempdir().unwrap();
    let threshold = format!("--threshold={EXPOSURE_MAX}");
    let arguments = ["security", "--offline=true", "--no-pager", &threshold];
    let Some(output) = analyze(&arguments, &written(directory.path(), "")) else { return };
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let open =
        analyze(&arguments, &written(directory.path(), "ProtectSystem=no\nPrivateDevices=no\nUser=root")).unwrap();
    assert!(!open.status.success(), "an open unit passes");
}

#[test]
fn the_stop_has_time() {
    let bound: u64 = default_of("stop", "bound_seconds").as_integer().unwrap().try_into().unwrap();
    let given: u64 = value("TimeoutStopSec").parse().unwrap();
    assert!(given >= bound + 10, "TimeoutStopSec={given} beside stop.bound_seconds = {bound}");
    assert!(read(UNIT).contains(&format!("stop.bound_seconds = {bound}")), "the comment names the bound");
}

/// What the program ends with when a restart would end the same way.
#[test]
fn faults_are_not_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let ends = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate")).args(arguments).current_dir(&directory).output();
        output.unwrap().status.code().unwrap().to_string()
    };
    let prevented = value("RestartPreventExitStatus");
    let prevented: Vec<&str> = prevented.split(' ').collect();
    assert_eq!(prevented, [ends(&["serve", "--nonsense"]), ends(&["serve", "--config", "none.toml"])]);
}

/// The variables of the unit with its specifiers as systemd would fill them in, and the three secrets where it puts them.
#[test]
fn its_variables_are_keys_and_its_secrets_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let (state, credentials) = (directory.path().join("state"), directory.path().join("credentials"));
    for credential in values("LoadCredential") {
        let (name, file) = credential.split_once(':').unwrap();
        assert_eq!(file, format!("/etc/tollgate/secrets/{name}"));
        write_secret(&credentials.join(name), "secret");
    }
    std::fs::create_dir_all(state.join("tollgate")).unwrap();
    let filled =
        |text: &str| text.replace("%S", &state.to_string_lossy()).replace("%d", &credentials.to_string_lossy());
    let variables: Vec<(String, String)> = values("Environment")
        .iter()
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), filled(value)))
        .collect();
    let file = directory.path().join("tollgate.toml");
    std::fs::write(&file, read("deploy/systemd/tollgate.toml")).unwrap();
    let output = check_config(&file, &variables);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["apps"], serde_json::json!(["default"]), "all three secrets are read");
    assert_eq!(told["data_dir"], serde_json::json!(state.join("tollgate")), "what it may write to");
    // Its readiness is asked for where it listens.
    let metrics = told["metrics"].as_str().unwrap();
    for document in ["deploy/systemd/README.md", "docs/operations.md"] {
        assert!(read(document).contains(&format!("http://{metrics}/readyz")), "{document}");
    }
}
