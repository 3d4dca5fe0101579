//! Whether parameters fit a template: what the platform would refuse is refused before anything leaves.
//!
//! Of a template that was only declared, number, names and kinds are known; of one that was read from the platform also its
//! buttons and the lengths of its own words. The words of a refusal never have a value that was given: it may be a
//! one-time code.

use serde::Deserialize;
use serde_json::value::RawValue;
use tollgate_rate_card::Category;
use tollgate_wire::Text;
use tollgate_wire::command::{BUTTONS_MAX, ButtonKind, ButtonSpec, HeaderFormat, TemplateSpec};
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

/// A button component as the platform takes it.
#[derive(Deserialize)]
struct Button<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    sub_type: Text<'a>,
    #[serde(borrow)]
    index: Index<'a>,
    #[serde(borrow, default)]
    parameters: Vec<&'a RawValue>,
}

/// A button's place: the platform takes both.
#[derive(Deserialize)]
#[serde(untagged)]
enum Index<'a> {
    Number(usize),
    #[serde(borrow)]
    Text(Text<'a>),
}

/// Checks header, body and buttons, in that order.
pub(super) fn check(t: &TemplateSpec, given: &Components<'_>) -> Result<(), Fault> {
    if let Some(component) = t.components.as_ref().and_then(|c| c.unfillable.as_deref()) {
        return Err(format!("the template has a {component}, which a request cannot fill"));
    }
    header(t, &given.header)?;
    body(t, &given.body)?;
    buttons(t, given)
}

fn is_authentication(t: &TemplateSpec) -> bool {
    matches!(t.category, Category::Authentication | Category::AuthenticationInternational)
}

