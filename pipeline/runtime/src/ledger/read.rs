//! Reading the ledger: the [`LedgerReader`].

use super::ahead::{Fetcher, ahead};
use super::entry::{COLUMNS, Columns, OWN, SHARING, SHARING_WHERE, entry, own_entry};
use super::erased::Until;
use super::ingest::number_of;
use super::shared::{KnownTerms, SHARED, Shared};
use super::sql::{Row, Sql, Value};
use super::{LedgerError, LedgerReader, Reader, SummaryRow};
use rust_decimal::Decimal;
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;
use tollgate_wire::ledger::{EntryKind, LedgerEntry};

/// Sorted by the summary columns from left to right, what is absent first, rates by size. Large ones that differ in the last
/// decimals are one double: of those the digits decide, which have one order whatever the locale.
const SUMMARY: &str = "SELECT billing_period, usage_period, kind, account, account_name, legal_entity, waba, \
    sender, campaign, cost_center, country, market, category, pricing_type, pricing_model, band, band_basis, card, \
    card_status, origin, list_rate, cost_rate, cost_currency, fx_rate, markup_rule, price_currency, tax_code, \
    invoice_id, entries, messages, quantity, cost, markup, fee, price_ex_tax FROM entry_groups \
    WHERE billing_period = ?1 AND (CAST(?2 AS TEXT) IS NULL OR account = ?2) AND entries > 0 \
    ORDER BY billing_period, usage_period, kind, account, account_name, legal_entity, waba, sender, \
    campaign NULLS FIRST, cost_center NULLS FIRST, country NULLS FIRST, market NULLS FIRST, category NULLS FIRST, \
    pricing_type NULLS FIRST, pricing_model, band NULLS FIRST, band_basis NULLS FIRST, card NULLS FIRST, \
    card_status NULLS FIRST, origin, CAST(list_rate AS DOUBLE PRECISION) NULLS FIRST, \
    replace(CAST(list_rate AS TEXT), '.', ''), CAST(cost_rate AS DOUBLE PRECISION) NULLS FIRST, \
    replace(CAST(cost_rate AS TEXT), '.', ''), cost_currency, CAST(fx_rate AS DOUBLE PRECISION) NULLS FIRST, \
    replace(CAST(fx_rate AS TEXT), '.', ''), \
    markup_rule NULLS FIRST, price_currency, tax_code NULLS FIRST, invoice_id NULLS FIRST";

/// Terms held while a detail is read; about 1.5 KB each.
const TERMS_HELD: usize = 20_000;

#[cfg(test)]
thread_local! {
    /// So that a test reads with few rows as what has more is read.
    pub(super) static HELD_IN_TEST: std::cell::Cell<usize> = const { std::cell::Cell::new(TERMS_HELD) };
}

fn terms_held() -> usize {
    #[cfg(test)]
    return HELD_IN_TEST.get();
    #[cfg(not(test))]
    TERMS_HELD
}

impl LedgerReader for Reader {
    fn entry_count(&self, month: YearMonth, account: Option<&str>) -> Result<u64, LedgerError> {
        self.read(|db| {
            let sql = "SELECT CAST(coalesce(sum(entries), 0) AS BIGINT) FROM entry_groups \
                       WHERE billing_period = ?1 AND (CAST(?2 AS TEXT) IS NULL OR account = ?2)";
            let n = db.number(sql, &[month.to_string().as_str().into(), account.into()])?;
            Ok(n.unwrap_or(0) as u64)
        })
    }

