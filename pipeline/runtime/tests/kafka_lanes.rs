//! Who may not wait: one-time codes, opt-outs and neighbours, each behind a backlog in the same partition.
//!
//! `TOLLGATE_LANES_BACKLOG` (default 50,000) bulk requests lie before the first code. What must hold on any machine is told
//! by where orders lie in their topic. Times are printed; `TOLLGATE_LANES_P99_MS`, if set, bounds the 99th percentile of
//! request to order on the priority lane.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod broker;
#[path = "kafka_lanes/codes.rs"]
mod codes;
#[path = "kafka_lanes/latency.rs"]
mod latency;
mod load;
#[path = "kafka_lanes/orders.rs"]
mod orders;

use broker::Broker;
use codes::Timed;
use latency::Latencies;
use load::{Feed, Positions, Worker, end, number};
use orders::Orders;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{self, KafkaConfig};

/// Both measure time: one after the other.
static ALONE: Mutex<()> = Mutex::new(());
const MOST: Duration = Duration::from_secs(900);
/// People who opt out while their requests lie in the backlog.
const OPTED_OUT: usize = 20;

fn setting(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|v| v.parse().unwrap())
}

fn backlog() -> usize {
    setting("TOLLGATE_LANES_BACKLOG").unwrap_or(50_000)
}

/// Lets a worker read all commands, so that nothing but requests lies before it afterwards.
fn prepare(config: &KafkaConfig, disk: &std::path::Path) {
    let worker = Worker::start(config, disk, 1);
    Positions::new(config, Topic::Commands, 1).wait_for_end(&worker, config, MOST);
    worker.stop();
}

/// A backlog on the bulk lane and people who may be sent codes; all commands are read.
struct Backlog {
    config: KafkaConfig,
    feed: Feed,
    bulk: usize,
    codes: usize,
    disk: tempfile::TempDir,
}

impl Backlog {
    fn lay(bulk: usize) -> Self {
        let config = Broker::shared().config();
        kafka::create(&config, 1, 1).unwrap();
        let codes = (bulk / 100).clamp(200, 5_000);
        let feed = Feed::new(&config, 1);
        feed.account("acme", "\"UNLIMITED\"", 4_000_000_000);
        for person in 0..bulk {
            feed.consent("acme", person, "marketing", "opt_in");
        }
        for person in bulk..bulk + codes {
            feed.consent("acme", person, "authentication", "opt_in");
        }
        feed.flush();
        let disk = tempfile::tempdir().unwrap();
        prepare(&config, disk.path());
        for person in 0..bulk {
            feed.bulk("acme", person);
        }
        feed.flush();
        Self { config, feed, bulk, codes, disk }
    }

    /// People whose requests lie in the last third; the nearest first, its turn comes soonest.
    fn opting_out(&self) -> impl Iterator<Item = usize> {
        let (bulk, step) = (self.bulk, self.bulk / 3 / OPTED_OUT);
        (0..OPTED_OUT).rev().map(move |i| bulk - 1 - i * step)
    }

    /// Sends once more to those who opted out, on either lane, and follows the orders to their end.
    fn try_again(&self, people: &[usize], worker: Worker, orders: &Orders) {
        for person in people {
            self.feed.bulk_again(Topic::Requests, "acme", *person);
            self.feed.bulk_again(Topic::RequestsPriority, "acme", *person);
        }
        self.feed.flush();
        for topic in [Topic::Requests, Topic::RequestsPriority] {
            Positions::new(&self.config, topic, 1).wait_for_end(&worker, &self.config, MOST);
        }
        worker.stop();
        orders.catch_up(end(&self.config, &self.config.topic(Topic::Dispatch), 0), MOST);
    }
}