fn header(t: &TemplateSpec, given: &[&RawValue]) -> Result<(), Fault> {
    let format = t.header;
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
        HeaderFormat::None | HeaderFormat::Text => return header_text(t, &p, is_worded),
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

fn header_text(t: &TemplateSpec, p: &Parameter<'_>, is_worded: bool) -> Result<(), Fault> {
    let own = t.components.as_ref().map_or(0, |c| usize::from(c.header_chars));
    if let Some(name) = t.components.as_ref().and_then(|c| c.header_name.as_deref())
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

fn body(t: &TemplateSpec, given: &Params<'_>) -> Result<(), Fault> {
    let positional = t.body.iter().all(|name| name.bytes().all(|b| b.is_ascii_digit()));
    if given.len() != t.body.len() {
        return Err(count("body", t.body.len(), given.len()));
    }
    let mut chars = t.components.as_ref().map_or(0, |c| usize::from(c.body_chars));
    let is_code = is_authentication(t);
    // Every message comes by here: words are made when something does not fit.
    let mut one = |value: &str| {
        let length = text(Some(value))?;
        chars += length;
        if is_code { code(value, length) } else { Ok(()) }
    };
    match given {
        Params::Positional(values) => {
            if !positional {
                return Err(format!("body: parameters are named; give an object with {}", t.body.join(", ")));
            }
            let mut values = values.iter().enumerate();
            values.try_for_each(|(n, value)| one(value).map_err(|why| format!("body[{n}]: {why}")))?;
        }
        Params::Named(values) => {
            if positional && !values.is_empty() {
                return Err("body: parameters are positional; give a list".to_owned());
            }
            if let Some(missing) = t.body.iter().find(|name| !values.iter().any(|(given, _)| **given == ***name)) {
                return Err(format!("body: the parameter {missing} is missing"));
            }
            let mut values = values.iter();
            values.try_for_each(|(name, value)| one(value).map_err(|why| format!("body.{}: {why}", &**name)))?;
        }
    }
    at_most(chars, BODY_CHARS_MAX).map_err(|why| format!("body: {why}"))
}

fn buttons(t: &TemplateSpec, given: &Components<'_>) -> Result<(), Fault> {
    let known = t.components.as_ref().map(|c| &*c.buttons);
    if known.is_none() && given.buttons.len() != usize::from(t.buttons) {
        return Err(count("buttons", t.buttons.into(), given.buttons.len()));
    }
    let mut met = [false; BUTTONS_MAX];
    for (n, raw) in given.buttons.iter().enumerate() {
        let place = format!("buttons[{n}]");
        let button: Button<'_> = serde_json::from_str(raw.get())
            .map_err(|_| format!("{place}: it is no button component with sub_type, index and parameters"))?;
        if !button.kind.eq_ignore_ascii_case("button") {
            return Err(format!("{place}: its type is button"));
        }
        let index = match &button.index {
            Index::Number(index) => Some(*index),
            Index::Text(text) => text.parse().ok(),
        };
        let buttons_max = known.map_or(BUTTONS_MAX, <[ButtonSpec]>::len);
        let Some(index) = index.filter(|index| *index < buttons_max) else {
            return Err(format!("{place}: the template has no button at this index"));
        };
        if std::mem::replace(&mut met[index], true) {
            return Err(format!("{place}: the button at index {index} is given twice"));
        }
        one_button(t, &place, &button, known.map(|known| known[index]), &given.body)?;
    }
    let needed = known.unwrap_or_default().iter().enumerate();
    match needed.into_iter().find(|(index, button)| button.kind.needs_parameter() && !met[*index]) {
        Some((index, _)) => Err(format!("buttons: the button at index {index} needs a parameter")),
        None => Ok(()),
    }
}

fn one_button(
    t: &TemplateSpec,
    place: &str,
    button: &Button<'_>,
    known: Option<ButtonSpec>,
    body: &Params<'_>,
) -> Result<(), Fault> {
    let sub_type = button.sub_type.to_ascii_lowercase();
    let wanted = known.and_then(|known| match known.kind {
        ButtonKind::QuickReply => Some("quick_reply"),
        ButtonKind::Url | ButtonKind::UrlVariable | ButtonKind::OneTimeCode => Some("url"),
        ButtonKind::CopyCode => Some("copy_code"),
        ButtonKind::PhoneNumber | ButtonKind::Other => None,
    });
    if let Some(wanted) = wanted.filter(|wanted| sub_type != *wanted) {
        return Err(format!("{place}: the button at this index takes the sub_type {wanted}"));
    }
    if known.is_some_and(|known| matches!(known.kind, ButtonKind::Url | ButtonKind::PhoneNumber)) {
        return if button.parameters.is_empty() { Ok(()) } else { Err(format!("{place}: it takes no parameter")) };
    }
    let (kind, own) = match &*sub_type {
        "quick_reply" => ("payload", 0),
        "url" => ("text", known.map_or(0, |known| usize::from(known.chars))),
        "copy_code" => ("coupon_code", 0),
        // What flows, catalogues and calls take is the platform's to check.
        _ => return Ok(()),
    };
    let [raw] = button.parameters[..] else {
        return Err(count(place, 1, button.parameters.len()));
    };
    let p = parameter(place, raw)?;
    if *p.kind != *kind {
        return Err(format!("{place}: it takes the parameter type {kind}"));
    }
    let fits = match kind {
        "payload" if p.payload.as_ref().is_none_or(|payload| payload.is_empty()) => {
            Err("the payload is empty".to_owned())
        }
        "payload" => Ok(()),
        "coupon_code" => text(p.coupon_code.as_deref()).and_then(|chars| at_most(chars, CODE_CHARS_MAX)),
        _ => link(t, p.text.as_deref(), own, body),
    };
    fits.map_err(|why| format!("{place}: {why}"))
}

/// The end of a link, which of an authentication template is the code once more.
fn link(t: &TemplateSpec, value: Option<&str>, own: usize, body: &Params<'_>) -> Result<(), Fault> {
    let chars = text(value)?;
    if is_authentication(t) {
        let value = value.unwrap_or_default();
        code(value, chars)?;
        let shown = match body {
            Params::Positional(values) => values.first(),
            Params::Named(values) => values.first().map(|(_, code)| code),
        };
        if shown.is_some_and(|shown| **shown != *value) {
            return Err("it is another code than the body's".to_owned());
        }
    }
    at_most(own + chars, URL_CHARS_MAX)
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
#[expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#[expect(clippy::needless_pass_by_value, reason = "what json! makes is given as it is")]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Checks `components` of a request against a template.
    fn told(template: Value, components: Value) -> String {
        let mut spec = json!({"name": "t", "language": "en_US", "category": "utility"});
        spec.as_object_mut().unwrap().extend(template.as_object().unwrap().clone());
        let spec: TemplateSpec = serde_json::from_value(spec).unwrap();
        let text = components.to_string();
        let given: Components<'_> = serde_json::from_str(&text).unwrap();
        check(&spec, &given).err().unwrap_or_else(|| "fits".to_owned())
    }

    fn button(sub_type: &str, index: Value, parameter: Value) -> Value {
        json!({"type": "button", "sub_type": sub_type, "index": index, "parameters": [parameter]})
    }

    #[test]
    fn the_body() {
        let two = json!({"body": ["1", "2"]});
        let named = json!({"body": ["first_name", "order"]});
        let known = json!({"body": ["1"], "components": {"digest": "0", "body_chars": 1020}});
        for (template, body, says) in [
            (&two, json!(["Ana", "42"]), "fits"),
            (&two, json!(["Ana"]), "body: 1 parameters given, the template takes 2"),
            (&two, json!(["Ana", ""]), "body[1]: the text is empty"),
            (&two, json!(["Ana", "4\n2"]), "body[1]: a line break or tab is not allowed"),
            (&two, json!(["Ana", "4     2"]), "body[1]: more than 4 spaces in a row are not allowed"),
            (&two, json!({"a": "Ana", "b": "42"}), "body: parameters are positional; give a list"),
            (&two, json!(["x".repeat(1_000), "x".repeat(25)]), "body: 1025 characters, at most 1024 are allowed"),
            (&named, json!({"order": "42", "first_name": "Ana"}), "fits"),
            (&named, json!(["Ana", "42"]), "body: parameters are named; give an object with first_name, order"),
            (&named, json!({"order": "42", "name": "Ana"}), "body: the parameter first_name is missing"),
            (&named, json!({"order": "42", "first_name": ""}), "body.first_name: the text is empty"),
            (&known, json!(["Anna"]), "fits"),
            (&known, json!(["Ännas"]), "body: 1025 characters, at most 1024 are allowed"),
        ] {
            assert_eq!(told(template.clone(), json!({"body": body.clone()})), says, "{body}");
        }
        assert_eq!(told(json!({}), json!({"body": {}})), "fits", "nothing asked, nothing given");
    }

    #[test]
    fn the_header() {
        let of = |format: &str| json!({"header": format});
        let named = json!({"header": "text",
            "components": {"digest": "0", "header_chars": 50, "header_name": "subject"}});
        for (template, header, says) in [
            (of("image"), json!({"type": "image", "image": {"id": "1"}}), "fits"),
            (of("image"), json!({"type": "image", "image": {"link": "https://x.example/a.png"}}), "fits"),
            (of("image"), json!({"type": "video", "video": {"id": "1"}}), "header: it takes the type image"),
            (of("image"), json!({"type": "image", "image": {}}), "header: image needs an id or a link"),
            (of("image"), json!({"type": "image", "video": {"id": "1"}}), "header: image needs an id or a link"),
            (
                of("document"),
                json!({"type": "document", "document": {"link": "a.pdf"}}),
                "header: the link of the document is no http or https address",
            ),
            (of("video"), json!("a.mp4"), "header: it is no parameter object of the platform"),
            (of("location"), json!({"type": "location", "location": {"latitude": 1, "longitude": "2"}}), "fits"),
            (
                of("location"),
                json!({"type": "location", "location": {"latitude": 1}}),
                "header: a location needs latitude and longitude",
            ),
            (of("text"), json!({"type": "text", "text": "order"}), "fits"),
            (of("text"), json!({"type": "currency", "currency": {"code": "USD"}}), "fits"),
            (of("text"), json!({"type": "text"}), "header: the text is empty"),
            (
                of("text"),
                json!({"type": "text", "text": "x".repeat(61)}),
                "header: 61 characters, at most 60 are allowed",
            ),
            (of("none"), json!({"type": "text", "text": "x"}), "header: 1 parameters given, the template takes 0"),
            (named.clone(), json!({"type": "text", "parameter_name": "subject", "text": "x".repeat(10)}), "fits"),
            (
                named.clone(),
                json!({"type": "text", "parameter_name": "subject", "text": "x".repeat(11)}),
                "header: 61 characters, at most 60 are allowed",
            ),
            (
                named,
                json!({"type": "text", "text": "x"}),
                "header: the parameter is named; give parameter_name subject",
            ),
        ] {
            assert_eq!(told(template, json!({"header": [header.clone()]})), says, "{header}");
        }
        assert_eq!(told(of("image"), json!({})), "header: 0 parameters given, the template takes 1");
    }

    #[test]
    fn the_buttons_of_a_template_that_is_known() {
        let kinds = json!([{"kind": "url_variable", "chars": 1990}, {"kind": "quick_reply"}, {"kind": "copy_code"},
            {"kind": "url"}, {"kind": "other"}]);
        let template = json!({"buttons": 2, "components": {"digest": "0", "buttons": kinds}});
        let url = |text: &str| button("url", json!("0"), json!({"type": "text", "text": text}));
        let code = |code: &str| button("copy_code", json!(2), json!({"type": "coupon_code", "coupon_code": code}));
        let reply = |index: Value| button("quick_reply", index, json!({"type": "payload", "payload": "STOP"}));
        for (buttons, says) in [
            (json!([url("abc"), code("25OFF")]), "fits"),
            (json!([code("25OFF"), reply(json!("1")), url("abc")]), "fits"),
            (json!([url("abc")]), "buttons: the button at index 2 needs a parameter"),
            (json!([url("abc"), code("25OFF"), url("d")]), "buttons[2]: the button at index 0 is given twice"),
            (json!([url("12345678901"), code("1")]), "buttons[0]: 2001 characters, at most 2000 are allowed"),
            (json!([url("abc"), code("1234567890123456")]), "buttons[1]: 16 characters, at most 15 are allowed"),
            (json!([url("abc"), code("")]), "buttons[1]: the text is empty"),
            (json!([reply(json!(0))]), "buttons[0]: the button at this index takes the sub_type url"),
            (json!([reply(json!(7))]), "buttons[0]: the template has no button at this index"),
            (
                json!([button("url", json!(0), json!({"type": "payload", "payload": "x"}))]),
                "buttons[0]: it takes the parameter type text",
            ),
            (
                json!([button("url", json!(3), json!({"type": "text", "text": "x"}))]),
                "buttons[0]: it takes no parameter",
            ),
            (
                json!([{"type": "button", "sub_type": "url", "index": 0, "parameters": []}]),
                "buttons[0]: 0 parameters given, the template takes 1",
            ),
            (
                json!([button("quick_reply", json!(1), json!({"type": "payload", "payload": ""}))]),
                "buttons[0]: the payload is empty",
            ),
            (json!([url("abc"), code("1"), button("flow", json!(4), json!({"type": "action"}))]), "fits"),
            (json!([{"type": "header"}]), "buttons[0]: it is no button component with sub_type, index and parameters"),
        ] {
            assert_eq!(told(template.clone(), json!({"buttons": buttons.clone()})), says, "{buttons}");
        }
    }

    #[test]
    fn the_buttons_of_a_template_that_is_declared_are_counted() {
        let one = json!({"buttons": 1});
        let stop = button("quick_reply", json!("0"), json!({"type": "payload", "payload": "STOP"}));
        assert_eq!(told(one.clone(), json!({"buttons": [stop]})), "fits");
        assert_eq!(told(one, json!({})), "buttons: 0 parameters given, the template takes 1");
    }

    #[test]
    fn one_time_codes() {
        let buttons = json!([{"kind": "one_time_code"}]);
        let template = json!({"category": "authentication", "body": ["1"], "buttons": 1,
            "components": {"digest": "0", "body_chars": 60, "buttons": buttons}});
        let given = |body: &str, button_text: &str| {
            let copied = button("url", json!("0"), json!({"type": "text", "text": button_text}));
            told(template.clone(), json!({"body": [body], "buttons": [copied]}))
        };
        assert_eq!(given("123456", "123456"), "fits");
        assert_eq!(given("123456", "654321"), "buttons[0]: it is another code than the body's");
        assert_eq!(given("1234567890123456", "1"), "body[0]: 16 characters, at most 15 are allowed");
        assert_eq!(given("www.x.example", "1"), "body[0]: a link is not allowed in an authentication template");
        assert_eq!(given("12\u{1f600}", "1"), "body[0]: an emoji is not allowed in an authentication template");
        let without = told(template.clone(), json!({"body": ["123456"]}));
        assert_eq!(without, "buttons: the button at index 0 needs a parameter");
    }

    #[test]
    fn what_a_request_cannot_fill() {
        let carousel = json!({"components": {"digest": "0", "unfillable": "CAROUSEL"}});
        assert_eq!(told(carousel, json!({})), "the template has a CAROUSEL, which a request cannot fill");
    }
}
