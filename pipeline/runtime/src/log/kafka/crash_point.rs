//! Places at which a test may end the process as `kill -9` would, or freeze it as SIGSTOP does. In release builds there
//! are none.
//!
//! `TOLLGATE_CRASH_AT=after_produce:3` ends it when it comes there for the third time.
//! `TOLLGATE_PAUSE_AT=after_produce:FILE` freezes it when it comes there and the file exists, which is then removed.

/// Ends or freezes the process here if a test asked for it.
#[cfg(debug_assertions)]
pub(super) fn crash_point(name: &str) {
    use std::path::PathBuf;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static CRASH: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PAUSE: OnceLock<Option<(String, PathBuf)>> = OnceLock::new();
    static CAME: AtomicU64 = AtomicU64::new(0);
    let asked = |variable| {
        let asked = std::env::var(variable).ok()?;
        let (name, rest) = asked.split_once(':')?;
        Some((name.to_owned(), rest.to_owned()))
    };
    let crash =
        CRASH.get_or_init(|| asked("TOLLGATE_CRASH_AT").and_then(|(name, times)| Some((name, times.parse().ok()?))));
    if let Some((at, times)) = crash
        && at == name
        && CAME.fetch_add(1, Ordering::Relaxed) + 1 == *times
    {
        // No destructor, no flush: as if the power had gone for this process.
        std::process::abort();
    }
    let pause = PAUSE.get_or_init(|| asked("TOLLGATE_PAUSE_AT").map(|(name, file)| (name, file.into())));
    if let Some((at, file)) = pause
        && at == name
        && std::fs::remove_file(file).is_ok()
    {
        let _ = std::process::Command::new("kill").args(["-STOP", &std::process::id().to_string()]).status();
        // The signal may go to another thread, and until that one runs this one would go on.
        std::thread::sleep(std::time::Duration::from_secs(2));
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(super) fn crash_point(_: &str) {}
