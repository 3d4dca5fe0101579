//! Many answers of one text: one object, a list of them, or one after the other as JSON Lines have them.

use super::amount::Amount;
use super::{Answer, Point};
use crate::Text;
use crate::input::{self, InputError};
use serde::Deserialize;
use serde_json::value::RawValue;
use tollgate_rate_card::PricingModel;

/// The first second that can only be milliseconds: the year 5138.
const SECONDS_MAX: i64 = 100_000_000_000;

/// Longest part of the platform's words that is repeated.
const MESSAGE_CHARS_MAX: usize = 300;

/// What is wrong with the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnalyticsError {
    /// Nothing in it.
    #[error("the file is empty; write the platform's answer to GET /{{waba}}?fields=pricing_analytics… into it")]
    Empty,
    /// It ends inside an answer.
    #[error("the file ends in line {line}, at byte {at} inside answer {answer}: it was cut off; fetch it again")]
    CutOff {
        /// Its last line.
        line: usize,
        /// Bytes that are there.
        at: usize,
        /// Answer that has no end, from 1.
        answer: usize,
    },
    /// Not JSON.
    #[error(
        "line {line}, byte {at} is not JSON: {why}; write the platform's answers as they came, one a line or as a list"
    )]
    NotJson {
        /// Line.
        line: usize,
        /// Bytes before it.
        at: usize,
        /// What was met.
        why: String,
    },
    /// The platform refused.
    #[error(
        "line {line}, answer {answer} is an error of the platform, code {code}: {message}; put it right and ask again"
    )]
    Refused {
        /// Line on which the answer begins.
        line: usize,
        /// Answer, from 1.
        answer: usize,
        /// Its code.
        code: i64,
        /// Its words.
        message: String,
    },
    /// A value of an answer.
    #[error("line {line}, answer {answer}: {error}")]
    Value {
        /// Line on which the answer begins.
        line: usize,
        /// Answer, from 1.
        answer: usize,
        /// What is wrong, with the path.
        error: InputError,
    },
}

#[derive(Deserialize)]
struct RawAnswer<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    pricing_analytics: Option<Analytics<RawPoint<'a>>>,
    conversation_analytics: Option<Analytics<RawPoint<'a>>>,
    error: Option<RawError<'a>>,
}

#[derive(Deserialize)]
struct RawError<'a> {
    #[serde(default)]
    code: i64,
    #[serde(borrow, default)]
    message: Text<'a>,
}

/// The figures of one metric, in the form that who reads them needs.
#[derive(Deserialize)]
#[serde(bound(deserialize = "P: Deserialize<'de>"))]
pub(super) struct Analytics<P> {
    #[serde(default = "Vec::new")]
    pub(super) data: Vec<Data<P>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "P: Deserialize<'de>"))]
pub(super) struct Data<P> {
    #[serde(default = "Vec::new")]
    pub(super) data_points: Vec<P>,
}

/// A figure under the names of both metrics.
#[derive(Deserialize)]
pub(super) struct RawPoint<'a> {
    start: i64,
    end: i64,
    #[serde(borrow, alias = "phone")]
    phone_number: Option<Text<'a>>,
    #[serde(borrow)]
    country: Option<Text<'a>>,
    #[serde(borrow, alias = "conversation_type")]
    pricing_type: Option<Text<'a>>,
    #[serde(borrow, alias = "conversation_category")]
    pricing_category: Option<Text<'a>>,
    #[serde(borrow)]
    tier: Option<Text<'a>>,
    #[serde(alias = "conversation")]
    volume: Option<u64>,
    cost: Option<Amount>,
}

/// Reads every answer of a text. Fields that are not known are left out, those that are missing are tolerated but for
/// the WABA, the bucket and the volume.
///
/// # Errors
/// What is wrong, with the byte or the path of the value, and the remedy.
pub fn read(text: &[u8]) -> Result<Vec<Answer>, AnalyticsError> {
    let mut answers = Vec::new();
    each(text, &mut |raw, place| one(raw, place, &mut answers))?;
    Ok(answers)
}

/// Where an answer is.
#[derive(Clone, Copy)]
pub(super) struct Place<'t> {
    text: &'t [u8],
    /// From 1.
    answer: usize,
}

impl Place<'_> {
    /// The line on which the answer begins.
    fn line(self, raw: &RawValue) -> usize {
        let before = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        line_at(self.text, before)
    }

    /// A value of the answer is wrong.
    pub(super) fn wrong(self, raw: &RawValue, error: InputError) -> AnalyticsError {
        AnalyticsError::Value { line: self.line(raw), answer: self.answer, error }
    }
}

