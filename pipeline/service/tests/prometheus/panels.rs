//! Every panel of the dashboards shows something.

use serde_json::Value;

use crate::server::{Prometheus, repository};
use crate::world::wait;

/// Waits until each panel of the dashboards has a query that answers with a number.
pub fn have_data(prometheus: &Prometheus) {
    let mut panels = 0;
    for file in std::fs::read_dir(repository().join("deploy/grafana/dashboards")).unwrap() {
        let dashboard: Value = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        for panel in dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row") {
            panels += 1;
            let queries: Vec<String> = panel["targets"].as_array().unwrap().iter().map(plain).collect();
            let numbers =
                || queries.iter().flat_map(|query| prometheus.ask(query)).filter(|(_, n)| n.is_finite()).count();
            wait(&format!("{} of {} has data", panel["title"], dashboard["title"]), numbers, |n| *n > 0);
        }
    }
    assert!(panels >= 50, "{panels} panels only");
}

/// The query of a target with what Grafana would put in.
fn plain(target: &Value) -> String {
    let mut query = target["expr"].as_str().unwrap().to_owned();
    for (variable, value) in
        [("$job", ".+"), ("$instance", ".+"), ("$account", ".+"), ("$__rate_interval", "2m"), ("$__range", "10m")]
    {
        query = query.replace(variable, value);
    }
    query
}
