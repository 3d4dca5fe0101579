//! What a batch decided, as log lines: one for each move of a message and one for each charge, at debug, once it is durable.
//!
//! `message_uid` is on every line about a message, the dispatcher's included; `id` is the request's, `trace_id` and `span_id`
//! its caller's. Neither recipients nor
//! what was sent to them nor amounts are told. While debug is off for this module nothing is read or kept.

use crate::log::{NewRecord, Record, Topic};
use std::collections::HashMap;
use tollgate_wire::Text;
use tollgate_wire::ledger::LedgerEntry;
use tollgate_wire::outcome::{Outcome, OutcomeKind};
use tollgate_wire::request::{self, CE_ID};
use tollgate_wire::trace::{TRACEPARENT, TraceParent};

/// Shown in place of an id that holds the recipient's number.
const HIDDEN: &str = "(holds the recipient's number)";
/// The last digits of a number by which an id is taken to hold it: written without its country, too.
const DIGITS: usize = 7;

/// The caller's trace and span, by a request's account and id.
type Traces = HashMap<(String, String), (String, String)>;

/// A line that is written when the batch is durable.
pub(super) struct Line {
    account: String,
    message_uid: Option<u64>,
    attempt: u8,
    id: Option<String>,
    /// Trace and span of the request that was decided.
    trace: Option<(String, String)>,
    what: What,
}

enum What {
    /// A gate, a timer or an operator decided.
    Decided { outcome: OutcomeKind, reason: Option<String> },
    /// A call or the platform's statuses moved it.
    Moved { outcome: OutcomeKind, reason: Option<String> },
    /// An entry of the ledger.
    Booked { kind: &'static str, entry: String },
}

/// The lines of a batch; none while debug is off.
pub(super) fn of(inputs: &[(Topic, Record)], outputs: &[(Topic, NewRecord)]) -> Vec<Line> {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return Vec::new();
    }
    let traces = traces(inputs);
    let line = |(topic, record): &(Topic, NewRecord)| match topic {
        Topic::Outcomes => serde_json::from_slice::<Outcome<'_>>(&record.value).ok().map(|o| of_outcome(o, &traces)),
        Topic::Ledger => serde_json::from_slice::<LedgerEntry<'_>>(&record.value).ok().map(of_entry),
        _ => None,
    };
    outputs.iter().filter_map(line).collect()
}

/// What the headers of requests say of their callers' traces.
fn traces(inputs: &[(Topic, Record)]) -> Traces {
    let mut traces = Traces::new();
    for (topic, record) in inputs {
        let is_request = matches!(topic, Topic::Requests | Topic::RequestsPriority);
        let Some(value) = record.only_header(TRACEPARENT).filter(|_| is_request) else { continue };
        let request = request::parse_with_id(&record.value, record.header(CE_ID).map(|id| &id[..]));
        if let (Some(trace), Ok(request)) = (TraceParent::parse(value), request) {
            let ids = (trace.trace_id().to_owned(), trace.span_id().to_owned());
            traces.insert((request.account.to_string(), request.id.to_string()), ids);
        }
    }
    traces
}

fn of_outcome(o: Outcome<'_>, traces: &Traces) -> Line {
    let (outcome, reason) = (o.outcome, o.reason.map(|reason| reason.to_string()));
    let decided = is_decision(outcome);
    let trace = (decided && !traces.is_empty()).then(|| traces.get(&(o.account.to_string(), o.id.to_string())));
    Line {
        message_uid: Some(o.message_uid),
        attempt: o.attempt,
        id: Some(shown(&o.id, Some(&o.to))),
        trace: trace.flatten().cloned(),
        account: o.account.0.into_owned(),
        what: if decided { What::Decided { outcome, reason } } else { What::Moved { outcome, reason } },
    }
}

