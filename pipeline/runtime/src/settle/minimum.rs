//! The minimum of a month: what the prices of all that is billed of a WABA fall short of, as a fee of its own.
//!
//! It is asked of a WABA that had a number in the month: the engine books an entry for each when it ends the month, in
//! the currency of the mark-up that is in force at its end. Of what comes afterwards, until the month is closed, the fee
//! is taken back and booked anew, so that it always is what the bill falls short of.

use super::{Job, SettleError, Terms};
use crate::ledger::{Asked, Close, LedgerError, Sql, Writer, asked, book_settled, corrected};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use tollgate_core::charge::entry_id;
use tollgate_core::emit::blank_fee;
use tollgate_rate_card::{Fee, Markup};
use tollgate_wire::Time;
use tollgate_wire::ledger::{Cause, EntryKind, LedgerEntry};

/// Books what is missing to the minimum of each WABA, in one transaction with what it reads. How many entries: again,
/// none.
pub(super) fn book(writer: &mut Writer, job: &Job<'_>, end: &Close) -> Result<u64, SettleError> {
    writer.transact(|tx, memory| {
        let db: &dyn Sql = tx;
        let rows = asked(db, job.month, job.account)?;
        let corrected = if may_correct(job, &rows) { corrected(db, job.month, job.account)? } else { BTreeMap::new() };
        let mut entries = Vec::new();
        // Rows are in the order of WABAs.
        for rows in rows.chunk_by(|a, b| a.waba == b.waba) {
            let Some(number) = rows.iter().find(|row| is(row, Fee::Number)) else { continue };
            let Some(terms) = job.terms.get(&number.waba) else {
                let (account, waba) = (job.account.to_owned(), number.waba.clone());
                return Ok(Err(SettleError::UnknownZone { account, waba }));
            };
            let key = (number.waba.clone(), number.price_currency.clone());
            let corrected = corrected.get(&key).copied().unwrap_or_default();
            let lacks = lacks(job, end, terms, rows, number, corrected)?;
            add(job, terms, rows, number, lacks, &mut entries);
        }
        let new = book_settled(tx, memory, entries)?;
        Ok(Ok(new.iter().filter(|new| **new).count() as u64))
    })?
}

/// Whether anything of the month may correct one that was closed, and a minimum is asked.
fn may_correct(job: &Job<'_>, rows: &[Asked]) -> bool {
    let month = job.month.to_string();
    let asks = |terms: &Terms| terms.markup.iter().any(|markup| !markup.fees.minimum.is_zero());
    let corrects =
        |row: &Asked| matches!(row.kind, EntryKind::Adjustment | EntryKind::TrueUp) && row.usage_period != month;
    job.terms.values().any(asks) && rows.iter().any(corrects)
}

fn is(row: &Asked, fee: Fee) -> bool {
    row.kind == EntryKind::Fee && row.markup_rule.as_deref() == Some(fee.as_str())
}

/// What the bill falls short of, of the mark-up that the engine had in force at the month's end; `corrected` is what of it
/// corrects months that were closed.
fn lacks(
    job: &Job<'_>,
    end: &Close,
    terms: &Terms,
    rows: &[Asked],
    number: &Asked,
    corrected: Decimal,
) -> Result<Decimal, LedgerError> {
    // As the engine has it: of a month that ends early, what is to begin is not in force.
    let today = terms.zone.local_date_at((end.at.0 / 1000) as i64);
    let markup = Markup::in_force(&terms.markup, job.month.last_day().min(today));
    let minimum = markup.map_or(Decimal::ZERO, |markup| markup.fees.minimum);
    // What finance credits is no usage, and nor is what corrects a month that was closed: the minimum would ask it back.
    let mut sum = -corrected;
    let counts = |row: &&Asked| row.kind != EntryKind::Credit && !is(row, Fee::Minimum);
    for row in rows.iter().filter(counts).filter(|row| row.price_currency == number.price_currency) {
        sum = sum.checked_add(row.price).ok_or(LedgerError::Overflow { what: "the prices of a month" })?;
    }
    let lacks = minimum.checked_sub(sum).ok_or(LedgerError::Overflow { what: "the minimum of a month" })?;
    Ok(lacks.max(Decimal::ZERO).normalize())
}

/// Adds what makes the fee that stands into what is lacking: nothing, the fee, or a pair.
fn add(
    job: &Job<'_>,
    terms: &Terms,
    rows: &[Asked],
    number: &Asked,
    lacks: Decimal,
    entries: &mut Vec<LedgerEntry<'static>>,
) {
    let (mut booked, mut quantity, mut stands) = (0, 0, Decimal::ZERO);
    for row in rows.iter().filter(|row| is(row, Fee::Minimum)) {
        booked += row.entries as u32;
        quantity += row.quantity;
        stands += row.price;
    }
    if stands == lacks {
        return;
    }
    let mut entry = |revision: u32, quantity: i64, amount: Decimal| {
        let month = job.month.to_string();
        let id = |revision| {
            let key = format!("{}:{month}", Fee::Minimum.as_str());
            format!("{:032x}", entry_id(&number.waba, EntryKind::Fee, &key, revision))
        };
        let (_, end) = terms.zone.month_bounds(job.month);
        entries.push(LedgerEntry {
            entry: id(revision).into(),
            cause: Some(Cause::Settle),
            adjusts: revision.checked_sub(1).filter(|_| quantity < 0).map(|before| id(before).into()),
            revision,
            account: job.account.to_owned().into(),
            account_name: number.account_name.clone().into(),
            legal_entity: number.legal_entity.clone().into(),
            waba: number.waba.clone().into(),
            quantity,
            cost_currency: number.cost_currency.clone().into(),
            fee: Some(amount),
            price_ex_tax: Some(amount),
            price_currency: number.price_currency.clone().into(),
            occurred_at: Time((end - 1).unsigned_abs() * 1000),
            booked_at: job.at,
            usage_period: month.clone().into(),
            billing_period: month.into(),
            ..blank_fee(Fee::Minimum)
        });
    };
    // Every entry has the next revision, so the last one is what stands.
    if quantity > 0 {
        entry(booked, -1, -stands);
        booked += 1;
    }
    if !lacks.is_zero() {
        entry(booked, 1, lacks);
    }
}
