//! Consents: opt-in with proof, opt-out, read.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use tollgate_rate_card::Category;
use tollgate_wire::Time;
use tollgate_wire::command::{Command, ConsentSpec, ConsentState};

use super::{Api, JSON, Query, Shared, json as answer_json, parse_json, require_content_type};
use crate::gateway::access::Action;
use crate::gateway::path::Path;
use crate::gateway::problem::Problem;

const BODY_BYTES_MAX: usize = 16 << 10;

/// A consent as the path's person gives it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(default)]
    category: Option<Category>,
    #[serde(default = "opt_in")]
    state: ConsentState,
    #[serde(default)]
    source: String,
    #[serde(default)]
    at: Option<Time>,
    #[serde(default)]
    text_version: String,
    #[serde(default)]
    expires: Option<Time>,
    #[serde(default)]
    confirmed: bool,
    #[serde(default)]
    brand: Option<String>,
}

fn opt_in() -> ConsentState {
    ConsentState::OptIn
}

/// `PUT /v1/contacts/{account}/{to}/consents` with the proof; opt-in unless `state` says otherwise.
pub(super) async fn opt_in_or_out(
    State(api): Shared,
    Path((account, to)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::WriteConsents, &account)?;
    require_content_type(&headers, JSON)?;
    let body = api.body(body, BODY_BYTES_MAX).await?;
    let given: Given = parse_json(&body.bytes)?;
    let consent = ConsentSpec {
        to,
        category: given.category,
        state: given.state,
        source: given.source,
        at: Some(given.at.unwrap_or_else(|| api.clock.now())),
        text_version: given.text_version,
        expires: given.expires,
        confirmed: given.confirmed,
        brand: given.brand,
    };
    record(&api, account, consent).await
}

/// `DELETE /v1/contacts/{account}/{to}/consents[?category=marketing][&brand=B]`: an opt-out, of everything by default, and from
/// the account as a whole.
pub(super) async fn opt_out(
    State(api): Shared,
    Path((account, to)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::WriteConsents, &account)?;
    let query = Query::parse(query.as_deref(), &["category", "source", "brand"])?;
    let category = |name: &str| {
        Category::parse(name)
            .ok_or_else(|| Problem::bad_query("category", name, "write marketing, utility, authentication or service"))
    };
    let consent = ConsentSpec {
        to,
        category: query.get("category").map(category).transpose()?,
        state: ConsentState::OptOut,
        source: query.get("source").unwrap_or("api").to_owned(),
        at: Some(api.clock.now()),
        text_version: String::new(),
        expires: None,
        confirmed: false,
        brand: query.get("brand").map(str::to_owned),
    };
    record(&api, account, consent).await
}

async fn record(api: &Api, account: String, consent: ConsentSpec) -> Result<Response, Problem> {
    check_person(&consent.to)?;
    api.known_brand(&account, consent.state, consent.brand.as_deref())?;
    let mut answer = json!({ "account": account, "state": consent.state, "category": consent.category });
    if let Some(brand) = &consent.brand {
        answer["brand"] = json!(brand);
    }
    api.command(&Command::SetConsent { account, consent }, &answer).await
}

/// An opt-out that is kept under a name nobody writes to would be lost.
pub(super) fn check_person(to: &str) -> Result<(), Problem> {
    if !to.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    let problem = Problem::malformed("digits alone are neither an E.164 number nor a business-scoped id");
    Err(problem.private_field("to").remedy("write a + before the number (in a path, + or %2B)"))
}

/// `GET /v1/contacts/{account}/{to}/consents`.
pub(super) async fn read(
    State(api): Shared,
    Path((account, to)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::ReadConsents, &account)?;
    api.known(&account)?;
    let wanted = account.clone();
    let view = api.view(move |reads| reads.consents(&wanted, &to)).await?;
    match view {
        Some(view) => Ok(answer_json(StatusCode::OK, view)),
        None => Err(Problem::not_found("contact", "account", &account).private_field("to")),
    }
}