    fn summary(
        &self,
        month: YearMonth,
        account: Option<&str>,
        each: &mut dyn FnMut(&SummaryRow<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.read(|db| {
            let month = month.to_string();
            db.rows(SUMMARY, &[month.as_str().into(), account.into()], &mut |row| Ok(each(&summary_row(row)?)))
        })
    }

    fn detail(
        &self,
        month: YearMonth,
        account: Option<&str>,
        with_people: bool,
        each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        // What is counted and not booked is part of no bill.
        self.all(month, account, with_people, &mut |entry| match entry.kind {
            EntryKind::Counted => ControlFlow::Continue(()),
            _ => each(entry),
        })
    }

    fn detail_and_counted(
        &self,
        month: YearMonth,
        account: Option<&str>,
        each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.all(month, account, false, each)
    }

    fn closed_at(&self, month: YearMonth, account: Option<&str>) -> Result<Option<Time>, LedgerError> {
        self.month_closed(month, account)
    }

    fn of_message(
        &self,
        account: &str,
        message_uid: u64,
        each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.read(|db| of_message(db, account, message_uid, each))
    }
}

impl Reader {
    /// All of a month that is kept as an entry, by account, instant and id.
    fn all(
        &self,
        month: YearMonth,
        account: Option<&str>,
        with_people: bool,
        each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        let held = terms_held();
        let fetch = |fetcher: &mut Fetcher<_>| {
            self.read(|db| {
                // Accounts one by one, by name: their entries lie together, so nothing is sorted or held.
                for name in accounts_of(db, month, account)? {
                    if fetch_detail(db, month, &name, with_people, held, fetcher)?.is_break() {
                        break;
                    }
                }
                Ok(())
            })
        };
        ahead(fetch, |known: &Option<KnownTerms>, row| {
            Ok(each(&match known {
                Some(known) => own_entry(row, known, with_people)?,
                None => entry(row, with_people)?,
            }))
        })
    }
}

/// See [`LedgerReader::of_message`]; inside a read that is already open.
pub(crate) fn of_message(
    db: &dyn Sql,
    account: &str,
    message_uid: u64,
    each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
) -> Result<(), LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM entry_ids i JOIN entries e ON e.month = i.month AND e.account = i.account \
         AND e.occurred_at = i.occurred_at AND e.entry = i.entry {SHARING} \
         WHERE i.account = (SELECT ix FROM accounts WHERE name = ?1) AND i.message_uid = ?2 \
         ORDER BY e.booked_at, e.entry"
    );
    db.rows(&sql, &[account.into(), (message_uid as i64).into()], &mut |row| Ok(each(&entry(row, false)?)))
}

/// Erases recipient and wamid of a person (`+` and digits, or the business-scoped id) from the entries of an account, by its
/// number, for what was requested before; hashes and amounts stay. How many entries lost them. Reads the whole side table.
pub(crate) fn erase_person(tx: &dyn Sql, account: i64, person: &str, until: Until) -> Result<u64, LedgerError> {
    let sql = "UPDATE people SET recipient = NULL, wamid = NULL WHERE account = ?1 AND recipient = ?2 \
               AND ((message_uid <> 0 AND message_uid <= ?3) OR (message_uid = 0 AND occurred_at <= ?4))";
    tx.run(sql, &[account.into(), person.into(), until.uid.into(), until.foreign.into()])
}

/// Entries for messages to a person, with number and wamid, newest first, at most `most`. The side table is not kept by
/// person: all of the account is looked through.
pub(crate) fn of_person(
    db: &dyn Sql,
    account: &str,
    person: &str,
    most: i64,
    each: &mut dyn FnMut(&LedgerEntry<'_>),
) -> Result<(), LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS}, p.recipient, p.wamid FROM people p JOIN entries e ON e.month = p.month \
         AND e.account = p.account AND e.occurred_at = p.occurred_at AND e.entry = p.entry \
         {SHARING} \
         WHERE p.account = (SELECT ix FROM accounts WHERE name = ?1) AND p.recipient = ?2 \
         ORDER BY e.booked_at DESC, e.entry LIMIT ?3"
    );
    db.rows(&sql, &[account.into(), person.into(), most.into()], &mut |row| {
        each(&entry(row, true)?);
        Ok(ControlFlow::Continue(()))
    })
}

