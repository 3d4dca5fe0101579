//! The stored form of consecutive records: one value per block, keyed by the first offset.
//!
//! One database entry per record would cost more than the record: packing cuts the store's CPU per request by about
//! a quarter. A block is compressed once, here, instead of by the engine in its journal, in its files and again at
//! every replay. Layout, little-endian: version u8, count u32, then LZ4 with its size of, per record, time u64, key
//! length u32, value length u32, header count u16, key, value, and per header name length u16, value length u32,
//! name, value.

use bytes::{Buf, Bytes};

use crate::log::{LogError, NewRecord, ReadLimit, Record, Topic};

const VERSION: u8 = 1;
const BLOCK_HEAD: usize = 5;
const RECORD_HEAD: usize = 18;
const HEADER_HEAD: usize = 6;

/// A block is closed when it holds this many bytes, so that a reader of a few records does not load megabytes.
pub(super) const BLOCK_BYTES: usize = 256 << 10;

/// Splits records into runs of about [`BLOCK_BYTES`], in order.
pub(super) fn runs(records: &[NewRecord]) -> impl Iterator<Item = &[NewRecord]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut bytes = 0;
        let length = rest
            .iter()
            .take_while(|record| {
                let room = bytes < BLOCK_BYTES;
                bytes += RECORD_HEAD + record.bytes();
                room
            })
            .count();
        let (run, after) = rest.split_at(length);
        rest = after;
        Some(run)
    })
}

pub(super) fn encode(records: &[NewRecord]) -> Vec<u8> {
    let size: usize =
        records.iter().map(|record| RECORD_HEAD + record.bytes() + HEADER_HEAD * record.headers.len()).sum();
    let mut body = Vec::with_capacity(size);
    for record in records {
        body.extend_from_slice(&record.time_ms.to_le_bytes());
        body.extend_from_slice(&(record.key.len() as u32).to_le_bytes());
        body.extend_from_slice(&(record.value.len() as u32).to_le_bytes());
        body.extend_from_slice(&(record.headers.len() as u16).to_le_bytes());
        body.extend_from_slice(&record.key);
        body.extend_from_slice(&record.value);
        for (name, value) in &record.headers {
            body.extend_from_slice(&(name.len() as u16).to_le_bytes());
            body.extend_from_slice(&(value.len() as u32).to_le_bytes());
            body.extend_from_slice(name.as_bytes());
            body.extend_from_slice(value);
        }
    }
    let packed = lz4_flex::compress_prepend_size(&body);
    let mut block = Vec::with_capacity(BLOCK_HEAD + packed.len());
    block.push(VERSION);
    block.extend_from_slice(&(records.len() as u32).to_le_bytes());
    block.extend_from_slice(&packed);
    block
}

/// Number of records in a block.
pub(super) fn count(topic: Topic, first: u64, block: &[u8]) -> Result<u64, LogError> {
    let damaged = |detail| LogError::Damaged { topic, offset: first, detail };
    match block {
        [VERSION, a, b, c, d, ..] => Ok(u64::from(u32::from_le_bytes([*a, *b, *c, *d]))),
        [_, _, _, _, _, ..] => Err(damaged("unknown block version")),
        _ => Err(damaged("block shorter than its head")),
    }
}

/// Collects the records of a block that a read wants; the records share the block's memory.
pub(super) struct Collector {
    pub(super) topic: Topic,
    pub(super) from: u64,
    /// Durable end: nothing at or after it is returned.
    pub(super) end: u64,
    pub(super) limit: ReadLimit,
    pub(super) records: Vec<Record>,
    bytes: usize,
}

impl Collector {
    pub(super) fn new(topic: Topic, from: u64, end: u64, limit: ReadLimit) -> Self {
        Self { topic, from, end, limit, records: Vec::new(), bytes: 0 }
    }

