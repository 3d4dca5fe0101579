//! Until when there are prices in a currency.

use tollgate_rate_card::{Currency, Date, RateCards};
use tollgate_wire::Time;

const SECOND_MS: u64 = 1_000;
const DAY_S: i64 = 86_400;

/// How long there are prices, from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priced {
    /// There is no card on that day.
    Not,
    /// The first day without a card.
    Until(Date),
    /// The last card has no end.
    Onwards,
}

/// How long there are prices in a currency, from `today` on without a gap.
#[must_use]
pub fn priced(rates: &RateCards, currency: Currency, today: Date) -> Priced {
    let mut day = today;
    let Some(mut card) = rates.card_at(currency, day) else { return Priced::Not };
    // From card to card: each is as long as a quarter, as a rule.
    while let Some(last) = rates.card(card).validity().to() {
        let Ok(next) = last.tomorrow() else { return Priced::Onwards };
        match rates.card_at(currency, next) {
            Some(following) if next > day => (card, day) = (following, next),
            _ => return Priced::Until(next),
        }
    }
    Priced::Onwards
}

/// The first day of a currency's newest card.
#[must_use]
pub fn newest_card(rates: &RateCards, currency: Currency) -> Option<Date> {
    rates.cards().iter().filter(|card| card.currency() == currency).map(|card| card.validity().from()).max()
}

/// The day of an instant, in UTC.
#[must_use]
pub fn day_of(at: Time) -> Date {
    let epoch = Date::constant(1970, 1, 1);
    let days = i64::try_from(at.0 / SECOND_MS).unwrap_or(0) / DAY_S;
    epoch.checked_add(jiff::Span::new().days(days)).unwrap_or(Date::MAX)
}

/// The first instant of a day, in UTC; seconds since 1970.
#[must_use]
pub(super) fn seconds_of(day: Date) -> i64 {
    let days = day.since(Date::constant(1970, 1, 1)).map_or(0, |since| since.get_days());
    i64::from(days) * DAY_S
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn prices_last_until_the_first_day_without_a_card() {
        let rates = RateCards::embedded().unwrap();
        let usd: Currency = "USD".parse().unwrap();
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert_eq!(priced(&rates, usd, day("2026-11-01")), Priced::Onwards, "the newest is open");
        assert_eq!(newest_card(&rates, usd), Some(day("2026-10-01")));
        assert_eq!(priced(&rates, usd, day("2019-01-01")), Priced::Not);
        let without: Currency = "IDR".parse().unwrap();
        assert_eq!((priced(&rates, without, day("2026-11-01")), newest_card(&rates, without)), (Priced::Not, None));
        assert_eq!(day_of(Time(1_790_812_800_000)), day("2026-10-01"));
        assert_eq!(seconds_of(day("2026-10-01")), 1_790_812_800);
    }
}
