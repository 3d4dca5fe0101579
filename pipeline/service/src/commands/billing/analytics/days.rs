//! Which days are asked for. The platform cuts days in UTC.

use std::ops::Range;

use tollgate_rate_card::{YearMonth, Zone};
use tollgate_wire::Time;

/// Days, counted from 1970-01-01.
pub(in super::super) type Span = Range<i64>;

/// Seconds of a day.
pub(super) const DAY_S: i64 = 86_400;
/// How many days up to yesterday are looked after: a month and the days around it that its zone may move into it.
pub(super) const LOOK_BACK: i64 = 35;

/// The day of an instant.
fn day(at: Time) -> i64 {
    i64::from(at.secs()) / DAY_S
}

/// The month of an instant, in UTC.
pub(super) fn month_of(at: Time) -> YearMonth {
    let text = at.to_string();
    text.get(..7).and_then(|month| month.parse().ok()).expect("a time begins with its month")
}

/// So many days before today.
pub(super) fn before_today(now: Time, days: i64) -> Span {
    let today = day(now);
    (today - days).max(0)..today
}

/// The days that a comparison counts to a month: those that lie in it by more than half, in the WABA's zone or else in
/// UTC, up to today.
pub(in super::super) fn of_month(month: YearMonth, zone: Option<&Zone>, now: Time) -> Span {
    let utc = || Zone::new("UTC").map_or((0, 0), |utc| utc.month_bounds(month));
    let (start, end) = zone.map_or_else(utc, |zone| zone.month_bounds(month));
    let half = DAY_S / 2;
    let first = (start + half).div_euclid(DAY_S);
    let end = (end + half - 1).div_euclid(DAY_S).min(day(now) + 1);
    first..end.max(first)
}

/// Seconds of days.
pub(super) fn seconds(span: &Span) -> Range<i64> {
    span.start * DAY_S..span.end * DAY_S
}

/// A day for people.
pub(super) fn shown(day: i64) -> String {
    let mut time = Time((day * DAY_S * 1_000).max(0).unsigned_abs()).to_string();
    time.truncate(10);
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-29T10:00:00Z, day 20786.
    const NOW: Time = Time(1_795_946_400_000);

    fn month(text: &str) -> YearMonth {
        text.parse().expect("a month")
    }

    fn words(span: &Span) -> (String, String) {
        (shown(span.start), shown(span.end))
    }

    fn days(from: &str, to: &str) -> (String, String) {
        (from.to_owned(), to.to_owned())
    }

    #[test]
    fn a_month_has_the_days_that_lie_in_it_by_more_than_half() {
        for (zone, from, to) in [
            ("UTC", "2026-10-01", "2026-11-01"),
            ("America/Sao_Paulo", "2026-10-01", "2026-11-01"),
            ("Asia/Kolkata", "2026-10-01", "2026-11-01"),
            ("Pacific/Kiritimati", "2026-09-30", "2026-10-31"),
            ("Pacific/Auckland", "2026-09-30", "2026-10-31"),
            ("Etc/GMT+12", "2026-10-02", "2026-11-01"),
            ("Etc/GMT-12", "2026-10-01", "2026-10-31"),
        ] {
            let zone = Zone::new(zone).expect("a zone");
            let span = of_month(month("2026-10"), Some(&zone), NOW);
            // The same by trying every day.
            let (start, end) = zone.month_bounds(month("2026-10"));
            let lies = |day: &i64| 2 * ((day * DAY_S + DAY_S).min(end) - (day * DAY_S).max(start)) > DAY_S;
            let tried: Vec<i64> = (span.start - 40..span.end + 40).filter(lies).collect();
            assert_eq!(span.clone().collect::<Vec<_>>(), tried, "{}", zone.name());
            if !zone.name().contains("12") && zone.name() != "Pacific/Auckland" {
                assert_eq!(words(&span), days(from, to), "{}", zone.name());
            }
        }
    }

    #[test]
    fn a_month_that_is_not_over_ends_with_today() {
        assert_eq!(words(&of_month(month("2026-11"), None, NOW)), days("2026-11-01", "2026-11-30"));
        assert!(of_month(month("2026-12"), None, NOW).is_empty());
        let midnight = Time(1_796_083_200_000);
        assert_eq!(words(&of_month(month("2026-12"), None, midnight)), days("2026-12-01", "2026-12-02"));
        assert_eq!(words(&of_month(month("2026-11"), None, midnight)), days("2026-11-01", "2026-12-01"));
    }

    #[test]
    fn days_before_today_end_with_yesterday() {
        assert_eq!(words(&before_today(NOW, 1)), days("2026-11-28", "2026-11-29"));
        assert_eq!(words(&before_today(NOW, LOOK_BACK)), days("2026-10-25", "2026-11-29"));
        assert_eq!(seconds(&before_today(NOW, 1)), 1_795_824_000..1_795_910_400);
        assert_eq!(month_of(NOW), month("2026-11"));
    }
}
