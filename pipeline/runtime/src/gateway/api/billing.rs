//! The billing exports, streamed while they are written.

use std::io::{self, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc};

use super::{Query, Shared, found};
use crate::clock::monotonic;
use crate::gateway::access::Action;
use crate::gateway::path::Path;
use crate::gateway::problem::Problem;
use crate::gateway::reads::{BillingQuery, ReadError, Reads};

/// Bytes of one piece of the stream.
const CHUNK: usize = 64 << 10;
/// Pieces between the writer and a client that reads slowly.
const CHUNKS: usize = 4;
/// How long a client may let the writer wait in all. While an export is read the database keeps what it had at its begin,
/// and in embedded mode the log keeps its records: nobody may hold that for ever, a byte now and then.
const WAIT_MAX: Duration = Duration::from_secs(60 * 60);
/// How often the writer looks whether the client has read on.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

type Piece = Result<Bytes, ReadError>;

/// Stands between the CSV and its manifest where both were asked for: no JSON text has it, so the last one divides.
const DIVIDER: u8 = 0;
/// Longest name of a file in a manifest, in bytes.
const FILE_BYTES_MAX: usize = 255;

/// `GET /v1/billing/{month}.csv?format=summary|detail|focus[&view=provider|customer][&account=A][&invoices=true][&manifest=NAME]`.
/// With `manifest` the body goes on after the CSV: a NUL byte and the manifest, JSON, of a file of that name. Both
/// are of one moment, which two calls could not promise.
pub(super) async fn export(
    State(api): Shared,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = api.access.caller(&headers, Action::Billing)?;
    let (query, with_manifest) = billing_query(&file, query.as_deref())?;
    match (&query.account, &caller.accounts) {
        (Some(account), _) => {
            caller.account(account)?;
            api.known(account)?;
        }
        (None, Some(_)) => {
            return Err(Problem::forbidden("the token is for some accounts only").remedy("add &account=…"));
        }
        (None, None) => {}
    }
    stream(Arc::clone(&api.reads), &api.exporting, query, with_manifest).await
}

/// `GET /v1/ledger/{account}/{entry}`: an entry that belongs to no message.
pub(super) async fn entry(
    State(api): Shared,
    Path((account, entry)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::Billing, &account)?;
    let wanted = entry.clone();
    let view = api.view(move |reads| reads.entry(&account, &wanted)).await?;
    found(view, "ledger entry without a message", "entry", &entry)
}

/// Answers an export while it is written, if another may run.
pub(crate) async fn stream(
    reads: Arc<dyn Reads>,
    exporting: &Arc<Semaphore>,
    query: BillingQuery,
    with_manifest: bool,
) -> Result<Response, Problem> {
    let Ok(turn) = Arc::clone(exporting).try_acquire_owned() else {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "other exports are running");
        return Err(problem.remedy("try again when they are done").retry_after(10));
    };
    // The scope is in the name, so that one download is not taken for another.
    let account = query.account.as_ref().map(|account| format!("{account}_")).unwrap_or_default();
    let view = query.view.as_ref().map(|view| format!("_{view}")).unwrap_or_default();
    let disposition = format!("attachment; filename=\"{}_{account}{}{view}.csv\"", query.month, query.format);
    let content_type = match with_manifest {
        true => "application/octet-stream",
        false => "text/csv; charset=utf-8; header=present",
    };
    let (pieces, mut written) = mpsc::channel(CHUNKS);
    let failed = Arc::new(AtomicBool::new(false));
    let mut out = Chunks { pieces, chunk: Vec::with_capacity(CHUNK), patience: WAIT_MAX, failed: Arc::clone(&failed) };
    tokio::task::spawn_blocking(move || {
        let result = reads.billing(&query, &mut out).and_then(|manifest| match with_manifest {
            true => {
                out.write_all(&[&[DIVIDER], manifest.as_bytes()].concat()).map_err(|e| ReadError::Failed(e.to_string()))
            }
            false => Ok(()),
        });
        out.end(result);
        drop(turn);
    });
    // The first piece decides the status: what is wrong with the question shows before anything is written.
    let first = written.recv().await.transpose()?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CONTENT_DISPOSITION, HeaderValue::from_str(&disposition).expect("checked month and format")),
    ];
    Ok((headers, Body::new(Stream { first, written, failed })).into_response())
}

