//! A real Prometheus: `scripts/prometheus`, which ends with its standard input.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// One series of an answer: its labels without the name, and its value.
pub type Sample = (BTreeMap<String, String>, f64);

pub struct Prometheus {
    child: Child,
    input: Option<ChildStdin>,
    url: String,
}

impl Prometheus {
    /// Starts one that scrapes `target` every second; without rules it has those of `deploy/prometheus`.
    pub fn start(target: SocketAddr, rules: &[PathBuf]) -> Self {
        let mut command = Command::new(repository().join("scripts/prometheus"));
        command.args(["serve", "--target", &target.to_string()]);
        rules.iter().for_each(|file| {
            command.arg("--rules").arg(file);
        });
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("scripts/prometheus runs");
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://"), "scripts/prometheus serve failed; its message is above");
        let input = child.stdin.take();
        Self { child, input, url: url.trim().to_owned() }
    }

    /// What a query answers now.
    pub fn ask(&self, query: &str) -> Vec<Sample> {
        let address = format!("{}/api/v1/query", self.url);
        let output =
            Command::new("curl").args(["-sSG", &address, "--data-urlencode", &format!("query={query}")]).output();
        let answer: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let series = answer["data"]["result"].as_array().unwrap();
        let sample = |each: &Value| {
            let labels = each["metric"].as_object().unwrap().iter().filter(|(name, _)| *name != "__name__");
            let labels = labels.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
            (labels, each["value"][1].as_str().unwrap().parse().unwrap())
        };
        series.iter().map(sample).collect()
    }

    /// The values of a query by the value of one label.
    pub fn by(&self, label: &str, query: &str) -> BTreeMap<String, f64> {
        self.ask(query).into_iter().map(|(labels, value)| (labels[label].clone(), value)).collect()
    }

    /// The one value of a query; none without a series.
    pub fn one(&self, query: &str) -> Option<f64> {
        let answer = self.ask(query);
        assert!(answer.len() < 2, "{query}: {answer:?}");
        answer.first().map(|(_, value)| *value)
    }

    /// The alerts that fire now, by name and severity.
    pub fn firing(&self) -> Vec<String> {
        let fires = self.ask("count by (alertname, severity) (ALERTS{alertstate=\"firing\"})");
        fires.iter().map(|(labels, _)| format!("{} {}", labels["alertname"], labels["severity"])).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
