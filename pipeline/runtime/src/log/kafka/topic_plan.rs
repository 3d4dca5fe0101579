//! Which topics there are in Kafka and how each is set up.

use super::config::{KafkaConfig, RECORD_BYTES_MAX};
use crate::log::{Topic, dead_letter};

/// What a topic must take: the largest record with the frame of its batch.
pub(super) const BATCH_BYTES_MAX: usize = RECORD_BYTES_MAX + 65_536;

/// How long the changelog keeps that a key was deleted. A local store that is older cannot be caught up.
pub const TOMBSTONE_DAYS: u64 = 7;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The same as the changelog's `delete.retention.ms`.
pub(super) const REMOVALS_KEPT_MS: u64 = TOMBSTONE_DAYS * DAY_MS;

/// One topic as it is to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Name in Kafka, prefix included.
    pub name: String,
    /// Which topic it is; `None` for the changelog.
    pub topic: Option<Topic>,
    /// Number of partitions.
    pub partitions: u32,
    /// Copies of each partition.
    pub replication: u32,
    /// `delete` or `compact`.
    pub cleanup: &'static str,
    /// Topic settings, cleanup policy included.
    pub settings: Vec<(&'static str, String)>,
}

/// Every topic. `registry` and `dead-letters` have one partition, all others `partitions`.
///
/// Retention: requests and orders 3 days, dead letters 7 (they hold one-time codes; a closed segment spans at most
/// 6 hours more), commands, events, outcomes and snapshots 30, ledger 90. Readers that stand still for longer find
/// their records gone and stop, saying so.
#[must_use]
pub fn plan(config: &KafkaConfig, partitions: u32, replication: u32) -> Vec<TopicSpec> {
    let of = |topic: Topic| spec(config.topic(topic), Some(topic), partitions, replication);
    let mut topics: Vec<TopicSpec> = Topic::ALL.into_iter().map(of).collect();
    topics.push(spec(config.state_topic(), None, partitions, replication));
    topics
}

fn spec(name: String, topic: Option<Topic>, partitions: u32, replication: u32) -> TopicSpec {
    let single = matches!(topic, Some(Topic::Registry | Topic::DeadLetters));
    let cleanup = if matches!(topic, None | Some(Topic::Registry)) { "compact" } else { "delete" };
    let mut settings = vec![
        ("cleanup.policy", cleanup.to_owned()),
        ("max.message.bytes", BATCH_BYTES_MAX.to_string()),
        ("min.insync.replicas", acknowledged_by(replication).to_string()),
        ("message.timestamp.type", timestamps(topic).to_owned()),
    ];
    match retention_ms(topic) {
        Some(retention) => {
            settings.push(("retention.ms", retention.to_string()));
            // Nothing is deleted unread because there is much of it.
            settings.push(("retention.bytes", "-1".to_owned()));
            // Only closed segments expire; by default one stays open for a week.
            let segment = if retention <= 7 * DAY_MS { 6 * HOUR_MS } else { DAY_MS };
            settings.push(("segment.ms", segment.to_string()));
        }
        None => {
            settings.push(("delete.retention.ms", REMOVALS_KEPT_MS.to_string()));
            // Only closed segments are compacted, and a restore reads what is not.
            settings.push(("segment.bytes", (128u32 << 20).to_string()));
            settings.push(("min.cleanable.dirty.ratio", "0.3".to_owned()));
        }
    }
    TopicSpec { name, topic, partitions: if single { 1 } else { partitions }, replication, cleanup, settings }
}

/// Whose time a record has. Inputs have the broker's: by a producer's own a record could be deleted unread, since
/// retention goes by it. So has the changelog, by which those who write it see whether their clock is right. All others keep
/// ours, whatever the broker's default.
pub(super) fn timestamps(topic: Option<Topic>) -> &'static str {
    if topic.is_none_or(Topic::is_input) { "LogAppendTime" } else { "CreateTime" }
}

/// How long records are kept; `None` for compacted topics.
pub(super) fn retention_ms(topic: Option<Topic>) -> Option<u64> {
    let days = match topic? {
        Topic::Requests | Topic::RequestsPriority | Topic::Dispatch => 3,
        Topic::DeadLetters => dead_letter::KEPT_DAYS,
        Topic::Commands | Topic::Events | Topic::Outcomes | Topic::Snapshots => 30,
        Topic::Ledger => 90,
        Topic::Registry => return None,
    };
    Some(days * DAY_MS)
}

/// Whether records of a topic may hold one-time codes, so that they are kept no longer than is said.
pub(super) const fn holds_codes(topic: Option<Topic>) -> bool {
    matches!(topic, Some(Topic::Requests | Topic::RequestsPriority | Topic::Dispatch | Topic::DeadLetters))
}

/// Copies that have to acknowledge a record: with three or more none is acknowledged that only one broker has, and one may be
/// away without stopping writes.
pub(super) const fn acknowledged_by(copies: u32) -> u32 {
    if copies >= 3 { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_as_designed() {
        let topics = plan(&KafkaConfig::default(), 8, 3);
        let lines: Vec<String> = topics
            .iter()
            .map(|t| {
                let get = |name| t.settings.iter().find(|(n, _)| *n == name).map_or("-", |(_, v)| v.as_str());
                let days = get("retention.ms").parse::<u64>().map_or(0, |ms| ms / DAY_MS);
                assert_eq!((get("min.insync.replicas"), get("max.message.bytes")), ("2", "5308416"));
                format!("{} {} {} {days}", t.name, t.partitions, get("cleanup.policy"))
            })
            .collect();
        assert_eq!(
            lines,
            [
                "tollgate.requests 8 delete 3",
                "tollgate.requests.priority 8 delete 3",
                "tollgate.commands 8 delete 30",
                "tollgate.events 8 delete 30",
                "tollgate.dispatch 8 delete 3",
                "tollgate.outcomes 8 delete 30",
                "tollgate.ledger 8 delete 90",
                "tollgate.snapshots 8 delete 30",
                "tollgate.registry 1 compact 0",
                "tollgate.dead-letters 1 delete 7",
                "tollgate.state 8 compact 0",
            ]
        );
    }

    #[test]
    fn one_copy_alone_can_still_be_written() {
        let topics = plan(&KafkaConfig::default(), 1, 1);
        assert!(topics.iter().all(|t| t.settings.contains(&("min.insync.replicas", "1".to_owned()))));
    }
}
