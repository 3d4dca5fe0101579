//! A ledger entry that belongs to no message of ours: what other software sent, a fee, a credit.

use super::message::PriceLine;
use crate::ledger::{LedgerError, Reader, Stream, as_of, of_no_message};
use serde::Serialize;
use tollgate_wire::Time;

/// An entry with what corrects it and what it corrects.
#[derive(Clone, Debug, Serialize)]
pub struct EntryView {
    /// When the ledger was last read.
    pub as_of: Time,
    /// Account id.
    pub account: String,
    /// The entry that was asked for.
    pub entry: String,
    /// WABA that it is billed to.
    pub waba: String,
    /// Phone number id.
    pub sender: String,
    /// `own`, or `foreign` for what other software sent.
    pub origin: String,
    /// All of them by booking time.
    pub ledger: Vec<PriceLine>,
}

impl Reader {
    /// An entry that belongs to no message, by its id. `None` if there is none.
    pub fn entry(&self, account: &str, entry: &str) -> Result<Option<EntryView>, LedgerError> {
        self.read(|db| {
            let (mut view, mut ledger) = (None, Vec::new());
            let as_of = as_of(db, Stream::Ledger)?;
            of_no_message(db, account, entry, &mut |e| {
                if e.entry.as_str() == entry {
                    view = Some(EntryView {
                        as_of,
                        account: account.to_owned(),
                        entry: entry.to_owned(),
                        waba: e.waba.to_string(),
                        sender: e.sender.to_string(),
                        origin: e.origin.to_string(),
                        ledger: Vec::new(),
                    });
                }
                ledger.push(PriceLine::from(e));
            })?;
            ledger.sort_by(|a, b| (a.booked_at, &a.entry).cmp(&(b.booked_at, &b.entry)));
            Ok(view.map(|view| EntryView { ledger, ..view }))
        })
    }
}
