//! What was found: by class and currency, in all, and row by row.

use super::class::Class;
use super::compare::Atom;
use super::ours::Outside;
use super::scope::Key;
use super::statement::Statement;
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::BTreeMap;

/// A part of a row's difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Why.
    pub class: Class,
    /// Messages, the platform's less ours.
    pub messages: i64,
    /// Amount, the platform's less ours; none where the platform gives no costs.
    pub amount: Option<Decimal>,
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowLine {
    /// Which one.
    #[serde(flatten)]
    pub key: Key,
    /// Messages or conversations of the platform.
    pub platform_messages: i64,
    /// Ours.
    pub our_messages: i64,
    /// The platform's cost, where it gives one.
    pub platform_cost: Option<Decimal>,
    /// Ours, where the platform gives one.
    pub our_cost: Option<Decimal>,
    /// The difference; the parts add up to it.
    pub parts: Vec<Part>,
}

/// The differences of a class in a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassLine {
    /// Which class.
    pub class: Class,
    /// ISO 4217; empty where nothing tells it.
    pub currency: String,
    /// Rows that have some of it.
    pub rows: u64,
    /// Messages that the platform has more.
    pub more: i64,
    /// Messages that it has fewer.
    pub fewer: i64,
    /// Amount, the platform's less ours.
    pub amount: Decimal,
}

/// All rows of a currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// ISO 4217; empty where nothing tells it.
    pub currency: String,
    /// Rows compared.
    pub rows: u64,
    /// Messages of the platform.
    pub platform_messages: i64,
    /// Ours.
    pub our_messages: i64,
    /// Rows whose costs were compared.
    pub rows_with_costs: u64,
    /// The platform's cost of those.
    pub platform_cost: Decimal,
    /// Ours of those.
    pub our_cost: Decimal,
}

/// A month beside the platform's figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// By currency.
    pub totals: Vec<Total>,
    /// By class, in the order of [`Class::ALL`], and currency.
    pub classes: Vec<ClassLine>,
    /// Rows that differ.
    pub differences: Vec<RowLine>,
    /// Messages of WABAs that the figures do not have, by WABA: not compared.
    pub not_compared: BTreeMap<String, i64>,
    /// Figures of other months: left out.
    pub of_other_months: u64,
    /// Figures that a later answer replaced.
    pub replaced: u64,
    /// What the costs of a row may differ by.
    pub tolerance: Decimal,
}

impl RowLine {
    pub(super) fn of(atom: Atom) -> Self {
        Self {
            platform_messages: atom.theirs.messages,
            our_messages: atom.ours.messages,
            platform_cost: atom.costs.then_some(atom.theirs.cost),
            our_cost: atom.costs.then_some(atom.ours.cost),
            parts: atom.parts,
            key: atom.key,
        }
    }

    /// Of entries that lie in no bucket of the figures.
    pub(super) fn outside(key: Key, class: Class, outside: Outside, costs: bool) -> Self {
        let cost = costs.then_some(outside.cost);
        Self {
            key,
            platform_messages: 0,
            our_messages: outside.messages,
            platform_cost: costs.then_some(Decimal::ZERO),
            our_cost: cost,
            parts: vec![Part { class, messages: -outside.messages, amount: cost.map(|cost| -cost) }],
        }
    }

    /// Whether some of it is not explained.
    #[must_use]
    pub fn is_unexplained(&self) -> bool {
        self.parts.iter().any(|part| !part.class.is_explained())
    }
}

impl Report {
    /// `None` beyond the largest amount.
    pub(super) fn of(
        mut lines: Vec<RowLine>,
        statement: &Statement,
        not_compared: BTreeMap<String, i64>,
        currencies: &BTreeMap<String, String>,
        tolerance: Decimal,
    ) -> Option<Self> {
        let mut totals: BTreeMap<String, Total> = BTreeMap::new();
        let mut classes: BTreeMap<(Class, String), ClassLine> = BTreeMap::new();
        for line in &mut lines {
            if line.key.currency.is_empty() {
                line.key.currency = currencies.get(&line.key.waba).cloned().unwrap_or_default();
            }
            let currency = &line.key.currency;
            let total = totals.entry(currency.clone()).or_default();
            total.currency.clone_from(currency);
            total.rows += 1;
            total.platform_messages = total.platform_messages.checked_add(line.platform_messages)?;
            total.our_messages = total.our_messages.checked_add(line.our_messages)?;
            if let (Some(theirs), Some(ours)) = (line.platform_cost, line.our_cost) {
                total.rows_with_costs += 1;
                total.platform_cost = total.platform_cost.checked_add(theirs)?;
                total.our_cost = total.our_cost.checked_add(ours)?;
            }
            let mut met = Vec::new();
            for part in &line.parts {
                let class = classes.entry((part.class, currency.clone())).or_insert_with(|| ClassLine {
                    class: part.class,
                    currency: currency.clone(),
                    rows: 0,
                    more: 0,
                    fewer: 0,
                    amount: Decimal::ZERO,
                });
                class.rows += u64::from(!met.contains(&part.class));
                met.push(part.class);
                class.more = class.more.checked_add(part.messages.max(0))?;
                class.fewer = class.fewer.checked_add(part.messages.min(0).checked_neg()?)?;
                class.amount = class.amount.checked_add(part.amount.unwrap_or_default())?;
            }
        }
        lines.retain(|line| !line.parts.is_empty());
        lines.sort_by(|a, b| a.key.cmp(&b.key));
        Some(Self {
            totals: totals.into_values().collect(),
            classes: classes.into_values().collect(),
            differences: lines,
            not_compared,
            of_other_months: statement.of_other_months,
            replaced: statement.replaced,
            tolerance,
        })
    }

    /// Whether some difference has no reason in the data at hand.
    #[must_use]
    pub fn is_unexplained(&self) -> bool {
        self.classes.iter().any(|line| !line.class.is_explained())
    }
}
