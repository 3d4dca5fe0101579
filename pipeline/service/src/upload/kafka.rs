//! Requests straight onto their topics in Kafka, without a service between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use indicatif::ProgressBar;
use tollgate_runtime::clock;
use tollgate_runtime::inbox::{AppendError, Inbox as _};
use tollgate_runtime::lane::Lane;
use tollgate_runtime::log::kafka::{self, KafkaConfig, KafkaInbox};
use tollgate_runtime::log::{NewRecord, Topic};
use tollgate_runtime::registry::{Registry, SharedRegistry};
use tollgate_wire::request;

use super::batch::{Batch, Sent};
use super::{BadRow, Row};

/// First wait after a failure; doubles up to [`WAIT_MAX`].
const WAIT: Duration = Duration::from_millis(500);
/// Longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// The topics for requests.
pub struct KafkaSender {
    inbox: KafkaInbox,
    /// The accounts as they were at the start: a request of another would only be set aside.
    registry: Arc<Registry>,
    lane: Lane,
    one_account: bool,
    give_up: Duration,
}

impl KafkaSender {
    /// Looks at the topics and reads the registry. Blocks, for at most about two minutes.
    ///
    /// # Errors
    /// The brokers cannot be used, or the topics are not as they must be.
    pub fn open(config: &KafkaConfig, lane: Lane, one_account: bool, give_up: Duration) -> anyhow::Result<Self> {
        let partitions = kafka::check(config)?;
        let (shared, stop) = (SharedRegistry::new(Registry::default()), Arc::new(AtomicBool::new(false)));
        let reader = kafka::follow_registry(config, shared.clone(), Arc::clone(&stop))?;
        stop.store(true, Ordering::Release);
        reader.join();
        let inbox = KafkaInbox::open(config, partitions)?;
        Ok(Self { inbox, registry: shared.snapshot(), lane, one_account, give_up })
    }

    /// Sends what can be sent until the brokers have it. A batch that failed is sent again whole: an id is taken once.
    pub(super) async fn send(&self, batch: Batch, bar: &ProgressBar) -> anyhow::Result<Sent> {
        let mut sent = Sent::default();
        let mut records = Vec::with_capacity(batch.rows.len());
        for row in batch.rows {
            let line = row.line;
            match self.record(row)? {
                Ok(record) => records.push(record),
                Err(problem) => sent.refused.push(BadRow { line, problem }),
            }
        }
        sent.accepted = records.len() as u64;
        let (began, mut wait) = (Instant::now(), WAIT);
        loop {
            let error = match self.inbox.append(records.clone()).await {
                Ok(()) => return Ok(sent),
                Err(error @ AppendError::TooLarge(_)) => return Err(error.into()),
                Err(error) => error,
            };
            if let Some(why) = self.inbox.stopped() {
                return Err(anyhow!("the producer has stopped: {why}"));
            }
            if began.elapsed() >= self.give_up {
                return Err(error.into());
            }
            bar.set_message("waiting for the brokers");
            tokio::time::sleep(wait).await;
            bar.set_message("");
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    /// A row as its record, or what is wrong with it.
    ///
    /// # Errors
    /// What is wrong with all rows of the file.
    fn record(&self, row: Row) -> anyhow::Result<Result<(Topic, NewRecord), String>> {
        let bytes = bytes::Bytes::from(row.json);
        let request = match request::parse(&bytes) {
            Ok(request) => request,
            Err(error) => return Ok(Err(format!("{}: {error}", error.reason))),
        };
        if self.registry.account(&request.account).is_none() {
            let problem = format!(
                "unknown_account: account = {:?}: the account is not in the registry; create it with `tollgate accounts apply FILE`",
                request.account
            );
            return if self.one_account { Err(anyhow!(problem)) } else { Ok(Err(problem)) };
        }
        Ok(Ok(self.lane.record(&request, bytes.clone(), clock::now().0)))
    }
}
