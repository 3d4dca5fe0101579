//! What came of a campaign by what was sent: a template in a language, or a text, a picture and so on. Where messages are is from the
//! projection, costs and people are from the ledger.

use super::answers::{ANSWERED_WITHIN_MS, Answer};
use super::report::{CampaignCost, TestCost, amount, per};
use crate::ledger::{LedgerError, SHARING, Sql, Value};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// What came of one template in one language, or of what is no template by its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantReport {
    /// Template; absent for what is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Kind of what is no template: `text`, `image` and so on. The ledger does not tell these apart: where a campaign sends
    /// several, people, answers and costs stand in a line of their own without a kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// People who got it, by the ledger.
    pub people: u64,
    /// Messages that were ordered with it, at their latest try.
    pub ordered: u64,
    /// Delivered, read ones included.
    pub delivered: u64,
    /// Read.
    pub read: u64,
    /// Failed.
    pub failed: u64,
    /// People who wrote or called within seven days of a delivery.
    pub replied: u64,
    /// People who ended a consent within seven days of a delivery.
    pub opted_out: u64,
    /// What it cost, by currency.
    pub costs: Vec<CampaignCost>,
}

/// The ledger's entries of a campaign.
pub(super) struct Entries<'a> {
    pub(super) db: &'a dyn Sql,
    pub(super) account: &'a str,
    pub(super) campaign: &'a str,
    /// First and last billing month, as they are stored.
    pub(super) months: Option<(i64, i64)>,
}

/// What was sent: template and language, empty for what is no template, and then its kind, which the ledger does not tell.
type Sent = (String, String, String);

/// Costs of what was sent, in one currency.
pub(super) struct CostLine {
    sent: Sent,
    pub(super) currency: String,
    pub(super) cost: Decimal,
}

const OF_IT: &str = "e.month >= ?1 AND e.month <= ?2 AND e.account = (SELECT ix FROM accounts WHERE name = ?3) \
     AND t.grp IN (SELECT ix FROM entry_groups WHERE account = ?3 AND campaign = ?4)";
const OF_TESTS: &str = "EXISTS (SELECT 1 FROM test_messages t WHERE t.account = e.account AND t.uid = e.message_uid)";
const SENT: &str = "coalesce(t.template, ''), coalesce(t.language, '')";

