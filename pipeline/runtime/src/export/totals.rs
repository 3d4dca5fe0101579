//! Control totals, taken from the very rows that are written.

use super::manifest::{CardUse, Flags, Sum, Total};
use crate::ledger::{SummaryRow, fixed};
use rust_decimal::Decimal;
use tollgate_rate_card::{ENTRY_DECIMALS, round_amount};

/// Adds up rows. Holds one sum per currency and kind, not per row.
pub(super) struct Totals {
    decimals: u32,
    pub(super) rows: u64,
    pub(super) entries: u64,
    cost: Sums<Sum>,
    price: Sums<Sum>,
    cards: Sums<u64>,
    /// Messages without a price, at list because bands are not known, at an unverified rate.
    flags: [i64; 3],
}

/// Sums by two names, as they were met: a handful, so that a walk finds them sooner than anything else.
type Sums<T> = Vec<((String, String), T)>;

/// What a row of either format counts for.
pub(super) struct Counted<'a> {
    pub(super) kind: &'a str,
    pub(super) entries: u64,
    pub(super) messages: i64,
    pub(super) quantity: i64,
    pub(super) cost: Option<Decimal>,
    pub(super) cost_currency: &'a str,
    pub(super) price: Option<Decimal>,
    pub(super) price_currency: &'a str,
    pub(super) card: Option<&'a str>,
    pub(super) card_status: Option<&'a str>,
    pub(super) band_basis: Option<&'a str>,
}

impl<'a> Counted<'a> {
    /// What a row of the summary counts for.
    pub(super) fn summary(r: &SummaryRow<'a>) -> Self {
        Self {
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
        }
    }
}

impl Totals {
    pub(super) fn new(decimals: u32) -> Self {
        Self { decimals, rows: 0, entries: 0, cost: Vec::new(), price: Vec::new(), cards: Vec::new(), flags: [0; 3] }
    }

    /// Adds a row. `None` beyond the largest amount that is exact.
    pub(super) fn add(&mut self, row: &Counted<'_>) -> Option<()> {
        self.rows += 1;
        self.entries += row.entries;
        let rounded = |amount: Option<Decimal>| round_amount(amount.unwrap_or_default(), self.decimals);
        let (cost, price) = (rounded(row.cost), rounded(row.price));
        add(at(&mut self.cost, row.cost_currency, row.kind), row, row.cost, cost)?;
        add(at(&mut self.price, row.price_currency, row.kind), row, row.price, price)?;
        if let Some(card) = row.card {
            *at(&mut self.cards, card, row.card_status.unwrap_or_default()) += row.entries;
        }
        // Corrections and true-ups take back without a price what was booked without one.
        let unpriced = row.cost.is_none() && !matches!(row.kind, "fee" | "credit");
        let listed = row.band_basis == Some("list_unknown");
        let unverified = row.card_status == Some("unverified");
        for (count, counts) in self.flags.iter_mut().zip([unpriced, listed, unverified]) {
            *count += if counts { row.messages } else { 0 };
        }
        Some(())
    }

    pub(super) fn cost(&self) -> Vec<Total> {
        totals(&self.cost, self.decimals)
    }

    pub(super) fn price(&self) -> Vec<Total> {
        totals(&self.price, self.decimals)
    }

    pub(super) fn cards(&self) -> Vec<CardUse> {
        let card_use = |((card, status), entries): &((String, String), u64)| CardUse {
            card: card.clone(),
            status: status.clone(),
            entries: *entries,
        };
        sorted(&self.cards).into_iter().map(card_use).collect()
    }

    pub(super) fn flags(&self) -> Flags {
        // Below 0 where a month takes back what was counted in an earlier one.
        let [unpriced, band_list_unknown, card_unverified] = self.flags.map(|n| n.max(0) as u64);
        Flags { unpriced, band_list_unknown, card_unverified }
    }
}

/// Looks up without allocating, except at the first mention.
fn at<'s, T: Default>(sums: &'s mut Sums<T>, a: &str, b: &str) -> &'s mut T {
    let known = sums.iter().position(|((x, y), _)| x == a && y == b);
    let place = known.unwrap_or_else(|| {
        sums.push(((a.to_owned(), b.to_owned()), T::default()));
        sums.len() - 1
    });
    &mut sums[place].1
}

/// By their names.
fn sorted<T>(sums: &Sums<T>) -> Vec<&((String, String), T)> {
    let mut sorted: Vec<_> = sums.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
    sorted
}

fn add(sum: &mut Sum, row: &Counted<'_>, exact: Option<Decimal>, rounded: Decimal) -> Option<()> {
    sum.entries += row.entries;
    sum.messages += row.messages;
    sum.quantity = sum.quantity.checked_add(row.quantity)?;
    sum.exact = sum.exact.checked_add(exact.unwrap_or_default())?;
    sum.rows = sum.rows.checked_add(rounded)?;
    Some(())
}

fn totals(sums: &Sums<Sum>, decimals: u32) -> Vec<Total> {
    let total = |((currency, kind), sum): &((String, String), Sum)| Total {
        currency: currency.clone(),
        kind: kind.clone(),
        entries: sum.entries,
        messages: sum.messages,
        quantity: sum.quantity,
        exact: fixed(sum.exact, ENTRY_DECIMALS),
        rows: fixed(sum.rows, decimals),
        remainder: fixed(sum.exact - sum.rows, ENTRY_DECIMALS),
    };
    sorted(sums).into_iter().map(total).collect()
}
