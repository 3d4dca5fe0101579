//! Many messages as NDJSON: one answer per line, one durable append. A bad line never stops the others; its original
//! bytes go to dead-letters.

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use tollgate_wire::request::Purpose;
use tollgate_wire::{DeadLetterReason, Text};

use super::messages::{accept, lane};
use super::served::Served;
use super::{Api, NDJSON, Query, Shared, json, require_content_type};
use crate::gateway::access::Action;
use crate::gateway::problem::Problem;
use crate::gateway::token::Caller;
use crate::lane::Lane;
use crate::log::{NewRecord, Topic, dead_letter};

/// Largest body, in bytes.
pub(super) const BODY_BYTES_MAX: usize = 16 << 20;
/// Most lines that are not empty.
const LINES_MAX: usize = 20_000;

/// Longest `file`, in bytes: what file systems allow.
const FILE_BYTES_MAX: usize = 255;

#[derive(Serialize)]
struct Answer {
    accepted: usize,
    refused: usize,
    /// Those of the refused whose bytes were kept in dead-letters.
    dead_letters: usize,
    results: Vec<LineResult>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum LineResult {
    Accepted { line: usize, id: String },
    Refused { line: usize, error: Problem },
}

/// Where the body comes from, as its sender says.
struct Origin {
    /// The file's name, if there is a file.
    file: Option<String>,
    /// Number of the body's first line in it.
    first_line: usize,
}

/// `POST /v1/messages:batch[?lane=priority][&first_line=N][&file=NAME]`: 202 when a line was accepted, 422 when none
/// was. Answers and dead letters count lines from `first_line` (1), and dead letters name the file.
pub(super) async fn enqueue(
    State(api): Shared,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    Served::request(&api.traces, "/v1/messages:batch", &headers, async |served| {
        take(&api, query.as_deref(), &headers, body, served).await
    })
    .await
}

async fn take(
    api: &Api,
    query: Option<&str>,
    headers: &HeaderMap,
    body: Body,
    served: &mut Served,
) -> Result<Response, Problem> {
    let caller = api.access.caller(headers, Action::Enqueue)?;
    served.let_in();
    require_content_type(headers, NDJSON)?;
    let query = Query::parse(query, &["lane", "first_line", "file"])?;
    let lane = lane(&query)?;
    let origin = Origin { file: file_name(&query)?, first_line: first_line(&query)? };
    let body = api.body(body, BODY_BYTES_MAX).await?;
    let lines = lines(&body.bytes, origin.first_line)?;
    let mut answer = Answer { accepted: 0, refused: 0, dead_letters: 0, results: Vec::with_capacity(lines.len()) };
    let mut records = Vec::with_capacity(lines.len());
    let mut set_aside = Vec::new();
    for (number, line) in lines {
        match accept(api, &caller, lane, &line, None, served.header()).await {
            Ok((record, id)) => {
                answer.accepted += 1;
                records.push(record);
                answer.results.push(LineResult::Accepted { line: number, id });
            }
            Err(problem) => {
                answer.refused += 1;
                if let Some(letter) = dead_letter(api, &caller, &origin, (lane, number, &line), &problem) {
                    answer.dead_letters += 1;
                    set_aside.push(api.metrics.reason(problem.code()));
                    records.push(letter);
                }
                answer.results.push(LineResult::Refused { line: number, error: problem });
            }
        }
    }
    if !records.is_empty() {
        api.inbox.append(records).await?;
        set_aside.into_iter().for_each(|reason| api.metrics.dead_letter(reason));
    }
    let status = if answer.accepted > 0 { StatusCode::ACCEPTED } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(json(status, serde_json::to_vec(&answer).expect("an answer has text and numbers only")))
}

/// The number that the body's first line counts as.
pub(super) fn first_line(query: &Query) -> Result<usize, Problem> {
    match query.number("first_line")? {
        None => Ok(1),
        Some(line @ 1..=0xFFFF_FFFF) => Ok(line as usize),
        Some(other) => Err(Problem::bad_query("first_line", &other.to_string(), "lines count from 1")),
    }
}

fn file_name(query: &Query) -> Result<Option<String>, Problem> {
    let good = |name: &str| !name.is_empty() && name.len() <= FILE_BYTES_MAX && !name.contains(char::is_control);
    match query.get("file") {
        Some(name) if !good(name) => {
            Err(Problem::bad_query("file", name, "write 1 to 255 bytes without control characters"))
        }
        name => Ok(name.map(str::to_owned)),
    }
}

/// The lines that are not empty, with their numbers from `first`; they share the body's memory.
pub(super) fn lines(body: &Bytes, first: usize) -> Result<Vec<(usize, Bytes)>, Problem> {
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
        lines.push((first + i, body.slice_ref(line)));
    }
    Ok(lines)
}

/// The bad line as people will see it. Not for what is the caller's to settle: a foreign account, whatever else is wrong with
/// the line, since who puts it back does so for that account; a full room.
fn dead_letter(
    api: &Api,
    caller: &Caller,
    origin: &Origin,
    (lane, number, line): (Lane, usize, &Bytes),
    problem: &Problem,
) -> Option<(Topic, NewRecord)> {
    let reason: DeadLetterReason = problem.code().parse().ok()?;
    let fields: BTreeMap<Text<'_>, &RawValue> = serde_json::from_slice(line).unwrap_or_default();
    let account: Option<Text<'_>> = read(&fields, "account").filter(|account: &Text<'_>| account.len() <= 64);
    if account.as_deref().is_some_and(|account| caller.account(account).is_err()) {
        return None;
    }
    // Where it would have gone, and goes if it is put back.
    let topic = lane.topic(read(&fields, "purpose").unwrap_or(Purpose::Utility));
    let key = account.map(|account| account.as_bytes().to_vec()).unwrap_or_default();
    let mut record = NewRecord::new(key, line.clone(), api.clock.now().0);
    record.headers = vec![
        (dead_letter::TOPIC.to_owned(), Bytes::from_static(topic.name().as_bytes())),
        (dead_letter::SOURCE.to_owned(), Bytes::from_static(b"/v1/messages:batch")),
        (dead_letter::LINE.to_owned(), Bytes::from(number.to_string())),
        (dead_letter::REASON.to_owned(), Bytes::from_static(reason.as_str().as_bytes())),
        (dead_letter::DETAIL.to_owned(), Bytes::from(problem.line())),
    ];
    let file = origin.file.as_ref().map(|file| (dead_letter::FILE.to_owned(), Bytes::from(file.clone())));
    record.headers.extend(file);
    Some((Topic::DeadLetters, record))
}

/// A field of a line, as far as the line lets itself be read.
fn read<'a, T: Deserialize<'a>>(fields: &BTreeMap<Text<'_>, &'a RawValue>, name: &'static str) -> Option<T> {
    serde_json::from_str(fields.get(&Text::from(name))?.get()).ok()
}
