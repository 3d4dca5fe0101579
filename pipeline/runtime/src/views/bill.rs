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

/// Sums a month of any ledger, of one account or all.
pub fn bill(
    ledger: &dyn LedgerReader,
    month: YearMonth,
    account: Option<&str>,
    as_of: Time,
) -> Result<Bill, LedgerError> {
    let mut lines: BTreeMap<[String; 4], BillLine> = BTreeMap::new();
    let mut overflow = None;
    ledger.summary(month, account, &mut |row| {
        let key =
            [row.cost_currency, row.price_currency, row.country.unwrap_or_default(), row.category.unwrap_or_default()];
        match add(lines.entry(key.map(str::to_owned)).or_default(), row) {
            Some(()) => ControlFlow::Continue(()),
            None => {
                overflow = Some(LedgerError::Overflow { what: "amounts" });
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = overflow {
        return Err(error);
    }
    Ok(Bill {
        as_of,
        billing_period: month.to_string(),
        lines: lines
            .into_iter()
            .map(|([cost_currency, price_currency, country, category], line)| BillLine {
                country,
                category,
                cost_currency,
                price_currency,
                ..line
            })
            .collect(),
    })
}

fn add(line: &mut BillLine, row: &SummaryRow<'_>) -> Option<()> {
    line.messages += row.messages;
    match row.kind {
        "free" => line.free += row.messages,
        "unpriced" => line.unpriced += row.messages,
        _ => {}
    }
    line.cost = line.cost.checked_add(row.cost.unwrap_or_default())?;
    line.price_ex_tax = line.price_ex_tax.checked_add(row.price_ex_tax.unwrap_or_default())?;
    Some(())
}
