//! What the API shows that is in no view: consents from the shard's store, dead letters from the log.

use std::sync::Arc;
use std::time::Duration;

use crate::gateway::ReadError;
use crate::log::embedded::EmbeddedLog;
use crate::log::kafka::{KafkaConfig, KafkaTail, ServedStores, partition_of};
use crate::log::{ReadLimit, Record, Topic};
use crate::store::Store;

/// Longest wait for a page of dead letters.
const PAGE_WAIT: Duration = Duration::from_secs(2);

/// Reads past the views.
pub(super) trait Live: Send + Sync {
    /// The store that holds an account.
    fn store(&self, account: &str) -> Result<Store, ReadError>;

    /// Dead letters after an offset, or from the first kept.
    fn dead_letters(&self, after: Option<u64>, limit: ReadLimit) -> Result<Vec<Record>, ReadError>;
}

fn failed(e: impl std::fmt::Display) -> ReadError {
    ReadError::Failed(e.to_string())
}

impl Live for EmbeddedLog {
    fn store(&self, _: &str) -> Result<Store, ReadError> {
        Ok(EmbeddedLog::store(self).clone())
    }

    fn dead_letters(&self, after: Option<u64>, limit: ReadLimit) -> Result<Vec<Record>, ReadError> {
        let (first, end) = self.ends(Topic::DeadLetters);
        let from = after.map_or(first, |a| a.saturating_add(1)).clamp(first, end);
        self.read_from(Topic::DeadLetters, from, limit).map_err(failed)
    }
}

/// The live side of a process over Kafka.
pub(super) struct KafkaLive {
    pub(super) config: KafkaConfig,
    pub(super) partitions: u32,
    /// Stores of the partitions decided for in this process.
    pub(super) stores: Arc<ServedStores>,
}

impl Live for KafkaLive {
    fn store(&self, account: &str) -> Result<Store, ReadError> {
        let partition = partition_of(account.as_bytes(), self.partitions);
        self.stores.get(partition).ok_or_else(|| {
            ReadError::Failed(format!(
                "the consents of this account are in partition {partition}, which another process decides for; ask there"
            ))
        })
    }

    fn dead_letters(&self, after: Option<u64>, limit: ReadLimit) -> Result<Vec<Record>, ReadError> {
        let first = KafkaTail::open_from_start(&self.config, Topic::DeadLetters, 1).map_err(failed)?;
        let (low, end) = (first.low().map_err(failed)?, first.ends().map_err(failed)?);
        let (low, end) = (low.first().map_or(0, |l| l.1), end.first().map_or(0, |e| e.1));
        let from = after.map_or(low, |a| a.saturating_add(1)).clamp(low, end);
        let mut tail = KafkaTail::open(&self.config, Topic::DeadLetters, &[(0, from)]).map_err(failed)?;
        let records = tail.read(limit, PAGE_WAIT).map_err(failed)?;
        Ok(records.into_iter().map(|(_, record)| record).collect())
    }
}
