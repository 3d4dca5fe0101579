//! Which market crosses which volume band on which day, and what a further message costs then.
//!
//! Counts what is booked in the month, and goes on at the pace of the last seven whole days (UTC). Reads the ledger and
//! writes nothing.

use crate::ledger::{LedgerError, Reader, Row, Value};
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

/// Messages that volume bands count together: of an account, to a market, in a category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Account id.
    pub account: String,
    /// Pricing market.
    pub market: String,
    /// Category. Authentication and its international form are counted together.
    pub category: Category,
    /// ISO 4217.
    pub currency: String,
    /// Charged messages of the month so far.
    pub messages: u64,
    /// Messages a day, to one decimal.
    pub pace: Decimal,
    /// Messages when the month ends; as many as there are if it is over.
    pub month_end: u64,
    /// What the next message costs; absent where the card has no bands for it that are known.
    pub rate: Option<Decimal>,
    /// Number of the band it is in, from 0 = list.
    pub band: Option<u8>,
    /// Bands to come, in order.
    pub ahead: Vec<Crossing>,
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
    currency: String,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    month: i64,
    /// In the days that the pace is taken from.
    lately: i64,
    /// The first of these days with a message.
    since: Option<i64>,
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
        days(reader, of, account, today, counted, &mut |key, day, messages| {
            let count = counts.entry(key).or_default();
            if counted {
                count.month += messages;
            }
            if (today - PACE_DAYS..today).contains(&day) {
                count.lately += messages;
                count.since = Some(count.since.map_or(day, |since| since.min(day)));
            }
        })?;
    }
    // What the platform has counted is more, where it says so.
    let mut reached: BTreeMap<Key, i64> = BTreeMap::new();
    for bound in reader.band_bounds(month, account)? {
        for key in counts.keys() {
            if (key.account.as_str(), key.market.as_str(), key.category)
                == (bound.account.as_str(), bound.market.as_str(), bound.category.band_counter().as_str())
            {
                let before = bound.first.saturating_sub(1) as i64;
                let of = reached.entry(key.clone()).or_default();
                *of = before.max(*of);
            }
        }
    }
    for (key, before) in reached {
        counts.entry(key).and_modify(|count| count.month = count.month.max(before));
    }
    let date = |day: i64| date_of(day).unwrap_or(Date::MAX);
    let groups = counts.into_iter().filter(|(_, count)| count.month > 0 || count.lately > 0);
    let groups = groups.map(|(key, count)| group(key, count, month, today, rates)).collect();
    Ok(Forecast { month: month.to_string(), today: date(today), groups })
}

/// Messages in volume bands of a billing month, by day of delivery; of another month than the one looked at only the
/// latest days.
fn days(
    reader: &Reader,
    month: YearMonth,
    account: Option<&str>,
    today: i64,
    whole: bool,
    each: &mut dyn FnMut(Key, i64, i64),
) -> Result<(), LedgerError> {
    let from = if whole { 0 } else { (today - PACE_DAYS).max(0) * DAY_MS as i64 };
    let of_one = if account.is_some() { "AND g.account = ?4" } else { "" };
    let sql = format!(
        "SELECT g.account, g.market, g.category, g.cost_currency, e.occurred_at / ?3, CAST(sum(e.quantity) AS BIGINT) \
         FROM entries e JOIN entry_groups g ON g.ix = e.grp \
         WHERE e.month = ?1 AND e.occurred_at >= ?2 AND g.band_basis IS NOT NULL {of_one} GROUP BY 1, 2, 3, 4, 5"
    );
    let number = i64::from(month.year()) * 12 + i64::from(month.month()) - 1;
    let mut values: Vec<Value<'_>> = vec![number.into(), from.into(), (DAY_MS as i64).into()];
    values.extend(account.map(Value::Text));
    reader.read(|db| {
        db.rows(&sql, &values, &mut |row: &dyn Row| {
            if let Some(category) = row.text(2)?.and_then(Category::parse) {
                let key = Key {
                    account: row.words(0)?.to_owned(),
                    market: row.words(1)?.to_owned(),
                    category: category.band_counter().as_str(),
                    currency: row.words(3)?.to_owned(),
                };
                each(key, row.required(4)?, row.required(5)?);
            }
            Ok(ControlFlow::Continue(()))
        })
    })
}

