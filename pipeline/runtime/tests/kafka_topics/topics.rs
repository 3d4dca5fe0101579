//! Topics: how they are made, what is wrong with them, and the positions of their readers.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{self, KafkaConfig, RECORD_BYTES_MAX, TopicFault, TopicsError};

use crate::broker::Broker;
use crate::{PARTITIONS, PATIENCE, admin, created, set, until, wait};

fn faults(config: &KafkaConfig) -> Vec<TopicFault> {
    match kafka::check(config) {
        Err(TopicsError::Faults(faults)) => faults.0,
        Ok(_) => Vec::new(),
        Err(error) => panic!("{error}"),
    }
}

/// A record of the changelog, as a shard that has decided something writes it.
fn write_state(config: &KafkaConfig) {
    let state: ThreadedProducer<DefaultProducerContext> = config.producer("test").create().unwrap();
    state.send(BaseRecord::to(&config.state_topic()).partition(1).key("k").payload("v")).map_err(|e| e.0).unwrap();
    state.flush(PATIENCE).unwrap();
}

#[test]
fn topics_are_created_once_and_then_found_right() {
    let config = Broker::shared().config();
    let created = kafka::create(&config, PARTITIONS, 1).unwrap();
    assert_eq!(created.topics.len(), Topic::COUNT + 1);
    assert_eq!(created.positions, 5 * PARTITIONS as usize, "four inputs and the orders");
    assert_eq!(kafka::create(&config, PARTITIONS, 1).unwrap(), kafka::Created::default());
    assert_eq!(kafka::check(&config).unwrap(), PARTITIONS);

    let error = kafka::create(&config, PARTITIONS + 1, 1).unwrap_err();
    assert!(matches!(error, TopicsError::Faults(ref faults) if faults.0.len() == 9), "{error}");
    let error = kafka::create(&Broker::shared().config(), PARTITIONS, 7).unwrap_err();
    assert!(error.to_string().contains("as many copies as there are brokers"), "{error}");
}

