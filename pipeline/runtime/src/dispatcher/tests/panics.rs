//! A part that panics ends the dispatcher: nobody is called on without a result, and no slot stays taken for good.

use std::sync::Arc;
use std::time::Duration;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::world::World;
use crate::dispatcher::{Dispatcher, DispatcherError, DispatcherParts};
use crate::inbox::{AppendError, BoxFuture, Inbox};
use crate::log::{NewRecord, Topic};

const STOP: Duration = Duration::from_secs(5);

/// Panics at the first result.
struct PanickingInbox;

impl Inbox for PanickingInbox {
    fn append(&self, _: Vec<(Topic, NewRecord)>) -> BoxFuture<'_, Result<(), AppendError>> {
        Box::pin(async { panic!("by a test") })
    }
}

/// Panics when a call to the person is told.
struct PanickingLogger;

impl Subscriber for PanickingLogger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().ends_with("dispatcher::call")
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {
        panic!("by a test");
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

async fn ends(dispatcher: &Dispatcher) {
    for _ in 0..400 {
        if !dispatcher.is_running() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it goes on");
}

#[tokio::test]
async fn when_results_are_reported_no_more_nothing_more_is_called() {
    let world = World::new(Duration::from_millis(1), 1_000).await;
    let dispatcher =
        Dispatcher::start(World::config(500), DispatcherParts { inbox: Arc::new(PanickingInbox), ..world.parts() });
    world.order(0, "s1", "0", false, 5_000);
    ends(&dispatcher).await;
    for uid in 1..50 {
        world.order(uid, "s1", &uid.to_string(), false, 5_000);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.calls().len(), 1, "what is called has no result any more");
    assert!(matches!(dispatcher.stop(STOP).await, Err(DispatcherError::Panicked)));
}

#[tokio::test]
async fn a_call_that_panics_ends_the_dispatcher_and_no_stop_waits_for_its_slot() {
    let world = World::new(Duration::from_millis(1), 1_000).await;
    let dispatcher = world.start(16);
    // With one logger alone a thread that has none may decide for all that nothing is told.
    let _other = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
    let told = tracing::subscriber::set_default(PanickingLogger);
    world.order(0, "s1", "0", false, 5_000);
    ends(&dispatcher).await;
    drop(told);
    assert!(matches!(dispatcher.stop(STOP).await, Err(DispatcherError::Panicked)));
}
