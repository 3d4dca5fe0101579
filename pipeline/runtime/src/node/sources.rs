//! Where the projection reads from.

use std::time::Duration;

use super::NodeError;
use crate::ledger::{LedgerError, Stream, Writer};
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
    fn follow(&mut self, positions: Positions<'_>) -> Result<(), SourceError>;

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
    fn follow(&mut self, positions: Positions<'_>) -> Result<(), SourceError> {
        if self.next.is_none() {
            let mut next = [0; STREAMS.len()];
            for (next, (stream, _)) in next.iter_mut().zip(STREAMS) {
                *next = positions(stream, 0)?;
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
}

impl Share {
    fn new(streams: &[usize], group: Option<KafkaShare>, partitions: Vec<u32>) -> Self {
        Self { streams: streams.to_vec(), group, partitions, tails: Vec::new() }
    }

    /// Hears what the group tells.
    fn hear(&mut self) -> Result<(), SourceError> {
        if let Some(share) = self.group.as_ref().map(KafkaShare::news).transpose()?.flatten() {
            self.partitions = share;
            self.tails.clear();
        }
        Ok(())
    }

    fn follow(&mut self, config: &KafkaConfig, positions: Positions<'_>) -> Result<(), SourceError> {
        if !self.partitions.is_empty() && self.tails.is_empty() {
            let open = |stream: &usize| {
                let (stream, topic) = STREAMS[*stream];
                open(config, topic, &self.partitions, &|partition| positions(stream, partition))
            };
            self.tails = self.streams.iter().map(open).collect::<Result<_, _>>()?;
        }
        Ok(())
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

/// Opens a topic's partitions where the database has them.
fn open(
    config: &KafkaConfig,
    topic: Topic,
    partitions: &[u32],
    position: &dyn Fn(u32) -> Result<u64, LedgerError>,
) -> Result<KafkaTail, SourceError> {
    let mut from = Vec::with_capacity(partitions.len());
    for partition in partitions {
        from.push((*partition, position(*partition)?));
    }
    // What a partition has lost before it was ever read is told by the broker's first offset.
    if from.iter().any(|(_, next)| *next == 0) {
        let all = partitions.iter().max().map_or(0, |last| last + 1);
        let whole = KafkaTail::open_from_start(config, topic, all).map_err(SourceError::opening)?;
        let low = whole.low().map_err(SourceError::opening)?;
        for (partition, next) in from.iter_mut().filter(|(_, next)| *next == 0) {
            *next = low.iter().find(|(p, _)| p == partition).map_or(0, |(_, low)| *low);
        }
    }
    KafkaTail::open(config, topic, &from).map_err(SourceError::opening)
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
    fn follow(&mut self, positions: Positions<'_>) -> Result<(), SourceError> {
        // All of them first: a group takes a silent member for dead.
        self.shares.iter_mut().try_for_each(Share::hear)?;
        self.shares.iter_mut().try_for_each(|share| share.follow(&self.config, positions))
    }

    fn again(&mut self) {
        self.shares.iter_mut().for_each(|share| share.tails.clear());
    }

    fn positions(&self, stream: usize) -> Vec<(u32, u64)> {
        let tail = self.shares.iter().find_map(|share| share.tail(stream));
        tail.map_or_else(Vec::new, KafkaTail::positions)
    }

    fn read(&mut self, stream: usize) -> Result<Vec<(u32, Record)>, LogError> {
        let tail = self.shares.iter_mut().find_map(|share| share.tail_mut(stream));
        tail.map_or(Ok(Vec::new()), |tail| tail.read(BATCH, Duration::ZERO))
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
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;
    use crate::clock::monotonic;
    use crate::log::NewRecord;
    use crate::log::embedded::EmbeddedOptions;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

    /// Nothing of the embedded log stays for good: what is done goes, and dead letters after a week, as in Kafka.
    #[test]
    fn every_topic_of_the_embedded_log_is_released() {
        const DAY_MS: u64 = 86_400_000;
        let directory = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(directory.path(), &EmbeddedOptions::default()).unwrap();
        let mut source = EmbeddedSource::new(log.clone());
        let append = |topic, day: u64| {
            let records =
                vec![NewRecord::new("acme", "+5511987654321", day * DAY_MS), NewRecord::new("", "", day * DAY_MS)];
            log.append_blocking(topic, records).unwrap();
        };
        for topic in [Topic::Outcomes, Topic::Ledger, Topic::Snapshots, Topic::Registry] {
            append(topic, 100);
        }
        for day in 100..110 {
            append(Topic::DeadLetters, day);
        }
        let mut first_kept = |day: u64| {
            source.release(&|_, _| Ok(2), Time(day * DAY_MS + DAY_MS / 2)).unwrap();
            log.ends(Topic::DeadLetters).0
        };
        assert_eq!((first_kept(106), first_kept(107), first_kept(110)), (0, 2, 8));
        assert_eq!(log.read_from(Topic::DeadLetters, 8, ReadLimit::default()).unwrap()[0].time_ms, 104 * DAY_MS);
        assert_eq!((first_kept(116), first_kept(117), first_kept(900)), (20, 20, 20));
        for topic in [Topic::Outcomes, Topic::Ledger, Topic::Snapshots, Topic::Registry] {
            assert_eq!(log.ends(topic), (2, 2), "{}", topic.name());
        }
    }

    /// While one group shares its partitions out anew, or has none for this process, nothing of the other is lost, however
    /// often it is waited for.
    #[test]
    fn what_is_read_while_waiting_is_kept_whatever_another_group_has() {
        let broker = MockCluster::new(1).unwrap();
        let config = KafkaConfig { brokers: broker.bootstrap_servers(), ..KafkaConfig::default() };
        for (_, topic) in STREAMS {
            broker.create_topic(&config.topic(topic), 1, 1).unwrap();
        }
        let producer: BaseProducer = config.producer("test").create().unwrap();
        for (mut busy, idle) in [(vec![0], vec![1, 2]), (vec![1, 2], vec![0])] {
            let (sent, stream) = (10, busy[0]);
            for n in 0..sent {
                let topic = config.topic(STREAMS[stream].1);
                producer.send(BaseRecord::<str, str>::to(&topic).partition(0).payload(&n.to_string())).unwrap();
            }
            producer.flush(Duration::from_secs(10)).unwrap();
            busy.truncate(1);
            let shares = vec![Share::new(&busy, None, vec![0]), Share::new(&idle, None, Vec::new())];
            let mut source = KafkaSource { config: config.clone(), shares };
            let (began, mut read) = (monotonic(), Vec::new());
            while read.len() < sent && began.elapsed() < Duration::from_secs(20) {
                source.follow(&|_, _| Ok(0)).unwrap();
                source.wait(Duration::from_millis(50));
                source.follow(&|_, _| Ok(0)).unwrap();
                read.extend(source.read(stream).unwrap().into_iter().map(|(_, record)| record.offset));
            }
            assert_eq!(read, (0..sent as u64).collect::<Vec<_>>());
        }
    }
}
