//! What comes from outside and is wrong, on a real broker: each record is set aside once with its bytes and a reason,
//! the good ones around it are decided once and in order, and the shard goes on.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod broker;
#[path = "kafka_bad_input/raw.rs"]
mod raw;
mod worker;

use std::time::{Duration, Instant};

use broker::Broker;
use rdkafka::message::{Headers as _, Message as _, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::{Value, json};
use tollgate_runtime::clock;
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{self, KafkaConfig, partition_of};
use worker::{PARTITIONS, Worker, committed, committed_of, producer};

const ACCOUNT: &str = "acme";
const PATIENCE: Duration = Duration::from_secs(60);

/// One record as some producer may write it, on the partition of [`ACCOUNT`].
#[derive(Clone)]
struct Sent {
    topic: Topic,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    timestamp: Option<i64>,
    /// Why it is set aside; `None` for one that is decided.
    reason: Option<&'static str>,
}

impl Sent {
    fn good(id: usize) -> Self {
        Self {
            topic: Topic::Requests,
            key: Some(ACCOUNT.into()),
            value: Some(request(ACCOUNT, id).to_string().into_bytes()),
            timestamp: None,
            reason: None,
        }
    }

    fn bad(reason: &'static str, value: impl Into<Vec<u8>>) -> Self {
        Self { value: Some(value.into()), reason: Some(reason), ..Self::good(0) }
    }

    fn keyed(self, key: Option<&[u8]>) -> Self {
        Self { key: key.map(<[u8]>::to_vec), ..self }
    }

    fn into(self, topic: Topic) -> Self {
        Self { topic, ..self }
    }

    fn send(&self, producer: &BaseProducer, config: &KafkaConfig) {
        let name = config.topic(self.topic);
        let mut record: BaseRecord<'_, [u8], [u8]> =
            BaseRecord::to(&name).partition(partition_of(ACCOUNT.as_bytes(), PARTITIONS) as i32);
        record.key = self.key.as_deref();
        record.payload = self.value.as_deref();
        record.timestamp = self.timestamp;
        producer.send(record).map_err(|(e, _)| e).unwrap();
    }
}

fn request(account: &str, id: usize) -> Value {
    json!({"id": format!("r{id:04}"), "account": account, "to": format!("+5511{:09}", 900_000_000 + id),
        "purpose": "marketing", "content": [{"template": {"name": "news", "language": ["en_US"],
        "components": {"body": ["Ana"]}}}]})
}

fn account(name: &str) -> String {
    json!({"command": "apply_account", "spec": {"account": name, "limit": "UNLIMITED",
        "policy": {"in_flight": 4_000_000u32},
        "wabas": [{"id": format!("w-{name}"), "currency": "USD", "time_zone": "UTC",
            "senders": [{"id": format!("s-{name}"), "throughput": 1_000_000u32, "quality": "GREEN"}],
            "templates": [{"name": "news", "language": "en_US", "category": "marketing", "body": ["1"]}]}]}})
    .to_string()
}

fn consent(id: usize) -> String {
    let to = &request(ACCOUNT, id)["to"];
    json!({"command": "set_consent", "account": ACCOUNT,
        "consent": {"to": to, "category": "marketing", "state": "opt_in", "source": "test"}})
    .to_string()
}

/// Accounts of the partition of [`ACCOUNT`], and one of another.
fn other_account(same_partition: bool) -> String {
    let home = partition_of(ACCOUNT.as_bytes(), PARTITIONS);
    (0..)
        .map(|i| format!("other-{i}"))
        .find(|n| (partition_of(n.as_bytes(), PARTITIONS) == home) == same_partition)
        .unwrap()
}

/// Everything that a producer can get wrong.
fn bad_records() -> Vec<Sent> {
    let with = |field: &str, value: Value| {
        let mut request = request(ACCOUNT, 9_000);
        request[field] = value;
        request.to_string()
    };
    let (neighbour, stranger) = (other_account(true), other_account(false));
    let good = || request(ACCOUNT, 9_001).to_string();
    let events = |account: &str| json!({"account": account, "events": []}).to_string();
    let preference = json!({"account": ACCOUNT, "events": [{"event": "no_such_event"}]}).to_string();
    let mut all = vec![
        Sent::bad("malformed", "this is no JSON"),
        Sent::bad("malformed", "[1, 2, 3]"),
        Sent::bad("malformed", "{\"id\": \"r1\""),
        Sent::bad("malformed", vec![b'{', 0xff, 0xfe, b'}']),
        Sent::bad("malformed", ""),
        Sent { value: None, ..Sent::bad("malformed", "") },
        Sent::bad("too_large", with("metadata", json!("x".repeat(70_000)))),
        Sent::bad("unknown_field", with("campain", json!("black-friday"))),
        Sent::bad("unknown_account", request(&neighbour, 1).to_string()).keyed(Some(neighbour.as_bytes())),
        Sent::bad("wrong_partition", request(&stranger, 1).to_string()).keyed(Some(stranger.as_bytes())),
        Sent::bad("wrong_partition", request(&stranger, 2).to_string()),
        Sent::bad("wrong_key", good()).keyed(Some(b"bolt")),
        Sent::bad("wrong_key", good()).keyed(Some(b"")),
        Sent::bad("wrong_key", good()).keyed(None),
        Sent::bad("wrong_key", good()).keyed(Some(&[0xff, 0x00])),
        Sent::bad("wrong_key", consent(9_001)).keyed(Some(b"+5511900000001")).into(Topic::Commands),
        Sent::bad("wrong_key", events(ACCOUNT)).keyed(Some(b"bolt")).into(Topic::Events),
        Sent::bad("malformed", preference).into(Topic::Events),
        Sent::bad("malformed", "{}").into(Topic::Commands),
        Sent { value: None, ..Sent::bad("malformed", "").into(Topic::Commands) },
        Sent { value: None, ..Sent::bad("malformed", "").into(Topic::Events) },
        Sent::bad("wrong_partition", account(&stranger)).keyed(Some(stranger.as_bytes())).into(Topic::Commands),
    ];
    let priority: Vec<Sent> = all.iter().take(12).cloned().map(|bad| bad.into(Topic::RequestsPriority)).collect();
    all.extend(priority);
    all
}

/// Good records that merely look odd.
fn odd_records(from: usize) -> Vec<Sent> {
    let hour = 3_600_000;
    let now = clock::now().0 as i64;
    let stamped = |id, timestamp| Sent { timestamp: Some(timestamp), ..Sent::good(id) };
    vec![stamped(from, 0), stamped(from + 1, now - 50 * 365 * 24 * hour), stamped(from + 2, now + 50 * 365 * 24 * hour)]
}

fn header(message: &OwnedMessage, name: &str) -> String {
    let found = message.headers().unwrap().iter().find(|h| h.key == name).map(|h| h.value.unwrap_or_default().to_vec());
    String::from_utf8(found.unwrap_or_default()).unwrap()
}

/// First outcome of every request of [`ACCOUNT`], in order.
fn admitted(config: &KafkaConfig) -> Vec<String> {
    committed(config, &config.topic(Topic::Outcomes))
        .into_values()
        .flatten()
        .map(|m| serde_json::from_slice::<Value>(m.payload().unwrap()).unwrap())
        .filter(|outcome| outcome["account"] == ACCOUNT)
        .inspect(|outcome| assert_eq!(outcome["outcome"], "admitted", "{outcome}"))
        .map(|outcome| outcome["id"].as_str().unwrap().to_owned())
        .collect()
}

fn dead_letters(config: &KafkaConfig) -> Vec<OwnedMessage> {
    committed_of(config, &config.topic(Topic::DeadLetters), 1).into_values().flatten().collect()
}

fn wait_for(what: &str, worker: &Worker, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(worker.is_running(), "the shard ended; {what}");
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

struct World {
    config: KafkaConfig,
    producer: BaseProducer,
    worker: Worker,
    _directory: tempfile::TempDir,
}

/// A worker that knows the account and `people` consents.
fn world(people: usize) -> World {
    let config = Broker::shared().config();
    kafka::create(&config, PARTITIONS, 1).unwrap();
    let producer = producer(&config);
    let command = |value: String| Sent { value: Some(value.into_bytes()), ..Sent::good(0).into(Topic::Commands) };
    command(account(ACCOUNT)).send(&producer, &config);
    (0..people).for_each(|id| command(consent(id)).send(&producer, &config));
    producer.flush(PATIENCE).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let worker = Worker::start(&config, "0", directory.path());
    worker.wait_ready();
    World { config, producer, worker, _directory: directory }
}

#[test]
fn each_bad_record_is_set_aside_once_between_good_ones() {
    let bad = bad_records();
    let odd = odd_records(bad.len());
    let good = bad.len() + odd.len();
    let World { config, producer, worker, _directory } = world(good);
    for (id, bad) in bad.iter().enumerate() {
        bad.send(&producer, &config);
        Sent::good(id).send(&producer, &config);
        // A record of another topic has its place among these only when it is decided before the next is sent.
        if bad.topic != Topic::Requests {
            producer.flush(PATIENCE).unwrap();
        }
    }
    odd.iter().for_each(|odd| odd.send(&producer, &config));
    producer.flush(PATIENCE).unwrap();
    wait_for("the last request is decided", &worker, || admitted(&config).len() >= good);
    wait_for("every bad record is set aside", &worker, || dead_letters(&config).len() >= bad.len());
    worker.stop();

    let expected: Vec<String> = (0..good).map(|id| format!("r{id:04}")).collect();
    assert_eq!(admitted(&config), expected, "each once, in order");
    let letters = dead_letters(&config);
    assert_eq!(letters.len(), bad.len());
    for topic in Topic::INPUTS {
        let letters: Vec<&OwnedMessage> = letters.iter().filter(|l| header(l, "topic") == topic.name()).collect();
        let bad: Vec<&Sent> = bad.iter().filter(|b| b.topic == topic).collect();
        assert_eq!(letters.len(), bad.len(), "{}", topic.name());
        for (letter, bad) in letters.iter().zip(bad) {
            let text = String::from_utf8_lossy(bad.value.as_deref().unwrap_or_default());
            let what = format!("{}: {} {}", topic.name(), header(letter, "reason"), header(letter, "detail"));
            assert_eq!(letter.payload().unwrap_or_default(), bad.value.as_deref().unwrap_or_default(), "{what}");
            assert_eq!(letter.key().unwrap_or_default(), bad.key.as_deref().unwrap_or_default(), "{what}");
            assert_eq!(header(letter, "reason"), bad.reason.unwrap(), "{what}: {text:.80}");
            assert_eq!(header(letter, "partition"), partition_of(ACCOUNT.as_bytes(), PARTITIONS).to_string());
            let detail = header(letter, "detail");
            assert!(!detail.is_empty() && !detail.contains("+5511"), "{what}");
        }
    }
}

#[test]
fn what_is_too_large_for_any_topic_is_set_aside_too() {
    let World { config, producer: _, worker, _directory } = world(4);
    // Compression: the broker bounds what it stores, not what it unpacks to.
    let mut client = config.producer("large");
    client.set("message.max.bytes", "100000000").set("compression.type", "zstd");
    let producer: BaseProducer = client.create().unwrap();
    // The largest that fits without compression: bytes that look random.
    let mut state = 1u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take(5 << 20)
    .collect();
    let bad = [noise, vec![b' '; 24 << 20], vec![b'x'; (5 << 20) + 65_536]];
    for (id, value) in bad.iter().enumerate() {
        Sent::bad("too_large", value.clone()).send(&producer, &config);
        Sent::good(id).send(&producer, &config);
        producer.flush(PATIENCE).unwrap();
    }
    Sent::bad("wrong_key", request(ACCOUNT, 9).to_string()).keyed(Some(&vec![b'k'; 3 << 20])).send(&producer, &config);
    Sent::good(bad.len()).send(&producer, &config);
    producer.flush(PATIENCE).unwrap();
    wait_for("the last request is decided", &worker, || admitted(&config).len() > bad.len());
    worker.stop();

    assert_eq!(admitted(&config), ["r0000", "r0001", "r0002", "r0003"]);
    let letters = dead_letters(&config);
    assert_eq!(letters.len(), bad.len() + 1);
    for (letter, value) in letters.iter().zip(&bad) {
        assert_eq!(header(letter, "reason"), "too_large");
        // It lies where the other headers say.
        assert_eq!(letter.payload().unwrap_or_default(), b"");
        assert_eq!(header(letter, "left_in_place"), (value.len() + ACCOUNT.len()).to_string());
    }
    let (key, reason) = (letters[3].key().unwrap(), header(&letters[3], "reason"));
    assert_eq!((key.len(), reason.as_str()), (3 << 20, "wrong_key"));
    assert_eq!(letters[3].payload().unwrap(), request(ACCOUNT, 9).to_string().as_bytes());
}

#[test]
fn times_that_producers_state_do_not_move_ours() {
    let odd = odd_records(0);
    let World { config, producer, worker, _directory } = world(odd.len());
    let before = clock::now().0;
    odd.iter().for_each(|odd| odd.send(&producer, &config));
    producer.flush(PATIENCE).unwrap();
    wait_for("the last request is decided", &worker, || admitted(&config).len() >= odd.len());
    let after = clock::now().0;
    let figures = String::from_utf8(worker.metrics().encode().unwrap()).unwrap();
    for line in figures.lines().filter(|l| l.contains("tollgate_log_lag_seconds{") || l.contains("_order_seconds_sum"))
    {
        let value: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        assert!((0.0..120.0).contains(&value), "{line}");
    }
    assert!(figures.contains("tollgate_request_to_order_seconds_count"), "{figures}");
    worker.stop();
    for outcome in committed(&config, &config.topic(Topic::Outcomes)).into_values().flatten() {
        let outcome: Value = serde_json::from_slice(outcome.payload().unwrap()).unwrap();
        let at: tollgate_wire::Time = serde_json::from_value(outcome["at"].clone()).unwrap();
        assert!((before..=after).contains(&at.0), "{outcome}");
    }
    // Retention goes by the broker's time, so that nothing is deleted before it is read.
    for record in committed(&config, &config.topic(Topic::Requests)).into_values().flatten() {
        let at = record.timestamp().to_millis().unwrap() as u64;
        assert!((before - 5_000..=after + 5_000).contains(&at), "{at}");
    }
}

#[test]
fn a_header_whose_name_is_no_text_ends_nothing() {
    let World { config, producer, worker, _directory } = world(2);
    let topic = config.topic(Topic::Requests);
    let partition = partition_of(ACCOUNT.as_bytes(), PARTITIONS);
    let headers: [(&[u8], &[u8]); 3] = [(b"ce_source", b"crm"), (&[0xff, 0xfe], b"x"), (b"ce_type", &[0xff])];
    let write = |value: &[u8]| {
        let raw = raw::Raw { topic: &topic, partition, key: ACCOUNT.as_bytes(), value, headers: &headers };
        raw::produce(&config.brokers, &raw);
    };
    write(request(ACCOUNT, 0).to_string().as_bytes());
    write(b"no JSON and a name that is no text");
    Sent::good(1).send(&producer, &config);
    producer.flush(PATIENCE).unwrap();
    wait_for("the last request is decided", &worker, || admitted(&config).len() >= 2);
    worker.stop();
    assert_eq!(admitted(&config), ["r0000", "r0001"]);
    let letters = dead_letters(&config);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].payload(), Some(&b"no JSON and a name that is no text"[..]));
    assert_eq!(header(&letters[0], "reason"), "malformed");
}
