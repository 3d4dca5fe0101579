//! Uploads to a service that answers each batch after a moment.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::client::{Api, ClientArgs};

/// What the service has seen.
#[derive(Default)]
pub(crate) struct Seen {
    now: AtomicUsize,
    at_once: AtomicUsize,
    /// First lines of the batches, in the order in which they were answered.
    first_lines: Mutex<Vec<u64>>,
    /// What the batches said, in the order in which they came.
    bodies: Mutex<Vec<String>>,
    /// The next batch is taken, and its answer lost.
    cut: AtomicBool,
}

impl Seen {
    /// Batches at once, at most, and the first line of each.
    pub(crate) fn batches(&self) -> (usize, Vec<u64>) {
        (self.at_once.load(Ordering::SeqCst), self.first_lines.lock().expect("not poisoned").clone())
    }
}

/// A service that takes every line of a batch. The first batch takes longest.
pub(crate) fn service() -> (SocketAddr, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let seen = Arc::new(Seen::default());
    let all = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let seen = Arc::clone(&all);
            std::thread::spawn(move || while answer(&stream, &seen).is_some() {});
        }
    });
    (address, seen)
}

fn answer(stream: &TcpStream, seen: &Seen) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut first_line) = (0, 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if let Some((_, rest)) = line.split_once("first_line=") {
            first_line = rest.split_whitespace().next()?.parse().ok()?;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut writer = stream;
    if body.is_empty() {
        let head =
            "HTTP/1.1 422 Unprocessable Entity\r\ndate: Sat, 21 Nov 2026 12:00:00 GMT\r\ncontent-length: 0\r\n\r\n";
        return writer.write_all(head.as_bytes()).ok();
    }
    seen.bodies.lock().expect("not poisoned").push(String::from_utf8(body.clone()).expect("JSON"));
    if seen.cut.swap(false, Ordering::SeqCst) {
        return stream.shutdown(std::net::Shutdown::Both).ok().and(None);
    }
    let now = seen.now.fetch_add(1, Ordering::SeqCst) + 1;
    seen.at_once.fetch_max(now, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(if first_line < 3 { 200 } else { 20 }));
    seen.first_lines.lock().expect("not poisoned").push(first_line);
    seen.now.fetch_sub(1, Ordering::SeqCst);
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    let body = format!(r#"{{"accepted":{lines},"refused":0,"results":[]}}"#);
    write!(writer, "HTTP/1.1 202 Accepted\r\ncontent-length: {}\r\n\r\n{body}", body.len()).ok()
}

fn sender(address: SocketAddr) -> ServiceSender {
    let api = Api::new(&ClientArgs { url: Some(format!("http://{address}")), token_file: None }).expect("an address");
    ServiceSender::new(&api, "/v1/consents:batch", true, Duration::ZERO)
}

fn row(number: u64) -> Item {
    let mark = Mark { rows: number, fingerprint: number, bytes: number };
    Item::Row(Row { line: number, json: b"{}".to_vec(), mark })
}

async fn upload(to: ServiceSender, rows: Vec<Item>) -> Report {
    let to = Arc::new(Sender::Service(Box::new(to)));
    let upload = Upload { to, file: "rows.csv", bar: ProgressBar::hidden() };
    let (report, result) = upload.run(rows.into_iter().map(Ok), |_, _| {}).await;
    result.expect("all is taken");
    report
}

#[tokio::test]
async fn where_the_order_counts_a_batch_is_answered_before_the_next_one_leaves() {
    let rows = || (1..=7_000).map(row).collect();
    let (address, seen) = service();
    assert_eq!(upload(sender(address).in_order(), rows()).await.accepted, 7_000);
    assert_eq!(seen.batches(), (1, vec![1, 2_001, 4_001, 6_001]));
    let (address, seen) = service();
    assert_eq!(upload(sender(address), rows()).await.accepted, 7_000);
    assert_eq!(seen.batches().1.last(), Some(&1), "the others overtake the first");
}

#[tokio::test]
async fn what_is_acknowledged_says_how_many_rows_up_to_there_were_bad() {
    let (address, _) = service();
    let bad = |number: u64| {
        let mark = Mark { rows: number, fingerprint: number, bytes: number };
        Item::Bad(BadRow { line: number, problem: "bad".to_owned() }, mark)
    };
    // What lies behind the fault of the file is not acknowledged, and its bad rows are not counted.
    let rows = (1..=2_003).map(|n| if matches!(n, 2 | 5 | 2_003) { bad(n) } else { row(n) }).map(Ok);
    let rows = rows.chain([Err(anyhow::anyhow!("the disk is away"))]);
    let to = Arc::new(Sender::Service(Box::new(sender(address))));
    let upload = Upload { to, file: "rows.csv", bar: ProgressBar::hidden() };
    let mut told = Vec::new();
    let (report, result) = upload.run(rows, |mark, bad| told.push((mark.rows, bad))).await;
    assert!(result.is_err());
    assert_eq!((told, report.bad), (vec![(2_002, 2)], 3));
}

#[tokio::test]
async fn rows_without_a_time_have_that_of_the_start_however_often_they_are_sent() {
    let (address, seen) = service();
    seen.cut.store(true, Ordering::SeqCst);
    let api = Api::new(&ClientArgs { url: Some(format!("http://{address}")), token_file: None }).expect("an address");
    let to = ServiceSender::new(&api, "/v1/consents:batch", true, Duration::from_secs(60)).in_order().dated();
    let row = |line: u64, json: &str| {
        let mark = Mark { rows: line, fingerprint: line, bytes: line };
        Item::Row(Row { line, json: json.as_bytes().to_vec(), mark })
    };
    let rows = vec![
        row(1, r#"{"state":"opt_in","to":"+1"}"#),
        row(2, r#"{"state":"opt_out","to":"+2"}"#),
        row(3, r#"{"at":"2026-01-01T00:00:00Z","state":"opt_in","to":"+3"}"#),
    ];
    assert_eq!(upload(to, rows).await.accepted, 3);
    let first = concat!(
        r#"{"at":"2026-11-21T11:59:59.000Z","state":"opt_in","to":"+1"}"#,
        "\n",
        r#"{"at":"2026-11-21T12:00:00.000Z","state":"opt_out","to":"+2"}"#,
        "\n",
        r#"{"at":"2026-01-01T00:00:00Z","state":"opt_in","to":"+3"}"#,
        "\n"
    );
    assert_eq!(*seen.bodies.lock().expect("not poisoned"), [first, first], "sent again as it was");
}
