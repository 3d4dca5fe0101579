//! Connections for reading: a bounded number, reused.

use crate::clock::monotonic;
use crate::gateway::ReadError;
use crate::ledger::{LedgerError, Options, Place, Reader};
use std::ops::Deref;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Readers at once; a database has only so many connections. The API reads at most 16 things at once and exports two, the
/// console reads four and exports two.
const READERS_MAX: usize = 24;
/// How long a reader is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Page cache of each reader of a file. KiB.
const CACHE_KIB: u32 = 4 * 1024;

/// Readers of ledger and views.
pub(super) struct Readers {
    place: Place,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Reader>,
    lent: usize,
}

/// A reader; given back when dropped.
pub(super) struct Lent<'p> {
    readers: &'p Readers,
    reader: Option<Reader>,
}

impl Readers {
    /// Opens the first one, which says whether the place can be read. Of processes that start at once over PostgreSQL,
    /// this one may be the first that finds it empty.
    pub(super) fn open(place: &Place) -> Result<Self, LedgerError> {
        let first = match place.reader(options()) {
            Err(LedgerError::NoTables { .. }) => {
                drop(place.writer()?);
                place.reader(options())?
            }
            opened => opened?,
        };
        let pool = Mutex::new(Pool { idle: vec![first], lent: 0 });
        Ok(Self { place: place.clone(), pool, returned: Condvar::new() })
    }

    /// A reader of its own for one read. Waits while all are lent.
    pub(super) fn take(&self) -> Result<Lent<'_>, ReadError> {
        let until = monotonic() + PATIENCE;
        let mut pool = self.lock();
        while pool.lent >= READERS_MAX {
            let left = until.saturating_duration_since(monotonic());
            if left.is_zero() {
                let busy = format!("all {READERS_MAX} readers of ledger and views are busy; try again");
                return Err(ReadError::Failed(busy));
            }
            pool = self.returned.wait_timeout(pool, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        pool.lent += 1;
        let idle = pool.idle.pop();
        drop(pool);
        // Made before it is opened: whatever happens, it is given back.
        let mut lent = Lent { readers: self, reader: idle };
        if lent.reader.is_none() {
            lent.reader = Some(self.place.reader(options()).map_err(|e| ReadError::Failed(e.to_string()))?);
        }
        Ok(lent)
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn options() -> Options {
    Options { cache_kib: CACHE_KIB, ..Options::default() }
}

impl Deref for Lent<'_> {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        self.reader.as_ref().expect("a lent reader is there until it is dropped")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.lock();
        pool.lent -= 1;
        pool.idle.extend(self.reader.take());
        drop(pool);
        self.readers.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::fixture::Database;

    #[test]
    fn no_more_readers_than_the_bound_and_each_comes_back() {
        let database = Database::sqlite();
        drop(database.writer());
        let readers = Readers::open(database.place()).expect("opens");
        let lent: Vec<_> = (0..READERS_MAX).map(|_| readers.take().expect("within the bound")).collect();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| readers.take().map(drop));
            std::thread::sleep(Duration::from_millis(50));
            assert!(!waits.is_finished());
            drop(lent);
            assert!(waits.join().expect("no panic").is_ok());
        });
        let pool = readers.lock();
        assert_eq!((pool.lent, pool.idle.len()), (0, READERS_MAX));
    }
}
