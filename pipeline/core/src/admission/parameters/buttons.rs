//! Buttons of a template, or of a card: each at its place once, with what it takes.

use super::{CODE_CHARS_MAX, Fault, Part, URL_CHARS_MAX, at_most, code, count, parameter, text};
use serde::Deserialize;
use serde_json::value::RawValue;
use tollgate_wire::Text;
use tollgate_wire::command::{BUTTONS_MAX, ButtonKind, ButtonSpec};
use tollgate_wire::request::Params;

/// Characters of what a call's or a reply's payload may be; the platform echoes it.
const PAYLOAD_CHARS_MAX: usize = 512;
/// Minutes that a call button may live.
const CALL_MINUTES_MAX: u32 = 30 * 24 * 60;
/// Sections of a message of several products.
const SECTIONS_MAX: usize = 10;
/// Products of such a message, all sections together.
const PRODUCTS_MAX: usize = 30;
/// Characters of a section's title.
const TITLE_CHARS_MAX: usize = 24;

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
pub(super) enum Index<'a> {
    Number(usize),
    #[serde(borrow)]
    Text(Text<'a>),
}

impl Index<'_> {
    pub(super) fn value(&self) -> Option<usize> {
        match self {
            Self::Number(index) => Some(*index),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

/// The parameter of a button that opens a flow or shows products.
#[derive(Deserialize)]
struct Acting<'a> {
    #[serde(borrow, default)]
    action: Option<Action<'a>>,
}

#[derive(Deserialize)]
struct Action<'a> {
    #[serde(borrow, default)]
    flow_token: Option<Text<'a>>,
    #[serde(borrow, default)]
    flow_action_data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    thumbnail_product_retailer_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    sections: Option<Vec<Section<'a>>>,
}

#[derive(Deserialize)]
struct Section<'a> {
    #[serde(borrow, default)]
    title: Text<'a>,
    #[serde(borrow, default)]
    product_items: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default)]
    product_retailer_id: Text<'a>,
}

/// A parameter of a button that calls.
#[derive(Deserialize)]
struct Calling<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Text<'a>,
    #[serde(default)]
    ttl_minutes: Option<u32>,
    #[serde(borrow, default)]
    payload: Option<Text<'a>>,
}

pub(super) fn check(part: &Part<'_>, given: &[&RawValue], body: &Params<'_>) -> Result<(), Fault> {
    let known = part.buttons;
    if known.is_none() && given.len() != usize::from(part.counted) {
        return Err(count("buttons", part.counted.into(), given.len()));
    }
    let mut met = [false; BUTTONS_MAX];
    for (n, raw) in given.iter().enumerate() {
        let place = format!("buttons[{n}]");
        let button: Button<'_> = serde_json::from_str(raw.get())
            .map_err(|_| format!("{place}: it is no button component with sub_type, index and parameters"))?;
        if !button.kind.eq_ignore_ascii_case("button") {
            return Err(format!("{place}: its type is button"));
        }
        let buttons_max = known.map_or(BUTTONS_MAX, <[ButtonSpec]>::len);
        let Some(index) = button.index.value().filter(|index| *index < buttons_max) else {
            return Err(format!("{place}: the template has no button at this index"));
        };
        if std::mem::replace(&mut met[index], true) {
            return Err(format!("{place}: the button at index {index} is given twice"));
        }
        one(part, &place, &button, known.map(|known| known[index]), body)?;
    }
    let needed = known.unwrap_or_default().iter().enumerate();
    match needed.into_iter().find(|(index, button)| button.kind.needs_parameter() && !met[*index]) {
        Some((index, _)) => Err(format!("buttons: the button at index {index} needs a parameter")),
        None => Ok(()),
    }
}