pub(super) fn accounts_of(db: &dyn Sql, month: YearMonth, account: Option<&str>) -> Result<Vec<String>, LedgerError> {
    let sql = "SELECT DISTINCT account FROM entry_groups \
               WHERE billing_period = ?1 AND (CAST(?2 AS TEXT) IS NULL OR account = ?2) AND (entries > 0 OR kind = 'counted') \
               ORDER BY account";
    let mut names = Vec::new();
    db.rows(sql, &[month.to_string().as_str().into(), account.into()], &mut |row| {
        names.push(row.words(0)?.to_owned());
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(names)
}

/// Fetches the entries of an account, and with them its terms where they are known apart from the entries.
fn fetch_detail(
    db: &dyn Sql,
    month: YearMonth,
    account: &str,
    with_people: bool,
    held: usize,
    fetcher: &mut Fetcher<Option<KnownTerms>>,
) -> Result<ControlFlow<()>, LedgerError> {
    let number = db.number("SELECT ix FROM accounts WHERE name = ?1", &[account.into()])?;
    let known = known_terms(db, month, account, held)?;
    let (mut columns, sharing) = match &known {
        Some(_) => (OWN.to_owned(), "WHERE"),
        None => (COLUMNS.to_owned(), SHARING_WHERE),
    };
    let people = if with_people {
        columns.push_str(", p.recipient, p.wamid");
        "LEFT JOIN people p ON p.month = e.month AND p.message_uid = coalesce(e.message_uid, 0) AND p.entry = e.entry"
    } else {
        ""
    };
    let sql = format!(
        "SELECT {columns} FROM entries e {people} {sharing} e.month = ?1 AND e.account = ?2 \
         ORDER BY e.occurred_at, e.entry"
    );
    let mut went = fetcher.begin(known, columns.split(',').count());
    if went.is_continue() {
        db.rows(&sql, &[Value::Int(number_of(month)), number.into()], &mut |row| {
            went = fetcher.push(row)?;
            Ok(went)
        })?;
    }
    Ok(went)
}

/// The terms of an account's month, if they are few enough to be held: then two thirds of an entry's fields need not be
/// read with each of a million.
fn known_terms(db: &dyn Sql, month: YearMonth, account: &str, held: usize) -> Result<Option<KnownTerms>, LedgerError> {
    let (mut known, mut few) = (KnownTerms::default(), true);
    let sql = format!(
        "SELECT {SHARED} FROM entry_groups g JOIN entry_terms t ON t.grp = g.ix WHERE g.billing_period = ?1 AND g.account = ?2"
    );
    db.rows(&sql, &[month.to_string().as_str().into(), account.into()], &mut |row| {
        let (ix, shared) = Shared::numbered(row)?;
        few = known.len() < held;
        if !few {
            return Ok(ControlFlow::Break(()));
        }
        known.insert(ix, shared.into_owned());
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(few.then_some(known))
}

fn summary_row(row: &dyn Row) -> Result<SummaryRow<'_>, LedgerError> {
    let mut c = Columns::new(row);
    let mut read = SummaryRow {
        billing_period: c.required()?,
        usage_period: c.required()?,
        kind: c.required()?,
        account: c.required()?,
        account_name: c.required()?,
        legal_entity: c.required()?,
        waba: c.required()?,
        sender: c.required()?,
        campaign: c.text()?,
        cost_center: c.text()?,
        country: c.text()?,
        market: c.text()?,
        category: c.text()?,
        pricing_type: c.text()?,
        pricing_model: c.required()?,
        volume_band: c.integer()?.map(|n| n as u8),
        band_basis: c.text()?,
        card: c.text()?,
        card_status: c.text()?,
        origin: c.required()?,
        list_rate: c.amount("list_rate")?,
        cost_rate: c.amount("cost_rate")?,
        cost_currency: c.required()?,
        fx_rate: c.amount("fx_rate")?,
        markup_rule: c.text()?,
        price_currency: c.required()?,
        tax_code: c.text()?,
        invoice_id: c.text()?,
        entries: c.integer()?.unwrap_or(0) as u64,
        messages: c.integer()?.unwrap_or(0),
        quantity: c.integer()?.unwrap_or(0),
        list_cost: None,
        cost: c.amount("cost")?,
        markup: c.amount("markup")?,
        fee: c.amount("fee")?,
        price_ex_tax: c.amount("price_ex_tax")?,
    };
    read.list_cost = match read.list_rate {
        None => None,
        Some(rate) => {
            let cost = rate.checked_mul(Decimal::from(read.quantity));
            Some(cost.ok_or(LedgerError::Overflow { what: "list_cost" })?)
        }
    };
    Ok(read)
}
