//! A start that cannot succeed: it ends in time, with the exit code of the contract and one line that says what is
//! wrong and what to do.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../../runtime/tests/broker/mod.rs"]
mod broker;
#[path = "process/mod.rs"]
mod process;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use broker::Broker;
use process::{Process, Topics, wait_for, write_config};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use serde_json::json;
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{self, KafkaConfig};

const PARTITIONS: u32 = 2;
/// No start may take longer to say that it cannot be.
const BOUND: Duration = Duration::from_secs(45);

/// Runs a command that has to fail. Exit code, and the last line, which is the error.
fn fails(config: &KafkaConfig, directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let file = write_config(config, directory, "");
    let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["--config", file.to_str().unwrap()])
        .args(arguments)
        .env("TOLLGATE__DATA_DIR", directory.join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > BOUND {
            child.kill().unwrap();
            panic!("{arguments:?} has not ended after {BOUND:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    println!("{arguments:?} after {:?}: {text}", started.elapsed());
    (output.status.code(), text.lines().last().unwrap().to_owned())
}

/// `serve` and `topics check` both say so.
fn both_fail(config: &KafkaConfig, words: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [&["serve"][..], &["serve", "--roles", "dispatch"], &["topics", "check"]] {
        let (code, line) = fails(config, directory.path(), arguments);
        assert_eq!(code, Some(1), "{line}");
        assert!(line.starts_with("tollgate: ") && words.iter().all(|word| line.contains(word)), "{line}");
    }
}

/// Only `check` tells all that it found line by line and ends with the code for that; a start that cannot be is a
/// failure.
fn faults(config: &KafkaConfig, words: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let (code, line) = fails(config, directory.path(), &["serve"]);
    assert_eq!(code, Some(1), "{line}");
    assert!(line.starts_with("tollgate: ") && words.iter().all(|word| line.contains(word)), "{line}");
    let (code, _) = fails(config, directory.path(), &["topics", "check"]);
    assert_eq!(code, Some(3));
}

#[test]
fn topics_that_do_not_fit() {
    let broker = Broker::shared();
    let none = broker.config();
    faults(&none, &[&none.topic(Topic::Events), "topics are missing (", "); run `tollgate topics create`"]);

    let grown = broker.config();
    kafka::create(&grown, PARTITIONS, 1).unwrap();
    let admin: AdminClient<DefaultClientContext> = grown.client("test").create().unwrap();
    let events = grown.topic(Topic::Events);
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(admin.create_partitions(&[NewPartitions::new(&events, 5)], &AdminOptions::new()))
        .unwrap();
    wait_for("the partitions are there", &mut || kafka::check(&grown).is_err());
    faults(&grown, &[&format!("topic {events} has 5 partitions instead of 2"), "copy everything to a new prefix"]);
}

#[test]
fn brokers_that_cannot_be_used() {
    let at = |brokers: String| KafkaConfig { brokers, ..KafkaConfig::default() };
    // It takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    // The cluster inside librdkafka offers the APIs of an older release.
    let old = rdkafka::mocking::MockCluster::new(1).unwrap();
    let answered = format!("no Kafka broker of {address} answered within");
    let cases: [(String, &[&str]); 4] = [
        (
            "127.0.0.1:1".to_owned(),
            &["no Kafka broker of 127.0.0.1:1 answered within", "refused", "check the addresses"],
        ),
        ("no-such-host.invalid:9092".to_owned(), &["no-such-host.invalid:9092", "check the addresses"]),
        (address, &[&answered, "check the addresses"]),
        (old.bootstrap_servers(), &["is older than 4.0", "upgrade the brokers"]),
    ];
    // Side by side: each waits for its time to be over.
    std::thread::scope(|scope| {
        for (brokers, words) in cases {
            scope.spawn(move || both_fail(&at(brokers), words));
        }
    });
}

#[test]
fn a_changelog_of_another_hash_key() {
    let config = Broker::shared().config();
    kafka::create(&config, PARTITIONS, 1).unwrap();
    let topics = Topics::new(&config, PARTITIONS);
    let directory = tempfile::tempdir().unwrap();
    let file = write_config(&config, directory.path(), "roles = \"shards\"\n");
    topics.send(
        Topic::Commands,
        "acme",
        &json!({"command": "apply_account", "spec": {"account": "acme",
        "limit": 250, "wabas": [{"id": "w1", "currency": "USD", "time_zone": "UTC", "senders": []}]}}),
    );
    topics.flush();
    let mut first = Process::serve(&file, directory.path(), "first", &[], &[]);
    topics.wait_until_read(Topic::Commands);
    first.signal("TERM");
    assert!(first.ended(Duration::from_secs(40)).success());
    let other = directory.path().join("other.key");
    let mut second = Process::serve(
        &file,
        directory.path(),
        "second",
        &[],
        &[("TOLLGATE__KAFKA__HASH_KEY_FILE", other.to_str().unwrap())],
    );
    assert_eq!(second.ended(BOUND).code(), Some(1));
    let last = second.log().lines().last().unwrap().to_owned();
    let secret = hex::encode(std::fs::read(&other).unwrap());
    assert!(last.contains("another hash key; give every process the same file"), "{last}");
    assert!(!second.log().contains(&secret), "the secret is shown");
}
