//! The topics of the log, inputs and outputs, by their stable names.

/// A topic. Every topic has as many partitions as the inputs have; the embedded log has partition 0 only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Input: bulk requests.
    Requests,
    /// Input: requests of the priority lane.
    RequestsPriority,
    /// Input: commands of the API and the command line.
    Commands,
    /// Input: what the platform and the dispatcher report.
    Events,
    /// Output: orders for the dispatcher.
    Dispatch,
    /// Output: every move of a message.
    Outcomes,
    /// Output: charges and corrections.
    Ledger,
    /// Output: resident state for the views.
    Snapshots,
    /// Output: who owns which number, cards with versions.
    Registry,
    /// Output: records that could not be decided, with the reason in their headers.
    DeadLetters,
}

impl Topic {
    /// Number of topics.
    pub const COUNT: usize = 10;

    /// Every topic, in declaration order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Requests,
        Self::RequestsPriority,
        Self::Commands,
        Self::Events,
        Self::Dispatch,
        Self::Outcomes,
        Self::Ledger,
        Self::Snapshots,
        Self::Registry,
        Self::DeadLetters,
    ];

    /// The topics that the shard consumes.
    pub const INPUTS: [Self; 4] = [Self::Requests, Self::RequestsPriority, Self::Commands, Self::Events];

    /// Stable name, as on disk and in Kafka (there with the configured prefix).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::RequestsPriority => "requests.priority",
            Self::Commands => "commands",
            Self::Events => "events",
            Self::Dispatch => "dispatch",
            Self::Outcomes => "outcomes",
            Self::Ledger => "ledger",
            Self::Snapshots => "snapshots",
            Self::Registry => "registry",
            Self::DeadLetters => "dead-letters",
        }
    }

    /// The topic of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    /// True for the topics that the shard consumes and whose offsets it commits.
    #[must_use]
    pub fn is_input(self) -> bool {
        Self::INPUTS.contains(&self)
    }

    /// Position in [`Topic::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_and_name_agree_with_the_list() {
        for (index, topic) in Topic::ALL.into_iter().enumerate() {
            assert_eq!(topic.index(), index);
            assert_eq!(Topic::from_name(topic.name()), Some(topic));
        }
        assert_eq!(Topic::from_name("state"), None);
    }
}
