//! One attempt: wait for its turn, check `leave_by` at the last moment, call once, report.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tollgate_metrics::{Metrics, Outcome};
use tollgate_wire::Reason;
use tollgate_wire::event::{AttemptResult, DispatchResult};
use tollgate_wire::order::{Callback, Order};
use tollgate_wire::trace::{SpanRef, TraceParent};

use super::backlog::Job;
use super::results::{Report, Slot};
use super::span::{self, Called};
use super::targets::Destination;
use crate::clock::{self, Clock};
use crate::graph::{GraphClient, Sent};
use crate::traces::Traces;

/// What every attempt needs.
pub(super) struct Caller {
    pub(super) graph: GraphClient,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) report: mpsc::Sender<Report>,
    pub(super) traces: Traces,
}

impl Caller {
    /// Makes the attempt of an order that is durably taken.
    pub(super) async fn attempt(self: Arc<Self>, job: Job, to: Destination, start: Instant) {
        tokio::time::sleep_until(start.into()).await;
        let slot = Slot { sender: job.sender, pair: job.pair, priority: job.priority };
        let result = match to.target().await {
            None => AttemptResult::NotSent { reason: Reason::Unreachable },
            Some(_) if self.clock.now() >= job.leave_by => AttemptResult::NotSent { reason: Reason::LeaveBy },
            Some(target) => {
                let started = clock::monotonic();
                let begun = job.trace.and_then(|parent| self.traces.child(parent));
                let Sent { result, status } = if job.marketing {
                    self.graph.send_marketing(&target, job.body, &self.clock, job.leave_by).await
                } else {
                    self.graph.send(&target, job.body, &self.clock, job.leave_by).await
                };
                self.metrics.dispatched(outcome(&result), started.elapsed());
                if let Some(begun) = begun {
                    let priority = slot.priority;
                    let ended = span::of(&Called {
                        account: &job.account,
                        callback: job.callback,
                        priority,
                        marketing: job.marketing,
                        target: &target,
                        result: &result,
                        status,
                    });
                    self.traces.end(begun, ended);
                }
                result
            }
        };
        tell(&job.account, job.callback, &result, clock::monotonic().saturating_duration_since(start));
        let result = DispatchResult { callback: job.callback, at: self.clock.now(), result };
        // The receiver lives as long as the dispatcher; when it was dropped, the attempt becomes in doubt.
        let _ = self.report.send(Report { account: job.account, result, slot: Some(slot) }).await;
    }

    /// The span that the order's calls are below.
    pub(super) fn parent(&self, order: &Order<'_>) -> Option<SpanRef> {
        let text = order.traceparent.as_deref().filter(|_| self.traces.is_on())?;
        TraceParent::parse(text.as_bytes())?.sampled()
    }

    /// Reports an order that was taken too late to be called.
    pub(super) async fn too_late(&self, job: Job) {
        let result = AttemptResult::NotSent { reason: Reason::LeaveBy };
        tell(&job.account, job.callback, &result, Duration::ZERO);
        let result = DispatchResult { callback: job.callback, at: self.clock.now(), result };
        let _ = self.report.send(Report { account: job.account, result, slot: None }).await;
    }
}

/// One line for an attempt, at debug. The platform's own words may name a recipient, so its code alone is told.
fn tell(account: &str, callback: Callback, result: &AttemptResult<'_>, took: Duration) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let Callback { message_uid, attempt } = callback;
    let (code, reason) = match result {
        AttemptResult::Rejected { code, .. } => (Some(*code), None),
        AttemptResult::NotSent { reason } => (None, Some(reason.as_str())),
        AttemptResult::Accepted { .. } | AttemptResult::InDoubt => (None, None),
    };
    let (result, milliseconds) = (outcome(result).as_str(), took.as_millis() as u64);
    tracing::debug!(account, message_uid, attempt, result, code, reason, milliseconds, "called");
}

pub(super) fn outcome(result: &AttemptResult<'_>) -> Outcome {
    match result {
        AttemptResult::Accepted { held: false, .. } => Outcome::Accepted,
        AttemptResult::Accepted { held: true, .. } => Outcome::Held,
        AttemptResult::NotSent { .. } => Outcome::NotSent,
        AttemptResult::Rejected { .. } => Outcome::Failed,
        AttemptResult::InDoubt => Outcome::InDoubt,
    }
}
