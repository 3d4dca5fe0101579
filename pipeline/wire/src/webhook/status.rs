//! Statuses of messages, with what the platform says about the price in both eras.

use super::Out;
use super::envelope::{Contact, Conversation, RawPricing, RawStatus, Value};
use super::recipient::recipient_or_contact;
use crate::Text;
use crate::event::{PlatformEvent, Pricing, Status, StatusKind};
use crate::order::Callback;
use tollgate_rate_card::{Category, PricingModel, PricingType};

/// All statuses of one change.
pub(super) fn read<'a>(value: &mut Value<'a>, out: &mut Out<'a>) {
    let Some(statuses) = value.statuses.take() else {
        return;
    };
    let sender = value.metadata.as_ref().map(|m| m.phone_number_id.clone());
    for raw in statuses {
        let kind = match raw.status.as_deref() {
            Some("sent") => StatusKind::Sent,
            Some("delivered") => StatusKind::Delivered,
            Some("read") => StatusKind::Read,
            Some("played") => StatusKind::Played,
            Some("failed") => StatusKind::Failed,
            Some("held_for_quality_assessment") => StatusKind::Held,
            Some("deleted") => {
                out.form("status_deleted");
                continue;
            }
            Some("warning") => {
                out.form("status_warning");
                continue;
            }
            Some(_) => {
                out.word("status_unknown");
                continue;
            }
            None => {
                out.malformed();
                continue;
            }
        };
        match status(kind, sender.clone(), raw, value.contacts.as_deref()) {
            Some(status) => out.event(Some(status.sender.clone()), PlatformEvent::Status(status)),
            None => out.malformed(),
        }
    }
}

fn status<'a>(
    kind: StatusKind,
    sender: Option<Text<'a>>,
    raw: RawStatus<'a>,
    contacts: Option<&[Contact<'a>]>,
) -> Option<Status<'a>> {
    // In a group the recipient is the group; the person is the participant.
    let (number, user_id) = if raw.recipient_type.as_deref() == Some("group") {
        (raw.recipient_participant_id, raw.recipient_participant_user_id)
    } else {
        (raw.recipient_id, raw.recipient_user_id)
    };
    let code = match kind {
        StatusKind::Failed => raw.errors.and_then(|errors| errors.first()?.code.as_ref()?.u32()),
        _ => None,
    };
    Some(Status {
        sender: sender?,
        wamid: raw.id.filter(|id| !id.is_empty())?,
        to: recipient_or_contact(number, user_id, contacts)?,
        status: kind,
        at_s: raw.timestamp?.u32()?,
        callback: raw.biz_opaque_callback_data.and_then(|data| Callback::parse(&data)),
        pricing: pricing(raw.pricing, raw.conversation),
        code,
    })
}

/// The platform decides model, category and explicit free types; `billable` alone decides nothing and
/// is not read. A word that we do not know is never guessed: the category is then left open, with the
/// platform's words beside it.
fn pricing<'a>(raw: Option<RawPricing<'a>>, conversation: Option<Conversation<'a>>) -> Option<Pricing<'a>> {
    if raw.is_none() && conversation.is_none() {
        return None;
    }
    let raw = raw.unwrap_or_default();
    let (conversation, origin) = conversation.map_or((None, None), |c| (c.id, c.origin.and_then(|o| o.kind)));
    let mut pricing = Pricing {
        model: raw.pricing_model.as_deref().and_then(PricingModel::parse),
        category: None,
        category_text: None,
        pricing_type: raw.kind.as_deref().and_then(pricing_type),
        conversation,
    };
    let word = raw.category.or(origin.clone());
    match word.as_deref() {
        None => {}
        Some("marketing_lite") => {
            pricing.category = Some(Category::Marketing);
            pricing.category_text = word;
        }
        Some(known) => {
            pricing.category = Category::parse(known);
            if pricing.category.is_none() {
                pricing.category_text = word;
            }
        }
    }
    let is_entry_point = |t: &Option<Text<'_>>| t.as_deref() == Some("referral_conversion");
    // The older model has no `type`: there the category or the conversation's origin says it.
    if raw.kind.is_none() && (is_entry_point(&pricing.category_text) || is_entry_point(&origin)) {
        pricing.pricing_type = Some(PricingType::FreeEntryPoint);
    }
    let unheard_of = match (&raw.kind, &raw.pricing_model) {
        (Some(kind), _) if pricing.pricing_type.is_none() => Some(format!("type={kind}")),
        (_, Some(model)) if pricing.model.is_none() => Some(format!("model={model}")),
        _ => None,
    };
    if let Some(unheard_of) = unheard_of {
        let known = pricing.category.take().map_or("", Category::as_str);
        let category = pricing.category_text.as_deref().unwrap_or(known);
        pricing.category_text = Some(format!("{category} {unheard_of}").trim().to_owned().into());
    }
    Some(pricing)
}

fn pricing_type(word: &str) -> Option<PricingType> {
    match word {
        "regular" => Some(PricingType::Regular),
        "free_customer_service" | "free_group_customer_service" => Some(PricingType::FreeCustomerService),
        "free_entry_point" => Some(PricingType::FreeEntryPoint),
        _ => None,
    }
}
