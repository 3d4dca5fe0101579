//! Which number writes as which brand, as accounts declare it.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The brands of all accounts.
#[derive(Debug, Default)]
pub(super) struct Brands {
    /// Account and number → its brand.
    of: BTreeMap<(String, String), String>,
    /// Account and brand → whether the consents of the account are its own.
    here: BTreeMap<(String, String), bool>,
    /// Account and brand, once named.
    ever: BTreeSet<(String, String)>,
    /// Account, number and brand, once together.
    once: BTreeSet<(String, String, String)>,
}

fn text(v: &Value) -> String {
    v.as_str().unwrap_or_default().to_owned()
}

impl Brands {
    pub fn apply(&mut self, spec: &Value) {
        let account = text(&spec["account"]);
        self.of.retain(|(a, _), _| *a != account);
        self.here.retain(|(a, _), _| *a != account);
        for brand in spec["policy"]["brands"].as_array().into_iter().flatten() {
            let key = (account.clone(), text(&brand["name"]));
            for sender in brand["senders"].as_array().into_iter().flatten() {
                self.of.insert((account.clone(), text(sender)), key.1.clone());
                self.once.insert((account.clone(), text(sender), key.1.clone()));
            }
            self.ever.insert(key.clone());
            self.here.insert(key, brand["inherits"] == true);
        }
    }

    /// The brand of a number; empty = none.
    pub fn of(&self, account: &str, sender: &str) -> String {
        self.of.get(&(account.to_owned(), sender.to_owned())).cloned().unwrap_or_default()
    }

    /// Whether the account has the brand, and whether the account's consents are the brand's.
    pub fn here(&self, account: &str, brand: &str) -> Option<bool> {
        self.here.get(&(account.to_owned(), brand.to_owned())).copied()
    }

    /// Every brand that the account has or had.
    pub fn ever(&self, account: &str) -> Vec<String> {
        self.ever.iter().filter(|(a, _)| a == account).map(|(_, b)| b.clone()).collect()
    }

    /// Those that it has no longer.
    pub fn gone(&self, account: &str) -> Vec<String> {
        self.ever(account).into_iter().filter(|b| self.here(account, b).is_none()).collect()
    }

    /// The same, and those that a number was of before it was of the brand that writes.
    pub fn past(&self, account: &str, sender: &str, brand: &str) -> Vec<String> {
        let once = self.once.iter().filter(|(a, s, b)| a == account && s == sender && b != brand);
        once.map(|(_, _, b)| b.clone()).chain(self.gone(account)).filter(|b| b != brand).collect()
    }
}
