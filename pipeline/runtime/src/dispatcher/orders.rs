//! The seam by which orders reach the dispatcher.

use tokio::sync::watch;

use crate::inbox::BoxFuture;
use crate::log::embedded::EmbeddedLog;
use crate::log::{LogError, ReadLimit, Record, Topic};

/// Orders waiting to be sent.
///
/// Contract:
/// - Offsets are the implementation's own: ascending in the order of offering, with one meaning as long as it lives.
///   The embedded log's are those of its topic. Over Kafka they are local numbers from 0 on, over all partitions.
/// - `pending` returns orders at or after an offset that were never taken, in offset order, without waiting. Over
///   Kafka an order is offered again, under a new offset, when its take was refused or its partition came back.
/// - `take` returns when the marks are durable, and only the offsets that nobody had taken before: the call may be
///   made for those alone. A crash after it leaves an attempt without a result, never one that is sent twice. What it
///   leaves out is somebody else's, or offered again if it is still to be sent, or in doubt if its mark may be durable.
/// - `subscribe` tells the offset after the newest order as it moves. It moves too when the orders stop for good, so
///   that `pending` is called and says why.
pub trait Orders: Send + Sync {
    /// Orders at or after `from` that were never taken.
    ///
    /// # Errors
    /// The log cannot be read.
    fn pending(&self, from: u64, limit: ReadLimit) -> BoxFuture<'_, Result<Vec<Record>, LogError>>;

    /// Marks orders as taken; returns those that were not taken before.
    ///
    /// # Errors
    /// The log cannot be written; it is not known which marks are durable.
    fn take(&self, offsets: Vec<u64>) -> BoxFuture<'_, Result<Vec<u64>, LogError>>;

    /// The offset after the newest order.
    fn subscribe(&self) -> watch::Receiver<u64>;
}

impl Orders for EmbeddedLog {
    fn pending(&self, from: u64, limit: ReadLimit) -> BoxFuture<'_, Result<Vec<Record>, LogError>> {
        let log = self.clone();
        Box::pin(async move {
            // Usually served from memory, but a restart reads the disk.
            let read = tokio::task::spawn_blocking(move || EmbeddedLog::pending(&log, from, limit));
            read.await.unwrap_or_else(|_| {
                let reason = "reading orders panicked".into();
                Err(LogError::Stopped { reason })
            })
        })
    }

    fn take(&self, offsets: Vec<u64>) -> BoxFuture<'_, Result<Vec<u64>, LogError>> {
        Box::pin(EmbeddedLog::take(self, offsets))
    }

    fn subscribe(&self) -> watch::Receiver<u64> {
        EmbeddedLog::subscribe(self, Topic::Dispatch)
    }
}
