//! What the consumer group tells: which partitions are ours.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;

/// What the group told, in order.
pub(super) struct Assignments {
    /// Topics of the group; their partitions come together.
    topics: usize,
    news: Mutex<Vec<News>>,
}

pub(super) enum News {
    Assigned(BTreeSet<u32>),
    Revoked,
    Failed(String),
}

impl ClientContext for Assignments {}

impl ConsumerContext for Assignments {
    /// Says what is ours and assigns nothing to this consumer, which so never reads nor asks for offsets.
    fn rebalance(&self, group: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let answered = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                self.push(assigned(list, self.topics));
                group.assign(&TopicPartitionList::new())
            }
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => {
                self.push(News::Revoked);
                group.unassign()
            }
            error => {
                self.push(News::Failed(RDKafkaErrorCode::from(error).to_string()));
                group.unassign()
            }
        };
        if let Err(e) = answered {
            self.push(News::Failed(format!("taking what is assigned: {e}")));
        }
    }
}

fn assigned(list: &TopicPartitionList, topics: usize) -> News {
    let mut partitions: BTreeMap<u32, usize> = BTreeMap::new();
    for element in list.elements() {
        *partitions.entry(element.partition() as u32).or_default() += 1;
    }
    if partitions.values().any(|of| *of != topics) {
        return News::Failed(
            "the topics were not assigned together; they must have the same number of partitions".to_owned(),
        );
    }
    News::Assigned(partitions.into_keys().collect())
}

impl Assignments {
    pub(super) fn of(topics: usize) -> Self {
        Self { topics, news: Mutex::default() }
    }

    fn push(&self, news: News) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).push(news);
    }

    pub(super) fn take(&self) -> Vec<News> {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn has_news(&self) -> bool {
        !self.news.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}
