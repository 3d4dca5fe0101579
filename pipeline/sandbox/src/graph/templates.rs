//! A template as the platform lists it: its words are made up, its parameters are the configured ones.

use serde_json::{Value, json};

use crate::config::template::{BodyParameters, ButtonConfig, ButtonKind, Category, HeaderFormat, TemplateConfig};

/// Fields of a question that names none.
pub(crate) const DEFAULT: &[&str] = &["name", "parameter_format", "components", "language", "status", "category"];
/// Fields that there are, besides `id`.
pub(crate) const KNOWN: &[&str] = &[
    "name",
    "parameter_format",
    "components",
    "language",
    "status",
    "category",
    "quality_score",
    "message_send_ttl_seconds",
];

/// All fields of a template.
pub(crate) fn template(t: &TemplateConfig) -> Value {
    let named = matches!(t.body, BodyParameters::Named(_));
    let mut components = Vec::new();
    components.extend(t.header.map(|format| header(format, named)));
    components.push(body(t));
    if t.category == Category::Authentication {
        components.push(json!({ "type": "FOOTER", "code_expiration_minutes": 10 }));
    }
    if !t.buttons.is_empty() {
        components.push(json!({ "type": "BUTTONS", "buttons": t.buttons.iter().map(button).collect::<Vec<_>>() }));
    }
    if let Some(cards) = &t.cards {
        let alike = TemplateConfig { body: cards.body.clone(), category: Category::Marketing, ..t.clone() };
        let mut card = vec![header(cards.header, false), body(&alike)];
        if !cards.buttons.is_empty() {
            card.push(json!({ "type": "BUTTONS", "buttons": cards.buttons.iter().map(button).collect::<Vec<_>>() }));
        }
        let card = json!({ "components": card });
        components.push(json!({ "type": "CAROUSEL", "cards": vec![card; cards.number] }));
    }
    if t.limited_time_offer {
        let offer = json!({ "text": "Soon over", "has_expiration": true });
        components.push(json!({ "type": "LIMITED_TIME_OFFER", "limited_time_offer": offer }));
    }
    let mut all = json!({
        "name": t.name,
        "parameter_format": if named { "NAMED" } else { "POSITIONAL" },
        "components": components,
        "language": t.language,
        "status": t.status,
        "category": t.category,
        "quality_score": { "score": t.quality_score },
        "id": t.webhook_id().to_string(),
    });
    if let Some(seconds) = t.message_send_ttl_seconds {
        all["message_send_ttl_seconds"] = seconds.into();
    }
    all
}

fn header(format: HeaderFormat, named: bool) -> Value {
    match format {
        HeaderFormat::Text if named => json!({ "type": "HEADER", "format": "TEXT", "text": "About {{subject}}",
            "example": { "header_text_named_params": [{ "param_name": "subject", "example": "your order" }] } }),
        HeaderFormat::Text => json!({ "type": "HEADER", "format": "TEXT", "text": "About {{1}}",
            "example": { "header_text": ["your order"] } }),
        HeaderFormat::Location => json!({ "type": "HEADER", "format": "LOCATION" }),
        media => json!({ "type": "HEADER", "format": media,
            "example": { "header_handle": ["https://scontent.example/header"] } }),
    }
}

fn body(t: &TemplateConfig) -> Value {
    if t.category == Category::Authentication {
        let text = "*{{1}}* is your verification code. For your security, do not share this code.";
        let example = json!({ "body_text": [["123456"]] });
        return json!({ "type": "BODY", "text": text, "add_security_recommendation": true, "example": example });
    }
    let names: Vec<String> = match &t.body {
        BodyParameters::Positional(number) => (1..=*number).map(|n| n.to_string()).collect(),
        BodyParameters::Named(names) => names.clone(),
    };
    let variables: Vec<String> = names.iter().map(|name| format!("{{{{{name}}}}}")).collect();
    let text = format!("Words of {}: {}.", t.name, variables.join(", and "));
    let example = match (&t.body, names.is_empty()) {
        (_, true) => return json!({ "type": "BODY", "text": text }),
        (BodyParameters::Positional(_), _) => json!({ "body_text": [vec!["sample"; names.len()]] }),
        (BodyParameters::Named(_), _) => {
            let named = |name: &String| json!({ "param_name": name, "example": "sample" });
            json!({ "body_text_named_params": names.iter().map(named).collect::<Vec<_>>() })
        }
    };
    json!({ "type": "BODY", "text": text, "example": example })
}

fn button(b: &ButtonConfig) -> Value {
    match b.kind {
        ButtonKind::QuickReply => json!({ "type": "QUICK_REPLY", "text": "Unsubscribe" }),
        ButtonKind::Url if b.dynamic => json!({ "type": "URL", "text": "Open", "url": "https://shop.example/{{1}}",
            "example": ["https://shop.example/sample"] }),
        ButtonKind::Url => json!({ "type": "URL", "text": "Open", "url": "https://shop.example/" }),
        ButtonKind::PhoneNumber => json!({ "type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15550100" }),
        ButtonKind::Flow => json!({ "type": "FLOW", "text": "Book", "flow_id": "1", "flow_action": "NAVIGATE" }),
        ButtonKind::Catalog => json!({ "type": "CATALOG", "text": "View catalog" }),
        ButtonKind::Mpm => json!({ "type": "MPM", "text": "View items" }),
        ButtonKind::VoiceCall => json!({ "type": "VOICE_CALL", "text": "Call now" }),
        ButtonKind::CopyCode => json!({ "type": "COPY_CODE", "text": "Copy offer code", "example": ["SAMPLE"] }),
        ButtonKind::Otp => json!({ "type": "URL", "text": "Copy code",
            "url": "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code_expiration_minutes=10&code=otp{{1}}",
            "example": ["https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp123456"] }),
    }
}
