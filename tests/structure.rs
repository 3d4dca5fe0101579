//! Dependencies point one way, pure crates stay pure, the sandbox shares nothing with the engine it audits.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates without I/O, clock, randomness or float.
const PURE: [&str; 4] = ["tollgate-rate-card", "tollgate-quality", "tollgate-wire", "tollgate-core"];

/// What no pure crate may reach, directly or through others.
const IMPURE: [&str; 24] = [
    "tokio",
    "rdkafka",
    "hyper",
    "axum",
    "reqwest",
    "rusqlite",
    "fjall",
    "rand",
    "rand_core",
    "getrandom",
    "log",
    "tracing",
    "socket2",
    "mio",
    "rustls",
    "prometheus",
    "chrono",
    "time",
    "tempfile",
    "notify",
    "anyhow",
    "clap",
    "indicatif",
    "fastrand",
];

/// A crate of ours may depend on these of ours and no others.
const MAY_USE: [(&str, &[&str]); 8] = [
    ("tollgate-rate-card", &[]),
    ("tollgate-quality", &[]),
    ("tollgate-metrics", &[]),
    ("tollgate-wire", &["tollgate-rate-card", "tollgate-quality"]),
    ("tollgate-core", &["tollgate-rate-card", "tollgate-quality", "tollgate-wire"]),
    (
        "tollgate-runtime",
        &["tollgate-rate-card", "tollgate-quality", "tollgate-wire", "tollgate-core", "tollgate-metrics"],
    ),
    ("tollgate-sandbox", &[]),
    (
        "tollgate",
        &[
            "tollgate-rate-card",
            "tollgate-quality",
            "tollgate-wire",
            "tollgate-core",
            "tollgate-metrics",
            "tollgate-runtime",
            "tollgate-sandbox",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests folder has a parent").to_owned()
}

/// Package name to the names of its normal dependencies, for every package of the lock file.
fn graph() -> BTreeMap<String, BTreeSet<String>> {
    // Without --offline: packages of other systems are in the lock file, and a new machine has not fetched them.
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let names: BTreeMap<String, String> =
        list(&metadata["packages"]).iter().map(|p| (text(&p["id"]), text(&p["name"]))).collect();
    list(&metadata["resolve"]["nodes"])
        .iter()
        .map(|node| {
            let normal = list(&node["deps"])
                .iter()
                .filter(|d| list(&d["dep_kinds"]).iter().any(|k| k["kind"].is_null()))
                .map(|d| names[&text(&d["pkg"])].clone())
                .collect();
            (names[&text(&node["id"])].clone(), normal)
        })
        .collect()
}

#[test]
fn dependencies_point_one_way() {
    let graph = graph();
    for (name, allowed) in MAY_USE {
        let ours = graph[name].iter().filter(|d| d.starts_with("tollgate"));
        for used in ours {
            assert!(allowed.contains(&used.as_str()), "{name} must not depend on {used}");
        }
    }
}

#[test]
fn pure_crates_reach_nothing_impure() {
    for pure in PURE {
        // `cargo tree` resolves the features of this crate alone; the metadata joins those of the whole workspace.
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "-p",
                pure,
                "-e",
                "normal",
                "--prefix",
                "none",
                "--format",
                "{lib}",
                "--locked",
                "--offline",
            ])
            .current_dir(root())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tree = String::from_utf8_lossy(&output.stdout);
        let reached: BTreeSet<&str> = tree.split_whitespace().collect();
        assert!(reached.len() > 3, "{pure} reaches something: {reached:?}");
        for impure in IMPURE {
            assert!(!reached.contains(impure), "{pure} reaches {impure}; `cargo tree -p {pure} -i {impure}` tells how");
        }
    }
}

#[test]
fn pure_crates_ban_clock_float_and_files() {
    for folder in ["rate-card", "quality", "pipeline/wire", "pipeline/core"] {
        let path = root().join(folder).join("clippy.toml");
        let bans = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for banned in ["f32", "f64", "std::time::SystemTime", "std::time::Instant", "std::collections::HashMap"] {
            assert!(bans.contains(&format!("\"{banned}\"")), "{} must ban {banned}", path.display());
        }
    }
}

#[test]
fn sources_name_no_float_type_in_money() {
    // Clippy bans the types where they are named; literals would slip through.
    for folder in ["rate-card/src", "quality/src", "pipeline/wire/src", "pipeline/core/src"] {
        for file in rust_files(&root().join(folder)) {
            let text = std::fs::read_to_string(&file).expect("a source file");
            for (n, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                assert!(!code.contains("as f64") && !code.contains("_f64"), "{}:{}: {line}", file.display(), n + 1);
            }
        }
    }
}

#[test]
fn two_files_call_c_themselves_and_one_counts_memory() {
    let mut found = BTreeSet::new();
    for folder in ["rate-card", "quality", "metrics", "pipeline", "benches", "tests"] {
        for file in rust_files(&root().join(folder)) {
            let text = std::fs::read_to_string(&file).expect("a source file");
            let unsafe_code = [["un", "safe {"].concat(), ["un", "safe extern"].concat()];
            let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
            if text.lines().map(code).any(|line| unsafe_code.iter().any(|marked| line.contains(marked))) {
                found.insert(file.strip_prefix(root()).expect("inside").display().to_string());
            }
        }
    }
    let allowed =
        ["pipeline/runtime/src/log/kafka/flush.rs", "pipeline/service/src/exit.rs", "tests/src/fuzz/memory.rs"];
    assert_eq!(found, allowed.map(str::to_owned).into());
}

#[test]
fn no_page_of_the_console_is_exempt_from_escaping() {
    let files = rust_files(&root().join("pipeline/runtime/src/console"));
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source file");
        let exempt = ["Pre", "Escaped"].concat();
        assert!(!text.contains(&exempt), "{} puts text into a page as it is", file.display());
    }
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}