/// What came last goes first, although all of the backlog was there before.
#[test]
fn codes_and_opt_outs_overtake_bulk() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let backlog = Backlog::lay(backlog().min(50_000));
    let timed = Timed::new(&backlog.config);
    (0..backlog.codes).for_each(|code| timed.code("acme", backlog.bulk + code));
    assert_eq!(timed.acknowledged().len(), backlog.codes);
    let out: Vec<_> = backlog.opting_out().collect();
    out.iter().for_each(|person| backlog.feed.consent("acme", *person, "marketing", "opt_out"));
    backlog.feed.flush();

    let orders = Orders::follow(&backlog.config);
    let worker = Worker::start(&backlog.config, backlog.disk.path(), 1);
    orders.wait_for("every order", MOST, |seen| {
        worker.alive();
        seen.count("s-acme") + OPTED_OUT >= backlog.bulk && seen.count("codes-acme") >= backlog.codes
    });
    backlog.try_again(&out, worker, &orders);
    let seen = orders.seen();
    assert_eq!((seen.count("s-acme"), seen.count("codes-acme")), (backlog.bulk - OPTED_OUT, backlog.codes));
    let last = seen.of("codes-acme")[backlog.codes - 1].offset;
    let before = seen.of("s-acme").iter().filter(|order| order.offset < last).count();
    println!("{before} of {} bulk orders lie before the last of {} codes", backlog.bulk, backlog.codes);
    // The first batches may be made before the client has fetched from every topic.
    assert!(before <= backlog.bulk / 2, "codes wait for bulk");
    for person in out {
        assert!(seen.at(&number(person)).is_none(), "an order after an opt-out that was there before");
    }
}

/// How long codes and opt-outs take that come while a backlog is drained.
#[test]
fn codes_and_opt_outs_while_bulk_is_drained() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let backlog = Backlog::lay(backlog());
    let (bulk, codes) = (backlog.bulk, backlog.codes);
    let orders = Orders::follow(&backlog.config);
    let worker = Worker::start(&backlog.config, backlog.disk.path(), 1);
    orders.wait_for("bulk begins", MOST, |seen| seen.count("s-acme") > 0);
    let timed = Timed::new(&backlog.config);
    let mut out = Vec::new();
    std::thread::scope(|scope| {
        let opting = scope.spawn(|| opt_out(&backlog));
        for code in 0..codes {
            timed.code("acme", bulk + code);
            std::thread::sleep(Duration::from_millis(15));
            if orders.seen().count("s-acme") + OPTED_OUT >= bulk {
                break;
            }
        }
        out = opting.join().unwrap();
    });
    let sent = timed.acknowledged();
    orders.wait_for("every order", MOST, |seen| {
        worker.alive();
        seen.count("s-acme") + OPTED_OUT >= bulk && seen.count("codes-acme") >= sent.len()
    });
    let (drained, last_bulk) = orders.seen().span("s-acme");
    let latencies = Latencies::new(sent.iter().filter_map(|(person, acknowledged)| {
        let at = orders.seen().at(&number(*person))?.seen;
        (at <= last_bulk).then(|| at.saturating_duration_since(*acknowledged))
    }));
    let effects = Latencies::new(out.iter().map(|o| o.effect));
    let rate = bulk as f64 / drained.as_secs_f64();
    println!("{bulk} bulk orders in {:.1} s, {rate:.0}/s", drained.as_secs_f64());
    println!("one-time codes meanwhile, request to visible order: {latencies}");
    println!("opt-outs, append to effect: {effects}");
    if let Some(most) = setting("TOLLGATE_LANES_P99_MS") {
        assert!(latencies.len() >= 100, "only {} codes while bulk was drained: use a larger backlog", latencies.len());
        assert!(latencies.percentile(99) <= Duration::from_millis(most as u64), "{latencies}");
    }

    // Neither what lay in the backlog nor anything that comes later, on either lane.
    let people: Vec<_> = out.iter().map(|o| o.person).collect();
    backlog.try_again(&people, worker, &orders);
    for o in &out {
        let order = orders.seen().at(&number(o.person));
        assert!(order.is_none_or(|order| order.offset < o.orders), "an order after an opt-out that was read before");
    }
}

struct OptedOut {
    person: usize,
    /// From the acknowledged append to the committed decision.
    effect: Duration,
    /// The end of the orders when it had its effect.
    orders: u64,
}

