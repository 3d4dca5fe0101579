//! Processes are replaced one by one while the changelog goes from one format to the next.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::json;
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{self, CHANGELOG_FORMAT, CHANGELOG_FORMAT_BEFORE, KafkaConfig, partition_of};

use crate::broker::Broker;
use crate::process::{PATIENCE, Process, Topics, wait_for, write_config};
use crate::{ACCOUNT, account, consent, request};

const PARTITIONS: u32 = 2;
/// Requests of one step.
const STEP: usize = 200;
/// First byte of the key, and of the value, of a record that says where the inputs stood.
const POSITION_KEY: [u8; 1] = [0xff];

#[test]
fn an_upgrade_over_two_formats_loses_nothing() {
    let config = Broker::shared().config();
    kafka::create(&config, PARTITIONS, 1).unwrap();
    let topics = Topics::new(&config, PARTITIONS);
    let directory = tempfile::tempdir().unwrap();
    let file = write_config(&config, directory.path(), "roles = \"shards\"\n");
    topics.send(Topic::Commands, ACCOUNT, &account(&json!("UNLIMITED"), 5));
    (0..4 * STEP).for_each(|i| topics.send(Topic::Commands, ACCOUNT, &consent(i)));
    topics.flush();
    let home = partition_of(ACCOUNT.as_bytes(), PARTITIONS);
    let decide = |step: usize| {
        (step * STEP..(step + 1) * STEP).for_each(|i| topics.send(Topic::Requests, ACCOUNT, &request(i)));
        topics.flush();
        wait_for("every request is ordered", &mut || topics.values(Topic::Dispatch, false).len() >= (step + 1) * STEP);
    };
    let start = |name: &str, format: u8| {
        let format = format.to_string();
        Process::serve(&file, directory.path(), name, &[], &[("TOLLGATE__KAFKA__CHANGELOG_FORMAT", &format)])
    };

    // Every process has the new version and none was told to use what is new.
    let mut old = start("old", CHANGELOG_FORMAT_BEFORE);
    decide(0);
    assert_eq!(format_of(&topics, home), CHANGELOG_FORMAT_BEFORE);
    // One that was told joins, on an empty disk, while the other goes on.
    let mut new = start("new", CHANGELOG_FORMAT);
    decide(1);
    stop(&mut old);
    decide(2);
    assert_eq!(format_of(&topics, home), CHANGELOG_FORMAT);
    // The first comes back as it was, on its disk: it reads what is new and does not go back.
    stop(&mut new);
    let mut back = start("old", CHANGELOG_FORMAT_BEFORE);
    decide(3);
    assert_eq!(format_of(&topics, home), CHANGELOG_FORMAT, "{}", back.log());
    stop(&mut back);

    let mut orders: BTreeMap<String, u32> = BTreeMap::new();
    for order in topics.values(Topic::Dispatch, false) {
        *orders.entry(order["to"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(orders.len(), 4 * STEP);
    assert!(orders.values().all(|times| *times == 1), "somebody has two orders");

    // A format of a version to come is not guessed at.
    write_position(&config, home, 9);
    for disk in ["old", "empty"] {
        let mut unknown = start(disk, CHANGELOG_FORMAT);
        assert_eq!(unknown.ended(Duration::from_secs(60)).code(), Some(1));
        let log = unknown.log();
        assert!(log.lines().last().unwrap().contains("format 9, this version reads 1 and 2: use the version"), "{log}");
    }
}

fn stop(process: &mut Process) {
    process.signal("TERM");
    assert!(process.ended(Duration::from_secs(40)).success(), "{}", process.log());
}

/// Format of the last position record of a partition.
fn format_of(topics: &Topics, partition: u32) -> u8 {
    let records = topics.records_of(&topics.config.state_topic(), topics.partitions, false);
    let mut positions =
        records.iter().filter(|r| r.partition() == partition as i32 && r.key() == Some(&POSITION_KEY[..]));
    positions.next_back().unwrap().payload().unwrap()[0]
}

fn write_position(config: &KafkaConfig, partition: u32, format: u8) {
    let producer: BaseProducer = config.producer("test").create().unwrap();
    let (topic, value) = (config.state_topic(), [format, 0, 0]);
    let record = BaseRecord::to(&topic).partition(partition as i32).key(&POSITION_KEY[..]).payload(&value[..]);
    producer.send(record).map_err(|(e, _)| e).unwrap();
    producer.flush(PATIENCE).unwrap();
}
