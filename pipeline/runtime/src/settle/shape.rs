//! What entries have in common: terms, facts that were rated, amounts. A month of millions of entries has a few
//! thousand of them, so all that is looked up, parsed or compared is so once for each and not for every entry.

use super::rating::{Rating, Ratings};
use super::zones::{Waba, Wabas};
use crate::ledger::{Alike, LedgerError, Line, SharedRow, is_withdrawal};
use crate::rerate::{Booked, Place, Positions, Rules, facts};
use std::collections::HashMap;
use tollgate_rate_card::{Category, Currency, Date, Markup, PricingModel, Rated, RatingInput};
use tollgate_wire::ledger::EntryKind;

/// Shapes remembered at most; beyond it they are made again. About 1 KB each.
const REMEMBERED_MAX: usize = 200_000;

/// What a shape's entries are to the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A charge, rated at its position.
    Charge,
    /// A charge of an earlier month: it keeps the position that it was booked at.
    Late,
    /// A charge that stays as it was booked: it is not of one unit.
    Kept,
    /// A true-up.
    TrueUp,
    /// Has its position and is not booked.
    Counted,
    /// Takes back what is counted and not booked, at the same instant.
    Withdrawal,
    /// What is counted, or taken back, of an earlier month, whose positions were settled without it.
    Passed,
    /// Anything else: what takes back, a fee, a credit.
    Other,
}

/// What entries have in common.
pub(super) struct Shape {
    pub role: Role,
    /// What they were booked as.
    pub rating: u32,
    pub quantity: i64,
    pub place: Place,
    /// Their WABA's terms.
    pub waba: usize,
    terms: usize,
    reported_model: Option<PricingModel>,
    alike: Alike,
    /// The facts of the latest day.
    facts: Option<(Date, Result<RatingInput, &'static str>)>,
    /// The latest rating and mark-up, and the number of what they come to.
    to: Option<(Rated, Option<usize>, u32)>,
}

impl Shape {
    /// The facts of a charge of a local day, or why it has no price.
    pub(super) fn facts(
        &mut self,
        rules: &Rules<'_>,
        shared: &[SharedRow],
        day: Date,
    ) -> Result<RatingInput, &'static str> {
        if let Some((of, facts)) = self.facts
            && of == day
        {
            return facts;
        }
        let (g, a) = (&shared[self.terms], &self.alike);
        let booked = Booked {
            reason: a.reason.as_deref(),
            currency: &g.cost_currency,
            rulebook: g.rulebook.as_deref(),
            country: g.country.as_deref(),
            market: g.market.as_deref(),
            category: g.category,
            pricing_type: g.pricing_type,
            expected_category: g.expected_category,
            reported_category: g.reported_category,
            reported_type: g.reported_type,
            reported_model: g.reported_model,
        };
        let found = facts(rules, &booked, day);
        self.facts = Some((day, found));
        found
    }

    /// Category and market that a charge was counted by when it was booked.
    pub(super) fn counted_as<'g>(&self, shared: &'g [SharedRow]) -> (Option<Category>, Option<&'g str>) {
        let g = &shared[self.terms];
        (g.category, g.market.as_deref())
    }

    /// The number of what a rating comes to with the mark-up in force.
    pub(super) fn to(
        &mut self,
        rules: &Rules<'_>,
        ratings: &mut Ratings,
        rated: &Rated,
        input: &RatingInput,
        waba: &Waba<'_>,
    ) -> u32 {
        let in_force = waba.markup.iter().rposition(|m| m.valid_from <= input.date);
        if let Some((of, markup, number)) = &self.to
            && of == rated
            && *markup == in_force
        {
            return *number;
        }
        let currency: Currency = input.currency;
        let markup: Option<&Markup> = in_force.map(|at| &waba.markup[at]);
        let book = rules.rates().rulebook_at(input.date).map(|(_, book)| book.model);
        let model = self.reported_model.or(book).unwrap_or(PricingModel::Pmp);
        let number = ratings.number(Rating::rated(rules.rates(), rated, currency, markup, model));
        self.to = Some((*rated, in_force, number));
        number
    }
}

/// Shapes by number.
pub(super) struct Shapes {
    shared: Vec<SharedRow>,
    by_terms: HashMap<i64, usize, foldhash::fast::FixedState>,
    all: Vec<Shape>,
    numbers: HashMap<Box<[u8]>, u32, foldhash::fast::FixedState>,
    key: Vec<u8>,
}

impl Shapes {
    pub(super) fn new(shared: Vec<SharedRow>) -> Self {
        let by_terms = shared.iter().enumerate().map(|(n, g)| (g.ix, n)).collect();
        Self { shared, by_terms, all: Vec::new(), numbers: HashMap::default(), key: Vec::new() }
    }

    /// The shape of an entry.
    pub(super) fn number(
        &mut self,
        line: &Line<'_>,
        account: &str,
        month: &str,
        wabas: &Wabas<'_>,
        ratings: &mut Ratings,
        positions: &mut Positions,
    ) -> Result<u32, LedgerError> {
        line.key(&mut self.key)?;
        if let Some(number) = self.numbers.get(self.key.as_slice()) {
            return Ok(*number);
        }
        let terms = self.by_terms.get(&line.terms).copied();
        let terms =
            terms.ok_or_else(|| LedgerError::Damaged { what: "entries.terms", place: line.terms.to_string() })?;
        let (g, alike) = (&self.shared[terms], line.alike()?);
        let role = match g.kind {
            EntryKind::Charge | EntryKind::Free | EntryKind::Unpriced if alike.quantity != 1 => Role::Kept,
            EntryKind::Charge | EntryKind::Free | EntryKind::Unpriced if g.usage_period == month => Role::Charge,
            EntryKind::Charge | EntryKind::Free | EntryKind::Unpriced => Role::Late,
            EntryKind::TrueUp => Role::TrueUp,
            EntryKind::Counted if g.usage_period != month => Role::Passed,
            kind if is_withdrawal(kind, g.cause) => Role::Withdrawal,
            EntryKind::Counted => Role::Counted,
            EntryKind::Adjustment | EntryKind::Fee | EntryKind::Credit => Role::Other,
        };
        let shape = Shape {
            role,
            rating: ratings.number(Rating::booked(g, &alike)),
            quantity: alike.quantity,
            place: positions.place(account, &g.waba, &g.sender, &g.usage_period),
            waba: wabas.find(&g.waba),
            terms,
            reported_model: g.reported_model,
            alike,
            facts: None,
            to: None,
        };
        let number = self.all.len() as u32;
        self.all.push(shape);
        self.numbers.insert(self.key.as_slice().into(), number);
        Ok(number)
    }

    /// A shape, and the terms that it refers to.
    pub(super) fn get(&mut self, number: u32) -> (&mut Shape, &[SharedRow]) {
        (&mut self.all[number as usize], &self.shared)
    }

    /// Forgets shapes when there are too many. No number may be in use.
    pub(super) fn trim(&mut self) {
        if self.all.len() > REMEMBERED_MAX {
            self.all.clear();
            self.numbers.clear();
        }
    }
}