fn group(key: Key, count: Count, month: YearMonth, today: i64, rates: &RateCards) -> Group {
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
        let card = rates.card_at(Currency::new(&key.currency)?, date)?;
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
        account: key.account,
        market: key.market,
        category,
        messages,
        pace: (Decimal::from(lately) / Decimal::from(days)).round_dp(1),
        month_end,
        rate: next.map(|(_, rate)| rate),
        band: next.map(|(band, _)| band.index),
        currency: key.currency,
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
mod tests {
    use super::*;
    use crate::ledger::LedgerStore as _;
    use crate::ledger::fixture::{Database, READ_AT, charge, dec, json, on_both, records};
    use tollgate_rate_card::{Source, Sources};
    use tollgate_wire::ledger::LedgerEntry;

    on_both!(bands_are_crossed_at_the_pace_of_the_last_week, nothing_known_is_nothing_promised);

    /// Mexico's utility in bands of ten messages, from July on.
    fn rates() -> RateCards {
        let mut sources = Sources::embedded();
        let bands = "# currency=USD valid_from=2026-07-01 valid_to=2026-09-30 scale=4\n\
            market,currency,category,from_message,to_message,rate_type,rate,vs_list_pct\n\
            Mexico,USD,utility,1,10,LIST,0.0085,0\nMexico,USD,utility,11,40,TIER,0.0081,-5\n\
            Mexico,USD,utility,41,1000,TIER,0.0077,-10\nMexico,USD,utility,1001,,TIER,0.0073,-15\n";
        sources.bands = vec![Source::new("bands.csv", bands)];
        RateCards::from_sources(&sources).expect("good data")
    }

    fn at(day: u64) -> Time {
        // 2026-08-31T12:00Z and so many days.
        Time(1_788_177_600_000 + day * DAY_MS)
    }

    fn sent(n: u64, day: u64) -> LedgerEntry<'static> {
        let month = if day == 0 { "2026-08" } else { "2026-09" };
        LedgerEntry {
            market: Some("Mexico".into()),
            country: Some("MX".into()),
            occurred_at: at(day),
            usage_period: month.into(),
            billing_period: month.into(),
            ..charge(n)
        }
    }

    fn book(dir: &Database, entries: &[LedgerEntry<'_>]) {
        let values: Vec<_> = entries.iter().map(json).collect();
        let done = dir.writer().ingest(&records(&values, 0), READ_AT).expect("books");
        assert_eq!(done.applied, values.len() as u64);
    }

    fn look(dir: &Database, today: u64) -> Vec<Group> {
        let month = "2026-09".parse().expect("a month");
        forecast(&dir.reader(), month, Some("acme"), &rates(), at(today)).expect("reads").groups
    }

    fn bands_are_crossed_at_the_pace_of_the_last_week(dir: &Database) {
        // 5 on the last of August, 2 a day from September 1 to 6.
        let mut all: Vec<_> = (0..5).map(|n| sent(n, 0)).collect();
        all.extend((0..12).map(|n| sent(10 + n, 1 + n / 2)));
        book(dir, &all);
        // On September 7: 17 in the last 7 days, 12 of them this month. 24 days are left, this one included.
        let [group] = look(dir, 7).try_into().expect("one group");
        assert_eq!((group.messages, group.pace, group.month_end), (12, dec("2.4"), 12 + 17 * 24 / 7));
        assert_eq!((group.band, group.rate), (Some(1), Some(dec("0.0081"))));
        // Message 41 is the 29th to come: at 17 in 7 days in the 12th day from the 7th on, the 18th.
        let on = |day: &str| Some(day.parse::<Date>().expect("a day"));
        assert_eq!(
            group.ahead,
            [
                Crossing { band: 2, from: 41, on: on("2026-09-18"), rate: dec("0.0077") },
                Crossing { band: 3, from: 1_001, on: None, rate: dec("0.0073") },
            ]
        );
        // What was taken back is not counted; a month that is over goes nowhere.
        let back = LedgerEntry {
            entry: "ff".repeat(16).into(),
            kind: tollgate_wire::ledger::EntryKind::Adjustment,
            adjusts: Some(all[16].entry.clone()),
            revision: 1,
            quantity: -1,
            cost: Some(dec("-0.0068")),
            price_ex_tax: Some(dec("-0.0068")),
            ..all[16].clone()
        };
        let values = [json(&back)];
        dir.writer().ingest(&records(&values, 17), READ_AT).expect("books");
        let [group] = look(dir, 40).try_into().expect("one group");
        assert_eq!((group.messages, group.month_end, group.pace), (11, 11, dec("0.0")));
        assert!(group.ahead.iter().all(|crossing| crossing.on.is_none()));
    }

    fn nothing_known_is_nothing_promised(dir: &Database) {
        let unknown = LedgerEntry { market: Some("Brazil".into()), ..sent(1, 1) };
        book(dir, &[unknown, LedgerEntry { band_basis: None, band: None, ..sent(2, 1) }]);
        let [group] = look(dir, 2).try_into().expect("one group");
        assert_eq!((group.market.as_str(), group.rate, group.band, group.ahead.len()), ("Brazil", None, None, 0));
        assert_eq!((group.messages, group.month_end), (1, 1 + 29));
    }
}
