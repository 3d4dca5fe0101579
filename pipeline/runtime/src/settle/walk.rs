//! The walk: every charge of a month at its canonical position, against what the ledger has for it.

use super::Job;
use super::book::Pending;
use super::rating::{Rating, Ratings};
use super::report::Report;
use super::shape::{Role, Shapes};
use super::zones::Wabas;
use crate::ledger::{Id, LedgerError, Line, SharedRow, Sql};
use crate::ledger::{band_bounds, billing_month, closed_months, month_lines, reversals, true_ups_of};
use crate::rerate::{At, Positions, Rules, at_booked};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;

/// An entry of the instant at hand.
#[derive(Clone, Copy)]
struct Held {
    wamid: Id,
    revision: u32,
    id: Id,
    shape: u32,
    adjusts: Option<Id>,
    ordinal: Option<u64>,
}

/// What stands for a charge.
struct Standing {
    rating: u32,
    ordinal: Option<u64>,
    /// Of the next true-up.
    revision: u32,
}

/// What a walk comes to.
pub(super) struct Walked {
    /// What stands, once the pending pairs are booked. Nothing of a walk that ended early.
    pub report: Report,
    pub pending: Vec<Pending>,
    /// What pairs refer to.
    pub ratings: Ratings,
    /// Whether all of the month was walked.
    pub whole: bool,
    /// The month that the pairs are billed in.
    pub billed_in: YearMonth,
}

/// The walk over one account's month.
pub(super) struct Walk<'j> {
    job: &'j Job<'j>,
    /// The month, or of a closed one the first that is open.
    billed_in: YearMonth,
    rules: &'j Rules<'j>,
    wabas: Wabas<'j>,
    month: String,
    shapes: Shapes,
    ratings: Ratings,
    positions: Positions,
    /// Pairs that are to be booked, and how many end the walk.
    pending: Vec<Pending>,
    pairs: usize,
    /// What is taken back in the month, with the rating that was taken back. Charges of the month leave it as they are
    /// met; what is left is of earlier months.
    reversed: HashMap<Id, u32, foldhash::fast::FixedState>,
    /// What later months take back of a closed one: it stays as it was billed.
    ended: HashSet<Id, foldhash::fast::FixedState>,
    /// Entries of one instant, in the order of the database.
    held: Vec<Held>,
    instant: u64,
    /// Entries that were walked, of whatever role.
    walked: u64,
    /// Standing charges by rating.
    counts: Vec<u64>,
    report: Report,
}

impl<'j> Walk<'j> {
    pub(super) fn new(
        job: &'j Job<'j>,
        billed_in: YearMonth,
        rules: &'j Rules<'j>,
        pairs: usize,
        shared: Vec<SharedRow>,
    ) -> Self {
        Self {
            job,
            billed_in,
            rules,
            wabas: Wabas::new(job.terms),
            month: job.month.to_string(),
            shapes: Shapes::new(shared),
            ratings: Ratings::default(),
            positions: Positions::default(),
            pending: Vec::new(),
            pairs,
            reversed: HashMap::default(),
            ended: HashSet::default(),
            held: Vec::new(),
            instant: 0,
            walked: 0,
            counts: Vec::new(),
            report: Report::default(),
        }
    }

