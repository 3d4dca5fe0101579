//! Booking entries: the SQLite [`LedgerStore`].

use super::database::Memory;
use super::group::Added;
use super::hash::Hash;
use super::{Ingested, LedgerError, LedgerStore, Record, Refusal, Stream, Writer, apply};
use rusqlite::{Transaction, params};
use rust_decimal::Decimal;
use tollgate_rate_card::{Category, PricingModel, PricingType, YearMonth};
use tollgate_wire::Time;
use tollgate_wire::ledger::{Cause, LedgerEntry};

impl LedgerStore for Writer {
    fn ingest(&mut self, batch: &[Record<'_>], read_at: Time) -> Result<Ingested, LedgerError> {
        self.transact(|tx, memory| {
            let done = apply(tx, Stream::Ledger, batch, read_at, |record| book(tx, memory, record))?;
            memory.groups.save(tx)?;
            Ok(done)
        })
    }

    fn position(&self, partition: u32) -> Result<u64, LedgerError> {
        Self::position(self, Stream::Ledger, partition)
    }

    fn erase_person(&mut self, account: &str, recipient: &str) -> Result<u64, LedgerError> {
        self.transact(|tx, _| {
            let sql = "DELETE FROM people WHERE account = (SELECT ix FROM accounts WHERE name = ?1) AND recipient = ?2";
            Ok(tx.execute(sql, (account, recipient))? as u64)
        })
    }
}

/// Books one entry. Everything is checked before anything is written.
pub(super) fn book(tx: &Transaction<'_>, memory: &mut Memory, record: &Record<'_>) -> Result<bool, Refusal> {
    let text = std::str::from_utf8(record.value).map_err(|e| Refusal::Record(format!("not UTF-8: {e}")))?;
    let e: LedgerEntry<'_> =
        serde_json::from_str(text).map_err(|e| Refusal::Record(format!("not a ledger entry: {e}")))?;
    let added = Added::of(&e).map_err(Refusal::Record)?;
    let month = month_number(&e.billing_period).map_err(Refusal::Record)?;
    month_number(&e.usage_period).map_err(Refusal::Record)?;
    let message_uid = e
        .message_uid
        .map(i64::try_from)
        .transpose()
        .map_err(|_| Refusal::Record("message_uid exceeds 2^63 - 1".to_owned()))?;
    let ordinal =
        e.ordinal.map(i64::try_from).transpose().map_err(|_| Refusal::Record("ordinal exceeds 2^63 - 1".to_owned()))?;

    let account = memory.accounts.number(tx, &e.account)?;
    let (slot, group) = memory.groups.find(tx, &e)?;
    let at = e.occurred_at.0 as i64;
    let entry = Hash::new(&e.entry);
    let inserted = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, \
             ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33)",
        )?
        .execute(params![
            month,
            account,
            at,
            entry,
            group,
            e.cause.map(Cause::as_str),
            e.adjusts.as_deref().map(Hash::new),
            e.revision,
            message_uid,
            e.message.as_deref(),
            e.attempt,
            Hash::new(&e.recipient_hash),
            Hash::new(&e.wamid_hash),
            e.template.as_deref(),
            e.language.as_deref(),
            e.expected_category.map(Category::as_str),
            e.expected_type.map(PricingType::as_str),
            e.expected_model.map(PricingModel::as_str),
            e.reported_category.map(Category::as_str),
            e.reported_type.map(PricingType::as_str),
            e.reported_model.map(PricingModel::as_str),
            e.conversation.as_deref(),
            e.rulebook.as_deref(),
            ordinal,
            e.quantity,
            exact(e.cost),
            exact(e.markup),
            exact(e.fee),
            exact(e.price_ex_tax),
            e.fx_source.as_deref(),
            e.fx_date.as_deref(),
            e.booked_at.0 as i64,
            e.reason.as_deref(),
        ])?;
    if inserted == 0 {
        return Ok(false);
    }
    memory.groups.add(slot, &added);
    if e.recipient.is_some() || e.wamid.is_some() {
        tx.prepare_cached("INSERT OR REPLACE INTO people VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
            month,
            account,
            at,
            entry,
            e.recipient.as_deref(),
            e.wamid.as_deref()
        ])?;
    }
    Ok(true)
}

fn exact(amount: Option<Decimal>) -> Option<String> {
    amount.map(|a| a.normalize().to_string())
}

/// `YYYY-MM` as year * 12 + month - 1.
fn month_number(period: &str) -> Result<i64, String> {
    let month: YearMonth = period.parse().map_err(|e| format!("{e}"))?;
    Ok(number_of(month))
}

/// The month as it is stored with entries.
pub(super) fn number_of(month: YearMonth) -> i64 {
    i64::from(month.year()) * 12 + i64::from(month.month()) - 1
}
