//! Many consents, or people for the suppression list, as NDJSON, for an import: one durable append. A bad line never
//! stops the others; the answer names it.

use axum::body::Body;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tollgate_rate_card::Category;
use tollgate_wire::Time;
use tollgate_wire::command::{self, Command, ConsentSpec, ConsentState, SuppressionSpec};

use super::batch::{BODY_BYTES_MAX, first_line, lines};
use super::consents::check_person;
use super::{Api, NDJSON, Query, Shared, json, parse_json, require_content_type};
use crate::gateway::access::Action;
use crate::gateway::problem::Problem;
use crate::gateway::token::Caller;
use crate::log::{NewRecord, Topic};

/// One line: the account and the fields of [`ConsentSpec`]; or of [`SuppressionSpec`] with the state `suppressed`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    account: String,
    to: String,
    #[serde(default)]
    category: Option<Category>,
    state: State,
    #[serde(default)]
    source: String,
    #[serde(default)]
    at: Option<Time>,
    #[serde(default)]
    text_version: Option<String>,
    #[serde(default)]
    expires: Option<Time>,
    #[serde(default)]
    confirmed: bool,
    #[serde(default)]
    brand: Option<String>,
}

/// What a line records.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    OptIn,
    OptOut,
    Suppressed,
}

#[derive(Serialize)]
struct Answer {
    accepted: usize,
    refused: usize,
    /// The refused lines; the others were accepted.
    results: Vec<Refused>,
}

#[derive(Serialize)]
struct Refused {
    line: usize,
    error: Problem,
}

/// `POST /v1/consents:batch[?first_line=N]`: 202 when a line was accepted, 422 when none was. The answer counts lines
/// from `first_line` (1).
pub(super) async fn record(
    axum::extract::State(api): Shared,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = api.access.caller(&headers, Action::WriteConsents)?;
    require_content_type(&headers, NDJSON)?;
    let first_line = first_line(&Query::parse(query.as_deref(), &["first_line"])?)?;
    let body = api.body(body, BODY_BYTES_MAX).await?;
    let lines = lines(&body.bytes, first_line)?;
    let mut answer = Answer { accepted: 0, refused: 0, results: Vec::new() };
    let mut records = Vec::with_capacity(lines.len());
    for (line, bytes) in lines {
        match accept(&api, &caller, &bytes) {
            Ok(record) => {
                answer.accepted += 1;
                records.push((Topic::Commands, record));
            }
            Err(error) => {
                answer.refused += 1;
                answer.results.push(Refused { line, error });
            }
        }
    }
    if !records.is_empty() {
        api.inbox.append(records).await?;
    }
    let status = if answer.accepted > 0 { StatusCode::ACCEPTED } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(json(status, serde_json::to_vec(&answer).expect("an answer has text and numbers only")))
}

fn command_of(line: Line, now: Time) -> Result<Command, Problem> {
    let (account, at) = (line.account, Some(line.at.unwrap_or(now)));
    let state = match line.state {
        State::OptIn => ConsentState::OptIn,
        State::OptOut => ConsentState::OptOut,
        State::Suppressed => {
            let of_a_consent =
                line.category.is_some() || line.text_version.is_some() || line.expires.is_some() || line.confirmed;
            if of_a_consent || line.brand.is_some() {
                let problem = Problem::malformed("the suppression list knows no category, text, end or brand");
                return Err(problem.field("state", "suppressed").remedy("give to, source and at only"));
            }
            let suppression = SuppressionSpec { to: line.to, listed: true, source: line.source, at };
            return Ok(Command::SetSuppression { account, suppression });
        }
    };
    let consent = ConsentSpec {
        to: line.to,
        category: line.category,
        state,
        source: line.source,
        at,
        text_version: line.text_version.unwrap_or_default(),
        expires: line.expires,
        confirmed: line.confirmed,
        brand: line.brand,
    };
    Ok(Command::SetConsent { account, consent })
}

/// Checks one line and makes the command of it.
fn accept(api: &Api, caller: &Caller, bytes: &[u8]) -> Result<NewRecord, Problem> {
    let line: Line = parse_json(bytes)?;
    caller.account(&line.account)?;
    check_person(&line.to)?;
    let state = match line.state {
        State::OptIn => ConsentState::OptIn,
        State::OptOut | State::Suppressed => ConsentState::OptOut,
    };
    api.known_brand(&line.account, state, line.brand.as_deref())?;
    let now = api.clock.now();
    let command = command_of(line, now)?;
    command::check(&command)?;
    let value = serde_json::to_vec(&command).expect("commands have string keys only");
    Ok(NewRecord::new(command.account().as_bytes().to_vec(), value, now.0))
}
