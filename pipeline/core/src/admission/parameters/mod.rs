//! Whether parameters fit a template: what the platform would refuse is refused before anything leaves.
//!
//! Of a template that was only declared, number, names and kinds are known; of one that was read from the platform also its
//! buttons and the lengths of its own words. The words of a refusal never have a value that was given: it may be a
//! one-time code.
//!
//! `buttons` what each kind takes · `cards` of a carousel · this file: header, body, and the order of the checks.

mod buttons;
mod cards;

use serde::Deserialize;
use serde_json::value::RawValue;
use tollgate_rate_card::Category;
use tollgate_wire::Text;
use tollgate_wire::command::{ButtonSpec, HeaderFormat, TemplateSpec};
use tollgate_wire::request::{Components, Params};

/// Characters of a body with its parameters (the platform's rule, as all of these).
const BODY_CHARS_MAX: usize = 1_024;
/// Characters of a text header with its parameter.
const HEADER_CHARS_MAX: usize = 60;
/// Characters of a link with its parameter.
const URL_CHARS_MAX: usize = 2_000;
/// Characters of an offer's code, and of a parameter of an authentication template.
const CODE_CHARS_MAX: usize = 15;
/// Spaces in a row.
const SPACES_MAX: usize = 4;

/// What does not fit, for people.
type Fault = String;

/// A parameter object as the platform takes it.
#[derive(Deserialize)]
struct Parameter<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    parameter_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    payload: Option<Text<'a>>,
    #[serde(borrow, default)]
    coupon_code: Option<Text<'a>>,
    #[serde(borrow, default)]
    image: Option<Media<'a>>,
    #[serde(borrow, default)]
    video: Option<Media<'a>>,
    #[serde(borrow, default)]
    document: Option<Media<'a>>,
    #[serde(default)]
    location: Option<Location>,
    #[serde(borrow, default)]
    product: Option<Product<'a>>,
}

#[derive(Deserialize)]
struct Product<'a> {
    #[serde(borrow, default)]
    product_retailer_id: Text<'a>,
    #[serde(borrow, default)]
    catalog_id: Text<'a>,
}

impl Product<'_> {
    fn is_whole(&self) -> bool {
        !self.product_retailer_id.is_empty() && !self.catalog_id.is_empty()
    }
}

#[derive(Deserialize)]
struct Media<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    link: Option<Text<'a>>,
}

/// Both are needed; the platform takes them as numbers and as texts.
#[derive(Deserialize)]
struct Location {
    latitude: Option<serde::de::IgnoredAny>,
    longitude: Option<serde::de::IgnoredAny>,
}

/// What a template or a card asks of a send.
struct Part<'a> {
    is_authentication: bool,
    header: HeaderFormat,
    /// Characters of the header's own words.
    header_chars: usize,
    header_name: Option<&'a str>,
    body: &'a [String],
    /// Characters of the body's own words.
    body_chars: usize,
    body_chars_max: usize,
    /// Every button; `None` where only their number is known.
    buttons: Option<&'a [ButtonSpec]>,
    /// Buttons that take a parameter.
    counted: u8,
}

impl<'a> Part<'a> {
    fn of(t: &'a TemplateSpec) -> Self {
        let known = t.components.as_deref();
        Self {
            is_authentication: matches!(t.category, Category::Authentication | Category::AuthenticationInternational),
            header: t.header,
            header_chars: known.map_or(0, |c| c.header_chars.into()),
            header_name: known.and_then(|c| c.header_name.as_deref()),
            body: &t.body,
            body_chars: known.map_or(0, |c| c.body_chars.into()),
            body_chars_max: BODY_CHARS_MAX,
            buttons: known.map(|c| &*c.buttons),
            counted: t.buttons,
        }
    }
}

/// Checks header, body, buttons, cards and offer, in that order.
pub(super) fn check(t: &TemplateSpec, given: &Components<'_>) -> Result<(), Fault> {
    let known = t.components.as_deref();
    if let Some(component) = known.and_then(|c| c.unfillable.as_deref()) {
        return Err(format!("the template has a {component}, which a request cannot fill"));
    }
    let part = Part::of(t);
    header(&part, &given.header)?;
    body(&part, &given.body)?;
    buttons::check(&part, &given.buttons, &given.body)?;
    // Of a template that was only declared it is not known whether it has any.
    let Some(known) = known else { return Ok(()) };
    cards::check(&known.cards, &given.cards)?;
    match (known.offer, given.limited_time_offer) {
        (true, None) => Err("limited_time_offer: the template needs expiration_time_ms".to_owned()),
        (false, Some(_)) => Err("limited_time_offer: the template has none that ends".to_owned()),
        _ => Ok(()),
    }
}

