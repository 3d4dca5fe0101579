//! Attempts in doubt and how they end: the core tells each move alone, and this knows which of them end a doubt.

use std::collections::HashSet;
use tollgate_core::State;
use tollgate_core::ids::Uid;
use tollgate_core::record::AttemptState;
use tollgate_metrics::InDoubtResolution;
use tollgate_wire::outcome::OutcomeKind;

/// A message's attempt.
type Attempt = (Uid, u8);

/// The attempts of one shard that are in doubt, with what the batch at hand changes.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    open: HashSet<Attempt>,
    /// In order: whether the attempt is in doubt from there on.
    batch: Vec<(Attempt, bool)>,
}

impl Doubts {
    /// Those of a state that was loaded. Each is looked at by a timer.
    pub(super) fn of(state: &State) -> Self {
        let messages = state.timers().filter_map(|(_, uid)| state.message(uid));
        let attempts = messages.flat_map(|message| message.attempts.iter().map(|attempt| (message.uid, attempt)));
        let open = attempts.filter(|(_, a)| a.state == AttemptState::InDoubt).map(|(uid, a)| (uid, a.number));
        Self { open: open.collect(), batch: Vec::new() }
    }

    /// Takes over a move; how it ended a doubt, if it did. Closing without a result is told with its own words.
    pub(super) fn moved(&mut self, uid: Uid, attempt: u8, to: OutcomeKind) -> Option<InDoubtResolution> {
        use OutcomeKind as K;
        let attempt = (uid, attempt);
        let resolution = match to {
            K::InDoubt => {
                self.batch.push((attempt, true));
                return None;
            }
            K::Accepted | K::Held | K::Sent | K::Delivered | K::Read => Some(InDoubtResolution::Confirmed),
            K::Failed | K::NotSent => Some(InDoubtResolution::Failed),
            K::Unknown => None,
            _ => return None,
        };
        if !self.is_open(attempt) {
            return None;
        }
        self.batch.push((attempt, false));
        resolution
    }

    fn is_open(&self, attempt: Attempt) -> bool {
        let latest = self.batch.iter().rev().find(|(of, _)| *of == attempt);
        latest.map_or_else(|| self.open.contains(&attempt), |(_, open)| *open)
    }

    /// The batch is durable.
    pub(super) fn committed(&mut self) {
        for (attempt, open) in self.batch.drain(..) {
            if open {
                self.open.insert(attempt);
            } else {
                self.open.remove(&attempt);
            }
        }
    }

    /// Nothing of the batch counts.
    pub(super) fn discard(&mut self) {
        self.batch.clear();
    }

    /// How many are in doubt.
    pub(super) fn len(&self) -> u64 {
        self.open.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OutcomeKind as K;

    #[test]
    fn a_doubt_ends_once_and_an_undone_batch_ends_none() {
        let mut doubts = Doubts::default();
        assert_eq!(doubts.moved(1, 1, K::Delivered), None, "it never was in doubt");
        for uid in 1..=4 {
            assert_eq!(doubts.moved(uid, 1, K::InDoubt), None);
        }
        assert_eq!(doubts.moved(4, 1, K::Failed), Some(InDoubtResolution::Failed), "within one batch");
        doubts.committed();
        assert_eq!(doubts.len(), 3);
        assert_eq!(doubts.moved(1, 2, K::Delivered), None, "another attempt");
        assert_eq!(doubts.moved(1, 1, K::Sent), Some(InDoubtResolution::Confirmed));
        doubts.discard();
        assert_eq!(doubts.moved(1, 1, K::Sent), Some(InDoubtResolution::Confirmed));
        assert_eq!(doubts.moved(1, 1, K::Delivered), None, "it was confirmed before");
        assert_eq!(doubts.moved(2, 1, K::Unknown), None, "told with its own words");
        doubts.committed();
        assert_eq!(doubts.len(), 1);
    }
}
