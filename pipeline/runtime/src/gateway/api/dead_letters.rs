//! What was set aside: the list with headers and sizes, one record, and its original bytes on request.

use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{Query, Shared, json};
use crate::gateway::access::Action;
use crate::gateway::path::Path;
use crate::gateway::problem::Problem;

/// Dead letters of one answer at most.
const LIMIT_MAX: u64 = 1_000;

/// `GET /v1/dead-letters[?after=OFFSET][&limit=N]`: headers and sizes of records that were set aside, of all accounts.
pub(super) async fn list(
    State(api): Shared,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.access.caller(&headers, Action::ReadDeadLetters)?.every_account()?;
    let query = Query::parse(query.as_deref(), &["after", "limit"])?;
    let after = query.number("after")?;
    let limit = match query.number("limit")? {
        Some(0) => return Err(Problem::bad_query("limit", "0", "write 1 or more; at most 1000 are given")),
        limit => limit.unwrap_or(LIMIT_MAX).min(LIMIT_MAX) as usize,
    };
    let view = api.view(move |reads| reads.dead_letters(after, limit)).await?;
    Ok(json(StatusCode::OK, view))
}

/// `GET /v1/dead-letters/{offset}`: headers and size as in the list. With `?bytes=true` the original bytes and nothing
/// else, for role `admin` alone: phone numbers and one-time codes may be in them.
pub(super) async fn read(
    State(api): Shared,
    Path(offset): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = api.access.caller(&headers, Action::ReadDeadLetters)?;
    caller.every_account()?;
    let query = Query::parse(query.as_deref(), &["bytes"])?;
    let bytes = match query.get("bytes") {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(Problem::bad_query("bytes", other, "write true or false")),
    };
    if bytes {
        api.access.caller(&headers, Action::ReadDeadLetterBytes)?;
    }
    let missing = || {
        Problem::not_found("dead letter", "offset", &offset)
            .remedy("see `GET /v1/dead-letters` for those that are kept; older ones have been removed")
    };
    let wanted: u64 = offset.parse().map_err(|_| missing())?;
    let letter = api.view(move |reads| reads.dead_letter(wanted)).await?.ok_or_else(missing)?;
    if !bytes {
        return Ok(json(StatusCode::OK, letter.view));
    }
    // Somebody else's bytes: no browser shall take them for a page.
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((headers, letter.bytes).into_response())
}
