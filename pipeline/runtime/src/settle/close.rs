//! The end of a month: settled, complete, and from then on as it is.

use super::manifest::{CloseManifest, ControlTotal, sha256};
use super::report::Report;
use super::set_aside::set_aside;
use super::{Job, SettleError, minimum, settle};
use crate::export::{ExportError, Format, Request, Total, write_csv};
use crate::ledger::{Close, LedgerError, LedgerReader, Reader, Sql, Writer, close_month, closed_months, end_of, fixed};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::ops::ControlFlow;
use tollgate_rate_card::{Currency, ENTRY_DECIMALS, RateCards, round_amount};

/// What may remain uncertain in a month that is closed. Each that is allowed is named in the manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// Charges without a price.
    pub unpriced: bool,
    /// Charges at a rate with a single source.
    pub unverified: bool,
    /// Charges at list because the volume bands are not known.
    pub bands_unknown: bool,
    /// Records of the ledger's topic that could not be booked.
    pub set_aside: bool,
}

/// What keeps a month open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// What it is: `unpriced`, `unverified`, `bands_unknown` or `set_aside`.
    pub what: &'static str,
    /// Charges that it concerns, or records.
    pub count: u64,
    /// Which: reasons or cards, each with its count; of records the first one.
    pub detail: String,
    /// What would help.
    pub remedy: &'static str,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.count, self.what)?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        write!(f, ": {}", self.remedy)
    }
}

/// Why a month was not closed. It is open as before; what settling booked stays.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// It could not be settled.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// The bill could not be read.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The engine has not ended the month, or the ledger has not read so far.
    #[error(
        "month {month} of account `{account}` has not ended: the ledger has read no end of it; wait until its settling \
         days are over and the ledger has caught up, or force the end of the month"
    )]
    NotEnded {
        /// Account id.
        account: String,
        /// `YYYY-MM`.
        month: String,
    },
    /// Months are closed in their order.
    #[error("month {earlier} of account `{account}` is open; close it before {month}")]
    EarlierOpen {
        /// Account id.
        account: String,
        /// `YYYY-MM` that was to be closed.
        month: String,
        /// The first one that is open.
        earlier: String,
    },
    /// Something is not certain yet.
    #[error("month {month} of account `{account}` is not complete: {}", obstacles.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NotComplete {
        /// Account id.
        account: String,
        /// `YYYY-MM`.
        month: String,
        /// What it is.
        obstacles: Vec<Obstacle>,
    },
    /// Entries kept coming while it was closed.
    #[error("entries of month {month} of account `{account}` came while it was being closed; try again")]
    Busy {
        /// Account id.
        account: String,
        /// `YYYY-MM`.
        month: String,
    },
}

impl From<LedgerError> for CloseError {
    fn from(error: LedgerError) -> Self {
        Self::Settle(error.into())
    }
}

/// A month that is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The manifest as it is kept.
    pub manifest: String,
    /// Its SHA-256, hex.
    pub sha256: String,
    /// What settling found; `None` if the month was closed before.
    pub settled: Option<Report>,
}

/// How often a month is settled again because entries came meanwhile.
const ATTEMPTS: u32 = 5;

/// Closes a month: settles it, refuses what is not certain and not allowed, asks what it falls short of a minimum, and
/// keeps the manifest. Of a month that is closed it answers the manifest and changes nothing.
///
/// # Errors
/// [`CloseError`].
pub fn close(
    writer: &mut Writer,
    reader: &Reader,
    job: &Job<'_>,
    allow: Allow,
    progress: &mut dyn FnMut(u64),
) -> Result<Closed, CloseError> {
    let named = || (job.account.to_owned(), job.month.to_string());
    writer.durable()?;
    let mut total = Report::default();
    for _ in 0..ATTEMPTS {
        let end = match begin(reader, job)? {
            Begun::Closed(close) => {
                return Ok(Closed { manifest: close.manifest, sha256: close.sha256, settled: None });
            }
            Begun::Open(end) => end,
        };
        let found = settle(writer, reader, job, progress)?;
        let booked = found.true_ups;
        total = joined(total, found);
        if booked > 0 {
            // Once more, to see that nothing is left.
            continue;
        }
        let obstacles = obstacles(&total, set_aside(reader, job.account)?, allow);
        if !obstacles.is_empty() {
            let (account, month) = named();
            return Err(CloseError::NotComplete { account, month, obstacles });
        }
        if minimum::book(writer, job, &end)? > 0 {
            // Once more, so that they are counted.
            continue;
        }
        let entries = total.entries;
        let mut manifest = bill(reader, job, &end, allow, &total)?;
        if manifest.entries != entries {
            continue;
        }
        if let Some(closed) = seal(writer, job, &end, &mut manifest)? {
            return Ok(Closed { settled: Some(total), ..closed });
        }
    }
    let (account, month) = named();
    Err(CloseError::Busy { account, month })
}

