//! The fence before requests: they wait until the commands and events that were there before them are decided. After a
//! standstill an opt-out must not lie unread behind a request that came later.
//!
//! Whether everything has come cannot be told from time, since a broker may be long in answering, nor from offsets alone,
//! since ends of transactions leave some without a record. So a topic that is behind is read by a consumer of that topic
//! alone, which says when it is at the end. Once that is decided here, the topic goes on with the other inputs.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::config::KafkaConfig;
use crate::clock::monotonic;
use crate::log::Topic;

/// What requests wait for at the start.
pub(super) const FENCED: [Topic; 2] = [Topic::Commands, Topic::Events];
/// Nothing was heard of a topic for so long, neither a record nor its end: it is waited for no longer.
const QUIET_MOST: Duration = Duration::from_secs(15);

/// What the requests of a partition wait for; nothing once all of it is decided.
#[derive(Default)]
pub(super) struct Fence(Vec<Awaited>);

struct Awaited {
    topic: Topic,
    /// End of the topic when the inputs began to flow, with what transactions had open there.
    end: u64,
    /// Next offset to come.
    at: u64,
    /// Whether no transaction was open before `end` when reading began at `at`: only then is the end that the consumer
    /// tells not before it.
    settled: bool,
    /// Whether everything before `end` has come.
    reached: bool,
    /// When something was last heard of it.
    heard: Instant,
}

/// How a topic that requests waited for goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) topic: Topic,
    /// Next offset to come.
    pub(super) at: u64,
    /// Whether it was given up: neither its end nor a record came.
    pub(super) given_up: bool,
}

impl Fence {
    /// Has requests wait for what lies in a topic from `at` to `end`.
    pub(super) fn add(&mut self, topic: Topic, at: u64, end: u64, settled: bool) {
        self.0.push(Awaited { topic, end, at, settled, reached: false, heard: monotonic() });
    }

    pub(super) fn is_up(&self) -> bool {
        !self.0.is_empty()
    }

    pub(super) fn awaits(&self, topic: Topic) -> bool {
        self.0.iter().any(|a| a.topic == topic)
    }

    /// A record came.
    pub(super) fn came(&mut self, topic: Topic, offset: u64) {
        if let Some(awaited) = self.0.iter_mut().find(|a| a.topic == topic) {
            awaited.at = awaited.at.max(offset + 1);
            awaited.heard = monotonic();
        }
    }

    /// The consumer is at the end of what is not in an open transaction. Returns where it is to begin again, if that may
    /// be before what is waited for, and no longer is as `decided_end` tells.
    pub(super) fn at_end(
        &mut self,
        topic: Topic,
        decided_end: impl FnOnce() -> Result<u64, KafkaError>,
    ) -> Result<Option<u64>, KafkaError> {
        let Some(awaited) = self.0.iter_mut().find(|a| a.topic == topic) else { return Ok(None) };
        awaited.reached |= awaited.settled || awaited.at >= awaited.end;
        if awaited.reached {
            return Ok(None);
        }
        // A transaction that ends takes the consumer further, and it tells the next end.
        awaited.settled = decided_end()? >= awaited.end;
        Ok(awaited.settled.then_some(awaited.at))
    }

    /// The topics that need not be waited for any more, for good. `decided` is the next offset to be decided of each;
    /// `waits` whether records lie here that were not decided; `in_contact` whether a broker is there that could tell.
    pub(super) fn pass(
        &mut self,
        decided: &[(Topic, u64)],
        waits: impl Fn(Topic) -> bool,
        in_contact: bool,
    ) -> Vec<Passed> {
        let mut passed = Vec::new();
        self.0.retain_mut(|a| {
            let waits = waits(a.topic);
            if waits || !in_contact {
                a.heard = monotonic();
            }
            let is_decided = decided.iter().any(|(t, next)| *t == a.topic && *next >= a.end);
            let has_come = a.reached || a.at >= a.end;
            let given_up = !has_come && a.heard.elapsed() > QUIET_MOST;
            let done = is_decided || (!waits && (has_come || given_up));
            if done {
                passed.push(Passed { topic: a.topic, at: a.at, given_up: given_up && !is_decided });
            }
            !done
        });
        passed
    }
}

/// The consumers of what is behind, one for each topic; made when there first is something.
#[derive(Default)]
pub(super) struct FenceConsumers([Option<BaseConsumer>; FENCED.len()]);

impl FenceConsumers {
    /// The consumer of a topic, if it was needed yet.
    pub(super) fn of(&self, topic: Topic) -> Option<&BaseConsumer> {
        self.0[place(topic)?].as_ref()
    }

