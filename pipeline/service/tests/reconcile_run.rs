//! A whole run beside the platform's own figures: the built program over the embedded log sends through the sandbox, asks
//! it for its analytics, and compares. Once every status arrives, once some are lost on the way.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "http/mod.rs"]
mod http;

use http::http;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tollgate_runtime::ledger::{LedgerReader as _, Options, Reader};
use tollgate_sandbox::{Sandbox, SandboxConfig, SandboxHandle};

const ACCOUNT: &str = "acme";
const WABA: &str = "102290129340398";
const SENDERS: [(&str, &str); 2] = [("106540352242922", "15550783881"), ("106540352242923", "15550783882")];
/// Number prefixes of different countries; six digits follow.
const COUNTRIES: [&str; 5] = ["5511987", "5215512", "4915112", "919876", "14165"];
const MESSAGES: usize = 300;
const TOKEN: &str = "sandbox-token";

fn tollgate(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOLLGATE_")) {
        command.env_remove(name);
    }
    command
        .args(["--config", config.to_str().unwrap()])
        .env("TOLLGATE__APPS__DEFAULT__APP_SECRET", "sandbox-secret")
        .env("TOLLGATE__APPS__DEFAULT__VERIFY_TOKEN", "verify")
        .env("TOLLGATE__APPS__DEFAULT__ACCESS_TOKEN", TOKEN);
    command
}

struct Service(Child, PathBuf);

impl Service {
    fn start(config: &Path, api: SocketAddr) -> Self {
        let mut command = tollgate(config);
        let child = command.arg("serve").stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut service = Self(child, config.to_owned());
        let deadline = Instant::now() + Duration::from_secs(60);
        while http(api, "GET", "/v1/accounts/nobody", "").is_none() {
            assert!(service.0.try_wait().unwrap().is_none(), "the service ended by itself");
            assert!(Instant::now() < deadline, "the service did not start within a minute");
            std::thread::sleep(Duration::from_millis(50));
        }
        service
    }