/// People opt out, one after the other.
fn opt_out(backlog: &Backlog) -> Vec<OptedOut> {
    let config = &backlog.config;
    let positions = Positions::new(config, Topic::Commands, 1);
    let one = |person: usize| {
        backlog.feed.consent("acme", person, "marketing", "opt_out");
        backlog.feed.flush();
        let acknowledged = Instant::now();
        let read = end(config, &config.topic(Topic::Commands), 0);
        while positions.get()[0] < read {
            assert!(acknowledged.elapsed() < MOST, "an opt-out is not read");
            std::thread::sleep(Duration::from_millis(2));
        }
        let effect = acknowledged.elapsed();
        OptedOut { person, effect, orders: end(config, &config.topic(Topic::Dispatch), 0) }
    };
    backlog.opting_out().map(one).collect()
}

#[test]
fn a_backlog_of_two_hundred_days_does_not_delay_its_neighbours() {
    const NEIGHBOURS: [&str; 4] = ["bolt", "core", "dune", "echo"];
    const PHASE: usize = 200;
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let config = Broker::shared().config();
    kafka::create(&config, 1, 1).unwrap();
    let parked = backlog().min(200_000);
    let limit = parked / 200;
    let feed = Feed::new(&config, 1);
    feed.account("acme", &limit.to_string(), 4_000_000_000);
    for person in 0..parked {
        feed.consent("acme", person, "marketing", "opt_in");
    }
    for neighbour in NEIGHBOURS {
        feed.account(neighbour, "\"UNLIMITED\"", 4_000_000_000);
        for person in 0..2 * PHASE {
            feed.consent(neighbour, parked + person, "authentication", "opt_in");
        }
    }
    feed.flush();
    let disk = tempfile::tempdir().unwrap();
    prepare(&config, disk.path());
    let orders = Orders::follow(&config);
    let worker = Worker::start(&config, disk.path(), 1);
    worker.wait_ready();
    let timed = Timed::new(&config);
    // Each person's number belongs to one neighbour here: a person is seen by the number alone.
    let phase = |first: usize, each: &mut dyn FnMut(usize)| {
        for i in 0..PHASE {
            timed.bulk(NEIGHBOURS[i % NEIGHBOURS.len()], first + i);
            each(i);
            std::thread::sleep(Duration::from_millis(10));
        }
        let sent: Vec<_> = timed.acknowledged().into_iter().filter(|(person, _)| *person >= first).collect();
        orders.wait_for("the neighbours' orders", MOST, |seen| {
            worker.alive();
            sent.iter().all(|(person, _)| seen.at(&number(*person)).is_some())
        });
        let at = |person: &usize| orders.seen().at(&number(*person)).unwrap().seen;
        Latencies::new(sent.iter().map(|(person, acknowledged)| at(person).saturating_duration_since(*acknowledged)))
    };
    let alone = phase(parked, &mut |_| {});

    for person in 0..parked {
        feed.bulk("acme", person);
    }
    feed.flush();
    Positions::new(&config, Topic::Requests, 1).wait_for_end(&worker, &config, MOST);
    let before = orders.seen().count("s-acme");
    // Its queue is woken again and again meanwhile: each time one more person may be reached.
    let beside = phase(parked + PHASE, &mut |i| {
        if i % 20 == 0 {
            feed.account("acme", &(limit + i / 20 + 1).to_string(), 4_000_000_000);
            feed.flush();
        }
    });
    worker.stop();
    orders.catch_up(end(&config, &config.topic(Topic::Dispatch), 0), MOST);
    let ratio = beside.percentile(50).as_secs_f64() / alone.percentile(50).as_secs_f64();
    println!("neighbours, request to visible order, alone: {alone}");
    println!("beside {parked} parked requests of one account with a limit of {limit}: {beside}; median ×{ratio:.2}");
    // Its second number has a share of the quota too.
    assert!((limit / 4..=limit).contains(&before), "{before} orders of {limit}");
    let after = orders.seen().count("s-acme");
    assert!((before..=limit + PHASE / 20).contains(&after), "{after} orders of {limit} and {}", PHASE / 20);
    let bound = 3 * alone.percentile(50) + Duration::from_millis(200);
    assert!(beside.percentile(50) <= bound, "neighbours wait: {beside}, without the backlog {alone}");
}
