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
        if matches!(
            o.kind,
            OutcomeKind::Failed | OutcomeKind::Undelivered | OutcomeKind::InDoubt | OutcomeKind::Unknown
        ) {
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::super::input;
    use super::super::sink::Outputs;
    use super::super::sink::tests::{Nothing, acme};
    use super::*;
    use crate::log::{NewRecord, Record};
    use bytes::Bytes;
    use opentelemetry::trace::{SpanId, Status};
    use opentelemetry_sdk::trace::SpanData;
    use serde_json::Value;
    use tokio::sync::mpsc::Receiver;
    use tollgate_core::Engine;

    const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const REQUEST: &str = r#"{"id":"a","account":"acme","to":"+5511987654321","purpose":"marketing",
        "content":[{"template":{"name":"news","language":"pt_BR","components":{"body":[]}}}]}"#;

    /// An account whose only person said yes, and where spans go.
    fn traced() -> (Engine, Outputs, Receiver<SpanData>) {
        let (mut engine, mut out) = acme();
        let consent = br#"{"command":"set_consent","account":"acme","consent":{"to":"+5511987654321",
            "category":"marketing","state":"opt_in","source":"web"}}"#;
        engine.command(consent, &mut out).unwrap().unwrap();
        let (traces, ended) = Traces::to_queue(0);
        out.spans = Spans::new(traces, 3);
        out.records.clear();
        (engine, out, ended)
    }

    fn decide(engine: &mut Engine, out: &mut Outputs, body: &str, traceparent: &str) -> bool {
        decide_with(engine, out, body, &[traceparent])
    }

    fn decide_with(engine: &mut Engine, out: &mut Outputs, body: &str, traceparents: &[&str]) -> bool {
        let mut record = NewRecord::new("acme", body.to_owned(), 0);
        let header = |value: &&str| ("traceparent".to_owned(), Bytes::from((*value).to_owned()));
        record.headers.extend(traceparents.iter().map(header));
        let record = Record::from_new(0, record);
        let decided = input::decide(engine, Topic::Requests, &record, &Nothing, out).unwrap();
        if let Err(rejected) = &decided {
            out.spans.set_aside(rejected.reason.as_str());
        }
        out.spans.done();
        decided.is_ok()
    }

    fn order(out: &Outputs) -> Value {
        let order = out.records.iter().find(|(topic, _)| *topic == Topic::Dispatch).unwrap();
        serde_json::from_slice(&order.1.value).unwrap()
    }

    fn end(out: &mut Outputs, ended: &mut Receiver<SpanData>) -> Vec<SpanData> {
        let spans = out.spans.take();
        out.spans.end(spans);
        std::iter::from_fn(|| ended.try_recv().ok()).collect()
    }

    fn says(span: &SpanData, key: &str) -> Option<String> {
        span.attributes.iter().find(|has| has.key.as_str() == key).map(|has| has.value.to_string())
    }

    #[test]
    fn the_order_and_the_message_are_below_the_decision() {
        let (mut engine, mut out, mut ended) = traced();
        assert!(decide(&mut engine, &mut out, REQUEST, CALLER));
        let order = order(&out);
        let spans = end(&mut out, &mut ended);
        assert_eq!(spans.len(), 1);
        assert_eq!(spans[0].parent_span_id, SpanId::from(0x00f0_67aa_0ba9_02b7));
        let ids = (spans[0].span_context.trace_id(), spans[0].span_context.span_id());
        assert_eq!(order["traceparent"], format!("00-{}-{}-01", ids.0, ids.1));
        let partition = says(&spans[0], "messaging.destination.partition.id");
        assert_eq!(
            (says(&spans[0], "tollgate.outcome").as_deref(), partition.as_deref()),
            (Some("admitted"), Some("3"))
        );
        let kept = engine.state().message(engine.state().next_uid() - 1).unwrap().tail.trace.clone();
        assert_eq!(kept.unwrap().to_string(), order["traceparent"].as_str().unwrap());
    }

    #[test]
    fn what_the_caller_does_not_record_leaves_nothing() {
        let (mut engine, mut out, mut ended) = traced();
        assert!(decide(&mut engine, &mut out, REQUEST, &CALLER.replace("-01", "-00")));
        assert_eq!(order(&out).get("traceparent"), None);
        assert!(end(&mut out, &mut ended).is_empty());
        assert_eq!(engine.state().message(engine.state().next_uid() - 1).unwrap().tail.trace, None);
    }

    #[test]
    fn of_two_callers_none_counts() {
        let (mut engine, mut out, mut ended) = traced();
        assert!(decide_with(&mut engine, &mut out, REQUEST, &[CALLER, CALLER]));
        assert_eq!(order(&out).get("traceparent"), None);
        assert!(end(&mut out, &mut ended).is_empty());
    }

    #[test]
    fn a_batch_that_does_not_count_has_no_spans() {
        let (mut engine, mut out, mut ended) = traced();
        assert!(decide(&mut engine, &mut out, REQUEST, CALLER));
        out.discard();
        assert!(end(&mut out, &mut ended).is_empty());
    }

    #[test]
    fn a_record_that_is_set_aside_is_an_error_in_its_callers_trace() {
        let (mut engine, mut out, mut ended) = traced();
        assert!(!decide(&mut engine, &mut out, "{}", CALLER));
        assert!(!decide(&mut engine, &mut out, &REQUEST.replace("acme", "nobody"), CALLER));
        let spans = end(&mut out, &mut ended);
        let errors: Vec<_> =
            spans.iter().map(|span| (says(span, "error.type").unwrap(), span.status.clone())).collect();
        let status = Status::error("");
        assert_eq!(errors, [("malformed".to_owned(), status.clone()), ("wrong_key".to_owned(), status)]);
    }
}