#[test]
fn check_names_everything_that_is_wrong() {
    let config = created(&Broker::shared());
    let (options, ledger, events) = (AdminOptions::new(), config.topic(Topic::Ledger), config.topic(Topic::Events));
    let admin = admin(&config);
    wait(admin.delete_topics(&[&ledger], &options)).unwrap().remove(0).unwrap();
    wait(admin.create_partitions(&[NewPartitions::new(&events, 5)], &options)).unwrap().remove(0).unwrap();
    set(&config, &config.topic(Topic::Registry), "cleanup.policy", "delete");
    set(&config, &config.topic(Topic::Outcomes), "max.message.bytes", "1000");
    set(&config, &config.topic(Topic::Commands), "message.timestamp.type", "CreateTime");
    set(&config, &config.state_topic(), "delete.retention.ms", "86400000");
    set(&config, &config.state_topic(), "message.timestamp.type", "CreateTime");
    set(&config, &config.topic(Topic::Snapshots), "retention.ms", "3600000");
    set(&config, &config.topic(Topic::DeadLetters), "unclean.leader.election.enable", "true");
    until("the deletion is seen", || faults(&config).contains(&TopicFault::Missing { topic: ledger.clone() }));
    let found = faults(&config);
    let expected = [
        TopicFault::Missing { topic: ledger.clone() },
        TopicFault::Partitions { topic: events.clone(), have: 5, want: PARTITIONS },
        TopicFault::CleanupPolicy { topic: config.topic(Topic::Registry), have: "delete".to_owned(), want: "compact" },
        TopicFault::MaxMessageBytes {
            topic: config.topic(Topic::Outcomes),
            have: 1000,
            want: (RECORD_BYTES_MAX + 65_536) as u64,
        },
        TopicFault::Timestamps {
            topic: config.topic(Topic::Commands),
            have: "CreateTime".to_owned(),
            want: "LogAppendTime",
        },
        TopicFault::Removals { topic: config.state_topic(), have: 86_400_000, want: 7 * 86_400_000 },
        TopicFault::Timestamps { topic: config.state_topic(), have: "CreateTime".to_owned(), want: "LogAppendTime" },
        TopicFault::Setting {
            topic: config.topic(Topic::Snapshots),
            name: "retention.ms",
            have: "3600000".to_owned(),
            want: "2592000000 or more".to_owned(),
        },
        TopicFault::Setting {
            topic: config.topic(Topic::DeadLetters),
            name: "unclean.leader.election.enable",
            have: "true".to_owned(),
            want: "false".to_owned(),
        },
        TopicFault::NoPosition { group: config.app.clone(), topic: events, partitions: vec![3, 4] },
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    assert!(expected.iter().all(|fault| found.contains(fault)), "{found:?}");
}

#[test]
fn a_deleted_input_begins_at_its_start_when_created_again() {
    let config = created(&Broker::shared());
    let commands = config.topic(Topic::Commands);
    wait(admin(&config).delete_topics(&[&commands], &AdminOptions::new())).unwrap().remove(0).unwrap();
    until("the deletion is seen", || faults(&config).contains(&TopicFault::Missing { topic: commands.clone() }));
    let again = kafka::create(&config, PARTITIONS, 1).unwrap();
    assert_eq!((again.topics, again.positions), (vec![commands], PARTITIONS as usize));
    assert_eq!(kafka::check(&config).unwrap(), PARTITIONS);
}

#[test]
fn lost_positions_are_not_taken_for_a_beginning() {
    let config = created(&Broker::shared());
    write_state(&config);
    wait(admin(&config).delete_groups(&[&config.app], &AdminOptions::new())).unwrap().remove(0).unwrap();
    match kafka::create(&config, PARTITIONS, 1).unwrap_err() {
        TopicsError::PositionsLost { group, topic, partitions } => {
            assert_eq!((group, topic, partitions), (config.app.clone(), config.state_topic(), vec![1]));
        }
        other => panic!("{other}"),
    }
    assert_eq!(faults(&config).len(), Topic::INPUTS.len());
}

#[test]
fn orders_are_not_taken_again_from_their_first() {
    let config = created(&Broker::shared());
    write_state(&config);
    let group = kafka::dispatch_group(&config);
    wait(admin(&config).delete_groups(&[&group], &AdminOptions::new())).unwrap().remove(0).unwrap();
    let refused = kafka::create(&config, PARTITIONS, 1).unwrap_err();
    assert!(matches!(&refused, TopicsError::OrderPositionsLost { partitions, .. } if *partitions == [1]), "{refused}");
    assert_eq!(faults(&config).len(), 1);
}

#[test]
fn brokers_that_cannot_be_used_are_told_apart() {
    let unreachable = KafkaConfig { brokers: "127.0.0.1:1".to_owned(), ..KafkaConfig::default() };
    let started = Instant::now();
    let error = kafka::check(&unreachable).unwrap_err();
    assert!(matches!(error, TopicsError::Unreachable { ref reason, .. } if reason.contains("refused")), "{error}");
    assert!(started.elapsed() < Duration::from_secs(15));

    // The cluster inside librdkafka offers the APIs of an older release.
    let old = rdkafka::mocking::MockCluster::new(1).unwrap();
    let old = KafkaConfig { brokers: old.bootstrap_servers(), ..KafkaConfig::default() };
    let error = kafka::check(&old).unwrap_err();
    assert!(matches!(error, TopicsError::TooOld { .. }), "{error}");

    let mut typo = Broker::shared().config();
    typo.properties.insert("sasl.mechanizm".to_owned(), "PLAIN".to_owned());
    let error = kafka::check(&typo).unwrap_err();
    assert!(matches!(error, TopicsError::Properties { ref detail } if detail.contains("sasl.mechanizm")), "{error}");
}
