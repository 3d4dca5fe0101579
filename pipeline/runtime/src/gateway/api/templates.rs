//! Templates as they are known, and asking the platform for them.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::{Shared, json as answer_json, state_of};
use crate::gateway::access::Action;
use crate::gateway::path::Path;
use crate::gateway::problem::Problem;
use crate::gateway::reads::Reads;

/// How long an answer waits for the platform: shorter than any answer may take.
const PATIENCE: Duration = Duration::from_secs(25);

/// `GET /v1/templates/{account}`.
pub(super) async fn list(
    State(api): Shared,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    state_of(&api, &headers, account, Reads::templates).await
}

/// `POST /v1/templates/{account}:sync`: asks the platform now and says what is different. 202 where that takes longer than
/// the answer may: what came of it is in the list then.
pub(super) async fn sync(
    State(api): Shared,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some((account, verb)) = account.rsplit_once(':') else {
        return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "bad_method", "templates are made on the platform")
            .field("account", &account)
            .remedy("post to …:sync to have the platform asked for them"));
    };
    api.access.account(&headers, Action::SyncTemplates, account)?;
    if verb != "sync" {
        let problem = Problem::new(StatusCode::NOT_FOUND, "unknown_action", "there is no such action");
        return Err(problem.field("action", verb).remedy("use :sync"));
    }
    api.known(account)?;
    let (as_of, asked) = (api.clock.now(), api.syncs.sync(account));
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(wabas)) => {
            let body = json!({ "as_of": as_of, "account": account, "running": false, "wabas": wabas });
            Ok(answer_json(StatusCode::OK, body.to_string().into_bytes()))
        }
        Ok(Err(error)) => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string())),
        Err(_) => {
            let body = json!({ "as_of": as_of, "account": account, "running": true, "wabas": [] });
            Ok(answer_json(StatusCode::ACCEPTED, body.to_string().into_bytes()))
        }
    }
}
