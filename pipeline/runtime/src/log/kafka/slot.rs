//! The shard loop's side of Kafka: which partitions are ours, their inputs, and the commit.
//!
//! Three consumers. The group's own says which partitions are ours and reads nothing: where reading begins is told by
//! the changelog, and a group whose offsets are held up by a transaction that Kafka never ended would not let it begin.
//! Two more are assigned by hand and never commit: one for commands, events and the priority lane, which so are never
//! behind bulk in a queue, and one for bulk; and those of the fence, while requests wait for what was there before them.
//! Offsets of all four inputs leave in the transaction.

mod flow;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::changelog;
use super::config::KafkaConfig;
use super::contact::Contact;
use super::crash_point::crash_point;
use super::fence::FenceConsumers;
use super::membership::{Assignments, News};
use super::restore::{self, AnyConsumer as _, Place, PlaceOf, Plan, Restored, failed, stopped};
use super::served::{Held, Served, place, take};
use super::transaction::Transactions;
use crate::clock::{self, monotonic};
use crate::log::{Commit, Log, LogError, NewRecord, Ownership, ReadLimit, Record, Topic};
use crate::store::{StateBatch, Store, StoreOptions};

/// What the consumer for what is urgent reads.
const URGENT: [Topic; 3] = [Topic::Commands, Topic::Events, Topic::RequestsPriority];
/// Bulk is looked for at least so often while the other inputs are quiet.
const BULK_EVERY: Duration = Duration::from_millis(4);
/// Records taken from a client's queue in one go.
const DRAIN: usize = 1_000;
/// Bound on one question to the broker.
const ASK: Duration = Duration::from_secs(15);
/// Bound on asking whether a broker is back.
const CONTACT_ASK: Duration = Duration::from_millis(200);

/// The log of one slot.
pub struct KafkaLog {
    config: KafkaConfig,
    directory: PathBuf,
    options: StoreOptions,
    cluster: String,
    group: Arc<BaseConsumer<Assignments>>,
    urgent: BaseConsumer,
    bulk: BaseConsumer,
    fences: FenceConsumers,
    transactions: Transactions,
    /// Whether a batch of several parts is at hand: what it has read is read again should it be undone.
    in_parts: bool,
    served: BTreeMap<u32, Served>,
    restoring: BTreeMap<u32, Restoring>,
    /// False while the group divides the partitions anew: nothing may be decided then.
    serving: bool,
    held: Held,
    contact: Contact,
    swept: Instant,
}

struct Restoring {
    since: Instant,
    thread: JoinHandle<Result<Option<Restored>, LogError>>,
    cancel: Arc<AtomicBool>,
}

