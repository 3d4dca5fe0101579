//! How the inputs of a partition begin to flow: what is behind of commands and events through the consumers of the fence
//! first, then all of them together.

use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::KafkaLog;
use crate::clock::monotonic;
use crate::log::kafka::fence::{self, FENCED, Fence, Passed};
use crate::log::kafka::restore::{AnyConsumer as _, failed};
use crate::log::kafka::served::take;
use crate::log::{LogError, Topic};

/// Bound on asking for the ends of what requests wait for.
const FENCE_ASK: Duration = Duration::from_secs(3);

impl KafkaLog {
    /// Lets a partition's inputs flow.
    pub(super) fn flow(&mut self, partition: u32) -> Result<(), LogError> {
        let Some(served) = self.served.get_mut(&partition) else { return Ok(()) };
        let assigning = |e: KafkaError| failed("assigning inputs", &e);
        let mut fence = Fence::default();
        let (mut urgent, mut bulk) = (TopicPartitionList::new(), TopicPartitionList::new());
        let mut behind = Vec::new();
        for &(topic, next) in &served.next {
            let name = self.config.topic(topic);
            if FENCED.contains(&topic) {
                let consumer =
                    self.fences.make(&self.config, topic).map_err(|e| failed("a consumer of the fence", &e))?;
                // The group's sees what is not decided, too. Asked first, so that a decided end that is not before it means
                // that nothing was open in between.
                let ends = self.group.ends(&name, partition, FENCE_ASK).and_then(|(_, end)| match consumer {
                    Some(consumer) if next < end => Ok((end, consumer.ends(&name, partition, FENCE_ASK)?.1)),
                    _ => Ok((end, end)),
                });
                match ends {
                    Ok((end, decided)) if next < end => {
                        fence.add(topic, next, end, decided >= end);
                        behind.push((topic, next));
                        continue;
                    }
                    Ok(_) => {}
                    Err(e) => {
                        tracing::warn!(partition, topic = name, error = %e, "the inputs cannot flow yet");
                        return Ok(());
                    }
                }
            }
            let list = if topic == Topic::Requests { &mut bulk } else { &mut urgent };
            list.add_partition_offset(&name, partition as i32, Offset::Offset(next as i64)).map_err(assigning)?;
        }
        for (topic, next) in behind {
            let Some(consumer) = self.fences.of(topic) else { continue };
            let list = fence::only(&self.config, topic, partition, next).map_err(assigning)?;
            consumer.incremental_assign(&list).map_err(assigning)?;
        }
        self.urgent
            .incremental_assign(&urgent)
            .and_then(|()| self.bulk.incremental_assign(&bulk))
            .map_err(assigning)?;
        (served.fence, served.since, served.flowing) = (fence, monotonic(), true);
        tracing::info!(partition, next = ?served.next, "inputs flow");
        Ok(())
    }

    /// Gives what requests need not wait for any more to the consumer of what is urgent.
    pub(super) fn pass(&mut self, partition: u32) -> Result<(), LogError> {
        let Some(served) = self.served.get_mut(&partition).filter(|served| served.fence.is_up()) else { return Ok(()) };
        for Passed { topic, at, given_up } in served.pass(self.contact.is_there()) {
            if given_up {
                tracing::warn!(
                    partition,
                    topic = self.config.topic(topic),
                    at,
                    "no record of a topic came and not its end: requests are decided without waiting for it any longer. A \
                     transaction may be open in it, see `kafka-transactions.sh find-hanging`"
                );
            }
            let list = fence::only(&self.config, topic, partition, at);
            list.and_then(|list| {
                self.fences.of(topic).map_or(Ok(()), |consumer| consumer.incremental_unassign(&list))?;
                self.urgent.incremental_assign(&list)
            })
            .map_err(|e| failed("handing an input over", &e))?;
            served.since = monotonic();
        }
        Ok(())
    }

    /// Takes what comes of the topics that requests wait for; returns how many messages.
    pub(super) fn poll_fences(&mut self, most: usize) -> Result<usize, LogError> {
        let mut took = 0;
        for topic in FENCED {
            let Some(consumer) = self.fences.of(topic) else { continue };
            while self.held.takes_others() && took < most {
                let Some(message) = consumer.poll(Duration::ZERO) else { break };
                took += 1;
                let Err(KafkaError::PartitionEOF(partition)) = message else {
                    take(&mut self.served, &mut self.held, &mut self.contact, &self.config, &[topic], message)?;
                    continue;
                };
                self.contact.heard();
                let partition = partition as u32;
                let Some(served) = self.served.get_mut(&partition).filter(|served| served.flowing) else { continue };
                let name = self.config.topic(topic);
                let decided_end = || consumer.ends(&name, partition, FENCE_ASK).map(|(_, end)| end);
                match served.fence.at_end(topic, decided_end) {
                    Ok(None) => {}
                    Ok(Some(at)) => fence::only(&self.config, topic, partition, at)
                        .and_then(|list| {
                            consumer.incremental_unassign(&list)?;
                            consumer.incremental_assign(&list)
                        })
                        .map_err(|e| failed("reading an input anew", &e))?,
                    Err(e) => tracing::warn!(partition, topic = name, error = %e, "the end of a topic cannot be asked"),
                }
            }
        }
        Ok(took)
    }
}
