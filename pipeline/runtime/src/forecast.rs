//! Which market crosses which volume band on which day, and what a further message costs then.
//!
//! Counts what is booked in the month, and goes on at the pace of the last seven whole days (UTC). Bands count an account's
//! messages whatever they cost in, so its currencies cross them together, each at the rates of its own card. Reads the
//! ledger and writes nothing.

use crate::ledger::{LedgerError, Reader, Row, SHARING, Value};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tollgate_rate_card::{Category, Currency, Date, RateCards, YearMonth};
use tollgate_wire::Time;

/// Days that the pace is taken from.
const PACE_DAYS: i64 = 7;
const DAY_MS: u64 = 86_400_000;

/// A month as it will have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// The month, `YYYY-MM`.
    pub month: String,
    /// Today, UTC.
    #[serde(serialize_with = "as_text")]
    pub today: Date,
    /// By account, market, category and currency.
    pub groups: Vec<Group>,
}

/// Messages that volume bands count together, of an account, to a market, in a category, as they are priced in one of their
/// currencies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Account id.
    pub account: String,
    /// Pricing market.
    pub market: String,
    /// Category. Authentication and its international form are counted together.
    pub category: Category,
    /// ISO 4217: of the card that `rate` and `ahead` are of.
    pub currency: String,
    /// Charged messages of the month so far, in all currencies, and those of other software that the client pays for.
    pub messages: u64,
    /// Messages a day, to one decimal, likewise.
    pub pace: Decimal,
    /// Messages when the month ends, likewise; as many as there are if it is over.
    pub month_end: u64,
    /// What the next message costs in this currency; absent where the card has no bands for it that are known.
    pub rate: Option<Decimal>,
    /// Number of the band it is in, from 0 = list.
    pub band: Option<u8>,
    /// Bands to come, in order.
    pub ahead: Vec<Crossing>,
    /// Charged messages of the month so far that are booked in this currency.
    pub booked: u64,
}

/// A band to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Crossing {
    /// Number of the band, from 0 = list.
    pub band: u8,
    /// Its first message of the month.
    pub from: u64,
    /// The day on which that message is sent; absent when it is not within the month.
    #[serde(serialize_with = "as_text_if_any")]
    pub on: Option<Date>,
    /// What each further message costs.
    pub rate: Decimal,
}

fn as_text<S: Serializer>(date: &Date, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(date)
}

#[expect(clippy::ref_option, reason = "what serde gives")]
fn as_text_if_any<S: Serializer>(date: &Option<Date>, to: S) -> Result<S::Ok, S::Error> {
    date.map(|date| date.to_string()).serialize(to)
}

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    account: String,
    market: String,
    category: &'static str,
}

/// What is sent of it, in all currencies.
#[derive(Clone, Debug, Default)]
struct Count {
    month: i64,
    /// In the days that the pace is taken from.
    lately: i64,
    /// The first of these days with a message.
    since: Option<i64>,
    /// By currency, each on its own.
    own: BTreeMap<String, Own>,
}

/// What is booked in one currency.
#[derive(Clone, Copy, Debug, Default)]
struct Own {
    month: i64,
    lately: i64,
}

/// Looks ahead from `now` to the end of a month. A month that is over only says where it ended.
///
/// # Errors
/// The ledger cannot be read.
pub fn forecast(
    reader: &Reader,
    month: YearMonth,
    account: Option<&str>,
    rates: &RateCards,
    now: Time,
) -> Result<Forecast, LedgerError> {
    let today = (now.0 / DAY_MS) as i64;
    let mut counts: BTreeMap<Key, Count> = BTreeMap::new();
    for (of, counted) in [(month.previous(), false), (month, true)] {
        days(reader, of, account, today, counted, rates, &mut |key, (currency, late), day, messages| {
            let count = counts.entry(key).or_default();
            let mut own = currency.map(|currency| count.own.entry(currency).or_default());
            // What was used before has its place in the bands of that month, whichever bills it.
            if counted && !late {
                count.month += messages;
                own.iter_mut().for_each(|own| own.month += messages);
            }
            if (today - PACE_DAYS..today).contains(&day) {
                count.lately += messages;
                own.iter_mut().for_each(|own| own.lately += messages);
                count.since = Some(count.since.map_or(day, |since| since.min(day)));
            }
        })?;
    }
    // What the platform has counted is more, where it says so.
    for bound in reader.band_bounds(month, account)? {
        let before = bound.first.saturating_sub(1) as i64;
        let category = bound.category.band_counter().as_str();
        let key = Key { account: bound.account, market: bound.market, category };
        counts.entry(key).and_modify(|count| count.month = count.month.max(before));
    }
    let date = |day: i64| date_of(day).unwrap_or(Date::MAX);
    let groups = counts.iter().flat_map(|(key, count)| {
        let of = count.own.iter().filter(|(_, own)| own.month > 0 || own.lately > 0);
        of.map(move |(currency, own)| group(key, (currency.as_str(), own.month), count, (month, today), rates))
    });
    let groups = groups.collect();
    Ok(Forecast { month: month.to_string(), today: date(today), groups })
}

