//! What is read from where, and in which order.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
use super::*;
use crate::clock::monotonic;
use crate::log::NewRecord;
use crate::log::embedded::EmbeddedOptions;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

/// Nothing of the embedded log stays for good: what is done goes, and dead letters after a week, as in Kafka.
#[test]
fn every_topic_of_the_embedded_log_is_released() {
    const DAY_MS: u64 = 86_400_000;
    let directory = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(directory.path(), &EmbeddedOptions::default()).unwrap();
    let mut source = EmbeddedSource::new(log.clone());
    let append = |topic, day: u64| {
        let records =
            vec![NewRecord::new("acme", "+5511987654321", day * DAY_MS), NewRecord::new("", "", day * DAY_MS)];
        log.append_blocking(topic, records).unwrap();
    };
    for topic in [Topic::Outcomes, Topic::Ledger, Topic::Snapshots, Topic::Registry] {
        append(topic, 100);
    }
    for day in 100..110 {
        append(Topic::DeadLetters, day);
    }
    let mut first_kept = |day: u64| {
        source.release(&|_, _| Ok(2), Time(day * DAY_MS + DAY_MS / 2)).unwrap();
        log.ends(Topic::DeadLetters).0
    };
    assert_eq!((first_kept(106), first_kept(107), first_kept(110)), (0, 2, 8));
    assert_eq!(log.read_from(Topic::DeadLetters, 8, ReadLimit::default()).unwrap()[0].time_ms, 104 * DAY_MS);
    assert_eq!((first_kept(116), first_kept(117), first_kept(900)), (20, 20, 20));
    for topic in [Topic::Outcomes, Topic::Ledger, Topic::Snapshots, Topic::Registry] {
        assert_eq!(log.ends(topic), (2, 2), "{}", topic.name());
    }
}

/// While one group shares its partitions out anew, or has none for this process, nothing of the other is lost, however
/// often it is waited for.
#[test]
fn what_is_read_while_waiting_is_kept_whatever_another_group_has() {
    let broker = MockCluster::new(1).unwrap();
    let config = KafkaConfig { brokers: broker.bootstrap_servers(), ..KafkaConfig::default() };
    for (_, topic) in STREAMS {
        broker.create_topic(&config.topic(topic), 1, 1).unwrap();
    }
    let producer: BaseProducer = config.producer("test").create().unwrap();
    for (mut busy, idle) in [(vec![0], vec![1, 2]), (vec![1, 2], vec![0])] {
        let (sent, stream) = (10, busy[0]);
        for n in 0..sent {
            let topic = config.topic(STREAMS[stream].1);
            producer.send(BaseRecord::<str, str>::to(&topic).partition(0).payload(&n.to_string())).unwrap();
        }
        producer.flush(Duration::from_secs(10)).unwrap();
        busy.truncate(1);
        let shares = vec![Share::new(&busy, None, vec![0]), Share::new(&idle, None, Vec::new())];
        let mut source = KafkaSource { config: config.clone(), shares };
        let (began, mut read) = (monotonic(), Vec::new());
        while read.len() < sent && began.elapsed() < Duration::from_secs(20) {
            source.follow(&|_, _| Ok(ReadTo::default())).unwrap();
            source.wait(Duration::from_millis(50));
            source.follow(&|_, _| Ok(ReadTo::default())).unwrap();
            read.extend(source.read(stream).unwrap().into_iter().map(|(_, record)| record.offset));
        }
        assert_eq!(read, (0..sent as u64).collect::<Vec<_>>());
    }
}

/// A topic that has the name of the one that was read, and other records: by its length alone it looks like one that has grown.
#[test]
fn another_topic_of_the_same_name_is_told_from_one_that_has_grown() {
    let [ours, other] = [0, 1].map(|_| MockCluster::new(1).unwrap());
    let configs =
        [&ours, &other].map(|broker| KafkaConfig { brokers: broker.bootstrap_servers(), ..KafkaConfig::default() });
    let send = |config: &KafkaConfig, values: &[&str]| {
        let producer: BaseProducer = config.producer("test").create().unwrap();
        let topic = config.topic(Topic::Ledger);
        for value in values {
            let record = BaseRecord::<str, str>::to(&topic).partition(0).payload(value);
            producer.send(record).unwrap();
        }
        producer.flush(Duration::from_secs(10)).unwrap();
    };
    for (broker, config) in [(&ours, &configs[0]), (&other, &configs[1])] {
        broker.create_topic(&config.topic(Topic::Ledger), 1, 1).unwrap();
    }
    send(&configs[0], &["a", "b", "c"]);
    send(&configs[1], &["x", "y", "z", "w"]);
    let place = |_: Stream, _: u32| -> Result<ReadTo, LedgerError> {
        Ok(ReadTo { next: 3, last: Some(LastRecord::of(2, b"c")) })
    };
    let read = |config: &KafkaConfig| -> Result<Vec<bytes::Bytes>, LogError> {
        let shares = vec![Share::new(&[0], None, vec![0])];
        let mut source = KafkaSource { config: config.clone(), shares };
        let began = monotonic();
        loop {
            source.follow(&place).unwrap();
            source.wait(Duration::from_millis(50));
            let records = source.read(0)?;
            if !records.is_empty() || began.elapsed() > Duration::from_secs(3) {
                return Ok(records.into_iter().map(|(_, record)| record.value).collect());
            }
        }
    };
    assert_eq!(read(&configs[0]).unwrap(), [""; 0], "what is known is not read again");
    send(&configs[0], &["d", "e"]);
    assert_eq!(read(&configs[0]).unwrap(), ["d", "e"]);
    let told = read(&configs[1]).unwrap_err();
    assert!(matches!(told, LogError::Replaced { topic: Topic::Ledger, partition: 0, offset: 2 }), "{told}");
}
