//! One partition's state, brought up to the offsets that are committed: from the local store where that is sound, and
//! from the changelog for the rest. Runs on a thread of its own with a consumer of its own.

mod left;
mod local;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::changelog::{self, Entry};
use super::config::KafkaConfig;
use super::crash_point::crash_point;
use super::passing::is_passing;
use crate::clock::{self, monotonic};
use crate::log::{LogError, Topic};
use crate::store::{StateBatch, Store, StoreOptions};

pub(super) use left::sweep;
pub(super) use local::{Place, PlaceOf};

/// Bound on one question to the broker.
const ASK: Duration = Duration::from_secs(30);
/// Bound on asking for offsets that may never become stable.
const STABLE_ASK: Duration = Duration::from_secs(5);
/// Bytes applied to the store at once.
const APPLY_BYTES: usize = 4 << 20;
/// Nothing of the changelog came for so long: it is asked for again.
const SILENCE_MOST: Duration = Duration::from_secs(10);
/// How often progress is told.
const TELL: Duration = Duration::from_secs(2);

/// What is to be restored.
pub(super) struct Plan {
    pub(super) config: KafkaConfig,
    pub(super) partition: u32,
    /// The partition's own directory.
    pub(super) directory: PathBuf,
    pub(super) options: StoreOptions,
    /// The cluster's id: another cluster's store is of no use.
    pub(super) cluster: String,
    /// The store, where this process has it open.
    pub(super) store: Option<Store>,
    /// Sees records of transactions that are not decided, too.
    pub(super) group: Arc<dyn AnyConsumer + Send + Sync>,
    /// Ends the work; what was applied stays.
    pub(super) cancel: Arc<AtomicBool>,
}

/// A partition that can be decided for.
pub(super) struct Restored {
    pub(super) store: Store,
    pub(super) next: Vec<(Topic, u64)>,
    /// End of the changelog when it was read.
    pub(super) changelog_end: u64,
}

/// Brings a partition up to date. `None` when cancelled.
///
/// The changelog alone tells where the inputs stand: each transaction writes its position there before it sends its
/// offsets to the group, so once nothing is open in the changelog, no earlier owner's offsets can be accepted any more
/// without being in it.
///
/// # Errors
/// Kafka or the disk failed, or changelog and committed offsets do not belong together.
pub(super) fn run(plan: &Plan) -> Result<Option<Restored>, LogError> {
    let began = clock::now();
    let mut client = plan.config.consumer(&format!("restore-{}", plan.partition), &plan.config.app);
    client.set("enable.partition.eof", "true").set("queued.min.messages", "100000");
    let consumer: BaseConsumer = client.create().map_err(|e| failed("a consumer for the changelog", &e))?;
    let Some((low, high)) = decided_ends(plan, &consumer)? else { return Ok(None) };
    // Before the local store is looked at: it may be the only copy then, and must not be made anew.
    if high == 0 {
        refuse_lost_changelog(plan)?;
    }
    let (store, mut place) = local::open(plan, &consumer, high)?;
    // A store that needs no replay tells the format too.
    if let Some(position) = place.as_ref().and_then(|p| changelog::position(&p.inputs).ok()) {
        plan.config.deployment.has_read(&position);
    }
    let started = monotonic();
    let from = place.as_ref().map_or(low, |p| p.offset.max(low));
    let mut replay = Replay { batch: StateBatch::default(), keys: 0, told: monotonic(), began_ms: began.0 };
    if from < high {
        read_from(&consumer, plan, from)?;
        let mut heard = monotonic();
        loop {
            if plan.cancel.load(Ordering::Acquire) {
                return Ok(None);
            }
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    heard = monotonic();
                    replay.apply(plan, &store, &mut place, &message)?;
                    replay.tell(plan, message.offset() as u64, from, high);
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    replay.finish(&store, place.as_ref())?;
                    break;
                }
                Some(Err(e)) if !is_passing(&e) => {
                    let what = format!("reading {}, partition {}", plan.config.state_topic(), plan.partition);
                    return Err(failed(&what, &e));
                }
                Some(Err(_)) | None => {}
            }
            if heard.elapsed() > SILENCE_MOST {
                // A client that lost its broker may wait for what never comes.
                let from = place.as_ref().map_or(from, |p| p.offset.max(from));
                tracing::warn!(partition = plan.partition, from, high, "the changelog is silent; asking for it again");
                heard = monotonic();
                read_from(&consumer, plan, from)?;
            }
        }
    }
    let next = match &place {
        Some(place) if !place.inputs.is_empty() => {
            let next = changelog::position(&place.inputs)
                .map_err(|e| stopped(format!("the store of partition {}: {e}", plan.partition)))?
                .next;
            if !agrees(plan, &consumer, &next)? {
                return Ok(None);
            }
            next
        }
        // Nothing was ever decided here.
        _ => committed(&*plan.group, &plan.config, plan.partition, ASK)?,
    };
    tracing::info!(
        partition = plan.partition,
        keys = replay.keys,
        milliseconds = started.elapsed().as_millis() as u64,
        "changelog applied"
    );
    Ok(Some(Restored { store, next, changelog_end: high }))
}

