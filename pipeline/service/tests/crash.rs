//! The service is killed with SIGKILL again and again while it works. Afterwards an audit recomputes the truth from
//! what the client was told and from what the platform says it received and sent: every acknowledged request is
//! known exactly once, nobody got a message twice, and the ledger is exactly the deliveries at the card's rates.
//!
//! `TOLLGATE_CRASH_ROUNDS` (default 6) kills, `TOLLGATE_CRASH_SEED` chooses when.
#![expect(clippy::unwrap_used, reason = "test")]

#[path = "http/mod.rs"]
mod http;
mod process;

use http::http;
use process::{Process, wait_for};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};
use tollgate_runtime::ledger::{LedgerReader, Options, Reader};
use tollgate_sandbox::{Sandbox, SandboxConfig};

const ACCOUNT: &str = "acme";
const SENDER: &str = "106540352242922";
const WABA: &str = "102290129340398";
/// Country prefix, digits after it, market on the card.
const COUNTRIES: [(&str, usize, &str); 4] =
    [("55119", 8, "Brazil"), ("52155", 8, "Mexico"), ("49151", 8, "Germany"), ("9198", 8, "India")];

/// Names the service's disk and its log.
const SLOT: &str = "data";

/// A service that answers.
fn start(config: &Path, directory: &Path, api: SocketAddr) -> Process {
    let secrets = [
        ("TOLLGATE__APPS__DEFAULT__APP_SECRET", "sandbox-secret"),
        ("TOLLGATE__APPS__DEFAULT__VERIFY_TOKEN", "verify"),
        ("TOLLGATE__APPS__DEFAULT__ACCESS_TOKEN", "sandbox-token"),
    ];
    let mut service = Process::serve(config, directory, SLOT, &[], &secrets);
    wait_for("the service starts", &mut || {
        assert!(service.is_running(), "the service ended by itself");
        http(api, "GET", "/v1/accounts/nobody", "").is_some()
    });
    service
}

