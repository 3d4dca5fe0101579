//! Topics that were deleted and made anew under the same names: nothing of those before them is taken for theirs.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod broker;
mod process;
mod worker;

use broker::Broker;
use process::process;
use std::path::Path;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::Producer as _;
use tollgate_runtime::ledger::{Options, Reader, Stream};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{self, KafkaConfig, TopicFault, TopicsError};
use tollgate_runtime::node::{LEDGER_FILE, Node};
use worker::{PARTITIONS, Worker, committed, contents, producer, send};

const ROLES: &str = "gateway,ledger,views";
const ACCOUNTS: [&str; 6] = ["acme", "bolt", "core", "dune", "echo", "flow"];

fn account(name: &str) -> String {
    format!(
        r#"{{"command":"apply_account","spec":{{"account":"{name}","limit":"UNLIMITED",
        "wabas":[{{"id":"w-{name}","currency":"USD","time_zone":"UTC","senders":[]}}]}}}}"#
    )
}

fn consent(account: &str, i: usize) -> String {
    format!(
        r#"{{"command":"set_consent","account":"{account}","consent":{{"to":"+5511{:09}","category":"marketing","state":"opt_in","source":"test"}}}}"#,
        900_000_000 + i
    )
}

/// Makes the topics and lets a worker decide consents of these people of every account, on this disk.
fn decide(config: &KafkaConfig, disk: &Path, people: std::ops::Range<usize>) {
    kafka::create(config, PARTITIONS, 1).unwrap();
    let producer = producer(config);
    for name in ACCOUNTS {
        send(&producer, config, Topic::Commands, name, &account(name));
        for i in people.clone() {
            send(&producer, config, Topic::Commands, name, &consent(name, i));
        }
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    let worker = Worker::start(config, "0", disk);
    worker.wait_ready();
    worker.wait_decided(config);
    worker.stop();
}

fn delete_topics(config: &KafkaConfig) {
    let mut names: Vec<String> = Topic::ALL.into_iter().map(|topic| config.topic(topic)).collect();
    names.push(config.state_topic());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let admin: AdminClient<DefaultClientContext> = config.client("test").create().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let deleted = runtime.block_on(admin.delete_topics(&names, &AdminOptions::new())).unwrap();
    assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    let started = Instant::now();
    loop {
        match kafka::check(config).expect_err("topics are missing") {
            TopicsError::Faults(faults) => {
                let missing = faults.0.iter().filter(|fault| matches!(fault, TopicFault::Missing { .. }));
                if missing.count() == names.len() {
                    return;
                }
            }
            // One that goes while its settings are asked for is no topic to the broker.
            TopicsError::Refused { .. } => {}
            other => panic!("{other}"),
        }
        assert!(started.elapsed() < Duration::from_secs(30), "they are not deleted");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A machine that had the partitions before the topics were made anew, and gets them again when their changelog has long
/// grown beyond where it left off: by its place alone its store looks like one that is behind.
#[test]
fn a_store_of_topics_before_is_made_anew() {
    let config = Broker::shared().config();
    let (before, since) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    decide(&config, before.path(), 0..20);
    delete_topics(&config);
    // Records count as newer only where they are so by more than the clocks of their writers may be apart, which is ten seconds.
    std::thread::sleep(Duration::from_secs(12));
    decide(&config, since.path(), 1_000..1_400);
    let worker = Worker::start(&config, "0", before.path());
    worker.wait_ready();
    worker.stop();
    for partition in 0..PARTITIONS {
        let [taken, made] = [before.path(), since.path()].map(|disk| contents(disk, partition));
        assert!(taken == made, "partition {partition}: {} keys, and {} were made", taken.len(), made.len());
        assert!(!made.is_empty());
    }
    assert!(committed(&config, &config.state_topic()).values().all(|records| records.len() > 100));
}

/// Ledger and views of a topic that was made anew and has grown beyond where they had read to: what would be read next is not
/// what follows, and what lies before it would be in no bill.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_not_read_on_from_another_topic_of_its_name() {
    let config = Broker::shared().config();
    let disk = tempfile::tempdir().unwrap();
    let file = disk.path().join(LEDGER_FILE);
    // They cannot be booked, and are counted.
    let rejected = || Reader::open(&file, Options::default()).unwrap().rejected(Stream::Ledger).unwrap();
    let append = |values: std::ops::Range<u32>| {
        aside(|| {
            kafka::create(&config, PARTITIONS, 1).unwrap();
            let producer = producer(&config);
            values.for_each(|n| send(&producer, &config, Topic::Ledger, "acme", &format!("record {n}")));
            producer.flush(Duration::from_secs(30)).unwrap();
        });
    };
    let until_rejected = async |count: u64| {
        let started = Instant::now();
        while rejected() != count {
            assert!(started.elapsed() < Duration::from_secs(30), "{} of {count}", rejected());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    append(0..5);
    let node = Node::start(process(&config, disk.path(), ROLES)).await.unwrap();
    until_rejected(5).await;
    node.stop(Duration::from_secs(10)).await.unwrap();
    // Nothing new, then something: the same topic is read on.
    let node = Node::start(process(&config, disk.path(), ROLES)).await.unwrap();
    append(5..6);
    until_rejected(6).await;
    node.stop(Duration::from_secs(10)).await.unwrap();

    aside(|| delete_topics(&config));
    append(100..120);
    let mut node = Node::start(process(&config, disk.path(), ROLES)).await.unwrap();
    let told =
        tokio::time::timeout(Duration::from_secs(30), node.failed()).await.expect("it goes on as if nothing were");
    assert!(told.contains("ledger: partition") && told.contains("the topic was made anew"), "{told}");
    node.stop(Duration::from_secs(10)).await.unwrap();
    assert_eq!(rejected(), 6);
}

/// What blocks, on a thread of its own.
fn aside(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap());
}
