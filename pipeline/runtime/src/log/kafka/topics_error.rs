//! Why the topics cannot be used, each with its remedy.

use std::fmt;

/// The topics cannot be created, checked or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicsError {
    /// A client property is unknown, has a value that it cannot have, or may not be set.
    #[error("kafka properties: {detail}; correct or remove it")]
    Properties {
        /// Property, value and what is wrong with it.
        detail: String,
    },
    /// No broker answered in time.
    #[error(
        "no Kafka broker of {brokers} answered within {seconds} s ({reason}); check the addresses, that the brokers run, and the property security.protocol"
    )]
    Unreachable {
        /// Addresses tried.
        brokers: String,
        /// How long it was tried.
        seconds: u64,
        /// The client's last error.
        reason: String,
    },
    /// The broker refuses the credentials, or TLS cannot be agreed on.
    #[error(
        "Kafka at {brokers} refuses the connection: {reason}; check the properties security.protocol, sasl.* and ssl.*"
    )]
    Authentication {
        /// Addresses tried.
        brokers: String,
        /// The client's or broker's words.
        reason: String,
    },
    /// A broker is older than 4.0: it does not verify transactions itself, so one can hang and stop readers.
    #[error("Kafka at {brokers} is older than 4.0 ({found}); upgrade the brokers and finalize transaction.version 2")]
    TooOld {
        /// Addresses tried.
        brokers: String,
        /// What told.
        found: String,
    },
    /// The broker refused one call or did not complete it in time.
    #[error("cannot {action}: {reason}")]
    Refused {
        /// What was asked.
        action: String,
        /// Why not.
        reason: String,
    },
    /// Topics are not as they must be.
    #[error("{0}")]
    Faults(Faults),
    /// The changelog has state, but the positions that belong to it are gone. Beginning anew would decide and
    /// charge everything kept a second time.
    #[error(
        "{topic}: partitions {partitions:?} have state but group {group} has no position there (Kafka drops positions of a group that was away for longer than offsets.retention.minutes); set the group's offsets to the input positions recorded in {topic}, then start again"
    )]
    PositionsLost {
        /// Consumer group of the shards.
        group: String,
        /// The changelog.
        topic: String,
        /// Partitions without a position.
        partitions: Vec<u32>,
    },
    /// Orders were made, but the positions up to which they were taken are gone. Beginning anew would send those that may still
    /// leave a second time.
    #[error(
        "{topic}: partitions {partitions:?} were read before but group {group} has no position there (Kafka drops positions of a group that was away for longer than offsets.retention.minutes); set the group's offsets to the end of {topic}, where what was not called is told as in doubt, then start again"
    )]
    OrderPositionsLost {
        /// Consumer group of the dispatcher.
        group: String,
        /// The topic of orders.
        topic: String,
        /// Partitions without a position.
        partitions: Vec<u32>,
    },
}

/// Everything found wrong, at least one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<TopicFault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What `topics create` mends at once is told once.
        let missing: Vec<&str> = self.0.iter().filter_map(TopicFault::missing).collect();
        let mut lines = Vec::new();
        if missing.len() > 1 {
            let (count, names) = (missing.len(), missing.join(", "));
            lines.push(format!(
                "{count} topics are missing ({names}); run `tollgate topics create`, or allow this user to describe them"
            ));
        }
        let told = |fault: &&TopicFault| missing.len() > 1 && fault.missing().is_some();
        lines.extend(self.0.iter().filter(|fault| !told(fault)).map(ToString::to_string));
        f.write_str(&lines.join("\n"))
    }
}

impl TopicFault {
    /// The topic that is missing, if that is the fault.
    fn missing(&self) -> Option<&str> {
        match self {
            Self::Missing { topic } => Some(topic),
            _ => None,
        }
    }
}

/// One thing wrong with one topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicFault {
    /// There is no such topic, or it may not be seen.
    #[error("topic {topic} is missing; run `tollgate topics create`, or allow this user to describe it")]
    Missing {
        /// Name in Kafka.
        topic: String,
    },
    /// Co-partitioned topics differ.
    #[error(
        "topic {topic} has {have} partitions instead of {want}; delete it if it is unused and create it again, or copy everything to a new prefix"
    )]
    Partitions {
        /// Name in Kafka.
        topic: String,
        /// Partitions it has.
        have: u32,
        /// Partitions it must have.
        want: u32,
    },
    /// Records would be deleted that are needed, or kept for ever.
    #[error("topic {topic} has cleanup.policy={have}; set it to {want}")]
    CleanupPolicy {
        /// Name in Kafka.
        topic: String,
        /// As it is.
        have: String,
        /// As it must be.
        want: &'static str,
    },
    /// Large records would be refused.
    #[error("topic {topic} has max.message.bytes={have}; set it to {want} or more")]
    MaxMessageBytes {
        /// Name in Kafka.
        topic: String,
        /// As it is, bytes.
        have: u64,
        /// Least value, bytes.
        want: u64,
    },
    /// Retention goes by a record's time: one that its producer dates back would be deleted unread.
    #[error("topic {topic} has message.timestamp.type={have}; set it to {want}")]
    Timestamps {
        /// Name in Kafka.
        topic: String,
        /// As it is.
        have: String,
        /// As it must be.
        want: &'static str,
    },
    /// A local store that was away for longer, and counts as up to date still, would bring back what was removed meanwhile.
    #[error("topic {topic} has delete.retention.ms={have}; set it to {want} or more")]
    Removals {
        /// Name in Kafka.
        topic: String,
        /// As it is, milliseconds.
        have: u64,
        /// Least value, milliseconds.
        want: u64,
    },
    /// Records would be gone before they are read, one-time codes kept for longer than is said, or what was acknowledged lost with
    /// one broker.
    #[error("topic {topic} has {name}={have}; set it to {want}")]
    Setting {
        /// Name in Kafka.
        topic: String,
        /// The setting.
        name: &'static str,
        /// As it is.
        have: String,
        /// As it must be, in words.
        want: String,
    },
    /// The broker that has the only copy would take it along.
    #[error(
        "topic {topic} has {have} copies of a partition while other topics have {want}; add copies with kafka-reassign-partitions"
    )]
    Copies {
        /// Name in Kafka.
        topic: String,
        /// Copies of the partition that has the fewest.
        have: u32,
        /// Copies that another topic has.
        want: u32,
    },
    /// A reader would not know where to begin, and guessing loses or doubles charges.
    #[error(
        "group {group} has no position in partitions {partitions:?} of topic {topic}; run `tollgate topics create`, which sets those of new partitions"
    )]
    NoPosition {
        /// Consumer group.
        group: String,
        /// Name in Kafka.
        topic: String,
        /// Partitions without one.
        partitions: Vec<u32>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_topics_are_told_in_one_line() {
        let missing = |topic: &str| TopicFault::Missing { topic: topic.to_owned() };
        let other = TopicFault::Partitions { topic: "ledger".to_owned(), have: 3, want: 4 };
        let text = Faults(vec![missing("requests"), other.clone(), missing("events")]).to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(
            lines[0].starts_with("2 topics are missing (requests, events); run `tollgate topics create`"),
            "{text}"
        );
        assert_eq!(lines[1], other.to_string());
        assert_eq!(Faults(vec![missing("events")]).to_string(), missing("events").to_string());
    }
}
