//! Where the projection reads from.

use std::collections::BTreeMap;
use std::time::Duration;

use super::NodeError;
use crate::ledger::{LastRecord, LedgerError, ReadTo, Stream, Writer};
use crate::log::embedded::EmbeddedLog;
use crate::log::kafka::{KafkaConfig, KafkaShare, KafkaTail};
use crate::log::{LogError, ReadLimit, Record, Topic, dead_letter};
use tollgate_wire::Time;

/// The streams of the ledger database and their topics.
pub(super) const STREAMS: [(Stream, Topic); 3] =
    [(Stream::Ledger, Topic::Ledger), (Stream::Outcomes, Topic::Outcomes), (Stream::Snapshots, Topic::Snapshots)];

/// Large transactions are what makes a database fast: at the start of each the server waits for the first entries, and at its
/// end the reader for the server. An entry with all its fields is 1.5 KB.
const BATCH: ReadLimit = ReadLimit { records: 20_000, bytes: 32 << 20 };

/// Where a stream's partition was read to, as the database has it.
pub(super) type Positions<'a> = &'a dyn Fn(Stream, u32) -> Result<u64, LedgerError>;

/// The same with the record before it.
pub(super) type Places<'a> = &'a dyn Fn(Stream, u32) -> Result<ReadTo, LedgerError>;

/// Why a source does not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum SourceError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Log(#[from] LogError),
    /// No broker answers while reading is to begin.
    #[error(transparent)]
    Away(LogError),
}

impl SourceError {
    fn opening(error: LogError) -> Self {
        if matches!(error, LogError::Stopped { .. }) { Self::Away(error) } else { Self::Log(error) }
    }
}

