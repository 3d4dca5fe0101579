//! Durable state: ordered key spaces in one embedded database, changed by atomic batches.
//!
//! In embedded mode the log writes state together with its own records and one fsync (see [`crate::log::embedded`]).
//! In Kafka mode the store is a cache of the changelog: [`Store::write_unsynced`] and [`Store::write_behind`], atomic and in
//! order, no fsync.
//! A read sees single keys; whoever needs several keys of one batch reads from the thread that committed it.

mod batch;
mod behind;
mod directory;
mod error;
mod spaces;
mod torn_write;

#[cfg(test)]
mod tests;

use std::fs;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};

pub use batch::StateBatch;
pub(crate) use directory::create_private;
pub use directory::{FORMAT, check_format};
pub use error::StoreError;
/// Bytes of a stored key or value; cheap to clone, dereferences to `[u8]`.
pub use fjall::Slice as StoredBytes;
pub use spaces::Space;

use batch::StateChange;
use behind::Behind;
use directory::DataDirectory;

/// Sizes of the database. The defaults suit one machine with a few gigabytes.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Cache of blocks read from disk, bytes.
    pub cache_bytes: u64,
    /// Bound of all journals together, bytes, at least 64 MiB: what a reopen after a crash has to replay.
    pub journal_bytes: u64,
    /// Size of one space's write buffer before it is written out, bytes.
    pub write_buffer_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, journal_bytes: 64 << 20, write_buffer_bytes: 16 << 20 }
    }
}

/// Handle to the state store; clones share one database.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    // In this order: what waits is written, the database closes, then the lock is released.
    behind: OnceLock<Behind>,
    spaces: Vec<Keyspace>,
    database: Database,
    write_buffer_bytes: u64,
    _directory: DataDirectory,
}

impl Store {
    /// Opens or creates the store in a data directory and locks it for this process.
    ///
    /// # Errors
    /// The directory is not writable, in use, of a newer format or not ours, or the database is damaged.
    pub fn open(path: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        let directory = DataDirectory::open(path)?;
        let database_path = directory.database();
        let exists = database_path.try_exists().map_err(StoreError::not_writable(&database_path))?;
        if !exists {
            create(&directory, options)?;
        }
        let database = open_database(&database_path, options)?;
        let spaces = Space::ALL
            .into_iter()
            .map(|space| open_keyspace(&database, space.name(), || plain(options.write_buffer_bytes)))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            inner: Arc::new(Inner {
                behind: OnceLock::new(),
                spaces,
                database,
                write_buffer_bytes: options.write_buffer_bytes,
                _directory: directory,
            }),
        })
    }

    /// The value of a key, `None` when absent.
    ///
    /// # Errors
    /// [`StoreError::Read`] when the disk or a checksum fails, [`StoreError::Write`] when a batch written behind failed.
    pub fn get(&self, space: Space, key: &[u8]) -> Result<Option<StoredBytes>, StoreError> {
        if let Some(behind) = self.inner.behind.get()
            && let Some(value) = behind.find(space, key)?
        {
            return Ok(value);
        }
        self.keyspace(space).get(key).map_err(|error| StoreError::read(space.name(), &error))
    }

    /// The values of several keys of one space, in the order asked.
    ///
    /// # Errors
    /// As [`Store::get`]; the first failure ends the call.
    pub fn multi_get<K: AsRef<[u8]>>(&self, space: Space, keys: &[K]) -> Result<Vec<Option<StoredBytes>>, StoreError> {
        keys.iter().map(|key| self.get(space, key.as_ref())).collect()
    }

    /// Streams all keys with a prefix in key order, as of the moment of the call; an empty prefix is the whole space.
    pub fn scan_prefix(&self, space: Space, prefix: &[u8]) -> impl Iterator<Item = ScanItem> + use<> {
        scan(space, self.settle().map(|()| self.keyspace(space).prefix(prefix)))
    }

    /// Streams the keys from `from` (included) to `to` (not included, `None` = the end) in key order, as of the
    /// moment of the call.
    pub fn scan_range(&self, space: Space, from: &[u8], to: Option<&[u8]>) -> impl Iterator<Item = ScanItem> + use<> {
        let end = to.map_or(Bound::Unbounded, Bound::Excluded);
        let range = |()| self.keyspace(space).range::<&[u8], _>((Bound::Included(from), end));
        scan(space, self.settle().map(range))
    }

    /// Writes a batch atomically and in order, without an fsync: it survives the end of the process, and after a
    /// power cut the store may be behind, never torn. For Kafka mode, where the changelog is the durable copy.
    ///
    /// # Errors
    /// [`StoreError::Write`]; no further write is accepted until the store is opened again.
    pub fn write_unsynced(&self, batch: &StateBatch) -> Result<(), StoreError> {
        self.settle()?;
        write_unsynced(&self.inner.database, &self.inner.spaces, batch)
    }

    /// As [`Store::write_unsynced`], by a thread of its own: the database's pauses are not the caller's. Waits only while
    /// too much is unwritten. Every read and every other write of this store sees it, and what was handed over is written
    /// before the store closes.
    ///
    /// # Errors
    /// [`StoreError::Write`] when a batch before could not be written: then this one will not be, and no read answers.
    pub fn write_behind(&self, batch: StateBatch) -> Result<(), StoreError> {
        if let Some(behind) = self.inner.behind.get() {
            return behind.push(batch);
        }
        let (database, spaces) = (self.inner.database.clone(), self.inner.spaces.clone());
        let behind = Behind::start(move |batch| write_unsynced(&database, &spaces, batch))?;
        self.inner.behind.get_or_init(|| behind).push(batch)
    }

    /// Whether a scan would begin at once, or wait for what is written behind.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.inner.behind.get().is_none_or(Behind::is_settled)
    }

    /// Waits for what is written behind.
    fn settle(&self) -> Result<(), StoreError> {
        self.inner.behind.get().map_or(Ok(()), Behind::settle)
    }

    pub(crate) fn stage(&self, write: &mut OwnedWriteBatch, batch: StateBatch) {
        stage(&self.inner.spaces, write, batch.into_changes());
    }

    pub(crate) fn database(&self) -> &Database {
        &self.inner.database
    }

    pub(crate) fn keyspaces(&self) -> &[Keyspace] {
        &self.inner.spaces
    }

    /// A keyspace beside the state, created if absent, for small values.
    pub(crate) fn side_keyspace(&self, name: &str) -> Result<Keyspace, StoreError> {
        open_keyspace(&self.inner.database, name, || plain(self.inner.write_buffer_bytes))
    }

    /// A keyspace beside the state for log blocks: values live in files of their own, which are dropped whole when
    /// trimmed, so that compaction never copies them. The blocks come compressed.
    pub(crate) fn block_keyspace(&self, name: &str) -> Result<Keyspace, StoreError> {
        let buffer = self.inner.write_buffer_bytes;
        let separation = fjall::KvSeparationOptions::default()
            .separation_threshold(1024)
            .file_target_size(buffer.max(1 << 20))
            .compression(fjall::CompressionType::None);
        open_keyspace(&self.inner.database, name, || plain(buffer).with_kv_separation(Some(separation)))
    }

    fn keyspace(&self, space: Space) -> &Keyspace {
        &self.inner.spaces[space.index()]
    }
}

