//! What breaks fires its alert and no other, and what is mended clears it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::http;
use crate::server::{Prometheus, repository};
use crate::world::{ACCOUNT, OTHER, World, people, request, wait};

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
    let recording = write("recording.yml", &[("[5m]", "[10s]"), ("[1h]", "[20s]"), ("offset 1h", "offset 20s")]);
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

    let ban = |state: &str| json!({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": state}});
    world.webhook("account_update", &ban("DISABLE"));
    fires("TollgateAccountLocked page", quiet);
    world.webhook("account_update", &ban("REINSTATE"));
    calm();

    // A request that cannot be read; it is news for an hour, here for twenty seconds.
    let told = http(world.api, "POST", "/v1/messages:batch", "{\"idd\": 1}\n");
    assert!(told.is_some());
    fires("TollgateDeadLetters ticket", Duration::from_secs(2));
    calm();

    // Somebody else's transaction keeps the ledger from being written; SQLite waits ten seconds for its end.
    let other = rusqlite::Connection::open(world.ledger()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    fires("TollgateLedgerBehind page", Duration::ZERO);
    other.execute_batch("ROLLBACK").unwrap();
    calm();
}
