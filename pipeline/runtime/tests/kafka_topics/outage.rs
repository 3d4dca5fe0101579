//! Inbox and tail while no broker answers.

use std::time::Duration;

use tollgate_runtime::inbox::{AppendError, Inbox as _};
use tollgate_runtime::log::kafka::{KafkaInbox, KafkaTail, partition_of};
use tollgate_runtime::log::{ReadLimit, Topic};

use crate::broker::Broker;
use crate::{PARTITIONS, created, read, record, until, values, wait};

/// Nothing heard from a broker that is away is not the same as nothing there.
#[test]
fn a_tail_knows_of_no_end_while_no_broker_answers() {
    let broker = Broker::start();
    let config = created(&broker);
    let inbox = KafkaInbox::open(&config, PARTITIONS).unwrap();
    wait(inbox.append(vec![(Topic::Outcomes, record("acme", "1"))])).unwrap();
    drop(inbox);
    let mut tail = KafkaTail::open_from_start(&config, Topic::Outcomes, PARTITIONS).unwrap();
    let mut caught_up = || {
        drop(tail.read(ReadLimit::default(), Duration::ZERO).unwrap());
        tail.caught_up().collect::<Vec<_>>()
    };
    until("every end is seen", || caught_up() == [0, 1, 2]);
    broker.kill();
    until("the loss is noticed", || caught_up().is_empty());
    broker.start_again();
    until("every end is known again", || caught_up() == [0, 1, 2]);
}

#[test]
fn a_tail_and_an_inbox_outlive_a_broker_that_is_killed() {
    let broker = Broker::start();
    let config = created(&broker);
    let inbox = KafkaInbox::open(&config, PARTITIONS).unwrap();
    let home = partition_of(b"acme", PARTITIONS);
    let mut tail = KafkaTail::open(&config, Topic::Events, &[(home, 0)]).unwrap();
    wait(inbox.append(vec![(Topic::Events, record("acme", "before"))])).unwrap();
    assert_eq!(values(&read(&mut tail, 1)), ["before"]);
    broker.kill();
    let call = |text: &str| (0..1_000).map(|i| (Topic::Events, record("acme", &format!("{text} {i}")))).collect();
    let mut during = Vec::new();
    let refused = loop {
        assert!(during.len() <= 100, "the bound is 100,000 records");
        let mut append = inbox.append(call(&during.len().to_string()));
        // Whether it was queued shows at once; the answer needs the broker.
        match wait(async { tokio::time::timeout(Duration::from_millis(1), &mut append).await }) {
            Err(_) => during.push(append),
            Ok(answer) => break answer,
        }
    };
    assert_eq!((refused, during.len()), (Err(AppendError::Full), 100));
    assert!(tail.read(ReadLimit::default(), Duration::from_secs(1)).unwrap().is_empty());
    broker.start_again();
    for append in during {
        wait(append).unwrap();
    }
    let after = values(&read(&mut tail, 100_000));
    let expected: Vec<String> = (0..100_000).map(|i| format!("{} {}", i / 1_000, i % 1_000)).collect();
    assert!(after == expected, "in order, once, and nothing of the refused call");
    assert_eq!(tail.ends().unwrap(), [(home, 100_001)]);
}
