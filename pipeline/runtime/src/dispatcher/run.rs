//! The loop: read ahead, pick what has a free slot, take it durably, launch the calls.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tollgate_metrics::Metrics;
use tollgate_wire::DeadLetterReason;
use tollgate_wire::order::{Callback, Order};

use super::backlog::{Backlog, Free, Job, Picked};
use super::call::Caller;
use super::results::{Report, Slot};
use super::targets::Targets;
use super::{DispatcherConfig, DispatcherError, DispatcherParts, Orders};
use crate::clock::{self, Clock};
use crate::graph::write_body;
use crate::inbox::Inbox;
use crate::lag::Mark;
use crate::log::{NewRecord, ReadLimit, Record, Topic};

/// How often everything held is checked against `leave_by`, and the gauges are set.
const SWEEP: Duration = Duration::from_millis(250);
/// Orders and bytes of one read.
const READ: ReadLimit = ReadLimit { records: 2_048, bytes: 4 << 20 };

pub(super) struct Run {
    config: DispatcherConfig,
    orders: Arc<dyn Orders>,
    inbox: Arc<dyn Inbox>,
    clock: Clock,
    metrics: Arc<Metrics>,
    newest: watch::Receiver<u64>,
    free: mpsc::Receiver<Slot>,
    stopping: watch::Receiver<bool>,
    caller: Arc<Caller>,
    targets: Targets,
    backlog: Backlog,
    calls: JoinSet<()>,
    /// Next offset to read.
    next: u64,
    /// Orders read and not taken, with the times at which they were appended.
    waiting: BTreeMap<u64, u64>,
    mark: Arc<Mark>,
    in_flight: usize,
    bulk_in_flight: usize,
    started: Instant,
    bodies: BytesMut,
}

impl Run {
    pub(super) fn new(
        config: DispatcherConfig,
        parts: DispatcherParts,
        report: mpsc::Sender<Report>,
        free: mpsc::Receiver<Slot>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let targets = Targets::new(parts.graph.clone(), config.access_tokens.clone(), &parts.registry);
        let caller = Caller {
            graph: parts.graph,
            clock: parts.clock.clone(),
            metrics: Arc::clone(&parts.metrics),
            report,
            traces: parts.traces,
        };
        Self {
            newest: parts.orders.subscribe(),
            orders: parts.orders,
            inbox: parts.inbox,
            clock: parts.clock,
            metrics: parts.metrics,
            free,
            stopping,
            caller: Arc::new(caller),
            targets,
            backlog: Backlog::default(),
            calls: JoinSet::new(),
            next: 0,
            waiting: BTreeMap::new(),
            mark: parts.lags.mark(Topic::Dispatch, 0),
            in_flight: 0,
            bulk_in_flight: 0,
            started: clock::monotonic(),
            bodies: BytesMut::with_capacity(64 << 10),
            config,
        }
    }

    /// Ends after a stop or when the log fails, once every call under way has a durable result.
    pub(super) async fn run(mut self) -> Result<(), DispatcherError> {
        let ended = self.dispatch().await;
        if let Err(error) = &ended {
            tracing::error!(%error, "the dispatcher stops; calls under way are finished");
        }
        while self.in_flight > 0 {
            tokio::select! {
                Some(slot) = self.free.recv() => self.freed(slot),
                // Of one that panicked no result comes.
                Some(call) = self.calls.join_next() => drop(self.called(call)),
                else => break,
            }
        }
        self.gauges();
        ended
    }