    fn stop(mut self) {
        tollgate_tests::logs::keep_metrics(&self.1);
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.0.wait().unwrap().success(), "an orderly stop exits with 0");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn sandbox_config(webhooks: SocketAddr, lost: &str) -> SandboxConfig {
    let senders: String = SENDERS
        .iter()
        .map(|(id, display)| {
            format!(
                "[[accounts.senders]]\nphone_number_id = \"{id}\"\ndisplay_phone_number = \"{display}\"\n\
                 throughput_mps = 1000\n"
            )
        })
        .collect();
    let templates: String = [("news", "MARKETING"), ("order", "UTILITY")]
        .iter()
        .map(|(name, category)| {
            format!(
                "[[accounts.templates]]\nname = \"{name}\"\nlanguage = \"en_US\"\ncategory = \"{category}\"\nbody = 1\n"
            )
        })
        .collect();
    SandboxConfig::from_toml(&format!(
        "listen = \"127.0.0.1:0\"\nseed = 5\n[webhooks]\nurl = \"http://{webhooks}/webhooks/whatsapp/default\"\n\
         retry_first_ms = 50\nretry_max_ms = 500\n[delays]\ndelay_scale = 0.05\n\
         [rates]\nreply = 0.0\nstop_reply = 0.0\nlost_statuses = {lost}\n\
         [[accounts]]\nid = \"{ACCOUNT}\"\nwaba = \"{WABA}\"\nmessaging_limit = 100000\n{senders}{templates}"
    ))
    .unwrap()
}

/// Consents and requests of some hundred people in several countries, by turns marketing and utility.
fn send(api: SocketAddr) {
    let people = (0..MESSAGES).map(|n| {
        // The last three digits lie above the sandbox's special suffixes.
        let to = format!("+{}{:06}", COUNTRIES[n % COUNTRIES.len()], n / 800 * 1_000 + 100 + n % 800);
        (n, to)
    });
    let (mut consents, mut requests) = (Vec::new(), Vec::new());
    for (n, to) in people {
        let (purpose, template) = if n % 3 == 0 { ("utility", "order") } else { ("marketing", "news") };
        consents.push(
            json!({"account": ACCOUNT, "to": to, "category": purpose, "state": "opt_in", "source": "test"}).to_string(),
        );
        let template = json!({"name": template, "language": "en_US", "components": {"body": ["x"]}});
        requests.push(
            json!({"id": format!("m{n}"), "account": ACCOUNT, "to": to, "purpose": purpose, "campaign": "run",
                "content": [{"template": template}]})
            .to_string(),
        );
    }
    for (path, lines) in [("/v1/consents:batch", consents), ("/v1/messages:batch", requests)] {
        let told = http(api, "POST", path, &lines.join("\n"));
        let Some((200 | 202, _)) = told else { panic!("{path}: {told:?}") };
    }
}

/// Waits until the platform has said everything and nothing moves any more.
fn quiet(api: SocketAddr, sandbox: &SandboxHandle) {
    let deadline = Instant::now() + Duration::from_secs(120);
    let (mut since, mut last) = (Instant::now(), String::new());
    while since.elapsed() < Duration::from_secs(3) {
        assert!(Instant::now() < deadline, "still moving: {last}");
        let stats = sandbox.stats();
        let campaign = http(api, "GET", &format!("/v1/campaigns/{ACCOUNT}/run"), "").map_or_else(String::new, |a| a.1);
        let counts = serde_json::from_str::<Value>(&campaign).map_or(String::new(), |v| v["counts"].to_string());
        let now = format!("{} {} {} {counts}", stats.accepted, stats.timers, stats.updates_queued);
        let begun = stats.accepted >= MESSAGES as u64 - 10;
        if now != last || !begun || stats.timers > 0 || stats.updates_queued > 0 || !counts.contains("\"parked\":0") {
            since = Instant::now();
            last = now;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// No output ever has the token.
fn output(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let told = format!("{}{}", text(&stdout), text(&stderr));
    assert!(!told.contains(TOKEN), "{told}");
    (status.code(), told)
}

/// What a run came to: figures of both sides by billing month.
struct Run {
    directory: tempfile::TempDir,
    months: Vec<String>,
    /// Messages of which the platform told a delivery.
    told: u64,
    /// Messages that the platform's figures have.
    figures: u64,
}

/// Sends, waits, stops, and fetches each month that has entries: a run may cross the midnight of a month's end.
fn run(lost: &str) -> Run {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let (api, webhooks, metrics) = (free_port(), free_port(), free_port());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sandbox = runtime.block_on(Sandbox::start(sandbox_config(webhooks, lost))).unwrap();
    let config = here.join("tollgate.toml");
    std::fs::write(
        &config,
        format!(
            "data_dir = \"{}\"\n[gateway]\napi = \"{api}\"\nwebhooks = \"{webhooks}\"\nmetrics = \"{metrics}\"\n\
             [graph]\nbase_url = \"{}\"\nversion = \"v24.0\"\n",
            here.join("data").display(),
            sandbox.url()
        ),
    )
    .unwrap();
    let service = Service::start(&config, api);
    let senders = SENDERS.map(
        |(id, display)| json!({"id": id, "display": format!("+{display}"), "throughput": 1000, "quality": "GREEN"}),
    );
    let spec = json!({"account": ACCOUNT, "limit": 100_000, "wabas": [{"id": WABA, "currency": "USD", "time_zone": "UTC",
        "senders": senders, "templates": [
            {"name": "news", "language": "en_US", "category": "marketing", "body": ["1"]},
            {"name": "order", "language": "en_US", "category": "utility", "body": ["1"]}]}]});
    let (status, body) = http(api, "PUT", &format!("/v1/accounts/{ACCOUNT}"), &spec.to_string()).unwrap();
    assert!((200..300).contains(&status), "{body}");
    std::thread::sleep(Duration::from_millis(500));
    send(api);
    quiet(api, &sandbox);
    service.stop();
    let stats = sandbox.stats();
    assert!(stats.violations.is_empty() && stats.posts_abandoned == 0, "{stats:?}");

    let reader = Reader::open(&here.join("data/ledger.db"), Options::default()).unwrap();
    let (first, last) = reader.months().unwrap().expect("something is booked");
    let mut months = vec![first];
    months.extend(Some(last).filter(|last| *last != months[0]));
    let told = months.iter().map(|month| reader.entry_count(month.parse().unwrap(), None).unwrap()).sum();
    let out = here.join("analytics.jsonl");
    let mut figures = 0;
    for month in &months {
        let mut command = tollgate(&config);
        command.args(["--json", "billing", "analytics", "fetch", "--month", month, "--out"]).arg(&out);
        let (code, answer) = output(&mut command);
        assert_eq!(code, Some(0), "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        figures += answer["answers"][0]["messages"].as_u64().unwrap();
        let mut command = tollgate(&config);
        command.args(["--json", "billing", "analytics", "fetch", "--month", month]);
        let (code, answer) = output(&mut command);
        assert_eq!(code, Some(0), "{answer}");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&out).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(!std::fs::read_to_string(&out).unwrap().contains(TOKEN));
    // The platform is gone: the failure is told with the WABA, and appends nothing.
    runtime.block_on(sandbox.shutdown());
    let before = std::fs::read(&out).unwrap();
    let mut command = tollgate(&config);
    command.args(["billing", "analytics", "fetch", "--days", "1", "--out"]).arg(&out);
    let (code, answer) = output(&mut command);
    assert_eq!(code, Some(1), "{answer}");
    assert!(answer.contains(&format!("WABA {WABA}")) && answer.contains("gave no answer"), "{answer}");
    assert_eq!(std::fs::read(&out).unwrap(), before);
    Run { directory, months, told, figures }
}

/// The comparison of each month: exit codes and answers.
fn compared(run: &Run) -> Vec<(Option<i32>, Value)> {
    let here = run.directory.path();
    let compare = |month: &String| {
        let mut command = tollgate(&here.join("tollgate.toml"));
        command
            .args(["--json", "billing", "reconcile", "--month", month, "--against"])
            .arg(here.join("analytics.jsonl"));
        let (code, told) = output(&mut command);
        // What is kept in the database comes to the same.
        let mut command = tollgate(&here.join("tollgate.toml"));
        command.args(["--json", "billing", "reconcile", "--month", month]);
        let kept = output(&mut command);
        let read = |told: &str| serde_json::from_str::<Value>(told).unwrap_or_else(|_| panic!("{told}"));
        let (kept, told) = ((kept.0, read(&kept.1)), (code, read(&told)));
        let both = ["classes", "differences", "totals"].map(|name| (&kept.1[name], &told.1[name]));
        assert!(kept.0 == told.0 && both.iter().all(|(kept, told)| kept == told), "{kept:?} {told:?}");
        told
    };
    run.months.iter().map(compare).collect()
}

#[test]
fn a_run_has_no_difference_to_the_platforms_figures() {
    let run = run("0.0");
    assert!(run.figures > MESSAGES as u64 * 9 / 10, "{} are too few to prove anything", run.figures);
    assert_eq!(run.figures, run.told);
    for (code, report) in compared(&run) {
        assert_eq!((code, &report["classes"], &report["differences"]), (Some(0), &json!([]), &json!([])), "{report}");
        let total = &report["totals"][0];
        assert_eq!(total["platform_messages"], total["our_messages"], "{report}");
        // Two numbers and five countries: nothing is compared in one sum.
        assert!(run.months.len() > 1 || total["rows"].as_u64().unwrap() >= 10, "{report}");
    }
}

#[test]
fn statuses_that_never_came_are_missing_webhooks() {
    let run = run("0.05");
    let lost = run.figures - run.told;
    assert!(lost > 0 && run.told > 0, "{} told, {} in the figures", run.told, run.figures);
    let mut found = 0;
    let mut codes = Vec::new();
    for (code, report) in compared(&run) {
        for class in report["classes"].as_array().unwrap() {
            assert_eq!(class["class"], "missing_webhook", "{report}");
            found += class["more"].as_u64().unwrap();
        }
        codes.push(code);
    }
    assert!(codes.contains(&Some(3)), "{codes:?}");
    assert_eq!(found, lost);
}
