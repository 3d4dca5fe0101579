//! The inbox: what is appended is read back, and what is too large is not appended.

use bytes::Bytes;
use tollgate_runtime::clock;
use tollgate_runtime::inbox::{AppendError, Inbox as _};
use tollgate_runtime::log::kafka::{KafkaInbox, KafkaTail, RECORD_BYTES_MAX, partition_of};
use tollgate_runtime::log::{NewRecord, Record, Topic};

use crate::broker::Broker;
use crate::{PARTITIONS, created, read, record, set, until, wait};

#[test]
fn what_is_appended_is_read_back_in_order_with_time_and_headers() {
    let config = created(&Broker::shared());
    let inbox = KafkaInbox::open(&config, PARTITIONS).unwrap();
    let now = clock::now().0 - 5_000;
    let records: Vec<(Topic, NewRecord)> = (0..300)
        .map(|i| {
            let mut record = record(["acme", "bolt"][i % 2], &i.to_string());
            record.time_ms = now + i as u64;
            (Topic::Events, record)
        })
        .collect();
    let mut dead = record("bolt", "");
    dead.headers = vec![("reason".to_owned(), "why".into()), ("empty".to_owned(), Bytes::new())];
    let first = inbox.append(records[..150].to_vec());
    let second = inbox.append(records[150..].to_vec());
    wait(async {
        // Polled in the other order on purpose: the calls were made in this one.
        second.await.unwrap();
        first.await.unwrap();
        inbox.append(vec![(Topic::DeadLetters, dead.clone())]).await.unwrap();
        inbox.append(Vec::new()).await.unwrap();
    });

    let mut tail = KafkaTail::open_from_start(&config, Topic::Events, PARTITIONS).unwrap();
    let read_back = read(&mut tail, 300);
    for account in ["acme", "bolt"] {
        let sent: Vec<&NewRecord> = records.iter().map(|(_, r)| r).filter(|r| r.key == account).collect();
        let got: Vec<&(u32, Record)> = read_back.iter().filter(|(_, r)| r.key == account).collect();
        assert_eq!(got.len(), sent.len());
        for (i, ((partition, got), sent)) in got.into_iter().zip(sent).enumerate() {
            assert_eq!(*partition, partition_of(account.as_bytes(), PARTITIONS));
            assert_eq!(got.value, sent.value, "{account} {i}");
            // The broker's time, not the sender's: retention and lag go by it.
            assert!(got.time_ms > sent.time_ms, "{account} {i}: {} and {}", got.time_ms, sent.time_ms);
        }
    }
    let mut tail = KafkaTail::open(&config, Topic::DeadLetters, &[(0, 0)]).unwrap();
    let (partition, letter) = read(&mut tail, 1).remove(0);
    assert_eq!((partition, letter.key, letter.value, letter.headers), (0, dead.key, dead.value, dead.headers));
}

#[test]
fn what_is_too_large_is_refused_whole() {
    let config = created(&Broker::shared());
    let inbox = KafkaInbox::open(&config, PARTITIONS).unwrap();
    let largest = |account: &'static str, more: usize| {
        // Not to be compressed: the bound is on what is sent.
        let mut value = vec![0; RECORD_BYTES_MAX - account.len() + more];
        getrandom::fill(&mut value).unwrap();
        (Topic::Requests, NewRecord::new(account, value, clock::now().0))
    };
    wait(inbox.append(vec![largest("acme", 0)])).unwrap();
    let call = vec![(Topic::Requests, record("acme", "small")), largest("acme", 1)];
    let error = wait(inbox.append(call)).unwrap_err();
    assert!(matches!(error, AppendError::TooLarge(ref words) if words.contains("requests")), "{error:?}");
    let home = partition_of(b"acme", PARTITIONS);
    let mut tail = KafkaTail::open(&config, Topic::Requests, &[(home, 0)]).unwrap();
    assert_eq!(read(&mut tail, 1)[0].1.bytes(), RECORD_BYTES_MAX);
    assert_eq!(tail.ends().unwrap(), [(home, 1)], "nothing of the refused call");

    // As a broker refuses it, whose topic was set up by somebody else.
    set(&config, &config.topic(Topic::Requests), "max.message.bytes", "1000");
    let mut error = None;
    until("the setting is in force", || {
        error = wait(inbox.append(vec![largest("acme", 0)])).err();
        error.is_some()
    });
    assert!(
        matches!(error, Some(AppendError::TooLarge(ref words)) if words.contains("max.message.bytes")),
        "{error:?}"
    );
}
