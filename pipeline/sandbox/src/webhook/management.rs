//! Webhooks about templates, numbers and portfolios.

use serde::Serialize;
use serde_json::{Value, json};

use crate::config::account::MessagingLimit;
use crate::config::template::{Category, Rating, TemplateConfig};
use crate::world::bands::Reached;

/// `message_template_status_update`. `event` is the platform's word, `now_s` dates a disabling.
pub(crate) fn template_status(template: &TemplateConfig, event: &str, reason: Option<&str>, now_s: u64) -> String {
    let mut value = json!({
        "event": event,
        "message_template_id": template.webhook_id(),
        "message_template_name": template.name,
        "message_template_language": template.language,
        "reason": reason.unwrap_or("NONE"),
        "message_template_category": template.category,
    });
    match event {
        "PAUSED" => {
            value["other_info"] = json!({
                "title": "FIRST_PAUSE",
                "description": "Your WhatsApp message template has been paused for 3 hours because it had issues.",
            });
        }
        "REJECTED" => {
            let words = reason.unwrap_or("INVALID_FORMAT");
            value["reason"] = json!(words);
            value["rejection_info"] = json!({
                "reason": words,
                "recommendation": "Edit the template and submit it again.",
            });
        }
        "DISABLED" => value["disable_info"] = json!({ "disable_date": now_s }),
        _ => {}
    }
    change("message_template_status_update", &value)
}

/// `template_category_update`: it has another category now.
pub(crate) fn template_category(template: &TemplateConfig, before: Category) -> String {
    let mut value = named(template);
    value["previous_category"] = json!(before);
    value["new_category"] = json!(template.category);
    change("template_category_update", &value)
}

/// `template_category_update` ahead of time: `new_category` is the present one.
pub(crate) fn template_category_to_come(template: &TemplateConfig, category: Category, at_s: u64) -> String {
    let mut value = named(template);
    value["new_category"] = json!(template.category);
    value["correct_category"] = json!(category);
    value["category_update_timestamp"] = json!(at_s);
    change("template_category_update", &value)
}

/// `message_template_quality_update`.
pub(crate) fn template_quality(template: &TemplateConfig, before: Rating) -> String {
    let mut value = named(template);
    value["previous_quality_score"] = json!(before);
    value["new_quality_score"] = json!(template.quality_score);
    change("message_template_quality_update", &value)
}

fn named(template: &TemplateConfig) -> Value {
    json!({
        "message_template_id": template.webhook_id(),
        "message_template_name": template.name,
        "message_template_language": template.language,
    })
}

/// `phone_number_quality_update`.
pub(crate) fn quality(display_phone_number: &str, event: &str, limit: MessagingLimit, graph_major: u32) -> String {
    let mut value = json!({
        "display_phone_number": display_phone_number,
        "event": event,
        "max_daily_conversations_per_business": tier(limit),
    });
    if graph_major < 24 {
        value["current_limit"] = tier(limit);
    }
    change("phone_number_quality_update", &value)
}

/// `business_capability_update`.
pub(crate) fn capability(limit: MessagingLimit, graph_major: u32) -> String {
    let mut value = json!({
        "max_daily_conversations_per_business": tier(limit),
        "max_phone_numbers_per_business": 25,
        "max_phone_numbers_per_waba": 25,
    });
    if graph_major < 24 {
        value["max_daily_conversation_per_phone"] = match limit.users() {
            Some(users) => json!(users),
            None => json!(-1),
        };
    }
    change("business_capability_update", &value)
}

/// `account_update` about a volume band that is reached: `tier` is its first and last message.
pub(crate) fn volume_band(reached: &Reached<'_>, now_s: u64) -> String {
    let last = reached.last.map_or_else(|| "MAX".to_owned(), |last| last.to_string());
    let value = json!({
        "event": "VOLUME_BASED_PRICING_TIER_UPDATE",
        "volume_tier_info": {
            "tier_update_time": now_s,
            "pricing_category": reached.category,
            "tier": format!("{}:{last}", reached.first),
            "effective_month": reached.month.to_string(),
            "region": reached.region,
        },
    });
    change("account_update", &value)
}

/// The tier's name; a limit that is no tier is given as a number, a form the platform's
/// documents show too.
pub(crate) fn tier(limit: MessagingLimit) -> Value {
    match limit {
        MessagingLimit::Users(50) => json!("TIER_50"),
        MessagingLimit::Users(250) => json!("TIER_250"),
        MessagingLimit::Users(1_000) => json!("TIER_1K"),
        MessagingLimit::Users(2_000) => json!("TIER_2K"),
        MessagingLimit::Users(10_000) => json!("TIER_10K"),
        MessagingLimit::Users(100_000) => json!("TIER_100K"),
        MessagingLimit::Unlimited => json!("TIER_UNLIMITED"),
        MessagingLimit::Users(users) => json!(users),
    }
}

fn change<V: Serialize>(field: &str, value: &V) -> String {
    json!({ "value": value, "field": field }).to_string()
}

#[cfg(test)]
mod tests {
    use super::{MessagingLimit, capability};

    #[test]
    fn tiers_have_names_and_other_limits_are_numbers() {
        let of = |limit| capability(limit, 24);
        assert!(of(MessagingLimit::Users(2_000)).contains("\"TIER_2K\""));
        assert!(of(MessagingLimit::Unlimited).contains("\"TIER_UNLIMITED\""));
        assert!(of(MessagingLimit::Users(777)).contains(":777"));
        assert!(!of(MessagingLimit::Unlimited).contains("per_phone\""));
        assert!(capability(MessagingLimit::Unlimited, 23).contains("per_phone\":-1"));
    }
}
