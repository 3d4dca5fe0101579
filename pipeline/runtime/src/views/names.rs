//! Campaigns and states by number, and what the present batch changes in the counts.

use crate::ledger::LedgerError;
use rusqlite::{OptionalExtension, Transaction};
use std::collections::HashMap;
use tollgate_wire::outcome::{OutcomeKind, ReasonText};

type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// Numbers given so far; all of it is found again in the database.
#[derive(Default)]
pub(crate) struct Names {
    campaigns: Map<i64, Map<Box<str>, i64>>,
    states: Map<StateKey, i64>,
    added: Map<i64, i64>,
}

/// A message's state in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct StateKey {
    account: i64,
    campaign: i64,
    outcome: OutcomeKind,
    reason: i64,
}

/// `reason` of a platform code; known reasons are 0 to 255, none is -1.
const PLATFORM: i64 = 1 << 32;

impl Names {
    /// The campaign's number, given at its first mention.
    pub(super) fn campaign(&mut self, tx: &Transaction<'_>, account: i64, name: &str) -> Result<i64, LedgerError> {
        let known = self.campaigns.entry(account).or_default();
        if let Some(ix) = known.get(name) {
            return Ok(*ix);
        }
        let found: Option<i64> = tx
            .prepare_cached("SELECT ix FROM campaigns WHERE account = ?1 AND name = ?2")?
            .query_row((account, name), |r| r.get(0))
            .optional()?;
        let ix = match found {
            Some(ix) => ix,
            None => {
                tx.prepare_cached("INSERT INTO campaigns (account, name) VALUES (?1, ?2)")?.execute((account, name))?;
                tx.last_insert_rowid()
            }
        };
        known.insert(name.into(), ix);
        Ok(ix)
    }

    /// The state's number.
    pub(super) fn state(
        &mut self,
        tx: &Transaction<'_>,
        account: i64,
        campaign: i64,
        outcome: OutcomeKind,
        reason: Option<&ReasonText<'_>>,
    ) -> Result<i64, LedgerError> {
        let number = match reason {
            None => Some(-1),
            Some(ReasonText::Known(r)) => Some(*r as i64),
            Some(ReasonText::Platform(code)) => Some(PLATFORM + i64::from(*code)),
            // Written by a newer version: looked up every time.
            Some(ReasonText::Other(_)) => None,
        };
        let key = number.map(|reason| StateKey { account, campaign, outcome, reason });
        if let Some(ix) = key.and_then(|k| self.states.get(&k)) {
            return Ok(*ix);
        }
        let reason = reason.map(ToString::to_string).unwrap_or_default();
        let values = (account, campaign, outcome.as_str(), reason.as_str());
        tx.prepare_cached("INSERT OR IGNORE INTO states (account, campaign, outcome, reason) VALUES (?1, ?2, ?3, ?4)")?
            .execute(values)?;
        let ix: i64 = tx
            .prepare_cached(
                "SELECT ix FROM states WHERE account = ?1 AND campaign = ?2 AND outcome = ?3 AND reason = ?4",
            )?
            .query_row(values, |r| r.get(0))?;
        if let Some(key) = key {
            self.states.insert(key, ix);
        }
        Ok(ix)
    }

    /// So many messages more in a state.
    pub(super) fn count(&mut self, state: i64, add: i64) {
        *self.added.entry(state).or_default() += add;
    }

    /// Writes what the batch changed in the counts; to be called before its commit.
    pub(super) fn save(&mut self, tx: &Transaction<'_>) -> Result<(), LedgerError> {
        let mut update = tx.prepare_cached("UPDATE states SET messages = messages + ?2 WHERE ix = ?1")?;
        for (state, add) in self.added.drain().filter(|(_, add)| *add != 0) {
            update.execute((state, add))?;
        }
        Ok(())
    }
}
