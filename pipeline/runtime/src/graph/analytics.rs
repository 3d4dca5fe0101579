//! The question for a WABA's figures, and the line that keeps its answer.

use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tollgate_wire::{Text, Time, analytics};

/// What stands in a path as it is.
pub(super) const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// One line of JSON, without its end.
    pub line: String,
    /// Figures in it.
    pub points: usize,
    /// Messages in them.
    pub messages: u64,
}

/// The question for a WABA's messages by day, for [`super::GraphClient::ask`]; `seconds` are midnights of UTC.
#[must_use]
pub fn pricing_analytics(waba: &str, seconds: &Range<i64>) -> String {
    let waba = utf8_percent_encode(waba, PLAIN);
    format!(
        "{waba}?fields=id,pricing_analytics.start({}).end({}).granularity(DAILY)\
         .dimensions(PHONE,COUNTRY,PRICING_TYPE,PRICING_CATEGORY,TIER)",
        seconds.start, seconds.end
    )
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    pricing_analytics: Option<Analytics<'a>>,
}

#[derive(Deserialize)]
struct Analytics<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct Paging {
    next: Option<serde::de::IgnoredAny>,
}

#[derive(Serialize)]
struct Kept<'a> {
    id: &'a str,
    fetched_at: Time,
    start: i64,
    end: i64,
    pricing_analytics: KeptAnalytics<'a>,
}

#[derive(Serialize)]
struct KeptAnalytics<'a> {
    data: &'a RawValue,
}

/// Makes the line of an answer: its figures to the digit, with what was asked and when, so that days without a message
/// are known too. What else the platform writes is left out: links to further pages have the access token in them.
///
/// # Errors
/// The answer has no figures, only a part of them, or some that cannot be compared.
pub fn figures(waba: &str, seconds: &Range<i64>, fetched_at: Time, body: &[u8]) -> Result<Figures, String> {
    let unreadable = |why: &dyn std::fmt::Display| format!("the platform's answer cannot be read: {why}");
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    if let Some(id) = answer.id.filter(|id| &**id != waba) {
        return Err(unreadable(&format_args!("it is of {id}")));
    }
    let analytics = answer.pricing_analytics.ok_or(
        "the platform's answer has no pricing_analytics; check graph.version, and that its token may \
         whatsapp_business_management",
    )?;
    if analytics.paging.and_then(|paging| paging.next).is_some() {
        return Err("the platform's answer is one page of several; ask for fewer days with --days".to_owned());
    }
    let data = analytics.data.unwrap_or(RawValue::NULL);
    let data = if data.get() == "null" { "[]".to_owned() } else { one_line(data.get()) };
    let data = RawValue::from_string(data).map_err(|error| unreadable(&error))?;
    let kept = Kept {
        id: waba,
        fetched_at,
        start: seconds.start,
        end: seconds.end,
        pricing_analytics: KeptAnalytics { data: &data },
    };
    let line = serde_json::to_string(&kept).map_err(|error| unreadable(&error))?;
    let read = analytics::read(line.as_bytes()).map_err(|error| unreadable(&error))?;
    let points = || read.iter().flat_map(|answer| &answer.points);
    if let Some(point) = points().find(|point| point.start < seconds.start || point.end > seconds.end) {
        let (start, end) = (point.start, point.end);
        return Err(unreadable(&format_args!("it has a figure of {start} to {end}, which was not asked for")));
    }
    let messages = points().try_fold(0_u64, |sum, point| sum.checked_add(point.volume));
    let messages = messages.ok_or_else(|| unreadable(&"its volumes are too large"))?;
    Ok(Figures { points: points().count(), messages, line })
}

/// JSON without line ends: within strings there are none.
fn one_line(json: &str) -> String {
    json.chars().map(|sign| if matches!(sign, '\n' | '\r') { ' ' } else { sign }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Range<i64> = 1_790_812_800..1_790_899_200;
    const POINT: &str = r#"{"start":1790812800,"end":1790899200,"volume":12,"cost":0.08160000000000001}"#;

    fn kept(body: &str) -> Result<Figures, String> {
        figures("w1", &DAY, Time(1_790_900_000_000), body.as_bytes())
    }

    #[test]
    fn the_question_is_the_documented_one() {
        let question = pricing_analytics("10 2/../x", &DAY);
        assert_eq!(
            question,
            "10%202%2F..%2Fx?fields=id,pricing_analytics.start(1790812800).end(1790899200).granularity(DAILY)\
             .dimensions(PHONE,COUNTRY,PRICING_TYPE,PRICING_CATEGORY,TIER)"
        );
    }

    #[test]
    fn the_line_has_the_figures_to_the_digit_and_no_links() {
        let body = format!(
            "{{\n \"pricing_analytics\": {{\"data\": [\r\n{{\"data_points\": [{POINT}]}}],\n \"paging\": \
             {{\"previous\": \"https://graph?access_token=SECRET\"}}}},\n \"id\": \"w1\"}}"
        );
        let figures = kept(&body).expect("kept");
        assert_eq!((figures.points, figures.messages), (1, 12));
        assert!(figures.line.starts_with(r#"{"id":"w1","fetched_at":"2026-10-02T00:13:20.000Z","start":1790812800,"#));
        assert!(figures.line.contains(POINT) && !figures.line.contains("SECRET"), "{}", figures.line);
        assert_eq!(figures.line.lines().count(), 1);
        for nothing in [r#"{"pricing_analytics":{"data":[]},"id":"w1"}"#, r#"{"pricing_analytics":{}}"#] {
            assert_eq!(kept(nothing).map(|figures| figures.points), Ok(0), "nothing was sent, which is an answer");
        }
    }

    #[test]
    fn half_an_answer_is_none() {
        let with = |points: &str, more: &str| {
            format!(r#"{{"pricing_analytics":{{"data":[{{"data_points":[{points}]}}]{more}}}}}"#)
        };
        for (body, says) in [
            ("<html>".to_owned(), "cannot be read"),
            (r#"{"id":"w2","pricing_analytics":{}}"#.to_owned(), "it is of w2"),
            (r#"{"id":"w1"}"#.to_owned(), "has no pricing_analytics"),
            (with(POINT, r#","paging":{"next":"https://graph?access_token=SECRET"}"#), "one page of several"),
            (with(&POINT.replace(":12", ":\"12\""), ""), "data_points[0].volume"),
            (with(&POINT.replace("1790899200", "1790985600"), ""), "which was not asked for"),
        ] {
            let told = kept(&body).expect_err("refused");
            assert!(told.contains(says) && !told.contains("SECRET"), "{told}");
        }
    }
}