impl KafkaLog {
    /// Connects, fences a predecessor of the same slot, and joins the group. `directory` holds one store per
    /// partition.
    ///
    /// # Errors
    /// The broker cannot be reached or refuses.
    pub fn open(config: KafkaConfig, directory: PathBuf, options: StoreOptions) -> Result<Self, LogError> {
        let transactions = Transactions::open(&config)?;
        let mut client = config.consumer("shards", &config.app);
        client
            // It reads nothing; what it is asked about the ends of topics is to include what is not decided.
            .set("isolation.level", "read_uncommitted")
            .set("group.instance.id", format!("{}-{}", config.app, config.slot))
            .set("partition.assignment.strategy", "range")
            .set("session.timeout.ms", config.session_timeout.as_millis().to_string())
            .set("heartbeat.interval.ms", (config.session_timeout.as_millis() / 5).to_string());
        let group: BaseConsumer<Assignments> = client
            .create_with_context(Assignments::of(Topic::INPUTS.len()))
            .map_err(|e| failed("the group's consumer", &e))?;
        let cluster = group
            .client()
            .fetch_cluster_id(ASK)
            .ok_or_else(|| stopped(format!("no broker answers at {}; is it there?", config.brokers)))?;
        let group = Arc::new(group);
        let urgent = config
            .consumer("urgent", &config.app)
            .create()
            .map_err(|e| failed("the consumer for what is urgent", &e))?;
        let bulk = config.consumer("bulk", &config.app).create().map_err(|e| failed("the consumer for bulk", &e))?;
        let names: Vec<String> = Topic::INPUTS.iter().map(|t| config.topic(*t)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        group.subscribe(&names).map_err(|e| failed("joining the group", &e))?;
        Ok(Self {
            config,
            directory,
            options,
            cluster,
            group,
            urgent,
            bulk,
            fences: FenceConsumers::default(),
            transactions,
            in_parts: false,
            served: BTreeMap::new(),
            restoring: BTreeMap::new(),
            serving: false,
            held: Held::default(),
            contact: Contact::new(),
            swept: monotonic(),
        })
    }

    /// Deals with what the group told since the last call.
    fn follow_group(&mut self, changes: &mut Vec<Ownership>) -> Result<(), LogError> {
        for news in self.group.context().take() {
            match news {
                News::Revoked => self.suspend()?,
                News::Assigned(partitions) => self.assign(&partitions, changes)?,
                News::Failed(reason) => return Err(stopped(format!("the consumer group: {reason}"))),
            }
        }
        Ok(())
    }

    /// The partitions are being divided anew. States stay: often the same partitions come back.
    fn suspend(&mut self) -> Result<(), LogError> {
        self.serving = false;
        tracing::info!("partitions are being divided anew");
        self.urgent
            .unassign()
            .and_then(|()| self.bulk.unassign())
            .and_then(|()| self.fences.unassign())
            .map_err(|e| failed("giving inputs back", &e))?;
        for served in self.served.values_mut() {
            (served.ahead, served.fence) = Default::default();
            served.flowing = false;
        }
        self.held = Held::default();
        Ok(())
    }

    fn assign(&mut self, partitions: &BTreeSet<u32>, changes: &mut Vec<Ownership>) -> Result<(), LogError> {
        for (_, restoring) in std::mem::take(&mut self.restoring) {
            restoring.cancel.store(true, Ordering::Release);
        }
        let lost: Vec<u32> = self.served.keys().copied().filter(|p| !partitions.contains(p)).collect();
        for partition in lost {
            self.served.remove(&partition);
            changes.push(Ownership::Lost { partition });
        }
        for &partition in partitions {
            let Some(served) = self.served.get(&partition) else {
                self.restore(partition, None)?;
                continue;
            };
            // Nobody else wrote its changelog meanwhile, not even what was undone: go on.
            let topic = self.config.state_topic();
            let (_, end) =
                self.group.ends(&topic, partition, ASK).map_err(|e| failed("the end of the changelog", &e))?;
            if end <= served.changelog_end {
                continue;
            }
            let store = self.served.remove(&partition).map(|s| s.store);
            changes.push(Ownership::Lost { partition });
            self.restore(partition, store)?;
        }
        self.serving = true;
        tracing::info!(?partitions, "partitions assigned");
        Ok(())
    }

    fn restore(&mut self, partition: u32, store: Option<Store>) -> Result<(), LogError> {
        let cancel = Arc::new(AtomicBool::new(false));
        let plan = Plan {
            config: self.config.clone(),
            partition,
            directory: self.directory.join(format!("partition-{partition}")),
            options: self.options.clone(),
            cluster: self.cluster.clone(),
            store,
            group: Arc::clone(&self.group) as _,
            cancel: Arc::clone(&cancel),
        };
        let thread = std::thread::Builder::new()
            .name(format!("restore-{partition}"))
            .spawn(move || restore::run(&plan))
            .map_err(|e| stopped(format!("a thread cannot be started: {e}")))?;
        self.restoring.insert(partition, Restoring { since: monotonic(), thread, cancel });
        Ok(())
    }

    /// Hands over the partitions whose state is there.
    fn finish_restores(&mut self, changes: &mut Vec<Ownership>) -> Result<(), LogError> {
        let done: Vec<u32> =
            self.restoring.iter().filter(|(_, r)| r.thread.is_finished()).map(|(partition, _)| *partition).collect();
        for partition in done {
            let Some(restoring) = self.restoring.remove(&partition) else { continue };
            let since = restoring.since;
            let restored = restoring
                .thread
                .join()
                .map_err(|_| stopped(format!("restoring partition {partition} panicked; see the log")))??;
            let Some(Restored { store, next, changelog_end }) = restored else { continue };
            changes.push(Ownership::Gained { partition, next: next.clone(), store: store.clone(), since });
            self.served.insert(partition, Served::new(store, next, changelog_end));
        }
        Ok(())
    }

    /// Takes what the clients have, waiting for at most `timeout` when they have nothing.
    fn poll(&mut self, timeout: Duration) -> Result<(), LogError> {
        // The group has no records, but its callbacks run inside, and it tells when it was fenced.
        while let Some(message) = self.group.poll(Duration::ZERO) {
            take(&mut self.served, &mut self.held, &mut self.contact, &self.config, &Topic::INPUTS, message)?;
        }
        let mut took = self.poll_fences(DRAIN)?;
        while self.held.takes_others() && took < DRAIN {
            match self.urgent.poll(Duration::ZERO) {
                None => break,
                Some(message) => {
                    take(&mut self.served, &mut self.held, &mut self.contact, &self.config, &URGENT, message)?;
                }
            }
            took += 1;
        }
        while self.held.takes_bulk() && took < 2 * DRAIN {
            match self.bulk.poll(Duration::ZERO) {
                None => break,
                Some(message) => {
                    let of = [Topic::Requests];
                    take(&mut self.served, &mut self.held, &mut self.contact, &self.config, &of, message)?;
                }
            }
            took += 1;
        }
        let (group, topic, partition) = (&self.group, Topic::Events, self.served.keys().next().copied());
        self.contact.look(|| {
            partition.is_none_or(|partition| group.ends(&self.config.topic(topic), partition, CONTACT_ASK).is_ok())
        });
        if took == 0
            && !timeout.is_zero()
            && let Some(message) = self.urgent.poll(timeout.min(BULK_EVERY))
        {
            take(&mut self.served, &mut self.held, &mut self.contact, &self.config, &URGENT, message)?;
        }
        if let Some(written_ms) = self.held.newest_ms.take() {
            self.config.broker_clock.read(written_ms);
        }
        Ok(())
    }

    fn has(&self, partition: u32, topic: Topic, from: u64) -> bool {
        let ahead = self.served.get(&partition).and_then(|s| s.ahead[place(topic)].back());
        ahead.is_some_and(|r| r.offset >= from)
    }
}

impl Log for KafkaLog {
    fn ownership(&mut self) -> Result<Vec<Ownership>, LogError> {
        let mut changes = Vec::new();
        self.follow_group(&mut changes)?;
        self.finish_restores(&mut changes)?;
        if self.swept.elapsed() >= self.config.sweep_every && self.is_settled() {
            self.swept = monotonic();
            restore::sweep(&self.directory, |partition| self.served.contains_key(&partition), clock::now().0);
        }
        Ok(changes)
    }

