//! From when to when a rule, a card or a bar holds.

use jiff::civil::Date;

/// A closed range of local dates, 00:00 of the first to 24:00 of the last, in the WABA's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    from: Date,
    to: Date,
    /// Both as [`day_key`]s, which is what the rating compares.
    keys: (i32, i32),
}

/// A date as one number in the same order, so that two dates compare in one step.
#[inline]
pub(crate) fn day_key(date: Date) -> i32 {
    (i32::from(date.year()) << 9) | (i32::from(date.month()) << 5) | i32::from(date.day())
}

impl Validity {
    /// `to` = `None` is open. `None` if it ends before it starts.
    #[must_use]
    pub fn new(from: Date, to: Option<Date>) -> Option<Self> {
        let to = to.unwrap_or(Date::MAX);
        let keys = (day_key(from), day_key(to));
        (from <= to).then_some(Self { from, to, keys })
    }

    /// First day.
    #[must_use]
    pub const fn from(&self) -> Date {
        self.from
    }

    /// Last day; `None` if open.
    #[must_use]
    pub fn to(&self) -> Option<Date> {
        (self.to != Date::MAX).then_some(self.to)
    }

    /// True from the first to the last day.
    #[must_use]
    #[inline]
    pub fn contains(&self, date: Date) -> bool {
        let day = day_key(date);
        self.keys.0 <= day && day <= self.keys.1
    }

    /// True if at least one day is common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    /// True if every day of this lies in `other`.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        other.from <= self.from && self.to <= other.to
    }

    /// True if `later` starts on the day after this ends.
    #[must_use]
    pub fn meets(&self, later: &Self) -> bool {
        self.to.tomorrow().is_ok_and(|day| day == later.from)
    }
}

impl std::fmt::Display for Validity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.to() {
            Some(to) => write!(f, "{} to {to}", self.from),
            None => write!(f, "{} onwards", self.from),
        }
    }
}
