//! Restoring a partition from Apache Kafka on an empty disk, in a process of its own: keys a second, and the memory
//! that the process holds afterwards.
//!
//! `cargo run --release -p tollgate-benches --example restore_kafka -- [CONTACTS] [REQUESTS]`: so many people opt in,
//! and the first of them get a request each. The broker is `scripts/kafka`, or the one `KAFKA_BOOTSTRAP` names.
#![expect(clippy::unwrap_used, reason = "a bench ends at the first fault")]

#[path = "../../pipeline/runtime/tests/broker/mod.rs"]
mod broker;
#[path = "../../pipeline/runtime/tests/load/mod.rs"]
mod load;

use broker::Broker;
use load::{Feed, Positions, Worker, end};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{self, KafkaConfig};
use tollgate_runtime::store::{Space, Store, StoreOptions};

const MOST: Duration = Duration::from_secs(1_800);

/// The service's own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [brokers, prefix, app, disk] = &args[..] {
        return restore(brokers, prefix, app, Path::new(disk));
    }
    let number = |at: usize, default: usize| args.get(at).map_or(default, |n| n.parse().unwrap());
    let (contacts, requests) = (number(0, 1_000_000), number(1, 100_000));
    let broker = Broker::start();
    let config = broker.config();
    kafka::create(&config, 1, 1).unwrap();
    let feed = Feed::new(&config, 1);
    feed.account("acme", "\"UNLIMITED\"", 4_000_000_000);
    for person in 0..contacts {
        feed.consent("acme", person, "marketing", "opt_in");
    }
    feed.flush();
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let worker = Worker::start(&config, first.path(), 1);
    let started = Instant::now();
    Positions::new(&config, Topic::Commands, 1).wait_for_end(&worker, &config, MOST);
    let seconds = started.elapsed().as_secs_f64();
    println!("{contacts} consents decided in {seconds:.1} s, {:.0}/s", contacts as f64 / seconds);
    for person in 0..requests {
        feed.bulk("acme", person);
    }
    feed.flush();
    Positions::new(&config, Topic::Requests, 1).wait_for_end(&worker, &config, MOST);
    worker.stop();
    let records = end(&config, &config.state_topic(), 0);
    let store = Store::open(&first.path().join("partition-0"), &StoreOptions::default()).unwrap();
    let count = |space: &Space| store.scan_prefix(*space, &[]).count();
    let keys: usize = Space::ALL.iter().map(count).sum();
    println!("changelog: {records} offsets; store: {keys} keys");
    for what in ["empty disk", "same disk again"] {
        let disk = second.path().to_str().unwrap();
        let args = [config.brokers.as_str(), config.prefix.as_str(), config.app.as_str(), disk];
        let output = Command::new(std::env::current_exe().unwrap()).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8(output.stdout).unwrap();
        let [seconds, before, after] = told.split_whitespace().map(|n| n.parse().unwrap()).collect::<Vec<f64>>()[..]
        else {
            panic!("{told}");
        };
        let each = (after - before) * 1e6 / contacts as f64;
        println!(
            "{what}: ready after {seconds:.1} s, {:.0} keys/s; {after:.0} MB resident, {before:.0} before: \
             {each:.0} MB for a million contacts",
            keys as f64 / seconds
        );
    }
}

/// The child: nothing but a worker on an empty disk.
fn restore(brokers: &str, prefix: &str, app: &str, disk: &Path) {
    let config = KafkaConfig {
        brokers: brokers.to_owned(),
        prefix: prefix.to_owned(),
        app: app.to_owned(),
        ..KafkaConfig::default()
    };
    let before = resident();
    let started = Instant::now();
    let worker = Worker::start(&config, disk, 1);
    worker.wait_ready();
    println!("{} {before} {}", started.elapsed().as_secs_f64(), resident());
    worker.stop();
}

/// Resident memory of this process, MB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1e3
}
