//! The calls, one after the other. What fails for a while is tried again a few times; what fails for good stops no other.

use std::time::Duration;

use anyhow::Context as _;
use tollgate_runtime::clock;
use tollgate_runtime::gateway::AppSecrets;
use tollgate_runtime::graph::{GraphClient, GraphConfig, QuestionError, figures, pricing_analytics};

use super::Keep;
use super::days::{Span, seconds};

/// Tries of a question.
const TRIES: u32 = 4;
/// Wait before the second try, doubled each time.
const WAIT_FIRST: Duration = Duration::from_millis(500);
/// Longest wait that the platform may ask for, in seconds.
const WAIT_MAX_S: u32 = 60;
/// A question takes longer than a send, for which the configured bound is made.
const WITHIN_MIN: Duration = Duration::from_secs(60);

/// What came of a question.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) waba: String,
    pub(super) days: Span,
    pub(super) outcome: Result<Fetched, Failed>,
}

/// An answer that was kept.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) points: usize,
    pub(super) messages: u64,
}

/// Why there is none.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) why: String,
    /// The platform's code, if it refused.
    pub(super) code: Option<u32>,
}

/// Asks every question and keeps each answer as it comes.
///
/// # Errors
/// The file or the database cannot be written: then no further question is asked.
pub(super) async fn all(
    graph: &GraphConfig,
    app: &AppSecrets,
    questions: Vec<(String, Span)>,
    kept: &mut Keep,
) -> anyhow::Result<Vec<Asked>> {
    let client = GraphClient::new(graph.clone()).context("the platform cannot be asked")?;
    let within = graph.total_timeout.max(WITHIN_MIN);
    let mut results = Vec::with_capacity(questions.len());
    for (waba, days) in questions {
        let outcome = match one(&client, app, &waba, &days, within).await {
            Ok((line, fetched)) => {
                kept.append(&line)?;
                Ok(fetched)
            }
            Err(failed) => Err(failed),
        };
        results.push(Asked { waba, days, outcome });
    }
    Ok(results)
}

async fn one(
    client: &GraphClient,
    app: &AppSecrets,
    waba: &str,
    days: &Span,
    within: Duration,
) -> Result<(String, Fetched), Failed> {
    let seconds = seconds(days);
    let question = pricing_analytics(waba, &seconds);
    // Before the call: a day that ended while the platform answered may be cut off in the answer.
    let mut asked_at = clock::now();
    let mut wait = WAIT_FIRST;
    let mut tries = 1;
    let body = loop {
        match client.ask(&question, &app.name, &app.access_token, within).await {
            Ok(body) => break body,
            Err(error) if error.is_transient() && tries < TRIES => {
                tokio::time::sleep(pause(&error, wait)).await;
                (tries, wait, asked_at) = (tries + 1, wait * 2, clock::now());
            }
            Err(error) => {
                let tried = if tries > 1 { format!(" (tried {tries} times)") } else { String::new() };
                return Err(Failed { why: format!("{error}{tried}"), code: error.code() });
            }
        }
    };
    let figures = figures(waba, &seconds, asked_at, &body).map_err(|why| Failed { why, code: None })?;
    Ok((figures.line, Fetched { points: figures.points, messages: figures.messages }))
}

/// What the platform asks for, within a bound; else ours.
fn pause(error: &QuestionError, ours: Duration) -> Duration {
    let theirs = error.retry_after_s().map(|seconds| Duration::from_secs(seconds.min(WAIT_MAX_S).into()));
    theirs.map_or(ours, |theirs| theirs.max(ours))
}
