//! Settling and closing a month: every charge at its canonical position, by the catalogue as it is, and the bill that
//! comes of it.
//!
//! `zones` what holds for a WABA · `rating` what a charge is rated as · `shape` what entries have in common · `walk` what
//! stands against what is to stand · `book` the difference as pairs of true-ups · `report` what was found · `minimum` what
//! a month falls short of · `close` the end of a month · `set_aside` what could not be booked · `manifest` what a closed
//! month is · `verify` that it still is.

mod book;
mod close;
mod manifest;
mod minimum;
mod rating;
mod report;
mod set_aside;
mod shape;
mod verify;
mod walk;
mod zones;

#[cfg(test)]
mod tests;

use crate::ledger::{LedgerError, Reader, Writer, closed_months, shared_rows};
use crate::rerate::{Rules, Under};
use std::collections::BTreeMap;
use tollgate_rate_card::{RateCards, YearMonth};
use tollgate_wire::Time;
use tollgate_wire::ledger::EntryKind;

pub use close::{Allow, CloseError, Closed, Obstacle, close, ready};
pub use manifest::{CloseManifest, ControlTotal};
pub use report::Report;
pub use verify::{Verified, VerifyError, verify};
pub use zones::Terms;

/// What is to be settled, and by what.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// Account id.
    pub account: &'a str,
    /// Billing month.
    pub month: YearMonth,
    /// The catalogue as it is now.
    pub rates: &'a RateCards,
    /// What holds for each of the account's WABAs, by id.
    pub terms: &'a BTreeMap<String, Terms>,
    /// The time now, given by the caller: when true-ups are booked and the month is closed.
    pub at: Time,
}

/// Why a month could not be settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A WABA whose days are not known.
    #[error(
        "waba = {waba:?} of account {account:?}: its time zone, which decides the day of a charge, is not in the views; \
         start the service once with this version, and declare the WABA with `tollgate accounts apply`"
    )]
    UnknownZone {
        /// Account id.
        account: String,
        /// WABA id.
        waba: String,
    },
}

/// Settles an open month of an account: rates every charge that stands at its position in the canonical order (charge
/// instant, then hash of the wamid) and books what differs from the ledger. Again, it finds nothing.
///
/// Writer and reader are of one database; the writer may go on booking meanwhile, and what comes later is settled the
/// next time. `progress` hears how many entries were walked, every 10,000, of each walk from the start. Holds what entries
/// have in common, what is taken back, one instant's entries, and the pairs that are to be booked: where there are too
/// many, the walk ends, they are booked, and it begins anew. What is booked is on the disk.
///
/// # Errors
/// The month is closed, a WABA's zone is not known, or the ledger cannot be read or written.
pub fn settle(
    writer: &mut Writer,
    reader: &Reader,
    job: &Job<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, SettleError> {
    Ok(settle_by(writer, reader, job, Late::Refused, book::PENDING_MAX, progress)?.0)
}

/// The same of a month that may be closed: what differs since, such as a price that is known by now or a card that was
/// corrected, is booked into the first open month, which is answered with what was found. An open month is settled.
///
/// What was taken back in a later month stays as it was billed: it has its end there.
///
/// # Errors
/// As for [`settle`], but never because the month is closed.
pub fn correct(
    writer: &mut Writer,
    reader: &Reader,
    job: &Job<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<(Report, YearMonth), SettleError> {
    settle_by(writer, reader, job, Late::Booked, book::PENDING_MAX, progress)
}

/// What becomes of a month that is closed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Late {
    Refused,
    Booked,
}

/// Settles with so many pairs pending at most.
fn settle_by(
    writer: &mut Writer,
    reader: &Reader,
    job: &Job<'_>,
    late: Late,
    pairs: usize,
    progress: &mut dyn FnMut(u64),
) -> Result<(Report, YearMonth), SettleError> {
    writer.durable()?;
    let zones = job.terms.iter().map(|(id, terms)| (id.clone(), terms.zone.clone())).collect();
    let rules = Rules::new(job.rates, Under::Own(zones));
    let (mut booked, mut idle) = (Report::default(), 0);
    loop {
        // The reading is over when booking begins: a write-ahead log cannot be reset behind one.
        let walked = walk_once(reader, job, &rules, late, pairs, progress)?;
        let Some(walked) = walked else { return Ok((booked, job.month)) };
        let before = booked.true_ups;
        book::book(writer, job, &walked, &mut booked)?;
        if walked.whole {
            return Ok((walked.report.with_booked(booked), walked.billed_in));
        }
        idle = if booked.true_ups > before { 0 } else { idle + 1 };
        if idle > IDLE_MAX {
            let place = format!("{} {}", job.account, job.month);
            return Err(LedgerError::Damaged { what: "true-ups that do not stand", place }.into());
        }
    }
}

/// Walks that end early and book nothing, as when another process has booked the same: so many at most in a row.
const IDLE_MAX: u32 = 8;

/// What there is to be booked, in one state of the database; `None` for an account without entries.
fn walk_once(
    reader: &Reader,
    job: &Job<'_>,
    rules: &Rules<'_>,
    late: Late,
    pairs: usize,
    progress: &mut dyn FnMut(u64),
) -> Result<Option<walk::Walked>, SettleError> {
    reader.read(|db| {
        let last = closed_months(db, job.account)?.pop().map(|close| close.month);
        let billed_in = match last {
            Some(last) if job.month <= last && late == Late::Refused => {
                let (account, month) = (job.account.to_owned(), job.month.to_string());
                return Ok(Err(LedgerError::Closed { account, month }.into()));
            }
            Some(last) if job.month <= last => last.next(),
            _ => job.month,
        };
        let shared = shared_rows(db, job.month, billed_in, job.account)?;
        let rated =
            |kind| matches!(kind, EntryKind::Charge | EntryKind::Free | EntryKind::Unpriced | EntryKind::Counted);
        if let Some(g) = shared.iter().find(|g| rated(g.kind) && !job.terms.contains_key(&g.waba)) {
            return Ok(Err(SettleError::UnknownZone { account: job.account.to_owned(), waba: g.waba.clone() }));
        }
        let number = db.number("SELECT ix FROM accounts WHERE name = ?1", &[job.account.into()])?;
        let Some(account) = number else { return Ok(Ok(None)) };
        walk::Walk::new(job, billed_in, rules, pairs, shared).run(db, account, progress).map(|walked| Ok(Some(walked)))
    })?
}
