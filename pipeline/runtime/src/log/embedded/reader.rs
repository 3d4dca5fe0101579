//! Reading durable records: from memory in steady state, from the blocks on disk otherwise.

use super::Shared;
use super::block::{self, Collector};
use super::tail::lock;
use crate::log::{LogError, ReadLimit, Record, Topic};
use crate::store::StoreError;

impl Shared {
    pub(super) fn read(&self, topic: Topic, from: u64, limit: ReadLimit) -> Result<Vec<Record>, LogError> {
        let (first, next) = (self.tails.first(topic), self.tails.next(topic));
        if from < first {
            return Err(LogError::Trimmed { topic, wanted: from, first });
        }
        if from > next {
            return Err(LogError::BeyondEnd { topic, wanted: from, next });
        }
        let mut wanted = Collector::new(topic, from, next, limit);
        if from < next && !self.tails.read(&mut wanted) {
            self.read_blocks(&mut wanted)?;
        }
        Ok(wanted.records)
    }

    /// Orders never taken, from an offset on.
    pub(super) fn pending(&self, from: u64, limit: ReadLimit) -> Result<Vec<Record>, LogError> {
        let end = self.tails.next(Topic::Dispatch);
        let mut from = from.max(lock(&self.taken).low());
        let mut pending = Vec::new();
        let mut bytes = 0;
        while from < end {
            let records = self.read(Topic::Dispatch, from, ReadLimit::default())?;
            let Some(last) = records.last() else { break };
            from = last.offset + 1;
            let taken = lock(&self.taken);
            for record in records {
                if taken.is_taken(record.offset) {
                    continue;
                }
                bytes += record.bytes();
                if pending.len() >= limit.records || (!pending.is_empty() && bytes > limit.bytes) {
                    return Ok(pending);
                }
                pending.push(record);
            }
        }
        Ok(pending)
    }

    fn read_blocks(&self, wanted: &mut Collector) -> Result<(), LogError> {
        let topic = wanted.topic;
        let failed = |error: fjall::Error| StoreError::read(topic.name(), &error);
        let keyspace = &self.topics[topic.index()];
        // The block that holds `from` is the last one that does not begin after it.
        let holder = keyspace.range(..=wanted.from.to_be_bytes()).next_back();
        let start = match holder {
            Some(entry) => block_offset(topic, &entry.key().map_err(failed)?)?,
            None => wanted.from,
        };
        for entry in keyspace.range(start.to_be_bytes()..) {
            let (key, value) = entry.into_inner().map_err(failed)?;
            let more = wanted.take_block(block_offset(topic, &key)?, &value)?;
            if !more {
                break;
            }
        }
        // A trim that ran meanwhile leaves a gap at the front.
        match wanted.records.first() {
            Some(record) if record.offset == wanted.from => Ok(()),
            _ if wanted.limit.records == 0 => Ok(()),
            _ => Err(LogError::Trimmed { topic, wanted: wanted.from, first: self.tails.first(topic) }),
        }
    }
}

/// First offset kept and next offset of a topic, from its blocks.
pub(super) fn ends(keyspace: &fjall::Keyspace, topic: Topic) -> Result<(u64, u64), LogError> {
    let failed = |error: fjall::Error| StoreError::read(topic.name(), &error);
    let Some(first) = keyspace.first_key_value() else {
        return Ok((0, 0));
    };
    let first = block_offset(topic, &first.key().map_err(failed)?)?;
    let Some(last) = keyspace.last_key_value() else {
        return Ok((0, 0));
    };
    let (key, value) = last.into_inner().map_err(failed)?;
    let last = block_offset(topic, &key)?;
    Ok((first, last + block::count(topic, last, &value)?))
}

pub(super) fn block_offset(topic: Topic, key: &[u8]) -> Result<u64, LogError> {
    key.try_into().map(u64::from_be_bytes).map_err(|_| LogError::Damaged {
        topic,
        offset: 0,
        detail: "a block key is not eight bytes long",
    })
}