/// The end of a month has another form and is none.
fn of_entry(e: LedgerEntry<'_>) -> Line {
    Line {
        message_uid: e.message_uid,
        attempt: e.attempt.unwrap_or(0),
        id: e.message.map(|id| shown(&id, e.recipient.as_ref())),
        trace: None,
        account: e.account.0.into_owned(),
        what: What::Booked { kind: e.kind.as_str(), entry: e.entry.0.into_owned() },
    }
}

/// Whether we decided it, and not a call or the platform.
pub(super) fn is_decision(outcome: OutcomeKind) -> bool {
    use OutcomeKind as K;
    match outcome {
        K::Parked | K::Admitted | K::Refused | K::Expired | K::Cancelled | K::Duplicate => true,
        K::NotSent | K::Accepted | K::Held | K::Sent | K::Delivered | K::Read | K::Failed => false,
        K::Undelivered | K::InDoubt | K::Unknown => false,
    }
}

/// The request's id, which its sender chose: perhaps the number itself.
pub(super) fn shown(id: &str, to: Option<&Text<'_>>) -> String {
    let digits = to.map_or("", |to| to.trim_start_matches('+'));
    let end = digits.len().checked_sub(DIGITS).and_then(|from| digits.get(from..));
    // Written with signs between the digits, too.
    let plain: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
    if end.is_some_and(|end| id.contains(end) || plain.contains(end)) { HIDDEN.to_owned() } else { id.to_owned() }
}

/// Writes the lines of a durable batch.
pub(super) fn write(partition: u32, lines: &[Line]) {
    for Line { account, message_uid, attempt, id, trace, what } in lines {
        match what {
            What::Decided { outcome, reason } => {
                let outcome = outcome.as_str();
                let (trace_id, span_id) = trace.as_ref().map(|(trace, span)| (trace, span)).unzip();
                tracing::debug!(
                    partition,
                    account,
                    message_uid,
                    id,
                    attempt,
                    outcome,
                    reason,
                    trace_id,
                    span_id,
                    "decided"
                );
            }
            What::Moved { outcome, reason } => {
                let outcome = outcome.as_str();
                tracing::debug!(partition, account, message_uid, id, attempt, outcome, reason, "moved");
            }
            What::Booked { kind, entry } => {
                tracing::debug!(partition, account, message_uid, id, attempt, kind, entry, "booked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_holds_the_number_is_not_shown() {
        let table = [
            ("autumn-1", "+5511987654321", "autumn-1"),
            ("welcome-5511987654321", "+5511987654321", HIDDEN),
            ("+5511987654321", "+5511987654321", HIDDEN),
            ("011-7654321", "+5511987654321", HIDDEN),
            ("crm-11-98765-4321", "+5511987654321", HIDDEN),
            ("US.13491208655302741918", "US.13491208655302741918", HIDDEN),
            ("7", "+55", "7"),
        ];
        for (id, to, expected) in table {
            assert_eq!(shown(id, Some(&Text::from(to))), expected, "{id} to {to}");
        }
        assert_eq!(shown("autumn-1", None), "autumn-1");
    }

    #[test]
    fn of_two_traces_none_counts() {
        let body =
            br#"{"id":"a","account":"acme","to":"+5511987654321","purpose":"service","content":[{"text":"Oi"}]}"#;
        let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (times, found) in [(0, 0), (1, 1), (2, 0)] {
            let mut record = NewRecord::new("acme", body.as_slice(), 0);
            record.headers = vec![(TRACEPARENT.to_owned(), caller.into()); times];
            assert_eq!(traces(&[(Topic::Requests, Record::from_new(0, record))]).len(), found, "{times} times");
        }
    }

    #[test]
    fn nothing_is_kept_while_debug_is_off() {
        let outcome = br#"{"id":"a","message_uid":7,"attempt":0,"account":"acme","to":"+5511987654321",
            "at":"2026-11-21T12:00:00Z","outcome":"refused","reason":"not_opted_in"}"#;
        let outputs = [(Topic::Outcomes, NewRecord::new("acme", outcome.as_slice(), 0))];
        assert!(of(&[], &outputs).is_empty());
    }
}
