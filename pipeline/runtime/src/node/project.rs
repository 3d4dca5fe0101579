//! Log into ledger and views: reads `ledger`, `outcomes` and `snapshots` from its own positions and writes them to
//! SQLite, positions in the same transaction. Then gives back the log's space that nobody needs any more.

use crate::clock::{Clock, monotonic};
use crate::ledger::{LedgerError, LedgerStore, Record, Stream, Writer};
use crate::log::embedded::EmbeddedLog;
use crate::log::{Log, LogError, ReadLimit, Topic};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tollgate_metrics::Metrics;
use tollgate_wire::Time;

const STREAMS: [(Stream, Topic); 3] =
    [(Stream::Ledger, Topic::Ledger), (Stream::Outcomes, Topic::Outcomes), (Stream::Snapshots, Topic::Snapshots)];
/// Large transactions are what makes SQLite fast.
const BATCH: ReadLimit = ReadLimit { records: 20_000, bytes: 16 << 20 };
/// How often space is given back.
const TRIM_EVERY: Duration = Duration::from_secs(30);
/// Old moves deleted in one step.
const PRUNED_MAX: u32 = 5_000;

/// Why projecting ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProjectError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Runs until `running` is false and everything written so far is projected.
pub(super) fn run(
    log: &EmbeddedLog,
    mut writer: Writer,
    clock: &Clock,
    running: &AtomicBool,
    keep_days: u32,
    metrics: &Arc<Metrics>,
) -> Result<(), ProjectError> {
    let mut trimmed = monotonic();
    let mut next = [0; STREAMS.len()];
    for (i, (stream, _)) in STREAMS.iter().enumerate() {
        next[i] = writer.position(*stream, 0)?;
    }
    loop {
        let stopping = !running.load(Ordering::Acquire);
        let mut moved = false;
        for (i, (stream, topic)) in STREAMS.iter().enumerate() {
            moved |= step(log, &mut writer, clock, *stream, *topic, &mut next[i], metrics)?;
        }
        if moved {
            continue;
        }
        if stopping {
            return Ok(());
        }
        if trimmed.elapsed() >= TRIM_EVERY {
            trimmed = monotonic();
            trim(log, &mut writer, clock, keep_days)?;
        }
        // Outcomes are the busiest: the others follow within the time-out.
        let _ = log.wait_for(Topic::Outcomes, next[1], Duration::from_millis(100));
    }
}

fn step(
    log: &EmbeddedLog,
    writer: &mut Writer,
    clock: &Clock,
    stream: Stream,
    topic: Topic,
    next: &mut u64,
    metrics: &Arc<Metrics>,
) -> Result<bool, ProjectError> {
    let records = log.read_from(topic, *next, BATCH)?;
    let now = clock.now();
    let Some(last) = records.last() else {
        return Ok(false);
    };
    if let Some(label) = tollgate_metrics::Topic::parse(topic.name()) {
        metrics.set_log_lag(label, 0, Duration::from_millis(now.0.saturating_sub(last.time_ms)));
    }
    *next = last.offset + 1;
    let batch: Vec<Record<'_>> =
        records.iter().map(|r| Record { partition: 0, offset: r.offset, value: &r.value }).collect();
    let done = match stream {
        Stream::Ledger => writer.ingest(&batch, now)?,
        Stream::Outcomes => writer.ingest_outcomes(&batch, now)?,
        Stream::Snapshots => writer.ingest_snapshots(&batch, now)?,
    };
    if done.rejected > 0 {
        tracing::error!(topic = topic.name(), records = done.rejected, "records set aside in table `rejected`");
    }
    Ok(true)
}

/// Gives space back. SQLite's newest transactions may be lost with the power, so the log is trimmed only below what
/// a checkpoint has made durable.
fn trim(log: &EmbeddedLog, writer: &mut Writer, clock: &Clock, keep_days: u32) -> Result<(), ProjectError> {
    let older_than = Time(clock.now().0.saturating_sub(u64::from(keep_days) * 86_400_000));
    writer.prune_moves(older_than, PRUNED_MAX)?;
    let positions: Vec<(Topic, u64)> =
        STREAMS.iter().map(|(s, t)| writer.position(*s, 0).map(|p| (*t, p))).collect::<Result<_, _>>()?;
    if !writer.checkpoint()? {
        return Ok(());
    }
    for (topic, below) in positions {
        log.trim(topic, below)?;
    }
    for (topic, below) in Log::positions(log, 0)? {
        log.trim(topic, below)?;
    }
    log.trim(Topic::Dispatch, log.dispatch_low())?;
    Ok(())
}
