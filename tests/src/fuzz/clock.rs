//! Time that this thread ran. Beside other work the time of day is many times as long.

use std::time::{Duration, Instant};

/// What `work` takes on average of so many times; by the time of day where the system does not tell better.
pub(super) fn of_this_thread(times: u32, work: impl Fn()) -> Duration {
    let (since, before) = (Instant::now(), ran());
    for _ in 0..times {
        work();
    }
    let all = ran().zip(before).map_or_else(|| since.elapsed(), |(now, before)| now.saturating_sub(before));
    all / times
}

/// How long this thread has run, to some milliseconds: Linux brings it up to date at each of its ticks.
fn ran() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