    /// The consumer of a topic.
    pub(super) fn make(&mut self, config: &KafkaConfig, topic: Topic) -> Result<Option<&BaseConsumer>, KafkaError> {
        let Some(place) = place(topic) else { return Ok(None) };
        if self.0[place].is_none() {
            let mut client = config.consumer(&format!("fence-{}", topic.name()), &config.app);
            client.set("enable.partition.eof", "true");
            self.0[place] = Some(client.create()?);
        }
        Ok(self.0[place].as_ref())
    }

    pub(super) fn unassign(&self) -> Result<(), KafkaError> {
        self.0.iter().flatten().try_for_each(BaseConsumer::unassign)
    }
}

fn place(topic: Topic) -> Option<usize> {
    FENCED.iter().position(|t| *t == topic)
}

/// One partition of a topic and where to read it from.
pub(super) fn only(
    config: &KafkaConfig,
    topic: Topic,
    partition: u32,
    at: u64,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&config.topic(topic), partition as i32, Offset::Offset(at as i64))?;
    Ok(list)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const NOTHING_DECIDED: [(Topic, u64); 2] = [(Topic::Commands, 4), (Topic::Events, 0)];

    fn fence(settled: bool) -> Fence {
        let mut fence = Fence::default();
        fence.add(Topic::Commands, 4, 10, settled);
        fence
    }

    fn quiet(fence: &mut Fence, elapsed: Duration) {
        fence.0.iter_mut().for_each(|a| a.heard -= elapsed);
    }

    fn passed(at: u64, given_up: bool) -> Vec<Passed> {
        vec![Passed { topic: Topic::Commands, at, given_up }]
    }

    #[test]
    fn a_topic_that_is_quiet_has_not_come() {
        let mut fence = fence(true);
        quiet(&mut fence, QUIET_MOST - Duration::from_secs(1));
        assert_eq!(fence.pass(&NOTHING_DECIDED, |_| false, true), []);
        quiet(&mut fence, Duration::from_secs(2));
        assert_eq!(fence.pass(&NOTHING_DECIDED, |_| false, false), [], "nobody is there that could tell");
        quiet(&mut fence, QUIET_MOST + Duration::from_secs(1));
        assert_eq!(fence.pass(&NOTHING_DECIDED, |_| false, true), passed(4, true));
        assert!(!fence.is_up());
    }

    #[test]
    fn what_came_is_waited_for_until_it_is_decided() {
        let mut fence = fence(true);
        fence.came(Topic::Commands, 7);
        assert_eq!(fence.at_end(Topic::Commands, || unreachable!()).unwrap(), None);
        quiet(&mut fence, QUIET_MOST * 2);
        assert_eq!(fence.pass(&NOTHING_DECIDED, |_| true, true), []);
        assert!(fence.awaits(Topic::Commands));
        // What follows is the end of a transaction: no record ever reaches the end that was told.
        assert_eq!(fence.pass(&NOTHING_DECIDED, |_| false, true), passed(8, false));
    }

    #[test]
    fn the_last_record_needs_no_end() {
        let mut fence = fence(true);
        fence.came(Topic::Commands, 9);
        assert_eq!(fence.pass(&NOTHING_DECIDED, |_| false, true), passed(10, false));
        let mut fence = self::fence(true);
        assert_eq!(fence.pass(&[(Topic::Commands, 10)], |_| true, true), passed(4, false));
    }

    #[test]
    fn an_end_before_an_open_transaction_is_not_the_end() {
        let mut fence = fence(false);
        fence.came(Topic::Commands, 5);
        assert_eq!(fence.at_end(Topic::Commands, || Ok(6)).unwrap(), None);
        assert_eq!(fence.pass(&NOTHING_DECIDED, |_| false, true), []);
        // It has ended meanwhile, but whether the consumer had seen that is not known: it tells the end again.
        assert_eq!(fence.at_end(Topic::Commands, || Ok(10)).unwrap(), Some(6));
        assert_eq!(fence.pass(&NOTHING_DECIDED, |_| false, true), []);
        assert_eq!(fence.at_end(Topic::Commands, || unreachable!()).unwrap(), None);
        assert_eq!(fence.pass(&NOTHING_DECIDED, |_| false, true), passed(6, false));
    }

    #[test]
    fn a_topic_that_is_not_waited_for_has_no_end() {
        assert_eq!(fence(true).at_end(Topic::Events, || unreachable!()).unwrap(), None);
    }
}
