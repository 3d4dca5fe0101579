//! One request of many lines, sent until every line is taken or refused for good.
//!
//! Sending again is safe: each line has an id, and the service takes an id once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use indicatif::ProgressBar;
use serde::Deserialize;

use super::{BadRow, Mark, Row};
use crate::client::{Answer, Api, CallError, NDJSON, Problem};

/// First wait after a failure; doubles up to [`WAIT_MAX`].
const WAIT: Duration = Duration::from_millis(500);
/// Longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// What refuses every line in the same way: nothing is gained by sending the rest of the file.
const FATAL: [&str; 3] = ["unknown_account", "forbidden", "unauthorized"];

#[derive(Default)]
pub(super) struct Batch {
    pub(super) rows: Vec<Row>,
    pub(super) mark: Mark,
}

/// What became of a batch.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) accepted: u64,
    pub(super) refused: Vec<BadRow>,
}

pub(super) struct Sender {
    pub(super) api: Api,
    pub(super) path: String,
    pub(super) give_up: Duration,
    /// The service has answered once: from then on an absence may be a restart.
    pub(super) reached: AtomicBool,
}

#[derive(Deserialize)]
struct Lines {
    accepted: u64,
    results: Vec<LineResult>,
}

#[derive(Deserialize)]
struct LineResult {
    line: usize,
    #[serde(default)]
    error: Option<Problem>,
}

/// What one try tells.
enum Try {
    /// Lines that have to be sent again, with the wait that the service asked for.
    Answered { again: Vec<Row>, wait: Option<Duration> },
    /// Nothing is known; send all again.
    Failed(anyhow::Error, Option<Duration>),
}

impl Sender {
    pub(super) async fn send(&self, batch: Batch, bar: &ProgressBar) -> anyhow::Result<Sent> {
        let mut rows = batch.rows;
        let mut sent = Sent::default();
        let mut wait = WAIT;
        let mut alive = Instant::now();
        while !rows.is_empty() {
            let asked = match self.once(rows.clone(), &mut sent).await? {
                Try::Answered { again, wait: asked } => {
                    if again.len() < rows.len() {
                        wait = WAIT;
                    }
                    rows = again;
                    alive = Instant::now();
                    asked
                }
                Try::Failed(error, asked) => {
                    if !self.reached.load(Ordering::Relaxed) || alive.elapsed() >= self.give_up {
                        return Err(error);
                    }
                    asked
                }
            };
            if !rows.is_empty() {
                bar.set_message("waiting for the service");
                tokio::time::sleep(asked.unwrap_or(wait)).await;
                bar.set_message("");
                wait = (wait * 2).min(WAIT_MAX);
            }
        }
        Ok(sent)
    }

    async fn once(&self, rows: Vec<Row>, sent: &mut Sent) -> anyhow::Result<Try> {
        let answer = match self.api.post(&self.path, NDJSON, body(&rows)).await {
            Ok(answer) => answer,
            Err(error @ (CallError::NobodyThere { .. } | CallError::Cut { .. })) => {
                return Ok(Try::Failed(error.into(), None));
            }
        };
        self.reached.store(true, Ordering::Relaxed);
        let asked = answer.retry_after_s().map(Duration::from_secs);
        match (answer.status, lines(&answer)) {
            (202 | 422, Some(lines)) => settle(&rows, lines, sent, asked),
            (429, _) => Ok(Try::Answered { again: rows, wait: asked.or(Some(WAIT_MAX)) }),
            (408 | 500.., _) => Ok(Try::Failed(answer.refusal(), asked)),
            _ => Err(answer.refusal()),
        }
    }
}

/// Sorts the lines by what the service said of each.
fn settle(rows: &[Row], lines: Lines, sent: &mut Sent, asked: Option<Duration>) -> anyhow::Result<Try> {
    sent.accepted += lines.accepted;
    let mut again = Vec::new();
    for (line, problem) in lines.results.into_iter().filter_map(|result| Some((result.line, result.error?))) {
        let Some(row) = line.checked_sub(1).and_then(|at| rows.get(at)) else { continue };
        if FATAL.contains(&problem.code.as_str()) {
            return Err(problem.into());
        }
        if problem.status == 429 || problem.status == 503 {
            again.push(row.clone());
        } else {
            sent.refused.push(BadRow { line: row.line, problem: problem.to_string() });
        }
    }
    Ok(Try::Answered { again, wait: asked })
}

fn lines(answer: &Answer) -> Option<Lines> {
    serde_json::from_slice(&answer.body).ok()
}

fn body(rows: &[Row]) -> Bytes {
    let mut body = Vec::with_capacity(rows.iter().map(|row| row.json.len() + 1).sum());
    for row in rows {
        body.extend_from_slice(&row.json);
        body.push(b'\n');
    }
    body.into()
}
