//! `fields=` of a question about a WABA: names, each with modifiers such as `.start(1790812800)`.

use super::error::PlatformError;

/// What is asked of a WABA.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) id: bool,
    pub(crate) pricing_analytics: Option<AnalyticsQuery>,
}

/// Which figures.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct AnalyticsQuery {
    pub(crate) start_s: u64,
    pub(crate) end_s: u64,
    pub(crate) monthly: bool,
    /// Numbers as digits; all when none is named.
    pub(crate) phone_numbers: Vec<String>,
    pub(crate) dimensions: Dimensions,
}

/// What is told apart.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one for each dimension of the platform")]
pub(crate) struct Dimensions {
    pub(crate) phone: bool,
    pub(crate) country: bool,
    pub(crate) pricing_type: bool,
    pub(crate) pricing_category: bool,
    pub(crate) tier: bool,
}

impl Fields {
    /// Reads the query of a URI. Parameters other than `fields` are not looked at, as on the platform.
    pub(crate) fn of(query: &str) -> Result<Self, PlatformError> {
        let fields = query.split('&').find_map(|pair| pair.strip_prefix("fields="));
        let Some(text) = fields.map(unescape).transpose()? else { return Ok(Self { id: true, ..Self::default() }) };
        let mut fields = Self::default();
        for field in split(&text, ',')? {
            let mut parts = split(field, '.')?.into_iter();
            match parts.next().unwrap_or_default() {
                "id" => fields.id = true,
                "pricing_analytics" => fields.pricing_analytics = Some(AnalyticsQuery::of(parts)?),
                other => return Err(invalid(&format!("(#100) Tried accessing nonexisting field ({other})"))),
            }
        }
        Ok(fields)
    }
}

impl AnalyticsQuery {
    fn of<'a>(modifiers: impl Iterator<Item = &'a str>) -> Result<Self, PlatformError> {
        let mut query = Self::default();
        let (mut start, mut end, mut granularity) = (None, None, false);
        for modifier in modifiers {
            let (name, value) = modifier
                .strip_suffix(')')
                .and_then(|modifier| modifier.split_once('('))
                .ok_or_else(|| invalid(&format!("pricing_analytics.{modifier}: write NAME(VALUE)")))?;
            match name {
                "start" => start = Some(seconds(name, value)?),
                "end" => end = Some(seconds(name, value)?),
                "granularity" => {
                    granularity = true;
                    query.monthly = match value {
                        "DAILY" => false,
                        "MONTHLY" => true,
                        _ => return Err(invalid(&format!("granularity({value}): DAILY or MONTHLY here"))),
                    };
                }
                "phone_numbers" => {
                    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect();
                    query.phone_numbers = list(value).map(digits).collect();
                }
                "dimensions" => query.dimensions = Dimensions::of(value)?,
                _ => return Err(invalid(&format!("pricing_analytics.{name}: the sandbox does not know it"))),
            }
        }
        let (Some(start_s), Some(end_s), true) = (start, end, granularity) else {
            return Err(invalid("pricing_analytics needs start, end and granularity"));
        };
        if start_s >= end_s {
            return Err(invalid(&format!("start({start_s}) must be before end({end_s})")));
        }
        Ok(Self { start_s, end_s, ..query })
    }
}

impl Dimensions {
    fn of(value: &str) -> Result<Self, PlatformError> {
        let mut dimensions = Self::default();
        for name in list(value) {
            let of = match name {
                "PHONE" => &mut dimensions.phone,
                "COUNTRY" => &mut dimensions.country,
                "PRICING_TYPE" => &mut dimensions.pricing_type,
                "PRICING_CATEGORY" => &mut dimensions.pricing_category,
                "TIER" => &mut dimensions.tier,
                _ => return Err(invalid(&format!("dimensions: {name} is none"))),
            };
            *of = true;
        }
        Ok(dimensions)
    }
}

fn invalid(details: &str) -> PlatformError {
    PlatformError::new(100, details)
}

fn seconds(name: &str, value: &str) -> Result<u64, PlatformError> {
    let seconds = value.parse::<u64>().ok().filter(|seconds| *seconds < 1 << 40);
    seconds.ok_or_else(|| invalid(&format!("{name}({value}): Unix seconds")))
}

