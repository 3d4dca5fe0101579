//! A month's entries as settling walks them: of each only what is its own. What entries have in common is read once
//! with their summary row, so that walking ten million of them neither joins nor allocates for each.

use super::entry::{COLUMNS, Columns, entry, named};
use super::ingest::{month_of, number_of};
use super::sql::{Bulk, EntryKey, Row, Sql, Value};
use super::{LedgerError, amount};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::ops::ControlFlow;
use tollgate_rate_card::{Category, PricingModel, PricingType, YearMonth};
use tollgate_wire::ledger::{EntryKind, LedgerEntry};

/// A hash of 16 bytes, such as an entry's id. Settling knows no other.
pub(crate) type Id = [u8; 16];

const LINE: &str = "e.entry, e.grp, e.adjusts, e.revision, e.occurred_at, e.wamid_hash, e.ordinal, e.quantity, \
    e.expected_category, e.reported_category, e.reported_type, e.reported_model, e.rulebook, e.reason, e.cost, \
    e.markup, e.fee, e.price_ex_tax, e.fx_source, e.fx_date";

/// The columns that many entries of a summary row have alike, from this one on.
const ALIKE: std::ops::Range<usize> = 7..20;

/// An entry. What is booked by hand may have other ids than hashes, and no wamid: those are `None`.
pub(crate) struct Line<'r> {
    pub id: Option<Id>,
    /// Its summary row.
    pub group: i64,
    pub adjusts: Option<Id>,
    pub revision: u32,
    pub occurred_at: u64,
    pub wamid: Option<Id>,
    pub ordinal: Option<u64>,
    row: &'r dyn Row,
}

/// What many entries of a summary row have alike.
pub(crate) struct Alike {
    pub quantity: i64,
    pub expected_category: Option<Category>,
    pub reported_category: Option<Category>,
    pub reported_type: Option<PricingType>,
    pub reported_model: Option<PricingModel>,
    pub rulebook: Option<String>,
    pub reason: Option<String>,
    /// Cost, mark-up, fee, price.
    pub amounts: [Option<Decimal>; 4],
    pub fx_source: Option<String>,
    pub fx_date: Option<String>,
}

impl<'r> Line<'r> {
    fn of(row: &'r dyn Row) -> Result<Self, LedgerError> {
        Ok(Self {
            id: id(row, 0)?,
            group: row.required(1)?,
            adjusts: id(row, 2)?,
            revision: row.required(3)? as u32,
            occurred_at: row.required(4)? as u64,
            wamid: id(row, 5)?,
            ordinal: row.integer(6)?.map(|n| n as u64),
            row,
        })
    }

    /// Writes what it has in common with others: equal keys of one summary row have equal [`Alike`].
    pub(crate) fn key(&self, key: &mut Vec<u8>) -> Result<(), LedgerError> {
        key.clear();
        key.extend_from_slice(&self.group.to_le_bytes());
        for column in ALIKE {
            match self.row.value(column)? {
                Value::Null => key.push(0),
                Value::Int(n) => key.extend_from_slice(&n.to_le_bytes()),
                // Names and amounts are short, words of the platform and of people are not always.
                Value::Text(text) => {
                    key.push(1);
                    key.extend_from_slice(&(text.len() as u32).to_le_bytes());
                    key.extend_from_slice(text.as_bytes());
                }
                Value::Amount(amount) => {
                    key.push(2);
                    key.extend_from_slice(&amount.normalize().serialize());
                }
                Value::Bytes(bytes) => {
                    return Err(LedgerError::Stored { what: "column", value: hex::encode(bytes) });
                }
            }
        }
        Ok(())
    }

    /// What it has in common with others.
    pub(crate) fn alike(&self) -> Result<Alike, LedgerError> {
        let row = self.row;
        let text = |column| Ok::<_, LedgerError>(row.text(column)?.map(str::to_owned));
        let money = |column, what| match row.value(column)? {
            Value::Null => Ok(None),
            Value::Amount(amount) => Ok(Some(amount)),
            Value::Text(text) => amount::parse(what, text).map(Some),
            other => Err(LedgerError::Stored { what, value: format!("{other:?}") }),
        };
        Ok(Alike {
            quantity: row.required(7)?,
            expected_category: name(row, 8, "expected_category")?,
            reported_category: name(row, 9, "reported_category")?,
            reported_type: name(row, 10, "reported_type")?,
            reported_model: name(row, 11, "reported_model")?,
            rulebook: text(12)?,
            reason: text(13)?,
            amounts: [money(14, "cost")?, money(15, "markup")?, money(16, "fee")?, money(17, "price_ex_tax")?],
            fx_source: text(18)?,
            fx_date: text(19)?,
        })
    }
}

