//! The registry, read to its end and followed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tollgate_runtime::inbox::Inbox as _;
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{KafkaInbox, follow_registry};
use tollgate_runtime::registry::SharedRegistry;

use crate::broker::Broker;
use crate::{PARTITIONS, created, record, until, wait};

#[test]
fn the_registry_is_whole_before_it_returns_and_followed_after() {
    let config = created(&Broker::shared());
    let inbox = KafkaInbox::open(&config, PARTITIONS).unwrap();
    let account = |name: &str, waba: &str| {
        let spec = format!(
            r#"{{"account":"{name}","limit":"unlimited","app":"x","wabas":[{{"id":"{waba}","currency":"USD",
            "time_zone":"UTC","senders":[]}}]}}"#
        );
        (Topic::Registry, record(name, &spec))
    };
    let (shared, stop) = (SharedRegistry::default(), Arc::new(AtomicBool::new(false)));
    wait(inbox.append(vec![account("acme", "w1"), (Topic::Registry, record("x", "{")), account("bolt", "w2")]))
        .unwrap();
    let reader = follow_registry(&config, shared.clone(), Arc::clone(&stop)).unwrap();
    let owner = |waba: &str| shared.snapshot().waba(waba).map(|entry| entry.account.to_string());
    assert_eq!((owner("w1"), owner("w2")), (Some("acme".to_owned()), Some("bolt".to_owned())));

    wait(inbox.append(vec![account("acme", "w3"), account("core", "w1")])).unwrap();
    until("the change is followed", || owner("w1").as_deref() == Some("core"));
    assert_eq!(owner("w3").as_deref(), Some("acme"));
    assert_eq!(reader.health().failing(), None);
    stop.store(true, Ordering::Release);
    reader.join();

    // An empty topic has an end too.
    let empty = created(&Broker::shared());
    let reader = follow_registry(&empty, SharedRegistry::default(), Arc::clone(&stop));
    assert!(reader.is_err(), "told to stop before it began");
    let stop = Arc::new(AtomicBool::new(false));
    let reader = follow_registry(&empty, SharedRegistry::default(), Arc::clone(&stop)).unwrap();
    stop.store(true, Ordering::Release);
    reader.join();
}
