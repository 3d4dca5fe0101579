//! Live state of senders and queues, as the last snapshot had it.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::{Shared, found};
use crate::gateway::access::Action;
use crate::gateway::problem::Problem;

/// `GET /v1/lots/{account}`.
pub(super) async fn lots(
    State(api): Shared,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::ReadState, &account)?;
    let wanted = account.clone();
    let view = api.view(move |reads| reads.lots(&wanted)).await?;
    found(view, "account", "account", &account)
}

/// `GET /v1/senders/{account}`.
pub(super) async fn senders(
    State(api): Shared,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::ReadState, &account)?;
    let wanted = account.clone();
    let view = api.view(move |reads| reads.senders(&wanted)).await?;
    found(view, "account", "account", &account)
}
