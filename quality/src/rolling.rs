//! How many users of one scope are counted in the moving 24 hours, exactly.
//!
//! A contact's record says from which second it counts (`Counted::counted_time`). This is the sum over the
//! contacts of a scope: users per second, in order, for the seconds that still count. It knows no user, so
//! its size is bounded by the seconds of a day and its cost does not grow with the users.
//!
//! **Undo.** What it holds is a function of the contacts' counted seconds and of the latest time it has
//! been advanced to, nothing else. A change of a contact is `remove(old)` and `add(new)`, its undo is the
//! same with the arguments exchanged. A second that has expired is ignored by both, so an undo that puts
//! back a second which expired in the meantime changes nothing, and taking it away again neither.

use std::collections::VecDeque;

use crate::counted::{COUNTED_S, RETURNS_AFTER_S};

/// A block holds the seconds that agree above this many low bits: 1,024 of them, so that a change moves at
/// most 8 KB, and a full day is 86 blocks.
const BLOCK_BITS: u32 = 10;

/// The exact count of one scope (portfolio or number). 40 bytes when idle; 8 bytes for each second in which
/// users count, however many they are, and 32 for each of at most 86 blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollingCount {
    /// Ordered by `key`, none empty.
    blocks: VecDeque<Block>,
    /// Sum over the blocks.
    users: u32,
    /// Seconds before this one have expired and are not held; at least 1, because second 0 means never.
    first_live_s: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    /// The seconds' common high bits.
    key: u32,
    /// Sum over the slots.
    users: u32,
    /// Ordered by second, none with zero users.
    slots: Vec<Slot>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    second: u32,
    users: u32,
}

impl Default for RollingCount {
    fn default() -> Self {
        RollingCount { blocks: VecDeque::new(), users: 0, first_live_s: 1 }
    }
}

impl RollingCount {
    /// One more user counts from `second`. Ignored for 0 (never) and for a second that has expired.
    pub fn add(&mut self, second: u32) {
        if second < self.first_live_s {
            return;
        }
        self.users += 1;
        match self.find_block(second) {
            Ok(at) => self.blocks[at].add(second),
            Err(at) => {
                // The block before the new last one is complete but for late deliveries.
                if at == self.blocks.len()
                    && let Some(complete) = self.blocks.back_mut()
                {
                    complete.slots.shrink_to_fit();
                }
                self.blocks.insert(at, Block::new(second));
            }
        }
    }

    /// One user less counts from `second`: the exact inverse of `add`, ignored for the same seconds.
    /// To remove what was not added is a mistake of the caller; it changes nothing (and stops a debug build).
    pub fn remove(&mut self, second: u32) {
        if second < self.first_live_s {
            return;
        }
        let found = self.find_block(second).ok().filter(|&at| self.blocks[at].remove(second));
        debug_assert!(found.is_some(), "no user counts from second {second}");
        if let Some(at) = found {
            self.users -= 1;
            if self.blocks[at].slots.is_empty() {
                self.blocks.remove(at);
            }
        }
    }

    /// A contact's counted time moves from `old` to `new` (0 = never).
    pub fn shift(&mut self, old: u32, new: u32) {
        if old != new {
            self.remove(old);
            self.add(new);
        }
    }

    /// Drops what has expired at `now_s`, once per batch. Reading does not need it, it only makes reading
    /// cheap. A `now_s` that is earlier than the latest one changes nothing.
    pub fn advance(&mut self, now_s: u32) {
        let first_live_s = first_live(now_s);
        if first_live_s <= self.first_live_s {
            return;
        }
        self.first_live_s = first_live_s;
        while let Some(block) = self.blocks.front_mut() {
            let expired = block.slots.partition_point(|slot| slot.second < first_live_s);
            if expired < block.slots.len() {
                let users: u32 = block.slots.drain(..expired).map(|slot| slot.users).sum();
                block.users -= users;
                self.users -= users;
                return;
            }
            self.users -= block.users;
            self.blocks.pop_front();
        }
        self.blocks.shrink_to_fit();
    }

    /// How many users count at `now_s`.
    #[must_use]
    pub fn count(&self, now_s: u32) -> u32 {
        self.users - self.expired(now_s)
    }

    /// The second at which the next token returns; `None` when no user counts.
    #[must_use]
    pub fn next_return_s(&self, now_s: u32) -> Option<u32> {
        self.return_of(self.expired(now_s) + 1)
    }

    /// The first second, `now_s` or later, at which fewer than `limit` users count if nobody is added;
    /// `None` for a limit of 0.
    #[must_use]
    pub fn second_when_below(&self, limit: u32, now_s: u32) -> Option<u32> {
        if limit == 0 {
            None
        } else if self.count(now_s) < limit {
            Some(now_s)
        } else {
            self.return_of(self.users - limit + 1)
        }
    }

    /// Bytes held on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let slots: usize = self.blocks.iter().map(|block| block.slots.capacity()).sum();
        self.blocks.capacity() * size_of::<Block>() + slots * size_of::<Slot>()
    }

    /// Users still held here that no longer count at `now_s`.
    fn expired(&self, now_s: u32) -> u32 {
        let first_live_s = first_live(now_s);
        let mut users = 0;
        for block in &self.blocks {
            if block.key < first_live_s >> BLOCK_BITS {
                users += block.users;
                continue;
            }
            let expired = block.slots.iter().take_while(|slot| slot.second < first_live_s);
            return users + expired.map(|slot| slot.users).sum::<u32>();
        }
        users
    }

    /// The second at which the `nth` token (from 1) that was taken, oldest first, returns.
    fn return_of(&self, mut nth: u32) -> Option<u32> {
        for block in &self.blocks {
            if block.users < nth {
                nth -= block.users;
                continue;
            }
            for slot in &block.slots {
                if slot.users >= nth {
                    return Some(slot.second.saturating_add(RETURNS_AFTER_S));
                }
                nth -= slot.users;
            }
        }
        None
    }

    fn find_block(&self, second: u32) -> Result<usize, usize> {
        let key = second >> BLOCK_BITS;
        // Nearly every change is in the newest block.
        match self.blocks.back() {
            Some(newest) if newest.key == key => Ok(self.blocks.len() - 1),
            _ => self.blocks.binary_search_by_key(&key, |block| block.key),
        }
    }
}

