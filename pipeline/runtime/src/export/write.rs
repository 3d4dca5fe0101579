//! Streaming a month of the ledger as CSV.

#[cfg(feature = "parquet")]
use super::behind::Hashing;
use super::behind::{Written, csv_rows};
use super::blank;
use super::cells::{Cells, Table};
use super::columns::{DETAIL, PEOPLE, SUMMARY};
use super::focus::{self, Focus};
use super::manifest::Manifest;
use super::totals::{Counted, Totals};
use crate::ledger::{Invoiced, Invoices, LedgerError, LedgerReader, SummaryRow, messages_of};
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use tollgate_rate_card::{ENTRY_DECIMALS, EXPORT_DECIMALS, YearMonth};
use tollgate_wire::Time;
use tollgate_wire::ledger::LedgerEntry;

/// Which rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// One row per combination of the summary columns; amounts to 6 decimals.
    Summary,
    /// One row per ledger entry; amounts to 10 decimals, which is exact.
    Detail,
    /// FOCUS 1.2: one row per row of the summary; billed amounts to 6 decimals, unit prices and what they make to 10.
    Focus(Focus),
}

impl Format {
    /// Name on the command line and in the manifest.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Detail => "detail",
            Self::Focus(_) => "focus",
        }
    }

    const fn decimals(&self) -> u32 {
        match self {
            Self::Summary | Self::Focus(_) => EXPORT_DECIMALS,
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
    /// Invoices of the month that its rows are to name, by account.
    pub invoices: Option<Invoices>,
    /// When the ledger was last read, for the manifest.
    pub as_of: Time,
}

/// Why an export failed. No file was left behind or replaced.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ledger could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A FOCUS export of a WABA whose local midnights are not known.
    #[error(
        "waba = {waba:?} of account {account:?}: its time zone, which bounds FOCUS's billing periods, is not in the \
         views; start the service once with this version, and declare the WABA with `tollgate accounts apply`"
    )]
    UnknownZone {
        /// Account id.
        account: String,
        /// WABA id.
        waba: String,
    },
    /// Parquet, which this build does not write.
    #[error(
        "{}: this build writes no Parquet; name a file that ends in .csv, or build with it: \
         cargo install --path pipeline/service --locked --features parquet",
        path.display()
    )]
    NoParquet {
        /// The file that was to be written.
        path: PathBuf,
    },
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

