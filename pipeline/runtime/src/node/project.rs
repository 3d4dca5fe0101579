//! Log into ledger and views: reads `ledger`, `outcomes` and `snapshots` from its own positions and writes them to the
//! database, positions in the same transaction. Then gives back the log's space that nobody needs any more.

use super::booked;
use super::set_aside::SetAside;
use super::sources::{Positions, STREAMS, Source, SourceError};
use crate::clock::{Clock, monotonic};
use crate::lag::{Lags, Mark};
use crate::ledger::{LedgerStore, Record, Stream, Writer};
use crate::log;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tollgate_metrics::Metrics;
use tollgate_wire::Time;

/// How often space is given back.
const TRIM_EVERY: Duration = Duration::from_secs(30);
/// How often it is counted who waits for an answer.
const COUNT_EVERY: Duration = Duration::from_secs(10);
/// Old moves deleted in one transaction.
const PRUNED_MAX: u32 = 5_000;
/// How long old moves are deleted at a time; what is left waits for the next time.
const PRUNE_FOR: Duration = Duration::from_secs(2);
/// Pause after the database or a broker was not there.
const AWAY: Duration = Duration::from_secs(1);

/// What the projection works with.
pub(super) struct Projection<S> {
    pub(super) source: S,
    pub(super) writer: Writer,
    pub(super) clock: Clock,
    /// Days that moves are kept; `None` where this process does not project them.
    pub(super) keep_days: Option<u32>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) lags: Arc<Lags>,
    /// How soon a window closes that counts as about to, where this process projects the views.
    pub(super) closes_within: Option<Duration>,
    /// Looks at what is set aside.
    pub(super) set_aside: SetAside,
    /// Where each stream's partitions stand.
    pub(super) marks: Marks,
}

/// Marks by stream and partition.
pub(super) type Marks = [BTreeMap<u32, Arc<Mark>>; STREAMS.len()];

