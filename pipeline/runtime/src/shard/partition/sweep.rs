//! What has ended is forgotten after its time: some with each snapshot, so that no batch waits long for it.

use super::{DecideError, Shard};
use crate::shard::tables::{BatchWrites, LoadError};
use crate::store::{Space, StateBatch};
use tollgate_core::engine::{EngineError, Swept};

/// Sweeps that may be put off in a row, one each second: what is ended must be forgotten at last.
const PUT_OFF_MOST: u32 = 60;
/// Messages that one sweep looks at, where nothing is decided.
const LEAST: usize = 500;
/// The most that one sweep looks at: some 10 ms.
const MOST: usize = 5_000;
/// Platform's ids that one sweep looks at.
const IDS: usize = 500;

/// Where sweeps stand.
#[derive(Debug, Default)]
pub(super) struct Sweeps {
    /// Where the next one begins.
    from: [u8; 8],
    /// Where the next look at the platform's ids begins.
    ids_from: [u8; 16],
    /// Sweeps in a row for which the store would have been waited for.
    put_off: u32,
    /// Decisions since the last one.
    pub(super) decisions: usize,
}

impl Sweeps {
    /// Twice as many as may have ended since, so that what lies there becomes less at any load.
    fn most(&self) -> usize {
        self.decisions.saturating_mul(2).clamp(LEAST, MOST)
    }
}

impl Shard {
    /// Forgets ended messages after their time, with each snapshot. Comes before what the batch writes, so that a message
    /// which the batch touched stays.
    pub(super) fn sweep(&mut self, state: &mut StateBatch) -> Result<(), DecideError> {
        if !self.snapshot_is_due() {
            return Ok(());
        }
        if !self.store.is_settled() && self.sweeps.put_off < PUT_OFF_MOST {
            self.sweeps.put_off += 1;
            return Ok(());
        }
        let most = self.sweeps.most();
        (self.sweeps.put_off, self.sweeps.decisions) = (0, 0);
        let mut next = None;
        for (n, item) in self.store.scan_range(Space::Closed, &self.sweeps.from, None).take(most).enumerate() {
            let (key, value) = item.map_err(LoadError::from)?;
            if self.engine.sweep(&value, &mut BatchWrites(state)).map_err(EngineError::from)? == Swept::Young {
                next = None;
                break;
            }
            let key = <[u8; 8]>::try_from(&*key).ok().filter(|_| n + 1 == most);
            next = key.and_then(|key| u64::from_be_bytes(key).checked_add(1));
        }
        self.sweeps.from = next.unwrap_or_default().to_be_bytes();
        self.engine.sweep_campaigns();
        self.sweep_ids(state)
    }

    /// Forgets the platform's ids of what people wrote, and what was booked of other software, after their time: a few at a time, round and round.
    fn sweep_ids(&mut self, state: &mut StateBatch) -> Result<(), DecideError> {
        let (mut seen, mut last) = (0, None);
        for item in self.store.scan_range(Space::Wamids, &self.sweeps.ids_from, None).take(IDS) {
            let (key, value) = item.map_err(LoadError::from)?;
            seen += 1;
            self.engine.sweep_id(&key, &value, &mut BatchWrites(state)).map_err(EngineError::from)?;
            last = <[u8; 16]>::try_from(&*key).ok();
        }
        self.sweeps.ids_from = match last.map(u128::from_be_bytes).and_then(|key| key.checked_add(1)) {
            Some(next) if seen == IDS => next.to_be_bytes(),
            _ => [0; 16],
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_looked_at_than_can_have_ended() {
        for (decisions, most) in [(0, 500), (250, 500), (1_000, 2_000), (usize::MAX, 5_000)] {
            assert_eq!(Sweeps { decisions, ..Sweeps::default() }.most(), most);
        }
    }
}
