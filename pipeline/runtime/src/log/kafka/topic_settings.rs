//! Whether topics are set up so that nothing is refused, lost or kept for longer than is said.

use std::collections::BTreeMap;

use super::topic_plan::{
    BATCH_BYTES_MAX, REMOVALS_KEPT_MS, TopicSpec, acknowledged_by, holds_codes, retention_ms, timestamps,
};
use super::topics_error::TopicFault;
use crate::log::Topic;

/// Topics of which a partition has fewer copies than one of another topic has.
pub(super) fn fewer_copies(specs: &[TopicSpec], copies: &BTreeMap<String, u32>) -> Vec<TopicFault> {
    let of = |spec: &TopicSpec| copies.get(&spec.name).copied();
    let want = specs.iter().filter_map(of).max().unwrap_or(0);
    let fault = |(topic, have)| TopicFault::Copies { topic, have, want };
    let fewer = specs.iter().filter_map(|spec| Some((spec.name.clone(), of(spec)?)));
    fewer.filter(|(_, have)| *have < want).map(fault).collect()
}

/// Settings by which records are lost, or kept for longer than is said.
pub(super) fn losses(spec: &TopicSpec, copies: u32, value: &dyn Fn(&str) -> String) -> Vec<TopicFault> {
    let mut faults = Vec::new();
    let mut fault = |name, want: String| {
        faults.push(TopicFault::Setting { topic: spec.name.clone(), name, have: value(name), want });
    };
    if let Some(planned) = retention_ms(spec.topic) {
        // Without end it is -1.
        let have = value("retention.ms").parse::<i64>().ok().map_or(0, |ms| u64::try_from(ms).unwrap_or(u64::MAX));
        if holds_codes(spec.topic) && have != planned {
            fault("retention.ms", format!("{planned}, neither less nor more: its records may hold one-time codes"));
        } else if have < planned {
            fault("retention.ms", format!("{planned} or more"));
        }
    }
    if value("retention.bytes").parse::<i64>().is_ok_and(|bytes| bytes >= 0) && spec.cleanup == "delete" {
        fault("retention.bytes", "-1: records are deleted unread by it".to_owned());
    }
    if value("unclean.leader.election.enable") == "true" {
        fault("unclean.leader.election.enable", "false".to_owned());
    }
    let want = acknowledged_by(copies);
    if value("min.insync.replicas").parse::<u32>().is_ok_and(|have| have < want) {
        fault("min.insync.replicas", format!("{want} or more"));
    }
    faults
}

/// Settings that a topic needs to do its work.
pub(super) fn setting_faults(spec: &TopicSpec, value: &dyn Fn(&str) -> String) -> Vec<TopicFault> {
    let topic = spec.name.clone();
    let mut faults = Vec::new();
    let have = value("cleanup.policy");
    if have != spec.cleanup {
        faults.push(TopicFault::CleanupPolicy { topic: topic.clone(), have, want: spec.cleanup });
    }
    let want = BATCH_BYTES_MAX as u64;
    let have = value("max.message.bytes").parse().unwrap_or(0);
    if have < want {
        faults.push(TopicFault::MaxMessageBytes { topic: topic.clone(), have, want });
    }
    let (have, want) = (value("delete.retention.ms").parse().unwrap_or(0), REMOVALS_KEPT_MS);
    if spec.topic.is_none() && have < want {
        faults.push(TopicFault::Removals { topic: topic.clone(), have, want });
    }
    let (have, want) = (value("message.timestamp.type"), timestamps(spec.topic));
    if spec.topic.is_none_or(Topic::is_input) && have != want {
        faults.push(TopicFault::Timestamps { topic, have, want });
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::config::KafkaConfig;
    use super::super::topic_plan::plan;
    use super::*;

    #[test]
    fn what_loses_records_or_keeps_codes_is_named() {
        let specs = plan(&KafkaConfig::default(), 4, 3);
        let of = |topic: &str| specs.iter().find(|s| s.name == topic).expect("a topic");
        let told = |topic: &str, copies: u32, set: &[(&str, &str)]| -> Vec<String> {
            let spec = of(topic);
            let value = |name: &str| {
                let planned = spec.settings.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
                set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()).or(planned).unwrap_or_default()
            };
            losses(spec, copies, &value).iter().map(ToString::to_string).collect()
        };
        for spec in &specs {
            assert_eq!(told(&spec.name, 3, &[("retention.bytes", "-1")]), [""; 0], "as created");
        }
        assert_eq!(told("tollgate.ledger", 3, &[("retention.ms", "-1")]), [""; 0], "longer is no loss");
        assert_eq!(
            told("tollgate.ledger", 3, &[("retention.ms", "86400000"), ("retention.bytes", "1000")]),
            [
                "topic tollgate.ledger has retention.ms=86400000; set it to 7776000000 or more",
                "topic tollgate.ledger has retention.bytes=1000; set it to -1: records are deleted unread by it",
            ]
        );
        assert_eq!(
            told("tollgate.dispatch", 3, &[("retention.ms", "-1")]),
            [
                "topic tollgate.dispatch has retention.ms=-1; set it to 259200000, neither less nor more: its records may hold one-time codes"
            ]
        );
        let lossy = [("min.insync.replicas", "1"), ("unclean.leader.election.enable", "true")];
        assert_eq!(
            told("tollgate.state", 3, &lossy),
            [
                "topic tollgate.state has unclean.leader.election.enable=true; set it to false",
                "topic tollgate.state has min.insync.replicas=1; set it to 2 or more",
            ]
        );
        assert_eq!(told("tollgate.state", 2, &lossy[..1]), [""; 0], "with two copies one may be away");
    }

    #[test]
    fn a_topic_with_fewer_copies_than_others_is_named() {
        let specs = plan(&KafkaConfig::default(), 4, 3);
        let mut copies: BTreeMap<String, u32> = specs.iter().map(|s| (s.name.clone(), 3)).collect();
        copies.insert("another.program".to_owned(), 5);
        assert_eq!(fewer_copies(&specs, &copies), []);
        copies.insert("tollgate.ledger".to_owned(), 1);
        copies.remove("tollgate.events");
        let [fault] = &fewer_copies(&specs, &copies)[..] else { panic!("one") };
        assert!(
            fault
                .to_string()
                .starts_with("topic tollgate.ledger has 1 copies of a partition while other topics have 3")
        );
    }
}
