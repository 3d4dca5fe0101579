//! What flows: where the messages of some accounts are now, and what moved lately.

use super::counts::OutcomeCount;
use super::move_key::range_of;
use crate::ledger::{LedgerError, Reader, Sql, Stream, as_of};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tollgate_wire::Time;
use tollgate_wire::outcome::OutcomeKind;

/// Moves of an account that are looked at, at most: its newest.
const MOVES_MAX: i64 = 2_000;

/// Messages of some accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowView {
    /// When the outcomes were last read.
    pub as_of: Time,
    /// Messages by where they are now, of all the accounts together, sorted by outcome and reason.
    pub now: Vec<OutcomeCount>,
    /// Since when moves are counted.
    pub since: Time,
    /// Requests first decided on since then.
    pub requests: u64,
    /// Moves since then by outcome.
    pub moves: BTreeMap<String, u64>,
    /// False if there were more moves than are looked at, so that the counts are too small.
    pub complete: bool,
}

/// A stored move, as far as it is looked at.
#[derive(Deserialize)]
struct Move {
    outcome: OutcomeKind,
}

impl Reader {
    /// What flows in the accounts; moves are counted from `since` on, by the time that they carry.
    pub fn flow(&self, accounts: &[String], since: Time) -> Result<FlowView, LedgerError> {
        self.read(|db| {
            let as_of = as_of(db, Stream::Outcomes)?;
            let mut flow =
                FlowView { as_of, now: Vec::new(), since, requests: 0, moves: BTreeMap::new(), complete: true };
            let mut now = Places::new();
            for account in accounts {
                let number = db.number("SELECT ix FROM accounts WHERE name = ?1", &[account.as_str().into()])?;
                if let Some(number) = number {
                    add_places(&mut now, db, number)?;
                    flow.add_moves(db, number)?;
                }
            }
            let count = |((outcome, reason), messages)| OutcomeCount { outcome, reason, messages };
            flow.now = now.into_iter().map(count).collect();
            Ok(flow)
        })
    }
}

/// Messages by outcome and reason.
type Places = BTreeMap<(String, Option<String>), u64>;

/// Adds where the messages of an account are.
fn add_places(now: &mut Places, db: &dyn Sql, account: i64) -> Result<(), LedgerError> {
    let sql = "SELECT outcome, nullif(reason, ''), CAST(sum(messages) AS BIGINT) FROM states WHERE account = ?1 \
        GROUP BY 1, 2 HAVING sum(messages) > 0";
    db.rows(sql, &[account.into()], &mut |row| {
        let place = (row.words(0)?.to_owned(), row.text(1)?.map(str::to_owned));
        *now.entry(place).or_default() += row.required(2)? as u64;
        Ok(ControlFlow::Continue(()))
    })
}

impl FlowView {
    /// Adds what moved lately in an account.
    fn add_moves(&mut self, db: &dyn Sql, account: i64) -> Result<(), LedgerError> {
        let (first, last) = range_of(account);
        let sql = "SELECT at, body, prev FROM moves WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC LIMIT ?3";
        let (mut looked_at, mut oldest) = (0, Time(u64::MAX));
        db.rows(sql, &[first.into(), last.into(), MOVES_MAX.into()], &mut |row| {
            let at = Time(row.required(0)? as u64);
            (looked_at, oldest) = (looked_at + 1, at);
            if at >= self.since {
                let body = row.words(1)?;
                let stored = |_| LedgerError::Stored { what: "move", value: body.to_owned() };
                let Move { outcome } = serde_json::from_str(body).map_err(stored)?;
                *self.moves.entry(outcome.to_string()).or_default() += 1;
                self.requests += u64::from(row.integer(2)?.is_none());
            }
            Ok(ControlFlow::Continue(()))
        })?;
        // The platform's moves carry its own times, so a single older one says little; the last of so many says enough.
        self.complete &= looked_at < MOVES_MAX || oldest < self.since;
        Ok(())
    }
}
