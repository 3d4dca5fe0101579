//! Numbers of the senders, for what names them as people do.

use super::SenderView;
use crate::ledger::{LedgerError, Reader};
use std::collections::BTreeMap;

impl Reader {
    /// Phone number ids by the digits of their number, and by themselves, of every account as its last snapshot had it.
    ///
    /// # Errors
    /// The database.
    pub fn numbers(&self) -> Result<BTreeMap<String, String>, LedgerError> {
        let mut numbers = BTreeMap::new();
        self.each_snapshot(|snapshot| {
            for sender in snapshot.senders {
                let digits: String = sender.display.chars().filter(char::is_ascii_digit).collect();
                if !digits.is_empty() {
                    numbers.insert(digits, sender.id.clone());
                }
                numbers.insert(sender.id.clone(), sender.id);
            }
            Ok(())
        })?;
        Ok(numbers)
    }

    /// Phone number ids that no number is declared for: what names them as people do cannot be told to be theirs.
    ///
    /// # Errors
    /// The database.
    pub fn without_number(&self, account: Option<&str>) -> Result<Vec<String>, LedgerError> {
        let mut ids = Vec::new();
        self.each_snapshot(|snapshot| {
            let asked = account.is_none_or(|account| account == snapshot.account);
            let unnamed = |sender: &&SenderView| !sender.display.contains(|sign: char| sign.is_ascii_digit());
            ids.extend(snapshot.senders.iter().filter(|_| asked).filter(unnamed).map(|sender| sender.id.clone()));
            Ok(())
        })?;
        Ok(ids)
    }
}
