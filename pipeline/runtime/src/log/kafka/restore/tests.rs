//! Replays over a broker that is played.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::store::Space;
use rdkafka::consumer::CommitMode;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

const DAY_MS: u64 = 86_400_000;

/// A changelog of one partition and the local store beside it.
struct Case {
    broker: MockCluster<'static, rdkafka::producer::DefaultProducerContext>,
    plan: Plan,
    producer: BaseProducer,
    _disk: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        let broker = MockCluster::new(1).unwrap();
        let config = KafkaConfig { brokers: broker.bootstrap_servers(), ..KafkaConfig::default() };
        let mut at = TopicPartitionList::new();
        for topic in Topic::INPUTS {
            broker.create_topic(&config.topic(topic), 2, 1).unwrap();
            for partition in 0..2 {
                at.add_partition_offset(&config.topic(topic), partition, Offset::Offset(0)).unwrap();
            }
        }
        broker.create_topic(&config.state_topic(), 2, 1).unwrap();
        let mut client = config.consumer("test", &config.app);
        let group: BaseConsumer = client.set("isolation.level", "read_uncommitted").create().unwrap();
        group.commit(&at, CommitMode::Sync).unwrap();
        let disk = tempfile::tempdir().unwrap();
        let producer = config.producer("test").create().unwrap();
        let plan = Plan {
            partition: 0,
            directory: disk.path().join("partition-0"),
            options: StoreOptions::default(),
            cluster: "ours".to_owned(),
            store: None,
            group: Arc::new(group),
            cancel: Arc::default(),
            config,
        };
        Self { broker, plan, producer, _disk: disk }
    }

    fn write(&self, key: &[u8], value: &[u8]) {
        self.write_to(0, key, value);
    }

    fn write_to(&self, partition: i32, key: &[u8], value: &[u8]) {
        let topic = self.plan.config.state_topic();
        self.producer.send(BaseRecord::to(&topic).partition(partition).key(key).payload(value)).unwrap();
        self.producer.flush(Duration::from_secs(10)).unwrap();
    }

    fn place(&self) -> Place {
        Place::in_store(&Store::open(&self.plan.directory, &self.plan.options).unwrap()).unwrap().unwrap()
    }
}

fn key(number: u8) -> Vec<u8> {
    changelog::put_key(&mut Vec::new(), Space::Entities, &[number]).to_vec()
}

#[test]
fn a_replay_that_was_cut_makes_the_store_no_younger() {
    let case = Case::new();
    let five_days_ago = clock::now().0 - 5 * DAY_MS;
    case.write(&key(0), b"applied five days ago");
    let place = Place { offset: 1, at_ms: five_days_ago, inputs: Vec::new(), cluster: "ours".to_owned(), of: None };
    let store = Store::open(&case.plan.directory, &case.plan.options).unwrap();
    let mut batch = StateBatch::default();
    place.put(&mut batch);
    store.write_unsynced(&batch).unwrap();
    drop(store);

    // What comes in the middle cannot be read, as after a cancellation.
    let half = vec![0; APPLY_BYTES / 2 + 1];
    (1..=3).for_each(|number| case.write(&key(number), &half));
    case.write(&[200], b"of a newer version");
    assert!(run(&case.plan).is_err());
    let cut = case.place();
    assert!(cut.offset > place.offset, "what was applied stays");
    assert_eq!(cut.at_ms, five_days_ago, "removals of these days are still to be applied");
}

#[test]
fn a_store_is_as_old_as_the_end_that_its_replay_reached() {
    let case = Case::new();
    let half = vec![0; APPLY_BYTES / 2 + 1];
    (1..=3).for_each(|number| case.write(&key(number), &half));
    let began = clock::now().0;
    let restored = run(&case.plan).unwrap().unwrap();
    assert_eq!(restored.changelog_end, 3);
    drop(restored);
    let place = case.place();
    assert_eq!(place.offset, 3);
    assert!((began..=clock::now().0).contains(&place.at_ms));

    // Old by now, and brought up to date once more.
    let old = Place { at_ms: began - 5 * DAY_MS, ..place };
    let store = Store::open(&case.plan.directory, &case.plan.options).unwrap();
    let mut batch = StateBatch::default();
    old.put(&mut batch);
    store.write_unsynced(&batch).unwrap();
    drop(store);
    case.write(&key(4), b"the newest");
    drop(run(&case.plan).unwrap().unwrap());
    assert!(case.place().at_ms >= began);
}

#[test]
fn a_place_reads_back_also_one_of_an_earlier_version() {
    let store = Store::open(tempfile::tempdir().unwrap().path(), &StoreOptions::default()).unwrap();
    for of in [None, Some(PlaceOf { partition: 0, newest_ms: 0 }), Some(PlaceOf { partition: 7, newest_ms: u64::MAX })]
    {
        let place = Place { offset: 3, at_ms: 4, inputs: vec![0, 5], cluster: "ours".to_owned(), of };
        let mut batch = StateBatch::default();
        place.put(&mut batch);
        store.write_unsynced(&batch).unwrap();
        assert_eq!(Place::in_store(&store).unwrap().unwrap(), place);
    }
}

#[test]
fn a_store_of_another_partition_is_made_anew() {
    let mut case = Case::new();
    case.write(&key(1), b"of partition 0");
    (2..=3).for_each(|number| case.write_to(1, &key(number), b"of partition 1"));
    drop(run(&case.plan).unwrap().unwrap());
    // Its folder is moved by hand to where the other partition's is looked for.
    let other = case.plan.directory.with_file_name("partition-1");
    std::fs::rename(&case.plan.directory, &other).unwrap();
    (case.plan.partition, case.plan.directory) = (1, other);
    let restored = run(&case.plan).unwrap().unwrap();
    let has = |number: u8| restored.store.get(Space::Entities, &[number]).unwrap().is_some();
    assert_eq!((has(1), has(2), has(3)), (false, true, true));
}

#[test]
fn an_error_that_is_not_known_to_pass_ends_the_replay() {
    let case = Case::new();
    case.write(&key(1), b"a value");
    let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE;
    case.broker.request_errors(RDKafkaApiKey::Fetch, &[error; 20]);
    let Err(error) = run(&case.plan) else { panic!("it went on") };
    assert!(error.to_string().contains("tollgate.state, partition 0"), "{error}");
}
