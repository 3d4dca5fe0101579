//! What two cards say differently, cell by cell.

use rust_decimal::Decimal;

use crate::{Card, Category, Cell, CellStatus, Market, MarketMap, round_amount};

/// Decimals of a percentage.
const PERCENT_DECIMALS: u32 = 2;

/// Two cards whose rates cannot be set side by side.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{before} is {what_before} and {after} is {what_after}: compare cards of one currency and pricing model")]
pub struct Incomparable {
    before: String,
    what_before: String,
    after: String,
    what_after: String,
}

/// What happened to a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// There was no rate, now there is one.
    Added,
    /// There was a rate, now there is none.
    Removed,
    /// Another rate, and maybe another status.
    Rate,
    /// Another status only.
    Status,
}

impl ChangeKind {
    /// Its name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Rate => "rate",
            Self::Status => "status",
        }
    }
}

/// A cell of a market of both cards that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellChange {
    /// Name of the market.
    pub market: String,
    /// Category.
    pub category: Category,
    /// What happened.
    pub kind: ChangeKind,
    /// Rate and status on the first card.
    pub before: (Option<Decimal>, CellStatus),
    /// Rate and status on the second card.
    pub after: (Option<Decimal>, CellStatus),
}

impl CellChange {
    /// After less before, where both are rates.
    #[must_use]
    pub fn difference(&self) -> Option<Decimal> {
        Some(self.after.0? - self.before.0?)
    }

    /// The difference in percent of the rate before.
    #[must_use]
    pub fn percent(&self) -> Option<Decimal> {
        percent(self.difference()?, self.before.0?)
    }
}

/// Everything that differs between two cards. Volume bands are not compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardDiff {
    /// Cells that differ, by market and category.
    pub changes: Vec<CellChange>,
    /// Markets of the first card only.
    pub only_before: Vec<String>,
    /// Markets of the second card only.
    pub only_after: Vec<String>,
    /// Cells of markets of both that are the same.
    pub same: usize,
}

impl CardDiff {
    /// Compares two cards over one market map.
    ///
    /// # Errors
    /// [`Incomparable`] for another currency or pricing model.
    pub fn between(before: &Card, after: &Card, map: &MarketMap) -> Result<Self, Incomparable> {
        let what = |card: &Card| (card.currency(), card.model());
        if what(before) != what(after) {
            let words = |card: &Card| format!("{} {}", card.model(), card.currency());
            return Err(Incomparable {
                before: before.id().to_owned(),
                what_before: words(before),
                after: after.id().to_owned(),
                what_after: words(after),
            });
        }
        let only = |of: &Card, other: &Card| {
            let lacks = |market: &Market| !other.markets().any(|m| m == *market);
            of.markets().filter(lacks).map(|market| map.market_name(market).to_owned()).collect()
        };
        let mut diff =
            Self { changes: Vec::new(), only_before: only(before, after), only_after: only(after, before), same: 0 };
        for market in before.markets() {
            for category in Category::ALL {
                let (Some(a), Some(b)) = (before.cell(market, category), after.cell(market, category)) else {
                    continue;
                };
                let Some(kind) = kind(a, b) else {
                    diff.same += 1;
                    continue;
                };
                diff.changes.push(CellChange {
                    market: map.market_name(market).to_owned(),
                    category,
                    kind,
                    before: (a.rate(), a.status()),
                    after: (b.rate(), b.status()),
                });
            }
        }
        Ok(diff)
    }

    /// True if nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.only_before.is_empty() && self.only_after.is_empty()
    }

    /// Cells of a kind.
    #[must_use]
    pub fn count(&self, kind: ChangeKind) -> usize {
        self.changes.iter().filter(|change| change.kind == kind).count()
    }

    /// Cells whose rate went up, and down.
    #[must_use]
    pub fn up_and_down(&self) -> (usize, usize) {
        let up = self.changes.iter().filter(|c| c.difference().is_some_and(|d| d > Decimal::ZERO)).count();
        (up, self.count(ChangeKind::Rate) - up)
    }
}

fn kind(before: &Cell, after: &Cell) -> Option<ChangeKind> {
    match (before.rate(), after.rate()) {
        (None, Some(_)) => Some(ChangeKind::Added),
        (Some(_), None) => Some(ChangeKind::Removed),
        (a, b) if a != b => Some(ChangeKind::Rate),
        _ => (before.status() != after.status()).then_some(ChangeKind::Status),
    }
}

/// A difference in percent of a rate; `None` of a rate of 0.
#[must_use]
pub fn percent(difference: Decimal, of: Decimal) -> Option<Decimal> {
    let share = (difference * Decimal::ONE_HUNDRED).checked_div(of)?;
    Some(round_amount(share, PERCENT_DECIMALS))
}
