//! A campaign without trouble: what Prometheus says of it, held against outcomes, platform and ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::Value;
use tollgate_runtime::ledger::{LedgerReader, Options, Reader};

use crate::http::http;
use crate::panels;
use crate::server::Prometheus;
use crate::world::{ACCOUNT, World, people, person, request, wait};

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
    let months = BTreeSet::from([month(now), month(now - 600_000)]);
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
    panels::have_data(&prometheus);
}
