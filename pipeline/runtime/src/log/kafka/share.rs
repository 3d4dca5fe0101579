//! A process's share of what its group reads.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;

use super::config::KafkaConfig;
use super::membership::{Assignments, News};
use super::passing::is_passing;
use crate::log::{LogError, Topic};

/// Membership in a consumer group that reads nothing by itself: it tells which partitions of its topics are this
/// process's. Where they are read from is kept elsewhere, with what was made of them, so nothing is committed to Kafka.
pub struct KafkaShare {
    group: BaseConsumer<Assignments>,
    name: String,
    /// Names of its topics.
    topics: String,
}

impl KafkaShare {
    /// Joins the group `<app>.<name>` for topics of the same number of partitions, of which it gives the same ones of
    /// each. A restart under the same slot keeps its share.
    ///
    /// # Errors
    /// The client does not start.
    pub fn join(config: &KafkaConfig, name: &str, topics: &[Topic]) -> Result<Self, LogError> {
        let name = format!("{}.{name}", config.app);
        let failed = |what: &str, e: &dyn std::fmt::Display| LogError::Stopped {
            reason: format!("{what} group {name}: {e}").into(),
        };
        let session_ms = config.session_timeout.as_millis();
        let mut client = config.consumer(&name, &name);
        client
            .set("group.instance.id", format!("{name}-{}", config.slot))
            .set("partition.assignment.strategy", "range")
            .set("session.timeout.ms", session_ms.to_string())
            .set("heartbeat.interval.ms", (session_ms / 5).to_string());
        let group: BaseConsumer<Assignments> =
            client.create_with_context(Assignments::of(topics.len())).map_err(|e| failed("the consumer of", &e))?;
        let names: Vec<String> = topics.iter().map(|topic| config.topic(*topic)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        group.subscribe(&names).map_err(|e| failed("joining", &e))?;
        Ok(Self { topics: names.join(", "), group, name })
    }

    /// The partitions that are this process's, if that has changed since the last call. To be called often: the group
    /// takes a silent member for dead.
    ///
    /// # Errors
    /// Another process has this one's slot, or the group refuses it.
    pub fn news(&self) -> Result<Option<Vec<u32>>, LogError> {
        // There are no records, but the callbacks run inside.
        while let Some(message) = self.group.poll(Duration::ZERO) {
            match message {
                Err(KafkaError::MessageConsumptionFatal(_)) => {} // Its cause is asked for next.
                Err(e) if !is_passing(&e) => {
                    return Err(LogError::Stopped {
                        reason: format!("group {} on {}: {e}; may this user join it?", self.name, self.topics).into(),
                    });
                }
                Err(e) => tracing::debug!(group = self.name, "{e}"),
                Ok(_) => {}
            }
        }
        if let Some((code, words)) = self.group.client().fatal_error() {
            let reason = format!("group {}: {code}: {words}; give each process a kafka.slot of its own", self.name);
            return Err(LogError::Stopped { reason: reason.into() });
        }
        let mut share = None;
        for news in self.group.context().take() {
            share = Some(match news {
                News::Assigned(partitions) => partitions.into_iter().collect(),
                News::Revoked => Vec::new(),
                News::Failed(reason) => {
                    return Err(LogError::Stopped { reason: format!("group {}: {reason}", self.name).into() });
                }
            });
        }
        if let Some(partitions) = &share {
            tracing::info!(group = self.name, ?partitions, "partitions are assigned");
        }
        Ok(share)
    }
}
