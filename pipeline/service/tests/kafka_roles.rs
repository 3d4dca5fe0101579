//! Every role in processes of its own: shards with dispatch, the gateway, and ledger with views in two, which share
//! their partitions over PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../../runtime/tests/broker/mod.rs"]
mod broker;
#[path = "http/mod.rs"]
mod http;
#[path = "../../runtime/tests/postgres/mod.rs"]
mod postgres_server;
#[path = "process/mod.rs"]
mod process;

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use broker::Broker;
use postgres::{Client, NoTls};
use process::{Process, Topics, wait_for, write_config};
use serde_json::{Value, json};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka;
use tollgate_sandbox::{Sandbox, SandboxConfig};

const PARTITIONS: u32 = 4;
/// They lie in different partitions.
const ACCOUNTS: [&str; 4] = ["acme", "brand", "coral", "delta"];
const PEOPLE: usize = 60;
/// What has not come after so long is stuck.
const LONG: Duration = Duration::from_secs(45);

const fn sender(account: usize) -> u64 {
    106_540_352_242_900 + account as u64
}

fn applied(account: usize) -> Value {
    json!({"command": "apply_account", "spec": {"account": ACCOUNTS[account], "limit": 100_000,
        "wabas": [{"id": format!("{}", 20_000 + account), "currency": "USD", "time_zone": "UTC",
            "senders": [{"id": sender(account).to_string(), "throughput": 1_000, "quality": "GREEN"}],
            "templates": [{"name": "news", "language": "en_US", "category": "marketing", "body": ["1"]}]}]}})
}

/// Numbers that the sandbox does not play specially.
fn person(i: usize) -> String {
    format!("+55119{:08}", 10_000_100 + i)
}

fn consent(account: usize, i: usize) -> Value {
    json!({"command": "set_consent", "account": ACCOUNTS[account],
        "consent": {"to": person(i), "category": "marketing", "state": "opt_in", "source": "test"}})
}

fn request(account: usize, i: usize) -> Value {
    json!({"id": format!("r{i}"), "account": ACCOUNTS[account], "to": person(i), "purpose": "marketing",
        "content": [{"template": {"name": "news", "language": ["en_US"], "components": {"body": ["Ana"]}}}]})
}

fn platform(gateway: &str) -> SandboxConfig {
    let mut text = format!(
        "listen = \"127.0.0.1:0\"\nseed = 5\n[webhooks]\nurl = \"http://{gateway}/webhooks/whatsapp/default\"\n\
         [delays]\ndelay_scale = 0.02\n[rates]\nreply = 0.0\nstop_reply = 0.0\nunknown_error = 0.0\nsilence = 0.0\n\
         undeliverable = 0.0\nmarketing_cap = 0.0\nexperiment = 0.0\nduplicate = 0.1\nreorder = 0.1\n"
    );
    for (n, account) in ACCOUNTS.iter().enumerate() {
        let sender = sender(n);
        write!(
            text,
            "[[accounts]]\nid = \"{account}\"\nwaba = \"{}\"\nmessaging_limit = 100000\n[[accounts.senders]]\n\
             phone_number_id = \"{sender}\"\ndisplay_phone_number = \"1555078{n:04}\"\nthroughput_mps = 1000\n\
             [[accounts.templates]]\nname = \"news\"\nlanguage = \"en_US\"\ncategory = \"MARKETING\"\nbody = 1\n",
            20_000 + n
        )
        .unwrap();
    }
    SandboxConfig::from_toml(&text).unwrap()
}

