//! Traces: spans of what becomes of a message, for an OpenTelemetry collector.
//!
//! `span` one span and its ids · `export` the queue and the task that posts it · `client` the posting itself · `config` what is
//! set · this file begins spans and ends them. Switched off, all of it is one look at an `Option`.

mod client;
mod config;
mod export;
mod span;

use crate::clock::Clock;
use bytes::Bytes;
use opentelemetry::trace::TraceId;
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator, SpanData};
use std::sync::Arc;
use tokio::sync::mpsc;
use tollgate_metrics::{Metrics, SpanLoss};
use tollgate_wire::trace::{SpanRef, TraceParent};

pub use config::{Instance, TracesConfig, TracesError};
pub use export::Export;
pub(crate) use span::{Begun, Ended, Kind, attribute};

/// Where spans go. Clones share one queue; the default is switched off.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Shared>>);

struct Shared {
    queue: mpsc::Sender<SpanData>,
    /// Traces of requests without a caller's are recorded when [`RANDOM_BITS`] of their id are below this.
    sample_below: u64,
    /// `messaging.system`.
    system: &'static str,
    clock: Clock,
    metrics: Arc<Metrics>,
}

/// The lowest bits of a trace's id, which are random.
const RANDOM_BITS: u64 = (1 << 56) - 1;

impl Traces {
    /// Switched off.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Begins the queue and what empties it, on the current runtime.
    ///
    /// # Errors
    /// The endpoint or a header cannot be used.
    pub fn start(
        config: &TracesConfig,
        instance: Instance<'_>,
        clock: Clock,
        metrics: &Arc<Metrics>,
    ) -> Result<(Self, Export), TracesError> {
        let system = instance.system;
        let (queue, export) = Export::start(config, instance, Arc::clone(metrics))?;
        let sample_below = ((u128::from(RANDOM_BITS) + 1) * u128::from(config.sample_per_million) / 1_000_000) as u64;
        let shared = Shared { queue, sample_below, system, clock, metrics: Arc::clone(metrics) };
        Ok((Self(Some(Arc::new(shared))), export))
    }

    /// Into a queue that a test looks at.
    #[cfg(test)]
    pub(crate) fn to_queue(sample_per_million: u64) -> (Self, mpsc::Receiver<SpanData>) {
        let (queue, ended) = mpsc::channel(100);
        let shared = Shared {
            queue,
            sample_below: (RANDOM_BITS + 1) / 1_000_000 * sample_per_million,
            system: "tollgate",
            clock: Clock::system(),
            metrics: Arc::new(
                Metrics::new("test", tollgate_metrics::Limits::default()).expect("the catalogue is sound"),
            ),
        };
        (Self(Some(Arc::new(shared))), ended)
    }

    /// Whether spans are recorded.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// `messaging.system`.
    pub(crate) fn system(&self) -> &'static str {
        self.0.as_ref().map_or("", |shared| shared.system)
    }

    /// Begins a span of what came with this `traceparent`. `None` where its caller does not record the trace; without a caller
    /// the configured part is recorded.
    pub(crate) fn begin(&self, traceparent: Option<&[u8]>) -> Option<Begun> {
        let shared = self.0.as_ref()?;
        let (trace, parent) = match traceparent.and_then(TraceParent::parse) {
            Some(caller) => {
                let caller = caller.sampled()?;
                (caller.trace, Some(caller))
            }
            None if shared.sample_below == 0 => return None,
            None => {
                let trace = u128::from_be_bytes(RandomIdGenerator::default().new_trace_id().to_bytes());
                (trace as u64 & RANDOM_BITS < shared.sample_below).then_some((trace, None))?
            }
        };
        Some(shared.begun(trace, parent))
    }

    /// Begins a span below another of ours.
    pub(crate) fn child(&self, parent: SpanRef) -> Option<Begun> {
        let shared = self.0.as_ref()?;
        Some(shared.begun(parent.trace, Some(parent)))
    }

    /// A `traceparent` that says: not recorded. Where a part is recorded, whoever takes the request next must not choose again.
    pub(crate) fn refused(&self) -> Option<Bytes> {
        let shared = self.0.as_ref()?;
        (shared.sample_below > 0).then(|| {
            let ids = RandomIdGenerator::default();
            Bytes::from(format!("00-{}-{}-00", ids.new_trace_id(), ids.new_span_id()))
        })
    }

    /// Ends a span now. A full queue loses it: nothing waits for a collector.
    pub(crate) fn end(&self, begun: Begun, ended: Ended) {
        let Some(shared) = &self.0 else { return };
        if shared.queue.try_send(begun.ended(ended, shared.clock.system_time())).is_err() {
            shared.metrics.span_lost(SpanLoss::QueueFull, 1);
        }
    }
}

impl Shared {
    fn begun(&self, trace: u128, parent: Option<SpanRef>) -> Begun {
        let span = u64::from_be_bytes(RandomIdGenerator::default().new_span_id().to_bytes());
        debug_assert!(TraceId::from(trace) != TraceId::INVALID && span != 0, "ids of zeros are none");
        Begun { span: SpanRef { trace, span }, parent, started: self.clock.system_time() }
    }
}

impl std::fmt::Debug for Traces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_on() { "Traces(on)" } else { "Traces(off)" })
    }
}

#[cfg(test)]
mod tests;
