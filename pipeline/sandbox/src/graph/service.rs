//! Messages that are no templates: media, places, cards, reactions, interactive messages.

use serde_json::Value;

use super::error::PlatformError;

/// What a number may be in degrees.
const POLES: f64 = 90.0;

/// Checks the object that stands under `kind`; `None` when the sandbox knows no such message.
pub(crate) fn check(kind: &str, value: Option<&Value>) -> Option<Result<(), PlatformError>> {
    let given = value.ok_or_else(|| missing(kind));
    Some(match kind {
        "image" | "video" => given.and_then(|v| media(kind, v, &["caption"])),
        "audio" => given.and_then(|v| media(kind, v, &["voice"])),
        "document" => given.and_then(|v| media(kind, v, &["caption", "filename"])),
        "sticker" => given.and_then(|v| media(kind, v, &[])),
        "location" => given.and_then(location),
        "contacts" => given.and_then(contacts),
        "reaction" => given.and_then(reaction),
        "interactive" => given.and_then(interactive),
        _ => return None,
    })
}

fn media(kind: &str, value: &Value, more: &[&str]) -> Result<(), PlatformError> {
    known(kind, value, &[&["id", "link"], more].concat())?;
    match (&value["id"], &value["link"]) {
        (Value::String(id), Value::Null) if id.parse::<u128>().is_ok() => {}
        (Value::Null, Value::String(link)) if link.starts_with("https://") || link.starts_with("http://") => {}
        (Value::Null, Value::Null) => return Err(missing(&format!("{kind}['id'] or {kind}['link']"))),
        _ => return Err(invalid(&format!("{kind}: give an id or a link"))),
    }
    optional(kind, value, "caption", 1_024)
}

fn location(value: &Value) -> Result<(), PlatformError> {
    known("location", value, &["latitude", "longitude", "name", "address"])?;
    for (name, most) in [("latitude", POLES), ("longitude", 2.0 * POLES)] {
        let degrees = match &value[name] {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            Value::Null => return Err(missing(&format!("location['{name}']"))),
            _ => None,
        };
        if !degrees.is_some_and(|degrees: f64| degrees.abs() <= most) {
            return Err(invalid(&format!("location['{name}'] is out of range")));
        }
    }
    Ok(())
}

fn contacts(value: &Value) -> Result<(), PlatformError> {
    let cards = value.as_array().filter(|cards| !cards.is_empty()).ok_or_else(|| missing("contacts"))?;
    for card in cards {
        let name = &card["name"];
        required("contacts['name']", name, "formatted_name", usize::MAX)?;
        let parts = ["first_name", "last_name", "middle_name", "prefix", "suffix"];
        if !parts.iter().any(|part| name[part].is_string()) {
            return Err(missing("contacts['name']['first_name']"));
        }
    }
    Ok(())
}

fn reaction(value: &Value) -> Result<(), PlatformError> {
    known("reaction", value, &["message_id", "emoji"])?;
    if !value["message_id"].as_str().is_some_and(|id| id.starts_with("wamid.")) {
        return Err(invalid("reaction['message_id'] is no message id"));
    }
    value["emoji"].as_str().map(drop).ok_or_else(|| missing("reaction['emoji']"))
}

