//! How many WABAs the platform has told nothing of for too long. A count of failures would not say it: whoever fails asks
//! less and less often, and many that fail for a moment are no outage of one.

use super::ask::{Failure, Syncer};
use super::schedule::wabas;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tollgate_wire::Time;

/// How often it is counted.
const LOOK: Duration = Duration::from_secs(60);
/// Nothing is overdue before.
const LEAST: Duration = Duration::from_secs(3 * 3_600);
/// Nor before so many times the interval.
const INTERVALS: u32 = 3;

/// Counts on and on, until `stop` is true or its sender is gone.
pub(super) async fn run(syncer: Arc<Syncer>, mut stop: watch::Receiver<bool>) {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => {}
            changed = stop.changed() => {
                if changed.is_err() || *stop.borrow() {
                    return;
                }
                continue;
            }
        }
        let registry = syncer.parts.registry.snapshot();
        let asked: HashSet<Arc<str>> =
            wabas(&registry).filter(|waba| syncer.may_ask(waba)).map(|waba| waba.id).collect();
        match count(&syncer, &asked).await {
            Ok(wabas) => syncer.parts.metrics.set_syncs_overdue(wabas),
            // Without the database nothing is asked either; the figure stays as it was.
            Err(error) => tracing::warn!(%error, "it cannot be counted which WABAs are overdue"),
        }
    }
}

/// How many of those that are asked about are overdue. One that was never asked about is not.
pub(super) async fn count(syncer: &Arc<Syncer>, asked: &HashSet<Arc<str>>) -> Result<u64, Failure> {
    let heard = syncer.write(|writer| writer.syncs_heard()).await?;
    let now = syncer.parts.clock.now();
    let silent = |at: Time| Duration::from_millis(now.0.saturating_sub(at.0));
    let limit = LEAST.max(syncer.every.saturating_mul(INTERVALS));
    let overdue = heard.iter().filter(|(waba, at)| asked.contains(waba.as_str()) && silent(*at) > limit);
    Ok(overdue.count() as u64)
}
