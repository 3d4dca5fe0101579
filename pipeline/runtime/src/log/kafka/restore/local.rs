//! The local store of a partition: where in the changelog it stands, and whether it is of use.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::{ASK, Plan, failed, stopped};
use crate::clock::{self, monotonic};
use crate::log::LogError;
use crate::log::kafka::topic_plan::TOMBSTONE_DAYS;
use crate::store::{Space, StateBatch, Store, StoreError};

/// Where the store keeps its place in the changelog.
const PLACE_KEY: &[u8] = b"changelog";
/// A store left alone for longer is made anew: the changelog forgets removals some days after them.
const STORE_AGE_MAX_MS: u64 = (TOMBSTONE_DAYS - 1) * 86_400_000;
/// How far apart the clocks may be of those who wrote records and a store that has them. More than any process that decides
/// may be off.
const CLOCKS_APART_MS: u64 = 10_000;
/// How long a predecessor in this process may take to let go of the directory.
const LOCKED_MOST: Duration = Duration::from_secs(30);

/// A store's place in the changelog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::log::kafka) struct Place {
    /// The next changelog offset to apply.
    pub(in crate::log::kafka) offset: u64,
    /// When everything there was had been applied, milliseconds since 1970: removals since then may have to be applied.
    pub(in crate::log::kafka) at_ms: u64,
    /// Input offsets that go with it; empty before the first transaction.
    pub(in crate::log::kafka) inputs: Vec<u8>,
    pub(in crate::log::kafka) cluster: String,
    /// Whose changelog it is, and since when; `None` in a store of an earlier version.
    pub(in crate::log::kafka) of: Option<PlaceOf>,
}

/// Which changelog a place is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::log::kafka) struct PlaceOf {
    pub(in crate::log::kafka) partition: u32,
    /// Time of the newest record that was applied, or later: what is behind the place is newer. Milliseconds since 1970.
    pub(in crate::log::kafka) newest_ms: u64,
}

impl Place {
    /// Adds the place to a batch, so that both are written together.
    pub(in crate::log::kafka) fn put(&self, batch: &mut StateBatch) {
        let mut value = self.offset.to_be_bytes().to_vec();
        value.extend_from_slice(&self.at_ms.to_be_bytes());
        value.push(self.inputs.len() as u8);
        value.extend_from_slice(&self.inputs);
        value.extend_from_slice(self.cluster.as_bytes());
        if let Some(PlaceOf { partition, newest_ms }) = self.of {
            // No cluster's id has such a byte.
            value.push(0);
            value.extend_from_slice(&partition.to_be_bytes());
            value.extend_from_slice(&newest_ms.to_be_bytes());
        }
        batch.put(Space::Meta, PLACE_KEY, &value);
    }

    pub(in crate::log::kafka) fn in_store(store: &Store) -> Result<Option<Self>, StoreError> {
        Ok(store.get(Space::Meta, PLACE_KEY)?.and_then(|value| Self::read(&value)))
    }

    fn read(value: &[u8]) -> Option<Self> {
        let (offset, rest) = value.split_first_chunk::<8>()?;
        let (at_ms, rest) = rest.split_first_chunk::<8>()?;
        let (&len, rest) = rest.split_first()?;
        let (inputs, rest) = rest.split_at_checked(usize::from(len))?;
        let mut parts = rest.splitn(2, |byte| *byte == 0);
        let (cluster, of) = (parts.next()?, parts.next());
        let of = of.map(|of| {
            let (partition, newest_ms) = of.split_first_chunk::<4>()?;
            let newest_ms = u64::from_be_bytes(newest_ms.try_into().ok()?);
            Some(PlaceOf { partition: u32::from_be_bytes(*partition), newest_ms })
        });
        Some(Self {
            offset: u64::from_be_bytes(*offset),
            at_ms: u64::from_be_bytes(*at_ms),
            inputs: inputs.to_vec(),
            cluster: String::from_utf8(cluster.to_vec()).ok()?,
            of: of.map_or(Some(None), |of| of.map(Some))?,
        })
    }
}

/// Opens the local store, or an empty one where what lies there is of no use.
pub(super) fn open(plan: &Plan, consumer: &BaseConsumer, high: u64) -> Result<(Store, Option<Place>), LogError> {
    let store = match &plan.store {
        Some(store) => store.clone(),
        None => open_locked(plan)?,
    };
    let place = Place::in_store(&store)?;
    let useless = match &place {
        Some(p) if p.cluster != plan.cluster => Some("it belongs to another Kafka cluster"),
        Some(p) if p.offset > high => Some("it is ahead of the changelog, so it belongs to another one"),
        Some(Place { of: Some(of), .. }) if of.partition != plan.partition => Some("it belongs to another partition"),
        Some(p) if p.at_ms.saturating_add(STORE_AGE_MAX_MS) < clock::now().0 => {
            Some("it is older than the changelog remembers removals")
        }
        Some(p) if is_of_another(plan, consumer, p)? => Some("the changelog was made anew since"),
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

/// Whether a place is in another changelog of the same name, which has grown beyond it since: then there are records before
/// the place that are newer than what was applied up to it. A clock that was set can make it seem so, which costs a replay.
fn is_of_another(plan: &Plan, consumer: &BaseConsumer, place: &Place) -> Result<bool, LogError> {
    // One that is open was read on with the topic that is there.
    let (Some(of), None) = (place.of, &plan.store) else { return Ok(false) };
    let topic = plan.config.state_topic();
    let failed = |e: KafkaError| failed(&format!("the offsets of {topic} by time"), &e);
    let mut asked = TopicPartitionList::new();
    let newer = Offset::Offset(of.newest_ms.saturating_add(CLOCKS_APART_MS) as i64);
    asked.add_partition_offset(&topic, plan.partition as i32, newer).map_err(failed)?;
    let answer = consumer.offsets_for_times(asked, ASK).map_err(failed)?;
    let first = answer.find_partition(&topic, plan.partition as i32).map(|e| e.offset());
    Ok(matches!(first, Some(Offset::Offset(first)) if (first as u64) < place.offset))
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
