//! Reports results to the engine: many per append, until they are durable. A slot is free only then.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tollgate_wire::event::{DispatchResult, Events, PlatformEvent};
use tollgate_wire::{Text, Time};

use crate::clock::Clock;
use crate::inbox::Inbox;
use crate::log::{NewRecord, Topic};

/// How long the first result of an append waits for others.
const LINGER: Duration = Duration::from_millis(5);
/// Results in one append, at most.
const APPEND_MAX: usize = 2_048;
/// First and longest wait after a failed append.
const RETRY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// The slot that a call held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) sender: usize,
    pub(super) pair: u64,
    pub(super) priority: bool,
}

/// One result on its way to the engine.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) account: Arc<str>,
    pub(super) result: DispatchResult<'static>,
    /// Freed when the result is durable.
    pub(super) slot: Option<Slot>,
}

/// The task that appends results; ends when every sender of reports is gone.
pub(super) struct Results {
    inbox: Arc<dyn Inbox>,
    clock: Clock,
    reported: mpsc::Receiver<Report>,
    freed: mpsc::Sender<Slot>,
}

impl Results {
    pub(super) fn new(
        inbox: Arc<dyn Inbox>,
        clock: Clock,
        reported: mpsc::Receiver<Report>,
        freed: mpsc::Sender<Slot>,
    ) -> Self {
        Self { inbox, clock, reported, freed }
    }

    pub(super) async fn run(mut self) {
        let mut reports = Vec::new();
        while self.gather(&mut reports).await {
            let slots: Vec<Slot> = reports.iter().filter_map(|report| report.slot).collect();
            self.append(records(&mut reports, self.clock.now())).await;
            for slot in slots {
                // Never full: the channel has room for every slot. Closed only when the dispatcher has ended.
                let _ = self.freed.try_send(slot);
            }
        }
    }

    /// Waits for a first report, then a little for more; false when there will be none.
    async fn gather(&mut self, reports: &mut Vec<Report>) -> bool {
        if self.reported.recv_many(reports, APPEND_MAX).await == 0 {
            return false;
        }
        let over = tokio::time::sleep(LINGER);
        tokio::pin!(over);
        while reports.len() < APPEND_MAX {
            let room = APPEND_MAX - reports.len();
            tokio::select! {
                biased;
                () = &mut over => break,
                more = self.reported.recv_many(reports, room) => if more == 0 { break },
            }
        }
        true
    }

    async fn append(&self, records: Vec<(Topic, NewRecord)>) {
        let (mut wait, longest) = RETRY;
        while let Err(error) = self.inbox.append(records.clone()).await {
            tracing::warn!(%error, "results of send calls are not durable yet; trying again");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(longest);
        }
    }
}

/// One record per account, results in the order they came.
fn records(reports: &mut Vec<Report>, now: Time) -> Vec<(Topic, NewRecord)> {
    reports.sort_by(|a, b| a.account.cmp(&b.account));
    let mut records = Vec::new();
    let mut rest = reports.drain(..).peekable();
    while let Some(first) = rest.next() {
        let account = first.account;
        let mut events = vec![PlatformEvent::Result(first.result)];
        while let Some(next) = rest.next_if(|report| report.account == account) {
            events.push(PlatformEvent::Result(next.result));
        }
        let events = Events { account: Text::from(&*account), events };
        let value = serde_json::to_vec(&events).expect("results have no map keys or floats that JSON refuses");
        records.push((Topic::Events, NewRecord::new(account.as_bytes().to_vec(), value, now.0)));
    }
    records
}
