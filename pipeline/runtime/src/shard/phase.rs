//! What a batch is at, so that a panic is blamed on what caused it.

/// What a batch is at: who is to blame for a panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// A record of an input.
    #[default]
    Record,
    /// Timers and queues.
    Tick,
    /// What has ended.
    Sweep,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Record => "decided a record",
            Self::Tick => "worked through timers and queues",
            Self::Sweep => "forgot what has ended",
        })
    }
}
