//! The suppression list: onto it, off it, and who is on it.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use tollgate_wire::Time;
use tollgate_wire::command::{Command, SuppressionSpec};

use super::consents::check_person;
use super::{Api, JSON, Query, Shared, found, parse_json, require_content_type};
use crate::gateway::access::Action;
use crate::gateway::path::Path;
use crate::gateway::problem::Problem;

const BODY_BYTES_MAX: usize = 16 << 10;
/// People of a page.
const LIMIT: u64 = 1_000;
const LIMIT_MAX: u64 = 10_000;

/// Why, and since when.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(default)]
    source: String,
    #[serde(default)]
    at: Option<Time>,
}

/// `PUT /v1/contacts/{account}/{to}/suppression`: nothing is sent to the person any more.
pub(super) async fn put(
    State(api): Shared,
    Path((account, to)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::WriteConsents, &account)?;
    require_content_type(&headers, JSON)?;
    let body = api.body(body, BODY_BYTES_MAX).await?;
    let given: Given = parse_json(&body.bytes)?;
    let at = Some(given.at.unwrap_or_else(|| api.clock.now()));
    record(&api, account, SuppressionSpec { to, listed: true, source: given.source, at }).await
}

/// `DELETE /v1/contacts/{account}/{to}/suppression[?source=…]`: the person is off the list; consents hold as before.
pub(super) async fn lift(
    State(api): Shared,
    Path((account, to)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::LiftSuppressions, &account)?;
    let query = Query::parse(query.as_deref(), &["source"])?;
    let source = query.get("source").unwrap_or("api").to_owned();
    record(&api, account, SuppressionSpec { to, listed: false, source, at: Some(api.clock.now()) }).await
}

async fn record(api: &Api, account: String, suppression: SuppressionSpec) -> Result<Response, Problem> {
    check_person(&suppression.to)?;
    api.known(&account)?;
    let answer = json!({ "account": account, "suppressed": suppression.listed });
    api.command(&Command::SetSuppression { account, suppression }, &answer).await
}

/// `GET /v1/suppressions/{account}[?after=TO][&limit=N]`: who is on the list, in order; `next` goes on after a full page.
pub(super) async fn list(
    State(api): Shared,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::ReadConsents, &account)?;
    api.known(&account)?;
    let query = Query::parse(query.as_deref(), &["after", "limit"])?;
    let after = query.get("after").unwrap_or_default().to_owned();
    let limit = query.number("limit")?.unwrap_or(LIMIT).clamp(1, LIMIT_MAX) as usize;
    let wanted = account.clone();
    let view = api.view(move |reads| reads.suppressions(&wanted, &after, limit)).await?;
    found(view, "account", "account", &account)
}