    /// Until a stop.
    async fn dispatch(&mut self) -> Result<(), DispatcherError> {
        let mut sweep = tokio::time::interval(SWEEP);
        while !*self.stopping.borrow_and_update() {
            self.targets.refresh();
            let more = self.read_ahead().await?;
            let picked = self.pick();
            let wake = picked.room_at_ns.map(|ns| self.started + Duration::from_nanos(ns));
            self.take_and_launch(picked).await?;
            while let Some(call) = self.calls.try_join_next() {
                self.called(call)?;
            }
            if more {
                continue;
            }
            tokio::select! {
                _ = self.stopping.changed() => {}
                _ = self.newest.changed(), if self.has_room() => {}
                // Whoever reports results has gone when there is none: nothing more may be called.
                slot = self.free.recv() => self.freed(slot.ok_or(DispatcherError::Panicked)?),
                () = at(wake) => {}
                _ = sweep.tick() => self.sweep().await?,
            }
            while let Ok(slot) = self.free.try_recv() {
                self.freed(slot);
            }
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.backlog.len() < self.config.lookahead_max
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Reads once if there is room and something new; true when there may be more at once.
    async fn read_ahead(&mut self) -> Result<bool, DispatcherError> {
        let end = *self.newest.borrow_and_update();
        if !self.has_room() || self.next >= end {
            return Ok(false);
        }
        let room = self.config.lookahead_max - self.backlog.len();
        let limit = ReadLimit { records: READ.records.min(room), ..READ };
        let records = self.orders.pending(self.next, limit).await?;
        let Some(last) = records.last().map(|record| record.offset) else {
            self.next = end;
            return Ok(false);
        };
        let now_ns = self.now_ns();
        let mut unreadable = Vec::new();
        for record in records {
            if let Err(error) = self.hold(&record, now_ns) {
                tracing::error!(offset = record.offset, %error, "an order cannot be read; put into dead-letters");
                unreadable.push(record);
            }
        }
        self.next = last + 1;
        self.set_aside(unreadable).await?;
        Ok(self.has_room() && self.next < end)
    }

    fn hold(&mut self, record: &Record, now_ns: u64) -> Result<(), serde_json::Error> {
        let order: Order<'_> = serde_json::from_slice(&record.value)?;
        let throughput = self.targets.throughput(&order.sender);
        let sender = self.backlog.sender(&order.sender, throughput, now_ns);
        let job = Job {
            offset: record.offset,
            callback: Callback { message_uid: order.message_uid, attempt: order.attempt },
            account: Arc::from(&*order.account),
            sender,
            pair: self.backlog.pair(sender, &order.to),
            priority: order.priority,
            leave_by: order.leave_by,
            trace: self.caller.parent(&order),
            body: write_body(&order, &mut self.bodies),
            marketing: order.marketing.is_some(),
        };
        self.backlog.push(job);
        self.waiting.insert(record.offset, record.time_ms);
        Ok(())
    }

    /// Our own orders are always readable, so this is damage: kept for people, never retried.
    async fn set_aside(&self, records: Vec<Record>) -> Result<(), DispatcherError> {
        if records.is_empty() {
            return Ok(());
        }
        let offsets = records.iter().map(|record| record.offset).collect();
        let letters = records.into_iter().map(|record| {
            let mut letter = NewRecord::new(record.key, record.value, self.clock.now().0);
            let reason = DeadLetterReason::Internal.as_str();
            // Orders from Kafka carry where they lie; their offset is a local number.
            letter.headers = record.headers;
            if letter.headers.is_empty() {
                letter.headers.push(("offset".to_owned(), Bytes::from(record.offset.to_string())));
            }
            letter.headers.push(("topic".to_owned(), Bytes::from_static(Topic::Dispatch.name().as_bytes())));
            letter.headers.push(("reason".to_owned(), Bytes::from_static(reason.as_bytes())));
            self.metrics.dead_letter(self.metrics.reason(reason));
            (Topic::DeadLetters, letter)
        });
        if let Err(error) = self.inbox.append(letters.collect()).await {
            tracing::error!(%error, "unreadable orders stay pending; the next start reads them again");
            return Ok(());
        }
        self.orders.take(offsets).await?;
        Ok(())
    }

    fn pick(&mut self) -> Picked {
        let free = Free {
            all: self.config.concurrent_max.max(1).saturating_sub(self.in_flight),
            bulk: self.config.bulk_max().saturating_sub(self.bulk_in_flight),
        };
        let now_ns = self.now_ns();
        self.backlog.pick(free, self.clock.now(), now_ns)
    }

    /// The order of things that makes it at most once: durable take, then the call.
    async fn take_and_launch(&mut self, picked: Picked) -> Result<(), DispatcherError> {
        if picked.go.is_empty() && picked.late.is_empty() {
            return Ok(());
        }
        let offsets: Vec<u64> = picked.go.iter().chain(&picked.late).map(|job| job.offset).collect();
        let asked = offsets.len();
        let asked_ns = self.now_ns();
        let fresh = self.orders.take(offsets).await?;
        self.backlog.took(self.now_ns() - asked_ns);
        for job in picked.go.iter().chain(&picked.late) {
            self.waiting.remove(&job.offset);
        }
        let fresh: Option<HashSet<u64>> = (fresh.len() != asked).then(|| fresh.into_iter().collect());
        let is_ours = |job: &Job| fresh.as_ref().is_none_or(|fresh| fresh.contains(&job.offset));
        for job in picked.go {
            if is_ours(&job) {
                self.launch(job);
            } else {
                self.backlog.forgone(&job);
            }
        }
        for job in picked.late {
            if is_ours(&job) {
                self.caller.too_late(job).await;
            }
        }
        Ok(())
    }

    fn launch(&mut self, job: Job) {
        let now_ns = self.now_ns();
        let start = self.started + Duration::from_nanos(self.backlog.start_at_ns(&job, now_ns));
        let to = self.targets.of(self.backlog.sender_id(job.sender));
        self.in_flight += 1;
        self.bulk_in_flight += usize::from(!job.priority);
        self.calls.spawn(Arc::clone(&self.caller).attempt(job, to, start));
    }

    /// A call has ended. One that panicked keeps its slot and its person for good, and the attempt is in doubt: better all is
    /// begun anew.
    fn called(&mut self, call: Result<(), JoinError>) -> Result<(), DispatcherError> {
        call.map_err(|_| {
            self.in_flight -= 1;
            DispatcherError::Panicked
        })
    }

    fn freed(&mut self, slot: Slot) {
        self.in_flight -= 1;
        self.bulk_in_flight -= usize::from(!slot.priority);
        self.backlog.finished(slot.sender, slot.pair);
    }

    async fn sweep(&mut self) -> Result<(), DispatcherError> {
        self.gauges();
        let late = self.backlog.take_late(self.clock.now());
        self.take_and_launch(Picked { late, ..Picked::default() }).await
    }

    fn gauges(&self) {
        for (sender, calls) in self.backlog.in_flight() {
            self.metrics.set_open_calls(sender, calls.into());
        }
        let now = self.clock.now();
        match self.waiting.first_key_value() {
            Some((_, appended_ms)) => self.mark.behind(*appended_ms, now),
            None if self.next >= *self.newest.borrow() => self.mark.caught_up(now),
            // What is there is not read: how old it is, is not known.
            None => {}
        }
    }
}

async fn at(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake.into()).await,
        None => std::future::pending().await,
    }
}
