//! The built program: exit codes, and what an error says. Nothing here needs a service.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod billing;
mod files;
mod printed;
mod table;

use std::path::Path;
use std::process::{Command, Output};

/// An address where nobody listens: port 9 is the discard service's, and below 1024.
const NOBODY: &str = "http://127.0.0.1:9";

fn tollgate(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOLLGATE_")) {
        command.env_remove(name);
    }
    command.current_dir(directory).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_empty_id_is_told_as_that() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [["explain", "acme", "", "--url", NOBODY], ["explain", "", "m1", "--url", NOBODY]] {
        let output = tollgate(directory.path(), &arguments);
        let told = stderr(&output);
        assert!(output.status.code() == Some(2) && told.contains("a value is required for"), "{told}");
    }
}

#[test]
fn many_bad_rows_are_counted_and_some_are_shown() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("bad.csv"), format!("to\n{}", "5511987654321\n".repeat(25))).unwrap();
    let arguments = ["enqueue", "bad.csv", "--account", "acme", "--template", "t", "--language", "en", "--url", NOBODY];
    let output = tollgate(directory.path(), &arguments);
    let errors = stderr(&output);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 21), "{errors}");
    assert!(errors.contains("bad.csv:21: ") && !errors.contains("bad.csv:22: "), "{errors}");
    assert!(errors.ends_with("bad.csv: and 5 more; --json lists the first 1000\n"), "{errors}");
    let told = stdout(&output);
    assert!(told.contains("bad.csv: 0 accepted, 25 bad\n  of the bad ones none is kept as a dead letter"), "{told}");
}

/// Each listener in turn: the address is named, and no data directory is left behind.
#[test]
fn a_taken_address_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for key in ["api", "webhooks", "metrics"] {
        let address = |other: &str| if other == key { taken.as_str() } else { "127.0.0.1:0" };
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["serve"])
            .current_dir(directory.path())
            .env("TOLLGATE__DATA_DIR", "data")
            .envs([("TOLLGATE__GATEWAY__API", address("api")), ("TOLLGATE__GATEWAY__WEBHOOKS", address("webhooks"))])
            .env("TOLLGATE__GATEWAY__METRICS", address("metrics"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{key}");
        let said = stderr(&output);
        assert!(said.contains(&format!("gateway.{key}")) && said.contains(&taken), "{key}: {said}");
        assert!(!directory.path().join("data").exists(), "{key}: a data directory");
    }
}
