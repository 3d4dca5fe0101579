//! Who is sent away when all places of a listener are taken: of the clients that have asked nothing, the one that has been idle
//! the longest. A request in flight is never cut for another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// For so long nobody is sent away: who has just connected is about to ask, and an answer may still be on its way.
const GRACE: Duration = Duration::from_secs(1);

/// The idle connections of a listener.
#[derive(Clone, Debug, Default)]
pub(super) struct Idlers(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    connections: u64,
    /// By when they became idle.
    idle: BTreeMap<(Instant, u64), Arc<Notify>>,
}

impl Idlers {
    /// A connection that is new, and idle until its first request.
    pub(super) fn enter(&self) -> Arc<Visit> {
        let mut known = self.known();
        known.connections += 1;
        let key = (Instant::now(), known.connections);
        let leave = Arc::<Notify>::default();
        known.idle.insert(key, Arc::clone(&leave));
        drop(known);
        Arc::new(Visit { idlers: self.clone(), number: key.1, since: Mutex::new(Some(key.0)), leave })
    }

    /// Sends the one away that has been idle the longest, if it has been so for long enough.
    pub(super) fn send_one_away(&self) {
        let mut known = self.known();
        if known.idle.first_key_value().is_some_and(|((since, _), _)| since.elapsed() >= GRACE)
            && let Some((_, leave)) = known.idle.pop_first()
        {
            leave.notify_one();
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Visit {
    idlers: Idlers,
    number: u64,
    /// Since when it is idle, if it is.
    since: Mutex<Option<Instant>>,
    leave: Arc<Notify>,
}

impl Visit {
    /// Waits until it is sent away.
    pub(super) async fn sent_away(&self) {
        self.leave.notified().await;
    }

    /// It has a request in flight for as long as the guard lives.
    pub(super) fn ask(self: &Arc<Self>) -> Asking {
        self.set(None);
        Asking(Arc::clone(self))
    }

    fn set(&self, idle: Option<Instant>) {
        let mut known = self.idlers.known();
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = since.take() {
            known.idle.remove(&(before, self.number));
        }
        if let Some(now) = idle {
            known.idle.insert((now, self.number), Arc::clone(&self.leave));
        }
        *since = idle;
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.set(None);
    }
}

/// A request in flight, to the end of its answer.
#[derive(Debug)]
pub(super) struct Asking(Arc<Visit>);

impl Asking {
    /// Holds on to it together with the answer's body, of which this sees the errors.
    pub(super) fn pass<E>(&self, error: E) -> E {
        error
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.set(Some(Instant::now()));
    }
}
