//! Templates: states and categories.
//!
//! The platform's own example of a quality update names the field of a state update, so the keys of the
//! value decide, not the field.

use super::Out;
use super::envelope::Value;
use crate::Text;
use crate::command::TemplateStatus;
use crate::event::{PlatformEvent, TemplateChange};
use tollgate_rate_card::Category;

/// One change of a template, whichever of the three fields carries it.
pub(super) fn read<'a>(value: Value<'a>, out: &mut Out<'a>) {
    if value.new_quality_score.is_some() {
        return out.form("template_quality");
    }
    if value.correct_category.is_some() {
        // The impending form: `new_category` is the present one, `correct_category` comes in 24 hours.
        return out.form("template_category_impending");
    }
    let (Some(name), Some(language)) = (value.message_template_name, value.message_template_language) else {
        return out.malformed();
    };
    let change = |status, category, pause| TemplateChange {
        waba: out.waba.clone(),
        name,
        language: underscore(language),
        status,
        category,
        pause,
    };
    if let Some(category) = value.new_category {
        return match category_of(&category) {
            Some(category) => {
                let change = change(None, Some(category), None);
                out.event(None, PlatformEvent::Template(change));
            }
            None => out.word("template_category_unknown"),
        };
    }
    let Some(event) = value.event else {
        return out.malformed();
    };
    let title = value.other_info.and_then(|info| info.title);
    let Some(status) = status_of(&event, title.as_deref()) else {
        return out.word("template_status_unknown");
    };
    let pause = if &*event == "PAUSED" { title.as_deref().and_then(pause_of) } else { None };
    let change = change(Some(status), value.message_template_category.as_deref().and_then(category_of), pause);
    out.event(None, PlatformEvent::Template(change));
}

/// Only an approved template may be sent, whatever the other states mean in detail.
fn status_of(event: &str, title: Option<&str>) -> Option<TemplateStatus> {
    if title == Some("UNPAUSE") {
        return Some(TemplateStatus::Approved);
    }
    Some(match event {
        "APPROVED" | "REINSTATED" | "UNARCHIVED" | "UNPAUSED" => TemplateStatus::Approved,
        "PENDING" | "IN_APPEAL" => TemplateStatus::Pending,
        "PAUSED" | "FLAGGED" | "LOCKED" => TemplateStatus::Paused,
        "REJECTED" | "LIMIT_EXCEEDED" => TemplateStatus::Rejected,
        "DISABLED" => TemplateStatus::Disabled,
        "DELETED" | "PENDING_DELETION" | "ARCHIVED" => TemplateStatus::Deleted,
        _ => return None,
    })
}

/// A pause for low quality ends by itself; one for the rate, or of pacing, does not.
fn pause_of(title: &str) -> Option<u8> {
    match title {
        "FIRST_PAUSE" => Some(1),
        "SECOND_PAUSE" => Some(2),
        _ => None,
    }
}

fn category_of(word: &str) -> Option<Category> {
    Category::parse(&word.to_ascii_lowercase())
}

/// Webhooks write `en-US`, templates are named `en_US`.
fn underscore(language: Text<'_>) -> Text<'_> {
    if language.contains('-') { language.replace('-', "_").into() } else { language }
}
