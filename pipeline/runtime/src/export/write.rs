//! Streaming a month of the ledger as CSV.

use super::cells::Rows;
use super::columns::{DETAIL, PEOPLE, SUMMARY};
use super::manifest::Manifest;
use super::totals::{Counted, Totals};
use crate::ledger::{LedgerError, LedgerReader, messages_of};
use sha2::{Digest, Sha256};
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use tollgate_rate_card::{ENTRY_DECIMALS, EXPORT_DECIMALS, YearMonth};
use tollgate_wire::Time;

/// Which rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One row per combination of the summary columns; amounts to 6 decimals.
    Summary,
    /// One row per ledger entry; amounts to 10 decimals, which is exact.
    Detail,
}

impl Format {
    /// Name on the command line and in the manifest.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Detail => "detail",
        }
    }

    const fn decimals(self) -> u32 {
        match self {
            Self::Summary => EXPORT_DECIMALS,
            Self::Detail => ENTRY_DECIMALS,
        }
    }
}

/// What to export.
#[derive(Clone, Debug)]
pub struct Request {
    /// Billing month.
    pub month: YearMonth,
    /// One account; `None` = all.
    pub account: Option<String>,
    /// Which rows.
    pub format: Format,
    /// Adds recipient and wamid to the detail, where they were not erased. Nothing in a summary.
    pub with_recipients: bool,
    /// When the ledger was last read, for the manifest.
    pub as_of: Time,
}

/// Why an export failed. No file was left behind or replaced.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ledger could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// No space.
    #[error("{}: the disk is full; free some space or export to another one: nothing was left behind", path.display())]
    DiskFull {
        /// The file that was to be written.
        path: PathBuf,
    },
    /// Any other error of the file.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file that was to be written.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}

impl ExportError {
    /// An error of writing `path`.
    pub(super) fn writing(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io { path, source },
        }
    }
}

/// Writes the rows to `out` and answers the manifest, which names them `file`. `progress` hears (rows so far,
/// entries of the month) every 1,000 rows and at the end; a summary has fewer rows than entries. Holds one row.
pub fn write_csv(
    ledger: &dyn LedgerReader,
    request: &Request,
    file: &str,
    out: &mut dyn io::Write,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Manifest, ExportError> {
    let of = ledger.entry_count(request.month, request.account.as_deref())?;
    let decimals = request.format.decimals();
    let mut totals = Totals::new(decimals);
    let mut out = Hashing::new(out);
    let mut rows = Rows::new(&mut out, decimals);
    let mut step = |totals: &Totals| {
        if totals.rows.is_multiple_of(1_000) {
            progress(totals.rows, of);
        }
    };
    match request.format {
        Format::Summary => summary(ledger, request, file, &mut rows, &mut totals, &mut step)?,
        Format::Detail => detail(ledger, request, file, &mut rows, &mut totals, &mut step)?,
    }
    rows.finish().map_err(|e| ExportError::writing(file, e))?;
    progress(totals.rows, of);
    let (bytes, sha256) = out.finish();
    Ok(Manifest {
        manifest_version: 1,
        file: file.to_owned(),
        format: request.format.as_str(),
        billing_period: request.month.to_string(),
        account: request.account.clone(),
        with_recipients: request.with_recipients && request.format == Format::Detail,
        state: "open",
        as_of: request.as_of,
        rows: totals.rows,
        entries: totals.entries,
        bytes,
        sha256,
        amount_decimals: decimals,
        rounding: "half_away_from_zero",
        cost_totals: totals.cost(),
        price_totals: totals.price(),
        cards: totals.cards(),
        flags: totals.flags(),
    })
}

const OVERFLOW: LedgerError = LedgerError::Overflow { what: "control totals" };

fn summary<W: io::Write>(
    ledger: &dyn LedgerReader,
    request: &Request,
    file: &str,
    rows: &mut Rows<W>,
    totals: &mut Totals,
    step: &mut dyn FnMut(&Totals),
) -> Result<(), ExportError> {
    let wrap = |e| ExportError::writing(file, e);
    rows.write(|row| SUMMARY.iter().for_each(|(name, _)| row.text(name))).map_err(wrap)?;
    let mut failed = None;
    ledger.summary(request.month, request.account.as_deref(), &mut |r| {
        let counted = Counted {
            kind: r.kind,
            entries: r.entries,
            messages: r.messages,
            quantity: r.quantity,
            cost: r.cost,
            cost_currency: r.cost_currency,
            price: r.price_ex_tax,
            price_currency: r.price_currency,
            card: r.card,
            card_status: r.card_status,
            band_basis: r.band_basis,
        };
        let written = rows.write(|row| SUMMARY.iter().for_each(|(_, cell)| cell(r, row))).map_err(wrap);
        went(written, totals.add(&counted), &mut failed)?;
        step(totals);
        ControlFlow::Continue(())
    })?;
    failed.map_or(Ok(()), Err)
}

fn detail<W: io::Write>(
    ledger: &dyn LedgerReader,
    request: &Request,
    file: &str,
    rows: &mut Rows<W>,
    totals: &mut Totals,
    step: &mut dyn FnMut(&Totals),
) -> Result<(), ExportError> {
    let wrap = |e| ExportError::writing(file, e);
    let people = if request.with_recipients { PEOPLE } else { &[] };
    let columns = || DETAIL.iter().chain(people);
    rows.write(|row| columns().for_each(|(name, _)| row.text(name))).map_err(wrap)?;
    let mut failed = None;
    ledger.detail(request.month, request.account.as_deref(), request.with_recipients, &mut |e| {
        let counted = Counted {
            kind: e.kind.as_str(),
            entries: 1,
            messages: messages_of(e),
            quantity: e.quantity,
            cost: e.cost,
            cost_currency: &e.cost_currency,
            price: e.price_ex_tax,
            price_currency: &e.price_currency,
            card: e.card.as_deref(),
            card_status: e.card_status.as_deref(),
            band_basis: e.band_basis.as_deref(),
        };
        let written = rows.write(|row| columns().for_each(|(_, cell)| cell(e, row))).map_err(wrap);
        went(written, totals.add(&counted), &mut failed)?;
        step(totals);
        ControlFlow::Continue(())
    })?;
    failed.map_or(Ok(()), Err)
}

/// Ends the reading at the first row that could not be written or added up.
fn went(written: Result<(), ExportError>, added: Option<()>, failed: &mut Option<ExportError>) -> ControlFlow<()> {
    *failed = match (written, added) {
        (Err(error), _) => Some(error),
        (Ok(()), None) => Some(OVERFLOW.into()),
        (Ok(()), Some(())) => return ControlFlow::Continue(()),
    };
    ControlFlow::Break(())
}

/// Passes bytes on, counting and hashing them.
struct Hashing<'w> {
    out: &'w mut dyn io::Write,
    hash: Sha256,
    bytes: u64,
}

impl<'w> Hashing<'w> {
    fn new(out: &'w mut dyn io::Write) -> Self {
        Self { out, hash: Sha256::new(), bytes: 0 }
    }

    fn finish(self) -> (u64, String) {
        (self.bytes, hex::encode(self.hash.finalize()))
    }
}

impl io::Write for Hashing<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.out.write(buf)?;
        self.hash.update(&buf[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