/// Writes the rows to `out` as CSV and answers the manifest, which names them `file`. `progress` hears (rows so far,
/// entries of the month) every 1,000 rows and at the end; a summary has fewer rows than entries. Holds some hundreds of rows.
pub fn write_csv(
    ledger: &dyn LedgerReader,
    request: &Request,
    file: &str,
    out: &mut (dyn io::Write + Send),
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Manifest, ExportError> {
    let closed_at = closed_at(ledger, request)?;
    let (totals, written) =
        csv_rows(out, request.format.decimals(), file, |rows| write_rows(ledger, request, file, rows, progress))?;
    Ok(manifest(closed_at, request, file, &totals, written))
}

/// The same rows as Parquet. Holds the rows of one row group.
#[cfg(feature = "parquet")]
pub(super) fn write_parquet(
    ledger: &dyn LedgerReader,
    request: &Request,
    file: &str,
    out: &mut (dyn io::Write + Send),
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Manifest, ExportError> {
    let closed_at = closed_at(ledger, request)?;
    let mut out = Hashing::new(out);
    let totals = {
        let mut rows = super::parquet::Groups::new(&mut out, request.format.decimals());
        write_rows(ledger, request, file, &mut rows, progress)?
    };
    Ok(manifest(closed_at, request, file, &totals, out.finish()))
}

fn write_rows(
    ledger: &dyn LedgerReader,
    request: &Request,
    file: &str,
    rows: &mut dyn Table,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Totals, ExportError> {
    let invoiced = request.invoices.as_ref().map(|invoices| Invoiced { ledger, invoices });
    let ledger = invoiced.as_ref().map_or(ledger, |invoiced| invoiced);
    let of = ledger.entry_count(request.month, request.account.as_deref())?;
    let mut totals = Totals::new(request.format.decimals());
    let mut step = |totals: &Totals| {
        if totals.rows.is_multiple_of(1_000) {
            progress(totals.rows, of);
        }
    };
    match &request.format {
        Format::Summary => summary(ledger, request, file, rows, &mut totals, &mut step)?,
        Format::Detail => detail(ledger, request, file, rows, &mut totals, &mut step)?,
        Format::Focus(focus) => focus::write(ledger, request, focus, file, rows, &mut totals, &mut step)?,
    }
    rows.finish().map_err(|e| ExportError::writing(file, e))?;
    progress(totals.rows, of);
    Ok(totals)
}

/// When the month was closed. Asked before the first row: what is closed then does not change any more, whenever the
/// ledger was read; what is closed while rows are read may have lost some that came before its end.
fn closed_at(ledger: &dyn LedgerReader, request: &Request) -> Result<Option<Time>, ExportError> {
    Ok(ledger.closed_at(request.month, request.account.as_deref())?)
}

fn manifest(
    closed_at: Option<Time>,
    request: &Request,
    file: &str,
    totals: &Totals,
    (bytes, sha256): Written,
) -> Manifest {
    let view = match &request.format {
        Format::Focus(focus) => Some(focus.view.as_str()),
        Format::Summary | Format::Detail => None,
    };
    Manifest {
        manifest_version: 1,
        file: file.to_owned(),
        format: request.format.as_str(),
        focus_version: view.map(|_| focus::VERSION),
        view,
        billing_period: request.month.to_string(),
        account: request.account.clone(),
        with_recipients: request.with_recipients && request.format == Format::Detail,
        with_invoices: request.invoices.is_some(),
        state: if closed_at.is_some() { "closed" } else { "open" },
        as_of: closed_at.unwrap_or(request.as_of),
        rows: totals.rows,
        entries: totals.entries,
        bytes,
        sha256,
        amount_decimals: request.format.decimals(),
        rounding: "half_away_from_zero",
        cost_totals: totals.cost(),
        price_totals: totals.price(),
        cards: totals.cards(),
        flags: totals.flags(),
    }
}

pub(super) const OVERFLOW: LedgerError = LedgerError::Overflow { what: "control totals" };

fn summary(
    ledger: &dyn LedgerReader,
    request: &Request,
    file: &str,
    rows: &mut dyn Table,
    totals: &mut Totals,
    step: &mut dyn FnMut(&Totals),
) -> Result<(), ExportError> {
    let wrap = |e| ExportError::writing(file, e);
    let fill = |r: &SummaryRow<'_>, row: &mut dyn Cells| SUMMARY.iter().for_each(|(_, cell)| cell(r, row));
    let names: Vec<_> = SUMMARY.iter().map(|(name, _)| *name).collect();
    rows.begin(&names, &mut |row| fill(&blank::SUMMARY, row)).map_err(wrap)?;
    summary_rows(ledger, request, totals, step, &mut |r| rows.write(&mut |row| fill(r, row)).map_err(wrap))
}

/// Writes the rows of the summary one by one and counts them; the first that cannot be written or added up ends it.
pub(super) fn summary_rows(
    ledger: &dyn LedgerReader,
    request: &Request,
    totals: &mut Totals,
    step: &mut dyn FnMut(&Totals),
    write: &mut dyn FnMut(&SummaryRow<'_>) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut failed = None;
    ledger.summary(request.month, request.account.as_deref(), &mut |r| {
        went(write(r), totals.add(&Counted::summary(r)), &mut failed)?;
        step(totals);
        ControlFlow::Continue(())
    })?;
    failed.map_or(Ok(()), Err)
}

fn detail(
    ledger: &dyn LedgerReader,
    request: &Request,
    file: &str,
    rows: &mut dyn Table,
    totals: &mut Totals,
    step: &mut dyn FnMut(&Totals),
) -> Result<(), ExportError> {
    let wrap = |e| ExportError::writing(file, e);
    let people = if request.with_recipients { PEOPLE } else { &[] };
    let columns = || DETAIL.iter().chain(people);
    let fill = |e: &LedgerEntry<'_>, row: &mut dyn Cells| columns().for_each(|(_, cell)| cell(e, row));
    let names: Vec<_> = columns().map(|(name, _)| *name).collect();
    rows.begin(&names, &mut |row| fill(&blank::entry(), row)).map_err(wrap)?;
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
        let written = rows.write(&mut |row| fill(e, row)).map_err(wrap);
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
