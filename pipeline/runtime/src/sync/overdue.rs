//! How many WABAs the platform has told nothing of for too long, and of how many no figures are kept. A count of failures
//! would not say it: whoever fails asks less and less often, and many that fail for a moment are no outage of one.

use super::ask::{Failure, Syncer};
use super::schedule::wabas;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tollgate_wire::Time;
use tollgate_wire::analytics::DAY_S;

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
        match count_figures(&syncer, &asked).await {
            Ok(wabas) => syncer.parts.metrics.set_figures_overdue(wabas),
            Err(error) => tracing::warn!(%error, "it cannot be counted which WABAs' figures are overdue"),
        }
    }
}

/// How many of those that are asked about are overdue. One that was never asked about is not.
pub(super) async fn count(syncer: &Arc<Syncer>, asked: &HashSet<Arc<str>>) -> Result<u64, Failure> {
    let heard = syncer.write(|writer| writer.syncs_heard()).await?;
    let now = syncer.parts.clock.now();
    let silent = |at: Time| Duration::from_millis(now.0.saturating_sub(at.0));
    let limit = limit(syncer);
    let overdue = heard.iter().filter(|(waba, at)| asked.contains(waba.as_str()) && silent(*at) > limit);
    Ok(overdue.count() as u64)
}

/// Of how many of those that are asked about no figures are kept of the last day (UTC) that is over for so long. A question
/// that fails once is asked again before.
pub(super) async fn count_figures(syncer: &Arc<Syncer>, asked: &HashSet<Arc<str>>) -> Result<u64, Failure> {
    let now = i64::from(syncer.parts.clock.now().secs());
    let day = (now - limit(syncer).as_secs() as i64).div_euclid(DAY_S) - 1;
    let without = syncer.write(move |writer| writer.syncs_without_figures(day)).await?;
    Ok(without.iter().filter(|waba| asked.contains(waba.as_str())).count() as u64)
}

/// What is overdue has been due for longer.
fn limit(syncer: &Syncer) -> Duration {
    LEAST.max(syncer.every.saturating_mul(INTERVALS))
}
