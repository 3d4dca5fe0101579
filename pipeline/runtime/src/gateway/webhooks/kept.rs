//! Changes that nobody here understands, kept for people: a field that is not documented, a word that is not of its list, a
//! shape that does not fit. Each goes to dead letters in an envelope of its own, so that a later version can take it back.
//!
//! Bounded three ways: so many of each field in an hour, so many fields, and so large a change. What is beyond is counted
//! in `tollgate_webhooks_total` like all others. Of statuses and of what people write far more is kept when it cannot be read:
//! charges and opt-outs are in it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tollgate_wire::webhook::{self, Unknown, Why};
use tollgate_wire::{DeadLetterReason, Time};

/// Changes of one field that are kept in an hour.
const IN_AN_HOUR: u32 = 10;
/// Changes with messages or statuses that cannot be read, likewise: what a busy number has in some minutes, until somebody is
/// there.
const UNREAD_IN_AN_HOUR: u32 = 10_000;
/// The field of both.
const MESSAGES: &str = "messages";
/// Fields told apart in an hour; the others share one place.
const FIELDS: usize = 64;
/// Longest change that is kept, in bytes of its envelope.
const CHANGE_BYTES: usize = 64 << 10;
/// Longest one with messages or statuses that cannot be read: a thousand may lie in one change.
const UNREAD_BYTES: usize = 2 << 20;
/// Longest name of a field that is repeated in a detail, in bytes.
const NAME_BYTES: usize = 64;

/// How many of each field were kept in the hour at hand.
#[derive(Default)]
pub(super) struct Kept(Mutex<Hour>);

#[derive(Default)]
struct Hour {
    number: u64,
    fields: HashMap<String, u32>,
}

/// A change that goes to dead letters.
pub(super) struct KeptChange {
    pub(super) reason: DeadLetterReason,
    pub(super) detail: String,
    pub(super) body: String,
}

impl Kept {
    /// What of an envelope people should see.
    pub(super) fn of(&self, body: &[u8], unknown: &[Unknown<'_>], now: Time) -> Vec<KeptChange> {
        let mut kept = Vec::new();
        let mut last = None;
        for one in unknown.iter().filter(|one| one.is_news()) {
            // One change may hold a thousand that fit nowhere.
            let is_unread = one.why == Why::Malformed && one.field.as_str() == MESSAGES;
            let (place, most, longest) = match is_unread {
                true => ("messages that cannot be read", UNREAD_IN_AN_HOUR, UNREAD_BYTES),
                false => (one.field.as_str(), IN_AN_HOUR, CHANGE_BYTES),
            };
            if last == Some(one.change) || !self.admits(place, most, now) {
                continue;
            }
            last = Some(one.change);
            let Some(body) = webhook::alone(body, one.change).filter(|body| body.len() <= longest) else {
                continue;
            };
            let reason = match one.why {
                Why::Malformed => DeadLetterReason::Malformed,
                Why::Field | Why::Word | Why::Form => DeadLetterReason::UnknownField,
            };
            let field = &one.field[..one.field.floor_char_boundary(NAME_BYTES)];
            kept.push(KeptChange { reason, detail: format!("{}: field {field:?}", one.why.as_str()), body });
        }
        kept
    }

    /// Whether another change of this field is kept in this hour.
    fn admits(&self, field: &str, most: u32, now: Time) -> bool {
        let mut hour = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.0 / 3_600_000;
        if hour.number != number {
            *hour = Hour { number, fields: HashMap::new() };
        }
        let known = hour.fields.contains_key(field);
        let field = if known || hour.fields.len() < FIELDS && field.len() <= NAME_BYTES { field } else { "" };
        let count = hour.fields.entry(field.to_owned()).or_default();
        *count = count.saturating_add(1);
        *count <= most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_has_its_part_of_an_hour_and_there_are_so_many_fields() {
        let kept = Kept::default();
        let at = |hour: u64| Time(hour * 3_600_000 + 7);
        let admitted = |field: &str, hour| (0..50).filter(|_| kept.admits(field, IN_AN_HOUR, at(hour))).count();
        assert_eq!((admitted("a", 1), admitted("b", 1), admitted("a", 1)), (10, 10, 0));
        assert_eq!(admitted("a", 2), 10);
        let many: usize = (0..1_000).map(|n| admitted(&format!("f{n}"), 2)).sum();
        assert_eq!(many, 63 * 10 + 10, "one place for all others");
        assert!(kept.0.lock().unwrap_or_else(PoisonError::into_inner).fields.len() <= FIELDS + 1);
        assert_eq!(admitted(&"x".repeat(65), 3) + admitted(&"y".repeat(65), 3), 10);
    }
}
