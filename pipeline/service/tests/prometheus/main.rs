//! A real Prometheus scrapes a real run: what it says is what outcomes and ledger say, every panel of the dashboards has
//! data, no alert fires in a healthy run, and when something breaks exactly its alert does.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../http/mod.rs"]
mod http;
mod server;
mod world;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::http;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Value, json};
use server::{Prometheus, repository, wait};
use tollgate_runtime::ledger::{LedgerReader, Options, Reader};
use world::{ACCOUNT, OTHER, World, person, request};

/// People of a group.
fn people(group: u64, count: u64) -> Vec<String> {
    (0..count).map(|n| person(group, n)).collect()
}

/// A campaign with codes and notices beside it, and what is refused of it.
fn campaign(world: &World) -> Vec<Value> {
    let (readers, unasked, gone, buyers, codes) =
        (people(1, 120), people(2, 10), people(3, 5), people(4, 40), people(5, 25));
    let off = format!("{}005", &person(6, 0)[..11]);
    for group in [&readers, &gone, &buyers, &codes, &vec![off.clone()]] {
        world.consent(group, "opt_in");
    }
    world.consent(&gone, "opt_out");
    let each = |people: &[String], id: &str, purpose: &str, template: &str| -> Vec<Value> {
        let made = people.iter().enumerate().map(|(n, to)| request(&format!("{id}-{n}"), to, purpose, template));
        made.collect()
    };
    let mut requests = each(&readers, "autumn", "marketing", "news");
    requests.extend(each(&unasked, "unasked", "marketing", "news"));
    requests.extend(each(&gone, "gone", "marketing", "news"));
    requests.extend(each(&buyers, "order", "utility", "order"));
    requests.extend(each(&codes, "code", "authentication", "code"));
    requests.extend(each(&buyers[..2], "lost", "utility", "unheard_of"));
    requests.extend(each(&[off], "off", "utility", "order"));
    // The same again: known ids.
    requests.extend_from_within(..3);
    requests
}

/// Waits until nothing moves any more, here and at the platform.
fn settle(world: &World) -> Vec<Value> {
    let mut last = usize::MAX;
    let look = || {
        let stats = world.sandbox.stats();
        let told = world.outcomes();
        let quiet = stats.timers == 0 && stats.updates_queued == 0 && told.len() == last;
        last = told.len();
        std::thread::sleep(Duration::from_millis(700));
        (quiet, told)
    };
    wait("everything has an end", look, |(quiet, _)| *quiet).1
}

/// How often each value of a field stands in the outcomes.
fn counts<'a>(outcomes: impl Iterator<Item = &'a Value>, field: &str) -> BTreeMap<String, f64> {
    let mut counts = BTreeMap::new();
    for outcome in outcomes {
        *counts.entry(outcome[field].as_str().unwrap_or("none").to_owned()).or_default() += 1.0;
    }
    counts
}

/// Charges and their cost by category, as the ledger has them.
fn booked(ledger: &Path) -> (f64, BTreeMap<String, Decimal>) {
    let reader = Reader::open(ledger, Options::default()).unwrap();
    let (mut entries, mut cost) = (0.0, BTreeMap::<String, Decimal>::new());
    let now = tollgate_runtime::clock::now().0;
    let month = |ms: u64| tollgate_wire::Time(ms).to_string()[..7].to_owned();
    let months = std::collections::BTreeSet::from([month(now), month(now - 600_000)]);
    for each in months {
        let mut add = |entry: &tollgate_wire::ledger::LedgerEntry<'_>| {
            entries += 1.0;
            let category = serde_json::to_value(entry).unwrap()["category"].as_str().unwrap().to_owned();
            *cost.entry(category).or_default() += entry.cost.unwrap();
            ControlFlow::Continue(())
        };
        reader.detail(each.parse().unwrap(), None, true, &mut add).unwrap();
    }
    (entries, cost)
}

#[test]
fn prometheus_says_what_outcomes_and_ledger_say() {
    let world = World::start();
    let prometheus = Prometheus::start(world.metrics, &[]);
    wait("it is scraped", || prometheus.one("count_over_time(up[1m])"), |n| n.is_some_and(|n| n >= 2.0));
    let requests = campaign(&world);
    world.enqueue(&requests);
    let outcomes = settle(&world);

    // The last scrape may be a second old.
    let moves = counts(outcomes.iter(), "outcome");
    let flow = "sum by (outcome) (tollgate_decisions_total)";
    wait("flow", || prometheus.by("outcome", flow), |told| *told == moves);
    assert_eq!([moves["admitted"], moves["failed"], moves["duplicate"]], [186.0, 1.0, 3.0], "{moves:?}");

    let lanes = prometheus.by("lane", "tollgate_requests_total");
    assert_eq!(
        lanes,
        BTreeMap::from([("bulk".to_owned(), requests.len() as f64 - 25.0), ("priority".to_owned(), 25.0)])
    );
    assert_eq!(prometheus.one("tollgate_request_to_order_seconds_count{lane=\"priority\"}"), Some(25.0));

    let refused = counts(outcomes.iter().filter(|outcome| outcome["outcome"] == "refused"), "reason");
    let told = prometheus.by("reason", "sum by (reason) (tollgate_decisions_total{outcome=\"refused\"})");
    assert_eq!(told, refused);
    let want = [("not_opted_in", 10.0), ("opted_out", 5.0), ("template_unknown", 2.0)];
    assert_eq!(refused, want.map(|(reason, n)| (reason.to_owned(), n)).into());

    // Everybody who was delivered to outside a window, as the platform counts for itself too.
    let used = prometheus.one("tollgate_quota_users{account=\"acme\", state=\"used\"}").unwrap();
    let account = http(world.api, "GET", &format!("/v1/accounts/{ACCOUNT}"), "").unwrap().1;
    assert!(account.contains(&format!("\"quota_used\":{used}")), "{used}: {account}");
    assert_eq!(used, world.sandbox.stats().unique_users[0].count as f64);

    let (entries, cost) = booked(&world.ledger());
    assert_eq!(prometheus.one("sum(tollgate_charges_total)"), Some(entries));
    assert_eq!(prometheus.one("tollgate_delivery_to_booked_seconds_count"), Some(entries));
    // Whoever read it got it, whether that was said or not.
    assert_eq!(entries, 185.0);
    let shown = prometheus.by("category", "tollgate_charged_amount_total{currency=\"USD\"}");
    let cost: BTreeMap<String, f64> =
        cost.iter().map(|(category, sum)| (category.clone(), sum.to_f64().unwrap())).collect();
    assert_eq!(shown, cost);
    assert_eq!(cost.len(), 3, "{cost:?}");

    let fired = prometheus.ask("count_over_time(ALERTS{alertstate=\"firing\"}[10m])");
    assert!(fired.is_empty(), "a healthy run fires {fired:?}");

    // A dead letter, which a healthy run has none of; then every panel shows something.
    let told = http(world.api, "POST", "/v1/messages:batch", "{\"idd\": 1}\n");
    assert!(told.is_some());
    panels_have_data(&prometheus);
}

