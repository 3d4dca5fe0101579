//! What came of a campaign: funnel, cost, answers within seven days, errors.

use super::CampaignView;
use super::answers::Answer;
use super::snapshots::{Snapshot, snapshot};
use crate::ledger::{LedgerError, Reader, Sql, Stream, Value, as_of};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;

/// After a delivery an answer counts for so long.
const ANSWERED_WITHIN_MS: i64 = 7 * 86_400_000;
/// Decimals of an amount that is divided.
const SHARE_DECIMALS: u32 = 6;

/// What came of a campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignReport {
    /// When the oldest part of it was read.
    pub as_of: Time,
    /// Account id.
    pub account: String,
    /// Campaign as the last snapshot had it, with where its messages are.
    pub campaign: CampaignView,
    /// Delivered, read ones included.
    pub delivered: u64,
    /// Read.
    pub read: u64,
    /// People who wrote or called within seven days of a delivery.
    pub replied: u64,
    /// People who ended a consent within seven days of a delivery.
    pub opted_out: u64,
    /// What it cost, by currency: corrections are in it.
    pub costs: Vec<CampaignCost>,
    /// Messages that failed, by the platform's code, the most first.
    pub errors: Vec<CampaignError>,
}

/// What a campaign cost in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignCost {
    /// ISO 4217 code.
    pub currency: String,
    /// All of it.
    pub cost: Decimal,
    /// Divided by delivered messages, rounded half up to six decimals; absent where there are none, as with the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_delivered: Option<Decimal>,
    /// Divided by read messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_read: Option<Decimal>,
    /// Divided by people who replied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_reply: Option<Decimal>,
}

/// Why messages failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignError {
    /// `platform_CODE`, or a reason of ours.
    pub reason: String,
    /// How many.
    pub messages: u64,
}

/// The campaign's rows in the ledger's summary.
struct Booked {
    costs: BTreeMap<String, Decimal>,
    /// First and last billing month, as they are stored.
    months: Option<(i64, i64)>,
}

impl Reader {
    /// What came of a campaign; `None` if the account has no snapshot or no such campaign.
    pub fn campaign_report(&self, account: &str, campaign: &str) -> Result<Option<CampaignReport>, LedgerError> {
        self.read(|db| {
            let Some(Snapshot { campaigns, as_of: taken, .. }) = snapshot(db, account)? else { return Ok(None) };
            let Some(view) = campaigns.into_iter().find(|c| c.spec.name == campaign) else { return Ok(None) };
            let booked = booked(db, account, campaign)?;
            let people = |answer| answered(db, account, campaign, booked.months, answer);
            let (replied, opted_out) = (people(Answer::Reply)?, people(Answer::OptOut)?);
            let (delivered, read) = (view.counts.delivered + view.counts.read, view.counts.read);
            let costs = booked.costs.into_iter().map(|(currency, cost)| CampaignCost {
                currency,
                cost,
                per_delivered: per(cost, delivered),
                per_read: per(cost, read),
                per_reply: per(cost, replied),
            });
            // A topic that nothing was ever read of holds nothing back.
            let read_at = [as_of(db, Stream::Ledger)?, as_of(db, Stream::Outcomes)?].into_iter();
            let oldest = read_at.filter(|at| *at != Time::default()).fold(taken, Time::min);
            Ok(Some(CampaignReport {
                as_of: oldest,
                account: account.to_owned(),
                campaign: view,
                delivered,
                read,
                replied,
                opted_out,
                costs: costs.collect(),
                errors: errors(db, account, campaign)?,
            }))
        })
    }
}

fn per(cost: Decimal, of: u64) -> Option<Decimal> {
    let share = cost.checked_div(Decimal::from(of))?;
    Some(share.round_dp_with_strategy(SHARE_DECIMALS, RoundingStrategy::MidpointAwayFromZero).normalize())
}

fn booked(db: &dyn Sql, account: &str, campaign: &str) -> Result<Booked, LedgerError> {
    let sql = "SELECT billing_period, cost_currency, cost FROM entry_groups \
         WHERE account = ?1 AND campaign = ?2 AND entries > 0";
    let mut booked = Booked { costs: BTreeMap::new(), months: None };
    db.rows(sql, &[account.into(), campaign.into()], &mut |row| {
        let period = row.words(0)?;
        let stored = |what: &'static str, value: &str| LedgerError::Stored { what, value: value.to_owned() };
        let month: YearMonth = period.parse().map_err(|_| stored("month", period))?;
        let month = i64::from(month.year()) * 12 + i64::from(month.month()) - 1;
        let (first, last) = booked.months.unwrap_or((month, month));
        booked.months = Some((first.min(month), last.max(month)));
        // What has no price yet costs nothing that is known.
        let cost = match row.value(2)? {
            Value::Null => Decimal::ZERO,
            Value::Amount(cost) => cost,
            Value::Text(text) => text.parse().map_err(|_| stored("cost", text))?,
            other => return Err(stored("cost", &format!("{other:?}"))),
        };
        *booked.costs.entry(row.words(1)?.to_owned()).or_default() += cost;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(booked)
}

/// People of whom there is an answer within seven days of a delivery of the campaign.
fn answered(
    db: &dyn Sql,
    account: &str,
    campaign: &str,
    months: Option<(i64, i64)>,
    answer: Answer,
) -> Result<u64, LedgerError> {
    let Some((first, last)) = months else { return Ok(0) };
    let sql = "SELECT count(DISTINCT p.recipient) FROM entries e JOIN people p ON p.month = e.month \
         AND p.account = e.account AND p.occurred_at = e.occurred_at AND p.entry = e.entry \
         WHERE e.month >= ?1 AND e.month <= ?2 AND e.account = (SELECT ix FROM accounts WHERE name = ?3) \
         AND e.grp IN (SELECT ix FROM entry_groups WHERE account = ?3 AND campaign = ?4) \
         AND EXISTS (SELECT 1 FROM answers a WHERE a.account = e.account AND a.person = p.recipient AND a.kind = ?5 \
         AND a.at > e.occurred_at AND a.at <= e.occurred_at + ?6)";
    let values =
        [first.into(), last.into(), account.into(), campaign.into(), answer.number().into(), ANSWERED_WITHIN_MS.into()];
    Ok(db.number(sql, &values)?.unwrap_or_default() as u64)
}

fn errors(db: &dyn Sql, account: &str, campaign: &str) -> Result<Vec<CampaignError>, LedgerError> {
    let sql = "SELECT s.reason, s.messages FROM states s JOIN accounts a ON a.ix = s.account \
         JOIN campaigns c ON c.ix = s.campaign AND c.account = s.account \
         WHERE a.name = ?1 AND c.name = ?2 AND s.outcome = 'failed' AND s.messages > 0 ORDER BY s.messages DESC, s.reason";
    let mut errors = Vec::new();
    db.rows(sql, &[account.into(), campaign.into()], &mut |row| {
        errors.push(CampaignError { reason: row.words(0)?.to_owned(), messages: row.required(1)? as u64 });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(errors)
}
