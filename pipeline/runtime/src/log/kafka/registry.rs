//! The `registry` topic into the process's shared picture: read whole first, followed ever after.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tollgate_wire::command::AccountSpec;

use super::config::KafkaConfig;
use super::tail::KafkaTail;
use crate::clock::monotonic;
use crate::log::{LogError, ReadLimit, Record, Topic};
use crate::registry::{Registry, SINCE, SharedRegistry};

/// How long reading everything may take before anything starts.
const WHOLE: Duration = Duration::from_secs(60);
/// How often the stop flag is looked at.
const GLANCE: Duration = Duration::from_millis(200);
/// Between attempts to reopen a reader that has stopped.
const REOPEN: Duration = Duration::from_secs(1);

/// The thread that follows the topic. It ends after the stop flag is set; dropping this does not end it.
#[derive(Debug)]
pub struct RegistryReader {
    thread: JoinHandle<()>,
    health: Arc<RegistryHealth>,
}

/// Whether the picture is kept current.
#[derive(Debug, Default)]
pub struct RegistryHealth {
    failing: Mutex<Option<String>>,
    ended: AtomicBool,
}

impl RegistryHealth {
    /// Why the picture may be out of date, if so: the topic cannot be read at the moment. It is tried again.
    #[must_use]
    pub fn failing(&self) -> Option<String> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether nobody follows the topic any more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(crate) fn fail(&self, reason: Option<String>) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }
}

/// Tells of the thread's end, also when it panics.
struct End(Arc<RegistryHealth>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Release);
    }
}

impl RegistryReader {
    /// For whoever has to know whether the picture is current.
    #[must_use]
    pub fn health(&self) -> Arc<RegistryHealth> {
        Arc::clone(&self.health)
    }

    /// Waits for the thread to end, which the stop flag makes it do.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the reader of the registry panicked");
        }
    }
}

/// Reads the topic whole, replaces the shared picture by what it says, and follows it on a thread of its own until
/// `stop`. Returns when everything there was is in the picture: at most about 70 s.
///
/// An entry that cannot be decoded is logged and left out; so is an account that claims what another has, until the
/// other gives it up. Of two claimants the older account has it.
///
/// # Errors
/// The topic cannot be read, or not whole within 60 s.
pub fn follow_registry(
    config: &KafkaConfig,
    shared: SharedRegistry,
    stop: Arc<AtomicBool>,
) -> Result<RegistryReader, LogError> {
    let (tail, entries) = read_whole(config, &stop)?;
    shared.replace(entries.picture());
    let health = Arc::<RegistryHealth>::default();
    let follower = Follower { config: config.clone(), shared, stop, health: End(Arc::clone(&health)) };
    let thread = thread::Builder::new()
        .name("registry".to_owned())
        .spawn(move || follower.run(tail, entries))
        .map_err(|e| stopped(format!("no thread for the registry: {e}")))?;
    Ok(RegistryReader { thread, health })
}

struct Follower {
    config: KafkaConfig,
    shared: SharedRegistry,
    stop: Arc<AtomicBool>,
    health: End,
}

impl Follower {
    fn run(&self, mut tail: KafkaTail, mut entries: Entries) {
        while !self.stop.load(Ordering::Acquire) {
            match tail.read(ReadLimit::default(), GLANCE) {
                Ok(records) if records.is_empty() => {}
                Ok(records) => {
                    records.iter().for_each(|(_, record)| entries.add(record));
                    self.shared.replace(entries.picture());
                }
                Err(error) => match self.reopen(&error) {
                    Some(reopened) => (tail, entries) = reopened,
                    None => return,
                },
            }
        }
    }

    /// Reads everything again, which the topic is small enough for; `None` when told to stop.
    fn reopen(&self, error: &LogError) -> Option<(KafkaTail, Entries)> {
        let mut error = error.clone();
        loop {
            tracing::error!(%error, "the registry cannot be followed, trying again");
            self.health.0.fail(Some(error.to_string()));
            thread::sleep(REOPEN);
            if self.stop.load(Ordering::Acquire) {
                return None;
            }
            match read_whole(&self.config, &self.stop) {
                Ok((tail, entries)) => {
                    self.shared.replace(entries.picture());
                    self.health.0.fail(None);
                    return Some((tail, entries));
                }
                Err(again) => error = again,
            }
        }
    }
}

/// Everything up to the end.
fn read_whole(config: &KafkaConfig, stop: &AtomicBool) -> Result<(KafkaTail, Entries), LogError> {
    let mut tail = KafkaTail::open_from_start(config, Topic::Registry, 1)?;
    let deadline = monotonic() + WHOLE;
    let mut entries = Entries::default();
    while !tail.is_caught_up() {
        if monotonic() >= deadline || stop.load(Ordering::Acquire) {
            return Err(stopped(format!("{} was not read to its end in time", config.topic(Topic::Registry))));
        }
        for (_, record) in tail.read(ReadLimit::default(), GLANCE)? {
            entries.add(&record);
        }
    }
    Ok((tail, entries))
}

/// The newest entry of each account, with since when the account is there (0 = that was not kept yet) and the offset of the first entry
/// that was read. The picture is made of all of them together, so that it depends on what the topic says and not on when a process
/// began to read it; the first offset, which a compacted topic forgets, tells of entries of earlier versions alone.
#[derive(Default)]
struct Entries(BTreeMap<String, (u64, u64, AccountSpec)>);

