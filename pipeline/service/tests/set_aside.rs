//! What people send in and get back by the command line, over the embedded log and over a real broker: files onto the
//! topics, ids of CloudEvents, records set aside and put back.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../runtime/tests/broker/mod.rs"]
mod broker;

use broker::Broker;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::{Value, json};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tollgate_runtime::log::kafka::{KafkaConfig, partition_of};
use tollgate_tests::logs;

const PARTITIONS: u32 = 4;
/// Long enough for a busy machine; every wait is for a condition.
const BOUND: Duration = Duration::from_secs(90);

/// A service of its own, with everything its commands need.
struct Service {
    folder: tempfile::TempDir,
    url: String,
    process: Option<Child>,
}

impl Service {
    /// Over the embedded log, or over Kafka.
    fn start(kafka: Option<&KafkaConfig>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = format!("127.0.0.1:{port}");
        let mut config = format!("[gateway]\napi = \"{at}\"\nwebhooks = \"{at}\"\nmetrics = \"{at}\"\n");
        if let Some(kafka) = kafka {
            config += &format!(
                "[log]\nkind = \"kafka\"\n[kafka]\nbrokers = \"{}\"\nprefix = \"{}\"\napp = \"{}\"\n",
                kafka.brokers, kafka.prefix, kafka.app
            );
        }
        fs::write(folder.path().join("tollgate.toml"), config).unwrap();
        let mut service = Self { folder, url: format!("http://{at}"), process: None };
        if kafka.is_some() {
            let partitions = PARTITIONS.to_string();
            service.good(&["topics", "create", "--partitions", &partitions, "--replication", "1"]);
        }
        let log = fs::File::create(service.path("service.log")).unwrap();
        let process = service.command(&["serve"]).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        service.process = Some(process);
        service.until(
            "the service is ready",
            || service.tollgate(&["accounts", "show", "nobody"]),
            |told| ["not in the registry", "there is no such"].iter().any(|words| told.contains(words)),
        );
        service
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOLLGATE_")) {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).args(arguments).env("TOLLGATE_URL", &self.url);
        command
    }

    fn tollgate(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command prints that has to go well.
    fn good(&self, arguments: &[&str]) -> String {
        let output = self.tollgate(arguments);
        assert!(output.status.success(), "{arguments:?}: {}\n{}", told(&output), self.log());
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.good(&[&["--json"], arguments].concat())).unwrap()
    }

