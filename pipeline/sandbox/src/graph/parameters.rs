//! A send's components against the template: count (132000), format (132012), content.

use super::body::{CardBody, ComponentBody, MediaBody, ParameterBody};
use super::error::PlatformError;
use crate::config::template::{BodyParameters, ButtonKind, Category, HeaderFormat, TemplateConfig};

/// Characters of the body that parameters alone may fill.
const BODY_MAX_CHARS: usize = 1_024;
/// Characters of an authentication parameter.
const CODE_MAX_CHARS: usize = 15;

/// Checks header, body and buttons in that order.
pub(crate) fn check(template: &TemplateConfig, components: &[ComponentBody<'_>]) -> Result<(), PlatformError> {
    let mut header: &[ParameterBody<'_>] = &[];
    let mut body: &[ParameterBody<'_>] = &[];
    let mut given = vec![false; template.buttons.len()];
    let (mut cards, mut offer): (&[CardBody<'_>], &[ParameterBody<'_>]) = (&[], &[]);
    for component in components {
        match component.kind.to_ascii_lowercase().as_str() {
            "header" => header = &component.parameters,
            "body" => body = &component.parameters,
            "button" => check_button(template, component, &mut given)?,
            "carousel" => cards = &component.cards,
            "limited_time_offer" => offer = &component.parameters,
            other => {
                let details = format!("Unexpected component type {other:?}");
                return Err(PlatformError::new(100, details));
            }
        }
    }
    check_header(template.header, header)?;
    check_body(template, body)?;
    check_cards(template, cards)?;
    check_offer(template.limited_time_offer, offer)?;
    for (index, (button, given)) in template.buttons.iter().zip(given).enumerate() {
        let needed = match button.kind {
            ButtonKind::Url => button.dynamic,
            ButtonKind::CopyCode | ButtonKind::Otp | ButtonKind::Mpm => true,
            ButtonKind::QuickReply
            | ButtonKind::PhoneNumber
            | ButtonKind::Flow
            | ButtonKind::Catalog
            | ButtonKind::VoiceCall => false,
        };
        if needed && !given {
            let details = format!("buttons: Button at index {index} requires a parameter");
            return Err(PlatformError::new(131_008, details));
        }
    }
    Ok(())
}

fn check_header(format: Option<HeaderFormat>, parameters: &[ParameterBody<'_>]) -> Result<(), PlatformError> {
    let Some(format) = format else {
        return count("header", parameters.len(), 0);
    };
    let expected = format.parameter_type();
    let Some(parameter) = parameters.first() else {
        // A missing media header is a wrong format, a missing text variable a wrong count.
        return if format == HeaderFormat::Text {
            count("header", 0, 1)
        } else {
            Err(mismatch("header", expected, "UNKNOWN"))
        };
    };
    count("header", parameters.len(), 1)?;
    if parameter.kind != expected {
        return Err(mismatch("header", expected, &parameter.kind));
    }
    let has_source =
        |media: &Option<MediaBody<'_>>| media.as_ref().is_some_and(|media| media.id.is_some() || media.link.is_some());
    let present = match format {
        HeaderFormat::Text => return check_text("header", parameter).map(drop),
        HeaderFormat::Image => has_source(&parameter.image),
        HeaderFormat::Video => has_source(&parameter.video),
        HeaderFormat::Document => has_source(&parameter.document),
        HeaderFormat::Location => parameter.location.is_some(),
    };
    if present {
        Ok(())
    } else {
        let details = format!("header: {expected} needs an id or a link");
        Err(PlatformError::new(131_008, details))
    }
}

fn check_body(template: &TemplateConfig, parameters: &[ParameterBody<'_>]) -> Result<(), PlatformError> {
    let expected = match &template.body {
        BodyParameters::Positional(number) => *number,
        BodyParameters::Named(names) => names.len(),
    };
    count("body", parameters.len(), expected)?;
    if let BodyParameters::Named(names) = &template.body {
        for name in names {
            let given = parameters.iter().any(|parameter| parameter.parameter_name.as_deref() == Some(name));
            if !given {
                let details = format!("body: Parameter name is missing or empty: {name}");
                return Err(PlatformError::new(132_012, details));
            }
        }
    }
    let mut chars = 0;
    for parameter in parameters {
        if parameter.kind != "text" {
            return Err(mismatch("body", "text", &parameter.kind));
        }
        if parameter.parameter_name.is_some() && matches!(template.body, BodyParameters::Positional(_)) {
            return Err(mismatch("body", "positional parameters", "named parameters"));
        }
        let text = check_text("body", parameter)?;
        let length = text.chars().count();
        if template.category == Category::Authentication && length > CODE_MAX_CHARS {
            let details = "body: an authentication parameter has at most 15 characters";
            return Err(PlatformError::new(132_018, details));
        }
        chars += length;
    }
    if chars > BODY_MAX_CHARS {
        let details = format!("body: text has {chars} characters, at most {BODY_MAX_CHARS}");
        return Err(PlatformError::new(132_005, details));
    }
    Ok(())
}

fn check_button(
    template: &TemplateConfig,
    component: &ComponentBody<'_>,
    given: &mut [bool],
) -> Result<(), PlatformError> {
    let index = component.index.as_ref().and_then(super::body::ButtonIndex::value);
    let Some((index, button)) = index.and_then(|index| Some((index, template.buttons.get(index)?))) else {
        let details = "buttons: the template has no button at this index";
        return Err(PlatformError::new(132_018, details));
    };
    let (sub_type, parameter_type) = match button.kind {
        ButtonKind::QuickReply => ("quick_reply", "payload"),
        ButtonKind::Url | ButtonKind::Otp => ("url", "text"),
        ButtonKind::CopyCode => ("copy_code", "coupon_code"),
        ButtonKind::PhoneNumber => return count("buttons", component.parameters.len(), 0),
        ButtonKind::Flow => ("flow", "action"),
        ButtonKind::Catalog => ("catalog", "action"),
        ButtonKind::Mpm => ("mpm", "action"),
        ButtonKind::VoiceCall => ("voice_call", ""),
    };
    let received = component.sub_type.as_deref().unwrap_or("UNKNOWN");
    if !received.eq_ignore_ascii_case(sub_type) {
        return Err(mismatch("buttons", sub_type, received));
    }
    if button.kind == ButtonKind::Url && !button.dynamic {
        return count("buttons", component.parameters.len(), 0);
    }
    if matches!(button.kind, ButtonKind::Flow | ButtonKind::Catalog) && component.parameters.is_empty() {
        given[index] = true;
        return Ok(());
    }
    if button.kind == ButtonKind::VoiceCall {
        given[index] = true;
        return component.parameters.iter().try_for_each(check_call);
    }
    count("buttons", component.parameters.len(), 1)?;
    let parameter = &component.parameters[0];
    if parameter.kind != parameter_type {
        return Err(mismatch("buttons", parameter_type, &parameter.kind));
    }
    match button.kind {
        ButtonKind::CopyCode => {
            let code = parameter.coupon_code.as_deref().unwrap_or("");
            if !(1..=CODE_MAX_CHARS).contains(&code.chars().count()) {
                let details = "buttons: coupon_code has 1 to 15 characters";
                return Err(PlatformError::new(132_018, details));
            }
        }
        ButtonKind::Url | ButtonKind::Otp => {
            check_text("buttons", parameter)?;
        }
        ButtonKind::Flow | ButtonKind::Catalog | ButtonKind::Mpm => check_action(button.kind, parameter)?,
        ButtonKind::QuickReply | ButtonKind::PhoneNumber | ButtonKind::VoiceCall => {}
    }
    given[index] = true;
    Ok(())
}

/// A flow's token and data, a product in front, products by section.
fn check_action(kind: ButtonKind, parameter: &ParameterBody<'_>) -> Result<(), PlatformError> {
    let missing = |what: &str| Err(PlatformError::new(131_008, format!("buttons: the action needs {what}")));
    let Some(action) = &parameter.action else { return missing("an object") };
    if kind != ButtonKind::Flow && !action["thumbnail_product_retailer_id"].is_string() {
        return missing("thumbnail_product_retailer_id");
    }
    if kind == ButtonKind::Mpm {
        let sections = action["sections"].as_array().map_or(&[][..], Vec::as_slice);
        let products: usize = sections.iter().map(|s| s["product_items"].as_array().map_or(0, Vec::len)).sum();
        if !(1..=10).contains(&sections.len()) || !(1..=30).contains(&products) {
            return Err(PlatformError::new(132_018, "buttons: 1 to 10 sections and 1 to 30 products are allowed"));
        }
    }
    Ok(())
}

fn check_call(parameter: &ParameterBody<'_>) -> Result<(), PlatformError> {
    match (&*parameter.kind, parameter.ttl_minutes) {
        ("ttl_minutes", Some(1..=43_200)) | ("payload", None) => Ok(()),
        (kind, _) => Err(mismatch("buttons", "ttl_minutes or payload", kind)),
    }
}

/// A card for every card of the template, each as if it were a template.
fn check_cards(template: &TemplateConfig, given: &[CardBody<'_>]) -> Result<(), PlatformError> {
    let Some(cards) = &template.cards else { return count("carousel", given.len(), 0) };
    count("carousel", given.len(), cards.number)?;
    let alike = TemplateConfig {
        header: Some(cards.header),
        body: cards.body.clone(),
        buttons: cards.buttons.clone(),
        cards: None,
        limited_time_offer: false,
        ..template.clone()
    };
    let mut met = vec![false; cards.number];
    for card in given {
        let place = card.card_index.value().and_then(|index| met.get_mut(index));
        if place.is_none_or(|met| std::mem::replace(met, true)) {
            return Err(PlatformError::new(132_018, "carousel: each card_index once, from 0"));
        }
        check(&alike, &card.components)?;
    }
    Ok(())
}

fn check_offer(ends: bool, given: &[ParameterBody<'_>]) -> Result<(), PlatformError> {
    count("limited_time_offer", given.len(), usize::from(ends))?;
    let offer = given.first().and_then(|parameter| parameter.limited_time_offer.as_ref());
    match offer.is_some_and(|offer| offer["expiration_time_ms"].is_u64()) || !ends {
        true => Ok(()),
        false => Err(PlatformError::new(131_008, "limited_time_offer needs expiration_time_ms")),
    }
}

/// Text that is present and has no line break, tab or run of more than four spaces.
fn check_text<'a>(place: &str, parameter: &'a ParameterBody<'_>) -> Result<&'a str, PlatformError> {
    let text = parameter.text.as_deref().unwrap_or("");
    if text.is_empty() {
        let details = format!("{place}: Parameter of type text is missing text value");
        return Err(PlatformError::new(131_008, details));
    }
    if text.contains(['\n', '\r', '\t']) || text.contains("     ") {
        let details =
            format!("{place}: Param text cannot have new-line/tab characters or more than 4 consecutive spaces");
        return Err(PlatformError::new(132_018, details));
    }
    Ok(text)
}

fn count(place: &str, given: usize, expected: usize) -> Result<(), PlatformError> {
    if given == expected {
        return Ok(());
    }
    let details = format!(
        "{place}: number of localizable_params ({given}) does not match the expected number of params ({expected})"
    );
    Err(PlatformError::new(132_000, details))
}

fn mismatch(place: &str, expected: &str, received: &str) -> PlatformError {
    let details = format!("{place}: Format mismatch, expected {expected}, received {received}");
    PlatformError::new(132_012, details)
}
