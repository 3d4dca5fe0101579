//! The seam by which records enter the log from outside: the gateway and the dispatcher know only this.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use crate::log::embedded::EmbeddedLog;
use crate::log::{LogError, NewRecord, Topic};

#[cfg(test)]
pub(crate) mod fake;

/// A boxed future, for traits that are used as objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where requests, commands, events and dead letters are put.
///
/// Contract:
/// - The future resolves with `Ok` only when every record of the call is durable; in Kafka mode, acknowledged by all
///   in-sync replicas.
/// - Embedded: one call's records of one topic become durable together or not at all. Kafka: each for itself, since
///   producers outside the shards write without transactions; after an error any part of a call may be there, and
///   readers may see the first records of a call before its last. So no decision may depend on a call being whole.
/// - Records of one topic keep their order inside a call and between calls made one after the other.
/// - After [`AppendError::Full`] nothing was written. After any other error it is not known what was: the caller may
///   append the same records again, since every input is deduplicated where it is decided.
/// - A dropped future may still be written.
pub trait Inbox: Send + Sync {
    /// Appends records and waits until they are durable.
    ///
    /// # Errors
    /// See [`AppendError`].
    fn append(&self, records: Vec<(Topic, NewRecord)>) -> BoxFuture<'_, Result<(), AppendError>>;
}

/// Why records were not made durable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Too much waits to be written; nothing of this call was. Try again in a moment.
    #[error("the log is busy, nothing was written; try again in a moment")]
    Full,
    /// A record, or all together, exceed what the log takes; the same will never fit.
    #[error("{0}")]
    TooLarge(String),
    /// The write failed or was cut off; it is not known whether the records are there.
    #[error("the log failed: {0}; the same records may be sent again")]
    Failed(String),
}

impl Inbox for EmbeddedLog {
    fn append(&self, records: Vec<(Topic, NewRecord)>) -> BoxFuture<'_, Result<(), AppendError>> {
        Box::pin(async move {
            let mut by_topic: Vec<(Topic, Vec<NewRecord>)> = Vec::new();
            for (topic, record) in records {
                match by_topic.iter_mut().find(|(have, _)| *have == topic) {
                    Some((_, records)) => records.push(record),
                    None => by_topic.push((topic, vec![record])),
                }
            }
            // All are queued before any is awaited, so that they share one fsync.
            let appends = by_topic.into_iter().map(|(topic, records)| self.append(topic, records));
            let results = all(appends.map(|append| Box::pin(append) as BoxFuture<'_, _>).collect()).await;
            let written = results.iter().any(Result::is_ok);
            match results.into_iter().find_map(Result::err) {
                None => Ok(()),
                Some(LogError::Busy { .. }) if !written => Err(AppendError::Full),
                Some(error @ LogError::TooLarge { .. }) => Err(AppendError::TooLarge(error.to_string())),
                Some(error) => Err(AppendError::Failed(error.to_string())),
            }
        })
    }
}

/// Runs futures side by side; results in their order.
async fn all<T>(mut futures: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let mut results: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *result = Some(ready);
            }
        }
        if results.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}
