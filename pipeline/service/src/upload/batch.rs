//! One request of many lines, sent until every line is taken or refused for good.
//!
//! Sending again is safe: each line has an id, and the service takes an id once. Line numbers are those of the file on
//! both sides: `first_line` says where the body begins in it, and lines that are not sent are left empty.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use bytes::Bytes;
use indicatif::ProgressBar;
use serde::Deserialize;
use tokio::sync::OnceCell;
use tollgate_wire::Time;

use super::undated;
use super::{BadRow, Mark, Row};
use crate::client::{Answer, Api, CallError, NDJSON, Problem};

/// First wait after a failure; doubles up to [`WAIT_MAX`].
const WAIT: Duration = Duration::from_millis(500);
/// Longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// What refuses every line of a file for one account: nothing is gained by sending the rest.
const OF_THE_ACCOUNT: [&str; 2] = ["unknown_account", "forbidden"];
/// Empty lines of one body at most; beyond them its lines count from 1.
const EMPTY_MAX: u64 = 1 << 20;

#[derive(Default)]
pub(super) struct Batch {
    pub(super) rows: Vec<Row>,
    pub(super) mark: Mark,
    /// Rows among these that were bad when they were read.
    pub(super) bad: u64,
}

/// What became of a batch.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) accepted: u64,
    pub(super) refused: Vec<BadRow>,
    pub(super) dead_letters: u64,
}

/// A batch address of the service.
pub struct ServiceSender {
    api: Api,
    path: String,
    one_account: bool,
    in_order: bool,
    give_up: Duration,
    /// The service has answered once: from then on an absence may be a restart.
    reached: AtomicBool,
    /// Rows without a time get one, the same for all.
    dates: bool,
    /// The service's time when the first of them was to be sent.
    began: OnceCell<Time>,
}

#[derive(Deserialize)]
struct Lines {
    accepted: u64,
    #[serde(default)]
    dead_letters: u64,
    results: Vec<LineResult>,
}

#[derive(Deserialize)]
struct LineResult {
    line: u64,
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

impl ServiceSender {
    /// `path` is the batch address with its query. With `one_account` every row is for the same account, so what is
    /// wrong with that ends the upload. `give_up`: how long the service may be away in the middle.
    pub fn new(api: &Api, path: &str, one_account: bool, give_up: Duration) -> Self {
        Self {
            api: api.clone(),
            path: path.to_owned(),
            one_account,
            in_order: false,
            give_up,
            reached: AtomicBool::new(false),
            dates: false,
            began: OnceCell::new(),
        }
    }

    /// Rows that say no time hold from the start of the upload by the service's clock, however often they are sent.
    #[must_use]
    pub fn dated(self) -> Self {
        Self { dates: true, ..self }
    }

    /// Rows are taken in the order of the file: each batch is acknowledged before the next one leaves.
    #[must_use]
    pub fn in_order(self) -> Self {
        Self { in_order: true, ..self }
    }

    pub(super) fn is_in_order(&self) -> bool {
        self.in_order
    }

