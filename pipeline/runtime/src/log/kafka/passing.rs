//! Which errors of a consumer pass by themselves. Whatever is not known to do so ends the process: one that reads nothing
//! and says nothing is worse than one that ends with a reason.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Whether the client goes on by itself after this error: a connection is lost, a leader or a coordinator moves, or the
/// group divides its partitions anew.
pub(crate) fn is_passing(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as E;
    match error {
        KafkaError::MessageConsumptionFatal(_) => false,
        KafkaError::PartitionEOF(_) => true,
        error => matches!(
            error.rdkafka_error_code(),
            Some(
                // The connection. A broker that goes down while it shakes hands is told as a failure of TLS.
                E::AllBrokersDown
                    | E::BrokerTransportFailure
                    | E::Resolve
                    | E::SSL
                    | E::OperationTimedOut
                    | E::TimedOutQueue
                    | E::RequestTimedOut
                    | E::NetworkException
                    // The leader of a partition.
                    | E::LeaderNotAvailable
                    | E::NotLeaderForPartition
                    | E::BrokerNotAvailable
                    | E::ReplicaNotAvailable
                    | E::KafkaStorageError
                    | E::OffsetNotAvailable
                    | E::FencedLeaderEpoch
                    | E::UnknownLeaderEpoch
                    // The group and its coordinator.
                    | E::WaitingForCoordinator
                    | E::CoordinatorNotAvailable
                    | E::CoordinatorLoadInProgress
                    | E::NotCoordinator
                    | E::RebalanceInProgress
                    | E::IllegalGeneration
                    | E::UnknownMemberId
                    | E::MemberIdRequired
                    | E::AssignmentLost
                    | E::PollExceeded
            )
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_connections_and_what_moves_pass_and_nothing_else() {
        use RDKafkaErrorCode as E;
        assert!(is_passing(&KafkaError::PartitionEOF(3)));
        for code in [
            E::AllBrokersDown,
            E::BrokerTransportFailure,
            E::OperationTimedOut,
            E::NotLeaderForPartition,
            E::NotCoordinator,
            E::RebalanceInProgress,
            E::IllegalGeneration,
            E::UnknownMemberId,
        ] {
            assert!(is_passing(&KafkaError::MessageConsumption(code)), "{code}");
        }
        assert!(!is_passing(&KafkaError::MessageConsumptionFatal(E::AllBrokersDown)));
        for code in [
            E::UnknownTopicOrPartition,
            E::OffsetOutOfRange,
            E::AutoOffsetReset,
            E::TopicAuthorizationFailed,
            E::GroupAuthorizationFailed,
            E::Authentication,
            E::FencedInstanceId,
            E::InconsistentGroupProtocol,
            E::MessageSizeTooLarge,
            E::InvalidMessage,
            E::BadMessage,
            E::Unknown,
        ] {
            assert!(!is_passing(&KafkaError::MessageConsumption(code)), "{code}");
        }
    }
}