fn interactive(value: &Value) -> Result<(), PlatformError> {
    known("interactive", value, &["type", "header", "body", "footer", "action"])?;
    let kind = value["type"].as_str().ok_or_else(|| missing("interactive['type']"))?;
    let action = &value["action"];
    if !action.is_object() {
        return Err(missing("interactive['action']"));
    }
    if !value["body"].is_null() || !matches!(kind, "product" | "call_permission_request") {
        required("interactive['body']", &value["body"], "text", if kind == "list" { 4_096 } else { 1_024 })?;
    }
    if !value["footer"].is_null() {
        required("interactive['footer']", &value["footer"], "text", 60)?;
    }
    header(kind, &value["header"])?;
    match kind {
        "button" => buttons(action),
        "list" => list(action),
        "cta_url" => {
            parameters(action, kind)?;
            required("interactive['action']['parameters']", &action["parameters"], "display_text", 20)?;
            required("interactive['action']['parameters']", &action["parameters"], "url", 2_000)
        }
        "flow" => {
            parameters(action, kind)?;
            let given = &action["parameters"];
            required("interactive['action']['parameters']", given, "flow_message_version", 2)?;
            required("interactive['action']['parameters']", given, "flow_cta", 30)?;
            if given["flow_id"].is_string() == given["flow_name"].is_string() {
                return Err(missing("flow_id or flow_name"));
            }
            Ok(())
        }
        "location_request_message" if action["name"] != "send_location" => Err(invalid("the action is send_location")),
        "product_list" => sections(action, "product_items", 30, |item| {
            required("product_items", item, "product_retailer_id", usize::MAX)
        }),
        "product" => required("interactive['action']", action, "product_retailer_id", usize::MAX),
        "carousel" => carousel(action),
        "location_request_message"
        | "address_message"
        | "catalog_message"
        | "voice_call"
        | "call_permission_request"
        | "order_details"
        | "order_status" => Ok(()),
        other => Err(invalid(&format!("interactive['type'] {other:?} is not known"))),
    }
}

fn header(kind: &str, header: &Value) -> Result<(), PlatformError> {
    let Some(format) = header["type"].as_str() else {
        return if header.is_null() { Ok(()) } else { Err(missing("interactive['header']['type']")) };
    };
    match format {
        "text" => required("interactive['header']", header, "text", 60),
        "image" | "video" | "document" if !matches!(kind, "list" | "product_list") => {
            media(format, &header[format], &["filename"])
        }
        _ => Err(invalid(&format!("a {kind} message takes no {format} header"))),
    }
}

fn buttons(action: &Value) -> Result<(), PlatformError> {
    let buttons = action["buttons"].as_array().map_or(&[][..], Vec::as_slice);
    if !(1..=3).contains(&buttons.len()) {
        return Err(invalid(&format!(
            "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3, not {}",
            buttons.len()
        )));
    }
    let mut titles = Vec::new();
    for button in buttons {
        if button["type"] != "reply" {
            return Err(invalid("a button's type is reply"));
        }
        required("reply", &button["reply"], "id", 256)?;
        required("reply", &button["reply"], "title", 20)?;
        titles.push((&button["reply"]["title"], &button["reply"]["id"]));
    }
    for (n, (title, id)) in titles.iter().enumerate() {
        if titles[..n].iter().any(|(other, known)| other == title || known == id) {
            return Err(invalid("Duplicated title or id"));
        }
    }
    Ok(())
}

fn list(action: &Value) -> Result<(), PlatformError> {
    required("interactive['action']", action, "button", 20)?;
    sections(action, "rows", 10, |row| {
        required("rows", row, "id", 200)?;
        required("rows", row, "title", 24)?;
        optional("rows", row, "description", 72)
    })
}

/// Cards in a row: each with a medium and a link or replies, or each a product; all alike.
fn carousel(action: &Value) -> Result<(), PlatformError> {
    let cards = action["cards"].as_array().map_or(&[][..], Vec::as_slice);
    if !(2..=10).contains(&cards.len()) {
        return Err(invalid(&format!("a carousel has 2 to 10 cards, not {}", cards.len())));
    }
    let mut places: Vec<_> = cards.iter().filter_map(|card| card["card_index"].as_u64()).collect();
    places.sort_unstable();
    if places != (0..cards.len() as u64).collect::<Vec<_>>() {
        return Err(invalid("carousel: each card_index once, from 0"));
    }
    let mut kinds = Vec::new();
    for each in cards {
        known("cards", each, &["card_index", "type", "header", "body", "action"])?;
        kinds.push(card(each)?);
    }
    if kinds.iter().any(|kind| *kind != kinds[0]) {
        return Err(invalid("carousel: all cards have the same buttons, products are of one catalog"));
    }
    Ok(())
}