/// First and next offset of the changelog at a moment when no transaction is open in it. `None` when cancelled.
fn decided_ends(plan: &Plan, consumer: &BaseConsumer) -> Result<Option<(u64, u64)>, LogError> {
    let topic = plan.config.state_topic();
    let ends = |asked: &dyn AnyConsumer| {
        asked.ends(&topic, plan.partition, ASK).map_err(|e| failed(&format!("the ends of {topic}"), &e))
    };
    let patience = plan.config.transaction_timeout * 2 + Duration::from_secs(10);
    let started = monotonic();
    loop {
        // This one sees the end of what is decided, the group's consumer the end of everything. Asked in this order,
        // equal ends mean that nothing was open in between.
        let (_, everything) = ends(&*plan.group)?;
        let (low, decided) = ends(consumer)?;
        if decided >= everything {
            return Ok(Some((low, decided)));
        }
        if plan.cancel.load(Ordering::Acquire) {
            return Ok(None);
        }
        if started.elapsed() > patience {
            return Err(stopped(format!(
                "{topic}: partition {} has a transaction that is open for longer than any may be (decided up to {decided} \
                 of {everything}); Kafka has lost its end: see `kafka-transactions.sh find-hanging` and abort it",
                plan.partition
            )));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether the group's committed offsets are those of the state; false when cancelled.
///
/// They may be late, while a transaction's end has not reached them. They may also never come: a broker that died may
/// lose the end of a transaction for them, and says for ever that they are not stable. Then the changelog is believed.
///
/// # Errors
/// They are others, and stay so.
fn agrees(plan: &Plan, consumer: &BaseConsumer, next: &[(Topic, u64)]) -> Result<bool, LogError> {
    let patience = plan.config.transaction_timeout * 2 + Duration::from_secs(10);
    let started = monotonic();
    loop {
        if plan.cancel.load(Ordering::Acquire) {
            return Ok(false);
        }
        match committed(consumer, &plan.config, plan.partition, STABLE_ASK) {
            Ok(committed) if committed == next => return Ok(true),
            Ok(committed) if started.elapsed() > patience => return Err(disagree(plan, next, &committed)),
            Ok(_) => std::thread::sleep(Duration::from_millis(50)),
            Err(error) => {
                tracing::warn!(
                    partition = plan.partition,
                    %error,
                    "the group's offsets cannot be read; going on from the changelog's. If this repeats, see \
                     `kafka-transactions.sh find-hanging` for __consumer_offsets"
                );
                return Ok(true);
            }
        }
    }
}

/// (Re)starts reading the changelog at an offset.
fn read_from(consumer: &BaseConsumer, plan: &Plan, from: u64) -> Result<(), LogError> {
    let mut assignment = TopicPartitionList::new();
    assignment
        .add_partition_offset(&plan.config.state_topic(), plan.partition as i32, Offset::Offset(from as i64))
        .and_then(|()| consumer.unassign())
        .and_then(|()| consumer.assign(&assignment))
        .map_err(|e| failed("assigning the changelog", &e))
}

/// A changelog that never had a record belongs to inputs of which nothing was ever decided: their committed offsets are
/// still where their topics begin. Anything else is a changelog that was deleted.
fn refuse_lost_changelog(plan: &Plan) -> Result<(), LogError> {
    for (topic, committed) in committed(&*plan.group, &plan.config, plan.partition, ASK)? {
        let name = plan.config.topic(topic);
        let (low, _) =
            plan.group.ends(&name, plan.partition, ASK).map_err(|e| failed(&format!("the ends of {name}"), &e))?;
        if committed > low {
            return Err(stopped(format!(
                "{}: partition {} is empty, but group {} has decided {name} up to offset {committed}: the changelog was \
                 deleted. Restore the topic from a copy; the local stores are left as they are",
                plan.config.state_topic(),
                plan.partition,
                plan.config.app
            )));
        }
    }
    Ok(())
}

/// The committed next offset of each input of a partition.
///
/// # Errors
/// The coordinator does not answer, or nothing was ever committed.
pub(super) fn committed(
    consumer: &dyn AnyConsumer,
    config: &KafkaConfig,
    partition: u32,
    timeout: Duration,
) -> Result<Vec<(Topic, u64)>, LogError> {
    let mut list = TopicPartitionList::new();
    for topic in Topic::INPUTS {
        list.add_partition(&config.topic(topic), partition as i32);
    }
    let answer = consumer.committed(list, timeout).map_err(|e| failed("the committed offsets", &e))?;
    Topic::INPUTS
        .into_iter()
        .map(|topic| match answer.find_partition(&config.topic(topic), partition as i32).map(|e| e.offset()) {
            Some(Offset::Offset(offset)) => Ok((topic, offset as u64)),
            _ => Err(stopped(format!(
                "{}: partition {partition} has no committed offset of group {}; run `tollgate topics create`",
                config.topic(topic),
                config.app
            ))),
        })
        .collect()
}

/// Consumers of every context answer what is committed and how far a topic goes.
pub(super) trait AnyConsumer {
    fn committed(&self, list: TopicPartitionList, timeout: Duration) -> Result<TopicPartitionList, KafkaError>;

    /// First and next offset of a partition; the latter of what is decided only, if the consumer reads only that.
    fn ends(&self, topic: &str, partition: u32, timeout: Duration) -> Result<(u64, u64), KafkaError>;
}

impl<C: rdkafka::consumer::ConsumerContext> AnyConsumer for BaseConsumer<C> {
    fn committed(&self, list: TopicPartitionList, timeout: Duration) -> Result<TopicPartitionList, KafkaError> {
        self.committed_offsets(list, timeout)
    }

    fn ends(&self, topic: &str, partition: u32, timeout: Duration) -> Result<(u64, u64), KafkaError> {
        let (low, end) = self.fetch_watermarks(topic, partition as i32, timeout)?;
        Ok((low.max(0) as u64, end.max(0) as u64))
    }
}

/// Changelog records on their way into the store.
struct Replay {
    batch: StateBatch,
    keys: u64,
    told: Instant,
    /// When the end that is replayed to was asked, or before.
    began_ms: u64,
}

impl Replay {
    fn apply(
        &mut self,
        plan: &Plan,
        store: &Store,
        place: &mut Option<Place>,
        message: &rdkafka::message::BorrowedMessage<'_>,
    ) -> Result<(), LogError> {
        let offset = message.offset() as u64;
        let damaged = |e| stopped(format!("{} at offset {offset}: {e}", message.topic()));
        let entry = changelog::entry(message.key().unwrap_or_default()).map_err(damaged)?;
        let place = place.get_or_insert_with(|| Place {
            offset: 0,
            at_ms: self.began_ms,
            inputs: Vec::new(),
            cluster: plan.cluster.clone(),
            of: None,
        });
        let written_ms = message.timestamp().to_millis().map_or(0, |ms| ms.max(0) as u64);
        let before_ms = place.of.map_or(0, |of| of.newest_ms);
        place.of = Some(PlaceOf { partition: plan.partition, newest_ms: before_ms.max(written_ms) });
        match (entry, message.payload()) {
            (Entry::Entity(space, key), Some(value)) => self.batch.put(space, key, value),
            (Entry::Entity(space, key), None) => self.batch.delete(space, key),
            (Entry::Position, value) => {
                let value = value.unwrap_or_default();
                let position = changelog::position(value).map_err(damaged)?;
                let deployment = &plan.config.deployment;
                if position.secret != deployment.secret {
                    return Err(stopped(format!(
                        "{}: partition {} was written with another hash key; give every process the same file",
                        message.topic(),
                        plan.partition
                    )));
                }
                if ![0, deployment.partitions].contains(&position.partitions) && deployment.partitions != 0 {
                    return Err(stopped(format!(
                        "{}: partition {} was written when there were {} partitions and there are {} now; accounts \
                         would be decided for in two places: copy everything to a new prefix",
                        message.topic(),
                        plan.partition,
                        position.partitions,
                        deployment.partitions
                    )));
                }
                deployment.has_read(&position);
                place.inputs = value.to_vec();
            }
        }
        place.offset = offset + 1;
        self.keys += 1;
        if self.batch.bytes() >= APPLY_BYTES {
            self.write(store, Some(place))?;
        }
        Ok(())
    }

    /// The end is reached: the store is as old as the moment in which the end was asked.
    fn finish(&mut self, store: &Store, place: Option<&Place>) -> Result<(), LogError> {
        let place = place.map(|place| Place { at_ms: self.began_ms, ..place.clone() });
        self.write(store, place.as_ref())
    }

    /// On the way, the age stays what it was: removals that are still to be applied may have been before this replay.
    fn write(&mut self, store: &Store, place: Option<&Place>) -> Result<(), LogError> {
        let Some(place) = place else { return Ok(()) };
        let mut batch = std::mem::take(&mut self.batch);
        place.put(&mut batch);
        store.write_unsynced(&batch)?;
        crash_point("restoring");
        Ok(())
    }

    fn tell(&mut self, plan: &Plan, at: u64, from: u64, to: u64) {
        if self.told.elapsed() < TELL {
            return;
        }
        self.told = monotonic();
        let percent = (at - from) * 100 / (to.saturating_sub(from)).max(1);
        tracing::info!(partition = plan.partition, keys = self.keys, percent, "restoring");
    }
}

fn disagree(plan: &Plan, state: &[(Topic, u64)], committed: &[(Topic, u64)]) -> LogError {
    let differing: Vec<String> = committed
        .iter()
        .filter_map(|(topic, offset)| {
            let state = state.iter().find(|(t, _)| t == topic).map_or(0, |(_, o)| *o);
            (state != *offset).then(|| format!("{} state {state}, committed {offset}", topic.name()))
        })
        .collect();
    stopped(format!(
        "partition {}: the state belongs to other offsets than group {} has committed ({}); offsets were reset or \
         the changelog was changed by hand: set the group's offsets back to the state's",
        plan.partition,
        plan.config.app,
        differing.join("; ")
    ))
}

pub(super) fn failed(what: &str, error: &KafkaError) -> LogError {
    stopped(format!("{what}: {error}; is the broker there, and may this user read?"))
}

pub(super) fn stopped(reason: String) -> LogError {
    LogError::Stopped { reason: reason.into() }
}

#[cfg(test)]
mod tests;
