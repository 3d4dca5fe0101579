//! Live state of accounts, senders and queues as the last snapshot had it.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::{Shared, json, state_of};
use crate::gateway::access::Action;
use crate::gateway::path::Path;
use crate::gateway::problem::Problem;
use crate::gateway::reads::Reads;

/// `GET /v1/lots/{account}`.
pub(super) async fn lots(
    State(api): Shared,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    state_of(&api, &headers, account, Reads::lots).await
}

/// `GET /v1/senders/{account}`.
pub(super) async fn senders(
    State(api): Shared,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    state_of(&api, &headers, account, Reads::senders).await
}

/// `GET /v1/senders/{account}/history`: upgrades and downgrades of its numbers and of its messaging limit, newest first.
pub(super) async fn levels(
    State(api): Shared,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    state_of(&api, &headers, account, Reads::levels).await
}

/// `GET /v1/accounts`: the live state of every account that the caller may see.
pub(super) async fn accounts(State(api): Shared, headers: HeaderMap) -> Result<Response, Problem> {
    let caller = api.access.caller(&headers, Action::ReadState)?;
    let registry = api.registry.snapshot();
    let visible: Vec<String> =
        registry.accounts().map(|a| a.account.clone()).filter(|account| caller.account(account).is_ok()).collect();
    let views = api.view(move |reads| visible.iter().map(|account| reads.account(account)).collect()).await?;
    let views: Vec<Option<Vec<u8>>> = views;
    let mut body = format!("{{\"as_of\":\"{}\",\"items\":[", api.clock.now()).into_bytes();
    for (n, view) in views.into_iter().flatten().enumerate() {
        if n > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&view);
    }
    body.extend_from_slice(b"]}");
    Ok(json(StatusCode::OK, body))
}
