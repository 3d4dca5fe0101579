//! The in-doubt matrix against a raw TCP server that breaks at a chosen moment.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tollgate_wire::event::AttemptResult;
use tollgate_wire::{Reason, Time};

use super::{GraphClient, GraphConfig};
use crate::clock::Clock;

#[derive(Clone, Copy, Debug)]
enum Fault {
    CloseAtOnce,
    CloseAfterRequest,
    ResetAfterRequest,
    NeverAnswer,
    Answer(&'static str),
}

/// It may leave at any time.
const NEVER: Time = Time(u64::MAX);
const NOT_SENT: AttemptResult<'static> = AttemptResult::NotSent { reason: Reason::Unreachable };

fn client(address: &str) -> GraphClient {
    GraphClient::new(GraphConfig {
        base_url: address.to_owned(),
        connect_timeout: Duration::from_millis(300),
        total_timeout: Duration::from_millis(600),
        ..GraphConfig::default()
    })
    .unwrap()
}

async fn send(address: &str) -> AttemptResult<'static> {
    let client = client(address);
    let target = client.target("106540352242922", "default", "secret").unwrap();
    client.send(&target, Bytes::from_static(b"{}"), &Clock::system(), NEVER).await.result
}

async fn read_request(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    while !seen.ends_with(b"{}") {
        let mut chunk = [0; 1024];
        let n = stream.read(&mut chunk).await.unwrap();
        assert!(n > 0, "the client closed first");
        seen.extend_from_slice(&chunk[..n]);
    }
    let text = String::from_utf8_lossy(&seen).to_lowercase();
    assert!(text.starts_with("post /v26.0/106540352242922/messages http/1.1\r\n"), "{text}");
    assert!(text.contains("authorization: bearer secret") && text.contains("content-length: 2"), "{text}");
}

async fn against(fault: Fault) -> AttemptResult<'static> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        match fault {
            Fault::CloseAtOnce => return,
            _ => read_request(&mut stream).await,
        }
        match fault {
            Fault::CloseAtOnce | Fault::CloseAfterRequest => {}
            Fault::ResetAfterRequest => stream.set_zero_linger().unwrap(),
            Fault::NeverAnswer => tokio::time::sleep(Duration::from_secs(5)).await,
            Fault::Answer(answer) => {
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
                let _ = stream.read(&mut [0; 16]).await;
            }
        }
    });
    let result = send(&address).await;
    server.abort();
    result
}

#[tokio::test]
async fn what_may_have_left_is_in_doubt() {
    let cases = [
        Fault::CloseAtOnce,
        Fault::CloseAfterRequest,
        Fault::ResetAfterRequest,
        Fault::NeverAnswer,
        Fault::Answer("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"),
        Fault::Answer("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>"),
        Fault::Answer("HTTP/1.1 200 OK\r\ncontent-length: 60\r\n\r\n{\"messages\":[{\"id\":\"cut"),
        Fault::Answer("not http at all\r\n\r\n"),
    ];
    for fault in cases {
        assert_eq!(against(fault).await, AttemptResult::InDoubt, "{fault:?}");
    }
}

