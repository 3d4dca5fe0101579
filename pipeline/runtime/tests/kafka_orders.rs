//! Orders over a real broker: taken at most once whoever is killed, frozen or fenced, and each once when nobody is.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod broker;
#[path = "kafka_orders/process.rs"]
mod process;
#[path = "kafka_orders/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tollgate_runtime::dispatcher::{KafkaOrders, Orders as _};
use tollgate_runtime::log::kafka::KafkaConfig;
use tollgate_runtime::log::{LogError, ReadLimit};

use broker::Broker;
use process::{Process, Told, wait_for_line};
use world::{Calls, Engine, Member, committed, slot, world};

const ALL: ReadLimit = ReadLimit { records: 100_000, bytes: usize::MAX };
/// `offset.metadata.max.bytes` of a broker by default.
const METADATA_BYTES_MAX: usize = 4_096;

/// Not a test: what [`Process`] runs.
#[tokio::test]
#[ignore = "run by other tests, in processes of their own"]
async fn member_process() {
    process::run().await;
}

/// Waits until that many orders are offered.
async fn offered(orders: &KafkaOrders, many: usize) -> Vec<u64> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let pending = orders.pending(0, ALL).await.unwrap();
        if pending.len() >= many {
            return pending.iter().map(|record| record.offset).collect();
        }
        assert!(Instant::now() < deadline, "{} of {many} offered", pending.len());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn stops(orders: &KafkaOrders) -> LogError {
    let mut newest = orders.subscribe();
    let deadline = tokio::time::sleep(Duration::from_secs(30));
    tokio::pin!(deadline);
    loop {
        if let Err(error) = orders.pending(0, ALL).await {
            return error;
        }
        // A dispatcher that waits for orders must hear of it too.
        tokio::select! {
            changed = newest.changed() => changed.unwrap(),
            () = &mut deadline => panic!("still served"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_come_and_go_take_each_order_once() {
    const ORDERS: u64 = 5_000;
    let broker = Broker::shared();
    let (config, seed) = (world(&broker), world::seed());
    let calls = Arc::new(Calls::new(ORDERS as usize));
    let engine = std::thread::spawn({
        let config = config.clone();
        move || Engine::new(&config, seed).put(0..ORDERS, 200)
    });
    let guest = tokio::spawn({
        let (config, calls) = (slot(&config, "1"), Arc::clone(&calls));
        async move {
            let mut rng = StdRng::seed_from_u64(seed + 1);
            for stay in 0..3 {
                let stop = Arc::new(AtomicBool::new(false));
                let mut member = Member::start(&config, seed + 10 + stay);
                let stopper = tokio::spawn({
                    let (stop, time) = (Arc::clone(&stop), Duration::from_millis(rng.random_range(300..2_000)));
                    async move {
                        tokio::time::sleep(time).await;
                        stop.store(true, Ordering::Relaxed);
                    }
                });
                member.work(&calls, &stop).await;
                stopper.abort();
                // A take has been answered and called; the rest stays for others.
                tokio::task::spawn_blocking(move || drop(member)).await.unwrap();
                tokio::time::sleep(Duration::from_millis(rng.random_range(100..2_500))).await;
            }
        }
    });
    Member::start(&config, seed + 2).work(&calls, &AtomicBool::new(false)).await;
    guest.await.unwrap();
    engine.join().unwrap();
    calls.assert_each_once();
    let texts: Vec<usize> = committed(&config).iter().map(|(_, text)| text.len()).collect();
    assert_eq!(texts, [0, 0, 0], "with everything taken, positions tell all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_members_take_no_order_twice() {
    const ORDERS: u64 = 5_000;
    const BLOWS: u64 = 30;
    let broker = Broker::shared();
    let (config, seed) = (world(&broker), world::seed());
    let directory = tempfile::tempdir().unwrap();
    let files = [directory.path().join("0"), directory.path().join("1")];
    Engine::new(&config, seed).put(0..ORDERS, 150);
    let mut rng = StdRng::seed_from_u64(seed + 1);
    let start = |number: usize, seed| Process::start(&slot(&config, &number.to_string()), &files[number], seed, None);
    let mut processes = [start(0, seed + 2), start(1, seed + 3)];
    let (mut aborted, mut frozen) = (0, 0);
    for blow in 0..BLOWS {
        tokio::time::sleep(Duration::from_millis(rng.random_range(50..400))).await;
        for (number, process) in processes.iter_mut().enumerate() {
            // Some end themselves between a take and its calls.
            if process.has_ended() {
                aborted += 1;
                *process = start(number, seed + 200 + blow);
            }
        }
        let number = rng.random_range(0..2);
        // Long enough for the other one to get its partitions.
        let absence = config.session_timeout + Duration::from_millis(rng.random_range(200..600));
        match rng.random_range(0..10) {
            0 => {
                frozen += 1;
                processes[number].signal("STOP");
                tokio::time::sleep(absence).await;
                processes[number].signal("CONT");
                continue;
            }
            1 => {
                processes[number].signal("KILL");
                tokio::time::sleep(absence).await;
            }
            _ => processes[number].signal("KILL"),
        }
        processes[number] = start(number, seed + 100 + blow);
    }
    drop(processes);

    let mut told = Told::default();
    files.iter().for_each(|file| told.read(file));
    let mut last = Member::start(&config, seed + 4);
    let mut by_last = 0;
    let mut quiet = Instant::now();
    while quiet.elapsed() < Duration::from_secs(4) {
        if last.read().await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        }
        let asked = last.pick(world::TAKE_MAX);
        for order in last.take(asked).await {
            *told.called.entry(order).or_default() += 1;
            by_last += 1;
        }
        quiet = Instant::now();
    }
    let twice: Vec<_> = told.called.iter().filter(|(_, calls)| **calls > 1).collect();
    assert!(twice.is_empty(), "called twice: {twice:?}");
    let lost: BTreeSet<u64> = (0..ORDERS).filter(|order| !told.called.contains_key(order)).collect();
    println!(
        "{} blows, of them {frozen} frosts, {aborted} ends between take and call; {} takes; {by_last} orders left for the last; {} \
         in doubt",
        BLOWS + aborted,
        told.asked.len(),
        lost.len()
    );
    let unexplained: Vec<_> = lost.difference(&told.unanswered).collect();
    assert!(unexplained.is_empty(), "neither called nor in a take that was cut off: {unexplained:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_member_that_lost_its_partitions_is_given_nothing() {
    const ORDERS: u64 = 600;
    let broker = Broker::shared();
    let (config, seed) = (world(&broker), world::seed());
    Engine::new(&config, seed).put(0..ORDERS, 100);
    let directory = tempfile::tempdir().unwrap();
    let (file, go) = (directory.path().join("calls"), directory.path().join("go"));
    let frozen = Process::start(&slot(&config, "1"), &file, seed, Some(&go));
    wait_for_line(&file, "ready").await;
    frozen.signal("STOP");
    let calls = Calls::new(ORDERS as usize);
    Member::start(&config, seed + 1).work(&calls, &AtomicBool::new(false)).await;
    std::fs::write(&go, "").unwrap();
    frozen.signal("CONT");
    wait_for_line(&file, "call").await;
    drop(frozen);
    let mut told = Told::default();
    told.read(&file);
    assert!(told.asked[0] > 0, "it asked for what it had read");
    assert!(told.called.is_empty(), "{told:?}");
    calls.assert_each_once();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_fenced_stops() {
    let broker = Broker::shared();
    let config = world(&broker);
    Engine::new(&config, 1).put(0..10, 10);
    let first = KafkaOrders::start(&config).unwrap();
    let old = offered(&first, 10).await;
    let second = KafkaOrders::start(&config).unwrap();
    let new = offered(&second, 10).await;
    let error = stops(&first).await;
    assert!(error.to_string().contains("another process took over"), "{error}");
    assert!(first.take(old).await.is_err());
    assert_eq!(second.take(new.clone()).await.unwrap(), new);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_order_that_waits_holds_back_what_is_outside_the_window_only() {
    const WINDOW: u64 = 24_000;
    const ORDERS: u64 = 40_000;
    let broker = Broker::shared();
    let config = world(&broker);
    Engine::new(&config, 1).put_into(0, 0..ORDERS);
    let orders = KafkaOrders::start(&config).unwrap();
    let first = offered(&orders, WINDOW as usize).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(orders.pending(0, ALL).await.unwrap().len() as u64, WINDOW, "no more than the window");
    // Every second one: the longest text there is. Then all but the one that waits.
    let odd: Vec<u64> = first.iter().copied().filter(|number| number % 2 == 1).collect();
    assert_eq!(orders.take(odd.clone()).await.unwrap(), odd);
    let (position, text) = committed(&config)[0].clone();
    assert_eq!(position, rdkafka::Offset::Offset(0));
    assert!((4_000..=METADATA_BYTES_MAX).contains(&text.len()), "{}", text.len());
    let even: Vec<u64> = first.iter().copied().filter(|number| number % 2 == 0 && *number > 0).collect();
    assert_eq!(orders.take(even).await.unwrap().len(), 11_999);
    assert!(orders.pending(1, ALL).await.unwrap().is_empty());
    drop(orders);

    let orders = KafkaOrders::start(&config).unwrap();
    assert_eq!(offered(&orders, 1).await.len(), 1, "after a restart too");
    orders.take(vec![0]).await.unwrap();
    let rest = offered(&orders, (ORDERS - WINDOW) as usize).await;
    assert_eq!(orders.take(rest).await.unwrap().len() as u64, ORDERS - WINDOW);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn positions_that_cannot_be_right_stop_and_deleted_orders_are_passed_over() {
    let broker = Broker::shared();
    let config = world(&broker);
    let engine = Engine::new(&config, 1);
    engine.put_into(0, 0..10);
    world::delete_below(&config, 0, 4).await;
    let orders = KafkaOrders::start(&config).unwrap();
    assert_eq!(offered(&orders, 6).await.len(), 6, "those that retention has left");
    drop(orders);
    tokio::time::sleep(config.session_timeout * 2).await;

    for (position, text, said) in
        [(1_000, "", "beyond the end"), (5, "by hand", "not written by this program"), (5, "1bAg", "")]
    {
        world::commit(&config, 0, position, text);
        let orders = KafkaOrders::start(&config).unwrap();
        if said.is_empty() {
            offered(&orders, 4).await;
        } else {
            let error = stops(&orders).await.to_string();
            assert!(error.contains(said), "{error}");
        }
        drop(orders);
        tokio::time::sleep(config.session_timeout * 2).await;
    }
    // The same topics, another group.
    let nobody = KafkaConfig { app: format!("{}-nobody", config.app), ..config };
    let error = stops(&KafkaOrders::start(&nobody).unwrap()).await.to_string();
    assert!(error.contains("has no position"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_stands_still_or_dies_costs_no_order_and_doubles_none() {
    const ORDERS: u64 = 3_000;
    let broker = Broker::start();
    let (config, seed) = (world(&broker), world::seed());
    let calls = Arc::new(Calls::new(ORDERS as usize));
    Engine::new(&config, seed).put(0..ORDERS, 200);
    let member = tokio::spawn({
        let (config, calls) = (config.clone(), Arc::clone(&calls));
        async move {
            let mut member = Member::start(&config, seed);
            // One small take at a time, so that there is always one under way.
            while calls.len() < ORDERS as usize {
                if member.read().await == 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    continue;
                }
                let asked = member.pick(world::TAKE_MAX);
                calls.add(member.take(asked).await);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let wait_for = |share: u64| {
        let calls = Arc::clone(&calls);
        async move {
            let deadline = Instant::now() + Duration::from_secs(60);
            while (calls.len() as u64) < ORDERS * share / 10 {
                assert!(Instant::now() < deadline, "{} called", calls.len());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    wait_for(2).await;
    broker.pause();
    tokio::time::sleep(Duration::from_secs(3)).await;
    broker.resume();
    wait_for(5).await;
    broker.kill();
    tokio::time::sleep(Duration::from_secs(2)).await;
    broker.start_again();
    // A take that was cut off may be in doubt.
    let deadline = Instant::now() + Duration::from_secs(60);
    while calls.len() < (ORDERS as usize) - world::TAKE_MAX * 2 {
        assert!(Instant::now() < deadline, "{} called", calls.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    member.abort();
    let (called, distinct) = calls.counts();
    println!("{called} of {ORDERS} called, the rest in doubt");
    assert_eq!(called, distinct);
}

/// Run by hand: `cargo test --release -p tollgate-runtime --test kafka_orders takes_per_second -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn takes_per_second() {
    const ORDERS: u64 = 60_000;
    let broker = Broker::shared();
    for (takers, size) in [(1, 1), (1, 16), (1, 128), (1, 512), (8, 16), (64, 1)] {
        let config = world(&broker);
        let mut engine = Engine::new(&config, 1);
        engine.put(0..ORDERS, 5_000);
        let orders = Arc::new(KafkaOrders::start(&config).unwrap());
        let started = Instant::now();
        let numbers = offered(&orders, ORDERS as usize).await;
        let read = started.elapsed();
        let most = if size == 1 { 3_000 * takers } else { usize::MAX }.min(numbers.len());
        let numbers: Arc<Vec<u64>> = Arc::new(numbers[..most].to_vec());
        let started = Instant::now();
        let mut tasks = Vec::new();
        for taker in 0..takers {
            let (orders, numbers) = (Arc::clone(&orders), Arc::clone(&numbers));
            tasks.push(tokio::spawn(async move {
                let mut takes = 0;
                for chunk in numbers.chunks(size).skip(taker).step_by(takers) {
                    assert_eq!(orders.take(chunk.to_vec()).await.unwrap().len(), chunk.len());
                    takes += 1;
                }
                takes
            }));
        }
        let mut takes = 0;
        for task in tasks {
            takes += task.await.unwrap();
        }
        let took = started.elapsed().as_secs_f64();
        println!(
            "{takers} x {size}: {:.0} takes/s, {:.0} orders/s, {:.2} ms a take; {ORDERS} read in {read:.2?}",
            f64::from(takes) / took,
            most as f64 / took,
            took * 1e3 * takers as f64 / f64::from(takes),
        );
        let orders = Arc::into_inner(orders).unwrap();
        tokio::task::spawn_blocking(move || drop(orders)).await.unwrap();
    }
}
