//! Who owns which number: an immutable picture of the `registry` topic, replaced whole when it changes.
//!
//! The gateway addresses webhooks by it, the dispatcher finds a sender's app and rate by it. A WABA or a sender
//! belongs to one account only.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tollgate_wire::command::AccountSpec;

/// Header of an entry: since when its account is there, milliseconds since 1970. Absent where that is not known.
pub const SINCE: &str = "since";

/// A business phone number's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderEntry {
    /// Account id.
    pub account: Arc<str>,
    /// WABA id.
    pub waba: Arc<str>,
    /// App whose token sends.
    pub app: Arc<str>,
    /// Messages a second, at least 1.
    pub throughput: u32,
}

/// A WABA's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WabaEntry {
    /// Account id.
    pub account: Arc<str>,
    /// App whose secret signs its webhooks.
    pub app: Arc<str>,
}

/// Two accounts claim the same thing, or one claims it twice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{kind} {id} of account {account} belongs to account {owner} already; take it out there first, or leave it out here"
)]
pub struct Conflict {
    /// `waba` or `sender`.
    pub kind: &'static str,
    /// The platform's id.
    pub id: String,
    /// The account that claims it now.
    pub account: String,
    /// The account that has it.
    pub owner: String,
}

/// All accounts at one moment.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    accounts: BTreeMap<Arc<str>, Arc<AccountSpec>>,
    senders: HashMap<Arc<str>, SenderEntry>,
    displays: HashMap<String, Arc<str>>,
    wabas: HashMap<Arc<str>, WabaEntry>,
}

impl Registry {
    /// Builds the picture from the newest entry of each account.
    ///
    /// # Errors
    /// A WABA or a sender stands in two accounts, or twice in one.
    pub fn build(specs: impl IntoIterator<Item = AccountSpec>) -> Result<Self, Conflict> {
        let accounts: BTreeMap<Arc<str>, Arc<AccountSpec>> =
            specs.into_iter().map(|spec| (Arc::from(spec.account.as_str()), Arc::new(spec))).collect();
        Self::index(accounts)
    }

    /// The picture after one account's entry was created or replaced.
    ///
    /// # Errors
    /// A WABA or a sender of `spec` belongs to another account, or stands in it twice.
    pub fn with(&self, spec: AccountSpec) -> Result<Self, Conflict> {
        let (registry, conflicts) = self.with_all([spec]);
        conflicts.into_iter().next().map_or(Ok(registry), Err)
    }

    /// The picture after the entries of several accounts were created or replaced. Those that claim what another account has
    /// are told, and such an account stays as it was.
    pub fn with_all(&self, specs: impl IntoIterator<Item = AccountSpec>) -> (Self, Vec<Conflict>) {
        let specs: Vec<AccountSpec> = specs.into_iter().collect();
        let mut accounts = self.accounts.clone();
        // Out first, so that a conflict names the newcomer as the claimant whatever the order of the names.
        for spec in &specs {
            accounts.remove(spec.account.as_str());
        }
        let mut registry = Self::index(accounts).unwrap_or_default();
        let mut conflicts = Vec::new();
        for spec in specs.into_iter().map(Arc::new) {
            let Err(conflict) = registry.add(Arc::clone(&spec)) else { continue };
            conflicts.push(conflict);
            if let Some(before) = self.accounts.get(spec.account.as_str()) {
                // Another may have taken what it had: then it has nothing.
                let _ = registry.add(Arc::clone(before));
            }
        }
        (registry, conflicts)
    }

    /// The picture after one account was removed.
    #[must_use]
    pub fn without(&self, account: &str) -> Self {
        let mut accounts = self.accounts.clone();
        accounts.remove(account);
        Self::index(accounts).unwrap_or_default()
    }

    fn index(accounts: BTreeMap<Arc<str>, Arc<AccountSpec>>) -> Result<Self, Conflict> {
        let mut registry = Self::default();
        for spec in accounts.into_values() {
            registry.add(spec)?;
        }
        Ok(registry)
    }

