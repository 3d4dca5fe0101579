//! A calendar month, in whose zone is the caller's to know.

use jiff::civil::Date;

/// A calendar month of the WABA's zone, such as `2026-10`: the unit of bands, allowances and bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct YearMonth {
    year: i16,
    month: i8,
}

impl YearMonth {
    /// `None` unless `month` is 1 to 12 and `year` is 1 to 9998.
    #[must_use]
    pub const fn new(year: i16, month: i8) -> Option<Self> {
        if year >= 1 && year <= 9998 && month >= 1 && month <= 12 { Some(Self { year, month }) } else { None }
    }

    /// The month that a local date lies in.
    #[must_use]
    pub fn of(date: Date) -> Self {
        Self { year: date.year(), month: date.month() }
    }

    /// The year.
    #[must_use]
    pub const fn year(self) -> i16 {
        self.year
    }

    /// The month, 1 to 12.
    #[must_use]
    pub const fn month(self) -> i8 {
        self.month
    }

    /// The month after.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { year: self.year, month: self.month + 1 }
        }
    }

    /// The month before.
    #[must_use]
    pub const fn previous(self) -> Self {
        if self.month == 1 {
            Self { year: self.year - 1, month: 12 }
        } else {
            Self { year: self.year, month: self.month - 1 }
        }
    }

    /// Its first day.
    #[must_use]
    pub fn first_day(self) -> Date {
        jiff::civil::date(self.year, self.month, 1)
    }

    /// Its last day.
    #[must_use]
    pub fn last_day(self) -> Date {
        self.first_day().last_of_month()
    }
}

impl std::fmt::Display for YearMonth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl std::str::FromStr for YearMonth {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let parse = || {
            let (year, month) = text.split_once('-')?;
            let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
            if year.len() != 4 || month.len() != 2 || !digits(year) || !digits(month) {
                return None;
            }
            Self::new(year.parse().ok()?, month.parse().ok()?)
        };
        parse().ok_or_else(|| InvalidMonth(text.to_owned()))
    }
}

/// Not `YYYY-MM`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("month `{0}` is not a calendar month; write YYYY-MM, such as 2026-10")]
pub struct InvalidMonth(pub String);

crate::text_serde::text_serde!(YearMonth);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_writes_and_steps() {
        let month: YearMonth = "2026-12".parse().expect("well-formed");
        assert_eq!(month.next().to_string(), "2027-01");
        assert_eq!(month.next().previous(), month);
        assert_eq!(month.last_day(), jiff::civil::date(2026, 12, 31));
        for bad in ["2026-13", "2026-1", "202610", "2026-+1", ""] {
            assert!(bad.parse::<YearMonth>().is_err(), "{bad}");
        }
    }
}
