//! A month's entries as settling walks them: of each only what is its own. What entries have in common is read once
//! with their terms, so that walking ten million of them neither joins nor allocates for each.

use super::entry::{COLUMNS, Columns, SHARING, SHARING_WHERE, entry, named};
use super::ingest::{month_of, number_of};
use super::sql::{Bulk, EntryKey, Row, Sql, Value};
use super::{LedgerError, amount};
use rust_decimal::Decimal;
use std::ops::ControlFlow;
use tollgate_rate_card::{Category, PricingModel, PricingType, YearMonth};
use tollgate_wire::ledger::{Cause, EntryKind, LedgerEntry};

/// A hash of 16 bytes, such as an entry's id. Settling knows no other.
pub(crate) type Id = [u8; 16];

const LINE: &str = "e.entry, e.terms, e.adjusts, e.revision, e.occurred_at, e.wamid_hash, e.ordinal, e.quantity, \
    e.reason, e.cost, e.markup, e.fee, e.price_ex_tax";

/// The columns that many entries of the same terms have alike, from this one on.
const ALIKE: std::ops::Range<usize> = 7..13;

/// An entry. What is booked by hand may have other ids than hashes, and no wamid: those are `None`.
pub(crate) struct Line<'r> {
    pub id: Option<Id>,
    /// Number of its terms.
    pub terms: i64,
    pub adjusts: Option<Id>,
    pub revision: u32,
    pub occurred_at: u64,
    pub wamid: Option<Id>,
    pub ordinal: Option<u64>,
    row: &'r dyn Row,
}

/// What many entries of the same terms have alike.
pub(crate) struct Alike {
    pub quantity: i64,
    pub reason: Option<String>,
    /// Cost, mark-up, fee, price.
    pub amounts: [Option<Decimal>; 4],
}

impl<'r> Line<'r> {
    fn of(row: &'r dyn Row) -> Result<Self, LedgerError> {
        Ok(Self {
            id: id(row, 0)?,
            terms: row.required(1)?,
            adjusts: id(row, 2)?,
            revision: row.required(3)? as u32,
            occurred_at: row.required(4)? as u64,
            wamid: id(row, 5)?,
            ordinal: row.integer(6)?.map(|n| n as u64),
            row,
        })
    }

    /// Writes what it has in common with others: equal keys of the same terms have equal [`Alike`].
    pub(crate) fn key(&self, key: &mut Vec<u8>) -> Result<(), LedgerError> {
        key.clear();
        key.extend_from_slice(&self.terms.to_le_bytes());
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
        let money = |column, what| match row.value(column)? {
            Value::Null => Ok(None),
            Value::Amount(amount) => Ok(Some(amount)),
            Value::Text(text) => amount::parse(what, text).map(Some),
            other => Err(LedgerError::Stored { what, value: format!("{other:?}") }),
        };
        Ok(Alike {
            quantity: row.required(7)?,
            reason: row.text(8)?.map(str::to_owned),
            amounts: [money(9, "cost")?, money(10, "markup")?, money(11, "fee")?, money(12, "price_ex_tax")?],
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

/// Terms with their summary row: what their entries share.
#[derive(Clone, Debug)]
pub(crate) struct SharedRow {
    /// Number of the terms.
    pub ix: i64,
    pub kind: EntryKind,
    pub cause: Option<Cause>,
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
    pub expected_category: Option<Category>,
    pub reported_category: Option<Category>,
    pub reported_type: Option<PricingType>,
    pub reported_model: Option<PricingModel>,
    pub rulebook: Option<String>,
    pub fx_source: Option<String>,
    pub fx_date: Option<String>,
}

const SHARED_ROWS: &str = "SELECT t.ix, g.kind, t.cause, g.usage_period, g.waba, g.sender, g.country, g.market, g.category, \
    g.pricing_model, g.pricing_type, g.card, g.card_status, g.band, g.band_basis, g.list_rate, g.cost_rate, \
    g.cost_currency, g.markup_rule, g.price_currency, g.fx_rate, t.expected_category, t.reported_category, \
    t.reported_type, t.reported_model, t.rulebook, t.fx_source, t.fx_date \
    FROM entry_groups g JOIN entry_terms t ON t.grp = g.ix WHERE g.billing_period >= ?1 AND g.billing_period <= ?2 \
    AND g.account = ?3 AND (g.entries > 0 OR g.kind = 'counted') AND (g.billing_period = ?1 OR g.kind = 'true_up')";

fn shared_row(row: &dyn Row) -> Result<SharedRow, LedgerError> {
    let mut c = Columns::new(row);
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(SharedRow {
        ix: c.integer()?.unwrap_or_default(),
        kind: named("kind", c.required()?)?,
        cause: c.name("cause")?,
        usage_period: c.required()?.to_owned(),
        waba: c.required()?.to_owned(),
        sender: c.required()?.to_owned(),
        country: owned(c.text()?),
        market: owned(c.text()?),
        category: c.name("category")?,
        pricing_model: named("pricing_model", c.required()?)?,
        pricing_type: c.name("pricing_type")?,
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
        expected_category: c.name("expected_category")?,
        reported_category: c.name("reported_category")?,
        reported_type: c.name("reported_type")?,
        reported_model: c.name("reported_model")?,
        rulebook: owned(c.text()?),
        fx_source: owned(c.text()?),
        fx_date: owned(c.text()?),
    })
}

/// The terms of an account's month, and those of true-ups in later months until one that is open.
pub(crate) fn shared_rows(
    db: &dyn Sql,
    month: YearMonth,
    until: YearMonth,
    account: &str,
) -> Result<Vec<SharedRow>, LedgerError> {
    let mut all = Vec::new();
    let (month, until) = (month.to_string(), until.to_string());
    db.rows(SHARED_ROWS, &[month.as_str().into(), until.as_str().into(), account.into()], &mut |row| {
        all.push(shared_row(row)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(all)
}

/// Whether an entry takes back what was counted and not booked: it is of the same kind and month, and has no amount either.
pub(crate) fn is_withdrawal(kind: EntryKind, cause: Option<Cause>) -> bool {
    (kind, cause) == (EntryKind::Counted, Some(Cause::Reversal))
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
         SELECT {LINE} FROM entries e {SHARING_WHERE} {} ORDER BY occurred_at",
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
        "SELECT {LINE} FROM entries e {SHARING_WHERE} e.month >= ?1 AND e.month <= ?2 \
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
        let place = keys.get(n).map(|(.., id)| hex::encode(id)).unwrap_or_default();
        Err(LedgerError::Damaged { what: "adjusted entry", place })
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
        "SELECT {COLUMNS} FROM entries e {SHARING} \
         WHERE e.account = ?1 AND e.adjusts = ?2 AND g.kind = 'true_up' ORDER BY e.revision DESC"
    );
    db.rows(&sql, &[account.into(), Value::Bytes(charge)], &mut |row| {
        each(&entry(row, false)?)?;
        Ok(ControlFlow::Continue(()))
    })
}