#[tokio::test]
async fn a_full_answer_is_definite() {
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 32\r\n\r\n{\"messages\":[{\"id\":\"wamid.ABC\"}]}";
    let ok = ok.replace("32", &(ok.len() - ok.find('{').unwrap()).to_string());
    let result = against(Fault::Answer(Box::leak(ok.into_boxed_str()))).await;
    assert_eq!(result, AttemptResult::Accepted { wamid: "wamid.ABC".into(), held: false });
    let refused = "HTTP/1.1 400 Bad Request\r\nretry-after: 7\r\ncontent-length: 41\r\n\r\n{\"error\":{\"code\":130429,\"message\":\"slow\"}}";
    let length = refused.len() - refused.find('{').unwrap();
    let refused = refused.replace("length: 41", &format!("length: {length}"));
    let result = against(Fault::Answer(Box::leak(refused.clone().into_boxed_str()))).await;
    let want = AttemptResult::Rejected { code: 130_429, detail: "slow".into(), retry_after_s: Some(7) };
    assert_eq!(result, want);
    let at_a_date = "date: Fri, 27 Nov 2026 08:00:00 GMT\r\nretry-after: Fri, 27 Nov 2026 08:02:00 GMT";
    let result = against(Fault::Answer(Box::leak(refused_at(&refused, at_a_date).into_boxed_str()))).await;
    let want = AttemptResult::Rejected { code: 130_429, detail: "slow".into(), retry_after_s: Some(120) };
    assert_eq!(result, want, "by the server's own clock");
}

fn refused_at(refused: &str, headers: &str) -> String {
    refused.replace("retry-after: 7", headers)
}

#[tokio::test]
async fn without_a_connection_nothing_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(send(&refused).await, NOT_SENT, "connection refused");
    assert_eq!(send("http://does-not-exist.invalid").await, NOT_SENT, "no such name");
}

#[tokio::test]
async fn a_tls_handshake_that_stalls_or_breaks_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    assert_eq!(send(&address).await, NOT_SENT, "the handshake never ends");
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(b"this is not TLS\r\n").await;
        }
    });
    assert_eq!(send(&address).await, NOT_SENT, "the handshake fails");
    server.abort();
}

#[tokio::test]
async fn a_closed_idle_connection_is_replaced() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(&format!("http://{}", listener.local_addr().unwrap()));
    let server = tokio::spawn(async move {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_request(&mut stream).await;
            let body = r#"{"messages":[{"id":"w"}]}"#;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let target = client.target("106540352242922", "default", "secret").unwrap();
    for _ in 0..2 {
        let result = client.send(&target, Bytes::from_static(b"{}"), &Clock::system(), NEVER).await.result;
        assert!(matches!(result, AttemptResult::Accepted { .. }), "{result:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.await.unwrap();
}

#[test]
fn secrets_are_not_printed_and_bad_addresses_name_the_key() {
    let client = client("http://127.0.0.1:1");
    let target = client.target("1", "default", "secret-token").unwrap();
    assert!(!format!("{target:?} {client:?}").contains("secret-token"));
    assert!(client.target("1", "shop", "line\nbreak").unwrap_err().to_string().contains("app shop"));
    let error = GraphClient::new(GraphConfig { base_url: "graph".to_owned(), ..GraphConfig::default() });
    assert!(error.unwrap_err().to_string().contains("graph.base_url"));
}

#[tokio::test]
async fn marketing_has_a_path_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(&format!("http://{}", listener.local_addr().unwrap()));
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut chunk = [0; 1024];
        let n = stream.read(&mut chunk).await.unwrap();
        let body = r#"{"messages":[{"id":"w"}]}"#;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&chunk[..n]).to_string()
    });
    let target = client.target("106540352242922", "default", "secret").unwrap();
    let result = client.send_marketing(&target, Bytes::from_static(b"{}"), &Clock::system(), NEVER).await.result;
    assert!(matches!(result, AttemptResult::Accepted { .. }), "{result:?}");
    let request = server.await.unwrap();
    assert!(request.starts_with("POST /v26.0/106540352242922/marketing_messages HTTP/1.1\r\n"), "{request}");
}

/// A process that was frozen between its last look at the clock and the connection, or that connected for long.
#[tokio::test]
async fn what_is_late_when_the_connection_asks_for_it_does_not_leave() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        let _ = stream.read_to_end(&mut seen).await;
        String::from_utf8(seen).unwrap()
    });
    let client = client(&address);
    let target = client.target("106540352242922", "default", "secret").unwrap();
    let clock = Clock::manual(Time(1_000));
    let sent = client.send(&target, Bytes::from_static(b"{}"), &clock, Time(1_000)).await;
    assert_eq!((sent.result, sent.status), (AttemptResult::NotSent { reason: Reason::LeaveBy }, None));
    let seen = server.await.unwrap();
    assert!(!seen.contains("{}"), "{seen}");
}
