//! A process whose clock is off the broker's is not ready, says so with the figure, and is ready again when it is right.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod broker;
mod process;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use broker::Broker;
use process::process;
use tollgate_runtime::clock::{self, Clock};
use tollgate_runtime::inbox::Inbox as _;
use tollgate_runtime::log::kafka::{self, KafkaConfig, KafkaInbox, KafkaLog};
use tollgate_runtime::log::{Log as _, NewRecord, ReadLimit, Topic};
use tollgate_runtime::node::{Node, NodeConfig};
use tollgate_runtime::store::StoreOptions;
use tollgate_wire::Time;

/// A clock that goes, and that is so far ahead of the system's.
struct Shifted {
    clock: Clock,
    by_ms: Arc<AtomicI64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Shifted {
    fn by(by_ms: i64) -> Self {
        let now = |by: i64| Time(clock::now().0.checked_add_signed(by).unwrap());
        let (shown, by_ms, stop) = (Clock::manual(now(by_ms)), Arc::new(AtomicI64::new(by_ms)), Arc::default());
        let (clock, by, stopped) = (shown.clone(), Arc::clone(&by_ms), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !AtomicBool::load(&stopped, Ordering::Acquire) {
                clock.set(now(by.load(Ordering::Acquire)));
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        Self { clock: shown, by_ms, stop, thread: Some(thread) }
    }
}

impl Drop for Shifted {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_some_and(|ended| ended.is_ok()));
    }
}

fn config(kafka: &KafkaConfig, disk: &Path, roles: &str, clock: &Clock) -> NodeConfig {
    // By a clock that is off the ledger seems behind as well.
    let ledger_behind_max = Duration::from_secs(86_400);
    NodeConfig { ledger_behind_max, clock: clock.clone(), ..process(kafka, disk, roles) }
}

/// Status and body.
fn get(at: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

async fn until(what: &str, at: SocketAddr, is: impl Fn(u16, &str) -> bool) {
    let started = Instant::now();
    loop {
        let (status, told) = tokio::task::spawn_blocking(move || get(at, "/readyz")).await.unwrap();
        if is(status, &told) {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(40), "{what}: {status} {told}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn offset(at: SocketAddr) -> f64 {
    let text = get(at, "/metrics").1;
    let value = text.lines().find_map(|line| line.strip_prefix("tollgate_clock_offset_seconds ")).expect(&text);
    value.parse().unwrap()
}

/// Shards alone: they read inputs, which shows a clock behind, and write changelogs, which shows one ahead, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_whose_clock_is_off_is_not_ready_until_it_is_right() {
    let broker = Broker::shared();
    for (by_ms, told) in [(5_000, " s ahead of the brokers'"), (-5_000, " s behind the brokers'")] {
        let kafka = broker.config();
        tokio::task::block_in_place(|| kafka::create(&kafka, 2, 1)).unwrap();
        let disk = tempfile::tempdir().unwrap();
        let clock = Shifted::by(by_ms);
        let node = Node::start(config(&kafka, disk.path(), "shards", &clock.clock)).await.unwrap();
        let at = node.addresses().metrics;
        // Of another process, so that what it sees is not what the node sees.
        let other = KafkaConfig { broker_clock: Arc::default(), ..kafka.clone() };
        let inbox = KafkaInbox::open(&other, 2).unwrap();
        let command = r#"{"command":"apply_account","spec":{"account":"acme","limit":"UNLIMITED","wabas":[]}}"#;
        inbox.append(vec![(Topic::Commands, NewRecord::new("acme", command, clock::now().0))]).await.unwrap();
        until("it tells of its clock", at, |status, text| {
            status == 503 && text.contains("not ready: the clock is ") && text.contains(told)
        })
        .await;
        assert!(get(at, "/readyz").1.contains("set it by NTP"));
        let off = offset(at) * 1_000.0;
        assert!((off - by_ms as f64).abs() < 1_000.0, "{off} of {by_ms}");
        // Right again, without anything more to see.
        clock.by_ms.store(0, Ordering::Release);
        until("it is ready", at, |status, _| status == 200).await;
        assert!(offset(at).abs() < 1.0);
        node.stop(Duration::from_secs(10)).await.unwrap();
    }
}

/// What a gateway appends shows it, too; a right clock is not complained of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_appended_shows_both_directions() {
    let kafka = Broker::shared().config();
    tokio::task::block_in_place(|| kafka::create(&kafka, 1, 1)).unwrap();
    let inbox = KafkaInbox::open(&kafka, 1).unwrap();
    let told = |by_ms: i64| {
        let now = Time(clock::now().0.checked_add_signed(by_ms).unwrap());
        kafka.broker_clock.offset_ms(&Clock::manual(now))
    };
    assert_eq!(told(0), None);
    // Outputs have their writer's time, which says nothing of the broker's.
    inbox.append(vec![(Topic::DeadLetters, NewRecord::new("acme", "x", clock::now().0))]).await.unwrap();
    assert_eq!(told(0), None);
    // Not even where the record says another time itself.
    inbox.append(vec![(Topic::Events, NewRecord::new("acme", "x", clock::now().0 - 3_600_000))]).await.unwrap();
    assert_eq!(told(0), Some(0));
    for by_ms in [10_000, -10_000] {
        let off = told(by_ms).unwrap();
        assert!((off - by_ms).abs() < 2_000, "{off} of {by_ms}");
    }
}

/// What is read shows a clock behind, also where nothing is written; ahead it may be by the age of what was read.
#[test]
fn what_is_read_shows_a_clock_behind() {
    let kafka = Broker::shared().config();
    kafka::create(&kafka, 1, 1).unwrap();
    let other = KafkaConfig { broker_clock: Arc::default(), ..kafka.clone() };
    let inbox = KafkaInbox::open(&other, 1).unwrap();
    let record = NewRecord::new("acme", "x", clock::now().0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(inbox.append(vec![(Topic::Commands, record)])).unwrap();
    let told = |by_ms: i64| {
        let now = Time(clock::now().0.checked_add_signed(by_ms).unwrap());
        kafka.broker_clock.offset_ms(&Clock::manual(now))
    };
    let disk = tempfile::tempdir().unwrap();
    let mut log = KafkaLog::open(kafka.clone(), disk.path().to_owned(), StoreOptions::default()).unwrap();
    let started = Instant::now();
    let mut served = false;
    loop {
        served |= !log.ownership().unwrap().is_empty();
        if served && !log.read(Topic::Commands, 0, 0, ReadLimit::default()).unwrap().is_empty() {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(40), "nothing is read");
        log.wait(&[], Duration::from_millis(20)).unwrap();
    }
    let off = told(-60_000).unwrap();
    // By so much less as the record is old by now.
    assert!((-61_000..-18_000).contains(&off), "{off}");
    assert_eq!(told(60_000), Some(0), "nothing of it shows");
}