    /// Runs a command until it says what is waited for.
    fn until(&self, what: &str, run: impl Fn() -> Output, done: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + BOUND;
        loop {
            let last = told(&run());
            if done(&last) {
                return;
            }
            assert!(Instant::now() < deadline, "not in time: {what}; last {last}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Waits until a message of `acme` or `later` has been decided.
    fn decided(&self, account: &str, id: &str) {
        self.until(
            &format!("{account}/{id} is decided"),
            || self.tollgate(&["explain", account, id]),
            |told| told.contains("not_opted_in"),
        );
    }

    /// Waits until so many records are set aside, and answers them.
    fn dead_letters(&self, count: usize) -> Vec<Value> {
        let list = || self.tollgate(&["--json", "dead-letters", "list", "--limit", "1000"]);
        let items = |told: &str| {
            let page: Value = serde_json::from_str(told).unwrap_or_default();
            page["items"].as_array().cloned().unwrap_or_default()
        };
        self.until(&format!("{count} dead letters"), list, |told| items(told).len() >= count);
        let letters = items(&told(&list()));
        assert_eq!(letters.len(), count, "{letters:?}");
        letters
    }

    fn account(&self, name: &str) {
        let file = format!("{name}.toml");
        let text = format!(
            "[[account]]\naccount = \"{name}\"\nlimit = \"UNLIMITED\"\n[[account.wabas]]\nid = \"w-{name}\"\ncurrency = \"USD\"\n\
             time_zone = \"UTC\"\n[[account.wabas.senders]]\nid = \"s-{name}\"\n[[account.wabas.templates]]\nname = \"news\"\n\
             language = \"en_US\"\ncategory = \"marketing\"\n"
        );
        fs::write(self.path(&file), text).unwrap();
        self.good(&["accounts", "apply", &file]);
        self.until(
            "the account is known",
            || self.tollgate(&["accounts", "show", name]),
            |told| told.contains(&format!("w-{name}")),
        );
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.path("service.log")).unwrap_or_default();
        log[log.len().saturating_sub(6_000)..].to_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        logs::keep_metrics(&self.path("tollgate.toml"));
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
        logs::keep(&self.path("service.log"));
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Nobody has opted in, so that each request is decided at once, without a platform.
fn request(account: &str, id: Option<&str>) -> Value {
    let mut request = json!({ "account": account, "to": "+5511987654321", "purpose": "marketing",
        "content": [{ "template": { "name": "news", "language": "en_US" } }] });
    if let Some(id) = id {
        request["id"] = json!(id);
    }
    request
}

fn header<'a>(letter: &'a Value, name: &str) -> Option<&'a str> {
    letter["headers"].as_array()?.iter().find(|pair| pair[0] == name)?[1].as_str()
}

fn lines(path: &Path, rows: &[Value]) {
    let text: Vec<String> = rows.iter().map(Value::to_string).collect();
    fs::write(path, text.join("\n")).unwrap();
}

#[test]
fn a_line_of_an_unknown_account_is_put_back_over_the_embedded_log() {
    let service = Service::start(None);
    service.account("acme");
    lines(
        &service.path("people.jsonl"),
        &[request("acme", Some("m1")), request("later", Some("m2")), json!({"id": 3})],
    );
    assert!(!service.tollgate(&["enqueue", "people.jsonl"]).status.success(), "two lines are bad");
    service.decided("acme", "m1");
    let letters = service.dead_letters(2);
    let reasons: Vec<_> = letters.iter().map(|letter| header(letter, "reason").unwrap()).collect();
    assert_eq!(reasons, ["unknown_account", "malformed"]);
    service.account("later");
    let choice = ["dead-letters", "replay", "--reason", "unknown_account"];
    let dry = service.json(&[&choice[..], &["--dry-run"]].concat());
    assert_eq!((&dry["replayed"], &dry["dry_run"]), (&json!(1), &json!(true)));
    assert!(told(&service.tollgate(&["explain", "later", "m2"])).contains("not_found"), "nothing was done");
    assert_eq!(service.good(&choice), "1 replayed, 0 refused\n");
    service.decided("later", "m2");
    // What cannot be read is set aside again, and is then one letter to act on, not two.
    let malformed = ["dead-letters", "replay", "--reason", "malformed"];
    assert_eq!(service.json(&malformed)["replayed"], 1);
    let letters = service.dead_letters(3);
    assert_eq!(header(&letters[2], "replayed_from"), Some(letters[1]["offset"].to_string().as_str()));
    let again = service.json(&[&malformed[..], &["--dry-run"]].concat());
    assert_eq!((&again["replayed"], &again["superseded"]), (&json!(1), &json!(1)));
}

#[test]
fn files_and_records_on_a_real_broker() {
    let kafka = Broker::shared().config();
    let service = Service::start(Some(&kafka));
    service.account("acme");

    // A file straight onto the topics.
    let mut code = request("acme", Some("code"));
    code["purpose"] = json!("authentication");
    let rows = [request("acme", Some("m1")), json!({"account": "acme"}), request("nobody", Some("m2")), code];
    lines(&service.path("people.jsonl"), &rows);
    let output = service.tollgate(&["enqueue", "people.jsonl", "--kafka"]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("people.jsonl: 2 accepted, 2 bad"), "{text}");
    assert!(text.contains("people.jsonl:3: unknown_account: account = \"nobody\""), "{text}");
    service.decided("acme", "m1");
    service.decided("acme", "code");
    let again = told(&service.tollgate(&["enqueue", "people.jsonl", "--kafka"]));
    assert!(again.contains("4 skipped: acknowledged in an earlier run, 2 of them bad"), "{again}");

    // Records of other producers.
    let producer: BaseProducer = kafka.producer("test").create().unwrap();
    let requests = format!("{}requests", kafka.prefix);
    let send = |partition: u32, key: &str, value: &Value, ce_id: Option<&[u8]>| {
        let value = value.to_string();
        let mut record = BaseRecord::to(&requests).partition(partition as i32).key(key).payload(&value);
        if let Some(id) = ce_id {
            let mut headers = OwnedHeaders::new().insert(Header { key: "ce_id", value: Some(id) });
            for (key, value) in [("ce_source", "/crm"), ("ce_type", "order"), ("ce_time", "2026-11-21T12:00:00Z")] {
                headers = headers.insert(Header { key, value: Some(value) });
            }
            record = record.headers(headers);
        }
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(Duration::from_secs(30)).unwrap();
    };
    let right = |account: &str| partition_of(account.as_bytes(), PARTITIONS);
    send(right("acme"), "acme", &request("acme", None), Some(b"event-1"));
    service.decided("acme", "event-1");
    send(right("acme"), "acme", &request("acme", None), Some(b"\xff"));
    let letters = service.dead_letters(1);
    assert_eq!(header(&letters[0], "reason"), Some("malformed"));
    assert!(header(&letters[0], "detail").unwrap().starts_with("ce_id: "), "{letters:?}");

    // Of an account that comes later, with its CloudEvents id beside it; then one that another partitioner placed, and
    // one that has the wrong key.
    send(right("later"), "later", &request("later", None), Some(b"event-2"));
    service.dead_letters(2);
    let wrong = (right("wrong") + 1) % PARTITIONS;
    send(wrong, "wrong", &request("wrong", Some("m3")), None);
    service.dead_letters(3);
    let key = (0..).map(|n| format!("k{n}")).find(|key| right(key) != right("wrong")).unwrap();
    send(wrong, &key, &request("wrong", Some("m4")), None);
    let letters = service.dead_letters(4);
    let reasons: Vec<_> = letters[1..].iter().map(|letter| header(letter, "reason").unwrap()).collect();
    assert_eq!(reasons, ["unknown_account", "wrong_partition", "wrong_partition"]);
    service.account("later");
    service.account("wrong");
    let all = service.tollgate(&["dead-letters", "replay", "--after", &letters[0]["offset"].to_string()]);
    let text = told(&all);
    assert_eq!(all.status.code(), Some(1), "{text}");
    assert!(text.starts_with("2 replayed, 1 refused\n"), "{text}");
    assert!(text.contains("its key is not its account \"wrong\""), "{text}");
    service.decided("later", "event-2");
    service.decided("wrong", "m3");
    let offset = letters[3]["offset"].to_string();
    assert_eq!(service.json(&["dead-letters", "replay", &offset, "--rekey"])["replayed"], 1);
    service.decided("wrong", "m4");
}
