//! Over the embedded log: the whole way, and the rate that it sustains.

use std::sync::Arc;
use std::time::Duration;

use super::world::{World, order_json};
use crate::clock;
use crate::dispatcher::{Dispatcher, DispatcherParts};
use crate::log::embedded::{EmbeddedLog, EmbeddedOptions};
use crate::log::{NewRecord, ReadLimit, Topic};

async fn run(world: &World, orders: u64, concurrent_max: usize) -> Duration {
    let directory = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(directory.path(), &EmbeddedOptions::default()).unwrap();
    let records = (0..orders).map(|uid| {
        let sender = if uid % 2 == 0 { "s1" } else { "s2" };
        NewRecord::new(sender, order_json(uid, sender, &(10_000_000 + uid).to_string(), false, 60_000), 0)
    });
    log.append(Topic::Dispatch, records.collect()).await.unwrap();
    let parts = DispatcherParts { orders: Arc::new(log.clone()), inbox: Arc::new(log.clone()), ..world.parts() };
    let started = clock::monotonic();
    let dispatcher = Dispatcher::start(World::config(concurrent_max), parts);
    let results = || {
        let (first, next) = log.ends(Topic::Events);
        let limit = ReadLimit { records: 100_000, bytes: usize::MAX };
        let records = if first < next { log.read_from(Topic::Events, first, limit).unwrap() } else { Vec::new() };
        records.iter().map(|r| String::from_utf8_lossy(&r.value).matches("\"accepted\"").count() as u64).sum::<u64>()
    };
    while results() < orders {
        assert!(dispatcher.is_running());
        assert!(started.elapsed() < Duration::from_secs(60), "{} of {orders}", results());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = started.elapsed();
    dispatcher.stop(Duration::from_secs(5)).await.unwrap();
    assert_eq!(log.dispatch_low(), orders, "every order is taken");
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_the_embedded_log_are_sent_once() {
    let world = World::new(Duration::from_millis(2), 100_000).await;
    run(&world, 400, 64).await;
    let calls = world.calls();
    let distinct: std::collections::HashSet<u64> = calls.iter().map(|call| call.uid).collect();
    assert_eq!((calls.len(), distinct.len()), (400, 400));
}

/// Run by hand: `cargo test --release -p tollgate-runtime sends_per_second -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn sends_per_second() {
    let world = World::new(Duration::from_millis(20), 1_000_000).await;
    let took = run(&world, 20_000, 512).await;
    println!("{:.0} sends/s", 20_000.0 / took.as_secs_f64());
}