/// Whether nothing but its end keeps a month from being closed: those before it are, and settled, it holds nothing
/// uncertain that is not allowed. Books what settling finds.
///
/// # Errors
/// [`CloseError`], but never `NotEnded`.
pub fn ready(
    writer: &mut Writer,
    reader: &Reader,
    job: &Job<'_>,
    allow: Allow,
    progress: &mut dyn FnMut(u64),
) -> Result<(), CloseError> {
    let (account, month) = (job.account.to_owned(), job.month.to_string());
    if let Some(earlier) = reader.read(|db| first_open(db, job))? {
        return Err(CloseError::EarlierOpen { account, month, earlier });
    }
    let found = settle(writer, reader, job, progress)?;
    let obstacles = obstacles(&found, set_aside(reader, job.account)?, allow);
    if obstacles.is_empty() { Ok(()) } else { Err(CloseError::NotComplete { account, month, obstacles }) }
}

enum Begun {
    Closed(Close),
    Open(Close),
}

fn begin(reader: &Reader, job: &Job<'_>) -> Result<Begun, CloseError> {
    let (account, month) = (job.account.to_owned(), job.month.to_string());
    let found = reader.read(|db| {
        let closed = closed_months(db, job.account)?;
        let end = end_of(db, job.account, job.month)?;
        Ok((closed, end, first_open(db, job)?))
    })?;
    let (closed, end, earlier) = found;
    if let Some(close) = closed.into_iter().find(|close| close.month == job.month) {
        return Ok(Begun::Closed(close));
    }
    match (end, earlier) {
        (None, _) => Err(CloseError::NotEnded { account, month }),
        (Some(_), Some(earlier)) => Err(CloseError::EarlierOpen { account, month, earlier }),
        (Some(end), None) => Ok(Begun::Open(Close { month: job.month, ..end })),
    }
}

/// The first month before the one that is to be closed with entries and without a close.
fn first_open(db: &dyn Sql, job: &Job<'_>) -> Result<Option<String>, LedgerError> {
    let closed: BTreeSet<String> =
        closed_months(db, job.account)?.iter().map(|close| close.month.to_string()).collect();
    let sql = "SELECT DISTINCT billing_period FROM entry_groups \
               WHERE account = ?1 AND billing_period < ?2 AND entries > 0 ORDER BY billing_period";
    let mut first = None;
    db.rows(sql, &[job.account.into(), job.month.to_string().as_str().into()], &mut |row| {
        let month = row.words(0)?;
        if closed.contains(month) {
            return Ok(ControlFlow::Continue(()));
        }
        first = Some(month.to_owned());
        Ok(ControlFlow::Break(()))
    })?;
    Ok(first)
}

/// What was found last, with all that was booked.
fn joined(before: Report, found: Report) -> Report {
    let sum = |a: BTreeMap<String, Decimal>, b: BTreeMap<String, Decimal>| {
        let mut sums = a;
        for (currency, amount) in b {
            *sums.entry(currency).or_default() += amount;
        }
        sums
    };
    Report {
        true_ups: before.true_ups + found.true_ups,
        cost_difference: sum(before.cost_difference, found.cost_difference),
        price_difference: sum(before.price_difference, found.price_difference),
        ..found
    }
}

fn obstacles(found: &Report, set_aside: (u64, String), allow: Allow) -> Vec<Obstacle> {
    let list = |counts: &BTreeMap<String, u64>| {
        let each: Vec<_> = counts.iter().map(|(what, count)| format!("{what} {count}")).collect();
        (counts.values().sum(), each.join(", "))
    };
    let mut all = Vec::new();
    let mut add = |allowed: bool, what, (count, detail): (u64, String), remedy| {
        if count > 0 && !allowed {
            all.push(Obstacle { what, count, detail, remedy });
        }
    };
    let remedy = "import the card or enter the invoice, or allow what is unpriced";
    add(allow.unpriced, "unpriced", list(&found.unpriced), remedy);
    let remedy = "check the cells against the platform's card and publish them, or allow what is unverified";
    add(allow.unverified, "unverified", list(&found.unverified), remedy);
    let remedy = "import the volume bands of the card, or allow unknown bands";
    add(allow.bands_unknown, "bands_unknown", (found.bands_unknown, String::new()), remedy);
    let remedy =
        "see the table `rejected`: book what is missing by hand and delete the row, or allow what is set aside";
    add(allow.set_aside, "set_aside", set_aside, remedy);
    all
}

