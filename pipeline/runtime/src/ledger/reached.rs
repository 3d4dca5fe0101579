//! Volume bands that the platform said an account had reached: bounds of the positions of its messages.

use super::ingest::number_of;
use super::sql::Sql;
use super::{LedgerError, Reader};
use std::ops::ControlFlow;
use tollgate_rate_card::{Category, YearMonth};
use tollgate_wire::ledger::BandReached;

/// A band that was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BandBound {
    pub account: String,
    pub market: String,
    pub category: Category,
    /// First message of the band.
    pub first: u64,
    /// The earliest time that the platform gave for it, in seconds.
    pub at_s: u64,
}

/// Keeps a band; whether anything is new. The platform may say it several times: the earliest counts.
pub(super) fn keep_band(
    db: &dyn Sql,
    account: i64,
    month: i64,
    reached: &BandReached<'_>,
) -> Result<bool, LedgerError> {
    let sql = "INSERT INTO bands_reached (account, month, market, category, first, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
               ON CONFLICT (account, month, market, category, first) DO UPDATE SET at = excluded.at \
               WHERE bands_reached.at > excluded.at";
    let values = [
        account.into(),
        month.into(),
        reached.market.as_str().into(),
        reached.category.band_counter().as_str().into(),
        i64::try_from(reached.band_reached).unwrap_or(i64::MAX).into(),
        i64::from(reached.at.secs()).into(),
    ];
    Ok(db.run(sql, &values)? > 0)
}

/// The bands that were reached in a month, of one account or of all.
pub(crate) fn band_bounds(
    db: &dyn Sql,
    month: YearMonth,
    account: Option<&str>,
) -> Result<Vec<BandBound>, LedgerError> {
    let sql = "SELECT a.name, b.market, b.category, b.first, b.at FROM bands_reached b JOIN accounts a ON a.ix = b.account \
               WHERE b.month = ?1 AND (CAST(?2 AS TEXT) IS NULL OR a.name = ?2) \
               ORDER BY a.name, b.market, b.category, b.first";
    let mut found = Vec::new();
    db.rows(sql, &[number_of(month).into(), account.into()], &mut |row| {
        let category = row.words(2)?;
        let category = Category::parse(category)
            .ok_or_else(|| LedgerError::Stored { what: "bands_reached.category", value: category.to_owned() })?;
        found.push(BandBound {
            account: row.words(0)?.to_owned(),
            market: row.words(1)?.to_owned(),
            category,
            first: row.required(3)? as u64,
            at_s: row.required(4)? as u64,
        });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

impl Reader {
    /// See [`band_bounds`].
    pub(crate) fn band_bounds(&self, month: YearMonth, account: Option<&str>) -> Result<Vec<BandBound>, LedgerError> {
        self.read(|db| band_bounds(db, month, account))
    }
}
