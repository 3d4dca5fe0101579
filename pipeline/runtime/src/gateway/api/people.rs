//! One person's data: given out, and erased.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;
use tollgate_wire::command::Command;

use super::consents::check_person;
use super::{Shared, json as answer_json};
use crate::gateway::access::Action;
use crate::gateway::path::Path;
use crate::gateway::problem::Problem;

/// `GET /v1/contacts/{account}/{to}`: consents with proofs, messages and ledger entries.
pub(super) async fn export(
    State(api): Shared,
    Path((account, to)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::PersonalData, &account)?;
    check_person(&to)?;
    api.known(&account)?;
    let wanted = account.clone();
    let view = api.view(move |reads| reads.person(&wanted, &to)).await?;
    match view {
        Some(view) => Ok(answer_json(StatusCode::OK, view)),
        None => Err(Problem::not_found("contact", "account", &account).private_field("to")),
    }
}

/// `DELETE /v1/contacts/{account}/{to}`: everything but amounts, keyed hashes, and what the person refuses.
pub(super) async fn erase(
    State(api): Shared,
    Path((account, to)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::PersonalData, &account)?;
    check_person(&to)?;
    api.known(&account)?;
    let answer = json!({ "account": account, "erased": true });
    api.command(&Command::ErasePerson { account, to }, &answer).await
}