/// An orderly stop.
fn stop(mut service: Process, config: &Path) {
    tollgate_tests::logs::keep_metrics(config);
    service.signal("TERM");
    assert!(service.ended(Duration::from_secs(60)).success(), "an orderly stop exits with 0");
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A small generator of its own, so that the seed alone decides.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

fn sandbox_config(webhooks: SocketAddr, journal: &Path) -> SandboxConfig {
    SandboxConfig::from_toml(&format!(
        r#"
listen = "127.0.0.1:0"
seed = 5
[webhooks]
url = "http://{webhooks}/webhooks/whatsapp/default"
retry_first_ms = 50
retry_max_ms = 500
[delays]
delay_scale = 0.05
[rates]
reply = 0.0
stop_reply = 0.0
[journal]
path = "{}"
[[accounts]]
id = "{ACCOUNT}"
waba = "{WABA}"
messaging_limit = 100000
[[accounts.senders]]
phone_number_id = "{SENDER}"
display_phone_number = "15550783881"
throughput_mps = 1000
[[accounts.templates]]
name = "news"
language = "en_US"
category = "MARKETING"
body = 1
"#,
        journal.display()
    ))
    .unwrap()
}

#[test]
fn nothing_is_lost_or_doubled_when_the_service_is_killed() {
    let rounds: u64 = std::env::var("TOLLGATE_CRASH_ROUNDS").ok().and_then(|v| v.parse().ok()).unwrap_or(6);
    let seed: u64 = std::env::var("TOLLGATE_CRASH_SEED").ok().and_then(|v| v.parse().ok()).unwrap_or(20_261_121);
    println!("rounds {rounds}, seed {seed}");
    let mut dice = Dice(seed);
    let dir = tempfile::tempdir().unwrap();
    let (api, webhooks, metrics) = (free_port(), free_port(), free_port());
    let journal = dir.path().join("journal.ndjson");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sandbox = runtime.block_on(Sandbox::start(sandbox_config(webhooks, &journal))).unwrap();
    let config = dir.path().join("tollgate.toml");
    let data_dir = dir.path().join(SLOT);
    std::fs::write(
        &config,
        format!(
            "[gateway]\napi = \"{api}\"\nwebhooks = \"{webhooks}\"\nmetrics = \"{metrics}\"\n\
             [graph]\nbase_url = \"{}\"\nversion = \"v24.0\"\n",
            sandbox.url().trim_end_matches('/')
        ),
    )
    .unwrap();

    let mut service = start(&config, dir.path(), api);
    let spec = json!({
        "account": ACCOUNT, "limit": 100_000,
        "wabas": [{"id": WABA, "currency": "USD", "time_zone": "UTC",
            "senders": [{"id": SENDER, "throughput": 1000, "quality": "GREEN"}],
            "templates": [{"name": "news", "language": "en_US", "category": "marketing", "body": ["1"]}]}]
    });
    let (status, body) = http(api, "PUT", &format!("/v1/accounts/{ACCOUNT}"), &spec.to_string()).unwrap();
    assert!((200..300).contains(&status), "{body}");
    std::thread::sleep(Duration::from_millis(500));

    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    let mut n = 0_u64;
    for round in 0..rounds {
        let until = Instant::now() + Duration::from_millis(300 + dice.next(2_500));
        while Instant::now() < until {
            // Consents and requests of a few new people; whatever is not acknowledged is given again.
            // The last three digits lie above the sandbox's special suffixes.
            let people: Vec<(u64, String)> = (n..n + 40)
                .map(|i| {
                    let (prefix, digits, _) = COUNTRIES[(i % 4) as usize];
                    (i, format!("+{prefix}{:0digits$}", 10_000_000 + i / 900 * 1_000 + 100 + i % 900))
                })
                .collect();
            let mut consents = Vec::new();
            for (_, to) in &people {
                consents.push(
                    json!({"account": ACCOUNT, "to": to, "category": "marketing", "state": "opt_in", "source": "test"})
                        .to_string(),
                );
            }
            let requests: Vec<String> = people
                .iter()
                .map(|(i, to)| {
                    json!({"id": format!("m{i}"), "account": ACCOUNT, "to": to, "purpose": "marketing", "campaign": "crash",
                        "content": [{"template": {"name": "news", "language": "en_US", "components": {"body": ["x"]}}}]})
                    .to_string()
                })
                .collect();
            let told = http(api, "POST", "/v1/consents:batch", &consents.join("\n"));
            let Some((200 | 202, _)) = told else { panic!("round {round}: consents: {told:?}") };
            let told = http(api, "POST", "/v1/messages:batch", &requests.join("\n"));
            let Some((200 | 202, _)) = told else { panic!("round {round}: requests: {told:?}") };
            acknowledged.extend(people.iter().map(|(i, _)| format!("m{i}")));
            n += 40;
            std::thread::sleep(Duration::from_millis(dice.next(30)));
        }
        // Sometimes right after the last answer, sometimes in the middle of what follows.
        std::thread::sleep(Duration::from_millis(dice.next(120)));
        // Killed when it is let go of.
        drop(service);
        service = start(&config, dir.path(), api);
    }

    // Quiet: the platform has said everything, and nothing moves any more.
    let deadline = Instant::now() + Duration::from_secs(240);
    let mut quiet_since = Instant::now();
    let mut last = String::new();
    while quiet_since.elapsed() < Duration::from_secs(4) {
        assert!(Instant::now() < deadline, "still moving: {last}");
        let s = sandbox.stats();
        let campaign =
            http(api, "GET", &format!("/v1/campaigns/{ACCOUNT}/crash"), "").map_or_else(String::new, |a| a.1);
        let counts = serde_json::from_str::<Value>(&campaign).map_or(String::new(), |v| v["counts"].to_string());
        let now = format!("{} {} {} {counts}", s.accepted, s.timers, s.updates_queued);
        let waiting = !counts.contains("\"parked\":0");
        if now != last || s.timers > 0 || s.updates_queued > 0 || waiting {
            quiet_since = Instant::now();
            last = now;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    stop(service, &config);
    let stats = runtime.block_on(sandbox.shutdown());
    assert!(stats.violations.is_empty(), "{:?}", stats.violations);
    assert_eq!(stats.posts_abandoned, 0, "the platform must not have given a webhook up");
    audit(&data_dir, &journal, &acknowledged);
}

/// What the platform journalled: accepted sends by callback data, and delivered wamids with their recipients.
fn platform(journal: &Path) -> (BTreeMap<String, u64>, BTreeMap<String, String>) {
    let mut accepted: BTreeMap<String, u64> = BTreeMap::new();
    let mut delivered = BTreeMap::new();
    for line in std::fs::read_to_string(journal).unwrap().lines() {
        let v: Value = serde_json::from_str(line).unwrap();
        if v["kind"] == "accepted" {
            *accepted.entry(v["biz_opaque_callback_data"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        for s in v["change"]["value"]["statuses"].as_array().into_iter().flatten() {
            if matches!(s["status"].as_str(), Some("delivered" | "read" | "played")) {
                delivered.insert(s["id"].as_str().unwrap().to_owned(), s["recipient_id"].as_str().unwrap().to_owned());
            }
        }
    }
    (accepted, delivered)
}

/// Marketing rates of the card in force, read from the data file alone.
fn card() -> BTreeMap<String, String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../rate-card/data/rates/pmp_usd_2026-10-01.csv");
    let text = std::fs::read_to_string(file).unwrap();
    text.lines()
        .filter_map(|l| {
            let f: Vec<&str> = l.split(',').collect();
            (f.len() >= 3 && f[1] == "marketing").then(|| (f[0].to_owned(), f[2].to_owned()))
        })
        .collect()
}

fn audit(data_dir: &Path, journal: &Path, acknowledged: &BTreeSet<String>) {
    let reader = Reader::open(&data_dir.join("ledger.db"), Options::default()).unwrap();
    let (accepted, delivered) = platform(journal);
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    for id in acknowledged {
        let m = reader.message(ACCOUNT, id).unwrap().unwrap_or_else(|| panic!("{id} was acknowledged and is lost"));
        let view = serde_json::to_value(&m).unwrap();
        *states.entry(view["outcome"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    println!(
        "{} acknowledged, {} accepted by the platform, {} delivered: {states:?}",
        acknowledged.len(),
        accepted.len(),
        delivered.len()
    );
    assert!(delivered.len() > 50, "the run was too short to prove anything");

    for (callback, times) in &accepted {
        assert_eq!(*times, 1, "attempt {callback} reached the platform {times} times");
    }
    let messages: BTreeSet<&str> = accepted.keys().map(|c| c.rsplit_once('.').unwrap().0).collect();
    assert_eq!(messages.len(), accepted.len(), "a marketing message was sent twice");

    let card = card();
    let mut expected: BTreeMap<&str, &str> = BTreeMap::new();
    for (wamid, to) in &delivered {
        let (_, _, market) = COUNTRIES.iter().find(|(prefix, ..)| to.starts_with(prefix)).unwrap();
        expected.insert(wamid, &card[*market]);
    }
    let mut booked: BTreeMap<String, String> = BTreeMap::new();
    let months: BTreeSet<String> = [0, 1].iter().map(|back| month_of(*back)).collect();
    for month in months {
        let mut each = |e: &tollgate_wire::ledger::LedgerEntry<'_>| {
            let wamid = e.wamid.as_ref().unwrap().to_string();
            let cost = e.cost.unwrap().normalize().to_string();
            assert_eq!(e.kind, tollgate_wire::ledger::EntryKind::Charge, "{e:?}");
            assert!(booked.insert(wamid, cost).is_none(), "booked twice: {e:?}");
            ControlFlow::Continue(())
        };
        reader.detail(month.parse().unwrap(), None, true, &mut each).unwrap();
    }
    assert_eq!(booked.len(), expected.len(), "entries and deliveries differ in number");
    for (wamid, cost) in &booked {
        let want = expected.get(wamid.as_str()).unwrap_or_else(|| panic!("{wamid} was booked but never delivered"));
        assert_eq!(cost, want.trim_end_matches('0'), "{wamid}");
    }
}

/// `YYYY-MM` of now, or of a day ago (a run may cross midnight of a month's end).
fn month_of(days_back: u64) -> String {
    let now = tollgate_runtime::clock::now().0 - days_back * 86_400_000;
    tollgate_wire::Time(now).to_string()[..7].to_owned()
}