fn header(part: &Part<'_>, given: &[&RawValue]) -> Result<(), Fault> {
    let format = part.header;
    let expected = usize::from(format != HeaderFormat::None);
    if given.len() != expected {
        return Err(count("header", expected, given.len()));
    }
    let Some(raw) = given.first() else { return Ok(()) };
    let p = parameter("header", raw)?;
    let kind = match format {
        HeaderFormat::None => return Ok(()),
        HeaderFormat::Text => "text",
        HeaderFormat::Image => "image",
        HeaderFormat::Video => "video",
        HeaderFormat::Document => "document",
        HeaderFormat::Location => "location",
        HeaderFormat::Product => "product",
    };
    // What the platform words itself counts as text.
    let is_worded = format == HeaderFormat::Text && matches!(&*p.kind, "currency" | "date_time");
    if *p.kind != *kind && !is_worded {
        return Err(format!("header: it takes the type {kind}"));
    }
    let media = match format {
        HeaderFormat::Image => &p.image,
        HeaderFormat::Video => &p.video,
        HeaderFormat::Document => &p.document,
        HeaderFormat::Location => {
            let whole = p.location.as_ref().is_some_and(|l| l.latitude.is_some() && l.longitude.is_some());
            return if whole { Ok(()) } else { Err("header: a location needs latitude and longitude".to_owned()) };
        }
        HeaderFormat::Product => {
            let whole = p.product.as_ref().is_some_and(Product::is_whole);
            return if whole {
                Ok(())
            } else {
                Err("header: a product needs product_retailer_id and catalog_id".to_owned())
            };
        }
        HeaderFormat::None | HeaderFormat::Text => return header_text(part, &p, is_worded),
    };
    let given = |text: &Option<Text<'_>>| text.as_ref().is_some_and(|text| !text.is_empty());
    match media {
        Some(media) if given(&media.id) => Ok(()),
        Some(media) if given(&media.link) => {
            let is_link = media.link.as_deref().is_some_and(|l| l.starts_with("https://") || l.starts_with("http://"));
            if is_link { Ok(()) } else { Err(format!("header: the link of the {kind} is no http or https address")) }
        }
        _ => Err(format!("header: {kind} needs an id or a link")),
    }
}

fn header_text(part: &Part<'_>, p: &Parameter<'_>, is_worded: bool) -> Result<(), Fault> {
    let own = part.header_chars;
    if let Some(name) = part.header_name
        && p.parameter_name.as_deref() != Some(name)
    {
        return Err(format!("header: the parameter is named; give parameter_name {name}"));
    }
    if is_worded {
        return Ok(());
    }
    let chars = text(p.text.as_deref()).and_then(|chars| at_most(own + chars, HEADER_CHARS_MAX));
    chars.map_err(|why| format!("header: {why}"))
}

fn body(part: &Part<'_>, given: &Params<'_>) -> Result<(), Fault> {
    let positional = part.body.iter().all(|name| name.bytes().all(|b| b.is_ascii_digit()));
    if given.len() != part.body.len() {
        return Err(count("body", part.body.len(), given.len()));
    }
    let mut chars = part.body_chars;
    let is_code = part.is_authentication;
    // Every message comes by here: words are made when something does not fit.
    let mut one = |value: &str| {
        let length = text(Some(value))?;
        chars += length;
        if is_code { code(value, length) } else { Ok(()) }
    };
    match given {
        Params::Positional(values) => {
            if !positional {
                return Err(format!("body: parameters are named; give an object with {}", part.body.join(", ")));
            }
            let mut values = values.iter().enumerate();
            values.try_for_each(|(n, value)| one(value).map_err(|why| format!("body[{n}]: {why}")))?;
        }
        Params::Named(values) => {
            if positional && !values.is_empty() {
                return Err("body: parameters are positional; give a list".to_owned());
            }
            if let Some(missing) = part.body.iter().find(|name| !values.iter().any(|(given, _)| **given == ***name)) {
                return Err(format!("body: the parameter {missing} is missing"));
            }
            let mut values = values.iter();
            values.try_for_each(|(name, value)| one(value).map_err(|why| format!("body.{}: {why}", &**name)))?;
        }
    }
    at_most(chars, part.body_chars_max).map_err(|why| format!("body: {why}"))
}

fn parameter<'a>(place: &str, raw: &'a RawValue) -> Result<Parameter<'a>, Fault> {
    serde_json::from_str(raw.get()).map_err(|_| format!("{place}: it is no parameter object of the platform"))
}

/// Characters of a text that the platform takes.
fn text(value: Option<&str>) -> Result<usize, Fault> {
    let value = value.unwrap_or_default();
    if value.is_empty() {
        return Err("the text is empty".to_owned());
    }
    let (mut chars, mut spaces) = (0, 0);
    for c in value.chars() {
        chars += 1;
        spaces = if c == ' ' { spaces + 1 } else { 0 };
        if matches!(c, '\n' | '\r' | '\t') {
            return Err("a line break or tab is not allowed".to_owned());
        }
        if spaces > SPACES_MAX {
            return Err(format!("more than {SPACES_MAX} spaces in a row are not allowed"));
        }
    }
    Ok(chars)
}

/// A parameter of an authentication template: short, no link, no emoji.
fn code(value: &str, chars: usize) -> Result<(), Fault> {
    at_most(chars, CODE_CHARS_MAX)?;
    if value.contains("://") || value.to_ascii_lowercase().starts_with("www.") {
        return Err("a link is not allowed in an authentication template".to_owned());
    }
    let is_emoji = |c: char| matches!(c, '\u{2600}'..='\u{27bf}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}');
    if value.chars().any(is_emoji) {
        return Err("an emoji is not allowed in an authentication template".to_owned());
    }
    Ok(())
}

fn at_most(chars: usize, max: usize) -> Result<(), Fault> {
    if chars <= max { Ok(()) } else { Err(format!("{chars} characters, at most {max} are allowed")) }
}

fn count(place: &str, expected: usize, given: usize) -> Fault {
    format!("{place}: {given} parameters given, the template takes {expected}")
}

#[cfg(test)]
mod tests;
