//! Who is on an account's suppression list.

use super::snapshots::snapshot;
use crate::ledger::{LedgerError, Reader, Stream, as_of};
use serde::Serialize;
use std::ops::ControlFlow;
use tollgate_wire::Time;

/// Who is on an account's suppression list.
#[derive(Debug, Serialize)]
pub struct SuppressionsView {
    /// When the list was last read.
    pub as_of: Time,
    /// Account id.
    pub account: String,
    /// People, in order.
    pub items: Vec<SuppressedLine>,
    /// After whom the next page begins; absent when this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A person on the list.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct SuppressedLine {
    /// `+` and digits, or the business-scoped id.
    pub to: String,
}

/// How the newest record of a person on the list reads, wherever the field stands in it. JSON of ours has no spaces.
const LISTED: &str = "%\"suppressed\":true%";

impl Reader {
    /// Who is on an account's suppression list, after a person in their order, at most `max`; `None` if the account has
    /// no snapshot. The list is short beside all people: the records of a page are looked for among all of the account.
    pub fn suppressions(
        &self,
        account: &str,
        after: &str,
        max: usize,
    ) -> Result<Option<SuppressionsView>, LedgerError> {
        self.read(|db| {
            if snapshot(db, account)?.is_none() {
                return Ok(None);
            }
            let sql = "SELECT person FROM consents WHERE account = (SELECT ix FROM accounts WHERE name = ?1) \
                 AND person > ?2 AND holds LIKE ?3 ORDER BY person LIMIT ?4";
            let mut items = Vec::new();
            let values = [account.into(), after.into(), LISTED.into(), (max as i64).into()];
            db.rows(sql, &values, &mut |row| {
                items.push(SuppressedLine { to: row.words(0)?.to_owned() });
                Ok(ControlFlow::Continue(()))
            })?;
            let next = (items.len() == max).then(|| items.last().map(|l: &SuppressedLine| l.to.clone())).flatten();
            Ok(Some(SuppressionsView {
                as_of: as_of(db, Stream::Snapshots)?,
                account: account.to_owned(),
                items,
                next,
            }))
        })
    }
}
