//! `docs/asyncapi.json` says what the program does: the same topics, settings, payloads and headers.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tollgate_runtime::log::kafka::{KafkaConfig, plan};
use tollgate_runtime::log::{Topic, dead_letter};
use tollgate_runtime::registry::SINCE;
use tollgate_wire::DeadLetterReason;
use tollgate_wire::request::{CE_ID, MAX_ID};
use tollgate_wire::trace::TRACEPARENT;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn document() -> Value {
    serde_json::from_slice(&std::fs::read(docs().join("asyncapi.json")).unwrap()).unwrap()
}

/// Follows a reference inside the document.
fn at<'a>(document: &'a Value, reference: &Value) -> &'a Value {
    document.pointer(reference["$ref"].as_str().unwrap().strip_prefix('#').unwrap()).unwrap()
}

/// Channels by address, with the one message of each.
fn channels(document: &Value) -> BTreeMap<&str, (&Value, &Value)> {
    let channels = document["channels"].as_object().unwrap().values();
    channels
        .map(|channel| {
            let messages: Vec<&Value> = channel["messages"].as_object().unwrap().values().collect();
            assert_eq!(messages.len(), 1, "{channel}");
            (channel["address"].as_str().unwrap(), (channel, at(document, messages[0])))
        })
        .collect()
}

/// Which file of `docs/schemas` describes a topic's values; binary ones have none.
fn schema(topic: Option<Topic>) -> Option<&'static str> {
    Some(match topic? {
        Topic::Requests | Topic::RequestsPriority => "request.schema.json",
        Topic::Commands => "command.schema.json",
        Topic::Events => "events.schema.json",
        Topic::Dispatch => "order.schema.json",
        Topic::Outcomes => "outcome.schema.json",
        Topic::Ledger => "ledger-entry.schema.json",
        Topic::Snapshots => "snapshot.schema.json",
        Topic::Registry => "command.schema.json#/$defs/AccountSpec",
        Topic::DeadLetters => return None,
    })
}

#[test]
fn topics_are_set_up_as_the_document_says() {
    let document = document();
    let channels = channels(&document);
    let specs = plan(&KafkaConfig::default(), 64, 3);
    assert_eq!(channels.len(), specs.len(), "{:?}", channels.keys());
    for spec in specs {
        let (channel, _) = channels.get(spec.name.as_str()).unwrap_or_else(|| panic!("{} is missing", spec.name));
        let kafka = &channel["bindings"]["kafka"];
        assert_eq!(kafka["topic"], spec.name);
        assert_eq!((&kafka["partitions"], &kafka["replicas"]), (&json!(spec.partitions), &json!(spec.replication)));
        let told = kafka["topicConfiguration"].as_object().unwrap();
        assert_eq!(told["cleanup.policy"], json!([spec.cleanup]), "{}", spec.name);
        for name in ["retention.ms", "delete.retention.ms", "max.message.bytes"] {
            let set = spec.settings.iter().find(|(have, _)| *have == name).map(|(_, value)| value.clone());
            assert_eq!(told.get(name).map(Value::to_string), set, "{} {name}", spec.name);
        }
        assert!(told.keys().all(|name| spec.settings.iter().any(|(have, _)| have == name)), "{told:?}");
    }
}

#[test]
fn payloads_are_the_schemas_of_their_topics() {
    let document = document();
    for spec in plan(&KafkaConfig::default(), 64, 3) {
        let (_, message) = channels(&document)[spec.name.as_str()];
        let wanted = schema(spec.topic);
        let told = message["payload"]["$ref"].as_str();
        assert_eq!(told, wanted.map(|file| format!("./schemas/{file}")).as_deref(), "{}", spec.name);
        let media = if wanted.is_some() { "application/json" } else { "application/octet-stream" };
        assert_eq!(message["contentType"], media, "{}", spec.name);
        if let Some((file, pointer)) = wanted.map(|w| w.split_once('#').unwrap_or((w, ""))) {
            let schema: Value =
                serde_json::from_slice(&std::fs::read(docs().join("schemas").join(file)).unwrap()).unwrap();
            assert!(schema.pointer(pointer).is_some(), "{file}#{pointer}");
        }
    }
}

#[test]
fn inputs_are_read_and_the_rest_is_written() {
    let document = document();
    let operations: Vec<&Value> = document["operations"].as_object().unwrap().values().collect();
    assert_eq!(operations.len(), Topic::COUNT + 1);
    for operation in operations {
        let address = at(&document, &operation["channel"])["address"].as_str().unwrap();
        let topic = Topic::from_name(address.strip_prefix("tollgate.").unwrap());
        let action = if topic.is_some_and(Topic::is_input) { "receive" } else { "send" };
        assert_eq!(operation["action"], action, "{address}");
    }
}

#[test]
fn headers_are_those_that_are_written_and_read() {
    let document = document();
    let channels = channels(&document);
    let headers = |topic: Topic| &channels[format!("tollgate.{}", topic.name()).as_str()].1["headers"];
    let names = |topic| headers(topic)["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for topic in Topic::INPUTS {
        assert!(names(topic).iter().any(|name| name == dead_letter::REPLAYED_FROM), "{topic:?}");
    }
    for topic in [Topic::Requests, Topic::RequestsPriority] {
        assert_eq!(headers(topic)["properties"][CE_ID]["maxLength"], MAX_ID);
        assert!(headers(topic)["properties"][TRACEPARENT].is_object());
    }
    assert_eq!(names(Topic::Registry), [SINCE]);
    let mut told = names(Topic::DeadLetters);
    let mut written = dead_letter::HEADERS.map(str::to_owned).to_vec();
    told.sort();
    written.sort();
    assert_eq!(told, written);
    let letters = headers(Topic::DeadLetters);
    let reasons: Vec<&str> = DeadLetterReason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(letters["properties"]["reason"]["enum"], json!(reasons));
    assert!(letters["patternProperties"][format!("^{}", dead_letter::ORIGINAL.replace('.', "\\."))].is_object());
}