fn one(
    part: &Part<'_>,
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
        ButtonKind::Flow => Some("flow"),
        ButtonKind::Catalog => Some("catalog"),
        ButtonKind::Products => Some("mpm"),
        ButtonKind::VoiceCall => Some("voice_call"),
        ButtonKind::PhoneNumber | ButtonKind::Other => None,
    });
    if let Some(wanted) = wanted.filter(|wanted| sub_type != *wanted) {
        return Err(format!("{place}: the button at this index takes the sub_type {wanted}"));
    }
    if known.is_some_and(|known| matches!(known.kind, ButtonKind::Url | ButtonKind::PhoneNumber)) {
        return if button.parameters.is_empty() { Ok(()) } else { Err(format!("{place}: it takes no parameter")) };
    }
    // Of a kind that is not known only what every button of the sub_type takes is.
    let plain_kind = matches!(&*sub_type, "quick_reply" | "url" | "copy_code");
    if !plain_kind && known.is_some_and(|known| known.kind == ButtonKind::Other) {
        return Ok(());
    }
    let fits = match (&*sub_type, &button.parameters[..]) {
        ("flow" | "catalog", []) => Ok(()),
        ("flow", [raw]) => flow(raw),
        ("catalog", [raw]) => catalog(raw),
        ("mpm", [raw]) => products(raw),
        ("voice_call", parameters @ ([] | [_] | [_, _])) => parameters.iter().try_for_each(|raw| call(raw)),
        ("quick_reply" | "url" | "copy_code", [raw]) => {
            let own = known.filter(|_| sub_type == "url").map_or(0, |known| usize::from(known.chars));
            return plain(part, place, &sub_type, raw, own, body);
        }
        ("quick_reply" | "url" | "copy_code" | "flow" | "catalog" | "mpm", parameters) => {
            return Err(count(place, 1, parameters.len()));
        }
        ("voice_call", parameters) => return Err(count(place, 2, parameters.len())),
        // What other buttons take is the platform's to check.
        _ => Ok(()),
    };
    fits.map_err(|why| format!("{place}: {why}"))
}

/// A button that takes one value: a payload, the end of a link, a code.
fn plain(
    part: &Part<'_>,
    place: &str,
    sub_type: &str,
    raw: &RawValue,
    own: usize,
    body: &Params<'_>,
) -> Result<(), Fault> {
    let kind = match sub_type {
        "quick_reply" => "payload",
        "copy_code" => "coupon_code",
        _ => "text",
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
        _ => link(part, p.text.as_deref(), own, body),
    };
    fits.map_err(|why| format!("{place}: {why}"))
}

/// The end of a link, which of an authentication template is the code once more.
fn link(part: &Part<'_>, value: Option<&str>, own: usize, body: &Params<'_>) -> Result<(), Fault> {
    let chars = text(value)?;
    if part.is_authentication {
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

fn action(raw: &RawValue) -> Result<Action<'_>, Fault> {
    let acting: Acting<'_> = serde_json::from_str(raw.get()).map_err(|_| "its action does not fit".to_owned())?;
    acting.action.ok_or_else(|| "it takes the parameter type action".to_owned())
}

fn flow(raw: &RawValue) -> Result<(), Fault> {
    let action = action(raw)?;
    if action.flow_token.is_some_and(|token| token.is_empty()) {
        return Err("the flow_token is empty".to_owned());
    }
    match action.flow_action_data {
        Some(data) if !data.get().starts_with('{') => Err("flow_action_data is no object".to_owned()),
        _ => Ok(()),
    }
}

fn catalog(raw: &RawValue) -> Result<(), Fault> {
    let shown = action(raw)?.thumbnail_product_retailer_id;
    match shown.is_some_and(|id| !id.is_empty()) {
        true => Ok(()),
        false => Err("the action needs thumbnail_product_retailer_id".to_owned()),
    }
}

fn products(raw: &RawValue) -> Result<(), Fault> {
    catalog(raw)?;
    let sections = action(raw)?.sections.unwrap_or_default();
    if !(1..=SECTIONS_MAX).contains(&sections.len()) {
        return Err(format!("{} sections, 1 to {SECTIONS_MAX} are allowed", sections.len()));
    }
    let mut all = 0;
    for (n, section) in sections.iter().enumerate() {
        if sections.len() > 1 && section.title.is_empty() {
            return Err(format!("sections[{n}]: one of several needs a title"));
        }
        at_most(section.title.chars().count(), TITLE_CHARS_MAX).map_err(|why| format!("sections[{n}].title: {why}"))?;
        if section.product_items.is_empty() || section.product_items.iter().any(|i| i.product_retailer_id.is_empty()) {
            return Err(format!("sections[{n}]: it needs product_items with product_retailer_id"));
        }
        all += section.product_items.len();
    }
    if all <= PRODUCTS_MAX { Ok(()) } else { Err(format!("{all} products, at most {PRODUCTS_MAX} are allowed")) }
}

fn call(raw: &RawValue) -> Result<(), Fault> {
    let p: Calling<'_> = serde_json::from_str(raw.get()).map_err(|_| "a parameter does not fit".to_owned())?;
    match &*p.kind {
        "ttl_minutes" if p.ttl_minutes.is_some_and(|minutes| (1..=CALL_MINUTES_MAX).contains(&minutes)) => Ok(()),
        "ttl_minutes" => Err(format!("ttl_minutes is 1 to {CALL_MINUTES_MAX}")),
        "payload" => text(p.payload.as_deref()).and_then(|chars| at_most(chars, PAYLOAD_CHARS_MAX)),
        _ => Err("it takes the parameter types ttl_minutes and payload".to_owned()),
    }
}
