//! The dispatcher: takes orders durably, makes each send call at most once, and reports what came of it.
//!
//! `orders` where orders come from · `backlog` which order goes next (pure) · `pace` one sender's spacing (pure) ·
//! `run` the loop: read, take, launch · `call` one attempt · `span` how a trace shows it ·
//! `results` reports back until durable · `targets` a
//! sender's address and token · `kafka_orders` orders from Kafka · `taken_marks` which of them are taken (pure).

mod backlog;
mod call;
mod config;
mod kafka_orders;
mod orders;
mod pace;
mod results;
mod run;
mod span;
mod taken_marks;
mod targets;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tollgate_metrics::Metrics;

pub use config::{DispatcherConfig, DispatcherError};
pub use kafka_orders::KafkaOrders;
pub use orders::Orders;

use crate::clock::Clock;
use crate::graph::GraphClient;
use crate::inbox::Inbox;
use crate::lag::Lags;
use crate::registry::SharedRegistry;
use crate::traces::Traces;

/// What the dispatcher works with.
#[derive(Clone)]
pub struct DispatcherParts {
    /// Where orders come from.
    pub orders: Arc<dyn Orders>,
    /// Where results go.
    pub inbox: Arc<dyn Inbox>,
    /// The platform.
    pub graph: GraphClient,
    /// Senders' apps and rates.
    pub registry: SharedRegistry,
    /// For `leave_by` and the time of results.
    pub clock: Clock,
    /// `tollgate_dispatch_seconds`, `tollgate_open_calls`.
    pub metrics: Arc<Metrics>,
    /// How old the oldest order is that is not taken.
    pub lags: Arc<Lags>,
    /// Where spans of calls go.
    pub traces: Traces,
}

/// A running dispatcher. Dropping it without [`Dispatcher::stop`] ends it at once: calls under way become in doubt.
#[derive(Debug)]
pub struct Dispatcher {
    stop: watch::Sender<bool>,
    run: JoinHandle<Result<(), DispatcherError>>,
    results: JoinHandle<()>,
}

/// How a stop went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Every call taken has a durable result.
    Clean,
    /// The bound passed first: calls without a durable result become in doubt, the engine's deadline settles them.
    Cut,
}

impl Dispatcher {
    /// Starts it on the current runtime. Every sender starts with an empty bucket; orders that were pending before
    /// are sent if their `leave_by` allows it and reported as not sent otherwise.
    #[must_use]
    pub fn start(config: DispatcherConfig, parts: DispatcherParts) -> Self {
        let (stop, stopping) = watch::channel(false);
        let slots = config.concurrent_max.max(1);
        // A slot is freed only when its result is durable, so neither channel ever holds more than the slots, plus
        // the expired orders for which the sender waits.
        let (report, reported) = mpsc::channel(slots * 2);
        let (freed, free) = mpsc::channel(slots);
        let results = results::Results::new(Arc::clone(&parts.inbox), parts.clock.clone(), reported, freed);
        let results = tokio::spawn(results.run());
        let run = tokio::spawn(run::Run::new(config, parts, report, free, stopping).run());
        Self { stop, run, results }
    }

    /// Takes nothing more, lets the calls under way end and their results become durable, all within `bound`.
    ///
    /// # Errors
    /// Why it had ended before, if it had: reading or taking orders failed for good.
    pub async fn stop(mut self, bound: Duration) -> Result<Stopped, DispatcherError> {
        self.stop.send_replace(true);
        let ended = tokio::time::timeout(bound, async {
            let run = (&mut self.run).await;
            let results = (&mut self.results).await;
            (run, results)
        });
        match ended.await {
            Ok((Ok(run), Ok(()))) => run.map(|()| Stopped::Clean),
            Ok(_) => Err(DispatcherError::Panicked),
            Err(_) => Ok(Stopped::Cut),
        }
    }

    /// Whether it still takes orders and reports what came of them; for readiness.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.run.is_finished() && !self.results.is_finished()
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.run.abort();
        self.results.abort();
    }
}

#[cfg(test)]
mod tests;