    fn is_settled(&self) -> bool {
        self.serving && self.restoring.is_empty()
    }

    fn restoring(&self) -> Vec<u32> {
        self.restoring.keys().copied().collect()
    }

    fn is_serving(&self) -> bool {
        self.serving
    }

    fn read(&mut self, topic: Topic, partition: u32, from: u64, limit: ReadLimit) -> Result<Vec<Record>, LogError> {
        if !self.serving {
            return Ok(Vec::new());
        }
        if self.served.get(&partition).ok_or(LogError::NoPartition { partition })?.flowing {
            self.poll(Duration::ZERO)?;
        } else {
            self.flow(partition)?;
        }
        self.pass(partition)?;
        let served = self.served.get_mut(&partition).ok_or(LogError::NoPartition { partition })?;
        if matches!(topic, Topic::Requests | Topic::RequestsPriority) && (!served.flowing || served.fence.is_up()) {
            return Ok(Vec::new());
        }
        let ahead = &mut served.ahead[place(topic)];
        let committed = served.next.iter().find(|(t, _)| *t == topic).map_or(0, |(_, next)| *next);
        let kept = if self.in_parts { committed.min(from) } else { from };
        while let Some(first) = ahead.front()
            && first.offset < kept
        {
            let bulk = topic == Topic::Requests;
            let held = if bulk { &mut self.held.bulk } else { &mut self.held.others };
            *held = held.saturating_sub(1);
            let bytes = if bulk { &mut self.held.bulk_bytes } else { &mut self.held.other_bytes };
            *bytes = bytes.saturating_sub(first.bytes());
            ahead.pop_front();
        }
        let mut bytes = 0;
        let ahead = ahead.range(ahead.partition_point(|record| record.offset < from)..);
        let mut records = Vec::with_capacity(ahead.len().min(limit.records));
        for record in ahead.take(limit.records) {
            bytes += record.bytes();
            if bytes > limit.bytes && !records.is_empty() {
                break;
            }
            records.push(record.clone());
        }
        Ok(records)
    }

