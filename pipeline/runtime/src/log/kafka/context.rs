//! What librdkafka tells beside its results: errors of connections, log lines, and the API versions of the brokers.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Keeps the newest error with librdkafka's own words, which its error codes alone do not carry.
#[derive(Debug, Default)]
pub(super) struct Reports(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    last: Option<(RDKafkaErrorCode, String)>,
    refused: Option<String>,
    api_versions: BTreeMap<i16, i16>,
}

impl Reports {
    /// The newest error of the client in words. That no broker is left is told only when nothing else was.
    pub(super) fn last(&self) -> Option<String> {
        self.seen().last.as_ref().map(|(_, reason)| reason.clone())
    }

    /// Why a broker refused the connection: credentials or TLS.
    pub(super) fn refused(&self) -> Option<String> {
        self.seen().refused.clone()
    }

    /// The newest version of an API that every broker asked so far takes, if the client logs its features.
    pub(super) fn api_version(&self, key: i16) -> Option<i16> {
        self.seen().api_versions.get(&key).copied()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == "APIVERSION" {
            if let Some((key, version)) = api_version(message) {
                let mut seen = self.seen();
                let newest = seen.api_versions.entry(key).or_insert(version);
                *newest = version.min(*newest);
            }
            return;
        }
        match level {
            // What it says of our own settings, at every start.
            _ if facility == "CONFWARN" => tracing::debug!(facility, "kafka client: {message}"),
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => tracing::warn!(facility, "kafka client: {message}"),
            _ => tracing::debug!(facility, "kafka client: {message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        if code == RDKafkaErrorCode::PartitionEOF {
            return;
        }
        tracing::debug!(?code, "kafka client: {reason}");
        let mut seen = self.seen();
        if matches!(
            code,
            RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed | RDKafkaErrorCode::SSL
        ) {
            seen.refused = Some(reason.to_owned());
        }
        if code != RDKafkaErrorCode::AllBrokersDown || seen.last.is_none() {
            seen.last = Some((code, reason.to_owned()));
        }
    }
}

impl ConsumerContext for Reports {}

/// Key and newest version out of librdkafka's line `… ApiKey EndTxn (26) Versions 0..5`.
fn api_version(line: &str) -> Option<(i16, i16)> {
    let (_, rest) = line.split_once("ApiKey ")?;
    let (key, versions) = rest.split_once('(')?.1.split_once(") Versions ")?;
    Some((key.parse().ok()?, versions.split_once("..")?.1.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_broker_decides_the_version() {
        let reports = Reports::default();
        for line in [
            "[thrd:a:9092/1]: a:9092/1:   ApiKey EndTxn (26) Versions 0..5",
            "[thrd:b:9092/2]: b:9092/2:   ApiKey EndTxn (26) Versions 0..4",
            "[thrd:a:9092/1]: a:9092/1: Broker API support:",
        ] {
            reports.log(RDKafkaLogLevel::Debug, "APIVERSION", line);
        }
        assert_eq!(reports.api_version(26), Some(4));
        assert_eq!(reports.api_version(0), None);
    }

    #[test]
    fn a_cause_outlives_the_news_that_all_brokers_are_down() {
        let reports = Reports::default();
        reports.error(KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure), "connection refused");
        reports.error(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");
        assert_eq!(reports.last().as_deref(), Some("connection refused"));
        assert_eq!(reports.refused(), None);
        reports.error(KafkaError::Global(RDKafkaErrorCode::Authentication), "wrong password");
        assert_eq!(reports.refused().as_deref(), Some("wrong password"));
    }
}
