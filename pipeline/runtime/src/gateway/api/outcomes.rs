//! The outcomes feed as NDJSON with long poll, for those without Kafka.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{Query, Shared};
use crate::clock::monotonic;
use crate::gateway::access::Action;
use crate::gateway::problem::Problem;
use crate::gateway::reads::FeedPage;

/// Cursor for the next read.
const NEXT: HeaderName = HeaderName::from_static("tollgate-next");
/// Time that the feed holds for.
const AS_OF: HeaderName = HeaderName::from_static("tollgate-as-of");

const LIMIT: u64 = 1_000;
const LIMIT_MAX: u64 = 10_000;
const WAIT_S: u64 = 20;
const WAIT_S_MAX: u64 = 30;
/// How often a waiting read looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// `GET /v1/outcomes?account=A[&after=CURSOR][&limit=N][&wait=SECONDS]`: each line an outcome with its `cursor`. Waits
/// for the first one; empty when the time is over.
pub(super) async fn feed(
    State(api): Shared,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Query::parse(query.as_deref(), &["account", "after", "limit", "wait"])?;
    let account = query.get("account").ok_or_else(|| Problem::bad_query("account", "", "name the account"))?;
    api.access.account(&headers, Action::ReadMessages, account)?;
    api.known(account)?;
    let after = query.number("after")?;
    let limit = query.number("limit")?.unwrap_or(LIMIT).clamp(1, LIMIT_MAX) as usize;
    let wait = Duration::from_secs(query.number("wait")?.unwrap_or(WAIT_S).min(WAIT_S_MAX));
    let turn = Arc::clone(&api.polling).try_acquire_owned();
    let until = monotonic() + wait;
    loop {
        let wanted = account.to_owned();
        let page = api.view(move |reads| reads.outcomes(&wanted, after, limit)).await?;
        if !page.items.is_empty() || turn.is_err() || monotonic() >= until {
            return Ok(answer(&page));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn answer(page: &FeedPage) -> Response {
    let mut body = Vec::with_capacity(page.items.iter().map(|(_, outcome)| outcome.get().len() + 32).sum());
    for (cursor, outcome) in &page.items {
        // An outcome is an object that is never empty: the cursor goes in front of its first field.
        body.extend_from_slice(format!("{{\"cursor\":{cursor},").as_bytes());
        body.extend_from_slice(outcome.get().trim_start_matches('{').as_bytes());
        body.push(b'\n');
    }
    let as_of = HeaderValue::from_str(&page.as_of.to_string()).expect("a time is visible ASCII");
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson")),
        (NEXT, HeaderValue::from(page.next)),
        (AS_OF, as_of),
    ];
    (StatusCode::OK, headers, body).into_response()
}
