//! Forgetting: old moves go in small steps, and a message with its last move.

use super::move_key::range_of;
use super::{answers, unanswered};
use crate::ledger::{LedgerError, Sql, Writer};
use crate::views::Names;
use std::ops::ControlFlow;
use tollgate_wire::Time;
use tollgate_wire::outcome::OutcomeKind;

/// Fewest days that moves are kept. A status of a message can come for 38 days: until 30 days after the request and 8 after the
/// last attempt. One that finds its message forgotten starts it anew, and the message is counted twice.
pub const MOVES_KEPT_DAYS_MIN: u32 = 40;

/// What one step forgot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Moves deleted.
    pub moves: u64,
    /// Messages deleted with their last move.
    pub messages: u64,
    /// Nothing older is left.
    pub done: bool,
}

impl Writer {
    /// Deletes at most `moves_max` moves from before `older_than`, oldest first within each account, in one
    /// short transaction; call again until `done`. Keep them for [`MOVES_KEPT_DAYS_MIN`] days at least.
    pub fn prune_moves(&mut self, older_than: Time, moves_max: u32) -> Result<Pruned, LedgerError> {
        self.transact(|tx, memory| {
            let mut pruned = Pruned::default();
            // Nobody may be about to move a message that is forgotten here.
            tx.hold_views(false)?;
            let mut accounts = Vec::new();
            let with_old = format!(
                "SELECT a.ix FROM accounts a WHERE (SELECT m.at FROM moves m WHERE m.key >= a.ix * {0} \
                 AND m.key < (a.ix + 1) * {0} ORDER BY m.key LIMIT 1) < ?1 ORDER BY a.ix",
                range_of(1).0
            );
            tx.rows(&with_old, &[(older_than.0 as i64).into()], &mut |row| {
                accounts.push(row.required(0)?);
                Ok(ControlFlow::Continue(()))
            })?;
            for account in accounts {
                let left = u64::from(moves_max) - pruned.moves;
                if left == 0 {
                    break;
                }
                prune_account(tx, &mut memory.names, account, older_than, left, &mut pruned)?;
            }
            memory.names.save(tx)?;
            pruned.done = pruned.moves < u64::from(moves_max);
            Ok(pruned)
        })
    }

    /// Forgets answers of people that are too old for any report, and windows that have closed.
    ///
    /// # Errors
    /// The database.
    pub fn prune_answers(&mut self, now: Time) -> Result<(), LedgerError> {
        self.transact(|tx, _| {
            answers::prune(tx, now)?;
            unanswered::prune(tx, now)
        })
    }
}

fn prune_account(
    tx: &dyn Sql,
    names: &mut Names,
    account: i64,
    older_than: Time,
    left: u64,
    pruned: &mut Pruned,
) -> Result<(), LedgerError> {
    let (first, last) = range_of(account);
    let mut newest = None;
    let oldest = "SELECT key, at FROM moves WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT ?3";
    tx.rows(oldest, &[first.into(), last.into(), (left as i64).into()], &mut |row| {
        if row.required(1)? as u64 >= older_than.0 {
            return Ok(ControlFlow::Break(()));
        }
        newest = row.integer(0)?;
        Ok(ControlFlow::Continue(()))
    })?;
    let Some(newest) = newest else { return Ok(()) };
    let range = [first.into(), newest.into()];
    let mut forgotten = Vec::new();
    let messages = "DELETE FROM messages WHERE ix IN (SELECT message FROM moves WHERE key BETWEEN ?1 AND ?2) \
                    AND last_move BETWEEN ?1 AND ?2 RETURNING state";
    tx.rows(messages, &range, &mut |row| {
        forgotten.push(row.required(0)?);
        Ok(ControlFlow::Continue(()))
    })?;
    pruned.moves += tx.run("DELETE FROM moves WHERE key BETWEEN ?1 AND ?2", &range)?;
    pruned.messages += forgotten.len() as u64;
    for state in forgotten {
        leave(tx, names, state)?;
    }
    Ok(())
}

/// A message that never ended leaves the counts; one that ended stays counted where it did.
fn leave(tx: &dyn Sql, names: &mut Names, state: i64) -> Result<(), LedgerError> {
    let outcome =
        tx.first("SELECT outcome FROM states WHERE ix = ?1", &[state.into()], |r| Ok(r.words(0)?.to_owned()))?;
    let outcome = outcome.unwrap_or_default();
    if !outcome.parse().is_ok_and(has_ended) {
        names.count(state, -1);
    }
    Ok(())
}

fn has_ended(outcome: OutcomeKind) -> bool {
    use OutcomeKind as K;
    match outcome {
        K::Parked | K::Admitted | K::NotSent | K::Accepted | K::Held | K::Sent | K::InDoubt => false,
        K::Delivered | K::Read | K::Failed | K::Refused | K::Expired | K::Cancelled | K::Undelivered | K::Unknown => {
            true
        }
        K::Duplicate => true,
    }
}
