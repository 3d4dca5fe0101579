//! The body of a send. Unknown keys are refused, so a misspelt one is found here.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// `POST /{version}/{phone_number_id}/messages` or `…/marketing_messages`. Presence is checked later, so that a missing
/// field gets the platform's own code.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendBody<'a> {
    #[serde(borrow)]
    pub(crate) messaging_product: Option<Cow<'a, str>>,
    pub(crate) recipient_type: Option<Cow<'a, str>>,
    pub(crate) to: Option<Cow<'a, str>>,
    /// Business-scoped user id; `to` takes precedence.
    pub(crate) recipient: Option<Cow<'a, str>>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<Cow<'a, str>>,
    pub(crate) template: Option<TemplateBody<'a>>,
    pub(crate) text: Option<TextBody<'a>>,
    pub(crate) interactive: Option<Value>,
    pub(crate) image: Option<Value>,
    pub(crate) video: Option<Value>,
    pub(crate) audio: Option<Value>,
    pub(crate) document: Option<Value>,
    pub(crate) sticker: Option<Value>,
    pub(crate) location: Option<Value>,
    pub(crate) contacts: Option<Value>,
    pub(crate) reaction: Option<Value>,
    /// A reply to an earlier message; accepted and not looked at.
    #[serde(rename = "context")]
    _context: Option<IgnoredAny>,
    pub(crate) biz_opaque_callback_data: Option<Cow<'a, str>>,
    /// Of the call for marketing.
    pub(crate) product_policy: Option<Cow<'a, str>>,
    /// Of the call for marketing.
    pub(crate) message_activity_sharing: Option<bool>,
}

impl SendBody<'_> {
    /// What stands under a kind that is neither template nor text.
    pub(crate) fn service(&self, kind: &str) -> Option<&Value> {
        match kind {
            "interactive" => self.interactive.as_ref(),
            "image" => self.image.as_ref(),
            "video" => self.video.as_ref(),
            "audio" => self.audio.as_ref(),
            "document" => self.document.as_ref(),
            "sticker" => self.sticker.as_ref(),
            "location" => self.location.as_ref(),
            "contacts" => self.contacts.as_ref(),
            "reaction" => self.reaction.as_ref(),
            _ => None,
        }
    }
}

/// `text`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextBody<'a> {
    #[serde(borrow)]
    pub(crate) body: Option<Cow<'a, str>>,
    #[serde(rename = "preview_url")]
    _preview_url: Option<bool>,
}

/// `template`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateBody<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) language: Option<LanguageBody<'a>>,
    #[serde(default)]
    pub(crate) components: Vec<ComponentBody<'a>>,
}

/// `template.language`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LanguageBody<'a> {
    #[serde(borrow)]
    pub(crate) code: Option<Cow<'a, str>>,
    /// Only `deterministic` was ever valid.
    pub(crate) policy: Option<Cow<'a, str>>,
}

/// One of `template.components`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ComponentBody<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    pub(crate) sub_type: Option<Cow<'a, str>>,
    pub(crate) index: Option<ButtonIndex<'a>>,
    #[serde(default)]
    pub(crate) parameters: Vec<ParameterBody<'a>>,
    #[serde(default)]
    pub(crate) cards: Vec<CardBody<'a>>,
}

/// A card of a carousel.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CardBody<'a> {
    #[serde(borrow)]
    pub(crate) card_index: ButtonIndex<'a>,
    #[serde(default)]
    pub(crate) components: Vec<ComponentBody<'a>>,
}

/// A button's place: the documents write it both as text and as a number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum ButtonIndex<'a> {
    Number(usize),
    Text(#[serde(borrow)] Cow<'a, str>),
}

impl ButtonIndex<'_> {
    pub(crate) fn value(&self) -> Option<usize> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

/// One parameter of a component.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ParameterBody<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    pub(crate) parameter_name: Option<Cow<'a, str>>,
    pub(crate) text: Option<Cow<'a, str>>,
    #[serde(rename = "payload")]
    _payload: Option<Cow<'a, str>>,
    pub(crate) coupon_code: Option<Cow<'a, str>>,
    pub(crate) image: Option<MediaBody<'a>>,
    pub(crate) video: Option<MediaBody<'a>>,
    pub(crate) document: Option<MediaBody<'a>>,
    pub(crate) location: Option<IgnoredAny>,
    pub(crate) action: Option<Value>,
    pub(crate) ttl_minutes: Option<u64>,
    pub(crate) limited_time_offer: Option<Value>,
}

/// A media object: uploaded (`id`) or fetched (`link`).
#[derive(Debug, Deserialize)]
pub(crate) struct MediaBody<'a> {
    #[serde(borrow)]
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) link: Option<Cow<'a, str>>,
}
