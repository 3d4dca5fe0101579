//! The built program before a service that goes away on the way, and interrupted itself: what was done is told, and nothing
//! half-written is left.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod preload;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use preload::CLEANED_UP;

/// What the service does about a request.
enum Does {
    /// Answers with a status and JSON.
    Answer(u16, String),
    /// Begins a long answer.
    Begin,
    /// Ends the connection.
    Cut,
    /// Waits for a long time.
    Nothing,
}

/// A service that answers by the request's line and its number, from 0.
fn service(does: impl Fn(&str, usize) -> Does + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (does, asked) = (Arc::new(does), Arc::new(AtomicUsize::new(0)));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (does, asked) = (Arc::clone(&does), Arc::clone(&asked));
            std::thread::spawn(move || while serve(&stream, &*does, &asked).is_some() {});
        }
    });
    address
}

fn serve(mut stream: &TcpStream, does: &dyn Fn(&str, usize) -> Does, asked: &AtomicUsize) -> Option<()> {
    let head: Vec<String> =
        BufReader::new(stream).lines().map_while(Result::ok).take_while(|l| !l.is_empty()).collect();
    let answer = match does(head.first()?, asked.fetch_add(1, Ordering::SeqCst)) {
        Does::Answer(status, body) => format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
        Does::Begin => "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\na,b\n".to_owned(),
        Does::Cut => return stream.shutdown(Shutdown::Both).ok().and(None),
        Does::Nothing => {
            std::thread::sleep(Duration::from_secs(60));
            return None;
        }
    };
    stream.write_all(answer.as_bytes()).ok()
}

fn tollgate(directory: &Path, at: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOLLGATE_")) {
        command.env_remove(name);
    }
    command.current_dir(directory).args(arguments).args(["--url", &format!("http://{at}")]);
    command
}

/// Waits for half a minute at most.
fn wait<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(done) = done() {
            return done;
        }
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn end(child: &mut Child) -> ExitStatus {
    wait("the end of the program", || child.try_wait().unwrap())
}

#[test]
fn what_was_done_is_told_before_a_call_that_fails() {
    let directory = tempfile::tempdir().unwrap();
    let at = service(|line, _| {
        if line.starts_with("GET /v1/accounts ") {
            let account = |id: &str| {
                format!(
                    r#"{{"account":"{id}","name":"","disabled":false,"as_of":"2026-11-01T00:00:00Z","limit":1000,
                    "limit_scope":"portfolio","quota_used":0,"parked_messages":0,"parked_bytes":0,"senders":0,
                    "campaigns":0,"wabas":[]}}"#
                )
            };
            let items = ["first", "second", "third"].map(account).join(",");
            return Does::Answer(200, format!(r#"{{"as_of":"2026-11-01T00:00:00Z","items":[{items}]}}"#));
        }
        if line.contains("account=first") {
            let settled = r#"{"entries":7,"charges":6,"true_ups":5,"cost_difference":{},"price_difference":{},
                "unpriced":{},"unverified":{},"bands_unknown":0,"waiting":0}"#;
            return Does::Answer(200, format!(r#"{{"settled":{settled}}}"#));
        }
        Does::Cut
    });
    let output = tollgate(directory.path(), at, &["billing", "settle", "--month", "2026-10"]).output().unwrap();
    let (told, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(told.contains("first    ") && !told.contains("second"), "{told}\n{errors}");
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(errors.contains("gave no answer"), "{errors}");
}

#[test]
fn an_interrupted_export_leaves_nothing() {
    let libraries = tempfile::tempdir().unwrap();
    let library = preload::library(libraries.path());
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let directory = tempfile::tempdir().unwrap();
        // What an export that was killed left.
        std::fs::write(directory.path().join("bill.csv.5000000.partial"), "a").unwrap();
        let at = service(|_, _| Does::Begin);
        let arguments = ["billing", "export", "--month", "2026-10", "--out", "bill.csv"];
        let mut command = tollgate(directory.path(), at, &arguments);
        let mut child = command.env("LD_PRELOAD", &library).stderr(Stdio::piped()).spawn().unwrap();
        let partial = directory.path().join(format!("bill.csv.{}.partial", child.id()));
        wait("the export to begin", || std::fs::metadata(&partial).ok().filter(|meta| meta.len() > 0));
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert_eq!(end(&mut child).code(), Some(code));
        let mut told = String::new();
        child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        assert!(!told.contains(CLEANED_UP), "libraries take away what threads still use: {told}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "{signal}");
    }
}

#[test]
fn a_follower_waits_for_a_service_that_restarts_and_ends_with_its_reader() {
    let directory = tempfile::tempdir().unwrap();
    let at = service(|_, number| match number {
        0 | 3 => Does::Answer(200, format!("{{\"number\":{number}}}\n")),
        1 => Does::Answer(503, r#"{"status":503,"code":"not_ready","detail":"it starts"}"#.to_owned()),
        2 => Does::Cut,
        _ => Does::Nothing,
    });
    let arguments = ["outcomes", "acme", "--follow", "--json"];
    let mut child =
        tollgate(directory.path(), at, &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    for number in [0, 3] {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert_eq!(line, format!("{{\"number\":{number}}}\n"));
    }
    // Nothing comes any more, and nobody reads.
    drop(lines);
    let ended = end(&mut child);
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!((ended.code(), errors.as_str()), (Some(0), ""));
}
