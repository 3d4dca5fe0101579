//! Writing behind: batches leave the caller's thread and reach the database in their order.
//!
//! The database now and then takes some hundred milliseconds for a write, while it turns its buffers over. Whoever decides
//! must not stand still meanwhile, and looks for a key in what is not written yet before it looks in the database.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use fjall::Slice;

use super::{Space, StateBatch, StoreError};

/// Bytes that wait at most; a batch that alone is larger is taken when nothing waits.
const BYTES_MOST: usize = 64 << 20;
/// Batches that wait at most.
const BATCHES_MOST: usize = 64;

/// The thread that writes, and what it has yet to write.
pub(super) struct Behind {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// Oldest first; that one may be half written, and stays until it is whole.
    batches: VecDeque<Arc<Unwritten>>,
    bytes: usize,
    closed: bool,
    /// Why nothing is written any more.
    failed: Option<Arc<str>>,
}

/// A batch that the database does not have yet.
struct Unwritten {
    batch: StateBatch,
    /// What the batch makes of each of its keys. Made when somebody asks: most batches are written before.
    index: OnceLock<HashMap<(Space, Slice), Option<Slice>, foldhash::fast::FixedState>>,
}

impl Unwritten {
    /// The value that a key has by this batch; the outer `None` when it leaves the key alone.
    fn find(&self, key: &(Space, Slice)) -> Option<Option<Slice>> {
        let index = self.index.get_or_init(|| {
            let changes = self.batch.changes().iter();
            changes.map(|change| ((change.space, change.key.clone()), change.value.clone())).collect()
        });
        index.get(key).cloned()
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, waiting: MutexGuard<'a, Waiting>) -> MutexGuard<'a, Waiting> {
        self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes until closed and empty.
    fn run(&self, write: impl Fn(&StateBatch) -> Result<(), StoreError>) {
        let mut waiting = self.lock();
        loop {
            let Some(next) = waiting.batches.front().map(Arc::clone) else {
                if waiting.closed {
                    return;
                }
                waiting = self.wait(waiting);
                continue;
            };
            drop(waiting);
            let written = write(&next.batch);
            waiting = self.lock();
            waiting.bytes -= next.batch.bytes();
            waiting.batches.pop_front();
            if let Err(error) = written {
                waiting.failed = Some(match error {
                    StoreError::Write { detail } => detail.into(),
                    other => other.to_string().into(),
                });
                // A later batch without an earlier one would be a torn state.
                waiting.batches.clear();
                waiting.bytes = 0;
            }
            self.changed.notify_all();
            // Freed without the lock.
            drop(waiting);
            drop(next);
            waiting = self.lock();
        }
    }
}

/// Tells everybody who waits, should the thread end by a panic.
struct FailOnPanic(Arc<Queue>);

impl Drop for FailOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut waiting = self.0.lock();
            waiting.failed = Some("the thread that writes panicked".into());
            waiting.batches.clear();
            self.0.changed.notify_all();
        }
    }
}

impl Behind {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(
        write: impl Fn(&StateBatch) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let queue = Arc::new(Queue::default());
        let of_thread = Arc::clone(&queue);
        let run = move || {
            let _told = FailOnPanic(Arc::clone(&of_thread));
            of_thread.run(write);
        };
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(run);
        let thread = thread.map_err(|e| StoreError::Write { detail: format!("a thread cannot be started: {e}") })?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Hands a batch over; waits while too much waits already.
    ///
    /// # Errors
    /// A batch before it could not be written; this one will not be either.
    pub(super) fn push(&self, batch: StateBatch) -> Result<(), StoreError> {
        let mut waiting = self.queue.lock();
        while !waiting.batches.is_empty()
            && waiting.failed.is_none()
            && (waiting.bytes + batch.bytes() > BYTES_MOST || waiting.batches.len() >= BATCHES_MOST)
        {
            waiting = self.queue.wait(waiting);
        }
        failure(&waiting)?;
        waiting.bytes += batch.bytes();
        waiting.batches.push_back(Arc::new(Unwritten { batch, index: OnceLock::new() }));
        self.queue.changed.notify_all();
        Ok(())
    }

    /// What is not written yet makes of a key; the outer `None` when nothing of it touches the key.
    ///
    /// # Errors
    /// A batch could not be written: nobody knows the value any more.
    pub(super) fn find(&self, space: Space, key: &[u8]) -> Result<Option<Option<Slice>>, StoreError> {
        let waiting = self.queue.lock();
        failure(&waiting)?;
        if waiting.batches.is_empty() {
            return Ok(None);
        }
        let newest_first: Vec<_> = waiting.batches.iter().rev().cloned().collect();
        drop(waiting);
        let key = (space, Slice::from(key));
        Ok(newest_first.iter().find_map(|unwritten| unwritten.find(&key)))
    }

    /// Whether everything handed over is written.
    pub(super) fn is_settled(&self) -> bool {
        self.queue.lock().batches.is_empty()
    }

    /// Waits until everything handed over before is written.
    ///
    /// # Errors
    /// It could not be.
    pub(super) fn settle(&self) -> Result<(), StoreError> {
        let mut waiting = self.queue.lock();
        while !waiting.batches.is_empty() && waiting.failed.is_none() {
            waiting = self.queue.wait(waiting);
        }
        failure(&waiting)
    }
}

fn failure(waiting: &Waiting) -> Result<(), StoreError> {
    match &waiting.failed {
        Some(why) => Err(StoreError::Write { detail: why.to_string() }),
        None => Ok(()),
    }
}

impl Drop for Behind {
    /// Everything handed over is written first.
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
