//! Billing and usage months as instants: local midnights of the WABA.

use super::Zones;
use crate::export::write::ExportError;
use crate::ledger::{LedgerError, SummaryRow};
use tollgate_rate_card::{YearMonth, Zone};

/// First second of a month and the first one after it, since the Unix epoch.
pub(super) type Bounds = (i64, i64);

/// The bounds of one row.
#[derive(Clone, Copy, Default)]
pub(super) struct RowBounds {
    /// Of the month it is billed in.
    pub(super) billing: Bounds,
    /// Of the month it was used in.
    pub(super) usage: Bounds,
}

/// Finds bounds. Remembers those of the row before: neighbours mostly share them.
pub(super) struct Periods<'z> {
    zones: &'z Zones,
    /// WABA, billing and usage period that `bounds` is of.
    key: (String, String, String),
    bounds: RowBounds,
}

impl<'z> Periods<'z> {
    pub(super) fn new(zones: &'z Zones) -> Self {
        Self { zones, key: Default::default(), bounds: RowBounds::default() }
    }

    pub(super) fn of(&mut self, r: &SummaryRow<'_>) -> Result<RowBounds, ExportError> {
        let (waba, billing, usage) = &self.key;
        if (waba.as_str(), billing.as_str(), usage.as_str()) != (r.waba, r.billing_period, r.usage_period) {
            let zone = self
                .zones
                .get(r.waba)
                .ok_or_else(|| ExportError::UnknownZone { account: r.account.to_owned(), waba: r.waba.to_owned() })?;
            self.bounds = RowBounds {
                billing: bounds(zone, "billing_period", r.billing_period)?,
                usage: bounds(zone, "usage_period", r.usage_period)?,
            };
            self.key = (r.waba.to_owned(), r.billing_period.to_owned(), r.usage_period.to_owned());
        }
        Ok(self.bounds)
    }
}

fn bounds(zone: &Zone, what: &'static str, period: &str) -> Result<Bounds, LedgerError> {
    let month: YearMonth = period.parse().map_err(|_| LedgerError::Stored { what, value: period.to_owned() })?;
    Ok(zone.month_bounds(month))
}