/// Records of the streams that this process reads, each from where the database has them.
pub(super) trait Source {
    /// Begins to read, and begins anew where what is to be read has changed.
    fn follow(&mut self, places: Places<'_>) -> Result<(), SourceError>;

    /// What was read may not have been kept: the next `follow` begins from the database's positions.
    fn again(&mut self);

    /// Where the next read of a stream goes on, by partition. Behind the last record that was read, not at the next: it is
    /// held against what the database has, so that none is passed over.
    fn positions(&self, stream: usize) -> Vec<(u32, u64)>;

    /// The next records of a stream with their partitions, without waiting. Nothing of a stream that it does not read.
    fn read(&mut self, stream: usize) -> Result<Vec<(u32, Record)>, LogError>;

    /// The partitions of a stream that this process reads.
    fn partitions(&self, stream: usize) -> Vec<u32>;

    /// Those of them of which everything that is there was returned by `read`, as far as is known.
    fn caught_up(&self, stream: usize) -> Vec<u32>;

    /// Whether a stop waits until everything is read: not where others go on writing and another process reads on.
    fn ends(&self) -> bool;

    /// Waits for something new, for at most `timeout`.
    fn wait(&mut self, timeout: Duration);

    /// Everything below is durable in the ledger database: what nobody else needs by now may go.
    fn release(&mut self, positions: Positions<'_>, now: Time) -> Result<(), SourceError>;
}

/// The embedded log.
pub(super) struct EmbeddedSource {
    log: EmbeddedLog,
    /// `None` until positions are read.
    next: Option<[u64; STREAMS.len()]>,
}

impl EmbeddedSource {
    pub(super) fn new(log: EmbeddedLog) -> Self {
        Self { log, next: None }
    }
}

/// Holds the ledger's positions against the log before anything is written to either: what belongs to another copy of the log shows
/// only until the log has grown beyond it.
pub(super) fn check(log: &EmbeddedLog, ledger: &Writer) -> Result<(), NodeError> {
    for (stream, topic) in STREAMS {
        let wanted = ledger.position(stream, 0)?;
        let (first, next) = log.ends(topic);
        if wanted > next {
            return Err(LogError::BeyondEnd { topic, wanted, next }.into());
        }
        if wanted < first {
            return Err(LogError::Trimmed { topic, wanted, first }.into());
        }
    }
    Ok(())
}

impl Source for EmbeddedSource {
    fn follow(&mut self, places: Places<'_>) -> Result<(), SourceError> {
        if self.next.is_none() {
            let mut next = [0; STREAMS.len()];
            for (next, (stream, _)) in next.iter_mut().zip(STREAMS) {
                *next = places(stream, 0)?.next;
            }
            self.next = Some(next);
        }
        Ok(())
    }

    fn again(&mut self) {
        self.next = None;
    }

    fn positions(&self, stream: usize) -> Vec<(u32, u64)> {
        self.next.iter().map(|next| (0, next[stream])).collect()
    }

    fn read(&mut self, stream: usize) -> Result<Vec<(u32, Record)>, LogError> {
        let Some(next) = &mut self.next else { return Ok(Vec::new()) };
        let records = self.log.read_from(STREAMS[stream].1, next[stream], BATCH)?;
        if let Some(last) = records.last() {
            next[stream] = last.offset + 1;
        }
        Ok(records.into_iter().map(|r| (0, r)).collect())
    }

    fn partitions(&self, _: usize) -> Vec<u32> {
        vec![0]
    }

    fn caught_up(&self, stream: usize) -> Vec<u32> {
        let end = self.log.ends(STREAMS[stream].1).1;
        self.next.iter().filter(|next| next[stream] >= end).map(|_| 0).collect()
    }

    fn ends(&self) -> bool {
        true
    }

    fn wait(&mut self, timeout: Duration) {
        // Outcomes are the busiest: the others follow within the time-out.
        if let Some(next) = self.next {
            let _ = self.log.wait_for(Topic::Outcomes, next[1], timeout);
        } else {
            std::thread::sleep(timeout);
        }
    }

    fn release(&mut self, positions: Positions<'_>, now: Time) -> Result<(), SourceError> {
        for (stream, topic) in STREAMS {
            self.log.trim(topic, positions(stream, 0)?)?;
        }
        for (topic, below) in self.log.positions() {
            self.log.trim(topic, below)?;
        }
        self.log.trim(Topic::Dispatch, self.log.dispatch_low())?;
        // What accounts are is in the state: of one process nobody else reads it.
        self.log.trim(Topic::Registry, self.log.ends(Topic::Registry).1)?;
        let kept_ms = dead_letter::KEPT_DAYS * 86_400_000;
        Ok(self.log.trim_older(Topic::DeadLetters, now.0.saturating_sub(kept_ms)).map(drop)?)
    }
}

/// Kafka.
pub(super) struct KafkaSource {
    config: KafkaConfig,
    shares: Vec<Share>,
}

/// Streams whose partitions are read together.
struct Share {
    streams: Vec<usize>,
    /// `None` where no other process reads them.
    group: Option<KafkaShare>,
    partitions: Vec<u32>,
    /// One per stream; empty while they are to be opened.
    tails: Vec<KafkaTail>,
    /// By stream and partition: the record that is to come first, since it came last before.
    known: BTreeMap<(usize, u32), LastRecord>,
}

impl Share {
    fn new(streams: &[usize], group: Option<KafkaShare>, partitions: Vec<u32>) -> Self {
        Self { streams: streams.to_vec(), group, partitions, tails: Vec::new(), known: BTreeMap::new() }
    }

    /// Hears what the group tells.
    fn hear(&mut self) -> Result<(), SourceError> {
        if let Some(share) = self.group.as_ref().map(KafkaShare::news).transpose()?.flatten() {
            self.partitions = share;
            self.tails.clear();
        }
        Ok(())
    }

    fn follow(&mut self, config: &KafkaConfig, places: Places<'_>) -> Result<(), SourceError> {
        if !self.partitions.is_empty() && self.tails.is_empty() {
            self.known.clear();
            let mut tails = Vec::with_capacity(self.streams.len());
            for &place in &self.streams {
                let (stream, topic) = STREAMS[place];
                let (tail, known) = open(config, topic, &self.partitions, &|partition| places(stream, partition))?;
                self.known.extend(known.into_iter().map(|(partition, last)| ((place, partition), last)));
                tails.push(tail);
            }
            self.tails = tails;
        }
        Ok(())
    }

    /// What is new of a stream. The record before it is read once more, and must be the one that it was.
    fn read(&mut self, stream: usize) -> Result<Vec<(u32, Record)>, LogError> {
        let Some(tail) = self.tail_mut(stream) else { return Ok(Vec::new()) };
        let mut records = tail.read(BATCH, Duration::ZERO)?;
        if self.known.is_empty() {
            return Ok(records);
        }
        let (known, mut replaced) = (&mut self.known, None);
        records.retain(|(partition, record)| {
            let Some(last) = known.remove(&(stream, *partition)) else { return true };
            if LastRecord::of(record.offset, &record.value) != last {
                replaced.get_or_insert((*partition, last.offset));
            }
            false
        });
        match replaced {
            None => Ok(records),
            Some((partition, offset)) => Err(LogError::Replaced { topic: STREAMS[stream].1, partition, offset }),
        }
    }

    fn tail(&self, stream: usize) -> Option<&KafkaTail> {
        self.tails.get(self.place(stream)?)
    }

    fn tail_mut(&mut self, stream: usize) -> Option<&mut KafkaTail> {
        let at = self.place(stream)?;
        self.tails.get_mut(at)
    }

    fn place(&self, stream: usize) -> Option<usize> {
        self.streams.iter().position(|s| *s == stream)
    }
}

/// Opens a topic's partitions where the database has them, each at the last record that it has: those that are still kept are
/// told beside.
fn open(
    config: &KafkaConfig,
    topic: Topic,
    partitions: &[u32],
    place: &dyn Fn(u32) -> Result<ReadTo, LedgerError>,
) -> Result<(KafkaTail, Vec<(u32, LastRecord)>), SourceError> {
    let (mut from, mut known) = (Vec::with_capacity(partitions.len()), Vec::new());
    for &partition in partitions {
        let ReadTo { next, last } = place(partition)?;
        from.push((partition, next, last.as_ref().map_or(next, |last| last.offset)));
        known.extend(last.map(|last| (partition, last)));
    }
    // What a partition has lost before it was ever read is told by the broker's first offset.
    if from.iter().any(|(_, next, _)| *next == 0) {
        let all = partitions.iter().max().map_or(0, |last| last + 1);
        let whole = KafkaTail::open_from_start(config, topic, all).map_err(SourceError::opening)?;
        let low = whole.low().map_err(SourceError::opening)?;
        for (partition, next, before) in from.iter_mut().filter(|(_, next, _)| *next == 0) {
            *next = low.iter().find(|(p, _)| p == partition).map_or(0, |(_, low)| *low);
            *before = *next;
        }
    }
    let tail = KafkaTail::open_before(config, topic, &from).map_err(SourceError::opening)?;
    let begins = tail.positions();
    known.retain(|(partition, last)| begins.contains(&(*partition, last.offset)));
    Ok((tail, known))
}

impl KafkaSource {
    /// Every stream and partition: no other process reads them.
    pub(super) fn whole(config: &KafkaConfig, partitions: u32) -> Self {
        let share = Share::new(&[0, 1, 2], None, (0..partitions).collect());
        Self { config: config.clone(), shares: vec![share] }
    }

    /// Shares the streams of the roles with the other processes that have them.
    pub(super) fn shared(config: &KafkaConfig, ledger: bool, views: bool) -> Result<Self, LogError> {
        let roles: [(bool, &str, &[usize]); 2] = [(ledger, "ledger", &[0]), (views, "views", &[1, 2])];
        let mut shares = Vec::new();
        for (_, name, streams) in roles.into_iter().filter(|(has, _, _)| *has) {
            let topics: Vec<Topic> = streams.iter().map(|stream| STREAMS[*stream].1).collect();
            shares.push(Share::new(streams, Some(KafkaShare::join(config, name, &topics)?), Vec::new()));
        }
        Ok(Self { config: config.clone(), shares })
    }
}

impl Source for KafkaSource {
    fn follow(&mut self, places: Places<'_>) -> Result<(), SourceError> {
        // All of them first: a group takes a silent member for dead.
        self.shares.iter_mut().try_for_each(Share::hear)?;
        self.shares.iter_mut().try_for_each(|share| share.follow(&self.config, places))
    }

    fn again(&mut self) {
        self.shares.iter_mut().for_each(|share| share.tails.clear());
    }

    fn positions(&self, stream: usize) -> Vec<(u32, u64)> {
        let tail = self.shares.iter().find_map(|share| share.tail(stream));
        tail.map_or_else(Vec::new, KafkaTail::positions)
    }

    fn read(&mut self, stream: usize) -> Result<Vec<(u32, Record)>, LogError> {
        let share = self.shares.iter_mut().find(|share| share.tail(stream).is_some());
        share.map_or(Ok(Vec::new()), |share| share.read(stream))
    }

    fn partitions(&self, stream: usize) -> Vec<u32> {
        let share = self.shares.iter().find(|share| share.streams.contains(&stream));
        share.map_or_else(Vec::new, |share| share.partitions.clone())
    }

    fn caught_up(&self, stream: usize) -> Vec<u32> {
        let tail = self.shares.iter().find_map(|share| share.tail(stream));
        tail.into_iter().flat_map(KafkaTail::caught_up).collect()
    }

    fn ends(&self) -> bool {
        self.shares.iter().all(|share| share.group.is_none())
    }

    fn wait(&mut self, timeout: Duration) {
        // Outcomes are the busiest: the others follow within the time-out.
        let Some(stream) = [1, 0].into_iter().find(|of| self.shares.iter().any(|share| share.tail(*of).is_some()))
        else {
            return std::thread::sleep(timeout);
        };
        if let Some(tail) = self.shares.iter_mut().find_map(|share| share.tail_mut(stream)) {
            // An error shows again at the next read.
            let _ = tail.wait(timeout);
        }
    }

    fn release(&mut self, _: Positions<'_>, _: Time) -> Result<(), SourceError> {
        // Kafka's retention decides.
        Ok(())
    }
}

#[cfg(test)]
mod tests;