    /// All of an account or nothing of it.
    fn add(&mut self, spec: Arc<AccountSpec>) -> Result<(), Conflict> {
        let account: Arc<str> = Arc::from(spec.account.as_str());
        let added = self.claim(&account, &spec);
        if added.is_ok() {
            self.accounts.insert(account, spec);
        } else {
            self.senders.retain(|_, entry| entry.account != account);
            self.wabas.retain(|_, entry| entry.account != account);
            let senders = &self.senders;
            self.displays.retain(|_, sender| senders.contains_key(sender));
        }
        added
    }

    fn claim(&mut self, account: &Arc<str>, spec: &AccountSpec) -> Result<(), Conflict> {
        let app: Arc<str> = Arc::from(spec.app.as_str());
        let conflict = |kind, id: &str, owner: &str| Conflict {
            kind,
            id: id.to_owned(),
            account: spec.account.clone(),
            owner: owner.to_owned(),
        };
        for waba in &spec.wabas {
            if let Some(have) = self.wabas.get(waba.id.as_str()) {
                return Err(conflict("waba", &waba.id, &have.account));
            }
            let id: Arc<str> = Arc::from(waba.id.as_str());
            let entry = WabaEntry { account: Arc::clone(account), app: Arc::clone(&app) };
            self.wabas.insert(Arc::clone(&id), entry);
            for sender in &waba.senders {
                if let Some(have) = self.senders.get(sender.id.as_str()) {
                    return Err(conflict("sender", &sender.id, &have.account));
                }
                let entry = SenderEntry {
                    account: Arc::clone(account),
                    waba: Arc::clone(&id),
                    app: Arc::clone(&app),
                    throughput: usable(sender.throughput, spec.policy.throughput_headroom_percent),
                };
                let sender_id: Arc<str> = Arc::from(sender.id.as_str());
                let digits = digits(&sender.display);
                if !digits.is_empty() {
                    self.displays.insert(digits, Arc::clone(&sender_id));
                }
                self.senders.insert(sender_id, entry);
            }
        }
        Ok(())
    }

    /// An account's entry as declared.
    #[must_use]
    pub fn account(&self, account: &str) -> Option<&Arc<AccountSpec>> {
        self.accounts.get(account)
    }

    /// Every account, by id.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<AccountSpec>> {
        self.accounts.values()
    }

    /// A sender by its phone number id.
    #[must_use]
    pub fn sender(&self, phone_number_id: &str) -> Option<&SenderEntry> {
        self.senders.get(phone_number_id)
    }

    /// A sender by its phone number id, or by its display number where the platform names only that.
    #[must_use]
    pub fn sender_by_any_name(&self, name: &str) -> Option<&SenderEntry> {
        self.sender(name).or_else(|| self.sender(self.displays.get(&digits(name))?))
    }

    /// A WABA by its id.
    #[must_use]
    pub fn waba(&self, waba: &str) -> Option<&WabaEntry> {
        self.wabas.get(waba)
    }
}

fn digits(display: &str) -> String {
    display.chars().filter(char::is_ascii_digit).collect()
}

/// The registry as a process shares it: readers take the newest picture without waiting for a writer.
#[derive(Clone, Debug)]
pub struct SharedRegistry {
    picture: Arc<watch::Sender<Arc<Registry>>>,
    /// Held from the picture that is changed to the one that is shared, so that of two changes none is lost.
    writing: Arc<Mutex<()>>,
}

impl Default for SharedRegistry {
    fn default() -> Self {
        Self::new(Registry::default())
    }
}

impl SharedRegistry {
    /// Shares a picture.
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        Self { picture: Arc::new(watch::Sender::new(Arc::new(registry))), writing: Arc::default() }
    }

    /// The newest picture. Take it once per unit of work so that one unit sees one registry.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Registry> {
        Arc::clone(&self.picture.borrow())
    }

    /// Replaces the picture.
    pub fn replace(&self, registry: Registry) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.picture.send_replace(Arc::new(registry));
    }

    /// Applies entries of accounts, all at once: each change of the picture goes through all of it. Those that claim what
    /// another account has are answered, and such an account stays as it was.
    pub fn apply_all(&self, specs: impl IntoIterator<Item = AccountSpec>) -> Vec<Conflict> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, conflicts) = self.snapshot().with_all(specs);
        self.picture.send_replace(Arc::new(next));
        conflicts
    }

    /// Applies one entry.
    ///
    /// # Errors
    /// A conflict; the picture stays as it was.
    pub fn apply(&self, spec: AccountSpec) -> Result<(), Conflict> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.snapshot().with(spec)?;
        self.picture.send_replace(Arc::new(next));
        Ok(())
    }

    /// A receiver that is told of every change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<Registry>> {
        self.picture.subscribe()
    }
}

