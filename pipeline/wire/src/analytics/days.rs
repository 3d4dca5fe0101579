//! Answers day by day: what was asked of a day, when, and the figures to the digit. A day without a figure is one, too.

use super::read::{Analytics, AnalyticsError, each, one};
use crate::input::{self, InputError};
use crate::{Text, Time};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Seconds of a day; the platform cuts days in UTC.
pub const DAY_S: i64 = 86_400;
/// Longest span of one answer, in days: far more than the platform looks back.
const DAYS_MAX: i64 = 3_700;

/// What the figures are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Messages.
    Pricing,
    /// Conversations.
    Conversation,
}

impl Metric {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Pricing, Self::Conversation];

    /// The platform's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pricing => "pricing_analytics",
            Self::Conversation => "conversation_analytics",
        }
    }
}

/// What the platform said of a WABA's day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// WABA id.
    pub waba: String,
    /// Messages or conversations.
    pub metric: Metric,
    /// Days since 1970-01-01.
    pub day: i64,
    /// When it said so first.
    pub seen_at: Time,
    /// When it said so last, nothing else meanwhile.
    pub asked_at: Time,
    /// The figures as a JSON list, sorted: their order says nothing.
    pub points: String,
}

#[derive(Deserialize)]
struct RawAnswer<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    fetched_at: Option<Time>,
    confirmed_at: Option<Time>,
    start: Option<i64>,
    end: Option<i64>,
    #[serde(borrow)]
    pricing_analytics: Option<Analytics<&'a RawValue>>,
    #[serde(borrow)]
    conversation_analytics: Option<Analytics<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Bucket {
    start: i64,
    end: i64,
}

/// Reads every answer of a text as days. Each has to say what was asked and when (`start`, `end`, `fetched_at`), as
/// `tollgate billing analytics fetch` writes it.
///
/// # Errors
/// As of [`super::read`]; an answer that does not say what was asked, and a figure of more than a day.
pub fn days(text: &[u8]) -> Result<Vec<Day>, AnalyticsError> {
    let mut all = Vec::new();
    each(text, &mut |raw, place| {
        // What cannot be compared is not kept either.
        one(raw, place, &mut Vec::new())?;
        split(raw, &mut all).map_err(|error| place.wrong(raw, error))
    })?;
    Ok(all)
}

fn split(raw: &RawValue, all: &mut Vec<Day>) -> Result<(), InputError> {
    let read: RawAnswer<'_> = input::read(raw.get().as_bytes(), usize::MAX)?;
    let (Some(seen_at), Some(start), Some(end)) = (read.fetched_at, read.start, read.end) else {
        let problem = "it does not say what was asked and when: start, end and fetched_at";
        return Err(InputError::invalid("", problem, "compare with it by --against, or fetch the days again"));
    };
    let asked_at = read.confirmed_at.unwrap_or(seen_at).max(seen_at);
    let first = start.div_euclid(DAY_S) + i64::from(start.rem_euclid(DAY_S) > 0);
    let until = end.div_euclid(DAY_S);
    if start < 0 || until - first > DAYS_MAX {
        let problem = format!("start {start} and end {end} are no days of one answer");
        return Err(InputError::invalid("start", problem, "write Unix seconds, at most ten years from start to end"));
    }
    let metrics = [(Metric::Pricing, read.pricing_analytics), (Metric::Conversation, read.conversation_analytics)];
    for (metric, analytics) in metrics {
        let Some(analytics) = analytics else { continue };
        let mut points: BTreeMap<i64, Vec<String>> = (first..until).map(|day| (day, Vec::new())).collect();
        for (i, data) in analytics.data.into_iter().enumerate() {
            for (k, point) in data.data_points.into_iter().enumerate() {
                let path = || format!("{}.data[{i}].data_points[{k}]", metric.as_str());
                let bucket: Bucket = input::read(point.get().as_bytes(), usize::MAX).map_err(|e| e.at(&path()))?;
                let day = bucket.start.div_euclid(DAY_S);
                let whole = bucket.end <= (day + 1) * DAY_S;
                let of = points.get_mut(&day).filter(|_| whole).ok_or_else(|| {
                    let problem =
                        format!("start {} and end {} are not of one day that was asked for", bucket.start, bucket.end);
                    InputError::invalid(path(), problem, "ask with granularity(DAILY), or compare with it by --against")
                })?;
                of.push(one_line(point.get()));
            }
        }
        for (day, mut points) in points {
            points.sort_unstable();
            let points = format!("[{}]", points.join(","));
            all.push(Day { waba: read.id.to_string(), metric, day, seen_at, asked_at, points });
        }
    }
    Ok(())
}

