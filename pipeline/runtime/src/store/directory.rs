//! The data directory: one process at a time, a known format, writable.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::StoreError;

/// Newest format of the data directory that this release reads and the one it writes.
pub const FORMAT: u32 = 1;

const FORMAT_FILE: &str = "FORMAT";
const LOCK_FILE: &str = "LOCK";
const FORMAT_PREFIX: &str = "tollgate-data ";

/// An opened data directory; the lock is held until this is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Creates the directory if needed, takes its lock and checks its format.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        create_private(path).map_err(StoreError::not_writable(path))?;
        if !path.join(LOCK_FILE).exists() && read_format(path)?.is_none() {
            // Not even a lock is left in somebody else's directory.
            refuse_foreign_files(path)?;
        }
        let lock = take_lock(path)?;
        if check_format(path)?.is_none() {
            refuse_foreign_files(path)?;
            write_format(path)?;
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where the database lives.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("db")
    }

    /// Where a new database is built before it is renamed to its place, so that a crash while creating it leaves
    /// nothing that looks like a database.
    pub(crate) fn database_in_creation(&self) -> PathBuf {
        self.path.join("db.creating")
    }

    /// Makes renames and new files in the directory durable.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        sync_directory(&self.path)
    }
}

/// Makes a directory, where it is not there, that its owner alone may enter: phone numbers and one-time codes are in its
/// files. One that is there stays as whoever made it wanted it.
///
/// # Errors
/// It cannot be made.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

fn take_lock(path: &Path) -> Result<File, StoreError> {
    let lock_path = path.join(LOCK_FILE);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock_path)
        .map_err(StoreError::not_writable(&lock_path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let known = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
            return Err(StoreError::Locked {
                path: path.to_owned(),
                holder: if known { holder.trim().to_owned() } else { "unknown".to_owned() },
            });
        }
        Err(TryLockError::Error(source)) => {
            return Err(StoreError::NotWritable { path: lock_path, source });
        }
    }
    let write_holder = |file: &mut File| -> io::Result<()> {
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())
    };
    write_holder(&mut file).map_err(StoreError::not_writable(&lock_path))?;
    Ok(file)
}

/// Checks that this release reads a data directory; nothing is locked or written. `None` when it has no format
/// marker: it is new, or the log is in Kafka.
///
/// # Errors
/// It is of a newer format, not ours, or cannot be read.
pub fn check_format(path: &Path) -> Result<Option<u32>, StoreError> {
    match read_format(path)? {
        Some(found) if found > FORMAT => {
            Err(StoreError::NewerFormat { path: path.to_owned(), found, supported: FORMAT })
        }
        format => Ok(format),
    }
}

fn read_format(path: &Path) -> Result<Option<u32>, StoreError> {
    let format_path = path.join(FORMAT_FILE);
    let text = match fs::read_to_string(&format_path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(StoreError::NotWritable { path: format_path, source });
        }
    };
    let number = text.trim().strip_prefix(FORMAT_PREFIX).and_then(|number| number.parse().ok());
    number.map(Some).ok_or_else(|| StoreError::NotOurs {
        path: path.to_owned(),
        detail: format!("{FORMAT_FILE} says {:?}, expected \"{FORMAT_PREFIX}N\"", text.trim()),
    })
}

fn refuse_foreign_files(path: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(path).map_err(StoreError::not_writable(path))? {
        let name = entry.map_err(StoreError::not_writable(path))?.file_name();
        // A temporary format file is what a crash during the first open leaves; file systems add lost+found.
        if name != LOCK_FILE && name != "FORMAT.new" && name != "lost+found" {
            return Err(StoreError::NotOurs {
                path: path.to_owned(),
                detail: format!("no {FORMAT_FILE} file, but {name:?}"),
            });
        }
    }
    Ok(())
}

fn write_format(path: &Path) -> Result<(), StoreError> {
    let temporary = path.join("FORMAT.new");
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        writeln!(file, "{FORMAT_PREFIX}{FORMAT}")?;
        file.sync_all()?;
        fs::rename(&temporary, path.join(FORMAT_FILE))
    };
    write().map_err(StoreError::not_writable(&temporary))?;
    sync_directory(path)
}

fn sync_directory(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(StoreError::not_writable(path))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_new_directory_is_its_owners_and_an_old_one_stays_as_it_is() {
        let above = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let new = above.path().join("a/data");
        drop(DataDirectory::open(&new).unwrap());
        assert_eq!(mode(&new), 0o700);
        let old = above.path().join("old");
        fs::create_dir(&old).unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).unwrap();
        drop(DataDirectory::open(&old).unwrap());
        assert_eq!(mode(&old), 0o755);
        let file = above.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(create_private(&file).is_err());
    }

    #[test]
    fn nothing_is_left_in_a_directory_of_somebody_else() {
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("accounts.toml"), "").unwrap();
        assert!(matches!(DataDirectory::open(other.path()), Err(StoreError::NotOurs { .. })));
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1);
    }
}
