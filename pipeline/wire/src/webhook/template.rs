//! Templates: states, categories, those that are announced too, and quality.
//!
//! The platform's own example of a quality update names the field of a state update, so the keys of the
//! value decide, not the field.

use super::Out;
use super::envelope::Value;
use crate::Text;
use crate::command::{NextCategory, TemplateStatus};
use crate::event::{PlatformEvent, TemplateChange};
use tollgate_rate_card::Category;

/// One change of a template, whichever of the three fields carries it.
pub(super) fn read<'a>(value: Value<'a>, out: &mut Out<'a>) {
    let (Some(name), Some(language)) = (value.message_template_name, value.message_template_language) else {
        return out.malformed();
    };
    let mut change = TemplateChange {
        waba: out.waba.clone(),
        name,
        language: underscore(language),
        status: None,
        category: None,
        next_category: None,
        quality: None,
        pause: None,
    };
    if let Some(score) = value.new_quality_score {
        let Ok(score) = score.parse() else { return out.word("template_quality_unknown") };
        change.quality = Some(score);
    } else if let Some(category) = value.correct_category {
        // The impending form: `new_category` is the present one, `correct_category` comes in 24 hours.
        let Some(category) = category_of(&category) else { return out.word("template_category_unknown") };
        let at_s = value.category_update_timestamp.and_then(|at| at.u32()).unwrap_or_default();
        change.next_category = Some(NextCategory { category, at_s });
    } else if let Some(category) = value.new_category {
        let Some(category) = category_of(&category) else { return out.word("template_category_unknown") };
        change.category = Some(category);
    } else {
        let Some(event) = value.event else {
            return out.malformed();
        };
        let title = value.other_info.and_then(|info| info.title);
        let Some(status) = status_of(&event, title.as_deref()) else {
            return out.word("template_status_unknown");
        };
        change.pause = if &*event == "PAUSED" { title.as_deref().and_then(pause_of) } else { None };
        change.status = Some(status);
        change.category = value.message_template_category.as_deref().and_then(category_of);
    }
    out.event(None, PlatformEvent::Template(change));
}

fn status_of(event: &str, title: Option<&str>) -> Option<TemplateStatus> {
    if title == Some("UNPAUSE") { Some(TemplateStatus::Approved) } else { TemplateStatus::of_platform(event) }
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