/// JSON without line ends: within strings there are none.
fn one_line(json: &str) -> String {
    json.chars().map(|sign| if matches!(sign, '\n' | '\r') { ' ' } else { sign }).collect()
}

impl Day {
    /// The answer of one line that [`days`] reads back as this.
    #[must_use]
    pub fn line(&self) -> String {
        let id = serde_json::to_string(&self.waba).unwrap_or_default();
        let (start, end) = (self.day * DAY_S, (self.day + 1) * DAY_S);
        let confirmed = if self.asked_at > self.seen_at {
            format!("\"confirmed_at\":\"{}\",", self.asked_at)
        } else {
            String::new()
        };
        format!(
            "{{\"id\":{id},\"fetched_at\":\"{}\",{confirmed}\"start\":{start},\"end\":{end},\"{}\":{{\"data\":[\
             {{\"data_points\":{}}}]}}}}",
            self.seen_at,
            self.metric.as_str(),
            self.points
        )
    }

    /// Whether the day was over when it was asked for last: what is told of one that is not may still grow.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        i64::from(self.asked_at.secs()) >= (self.day + 1) * DAY_S
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_790_812_800;

    fn point(day: i64, volume: u32) -> String {
        let start = START + day * DAY_S;
        format!(r#"{{"start":{start},"end":{},"volume":{volume},"cost":0.08160000000000001}}"#, start + DAY_S)
    }

    fn answer(points: &str) -> String {
        format!(
            r#"{{"id":"w1","fetched_at":"2026-10-03T00:13:20.000Z","start":{START},"end":{},"pricing_analytics":{{"data":
            [{{"data_points":[{points}]}}]}}}}"#,
            START + 3 * DAY_S
        )
    }

    #[test]
    fn an_answer_is_told_day_by_day_and_a_day_reads_back_as_it_was() {
        let text = answer(&[point(2, 7), point(0, 9), point(0, 8)].join(",\n"));
        let found = days(text.as_bytes()).expect("reads");
        assert_eq!(found.iter().map(|d| d.day - START / DAY_S).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(found[1].points, "[]", "nothing was sent, which is an answer");
        assert_eq!(found[0].points, format!("[{},{}]", point(0, 8), point(0, 9)), "to the digit, sorted");
        assert_eq!(found.iter().map(Day::is_whole).collect::<Vec<_>>(), [true, true, false]);
        let other = answer(&[point(0, 8), point(2, 7), point(0, 9)].join(","));
        assert_eq!(days(other.as_bytes()).expect("reads"), found, "the order of figures says nothing");
        let lines: Vec<_> = found.iter().map(Day::line).collect();
        assert_eq!(days(lines.join("\n").as_bytes()).expect("reads"), found);
        let confirmed = Day { asked_at: Time(found[0].seen_at.0 + 1), ..found[0].clone() };
        let read = days(confirmed.line().as_bytes()).expect("reads");
        assert_eq!(read.as_slice(), std::slice::from_ref(&confirmed));
        assert_eq!(super::super::read(confirmed.line().as_bytes()).expect("compared too")[0].points.len(), 2);
    }

    #[test]
    fn what_does_not_say_its_days_is_refused() {
        let of = |text: &str| days(text.as_bytes()).expect_err("refused").to_string();
        let told = of(&answer(&point(0, 1)).replace("fetched_at", "at"));
        assert!(told.contains("does not say what was asked and when") && told.contains("--against"), "{told}");
        for outside in [point(3, 1), point(-1, 1), point(0, 1).replace("1790899200", "1790985600")] {
            let told = of(&answer(&outside));
            assert!(told.contains("data_points[0]") && told.contains("not of one day that was asked for"), "{told}");
        }
        assert!(of(&answer(&point(0, 1).replace("volume", "volumes"))).contains("the volume is missing"));
    }
}
