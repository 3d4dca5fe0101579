//! Whether the brokers are there, as far as a consumer knows: one that hears nothing is not one for which there is
//! nothing to hear.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::clock::monotonic;

/// How often the brokers are asked while they are away: nothing else tells of their return where nothing is written.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// What a consumer last knew of its brokers.
pub(super) struct Contact {
    /// When they were lost, or asked in vain.
    away_since: Option<Instant>,
}

impl Contact {
    /// They are there until a failure says otherwise.
    pub(super) const fn new() -> Self {
        Self { away_since: None }
    }

    /// A broker answered.
    pub(super) fn heard(&mut self) {
        self.away_since = None;
    }

    /// The consumer failed to read: where no broker is left, nothing is known from here on.
    pub(super) fn failed(&mut self, error: &KafkaError) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.away_since.get_or_insert_with(monotonic);
        }
    }

    /// Whether they are there.
    pub(super) fn is_there(&self) -> bool {
        self.away_since.is_none()
    }

    /// While they are away: asks now and then whether they are back.
    pub(super) fn look(&mut self, ask: impl FnOnce() -> bool) {
        if self.away_since.is_some_and(|since| since.elapsed() >= ASK_EVERY) {
            self.away_since = if ask() { None } else { Some(monotonic()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loss_of_every_broker_breaks_the_contact_and_any_answer_mends_it() {
        let mut contact = Contact::new();
        contact.failed(&KafkaError::MessageConsumption(RDKafkaErrorCode::BrokerTransportFailure));
        assert!(contact.is_there(), "another broker may have the partition");
        contact.failed(&KafkaError::MessageConsumption(RDKafkaErrorCode::AllBrokersDown));
        contact.look(|| unreachable!("it is too early"));
        assert!(!contact.is_there());
        contact.heard();
        assert!(contact.is_there());
    }
}
