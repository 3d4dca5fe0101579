//! The real service with debug lines: one for each decision and one for each call, found by the request's id and joined by
//! `message_uid`, and no phone number in any of them, nor in metrics or exports. The platform's message ids have the number in
//! base64, which is decoded.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::Value;
use tollgate_tests::logs;

/// Long enough for a busy machine; every wait is for a condition.
const BOUND: Duration = Duration::from_secs(60);
/// Accepted requests of the examples, with the one that is added here.
const REQUESTS: usize = 15;
/// Charges and free entries that they end in.
const BOOKED: usize = 9;
/// What only the numbers of the examples' people have.
const NUMBERS: [&str; 5] = ["1199000", "5255500", "9198500", "4915150", "1646550"];
/// The caller's trace of the request that is posted.
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// A request whose id is the number that it goes to.
const NUMBER_AS_ID: &str = r#"{"id":"+5511990001214","account":"acme","to":"+5511990001214","purpose":"utility","content":[
    {"template":{"name":"order_shipped","language":["en_US"],"components":{"body":{"first_name":"Lia","order":"7"}}}}]}"#;

struct Running {
    folder: tempfile::TempDir,
    api: String,
    children: Vec<Child>,
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        logs::keep(&self.path("serve.log"));
    }
}

impl Running {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOLLGATE_")) {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).args(arguments).env("TOLLGATE_URL", format!("http://{}", self.api));
        command
    }

    fn spawn(&mut self, arguments: &[&str], log: &str) {
        let log = fs::File::create(self.path(log)).unwrap();
        let child = self.command(arguments).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.children.push(child);
    }

    fn good(&self, arguments: &[&str]) {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn until(&self, what: &str, done: impl Fn() -> bool) {
        let deadline = Instant::now() + BOUND;
        while !done() {
            assert!(Instant::now() < deadline, "not in time: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Enqueues a request that its caller traces.
    fn post(&self, body: &str) {
        let mut stream = TcpStream::connect(&self.api).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        let head = format!(
            "POST /v1/messages HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             traceparent: {TRACE}\r\nconnection: close\r\n\r\n",
            self.api,
            body.len()
        );
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    }

    /// What the service answers, head and all.
    fn ask(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.api).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.api).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str) -> String {
        let answer = self.ask(path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("serve.log")).unwrap_or_default()
    }
}

/// The examples sent by a service with debug lines, until all is booked; what it said.
fn said() -> (String, [String; 4]) {
    let folder = tempfile::tempdir().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    // Both are held until both are known, so that they are not the same.
    let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [platform, own] = held.each_ref().map(|listener| listener.local_addr().unwrap().to_string());
    drop(held);
    let sandbox = fs::read_to_string(examples.join("sandbox.toml")).unwrap();
    let sandbox = sandbox.replace("127.0.0.1:8440", &platform).replace("127.0.0.1:8081", &own);
    fs::write(folder.path().join("sandbox.toml"), sandbox.replace("delay_scale = 0.2", "delay_scale = 0.02")).unwrap();
    let config = format!(
        "[gateway]\napi = \"{own}\"\nwebhooks = \"{own}\"\nmetrics = \"{own}\"\n[graph]\nbase_url = \"http://{platform}\"\n\
         [apps.default]\napp_secret_file = \"app_secret\"\nverify_token_file = \"verify_token\"\n\
         access_token_file = \"access_token\"\n[logging]\nlevel = \"info,tollgate_runtime=debug\"\nformat = \"json\"\n"
    );
    fs::write(folder.path().join("tollgate.toml"), config).unwrap();
    for file in ["accounts.toml", "consents.csv", "people.csv", "notifications.jsonl"] {
        fs::copy(examples.join(file), folder.path().join(file)).unwrap();
    }
    for secret in ["app_secret", "verify_token", "access_token"] {
        fs::copy(examples.join("secrets").join(secret), folder.path().join(secret)).unwrap();
    }
    let consents = fs::read_to_string(examples.join("consents.csv")).unwrap();
    let more = "+5511990001214,utility,opt_in,web,2026-08-14T10:00:00Z,2026-05";
    fs::write(folder.path().join("consents.csv"), format!("{}\n{more}\n", consents.trim_end())).unwrap();

    let mut running = Running { folder, api: own, children: Vec::new() };
    running.spawn(&["sandbox", "--config", "sandbox.toml"], "sandbox.log");
    running.spawn(&["serve"], "serve.log");
    running.until("it answers", || running.command(&["accounts", "list"]).output().unwrap().status.success());
    running.good(&["accounts", "apply", "accounts.toml"]);
    for account in ["acme", "bluebird"] {
        running.good(&["consents", "import", "consents.csv", "--account", account]);
    }
    let people = "enqueue people.csv --account acme --campaign autumn --purpose marketing --template news \
                  --language pt_BR,en_US --map first_name=1 --id-column id";
    running.good(&people.split_whitespace().collect::<Vec<_>>());
    running.good(&["enqueue", "notifications.jsonl"]);
    running.post(NUMBER_AS_ID);
    running.until("all is booked", || running.log().matches(r#""message":"booked""#).count() >= BOOKED);
    let month = running.log()[r#"{"timestamp":""#.len()..][..7].to_owned();
    let export = |format: &str| running.get(&format!("/v1/billing/{month}.csv?format={format}"));
    running.until("all is in the ledger", || export("detail").matches(",own,").count() >= BOOKED);
    let focus = format!("/v1/billing/{month}.csv?format=focus");
    running.until("the views have the zones", || running.ask(&focus).starts_with("HTTP/1.1 200"));
    // The id that its caller chose is given back to the caller.
    let detail = export("detail").replace(&NUMBER_AS_ID[7..21], "(id)");
    let others = [running.get("/metrics"), detail, export("summary"), export("focus")];
    let process = running.children.pop().unwrap();
    assert!(Command::new("kill").arg(process.id().to_string()).status().unwrap().success());
    assert!(process.wait_with_output().unwrap().status.success(), "{}", running.log());
    (running.log(), others)
}

/// Every run of base64's letters that may be one, decoded from each of the four places where it may begin.
fn decoded(text: &str) -> String {
    let letter = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    let mut all = String::new();
    for run in text.split(|c: char| !letter(c)).filter(|run| run.len() >= 12) {
        let run = run.replace('-', "+").replace('_', "/");
        for from in 0..4 {
            let whole = &run[from..run.len() - (run.len() - from) % 4];
            all.push_str(&String::from_utf8_lossy(&STANDARD_NO_PAD.decode(whole).unwrap()));
            all.push('\n');
        }
    }
    all
}

/// Whether somebody's number is in a text, as it is or in base64.
fn names_somebody(text: &str) -> bool {
    let decoded = decoded(text);
    NUMBERS.iter().any(|number| text.contains(number) || decoded.contains(number))
}

#[test]
fn a_message_is_followed_by_its_number_and_nobody_is_named() {
    let (said, others) = said();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |message: &str| lines.iter().filter(move |line| line["message"] == message).collect::<Vec<_>>();

    let decided = of("decided");
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &decided {
        assert_eq!(line["level"], "DEBUG");
        *seen.entry(line["id"].as_str().unwrap()).or_default() += 1;
    }
    assert_eq!(seen.len(), REQUESTS, "one id for each request: {seen:?}");
    assert!(seen.values().all(|lines| *lines == 1), "one line for each request: {seen:?}");
    let line = |id: &str| *decided.iter().find(|line| line["id"] == id).unwrap();
    assert_eq!(line("autumn-1")["outcome"], "admitted");
    assert_eq!(
        (&line("autumn-7")["outcome"], &line("autumn-7")["reason"]),
        (&"refused".into(), &"not_opted_in".into())
    );
    assert_eq!(line("offer-7004")["reason"], "template_paused");
    let posted = line("(holds the recipient's number)");
    assert_eq!(posted["outcome"], "admitted");
    assert_eq!((&posted["trace_id"], &posted["span_id"]), (&TRACE[3..35].into(), &TRACE[36..52].into()));
    assert!(line("autumn-1").get("trace_id").is_none(), "no caller, no trace");

    // What is admitted is called once, moves and is booked under the same number.
    let [called, moved, booked] = ["called", "moved", "booked"].map(of);
    for id in ["autumn-1", "order-7001", "code-7002"] {
        let key = (&line(id)["account"], &line(id)["message_uid"]);
        let same = |lines: &[&Value]| {
            let same = lines.iter().filter(|line| (&line["account"], &line["message_uid"]) == key);
            same.map(|line| (*line).clone()).collect::<Vec<_>>()
        };
        let calls = same(&called);
        assert_eq!(
            (calls.len(), &calls[0]["result"], &calls[0]["attempt"]),
            (1, &"accepted".into(), &1.into()),
            "{id}"
        );
        assert!(same(&moved).iter().any(|line| line["outcome"] == "delivered" && line["id"] == id), "{id}");
        assert_eq!(same(&booked).len(), 1, "{id}");
    }
    let admitted = decided.iter().filter(|line| line["outcome"] == "admitted").count();
    assert_eq!(called.len(), admitted);

    let id = STANDARD.encode("\u{1c}\u{18}\r5511990001210\u{15}\u{2}\0");
    for before in ["", "w", "wa", "wam"] {
        assert!(names_somebody(&format!("{before}{id}")), "what is looked for is found: {before}{id}");
    }
    for line in said.lines() {
        assert!(!names_somebody(line), "a phone number in {line}");
    }
    for text in &others {
        assert!(!names_somebody(text), "a phone number in {text}");
    }
}
