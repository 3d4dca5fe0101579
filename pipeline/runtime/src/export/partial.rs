//! What an export is written to before it has its name: `<name>.<process id>.partial` beside it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

const END: &str = ".partial";

/// Where this process writes what will be `path`. The process id keeps two exports to one name from writing into each
/// other.
#[must_use]
pub fn partial(path: &Path) -> PathBuf {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}{END}", std::process::id()));
    partial.into()
}

/// Removes what exports to this name left that were killed. Nobody writes to it any more: there is no such process, and
/// no lock on the file, which one of another container would hold.
///
/// # Errors
/// The directory cannot be read, or a file not be removed.
pub fn remove_stale(path: &Path) -> io::Result<()> {
    let Some(name) = path.file_name() else { return Ok(()) };
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let Some(process) = process_of(&entry.file_name(), name) else { continue };
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && !Path::new("/proc").join(process.to_string()).exists() && is_free(&entry.path()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Which process writes to a file, if it is to become `name`.
fn process_of(file: &OsStr, name: &OsStr) -> Option<u32> {
    let rest = file.as_encoded_bytes().strip_prefix(name.as_encoded_bytes())?;
    std::str::from_utf8(rest).ok()?.strip_prefix('.')?.strip_suffix(END)?.parse().ok()
}

fn is_free(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    #[test]
    fn what_dead_processes_left_of_the_name_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("bill.csv");
        // Linux gives no process a number of 2^22 or more.
        let names = [
            "bill.csv",
            "bill.csv.5000000.partial",
            "bill.csv.5000001.partial",
            "other.csv.5000000.partial",
            "bill.csv.x.partial",
            "bill.csv.manifest.json.5000000.partial",
        ];
        for name in names {
            fs::write(directory.path().join(name), "a").unwrap();
        }
        fs::write(partial(&out), "a").unwrap();
        let held = File::open(directory.path().join("bill.csv.5000001.partial")).unwrap();
        held.lock().unwrap();
        remove_stale(&out).unwrap();
        assert!(!directory.path().join("bill.csv.5000000.partial").exists());
        let left = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(left, names.len(), "one of seven is removed");
        assert!(partial(&out).exists(), "of a process that lives");
    }
}
