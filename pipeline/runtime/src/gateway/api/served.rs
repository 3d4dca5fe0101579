//! The span of a request that brings messages: begun when its head is read, ended with its answer, or when nobody waits for
//! one any more.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use opentelemetry::KeyValue;
use std::borrow::Cow;

use super::messages::trace;
use crate::gateway::problem::Problem;
use crate::traces::{Begun, Ended, Kind, Traces, attribute};

/// A request that is being served.
pub(super) struct Served {
    traces: Traces,
    route: &'static str,
    begun: Option<Begun>,
    /// The `traceparent` of its records.
    header: Option<Bytes>,
    /// Its token may send messages.
    let_in: bool,
}

impl Served {
    /// Where nothing is recorded, its records have what the caller said.
    fn begin(traces: &Traces, route: &'static str, headers: &HeaderMap) -> Self {
        let caller = trace(headers);
        let begun = traces.begin(caller.as_deref());
        let header = match &begun {
            Some(begun) => Some(begun.header()),
            None => caller.or_else(|| traces.refused()),
        };
        Self { traces: traces.clone(), route, begun, header, let_in: false }
    }

    /// Serves one whole: `serve` says who is let in and makes the answer.
    pub(super) async fn request(
        traces: &Traces,
        route: &'static str,
        headers: &HeaderMap,
        serve: impl AsyncFnOnce(&mut Self) -> Result<Response, Problem>,
    ) -> Result<Response, Problem> {
        let mut served = Self::begin(traces, route, headers);
        let answer = serve(&mut served).await;
        served.end(&answer);
        answer
    }

    /// From here on it is recorded even without an answer.
    pub(super) fn let_in(&mut self) {
        self.let_in = true;
    }

    pub(super) fn header(&self) -> Option<Bytes> {
        self.header.clone()
    }

    /// Ends it. What is not let in is not recorded: strangers must not fill a collector.
    fn end(mut self, answer: &Result<Response, Problem>) {
        let Some(begun) = self.begun.take() else { return };
        let status = answer.as_ref().map_or_else(Problem::status, Response::status);
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return;
        }
        let mut more = vec![attribute("http.response.status_code", i64::from(status.as_u16()))];
        more.extend(answer.as_ref().err().map(|problem| attribute("tollgate.problem", problem.code())));
        // What the caller did wrong is no error of ours.
        self.tell(begun, more, status.is_server_error().then(|| status.as_str().to_owned().into()));
    }

    fn tell(&self, begun: Begun, more: Vec<KeyValue>, error: Option<Cow<'static, str>>) {
        let mut attributes = vec![
            attribute("http.request.method", "POST"),
            attribute("http.route", self.route),
            attribute("url.path", self.route),
            attribute("url.scheme", "http"),
        ];
        attributes.extend(more);
        let name = format!("POST {}", self.route).into();
        self.traces.end(begun, Ended { name, kind: Kind::Server, attributes, error, ..Ended::default() });
    }
}

/// Whose client goes away, or whose time is over, has no other end, and its records may be written all the same: they would be
/// below a span that is not there.
impl Drop for Served {
    fn drop(&mut self) {
        if let Some(begun) = self.begun.take().filter(|_| self.let_in) {
            self.tell(begun, Vec::new(), Some("cancelled".into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use opentelemetry::trace::Status;
    use tollgate_wire::trace::TRACEPARENT;

    #[test]
    fn without_an_answer_it_ends_cancelled_and_of_a_stranger_nothing_is_told() {
        let caller = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let headers = HeaderMap::from_iter([(TRACEPARENT.parse().expect("a name"), caller)]);
        let (traces, mut ended) = Traces::to_queue(0);
        drop(Served::begin(&traces, "/v1/messages", &headers));
        assert!(ended.try_recv().is_err(), "nobody knows who it was");

        let mut served = Served::begin(&traces, "/v1/messages", &headers);
        served.let_in();
        let header = served.header().expect("it is recorded");
        drop(served);
        let span = ended.try_recv().expect("a span");
        assert_eq!((&*span.name, span.status), ("POST /v1/messages", Status::error("")));
        let says =
            |key: &str| span.attributes.iter().find(|has| has.key.as_str() == key).map(|has| has.value.to_string());
        assert_eq!((says("error.type").as_deref(), says("http.response.status_code")), (Some("cancelled"), None));
        let (trace, id) = (span.span_context.trace_id(), span.span_context.span_id());
        assert_eq!(header, format!("00-{trace}-{id}-01"), "what it caused is below it");

        let mut answered = Served::begin(&traces, "/v1/messages", &headers);
        answered.let_in();
        answered.end(&Ok(Response::default()));
        assert_eq!(ended.try_recv().expect("a span").status, Status::Unset);
        assert!(ended.try_recv().is_err(), "it ends once");
    }
}
