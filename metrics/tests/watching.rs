//! Rules, dashboards and runbooks speak of metrics that exist, with labels and values that exist, and belong together.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tollgate_metrics::{Kind, Metric, Spec, Values};

/// Labels that Prometheus itself gives, and `le` of a histogram.
const OF_PROMETHEUS: [&str; 3] = ["job", "instance", "le"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder with this extension, sorted; none when there is no such folder.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root().join(folder)) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|ending| ending == extension));
    found.sort();
    found
}

/// The values of a key in YAML of one key a line, such as `- alert: NAME`.
fn values<'a>(yaml: &'a str, key: &str) -> Vec<&'a str> {
    yaml.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix(key)).map(str::trim).collect()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// Words that hold `tollgate_`, each with what follows it. Names of groups of rules are none.
fn names(text: &str) -> Vec<(&str, &str)> {
    let group = |line: &str| line.starts_with("- name:") || line.starts_with("- tollgate_");
    let of_line = |line| {
        let mut found = Vec::new();
        let mut rest: &str = line;
        while let Some(start) = rest.find(is_word) {
            let end = rest[start..].find(|c| !is_word(c)).map_or(rest.len(), |end| start + end);
            if rest[start..end].contains("tollgate_") {
                found.push((&rest[start..end], &rest[end..]));
            }
            rest = &rest[end..];
        }
        found
    };
    text.lines().filter(|line| !group(line.trim())).flat_map(of_line).collect()
}

/// What the catalogue says of a name, which may be one of a histogram's series.
fn spec(name: &str) -> Option<Spec> {
    let known = |name: &str| Metric::ALL.iter().map(|metric| metric.spec()).find(|spec| spec.name == name);
    known(name).filter(|spec| spec.kind != Kind::Histogram).or_else(|| {
        let whole = ["_bucket", "_sum", "_count"].iter().find_map(|ending| name.strip_suffix(ending))?;
        known(whole).filter(|spec| spec.kind == Kind::Histogram)
    })
}

/// The matchers of a selector that begins with `{`: label and value. Values have neither quotes nor commas.
fn matchers(after: &str) -> Vec<(&str, &str)> {
    let Some(inside) = after.strip_prefix('{').and_then(|rest| rest.split_once('}')) else { return Vec::new() };
    let matcher = |text| {
        let (label, value): (&str, &str) = str::split_once(text, '=')?;
        Some((label.trim().trim_end_matches('!'), value.trim_start_matches('~').trim_matches('"')))
    };
    inside.0.split(',').filter_map(|text| matcher(text.trim())).collect()
}

/// What is wrong with a name and its matchers, if anything.
fn fault(name: &str, after: &str, records: &BTreeSet<&str>) -> Option<String> {
    if name.contains(':') {
        return (!records.contains(name)).then(|| format!("{name} is not recorded"));
    }
    let Some(spec) = spec(name) else { return Some(format!("{name} is not in the catalogue")) };
    matchers(after).into_iter().find_map(|(label, value)| {
        if OF_PROMETHEUS.contains(&label) {
            return None;
        }
        let Some(known) = spec.labels.iter().find(|known| known.name == label) else {
            return Some(format!("{name} has no label {label}"));
        };
        let Values::Closed(closed) = known.values else { return None };
        let wrong = value.split('|').find(|value| !value.starts_with('$') && !closed.contains(value))?;
        Some(format!("{label} of {name} is never {wrong}"))
    })
}

#[test]
fn rules_and_dashboards_name_what_exists() {
    let recording = read(&root().join("deploy/prometheus/recording.yml"));
    let records: BTreeSet<&str> = values(&recording, "record:").into_iter().collect();
    let all = [("deploy/prometheus", "yml"), ("deploy/prometheus/tests", "yml"), ("deploy/grafana/dashboards", "json")];
    let mut seen = 0;
    for path in all.iter().flat_map(|(folder, extension)| files(folder, extension)) {
        for (name, after) in names(&read(&path).replace("\\\"", "\"")) {
            seen += 1;
            let fault = fault(name, after, &records);
            assert_eq!(fault, None, "{}", path.display());
        }
    }
    assert!(seen > 100, "{seen} names only");
}

