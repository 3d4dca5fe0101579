//! What is compared of a WABA: its days or months as the platform cut them, and the columns that tell rows apart.

use serde::Serialize;
use tollgate_rate_card::{PricingModel, YearMonth, Zone, ZoneCache};
use tollgate_wire::ledger::LedgerEntry;

/// Farthest that a zone's midnight is from that of UTC, in seconds.
const ZONE_S: i64 = 14 * 3600;

/// The type that is charged.
pub(super) const REGULAR: &str = "regular";

/// One row. What the figures do not tell apart is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Key {
    /// WABA id.
    pub waba: String,
    /// Messages or conversations; none when both are in one figure.
    pub model: Option<PricingModel>,
    /// First second of the bucket.
    pub start: i64,
    /// First second after it.
    pub end: i64,
    /// Phone number id; of a number that is not ours its digits.
    pub phone: String,
    /// ISO 3166-1 alpha-2; empty where it is not known too.
    pub country: String,
    /// Regular or a free type, in the ledger's words.
    pub pricing_type: String,
    /// Category, of regular ones alone where types are told apart.
    pub category: String,
    /// ISO 4217, where the figures say it.
    pub currency: String,
}

/// The columns that figures have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Grain {
    pub waba: bool,
    pub phone: bool,
    pub country: bool,
    pub pricing_type: bool,
    pub category: bool,
    pub currency: bool,
}

/// What is compared of one WABA and pricing model.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub grain: Grain,
    /// Buckets of the month, sorted, none over another.
    pub buckets: Vec<(i64, i64)>,
    /// The month's bounds on the clock of the buckets.
    pub month: (i64, i64),
    /// Whether the figures have costs.
    pub costs: bool,
    /// Whether days are the WABA's own, so that buckets are counted as if its midnight were UTC's.
    pub local: bool,
    /// Whether free messages are in the figures.
    pub free: bool,
    /// Whether messages and conversations are figures of their own.
    pub model: bool,
}

/// Where an entry of the month lies.
pub(super) enum Place {
    /// In a bucket of the figures, or in one that they leave out for want of messages.
    In((i64, i64)),
    /// Before or after all of them, by less than a zone can make.
    Edge((i64, i64)),
}

impl Scope {
    /// The bucket of an instant, if the figures have one.
    pub(super) fn bucket(&self, at: i64) -> Option<(i64, i64)> {
        let after = self.buckets.partition_point(|(start, _)| *start <= at);
        self.buckets[..after].last().copied().filter(|(_, end)| at < *end)
    }

    /// Where an entry of the month lies: the platform leaves buckets without messages out.
    pub(super) fn place(&self, at: i64) -> Place {
        if let Some(bucket) = self.bucket(at) {
            return Place::In(bucket);
        }
        let (first, last) = (self.month.0.min(at), self.month.1.max(at + 1));
        let next = self.buckets.partition_point(|(start, _)| *start <= at);
        let before = next.checked_sub(1).map(|at| self.buckets[at]);
        let after = self.buckets.get(next).copied();
        // A bucket belongs to the month that has most of it: what is left over at an edge is at most half of one.
        let beside = |(start, end): (i64, i64), rest: i64| rest <= ((end - start) / 2).min(ZONE_S);
        match (before, after) {
            (Some(before), Some(after)) => Place::In((before.1, after.0)),
            (Some(before), None) if beside(before, last - before.1) => Place::Edge((before.1, last)),
            (None, Some(after)) if beside(after, after.0 - first) => Place::Edge((first, after.0)),
            (Some(before), None) => Place::In((before.1, last)),
            (None, Some(after)) => Place::In((first, after.0)),
            (None, None) => Place::In((first, last)),
        }
    }
}

/// Whether most of a bucket lies in a month, or it is the month.
pub(super) fn belongs((start, end): (i64, i64), month: (i64, i64)) -> bool {
    2 * (end.min(month.1) - start.max(month.0)) > end - start
}

/// A month's bounds as if local time were UTC.
pub(super) fn civil_bounds(month: YearMonth) -> (i64, i64) {
    let midnight = |month: YearMonth| {
        let zoned = month.first_day().to_zoned(jiff::tz::TimeZone::UTC);
        zoned.map_or(i64::MAX, |zoned| zoned.timestamp().as_second())
    };
    (midnight(month), midnight(month.next()))
}

/// The midnight of an entry's local day as if it were UTC's.
pub(super) fn civil_day(entry: &LedgerEntry<'_>, zone: &Zone, cache: &mut ZoneCache) -> i64 {
    let at = i64::from(entry.occurred_at.secs());
    let day = zone.local_date(at, cache).to_zoned(jiff::tz::TimeZone::UTC);
    day.map_or(at, |day| day.timestamp().as_second())
}
