//! How far this process's clock is off the brokers', by the times that they give to records.
//!
//! A record that was produced shows both directions: its time lies between handing it over and its acknowledgement. One that was
//! read shows one: it was written before it is read. Neither is one noisy sample: a slow acknowledgement or an old record leaves room
//! for much, and only what no room is left for counts. Bounds are kept against the time that nobody sets
//! ([`monotonic`]), so that a clock that is set, also right again, shows at once and not with the next record.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::Timestamp;

use crate::clock::{Clock, monotonic};

/// A process whose clock is farther off is not ready.
pub(crate) const OFFSET_MAX_MS: i64 = 2_000;
/// What was seen is put together for so long.
const SLOT_MS: i64 = 10_000;
/// Four times are cut off to milliseconds.
const CUT_OFF_MS: i64 = 2;
/// What is older than this before the newest is forgotten.
const SEEN_MS: i64 = 60_000;
/// Where nothing new is seen, what was seen last holds for so long: a process that gets no work for its clock shows nothing new.
const HOLDS_MS: i64 = 600_000;

/// What the clients of a process saw of the brokers' clocks.
#[derive(Debug)]
pub struct BrokerClock {
    base: Instant,
    seen: Mutex<Seen>,
}

impl Default for BrokerClock {
    fn default() -> Self {
        Self { base: monotonic(), seen: Mutex::default() }
    }
}

impl BrokerClock {
    /// A record was acknowledged now that was not handed over before `sent`.
    pub(super) fn acknowledged(&self, time: Timestamp, sent: Instant) {
        if let Timestamp::LogAppendTime(written) = time {
            let now = self.now();
            self.seen().note(now, written, Some(self.at(sent)));
        }
    }

    /// A record was read; `written_ms` is its time by the broker.
    pub(super) fn read(&self, written_ms: i64) {
        let now = self.now();
        self.seen().note(now, written_ms, None);
    }

    /// How far `clock` is off, in milliseconds, at least: above zero ahead of the brokers', below it behind; zero while it may be
    /// right. `None` where nothing tells.
    #[must_use]
    pub fn offset_ms(&self, clock: &Clock) -> Option<i64> {
        let (now, wall) = (self.now(), clock.now());
        self.seen().offset(now, i64::try_from(wall.0).unwrap_or(i64::MAX))
    }

    /// Why a process with this clock is not ready, if so.
    #[must_use]
    pub fn fault(&self, clock: &Clock) -> Option<String> {
        let off = self.offset_ms(clock).filter(|off| off.abs() > OFFSET_MAX_MS)?;
        let (off_by, side) = (off.unsigned_abs(), if off > 0 { "ahead of" } else { "behind" });
        Some(format!(
            "the clock is {}.{} s {side} the brokers', at most {} s are right: set it by NTP, or the brokers' where theirs is wrong",
            off_by / 1_000,
            off_by % 1_000 / 100,
            OFFSET_MAX_MS / 1_000
        ))
    }

    fn now(&self) -> i64 {
        self.at(monotonic())
    }

