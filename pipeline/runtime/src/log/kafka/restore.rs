//! One partition's state, brought up to the offsets that are committed: from the local store where that is sound, and
//! from the changelog for the rest. Runs on a thread of its own with a consumer of its own.

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
use super::topic_plan::TOMBSTONE_DAYS;
use crate::clock::{self, monotonic};
use crate::log::{LogError, Topic};
use crate::store::{Space, StateBatch, Store, StoreError, StoreOptions};

/// Where the store keeps its place in the changelog.
const PLACE_KEY: &[u8] = b"changelog";
/// A store left alone for longer is made anew: the changelog forgets removals some days after them.
const STORE_AGE_MAX_MS: u64 = (TOMBSTONE_DAYS - 1) * 86_400_000;
/// Bound on one question to the broker.
const ASK: Duration = Duration::from_secs(30);
/// Bound on asking for offsets that may never become stable.
const STABLE_ASK: Duration = Duration::from_secs(5);
/// Bytes applied to the store at once.
const APPLY_BYTES: usize = 4 << 20;
/// How long a predecessor in this process may take to let go of the directory.
const LOCKED_MOST: Duration = Duration::from_secs(30);
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

/// A store's place in the changelog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The next changelog offset to apply.
    pub(super) offset: u64,
    /// When everything there was had been applied, milliseconds since 1970: removals since then may have to be applied.
    pub(super) at_ms: u64,
    /// Input offsets that go with it; empty before the first transaction.
    pub(super) inputs: Vec<u8>,
    pub(super) cluster: String,
}

impl Place {
    /// Adds the place to a batch, so that both are written together.
    pub(super) fn put(&self, batch: &mut StateBatch) {
        let mut value = self.offset.to_be_bytes().to_vec();
        value.extend_from_slice(&self.at_ms.to_be_bytes());
        value.push(self.inputs.len() as u8);
        value.extend_from_slice(&self.inputs);
        value.extend_from_slice(self.cluster.as_bytes());
        batch.put(Space::Meta, PLACE_KEY, &value);
    }

    fn of(store: &Store) -> Result<Option<Self>, StoreError> {
        Ok(store.get(Space::Meta, PLACE_KEY)?.and_then(|value| Self::read(&value)))
    }

    fn read(value: &[u8]) -> Option<Self> {
        let (offset, rest) = value.split_first_chunk::<8>()?;
        let (at_ms, rest) = rest.split_first_chunk::<8>()?;
        let (&len, rest) = rest.split_first()?;
        let (inputs, cluster) = rest.split_at_checked(usize::from(len))?;
        Some(Self {
            offset: u64::from_be_bytes(*offset),
            at_ms: u64::from_be_bytes(*at_ms),
            inputs: inputs.to_vec(),
            cluster: String::from_utf8(cluster.to_vec()).ok()?,
        })
    }
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
    let (store, mut place) = open(plan, high)?;
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

/// Opens the local store, or an empty one where what lies there is of no use.
fn open(plan: &Plan, high: u64) -> Result<(Store, Option<Place>), LogError> {
    let store = match &plan.store {
        Some(store) => store.clone(),
        None => open_locked(plan)?,
    };
    let place = Place::of(&store)?;
    let useless = match &place {
        Some(p) if p.cluster != plan.cluster => Some("it belongs to another Kafka cluster"),
        Some(p) if p.offset > high => Some("it is ahead of the changelog, so it belongs to another one"),
        Some(p) if p.at_ms.saturating_add(STORE_AGE_MAX_MS) < clock::now().0 => {
            Some("it is older than the changelog remembers removals")
        }
        Some(_) => None,
        None if store.scan_prefix(Space::Entities, &[]).next().is_some() => Some("it does not say its place"),
        None => None,
    };
    let Some(why) = useless else { return Ok((store, place)) };
    tracing::warn!(partition = plan.partition, directory = %plan.directory.display(), why, "the local store is made anew");
    if plan.store.is_some() {
        return Err(stopped(format!("the store of partition {} cannot be used while open: {why}", plan.partition)));
    }
    drop(store);
    std::fs::remove_dir_all(&plan.directory)
        .map_err(|e| stopped(format!("{} cannot be removed: {e}", plan.directory.display())))?;
    Ok((Store::open(&plan.directory, &plan.options)?, None))
}

/// A partition that comes back may still be held by the thread that lost it.
fn open_locked(plan: &Plan) -> Result<Store, LogError> {
    let started = monotonic();
    loop {
        match Store::open(&plan.directory, &plan.options) {
            Err(StoreError::Locked { .. }) if started.elapsed() < LOCKED_MOST => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(e @ StoreError::Open { .. }) => {
                // Kafka has everything: a damaged cache is no reason to stop.
                tracing::warn!(partition = plan.partition, error = %e, "the local store is damaged and made anew");
                std::fs::remove_dir_all(&plan.directory).map_err(|_| LogError::from(e))?;
                return Ok(Store::open(&plan.directory, &plan.options)?);
            }
            other => return Ok(other?),
        }
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
        });
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
