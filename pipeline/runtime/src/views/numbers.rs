//! Numbers of the senders, for what names them as people do.

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
}