    /// Milliseconds since this began.
    fn at(&self, instant: Instant) -> i64 {
        let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        match instant.checked_duration_since(self.base) {
            Some(since) => ms(since),
            None => -ms(self.base.saturating_duration_since(instant)) - 1,
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bounds of what the brokers' clocks show when ours, which nobody sets, shows zero. Milliseconds.
#[derive(Clone, Copy, Debug)]
struct Slot {
    number: i64,
    least: i64,
    most: Option<i64>,
}

/// What was seen lately; newest last.
#[derive(Debug, Default)]
struct Seen {
    slots: VecDeque<Slot>,
    newest: i64,
}

impl Seen {
    /// At `now` a record with the broker's time `written` was there, which was not before `sent`.
    fn note(&mut self, now: i64, written: i64, sent: Option<i64>) {
        let least = written.saturating_sub(now);
        let most = sent.map(|sent| written.saturating_sub(sent));
        let number = now.div_euclid(SLOT_MS);
        self.newest = self.newest.max(now);
        match self.slots.back_mut() {
            // Two threads may come in the opposite order.
            Some(slot) if slot.number >= number => {
                slot.least = slot.least.max(least);
                slot.most = slot.most.into_iter().chain(most).min();
            }
            _ => {
                self.slots.push_back(Slot { number, least, most });
                self.slots.retain(|slot| number - slot.number <= SEEN_MS / SLOT_MS);
            }
        }
    }

    /// The offset next to zero of a clock that shows `wall` now.
    ///
    /// Brokers whose own clocks differ leave no room at all. Then everything between what they show may be right: one broker whose clock
    /// is wrong must not make every process unready.
    fn offset(&self, now: i64, wall: i64) -> Option<i64> {
        if self.slots.is_empty() || now - self.newest > HOLDS_MS {
            return None;
        }
        let ours = wall - now;
        let least = self.slots.iter().map(|slot| slot.least).max()?;
        let most = self.slots.iter().filter_map(|slot| slot.most).min().unwrap_or(i64::MAX);
        // The clock is right where it lies between; ahead where it is beyond both, behind where it is before both.
        let (low, high) = (least.min(most).saturating_sub(CUT_OFF_MS), least.max(most).saturating_add(CUT_OFF_MS));
        Some(if ours > high { ours - high } else { (ours - low).min(0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the broker's clock shows when ours, which nobody sets, shows zero.
    const BROKER: i64 = 1_700_000_000_000;

    /// The offset of a clock that is `off` ahead of the broker's.
    fn told(seen: &Seen, now: i64, off: i64) -> Option<i64> {
        seen.offset(now, BROKER + now + off)
    }

    #[test]
    fn nothing_is_told_before_anything_is_seen_and_long_after() {
        let mut seen = Seen::default();
        assert_eq!(told(&seen, 0, 50_000), None);
        seen.note(1_000, BROKER + 1_000, Some(1_000));
        assert_eq!(told(&seen, 1_000 + HOLDS_MS, 3_600_000), Some(3_600_000 - 2));
        assert_eq!(told(&seen, 1_001 + HOLDS_MS, 3_600_000), None);
    }

    #[test]
    fn an_acknowledgement_shows_both_directions() {
        let mut seen = Seen::default();
        // Handed over at 1,000, written at 1,004, acknowledged at 1,010.
        seen.note(1_010, BROKER + 1_004, Some(1_000));
        for (off, want) in [(0, 0), (5, 0), (-7, 0), (3_000, 2_994), (-3_000, -2_992)] {
            assert_eq!(told(&seen, 2_000, off), Some(want), "{off}");
        }
    }

    #[test]
    fn a_slow_acknowledgement_is_no_clock_that_is_off() {
        let mut seen = Seen::default();
        for written in [1_001, 20_000, 39_999] {
            seen.note(40_000, BROKER + written, Some(1_000));
        }
        // 1,001: not much more ahead; 39,999: not much more behind. All three together are as good as quick ones.
        assert_eq!(told(&seen, 40_000, 0), Some(0));
        let mut slow = Seen::default();
        slow.note(40_000, BROKER + 20_000, Some(1_000));
        for (off, want) in [(19_000, 0), (-20_000, 0), (22_000, 2_998), (-23_000, -2_998)] {
            assert_eq!(told(&slow, 40_000, off), Some(want), "{off}");
        }
    }

    #[test]
    fn a_record_that_was_read_shows_a_clock_behind_and_none_ahead() {
        let mut seen = Seen::default();
        seen.note(5_000, BROKER + 4_990, None);
        for (off, want) in [(0, 0), (3_600_000, 0), (-3_000, -2_988)] {
            assert_eq!(told(&seen, 6_000, off), Some(want), "{off}");
        }
    }

    #[test]
    fn a_clock_that_is_set_shows_at_once_and_so_does_one_set_right() {
        let mut seen = Seen::default();
        seen.note(1_000, BROKER + 1_000, Some(1_000));
        for (now, off, want) in [(2_000, 0, 0), (3_000, -9_000, -8_998), (4_000, 0, 0)] {
            assert_eq!(told(&seen, now, off), Some(want), "{now}");
        }
    }

    #[test]
    fn what_was_seen_a_minute_before_the_newest_is_forgotten() {
        let mut seen = Seen::default();
        // The broker's clock was an hour ahead and was set right.
        seen.note(0, BROKER + 3_600_000, Some(0));
        assert_eq!(told(&seen, 0, 0), Some(-3_600_000 + 2));
        seen.note(SEEN_MS, BROKER + SEEN_MS, Some(SEEN_MS));
        assert_eq!(told(&seen, SEEN_MS, -5_000), Some(-4_998), "behind all that is seen");
        assert_eq!(told(&seen, SEEN_MS, 0), Some(0), "between what is seen");
        seen.note(SEEN_MS + SLOT_MS, BROKER + SEEN_MS + SLOT_MS, Some(SEEN_MS + SLOT_MS));
        assert_eq!(told(&seen, SEEN_MS + SLOT_MS, 5_000), Some(4_998), "only the newer is left");
        for n in 0..1_000 {
            seen.note(n * SLOT_MS, BROKER, None);
        }
        assert!(seen.slots.len() <= 7, "{}", seen.slots.len());
    }

    #[test]
    fn brokers_whose_clocks_differ_make_nobody_wrong_who_lies_between() {
        let mut seen = Seen::default();
        seen.note(1_000, BROKER + 1_000, Some(1_000));
        seen.note(1_000, BROKER + 6_000, Some(1_000));
        for (off, want) in [(0, 0), (5_000, 0), (2_500, 0), (-3_000, -2_998), (8_000, 2_998)] {
            assert_eq!(told(&seen, 1_000, off), Some(want), "{off}");
        }
    }

    #[test]
    fn what_is_not_the_brokers_time_says_nothing_and_the_reason_has_figure_and_remedy() {
        let clocks = BrokerClock::default();
        let clock = Clock::manual(tollgate_wire::Time(BROKER as u64));
        clocks.acknowledged(Timestamp::CreateTime(BROKER), monotonic());
        clocks.acknowledged(Timestamp::NotAvailable, monotonic());
        assert_eq!((clocks.offset_ms(&clock), clocks.fault(&clock)), (None, None));
        clocks.acknowledged(Timestamp::LogAppendTime(BROKER), monotonic());
        assert_eq!(clocks.fault(&clock), None);
        clock.set(tollgate_wire::Time(BROKER as u64 + 3_700_500));
        let told = clocks.fault(&clock).expect("an hour off");
        assert!(told.starts_with("the clock is 3700.") && told.contains(" s ahead of the brokers'"), "{told}");
        clock.set(tollgate_wire::Time(BROKER as u64 - 60_000));
        let told = clocks.fault(&clock).expect("a minute off");
        assert!(told.contains(" s behind the brokers', at most 2 s are right: set it by NTP"), "{told}");
    }
}
