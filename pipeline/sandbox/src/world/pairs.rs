//! What is remembered of one number and one user: window, free entry point, pair rate.

use std::collections::HashMap;
use std::sync::Arc;

use crate::limits::pair::PairRate;

const DAY_S: u64 = 24 * 3_600;
/// The free entry point lasts 72 hours from the business's answer.
const FREE_ENTRY_S: u64 = 72 * 3_600;
const SWEEP_EVERY_MS: u64 = 600_000;

/// State of one pair. Times are seconds; 0 means never.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pair {
    pub(crate) rate: PairRate,
    /// Sends so far; chance depends on it.
    pub(crate) ordinal: u32,
    /// Forced refusals so far (suffixes 008 and 011).
    pub(crate) refusals: u32,
    /// The user stopped marketing from this number.
    pub(crate) stopped: bool,
    window_until_s: u64,
    /// An answer before this opens the free entry point.
    answer_until_s: u64,
    free_entry: Option<FreeEntry>,
    active_s: u64,
}

/// An open free entry point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FreeEntry {
    /// Conversation id, one per window.
    pub(crate) id: u64,
    pub(crate) until_s: u64,
}

impl Pair {
    /// The user wrote: the customer service window is open for 24 hours.
    pub(crate) fn user_wrote(&mut self, from_advert: bool, now_s: u64) {
        self.window_until_s = now_s + DAY_S;
        if from_advert {
            self.answer_until_s = now_s + DAY_S;
        }
    }

    /// The business answered: opens the free entry point if an advert led the user here.
    pub(crate) fn business_wrote(&mut self, now_s: u64, id: u64) {
        if now_s < self.answer_until_s {
            self.answer_until_s = 0;
            self.free_entry = Some(FreeEntry { id, until_s: now_s + FREE_ENTRY_S });
        }
    }

    pub(crate) fn window_open(&self, now_s: u64) -> bool {
        now_s < self.window_until_s
    }

    pub(crate) fn free_entry(&self, now_s: u64) -> Option<FreeEntry> {
        self.free_entry.filter(|entry| now_s < entry.until_s)
    }

    fn worth_keeping(&self, now_ms: u64) -> bool {
        let now_s = now_ms / 1_000;
        self.stopped || now_s < self.active_s + DAY_S || self.free_entry(now_s).is_some() || !self.rate.settled(now_ms)
    }
}

/// All pairs of the past day, and those whose state lasts longer.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    pairs: HashMap<(usize, Arc<str>), Pair>,
    next_sweep_ms: u64,
}

impl Pairs {
    /// The pair, marked active now.
    pub(crate) fn touch(&mut self, sender: usize, user: &Arc<str>, now_ms: u64) -> &mut Pair {
        let pair = self.pairs.entry((sender, user.clone())).or_default();
        pair.active_s = now_ms / 1_000;
        pair
    }

    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Drops what a day without activity has made irrelevant. Looks only every ten minutes.
    pub(crate) fn sweep(&mut self, now_ms: u64) {
        if now_ms >= self.next_sweep_ms {
            self.next_sweep_ms = now_ms + SWEEP_EVERY_MS;
            self.pairs.retain(|_, pair| pair.worth_keeping(now_ms));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, DAY_S, FREE_ENTRY_S, Pair, Pairs};

    #[test]
    fn a_window_lasts_a_day_from_the_last_word_of_the_user() {
        let mut pair = Pair::default();
        assert!(!pair.window_open(5));
        pair.user_wrote(false, 100);
        assert!(pair.window_open(100 + DAY_S - 1));
        assert!(!pair.window_open(100 + DAY_S));
    }

    #[test]
    fn a_free_entry_point_needs_an_advert_and_an_answer_within_a_day() {
        let mut pair = Pair::default();
        pair.user_wrote(false, 0);
        pair.business_wrote(1, 7);
        assert_eq!(pair.free_entry(1), None);

        pair.user_wrote(true, 10);
        assert_eq!(pair.free_entry(10), None);
        pair.business_wrote(20, 7);
        pair.business_wrote(30, 8);
        let entry = pair.free_entry(20 + FREE_ENTRY_S - 1).expect("open");
        assert_eq!((entry.id, entry.until_s), (7, 20 + FREE_ENTRY_S));
        assert_eq!(pair.free_entry(20 + FREE_ENTRY_S), None);

        let mut late = Pair::default();
        late.user_wrote(true, 0);
        late.business_wrote(DAY_S, 9);
        assert_eq!(late.free_entry(DAY_S), None);
    }

    #[test]
    fn idle_pairs_are_forgotten_and_stopped_ones_are_not() {
        let mut pairs = Pairs::default();
        pairs.touch(0, &Arc::from("idle"), 0);
        pairs.touch(0, &Arc::from("stopped"), 0).stopped = true;
        pairs.sweep(DAY_S * 1_000 + 1_000);
        assert_eq!(pairs.len(), 1);
    }
}