/// The bill as it is now, without its place in the chain.
pub(super) fn bill(
    reader: &Reader,
    job: &Job<'_>,
    end: &Close,
    allow: Allow,
    settled: &Report,
) -> Result<CloseManifest, CloseError> {
    let summary = hashed(reader, job, Format::Summary)?;
    let detail = hashed(reader, job, Format::Detail)?;
    let mut wabas = BTreeSet::new();
    reader.summary(job.month, Some(job.account), &mut |row| {
        if !wabas.contains(row.waba) {
            wabas.insert(row.waba.to_owned());
        }
        ControlFlow::Continue(())
    })?;
    let mut cards = BTreeMap::new();
    for card in &detail.cards {
        *cards.entry(card.card.clone()).or_default() += card.entries;
    }
    let allowed = [
        ("unpriced", allow.unpriced),
        ("unverified", allow.unverified),
        ("bands_unknown", allow.bands_unknown),
        ("set_aside", allow.set_aside),
    ];
    Ok(CloseManifest {
        manifest_version: 1,
        account: job.account.to_owned(),
        billing_period: job.month.to_string(),
        ended_at: end.at,
        forced: end.forced.clone(),
        closed_at: job.at,
        allowed: allowed.iter().filter(|(_, allowed)| *allowed).map(|(what, _)| (*what).to_owned()).collect(),
        wabas: wabas.into_iter().collect(),
        // Both were read; a difference shows that something came in between.
        entries: summary.entries.max(detail.entries),
        messages: detail.cost_totals.iter().map(|total| total.messages).sum(),
        quantity: detail.cost_totals.iter().map(|total| total.quantity).sum(),
        cost_totals: totals(&detail.cost_totals, job.rates)?,
        price_totals: totals(&detail.price_totals, job.rates)?,
        cards,
        summary_sha256: summary.sha256,
        detail_sha256: detail.sha256,
        settled: settled.clone(),
        previous_sha256: String::new(),
    })
}

/// What an export of the account writes, without writing it.
pub(super) fn hashed(
    reader: &dyn LedgerReader,
    job: &Job<'_>,
    format: Format,
) -> Result<crate::export::Manifest, ExportError> {
    let account = Some(job.account.to_owned());
    let request = Request { month: job.month, account, format, with_recipients: false, invoices: None, as_of: job.at };
    write_csv(reader, &request, "", &mut io::sink(), &mut |_, _| {})
}

fn totals(of: &[Total], rates: &RateCards) -> Result<Vec<ControlTotal>, LedgerError> {
    let mut all = Vec::new();
    let mut sums: BTreeMap<&str, Decimal> = BTreeMap::new();
    for total in of {
        let exact: Decimal = total
            .exact
            .parse()
            .map_err(|_| LedgerError::Stored { what: "control total", value: total.exact.clone() })?;
        let sum = sums.entry(&total.currency).or_default();
        *sum = sum.checked_add(exact).ok_or(LedgerError::Overflow { what: "control totals" })?;
        all.push(control_total(&total.currency, &total.kind, exact, rates));
    }
    all.extend(sums.into_iter().map(|(currency, exact)| control_total(currency, "total", exact, rates)));
    Ok(all)
}

/// Prices may be in a currency that the platform does not bill in. What has no minor unit stays exact.
fn control_total(currency: &str, kind: &str, exact: Decimal, rates: &RateCards) -> ControlTotal {
    let decimals = Currency::new(currency).and_then(|c| rates.minor_units(c).or_else(|| c.minor_units()));
    let decimals = decimals.unwrap_or(ENTRY_DECIMALS);
    ControlTotal {
        currency: currency.to_owned(),
        kind: kind.to_owned(),
        exact: fixed(exact, ENTRY_DECIMALS),
        rounded: fixed(exact, decimals),
        remainder: fixed(exact - round_amount(exact, decimals), ENTRY_DECIMALS),
    }
}

/// Keeps the manifest, unless something came since it was made: entries only ever come, so their number tells. So does that
/// of what is counted and not booked, which moves the positions of what is.
pub(super) fn seal(
    writer: &mut Writer,
    job: &Job<'_>,
    end: &Close,
    manifest: &mut CloseManifest,
) -> Result<Option<Closed>, LedgerError> {
    writer.transact(|tx, memory| {
        tx.hold_months(false)?;
        let db: &dyn Sql = tx;
        let sql = "SELECT CAST(coalesce(sum(entries), 0) AS BIGINT), CAST(coalesce(sum(CASE WHEN kind = 'counted' \
                   AND usage_period = billing_period THEN messages END), 0) AS BIGINT) FROM entry_groups \
                   WHERE billing_period = ?1 AND account = ?2";
        let month = job.month.to_string();
        let now = db.first(sql, &[month.as_str().into(), job.account.into()], |row| {
            Ok((row.required(0)? as u64, row.required(1)? as u64))
        })?;
        let closed = closed_months(db, job.account)?;
        if now != Some((manifest.entries, manifest.settled.counted_entries))
            || closed.iter().any(|c| c.month == job.month)
        {
            return Ok(None);
        }
        manifest.previous_sha256 = closed.last().map(|before| before.sha256.clone()).unwrap_or_default();
        let text = manifest.to_json();
        let sha256 = sha256(&text);
        let close = Close {
            manifest: text.clone(),
            sha256: sha256.clone(),
            closed_at: Some(manifest.closed_at),
            ..end.clone()
        };
        let account = memory.accounts.number(tx, job.account)?;
        close_month(tx, account, &close)?;
        Ok(Some(Closed { manifest: text, sha256, settled: None }))
    })
}
