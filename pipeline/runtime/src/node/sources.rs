//! Where the projection reads from.

use std::time::Duration;

use crate::ledger::Stream;
use crate::log::embedded::EmbeddedLog;
use crate::log::kafka::{KafkaConfig, KafkaTail};
use crate::log::{LogError, ReadLimit, Record, Topic};

/// The streams of the ledger database and their topics.
pub(super) const STREAMS: [(Stream, Topic); 3] =
    [(Stream::Ledger, Topic::Ledger), (Stream::Outcomes, Topic::Outcomes), (Stream::Snapshots, Topic::Snapshots)];

/// Large transactions are what makes SQLite fast.
const BATCH: ReadLimit = ReadLimit { records: 20_000, bytes: 16 << 20 };

/// Records of the three streams, each from its own positions.
pub(super) trait Source {
    /// The next records of a stream with their partitions, without waiting.
    fn read(&mut self, stream: usize) -> Result<Vec<(u32, Record)>, LogError>;

    /// Waits for something new, for at most `timeout`.
    fn wait(&mut self, timeout: Duration);

    /// Everything below is durable in the ledger database: what nobody else needs may go.
    fn release(&mut self, positions: &[(Topic, u64)]) -> Result<(), LogError>;
}

/// The embedded log.
pub(super) struct EmbeddedSource {
    log: EmbeddedLog,
    next: [u64; STREAMS.len()],
}

impl EmbeddedSource {
    pub(super) fn new(log: EmbeddedLog, next: [u64; STREAMS.len()]) -> Self {
        Self { log, next }
    }
}

impl Source for EmbeddedSource {
    fn read(&mut self, stream: usize) -> Result<Vec<(u32, Record)>, LogError> {
        let records = self.log.read_from(STREAMS[stream].1, self.next[stream], BATCH)?;
        if let Some(last) = records.last() {
            self.next[stream] = last.offset + 1;
        }
        Ok(records.into_iter().map(|r| (0, r)).collect())
    }

    fn wait(&mut self, timeout: Duration) {
        // Outcomes are the busiest: the others follow within the time-out.
        let _ = self.log.wait_for(Topic::Outcomes, self.next[1], timeout);
    }

    fn release(&mut self, positions: &[(Topic, u64)]) -> Result<(), LogError> {
        for (topic, below) in positions.iter().copied().chain(self.log.positions()) {
            self.log.trim(topic, below)?;
        }
        self.log.trim(Topic::Dispatch, self.log.dispatch_low()).map(drop)
    }
}

/// Kafka, all partitions of the three topics.
pub(super) struct KafkaSource {
    tails: Vec<KafkaTail>,
    /// Read while waiting.
    ahead: Vec<(u32, Record)>,
}

impl KafkaSource {
    /// `positions` per stream and partition; 0 where nothing was read yet.
    pub(super) fn open(config: &KafkaConfig, positions: &[Vec<(u32, u64)>]) -> Result<Self, LogError> {
        let tails = STREAMS.iter().zip(positions).map(|((_, topic), positions)| {
            let partitions = positions.len() as u32;
            // What a partition has lost before it was ever read is told by the broker's first offset.
            let low = KafkaTail::open_from_start(config, *topic, partitions)?.low()?;
            let from: Vec<(u32, u64)> = positions
                .iter()
                .map(|(p, next)| {
                    let low = low.iter().find(|(q, _)| q == p).map_or(0, |(_, low)| *low);
                    (*p, if *next == 0 { low } else { *next })
                })
                .collect();
            KafkaTail::open(config, *topic, &from)
        });
        Ok(Self { tails: tails.collect::<Result<_, _>>()?, ahead: Vec::new() })
    }
}

impl Source for KafkaSource {
    fn read(&mut self, stream: usize) -> Result<Vec<(u32, Record)>, LogError> {
        if stream == 1 && !self.ahead.is_empty() {
            return Ok(std::mem::take(&mut self.ahead));
        }
        self.tails[stream].read(BATCH, Duration::ZERO)
    }

    fn wait(&mut self, timeout: Duration) {
        // An error shows again at the next read.
        if self.ahead.is_empty()
            && let Ok(records) = self.tails[1].read(BATCH, timeout)
        {
            self.ahead = records;
        }
    }

    fn release(&mut self, _: &[(Topic, u64)]) -> Result<(), LogError> {
        // Kafka's retention decides.
        Ok(())
    }
}