    fn is_caught_up(&self, topic: Topic, partition: u32) -> bool {
        let served = self.served.get(&partition).filter(|_| self.serving && self.contact.is_there());
        served.is_some_and(|served| served.is_caught_up(topic))
    }

    fn wait(&mut self, next: &[(u32, Topic, u64)], timeout: Duration) -> Result<bool, LogError> {
        let until: Instant = monotonic() + timeout;
        loop {
            self.poll(until.saturating_duration_since(monotonic()))?;
            if self.group.context().has_news() || next.iter().any(|(p, topic, from)| self.has(*p, *topic, *from)) {
                return Ok(true);
            }
            if self.restoring.values().any(|r| r.thread.is_finished()) {
                return Ok(true);
            }
            if monotonic() >= until {
                return Ok(false);
            }
        }
    }

    fn ahead(&mut self, partition: u32, outputs: &[(Topic, NewRecord)], state: &StateBatch) -> Result<(), LogError> {
        self.in_parts = true;
        // The commit will tell.
        if !self.serving || self.group.context().has_news() || !self.served.contains_key(&partition) {
            return Ok(());
        }
        self.transactions.ahead(partition, outputs, state)?;
        crash_point("ahead");
        Ok(())
    }

    fn undo(&mut self) -> Result<(), LogError> {
        self.in_parts = false;
        let ends = self.transactions.undo()?;
        for (partition, end) in ends {
            if let Some(served) = self.served.get_mut(&partition) {
                served.changelog_end = served.changelog_end.max(end);
            }
        }
        Ok(())
    }

    fn commit(&mut self, commits: Vec<(u32, Commit)>) -> Result<(), LogError> {
        if !self.serving || self.group.context().has_news() {
            self.undo()?;
            return Err(LogError::Aborted { reason: "the partitions are being divided anew".into() });
        }
        for (partition, commit) in &commits {
            if commit.next_offsets.is_empty() {
                return Err(LogError::BadCommit { detail: "no input offsets: such a batch is not fenced".to_owned() });
            }
            if !self.served.contains_key(partition) {
                return Err(LogError::NoPartition { partition: *partition });
            }
        }
        // Taken anew for each transaction: an old generation is what fences us.
        let Some(metadata) = self.group.group_metadata() else {
            self.undo()?;
            return Err(LogError::Aborted { reason: "not a member of the group".into() });
        };
        self.in_parts = false;
        let ends = self.transactions.commit(&commits, &metadata)?;
        self.contact.heard();
        let at_ms = clock::now().0;
        for (partition, commit) in commits {
            let Some(served) = self.served.get_mut(&partition) else { continue };
            let mut state = commit.state;
            let (end, written_ms) = ends.get(&partition).map_or((0, 0), |end| (end.offset, end.written_ms));
            let place = Place {
                offset: end,
                at_ms,
                inputs: changelog::put_position(&commit.next_offsets, &self.config.deployment),
                cluster: self.cluster.clone(),
                of: Some(PlaceOf { partition, newest_ms: at_ms.max(written_ms) }),
            };
            place.put(&mut state);
            crash_point("before_store");
            served.store.write_behind(state)?;
            crash_point("after_store");
            served.next = commit.next_offsets;
            // The transaction's marker follows its last record.
            served.changelog_end = end + 1;
        }
        Ok(())
    }
}
