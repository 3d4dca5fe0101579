//! Exactly once on a real broker: workers are killed, frozen, fenced, restarted on empty disks and ended at named
//! points of a commit, the broker is killed, while requests come in. Afterwards a checker reads every topic as any
//! reader sees it and recomputes the truth from the inputs.
//!
//! `TOLLGATE_KAFKA_ROUNDS` (default 3) rounds, `TOLLGATE_KAFKA_SEED` the first seed, `TOLLGATE_KAFKA_REQUESTS`
//! (default 20,000) requests of a round.
#![expect(clippy::unwrap_used, reason = "test")]

#[path = "../../../runtime/tests/broker/mod.rs"]
mod broker;
mod chaos;
mod checker;
mod inputs;
mod platform;
mod topics;
mod worker;

use broker::Broker;
use std::time::{Duration, Instant};
use tollgate_runtime::log::kafka;

/// Partitions of a round.
const PARTITIONS: u32 = 6;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |v| v.parse().unwrap())
}

/// A small generator: the same seed, the same choices.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }
}

#[test]
fn every_request_once_whatever_dies() {
    let first = setting("TOLLGATE_KAFKA_SEED", 1);
    let requests = setting("TOLLGATE_KAFKA_REQUESTS", 20_000) as usize;
    for seed in first..first + setting("TOLLGATE_KAFKA_ROUNDS", 3) {
        round(seed, requests);
    }
}

fn round(seed: u64, requests: usize) {
    let started = Instant::now();
    let broker = Broker::start();
    let config = broker.config();
    kafka::create(&config, PARTITIONS, 1).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut dice = Dice(seed);
    let inputs = inputs::Inputs::new(&mut dice, requests);
    let producer = topics::producer(&config);
    inputs.accounts(&producer, &config);
    let platform = platform::Platform::start(&config);
    let mut workers = worker::Workers::start(&config, directory.path(), "");
    let told = chaos::run(&mut dice, &broker, &mut workers, &inputs, &producer, &config);
    workers.all_up();
    let deadline = Instant::now() + Duration::from_secs(180);
    let report = loop {
        workers.check_alive();
        match checker::check(&config, &inputs) {
            Ok(report) => break report,
            Err(checker::Fault::NotYet(what)) => {
                assert!(Instant::now() < deadline, "seed {seed}: {what}\n{told}");
                std::thread::sleep(Duration::from_millis(500));
            }
            Err(checker::Fault::Wrong(what)) => panic!("seed {seed}: {what}\n{told}"),
        }
    };
    platform.stop();
    workers.stop();
    println!("seed {seed}: {report}; {told}; {:.0} s", started.elapsed().as_secs_f64());
}
