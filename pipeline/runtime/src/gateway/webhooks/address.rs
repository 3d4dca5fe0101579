//! Whom each event concerns: WABA to account by the registry, one record per account in the order received.

use std::sync::Arc;

use serde::Serialize;
use tollgate_metrics::{Metrics, WebhookResult};
use tollgate_wire::event::PlatformEvent;
use tollgate_wire::webhook::{Addressed, Webhook, Why};
use tollgate_wire::{DeadLetterReason, Text, Time};

use crate::log::{NewRecord, Topic};
use crate::registry::Registry;

/// Events of one record, at most: a record stays well below the log's bound.
const RECORD_EVENTS: usize = 500;

/// [`tollgate_wire::event::Events`], borrowing its list.
#[derive(Serialize)]
struct EventsRef<'a> {
    account: &'a str,
    events: &'a [PlatformEvent<'a>],
}

/// The events of one envelope, by account.
#[derive(Default)]
pub(super) struct Sorted<'a> {
    accounts: Vec<(Arc<str>, Vec<PlatformEvent<'a>>)>,
    /// Events whose WABA or sender is in no account.
    pub(super) unknown: usize,
    /// Events of a WABA that is another app's in the registry as this process has it, which may be late.
    pub(super) wrong_app: usize,
    /// Changes that are no event.
    ignored: Vec<(Text<'a>, WebhookResult)>,
}

impl<'a> Sorted<'a> {
    pub(super) fn new(webhook: Webhook<'a>, app: &str, registry: &Registry) -> Self {
        let mut sorted = Self::default();
        for addressed in webhook.events {
            match place(&addressed, app, registry) {
                Place::Account(account) => sorted.add(account, addressed.event),
                Place::WrongApp => sorted.wrong_app += 1,
                Place::Unknown => sorted.unknown += 1,
            }
        }
        for unknown in webhook.unknown {
            let malformed = unknown.why == Why::Malformed;
            let result = if malformed { WebhookResult::Malformed } else { WebhookResult::Accepted };
            sorted.ignored.push((unknown.field, result));
        }
        sorted
    }

    fn add(&mut self, account: &Arc<str>, event: PlatformEvent<'a>) {
        // An envelope holds a few accounts at most, and mostly one.
        match self.accounts.iter_mut().rev().find(|(have, _)| have == account) {
            Some((_, events)) => events.push(event),
            None => self.accounts.push((Arc::clone(account), vec![event])),
        }
    }

    /// Why the envelope is set aside, if some of its events have no place; it is kept whole, so one reason is enough.
    pub(super) fn misplaced(&self) -> Option<DeadLetterReason> {
        match (self.unknown, self.wrong_app) {
            (0, 0) => None,
            (0, _) => Some(DeadLetterReason::WrongApp),
            _ => Some(DeadLetterReason::UnknownSender),
        }
    }

    /// One record per account, more when it has very many events.
    pub(super) fn records(&self, now: Time) -> Vec<(Topic, NewRecord)> {
        let mut records = Vec::with_capacity(self.accounts.len() + 1);
        for (account, events) in &self.accounts {
            for events in events.chunks(RECORD_EVENTS) {
                let value = serde_json::to_vec(&EventsRef { account, events });
                let value = value.expect("events have no map keys or floats that JSON refuses");
                records.push((Topic::Events, NewRecord::new(account.as_bytes().to_vec(), value, now.0)));
            }
        }
        records
    }

    /// Counts every change; `result` is that of the events that had a place.
    pub(super) fn count(&self, metrics: &Metrics, result: WebhookResult) {
        for event in self.accounts.iter().flat_map(|(_, events)| events) {
            metrics.webhook(field(event), result);
        }
        for _ in 0..self.wrong_app {
            metrics.webhook("none", WebhookResult::WrongApp);
        }
        for _ in 0..self.unknown {
            metrics.webhook("none", WebhookResult::UnknownSender);
        }
        for (field, result) in &self.ignored {
            metrics.webhook(field, *result);
        }
    }
}

enum Place<'r> {
    Account(&'r Arc<str>),
    WrongApp,
    Unknown,
}

fn place<'r>(addressed: &Addressed<'_>, app: &str, registry: &'r Registry) -> Place<'r> {
    let Some(waba) = registry.waba(&addressed.waba) else { return Place::Unknown };
    if &*waba.app != app {
        return Place::WrongApp;
    }
    match &addressed.sender {
        None => Place::Account(&waba.account),
        Some(sender) => match registry.sender_by_any_name(sender) {
            Some(sender) if sender.account == waba.account => Place::Account(&waba.account),
            _ => Place::Unknown,
        },
    }
}

/// The kind of event as the platform names its field.
fn field(event: &PlatformEvent<'_>) -> &'static str {
    match event {
        PlatformEvent::Result(_) | PlatformEvent::CloseMonth { .. } | PlatformEvent::Credit(_) => "none",
        PlatformEvent::Status(_) | PlatformEvent::Inbound(_) | PlatformEvent::NumberChanged(_) => "messages",
        PlatformEvent::Preference(_) => "user_preferences",
        PlatformEvent::Template(_) => "message_template_status_update",
        PlatformEvent::Sender(_) => "phone_number_quality_update",
        PlatformEvent::Limit { .. } => "business_capability_update",
        PlatformEvent::AccountState { .. } | PlatformEvent::BandReached(_) => "account_update",
    }
}
