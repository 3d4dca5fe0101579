//! Local dates of a WABA. Instants are whole seconds since 1970-01-01T00:00:00Z, as in the
//! platform's webhooks. The zone database is the bundled one, so every machine agrees.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use crate::YearMonth;

/// A WABA's time zone.
#[derive(Debug, Clone)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

/// The local day that was asked for last: the caller keeps one per WABA (or one per loop), so that
/// the zone is searched about once a day and not once a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneCache {
    /// First second at which `date` holds.
    valid_from: i64,
    /// First second at which it no longer does; equal to `valid_from` while empty.
    valid_to: i64,
    date: Date,
}

impl Default for ZoneCache {
    fn default() -> Self {
        Self { valid_from: 0, valid_to: 0, date: Date::ZERO }
    }
}

/// Not a zone of the IANA database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("time zone `{0}` is not in the IANA database; write a name such as America/Sao_Paulo")]
pub struct UnknownZone(pub String);

impl Zone {
    /// Looks the IANA name up, ignoring case, in the bundled database.
    ///
    /// # Errors
    /// [`UnknownZone`].
    pub fn new(name: &str) -> Result<Self, UnknownZone> {
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| UnknownZone(name.to_owned()))?;
        let name = zone.iana_name().unwrap_or(name).to_owned();
        Ok(Self { name, zone })
    }

    /// The IANA name in its usual spelling.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The local date at an instant. `cache` must have been used with this zone only.
    #[must_use]
    pub fn local_date(&self, instant: i64, cache: &mut ZoneCache) -> Date {
        if !(cache.valid_from <= instant && instant < cache.valid_to) {
            *cache = self.day_at(instant);
        }
        cache.date
    }

    /// The local date at an instant, without a cache: some hundred nanoseconds.
    #[must_use]
    pub fn local_date_at(&self, instant: i64) -> Date {
        self.day_at(instant).date
    }

    /// The local date and time at an instant.
    pub(crate) fn local(&self, instant: i64) -> DateTime {
        self.zone.to_datetime(timestamp(instant))
    }

    /// The instant of a local date and time: the first where clocks show it twice, the next where they skip it.
    pub(crate) fn instant(&self, local: DateTime) -> i64 {
        self.zone.to_timestamp(local).map_or(i64::MAX, Timestamp::as_second)
    }

    /// The local hour, 0 to 23, at an instant.
    #[must_use]
    pub fn local_hour(&self, instant: i64) -> u8 {
        self.local(instant).hour().unsigned_abs()
    }

    /// The local month at an instant.
    #[must_use]
    pub fn local_month(&self, instant: i64, cache: &mut ZoneCache) -> YearMonth {
        YearMonth::of(self.local_date(instant, cache))
    }

    /// The month's bounds as instants: its first second and the first second after it. Local
    /// midnight, or the end of the gap where clocks skip it.
    #[must_use]
    pub fn month_bounds(&self, month: YearMonth) -> (i64, i64) {
        (self.month_start(month), self.month_start(month.next()))
    }

    fn month_start(&self, month: YearMonth) -> i64 {
        self.midnight(month.first_day())
    }

    /// Local midnight at which a date begins, or the end of the gap where clocks skip it.
    pub(crate) fn midnight(&self, date: Date) -> i64 {
        self.zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible().map_or(i64::MAX, Timestamp::as_second)
    }

    /// The stretch of one local date and one offset around an instant.
    fn day_at(&self, instant: i64) -> ZoneCache {
        let at = timestamp(instant);
        let offset = self.zone.to_offset(at);
        let local = offset.to_datetime(at);
        let midnight = local.date().at(0, 0, 0, 0);
        let next = midnight.checked_add(SignedDuration::from_hours(24)).unwrap_or(DateTime::MAX);
        let second_later = timestamp(instant.saturating_add(1));
        let offset_from = self.zone.preceding(second_later).next();
        let offset_to = self.zone.following(at).next();
        ZoneCache {
            valid_from: utc_second(midnight, offset).max(offset_from.map_or(i64::MIN, |t| t.timestamp().as_second())),
            valid_to: utc_second(next, offset).min(offset_to.map_or(i64::MAX, |t| t.timestamp().as_second())),
            date: local.date(),
        }
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

/// Instants outside the years -9999 to 9999 are taken as the nearest inside.
pub(crate) fn timestamp(instant: i64) -> Timestamp {
    let (min, max) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(instant.clamp(min, max)).expect("clamped to the range of timestamps")
}

fn utc_second(local: DateTime, offset: Offset) -> i64 {
    offset.to_timestamp(local).map_or_else(
        |_| {
            if local < DateTime::ZERO { i64::MIN } else { i64::MAX }
        },
        Timestamp::as_second,
    )
}