/// What is asked for, and whether the manifest is.
fn billing_query(file: &str, query: Option<&str>) -> Result<(BillingQuery, bool), Problem> {
    let query = Query::parse(query, &["format", "view", "account", "invoices", "manifest"])?;
    let month = file.strip_suffix(".csv").filter(|month| is_month(month)).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such export")
            .field("month", file)
            .remedy("write the month as in /v1/billing/2026-10.csv")
    })?;
    let format = query.get("format").unwrap_or("summary");
    if !["summary", "detail", "focus"].contains(&format) {
        return Err(Problem::bad_query("format", format, "write summary, detail or focus"));
    }
    let view = match (format, query.get("view")) {
        ("focus", None) => Some("provider"),
        ("focus", Some(view)) if !["provider", "customer"].contains(&view) => {
            return Err(Problem::bad_query("view", view, "write provider or customer"));
        }
        ("focus", view) => view,
        (_, Some(view)) => return Err(Problem::bad_query("view", view, "leave it out, or add format=focus")),
        (_, None) => None,
    };
    let invoices = match query.get("invoices") {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(Problem::bad_query("invoices", other, "write true or false")),
    };
    let named = query.get("manifest");
    if let Some(name) = named.filter(|name| name.is_empty() || name.len() > FILE_BYTES_MAX) {
        return Err(Problem::bad_query("manifest", name, "write the file's name, 1 to 255 bytes"));
    }
    let query = BillingQuery {
        month: month.to_owned(),
        format: format.to_owned(),
        view: view.map(str::to_owned),
        account: query.get("account").map(str::to_owned),
        invoices,
        file: named.unwrap_or(file).to_owned(),
    };
    Ok((query, named.is_some()))
}

/// `YYYY-MM`.
fn is_month(text: &str) -> bool {
    let Some((year, month)) = text.split_once('-') else { return false };
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(year, 4) && digits(month, 2) && matches!(month.parse::<u8>(), Ok(1..=12))
}

/// Collects what the export writes and hands it on; waits while the client is behind.
struct Chunks {
    pieces: mpsc::Sender<Piece>,
    chunk: Vec<u8>,
    /// How long it may still wait.
    patience: Duration,
    /// The stream is cut where it ends: there was no place for the error.
    failed: Arc<AtomicBool>,
}

impl Chunks {
    fn hand_on(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.send(Ok(chunk.into()))
    }

    fn send(&mut self, mut piece: Piece) -> io::Result<()> {
        let begun = monotonic();
        loop {
            piece = match self.pieces.try_send(piece) {
                Ok(()) => break,
                Err(TrySendError::Closed(_)) => {
                    return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client has gone"));
                }
                Err(TrySendError::Full(piece)) => piece,
            };
            if begun.elapsed() >= self.patience {
                self.patience = Duration::ZERO;
                let problem = format!("the client has let it wait for {} s in all", WAIT_MAX.as_secs());
                return Err(io::Error::new(io::ErrorKind::TimedOut, problem));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        self.patience = self.patience.saturating_sub(begun.elapsed());
        Ok(())
    }

    fn end(mut self, result: Result<(), ReadError>) {
        let last = match result {
            Ok(()) => self.hand_on().err().map(|error| ReadError::Failed(error.to_string())),
            Err(error) => Some(error),
        };
        if let Some(error) = last {
            tracing::warn!(%error, "an export ended early");
            // Before the end of the channel, which is seen after it.
            self.failed.store(true, Ordering::Release);
            let _ = self.send(Err(error));
        }
    }
}

impl io::Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK {
            self.hand_on()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_on()
    }
}

/// The answer's body. An error cuts the connection, so that half a file is never taken for a whole one.
struct Stream {
    first: Option<Bytes>,
    written: mpsc::Receiver<Piece>,
    failed: Arc<AtomicBool>,
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = ReadError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ReadError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        self.written.poll_recv(cx).map(|piece| match piece {
            Some(piece) => Some(piece.map(Frame::data)),
            None if self.failed.load(Ordering::Acquire) => {
                Some(Err(ReadError::Failed("the export ended early".to_owned())))
            }
            None => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    #[tokio::test]
    async fn who_reads_a_byte_now_and_then_is_let_go_and_gets_no_whole_file() {
        let (pieces, written) = mpsc::channel(CHUNKS);
        let failed = Arc::new(AtomicBool::new(false));
        let patience = Duration::from_millis(100);
        let mut out = Chunks { pieces, chunk: Vec::new(), patience, failed: Arc::clone(&failed) };
        let writer = tokio::task::spawn_blocking(move || {
            let piece = vec![b'x'; CHUNK];
            let result = (0..100).try_for_each(|_| out.write_all(&piece));
            out.end(result.map_err(|error| ReadError::Failed(error.to_string())));
        });
        let ended = tokio::time::timeout(Duration::from_secs(20), writer).await;
        ended.expect("it does not wait for ever").expect("no panic");
        let mut stream = Stream { first: None, written, failed };
        let mut read = 0;
        let end = loop {
            match stream.frame().await {
                Some(Ok(frame)) => read += frame.data_ref().map_or(0, Bytes::len),
                other => break other,
            }
        };
        assert_eq!(read, CHUNKS * CHUNK);
        assert!(matches!(end, Some(Err(_))), "cut, so that half a file is never taken for a whole one");
    }
}