fn id(row: &dyn Row, column: usize) -> Result<Option<Id>, LedgerError> {
    match row.value(column)? {
        Value::Null | Value::Text(_) => Ok(None),
        Value::Bytes(bytes) => Ok(bytes.try_into().ok()),
        other => Err(LedgerError::Stored { what: "hash", value: format!("{other:?}") }),
    }
}

fn name<'r, T: Deserialize<'r>>(row: &'r dyn Row, column: usize, what: &'static str) -> Result<Option<T>, LedgerError> {
    row.text(column)?.map(|text| named(what, text)).transpose()
}

/// A summary row: what its entries share.
#[derive(Clone, Debug)]
pub(crate) struct GroupRow {
    pub ix: i64,
    pub kind: EntryKind,
    pub usage_period: String,
    pub waba: String,
    pub sender: String,
    pub country: Option<String>,
    pub market: Option<String>,
    pub category: Option<Category>,
    pub pricing_model: PricingModel,
    pub pricing_type: Option<PricingType>,
    pub card: Option<String>,
    pub card_status: Option<String>,
    pub band: Option<u8>,
    pub band_basis: Option<String>,
    pub list_rate: Option<Decimal>,
    pub cost_rate: Option<Decimal>,
    pub cost_currency: String,
    pub markup_rule: Option<String>,
    pub price_currency: String,
    pub fx_rate: Option<Decimal>,
}

const GROUP: &str = "SELECT ix, kind, usage_period, waba, sender, country, market, category, pricing_model, \
    pricing_type, card, card_status, band, band_basis, list_rate, cost_rate, cost_currency, markup_rule, \
    price_currency, fx_rate FROM entry_groups WHERE billing_period >= ?1 AND billing_period <= ?2 AND account = ?3 \
    AND entries > 0 AND (billing_period = ?1 OR kind = 'true_up')";

fn group(row: &dyn Row) -> Result<GroupRow, LedgerError> {
    let mut c = Columns::new(row);
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(GroupRow {
        ix: c.integer()?.unwrap_or_default(),
        kind: named("kind", c.required()?)?,
        usage_period: c.required()?.to_owned(),
        waba: c.required()?.to_owned(),
        sender: c.required()?.to_owned(),
        country: owned(c.text()?),
        market: owned(c.text()?),
        category: c.text()?.map(|t| named("category", t)).transpose()?,
        pricing_model: named("pricing_model", c.required()?)?,
        pricing_type: c.text()?.map(|t| named("pricing_type", t)).transpose()?,
        card: owned(c.text()?),
        card_status: owned(c.text()?),
        band: c.integer()?.map(|n| n as u8),
        band_basis: owned(c.text()?),
        list_rate: c.amount("list_rate")?,
        cost_rate: c.amount("cost_rate")?,
        cost_currency: c.required()?.to_owned(),
        markup_rule: owned(c.text()?),
        price_currency: c.required()?.to_owned(),
        fx_rate: c.amount("fx_rate")?,
    })
}