/// What a command prints; it has to succeed.
fn told(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn number(database: &mut Client, sql: &str) -> i64 {
    database.query_one(sql, &[]).unwrap().get(0)
}

#[test]
fn every_role_scales_alone_over_postgresql() {
    let config = Broker::shared().config();
    kafka::create(&config, PARTITIONS, 1).unwrap();
    let topics = Topics::new(&config, PARTITIONS);
    let directory = tempfile::tempdir().unwrap();
    let url = postgres_server::server();
    let gateway_address = free_address();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sandbox = runtime.block_on(Sandbox::start(platform(&gateway_address))).unwrap();
    let more = format!(
        "[graph]\nbase_url = \"{}\"\nversion = \"v24.0\"\n[ledger]\nkind = \"postgres\"\npostgres_url = \"{url}\"\n\
         postgres_schema = \"roles\"\n",
        sandbox.url().trim_end_matches('/')
    );
    let file = write_config(&config, directory.path(), &more);
    let start = |name: &str, roles: &str| {
        let environment = [
            ("TOLLGATE__APPS__DEFAULT__APP_SECRET", "sandbox-secret"),
            ("TOLLGATE__APPS__DEFAULT__VERIFY_TOKEN", "verify"),
            ("TOLLGATE__APPS__DEFAULT__ACCESS_TOKEN", "sandbox-token"),
            ("TOLLGATE__GATEWAY__API", &gateway_address),
            ("TOLLGATE__GATEWAY__WEBHOOKS", &gateway_address),
        ];
        let environment = if roles == "gateway" { &environment[..] } else { &environment[..3] };
        Process::serve(&file, directory.path(), name, &["--roles", roles], environment)
    };
    let mut running = [start("shards", "shards,dispatch"), start("gateway", "gateway")];
    let mut books = [start("books-1", "ledger,views"), start("books-2", "ledger,views")];

    for (n, account) in ACCOUNTS.into_iter().enumerate() {
        topics.send(Topic::Commands, account, &applied(n));
        (0..=PEOPLE).for_each(|i| topics.send(Topic::Commands, account, &consent(n, i)));
    }
    topics.flush();
    topics.wait_until_read(Topic::Commands);
    let send = |people: std::ops::Range<usize>| {
        for (n, account) in ACCOUNTS.into_iter().enumerate() {
            people.clone().for_each(|i| topics.send(Topic::Requests, account, &request(n, i)));
        }
        topics.flush();
    };
    let mut database = Client::connect(url, NoTls).unwrap();
    wait_for("the tables are there", &mut || {
        let there: bool = database.query_one("SELECT to_regclass('roles.entries') IS NOT NULL", &[]).unwrap().get(0);
        there
    });
    database.batch_execute("SET search_path TO roles").unwrap();
    let charged = "SELECT coalesce(sum(messages), 0)::bigint FROM entry_groups WHERE kind = 'charge'";
    send(0..PEOPLE / 2);
    wait_for("something is charged", &mut || number(&mut database, charged) > 0);

    // Of the two that write, one dies and the other loses its connections, with messages under way.
    books[0].signal("KILL");
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'tollgate'";
    assert!(number(&mut database, cut) > 0);
    send(PEOPLE / 2..PEOPLE);
    // And one through the gateway, which reads from the database how much waits already.
    let api = format!("http://{gateway_address}");
    let requests = directory.path().join("requests.ndjson");
    std::fs::write(&requests, format!("{}\n", request(0, PEOPLE))).unwrap();
    told(&["enqueue", requests.to_str().unwrap(), "--url", &api]);
    let all = (ACCOUNTS.len() * PEOPLE + 1) as i64;
    wait_for("the other one has taken everything over", &mut || number(&mut database, charged) == all);
    let mut third = start("books-3", "ledger,views");
    let (began, mut is_told) = (Instant::now(), false);
    wait_for("every message is read or delivered in the views", &mut || {
        let sql = "SELECT sum(messages)::bigint FROM states WHERE outcome IN ('delivered', 'read')";
        let there = number(&mut database, sql) == all;
        if !there && !is_told && began.elapsed() > LONG {
            tell(&mut database);
            is_told = true;
        }
        there
    });
    running.iter_mut().chain([&mut books[1], &mut third]).for_each(|p| assert!(p.is_running(), "{}", p.log()));

    assert_eq!(number(&mut database, "SELECT count(*) FROM entries"), all);
    assert_eq!(number(&mut database, "SELECT sum(messages)::bigint FROM states"), all);
    assert_eq!(number(&mut database, "SELECT count(*) FROM rejected"), 0);
    let moves = number(&mut database, "SELECT count(*) FROM moves");
    assert_eq!(moves as usize, topics.values(Topic::Outcomes, false).len(), "each outcome is one move");

    // Any process with the gateway answers from the views, and a command without one reads the same.
    let story = told(&["explain", "delta", "r59", "--url", &api]);
    assert!(story.contains("news"), "{story}");
    // Consents too, of which the gateway decides nothing.
    let of = |to: &str| {
        let path = format!("/v1/contacts/coral/{to}/consents");
        let (status, told) = http::http(gateway_address.parse().unwrap(), "GET", &path, "").unwrap();
        assert_eq!(status, 200, "{told}");
        serde_json::from_str::<Value>(&told).unwrap()
    };
    let consents = of(&person(3));
    assert_eq!(
        (&consents["consents"][0]["state"], &consents["proofs"][0]["source"]),
        (&json!("opt_in"), &json!("test"))
    );
    assert_eq!((&consents["consents"][1]["state"], &consents["stop_all"]), (&json!("none"), &json!(false)));
    assert_eq!(of("+15550100")["proofs"], json!([]));
    let period = database.query_one("SELECT min(billing_period) FROM entry_groups", &[]).unwrap().get::<_, String>(0);
    let csv = directory.path().join("over-http.csv");
    let own = directory.path().join("own.csv");
    told(&["billing", "export", "--month", &period, "--url", &api, "--out", csv.to_str().unwrap()]);
    let arguments = ["billing", "export", "--month", &period, "--out", own.to_str().unwrap()];
    told(&[&["--config", file.to_str().unwrap()][..], &arguments[..]].concat());
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert_eq!(read(&csv), read(&own));
    assert!(read(&own).lines().count() > ACCOUNTS.len());
    let stats = runtime.block_on(sandbox.shutdown());
    assert!(stats.violations.is_empty(), "{:?}", stats.violations);
}

/// Where messages are and how far each topic is read, for a wait that takes too long.
fn tell(database: &mut Client) {
    let sql = "SELECT format('%s %s: %s', outcome, reason, sum(messages)) FROM states GROUP BY outcome, reason \
               UNION ALL SELECT format('%s %s: next %s', topic, partition, next) FROM positions ORDER BY 1";
    let told: Vec<String> = database.query(sql, &[]).unwrap().iter().map(|row| row.get(0)).collect();
    println!("{}", told.join("; "));
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
