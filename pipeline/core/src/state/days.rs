//! Local days: of what date an instant is in the zone of a WABA.

use super::State;
use crate::ids::WabaIx;
use tollgate_rate_card::Date;

/// A local day of a WABA.
#[derive(Clone, Copy, Debug)]
pub(super) struct Day {
    from_s: u32,
    to_s: u32,
    date: Date,
    last_delivery: Date,
}

/// The platform tries for up to 30 days.
fn last_delivery(date: Date) -> Date {
    date.checked_add(jiff::Span::new().days(30)).unwrap_or(date)
}

impl Default for Day {
    fn default() -> Self {
        Self { from_s: 0, to_s: 0, date: Date::ZERO, last_delivery: Date::ZERO }
    }
}

impl State {
    /// The local date of an instant in a WABA's zone, and the last date at which a message that leaves then can
    /// still be delivered.
    pub(crate) fn day(&self, waba: WabaIx, at_s: u32) -> (Date, Date) {
        let day = self.days[waba.at()];
        if (day.from_s..day.to_s).contains(&at_s) {
            return (day.date, day.last_delivery);
        }
        let date = self.wabas[waba.at()].zone.local_date_at(i64::from(at_s));
        (date, last_delivery(date))
    }

    /// Refreshes the local days; looking a zone up for every message would cost more than deciding it.
    pub(crate) fn turn_days(&mut self, now_s: u32) {
        for (day, waba) in self.days.iter_mut().zip(&self.wabas) {
            if (day.from_s..day.to_s).contains(&now_s) {
                continue;
            }
            // Offsets change at most once a day, on whole quarters of an hour.
            let from_s = now_s / 900 * 900;
            let date = waba.zone.local_date_at(i64::from(from_s));
            let mut to_s = from_s + 900;
            while to_s < from_s + 90_000 && waba.zone.local_date_at(i64::from(to_s)) == date {
                to_s += 900;
            }
            *day = Day { from_s, to_s, date, last_delivery: last_delivery(date) };
        }
    }
}