impl<S: Source> Projection<S> {
    /// Runs until `running` is false and everything written so far is projected. While the database is away nothing is
    /// lost: it waits and goes on from the database's positions.
    pub(super) fn run(mut self, running: &AtomicBool) -> Result<(), SourceError> {
        let (mut trimmed, mut away) = (monotonic(), false);
        let mut counted = None;
        self.set_aside.look(&self.metrics);
        loop {
            let stopping = !running.load(Ordering::Acquire);
            let moved = match self.round() {
                Ok(moved) => {
                    if std::mem::take(&mut away) {
                        tracing::info!("ledger and views go on");
                    }
                    if stopping && !(moved && self.source.ends()) {
                        return Ok(());
                    }
                    moved
                }
                Err(error) if passes(&error) => {
                    if !std::mem::replace(&mut away, true) {
                        tracing::error!(%error, "ledger and views wait");
                    }
                    self.source.again();
                    if stopping {
                        return Ok(());
                    }
                    std::thread::sleep(AWAY);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if counted.is_none_or(|at: Instant| at.elapsed() >= COUNT_EVERY) {
                counted = Some(monotonic());
                match self.count_unanswered() {
                    Err(error) if passes(&error) => self.source.again(),
                    counted => counted?,
                }
            }
            // However much comes in.
            if trimmed.elapsed() >= TRIM_EVERY {
                trimmed = monotonic();
                self.set_aside.look(&self.metrics);
                match self.trim() {
                    Err(error) if passes(&error) => self.source.again(),
                    trimmed => trimmed?,
                }
            }
            if !moved {
                self.source.wait(Duration::from_millis(100));
            }
        }
    }

    /// One batch of each stream; whether there was any.
    fn round(&mut self) -> Result<bool, SourceError> {
        let writer = &self.writer;
        self.source.follow(&|stream, partition| writer.read_to(stream, partition))?;
        self.follow_marks();
        let mut moved = false;
        for stream in 0..STREAMS.len() {
            moved |= self.step(stream)?;
        }
        Ok(moved)
    }

    /// Keeps a mark of each partition that is read, and of no other.
    fn follow_marks(&mut self) {
        for (stream, marks) in self.marks.iter_mut().enumerate() {
            let (topic, partitions) = (STREAMS[stream].1, self.source.partitions(stream));
            let (kept, gone) =
                std::mem::take(marks).into_iter().partition(|(partition, _)| partitions.contains(partition));
            *marks = kept;
            BTreeMap::into_keys(gone).for_each(|partition| self.lags.forget(topic, partition));
            for partition in partitions {
                marks.entry(partition).or_insert_with(|| self.lags.mark(topic, partition));
            }
        }
    }

    fn step(&mut self, stream: usize) -> Result<bool, SourceError> {
        let from = self.source.positions(stream).into_iter().collect();
        let records = self.source.read(stream)?;
        let now = self.clock.now();
        let marks = &self.marks[stream];
        for (partition, mark) in marks {
            if let Some((_, first)) = records.iter().find(|(of, _)| of == partition) {
                mark.behind(first.time_ms, now);
            }
        }
        if !records.is_empty() {
            self.write(STREAMS[stream].0, from, &records, now)?;
        }
        for partition in self.source.caught_up(stream) {
            if let Some(mark) = self.marks[stream].get(&partition) {
                mark.caught_up(now);
            }
        }
        Ok(!records.is_empty())
    }

    /// Writes records that were read from the positions `from` on.
    fn write(
        &mut self,
        stream: Stream,
        mut from: BTreeMap<u32, u64>,
        records: &[(u32, log::Record)],
        now: Time,
    ) -> Result<(), SourceError> {
        let mut batch = Vec::with_capacity(records.len());
        for (partition, r) in records {
            let after = from.insert(*partition, r.offset + 1).unwrap_or(0);
            batch.push(Record { partition: *partition, offset: r.offset, after, value: &r.value });
        }
        let done = match stream {
            Stream::Ledger => self.writer.ingest(&batch, now)?,
            Stream::Outcomes => self.writer.ingest_outcomes(&batch, now)?,
            Stream::Snapshots => self.writer.ingest_snapshots(&batch, now)?,
        };
        if done.rejected > 0 {
            tracing::error!(topic = stream.as_str(), records = done.rejected, "records set aside in table `rejected`");
            self.set_aside.look(&self.metrics);
        }
        // Of a batch that was there in part, nobody says which part: after a restart, and seldom.
        if stream == Stream::Ledger && done.applied == batch.len() as u64 {
            booked::observe(&self.metrics, batch.iter().map(|record| record.value), self.clock.now());
        }
        Ok(())
    }

    /// Shows how many wait for an answer whose window is about to close. By the database alone, so a restart forgets nobody.
    fn count_unanswered(&self) -> Result<(), SourceError> {
        if let Some(within) = self.closes_within {
            self.metrics.set_unanswered(&self.writer.unanswered(self.clock.now(), within)?);
        }
        Ok(())
    }

    /// Gives space back. The database's newest transactions may be lost with the power, so the log is trimmed only
    /// below what a checkpoint has made durable.
    fn trim(&mut self) -> Result<(), SourceError> {
        if let Some(days) = self.keep_days {
            let older_than = Time(self.clock.now().0.saturating_sub(u64::from(days) * 86_400_000));
            self.writer.prune_answers(self.clock.now())?;
            let begun = monotonic();
            while !self.writer.prune_moves(older_than, PRUNED_MAX)?.done && begun.elapsed() < PRUNE_FOR {}
        }
        let mut durable = Vec::with_capacity(STREAMS.len());
        for (stream, _) in STREAMS {
            durable.push((stream, self.writer.position(stream, 0)?));
        }
        if self.writer.checkpoint()? {
            let position = |stream, _| Ok(durable.iter().find(|(s, _)| *s == stream).map_or(0, |(_, p)| *p));
            let positions: Positions<'_> = &position;
            self.source.release(positions, self.clock.now())?;
        }
        Ok(())
    }
}

/// The database is away, a broker is, or another process was first: all of it passes.
fn passes(error: &SourceError) -> bool {
    match error {
        SourceError::Ledger(e) => e.passes(),
        SourceError::Away(_) => true,
        SourceError::Log(_) => false,
    }
}
