//! A campaign that the account's snapshot does not have: it is forgotten, it is left out, or all that was asked of it was
//! refused. Its messages are told by their outcomes, what it cost by the ledger.

use super::{CampaignView, report};
use crate::ledger::{LedgerError, Sql, Stream, as_of};
use rust_decimal::Decimal;
use std::ops::ControlFlow;
use tollgate_wire::command::CampaignSpec;
use tollgate_wire::snapshot::CampaignCounts;

/// How its state is called.
const PAST: &str = "past";

/// The campaign; `None` where nothing was ever told of it. Its settings are not known. Amounts of several currencies are not
/// added up: then currency and amount are empty.
pub(super) fn campaign(db: &dyn Sql, account: &str, name: &str) -> Result<Option<CampaignView>, LedgerError> {
    let counts = counts(db, account, name)?;
    if counts == CampaignCounts::default() {
        return Ok(None);
    }
    let mut costs = report::booked(db, account, name)?.costs.into_iter();
    let (currency, spent) = match (costs.next(), costs.next()) {
        (Some(only), None) => only,
        _ => (String::new(), Decimal::ZERO),
    };
    Ok(Some(CampaignView {
        as_of: as_of(db, Stream::Outcomes)?,
        spec: CampaignSpec::named(name),
        state: PAST.to_owned(),
        currency,
        reserved: Decimal::ZERO,
        spent,
        counts,
    }))
}

fn counts(db: &dyn Sql, account: &str, name: &str) -> Result<CampaignCounts, LedgerError> {
    let sql = "SELECT s.outcome, CAST(coalesce(v.test, 0) AS BIGINT), CAST(sum(s.messages) AS BIGINT) FROM states s \
         JOIN accounts a ON a.ix = s.account JOIN campaigns c ON c.ix = s.campaign AND c.account = s.account \
         LEFT JOIN variants v ON v.ix = s.variant WHERE a.name = ?1 AND c.name = ?2 \
         GROUP BY 1, 2 HAVING sum(s.messages) > 0";
    let mut counts = CampaignCounts::default();
    db.rows(sql, &[account.into(), name.into()], &mut |row| {
        let (outcome, is_test, n) = (row.words(0)?, row.required(1)? != 0, row.required(2)? as u64);
        *if is_test { of_test(&mut counts, outcome) } else { of(&mut counts, outcome) } += n;
        *if is_test { &mut counts.test.requested } else { &mut counts.requested } += n;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(counts)
}

fn of<'a>(counts: &'a mut CampaignCounts, outcome: &str) -> &'a mut u64 {
    match outcome {
        "parked" | "not_sent" => &mut counts.parked,
        "delivered" => &mut counts.delivered,
        "read" => &mut counts.read,
        "failed" => &mut counts.failed,
        "refused" => &mut counts.refused,
        "expired" => &mut counts.expired,
        "cancelled" => &mut counts.cancelled,
        "undelivered" | "unknown" => &mut counts.undelivered,
        _ => &mut counts.on_the_way,
    }
}

fn of_test<'a>(counts: &'a mut CampaignCounts, outcome: &str) -> &'a mut u64 {
    match outcome {
        "delivered" => &mut counts.test.delivered,
        "read" => &mut counts.test.read,
        "failed" | "refused" | "expired" | "cancelled" | "undelivered" | "unknown" => &mut counts.test.failed,
        _ => &mut counts.test.on_the_way,
    }
}
