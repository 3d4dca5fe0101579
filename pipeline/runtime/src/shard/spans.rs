//! Spans of what a batch decided: posted once it is durable, forgotten with a batch that is not.
//!
//! A request's decision is the span that its message keeps: later decisions, the calls and what the platform reports are
//! below it, whichever process makes them. So a message that was parked for a day, or decided again after a crash, is still
//! in its caller's trace.

use super::decisions::{is_decision, shown};
use crate::log::Topic;
use crate::traces::{Begun, Ended, Kind, Traces, attribute};
use tollgate_core::State;
use tollgate_core::effect::OutcomeFx;
use tollgate_core::record::Message;
use tollgate_wire::outcome::{OutcomeKind, ReasonText};
use tollgate_wire::trace::SpanRef;
use tollgate_wire::{Reason, Text, Time};

/// A span of a batch.
pub(super) type Span = (Begun, Ended);

/// Spans of one batch, as they come up.
#[derive(Default)]
pub(super) struct Spans {
    traces: Traces,
    partition: u32,
    /// The request at hand.
    input: Option<(Begun, Topic)>,
    ended: Vec<Span>,
}

impl Spans {
    pub(super) fn new(traces: Traces, partition: u32) -> Self {
        Self { traces, partition, input: None, ended: Vec::new() }
    }

    pub(super) fn is_on(&self) -> bool {
        self.traces.is_on()
    }

    /// A request is to be decided; the span that its message keeps, if its trace is recorded.
    pub(super) fn request(&mut self, traceparent: Option<&[u8]>, topic: Topic) -> Option<SpanRef> {
        self.input = self.traces.begin(traceparent).map(|begun| (begun, topic));
        self.input.map(|(begun, _)| begun.span)
    }

    /// The record at hand is done.
    pub(super) fn done(&mut self) {
        self.input = None;
    }

    /// The record at hand is set aside.
    pub(super) fn set_aside(&mut self, reason: &'static str) {
        if let Some((begun, topic)) = self.input.take() {
            let ended = Ended { error: Some(reason.into()), ..self.of_record(topic) };
            self.ended.push((begun, ended));
        }
    }

    /// A message moves.
    pub(super) fn outcome(&mut self, state: &State, o: &OutcomeFx) {
        let Some(message) = state.message(o.uid) else { return };
        let kept = message.tail.trace.as_deref().copied();
        let (begun, mut ended) = match self.input {
            // Of a request that came again: in its caller's trace, with a link to the first one's.
            Some((begun, topic)) if is_decision(o.kind) => {
                let link = kept.filter(|_| o.kind == OutcomeKind::Duplicate);
                (begun, Ended { link, ..self.of_record(topic) })
            }
            _ if matches!(o.kind, OutcomeKind::Duplicate | OutcomeKind::Accepted) => return,
            _ => {
                let Some(begun) = kept.and_then(|parent| self.traces.child(parent)) else { return };
                let name = match is_decision(o.kind) {
                    true => "decide parked".into(),
                    false => format!("message {}", o.kind.as_str()).into(),
                };
                (begun, Ended { name, ..Ended::default() })
            }
        };
        self.tell(state, message, o, &mut ended);
        self.ended.push((begun, ended));
    }

    /// What is alike in the spans of records.
    fn of_record(&self, topic: Topic) -> Ended {
        let attributes = vec![
            attribute("messaging.system", self.traces.system()),
            attribute("messaging.operation.type", "process"),
            attribute("messaging.operation.name", "decide"),
            attribute("messaging.destination.name", topic.name()),
            attribute("messaging.destination.partition.id", self.partition.to_string()),
        ];
        Ended { name: format!("decide {}", topic.name()).into(), kind: Kind::Consumer, attributes, ..Ended::default() }
    }

    fn tell(&self, state: &State, message: &Message, o: &OutcomeFx, ended: &mut Ended) {
        let to = state.user_text(message.user);
        ended.attributes.extend([
            attribute("messaging.message.id", shown(&message.tail.id, Some(&Text::from(to.as_str())))),
            attribute("tollgate.account", state.account_at(message.account).spec.account.clone()),
            attribute("tollgate.message_uid", message.uid as i64),
            attribute("tollgate.lane", if message.priority { "priority" } else { "bulk" }),
            attribute("tollgate.outcome", o.kind.as_str()),
        ]);
        if o.attempt > 0 {
            ended.attributes.push(attribute("tollgate.attempt", i64::from(o.attempt)));
        }
        let reason = o.reason.map(|reason| match reason {
            Reason::Platform if o.code != 0 => ReasonText::Platform(o.code).to_string(),
            known => known.as_str().to_owned(),
        });
        ended.attributes.extend(reason.clone().map(|reason| attribute("tollgate.reason", reason)));
        if !is_decision(o.kind) {
            ended.attributes.push(attribute("tollgate.at", Time(o.at_ms).to_string()));
        }
        // What a gate says is an answer; what did not reach anybody is an error.
        if matches!(o.kind, OutcomeKind::Failed | OutcomeKind::Undelivered | OutcomeKind::InDoubt | OutcomeKind::Unknown) {
            ended.error = Some(reason.unwrap_or_else(|| o.kind.as_str().to_owned()).into());
        }
    }

    /// Those of the batch that is handed out.
    pub(super) fn take(&mut self) -> Vec<Span> {
        self.input = None;
        std::mem::take(&mut self.ended)
    }

    /// The batch does not count.
    pub(super) fn discard(&mut self) {
        self.input = None;
        self.ended.clear();
    }

    /// The batch is durable.
    pub(super) fn end(&self, spans: Vec<Span>) {
        spans.into_iter().for_each(|(begun, ended)| self.traces.end(begun, ended));
    }
}
