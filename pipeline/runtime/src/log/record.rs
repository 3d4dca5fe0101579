//! Records of the log: bytes with a key, a time and, on dead letters, a few headers.

use bytes::Bytes;

/// Name and value pairs beside the value: of dead letters (see [`dead_letter`](super::dead_letter)), and what producers
/// put beside their requests, of which `ce_id` and `traceparent` are read.
pub type Headers = Vec<(String, Bytes)>;

/// A record to append.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// Partition key (the account) or, on compacted topics, the entity's key; may be empty.
    pub key: Bytes,
    /// The record itself.
    pub value: Bytes,
    /// When the caller handed it over, milliseconds since 1970 (UTC).
    pub time_ms: u64,
    /// Small name and value pairs, at most 65,535, each name at most 65,535 bytes.
    pub headers: Headers,
}

impl NewRecord {
    /// A record without headers.
    #[must_use]
    pub fn new(key: impl Into<Bytes>, value: impl Into<Bytes>, time_ms: u64) -> Self {
        Self { key: key.into(), value: value.into(), time_ms, headers: Vec::new() }
    }

    /// Bytes of key, value and headers.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.key.len() + self.value.len() + headers
    }
}

/// A durable record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Position in its topic and partition. Ascending; dense in the embedded log, with holes in Kafka.
    pub offset: u64,
    /// As appended.
    pub key: Bytes,
    /// As appended.
    pub value: Bytes,
    /// As appended, milliseconds since 1970 (UTC).
    pub time_ms: u64,
    /// As appended.
    pub headers: Headers,
}

impl Record {
    /// Bytes of key, value and headers.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.key.len() + self.value.len() + headers
    }

    /// The value of a header; of several the last, as Kafka's own client reads them.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        self.headers.iter().rev().find(|(have, _)| have == name).map(|(_, value)| value)
    }

    /// The value of a header that is there once: of several that say different things none is right.
    #[must_use]
    pub fn only_header(&self, name: &str) -> Option<&Bytes> {
        let mut all = self.headers.iter().filter(|(have, _)| have == name);
        let (Some((_, one)), None) = (all.next(), all.next()) else { return None };
        Some(one)
    }

    pub(crate) fn from_new(offset: u64, record: NewRecord) -> Self {
        Self { offset, key: record.key, value: record.value, time_ms: record.time_ms, headers: record.headers }
    }
}

/// How much one read returns at most. A first record larger than `bytes` is returned alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimit {
    /// Number of records.
    pub records: usize,
    /// Bytes of keys, values and headers.
    pub bytes: usize,
}

impl Default for ReadLimit {
    fn default() -> Self {
        Self { records: 5_000, bytes: 4 << 20 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_header_that_is_there_twice_the_last_counts_or_none() {
        let mut new = NewRecord::new("acme", "{}", 1);
        let header = |name: &str, value: &'static str| (name.to_owned(), Bytes::from_static(value.as_bytes()));
        new.headers = vec![header("twice", "a"), header("once", "b"), header("twice", "c"), header("Once", "d")];
        let record = Record::from_new(0, new);
        let both = |name| (record.header(name).map(|v| &v[..]), record.only_header(name).map(|v| &v[..]));
        assert_eq!(both("once"), (Some(&b"b"[..]), Some(&b"b"[..])));
        assert_eq!(both("twice"), (Some(&b"c"[..]), None));
        assert_eq!(both("never"), (None, None));
    }
}