/// The part of a number's throughput that our calls may use; at least 1, since a rate of zero would never send.
/// The platform counts a sliding second at its own door: calls spaced exactly at the limit bunch on the way there.
fn usable(throughput: u32, headroom_percent: u8) -> u32 {
    let usable = u64::from(throughput) * u64::from(100 - headroom_percent.min(90)) / 100;
    u32::try_from(usable).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    fn spec(account: &str, waba: &str, sender: &str) -> AccountSpec {
        serde_json::from_str(&format!(
            r#"{{"account":"{account}","limit":"unlimited","app":"app-{account}","wabas":[{{"id":"{waba}",
            "currency":"USD","time_zone":"UTC","senders":[{{"id":"{sender}","display":"+1 555-{sender}","throughput":0}}]}}]}}"#
        ))
        .unwrap()
    }

    #[test]
    fn finds_senders_and_wabas() {
        let registry = Registry::build([spec("a", "w1", "11"), spec("b", "w2", "22")]).unwrap();
        let sender = registry.sender("22").unwrap();
        assert_eq!((&*sender.account, &*sender.waba, &*sender.app), ("b", "w2", "app-b"));
        assert_eq!(sender.throughput, 1, "a rate of zero would never send");
        assert_eq!(registry.sender_by_any_name("1555 22").unwrap(), sender);
        assert_eq!(&*registry.waba("w1").unwrap().account, "a");
        assert!(registry.sender("33").is_none() && registry.waba("w3").is_none());
    }

    #[test]
    fn a_conflict_names_both_accounts_and_changes_nothing() {
        let shared = SharedRegistry::new(Registry::build([spec("b", "w1", "11")]).unwrap());
        let error = shared.apply(spec("a", "w1", "22")).unwrap_err();
        assert_eq!((error.kind, &*error.account, &*error.owner), ("waba", "a", "b"));
        let error = shared.apply(spec("c", "w9", "11")).unwrap_err();
        assert_eq!((error.kind, &*error.account, &*error.owner), ("sender", "c", "b"));
        assert!(shared.snapshot().account("a").is_none());
    }

    #[test]
    fn of_several_only_those_in_conflict_stay_as_they_were() {
        let shared = SharedRegistry::new(Registry::build([spec("a", "w1", "11"), spec("b", "w2", "22")]).unwrap());
        // `b` takes the number that `a` had, which `a` claims once more.
        let conflicts = shared.apply_all([spec("b", "w9", "11"), spec("c", "w3", "33"), spec("a", "w1", "11")]);
        let first: Vec<_> = conflicts.iter().map(|c| (c.kind, &*c.account, &*c.owner)).collect();
        assert_eq!(first, [("sender", "a", "b")]);
        let conflicts = shared.apply_all([spec("d", "w8", "33"), spec("e", "w4", "44")]);
        assert_eq!(conflicts.len(), 1);
        let registry = shared.snapshot();
        assert!(registry.waba("w8").is_none() && registry.account("d").is_none() && registry.sender("44").is_some());
    }

    /// As the reader of the topic and a shard of the embedded log would, if both were in one process.
    #[test]
    fn of_two_changes_at_once_none_is_lost() {
        let shared = SharedRegistry::default();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let shared = &shared;
                scope.spawn(move || {
                    for n in 0..50 {
                        let id = format!("{writer}-{n}");
                        shared.apply(spec(&id, &id, &id)).unwrap();
                    }
                });
            }
        });
        assert_eq!(shared.snapshot().accounts().count(), 200);
    }

    #[test]
    fn replacing_an_account_frees_what_it_no_longer_has() {
        let shared = SharedRegistry::new(Registry::build([spec("a", "w1", "11")]).unwrap());
        shared.apply(spec("a", "w2", "22")).unwrap();
        shared.apply(spec("b", "w1", "11")).unwrap();
        assert_eq!(&*shared.snapshot().sender("11").unwrap().account, "b");
        let registry = shared.snapshot().without("b");
        assert!(registry.sender("11").is_none() && registry.sender("22").is_some());
    }
}
