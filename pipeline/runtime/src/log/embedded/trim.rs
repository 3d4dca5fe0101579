//! Trimming: whole blocks below an offset are removed in small steps between the other writes.

use super::block;
use super::queue::Job;
use super::reader::block_offset;
use super::tail::lock;
use super::{Shared, answer};
use crate::log::{LogError, ReadLimit, Topic};
use crate::store::StoreError;

/// Blocks removed per group: small, so that no append waits for a trim.
const BLOCKS_PER_STEP: usize = 256;
/// Reads in which it is looked for what is old.
const READS_MAX: usize = 64;

impl Shared {
    /// Removes the blocks that end at or below `below`; returns the first offset kept. Where the last one goes too, the writer
    /// puts an empty block in its place, which carries the topic's end.
    pub(super) fn trim(&self, topic: Topic, below: u64) -> Result<u64, LogError> {
        let needed = if topic == Topic::Dispatch {
            lock(&self.taken).low()
        } else if topic.is_input() {
            self.position(topic)
        } else {
            self.tails.next(topic)
        };
        if below > needed {
            return Err(LogError::StillNeeded { topic, below, needed });
        }
        loop {
            let (blocks, first) = self.blocks_below(topic, below)?;
            if blocks.is_empty() {
                return Ok(self.tails.first(topic));
            }
            answer(&self.queue, |done| Job::Remove { topic, blocks, first, done })?
                .blocking_recv()
                .map_err(|_| self.ended())??;
        }
    }

    /// Removes the records from the first on that were appended before a time; returns the first offset kept.
    pub(super) fn trim_older(&self, topic: Topic, before_ms: u64) -> Result<u64, LogError> {
        let (mut below, end) = (self.tails.first(topic), self.tails.next(topic));
        // Mostly the first one says that there is nothing to do.
        let mut limit = ReadLimit { records: 1, bytes: 0 };
        for _ in 0..READS_MAX {
            let records = if below < end { self.read(topic, below, limit)? } else { Vec::new() };
            let old = records.iter().take_while(|record| record.time_ms < before_ms).count();
            below += old as u64;
            if old == 0 || old < records.len() {
                break;
            }
            limit = ReadLimit::default();
        }
        self.trim(topic, below)
    }

    fn blocks_below(&self, topic: Topic, below: u64) -> Result<(Vec<u64>, u64), LogError> {
        let mut blocks = Vec::new();
        let mut current = None;
        let first_kept = self.tails.first(topic);
        for entry in self.topics[topic.index()].range(first_kept.to_be_bytes()..) {
            let key = entry.key().map_err(|error| StoreError::read(topic.name(), &error))?;
            let next = block_offset(topic, &key)?;
            if next > below {
                break;
            }
            blocks.extend(current.replace(next));
            if blocks.len() == BLOCKS_PER_STEP {
                break;
            }
        }
        let Some(last) = current else { return Ok((blocks, first_kept)) };
        // Nothing says where the last one ends but itself. It may have gone meanwhile.
        let found = self.topics[topic.index()].get(last.to_be_bytes());
        let end = match found.map_err(|error| StoreError::read(topic.name(), &error))? {
            Some(block) => last + block::count(topic, last, &block)?,
            None => return Ok((blocks, last)),
        };
        if last < end && end <= below {
            blocks.push(last);
            return Ok((blocks, end));
        }
        Ok((blocks, last))
    }
}