/// Words of `A,B` or `["A","B"]`.
fn list(value: &str) -> impl Iterator<Item = &str> {
    let value = value.trim().trim_start_matches('[').trim_end_matches(']');
    value.split(',').map(|word| word.trim().trim_matches(['"', '\''])).filter(|word| !word.is_empty())
}

/// Splits where no parenthesis is open.
fn split(text: &str, at: char) -> Result<Vec<&str>, PlatformError> {
    let (mut parts, mut from, mut open) = (Vec::new(), 0, 0_u32);
    for (place, sign) in text.char_indices() {
        match sign {
            '(' => open += 1,
            ')' => open = open.checked_sub(1).ok_or_else(|| invalid("fields: a parenthesis is closed twice"))?,
            _ if sign == at && open == 0 => {
                parts.push(text[from..place].trim());
                from = place + at.len_utf8();
            }
            _ => {}
        }
    }
    if open > 0 {
        return Err(invalid("fields: a parenthesis is not closed"));
    }
    parts.push(text[from..].trim());
    Ok(parts)
}

/// The text of a query's value.
pub(super) fn unescape(text: &str) -> Result<String, PlatformError> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
                let byte = digit().zip(digit()).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                byte.ok_or_else(|| invalid("fields: % needs two hexadecimal digits"))?
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(out).map_err(|_| invalid("fields: it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::{AnalyticsQuery, Dimensions, Fields};

    #[test]
    fn every_spelling_of_a_question() {
        let expected = Fields {
            id: true,
            pricing_analytics: Some(AnalyticsQuery {
                start_s: 86_400,
                end_s: 172_800,
                monthly: true,
                phone_numbers: vec!["15550783881".to_owned(), "15550783882".to_owned()],
                dimensions: Dimensions { phone: true, tier: true, ..Dimensions::default() },
            }),
        };
        for query in [
            "fields=id,pricing_analytics.start(86400).end(172800).granularity(MONTHLY).phone_numbers([15550783881,15550783882]).dimensions(PHONE,TIER)",
            "a=b&fields=pricing_analytics.dimensions([\"TIER\",\"PHONE\"]).phone_numbers(['+1 555-078-3881','15550783882']).end(172800).start(86400).granularity(MONTHLY),id",
            "fields=id%2Cpricing_analytics.start%2886400%29.end%28172800%29.granularity%28MONTHLY%29.phone_numbers%28%5B15550783881%2c15550783882%5D%29.dimensions%28PHONE%2C+TIER%29",
        ] {
            assert_eq!(Fields::of(query).expect(query), expected, "{query}");
        }
        assert_eq!(Fields::of("").expect("the id alone"), Fields { id: true, pricing_analytics: None });
    }

    #[test]
    fn what_is_refused_names_itself() {
        for (query, says) in [
            ("fields=name", "nonexisting field (name)"),
            ("fields=pricing_analytics", "needs start, end and granularity"),
            ("fields=pricing_analytics.start(1).end(2)", "needs start, end and granularity"),
            ("fields=pricing_analytics.start(2).end(2).granularity(DAILY)", "start(2) must be before end(2)"),
            ("fields=pricing_analytics.start(-1).end(2).granularity(DAILY)", "start(-1)"),
            ("fields=pricing_analytics.start(1).end(2).granularity(HALF_HOUR)", "granularity(HALF_HOUR)"),
            ("fields=pricing_analytics.start(1).end(2).granularity(DAILY).dimensions(AGE)", "AGE is none"),
            ("fields=pricing_analytics.start(1).end(2).granularity(DAILY).age(3)", "pricing_analytics.age"),
            ("fields=pricing_analytics.start", "write NAME(VALUE)"),
            ("fields=pricing_analytics.start(1", "not closed"),
            ("fields=id)", "closed twice"),
            ("fields=%2", "two hexadecimal digits"),
        ] {
            let error = Fields::of(query).expect_err(query);
            assert!(error.code == 100 && error.details.contains(says), "{query}: {}", error.details);
        }
    }
}
