//! Stores of partitions that another process has by now. They stay for a while, since partitions often come back; then they
//! go: they can no longer be caught up, and hold what people said and asked to be forgotten since.

use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::log::kafka::topic_plan::TOMBSTONE_DAYS;

/// How long a store stays that nobody writes to. Longer than it can be caught up: until then it may be the only copy of a
/// changelog that somebody deleted.
const KEPT_MS: u64 = 2 * TOMBSTONE_DAYS * 86_400_000;

/// Removes the stores in a directory that are not `ours` and were not written for long; which they were.
pub(in crate::log::kafka) fn sweep(directory: &Path, ours: impl Fn(u32) -> bool, now_ms: u64) -> Vec<u32> {
    let mut gone = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("partition-")).and_then(|n| n.parse().ok());
        let Some(partition) = number.filter(|number| !ours(*number)) else { continue };
        let path = entry.path();
        match written_ms(&path) {
            Ok(written) if written.saturating_add(KEPT_MS) < now_ms => {}
            _ => continue,
        }
        match fs::remove_dir_all(&path) {
            Ok(()) => {
                tracing::info!(partition, directory = %path.display(), "a store left behind long ago was removed");
                gone.push(partition);
            }
            Err(error) => tracing::warn!(partition, %error, "a store left behind long ago cannot be removed"),
        }
    }
    gone
}

/// When anything in a folder was last written, milliseconds since 1970.
fn written_ms(path: &Path) -> io::Result<u64> {
    let about = fs::symlink_metadata(path)?;
    let since = about.modified()?.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    let mut newest = since.as_millis() as u64;
    if about.is_dir() {
        for entry in fs::read_dir(path)? {
            newest = newest.max(written_ms(&entry?.path())?);
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn stores_of_others_go_when_nobody_wrote_them_for_long() {
        let disk = tempfile::tempdir().unwrap();
        for name in ["partition-1", "partition-2", "partition-x", "other"] {
            fs::create_dir_all(disk.path().join(name).join("keyspaces")).unwrap();
            fs::write(disk.path().join(name).join("keyspaces/1"), "a value").unwrap();
        }
        let written = written_ms(&disk.path().join("partition-1")).unwrap();
        let left = || {
            let mut names: Vec<_> = fs::read_dir(disk.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(sweep(disk.path(), |number| number == 2, written + KEPT_MS), [0_u32; 0]);
        assert_eq!(left().len(), 4);
        assert_eq!(sweep(disk.path(), |number| number == 2, written + KEPT_MS + 1), [1]);
        assert_eq!(left(), ["other", "partition-2", "partition-x"]);
        assert_eq!(sweep(&disk.path().join("none"), |_| false, u64::MAX), [0_u32; 0]);
    }
}
