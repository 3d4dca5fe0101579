//! Many messages as NDJSON: one answer per line, one durable append. A bad line never stops the others; its original
//! bytes go to dead-letters.

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;
use tollgate_wire::{DeadLetterReason, Text};

use super::messages::{Lane, accept};
use super::{Api, NDJSON, Query, Shared, json, require_content_type};
use crate::gateway::access::Action;
use crate::gateway::problem::Problem;
use crate::log::{NewRecord, Topic};

/// Largest body, in bytes.
pub(super) const BODY_BYTES_MAX: usize = 16 << 20;
/// Most lines that are not empty.
const LINES_MAX: usize = 20_000;

#[derive(Serialize)]
struct Answer {
    accepted: usize,
    refused: usize,
    results: Vec<LineResult>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum LineResult {
    Accepted { line: usize, id: String },
    Refused { line: usize, error: Problem },
}

/// `POST /v1/messages:batch[?lane=priority]`: 202 when a line was accepted, 422 when none was.
pub(super) async fn enqueue(
    State(api): Shared,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let caller = api.access.caller(&headers, Action::Enqueue)?;
    require_content_type(&headers, NDJSON)?;
    let lane = Lane::from_query(&Query::parse(query.as_deref(), &["lane"])?)?;
    let body = api.body(body, BODY_BYTES_MAX).await?;
    let lines = lines(&body.bytes)?;
    let mut answer = Answer { accepted: 0, refused: 0, results: Vec::with_capacity(lines.len()) };
    let mut records = Vec::with_capacity(lines.len());
    for (number, line) in lines {
        match accept(&api, &caller, lane, line.clone()) {
            Ok((record, id)) => {
                answer.accepted += 1;
                records.push(record);
                answer.results.push(LineResult::Accepted { line: number, id });
            }
            Err(problem) => {
                answer.refused += 1;
                records.extend(dead_letter(&api, number, line, problem.code()));
                answer.results.push(LineResult::Refused { line: number, error: problem });
            }
        }
    }
    if !records.is_empty() {
        api.inbox.append(records).await?;
    }
    let status = if answer.accepted > 0 { StatusCode::ACCEPTED } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(json(status, serde_json::to_vec(&answer).expect("an answer has text and numbers only")))
}

/// The lines that are not empty, with their numbers from 1; they share the body's memory.
pub(super) fn lines(body: &Bytes) -> Result<Vec<(usize, Bytes)>, Problem> {
    let mut lines = Vec::new();
    for (i, line) in body.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if lines.len() == LINES_MAX {
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the batch has too many lines")
                .remedy(format!("send at most {LINES_MAX} lines at a time")));
        }
        lines.push((i + 1, body.slice_ref(line)));
    }
    Ok(lines)
}

/// The bad line as people will see it. Not for what is the caller's to settle: a foreign account, a full room.
fn dead_letter(api: &Api, number: usize, line: Bytes, code: &'static str) -> Option<(Topic, NewRecord)> {
    let reason: DeadLetterReason = code.parse().ok()?;
    let key = account_of(&line).unwrap_or_default();
    let mut record = NewRecord::new(key, line, api.clock.now().0);
    record.headers = vec![
        ("topic".to_owned(), Bytes::from_static(Topic::Requests.name().as_bytes())),
        ("source".to_owned(), Bytes::from_static(b"/v1/messages:batch")),
        ("line".to_owned(), Bytes::from(number.to_string())),
        ("reason".to_owned(), Bytes::from_static(reason.as_str().as_bytes())),
    ];
    Some((Topic::DeadLetters, record))
}

/// The account, as far as the line lets itself be read.
fn account_of(line: &[u8]) -> Option<Vec<u8>> {
    let fields: std::collections::BTreeMap<Text<'_>, &RawValue> = serde_json::from_slice(line).ok()?;
    let account = fields.get(&Text::from("account"))?;
    let account: Text<'_> = serde_json::from_str(account.get()).ok()?;
    (account.len() <= 64).then(|| account.as_bytes().to_vec())
}