/// The line that has a byte.
fn line_at(text: &[u8], byte: usize) -> usize {
    text[..byte.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The answers of a text, each with its place.
pub(super) fn each<'t>(
    text: &'t [u8],
    take: &mut dyn FnMut(&'t RawValue, Place<'t>) -> Result<(), AnalyticsError>,
) -> Result<(), AnalyticsError> {
    let start = text.iter().position(|byte| !byte.is_ascii_whitespace()).ok_or(AnalyticsError::Empty)?;
    if text[start] == b'[' {
        let list: Vec<&RawValue> = serde_json::from_slice(text).map_err(|error| broken(text, 1, &error))?;
        return list.into_iter().enumerate().try_for_each(|(at, raw)| take(raw, Place { text, answer: at + 1 }));
    }
    let stream = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
    for (at, raw) in stream.enumerate() {
        let answer = at + 1;
        take(raw.map_err(|error| broken(text, answer, &error))?, Place { text, answer })?;
    }
    Ok(())
}

/// Where and why the text is no JSON. What is wrong at its last byte alone, such as `0.`, was cut off too.
fn broken(text: &[u8], answer: usize, error: &serde_json::Error) -> AnalyticsError {
    let lines = text.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let at = lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1);
    if error.is_eof() || at + 1 >= text.len() {
        return AnalyticsError::CutOff { line: line_at(text, text.len()), at: text.len(), answer };
    }
    let said = error.to_string();
    let why = said.rfind(" at line ").map_or(&*said, |end| &said[..end]).to_owned();
    AnalyticsError::NotJson { line: line_at(text, at), at, why }
}

pub(super) fn one(raw: &RawValue, place: Place<'_>, answers: &mut Vec<Answer>) -> Result<(), AnalyticsError> {
    let wrong = |error| place.wrong(raw, error);
    let read: RawAnswer<'_> = input::read(raw.get().as_bytes(), usize::MAX).map_err(wrong)?;
    if let Some(error) = read.error {
        let message = error.message.chars().take(MESSAGE_CHARS_MAX).collect();
        return Err(AnalyticsError::Refused { line: place.line(raw), answer: place.answer, code: error.code, message });
    }
    let waba = read.id.filter(|id| !id.is_empty()).ok_or_else(|| {
        let remedy = "ask GET /{waba}?fields=id,pricing_analytics…, so that the answer says whose it is";
        wrong(InputError::invalid("id", "the WABA is missing", remedy))
    })?;
    let metrics = [
        ("pricing_analytics", PricingModel::Pmp, read.pricing_analytics),
        ("conversation_analytics", PricingModel::Cbp, read.conversation_analytics),
    ];
    if metrics.iter().all(|(_, _, metric)| metric.is_none()) {
        let remedy = "ask for the field pricing_analytics or conversation_analytics";
        return Err(wrong(InputError::invalid("", "the answer has no analytics", remedy)));
    }
    for (name, model, metric) in metrics {
        let Some(metric) = metric else { continue };
        let mut points = Vec::new();
        for (i, data) in metric.data.into_iter().enumerate() {
            for (k, raw) in data.data_points.into_iter().enumerate() {
                let path = format!("{name}.data[{i}].data_points[{k}]");
                points.push(point(raw, &path).map_err(wrong)?);
            }
        }
        answers.push(Answer { waba: waba.to_string(), model, points });
    }
    Ok(())
}

fn point(raw: RawPoint<'_>, path: &str) -> Result<Point, InputError> {
    if raw.start < 0 || raw.end <= raw.start || raw.end > SECONDS_MAX {
        let problem = format!("start {} and end {} are no bucket", raw.start, raw.end);
        return Err(InputError::invalid(path, problem, "write Unix seconds, the end after the start"));
    }
    let volume = raw.volume.ok_or_else(|| {
        let remedy = "ask with metric_types that have VOLUME, or CONVERSATION for conversations";
        InputError::invalid(format!("{path}.volume"), "the volume is missing", remedy)
    })?;
    let owned = |text: Option<Text<'_>>| text.map(|text| text.to_string()).filter(|text| !text.is_empty());
    Ok(Point {
        start: raw.start,
        end: raw.end,
        phone: owned(raw.phone_number),
        country: owned(raw.country),
        pricing_type: owned(raw.pricing_type),
        category: owned(raw.pricing_category),
        tier: owned(raw.tier),
        volume,
        cost: raw.cost.map(|amount| amount.0),
    })
}
