//! One attempt: wait for its turn, check `leave_by` at the last moment, call once, report.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tollgate_metrics::{Metrics, Outcome};
use tollgate_wire::Reason;
use tollgate_wire::event::{AttemptResult, DispatchResult};

use super::backlog::Job;
use super::results::{Report, Slot};
use crate::clock::{self, Clock};
use crate::graph::{GraphClient, Target};

/// What every attempt needs.
pub(super) struct Caller {
    pub(super) graph: GraphClient,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) report: mpsc::Sender<Report>,
}

impl Caller {
    /// Makes the attempt of an order that is durably taken.
    pub(super) async fn attempt(self: Arc<Self>, job: Job, target: Option<Target>, start: Instant) {
        tokio::time::sleep_until(start.into()).await;
        let slot = Slot { sender: job.sender, pair: job.pair, priority: job.priority };
        let result = match target {
            None => AttemptResult::NotSent { reason: Reason::Unreachable },
            Some(_) if self.clock.now() >= job.leave_by => AttemptResult::NotSent { reason: Reason::LeaveBy },
            Some(target) => {
                let started = clock::monotonic();
                let result = self.graph.send(&target, job.body).await;
                self.metrics.dispatched(outcome(&result), started.elapsed());
                result
            }
        };
        let result = DispatchResult { callback: job.callback, at: self.clock.now(), result };
        // The receiver lives as long as the dispatcher; when it was dropped, the attempt becomes in doubt.
        let _ = self.report.send(Report { account: job.account, result, slot: Some(slot) }).await;
    }

    /// Reports an order that was taken too late to be called.
    pub(super) async fn too_late(&self, job: Job) {
        let result = AttemptResult::NotSent { reason: Reason::LeaveBy };
        let result = DispatchResult { callback: job.callback, at: self.clock.now(), result };
        let _ = self.report.send(Report { account: job.account, result, slot: None }).await;
    }
}

fn outcome(result: &AttemptResult<'_>) -> Outcome {
    match result {
        AttemptResult::Accepted { held: false, .. } => Outcome::Accepted,
        AttemptResult::Accepted { held: true, .. } => Outcome::Held,
        AttemptResult::NotSent { .. } => Outcome::NotSent,
        AttemptResult::Rejected { .. } => Outcome::Failed,
        AttemptResult::InDoubt => Outcome::InDoubt,
    }
}
