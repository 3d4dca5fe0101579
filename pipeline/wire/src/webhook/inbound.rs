//! People: they wrote, called, stopped or resumed marketing.

use super::Out;
use super::envelope::{RawMessage, Value};
use super::recipient::person;
use crate::Text;
use crate::event::{Inbound, PlatformEvent, Preference};
use serde_json::value::RawValue;

/// Longest text that may be a keyword, in bytes.
const MAX_KEYWORD: usize = 64;

/// Messages that people wrote. Every type opens the window, except what the platform itself writes (`changed_number`).
pub(super) fn messages<'a>(value: &mut Value<'a>, out: &mut Out<'a>) {
    let Some(messages) = value.messages.take() else {
        return;
    };
    let sender = value.metadata.as_ref().map(|m| m.phone_number_id.clone());
    for mut raw in messages {
        if raw.kind.as_deref() == Some("system") {
            super::changed_number::read(raw, sender.as_ref(), out);
            continue;
        }
        if raw.group_id.is_some() {
            // What somebody writes to a group opens no window between that person and the number.
            out.form("message_group");
            continue;
        }
        let (keyword, label) = keywords(&raw);
        let who = person(raw.from.take(), raw.from_user_id.take(), value.contacts.as_deref());
        let at_s = raw.timestamp.as_ref().and_then(super::envelope::Scalar::u32);
        match (sender.clone(), who, at_s) {
            (Some(sender), Some((from, bsuid)), Some(at_s)) => {
                let referral = raw.referral.is_some();
                let id = raw.id.take().filter(|id| !id.is_empty());
                let reaction = raw.kind.as_deref() == Some("reaction");
                let inbound =
                    Inbound { sender: sender.clone(), from, at_s, keyword, label, referral, id, reaction, bsuid };
                out.event(Some(sender), PlatformEvent::Inbound(inbound));
            }
            _ => out.malformed(),
        }
    }
}

/// A short text; or of a button or list entry its payload, and its label where that says something else.
fn keywords<'a>(raw: &RawMessage<'a>) -> (Option<Text<'a>>, Option<Text<'a>>) {
    let (payload, label) = match raw.kind.as_deref() {
        Some("text") => (raw.text.as_ref().and_then(|t| t.body), None),
        Some("button") => raw.button.as_ref().map_or((None, None), |b| (b.payload, b.text)),
        Some("interactive") => raw
            .interactive
            .as_ref()
            .and_then(|i| i.button_reply.as_ref().or(i.list_reply.as_ref()))
            .map_or((None, None), |r| (r.id, r.title)),
        _ => (None, None),
    };
    match (short(payload), short(label)) {
        (Some(payload), label) => {
            let label = label.filter(|label| **label != *payload);
            (Some(payload), label)
        }
        (None, label) => (label, None),
    }
}

/// A string of 1 to 64 bytes, trimmed. A longer one is not even unescaped.
fn short<'a>(raw: Option<&'a RawValue>) -> Option<Text<'a>> {
    let raw = raw?.get();
    // An escape is at most six characters for a byte, and two quotes.
    if raw.len() > 6 * MAX_KEYWORD + 2 {
        return None;
    }
    let text: Text<'a> = serde_json::from_str(raw).ok()?;
    let trimmed: Text<'a> = match text.0 {
        std::borrow::Cow::Borrowed(s) => s.trim().into(),
        std::borrow::Cow::Owned(s) => s.trim().to_owned().into(),
    };
    (1..=MAX_KEYWORD).contains(&trimmed.len()).then_some(trimmed)
}

/// Calls: a user's call opens the window at its start, a call of ours does not.
pub(super) fn calls<'a>(value: &mut Value<'a>, out: &mut Out<'a>) {
    let sender = value.metadata.as_ref().map(|m| m.phone_number_id.clone());
    if value.calls.is_none() && value.statuses.is_some() {
        return out.form("call_status");
    }
    for raw in value.calls.take().unwrap_or_default() {
        if raw.direction.as_deref() == Some("BUSINESS_INITIATED") {
            out.form("call_of_ours");
            continue;
        }
        if !matches!(raw.event.as_deref(), None | Some("connect")) {
            out.form("call_ended");
            continue;
        }
        let who = person(raw.from, raw.from_user_id, value.contacts.as_deref());
        let at_s = raw.timestamp.and_then(|t| t.u32());
        match (sender.clone(), who, at_s) {
            (Some(sender), Some((from, bsuid)), Some(at_s)) => {
                let id = raw.id.filter(|id| !id.is_empty());
                let (sender_, referral, reaction) = (sender.clone(), false, false);
                let inbound =
                    Inbound { sender: sender_, from, at_s, keyword: None, label: None, referral, id, reaction, bsuid };
                out.event(Some(sender), PlatformEvent::Inbound(inbound));
            }
            _ => out.malformed(),
        }
    }
}

/// A person stopped or resumed marketing with the platform's own switch.
pub(super) fn preferences<'a>(value: &mut Value<'a>, out: &mut Out<'a>) {
    let sender = value.metadata.as_ref().map(|m| m.phone_number_id.clone());
    for raw in value.user_preferences.take().unwrap_or_default() {
        if !matches!(raw.category.as_deref(), None | Some("marketing_messages")) {
            out.word("preference_unknown");
            continue;
        }
        let stop = match raw.value.as_deref() {
            Some("stop") => true,
            Some("resume" | "signup") => false,
            Some(_) => {
                out.word("preference_unknown");
                continue;
            }
            None => {
                out.malformed();
                continue;
            }
        };
        let at_s = raw.timestamp.and_then(|t| t.u32());
        match (person(raw.wa_id, raw.user_id, value.contacts.as_deref()), at_s) {
            (Some((from, bsuid)), Some(at_s)) => {
                out.event(sender.clone(), PlatformEvent::Preference(Preference { from, stop, at_s, bsuid }));
            }
            _ => out.malformed(),
        }
    }
}
