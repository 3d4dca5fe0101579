//! Places at which a test may end the process as `kill -9` would: `TOLLGATE_CRASH_AT=after_produce:3` ends it when it
//! comes there for the third time. In release builds there are none.

/// Ends the process here if a test asked for it.
#[cfg(debug_assertions)]
pub(super) fn crash_point(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ASKED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static CAME: AtomicU64 = AtomicU64::new(0);
    let asked = ASKED.get_or_init(|| {
        let asked = std::env::var("TOLLGATE_CRASH_AT").ok()?;
        let (name, times) = asked.split_once(':')?;
        Some((name.to_owned(), times.parse().ok()?))
    });
    if let Some((at, times)) = asked
        && at == name
        && CAME.fetch_add(1, Ordering::Relaxed) + 1 == *times
    {
        // No destructor, no flush: as if the power had gone for this process.
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(super) fn crash_point(_: &str) {}