/// The summary rows of an account's month, and those of true-ups in later months until one that is open.
pub(crate) fn group_rows(
    db: &dyn Sql,
    month: YearMonth,
    until: YearMonth,
    account: &str,
) -> Result<Vec<GroupRow>, LedgerError> {
    let mut all = Vec::new();
    let (month, until) = (month.to_string(), until.to_string());
    db.rows(GROUP, &[month.as_str().into(), until.as_str().into(), account.into()], &mut |row| {
        all.push(group(row)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(all)
}

/// What is done with each entry; reading ends early when it breaks.
pub(crate) type EachLine<'f> = &'f mut dyn FnMut(&Line<'_>) -> Result<ControlFlow<()>, LedgerError>;

/// An account's entries of a month by charge instant, and with them what later months until one that is open correct
/// of it. Those of one instant are in no order.
pub(crate) fn month_lines(
    db: &dyn Sql,
    month: YearMonth,
    until: YearMonth,
    account: i64,
    each: EachLine<'_>,
) -> Result<(), LedgerError> {
    if until == month {
        let sql = format!("SELECT {LINE} FROM entries e WHERE e.month = ?1 AND e.account = ?2 ORDER BY e.occurred_at");
        return db.rows(&sql, &[number_of(month).into(), account.into()], &mut |row| each(&Line::of(row)?));
    }
    let sql = format!(
        "SELECT {LINE} FROM entries e WHERE e.month = ?1 AND e.account = ?2 UNION ALL \
         SELECT {LINE} FROM entries e CROSS JOIN entry_groups g WHERE g.ix = e.grp AND {} ORDER BY occurred_at",
        corrects("?1", "?3", "?2")
    );
    let key = [number_of(month).into(), account.into(), number_of(until).into()];
    db.rows(&sql, &key, &mut |row| each(&Line::of(row)?))
}

/// The condition for a true-up `e`, `g` of the months after one until another that corrects an entry of the first.
pub(super) fn corrects(month: &str, until: &str, account: &str) -> String {
    format!(
        "e.month > {month} AND e.month <= {until} AND e.account = {account} AND e.adjusts IS NOT NULL \
         AND g.kind = 'true_up' AND EXISTS (SELECT 1 FROM entries c WHERE c.month = {month} \
         AND c.account = {account} AND c.occurred_at = e.occurred_at AND c.entry = e.adjusts)"
    )
}

/// The entries of months, first to last, that take another one back. They are few and have an index; SQLite would
/// rather walk a month if it were given by `=`. Given so, PostgreSQL reads the months' partitions alone.
pub(crate) fn reversals(
    db: &dyn Sql,
    (first, last): (YearMonth, YearMonth),
    account: i64,
    each: EachLine<'_>,
) -> Result<(), LedgerError> {
    let sql = format!(
        "SELECT {LINE} FROM entries e CROSS JOIN entry_groups g WHERE g.ix = e.grp AND e.month >= ?1 AND e.month <= ?2 \
         AND e.account = ?3 AND e.adjusts IS NOT NULL AND e.quantity < 0 AND g.kind = 'adjustment'"
    );
    let key = [number_of(first).into(), number_of(last).into(), account.into()];
    db.rows(&sql, &key, &mut |row| each(&Line::of(row)?))
}

/// The month that an entry is billed in, of months from first to last; `None` if there is no such entry in them. Month by
/// month: ids have no index of their own in every database.
pub(crate) fn billing_month(
    db: &dyn Sql,
    (first, last): (YearMonth, YearMonth),
    account: i64,
    occurred_at: u64,
    id: &Id,
) -> Result<Option<YearMonth>, LedgerError> {
    let sql = "SELECT 1 FROM entries WHERE month = ?1 AND account = ?2 AND occurred_at = ?3 AND entry = ?4";
    for month in number_of(first)..=number_of(last) {
        let key = [month.into(), account.into(), (occurred_at as i64).into(), Value::Bytes(id)];
        if db.number(sql, &key)?.is_some() {
            return month_of(month).map(Some);
        }
    }
    Ok(None)
}

/// What is done with an entry that was found.
pub(crate) type EachEntry<'f> = &'f mut dyn FnMut(&LedgerEntry<'_>) -> Result<(), LedgerError>;

/// An account's entries by month, charge instant and id, in this order and each with its place in it. What is not
/// there is an error.
pub(crate) fn entries_at(
    tx: &mut dyn Bulk,
    account: i64,
    keys: impl Iterator<Item = (YearMonth, u64, Id)>,
    each: &mut dyn FnMut(usize, &LedgerEntry<'_>),
) -> Result<(), LedgerError> {
    let keys: Vec<EntryKey> = keys.map(|(month, at, id)| (number_of(month), at as i64, id)).collect();
    let odd = |n: usize| {
        let value = keys.get(n).map(|(.., id)| hex::encode(id)).unwrap_or_default();
        Err(LedgerError::Stored { what: "adjusted entry", value })
    };
    let mut next = 0;
    tx.entries_at(COLUMNS, account, &keys, &mut |n, row| {
        if n != next {
            return odd(next);
        }
        next += 1;
        each(n, &entry(row, false)?);
        Ok(())
    })?;
    if next == keys.len() { Ok(()) } else { odd(next) }
}

/// The true-ups of a charge, in all months, the newest first.
pub(crate) fn true_ups_of(db: &dyn Sql, account: i64, charge: &Id, each: EachEntry<'_>) -> Result<(), LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM entries e JOIN entry_groups g ON g.ix = e.grp \
         WHERE e.account = ?1 AND e.adjusts = ?2 AND g.kind = 'true_up' ORDER BY e.revision DESC"
    );
    db.rows(&sql, &[account.into(), Value::Bytes(charge)], &mut |row| {
        each(&entry(row, false)?)?;
        Ok(ControlFlow::Continue(()))
    })
}
