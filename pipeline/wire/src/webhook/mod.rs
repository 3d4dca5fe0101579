//! The platform's webhook JSON into events.
//!
//! One envelope may carry a thousand changes of several accounts. What is known becomes an event; what is
//! not becomes a count. One odd change never stops the others: the platform would send the whole
//! envelope again for days. The content of what people write is not kept.
//!
//! | file | subject |
//! |---|---|
//! | `envelope` | the platform's JSON as it is written, and scalars whose type it does not keep to |
//! | `status` | `messages` → statuses, with both eras of prices |
//! | `inbound` | `messages` and `calls` → a person wrote or called; `user_preferences` |
//! | `changed_number` | `messages` of the platform itself → a person has another number |
//! | `template` | template states and categories |
//! | `account` | limits, throughput, restrictions |

mod account;
mod changed_number;
mod envelope;
mod inbound;
mod recipient;
mod status;
mod template;

use crate::Text;
use crate::event::PlatformEvent;
use envelope::{Envelope, Value};
use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use tollgate_rate_card::Country;

/// What one envelope says.
#[derive(Clone, Debug, Default)]
pub struct Webhook<'a> {
    /// Events in the order of the envelope.
    pub events: Vec<Addressed<'a>>,
    /// What was read and is no event: to be counted, never an error.
    pub unknown: Vec<Unknown<'a>>,
    /// What an operator is to declare. Each is among `unknown` too, as a form that changes nothing by itself.
    pub notices: Vec<Notice<'a>>,
}

/// What the platform says of the prices of a WABA. They follow what the account's entry declares, and this does not change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice<'a> {
    /// WABA id.
    pub waba: Text<'a>,
    /// What it says.
    pub told: Told,
}

/// What a [`Notice`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Since when authentication is charged as authentication-international.
    AuthInternational {
        /// In every country that has such a rate: the platform's time, whole seconds.
        start_s: u32,
        /// Countries that have a start of their own.
        exceptions: BTreeMap<Country, u32>,
    },
    /// The country of the primary business location.
    Location(Country),
}

/// An event and whom it concerns.
#[derive(Clone, Debug)]
pub struct Addressed<'a> {
    /// WABA id: finds the account.
    pub waba: Text<'a>,
    /// Phone number id, where the change names one.
    pub sender: Option<Text<'a>>,
    /// What happened.
    pub event: PlatformEvent<'a>,
}

/// A change, or a part of one, that is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown<'a> {
    /// WABA id.
    pub waba: Text<'a>,
    /// The platform's field, or our name for a known form that changes nothing, such as
    /// `template_category_impending` or `status_warning`.
    pub field: Text<'a>,
    /// Why it is no event.
    pub why: Why,
    /// Which of the envelope's changes it is or is a part of, from 0.
    pub change: usize,
}

impl Unknown<'_> {
    /// Whether people should see the change as it came: it is not documented, or not in this shape.
    #[must_use]
    pub fn is_news(&self) -> bool {
        match self.why {
            Why::Field => !NOT_READ.contains(&self.field.as_str()),
            Why::Word | Why::Malformed => true,
            Why::Form => false,
        }
    }
}

/// Documented fields that we do not read. Some carry what people write, which is not kept.
const NOT_READ: &[&str] = &[
    "account_alerts",
    "account_review_update",
    "account_settings_update",
    "automatic_events",
    "business_status_update",
    "flows",
    "group_lifecycle_update",
    "group_participants_update",
    "group_settings_update",
    "group_status_update",
    "history",
    "message_echoes",
    "message_template_components_update",
    "messaging_handovers",
    "partner_solutions",
    "payment_configuration_update",
    "phone_number_name_update",
    "security",
    "smb_app_state_sync",
    "smb_message_echoes",
    "standby",
    "template_correct_category_detection",
    "tracking_events",
];

/// Why a change is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// A field that we do not read.
    Field,
    /// A form of a known field that changes nothing for us. `field` is one of a fixed list.
    Form,
    /// A word that we do not know where a known field has one of a list. `field` is one of a fixed list.
    Word,
    /// A known field whose value lacks what it needs or has another shape than documented.
    Malformed,
}

impl Why {
    /// The name for metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Field => "unknown_field",
            Self::Form => "ignored",
            Self::Word => "unknown_word",
            Self::Malformed => "malformed",
        }
    }
}

/// Why a body is no envelope of ours. Holds nothing of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The body is not UTF-8.
    #[error("webhook body: byte {at} is not UTF-8; only the platform's own requests are taken")]
    NotUtf8 {
        /// Bytes before the first bad one.
        at: usize,
    },
    /// The body is not JSON.
    #[error("webhook body: not JSON at line {line}, column {column}; only the platform's own requests are taken")]
    NotJson {
        /// Line from 1.
        line: usize,
        /// Column from 1.
        column: usize,
    },
    /// The body is JSON without the platform's envelope `object`, `entry[].id`, `entry[].changes[]`.
    #[error("webhook body: no `object`, `entry[].id`, `entry[].changes[].field` at line {line}, column {column}")]
    NotAnEnvelope {
        /// Line from 1.
        line: usize,
        /// Column from 1.
        column: usize,
    },
    /// The envelope is another product's.
    #[error("webhook body: `object` is not \"whatsapp_business_account\"; subscribe this address to that object only")]
    AnotherObject,
}

/// The only `object` that is ours.
const OBJECT: &str = "whatsapp_business_account";

/// Bytes of a body up to which all of its changes are held at once.
const AT_ONCE_BYTES_MAX: usize = 64 << 10;