/// What all cards have to have alike: a link, so many replies, products of a catalog.
fn card(card: &Value) -> Result<String, PlatformError> {
    let action = &card["action"];
    let kind = card["type"].as_str().ok_or_else(|| missing("cards['type']"))?;
    if kind == "product" {
        known("cards['action']", action, &["catalog_id", "product_retailer_id"])?;
        required("cards['action']", action, "product_retailer_id", usize::MAX)?;
        required("cards['action']", action, "catalog_id", usize::MAX)?;
        return match (&card["header"], &card["body"]) {
            (Value::Null, Value::Null) => Ok(action["catalog_id"].to_string()),
            _ => Err(invalid("a product card has neither header nor body")),
        };
    }
    let header = &card["header"];
    match header["type"].as_str() {
        Some(format @ ("image" | "video")) => media(format, &header[format], &[])?,
        Some(format) => return Err(invalid(&format!("a card takes no {format} header"))),
        None => return Err(missing("cards['header']")),
    }
    if !card["body"].is_null() {
        required("cards['body']", &card["body"], "text", 160)?;
    }
    if card["body"]["text"].as_str().is_some_and(|text| text.lines().count() > 3) {
        return Err(invalid("a card's body has at most 2 line breaks"));
    }
    match (kind, action["buttons"].as_array()) {
        ("cta_url", None) => {
            known("cards['action']", action, &["name", "parameters"])?;
            parameters(action, kind)?;
            required("cards['action']['parameters']", &action["parameters"], "display_text", 20)?;
            required("cards['action']['parameters']", &action["parameters"], "url", 2_000)?;
            Ok("link".to_owned())
        }
        ("cta_url" | "button", Some(buttons)) if !buttons.is_empty() => {
            known("cards['action']", action, &["buttons"])?;
            for button in buttons {
                if button["type"] != "quick_reply" {
                    return Err(invalid("a card's button's type is quick_reply"));
                }
                required("quick_reply", &button["quick_reply"], "id", 256)?;
                required("quick_reply", &button["quick_reply"], "title", 20)?;
            }
            Ok(format!("{} replies", buttons.len()))
        }
        _ => Err(invalid("cards['type'] and cards['action'] do not fit")),
    }
}

/// Sections with their members, at most `most` in all.
fn sections(
    action: &Value,
    members: &str,
    most: usize,
    check: impl Fn(&Value) -> Result<(), PlatformError>,
) -> Result<(), PlatformError> {
    let sections = action["sections"].as_array().filter(|sections| (1..=10).contains(&sections.len()));
    let sections = sections.ok_or_else(|| invalid("there are 1 to 10 sections"))?;
    let mut all = 0;
    for section in sections {
        if sections.len() > 1 {
            required("sections", section, "title", 24)?;
        } else {
            optional("sections", section, "title", 24)?;
        }
        let here = section[members].as_array().filter(|here| !here.is_empty()).ok_or_else(|| missing(members))?;
        all += here.len();
        here.iter().try_for_each(&check)?;
    }
    if all > most {
        return Err(invalid(&format!("Total row count exceed max allowed count: {most}")));
    }
    Ok(())
}

fn parameters(action: &Value, name: &str) -> Result<(), PlatformError> {
    if action["name"] != name || !action["parameters"].is_object() {
        return Err(invalid(&format!("the action is {name} with parameters")));
    }
    Ok(())
}

fn known(place: &str, value: &Value, names: &[&str]) -> Result<(), PlatformError> {
    let object = value.as_object().ok_or_else(|| invalid(&format!("{place} must be an object")))?;
    match object.keys().find(|key| !names.contains(&key.as_str())) {
        Some(key) => Err(PlatformError::new(100, format!("Unexpected key {key:?} on param {place:?}"))),
        None => Ok(()),
    }
}

fn required(place: &str, value: &Value, name: &str, most: usize) -> Result<(), PlatformError> {
    if value[name].is_null() {
        return Err(missing(&format!("{place}['{name}']")));
    }
    optional(place, value, name, most)
}

fn optional(place: &str, value: &Value, name: &str, most: usize) -> Result<(), PlatformError> {
    match &value[name] {
        Value::Null => Ok(()),
        Value::String(text) if (1..=most).contains(&text.chars().count()) => Ok(()),
        _ => Err(invalid(&format!("{place}['{name}'] has 1 to {most} characters"))),
    }
}

fn missing(parameter: &str) -> PlatformError {
    PlatformError::new(131_008, format!("The parameter {parameter} is required."))
}

fn invalid(details: &str) -> PlatformError {
    PlatformError::new(131_009, details)
}
