//! A long run with faults on a real broker: memory and file handles must level off, and the lag must end.
//!
//! Caches are small here, so that they are full long before the end: with the sizes of a deployment that takes hours at
//! this rate, and a leak would pass for a cache that fills.
//!
//! Two workers decide, a platform reports every order delivered, requests come in at a steady rate. Every half minute
//! the second worker is killed and started again, in the middle the broker is killed and started again.
//! `TOLLGATE_SOAK_SECONDS` (default 600), `TOLLGATE_SOAK_RATE` requests a second (default 1,000).
#![expect(clippy::unwrap_used, reason = "test")]

#[path = "../../../runtime/tests/broker/mod.rs"]
mod broker;
#[path = "../kafka_exactly_once/platform.rs"]
mod platform;
mod sample;
#[path = "../kafka_exactly_once/topics.rs"]
#[expect(dead_code, reason = "shared; reading whole topics belongs to the checker")]
mod topics;
#[path = "../kafka_exactly_once/worker.rs"]
#[expect(dead_code, reason = "shared; zombies and crash points belong to the rounds of chaos")]
mod worker;

use broker::Broker;
use rdkafka::producer::BaseProducer;
use sample::{Lag, Sample};
use serde_json::json;
use std::time::{Duration, Instant};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{self, KafkaConfig};

const PARTITIONS: u32 = 6;
/// More people than requests of six seconds: nobody is written to faster than the platform allows.
const PEOPLE: usize = 120_000;
const ACCOUNTS: usize = 12;
/// Messages kept in memory, and the store's cache and write buffers, each for one partition.
const SMALL: &str = "store_cache_bytes = 2097152\nstore_write_buffer_bytes = 1048576\n[shard]\nrecent_max = 4000\n";
const STEP: Duration = Duration::from_millis(100);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |v| v.parse().unwrap())
}

#[test]
#[ignore = "ten minutes; scripts/test --long runs it"]
fn memory_and_handles_level_off_and_the_lag_ends() {
    let seconds = setting("TOLLGATE_SOAK_SECONDS", 600);
    let rate = setting("TOLLGATE_SOAK_RATE", 1_000);
    let broker = Broker::start();
    let config = broker.config();
    kafka::create(&config, PARTITIONS, 1).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let producer = topics::producer(&config);
    set_up(&producer, &config);
    let platform = platform::Platform::start(&config);
    let mut workers = worker::Workers::start(&config, directory.path(), SMALL);
    workers.kill(2);
    let lag = Lag::new(&config);
    lag.wait_for(&config, Topic::Commands, Duration::from_secs(300), || workers.check(2));

    println!("seconds  MB of worker 0 and 1  handles  lag");
    let mut samples: Vec<Sample> = Vec::new();
    let started = Instant::now();
    let (mut sent, mut killed, mut broker_killed) = (0, 0, false);
    while started.elapsed() < Duration::from_secs(seconds) {
        let due = (started.elapsed().as_secs_f64() * rate as f64) as u64;
        while sent < due {
            request(&producer, &config, sent as usize);
            sent += 1;
        }
        producer.poll(Duration::ZERO);
        std::thread::sleep(STEP);
        let at = started.elapsed().as_secs();
        if at / 30 > killed {
            killed = at / 30;
            workers.kill(1);
        }
        if !broker_killed && at > seconds / 2 {
            broker_killed = true;
            broker.kill();
            broker.start_again();
        }
        workers.check(2);
        if at / 5 >= samples.len() as u64 {
            let sample = Sample::take(at, &workers, lag.now(&config, Topic::Requests));
            println!("{sample}");
            samples.push(sample);
        }
    }
    topics::flush(&producer);
    let stopped = Instant::now();
    lag.wait_for(&config, Topic::Requests, Duration::from_secs(120), || workers.check(2));
    println!("{sent} requests, {killed} kills; nothing left {:.1} s after the last", stopped.elapsed().as_secs_f64());
    platform.stop();
    workers.stop();
    sample::assert_steady(&samples);
}

fn set_up(producer: &BaseProducer, config: &KafkaConfig) {
    for account in 0..ACCOUNTS {
        let name = format!("account-{account}");
        let spec = json!({"command": "apply_account", "spec": {"account": name, "limit": "UNLIMITED",
            "policy": {"in_flight": 4_000_000u32},
            "wabas": [{"id": format!("w-{name}"), "currency": "USD", "time_zone": "UTC",
                "senders": [{"id": format!("s-{name}"), "throughput": 1_000_000_000u32, "quality": "GREEN"}],
                "templates": [{"name": "news", "language": "en_US", "category": "marketing", "body": ["1"]}]}]}});
        topics::send(producer, config, Topic::Commands, &name, &spec.to_string());
    }
    for person in 0..PEOPLE {
        let account = format!("account-{}", person % ACCOUNTS);
        let consent = json!({"command": "set_consent", "account": account,
            "consent": {"to": number(person), "category": "marketing", "state": "opt_in", "source": "test"}});
        topics::send(producer, config, Topic::Commands, &account, &consent.to_string());
    }
    topics::flush(producer);
}

fn request(producer: &BaseProducer, config: &KafkaConfig, i: usize) {
    let account = format!("account-{}", i % PEOPLE % ACCOUNTS);
    let body = json!({"id": format!("r{i:09}"), "account": account, "to": number(i % PEOPLE), "purpose": "marketing",
        "content": [{"template": {"name": "news", "language": ["en_US"], "components": {"body": ["Ana"]}}}]});
    topics::send(producer, config, Topic::Requests, &account, &body.to_string());
}

fn number(person: usize) -> String {
    format!("+55119{:08}", 10_000_000 + person)
}