impl Entries<'_> {
    fn rows(
        &self,
        sql: &str,
        more: &[Value<'_>],
        each: &mut dyn FnMut(Sent, &dyn crate::ledger::Row) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let Some((first, last)) = self.months else { return Ok(()) };
        let mut values: Vec<Value<'_>> = vec![first.into(), last.into(), self.account.into(), self.campaign.into()];
        values.extend_from_slice(more);
        self.db.rows(sql, &values, &mut |row| {
            each((row.words(0)?.to_owned(), row.words(1)?.to_owned(), String::new()), row)?;
            Ok(ControlFlow::Continue(()))
        })
    }

    /// What messages to test recipients cost, or the others.
    pub(super) fn costs(&self, tests: bool) -> Result<Vec<CostLine>, LedgerError> {
        let which = if tests { "" } else { "NOT " };
        // Amounts are few: there is one a market and band.
        let sql = format!(
            "SELECT {SENT}, g.cost_currency, e.cost, count(*) FROM entries e {SHARING} \
             WHERE {OF_IT} AND {which}{OF_TESTS} GROUP BY 1, 2, 3, 4"
        );
        let mut sums: BTreeMap<(Sent, String), Decimal> = BTreeMap::new();
        self.rows(&sql, &[], &mut |sent, row| {
            let cost = amount(&row.value(3)?)? * Decimal::from(row.required(4)?);
            *sums.entry((sent, row.words(2)?.to_owned())).or_default() += cost;
            Ok(())
        })?;
        Ok(sums.into_iter().map(|((sent, currency), cost)| CostLine { sent, currency, cost }).collect())
    }

    /// People by what they got: all, or those of whom there is an answer within seven days.
    fn people(&self, answer: Option<Answer>) -> Result<BTreeMap<Sent, u64>, LedgerError> {
        let answered = "AND EXISTS (SELECT 1 FROM answers a WHERE a.account = e.account AND a.person = p.recipient \
             AND a.kind = ?5 AND a.at > e.occurred_at AND a.at <= e.occurred_at + ?6)";
        let sql = format!(
            "SELECT {SENT}, count(DISTINCT p.recipient) FROM entries e JOIN entry_terms t ON t.ix = e.terms \
             JOIN people p ON p.month = e.month AND p.message_uid = coalesce(e.message_uid, 0) AND p.entry = e.entry \
             WHERE {OF_IT} AND NOT {OF_TESTS} {} GROUP BY 1, 2",
            if answer.is_some() { answered } else { "" }
        );
        let more = answer.map(|answer| [answer.number().into(), ANSWERED_WITHIN_MS.into()]);
        let mut people = BTreeMap::new();
        self.rows(&sql, more.as_ref().map_or(&[], |more| more.as_slice()), &mut |sent, row| {
            people.insert(sent, row.required(2)? as u64);
            Ok(())
        })?;
        Ok(people)
    }

    /// Messages by what was sent and where they are.
    fn places(&self) -> Result<BTreeMap<Sent, VariantReport>, LedgerError> {
        let sql = "SELECT v.template, v.language, v.kind, s.outcome, CAST(sum(s.messages) AS BIGINT) FROM states s \
             JOIN variants v ON v.ix = s.variant JOIN campaigns c ON c.ix = s.campaign \
             JOIN accounts a ON a.ix = s.account WHERE a.name = ?1 AND c.name = ?2 AND c.account = s.account \
             AND v.test = 0 GROUP BY 1, 2, 3, 4 HAVING sum(s.messages) > 0";
        let mut places: BTreeMap<Sent, VariantReport> = BTreeMap::new();
        self.db.rows(sql, &[self.account.into(), self.campaign.into()], &mut |row| {
            let sent = (row.words(0)?.to_owned(), row.words(1)?.to_owned(), row.words(2)?.to_owned());
            let of = places.entry(sent).or_default();
            let messages = row.required(4)? as u64;
            of.ordered += messages;
            match row.words(3)? {
                "delivered" => of.delivered += messages,
                "read" => {
                    of.delivered += messages;
                    of.read += messages;
                }
                "failed" => of.failed += messages,
                _ => {}
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(places)
    }
}

/// Costs whatever was sent, by currency.
pub(super) fn together(lines: &[CostLine]) -> Vec<TestCost> {
    let mut sums: BTreeMap<&str, Decimal> = BTreeMap::new();
    for line in lines {
        *sums.entry(&line.currency).or_default() += line.cost;
    }
    sums.into_iter().map(|(currency, cost)| TestCost { currency: currency.to_owned(), cost }).collect()
}

/// What came of each, in order.
pub(super) fn read(of: &Entries<'_>) -> Result<Vec<VariantReport>, LedgerError> {
    let mut all = of.places()?;
    // Of the ledger's what is no template is of the only kind there is, if there is one alone.
    let mut kinds = all.keys().filter(|(template, ..)| template.is_empty()).map(|(.., kind)| kind.clone());
    let only = match (kinds.next(), kinds.next()) {
        (Some(kind), None) => kind,
        _ => String::new(),
    };
    drop(kinds);
    let of_kind = |(template, language, kind): Sent| {
        let kind = if template.is_empty() { only.clone() } else { kind };
        (template, language, kind)
    };
    for (sent, people) in of.people(None)? {
        all.entry(of_kind(sent)).or_default().people = people;
    }
    for (sent, people) in of.people(Some(Answer::Reply))? {
        all.entry(of_kind(sent)).or_default().replied = people;
    }
    for (sent, people) in of.people(Some(Answer::OptOut))? {
        all.entry(of_kind(sent)).or_default().opted_out = people;
    }
    for line in of.costs(false)? {
        let variant = all.entry(of_kind(line.sent)).or_default();
        variant.costs.push(CampaignCost {
            currency: line.currency,
            cost: line.cost,
            per_delivered: per(line.cost, variant.delivered),
            per_read: per(line.cost, variant.read),
            per_reply: per(line.cost, variant.replied),
        });
    }
    let named = |text: String| Some(text).filter(|text| !text.is_empty());
    let finish = |((template, language, kind), v)| {
        let (template, language, kind) = (named(template), named(language), named(kind));
        VariantReport { template, language, kind, ..v }
    };
    Ok(all.into_iter().map(finish).collect())
}
