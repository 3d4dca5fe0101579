//! The queue of ended spans and the task that posts them, many at a time.

use super::client::Poster;
use super::{Instance, TracesConfig, TracesError};
use crate::clock::monotonic;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tollgate_metrics::{Metrics, SpanLoss};

/// Spans that wait to be posted, at most; of about one kilobyte each.
const QUEUE_MAX: usize = 8_192;
/// Spans of one post, at most.
const POST_MAX: usize = 512;
/// How long the first span of a post waits for others.
const LINGER: Duration = Duration::from_millis(500);
/// Bound that the exporter itself has; the client ends before it.
const POST_BOUND: Duration = Duration::from_secs(20);
/// A collector that takes nothing is told of again after so long.
const AGAIN: Duration = Duration::from_secs(60);

/// What empties the queue.
#[derive(Debug)]
pub struct Export {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Export {
    pub(super) fn start(
        config: &TracesConfig,
        instance: Instance<'_>,
        metrics: Arc<Metrics>,
    ) -> Result<(mpsc::Sender<SpanData>, Self), TracesError> {
        let (stop, stopping) = watch::channel(false);
        let address = config.address()?;
        let poster = Poster::new(config.header_lines()?, stopping.clone())?;
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(poster)
            .with_endpoint(address.to_string())
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(POST_BOUND)
            // The client does it: it ends at a stop.
            .with_retry_policy(RetryPolicy::disabled())
            .build()?;
        exporter.set_resource(&resource(config, instance));
        let (queue, ended) = mpsc::channel(QUEUE_MAX);
        let task = Task { exporter, ended, stopping, metrics, told: None, lost: 0 };
        Ok((queue, Self { stop, task: tokio::spawn(task.run()) }))
    }

    /// Posts what waits, once, within `bound`; the rest is lost.
    pub async fn stop(mut self, bound: Duration) {
        self.stop.send_replace(true);
        if tokio::time::timeout(bound, &mut self.task).await.is_err() {
            self.task.abort();
            tracing::warn!("spans that waited for the collector are lost with this stop");
        }
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn resource(config: &TracesConfig, instance: Instance<'_>) -> Resource {
    let id = instance.id.map(|id| KeyValue::new("service.instance.id", id.to_owned()));
    Resource::builder_empty()
        .with_service_name(config.service_name.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attributes(id)
        .build()
}

struct Task {
    exporter: SpanExporter,
    ended: mpsc::Receiver<SpanData>,
    stopping: watch::Receiver<bool>,
    metrics: Arc<Metrics>,
    /// When a failure was last told.
    told: Option<Instant>,
    /// Spans lost since.
    lost: usize,
}

impl Task {
    async fn run(mut self) {
        loop {
            let mut spans = Vec::new();
            let more = tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stopping| *stopping) => false,
                taken = self.ended.recv_many(&mut spans, POST_MAX) => taken > 0,
            };
            if !more {
                return self.last().await;
            }
            self.linger(&mut spans).await;
            self.post(spans).await;
        }
    }

    /// Waits a little for more, unless it is to stop.
    async fn linger(&mut self, spans: &mut Vec<SpanData>) {
        let over = tokio::time::sleep(LINGER);
        tokio::pin!(over);
        while spans.len() < POST_MAX {
            let room = POST_MAX - spans.len();
            tokio::select! {
                biased;
                () = &mut over => break,
                _ = self.stopping.wait_for(|stopping| *stopping) => break,
                more = self.ended.recv_many(spans, room) => if more == 0 { break },
            }
        }
    }

    /// What is in the queue at the stop. After a failure nothing more is tried.
    async fn last(mut self) {
        self.ended.close();
        let mut spans = Vec::new();
        while let Ok(span) = self.ended.try_recv() {
            spans.push(span);
            if spans.len() == POST_MAX && !self.post(std::mem::take(&mut spans)).await {
                return;
            }
        }
        if !spans.is_empty() {
            self.post(spans).await;
        }
    }

    /// Posts one batch; `false` when it is lost.
    async fn post(&mut self, spans: Vec<SpanData>) -> bool {
        let count = spans.len();
        match self.exporter.export(spans).await {
            Ok(()) => {
                self.metrics.spans_exported(count as u64);
                true
            }
            Err(error) => {
                self.metrics.span_lost(SpanLoss::NotTaken, count as u64);
                self.lost += count;
                if self.told.is_none_or(|told| told.elapsed() >= AGAIN) {
                    self.told = Some(monotonic());
                    tracing::warn!(%error, spans = std::mem::take(&mut self.lost), "the collector does not take spans; they are lost");
                }
                false
            }
        }
    }
}
