//! Webhook bodies, in the shapes of the era.

use serde_json::{Value, json};

/// What the platform says about the price.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Words {
    pub model: &'static str,
    /// Left out in the conversation era.
    pub pricing_type: Option<String>,
    pub category: String,
    /// Id and origin.
    pub conversation: Option<(String, String)>,
}

/// Whom a status is about.
pub(crate) struct About<'a> {
    pub waba: &'a str,
    pub sender: &'a str,
    pub wamid: &'a str,
    /// As requests name them.
    pub person: &'a Value,
    pub callback: Option<(u64, u8)>,
}

fn envelope(waba: &str, sender: &str, mut value: Value) -> Value {
    value["messaging_product"] = json!("whatsapp");
    value["metadata"] = json!({"display_phone_number": "15550783881", "phone_number_id": sender});
    json!({"object": "whatsapp_business_account",
        "entry": [{"id": waba, "changes": [{"field": "messages", "value": value}]}]})
}

/// A status.
pub(crate) fn status(about: &About<'_>, kind: &str, at_s: i64, words: Option<&Words>) -> Value {
    let mut status = json!({"id": about.wamid, "status": kind, "timestamp": at_s.to_string()});
    match about.person.as_str() {
        Some(number) => status["recipient_id"] = json!(number.trim_start_matches('+')),
        None => status["recipient_user_id"] = about.person["bsuid"].clone(),
    }
    if let Some((uid, attempt)) = about.callback {
        status["biz_opaque_callback_data"] = json!(format!("tg1.{uid}.{attempt}"));
    }
    if let Some(words) = words {
        let billable = words.pricing_type.as_deref().unwrap_or("regular") == "regular";
        let mut pricing = json!({"billable": billable, "pricing_model": words.model, "category": words.category});
        if let Some(pricing_type) = &words.pricing_type {
            pricing["type"] = json!(pricing_type);
        }
        status["pricing"] = pricing;
        if let Some((id, origin)) = &words.conversation {
            status["conversation"] = json!({"id": id, "origin": {"type": origin}});
        }
    }
    if kind == "failed" {
        status["errors"] = json!([{"code": 131_000, "title": "Something went wrong"}]);
    }
    envelope(about.waba, about.sender, json!({"statuses": [status]}))
}

/// A person wrote.
pub(crate) fn wrote(waba: &str, sender: &str, person: &Value, at_s: i64, from_advertisement: bool, n: u64) -> Value {
    let mut message = json!({"id": format!("wamid.in{n}"), "timestamp": at_s.to_string(), "type": "text",
        "text": {"body": "Hello"}});
    match person.as_str() {
        Some(number) => message["from"] = json!(number.trim_start_matches('+')),
        None => message["from_user_id"] = person["bsuid"].clone(),
    }
    if from_advertisement {
        message["referral"] = json!({"source_id": "1", "source_type": "ad", "source_url": "https://example.com"});
    }
    envelope(waba, sender, json!({"messages": [message]}))
}
