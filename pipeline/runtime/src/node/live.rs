//! What the API shows that is in no view: dead letters, from the log.

use std::time::Duration;

use crate::clock::monotonic;
use crate::gateway::ReadError;
use crate::log::embedded::EmbeddedLog;
use crate::log::kafka::{KafkaConfig, KafkaTail};
use crate::log::{LogError, ReadLimit, Record, Topic};

/// Longest wait for a page of dead letters.
const PAGE_WAIT: Duration = Duration::from_secs(10);

/// Reads past the views.
pub(super) trait Live: Send + Sync {
    /// Dead letters after an offset, or from the first kept.
    fn dead_letters(&self, after: Option<u64>, limit: ReadLimit) -> Result<Vec<Record>, ReadError>;
}

fn failed(e: impl std::fmt::Display) -> ReadError {
    ReadError::Failed(e.to_string())
}

impl Live for EmbeddedLog {
    fn dead_letters(&self, after: Option<u64>, limit: ReadLimit) -> Result<Vec<Record>, ReadError> {
        let (first, end) = self.ends(Topic::DeadLetters);
        let from = after.map_or(first, |a| a.saturating_add(1)).clamp(first, end);
        self.read_from(Topic::DeadLetters, from, limit).map_err(failed)
    }
}

/// The live side of a process over Kafka.
pub(super) struct KafkaLive {
    pub(super) config: KafkaConfig,
}

impl Live for KafkaLive {
    fn dead_letters(&self, after: Option<u64>, limit: ReadLimit) -> Result<Vec<Record>, ReadError> {
        let wanted = after.map_or(0, |after| after.saturating_add(1));
        let open = |from| KafkaTail::open(&self.config, Topic::DeadLetters, &[(0, from)]);
        let mut tail = match open(wanted) {
            Err(LogError::Trimmed { first, .. }) => open(first).map_err(failed)?,
            Err(LogError::BeyondEnd { .. }) => return Ok(Vec::new()),
            opened => opened.map_err(failed)?,
        };
        let deadline = monotonic() + PAGE_WAIT;
        loop {
            let records = tail.read(limit, deadline.saturating_duration_since(monotonic())).map_err(failed)?;
            // An empty page says that there is nothing more, so a slow broker must not make one.
            if !records.is_empty() || tail.is_caught_up() {
                return Ok(records.into_iter().map(|(_, record)| record).collect());
            }
            if monotonic() >= deadline {
                return Err(failed(format!("no dead letter came within {} s; try again", PAGE_WAIT.as_secs())));
            }
        }
    }
}
