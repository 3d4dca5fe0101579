//! The dispatcher's own pace just before the call: evenly, below what the platform allows the number.

use std::collections::BTreeMap;

/// One number.
#[derive(Clone, Debug, Default)]
struct Number {
    per_second: u64,
    /// What was allowed until when.
    before: (u64, u64),
    /// When its next call may start.
    next_ms: u64,
}

/// Every number's pace.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace(BTreeMap<String, Number>);

impl Pace {
    /// The platform allows a number so many a second from now on.
    pub fn set(&mut self, sender: &str, per_second: u64, now_ms: u64) {
        let number = self.0.entry(sender.to_owned()).or_default();
        number.before = (number.per_second, now_ms);
        number.per_second = per_second;
    }

    /// Takes the turn of a call now, or says when to come again.
    pub fn turn_ms(&mut self, sender: &str, now_ms: u64) -> Option<u64> {
        let number = self.0.entry(sender.to_owned()).or_default();
        if now_ms < number.next_ms {
            return Some(number.next_ms);
        }
        // A part of it is left for what comes in.
        number.next_ms = now_ms + 1_000_u64.div_ceil((number.per_second * 95 / 100).max(1));
        None
    }

    /// Messages that the platform allows in a second, less one for what comes in; the most of the past second.
    pub fn allowed(&self, sender: &str, now_ms: u64) -> u64 {
        let Some(number) = self.0.get(sender) else { return 0 };
        let before = if now_ms < number.before.1 + 1_000 { number.before.0 } else { 0 };
        number.per_second.max(before) - 1
    }
}
