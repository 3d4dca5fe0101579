//! That people answered: they wrote, or ended a consent. For the results of campaigns.

use crate::ledger::{LedgerError, Sql};
use tollgate_wire::Time;

const HOUR_MS: u64 = 3_600_000;
/// Days for which answers are kept: campaigns of the past year can be looked at.
const KEPT_DAYS: u64 = 400;

/// After a delivery an answer counts for so long.
pub(super) const ANSWERED_WITHIN_MS: i64 = 7 * 86_400_000;

/// What a person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Wrote or called.
    Reply,
    /// Ended a consent.
    OptOut,
}

impl Answer {
    /// As it is stored.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Reply => 0,
            Self::OptOut => 1,
        }
    }
}

/// Keeps an answer: of each hour the last.
pub(super) fn keep(tx: &dyn Sql, account: i64, person: &str, answer: Answer, at: Time) -> Result<(), LedgerError> {
    let sql = "INSERT INTO answers (account, person, kind, hour, at) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (account, person, kind, hour) DO UPDATE SET at = excluded.at WHERE answers.at < excluded.at";
    let hour = (at.0 / HOUR_MS) as i64;
    tx.run(sql, &[account.into(), person.into(), answer.number().into(), hour.into(), (at.0 as i64).into()])?;
    Ok(())
}

/// Forgets old ones, and as old test messages.
pub(super) fn prune(tx: &dyn Sql, now: Time) -> Result<(), LedgerError> {
    let oldest = (now.0 / HOUR_MS).saturating_sub(KEPT_DAYS * 24) as i64;
    tx.run("DELETE FROM answers WHERE hour < ?1", &[oldest.into()])?;
    tx.run("DELETE FROM test_messages WHERE at < ?1", &[(oldest * HOUR_MS as i64).into()])?;
    Ok(())
}
