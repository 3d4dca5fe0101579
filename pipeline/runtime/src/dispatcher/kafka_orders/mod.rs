//! Orders of the Kafka topic `dispatch`, taken at most once by the members of one consumer group.
//!
//! The members `{app}.dispatch-{slot}` of the group `{app}.dispatch` share the partitions. What is taken is kept in
//! the group's committed offsets: per partition the lowest offset not taken as position, the taken ones above it in
//! the commit's metadata (`taken_marks`). A take is a commit, and all takes that wait make one.
//!
//! Why a mark is never lost and never another member's:
//! - The assignor is `range`, so the protocol is the eager one: a member that is to join the next generation first
//!   gives up all its partitions, on the thread that commits. A commit therefore never runs under a generation in
//!   which its partition may belong to somebody else; one of an earlier generation, or of a member that was expelled
//!   while it was frozen, is refused by the broker. Cooperative assignors have members join before they give up.
//! - Members are static (`group.instance.id`): a restart takes over its partitions without a rebalance, and the
//!   commits of its predecessor are refused from then on.
//! - A commit whose fate is not known, or that took so long that the client may have sent it twice, could be carried
//!   out by the broker after a later one and undo its marks. So the client is replaced before the next commit: its
//!   successor joins under a new member id, under which what is left of the old one is refused.
//!
//! `offered` the orders held and their numbers (pure) · `group` what happens when partitions come and go · `run` the
//! thread: read, commit, answer.

mod group;
mod offered;
mod run;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{oneshot, watch};

use self::offered::Offered;
use super::Orders;
use crate::inbox::BoxFuture;
use crate::log::kafka::KafkaConfig;
use crate::log::{LogError, ReadLimit, Record};

/// Orders of the Kafka topic `dispatch`. Its offsets are local numbers; a record's headers `partition` and `offset`
/// tell where it lies in Kafka.
///
/// Dropping it closes the consumer, which takes as long as a commit under way; its partitions stay its own until it
/// comes back or the session times out.
pub struct KafkaOrders {
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
}

impl KafkaOrders {
    /// Joins the group on a thread of its own, without waiting for an answer of the brokers. The topic and the
    /// group's first positions must exist.
    ///
    /// # Errors
    /// The configuration is refused, or no thread can be started.
    pub fn start(config: &KafkaConfig) -> Result<Self, LogError> {
        if let Some(name) = config.forbidden() {
            return Err(stopped(format!("kafka property {name} is set by the program; leave it out")));
        }
        let shared = Arc::new(Shared::default());
        let settings = group::Settings::new(config);
        // A refused property shows now, not on the thread.
        settings.client.create_native_config().map_err(|error| stopped(format!("kafka properties: {error}")))?;
        let run = run::Run::new(Arc::clone(&shared), settings);
        let reader = std::thread::Builder::new().name("orders".to_owned()).spawn(move || run.run());
        let reader = reader.map_err(|error| stopped(format!("no thread for reading orders: {error}")))?;
        Ok(Self { shared, reader: Some(reader) })
    }

    fn wake(&self) {
        if let Some(reader) = &self.reader {
            reader.thread().unpark();
        }
    }
}

impl Orders for KafkaOrders {
    fn pending(&self, from: u64, limit: ReadLimit) -> BoxFuture<'_, Result<Vec<Record>, LogError>> {
        let state = self.shared.lock();
        let answer = match &state.stopped {
            Some(error) => Err(error.clone()),
            None => Ok(state.offered.pending(from, limit)),
        };
        Box::pin(std::future::ready(answer))
    }

    fn take(&self, offsets: Vec<u64>) -> BoxFuture<'_, Result<Vec<u64>, LogError>> {
        let (reply, answer) = oneshot::channel();
        let mut state = self.shared.lock();
        if let Some(error) = state.stopped.clone() {
            return Box::pin(std::future::ready(Err(error)));
        }
        state.requests.push(Request { numbers: offsets, reply });
        drop(state);
        self.wake();
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(stopped("the reader of orders ended"))) })
    }

    fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.newest.subscribe()
    }
}

impl Drop for KafkaOrders {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.wake();
        if let Some(reader) = self.reader.take() {
            // It has reported a panic of its own already.
            let _ = reader.join();
        }
    }
}

impl fmt::Debug for KafkaOrders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaOrders").field("newest", &*self.shared.newest.borrow()).finish_non_exhaustive()
    }
}

/// What the thread and its callers share.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    newest: watch::Sender<u64>,
    stopping: AtomicBool,
}

#[derive(Default)]
struct State {
    offered: Offered,
    requests: Vec<Request>,
    /// Why nothing is read or taken any more.
    stopped: Option<LogError>,
}

/// A take that waits for its commit.
struct Request {
    numbers: Vec<u64>,
    reply: oneshot::Sender<Result<Vec<u64>, LogError>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Tells readers of the newest number.
    fn publish(&self) {
        let next = self.lock().offered.next();
        self.newest.send_if_modified(|newest| std::mem::replace(newest, next) != next);
    }

    /// Nothing is read or taken any more. Readers that wait for orders wake up and learn why.
    fn stop(&self, error: LogError) {
        let mut state = self.lock();
        let error = state.stopped.get_or_insert(error).clone();
        for request in state.requests.drain(..) {
            // A caller that has gone needs no answer.
            let _ = request.reply.send(Err(error.clone()));
        }
        state.offered.revoke();
        state.offered.skip_number();
        drop(state);
        self.publish();
    }
}

fn stopped(reason: impl Into<Arc<str>>) -> LogError {
    LogError::Stopped { reason: reason.into() }
}
