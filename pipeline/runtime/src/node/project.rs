//! Log into ledger and views: reads `ledger`, `outcomes` and `snapshots` from its own positions and writes them to
//! SQLite, positions in the same transaction. Then gives back the log's space that nobody needs any more.

use super::sources::{STREAMS, Source};
use crate::clock::{Clock, monotonic};
use crate::ledger::{LedgerError, LedgerStore, Record, Stream, Writer};
use crate::log::{LogError, Topic};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tollgate_metrics::Metrics;
use tollgate_wire::Time;

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
    mut source: impl Source,
    mut writer: Writer,
    clock: &Clock,
    running: &AtomicBool,
    keep_days: u32,
    metrics: &Arc<Metrics>,
) -> Result<(), ProjectError> {
    let mut trimmed = monotonic();
    loop {
        let stopping = !running.load(Ordering::Acquire);
        let mut moved = false;
        for stream in 0..STREAMS.len() {
            moved |= step(&mut source, &mut writer, clock, stream, metrics)?;
        }
        if moved {
            continue;
        }
        if stopping {
            return Ok(());
        }
        if trimmed.elapsed() >= TRIM_EVERY {
            trimmed = monotonic();
            trim(&mut source, &mut writer, clock, keep_days)?;
        }
        source.wait(Duration::from_millis(100));
    }
}

fn step(
    source: &mut impl Source,
    writer: &mut Writer,
    clock: &Clock,
    stream: usize,
    metrics: &Arc<Metrics>,
) -> Result<bool, ProjectError> {
    let records = source.read(stream)?;
    let now = clock.now();
    let Some((partition, last)) = records.last() else {
        return Ok(false);
    };
    let (stream, topic) = STREAMS[stream];
    if let Some(label) = tollgate_metrics::Topic::parse(topic.name()) {
        let behind = Duration::from_millis(now.0.saturating_sub(last.time_ms));
        metrics.set_log_lag(label, *partition as i32, behind);
    }
    let batch: Vec<Record<'_>> = records
        .iter()
        .map(|(partition, r)| Record { partition: *partition, offset: r.offset, value: &r.value })
        .collect();
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
fn trim(source: &mut impl Source, writer: &mut Writer, clock: &Clock, keep_days: u32) -> Result<(), ProjectError> {
    let older_than = Time(clock.now().0.saturating_sub(u64::from(keep_days) * 86_400_000));
    writer.prune_moves(older_than, PRUNED_MAX)?;
    let positions: Vec<(Topic, u64)> =
        STREAMS.iter().map(|(s, t)| writer.position(*s, 0).map(|p| (*t, p))).collect::<Result<_, _>>()?;
    if writer.checkpoint()? {
        source.release(&positions)?;
    }
    Ok(())
}