    pub(super) async fn send(&self, batch: Batch, bar: &ProgressBar) -> anyhow::Result<Sent> {
        let mut rows = batch.rows;
        if self.dates && rows.iter().any(|row| undated::is(&row.json)) {
            let began = *self.began.get_or_try_init(|| self.service_time()).await?;
            rows.iter_mut().for_each(|row| undated::date(&mut row.json, began));
        }
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

    /// What time it is to the service, from its answer to a batch of nothing.
    async fn service_time(&self) -> anyhow::Result<Time> {
        let (began, mut wait) = (Instant::now(), WAIT);
        loop {
            let answer = self.api.post(&self.path, NDJSON, Bytes::new()).await?;
            self.reached.store(true, Ordering::Relaxed);
            match answer.status {
                408 | 429 | 500.. if began.elapsed() < self.give_up => {
                    tokio::time::sleep(answer.retry_after_s().map_or(wait, Duration::from_secs)).await;
                    wait = (wait * 2).min(WAIT_MAX);
                }
                // Whoever answers in the service's place need not have its time.
                401 | 403 | 408 | 429 | 500.. => return Err(answer.refusal()),
                _ => {
                    let missing = "the service's answer has no Date; give every row its time in a column `at`";
                    return answer.date().ok_or_else(|| anyhow!(missing));
                }
            }
        }
    }

    async fn once(&self, rows: Vec<Row>, sent: &mut Sent) -> anyhow::Result<Try> {
        let body = Body::of(&rows);
        let sign = if self.path.contains('?') { '&' } else { '?' };
        let path = format!("{}{sign}first_line={}", self.path, body.first_line);
        let answer = match self.api.post(&path, NDJSON, body.bytes).await {
            Ok(answer) => answer,
            Err(error @ (CallError::NobodyThere { .. } | CallError::Cut { .. })) => {
                return Ok(Try::Failed(error.into(), None));
            }
        };
        self.reached.store(true, Ordering::Relaxed);
        let asked = answer.retry_after_s().map(Duration::from_secs);
        match (answer.status, lines(&answer)) {
            (202 | 422, Some(lines)) => self.settle(&rows, body.dense, lines, sent, asked),
            (429, _) => Ok(Try::Answered { again: rows, wait: asked.or(Some(WAIT_MAX)) }),
            (408 | 500.., _) => Ok(Try::Failed(answer.refusal(), asked)),
            _ => Err(answer.refusal()),
        }
    }

    /// Sorts the lines by what the service said of each.
    fn settle(
        &self,
        rows: &[Row],
        dense: bool,
        lines: Lines,
        sent: &mut Sent,
        asked: Option<Duration>,
    ) -> anyhow::Result<Try> {
        sent.accepted += lines.accepted;
        sent.dead_letters += lines.dead_letters;
        let mut again = Vec::new();
        for (line, problem) in lines.results.into_iter().filter_map(|result| Some((result.line, result.error?))) {
            let at = match dense {
                true => usize::try_from(line).ok().and_then(|line| line.checked_sub(1)),
                false => rows.binary_search_by_key(&line, |row| row.line).ok(),
            };
            let Some(row) = at.and_then(|at| rows.get(at)) else { continue };
            if self.one_account && OF_THE_ACCOUNT.contains(&problem.code.as_str()) {
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
}

fn lines(answer: &Answer) -> Option<Lines> {
    serde_json::from_slice(&answer.body).ok()
}

/// Rows as a body.
struct Body {
    bytes: Bytes,
    /// Number of the body's first line.
    first_line: u64,
    /// The rows follow one another, counted from 1, because they lie too far apart in the file.
    dense: bool,
}

impl Body {
    /// Of rows in the order of the file, at least one.
    fn of(rows: &[Row]) -> Self {
        let ends = rows.first().zip(rows.last()).map_or((1, 1), |(first, last)| (first.line, last.line));
        let dense = ends.0 == 0 || ends.1 - ends.0 > EMPTY_MAX;
        let mut bytes = Vec::with_capacity(rows.iter().map(|row| row.json.len() + 1).sum());
        let mut next = ends.0;
        for row in rows {
            let empty = if dense { 0 } else { row.line.saturating_sub(next) };
            bytes.extend(std::iter::repeat_n(b'\n', empty as usize));
            bytes.extend_from_slice(&row.json);
            bytes.push(b'\n');
            next = row.line + 1;
        }
        Self { bytes: bytes.into(), first_line: if dense { 1 } else { ends.0 }, dense }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: u64) -> Row {
        Row { line, json: line.to_string().into_bytes(), mark: Mark::default() }
    }

    #[test]
    fn a_body_keeps_the_lines_of_the_file() {
        let body = Body::of(&[row(12_344), row(12_345), row(12_348)]);
        assert_eq!((&body.bytes[..], body.first_line, body.dense), (&b"12344\n12345\n\n\n12348\n"[..], 12_344, false));
        let far = Body::of(&[row(2), row(3_000_000)]);
        assert_eq!((&far.bytes[..], far.first_line, far.dense), (&b"2\n3000000\n"[..], 1, true));
    }

    /// What a sender makes of an answer about lines 10 and 12.
    fn settled(one_account: bool, results: &str) -> (anyhow::Result<Try>, Sent) {
        let api = Api::new(&crate::client::ClientArgs::default()).expect("the default address");
        let sender = ServiceSender::new(&api, "/v1/messages:batch", one_account, Duration::ZERO);
        let lines = format!(r#"{{"accepted":1,"refused":1,"dead_letters":1,"results":[{results}]}}"#);
        let lines = serde_json::from_str(&lines).expect("an answer");
        let mut sent = Sent::default();
        (sender.settle(&[row(10), row(12)], false, lines, &mut sent, None), sent)
    }

    #[test]
    fn an_unknown_account_ends_a_file_for_one_account_only() {
        let stranger = r#"{"line":12,"error":{"status":404,"code":"unknown_account","detail":"it is not known",
            "field":"account","value":"nobody"}}"#;
        let (result, sent) = settled(false, stranger);
        assert!(matches!(result, Ok(Try::Answered { again, .. }) if again.is_empty()));
        assert_eq!((sent.accepted, sent.dead_letters, sent.refused[0].line), (1, 1, 12));
        assert!(sent.refused[0].problem.starts_with("unknown_account: account = \"nobody\": "), "{:?}", sent.refused);
        assert!(settled(true, stranger).0.is_err());
        let full = r#"{"line":10,"error":{"status":429,"code":"waiting_room_full","detail":"d"}}"#;
        assert!(matches!(settled(true, full).0, Ok(Try::Answered { again, .. }) if again[0].line == 10));
    }
}
