//! One message: enqueue it, read its life.

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use percent_encoding::percent_decode;
use tollgate_wire::request::{self, CE_ID};
use tollgate_wire::trace::{TRACEPARENT, TraceParent};

use super::served::Served;
use super::{Api, JSON, Query, Shared, brand_of, found, json, require_content_type};
use crate::gateway::access::Action;
use crate::gateway::path::Path;
use crate::gateway::problem::Problem;
use crate::gateway::token::Caller;
use crate::lane::Lane;
use crate::log::{NewRecord, Topic};

/// A request of the largest size, and some white space around it.
const BODY_BYTES_MAX: usize = request::MAX_BYTES + 1_024;

/// `POST /v1/messages[?lane=priority]`: 202 with the id, only after the record is durable. In the binary mode of
/// CloudEvents the header `ce-id` serves as id when the body has none. A valid `traceparent` goes with the record.
pub(super) async fn enqueue(
    State(api): Shared,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    Served::request(&api.traces, "/v1/messages", &headers, async |served| {
        take(&api, query.as_deref(), &headers, body, served).await
    })
    .await
}

async fn take(
    api: &Api,
    query: Option<&str>,
    headers: &HeaderMap,
    body: Body,
    served: &mut Served,
) -> Result<Response, Problem> {
    let caller = api.access.caller(headers, Action::Enqueue)?;
    served.let_in();
    require_content_type(headers, JSON)?;
    let lane = lane(&Query::parse(query, &["lane"])?)?;
    let body = api.body(body, BODY_BYTES_MAX).await?;
    let ce_id: Option<Vec<u8>> = headers.get("ce-id").map(|id| percent_decode(id.as_bytes()).collect());
    let (record, id) = accept(api, &caller, lane, &body.bytes, ce_id.as_deref(), served.header()).await?;
    api.inbox.append(vec![record]).await?;
    Ok(json(StatusCode::ACCEPTED, serde_json::json!({ "id": id }).to_string().into_bytes()))
}

/// `GET /v1/messages/{account}/{id}`.
pub(super) async fn read(
    State(api): Shared,
    Path((account, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::ReadMessages, &account)?;
    let wanted = id.clone();
    let view = api.view(move |reads| reads.message(&account, &wanted)).await?;
    found(view, "message", "id", &id)
}

/// The lane that the query asks for.
pub(super) fn lane(query: &Query) -> Result<Lane, Problem> {
    match query.get("lane") {
        None | Some("bulk") => Ok(Lane::ByPurpose),
        Some("priority") => Ok(Lane::Priority),
        Some(other) => Err(Problem::bad_query("lane", other, "write priority or bulk")),
    }
}

/// Where the caller's trace is, as a header of the record. One that is not valid, or there twice, counts as absent.
pub(super) fn trace(headers: &HeaderMap) -> Option<Bytes> {
    let mut all = headers.get_all(TRACEPARENT).iter();
    let (Some(one), None) = (all.next(), all.next()) else { return None };
    TraceParent::parse(one.as_bytes()).map(|trace| Bytes::copy_from_slice(trace.as_str().as_bytes()))
}

/// Checks one request and makes the record of it: the bytes as they came, keyed by account. `ce_id` serves as id when
/// the body has none.
pub(super) async fn accept(
    api: &Api,
    caller: &Caller,
    lane: Lane,
    bytes: &Bytes,
    ce_id: Option<&[u8]>,
    trace: Option<Bytes>,
) -> Result<((Topic, NewRecord), String), Problem> {
    let request = request::parse_with_id(bytes, ce_id)?;
    caller.account(&request.account)?;
    let Some(spec) = api.registry.snapshot().account(&request.account).cloned() else {
        return Err(Problem::unknown_account(&request.account));
    };
    brand_of(&spec, request.brand.as_deref())?;
    let (topic, mut record) = lane.record(&request, bytes.clone(), api.clock.now().0);
    record.headers.extend(ce_id.map(|id| (CE_ID.to_owned(), Bytes::copy_from_slice(id))));
    record.headers.extend(trace.map(|trace| (TRACEPARENT.to_owned(), trace)));
    let id = request.id.to_string();
    if topic == Topic::Requests {
        api.waiting_room.check(api, &spec).await?;
    }
    Ok(((topic, record), id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn of_two_traces_none_counts() {
        let valid = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let mut headers = HeaderMap::new();
        assert_eq!(trace(&headers), None);
        headers.append(TRACEPARENT, valid.clone());
        assert_eq!(trace(&headers).as_deref(), Some(valid.as_bytes()));
        headers.append(TRACEPARENT, valid);
        assert_eq!(trace(&headers), None);
    }
}
