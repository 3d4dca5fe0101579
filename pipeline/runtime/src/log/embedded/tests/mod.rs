#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod crash;
mod full_disk;
mod queueing;
mod shard;
mod trimming;

use std::path::Path;

use super::*;
use crate::store::Space;

/// Small buffers, so that flushes, compactions and reads from disk happen within a short test.
fn small() -> EmbeddedOptions {
    EmbeddedOptions {
        store: StoreOptions { cache_bytes: 1 << 20, journal_bytes: 64 << 20, write_buffer_bytes: 1 << 20 },
        tail_bytes_max: 64 << 10,
        ..EmbeddedOptions::default()
    }
}

fn open(directory: &Path) -> EmbeddedLog {
    EmbeddedLog::open(directory, &small()).unwrap()
}

/// A record that says its own offset, padded so that blocks fill.
fn numbered(offset: u64) -> NewRecord {
    let mut value = offset.to_be_bytes().to_vec();
    value.extend(offset.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes().repeat(20));
    NewRecord::new(format!("account-{}", offset % 7), value, 1_000 + offset)
}

fn number_of(record: &Record) -> u64 {
    u64::from_be_bytes(record.value[..8].try_into().unwrap())
}

/// Every record from `from` to the end, read in small steps; offsets must be dense and contents as written.
fn read_all(log: &EmbeddedLog, topic: Topic, mut from: u64) -> u64 {
    loop {
        let limit = ReadLimit { records: 700, bytes: 1 << 20 };
        let records = log.read_from(topic, from, limit).unwrap();
        if records.is_empty() {
            return from;
        }
        for record in records {
            assert_eq!(record.offset, from, "{} is not dense", topic.name());
            let expected = Record::from_new(from, numbered(from));
            assert_eq!(record, expected, "{} at {from}", topic.name());
            from += 1;
        }
    }
}

/// A batch as a shard makes it: one order, one outcome and one message per input, and the position.
fn batch_of(records: &[Record]) -> Commit {
    let mut commit = Commit::default();
    for record in records {
        let number = number_of(record);
        commit.outputs.push((Topic::Dispatch, numbered(number)));
        commit.outputs.push((Topic::Outcomes, numbered(number)));
        commit.state.put(Space::Messages, &number.to_be_bytes(), &record.value);
    }
    if let Some(last) = records.last() {
        let next = last.offset + 1;
        commit.state.put(Space::Meta, b"next", &next.to_be_bytes());
        commit.next_offsets = vec![(Topic::Requests, next), (Topic::Commands, 0)];
    }
    commit
}

fn append_numbered(log: &EmbeddedLog, count: u64) -> Range<u64> {
    let (_, next) = log.ends(Topic::Requests);
    let records = (next..next + count).map(numbered).collect();
    log.append_blocking(Topic::Requests, records).unwrap()
}

fn position(log: &EmbeddedLog, topic: Topic) -> u64 {
    let positions = log.positions();
    positions.iter().find(|(other, _)| *other == topic).unwrap().1
}
