//! Requests a second through Apache Kafka, beside a bare pass-through of the same records on the same broker.
//!
//! One round: requests lie in the topic; (a) the shard loop decides them with all gates and commits orders, outcomes,
//! changelog and positions; (b) a loop without any logic reads the same requests and writes as many records of the
//! same bytes in transactions with the same bounds; (c) the same with orders and outcomes alone, without a changelog.
//! The order of the three turns from round to round; the first round is small, warms the broker up, and shows (b)
//! what is written. No platform, no results, no views.
//!
//! `cargo run --release -p tollgate-benches --example end_to_end_kafka -- [REQUESTS] [ROUNDS] [WHICH] [SLOTS]`, where
//! `WHICH` is `all` (default) or `tollgate` (for profiles) and `SLOTS` (default 1) is how many loops of each kind share
//! the four partitions. The broker is `scripts/kafka`, or the one `KAFKA_BOOTSTRAP` names.
#![expect(clippy::unwrap_used, reason = "a bench ends at the first fault")]

#[path = "../../../pipeline/runtime/tests/broker/mod.rs"]
mod broker;
#[path = "../../../pipeline/runtime/tests/load/mod.rs"]
mod load;
mod measure;
mod pass_through;
mod written;

use broker::Broker;
use load::{Feed, Positions, Worker};
use measure::{Figures, median};
use pass_through::PassThrough;
use std::path::Path;
use std::time::Duration;
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{self, KafkaConfig, partition_of};
use written::Written;

const PARTITIONS: u32 = 4;
const WARM: usize = 40_000;
const MOST: Duration = Duration::from_secs(600);

/// The service's own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let mut args = std::env::args().skip(1);
    let requests: usize = args.next().map_or(200_000, |n| n.parse().unwrap());
    let rounds: usize = args.next().map_or(3, |n| n.parse().unwrap());
    let tollgate_alone = args.next().is_some_and(|which| which == "tollgate");
    let slots: u32 = args.next().map_or(1, |n| n.parse().unwrap());
    let broker = Broker::start();
    let accounts = accounts();
    let run = Run { broker: &broker, accounts: &accounts, slots };
    let (_, written) = run.round(WARM, 0, None);
    let mut results: [Vec<Figures>; 3] = Default::default();
    let mut last = written;
    for round in 0..rounds {
        let (figures, written) = run.round(requests, round, (!tollgate_alone).then_some(&last));
        for (all, one) in results.iter_mut().zip(figures) {
            all.extend(one);
        }
        last = written;
    }
    println!(
        "\n{requests} requests, {rounds} rounds, {slots} slots, medians; CPU of this process and of the broker in µs a request"
    );
    let names = ["Tollgate", "pass-through of all records", "pass-through without changelog"];
    for (name, figures) in names.iter().zip(&results).filter(|(_, f)| !f.is_empty()) {
        let [rate, own, broker] =
            [|f: &Figures| f.rate, |f: &Figures| f.cpu, |f: &Figures| f.broker_cpu].map(|of| median(figures, of));
        println!("{name:32} {rate:>8.0}/s  CPU {own:5.1}  broker {broker:5.1}");
    }
    if !tollgate_alone {
        let [tollgate, all, less] = results.each_ref().map(|f| median(f, |f: &Figures| f.rate));
        println!("ratio {:.2} of all records, {:.2} of orders and outcomes alone", tollgate / all, tollgate / less);
    }
    println!("\nwritten per request:");
    for topic in &last.topics {
        println!("{topic}");
    }
}

/// One account for each partition.
fn accounts() -> Vec<String> {
    (0..PARTITIONS)
        .map(|p| (0..).map(|i| format!("account-{i}")).find(|a| partition_of(a.as_bytes(), PARTITIONS) == p).unwrap())
        .collect()
}

type Round = ([Option<Figures>; 3], Written);

struct Run<'a> {
    broker: &'a Broker,
    accounts: &'a [String],
    slots: u32,
}

impl Run<'_> {
    fn round(&self, requests: usize, round: usize, like: Option<&Written>) -> Round {
        let config = self.broker.config();
        kafka::create(&config, PARTITIONS, 1).unwrap();
        let feed = Feed::new(&config, PARTITIONS);
        let disk = tempfile::tempdir().unwrap();
        let account = |person: usize| &self.accounts[person % self.accounts.len()];
        for account in self.accounts {
            feed.account(account, "\"UNLIMITED\"", 4_000_000_000);
        }
        for person in 0..requests {
            feed.consent(account(person), person, "marketing", "opt_in");
        }
        feed.flush();
        let workers = self.workers(&config, disk.path());
        Positions::new(&config, Topic::Commands, PARTITIONS).wait_for_end(&workers[0], &config, MOST);
        workers.into_iter().for_each(Worker::stop);
        for person in 0..requests {
            feed.bulk(account(person), person);
        }
        feed.flush();
        let before = written::ends(&config);
        let mut figures = [None; 3];
        for turn in 0..3 {
            let which = (turn + round) % 3;
            // What the turn before left to be written to the disk is not this one's work.
            assert!(std::process::Command::new("sync").status().is_ok_and(|s| s.success()), "sync");
            figures[which] = match which {
                0 => Some(self.tollgate(&config, disk.path(), requests)),
                _ => like.map(|like| self.pass_through(&config, like, which == 1, requests)),
            };
            if let Some(f) = figures[which] {
                println!("round {round} {}: {f}", ["Tollgate", "all records", "no changelog"][which]);
            }
        }
        let written = Written::read(&config, &before, requests);
        assert_eq!(written.orders(), requests as u64, "an order for each request");
        (figures, written)
    }

    /// A shard loop for each slot, each on a folder of its own.
    fn workers(&self, config: &KafkaConfig, disk: &Path) -> Vec<Worker> {
        let slot = |slot: u32| KafkaConfig { slot: slot.to_string(), ..config.clone() };
        let start = |n: u32| Worker::start(&slot(n), &disk.join(n.to_string()), PARTITIONS);
        (0..self.slots).map(start).collect()
    }

    fn tollgate(&self, config: &KafkaConfig, disk: &Path, requests: usize) -> Figures {
        let workers = self.workers(config, disk);
        let alive = || workers.iter().for_each(Worker::alive);
        let figures = measure::watch(config, self.broker.pid(), requests, alive);
        workers.into_iter().for_each(Worker::stop);
        figures
    }

    fn pass_through(&self, from: &KafkaConfig, like: &Written, with_changelog: bool, requests: usize) -> Figures {
        let to = self.broker.config();
        kafka::create(&to, PARTITIONS, 1).unwrap();
        let start = |slot| PassThrough::start(from, &to, like.only(with_changelog), slot, self.slots);
        let loops: Vec<PassThrough> = (0..self.slots).map(start).collect();
        // Their positions belong to a group of their own, in the topics of the first.
        let watched = KafkaConfig { app: to.app.clone(), ..from.clone() };
        let alive = || loops.iter().for_each(PassThrough::alive);
        let figures = measure::watch(&watched, self.broker.pid(), requests, alive);
        loops.into_iter().for_each(PassThrough::stop);
        figures
    }
}
