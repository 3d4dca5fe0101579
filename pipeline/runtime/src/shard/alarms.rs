//! Errors of the platform that a person must put right, in the log: each code at once, then once a minute with how many there
//! were. The dashboards count them all.

use std::collections::BTreeMap;
use tollgate_wire::platform_error::meaning;

/// A code is told again after so many milliseconds.
const AGAIN_MS: u64 = 60_000;
/// Codes told apart: there are fewer that need somebody.
const CODES: usize = 128;

/// What was told of each code: when, and how many came since.
#[derive(Debug, Default)]
pub(super) struct Alarms(BTreeMap<u32, (u64, u64)>);

impl Alarms {
    /// A code was reported, for a message or by a status.
    pub fn heard(&mut self, code: u32, now_ms: u64) {
        if let Some(times) = self.due(code, now_ms) {
            let text = meaning(code).text;
            tracing::warn!(code, times, "the platform refuses: {text}; somebody must put it right");
        }
    }

    /// How many are to be told of now, this one included.
    fn due(&mut self, code: u32, now_ms: u64) -> Option<u64> {
        if !meaning(code).effect.alerts() || self.0.len() >= CODES && !self.0.contains_key(&code) {
            return None;
        }
        let (told_ms, since) = self.0.entry(code).or_insert((0, 0));
        *since += 1;
        if *told_ms != 0 && now_ms < *told_ms + AGAIN_MS {
            return None;
        }
        *told_ms = now_ms;
        Some(std::mem::take(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_that_needs_somebody_is_told_once_a_minute() {
        let mut alarms = Alarms::default();
        let told: Vec<_> = [
            (131_042, 1_000),
            (131_042, 2_000),
            (190, 2_000),
            (131_042, 60_999),
            (131_042, 61_000),
            (131_042, 61_001),
            // Nobody can do anything about these.
            (131_026, 61_001),
            (2, 61_001),
            (999_999, 61_001),
        ]
        .map(|(code, now_ms)| alarms.due(code, now_ms))
        .into();
        assert_eq!(told, [Some(1), None, Some(1), None, Some(3), None, None, None, None]);
    }
}