    /// Walks the month and collects what differs, in one state of the database. Ends early when that is too much.
    pub(super) fn run(
        mut self,
        db: &dyn Sql,
        account: i64,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Walked, LedgerError> {
        let (month, billed_in) = (self.job.month, self.billed_in);
        let bounds = band_bounds(db, month, Some(self.job.account))?;
        self.positions.bound(self.rules.rates(), &self.month, &bounds);
        reversals(db, (month, month), account, &mut |line| {
            let shape = self.shape(line)?;
            let rating = self.shapes.get(shape).0.rating;
            self.reversed.extend(line.adjusts.map(|charge| (charge, rating)));
            Ok(ControlFlow::Continue(()))
        })?;
        if billed_in > month {
            reversals(db, (month.next(), billed_in), account, &mut |line| {
                self.ended.extend(line.adjusts);
                Ok(ControlFlow::Continue(()))
            })?;
        }
        month_lines(db, month, billed_in, account, &mut |line| {
            if line.occurred_at != self.instant {
                self.settle_instant()?;
                if self.is_full() {
                    return Ok(ControlFlow::Break(()));
                }
                self.instant = line.occurred_at;
            }
            let shape = self.shape(line)?;
            let Line { id, adjusts, revision, wamid, ordinal, .. } = *line;
            // What is neither a charge nor counted nor of these needs no hashes: nothing is looked for among it.
            let (id, wamid) = match (self.shapes.get(shape).0.role, id, wamid) {
                (_, Some(id), Some(wamid)) => (id, wamid),
                (Role::Other | Role::Passed, id, wamid) => (id.unwrap_or_default(), wamid.unwrap_or_default()),
                (_, None, _) => return Err(odd("entry of a charge", line)),
                (_, Some(_), None) => return Err(odd("wamid_hash of a charge", line)),
            };
            self.held.push(Held { wamid, revision, id, shape, adjusts, ordinal });
            match self.shapes.get(shape).0.role {
                Role::Counted | Role::Withdrawal => self.report.counted_entries += 1,
                Role::Passed => {}
                _ => self.report.entries += 1,
            }
            self.walked += 1;
            if self.walked.is_multiple_of(10_000) {
                progress(self.walked);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        // After a break nothing is held.
        self.settle_instant()?;
        // A closed month took back what it had to.
        if !self.is_full() && billed_in == month {
            self.take_back_late(db, account)?;
        }
        let whole = !self.is_full();
        self.report.stands(&self.ratings, &self.counts);
        Ok(Walked { report: self.report, pending: self.pending, ratings: self.ratings, whole, billed_in })
    }

    fn is_full(&self) -> bool {
        self.pending.len() >= self.pairs
    }

    fn shape(&mut self, line: &Line<'_>) -> Result<u32, LedgerError> {
        let (account, month) = (self.job.account, self.month.as_str());
        self.shapes.number(line, account, month, &self.wabas, &mut self.ratings, &mut self.positions)
    }

    /// Settles the charges of one instant, by wamid. True-ups have the instant of their charge.
    fn settle_instant(&mut self) -> Result<(), LedgerError> {
        let mut held = std::mem::take(&mut self.held);
        held.sort_unstable_by_key(|h| (h.wamid, h.revision, h.id));
        self.positions.at(self.instant);
        for one in &held {
            let role = self.shapes.get(one.shape).0.role;
            match role {
                Role::Charge | Role::Late | Role::Kept => self.charge(role, one, &held)?,
                // Whoever comes after it has the next position.
                Role::Counted if !self.is_withdrawn(one, &held) => {
                    self.report.counted += 1;
                    let _ = self.rate(Role::Charge, one);
                }
                Role::Counted | Role::Withdrawal | Role::TrueUp | Role::Passed | Role::Other => {}
            }
        }
        held.clear();
        self.held = held;
        self.shapes.trim();
        Ok(())
    }

    fn charge(&mut self, role: Role, one: &Held, held: &[Held]) -> Result<(), LedgerError> {
        let standing = self.standing(one, held);
        let (to, ordinal) = match self.reversed.remove(&one.id) {
            // What took it back took the booked rating back, so that is what has to stand.
            Some(taken_back) => (taken_back, one.ordinal),
            None => {
                let found = if role == Role::Kept { None } else { self.rate(role, one) };
                if self.ended.contains(&one.id) {
                    return Ok(());
                }
                let (to, ordinal) = found.unwrap_or((standing.rating, standing.ordinal));
                let at = to as usize;
                if self.counts.len() <= at {
                    self.counts.resize(at + 1, 0);
                }
                self.counts[at] += 1;
                (to, ordinal)
            }
        };
        self.stand(one.id, self.job.month, self.instant, &standing, (to, ordinal))
    }

    /// Has a rating stand for a charge.
    fn stand(
        &mut self,
        charge: Id,
        month: YearMonth,
        occurred_at: u64,
        standing: &Standing,
        to: (u32, Option<u64>),
    ) -> Result<(), LedgerError> {
        if to.0 == standing.rating {
            return Ok(());
        }
        let Some(cause) = self.ratings.get(standing.rating).cause(self.ratings.get(to.0)) else { return Ok(()) };
        let from = (standing.rating, standing.ordinal);
        let pending = Pending { charge, month, occurred_at, revision: standing.revision, from, to, cause };
        self.pending.push(pending);
        Ok(())
    }

    /// Whether what is counted is taken back: that has its instant and wamid too, so they are neighbours.
    fn is_withdrawn(&mut self, one: &Held, held: &[Held]) -> bool {
        let from = held.partition_point(|h| h.wamid < one.wamid);
        held[from..]
            .iter()
            .take_while(|h| h.wamid == one.wamid)
            .any(|other| other.adjusts == Some(one.id) && self.shapes.get(other.shape).0.role == Role::Withdrawal)
    }

    /// What stands for a charge: the newest true-up with a rating, else the charge.
    fn standing(&mut self, one: &Held, held: &[Held]) -> Standing {
        let booked = self.shapes.get(one.shape).0.rating;
        let mut standing = Standing { rating: booked, ordinal: one.ordinal, revision: 1 };
        if held.len() == 1 {
            return standing;
        }
        // They have its wamid too, so they are neighbours, and come in the order of their revisions.
        let from = held.partition_point(|h| h.wamid < one.wamid);
        for other in held[from..].iter().take_while(|h| h.wamid == one.wamid) {
            let shape = self.shapes.get(other.shape).0;
            if shape.role == Role::TrueUp && other.adjusts == Some(one.id) {
                standing.revision = other.revision + 1;
                if shape.quantity > 0 {
                    (standing.rating, standing.ordinal) = (shape.rating, other.ordinal);
                }
            }
        }
        standing
    }

    /// The rating of a charge at its position; `None` where what it needs is not in the ledger: it stays.
    fn rate(&mut self, role: Role, one: &Held) -> Option<(u32, Option<u64>)> {
        let (shape, shared) = self.shapes.get(one.shape);
        let waba = self.wabas.get(shape.waba)?;
        let day = waba.day(self.instant);
        let Ok(input) = shape.facts(self.rules, shared, day) else {
            if role == Role::Charge && one.ordinal.is_some() {
                self.positions.pass(self.rules, shape.place, shape.counted_as(shared), day);
            }
            return None;
        };
        let At { rated, ordinal } = match role {
            Role::Late => at_booked(self.rules, input, one.ordinal)?,
            _ => self.positions.rate(self.rules, shape.place, input),
        };
        Some((shape.to(self.rules, &mut self.ratings, &rated, &input, waba), ordinal))
    }

    /// Takes back the true-ups of charges of earlier months that are taken back in this one. The charge's month must be
    /// closed: what stands for it cannot change any more.
    fn take_back_late(&mut self, db: &dyn Sql, account: i64) -> Result<(), LedgerError> {
        let mut late: Vec<(Id, u32)> = self.reversed.drain().collect();
        if late.is_empty() {
            return Ok(());
        }
        late.sort_unstable();
        let closed = closed_months(db, self.job.account)?.last().map(|close| close.month.to_string());
        for (charge, rating) in late {
            if self.is_full() {
                break;
            }
            let mut newest: Option<Newest> = None;
            let mut months = None;
            true_ups_of(db, account, &charge, &mut |true_up| {
                newest.get_or_insert_with(|| Newest {
                    rating: Rating::of(true_up),
                    ordinal: true_up.ordinal,
                    revision: true_up.revision,
                    occurred_at: true_up.occurred_at.0,
                });
                // Of the first one, which is no earlier than its charge.
                months = true_up.usage_period.parse().ok().zip(true_up.billing_period.parse().ok());
                Ok(())
            })?;
            let Some((newest, months)) = newest.zip(months) else { continue };
            let month = billing_month(db, months, account, newest.occurred_at, &charge)?;
            let odd = || LedgerError::Damaged { what: "adjusted entry", place: hex::encode(charge) };
            let month = month.ok_or_else(odd)?;
            if closed.as_ref().is_none_or(|closed| *closed < YearMonth::to_string(&month)) {
                self.report.waiting += 1;
                continue;
            }
            let standing = Standing {
                rating: self.ratings.number(newest.rating),
                ordinal: newest.ordinal,
                revision: newest.revision + 1,
            };
            self.stand(charge, month, newest.occurred_at, &standing, (rating, None))?;
        }
        Ok(())
    }
}

fn odd(what: &'static str, line: &Line<'_>) -> LedgerError {
    let place = format!("of occurred_at {}, id {:?}", line.occurred_at, line.id.map(hex::encode));
    LedgerError::Damaged { what, place }
}

/// The newest true-up of a charge.
struct Newest {
    rating: Rating,
    ordinal: Option<u64>,
    revision: u32,
    occurred_at: u64,
}