#[test]
fn a_wrong_name_label_or_value_is_noticed() {
    let records = BTreeSet::from(["job:tollgate_calls:rate5m"]);
    let fault = |text| names(text).into_iter().find_map(|(name, after)| fault(name, after, &records));
    let good =
        "rate(tollgate_dispatch_seconds_count{job=\"x\", outcome=~\"accepted|held\"}[5m]) / job:tollgate_calls:rate5m";
    assert_eq!(fault(good), None);
    for (wrong, told) in [
        ("sum(tollgate_quality_score)", "tollgate_quality_score is not in the catalogue"),
        ("tollgate_dispatch_seconds", "tollgate_dispatch_seconds is not in the catalogue"),
        ("job:tollgate_calls:rate1h", "job:tollgate_calls:rate1h is not recorded"),
        ("tollgate_requests_total{account=\"a\"}", "tollgate_requests_total has no label account"),
        ("tollgate_requests_total{lane!=\"bulky\"}", "lane of tollgate_requests_total is never bulky"),
    ] {
        assert_eq!(fault(wrong).as_deref(), Some(told));
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let alerts = read(&root().join("deploy/prometheus/alerts.yml"));
    let contents = read(&root().join("docs/runbooks/README.md"));
    let mut named = BTreeSet::new();
    for alert in alerts.split("- alert: ").skip(1) {
        let name = alert.lines().next().unwrap();
        named.insert(name.to_owned());
        let severity = values(alert, "severity:");
        assert!(severity == ["page"] || severity == ["ticket"], "{name}: {severity:?}");
        assert_eq!(values(alert, "runbook:"), [format!("docs/runbooks/{name}.md")], "{name}");
        for told in ["summary:", "description:"] {
            assert_eq!(values(alert, told).len(), 1, "{name} lacks {told}");
        }
    }
    let mut written: BTreeSet<String> = files("docs/runbooks", "md")
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert!(written.remove("README"));
    assert_eq!(named, written);
    let tests: String = files("deploy/prometheus/tests", "yml").iter().map(|path| read(path)).collect();
    for name in &named {
        assert!(tests.contains(&format!("- alertname: {name}\n")), "{name} has no test in deploy/prometheus/tests");
        assert!(contents.contains(&format!("[{name}]({name}.md)")), "{name} is not in the list of runbooks");
    }
}

#[test]
fn runbooks_say_what_a_woken_person_needs() {
    let alerts = read(&root().join("deploy/prometheus/alerts.yml"));
    for path in files("docs/runbooks", "md").iter().filter(|path| !path.ends_with("README.md")) {
        let (page, name) = (read(path), path.file_stem().unwrap().to_str().unwrap());
        let parts = ["What it means.", "What people notice.", "How to look.", "What to do.", "When it clears."];
        let places: Vec<Option<usize>> = parts.iter().map(|part| page.find(&format!("**{part}**"))).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{name}: {places:?}");
        assert!(page.starts_with(&format!("# {name}\n")), "{name}");
        let lines = page.lines().count();
        assert!((15..=40).contains(&lines), "{name} has {lines} lines");
        let of_alert = alerts.split("- alert: ").filter(|alert| alert.lines().next() == Some(name));
        let severities: BTreeSet<&str> = of_alert.flat_map(|alert| values(alert, "severity:")).collect();
        let told: Vec<&str> = severities.into_iter().collect();
        assert!(page.contains(&format!("\nSeverity: {}\n", told.join(", "))), "{name}: {told:?}");
    }
}

#[test]
fn commands_of_runbooks_exist() {
    let help = read(&root().join("docs/cli.md"));
    for path in files("docs/runbooks", "md") {
        let page = read(&path);
        for line in page.split(['`', '\n']).map(|part| part.trim().trim_start_matches("$ ")) {
            let Some(rest) = line.strip_prefix("tollgate ") else { continue };
            let words: Vec<&str> = rest
                .split_whitespace()
                .take_while(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
                .collect();
            let known =
                (1..=words.len()).rev().any(|n| help.contains(&format!("\n## tollgate {}\n", words[..n].join(" "))));
            assert!(known, "{}: {line}", path.display());
            for option in rest.split_whitespace().filter(|word| word.starts_with("--")) {
                assert!(help.contains(&format!("\n      {option}")), "{}: {option} of {line}", path.display());
            }
        }
    }
}
