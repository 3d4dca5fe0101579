//! The sandbox clock: wall time at start, carried forward monotonically.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch that never run backwards, plus a configured offset.
#[derive(Debug)]
pub(crate) struct Clock {
    start_ms: u64,
    started: Instant,
}

impl Clock {
    /// A clock that reads now + `offset_seconds`; the offset moves the sandbox into another
    /// pricing era.
    pub(crate) fn new(offset_seconds: i64) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as u64);
        Self { start_ms: wall.saturating_add_signed(offset_seconds.saturating_mul(1_000)), started: Instant::now() }
    }

    /// The present moment in milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        self.start_ms + self.started.elapsed().as_millis() as u64
    }
}