    /// Offers a record with an offset of at least `from`; false when the limit is reached and it was not taken.
    pub(super) fn offer(&mut self, record: Record) -> bool {
        let size = record.bytes();
        let full = self.records.len() >= self.limit.records
            || (!self.records.is_empty() && self.bytes + size > self.limit.bytes);
        if full || record.offset >= self.end {
            return false;
        }
        self.bytes += size;
        self.records.push(record);
        true
    }

    /// Takes what is wanted of a block; false when the read is complete.
    pub(super) fn take_block(&mut self, first: u64, block: &[u8]) -> Result<bool, LogError> {
        let topic = self.topic;
        let damaged = |detail| LogError::Damaged { topic, offset: first, detail };
        let count = count(topic, first, block)?;
        let body = lz4_flex::decompress_size_prepended(&block[BLOCK_HEAD..]);
        let mut body = Bytes::from(body.map_err(|_| damaged("block cannot be decompressed"))?);
        for offset in first..first + count {
            let record = decode_record(offset, &mut body).ok_or(damaged("block ends inside a record"))?;
            if offset >= self.from && !self.offer(record) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn decode_record(offset: u64, block: &mut Bytes) -> Option<Record> {
    let time_ms = block.try_get_u64_le().ok()?;
    let key_length = block.try_get_u32_le().ok()? as usize;
    let value_length = block.try_get_u32_le().ok()? as usize;
    let header_count = block.try_get_u16_le().ok()?;
    let key = take(block, key_length)?;
    let value = take(block, value_length)?;
    let mut headers = Vec::with_capacity(usize::from(header_count));
    for _ in 0..header_count {
        let name_length = usize::from(block.try_get_u16_le().ok()?);
        let value_length = block.try_get_u32_le().ok()? as usize;
        let name = String::from_utf8(take(block, name_length)?.to_vec()).ok()?;
        headers.push((name, take(block, value_length)?));
    }
    Some(Record { offset, key, value, time_ms, headers })
}

fn take(block: &mut Bytes, length: usize) -> Option<Bytes> {
    (length <= block.len()).then(|| block.split_to(length))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    fn record(n: u64) -> NewRecord {
        NewRecord {
            headers: vec![("reason".to_owned(), Bytes::from_static(b"internal"))],
            ..NewRecord::new(n.to_le_bytes().to_vec(), vec![7; n as usize], n)
        }
    }

    #[test]
    fn decodes_what_was_encoded_from_any_offset() {
        let records: Vec<_> = (0..20).map(record).collect();
        let block = encode(&records);
        let mut wanted = Collector::new(Topic::Requests, 105, 118, ReadLimit::default());
        assert!(!wanted.take_block(100, &block).unwrap());
        let offsets: Vec<_> = wanted.records.iter().map(|record| record.offset).collect();
        assert_eq!(offsets, (105..118).collect::<Vec<_>>());
        assert_eq!(wanted.records[0], Record::from_new(105, record(5)));
    }

    #[test]
    fn every_cut_of_a_block_is_refused_not_a_panic() {
        let block = encode(&(0..3).map(record).collect::<Vec<_>>());
        for length in 0..block.len() {
            let mut wanted = Collector::new(Topic::Requests, 0, 9, ReadLimit::default());
            assert!(wanted.take_block(0, &block[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn long_runs_are_split_in_order() {
        let records: Vec<_> = (0..1_000).map(|n| NewRecord::new("", vec![1; 1_000], n)).collect();
        let lengths: Vec<_> = runs(&records).map(<[_]>::len).collect();
        assert_eq!(lengths.iter().sum::<usize>(), 1_000);
        assert!(lengths.len() > 3 && lengths.iter().all(|length| *length > 0));
    }

    #[test]
    fn a_first_record_above_the_byte_limit_is_returned_alone() {
        let limit = ReadLimit { records: 10, bytes: 5 };
        let mut wanted = Collector::new(Topic::Requests, 0, 9, limit);
        let block = encode(&[record(50), record(50)]);
        assert!(!wanted.take_block(0, &block).unwrap());
        assert_eq!(wanted.records.len(), 1);
    }
}
