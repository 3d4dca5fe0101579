//! The answer about a WABA: `pricing_analytics` from the sums of what was delivered.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::fields::{AnalyticsQuery, Fields};
use crate::world::World;
use crate::world::charged::{DAY_S, Kind};

#[derive(Serialize)]
struct Waba<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pricing_analytics: Option<Analytics<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

#[derive(Serialize)]
struct Analytics<'a> {
    data: [Data<'a>; 1],
}

#[derive(Serialize)]
struct Data<'a> {
    data_points: Vec<Point<'a>>,
}

/// One figure; what was not to be told apart is left out. The sandbox has no rates, so there is no cost.
#[derive(Serialize)]
struct Point<'a> {
    start: u64,
    end: u64,
    #[serde(flatten)]
    row: Row<'a>,
    volume: u64,
}

/// What a figure is of.
#[derive(Clone, Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    /// Free figures have none. Analytics know the first band alone, without end, whatever is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pricing_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pricing_category: Option<String>,
}

/// The body that answers a question about the WABA of a portfolio.
pub(crate) fn answer(world: &World, portfolio: usize, fields: &Fields) -> Vec<u8> {
    let points = |query| Analytics { data: [Data { data_points: points(world, portfolio, query) }] };
    let waba = Waba {
        pricing_analytics: fields.pricing_analytics.as_ref().map(points),
        id: fields.id.then_some(&world.portfolios[portfolio].waba),
    };
    serde_json::to_vec(&waba).expect("strings and numbers always serialise")
}

fn points<'a>(world: &'a World, portfolio: usize, query: &AnalyticsQuery) -> Vec<Point<'a>> {
    let mut sums: BTreeMap<((u64, u64), Row<'a>), u64> = BTreeMap::new();
    for (day_s, kind, messages) in world.charged.between(query.start_s, query.end_s) {
        let sender = &world.senders[kind.sender];
        let phone = sender.display_phone_number.as_str();
        let wanted = query.phone_numbers.is_empty() || query.phone_numbers.iter().any(|wanted| wanted == phone);
        if sender.portfolio == portfolio && wanted {
            let bucket = if query.monthly { month(day_s) } else { (day_s, day_s + DAY_S) };
            *sums.entry((bucket, row(&kind, phone, query))).or_default() += messages;
        }
    }
    let points = sums.into_iter();
    points.map(|(((start, end), row), volume)| Point { start, end, row, volume }).collect()
}

fn row<'a>(kind: &Kind, phone: &'a str, query: &AnalyticsQuery) -> Row<'a> {
    let dimensions = &query.dimensions;
    let word = |word: &str| word.to_ascii_uppercase().replace('-', "_");
    Row {
        phone_number: dimensions.phone.then_some(phone),
        country: kind.country.filter(|_| dimensions.country),
        tier: (dimensions.tier && kind.pricing_type == "regular").then_some("0:MAX"),
        pricing_type: dimensions.pricing_type.then(|| word(kind.pricing_type)),
        pricing_category: dimensions.pricing_category.then(|| word(kind.category)),
    }
}

/// Bounds of the month of UTC that has the day.
fn month(day_s: u64) -> (u64, u64) {
    let midnight = |date: jiff::civil::Date| {
        let zoned = date.to_zoned(TimeZone::UTC).ok();
        zoned.map_or(day_s, |zoned| zoned.timestamp().as_second().unsigned_abs())
    };
    let day = i64::try_from(day_s).ok().and_then(|second| Timestamp::from_second(second).ok()).unwrap_or_default();
    let first = day.to_zoned(TimeZone::UTC).date().first_of_month();
    (midnight(first), midnight(first.last_of_month().tomorrow().unwrap_or(first)))
}

#[cfg(test)]
mod tests {
    use super::month;

    #[test]
    fn a_month_is_of_utc() {
        // 2026-11-29 lies in 2026-11-01 to 2026-12-01, the day after it in the next.
        assert_eq!(month(1_795_910_400), (1_793_491_200, 1_796_083_200));
        assert_eq!(month(1_796_083_200).0, 1_796_083_200);
    }
}
