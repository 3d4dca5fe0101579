//! What came of a campaign: funnel, cost, answers within seven days, errors.

use super::CampaignView;
use super::answers::{ANSWERED_WITHIN_MS, Answer};
use super::snapshots;
use super::variants::{self, Entries, VariantReport};
use crate::ledger::{LedgerError, Reader, Sql, Stream, Value, as_of};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;

/// Decimals of an amount that is divided.
const SHARE_DECIMALS: u32 = 6;

/// What came of a campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignReport {
    /// When the oldest part of it was read.
    pub as_of: Time,
    /// Account id.
    pub account: String,
    /// Campaign as the last snapshot had it, or as its messages are told, with where they are.
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
    /// What messages to test recipients cost, which is in none of the above; how many they are is with the campaign.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test_costs: Vec<TestCost>,
    /// The same by what was sent, in order of template and language; test messages apart.
    #[serde(default)]
    pub variants: Vec<VariantReport>,
}

/// What messages to test recipients cost in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCost {
    /// ISO 4217 code.
    pub currency: String,
    /// All of it.
    pub cost: Decimal,
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
pub(super) struct Booked {
    pub(super) costs: BTreeMap<String, Decimal>,
    /// First and last billing month, as they are stored.
    months: Option<(i64, i64)>,
}

impl Reader {
    /// What came of a campaign; `None` if the account has no snapshot or nothing was ever told of such a campaign.
    pub fn campaign_report(&self, account: &str, campaign: &str) -> Result<Option<CampaignReport>, LedgerError> {
        self.read(|db| {
            let Some((view, taken)) = snapshots::campaign(db, account, campaign)? else { return Ok(None) };
            let mut booked = booked(db, account, campaign)?;
            let of = Entries { db, account, campaign, months: booked.months };
            let test = of.costs(true)?;
            for line in &test {
                *booked.costs.entry(line.currency.clone()).or_default() -= line.cost;
            }
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
                test_costs: variants::together(&test),
                variants: variants::read(&of)?,
            }))
        })
    }
}

pub(super) fn per(cost: Decimal, of: u64) -> Option<Decimal> {
    let share = cost.checked_div(Decimal::from(of))?;
    Some(share.round_dp_with_strategy(SHARE_DECIMALS, RoundingStrategy::MidpointAwayFromZero).normalize())
}

pub(super) fn booked(db: &dyn Sql, account: &str, campaign: &str) -> Result<Booked, LedgerError> {
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
        let cost = amount(&row.value(2)?)?;
        *booked.costs.entry(row.words(1)?.to_owned()).or_default() += cost;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(booked)
}

/// What has no price yet costs nothing that is known.
pub(super) fn amount(value: &Value<'_>) -> Result<Decimal, LedgerError> {
    let stored = |value: &str| LedgerError::Stored { what: "cost", value: value.to_owned() };
    match value {
        Value::Null => Ok(Decimal::ZERO),
        Value::Amount(cost) => Ok(*cost),
        Value::Text(text) => text.parse().map_err(|_| stored(text)),
        other => Err(stored(&format!("{other:?}"))),
    }
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
    let sql = "SELECT count(DISTINCT p.recipient) FROM entries e JOIN entry_terms t ON t.ix = e.terms \
         JOIN people p ON p.month = e.month AND p.message_uid = coalesce(e.message_uid, 0) AND p.entry = e.entry \
         WHERE e.month >= ?1 AND e.month <= ?2 AND e.account = (SELECT ix FROM accounts WHERE name = ?3) \
         AND t.grp IN (SELECT ix FROM entry_groups WHERE account = ?3 AND campaign = ?4) \
         AND NOT EXISTS (SELECT 1 FROM test_messages t WHERE t.account = e.account AND t.uid = e.message_uid) \
         AND EXISTS (SELECT 1 FROM answers a WHERE a.account = e.account AND a.person = p.recipient AND a.kind = ?5 \
         AND a.at > e.occurred_at AND a.at <= e.occurred_at + ?6)";
    let values =
        [first.into(), last.into(), account.into(), campaign.into(), answer.number().into(), ANSWERED_WITHIN_MS.into()];
    Ok(db.number(sql, &values)?.unwrap_or_default() as u64)
}

fn errors(db: &dyn Sql, account: &str, campaign: &str) -> Result<Vec<CampaignError>, LedgerError> {
    let sql = "SELECT s.reason, CAST(sum(s.messages) AS BIGINT) FROM states s JOIN accounts a ON a.ix = s.account \
         JOIN campaigns c ON c.ix = s.campaign AND c.account = s.account LEFT JOIN variants v ON v.ix = s.variant \
         WHERE a.name = ?1 AND c.name = ?2 AND s.outcome = 'failed' AND coalesce(v.test, 0) = 0 \
         GROUP BY s.reason HAVING sum(s.messages) > 0 ORDER BY 2 DESC, 1";
    let mut errors = Vec::new();
    db.rows(sql, &[account.into(), campaign.into()], &mut |row| {
        errors.push(CampaignError { reason: row.words(0)?.to_owned(), messages: row.required(1)? as u64 });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(errors)
}
