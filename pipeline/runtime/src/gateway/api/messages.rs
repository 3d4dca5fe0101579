//! One message: enqueue it, read its life.

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use tollgate_wire::request::{self, Purpose, Request};

use super::{Api, JSON, Query, Shared, found, json, require_content_type};
use crate::gateway::access::Action;
use crate::gateway::problem::Problem;
use crate::gateway::token::Caller;
use crate::log::{NewRecord, Topic};

/// A request of the largest size, and some white space around it.
const BODY_BYTES_MAX: usize = request::MAX_BYTES + 1_024;

/// `POST /v1/messages[?lane=priority]`: 202 with the id, only after the record is durable.
pub(super) async fn enqueue(
    State(api): Shared,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = api.access.caller(&headers, Action::Enqueue)?;
    require_content_type(&headers, JSON)?;
    let lane = Lane::from_query(&Query::parse(query.as_deref(), &["lane"])?)?;
    let body = api.body(body, BODY_BYTES_MAX).await?;
    let (record, id) = accept(&api, &caller, lane, body.bytes.clone())?;
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

/// Which topic a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Authentication goes to the priority lane, the rest to bulk.
    ByPurpose,
    /// Everything goes to the priority lane.
    Priority,
}

impl Lane {
    pub(super) fn from_query(query: &Query) -> Result<Self, Problem> {
        match query.get("lane") {
            None | Some("bulk") => Ok(Self::ByPurpose),
            Some("priority") => Ok(Self::Priority),
            Some(other) => Err(Problem::bad_query("lane", other, "write priority or bulk")),
        }
    }

    fn topic(self, request: &Request<'_>) -> Topic {
        match (self, request.purpose) {
            (Self::Priority, _) | (_, Purpose::Authentication) => Topic::RequestsPriority,
            _ => Topic::Requests,
        }
    }
}

/// Checks one request and makes the record of it: the bytes as they came, keyed by account.
pub(super) fn accept(
    api: &Api,
    caller: &Caller,
    lane: Lane,
    bytes: Bytes,
) -> Result<((Topic, NewRecord), String), Problem> {
    let request = request::parse(&bytes)?;
    caller.account(&request.account)?;
    let Some(spec) = api.registry.snapshot().account(&request.account).cloned() else {
        return Err(Problem::unknown_account(&request.account));
    };
    let topic = lane.topic(&request);
    if topic == Topic::Requests {
        api.waiting_room.check(&spec, &*api.reads, api.clock.now())?;
    }
    let id = request.id.to_string();
    let key = Bytes::copy_from_slice(request.account.as_bytes());
    Ok(((topic, NewRecord::new(key, bytes, api.clock.now().0)), id))
}
