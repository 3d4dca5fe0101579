//! The outcomes feed for those without Kafka.

use super::body::{Body, Common};
use super::move_key::{move_key, offset_of, range_of};
use crate::ledger::{LedgerError, Reader, Row, Stream, as_of};
use serde::Serialize;
use serde_json::value::RawValue;
use std::ops::ControlFlow;
use tollgate_wire::Time;

/// Bytes of a page, after which it ends however few outcomes it has: an outcome may have kilobytes.
const PAGE_BYTES: usize = 4 << 20;

/// A page of an account's outcomes.
#[derive(Debug, Serialize)]
pub struct Feed {
    /// When the outcomes were last read.
    pub as_of: Time,
    /// Cursor for the next page: that of the last item, or the one asked with when there are none.
    pub next: u64,
    /// In the order in which they were decided.
    pub items: Vec<FeedItem>,
}

/// One outcome.
#[derive(Debug, Serialize)]
pub struct FeedItem {
    /// Its place: the offset on the topic plus 1, so that 0 comes before all. Stable across a rebuild of the views.
    pub cursor: u64,
    /// The outcome, as on the topic.
    pub outcome: Box<RawValue>,
}

impl Reader {
    /// At most `limit` outcomes of the account after a cursor, and some megabytes of them; 0 = from the oldest that is still
    /// kept. An unknown account has none.
    pub fn feed(&self, account: &str, after: u64, limit: usize) -> Result<Feed, LedgerError> {
        self.page(account, after, (limit, PAGE_BYTES))
    }

    pub(super) fn page(
        &self,
        account: &str,
        after: u64,
        (limit, bytes_max): (usize, usize),
    ) -> Result<Feed, LedgerError> {
        self.read(|db| {
            let mut feed = Feed { as_of: as_of(db, Stream::Outcomes)?, next: after, items: Vec::new() };
            let Some(number) = db.number("SELECT ix FROM accounts WHERE name = ?1", &[account.into()])? else {
                return Ok(feed);
            };
            let (_, last) = range_of(number);
            // A cursor beyond any offset has nothing after it.
            let Ok(from) = move_key(number, after) else {
                return Ok(feed);
            };
            let sql = "SELECT v.key, v.at, v.body, m.id, m.uid, c.name, m.recipient, m.metadata \
                 FROM moves v JOIN messages m ON m.ix = v.message LEFT JOIN campaigns c ON c.ix = m.campaign \
                 WHERE v.key BETWEEN ?1 AND ?2 ORDER BY v.key LIMIT ?3";
            let mut bytes = 0;
            db.rows(sql, &[from.into(), last.into(), (limit as i64).into()], &mut |row| {
                let item = item(row, account)?;
                feed.next = item.cursor;
                bytes += item.outcome.get().len();
                feed.items.push(item);
                Ok(if bytes < bytes_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            })?;
            Ok(feed)
        })
    }
}

fn item(row: &dyn Row, account: &str) -> Result<FeedItem, LedgerError> {
    let stored = |what, value: &str| LedgerError::Stored { what, value: value.to_owned() };
    let body = row.words(2)?;
    let common = Common {
        message_uid: row.required(4)? as u64,
        campaign: row.text(5)?,
        to: row.words(6)?,
        metadata: row.text(7)?,
    };
    let metadata: Option<&RawValue> = match common.metadata {
        Some(m) => Some(serde_json::from_str(m).map_err(|_| stored("metadata", m))?),
        None => None,
    };
    let at = Time(row.required(1)? as u64);
    let parsed: Body<'_> = serde_json::from_str(body).map_err(|_| stored("move", body))?;
    let outcome = parsed.outcome(account, row.words(3)?, at, common, metadata);
    Ok(FeedItem {
        cursor: offset_of(row.required(0)?) + 1,
        outcome: serde_json::value::to_raw_value(&outcome).map_err(|_| stored("move", body))?,
    })
}
