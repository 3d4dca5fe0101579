//! Who wrote and has had nothing from the number since: what support must see before the customer service window closes.
//!
//! Told by the shards in the order in which they decide: a person wrote, a message left for the person. Windows that have
//! closed are forgotten, so that the table has those of a day, at most.

use super::snapshots::masked;
use crate::ledger::{LedgerError, Reader, Sql, Stream, Writer, as_of};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::time::Duration;
use tollgate_wire::Time;
use tollgate_wire::snapshot::{AnsweredSnapshot, ReplySnapshot};

/// Length of the customer service window.
const WINDOW_MS: u64 = 24 * 3_600_000;

/// People who wait for an answer, those whose window closes first before the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnansweredView {
    /// When it was last read who wrote and who was answered.
    pub as_of: Time,
    /// How many there are, whether they are listed or not.
    pub people: u64,
    /// They.
    pub items: Vec<UnansweredLine>,
}

/// Somebody who waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnansweredLine {
    /// Phone number id that was written to.
    pub sender: String,
    /// The person; the last four signs unless all were asked for.
    pub person: String,
    /// When the person wrote last.
    pub wrote_at: Time,
    /// When the window closes, by the platform's rule.
    pub closes_at: Time,
}

/// A person wrote: waits for an answer, or, with a word that ends consents, does not any more. A reaction keeps the window of
/// who waits open for longer, and makes nobody wait.
pub(super) fn wrote(tx: &dyn Sql, account: i64, reply: &ReplySnapshot<'_>) -> Result<(), LedgerError> {
    if reply.settled {
        return forget(tx, account, (&reply.sender, &reply.reply_of), reply.at);
    }
    let at = (reply.at.0 as i64).into();
    let person = [account.into(), reply.sender.as_str().into(), reply.reply_of.as_str().into(), at];
    if reply.reaction {
        let sql = "UPDATE unanswered SET at = ?4 WHERE account = ?1 AND sender = ?2 AND person = ?3 AND at < ?4";
        tx.run(sql, &person)?;
        return Ok(());
    }
    let sql = "INSERT INTO unanswered (account, sender, person, at) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (account, sender, person) DO UPDATE SET at = excluded.at WHERE unanswered.at < excluded.at";
    tx.run(sql, &person)?;
    Ok(())
}

/// A message left for a person.
pub(super) fn answered(tx: &dyn Sql, account: i64, a: &AnsweredSnapshot<'_>) -> Result<(), LedgerError> {
    forget(tx, account, (&a.sender, &a.answered), a.at)
}

/// Nobody waits any more for an answer to what the person wrote up to then.
fn forget(tx: &dyn Sql, account: i64, (sender, person): (&str, &str), at: Time) -> Result<(), LedgerError> {
    let sql = "DELETE FROM unanswered WHERE account = ?1 AND sender = ?2 AND person = ?3 AND at <= ?4";
    // Of the same second counts: times of the platform have no parts of one.
    let until = (at.0 as i64).saturating_add(999).into();
    tx.run(sql, &[account.into(), sender.into(), person.into(), until])?;
    Ok(())
}

/// Forgets windows that have closed.
pub(super) fn prune(tx: &dyn Sql, now: Time) -> Result<(), LedgerError> {
    tx.run("DELETE FROM unanswered WHERE at <= ?1", &[(now.0.saturating_sub(WINDOW_MS) as i64).into()])?;
    Ok(())
}

/// When those wrote whose window is open and closes within `within`: after the first, up to the second.
fn span(now: Time, within: Duration) -> (i64, i64) {
    let closed = now.0.saturating_sub(WINDOW_MS);
    (closed as i64, closed.saturating_add(within.as_millis() as u64) as i64)
}

impl Reader {
    /// People of an account whose window closes within a time and who have had no answer, at most `max` of them; `None` if
    /// the account is not known.
    pub fn unanswered(
        &self,
        account: &str,
        now: Time,
        within: Duration,
        (max, in_full): (usize, bool),
    ) -> Result<Option<UnansweredView>, LedgerError> {
        let (after, until) = span(now, within);
        self.read(|db| {
            let Some(ix) = db.number("SELECT ix FROM accounts WHERE name = ?1", &[account.into()])? else {
                return Ok(None);
            };
            let of_it = [ix.into(), after.into(), until.into()];
            let sql = "SELECT count(*) FROM unanswered WHERE account = ?1 AND at > ?2 AND at <= ?3";
            let people = db.number(sql, &of_it)?.unwrap_or_default() as u64;
            let mut items = Vec::new();
            let sql = "SELECT sender, person, at FROM unanswered WHERE account = ?1 AND at > ?2 AND at <= ?3 \
                 ORDER BY at, sender, person LIMIT ?4";
            let [account, after, until] = of_it;
            db.rows(sql, &[account, after, until, (max as i64).into()], &mut |row| {
                let (person, wrote_at) = (row.words(1)?, Time(row.required(2)? as u64));
                items.push(UnansweredLine {
                    sender: row.words(0)?.to_owned(),
                    person: if in_full { person.to_owned() } else { masked(person) },
                    wrote_at,
                    closes_at: Time(wrote_at.0 + WINDOW_MS),
                });
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(Some(UnansweredView { as_of: as_of(db, Stream::Snapshots)?, people, items }))
        })
    }
}

impl Writer {
    /// How many people of each account have had no answer and have a window that closes within a time.
    ///
    /// # Errors
    /// The database.
    pub fn unanswered(&self, now: Time, within: Duration) -> Result<Vec<(String, u64)>, LedgerError> {
        let (after, until) = span(now, within);
        self.look(|db| {
            let mut counts = Vec::new();
            let sql = "SELECT a.name, count(*) FROM unanswered u JOIN accounts a ON a.ix = u.account \
                 WHERE u.at > ?1 AND u.at <= ?2 GROUP BY a.name ORDER BY a.name";
            db.rows(sql, &[after.into(), until.into()], &mut |row| {
                counts.push((row.words(0)?.to_owned(), row.required(1)? as u64));
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(counts)
        })
    }
}
