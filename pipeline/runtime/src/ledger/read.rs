//! Reading the ledger: the SQLite [`LedgerReader`].

use super::entry::{COLUMNS, Columns, entry};
use super::ingest::number_of;
use super::{LedgerError, LedgerReader, Reader, SummaryRow};
use rusqlite::{Connection, OptionalExtension, Row};
use rust_decimal::Decimal;
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;
use tollgate_wire::ledger::LedgerEntry;

const SUMMARY: &str = "SELECT billing_period, usage_period, kind, account, account_name, legal_entity, waba, \
    sender, campaign, cost_center, country, market, category, pricing_type, pricing_model, band, band_basis, card, \
    card_status, origin, list_rate, cost_rate, cost_currency, fx_rate, markup_rule, price_currency, tax_code, \
    invoice_id, entries, messages, quantity, cost, markup, fee, price_ex_tax FROM entry_groups \
    WHERE billing_period = ?1 AND (?2 IS NULL OR account = ?2) AND entries > 0 \
    ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28";

impl LedgerReader for Reader {
    fn entry_count(&self, month: YearMonth, account: Option<&str>) -> Result<u64, LedgerError> {
        self.read(|conn| {
            let sql = "SELECT coalesce(sum(entries), 0) FROM entry_groups \
                       WHERE billing_period = ?1 AND (?2 IS NULL OR account = ?2)";
            let n: i64 = conn.query_row(sql, (month.to_string(), account), |r| r.get(0))?;
            Ok(n as u64)
        })
    }

    fn summary(
        &self,
        month: YearMonth,
        account: Option<&str>,
        each: &mut dyn FnMut(&SummaryRow<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.read(|conn| {
            let mut statement = conn.prepare_cached(SUMMARY)?;
            let mut rows = statement.query((month.to_string(), account))?;
            while let Some(row) = rows.next()? {
                if each(&summary_row(row)?).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn detail(
        &self,
        month: YearMonth,
        account: Option<&str>,
        with_people: bool,
        each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.read(|conn| {
            // Accounts one by one, by name: their entries lie together, so nothing is sorted or held.
            for name in accounts_of(conn, month, account)? {
                if detail_of(conn, month, &name, with_people, each)?.is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn of_message(
        &self,
        account: &str,
        message_uid: u64,
        each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.read(|conn| of_message(conn, account, message_uid, each))
    }
}

/// See [`LedgerReader::of_message`]; inside a read that is already open.
pub(crate) fn of_message(
    conn: &Connection,
    account: &str,
    message_uid: u64,
    each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
) -> Result<(), LedgerError> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM entries e JOIN entry_groups g ON g.ix = e.grp \
         WHERE e.account = (SELECT ix FROM accounts WHERE name = ?1) AND e.message_uid = ?2 \
         ORDER BY e.booked_at, e.entry"
    ))?;
    let mut rows = statement.query((account, message_uid as i64))?;
    while let Some(row) = rows.next()? {
        if each(&entry(row, false)?).is_break() {
            break;
        }
    }
    Ok(())
}

pub(super) fn accounts_of(
    conn: &Connection,
    month: YearMonth,
    account: Option<&str>,
) -> Result<Vec<String>, LedgerError> {
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT account FROM entry_groups \
         WHERE billing_period = ?1 AND (?2 IS NULL OR account = ?2) AND entries > 0 ORDER BY account",
    )?;
    let names = statement.query_map((month.to_string(), account), |r| r.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn detail_of(
    conn: &Connection,
    month: YearMonth,
    account: &str,
    with_people: bool,
    each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, LedgerError> {
    let number: Option<i64> = conn
        .prepare_cached("SELECT ix FROM accounts WHERE name = ?1")?
        .query_row([account], |r| r.get(0))
        .optional()?;
    let (columns, join) = if with_people {
        (
            ", p.recipient, p.wamid",
            "LEFT JOIN people p ON p.month = e.month AND p.account = e.account \
             AND p.occurred_at = e.occurred_at AND p.entry = e.entry",
        )
    } else {
        ("", "")
    };
    // CROSS JOIN keeps the entries as the outer loop: their key is the order.
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS}{columns} FROM entries e CROSS JOIN entry_groups g ON g.ix = e.grp {join} \
         WHERE e.month = ?1 AND e.account = ?2 ORDER BY e.occurred_at, e.entry"
    ))?;
    let mut rows = statement.query((number_of(month), number))?;
    while let Some(row) = rows.next()? {
        if each(&entry(row, with_people)?).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn summary_row<'r>(row: &'r Row<'_>) -> Result<SummaryRow<'r>, LedgerError> {
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
