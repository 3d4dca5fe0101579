//! Invoices of closed months. Entries never change, so an invoice is kept beside them, one for a month of an account, and
//! joins its rows where an export asks for it.

use super::closes::end_of;
use super::ingest::number_of;
use super::sql::Sql;
use super::{LedgerError, LedgerReader, Reader, SummaryRow, Writer};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;
use tollgate_wire::ledger::LedgerEntry;
use tollgate_wire::{Text, Time};

/// Longest invoice id and tax code, in bytes.
pub const INVOICE_BYTES_MAX: usize = 64;

/// The invoice by which a closed month was billed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Its number, as it is in the books of whoever wrote it: 1 to [`INVOICE_BYTES_MAX`] bytes without control characters.
    pub id: String,
    /// What it was taxed by, as the reader of the export knows it; the same bounds. Nothing is computed by it.
    pub tax_code: Option<String>,
    /// When it was attached.
    pub attached_at: Time,
}

/// Invoices of a month, by account.
pub type Invoices = BTreeMap<String, Invoice>;

/// Why an invoice is not attached.
#[derive(Debug, thiserror::Error)]
pub enum InvoiceError {
    /// Not what an id or a code may be.
    #[error(
        "{field} = {value:?} is not 1 to {INVOICE_BYTES_MAX} bytes without control characters; write what is on the \
         invoice"
    )]
    Malformed {
        /// `invoice` or `tax_code`.
        field: &'static str,
        /// What was given, shortened.
        value: String,
    },
    /// What may still change is not invoiced.
    #[error("month {month} of account `{account}` is not closed; close it first, then its rows do not change any more")]
    Open {
        /// Account id.
        account: String,
        /// The month.
        month: YearMonth,
    },
    /// It has another one.
    #[error(
        "month {month} of account `{account}` has invoice `{invoice}` already, attached at {at}; to put another in its \
         place, say so (--replace, replace=true)"
    )]
    Other {
        /// Account id.
        account: String,
        /// The month.
        month: YearMonth,
        /// The invoice that it has.
        invoice: String,
        /// Since when.
        at: Time,
    },
    /// The database.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Invoice {
    /// # Errors
    /// [`InvoiceError::Malformed`].
    pub fn check(&self) -> Result<(), InvoiceError> {
        for (field, value) in [("invoice", Some(&self.id)), ("tax_code", self.tax_code.as_ref())] {
            let Some(value) = value else { continue };
            let fits = (1..=INVOICE_BYTES_MAX).contains(&value.len()) && !value.chars().any(char::is_control);
            if !fits {
                let value = value.chars().take(INVOICE_BYTES_MAX).collect();
                return Err(InvoiceError::Malformed { field, value });
            }
        }
        Ok(())
    }
}

impl Writer {
    /// Attaches an invoice to a closed month; the one that holds afterwards. The same again changes nothing, another takes
    /// its place only where `replace` says so.
    ///
    /// # Errors
    /// See [`InvoiceError`].
    pub fn attach_invoice(
        &mut self,
        account: &str,
        month: YearMonth,
        invoice: &Invoice,
        replace: bool,
    ) -> Result<Invoice, InvoiceError> {
        invoice.check()?;
        self.transact(|tx, memory| {
            let closed = end_of(tx, account, month)?.is_some_and(|end| end.month == month && end.closed_at.is_some());
            if !closed {
                return Ok(Err(InvoiceError::Open { account: account.to_owned(), month }));
            }
            if let Some(known) = of_month(tx, month, Some(account))?.remove(account) {
                if (&known.id, &known.tax_code) == (&invoice.id, &invoice.tax_code) {
                    return Ok(Ok(known));
                }
                if !replace {
                    let (account, invoice, at) = (account.to_owned(), known.id, known.attached_at);
                    return Ok(Err(InvoiceError::Other { account, month, invoice, at }));
                }
            }
            let number = memory.accounts.number(tx, account)?;
            let sql = "INSERT INTO invoices (account, month, invoice_id, tax_code, attached_at) VALUES (?1, ?2, ?3, ?4, ?5) \
                       ON CONFLICT (account, month) DO UPDATE SET invoice_id = excluded.invoice_id, \
                       tax_code = excluded.tax_code, attached_at = excluded.attached_at";
            let values = [
                number.into(),
                number_of(month).into(),
                invoice.id.as_str().into(),
                invoice.tax_code.as_deref().into(),
                (invoice.attached_at.0 as i64).into(),
            ];
            tx.run(sql, &values)?;
            Ok(Ok(invoice.clone()))
        })?
    }
}

impl Reader {
    /// The invoices of a month, of one account or of all.
    ///
    /// # Errors
    /// The database.
    pub fn invoices(&self, month: YearMonth, account: Option<&str>) -> Result<Invoices, LedgerError> {
        self.read(|db| of_month(db, month, account))
    }
}

fn of_month(db: &dyn Sql, month: YearMonth, account: Option<&str>) -> Result<Invoices, LedgerError> {
    let sql = "SELECT a.name, i.invoice_id, i.tax_code, i.attached_at FROM invoices i JOIN accounts a ON a.ix = i.account \
               WHERE i.month = ?1 AND (CAST(?2 AS TEXT) IS NULL OR a.name = ?2)";
    let mut found = Invoices::new();
    db.rows(sql, &[number_of(month).into(), account.into()], &mut |row| {
        let invoice = Invoice {
            id: row.words(1)?.to_owned(),
            tax_code: row.text(2)?.map(str::to_owned),
            attached_at: Time(row.required(3)? as u64),
        };
        found.insert(row.words(0)?.to_owned(), invoice);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// A ledger whose rows name the invoices of their month.
pub(crate) struct Invoiced<'l> {
    pub(crate) ledger: &'l dyn LedgerReader,
    pub(crate) invoices: &'l Invoices,
}

impl LedgerReader for Invoiced<'_> {
    fn entry_count(&self, month: YearMonth, account: Option<&str>) -> Result<u64, LedgerError> {
        self.ledger.entry_count(month, account)
    }

    fn summary(
        &self,
        month: YearMonth,
        account: Option<&str>,
        each: &mut dyn FnMut(&SummaryRow<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.ledger.summary(month, account, &mut |row| match self.invoices.get(row.account) {
            None => each(row),
            Some(invoice) => each(&SummaryRow {
                invoice_id: Some(&invoice.id),
                tax_code: invoice.tax_code.as_deref().or(row.tax_code),
                ..row.clone()
            }),
        })
    }

    fn detail(
        &self,
        month: YearMonth,
        account: Option<&str>,
        with_people: bool,
        each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.ledger.detail(month, account, with_people, &mut |entry| match self.invoices.get(&*entry.account) {
            None => each(entry),
            Some(invoice) => each(&LedgerEntry {
                invoice_id: Some(Text::from(invoice.id.as_str())),
                tax_code: invoice.tax_code.as_deref().map(Text::from).or_else(|| entry.tax_code.clone()),
                ..entry.clone()
            }),
        })
    }

    fn detail_and_counted(
        &self,
        month: YearMonth,
        account: Option<&str>,
        each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.ledger.detail_and_counted(month, account, each)
    }

    fn closed_at(&self, month: YearMonth, account: Option<&str>) -> Result<Option<Time>, LedgerError> {
        self.ledger.closed_at(month, account)
    }

    fn of_message(
        &self,
        account: &str,
        message_uid: u64,
        each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.ledger.of_message(account, message_uid, each)
    }
}