/// Reads one webhook body. One pass for what the platform documents; only a body with an oddly shaped change, or a long
/// one, is read a second time, change by change: a change takes much more memory than its text.
///
/// # Errors
/// [`WebhookError`] when the body as a whole is not the platform's envelope.
pub fn parse(body: &[u8]) -> Result<Webhook<'_>, WebhookError> {
    let text = std::str::from_utf8(body).map_err(|e| WebhookError::NotUtf8 { at: e.valid_up_to() })?;
    if text.len() > AT_ONCE_BYTES_MAX {
        return one_by_one(text);
    }
    match serde_json::from_str::<Envelope<'_, Value<'_>>>(text) {
        Ok(envelope) => collect(envelope, |value, out| out.change(value)),
        Err(e) if e.classify() == Category::Data => one_by_one(text),
        Err(e) => Err(refused(&e)),
    }
}

/// An envelope with one change of another alone, as it came; `None` where there is no such change. Reads the whole body.
#[must_use]
pub fn alone(body: &[u8], change: usize) -> Option<String> {
    #[derive(serde::Serialize)]
    struct Alone<'a> {
        object: &'a str,
        entry: [AloneEntry<'a>; 1],
    }
    #[derive(serde::Serialize)]
    struct AloneEntry<'a> {
        id: &'a str,
        changes: [AloneChange<'a>; 1],
    }
    #[derive(serde::Serialize)]
    struct AloneChange<'a> {
        field: &'a str,
        value: &'a RawValue,
    }
    let envelope: Envelope<'_, &RawValue> = serde_json::from_slice(body).ok()?;
    let mut changes = envelope.entry.iter().flat_map(|e| e.changes.iter().map(|c| (&e.id, c)));
    let (id, one) = changes.nth(change)?;
    let changes = [AloneChange { field: &one.field, value: one.value }];
    serde_json::to_string(&Alone { object: OBJECT, entry: [AloneEntry { id, changes }] }).ok()
}

/// What is wrong with one change is not wrong with the others.
fn one_by_one(text: &str) -> Result<Webhook<'_>, WebhookError> {
    let envelope = serde_json::from_str::<Envelope<'_, &RawValue>>(text).map_err(|e| refused(&e))?;
    collect(envelope, |raw, out| match Value::deserialize(&mut serde_json::Deserializer::from_str(raw.get())) {
        Ok(value) => out.change(value),
        Err(_) => out.malformed(),
    })
}

fn refused(e: &serde_json::Error) -> WebhookError {
    let (line, column) = (e.line(), e.column());
    match e.classify() {
        Category::Data => WebhookError::NotAnEnvelope { line, column },
        Category::Io | Category::Syntax | Category::Eof => WebhookError::NotJson { line, column },
    }
}

fn collect<'a, V>(
    envelope: Envelope<'a, V>,
    mut change: impl FnMut(V, &mut Out<'a>),
) -> Result<Webhook<'a>, WebhookError> {
    if envelope.object.as_str() != OBJECT {
        return Err(WebhookError::AnotherObject);
    }
    let mut out = Out { waba: Text::default(), field: Text::default(), change: 0, webhook: Webhook::default() };
    for entry in envelope.entry {
        out.waba = entry.id;
        for one in entry.changes {
            out.field = one.field;
            change(one.value, &mut out);
            out.change += 1;
        }
    }
    Ok(out.webhook)
}

/// Where the events of one change go.
struct Out<'a> {
    waba: Text<'a>,
    field: Text<'a>,
    change: usize,
    webhook: Webhook<'a>,
}

impl<'a> Out<'a> {
    /// One change, by its field. Only fields that we read are looked into: other fields carry messages
    /// too (history, echoes of an app) that open no window.
    fn change(&mut self, mut value: Value<'a>) {
        let before = (self.webhook.events.len(), self.webhook.unknown.len());
        match self.field.as_str() {
            "messages" => {
                status::read(&mut value, self);
                inbound::messages(&mut value, self);
                if value.errors.is_some() {
                    self.form("message_errors");
                }
            }
            "calls" => inbound::calls(&mut value, self),
            "user_preferences" => inbound::preferences(&mut value, self),
            "message_template_status_update" | "message_template_quality_update" | "template_category_update" => {
                template::read(value, self);
            }
            "phone_number_quality_update" => account::phone_number(value, self),
            "business_capability_update" => account::capability(&value, self),
            "account_update" => account::update(&value, self),
            _ => return self.count(self.field.clone(), Why::Field),
        }
        if before == (self.webhook.events.len(), self.webhook.unknown.len()) {
            self.malformed();
        }
    }

    fn event(&mut self, sender: Option<Text<'a>>, event: PlatformEvent<'a>) {
        self.webhook.events.push(Addressed { waba: self.waba.clone(), sender, event });
    }

    /// A known form that changes nothing.
    fn form(&mut self, name: &'static str) {
        self.count(name.into(), Why::Form);
    }

    /// Something to declare, under the name of a form.
    fn notice(&mut self, name: &'static str, told: Told) {
        self.webhook.notices.push(Notice { waba: self.waba.clone(), told });
        self.form(name);
    }

    /// A word that is not of the list that a known field has.
    fn word(&mut self, name: &'static str) {
        self.count(name.into(), Why::Word);
    }

    /// A known field, or a part of it, that lacks what it needs.
    fn malformed(&mut self) {
        self.count(self.field.clone(), Why::Malformed);
    }

    fn count(&mut self, field: Text<'a>, why: Why) {
        self.webhook.unknown.push(Unknown { waba: self.waba.clone(), field, why, change: self.change });
    }
}
