//! One span, from what began it to what is posted.

use bytes::Bytes;
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::borrow::Cow;
use std::time::SystemTime;
use tollgate_wire::trace::SpanRef;

/// `otel.scope.name`.
const SCOPE: &str = "tollgate";

/// A span that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(crate) span: SpanRef,
    pub(super) parent: Option<SpanRef>,
    pub(super) started: SystemTime,
}

/// What is known of a span at its end.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: Kind,
    pub(crate) attributes: Vec<KeyValue>,
    /// Another span that this one is about.
    pub(crate) link: Option<SpanRef>,
    /// `error.type`: makes the span's status an error.
    pub(crate) error: Option<Cow<'static, str>>,
}

/// The side that a span is on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Kind {
    /// Our own work.
    #[default]
    Internal,
    /// A request of the API.
    Server,
    /// A call to the platform.
    Client,
    /// A record of a topic.
    Consumer,
}

/// An attribute.
pub(crate) fn attribute(key: &'static str, value: impl Into<Value>) -> KeyValue {
    KeyValue::new(key, value)
}

impl Begun {
    /// The `traceparent` of what it causes.
    pub(crate) fn header(&self) -> Bytes {
        Bytes::from(self.span.to_string())
    }

    pub(super) fn ended(self, ended: Ended, at: SystemTime) -> SpanData {
        let Ended { name, kind, mut attributes, link, error } = ended;
        let status = match error {
            Some(error) => {
                attributes.push(attribute("error.type", error));
                Status::error("")
            }
            None => Status::Unset,
        };
        let mut links = SpanLinks::default();
        links.links.extend(link.map(|to| Link::with_context(context(to))));
        SpanData {
            span_context: context(self.span),
            parent_span_id: self.parent.map_or(SpanId::INVALID, |parent| SpanId::from(parent.span)),
            // Whose the parent is, is not known: another process may have decided.
            parent_span_is_remote: self.parent.is_some(),
            span_kind: match kind {
                Kind::Internal => SpanKind::Internal,
                Kind::Server => SpanKind::Server,
                Kind::Client => SpanKind::Client,
                Kind::Consumer => SpanKind::Consumer,
            },
            name,
            start_time: self.started,
            // The system's clock may have been set back meanwhile.
            end_time: at.max(self.started),
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links,
            status,
            instrumentation_scope: InstrumentationScope::builder(SCOPE).with_version(env!("CARGO_PKG_VERSION")).build(),
        }
    }
}

fn context(of: SpanRef) -> SpanContext {
    let (trace, span) = (TraceId::from(of.trace), SpanId::from(of.span));
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::default())
}