/// One key with its value, or the read error that ends the scan.
pub type ScanItem = Result<(StoredBytes, StoredBytes), StoreError>;

fn scan(space: Space, entries: Result<fjall::Iter, StoreError>) -> impl Iterator<Item = ScanItem> {
    let (entries, failed) = match entries {
        Ok(entries) => (Some(entries), None),
        Err(error) => (None, Some(Err(error))),
    };
    let item = move |entry: fjall::Guard| entry.into_inner().map_err(|error| StoreError::read(space.name(), &error));
    entries.into_iter().flatten().map(item).chain(failed)
}

fn write_unsynced(database: &Database, spaces: &[Keyspace], batch: &StateBatch) -> Result<(), StoreError> {
    let mut write = database.batch().durability(Some(PersistMode::Buffer));
    stage(spaces, &mut write, batch.changes().iter().cloned());
    write.commit().map_err(|error| StoreError::write(&error))
}

fn stage(spaces: &[Keyspace], write: &mut OwnedWriteBatch, changes: impl IntoIterator<Item = StateChange>) {
    for change in changes {
        let keyspace = &spaces[change.space.index()];
        match change.value {
            Some(value) => write.insert(keyspace, change.key, value),
            None => write.remove(keyspace, change.key),
        }
    }
}

fn plain(write_buffer_bytes: u64) -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default().max_memtable_size(write_buffer_bytes)
}

fn create(directory: &DataDirectory, options: &StoreOptions) -> Result<(), StoreError> {
    let unfinished = directory.database_in_creation();
    let place = directory.database();
    match fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(StoreError::not_writable(&unfinished)(error));
        }
        _ => {}
    }
    drop(open_database(&unfinished, options)?);
    fs::rename(&unfinished, &place).map_err(StoreError::not_writable(&place))?;
    directory.sync()
}

/// Opens the database; a last write cut short by a power cut is set aside first if the engine stumbles over it.
fn open_database(path: &Path, options: &StoreOptions) -> Result<Database, StoreError> {
    let open = || {
        Database::builder(path)
            .cache_size(options.cache_bytes)
            .max_journaling_size(options.journal_bytes)
            // Replay would compress every value again to check it; log blocks are compressed already.
            .journal_compression(fjall::CompressionType::None)
            .worker_threads(2)
            .open()
    };
    let opened = match open() {
        Err(fjall::Error::JournalRecovery(fjall::JournalRecoveryError::ChecksumMismatch)) => {
            torn_write::set_aside_and_retry(path, open)?
        }
        opened => opened,
    };
    opened.map_err(|error| open_error(path, &error))
}

fn open_keyspace(
    database: &Database,
    name: &str,
    options: impl FnOnce() -> KeyspaceCreateOptions,
) -> Result<Keyspace, StoreError> {
    database.keyspace(name, options).map_err(|error| open_error(Path::new(name), &error))
}

fn open_error(path: &Path, error: &fjall::Error) -> StoreError {
    StoreError::Open { path: path.to_owned(), detail: error::describe(error) }
}
