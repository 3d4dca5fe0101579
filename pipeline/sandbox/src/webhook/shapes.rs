//! `messages` and `user_preferences` webhooks: statuses, inbound messages, preferences.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::graph::error::{ErrorData, failure_details, title};
use crate::graph::recipient::Recipient;
use crate::world::Sender;
use crate::world::identity::user_id;
use crate::world::inbound::Inbound;
use crate::world::lifecycle::Message;
use crate::world::pricing::Pricing;

const DAY_S: u64 = 24 * 3_600;

#[derive(Serialize)]
struct Status<'a> {
    id: &'a str,
    status: &'static str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_user_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<Conversation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pricing: Option<PricingObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    biz_opaque_callback_data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<[StatusError; 1]>,
}

#[derive(Serialize)]
struct Conversation {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_timestamp: Option<String>,
    origin: Origin,
}

#[derive(Serialize)]
struct Origin {
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct PricingObject {
    billable: bool,
    pricing_model: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    category: &'static str,
}

#[derive(Serialize)]
struct StatusError {
    code: u32,
    title: &'static str,
    message: &'static str,
    error_data: ErrorData<'static>,
    href: &'static str,
}

impl<'a> Status<'a> {
    fn of(message: &'a Message, status: &'static str, at_s: u64, ids: bool) -> Self {
        let (recipient_id, recipient_user_id) = split(&message.recipient, ids);
        Self {
            id: &message.wamid,
            status,
            timestamp: at_s.to_string(),
            recipient_id,
            recipient_user_id,
            conversation: None,
            pricing: None,
            biz_opaque_callback_data: message.opaque.as_deref(),
            errors: None,
        }
    }

    fn json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always serialise")
    }
}

/// A `sent`, `delivered` or `read` status; `pricing` on the two that carry one. `ids`: also the person's
/// business-scoped id, here and below.
pub(crate) fn status(
    message: &Message,
    name: &'static str,
    at_s: u64,
    pricing: Option<Pricing>,
    graph_major: u32,
    ids: bool,
) -> String {
    let mut status = Status::of(message, name, at_s, ids);
    if let Some(pricing) = pricing {
        status.conversation = conversation(message, name, at_s, pricing, graph_major);
        status.pricing = Some(PricingObject {
            billable: pricing.billable,
            pricing_model: "PMP",
            kind: pricing.kind,
            category: pricing.category,
        });
    }
    status.json()
}

/// Before v24.0 one conversation per message; from then on only inside a free entry point, one
/// per window. `expiration_timestamp` comes with `sent` only.
fn conversation(message: &Message, name: &str, at_s: u64, pricing: Pricing, graph_major: u32) -> Option<Conversation> {
    if pricing.free_entry.is_none() && graph_major >= 24 {
        return None;
    }
    let (number, until_s) = match pricing.free_entry {
        Some(entry) => (entry.id, entry.until_s),
        None => {
            let mut dice = crate::dice::Dice::new(0, &[message.wamid.as_bytes()]);
            (dice.bits(), at_s + DAY_S)
        }
    };
    Some(Conversation {
        id: format!("{number:016x}{:016x}", number.rotate_left(32) ^ 0x5eed),
        expiration_timestamp: (name == "sent").then(|| until_s.to_string()),
        origin: Origin { kind: pricing.origin() },
    })
}

/// A `failed` status. The platform adds no id to the number that was sent to.
pub(crate) fn failed(message: &Message, at_s: u64, code: u32) -> String {
    let mut status = Status::of(message, "failed", at_s, false);
    status.errors = Some([StatusError {
        code,
        title: title(code),
        message: title(code),
        error_data: ErrorData { messaging_product: None, details: failure_details(code) },
        href: "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes",
    }]);
    status.json()
}

#[derive(Serialize)]
struct Change<V> {
    value: V,
    field: &'static str,
}

#[derive(Serialize)]
struct Metadata<'a> {
    display_phone_number: &'a str,
    phone_number_id: &'a str,
}

impl<'a> Metadata<'a> {
    fn of(sender: &'a Sender) -> Self {
        Self { display_phone_number: &sender.display_phone_number, phone_number_id: &sender.phone_number_id }
    }
}

/// The recipient of a status, as `contacts` has it since business-scoped ids came.
pub(crate) fn status_contact(message: &Message) -> String {
    serde_json::to_string(&Contact::of(&message.recipient, "Sandbox user", true)).expect("strings always serialise")
}

