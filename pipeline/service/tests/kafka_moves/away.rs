//! A dispatcher that was away for longer than its orders may wait. `TOLLGATE_KAFKA_AWAY_SECONDS` (default 6) is for how
//! long; an order may wait for two.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka;
use tollgate_sandbox::{Sandbox, SandboxConfig};
use tollgate_wire::Time;

use crate::broker::Broker;
use crate::process::{Process, Topics, wait_for, write_config};
use crate::{ACCOUNT, SENDER, WABA, account, consent, request};

const PARTITIONS: u32 = 2;
const LEAVE_BY_S: u64 = 2;
/// From the dispatcher's look at the clock to the platform's, on a busy machine.
const CALL_MS: u64 = 1_500;
/// Requests of one step.
const STEP: usize = 10;

#[test]
fn a_dispatcher_that_was_away_sends_nothing_late_and_nobody_twice() {
    let away = std::env::var("TOLLGATE_KAFKA_AWAY_SECONDS").map_or(6, |seconds| seconds.parse::<u64>().unwrap());
    // Enough for both absences and what is around them.
    let people = (2 * away as usize + 60) * 5 * STEP;
    let away = Duration::from_secs(away);
    let config = Broker::shared().config();
    kafka::create(&config, PARTITIONS, 1).unwrap();
    let topics = Topics::new(&config, PARTITIONS);
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("journal.ndjson");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sandbox = runtime.block_on(Sandbox::start(platform(&journal))).unwrap();
    let base = sandbox.url().trim_end_matches('/').to_owned();
    let file =
        write_config(&config, directory.path(), &format!("[graph]\nbase_url = \"{base}\"\nversion = \"v24.0\"\n"));
    let app = [
        ("TOLLGATE__APPS__DEFAULT__APP_SECRET", "sandbox-secret"),
        ("TOLLGATE__APPS__DEFAULT__VERIFY_TOKEN", "verify"),
        ("TOLLGATE__APPS__DEFAULT__ACCESS_TOKEN", "sandbox-token"),
    ];
    let dispatcher = || Process::serve(&file, directory.path(), "dispatch", &["--roles", "dispatch"], &app);
    let mut shards = Process::serve(&file, directory.path(), "shards", &["--roles", "shards"], &app);
    topics.send(Topic::Commands, ACCOUNT, &account(&json!("UNLIMITED"), LEAVE_BY_S));
    (0..people).for_each(|i| topics.send(Topic::Commands, ACCOUNT, &consent(i)));
    topics.flush();
    topics.wait_until_read(Topic::Commands);

    let mut sent = 0;
    let mut step = || {
        for i in sent..(sent + STEP).min(people) {
            topics.send(Topic::Requests, ACCOUNT, &request(i));
        }
        sent = (sent + STEP).min(people);
        topics.flush();
        std::thread::sleep(Duration::from_millis(200));
        sent
    };
    let calls = || accepted(&journal).len();
    let mut running = dispatcher();
    wait_for("the dispatcher calls", &mut || step() > 0 && calls() > 0);

    // Killed and started again, then frozen and resumed, with requests coming in all the time.
    for how in ["killed", "frozen"] {
        if how == "killed" {
            running.signal("KILL");
        } else {
            running.signal("STOP");
        }
        let (started, before) = (Instant::now(), calls());
        while started.elapsed() < away {
            step();
        }
        let late = topics.values(Topic::Dispatch, false).len();
        assert!(late > before, "{how}: no order was made meanwhile");
        if how == "killed" {
            drop(std::mem::replace(&mut running, dispatcher()));
        } else {
            running.signal("CONT");
        }
        let after = calls();
        wait_for("it calls again", &mut || {
            step() > 0 && {
                if !running.is_running() {
                    // One that was away beyond its session may have to end; a supervisor starts it again.
                    running = dispatcher();
                }
                calls() > after + STEP
            }
        });
    }
    assert!(shards.is_running(), "{}", shards.log());
    // Everything that can still be sent has been.
    let mut last = (0, Instant::now());
    while last.1.elapsed() < Duration::from_secs(3) {
        let now = calls();
        if now != last.0 {
            last = (now, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let stats = runtime.block_on(sandbox.shutdown());
    assert!(stats.violations.is_empty(), "{:?}", stats.violations);
    audit(&topics, &accepted(&journal), away);
}

/// Holds what the platform took against the orders.
fn audit(topics: &Topics, accepted: &[(String, String, u64)], away: Duration) {
    let mut leave_by: BTreeMap<String, u64> = BTreeMap::new();
    for order in topics.values(Topic::Dispatch, false) {
        let at: Time = serde_json::from_value(order["leave_by"].clone()).unwrap();
        let name = format!("tg1.{}.{}", order["message_uid"], order["attempt"]);
        assert!(leave_by.insert(name, at.0).is_none(), "ordered twice: {order}");
    }
    let mut people: BTreeMap<&str, u32> = BTreeMap::new();
    for (callback, to, at_ms) in accepted {
        let leave_by = leave_by.get(callback).unwrap_or_else(|| panic!("{callback} was never ordered"));
        assert!(*at_ms < leave_by + CALL_MS, "{callback} was sent {} ms past its time", at_ms - leave_by);
        *people.entry(to).or_default() += 1;
    }
    assert!(people.values().all(|times| *times == 1), "somebody was written to twice: {people:?}");
    let outcomes = topics.values(Topic::Outcomes, false);
    let late = outcomes.iter().filter(|o| o["outcome"] == "not_sent" && o["reason"] == "leave_by").count();
    let unknown = outcomes.iter().filter(|o| o["outcome"] == "unknown").count();
    println!(
        "{} orders, {} sent, {late} came too late, {unknown} unknown, away for {away:?}",
        leave_by.len(),
        accepted.len()
    );
    assert!(late > 0, "no order came too late: the pause was too short to prove anything");
}

/// Accepted sends: callback data, recipient, and when.
fn accepted(journal: &Path) -> Vec<(String, String, u64)> {
    let text = std::fs::read_to_string(journal).unwrap_or_default();
    // The last line may be half written.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    lines
        .filter(|line| line["kind"] == "accepted")
        .map(|line| (text(&line["biz_opaque_callback_data"]), text(&line["to"]), line["at_ms"].as_u64().unwrap()))
        .collect()
}

fn platform(journal: &Path) -> SandboxConfig {
    SandboxConfig::from_toml(&format!(
        "listen = \"127.0.0.1:0\"\nseed = 5\n[webhooks]\n[delays]\ndelay_scale = 0.05\n[rates]\nreply = 0.0\nstop_reply = 0.0\n\
         unknown_error = 0.0\nsilence = 0.0\n[journal]\npath = \"{}\"\n[[accounts]]\nid = \"{ACCOUNT}\"\nwaba = \"{WABA}\"\n\
         messaging_limit = 100000\n[[accounts.senders]]\nphone_number_id = \"{SENDER}\"\n\
         display_phone_number = \"15550783881\"\nthroughput_mps = 1000\n[[accounts.templates]]\nname = \"news\"\n\
         language = \"en_US\"\ncategory = \"MARKETING\"\nbody = 1\n",
        journal.display()
    ))
    .unwrap()
}
