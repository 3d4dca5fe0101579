//! A month's bill in short: by currency, country and category.

use crate::ledger::{LedgerError, LedgerReader, SummaryRow};
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;

/// What a month cost, from the summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bill {
    /// When the ledger was last read; given by the caller.
    pub as_of: Time,
    /// `YYYY-MM` billed in.
    pub billing_period: String,
    /// By cost currency, price currency, country, category.
    pub lines: Vec<BillLine>,
}

/// One country and category. Amounts are exact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BillLine {
    /// ISO 3166-1 alpha-2; empty when unknown.
    pub country: String,
    /// Category charged; empty when unknown.
    pub category: String,
    /// Messages.
    pub messages: i64,
    /// Of them, delivered free of charge.
    pub free: i64,
    /// Of them, without a known price.
    pub unpriced: i64,
    /// What the platform charges.
    pub cost: Decimal,
    /// ISO 4217.
    pub cost_currency: String,
    /// What the client pays, before tax.
    pub price_ex_tax: Decimal,
    /// ISO 4217.
    pub price_currency: String,
}

/// One account's month in one pair of currencies. Amounts are exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountBill {
    /// Account id.
    pub account: String,
    /// Messages.
    pub messages: i64,
    /// Of them, delivered free of charge.
    pub free: i64,
    /// Of them, without a known price.
    pub unpriced: i64,
    /// What the platform charges.
    pub cost: Decimal,
    /// ISO 4217.
    pub cost_currency: String,
    /// What the client pays, before tax.
    pub price_ex_tax: Decimal,
    /// ISO 4217.
    pub price_currency: String,
}

#[derive(Default)]
struct Sums {
    messages: i64,
    free: i64,
    unpriced: i64,
    cost: Decimal,
    price_ex_tax: Decimal,
}

/// Sums a month of any ledger, of one account or all.
pub fn bill(
    ledger: &dyn LedgerReader,
    month: YearMonth,
    account: Option<&str>,
    as_of: Time,
) -> Result<Bill, LedgerError> {
    let sums = sum(ledger, month, account, &|row| {
        let (country, category) = (row.country.unwrap_or_default(), row.category.unwrap_or_default());
        Some([row.cost_currency, row.price_currency, country, category].map(str::to_owned))
    })?;
    let line = |([cost_currency, price_currency, country, category], sums): ([String; 4], Sums)| BillLine {
        country,
        category,
        messages: sums.messages,
        free: sums.free,
        unpriced: sums.unpriced,
        cost: sums.cost,
        cost_currency,
        price_ex_tax: sums.price_ex_tax,
        price_currency,
    };
    Ok(Bill { as_of, billing_period: month.to_string(), lines: sums.into_iter().map(line).collect() })
}

/// Sums a month of any ledger by account and currencies, of the accounts that `wanted` names.
pub fn bill_by_account(
    ledger: &dyn LedgerReader,
    month: YearMonth,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<AccountBill>, LedgerError> {
    let sums = sum(ledger, month, None, &|row| {
        let key = [row.account, row.cost_currency, row.price_currency].map(str::to_owned);
        wanted(row.account).then_some(key)
    })?;
    let line = |([account, cost_currency, price_currency], sums): ([String; 3], Sums)| AccountBill {
        account,
        messages: sums.messages,
        free: sums.free,
        unpriced: sums.unpriced,
        cost: sums.cost,
        cost_currency,
        price_ex_tax: sums.price_ex_tax,
        price_currency,
    };
    Ok(sums.into_iter().map(line).collect())
}

/// Sums the month's rows by a key; rows without one are left out.
fn sum<K: Ord>(
    ledger: &dyn LedgerReader,
    month: YearMonth,
    account: Option<&str>,
    key: &dyn Fn(&SummaryRow<'_>) -> Option<K>,
) -> Result<BTreeMap<K, Sums>, LedgerError> {
    let mut sums: BTreeMap<K, Sums> = BTreeMap::new();
    let mut overflow = None;
    ledger.summary(month, account, &mut |row| {
        let Some(key) = key(row) else { return ControlFlow::Continue(()) };
        match sums.entry(key).or_default().add(row) {
            Some(()) => ControlFlow::Continue(()),
            None => {
                overflow = Some(LedgerError::Overflow { what: "amounts" });
                ControlFlow::Break(())
            }
        }
    })?;
    overflow.map_or(Ok(sums), Err)
}

impl Sums {
    fn add(&mut self, row: &SummaryRow<'_>) -> Option<()> {
        self.messages += row.messages;
        match row.kind {
            "free" => self.free += row.messages,
            "unpriced" => self.unpriced += row.messages,
            _ => {}
        }
        self.cost = self.cost.checked_add(row.cost.unwrap_or_default())?;
        self.price_ex_tax = self.price_ex_tax.checked_add(row.price_ex_tax.unwrap_or_default())?;
        Some(())
    }
}
