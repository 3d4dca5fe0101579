//! What a month's summary rows ask for, as far as the minimum of a WABA goes by it.

use super::entry::{Columns, named};
use super::{LedgerError, Sql};
use rust_decimal::Decimal;
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;
use tollgate_wire::ledger::EntryKind;

/// A summary row.
pub(crate) struct Asked {
    pub kind: EntryKind,
    /// `YYYY-MM`.
    pub usage_period: String,
    pub waba: String,
    pub account_name: String,
    pub legal_entity: String,
    pub cost_currency: String,
    pub markup_rule: Option<String>,
    pub price_currency: String,
    pub entries: u64,
    pub quantity: i64,
    /// 0 while there is no price.
    pub price: Decimal,
}

const SQL: &str = "SELECT kind, usage_period, waba, account_name, legal_entity, cost_currency, markup_rule, price_currency, \
    entries, quantity, price_ex_tax FROM entry_groups WHERE billing_period = ?1 AND account = ?2 AND entries > 0 \
    ORDER BY waba, sender, ix";

/// The summary rows of an account's month by WABA and number.
pub(crate) fn asked(db: &dyn Sql, month: YearMonth, account: &str) -> Result<Vec<Asked>, LedgerError> {
    let mut all = Vec::new();
    db.rows(SQL, &[month.to_string().as_str().into(), account.into()], &mut |row| {
        let mut c = Columns::new(row);
        all.push(Asked {
            kind: named("kind", c.required()?)?,
            usage_period: c.required()?.to_owned(),
            waba: c.required()?.to_owned(),
            account_name: c.required()?.to_owned(),
            legal_entity: c.required()?.to_owned(),
            cost_currency: c.required()?.to_owned(),
            markup_rule: c.text()?.map(str::to_owned),
            price_currency: c.required()?.to_owned(),
            entries: c.integer()?.unwrap_or_default() as u64,
            quantity: c.integer()?.unwrap_or_default(),
            price: c.amount("price_ex_tax")?.unwrap_or_default(),
        });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(all)
}