/// Waits until each panel of the dashboards has a query that answers with a number.
fn panels_have_data(prometheus: &Prometheus) {
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

/// The rules with minutes shortened to seconds; everything else is as it is delivered.
fn hurried(folder: &Path) -> Vec<PathBuf> {
    let write = |name: &str, changes: &[(&str, &str)]| {
        let mut text = std::fs::read_to_string(repository().join("deploy/prometheus").join(name)).unwrap();
        for (long, short) in changes {
            assert!(text.contains(long), "{name} has no {long}");
            text = text.replace(long, short);
        }
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let recording = write("recording.yml", &[("[5m]", "[10s]")]);
    let alerts = write(
        "alerts.yml",
        &[
            ("for: 1m\n", "for: 1s\n"),
            ("for: 2m\n", "for: 1s\n"),
            ("for: 5m\n", "for: 2s\n"),
            // Calls and webhooks: ten of five minutes, of ten minutes, and five minutes of silence.
            ("rate5m * 300 >= 10", "rate5m * 10 >= 5"),
            ("[10m])) * 600 >= 10", "[10s])) * 10 >= 5"),
            ("(tollgate_last_webhook_timestamp_seconds) < 300)", "(tollgate_last_webhook_timestamp_seconds) < 15)"),
            ("{topic=\"ledger\"}) > 300", "{topic=\"ledger\"}) > 3"),
        ],
    );
    vec![recording, alerts]
}

/// Ten notices a second to the same 400 people, until told to stop.
fn trickle(world: &World, buyers: &[String], stop: &AtomicBool) {
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        let requests: Vec<Value> =
            (n..n + 2).map(|n| request(&format!("t-{n}"), &buyers[n % buyers.len()], "utility", "order")).collect();
        world.enqueue(&requests);
        n += 2;
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn what_breaks_fires_its_alert_and_no_other() {
    let world = World::start();
    let prometheus = Prometheus::start(world.metrics, &hurried(world.folder.path()));
    let buyers = people(7, 400);
    world.consent(&buyers, "opt_in");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| trickle(&world, &buyers, &stop));
        // Ends the trickle also when an assertion fails.
        let _guard = Guard(&stop);
        faults(&world, &prometheus);
    });
}

struct Guard<'a>(&'a AtomicBool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn faults(world: &World, prometheus: &Prometheus) {
    let quiet = Duration::from_secs(4);
    let calm = || wait("nothing fires", || prometheus.firing(), Vec::is_empty);
    let fires = |alert: &str, then: Duration| {
        let told = wait(alert, || prometheus.firing(), |now| !now.is_empty());
        assert_eq!(told, [alert], "{}", world.log());
        // Nor does another one follow.
        std::thread::sleep(then);
        assert_eq!(prometheus.firing(), [alert], "{}", world.log());
    };
    let accepted = "rate(tollgate_dispatch_seconds_count{outcome=\"accepted\"}[5s])";
    wait("messages flow", || prometheus.one(accepted), |rate| rate.is_some_and(|rate| rate > 5.0));
    calm();

    world.platform("outage", &json!({"manner": "unavailable", "seconds": 600}));
    fires("TollgatePlatformUnreachable page", quiet);
    world.platform("outage", &json!({"manner": "unavailable", "seconds": 0}));
    calm();

    let template = |event: &str| json!({"account": ACCOUNT, "name": "news", "language": "en_US", "event": event});
    world.platform("templates/status", &template("PAUSED"));
    fires("TollgateTemplatePaused ticket", quiet);
    world.platform("templates/status", &template("APPROVED"));
    calm();

    world.platform("quality", &json!({"sender": OTHER, "event": "FLAGGED"}));
    fires("TollgateQualityDropped ticket", quiet);
    world.platform("quality", &json!({"sender": OTHER, "event": "UNFLAGGED"}));
    calm();

    // Somebody else's transaction keeps the ledger from being written; SQLite waits ten seconds for its end.
    let other = rusqlite::Connection::open(world.ledger()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    fires("TollgateLedgerBehind page", Duration::ZERO);
    other.execute_batch("ROLLBACK").unwrap();
    calm();
}
