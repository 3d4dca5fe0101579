//! How many messages are where.

use crate::ledger::{LedgerError, Reader, Stream, as_of};
use serde::Serialize;
use std::ops::ControlFlow;
use tollgate_wire::Time;

/// Messages by where they are now, sorted by outcome and reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutcomeCounts {
    /// When the outcomes were last read.
    pub as_of: Time,
    /// One line per outcome and reason that has any.
    pub counts: Vec<OutcomeCount>,
}

/// Messages in one state. Repeated requests count as `duplicate` beside the message they repeat. The reason of
/// `parked` is what the messages were told when they came; what they wait for now is with the account's lots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutcomeCount {
    /// Where they are.
    pub outcome: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many.
    pub messages: u64,
}

impl Reader {
    /// Counts of one account or all, one campaign or all. Messages whose history is forgotten stay counted
    /// where they ended.
    pub fn outcome_counts(&self, account: Option<&str>, campaign: Option<&str>) -> Result<OutcomeCounts, LedgerError> {
        self.read(|db| {
            let sql = "SELECT s.outcome, nullif(s.reason, ''), CAST(sum(s.messages) AS BIGINT) FROM states s \
                JOIN accounts a ON a.ix = s.account LEFT JOIN campaigns c ON c.ix = s.campaign \
                WHERE (CAST(?1 AS TEXT) IS NULL OR a.name = ?1) AND (CAST(?2 AS TEXT) IS NULL OR c.name = ?2) \
                GROUP BY 1, 2 HAVING sum(s.messages) > 0 ORDER BY 1, 2 NULLS FIRST";
            let mut counts = Vec::new();
            db.rows(sql, &[account.into(), campaign.into()], &mut |row| {
                counts.push(OutcomeCount {
                    outcome: row.words(0)?.to_owned(),
                    reason: row.text(1)?.map(str::to_owned),
                    messages: row.required(2)? as u64,
                });
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(OutcomeCounts { counts, as_of: as_of(db, Stream::Outcomes)? })
        })
    }
}
