//! The span of a request that brings messages: begun when its head is read, ended with its answer.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

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
}

impl Served {
    /// Where nothing is recorded, its records have what the caller said.
    pub(super) fn begin(traces: &Traces, route: &'static str, headers: &HeaderMap) -> Self {
        let caller = trace(headers);
        let begun = traces.begin(caller.as_deref());
        let header = match &begun {
            Some(begun) => Some(begun.header()),
            None => caller.or_else(|| traces.refused()),
        };
        Self { traces: traces.clone(), route, begun, header }
    }

    pub(super) fn header(&self) -> Option<Bytes> {
        self.header.clone()
    }

    /// Ends it. What is not let in is not recorded: strangers must not fill a collector.
    pub(super) fn end(self, answer: &Result<Response, Problem>) {
        let Some(begun) = self.begun else { return };
        let status = answer.as_ref().map_or_else(Problem::status, Response::status);
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return;
        }
        let mut attributes = vec![
            attribute("http.request.method", "POST"),
            attribute("http.route", self.route),
            attribute("url.path", self.route),
            attribute("url.scheme", "http"),
            attribute("http.response.status_code", i64::from(status.as_u16())),
        ];
        attributes.extend(answer.as_ref().err().map(|problem| attribute("tollgate.problem", problem.code())));
        self.traces.end(
            begun,
            Ended {
                name: format!("POST {}", self.route).into(),
                kind: Kind::Server,
                attributes,
                // What the caller did wrong is no error of ours.
                error: status.is_server_error().then(|| status.as_str().to_owned().into()),
                ..Ended::default()
            },
        );
    }
}
