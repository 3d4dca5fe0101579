//! Batches of several parts over a log that tells what it was asked.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use super::*;
use crate::clock::Clock;
use crate::log::{Commit, NewRecord};
use crate::shard::partition::tests::{self as partition, ACCOUNT, NOON_MS, damaged, parts, record, request};
use crate::store::{Space, StateBatch, Store, StoreOptions};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

/// What the loop did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Outputs of the batch so far.
    Ahead(usize),
    Undo,
    /// Requests and commands decided by then, and outputs.
    Commit {
        requests: u64,
        commands: u64,
        outputs: usize,
    },
}

#[derive(Default)]
struct Told {
    asked: Vec<Asked>,
    /// A command that comes when something was written ahead so often.
    command_after: Option<usize>,
    /// How often writing ahead fails before it works.
    fails: usize,
    outputs: Vec<(Topic, NewRecord)>,
}

/// One partition whose requests are all there.
struct Scripted {
    told: Arc<Mutex<Told>>,
    store: Store,
    requests: Vec<Record>,
    gained: bool,
    status: Arc<Status>,
}

impl Scripted {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for Scripted {
    fn ownership(&mut self) -> Result<Vec<Ownership>, LogError> {
        if std::mem::replace(&mut self.gained, true) {
            return Ok(Vec::new());
        }
        let next = Topic::INPUTS.map(|topic| (topic, u64::from(topic == Topic::Commands))).to_vec();
        Ok(vec![Ownership::Gained { partition: 0, next, store: self.store.clone(), since: monotonic() }])
    }

    fn is_settled(&self) -> bool {
        true
    }

    fn is_serving(&self) -> bool {
        true
    }

    fn read(&mut self, topic: Topic, _: u32, from: u64, limit: ReadLimit) -> Result<Vec<Record>, LogError> {
        let ahead = self.told().asked.iter().filter(|asked| matches!(asked, Asked::Ahead(_))).count();
        let has_come = self.told().command_after.is_some_and(|after| ahead >= after);
        Ok(match topic {
            Topic::Requests => {
                self.requests.iter().filter(|record| record.offset >= from).take(limit.records).cloned().collect()
            }
            Topic::Commands if has_come && from <= 1 => vec![record(1, ACCOUNT)],
            _ => Vec::new(),
        })
    }

    fn wait(&mut self, _: &[(u32, Topic, u64)], _: Duration) -> Result<bool, LogError> {
        Ok(true)
    }

    fn ahead(&mut self, _: u32, outputs: &[(Topic, NewRecord)], _: &StateBatch) -> Result<(), LogError> {
        let mut told = self.told();
        if let Some(left) = told.fails.checked_sub(1) {
            told.fails = left;
            return Err(LogError::Aborted { reason: "for a test".into() });
        }
        told.asked.push(Asked::Ahead(outputs.len()));
        Ok(())
    }

    fn undo(&mut self) -> Result<(), LogError> {
        self.told().asked.push(Asked::Undo);
        Ok(())
    }

