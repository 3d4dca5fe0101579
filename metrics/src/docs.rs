//! The catalogue as Markdown.

use crate::catalogue::{Kind, Label, Metric, Values};

const HEAD: &str = "\
# Metrics

Prometheus text format 0.0.4 on `GET /metrics`. Base units. No phone numbers, no
message ids, no label without a bound: an invalid value, one longer than 64
bytes and one beyond the bound are counted together as `other`.

This file is generated from the catalogue in `metrics/`; a test keeps it equal.
On Linux the usual `process_*` metrics (CPU, memory, file descriptors, threads,
start time) are exported beside these.

| metric | kind | unit | labels | meaning |
|---|---|---|---|---|
";

/// The whole catalogue as a Markdown page: a table of metrics, the values of
/// each label, the buckets of each histogram. Ends with a line feed.
pub fn docs() -> String {
    let mut page = HEAD.to_owned();
    for spec in Metric::ALL.iter().map(|metric| metric.spec()) {
        let labels: Vec<String> = spec.labels.iter().map(|label| format!("`{}`", label.name)).collect();
        page.push_str(&format!(
            "| `{}` | {} | {} | {} | {} |\n",
            spec.name,
            kind(spec.kind),
            unit(spec.unit),
            labels.join(", "),
            spec.help
        ));
    }
    page.push_str("\n## Label values\n\n| label | on | values |\n|---|---|---|\n");
    for (label, metrics) in labels() {
        let values = match label.values {
            Values::Closed(names) => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" "),
            Values::Bounded(what) => format!("bounded: {what}; the rest `other`"),
        };
        let on: Vec<String> = metrics.iter().map(|name| format!("`{name}`")).collect();
        page.push_str(&format!("| `{}` | {} | {values} |\n", label.name, on.join(", ")));
    }
    page.push_str("\n## Buckets\n\n| histogram | upper bounds |\n|---|---|\n");
    for spec in Metric::ALL.iter().map(|metric| metric.spec()) {
        if spec.kind == Kind::Histogram {
            let bounds: Vec<String> = spec.buckets.iter().map(f64::to_string).collect();
            page.push_str(&format!("| `{}` | {} |\n", spec.name, bounds.join(" ")));
        }
    }
    page
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    }
}

const fn unit(unit: crate::Unit) -> &'static str {
    use crate::Unit;
    match unit {
        Unit::Events => "count",
        Unit::Seconds => "seconds",
        Unit::Records => "records",
        Unit::Messages => "messages",
        Unit::MessagesPerSecond => "messages a second",
        Unit::Users => "users",
        Unit::Orders => "orders",
        Unit::Amount => "currency units",
        Unit::Timestamp => "seconds since 1970",
        Unit::Templates => "templates",
        Unit::Wabas => "WABAs",
        Unit::Senders => "senders",
        Unit::Accounts => "accounts",
        Unit::Partitions => "partitions",
        Unit::Attempts => "attempts",
        Unit::Calls => "calls",
        Unit::Bytes => "bytes",
        Unit::Quality => "score 0–3",
        Unit::Info => "always 1",
    }
}

/// Each distinct label with the metrics that carry it, in catalogue order.
fn labels() -> Vec<(Label, Vec<&'static str>)> {
    let mut found: Vec<(Label, Vec<&'static str>)> = Vec::new();
    for spec in Metric::ALL.iter().map(|metric| metric.spec()) {
        for label in spec.labels {
            match found.iter_mut().find(|(known, _)| known == label) {
                Some((_, metrics)) => metrics.push(spec.name),
                None => found.push((*label, vec![spec.name])),
            }
        }
    }
    found
}