impl Block {
    fn new(second: u32) -> Block {
        Block { key: second >> BLOCK_BITS, users: 1, slots: vec![Slot { second, users: 1 }] }
    }

    fn add(&mut self, second: u32) {
        self.users += 1;
        match self.find_slot(second) {
            Ok(at) => self.slots[at].users += 1,
            Err(at) => self.slots.insert(at, Slot { second, users: 1 }),
        }
    }

    /// False when no user counts from `second`.
    fn remove(&mut self, second: u32) -> bool {
        let Ok(at) = self.find_slot(second) else {
            return false;
        };
        self.users -= 1;
        self.slots[at].users -= 1;
        if self.slots[at].users == 0 {
            self.slots.remove(at);
        }
        true
    }

    fn find_slot(&self, second: u32) -> Result<usize, usize> {
        match self.slots.last() {
            Some(newest) if newest.second == second => Ok(self.slots.len() - 1),
            Some(newest) if newest.second < second => Err(self.slots.len()),
            _ => self.slots.binary_search_by_key(&second, |slot| slot.second),
        }
    }
}

/// The oldest second that counts at `now_s`; at least 1.
fn first_live(now_s: u32) -> u32 {
    now_s.saturating_sub(COUNTED_S).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON_S: u32 = 1_800_000_000;

    fn count_of(seconds: &[u32]) -> RollingCount {
        let mut count = RollingCount::default();
        seconds.iter().for_each(|&second| count.add(second));
        count
    }

    #[test]
    fn the_order_of_adding_leaves_no_trace() {
        let later = NOON_S + 5_000;
        assert_eq!(count_of(&[NOON_S, later, NOON_S + 1, NOON_S]), count_of(&[later, NOON_S, NOON_S, NOON_S + 1]));
    }

    #[test]
    fn a_token_returns_in_the_second_after_24_hours() {
        let count = count_of(&[NOON_S, NOON_S, NOON_S + 7]);
        assert_eq!(count.count(NOON_S + COUNTED_S), 3);
        assert_eq!(count.next_return_s(NOON_S), Some(NOON_S + RETURNS_AFTER_S));
        assert_eq!(count.count(NOON_S + RETURNS_AFTER_S), 1);
        assert_eq!(count.next_return_s(NOON_S + RETURNS_AFTER_S), Some(NOON_S + 7 + RETURNS_AFTER_S));
        assert_eq!(count.next_return_s(NOON_S + 7 + RETURNS_AFTER_S), None);
    }

    #[test]
    fn a_lowered_limit_waits_for_as_many_returns_as_it_needs() {
        let count = count_of(&[NOON_S, NOON_S, NOON_S + 3, NOON_S + 9_000]);
        assert_eq!(count.second_when_below(5, NOON_S + 9_000), Some(NOON_S + 9_000), "below already");
        assert_eq!(count.second_when_below(4, NOON_S + 9_000), Some(NOON_S + RETURNS_AFTER_S));
        assert_eq!(count.second_when_below(2, NOON_S + 9_000), Some(NOON_S + 3 + RETURNS_AFTER_S));
        assert_eq!(count.second_when_below(1, NOON_S + 9_000), Some(NOON_S + 9_000 + RETURNS_AFTER_S));
        assert_eq!(count.second_when_below(0, NOON_S + 9_000), None);
    }

    #[test]
    fn an_undo_across_an_expiry_changes_nothing() {
        let mut count = count_of(&[NOON_S, NOON_S + 50_000]);
        count.shift(NOON_S, NOON_S + 60_000);
        count.advance(NOON_S + RETURNS_AFTER_S);
        count.shift(NOON_S + 60_000, NOON_S); // undone, but NOON_S has expired in the meantime
        let mut fresh = count_of(&[NOON_S, NOON_S + 50_000]);
        fresh.advance(NOON_S + RETURNS_AFTER_S);
        assert_eq!(count, fresh);
        count.remove(NOON_S);
        assert_eq!(count, fresh);
    }

    #[test]
    fn reading_does_not_depend_on_advancing() {
        let lazy = count_of(&[NOON_S, NOON_S + 2_000, NOON_S + 2_001, NOON_S + 80_000]);
        let mut eager = lazy.clone();
        for now_s in (NOON_S..NOON_S + 180_000).step_by(487) {
            eager.advance(now_s);
            assert_eq!(lazy.count(now_s), eager.count(now_s));
            assert_eq!(lazy.next_return_s(now_s), eager.next_return_s(now_s));
            assert_eq!(lazy.second_when_below(2, now_s), eager.second_when_below(2, now_s));
        }
    }

    #[test]
    fn never_is_not_a_second() {
        let mut count = RollingCount::default();
        count.shift(0, NOON_S);
        count.shift(NOON_S, 0);
        assert_eq!(count, RollingCount::default());
    }

    #[test]
    fn an_idle_scope_costs_next_to_nothing() {
        assert!(size_of::<RollingCount>() <= 40);
        let mut count = count_of(&(NOON_S..NOON_S + 86_401).collect::<Vec<_>>());
        assert!(count.heap_bytes() < 900_000);
        count.advance(NOON_S + 2 * RETURNS_AFTER_S);
        assert_eq!(count.heap_bytes(), 0);
    }
}