impl Entries {
    fn add(&mut self, record: &Record) {
        match decode(record) {
            Some(Entry::Account(spec)) => {
                let first = self.0.get(&spec.account).map_or(record.offset, |(_, first, _)| *first);
                self.0.insert(spec.account.clone(), (since_ms(record), first, *spec));
            }
            Some(Entry::Removed(account)) => {
                self.0.remove(&account);
            }
            None => {}
        }
    }

    fn picture(&self) -> Registry {
        if let Ok(registry) = Registry::build(self.0.values().map(|(.., spec)| spec.clone())) {
            return registry;
        }
        let mut oldest_first: Vec<&(u64, u64, AccountSpec)> = self.0.values().collect();
        oldest_first.sort_by_key(|(since_ms, first, _)| (*since_ms, if *since_ms == 0 { *first } else { 0 }));
        oldest_first.into_iter().fold(Registry::default(), |registry, (.., spec)| {
            registry.with(spec.clone()).unwrap_or_else(|conflict| {
                tracing::error!(%conflict, "an account of the registry was left out");
                registry
            })
        })
    }
}

enum Entry {
    Account(Box<AccountSpec>),
    Removed(String),
}

/// Since when an entry says that its account is there; 0 where it does not.
fn since_ms(record: &Record) -> u64 {
    let said = record.headers.iter().find(|(name, _)| name == SINCE);
    said.and_then(|(_, since)| std::str::from_utf8(since).ok()?.parse().ok()).unwrap_or(0)
}

/// An empty value is a deletion.
fn decode(record: &Record) -> Option<Entry> {
    if record.value.is_empty() {
        return Some(Entry::Removed(String::from_utf8_lossy(&record.key).into_owned()));
    }
    match serde_json::from_slice(&record.value) {
        Ok(spec) => Some(Entry::Account(Box::new(spec))),
        Err(error) => {
            tracing::error!(offset = record.offset, %error, "an entry of the registry cannot be read and was left out");
            None
        }
    }
}

fn stopped(reason: String) -> LogError {
    LogError::Stopped { reason: Arc::from(reason) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    fn record(offset: u64, account: &str, waba: Option<&str>) -> Record {
        let value = waba.map_or_else(String::new, |waba| {
            format!(
                r#"{{"account":"{account}","limit":"unlimited","app":"x","wabas":[{{"id":"{waba}","currency":"USD",
                "time_zone":"UTC","senders":[]}}]}}"#
            )
        });
        Record { offset, key: account.to_owned().into(), value: value.into(), time_ms: 0, headers: Vec::new() }
    }

    fn picture(records: &[Record]) -> Registry {
        let mut entries = Entries::default();
        records.iter().for_each(|record| entries.add(record));
        entries.picture()
    }

    #[test]
    fn the_newest_entry_counts_and_a_deletion_frees_what_it_had() {
        let registry = picture(&[
            record(0, "a", Some("w1")),
            record(1, "b", Some("w2")),
            record(2, "a", None),
            record(3, "b", Some("w1")),
        ]);
        assert!(registry.account("a").is_none() && registry.waba("w2").is_none());
        assert_eq!(&*registry.waba("w1").unwrap().account, "b");
    }

    #[test]
    fn the_end_of_the_thread_is_told_also_of_one_that_panics() {
        let health = Arc::<RegistryHealth>::default();
        let end = End(Arc::clone(&health));
        assert!(!health.has_ended());
        let thread = thread::spawn(move || {
            let _end = end;
            panic!("as a bug would");
        });
        assert!(thread.join().is_err() && health.has_ended());
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let mut broken = record(0, "c", Some("w3"));
        broken.value = "{".into();
        assert!(picture(&[broken, record(1, "a", Some("w1"))]).accounts().map(|a| &*a.account).eq(["a"]));
    }

    /// The topic keeps the newest entry of an account alone: who reads it later must not see another elder.
    #[test]
    fn who_is_the_elder_does_not_depend_on_when_a_process_began_to_read() {
        let entry = |offset, account, since: &str| {
            let headers = vec![(SINCE.to_owned(), since.to_owned().into())];
            Record { headers, ..record(offset, account, Some("w1")) }
        };
        let all = [entry(0, "b", "1000"), entry(1, "a", "2000"), entry(2, "b", "1000")];
        for read in [&all[..], &all[1..], &[all[2].clone(), all[1].clone()]] {
            assert_eq!(&*picture(read).waba("w1").unwrap().account, "b");
        }
        // Two that were declared in one millisecond.
        let same = [entry(0, "b", "1000"), entry(1, "a", "1000"), entry(2, "b", "1000")];
        for read in [&same[..], &same[1..]] {
            assert_eq!(&*picture(read).waba("w1").unwrap().account, "a");
        }
        // Entries that do not say it are of earlier versions, and so older.
        let mixed = [entry(0, "a", "1000"), record(1, "b", Some("w1")), entry(2, "c", "no time")];
        assert_eq!(&*picture(&mixed).waba("w1").unwrap().account, "b");
    }

    #[test]
    fn a_claim_waits_until_the_elder_gives_up() {
        let mut records = vec![record(0, "b", Some("w1")), record(1, "a", Some("w1")), record(2, "b", Some("w1"))];
        let registry = picture(&records);
        assert_eq!(&*registry.waba("w1").unwrap().account, "b");
        assert!(registry.account("a").is_none());
        records.push(record(3, "b", Some("w2")));
        assert_eq!(&*picture(&records).waba("w1").unwrap().account, "a");
    }
}