/// Messages in volume bands of a billing month, by day of delivery; of another month than the one looked at only the
/// latest days. What is counted and not booked has no currency, nor has what has no price: it counts in those of all others,
/// as settling has it.
fn days(
    reader: &Reader,
    month: YearMonth,
    account: Option<&str>,
    today: i64,
    whole: bool,
    rates: &RateCards,
    each: &mut dyn FnMut(Key, (Option<String>, bool), i64, i64),
) -> Result<(), LedgerError> {
    let from = if whole { 0 } else { (today - PACE_DAYS).max(0) * DAY_MS as i64 };
    let of_one = if account.is_some() { "AND g.account = ?4" } else { "" };
    let sql = format!(
        "SELECT g.account, g.market, g.category, \
         CASE WHEN g.kind <> 'counted' AND g.band_basis IS NOT NULL THEN g.cost_currency END, e.occurred_at / ?3, \
         CAST(sum(CASE WHEN g.kind <> 'counted' THEN e.quantity WHEN t.cause = 'reversal' THEN -1 ELSE 1 END) AS BIGINT), \
         CAST(CASE WHEN g.usage_period < g.billing_period THEN 1 ELSE 0 END AS BIGINT), \
         CASE WHEN g.band_basis IS NULL THEN t.rulebook END FROM entries e {SHARING} \
         WHERE e.month = ?1 AND e.occurred_at >= ?2 {of_one} AND (g.band_basis IS NOT NULL OR (g.pricing_type IS NULL \
         AND g.market IS NOT NULL AND t.rulebook IS NOT NULL AND e.ordinal IS NOT NULL)) GROUP BY 1, 2, 3, 4, 5, 7, 8"
    );
    let number = i64::from(month.year()) * 12 + i64::from(month.month()) - 1;
    let mut values: Vec<Value<'_>> = vec![number.into(), from.into(), (DAY_MS as i64).into()];
    values.extend(account.map(Value::Text));
    reader.read(|db| {
        db.rows(&sql, &values, &mut |row: &dyn Row| {
            let category = row.text(2)?.and_then(Category::parse);
            let unpriced_by = row.text(7)?;
            let counts = |category: &Category| unpriced_by.is_none_or(|book| has_bands_alone(rates, book, *category));
            if let Some(category) = category.filter(counts) {
                let key = Key {
                    account: row.words(0)?.to_owned(),
                    market: row.words(1)?.to_owned(),
                    category: category.band_counter().as_str(),
                };
                let late = row.required(6)? != 0;
                each(key, (row.text(3)?.map(str::to_owned), late), row.required(4)?, row.required(5)?);
            }
            Ok(ControlFlow::Continue(()))
        })
    })
}

/// Whether a position of what has no price can only be one in bands: an allowance of the category would have its own.
fn has_bands_alone(rates: &RateCards, rulebook: &str, category: Category) -> bool {
    let rule = rates.rulebooks().find(|book| book.id == rulebook).map(|book| book.rule(category));
    rule.is_some_and(|rule| rule.volume_bands && rule.allowance.is_none())
}

/// The row of one currency: count, pace and days of all of them, rates of its own card.
fn group(
    key: &Key,
    (currency, booked): (&str, i64),
    count: &Count,
    (month, today): (YearMonth, i64),
    rates: &RateCards,
) -> Group {
    let days = count.since.map_or(PACE_DAYS, |since| (today - since).clamp(1, PACE_DAYS)) as u64;
    let messages = count.month.max(0) as u64;
    let lately = count.lately.max(0) as u64;
    let over = date_of(today).is_none_or(|date| date > month.last_day());
    let left =
        if over { 0 } else { (number_of(month.last_day()) - today.max(number_of(month.first_day())) + 1).max(0) };
    let first = today.max(number_of(month.first_day()));
    let month_end = messages + lately * left as u64 / days;
    let category = Category::parse(key.category).unwrap_or(Category::Marketing);
    let table = |date: Date| {
        let card = rates.card_at(Currency::new(currency)?, date)?;
        rates.card(card).bands(rates.map().market_named(&key.market)?, category)
    };
    let now = if over { month.last_day() } else { date_of(first).unwrap_or(month.last_day()) };
    let next = table(now).map(|table| table.at(messages + 1));
    let to_come = |from: u64| from > messages + 1;
    let bands = table(now).map(|table| table.bands().to_vec()).unwrap_or_default();
    let ahead = bands.into_iter().filter(|(band, _)| to_come(band.from)).map(|(band, rate)| {
        // The message is sent on the day in whose course the count reaches it.
        let needed = band.from - messages;
        let after = (lately > 0).then(|| (u128::from(needed) * u128::from(days)).div_ceil(u128::from(lately)));
        let day = after.and_then(|n| i64::try_from(n).ok()).filter(|n| *n <= left).map(|n| first + n - 1);
        let on = day.and_then(date_of);
        // Another card may hold by then.
        let rate = on.and_then(table).map_or(rate, |table| table.at(band.from).1);
        Crossing { band: band.index, from: band.from, on, rate }
    });
    Group {
        ahead: ahead.collect(),
        account: key.account.clone(),
        market: key.market.clone(),
        category,
        messages,
        pace: (Decimal::from(lately) / Decimal::from(days)).round_dp(1),
        month_end,
        rate: next.map(|(_, rate)| rate),
        band: next.map(|(band, _)| band.index),
        currency: currency.to_owned(),
        booked: booked.max(0) as u64,
    }
}

/// Days since 1970-01-01.
fn number_of(date: Date) -> i64 {
    let since = jiff::civil::date(1970, 1, 1).until(date).map(|span| i64::from(span.get_days()));
    since.unwrap_or_default()
}

fn date_of(day: i64) -> Option<Date> {
    let at = jiff::Timestamp::from_second(day.checked_mul(86_400)?).ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).date())
}

#[cfg(test)]
mod tests;
