//! The example producers in Python, Java and Go on a real broker: what they write lies where its account belongs, byte
//! for byte, and a shard decides it.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../../runtime/tests/broker/mod.rs"]
mod broker;
#[path = "process/mod.rs"]
mod process;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use broker::Broker;
use process::{Process, Topics, wait_for, write_config};
use rdkafka::message::Message as _;
use serde_json::{Value, json};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{self, partition_of};

const PARTITIONS: u32 = 7;
const LANGUAGES: [&str; 3] = ["python", "java", "go"];
/// Names of every length that the hash treats differently.
const ACCOUNTS: [&str; 6] = ["a", "bolt", "acme.shop", "long-name_of-an.account-00042", "21", "x-y-z"];
const REQUESTS: usize = 20;

fn producers(arguments: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/producers");
    let output = Command::new(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Requests as people write them: spaces, an order of fields of its own, letters beyond ASCII.
fn request(language: &str, account: &str, i: usize) -> String {
    format!(
        r#"{{ "account": "{account}",  "id": "{language}-{i}", "to": "+55119{:08}", "purpose": "utility", "content": [ {{"text": "Olá, pedido nº {i} — €5"}} ] }}"#,
        10_000_000 + i
    )
}

#[test]
fn what_the_examples_write_is_decided() {
    producers(&["prepare"]);
    let config = Broker::shared().config();
    kafka::create(&config, PARTITIONS, 1).unwrap();
    let topics = Topics::new(&config, PARTITIONS);
    for account in ACCOUNTS {
        topics.send(
            Topic::Commands,
            account,
            &json!({"command": "apply_account", "spec": {"account": account, "limit": "UNLIMITED",
                "wabas": [{"id": format!("w-{account}"), "currency": "USD", "time_zone": "UTC", "senders": []}]}}),
        );
    }
    topics.flush();
    let directory = tempfile::tempdir().unwrap();
    let config_file = write_config(&config, directory.path(), "roles = \"shards\"\n");
    let mut shards = Process::serve(&config_file, directory.path(), "0", &[], &[]);
    topics.wait_until_read(Topic::Commands);

    let mut expected: BTreeMap<(&str, String), Vec<String>> = BTreeMap::new();
    for language in LANGUAGES {
        for account in ACCOUNTS {
            let lines: Vec<String> = (0..REQUESTS).map(|i| request(language, account, i)).collect();
            let file = directory.path().join(format!("{language}-{account}.jsonl"));
            std::fs::write(&file, lines.join("\n") + "\n").unwrap();
            let topic = config.topic(Topic::Requests);
            producers(&["run", language, &config.brokers, &topic, account, file.to_str().unwrap()]);
            expected.insert((language, account.to_owned()), lines);
        }
    }
    let mut found: BTreeMap<(&str, String), Vec<String>> = BTreeMap::new();
    for record in topics.records(Topic::Requests, false) {
        let account = String::from_utf8(record.key().unwrap().to_vec()).unwrap();
        let value = String::from_utf8(record.payload().unwrap().to_vec()).unwrap();
        let id = serde_json::from_str::<Value>(&value).unwrap()["id"].as_str().unwrap().to_owned();
        let language = LANGUAGES.into_iter().find(|language| id.starts_with(language)).unwrap();
        let home = partition_of(account.as_bytes(), PARTITIONS) as i32;
        assert_eq!(record.partition(), home, "{language}: account {account}");
        found.entry((language, account)).or_default().push(value);
    }
    assert!(found == expected, "not the same bytes in the same order");

    let all = LANGUAGES.len() * ACCOUNTS.len() * REQUESTS;
    wait_for("every request is decided", &mut || {
        assert!(shards.is_running(), "{}", shards.log());
        topics.values(Topic::Outcomes, false).len() + topics.records(Topic::DeadLetters, false).len() >= all
    });
    assert!(topics.records(Topic::DeadLetters, false).is_empty());
    assert_eq!(topics.values(Topic::Outcomes, false).len(), all);
}
