//! Customer service windows that are about to close unanswered.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::{Query, Shared, found};
use crate::gateway::access::Action;
use crate::gateway::path::Path;
use crate::gateway::problem::Problem;

/// People of an answer.
const LIMIT: u64 = 1_000;
const LIMIT_MAX: u64 = 10_000;
/// How soon, in minutes; a window is open for a day.
const WITHIN: u64 = 120;
const WITHIN_MAX: u64 = 1_440;

/// `GET /v1/windows/{account}[?within_minutes=N][&limit=N][&contacts=true]`: who wrote and has had no answer, the window that
/// closes first before the others. People are masked unless `contacts` asks for them, which needs a role that reads messages.
pub(super) async fn list(
    State(api): Shared,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::ReadState, &account)?;
    let query = Query::parse(query.as_deref(), &["within_minutes", "limit", "contacts"])?;
    let in_full = match query.get("contacts") {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(Problem::bad_query("contacts", other, "use true or false")),
    };
    if in_full {
        api.access.account(&headers, Action::ReadMessages, &account)?;
    }
    let within = query.number("within_minutes")?.unwrap_or(WITHIN).clamp(1, WITHIN_MAX);
    let limit = query.number("limit")?.unwrap_or(LIMIT).clamp(1, LIMIT_MAX) as usize;
    let (now, wanted) = (api.clock.now(), account.clone());
    let within = Duration::from_secs(60 * within);
    let view = api.view(move |reads| reads.unanswered(&wanted, now, within, (limit, in_full))).await?;
    found(view, "account", "account", &account)
}