    fn commit(&mut self, commits: Vec<(u32, Commit)>) -> Result<(), LogError> {
        for (_, commit) in commits {
            let at = |topic| commit.next_offsets.iter().find(|(t, _)| *t == topic).unwrap().1;
            let (requests, commands) = (at(Topic::Requests), at(Topic::Commands));
            self.told().asked.push(Asked::Commit { requests, commands, outputs: commit.outputs.len() });
            self.told().outputs.extend(commit.outputs);
            self.store.write_unsynced(&commit.state).unwrap();
            if requests > self.requests.last().unwrap().offset {
                self.status.stop.store(true, Ordering::Release);
            }
        }
        Ok(())
    }
}

/// Decides all requests; the pace lets a part hold a hundred.
fn run(store: Store, requests: Vec<Record>, told: Told) -> Told {
    let (clock, status) = (Clock::manual(Time(NOON_MS)), Arc::new(Status::default()));
    let mut parts = parts(&clock);
    parts.options.snapshot_every = Duration::from_secs(3_600);
    parts.options.commit_every_max = Duration::from_secs(3_600);
    let told = Arc::new(Mutex::new(told));
    let log = Scripted { told: Arc::clone(&told), store, requests, gained: false, status: Arc::clone(&status) };
    let mut shards = Shards::open(log, parts, status).unwrap();
    shards.pace.each = Duration::from_secs(10);
    shards.run().unwrap();
    std::mem::take(&mut *told.lock().unwrap())
}

/// A store with an account.
fn store(directory: &TempDir) -> Store {
    let store = Store::open(directory.path(), &StoreOptions::default()).unwrap();
    let mut shard = partition::open(&store, &parts(&Clock::manual(Time(NOON_MS))));
    partition::decide(&mut shard, &store, &[(Topic::Commands, record(0, ACCOUNT))]);
    store
}

fn requests(count: u64) -> Vec<Record> {
    (0..count).map(|n| request(n, "").1).collect()
}

fn outcomes(told: &Told) -> usize {
    told.outputs.iter().filter(|(topic, _)| *topic == Topic::Outcomes).count()
}

#[test]
fn what_waits_is_decided_in_parts_and_committed_together() {
    let directory = tempfile::tempdir().unwrap();
    let told = run(store(&directory), requests(350), Told::default());
    let mut commits = told.asked.iter().skip_while(|asked| matches!(asked, Asked::Ahead(_)));
    let (Asked::Ahead(first), Asked::Ahead(second)) = (told.asked[0], told.asked[1]) else {
        panic!("{:?}", told.asked)
    };
    let Some(Asked::Commit { requests: 350, commands: 1, outputs }) = commits.next() else {
        panic!("{:?}", told.asked)
    };
    assert!(first < second && second < *outputs, "{:?}", told.asked);
    assert_eq!(outcomes(&told), 350);
    // The views have the last word of the loop.
    assert!(commits.all(|asked| matches!(asked, Asked::Commit { outputs: 1, .. })), "{:?}", told.asked);
}

#[test]
fn what_somebody_waits_for_ends_the_batch() {
    let directory = tempfile::tempdir().unwrap();
    let told = run(store(&directory), requests(900), Told { command_after: Some(2), ..Told::default() });
    let [Asked::Ahead(_), Asked::Ahead(_), Asked::Commit { requests, commands: 2, .. }, ..] = told.asked[..] else {
        panic!("{:?}", told.asked)
    };
    assert!((200..900).contains(&requests), "{:?}", told.asked);
    assert_eq!(outcomes(&told), 900);
}

#[test]
fn a_batch_that_the_log_does_not_take_ahead_is_decided_again() {
    let directory = tempfile::tempdir().unwrap();
    let told = run(store(&directory), requests(350), Told { fails: 2, ..Told::default() });
    assert!(matches!(told.asked[..], [Asked::Ahead(_), .., Asked::Commit { .. }]), "{:?}", told.asked);
    assert_eq!(outcomes(&told), 350);
}

#[test]
fn a_panic_in_a_later_part_is_undone_at_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), &StoreOptions::default()).unwrap();
    damaged(&store, &Clock::manual(Time(NOON_MS)), Space::Closed, "");
    // The id of a message that cannot be looked at, behind 250 others.
    let mut requests: Vec<_> = (1..=250).map(|n| request(n, "").1).collect();
    requests.push(Record { offset: 251, ..request(0, "").1 });
    let told = run(store, requests, Told::default());
    let undone = told.asked.iter().position(|asked| *asked == Asked::Undo).unwrap();
    assert!(
        told.asked[..undone].iter().all(|asked| matches!(asked, Asked::Ahead(_))) && undone > 0,
        "{:?}",
        told.asked
    );
    let letters = told.outputs.iter().filter(|(topic, _)| *topic == Topic::DeadLetters).count();
    assert_eq!((outcomes(&told), letters), (250, 1));
}