/// All statuses of one number in one webhook, as one change; without `contacts` when there are none.
pub(crate) fn statuses_change(sender: &Sender, statuses: &[String], contacts: &[String]) -> String {
    let head = serde_json::to_string(&Metadata::of(sender)).expect("strings always serialise");
    let length: usize = statuses.iter().chain(contacts).map(|item| item.len() + 1).sum();
    let mut json = String::with_capacity(length + head.len() + 120);
    json.push_str(r#"{"value":{"messaging_product":"whatsapp","metadata":"#);
    json.push_str(&head);
    if !contacts.is_empty() {
        json.push_str(r#","contacts":["#);
        push_list(&mut json, contacts);
        json.push(']');
    }
    json.push_str(r#","statuses":["#);
    push_list(&mut json, statuses);
    json.push_str(r#"]},"field":"messages"}"#);
    json
}

fn push_list(json: &mut String, items: &[String]) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        json.push_str(item);
    }
}

#[derive(Serialize)]
struct MessagesValue<'a, M: Serialize> {
    messaging_product: &'static str,
    metadata: Metadata<'a>,
    contacts: [Contact<'a>; 1],
    #[serde(flatten)]
    content: M,
}

#[derive(Serialize)]
struct Contact<'a> {
    profile: Profile<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wa_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct Profile<'a> {
    name: &'a str,
}

impl<'a> Contact<'a> {
    fn of(user: &'a Recipient, name: &'a str, ids: bool) -> Self {
        let (wa_id, user_id) = split(user, ids);
        Self { profile: Profile { name }, wa_id, user_id }
    }
}

/// (phone number, business-scoped user id): one of them is given, with `ids` the second one always.
fn split(user: &Recipient, ids: bool) -> (Option<&str>, Option<Cow<'_, str>>) {
    let number = (!user.is_bsuid()).then_some(&*user.user);
    (number, (ids || number.is_none()).then(|| user_id(&user.user)))
}

/// A user's message and when it came.
pub(crate) struct InboundContent<'a> {
    pub(crate) wamid: &'a str,
    pub(crate) from: &'a Recipient,
    pub(crate) now_s: u64,
    pub(crate) inbound: &'a Inbound,
    pub(crate) ids: bool,
}

#[derive(Serialize)]
struct Messages<'a> {
    messages: [InboundMessage<'a>; 1],
}

#[derive(Serialize)]
struct InboundMessage<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Context<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_user_id: Option<Cow<'a, str>>,
    id: &'a str,
    timestamp: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    button: Option<Button<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referral: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Context<'a> {
    from: &'a str,
    id: &'a str,
}

#[derive(Serialize)]
struct Text<'a> {
    body: &'a str,
}

#[derive(Serialize)]
struct Button<'a> {
    payload: &'a str,
    text: &'a str,
}

/// The change for a user's message.
pub(crate) fn inbound_change(sender: &Sender, content: &InboundContent<'_>) -> String {
    let inbound = content.inbound;
    let (from, from_user_id) = split(content.from, content.ids);
    let tapped = inbound.button_of.as_deref();
    let text = inbound.text.as_str();
    let message = InboundMessage {
        context: tapped.map(|id| Context { from: &sender.display_phone_number, id }),
        from,
        from_user_id,
        id: content.wamid,
        timestamp: content.now_s.to_string(),
        kind: if tapped.is_some() { "button" } else { "text" },
        text: tapped.is_none().then_some(Text { body: text }),
        button: tapped.map(|_| Button { payload: text, text }),
        referral: inbound.referral.clone().and_then(|json| RawValue::from_string(json).ok()),
    };
    let contact = Contact::of(content.from, &inbound.profile, content.ids);
    change(sender, contact, "messages", Messages { messages: [message] })
}

#[derive(Serialize)]
struct Preferences<'a> {
    user_preferences: [Preference<'a>; 1],
}

#[derive(Serialize)]
struct Preference<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    wa_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Cow<'a, str>>,
    detail: &'static str,
    category: &'static str,
    value: &'static str,
    /// A number here, text in messages and statuses: the platform's own difference.
    timestamp: u64,
}

/// The change for a user who stops or resumes marketing.
pub(crate) fn preference_change(sender: &Sender, user: &Recipient, stop: bool, now_s: u64, ids: bool) -> String {
    let (wa_id, user_id) = split(user, ids);
    let preference = Preference {
        wa_id,
        user_id,
        detail: if stop {
            "User requested to stop marketing messages"
        } else {
            "User requested to resume marketing messages"
        },
        category: "marketing_messages",
        value: if stop { "stop" } else { "resume" },
        timestamp: now_s,
    };
    let preferences = Preferences { user_preferences: [preference] };
    let contact = Contact::of(user, "Sandbox user", ids);
    change(sender, contact, "user_preferences", preferences)
}

fn change<M: Serialize>(sender: &Sender, contact: Contact<'_>, field: &'static str, content: M) -> String {
    let value =
        MessagesValue { messaging_product: "whatsapp", metadata: Metadata::of(sender), contacts: [contact], content };
    serde_json::to_string(&Change { value, field }).expect("strings and numbers always serialise")
}

/// The `referral` of suffix 017.
pub(crate) fn sample_referral() -> String {
    r#"{"source_url":"https://fb.me/sandbox","source_id":"120226305854810726","source_type":"ad","body":"Summer succulents are here!","headline":"Chat with us","media_type":"image","image_url":"https://example.com/ad.jpg","ctwa_clid":"sandbox-click"}"#.to_owned()
}
