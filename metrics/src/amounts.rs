//! Charged amounts: exact until they are shown.

use std::sync::Mutex;

use prometheus::CounterVec;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::bounded::{Currency, Interner, lock};
use crate::labels::Category;

/// Totals per (currency, category). The text format knows floats only, so the
/// shown counter is moved up to the exact total and never accumulates rounding.
#[derive(Debug)]
pub(crate) struct ChargedAmounts {
    vec: CounterVec,
    totals: Mutex<Vec<Decimal>>,
}

impl ChargedAmounts {
    pub(crate) fn new(vec: CounterVec, currencies: &Interner) -> Self {
        Self { vec, totals: Mutex::new(LocalAmounts::zeroes(currencies)) }
    }

    fn add(&self, local: &[Decimal], currencies: &Interner) {
        let mut totals = lock(&self.totals);
        for (index, amount) in local.iter().enumerate().filter(|(_, amount)| !amount.is_zero()) {
            totals[index] = totals[index].saturating_add(*amount);
            let currency = currencies.name((index / Category::ALL.len()) as u16);
            let category = Category::NAMES[index % Category::ALL.len()];
            let counter = self.vec.with_label_values(&[currency.as_str(), category]);
            let rise = totals[index].to_f64().unwrap_or(0.0) - counter.get();
            if rise > 0.0 {
                counter.inc_by(rise);
            }
        }
    }
}

/// Amounts of one batch of one shard.
#[derive(Debug)]
pub(crate) struct LocalAmounts {
    cells: Vec<Decimal>,
    touched: bool,
}

impl LocalAmounts {
    pub(crate) fn new(currencies: &Interner) -> Self {
        Self { cells: Self::zeroes(currencies), touched: false }
    }

    fn zeroes(currencies: &Interner) -> Vec<Decimal> {
        vec![Decimal::ZERO; currencies.max() * Category::ALL.len()]
    }

    /// Ignores what is not above zero: a counter cannot fall.
    pub(crate) fn add(&mut self, currency: Currency, category: Category, amount: Decimal) {
        let index = usize::from(currency.0) * Category::ALL.len() + category as usize;
        if amount > Decimal::ZERO
            && let Some(cell) = self.cells.get_mut(index)
        {
            *cell = cell.saturating_add(amount);
            self.touched = true;
        }
    }

    pub(crate) fn flush(&mut self, shared: &ChargedAmounts, currencies: &Interner) {
        if self.touched {
            shared.add(&self.cells, currencies);
            self.discard();
        }
    }

    pub(crate) fn discard(&mut self) {
        self.cells.fill(Decimal::ZERO);
        self.touched = false;
    }
}
