//! The positions of a consumer group, read and written without joining it.

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::cluster::{Cluster, Positions, property_fault, simple_consumer};
use super::context::Reports;
use super::topics_error::TopicsError;

/// The positions of one consumer group.
pub(super) struct Group<'a> {
    cluster: &'a Cluster<'a>,
    pub(super) name: String,
    consumer: BaseConsumer<Reports>,
}

impl Cluster<'_> {
    /// A consumer of a group that joins nothing: it only reads and writes the group's positions.
    pub(super) fn group(&self, group: &str) -> Result<Group<'_>, TopicsError> {
        let consumer = simple_consumer(self.config, group)
            .create_with_context(Reports::default())
            .map_err(|e| TopicsError::Properties { detail: property_fault(self.config, &e) })?;
        Ok(Group { cluster: self, name: group.to_owned(), consumer })
    }
}

impl Group<'_> {
    /// The positions committed among those asked for.
    pub(super) fn committed(&self, of: &[(String, u32)]) -> Result<Positions, TopicsError> {
        let action = || format!("read the positions of group {}", self.name);
        let mut list = TopicPartitionList::with_capacity(of.len());
        for (topic, partition) in of {
            list.add_partition(topic, *partition as i32);
        }
        let list = loop {
            match self.consumer.committed_offsets(list.clone(), self.cluster.left()) {
                Ok(list) => break list,
                Err(error) if is_beginning(&error) && self.cluster.pause() => {}
                Err(error) => return Err(self.cluster.refused(action(), &error)),
            }
        };
        let mut found = Positions::new();
        for element in list.elements() {
            element.error().map_err(|e| self.cluster.refused(action(), &e))?;
            if let Offset::Offset(offset) = element.offset() {
                found.insert((element.topic().to_owned(), element.partition() as u32), offset as u64);
            }
        }
        Ok(found)
    }

    /// Commits positions; a topic may not be known to the group's broker the moment it is created.
    pub(super) fn commit(&self, positions: &Positions) -> Result<(), TopicsError> {
        let action = || format!("write the positions of group {}", self.name);
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for ((topic, partition), offset) in positions {
            list.add_partition_offset(topic, *partition as i32, Offset::Offset(*offset as i64))
                .map_err(|e| self.cluster.refused(action(), &e))?;
        }
        while let Err(error) = self.consumer.commit(&list, CommitMode::Sync) {
            let unknown = error.rdkafka_error_code() == Some(RDKafkaErrorCode::UnknownTopicOrPartition);
            if !(unknown || is_beginning(&error)) || !self.cluster.pause() {
                return Err(self.cluster.refused(action(), &error));
            }
        }
        Ok(())
    }
}

/// What is answered while the group's broker has just started: it takes up its groups one partition of theirs after the other.
fn is_beginning(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::CoordinatorLoadInProgress
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::WaitingForCoordinator
        )
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use std::time::Duration;

    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr as Answer};

    use super::*;
    use crate::clock::monotonic;
    use crate::log::kafka::KafkaConfig;

    /// A broker that has just started answers so for a moment: `topics create` and a start wait for it, but not for ever.
    #[test]
    fn a_group_that_is_being_taken_up_is_waited_for() {
        let broker = MockCluster::new(1).unwrap();
        broker.create_topic("t", 1, 1).unwrap();
        let config = KafkaConfig { brokers: broker.bootstrap_servers(), ..KafkaConfig::default() };
        let within = |time: Duration| Cluster {
            config: &config,
            consumer: simple_consumer(&config, "g").create_with_context(Reports::default()).unwrap(),
            deadline: monotonic() + time,
        };
        let cluster = within(Duration::from_secs(30));
        let group = cluster.group("g").unwrap();
        let positions = Positions::from([(("t".to_owned(), 0), 7)]);
        group.commit(&positions).unwrap();
        let refused = |answer: Answer, times: usize| {
            broker.request_errors(RDKafkaApiKey::OffsetFetch, &vec![answer; times]);
            group.committed(&[("t".to_owned(), 0)])
        };
        assert_eq!(refused(Answer::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, 5).unwrap(), positions);
        assert_eq!(refused(Answer::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 5).unwrap(), positions);
        // What does not pass by itself is told at once.
        let told = refused(Answer::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 1).unwrap_err().to_string();
        assert!(told.contains("read the positions of group g") && told.contains("GroupAuthorizationFailed"), "{told}");
        let over = within(Duration::from_millis(300));
        broker.request_errors(RDKafkaApiKey::OffsetFetch, &[Answer::RD_KAFKA_RESP_ERR_NOT_COORDINATOR; 100]);
        over.group("g").unwrap().committed(&[("t".to_owned(), 0)]).unwrap_err();
    }
}
